//! Signing in by an identity provider: what a good one says is taken once, and what a hostile one says is refused and on
//! record.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::body::Body;
use axum::extract::{Form, State};
use axum::http::{Request, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tadoru_model::{PersonId, Role};
use tadoru_web::sign_in::SignIn;
use tadoru_web::sign_in::oidc::{Oidc, Provider, Secret};
use tadoru_web::{Console, Outside, with_console};

use crate::house::{House, NOW, admin};

/// A provider that says what it is told to.
#[derive(Clone)]
struct Idp {
    issuer: String,
    told: Arc<Mutex<Told>>,
}

struct Told {
    /// Keys that it publishes.
    keys: Vec<(&'static str, EcdsaKeyPair)>,
    /// The key that it signs with.
    signs_with: (&'static str, EcdsaKeyPair),
    /// Changes of what it would say in good faith.
    claims: Value,
    /// Another head of the token.
    head: Value,
    /// What it makes of the signature.
    signature: fn(Vec<u8>) -> Vec<u8>,
    /// The nonce and the challenge of who was sent to it.
    asked: (String, String),
    /// Codes that were used.
    used: Vec<String>,
    /// How often its keys were fetched.
    fetched: usize,
}

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

fn copy_of(key: &EcdsaKeyPair) -> EcdsaKeyPair {
    let octets = key.to_pkcs8v1().unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, octets.as_ref()).unwrap()
}

impl Idp {
    async fn begin() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let first = key();
        let told = Told {
            signs_with: ("first", copy_of(&first)),
            keys: vec![("first", first)],
            claims: json!({}),
            head: json!({}),
            signature: |octets| octets,
            asked: Default::default(),
            used: Vec::new(),
            fetched: 0,
        };
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let idp = Self { issuer, told: Arc::new(Mutex::new(told)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(Self::metadata))
            .route("/keys", get(Self::keys))
            .route("/token", post(Self::token))
            .with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        idp
    }

    async fn metadata(State(idp): State<Self>) -> Json<Value> {
        let at = |path: &str| format!("{}{path}", idp.issuer);
        Json(json!({
            "issuer": idp.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
            // It would take what must never be taken.
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256", "RS256"],
        }))
    }

    async fn keys(State(idp): State<Self>) -> Json<Value> {
        let mut told = idp.told.lock().unwrap();
        told.fetched += 1;
        let keys = told.keys.iter().map(|(kid, key)| {
            let point = key.public_key().as_ref();
            let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..65]));
            json!({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256", "x": x, "y": y})
        });
        Json(json!({ "keys": keys.collect::<Vec<_>>() }))
    }

    async fn token(
        State(idp): State<Self>,
        Form(form): Form<BTreeMap<String, String>>,
    ) -> (axum::http::StatusCode, Json<Value>) {
        let mut told = idp.told.lock().unwrap();
        let challenge = BASE64.encode(Sha256::digest(form["code_verifier"].as_bytes()));
        if challenge != told.asked.1 || told.used.contains(&form["code"]) {
            return (axum::http::StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
        }
        told.used.push(form["code"].clone());
        let now_s = NOW.0 / 1_000_000;
        let mut claims = json!({
            "iss": idp.issuer, "aud": "tadoru", "sub": "S-1", "exp": now_s + 300, "iat": now_s,
            "nonce": told.asked.0, "preferred_username": "yamada", "groups": ["staff", "tadoru-desk"],
            "department": "noc",
        });
        let mut head = json!({"alg": "ES256", "kid": told.signs_with.0});
        for (into, from) in [(&mut claims, &told.claims), (&mut head, &told.head)] {
            for (name, value) in from.as_object().unwrap() {
                into[name] = value.clone();
            }
        }
        let text = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", text(&head), text(&claims));
        let signature = told.signs_with.1.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let signature = match head["alg"].as_str() {
            // By what both sides know: the client's secret.
            Some("HS256") => {
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"the secret of both");
                aws_lc_rs::hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            Some("none") => Vec::new(),
            _ => (told.signature)(signature.as_ref().to_vec()),
        };
        let token = format!("{signed}.{}", BASE64.encode(signature));
        (
            axum::http::StatusCode::OK,
            Json(json!({"access_token": "a", "token_type": "Bearer", "id_token": token})),
        )
    }

    fn says(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap());
    }
}

/// A desk in front of a provider.
struct Scene {
    idp: Idp,
    house: House,
    router: Router,
}

/// What came back.
#[derive(Debug)]
struct Page {
    status: u16,
    text: String,
    to: String,
    cookies: Vec<String>,
}

impl Scene {
    async fn new() -> Self {
        let idp = Idp::begin().await;
        let house = House::staffed().await;
        let provider = Provider {
            issuer: idp.issuer.clone(),
            name: "example.net".to_owned(),
            client_id: "tadoru".to_owned(),
            client_secret: Some(Secret("the secret of both".to_owned())),
            origin: "http://127.0.0.1:7480".to_owned(),
            scopes: vec!["profile".to_owned()],
            name_claim: "preferred_username".to_owned(),
            roles_claim: "groups".to_owned(),
            roles: BTreeMap::from([
                ("tadoru-desk".to_owned(), vec![Role::AbuseDesk]),
                ("tadoru-audit".to_owned(), vec![Role::Auditor]),
            ]),
            people: BTreeMap::from([("S-9".to_owned(), PersonId("a-manager".to_owned()))]),
            required: BTreeMap::from([("department".to_owned(), json!("noc"))]),
            skew_s: 30,
            authorities: None,
        };
        let clock = Arc::new(house.clock.clone());
        let outside = Outside { verify: Arc::new(|| None), parquet: Arc::new(|_| None) };
        let console = Console::new(&house.desk, house.router.clone(), clock, outside);
        console.sign_in_by(SignIn { oidc: Some(Oidc::new(provider).unwrap()), ..SignIn::default() });
        Self { idp, house, router: with_console(console) }
    }

    async fn get(&self, path: &str, cookie: &str) -> Page {
        use tower::ServiceExt as _;
        let request =
            Request::get(path).header(header::HOST, "127.0.0.1:7480").header(header::COOKIE, cookie);
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let cookies = parts.headers.get_all(header::SET_COOKIE).iter();
        Page {
            status: parts.status.as_u16(),
            to: parts
                .headers
                .get(header::LOCATION)
                .map(|v| v.to_str().unwrap().to_owned())
                .unwrap_or_default(),
            cookies: cookies.map(|c| c.to_str().unwrap().split(';').next().unwrap().to_owned()).collect(),
            text: String::from_utf8(axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap(),
        }
    }

    /// Goes to the provider: the state, and the cookie.
    async fn leave(&self) -> (String, String) {
        let page = self.get("/oidc/begin", "").await;
        assert_eq!(page.status, 303, "{page:?}");
        let address: url::Url = page.to.parse().unwrap();
        let asked: BTreeMap<String, String> = address.query_pairs().into_owned().collect();
        assert_eq!(address.path(), "/authorize");
        assert_eq!(
            (
                asked["response_type"].as_str(),
                asked["code_challenge_method"].as_str(),
                asked["scope"].as_str()
            ),
            ("code", "S256", "openid profile")
        );
        self.idp.says(|told| told.asked = (asked["nonce"].clone(), asked["code_challenge"].clone()));
        (asked["state"].clone(), page.cookies[0].clone())
    }

    /// Goes there and comes back.
    async fn go(&self, code: &str) -> Page {
        let (state, cookie) = self.leave().await;
        self.get(&format!("/oidc/return?code={code}&state={state}"), &cookie).await
    }

    async fn events(&self, kind: &str) -> Vec<Value> {
        let path = format!("/v1/journal/entries?kind={kind}&count=1000");
        let (status, found) = self.house.get(Some(&admin()), &path).await;
        assert_eq!(status, 200, "{found}");
        found["entries"].as_array().unwrap().clone()
    }

    /// Why the last sign-in failed, as the journal has it.
    async fn last_failure(&self) -> String {
        self.events("sign-in-failed").await.iter().map(Value::to_string).max_by_key(|e| place(e)).unwrap()
    }
}

fn place(entry: &str) -> u64 {
    let entry: Value = serde_json::from_str(entry).unwrap();
    entry["index"].as_u64().unwrap_or_default()
}

fn session(page: &Page) -> Option<String> {
    page.cookies.iter().find(|cookie| cookie.starts_with("tadoru-session=")).cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_the_provider_comes_in_with_the_roles_of_their_groups_and_is_on_record() {
    let scene = Scene::new().await;
    assert!(scene.get("/sign-in", "").await.text.contains("/oidc/begin"));
    let page = scene.go("c-1").await;
    let cookie = session(&page).unwrap_or_else(|| panic!("{page:?}"));
    assert!(page.status == 200 && page.text.contains("url=/"), "a page of ours leads on");
    let home = scene.get("/", &cookie).await;
    assert!(home.status == 200 && home.text.contains("yamada"), "{home:?}");
    assert_eq!(scene.get("/journal", &cookie).await.status, 200);
    assert_eq!(scene.get("/admin", &cookie).await.status, 403, "and in no other role");
    let told = scene.events("signed-in").await;
    assert!(
        told.iter().any(|e| e.to_string().contains("oidc") && e.to_string().contains("yamada")),
        "{told:?}"
    );

    // Other groups are other roles, and what was begun under the old ones ends.
    scene.idp.says(|told| told.claims = json!({"groups": "tadoru-audit", "preferred_username": "another"}));
    let page = scene.go("c-2").await;
    let other = session(&page).unwrap();
    assert_eq!(scene.get("/", &cookie).await.to, "/sign-in");
    let home = scene.get("/", &other).await;
    assert!(home.text.contains("yamada"), "the subject stays the same person");
    assert_eq!(scene.get("/flows", &other).await.status, 403);
    assert!(scene.events("account-changed").await.iter().any(|e| e.to_string().contains("roles")));

    // Whom the operator has named at the provider is that person of the configuration, whatever the claims say.
    scene.idp.says(|told| told.claims = json!({"sub": "S-9", "groups": []}));
    let named = session(&scene.go("c-3").await).unwrap();
    assert!(scene.get("/", &named).await.text.contains("a-manager"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_anothers_name_and_nobody_comes_in_without_a_role() {
    let scene = Scene::new().await;
    assert!(session(&scene.go("c-1").await).is_some());
    let hostile = [
        ("of the configuration", json!({"sub": "S-2", "preferred_username": "a-administrator"})),
        ("of another subject", json!({"sub": "S-2"})),
        ("of the installation", json!({"sub": "S-2", "preferred_username": "system"})),
        ("none", json!({"sub": "S-2", "preferred_username": ""})),
        ("markup", json!({"sub": "S-2", "preferred_username": "<b>x</b>"})),
        ("too long", json!({"sub": "S-2", "preferred_username": "x".repeat(65)})),
        ("no text", json!({"sub": "S-2", "preferred_username": null})),
    ];
    for (at, (name, claims)) in hostile.into_iter().enumerate() {
        scene.idp.says(|told| told.claims = claims);
        let page = scene.go(&format!("d-{at}")).await;
        assert!(matches!(page.status, 401 | 403) && session(&page).is_none(), "{name}: {page:?}");
        assert!(scene.last_failure().await.contains("oidc-"), "{name}");
    }
    for (at, groups) in
        [json!([]), json!(["staff"]), json!(null), json!({"tadoru-desk": true})].into_iter().enumerate()
    {
        scene
            .idp
            .says(|told| told.claims = json!({"sub": "S-3", "preferred_username": "mori", "groups": groups}));
        let page = scene.go(&format!("e-{at}")).await;
        assert!(page.status == 403 && session(&page).is_none(), "{groups}: {page:?}");
        assert!(scene.last_failure().await.contains("oidc-role"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hostile_provider_says_is_refused_and_on_record() {
    let scene = Scene::new().await;
    let now_s = NOW.0 / 1_000_000;
    let claims = [
        ("oidc-nonce", json!({"nonce": "another"})),
        ("oidc-nonce", json!({"nonce": null})),
        ("oidc-audience", json!({"aud": "another"})),
        ("oidc-audience", json!({"aud": ["tadoru", "another"]})),
        ("oidc-issuer", json!({"iss": "https://login.example.org"})),
        ("oidc-expired", json!({"exp": now_s - 31})),
        ("oidc-expired", json!({"nbf": now_s + 31})),
        ("oidc-expired", json!({"iat": now_s + 31})),
        ("oidc-claims", json!({"department": "sales"})),
        ("oidc-claims", json!({"department": null})),
    ];
    for (at, (why, claims)) in claims.into_iter().enumerate() {
        let shown = claims.to_string();
        scene.idp.says(|told| told.claims = claims);
        let page = scene.go(&format!("c-{at}")).await;
        assert!(page.status == 401 && session(&page).is_none(), "{shown}: {page:?}");
        let told = scene.last_failure().await;
        assert!(
            told.contains(why) || (told.contains("oidc-claims") && shown.contains("iat")),
            "{shown}: {told}"
        );
        assert!(!told.contains("yamada") && !told.contains("S-1"), "nobody is named who is not known");
    }
    // Within the clocks' skew it is taken.
    scene.idp.says(|told| told.claims = json!({"exp": now_s - 20, "iat": now_s + 20, "nbf": now_s + 20}));
    assert!(session(&scene.go("s-1").await).is_some());
    scene.idp.says(|told| told.claims = json!({}));

    type Forge = fn(&mut Told);
    let forged: [(&str, Forge); 6] = [
        ("alg none", |told| told.head = json!({"alg": "none"})),
        ("alg none without a key's name", |told| told.head = json!({"alg": "none", "kid": null})),
        ("by the secret of both", |told| told.head = json!({"alg": "HS256"})),
        ("another algorithm", |told| told.head = json!({"alg": "RS256"})),
        ("another's key under a known name", |told| told.signs_with = ("first", key())),
        ("a changed signature", |told| {
            told.signature = |mut octets| {
                octets[7] ^= 1;
                octets
            }
        }),
    ];
    for (at, (name, forge)) in forged.into_iter().enumerate() {
        scene.idp.says(|told| {
            told.head = json!({});
            told.signature = |octets| octets;
            told.signs_with = ("first", copy_of(&told.keys[0].1));
            forge(told);
        });
        let page = scene.go(&format!("f-{at}")).await;
        assert!(page.status == 401 && session(&page).is_none(), "{name}: {page:?}");
        let told = scene.last_failure().await;
        assert!(
            ["oidc-signature", "oidc-key", "oidc-exchange"].iter().any(|why| told.contains(why)),
            "{name}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_of_the_provider_is_fetched_and_an_unknown_one_is_refused() {
    let scene = Scene::new().await;
    assert!(session(&scene.go("c-1").await).is_some());
    assert!(session(&scene.go("c-2").await).is_some());
    assert_eq!(scene.idp.told.lock().unwrap().fetched, 1, "keys are kept");
    scene.idp.says(|told| told.signs_with = ("second", key()));
    for code in ["c-3", "c-4"] {
        let page = scene.go(code).await;
        assert!(page.status == 401 && session(&page).is_none(), "{page:?}");
        assert!(scene.last_failure().await.contains("oidc-key"));
    }
    let fetched = scene.idp.told.lock().unwrap().fetched;
    assert!(fetched <= 2, "an unknown key does not make the desk ask again and again: {fetched}");
    // A minute later it is known, and is taken.
    scene.house.clock.set(NOW.plus(61_000_000));
    scene.idp.says(|told| {
        let second = copy_of(&told.signs_with.1);
        told.keys.push(("second", second));
    });
    assert!(session(&scene.go("c-5").await).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_used_once_by_the_browser_that_began() {
    let scene = Scene::new().await;
    let (state, cookie) = scene.leave().await;
    let back = |code: &str, state: &str| format!("/oidc/return?code={code}&state={state}");
    for (name, path, cookie) in [
        ("no state", "/oidc/return?code=c-1".to_owned(), cookie.as_str()),
        ("another state", back("c-1", "x"), &cookie),
    ] {
        let page = scene.get(&path, cookie).await;
        assert!(page.status == 401 && session(&page).is_none(), "{name}: {page:?}");
        assert!(scene.last_failure().await.contains("oidc-state"), "{name}");
    }
    assert!(session(&scene.get(&back("c-1", &state), &cookie).await).is_some());
    let page = scene.get(&back("c-2", &state), &cookie).await;
    assert!(page.status == 401 && session(&page).is_none(), "a state once used: {page:?}");

    // Another browser: somebody is sent back with a code of an attacker's.
    let (state, _) = scene.leave().await;
    for cookie in ["", "tadoru-until-back=", "tadoru-until-back=00"] {
        let page = scene.get(&back("c-3", &state), cookie).await;
        assert!(page.status == 401 && session(&page).is_none(), "{cookie}: {page:?}");
    }
    // A code that was used already, an issuer that is another, and a refusal of the provider's.
    let page = scene.go("c-1").await;
    assert!(page.status == 401 && session(&page).is_none(), "{page:?}");
    assert!(scene.last_failure().await.contains("oidc-exchange"));
    let (state, cookie) = scene.leave().await;
    let page = scene.get(&(back("c-4", &state) + "&iss=https%3A%2F%2Fevil.example"), &cookie).await;
    assert!(page.status == 401 && session(&page).is_none(), "{page:?}");
    let (state, cookie) = scene.leave().await;
    let page = scene.get(&format!("/oidc/return?error=access_denied&state={state}"), &cookie).await;
    assert!(page.status == 401 && session(&page).is_none(), "{page:?}");
    assert!(scene.last_failure().await.contains("oidc-denied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_beyond_this_machine_is_reached_over_tls_only() {
    let scene = Scene::new().await;
    assert!(scene.get("/oidc/begin", "").await.status == 303);
    for (issuer, may) in [
        ("https://login.example.net", true),
        ("http://localhost:8080", true),
        ("http://[::1]:8080", true),
        ("http://login.example.net", false),
        ("http://127.0.0.1.example.net", false),
        ("ftp://login.example.net", false),
        ("login", false),
    ] {
        let provider = Provider {
            issuer: issuer.to_owned(),
            name: String::new(),
            client_id: String::new(),
            client_secret: None,
            origin: String::new(),
            scopes: Vec::new(),
            name_claim: String::new(),
            roles_claim: String::new(),
            roles: BTreeMap::new(),
            people: BTreeMap::new(),
            required: BTreeMap::new(),
            skew_s: 0,
            authorities: None,
        };
        assert_eq!(Oidc::new(provider).is_ok(), may, "{issuer}");
    }
}
