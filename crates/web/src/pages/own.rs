//! One's own account: passkeys, and the sessions that run.
//!
//! What comes in: forms of the person's own session. What goes out: the page. A passkey is added only soon after signing in, so
//! that a session left open for somebody else does not become a way in of their own.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use tadoru_desk::accounts::AccountError;

use super::{Frame, Sent, Visitor, seconds};
use crate::api::problem::Problem;
use crate::api::shape::Moment;
use crate::assets;
use crate::console::Console;

#[derive(Template)]
#[template(path = "own.html")]
struct OwnPage {
    f: Frame,
    passkeys: Vec<Held>,
    /// Where passkeys are made; empty where they are not offered.
    passkeys_at: String,
    passkeys_here: bool,
    is_fresh: bool,
    passkey_script: &'static str,
    sessions: Vec<Running>,
}

struct Held {
    id: String,
    label: String,
    added: String,
    used: String,
}

struct Running {
    number: u64,
    began: String,
    used: String,
    is_this: bool,
}

/// The page.
pub async fn show(State(console): State<Arc<Console>>, headers: HeaderMap, visitor: Visitor) -> Response {
    let (asked, person) = (Arc::clone(&console), visitor.actor.person.clone());
    let found = tokio::task::spawn_blocking(move || asked.keeper.passkeys(&person)).await;
    let page = match found {
        Ok(Ok(holder)) => Ok(holder.passkeys),
        Ok(Err(error)) => Err(Problem::from(error)),
        Err(_) => Err(Problem::from(AccountError::Wrong)),
    };
    let shown = |at| Moment::of(seconds(at), &console.zone).local;
    let page = page.map(|passkeys| OwnPage {
        f: console.frame(&visitor, "", visitor.lang.words().own_account, "/account"),
        passkeys: passkeys
            .into_iter()
            .map(|kept| Held {
                id: kept.id,
                label: if kept.label.is_empty() {
                    visitor.lang.words().passkey_unnamed.to_owned()
                } else {
                    kept.label
                },
                added: shown(kept.added),
                used: kept.used.map(shown).unwrap_or_default(),
            })
            .collect(),
        passkeys_at: console.ways().passkeys.as_ref().map(|p| p.origin().to_owned()).unwrap_or_default(),
        passkeys_here: console.ways().passkeys.as_ref().is_some_and(|p| p.is_here(&headers)),
        is_fresh: is_fresh(&console, visitor.session),
        passkey_script: assets::passkeys(),
        sessions: console
            .sessions
            .list()
            .into_iter()
            .filter(|seen| seen.person == visitor.actor.person)
            .map(|seen| Running {
                number: seen.number,
                began: shown(seen.began),
                used: shown(seen.used),
                is_this: seen.number == visitor.session,
            })
            .collect(),
    });
    console.shown(&visitor, page)
}

/// What the browser is to be asked for a new passkey.
pub async fn passkey_begin(State(console): State<Arc<Console>>, headers: HeaderMap, sent: Sent) -> Response {
    let Sent { visitor, .. } = sent;
    if !is_fresh(&console, visitor.session) {
        return wrong(StatusCode::FORBIDDEN, visitor.lang.words().passkey_stale);
    }
    let (asked, now) = (Arc::clone(&console), console.clock.now());
    let begun = tokio::task::spawn_blocking(move || {
        let passkeys = asked.ways().passkeys.as_ref().filter(|passkeys| passkeys.is_here(&headers))?;
        let holder = asked.keeper.passkeys(&visitor.actor.person).ok()?;
        passkeys.begin_making(visitor.session, &holder, now)
    });
    match begun.await {
        Ok(Some(options)) => Json(json!({ "options": options })).into_response(),
        _ => wrong(StatusCode::SERVICE_UNAVAILABLE, visitor.lang.words().passkey_failed),
    }
}

/// Adds the passkey that the authenticator made.
pub async fn passkey_add(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let w = visitor.lang.words();
    if !is_fresh(&console, visitor.session) {
        return wrong(StatusCode::FORBIDDEN, w.passkey_stale);
    }
    let (asked, now) = (Arc::clone(&console), console.clock.now());
    let added = tokio::task::spawn_blocking(move || {
        let passkeys = asked.ways().passkeys.as_ref().ok_or(AccountError::Wrong)?;
        let made = passkeys.made(visitor.session, fields.get("credential"), fields.get("label"), now);
        asked.keeper.add_passkey(&visitor.actor, &made.ok_or(AccountError::Wrong)?)
    });
    match added.await {
        Ok(Ok(())) => Json(json!({ "to": "/account" })).into_response(),
        Ok(Err(AccountError::TooMany)) => wrong(StatusCode::CONFLICT, w.passkey_many),
        Ok(Err(AccountError::Wrong)) => wrong(StatusCode::BAD_REQUEST, w.passkey_failed),
        _ => wrong(StatusCode::SERVICE_UNAVAILABLE, w.passkey_failed),
    }
}

/// Removes one of the person's passkeys.
pub async fn passkey_remove(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let (asked, by) = (Arc::clone(&console), visitor.actor.clone());
    let removed =
        tokio::task::spawn_blocking(move || asked.keeper.remove_passkey(&by, fields.get("id"))).await;
    match removed {
        Ok(Ok(_)) => Redirect::to("/account").into_response(),
        Ok(Err(error)) => console.fault(&visitor, &error.into()),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Ends one of the person's sessions.
pub async fn end_session(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    let own = |number: &u64| {
        let listed = console.sessions.list();
        listed.iter().any(|seen| seen.number == *number && seen.person == visitor.actor.person)
    };
    let number = fields.get("number").parse().ok().filter(own);
    if let Some(person) = number.and_then(|number| console.sessions.end(number)) {
        let noting = Arc::clone(&console);
        let _ = tokio::task::spawn_blocking(move || noting.keeper.signed_out(&person, &person)).await;
    }
    Redirect::to("/account").into_response()
}

/// Whether a session began so lately that its person is taken to sit before it.
fn is_fresh(console: &Console, session: u64) -> bool {
    let now = console.clock.now();
    console.sessions.list().iter().any(|seen| seen.number == session && now.0 - seen.began.0 < FRESH_US)
}

fn wrong(status: StatusCode, text: &'static str) -> Response {
    (status, Json(json!({ "wrong": text }))).into_response()
}

/// So long after signing in a passkey may be added: a quarter of an hour.
const FRESH_US: i64 = 900 * 1_000_000;
