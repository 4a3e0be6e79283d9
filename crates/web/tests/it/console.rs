//! The console as a browser meets it: who gets which page, forms, sessions, and the main job.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::Value;
use tadoru_desk::Clock as _;
use tadoru_desk::accounts::totp;
use tadoru_model::{PersonId, Role, UtcMicros};
use tadoru_web::session::{IDLE_US, OLD_TOKEN_US, ROTATE_US};
use tadoru_web::{Console, Outside, with_console};

use crate::house::{House, RECORDS, admin, ann, somebody};

/// A console over a house.
pub struct Front {
    pub house: House,
    console: Arc<Console>,
    router: Router,
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub text: String,
    pub to: String,
    pub cookie: Option<String>,
    pub headers: axum::http::HeaderMap,
}

/// Nothing is verified here, and a file of flows is how many there are.
fn outside() -> Outside {
    Outside {
        verify: Arc::new(|| None),
        parquet: Arc::new(|flows| Some(format!("PAR1 {}", flows.rows()).into_bytes())),
    }
}

impl Front {
    pub async fn new() -> Self {
        let house = House::staffed().await;
        let path = "/v1/import?format=table&name=records.csv";
        assert_eq!(house.post(Some(&admin()), path, RECORDS).await.0, 200);
        let clock = Arc::new(house.clock.clone());
        let console = Console::new(&house.desk, house.router.clone(), clock, outside());
        let router = with_console(Arc::clone(&console));
        Self { house, console, router }
    }

    pub async fn ask(&self, method: &str, path: &str, cookie: &str, form: &[(&str, &str)]) -> Page {
        self.ask_with(method, path, &[("cookie", cookie)], form).await
    }

    async fn ask_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        form: &[(&str, &str)],
    ) -> Page {
        use tower::ServiceExt as _;
        let fields: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect();
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:7480");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == "POST" {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.body(Body::from(fields.join("&"))).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let header = |name| parts.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Page {
            status: parts.status.as_u16(),
            text: String::from_utf8(bytes.to_vec()).unwrap(),
            to: header(header::LOCATION).unwrap_or_default(),
            cookie: header(header::SET_COOKIE).map(|set| set.split(';').next().unwrap().to_owned()),
            headers: parts.headers,
        }
    }

    /// The cookie of somebody who came in by a ticket.
    async fn enter(&self, person: &str) -> String {
        let path = self.console.ticket(&PersonId(person.to_owned())).unwrap();
        let page = self.ask("POST", &path, "", &[]).await;
        assert_eq!((page.status, page.to.as_str()), (303, "/"), "{}", page.text);
        page.cookie.unwrap()
    }

    pub async fn enter_as(&self, role: Role) -> String {
        self.enter(&somebody(role).person.0).await
    }

    /// The form's token of a session.
    pub async fn csrf(&self, cookie: &str) -> String {
        between(&self.ask("GET", "/gate", cookie, &[]).await.text, "name=\"csrf\" value=\"", "\"")
    }

    async fn events(&self, kind: &str) -> usize {
        let path = format!("/v1/journal/entries?kind={kind}&count=1000");
        let (status, found) = self.house.get(Some(&admin()), &path).await;
        assert_eq!(status, 200, "{found}");
        found["entries"].as_array().unwrap().len()
    }
}

pub fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0.to_owned()
}

fn quoted(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Every page that is read, and who opens it; `None`: everybody who is signed in.
const PAGES: [(&str, Option<&[Role]>); 12] = [
    ("/account", None),
    ("/", None),
    ("/trace", None),
    ("/incidents", Some(FLOWS)),
    ("/flows", Some(FLOWS)),
    ("/sources", None),
    ("/cases", Some(SEES)),
    ("/cases/K-1", Some(SEES)),
    ("/approvals", None),
    ("/gate", None),
    ("/journal", Some(READS)),
    ("/admin", Some(&[Role::Administrator, Role::System])),
];

/// Every form that does something; none is open to anybody without a session.
const FORMS: [&str; 22] = [
    "/account/passkeys/begin",
    "/account/passkeys/add",
    "/account/passkeys/remove",
    "/account/sessions/end",
    "/incidents/00000000000005ab",
    "/incidents/00000000000005ab/ingress",
    "/incidents/00000000000005ab/pack",
    "/flows",
    "/flows/words",
    "/flows/answers/x/cancel",
    "/trace",
    "/trace/ask",
    "/cases",
    "/cases/K-1/close",
    "/approvals/none-such",
    "/journal/verify",
    "/admin/accounts/link",
    "/admin/accounts/remove",
    "/admin/sessions/end",
    "/seal",
    "/sign-out",
    "/journal/verify",
];

/// What is open in a session only, and the stream.
const OPENED: [&str; 5] =
    ["/incidents/stream", "/packs/x", "/packs/x/y", "/flows/answers/x", "/flows/answers/x/csv"];

const FLOWS: &[Role] = &[Role::NetworkOperations, Role::AbuseDesk, Role::Manager, Role::Administrator];

const SEES: &[Role] = &[
    Role::AbuseDesk,
    Role::NetworkOperations,
    Role::LegalReviewer,
    Role::Approver,
    Role::Manager,
    Role::Auditor,
    Role::Requester,
    Role::UnitHead,
];

const READS: &[Role] = &[
    Role::AbuseDesk,
    Role::NetworkOperations,
    Role::LegalReviewer,
    Role::Approver,
    Role::Manager,
    Role::Auditor,
    Role::Administrator,
];

#[test]
fn no_route_of_the_console_is_left_out_here() {
    let source = include_str!("../../src/console.rs");
    let count = source.matches(".route(\"").count();
    // Of these: seven before the door, assets, an entry, answers, packs and the stream.
    let known: std::collections::BTreeSet<&str> = PAGES.iter().map(|(path, _)| *path).chain(FORMS).collect();
    assert_eq!(
        count,
        known.len()
            + ["/language", "/sign-in", "/account", "/enter", "/assets", "/journal/0", "/trace/answers"]
                .len()
            + OPENED.len()
            + ["/passkeys/begin", "/passkeys/enter", "/oidc/begin", "/oidc/return"].len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_to_the_door_from_every_page_and_does_nothing_by_any_form() {
    let front = Front::new().await;
    let before = front.house.desk.gate().journal().size();
    for cookie in ["", "tadoru-session=", "tadoru-session=0000", "tadoru-session=%00<script>"] {
        for path in
            PAGES.iter().map(|(path, _)| *path).chain(["/journal/0", "/trace/answers/x"]).chain(OPENED)
        {
            let page = front.ask("GET", path, cookie, &[]).await;
            assert_eq!((page.status, page.to.as_str()), (303, "/sign-in"), "{path} {page:?}");
        }
        for path in FORMS {
            let page = front.ask("POST", path, cookie, &[("csrf", "")]).await;
            assert_eq!((page.status, page.to.as_str()), (303, "/sign-in"), "{path} {page:?}");
        }
    }
    assert_eq!(front.house.desk.gate().journal().size(), before, "and nothing was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_gets_the_pages_that_its_doors_open_in_both_languages() {
    let front = Front::new().await;
    let _ = front.house.post(Some(&ann()), "/v1/cases", r#"{"id":"K-1","title":"203.0.113.7 again"}"#).await;
    for role in Role::ALL {
        let session = front.enter_as(role).await;
        for (path, door) in PAGES {
            for lang in ["en", "ja"] {
                let cookie = format!("{session}; tadoru-language={lang}");
                let page = front.ask("GET", path, &cookie, &[]).await;
                let may = door.is_none_or(|roles| roles.contains(&role));
                let at = format!("{path} as {} in {lang}", role.as_str());
                assert_eq!(page.status, if may { 200 } else { 403 }, "{at}: {}", page.text);
                assert!(page.text.contains(&format!("<html lang=\"{lang}\">")), "{at}");
                assert!(!page.text.contains("100.64.0.9") && !page.text.contains("C-9"), "{at}");
                let policy = page.headers["content-security-policy"].to_str().unwrap();
                assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{at}");
                assert_eq!(page.headers[header::CACHE_CONTROL], "no-store", "{at}");
                assert!(!page.text.contains(" style=\"") && !page.text.contains("<script>"), "{at}");
                assert!(page.text.len() < 150_000, "{at}: {} bytes", page.text.len());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_the_sessions_own_token_or_from_another_site_does_nothing() {
    let front = Front::new().await;
    let (mine, other) = (front.enter_as(Role::AbuseDesk).await, front.enter_as(Role::AbuseDesk).await);
    let others = front.csrf(&other).await;
    let before = front.house.desk.gate().journal().size();
    for path in FORMS {
        for csrf in ["", "0", others.as_str()] {
            let page = front.ask("POST", path, &mine, &[("csrf", csrf), ("reason", "x")]).await;
            assert_eq!(page.status, 403, "{path}: {}", page.text);
        }
    }
    let csrf = front.csrf(&mine).await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let page = front
            .ask_with("POST", "/sign-out", &[("cookie", &mine), (name, value)], &[("csrf", &csrf)])
            .await;
        assert_eq!(page.status, 403, "{name} {value}");
    }
    assert_eq!(front.house.desk.gate().journal().size(), before, "and nothing was done");
    let headers =
        [("cookie", mine.as_str()), ("origin", "http://127.0.0.1:7480"), ("sec-fetch-site", "same-origin")];
    assert_eq!(front.ask_with("POST", "/sign-out", &headers, &[("csrf", &csrf)]).await.status, 303);
}

/// The texts of the main job.
fn complaint<'f>(csrf: &'f str, address: &'f str, at: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![("csrf", csrf), ("address", address), ("at", at), ("case", "K-7"), ("purpose", "CLEAN")]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_reads_back_asks_once_and_shows_the_chain() {
    let front = Front::new().await;
    let cookie = front.enter_as(Role::AbuseDesk).await;
    let csrf = front.csrf(&cookie).await;
    let journal = || front.house.desk.gate().journal().size();
    let before = journal();

    let line = "203.0.113.7:40123 2026-11-21 10:15:03 +09:00";
    let typed = [("csrf", csrf.as_str()), ("line", line), ("case", "K-7"), ("purpose", "CLEAN")];
    let page = front.ask("POST", "/trace", &cookie, &typed).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text.contains("2026-11-21 10:15:03 +09:00") && page.text.contains("2026-11-21T01:15:03Z"),
        "{}",
        page.text
    );
    assert!(page.text.contains("JP-063"), "{}", page.text);
    assert!(page.text.contains("name=\"fact.complaint.id\""), "{}", page.text);
    assert_eq!(journal(), before, "reading asks nothing");

    let once = between(&page.text, "name=\"once\" value=\"", "\"");
    let mut ask = complaint(&csrf, "203.0.113.7:40123", "2026-11-21 10:15:03 +09:00");
    ask.extend([
        ("once", once.as_str()),
        ("fact.complaint.id", "K-7"),
        ("fact.complaint.substantiated", "yes"),
    ]);
    let asked = front.ask("POST", "/trace/ask", &cookie, &ask).await;
    assert_eq!(asked.status, 303, "{}", asked.text);
    assert_eq!(front.events("answered").await, 1);
    let twice = front.ask("POST", "/trace/ask", &cookie, &ask).await;
    assert_eq!((twice.status, &twice.to), (303, &asked.to));
    assert_eq!(front.events("answered").await, 1, "sent twice, asked once");

    let answer = front.ask("GET", &asked.to, &cookie, &[]).await;
    for text in [
        "outcome unique",
        "C-9",
        "100.64.0.9",
        "cgn-1",
        "<svg class=\"chain\"",
        "<svg class=\"timeline\"",
        "JP-063",
    ] {
        assert!(answer.text.contains(text), "{text}: {}", answer.text);
    }
    // Another session, and the same one after it was sealed, do not have it.
    let other = front.enter_as(Role::AbuseDesk).await;
    let elsewhere = front.ask("GET", &asked.to, &other, &[]).await;
    assert_eq!((elsewhere.status, elsewhere.text.contains("C-9")), (410, false));
    let case = front.ask("GET", "/cases/K-7", &cookie, &[]).await;
    assert!(case.text.contains("who: unique 1"), "{}", case.text);
    assert_eq!(front.ask("POST", "/seal", &cookie, &[("csrf", &csrf)]).await.status, 303);
    let sealed = front.ask("GET", &asked.to, &cookie, &[]).await;
    assert_eq!((sealed.status, sealed.text.contains("C-9")), (410, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_closes_when_its_permit_ends() {
    let mut front = Front::new().await;
    // The session's clock stands, the desk's goes on.
    let stands = Arc::new(tadoru_desk::FixedClock(front.house.clock.now()));
    front.console = Console::new(&front.house.desk, front.house.router.clone(), stands, outside());
    front.router = with_console(Arc::clone(&front.console));
    let cookie = front.enter_as(Role::AbuseDesk).await;
    let csrf = front.csrf(&cookie).await;
    let once = "ab".repeat(32);
    let mut ask = complaint(&csrf, "203.0.113.7:40123", "2026-11-21 10:15:03 +09:00");
    ask.extend([
        ("once", once.as_str()),
        ("fact.complaint.id", "K-7"),
        ("fact.complaint.substantiated", "yes"),
    ]);
    let asked = front.ask("POST", "/trace/ask", &cookie, &ask).await;
    assert_eq!(front.ask("GET", &asked.to, &cookie, &[]).await.status, 200);
    front.house.clock.set(UtcMicros(front.house.clock.now().0 + 400 * 86_400_000_000));
    let gone = front.ask("GET", &asked.to, &cookie, &[]).await;
    assert_eq!((gone.status, gone.text.contains("C-9")), (410, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_rule_what_is_missing_and_who_can_supply_it() {
    let front = Front::new().await;
    let cookie = front.enter_as(Role::AbuseDesk).await;
    let csrf = front.csrf(&cookie).await;
    let once = "cd".repeat(32);
    let mut ask = complaint(&csrf, "203.0.113.7:40123", "2026-11-21 10:15:03 +09:00");
    ask.retain(|(name, _)| *name != "purpose");
    ask.extend([("once", once.as_str()), ("purpose", "CRIME")]);
    let asked = front.ask("POST", "/trace/ask", &cookie, &ask).await;
    let english = front.ask("GET", &asked.to, &format!("{cookie}; tadoru-language=en"), &[]).await;
    assert!(english.text.contains("outcome refused") && english.text.contains("warrant"), "{}", english.text);
    assert!(english.text.contains("legal reviewer"), "{}", english.text);
    let japanese = front.ask("GET", &asked.to, &format!("{cookie}; tadoru-language=ja"), &[]).await;
    assert!(japanese.text.contains("不許可") && japanese.text.contains("令状"), "{}", japanese.text);
    assert!(!english.text.contains("C-9") && !english.text.contains("100.64.0.9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_keep_what_was_typed_and_say_what_is_wrong_at_the_field() {
    let front = Front::new().await;
    let cookie = front.enter_as(Role::AbuseDesk).await;
    let csrf = front.csrf(&cookie).await;
    for (address, at, field) in [
        ("203.0.113.07", "2026-11-21T01:15:03Z", "address"),
        ("203.0.113.7/24", "2026-11-21T01:15:03Z", "address"),
        ("203.0.113.7:40123", "2026-11-21 10:15:03", "at"),
        ("203.0.113.7:40123", "03/04/2026 10:15:03 +0900", "at"),
        ("203.0.113.7:40123", "yesterday", "at"),
    ] {
        let page = front.ask("POST", "/trace", &cookie, &complaint(&csrf, address, at)).await;
        assert_eq!(page.status, 400, "{}", page.text);
        assert!(page.text.contains(&format!("id=\"{field}-wrong\"")), "{address} {at}: {}", page.text);
        assert!(
            page.text.contains(&format!("value=\"{address}\"").replace('/', "&#47;"))
                || page.text.contains(&format!("value=\"{address}\"")),
            "{}",
            page.text
        );
        assert_eq!(page.text.matches("aria-invalid").count(), 1);
    }
    let page = front
        .ask("POST", "/cases", &cookie, &[("csrf", &csrf), ("id", "not an id"), ("title", "kept")])
        .await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("not an id") && page.text.contains("kept") && page.text.contains("id-wrong"));
    let made = front.ask("POST", "/cases", &cookie, &[("csrf", &csrf), ("id", "K-9"), ("title", "x")]).await;
    assert_eq!((made.status, made.to.as_str()), (303, "/cases/K-9"));
    let empty = front.ask("POST", "/cases/K-9/close", &cookie, &[("csrf", &csrf), ("reason", " ")]).await;
    assert!(empty.status == 400 && empty.text.contains("reason-wrong"));
    let closed = front.ask("POST", "/cases/K-9/close", &cookie, &[("csrf", &csrf), ("reason", "done")]).await;
    assert_eq!(closed.status, 303);
    let again =
        front.ask("POST", "/cases/K-9/close", &cookie, &[("csrf", &csrf), ("reason", "mine too")]).await;
    assert!(
        again.status == 409
            && !again.text.contains("aria-invalid=\"true\"") | again.text.contains("mine too")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_never_become_markup_and_strange_paths_are_no_fault() {
    let front = Front::new().await;
    let cookie = front.enter_as(Role::AbuseDesk).await;
    let csrf = front.csrf(&cookie).await;
    for evil in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "';--",
        "\u{202e}\u{0}{{f.csrf}}",
        "</textarea><b>",
    ] {
        let mut typed = complaint(&csrf, evil, evil);
        typed.extend([("line", evil), ("to", evil), ("basis", evil), ("fact.x\"><b>", evil)]);
        let fields = [("csrf", csrf.as_str()), ("title", evil), ("id", "")];
        let opened = front.ask("POST", "/cases", &cookie, &fields).await;
        let query = quoted(evil);
        let pages = [
            front.ask("POST", "/trace", &cookie, &typed).await,
            front.ask("GET", &opened.to, &cookie, &[]).await,
            front
                .ask(
                    "GET",
                    &format!("/gate?q={query}&act={query}&data=ASGN&purpose=CLEAN&facts={query}"),
                    &cookie,
                    &[],
                )
                .await,
            front
                .ask(
                    "GET",
                    &format!("/journal?case={query}&person={query}&rule={query}&before={query}"),
                    &cookie,
                    &[],
                )
                .await,
            front.ask("GET", &format!("/cases?which={query}"), &cookie, &[]).await,
            front.ask("GET", &format!("/cases/{query}"), &cookie, &[]).await,
            front.ask("GET", &format!("/journal/{query}"), &cookie, &[]).await,
            front.ask("GET", &format!("/trace/answers/{query}"), &cookie, &[]).await,
            front.ask("GET", &format!("/account/{query}"), "", &[]).await,
            front.ask("POST", "/sign-in", "", &[("name", evil), ("password", evil), ("code", evil)]).await,
        ];
        for page in pages {
            assert!(page.status < 500, "{evil}: {} {}", page.status, page.text);
            assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{evil}");
            assert!(
                !page.text.contains("</textarea><b>") && !page.text.contains("x\"><b>"),
                "{evil}: {}",
                page.text
            );
        }
    }
    let back = front.ask("POST", "/language", "", &[("lang", "ja"), ("back", "//evil.example/")]).await;
    assert_eq!((back.to.as_str(), back.cookie.as_deref()), ("/", Some("tadoru-language=ja")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_rotates_idles_and_ends_and_leaves_its_entries() {
    let front = Front::new().await;
    let first = front.enter_as(Role::Auditor).await;
    front.house.clock.set(UtcMicros(front.house.clock.now().0 + ROTATE_US));
    let second = front.ask("GET", "/", &first, &[]).await.cookie.unwrap();
    assert_ne!(first, second);
    front.house.clock.set(UtcMicros(front.house.clock.now().0 + OLD_TOKEN_US));
    assert_eq!(front.ask("GET", "/", &first, &[]).await.status, 303);
    assert_eq!(front.ask("GET", "/", &second, &[]).await.status, 200);
    front.house.clock.set(UtcMicros(front.house.clock.now().0 + IDLE_US));
    assert_eq!(front.ask("GET", "/", &second, &[]).await.status, 303);

    let theirs = front.enter_as(Role::Manager).await;
    let admins = front.enter_as(Role::Administrator).await;
    let csrf = front.csrf(&admins).await;
    let page = front.ask("GET", "/admin", &admins, &[]).await;
    let number = between(&page.text, "name=\"number\" value=\"", "\"");
    let ended =
        front.ask("POST", "/admin/sessions/end", &admins, &[("csrf", &csrf), ("number", &number)]).await;
    assert_eq!(ended.status, 303);
    assert_eq!(front.ask("GET", "/", &theirs, &[]).await.status, 303);
    let out = front.ask("POST", "/sign-out", &admins, &[("csrf", &csrf)]).await;
    assert_eq!((out.to.as_str(), out.cookie.as_deref()), ("/sign-in", Some("tadoru-session=")));
    assert_eq!(front.ask("GET", "/", &admins, &[]).await.status, 303);
    assert_eq!((front.events("signed-in").await, front.events("signed-out").await), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_set_by_a_link_once_and_signs_in_with_a_code_once() {
    let front = Front::new().await;
    let (status, link) = front.house.post(Some(&admin()), "/v1/accounts/a-auditor/link", "{}").await;
    assert_eq!(status, 200, "{link}");
    assert_eq!(front.house.post(Some(&ann()), "/v1/accounts/a-auditor/link", "{}").await.0, 403);
    assert_eq!(front.house.post(Some(&admin()), "/v1/accounts/nobody/link", "{}").await.0, 404);
    // Links hold by the real clock; so does this house from here on.
    let path = link["path"].as_str().unwrap();
    let form = front.ask("GET", path, "", &[]).await;
    assert_eq!(form.status, 200, "{}", form.text);
    let secret_text = between(&form.text, "?secret=", "&");
    assert!(form.text.contains("<svg class=\"qr\""), "the code is drawn");
    let secret = totp::from_base32(&secret_text).unwrap();
    let step = || totp::step_of(u64::try_from(front.house.clock.now().0 / 1_000_000).unwrap());
    let code = totp::code(&secret, step());
    let password = "correct horse battery";
    for (typed, again, code, wrong) in [
        ("short", "short", code.as_str(), "password-wrong"),
        (password, "another one entirely", &code, "again-wrong"),
        ("a-auditor a-auditor", "a-auditor a-auditor", &code, "password-wrong"),
        (password, password, "12345", "code-wrong"),
    ] {
        let page =
            front.ask("POST", path, "", &[("password", typed), ("again", again), ("code", code)]).await;
        assert_eq!(page.status, 400);
        assert!(page.text.contains(&format!("id=\"{wrong}\"")), "{wrong}: {}", page.text);
        assert!(!page.text.contains(password), "a password is never given back");
    }
    let set =
        front.ask("POST", path, "", &[("password", password), ("again", password), ("code", &code)]).await;
    assert_eq!((set.status, set.to.as_str()), (303, "/"), "{}", set.text);
    assert_eq!(front.ask("GET", "/journal", &set.cookie.unwrap(), &[]).await.status, 200);
    let again =
        front.ask("POST", path, "", &[("password", password), ("again", password), ("code", &code)]).await;
    assert_eq!(again.status, 404, "a link works once");

    let sign_in = async |code: &str, password: &str| {
        front
            .ask("POST", "/sign-in", "", &[("name", "a-auditor"), ("password", password), ("code", code)])
            .await
    };
    assert_eq!(sign_in(&code, password).await.status, 401, "a code works once");
    front.house.clock.set(UtcMicros(front.house.clock.now().0 + 30_000_000));
    let code = totp::code(&secret, step());
    assert_eq!(sign_in(&code, "wrong password").await.status, 401);
    let inside = sign_in(&code, password).await;
    assert_eq!(inside.status, 303, "{}", inside.text);
    for _ in 0..5 {
        assert_eq!(sign_in("000000", "guess").await.status, 401);
    }
    let held_off = sign_in("000000", "guess").await;
    assert_eq!(held_off.status, 429);
    let file = std::fs::read(front.house.folder.path().join("accounts.sealed")).unwrap();
    for clear in [password, secret_text.as_str()] {
        assert!(!file.windows(clear.len()).any(|part| part == clear.as_bytes()), "what is kept is sealed");
    }
    let (_, entries) = front.house.get(Some(&admin()), "/v1/journal/entries?count=1000").await;
    assert!(!entries.to_string().contains("guess") && !entries.to_string().contains(password));
    let too_many = entries["entries"].as_array().unwrap().iter().filter(|e| e["entry"]["why"] == "too-many");
    assert_eq!(too_many.count(), 1);

    let cookie = inside.cookie.unwrap();
    let (status, gone) = front.house.post(Some(&admin()), "/v1/accounts/a-auditor/remove", "{}").await;
    assert_eq!((status, &gone["removed"]), (200, &Value::from(true)));
    assert_eq!(front.ask("GET", "/", &cookie, &[]).await.status, 303, "a removed account's session ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_agreed_to_in_the_console_by_another_person() {
    let front = Front::new().await;
    let asks = front.enter_as(Role::AbuseDesk).await;
    let csrf = front.csrf(&asks).await;
    let once = "ef".repeat(32);
    let mut ask = complaint(&csrf, "203.0.113.7:40123", "2026-11-21 10:15:03 +09:00");
    ask.extend([
        ("once", once.as_str()),
        ("basis", "NEC"),
        ("fact.c2log.lawful_source", "yes"),
        ("fact.danger.present", "yes"),
    ]);
    let asked = front.ask("POST", "/trace/ask", &asks, &ask).await;
    let waits = front.ask("GET", &asked.to, &asks, &[]).await;
    assert!(waits.text.contains("JP-054"), "{}", waits.text);
    let agrees = front.enter_as(Role::LegalReviewer).await;
    let csrf = front.csrf(&agrees).await;
    let page = front.ask("GET", "/", &agrees, &[]).await;
    assert!(page.text.contains("JP-054"), "what waits is on the first page: {}", page.text);
    let page = front.ask("GET", "/approvals", &agrees, &[]).await;
    let path = format!("/approvals/{}", between(&page.text, "action=\"/approvals/", "\""));
    let page = front.ask("POST", &path, &agrees, &[("csrf", &csrf)]).await;
    assert!(page.status == 200 && page.text.contains("role=\"status\""), "{}", page.text);
    let page = front.ask("POST", &path, &agrees, &[("csrf", &csrf)]).await;
    assert!(page.text.contains("role=\"alert\""), "twice is told: {}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_are_kept_by_browsers_and_named_by_their_content() {
    let front = Front::new().await;
    let page = front.ask("GET", "/sign-in", "", &[]).await;
    for (before, kind) in [
        ("rel=\"stylesheet\" href=\"", "text/css"),
        ("<script src=\"", "text/javascript"),
        ("rel=\"icon\" href=\"", "image/svg+xml"),
    ] {
        let path = between(&page.text, before, "\"");
        let asset = front.ask("GET", &path, "", &[]).await;
        assert_eq!(asset.status, 200, "{path}");
        assert!(asset.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind));
        assert!(asset.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
    assert_eq!(front.ask("GET", "/assets/..%2Fsecret", "", &[]).await.status, 404);
}
