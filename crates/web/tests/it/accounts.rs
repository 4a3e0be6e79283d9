//! One's own account, the sessions of a person, tries by address, and tokens of programs: what each opens and when it ends.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use serde_json::{Value, json};
use tadoru_desk::Clock as _;
use tadoru_model::{PersonId, Role, UtcMicros};
use tadoru_web::serve::{Tokens, loopback};
use tadoru_web::session::Lasting;
use tadoru_web::sign_in::passkeys::Passkeys;
use tadoru_web::sign_in::{OriginOfRequests, SignIn};
use tadoru_web::{Console, Outside, with_console};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::console::{Front, between};
use crate::house::{House, NOW, RECORDS, admin, question, somebody};

/// A token as the administrator has it issued.
async fn token(house: &House, person: &str, wanted: Value) -> (u16, Value) {
    house.post(Some(&admin()), &format!("/v1/accounts/{person}/tokens"), &wanted.to_string()).await
}

/// A program that asks over loopback.
struct Program {
    at: std::net::SocketAddr,
}

impl Program {
    /// Before a desk whose tokens hold by the real clock, as they are issued.
    async fn before(house: &House) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let desk = Arc::clone(&house.desk);
        let issued = Arc::new(move |token: &str| desk.bearer(token, tadoru_desk::SystemClock.now()));
        let tokens = Tokens::default().and_issued(issued);
        tokio::spawn(loopback(listener, house.router.clone(), tokens, std::future::pending()));
        Self { at }
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_asks_in_its_roles_until_it_is_revoked_and_is_told_once() {
    let house = House::staffed().await;
    let program = Program::before(&house).await;
    let (status, issued) = token(&house, "a-administrator", json!({"label": "nightly", "days": 1})).await;
    assert_eq!(status, 200, "{issued}");
    let told = issued["token"].as_str().unwrap().to_owned();
    assert!(told.starts_with("tadoru_") && told.len() == 7 + 64);
    assert_eq!(program.ask(&told, "GET", "/v1/accounts", "").await.0, 200);
    for wrong in ["", "tadoru_", &told[..told.len() - 1], &told.to_uppercase(), &format!("{told}0")] {
        assert_eq!(program.ask(wrong, "GET", "/v1/accounts", "").await.0, 401, "{wrong}");
    }
    let (_, listed) = house.get(Some(&admin()), "/v1/tokens").await;
    assert_eq!(listed["tokens"][0]["label"], "nightly");
    assert!(!listed.to_string().contains(&told[7..]), "the token itself is not told again");

    // As another role, it is not the administrator.
    let (_, narrow) = token(&house, "a-abuse-desk", json!({"days": 1, "roles": ["abuse-desk"]})).await;
    let narrow = narrow["token"].as_str().unwrap().to_owned();
    assert_eq!(program.ask(&narrow, "GET", "/v1/cases", "").await.0, 200);
    assert_eq!(program.ask(&narrow, "GET", "/v1/accounts", "").await.0, 403);

    let revoke = "/v1/accounts/a-administrator/tokens/revoke";
    for revoked in [true, false] {
        let (status, answer) = house.post(Some(&admin()), revoke, r#"{"number":1}"#).await;
        assert_eq!((status, &answer["revoked"]), (200, &json!(revoked)));
    }
    assert_eq!(program.ask(&told, "GET", "/v1/accounts", "").await.0, 401);
    let path = "/v1/journal/entries?kind=account-changed&count=100";
    let (_, noted) = house.get(Some(&admin()), path).await;
    let noted = noted.to_string();
    assert!(noted.contains("token-issued") && noted.contains("token-revoked") && !noted.contains(&told[7..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_never_more_than_its_person_and_never_without_an_end() {
    let house = House::staffed().await;
    for (person, wanted, status) in [
        ("nobody", json!({"days": 1}), 404),
        ("system", json!({"days": 1}), 404),
        ("a-auditor", json!({"days": 0}), 400),
        ("a-auditor", json!({"days": 367}), 400),
        ("a-auditor", json!({}), 400),
        ("a-auditor", json!({"days": 1, "roles": ["administrator"]}), 400),
        ("a-auditor", json!({"days": 1, "roles": ["none-such"]}), 400),
        ("a-auditor", json!({"days": 1, "cases": vec!["K"; 65]}), 400),
        ("a-auditor", json!({"days": 366, "label": "x".repeat(5000)}), 200),
    ] {
        let (told, answer) = token(&house, person, wanted.clone()).await;
        assert_eq!(told, status, "{person} {wanted}: {answer}");
    }
    // By the desk itself: at its end it holds no more.
    let wanted = tadoru_desk::accounts::tokens::Wanted {
        person: PersonId("a-auditor".to_owned()),
        label: String::new(),
        roles: vec![],
        cases: vec![],
        days: 1,
    };
    let issued = house.desk.issue_token(&admin(), &wanted, NOW).unwrap();
    assert_eq!(issued.until, NOW.plus(86_400_000_000));
    let bearer = house.desk.bearer(&issued.token, UtcMicros(issued.until.0 - 1)).unwrap();
    assert_eq!(bearer.actor, somebody(Role::Auditor));
    assert_eq!(house.desk.bearer(&issued.token, issued.until), None);
    for _ in 0..30 {
        house.desk.issue_token(&admin(), &wanted, NOW).unwrap();
    }
    assert!(house.desk.issue_token(&admin(), &wanted, NOW).is_err(), "there are enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_a_case_asks_about_nothing_else() {
    let house = House::staffed().await;
    let (status, _) = house.post(Some(&admin()), "/v1/import?format=table&name=records.csv", RECORDS).await;
    assert_eq!(status, 200);
    let ann = somebody(Role::AbuseDesk);
    for case in ["K-1", "K-2"] {
        let _ = house.post(Some(&ann), "/v1/cases", &json!({ "id": case }).to_string()).await;
    }
    let program = Program::before(&house).await;
    let (_, issued) = token(&house, "a-abuse-desk", json!({"days": 1, "cases": ["K-1"]})).await;
    let told = issued["token"].as_str().unwrap().to_owned();
    let mut asked = question("203.0.113.7:40123", "2026-11-21T01:15:03Z");
    let (status, answer) = program.ask(&told, "POST", "/v1/who", &asked.to_string()).await;
    assert!(status == 200 && answer.contains("unique"), "{answer}");
    assert_eq!(program.ask(&told, "GET", "/v1/cases/K-1", "").await.0, 200);
    asked["case"] = json!("K-2");
    let other = asked.to_string();
    let twice = other.replacen('{', r#"{"case":"K-1","#, 1);
    for (method, path, body) in [
        ("POST", "/v1/who", other.as_str()),
        ("POST", "/v1/who", twice.as_str()),
        ("POST", "/v1/who", "{}"),
        ("POST", "/v1/who", "rubbish"),
        ("POST", "/v1/who/batch", r#"{"case":"K-1","purpose":"CLEAN"}"#),
        ("POST", "/v1/flows", r#"{"top":"dst-port"}"#),
        ("GET", "/v1/cases", ""),
        ("POST", "/v1/cases", r#"{"id":"K-1"}"#),
        ("GET", "/v1/cases/K-2", ""),
        ("GET", "/v1/cases/K-1x", ""),
        ("GET", "/v1/journal/entries", ""),
        ("GET", "/v1/approvals", ""),
        ("GET", "/v1/incidents", ""),
        ("GET", "/v1/none-such", ""),
    ] {
        let (status, answer) = program.ask(&told, method, path, body).await;
        assert_eq!(status, 403, "{method} {path} {body}: {answer}");
        assert!(answer.contains("\"scope\""), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_sees_and_ends_their_own_sessions_and_nobody_elses() {
    let front = Front::new().await;
    let (one, other) = (front.enter_as(Role::AbuseDesk).await, front.enter_as(Role::AbuseDesk).await);
    let auditor = front.enter_as(Role::Auditor).await;
    let page = front.ask("GET", "/account", &one, &[]).await;
    assert_eq!(
        page.text.matches("/account/sessions/end").count(),
        1,
        "this one and the other: {}",
        page.text
    );
    let number = between(&page.text, "name=\"number\" value=\"", "\"");
    let csrf = front.csrf(&auditor).await;
    let tried =
        front.ask("POST", "/account/sessions/end", &auditor, &[("csrf", &csrf), ("number", &number)]).await;
    assert_eq!(tried.status, 303);
    assert_eq!(front.ask("GET", "/account", &other, &[]).await.status, 200, "it is not the auditor's to end");
    let csrf = front.csrf(&one).await;
    let _ = front.ask("POST", "/account/sessions/end", &one, &[("csrf", &csrf), ("number", &number)]).await;
    assert_eq!(front.ask("GET", "/account", &other, &[]).await.to, "/sign-in");
    assert_eq!(front.ask("GET", "/account", &one, &[]).await.status, 200);
    // Without the origin that passkeys are for, none is begun, and the page says so.
    let told = front.ask("POST", "/account/passkeys/begin", &one, &[("csrf", &csrf)]).await;
    assert_eq!(told.status, 503);
    assert_eq!(front.ask("POST", "/passkeys/begin", "", &[]).await.status, 404);
}

/// A console with ways to sign in of its own.
fn console(house: &House, ways: SignIn) -> Router {
    let outside = Outside { verify: Arc::new(|| None), parquet: Arc::new(|_| None) };
    let console = Console::new(&house.desk, house.router.clone(), Arc::new(house.clock.clone()), outside);
    console.sign_in_by(ways);
    with_console(console)
}

async fn sent(router: &Router, path: &str, from: &str, form: &str) -> (u16, HeaderMap, String) {
    use tower::ServiceExt as _;
    let request = Request::post(path)
        .header(header::HOST, "localhost:7480")
        .header("x-forwarded-for", from)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status.as_u16(), parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_are_counted_by_the_address_that_the_proxy_adds_and_told_when_to_come_again() {
    let house = House::staffed().await;
    let ways = SignIn { origin_of_requests: OriginOfRequests::Forwarded, ..SignIn::default() };
    let router = console(&house, ways);
    let mut held_off = 0;
    for n in 0..32 {
        // What the client itself claims stands before what the proxy adds.
        let from = format!("192.0.2.{n}, 198.51.100.7");
        let form = format!("name=n{n}&password=x&code=000000");
        let (status, headers, text) = sent(&router, "/sign-in", &from, &form).await;
        match status {
            401 => assert_eq!(held_off, 0),
            429 => {
                let wait: u32 = headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
                assert!((1..=301).contains(&wait) && text.contains("id=\"wrong\""));
                held_off += 1;
            }
            other => panic!("{other}: {text}"),
        }
    }
    assert_eq!(held_off, 2);
    let (status, ..) = sent(&router, "/sign-in", "203.0.113.9", "name=n&password=x&code=000000").await;
    assert_eq!(status, 401, "another address is not concerned");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_last_as_long_as_the_operator_says() {
    let house = House::staffed().await;
    let outside = Outside { verify: Arc::new(|| None), parquet: Arc::new(|_| None) };
    let console = Console::new(&house.desk, house.router.clone(), Arc::new(house.clock.clone()), outside);
    let lasting = Lasting { idle_us: 60_000_000, whole_us: 100_000_000 };
    console.sign_in_by(SignIn { lasting, ..SignIn::default() });
    let ticket = console.ticket(&somebody(Role::Auditor).person).unwrap();
    let router = with_console(console);
    let (_, headers, _) = sent(&router, &ticket, "", "").await;
    let cookie = headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    for (after_s, there) in [(50, true), (99, true), (100, false)] {
        use tower::ServiceExt as _;
        house.clock.set(NOW.plus(after_s * 1_000_000));
        let request = Request::get("/account").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
        let status = router.clone().oneshot(request).await.unwrap().status().as_u16();
        assert_eq!(status, if there { 200 } else { 303 }, "after {after_s} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_is_none_signs_nobody_in_and_is_on_record() {
    let house = House::staffed().await;
    let passkeys = Some(Passkeys::new("http://localhost:7480", "example.net").unwrap());
    let router = console(&house, SignIn { passkeys, ..SignIn::default() });
    let (status, _, begun) = sent(&router, "/passkeys/begin", "", "").await;
    assert_eq!(status, 200, "{begun}");
    let begun: Value = serde_json::from_str(&begun).unwrap();
    let asked = &begun["options"]["publicKey"];
    assert_eq!((&asked["rpId"], &asked["userVerification"]), (&json!("localhost"), &json!("required")));
    assert_eq!(asked["allowCredentials"].as_array().map_or(0, Vec::len), 0, "nobody's passkeys are told");
    let ceremony = begun["ceremony"].as_str().unwrap();
    let made_up = r#"{"id":"AAAA","rawId":"AAAA","type":"public-key","extensions":{},"response":{"authenticatorData":"AAAA","clientDataJSON":"e30","signature":"AAAA","userHandle":"AAAAAAAAAAAAAAAAAAAAAA"}}"#;
    let escaped: String = made_up.bytes().map(|b| format!("%{b:02X}")).collect();
    for form in ["", "ceremony=x", &format!("ceremony={ceremony}&credential={escaped}"), "credential=%7B%7D"]
    {
        let (status, headers, text) = sent(&router, "/passkeys/enter", "", form).await;
        assert_eq!(status, 401, "{form}: {text}");
        assert!(!headers.contains_key(header::SET_COOKIE) && text.contains("\"wrong\""), "{text}");
    }
    let (_, noted) = house.get(Some(&admin()), "/v1/journal/entries?kind=sign-in-failed&count=100").await;
    assert_eq!(noted["entries"].as_array().unwrap().len(), 4, "{noted}");
}
