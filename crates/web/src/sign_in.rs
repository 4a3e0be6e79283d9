//! The door of the console: signing in and out, setting an account by a link, and the ticket of a demonstration.
//!
//! What comes in: what people type. What goes out: a session's cookie, or the form again with what was wrong. It never says
//! which of name, password and code was wrong, and never gives a password back.

pub mod oidc;
pub mod passkeys;

mod keeper;
mod limits;
mod qr;

pub use self::keeper::Doorkeeper;
pub use self::limits::Limits;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use tadoru_desk::accounts::AccountError;
use tadoru_desk::accounts::password::Weak;
use tadoru_model::PersonId;

use self::limits::{Let, Wait};
use self::oidc::Oidc;
use self::passkeys::Passkeys;
use crate::console::Console;
use crate::pages::{Fields, Sent, Visitor};
use crate::session::{By, Lasting};
use crate::words::{Lang, Words};
use crate::{assets, cookie};

/// By what people sign in besides passwords, and how long that lasts.
#[derive(Default)]
pub struct SignIn {
    /// Passkeys; `None`: they are not offered.
    pub passkeys: Option<Passkeys>,
    /// The operator's identity provider; `None`: there is none.
    pub oidc: Option<Oidc>,
    /// How long sessions last.
    pub lasting: Lasting,
    /// Whose word is taken for where a request comes from.
    pub origin_of_requests: OriginOfRequests,
}

/// Whose word is taken for where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OriginOfRequests {
    /// Nobody's: everything comes from this machine.
    #[default]
    Unknown,
    /// The proxy before the desk: the last entry of `X-Forwarded-For` is its own.
    Forwarded,
}

/// What pages before the door have in common.
struct Plain {
    w: &'static Words,
    lang: Lang,
    operator: String,
    style: &'static str,
    script: &'static str,
    mark: &'static str,
    back: String,
}

impl Plain {
    fn of(console: &Console, headers: &HeaderMap, back: &str) -> Self {
        let lang = console.language_of(headers);
        Self {
            w: lang.words(),
            lang,
            operator: console.operator.clone(),
            style: assets::style(),
            script: assets::script(),
            mark: assets::mark(),
            back: back.to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage {
    p: Plain,
    name: String,
    wrong: &'static str,
    /// Where passkeys are used; empty where they are not offered.
    passkeys_at: String,
    /// Whether that is here.
    passkeys_here: bool,
    passkey_script: &'static str,
    /// What people call the identity provider; empty where there is none.
    provider: String,
}

impl SignInPage {
    fn of(console: &Console, headers: &HeaderMap, name: String, wrong: &'static str) -> Self {
        let passkeys = console.ways().passkeys.as_ref();
        Self {
            p: Plain::of(console, headers, "/sign-in"),
            name,
            wrong,
            passkeys_at: passkeys.map(|passkeys| passkeys.origin().to_owned()).unwrap_or_default(),
            passkeys_here: passkeys.is_some_and(|passkeys| passkeys.is_here(headers)),
            passkey_script: assets::passkeys(),
            provider: console.ways().oidc.as_ref().map(|oidc| oidc.name().to_owned()).unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    p: Plain,
    person: String,
    secret: String,
    address: String,
    qr: Option<qr::Drawn>,
    wrong_password: &'static str,
    wrong_again: &'static str,
    wrong_code: &'static str,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage {
    p: Plain,
    title: &'static str,
    text: &'static str,
    enter: &'static str,
}

/// The form.
pub async fn form(
    State(console): State<Arc<Console>>,
    visitor: Option<Visitor>,
    headers: HeaderMap,
) -> Response {
    if visitor.is_some() {
        return Redirect::to("/").into_response();
    }
    page(StatusCode::OK, &SignInPage::of(&console, &headers, String::new(), ""))
}

/// Takes name, password and code.
pub async fn enter(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let now = console.clock.now();
    let name: String = fields.get("name").trim().chars().take(MOST_NAME).collect();
    let lang = console.language_of(&headers);
    let again =
        |status, name: &str, wrong| page(status, &SignInPage::of(&console, &headers, name.to_owned(), wrong));
    let counted = console.limits.count(Some(&name), address(&console, &headers), now);
    if let Some(wait) = tell_held_off(&console, counted).await {
        let told = again(StatusCode::TOO_MANY_REQUESTS, &name, lang.words().sign_in_many);
        return ([(header::RETRY_AFTER, wait.0.to_string())], told).into_response();
    }
    let (password, code) = (fields.get("password").to_owned(), fields.get("code").to_owned());
    let (asked, as_whom) = (Arc::clone(&console), name.clone());
    let known =
        tokio::task::spawn_blocking(move || asked.keeper.sign_in(&as_whom, &password, &code, now)).await;
    match known {
        Ok(Ok(actor)) => {
            console.limits.forget(&name);
            admit(&console, &headers, &actor.person, By::Account)
        }
        Ok(Err(AccountError::Wrong)) => again(StatusCode::UNAUTHORIZED, &name, lang.words().sign_in_wrong),
        _ => {
            let wrong = lang.of("保存装置か監査記録が応じません。", "The store or the journal fails.");
            again(StatusCode::SERVICE_UNAVAILABLE, &name, wrong)
        }
    }
}

/// What a link offers.
pub async fn account(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Response {
    account_page(&console, &headers, &token, StatusCode::OK, ["", "", ""])
}

/// Sets an account by a link.
pub async fn set_account(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(token): Path<String>,
    Form(fields): Form<Fields>,
) -> Response {
    let now = console.clock.now();
    let w = console.language_of(&headers).words();
    let again = |wrong| account_page(&console, &headers, &token, StatusCode::BAD_REQUEST, wrong);
    let counted = console.limits.count(Some(&format!("link {token}")), address(&console, &headers), now);
    if let Some(wait) = tell_held_off(&console, counted).await {
        let many = ["", "", w.sign_in_many];
        let told = account_page(&console, &headers, &token, StatusCode::TOO_MANY_REQUESTS, many);
        return ([(header::RETRY_AFTER, wait.0.to_string())], told).into_response();
    }
    if fields.get("password") != fields.get("again") {
        return again(["", w.account_differ, ""]);
    }
    let (password, code) = (fields.get("password").to_owned(), fields.get("code").to_owned());
    let (asked, by) = (Arc::clone(&console), token.clone());
    let set = tokio::task::spawn_blocking(move || asked.keeper.set_account(&by, &password, &code, now)).await;
    match set {
        Ok(Ok(actor)) => {
            // What was signed in with before no longer holds.
            console.sessions.end_all_of(&actor.person);
            admit(&console, &headers, &actor.person, By::Account)
        }
        Ok(Err(AccountError::Weak(weak))) => {
            let wrong = match weak {
                Weak::Short => w.account_short,
                Weak::Long => w.account_long,
                Weak::Guessed => w.account_guessed,
            };
            again([wrong, "", ""])
        }
        Ok(Err(AccountError::Code)) => again(["", "", w.account_code]),
        Ok(Err(AccountError::NoLink)) => again(["", "", ""]),
        _ => {
            account_page(&console, &headers, &token, StatusCode::SERVICE_UNAVAILABLE, [w.fault_title, "", ""])
        }
    }
}

/// The ticket of a demonstration: a page with one button, so that a look-ahead of a browser does not use it up.
pub async fn ticket(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    let p = Plain::of(&console, &headers, "/sign-in");
    let w = p.w;
    page(StatusCode::OK, &NoticePage { p, title: w.ticket_title, text: w.ticket_text, enter: w.ticket_enter })
}

/// Uses the ticket up.
pub async fn redeem(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(ticket): Path<String>,
) -> Response {
    let Some(person) = console.sessions.redeem(&ticket) else { return gone(&console, &headers) };
    let (noting, whom) = (Arc::clone(&console), person.clone());
    match tokio::task::spawn_blocking(move || noting.keeper.by_ticket(&whom)).await {
        Ok(Ok(_)) => admit(&console, &headers, &person, By::Ticket),
        _ => gone(&console, &headers),
    }
}

/// Ends the session.
pub async fn out(State(console): State<Arc<Console>>, headers: HeaderMap, sent: Sent) -> Response {
    let Visitor { actor, session, .. } = sent.visitor;
    if console.sessions.end(session).is_some() {
        let noting = Arc::clone(&console);
        let whom = actor.person;
        let _ = tokio::task::spawn_blocking(move || noting.keeper.signed_out(&whom, &whom)).await;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    cookie::set(response.headers_mut(), cookie::SESSION, "", cookie::is_local(&headers));
    response
}

/// Changes the language, and goes back to the page.
pub async fn language(headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    let back = Some(fields.get("back")).filter(|back| is_page(back)).unwrap_or("/");
    let mut response = Redirect::to(back).into_response();
    if let Some(lang) = Lang::parse(fields.get("lang")) {
        cookie::set(response.headers_mut(), cookie::LANGUAGE, lang.as_str(), cookie::is_local(&headers));
    }
    response
}

/// Whether a text is the path of a page of ours, and no other site's.
fn is_page(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// How long to wait where tries were too many; that they were is noted, once for a while.
async fn tell_held_off(console: &Arc<Console>, counted: Let) -> Option<Wait> {
    match counted {
        Let::Try => None,
        Let::HeldOff(wait) => Some(wait),
        Let::HeldOffFirst(wait) => {
            let noting = Arc::clone(console);
            let _ = tokio::task::spawn_blocking(move || noting.keeper.held_off()).await;
            Some(wait)
        }
    }
}

/// Where a request comes from, where that is known: the last entry is the proxy's own word, those before are the client's.
fn address<'h>(console: &Console, headers: &'h HeaderMap) -> Option<&'h str> {
    if console.ways().origin_of_requests == OriginOfRequests::Unknown {
        return None;
    }
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim).filter(|entry| !entry.is_empty())
}

fn admit(console: &Console, headers: &HeaderMap, person: &PersonId, by: By) -> Response {
    // A session that the browser had before is not taken over.
    let before = cookie::of(headers, cookie::SESSION).and_then(|token| console.sessions.enter(token));
    if let Some(before) = before {
        console.sessions.end(before.number);
    }
    let Some(token) = console.sessions.begin(person, by) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let mut response = Redirect::to("/").into_response();
    cookie::set(response.headers_mut(), cookie::SESSION, &token, cookie::is_local(headers));
    response
}

fn account_page(
    console: &Console,
    headers: &HeaderMap,
    token: &str,
    status: StatusCode,
    [wrong_password, wrong_again, wrong_code]: [&'static str; 3],
) -> Response {
    let Ok(offer) = console.keeper.offered(token, console.clock.now()) else { return gone(console, headers) };
    let p = Plain::of(console, headers, &format!("{}{token}", crate::api::accounts::LINK_PATH));
    let label: String = offer.person.0.bytes().map(escaped).collect();
    let address = format!("otpauth://totp/Tadoru:{label}?secret={}&issuer=Tadoru", offer.secret);
    let secret = offer.secret.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned());
    let secret: Vec<String> = secret.collect();
    let (person, secret) = (offer.person.0, secret.join(" "));
    let qr = qr::drawn(&address);
    page(status, &AccountPage { p, person, secret, address, qr, wrong_password, wrong_again, wrong_code })
}

fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

fn gone(console: &Console, headers: &HeaderMap) -> Response {
    let p = Plain::of(console, headers, "/sign-in");
    let w = p.w;
    page(StatusCode::NOT_FOUND, &NoticePage { p, title: w.fault_title, text: w.link_gone, enter: "" })
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Where tickets lead; the ticket follows.
pub(crate) const TICKET_PATH: &str = "/enter/";

/// Longest name that is looked at, characters.
const MOST_NAME: usize = 256;
