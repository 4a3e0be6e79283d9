//! The console: pages for people, over the very routes that programs have.
//!
//! What comes in: requests with a session's cookie. What goes out: pages. Each page asks the API's routes in this process as
//! the person of the session, so that there is one place that asks the desk and one shape of an answer. It holds no rule
//! and no store; what was opened lives in the session and nowhere else.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tadoru_desk::settings::Language;
use tadoru_desk::{Clock, Desk, Stores};
use tadoru_gate::journal::Report;
use tadoru_model::{Flows, PersonId, UtcMicros};

use crate::api::problem::Problem;
use crate::client::{Answer, Client};
use crate::pages::{self, Opened, Visitor};
use crate::session::Sessions;
use crate::sign_in::{self, Doorkeeper, Limits, SignIn};
use crate::words::Lang;
use crate::{assets, cookie};

/// What the pages stand on.
pub struct Console {
    api: Router,
    pub(crate) keeper: Arc<dyn Doorkeeper>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sessions: Sessions<Opened>,
    pub(crate) limits: Limits,
    sign_in: OnceLock<SignIn>,
    pub(crate) operator: String,
    pub(crate) zone: TimeZone,
    language: Lang,
    verify: Verify,
    pub(crate) parquet: Parquet,
    pub(crate) verified: Mutex<Option<Verified>>,
}

/// What the console can do that is not the desk's to do.
pub struct Outside {
    /// Checks the whole journal from its files.
    pub verify: Verify,
    /// Writes flows as a file of their own.
    pub parquet: Parquet,
}

/// Checks the whole journal from its files; `None` when it cannot be read.
pub type Verify = Arc<dyn Fn() -> Option<Report> + Send + Sync>;

/// Writes flows as a Parquet file; `None` when that fails.
pub type Parquet = Arc<dyn Fn(&Flows) -> Option<Vec<u8>> + Send + Sync>;

/// What came of the last verification.
#[derive(Debug, Clone)]
pub struct Verified {
    /// When, by the desk's clock.
    pub at: UtcMicros,
    /// What was found; `None`: the journal could not be read.
    pub report: Option<Report>,
}

impl Console {
    /// The console of a desk whose routes are `api`; the clock is the real one.
    pub fn new<S: Stores>(
        desk: &Arc<Desk<S>>,
        api: Router,
        clock: Arc<dyn Clock>,
        outside: Outside,
    ) -> Arc<Self> {
        let settings = desk.settings();
        let language = match settings.language {
            Language::Ja => Lang::Ja,
            Language::En => Lang::En,
        };
        Arc::new(Self {
            api,
            keeper: Arc::clone(desk) as Arc<dyn Doorkeeper>,
            sessions: Sessions::new(Arc::clone(&clock)),
            clock,
            limits: Limits::default(),
            sign_in: OnceLock::new(),
            operator: settings.operator.clone(),
            zone: settings.time_zone(),
            language,
            verify: outside.verify,
            parquet: outside.parquet,
            verified: Mutex::default(),
        })
    }

    /// By what people sign in besides passwords, told once before the console is served; nothing else where it is not.
    pub fn sign_in_by(&self, ways: SignIn) {
        self.sessions.last(ways.lasting);
        let _ = self.sign_in.set(ways);
    }

    /// By what people sign in besides passwords.
    pub(crate) fn ways(&self) -> &SignIn {
        self.sign_in.get_or_init(SignIn::default)
    }

    /// The path of a link that lets a person in once, without password or code: for demonstrations on data of nobody.
    pub fn ticket(&self, person: &PersonId) -> Option<String> {
        self.sessions.ticket(person).map(|ticket| format!("{}{ticket}", sign_in::TICKET_PATH))
    }

    /// Asks a route as the visitor.
    pub(crate) async fn get<T: DeserializeOwned>(&self, visitor: &Visitor, path: &str) -> Result<T, Problem> {
        self.send(visitor, Method::GET, path, Body::empty()).await
    }

    /// Gives a route something as the visitor.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        visitor: &Visitor,
        path: &str,
        value: &(impl Serialize + Sync),
    ) -> Result<T, Problem> {
        let bytes = serde_json::to_vec(value).map_err(|_| broken())?;
        self.send(visitor, Method::POST, path, Body::from(bytes)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        visitor: &Visitor,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, Problem> {
        let answer = self.answer(visitor, method, path, body).await?;
        let bytes = answer.bytes(MOST_ANSWER_BYTES).await.map_err(|_| broken())?;
        serde_json::from_slice(&bytes).map_err(|_| broken())
    }

    /// What a route answers to the visitor, as it comes.
    pub(crate) async fn answer(
        &self,
        visitor: &Visitor,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Answer, Problem> {
        let client = Client::in_process(self.api.clone(), visitor.actor.clone());
        let answer = client.send(method, path, body).await.map_err(|_| broken())?;
        let status = answer.status;
        if status.is_success() {
            return Ok(answer);
        }
        let bytes = answer.bytes(MOST_ANSWER_BYTES).await.map_err(|_| broken())?;
        let told: Result<Problem, _> = serde_json::from_slice(&bytes);
        Err(told.map_or_else(|_| broken(), |problem| Problem { status: status.as_u16(), ..problem }))
    }

    /// Verifies the whole journal, and remembers what was found.
    pub(crate) async fn verify_journal(&self) -> Verified {
        let (verify, at) = (Arc::clone(&self.verify), self.keeper.desk_now());
        let report = tokio::task::spawn_blocking(move || verify()).await.ok().flatten();
        let verified = Verified { at, report };
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner) = Some(verified.clone());
        verified
    }

    /// The last verification since the start.
    pub(crate) fn last_verified(&self) -> Option<Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// In which language a request is answered.
    pub(crate) fn language_of(&self, headers: &HeaderMap) -> Lang {
        cookie::of(headers, cookie::LANGUAGE).and_then(Lang::parse).unwrap_or(self.language)
    }
}

/// The pages, with the API's routes behind them.
pub fn with_console(console: Arc<Console>) -> Router {
    let api = console.api.clone();
    let pages = Router::new()
        .route("/", get(pages::overview::show))
        .route("/trace", get(pages::trace::form).post(pages::trace::read_back))
        .route("/trace/ask", post(pages::trace::ask))
        .route("/trace/answers/{name}", get(pages::trace::answer))
        .route("/incidents", get(pages::incidents::list))
        .route("/incidents/stream", get(pages::incidents::stream))
        .route("/incidents/{id}", get(pages::incidents::show).post(pages::incidents::open))
        .route("/incidents/{id}/ingress", post(pages::incidents::follow))
        .route("/incidents/{id}/pack", get(pages::packs::form).post(pages::packs::make))
        .route("/packs/{name}", get(pages::packs::show))
        .route("/packs/{name}/{file}", get(pages::packs::document))
        .route("/flows", get(pages::flows::form).post(pages::flows::ask))
        .route("/flows/words", post(pages::flows::words))
        .route("/flows/answers/{name}", get(pages::flows::answer))
        .route("/flows/answers/{name}/cancel", post(pages::flows::give_up))
        .route("/flows/answers/{name}/{format}", get(pages::flows::export))
        .route("/sources", get(pages::sources::show))
        .route("/cases", get(pages::cases::list).post(pages::cases::open))
        .route("/cases/{id}", get(pages::cases::show))
        .route("/cases/{id}/close", post(pages::cases::close))
        .route("/approvals", get(pages::approvals::list))
        .route("/approvals/{id}", post(pages::approvals::agree))
        .route("/gate", get(pages::gate::show))
        .route("/journal", get(pages::journal::list))
        .route("/journal/verify", post(pages::journal::verify))
        .route("/journal/{index}", get(pages::journal::entry))
        .route("/admin", get(pages::admin::show))
        .route("/admin/accounts/link", post(pages::admin::link))
        .route("/admin/accounts/remove", post(pages::admin::remove))
        .route("/admin/sessions/end", post(pages::admin::end_session))
        .route("/seal", post(pages::seal))
        .route("/sign-out", post(sign_in::out))
        .route("/language", post(sign_in::language))
        .route("/sign-in", get(sign_in::form).post(sign_in::enter))
        .route("/passkeys/begin", post(sign_in::passkeys::begin))
        .route("/passkeys/enter", post(sign_in::passkeys::enter))
        .route("/oidc/begin", get(sign_in::oidc::begin))
        .route("/oidc/return", get(sign_in::oidc::come_back))
        .route("/account", get(pages::own::show))
        .route("/account/passkeys/begin", post(pages::own::passkey_begin))
        .route("/account/passkeys/add", post(pages::own::passkey_add))
        .route("/account/passkeys/remove", post(pages::own::passkey_remove))
        .route("/account/sessions/end", post(pages::own::end_session))
        .route("/account/{token}", get(sign_in::account).post(sign_in::set_account))
        .route("/enter/{ticket}", get(sign_in::ticket).post(sign_in::redeem))
        .route("/assets/{file}", get(assets::serve))
        .layer(DefaultBodyLimit::max(MOST_FORM_BYTES))
        .layer(from_fn_with_state(Arc::clone(&console), guard))
        .with_state(console);
    pages.fallback_service(api)
}

/// Knows the session of a request, refuses what comes from another site, and seals the page against scripts of others.
async fn guard(State(console): State<Arc<Console>>, mut request: Request, next: Next) -> Response {
    if request.method() != Method::GET && !is_from_here(request.headers()) {
        return (StatusCode::FORBIDDEN, "not from here").into_response();
    }
    let lang = console.language_of(request.headers());
    let entered =
        cookie::of(request.headers(), cookie::SESSION).and_then(|token| console.sessions.enter(token));
    let mut next_token = None;
    if let Some(entered) = entered {
        let has_account = entered.by_ticket || console.keeper.has_account(&entered.person);
        match console.keeper.who_is(&entered.person).filter(|_| has_account) {
            Some(actor) => {
                next_token = entered.next_token;
                let (session, csrf) = (entered.number, entered.csrf);
                let open = console.sessions.all_kept(session);
                let open = open.iter().filter(|(_, opened)| opened.shows_somebody()).count();
                request.extensions_mut().insert(Visitor { actor, session, csrf, open, lang });
            }
            None => drop(console.sessions.end(entered.number)),
        }
    }
    let is_local = cookie::is_local(request.headers());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(token) = next_token
        && !headers.contains_key(header::SET_COOKIE)
    {
        cookie::set(headers, cookie::SESSION, &token, is_local);
    }
    for (name, value) in SEALS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Whether a form was sent from a page of ours: browsers tell it, and where they do not, the form's own token decides.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, of)| of == host),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

fn broken() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "the desk's answer does not read")
}

/// What every page is sent with: no script, style, frame or form of anybody else, and nothing kept by a cache.
const SEALS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// Longest form.
const MOST_FORM_BYTES: usize = 64 << 10;

/// Longest answer of a route that a page takes.
const MOST_ANSWER_BYTES: usize = 32 << 20;
