//! Signing in with a passkey (W3C Web Authentication Level 2), and having one made for an account.
//!
//! What comes in: what the browser's authenticator signed. What goes out: whose signature it is. The authenticator itself
//! must have known its owner (user verification), so that a passkey needs no further code; it names the account by itself, so
//! that no page tells who has one. Each challenge is used once, within five minutes, and is kept by the server alone.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tadoru_desk::accounts::passkeys::Holder;
use tadoru_model::UtcMicros;
use tadoru_store::accounts::Passkey as Kept;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::console::Console;
use crate::pages::Fields;
use crate::session::{By, random};
use crate::sign_in::{address, admit, tell_held_off};

/// The relying party, and the ceremonies that are under way.
pub struct Passkeys {
    checker: Webauthn,
    origin: String,
    host: String,
    entering: Mutex<Waiting<String, DiscoverableAuthentication>>,
    making: Mutex<Waiting<u64, PasskeyRegistration>>,
}

/// Why passkeys are not offered.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The origin is none, or has more than scheme, name and port.
    #[error(
        "`{0}` is no origin: it has a scheme, a name and perhaps a port, such as `https://desk.example.net`"
    )]
    Origin(String),
    /// Browsers have passkeys made for names only, and over TLS unless the name is `localhost`.
    #[error("`{0}` is no origin for passkeys: browsers take `https` with a name, or `http://localhost`")]
    Name(String),
    /// The checker's.
    #[error("the origin cannot be used")]
    Checker(#[source] WebauthnError),
}

impl Passkeys {
    /// Passkeys of the console that browsers reach at `origin`; `operator` is what they call it.
    ///
    /// # Errors
    /// When the origin will not do.
    pub fn new(origin: &str, operator: &str) -> Result<Self, OriginError> {
        let wrong = || OriginError::Origin(origin.to_owned());
        let url = Url::parse(origin).map_err(|_| wrong())?;
        if url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
        {
            return Err(wrong());
        }
        let nameless = || OriginError::Name(origin.to_owned());
        let name = url.domain().ok_or_else(nameless)?;
        if url.scheme() != "https" && !(url.scheme() == "http" && name == "localhost") {
            return Err(nameless());
        }
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let builder = WebauthnBuilder::new(name, &url).map_err(OriginError::Checker)?;
        let checker = builder.rp_name(operator).build().map_err(OriginError::Checker)?;
        let origin = url.origin().ascii_serialization();
        Ok(Self { checker, origin, host, entering: Mutex::default(), making: Mutex::default() })
    }

    /// Where browsers reach the console for passkeys.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether a request came to that origin's name, so that the browser would offer passkeys.
    pub fn is_here(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::HOST)
            .is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(self.host.as_bytes()))
    }

    /// Begins to make a passkey in a session: what the browser is to be asked.
    pub(crate) fn begin_making(&self, session: u64, of: &Holder, now: UtcMicros) -> Option<Value> {
        let known = of.passkeys.iter().filter_map(credential).map(|known| known.cred_id().clone()).collect();
        let (handle, name) = (Uuid::from_bytes(of.handle), &of.person.0);
        let begun = self.checker.start_passkey_registration(handle, name, name, Some(known));
        let (asked, state) = begun.ok()?;
        let mut asked = serde_json::to_value(asked).ok()?;
        // The authenticator keeps the account's handle, so that it names the account when it is used.
        if let Some(wanted) =
            asked.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut)
        {
            wanted.insert("residentKey".to_owned(), "required".into());
            wanted.insert("requireResidentKey".to_owned(), true.into());
        }
        self.making.lock().unwrap_or_else(PoisonError::into_inner).put(session, state, now);
        Some(asked)
    }

    /// The passkey that was made in a session, where what the browser sent holds.
    pub(crate) fn made(&self, session: u64, sent: &str, label: &str, now: UtcMicros) -> Option<Kept> {
        let state = self.making.lock().unwrap_or_else(PoisonError::into_inner).take(&session, now)?;
        let sent: RegisterPublicKeyCredential = parsed(sent)?;
        let made = self.checker.finish_passkey_registration(&sent, &state).ok()?;
        let label = label.trim().chars().filter(|c| !c.is_control()).take(MOST_LABEL).collect();
        let credential = serde_json::to_string(&made).ok()?;
        Some(Kept { id: id_of(made.cred_id().as_ref()), label, credential, added: now, used: None })
    }

    /// Who signed, where what the browser sent holds: the account's holder, and the passkey as it is to be kept.
    fn known(
        &self,
        console: &Console,
        ceremony: &str,
        sent: &str,
        now: UtcMicros,
    ) -> Result<(Holder, Kept), Unknown> {
        let waiting =
            self.entering.lock().unwrap_or_else(PoisonError::into_inner).take(&ceremony.to_owned(), now);
        let (Some(state), Some(sent)) = (waiting, parsed::<PublicKeyCredential>(sent)) else {
            return Err(Unknown::Nobody);
        };
        let told = self.checker.identify_discoverable_authentication(&sent).map_err(|_| Unknown::Nobody)?;
        let (handle, id) = (told.0.into_bytes(), id_of(told.1));
        let holder = console.keeper.holder_of(&handle).ok_or(Unknown::Nobody)?;
        let claimed = Unknown::Claimed(holder.person.0.clone());
        let Some(mut kept) = holder.passkeys.iter().find(|passkey| passkey.id == id).cloned() else {
            return Err(claimed);
        };
        let Some(mut passkey) = credential(&kept) else { return Err(claimed) };
        let checked = self.checker.finish_discoverable_authentication_v2(&sent, state, &passkey);
        let Ok(result) = checked else { return Err(claimed) };
        passkey.update_credential(&result);
        let Ok(text) = serde_json::to_string(&passkey) else { return Err(claimed) };
        kept.credential = text;
        Ok((holder, kept))
    }
}

/// Who a passkey that proves nothing claims to be of.
enum Unknown {
    Nobody,
    Claimed(String),
}

/// Begins a sign-in: what the browser is to be asked.
pub async fn begin(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    let Some(passkeys) = &console.ways().passkeys else { return StatusCode::NOT_FOUND.into_response() };
    let (Some(ceremony), Ok((mut asked, state))) =
        (random(), passkeys.checker.start_discoverable_authentication())
    else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    if !passkeys.is_here(&headers) {
        return StatusCode::NOT_FOUND.into_response();
    }
    // The person has pressed a button for it.
    asked.mediation = None;
    let now = console.clock.now();
    passkeys.entering.lock().unwrap_or_else(PoisonError::into_inner).put(ceremony.clone(), state, now);
    Json(json!({ "ceremony": ceremony, "options": asked })).into_response()
}

/// Takes what the authenticator signed.
pub async fn enter(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let now = console.clock.now();
    let w = console.language_of(&headers).words();
    if console.ways().passkeys.is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    if let Some(wait) =
        tell_held_off(&console, console.limits.count(None, address(&console, &headers), now)).await
    {
        let wrong = Json(json!({ "wrong": w.sign_in_many }));
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, wait.0.to_string())], wrong)
            .into_response();
    }
    let asked = Arc::clone(&console);
    let signed_in = tokio::task::spawn_blocking(move || {
        let passkeys = asked.ways().passkeys.as_ref()?;
        match passkeys.known(&asked, fields.get("ceremony"), fields.get("credential"), now) {
            Ok((holder, kept)) => {
                asked.keeper.by_passkey(&holder.person, &kept.id, &kept.credential, now).ok()
            }
            Err(unknown) => {
                let claimed = match unknown {
                    Unknown::Nobody => None,
                    Unknown::Claimed(person) => Some(tadoru_model::PersonId(person)),
                };
                asked.keeper.passkey_failed(claimed);
                None
            }
        }
    });
    match signed_in.await {
        Ok(Some(actor)) => {
            let mut response = admit(&console, &headers, &actor.person, By::Account);
            let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
            if response.status().is_redirection() {
                response = Json(json!({ "to": "/" })).into_response();
                for cookie in cookies {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
            }
            response
        }
        _ => (StatusCode::UNAUTHORIZED, Json(json!({ "wrong": w.passkey_wrong }))).into_response(),
    }
}

fn credential(kept: &Kept) -> Option<Passkey> {
    serde_json::from_str(&kept.credential).ok()
}

fn parsed<T: DeserializeOwned>(sent: &str) -> Option<T> {
    serde_json::from_str(sent).ok()
}

fn id_of(credential: &[u8]) -> String {
    Sha256::digest(credential).iter().map(|byte| format!("{byte:02x}")).collect()
}

// --- ceremonies -----------------------------------------------------------------------------------------------------

/// What waits for a browser's answer: each for five minutes, and a bounded number; the oldest gives way.
pub(crate) struct Waiting<K, T> {
    held: HashMap<K, (UtcMicros, T)>,
    turn: VecDeque<(UtcMicros, K)>,
}

impl<K, T> Default for Waiting<K, T> {
    fn default() -> Self {
        Self { held: HashMap::new(), turn: VecDeque::new() }
    }
}

impl<K: Clone + Eq + std::hash::Hash, T> Waiting<K, T> {
    pub(crate) fn put(&mut self, key: K, waits: T, now: UtcMicros) {
        while let Some((since, oldest)) = self.turn.front()
            && (self.turn.len() >= MOST_WAITING || now.0 - since.0 >= WAIT_US)
        {
            // A later one of the same key stays.
            if self.held.get(oldest).is_some_and(|(put, _)| put == since) {
                self.held.remove(oldest);
            }
            self.turn.pop_front();
        }
        self.turn.push_back((now, key.clone()));
        self.held.insert(key, (now, waits));
    }

    pub(crate) fn take(&mut self, key: &K, now: UtcMicros) -> Option<T> {
        let (since, waits) = self.held.remove(key)?;
        (now.0 - since.0 < WAIT_US).then_some(waits)
    }
}

/// So long a ceremony may take: five minutes.
const WAIT_US: i64 = 300 * 1_000_000;
/// Ceremonies that are under way at a time.
const MOST_WAITING: usize = 1024;
/// Longest name of a passkey, characters.
const MOST_LABEL: usize = 64;

#[cfg(test)]
mod tests;
