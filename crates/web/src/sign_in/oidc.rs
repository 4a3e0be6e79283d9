//! Signing in by the operator's identity provider: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636), state and
//! nonce, the answer's issuer (RFC 9207).
//!
//! What comes in: the browser with a code. What goes out: who the provider says it is, in roles that the operator has mapped.
//! The provider's metadata and keys are fetched over TLS and kept for an hour, and its keys anew when one is not known. Tokens
//! are signed by a key of the provider, never by none and never by the shared secret; nothing of a token is logged or kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, Client,
    ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IdToken, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tadoru_desk::accounts::AccountError;
use tadoru_desk::accounts::provided::Told;
use tadoru_model::{PersonId, Role, UtcMicros};

use crate::console::Console;
use crate::cookie;
use crate::session::{By, random};
use crate::sign_in::passkeys::Waiting;
use crate::sign_in::{Plain, SignInPage, address, admit, page, tell_held_off};

/// What the operator has told about the provider.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its address, as its metadata says it.
    pub issuer: String,
    /// What people call it.
    pub name: String,
    /// Name of this desk there.
    pub client_id: String,
    /// Secret of this desk there; `None`: a public client.
    pub client_secret: Option<Secret>,
    /// Where browsers reach the console.
    pub origin: String,
    /// Scopes asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Claim with the readable name.
    pub name_claim: String,
    /// Claim with what roles stand for.
    pub roles_claim: String,
    /// Roles by a value of that claim.
    pub roles: BTreeMap<String, Vec<Role>>,
    /// People of the configuration by their subject.
    pub people: BTreeMap<String, PersonId>,
    /// Claims that must have, or hold, a value.
    pub required: BTreeMap<String, Value>,
    /// How far the provider's clock may be off, seconds.
    pub skew_s: u32,
    /// Authorities besides the system's, PEM.
    pub authorities: Option<Vec<u8>>,
}

/// A text that is not shown.
#[derive(Clone)]
pub struct Secret(pub String);

/// The provider, and who is on the way to it.
pub struct Oidc {
    of: Provider,
    http: reqwest::Client,
    known: tokio::sync::Mutex<Option<(UtcMicros, Arc<CoreProviderMetadata>)>>,
    begun: Mutex<Waiting<String, Begun>>,
}

/// Why a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// Neither TLS nor this machine.
    #[error("the issuer is an `https` address")]
    Issuer,
    /// The client.
    #[error("no client for the provider can be made")]
    Client(#[source] reqwest::Error),
}

/// Somebody who was sent to the provider.
struct Begun {
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    /// What the same browser brings back.
    browser: String,
}

/// Claims of the operator's own choice.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Others {
    #[serde(flatten)]
    all: HashMap<String, Value>,
}

impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Word = IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

type Desk = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why nobody came in; the word is what the journal says.
type Why = &'static str;

impl Oidc {
    /// That provider. Nothing is fetched before somebody signs in by it.
    ///
    /// # Errors
    /// When it is reached without TLS on another machine, or its authorities do not read.
    pub fn new(of: Provider) -> Result<Self, OidcError> {
        let issuer = url::Url::parse(&of.issuer).map_err(|_| OidcError::Issuer)?;
        let is_here = match issuer.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if issuer.scheme() != "https" && !is_here {
            return Err(OidcError::Issuer);
        }
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE);
        if let Some(pem) = &of.authorities {
            http =
                http.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem).map_err(OidcError::Client)?);
        }
        let http = http.build().map_err(OidcError::Client)?;
        Ok(Self { of, http, known: tokio::sync::Mutex::default(), begun: Mutex::default() })
    }

    /// What people call the provider.
    pub fn name(&self) -> &str {
        &self.of.name
    }

    /// The provider's metadata and keys, not older than an hour; `since`: nor than that.
    async fn metadata(
        &self,
        now: UtcMicros,
        since: Option<UtcMicros>,
    ) -> Result<Arc<CoreProviderMetadata>, Why> {
        let mut known = self.known.lock().await;
        if let Some((at, metadata)) = &*known
            && now.0 - at.0 < KEPT_US
            && since.is_none_or(|since| *at >= since)
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = IssuerUrl::new(self.of.issuer.clone()).map_err(|_| "oidc-provider")?;
        let ask = |request| fetch(self.http.clone(), request);
        let found = CoreProviderMetadata::discover_async(issuer, &ask).await.map_err(|_| "oidc-provider")?;
        let found = Arc::new(found);
        *known = Some((now, Arc::clone(&found)));
        Ok(found)
    }

    fn desk(&self, metadata: &CoreProviderMetadata) -> Result<Desk, Why> {
        let secret = self.of.client_secret.as_ref().map(|secret| ClientSecret::new(secret.0.clone()));
        let back =
            RedirectUrl::new(format!("{}/oidc/return", self.of.origin)).map_err(|_| "oidc-provider")?;
        let desk = Client::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.of.client_id.clone()),
            secret,
        );
        let ways = metadata.token_endpoint_auth_methods_supported();
        let by_body = ways.is_some_and(|ways| {
            !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && ways.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        let way = if by_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        Ok(desk.set_redirect_uri(back).set_auth_type(way))
    }

    /// Where the browser is sent, and what it has to bring back.
    async fn begin(&self, now: UtcMicros) -> Result<(url::Url, String), Why> {
        let desk = self.desk(&*self.metadata(now, None).await?)?;
        let browser = random().ok_or("oidc-provider")?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut asked = desk.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        for scope in &self.of.scopes {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        let (address, state, nonce) = asked.set_pkce_challenge(challenge).url();
        let begun = Begun { nonce, verifier, browser: browser.clone() };
        let key = state.secret().clone();
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).put(key, begun, now);
        Ok((address, browser))
    }

    /// Who came back.
    async fn came_back(
        &self,
        query: &BTreeMap<String, String>,
        browser: &str,
        now: UtcMicros,
    ) -> Result<Told, Why> {
        let of = |name: &str| query.get(name).map(String::as_str);
        let begun = of("state")
            .and_then(|state| {
                self.begun.lock().unwrap_or_else(PoisonError::into_inner).take(&state.to_owned(), now)
            })
            .filter(|begun| {
                let (sent, brought) = (begun.browser.as_bytes(), browser.as_bytes());
                aws_lc_rs::constant_time::verify_slices_are_equal(sent, brought).is_ok()
            })
            .ok_or("oidc-state")?;
        if of("iss").is_some_and(|issuer| issuer != self.of.issuer) {
            return Err("oidc-issuer");
        }
        let code = of("code").ok_or("oidc-denied")?;
        let metadata = self.metadata(now, None).await?;
        let desk = self.desk(&metadata)?;
        let ask = |request| fetch(self.http.clone(), request);
        let exchange =
            desk.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| "oidc-provider")?;
        let told = exchange.set_pkce_verifier(begun.verifier).request_async(&ask).await;
        let told = told.map_err(|_| "oidc-exchange")?;
        let word = told.extra_fields().id_token().ok_or("oidc-exchange")?;
        match self.told(&desk, word, &begun.nonce, now) {
            // The provider may have a new key since its keys were fetched.
            Err(UNKNOWN_KEY) => {
                let metadata = self.metadata(now, Some(now.plus(-KEY_PAUSE_US))).await?;
                self.told(&self.desk(&metadata)?, word, &begun.nonce, now)
            }
            told => told,
        }
    }

    /// What a token says, where it is the provider's, for this desk, of this sign-in and of now.
    fn told(&self, desk: &Desk, word: &Word, nonce: &Nonce, now: UtcMicros) -> Result<Told, Why> {
        let skew = Duration::from_secs(self.of.skew_s.into());
        let at = |us: i64| SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(us).unwrap_or(0));
        let (present, lenient) = (at(now.0), at(now.0).checked_sub(skew).unwrap_or(SystemTime::UNIX_EPOCH));
        let verifier = desk
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || lenient.into())
            .set_issue_time_verifier_fn(move |issued| {
                if SystemTime::from(issued) <= present + skew {
                    Ok(())
                } else {
                    Err("issued later".to_owned())
                }
            });
        let claims = word.claims(&verifier, nonce).map_err(|error| match error {
            ClaimsVerificationError::Expired(_) => "oidc-expired",
            ClaimsVerificationError::InvalidAudience(_) => "oidc-audience",
            ClaimsVerificationError::InvalidIssuer(_) => "oidc-issuer",
            ClaimsVerificationError::InvalidNonce(_) => "oidc-nonce",
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                UNKNOWN_KEY
            }
            ClaimsVerificationError::SignatureVerification(_) | ClaimsVerificationError::Unsupported(_) => {
                "oidc-signature"
            }
            _ => "oidc-claims",
        })?;
        // The library drops standard claims from the others: what the operator names is looked up in all of them.
        let all = serde_json::to_value(claims).map_err(|_| "oidc-claims")?;
        let not_before = all.get("nbf").and_then(Value::as_f64).unwrap_or(0.0);
        let present_s = present.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + skew;
        if not_before > present_s.as_secs_f64() {
            return Err("oidc-expired");
        }
        let holds = |(claim, wanted): (&String, &Value)| all.get(claim).is_some_and(|told| has(told, wanted));
        if !self.of.required.iter().all(holds) {
            return Err("oidc-claims");
        }
        let subject = claims.subject().as_str().to_owned();
        let groups = all.get(&self.of.roles_claim).cloned().unwrap_or_default();
        let of_group = |(group, _): &(&String, &Vec<Role>)| has(&groups, &Value::String((*group).clone()));
        Ok(Told {
            issuer: self.of.issuer.clone(),
            named: self.of.people.get(&subject).cloned(),
            name: all.get(&self.of.name_claim).and_then(Value::as_str).unwrap_or_default().to_owned(),
            roles: self.of.roles.iter().filter(of_group).flat_map(|(_, roles)| roles).copied().collect(),
            subject,
        })
    }
}

/// Whether a claim has a value, or holds it.
fn has(told: &Value, wanted: &Value) -> bool {
    told == wanted || told.as_array().is_some_and(|all| all.contains(wanted))
}

/// Sends the browser to the provider.
pub async fn begin(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    let Some(oidc) = &console.ways().oidc else { return StatusCode::NOT_FOUND.into_response() };
    match oidc.begin(console.clock.now()).await {
        Ok((address, browser)) => {
            let mut response = Redirect::to(address.as_str()).into_response();
            cookie::set_until_back(response.headers_mut(), &browser, cookie::is_local(&headers));
            response
        }
        Err(why) => refused(&console, &headers, why).await,
    }
}

/// Takes the browser back from the provider.
pub async fn come_back(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let Some(oidc) = &console.ways().oidc else { return StatusCode::NOT_FOUND.into_response() };
    let now = console.clock.now();
    let counted = console.limits.count(None, address(&console, &headers), now);
    if let Some(wait) = tell_held_off(&console, counted).await {
        let many = console.language_of(&headers).words().sign_in_many;
        let told = SignInPage::of(&console, &headers, String::new(), many);
        let told = page(StatusCode::TOO_MANY_REQUESTS, &told);
        return ([(header::RETRY_AFTER, wait.0.to_string())], told).into_response();
    }
    let browser = cookie::of(&headers, cookie::UNTIL_BACK).unwrap_or_default();
    let told = match oidc.came_back(&query, browser, now).await {
        Ok(told) => told,
        Err(why) => return refused(&console, &headers, why).await,
    };
    let asked = Arc::clone(&console);
    let came = tokio::task::spawn_blocking(move || asked.keeper.by_provider(&told, now)).await;
    let wrong = console.language_of(&headers).words();
    let again = |status, wrong| page(status, &SignInPage::of(&console, &headers, String::new(), wrong));
    match came {
        Ok(Ok(came)) => {
            if came.has_other_roles {
                console.sessions.end_all_of(&came.actor.person);
            }
            let admitted = admit(&console, &headers, &came.actor.person, By::Account);
            let cookies: Vec<_> = admitted.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
            if !admitted.status().is_redirection() {
                return admitted;
            }
            // The session's cookie is for requests that begin at this site: a page of ours leads on, not the redirect that
            // began at the provider's.
            let p = Plain::of(&console, &headers, "/");
            let mut response = page(StatusCode::OK, &EnteredPage { p });
            for cookie in cookies {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            cookie::set_until_back(response.headers_mut(), "", cookie::is_local(&headers));
            response
        }
        Ok(Err(AccountError::NoRole)) => again(StatusCode::FORBIDDEN, wrong.oidc_no_role),
        Ok(Err(AccountError::Name | AccountError::Nobody)) => again(StatusCode::FORBIDDEN, wrong.oidc_name),
        _ => again(StatusCode::SERVICE_UNAVAILABLE, wrong.oidc_wrong),
    }
}

async fn refused(console: &Arc<Console>, headers: &HeaderMap, why: Why) -> Response {
    tracing::warn!(why, "a sign-in by the identity provider came to nothing");
    let noting = Arc::clone(console);
    let _ = tokio::task::spawn_blocking(move || noting.keeper.provider_failed(why)).await;
    let w = console.language_of(headers).words();
    let (status, wrong) = match why {
        "oidc-provider" => (StatusCode::SERVICE_UNAVAILABLE, w.oidc_away),
        _ => (StatusCode::UNAUTHORIZED, w.oidc_wrong),
    };
    page(status, &SignInPage::of(console, headers, String::new(), wrong))
}

/// Asks the provider; an answer that is too long is none.
async fn fetch(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let request = reqwest::Request::try_from(request)?;
    let mut answer = http.execute(request).await?;
    let mut told = HttpResponse::new(Vec::new());
    *told.status_mut() = answer.status();
    *told.headers_mut() = answer.headers().clone();
    while let Some(more) = answer.chunk().await? {
        if told.body().len() + more.len() > MOST_ANSWER {
            return Err(FetchError::TooLong);
        }
        told.body_mut().extend_from_slice(&more);
    }
    Ok(told)
}

/// Why the provider's answer did not come.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the provider cannot be asked")]
    Http(#[from] reqwest::Error),
    #[error("the provider's answer is too long")]
    TooLong,
}

#[derive(Template)]
#[template(path = "entered.html")]
struct EnteredPage {
    p: Plain,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Signatures by a key of the provider's own: RSA, RSA-PSS, ECDSA, EdDSA.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

const UNKNOWN_KEY: Why = "oidc-key";
/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long metadata and keys are kept: one hour.
const KEPT_US: i64 = 3600 * 1_000_000;
/// For a key that is not known, keys are fetched anew once in so long: a minute.
const KEY_PAUSE_US: i64 = 60 * 1_000_000;
/// Longest answer of the provider, bytes.
const MOST_ANSWER: usize = 1 << 20;
