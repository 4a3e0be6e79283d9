//! Accounts and sessions. People and their roles are the configuration's; here is only what proves who signs in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use tadoru_desk::Door;
use tadoru_model::PersonId;

use super::{Frame, Sent, Visitor, quoted};
use crate::api::accounts::{AccountLink, AccountRemoved, Accounts};
use crate::api::problem::Problem;
use crate::api::shape::Moment;
use crate::console::Console;
use crate::pages::times::local;
use crate::words::fixed::{self, word};

#[derive(Template)]
#[template(path = "admin.html")]
struct AdminPage {
    f: Frame,
    accounts: Vec<Row>,
    sessions: Vec<Running>,
    issued: Option<Issued>,
    removed: bool,
}

struct Row {
    person: String,
    roles: String,
    is_set: bool,
    set: String,
    has_link: bool,
    link_until: String,
}

struct Running {
    number: u64,
    person: String,
    began: String,
    used: String,
    is_own: bool,
}

struct Issued {
    person: String,
    path: String,
    until: String,
}

/// What came of the last deed.
#[derive(Default)]
struct Done {
    issued: Option<Issued>,
    removed: bool,
}

/// The page.
pub async fn show(State(console): State<Arc<Console>>, visitor: Visitor) -> Response {
    let page = page(&console, &visitor, Done::default()).await;
    console.shown(&visitor, page)
}

/// Issues a link.
pub async fn link(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let path = format!("/v1/accounts/{}/link", quoted(sent.fields.get("person")));
    match console.post::<AccountLink>(&sent.visitor, &path, &json!({})).await {
        Ok(link) => {
            let until = local(link.until.as_deref(), &console.zone);
            let issued = Some(Issued { person: link.person, path: link.path, until });
            let page = page(&console, &sent.visitor, Done { issued, removed: false }).await;
            console.shown(&sent.visitor, page)
        }
        Err(problem) => console.fault(&sent.visitor, &problem),
    }
}

/// Removes an account, and ends its sessions.
pub async fn remove(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let person = sent.fields.get("person");
    let path = format!("/v1/accounts/{}/remove", quoted(person));
    match console.post::<AccountRemoved>(&sent.visitor, &path, &json!({})).await {
        Ok(AccountRemoved { removed }) => {
            console.sessions.end_all_of(&PersonId(person.to_owned()));
            let page = page(&console, &sent.visitor, Done { issued: None, removed }).await;
            console.shown(&sent.visitor, page)
        }
        Err(problem) => console.fault(&sent.visitor, &problem),
    }
}

/// Ends a session: one's own, or anybody's where one runs the system.
pub async fn end_session(State(console): State<Arc<Console>>, sent: Sent) -> Response {
    let Sent { visitor, fields } = sent;
    if !visitor.actor.opens(Door::RunsSystem) {
        return console.fault(&visitor, &Problem::role(Door::RunsSystem.roles()));
    }
    let ended = fields.get("number").parse().ok().and_then(|number| console.sessions.end(number));
    if let Some(person) = ended {
        let (noting, by) = (Arc::clone(&console), visitor.actor.person);
        let _ = tokio::task::spawn_blocking(move || noting.keeper.signed_out(&person, &by)).await;
    }
    Redirect::to("/admin").into_response()
}

async fn page(console: &Console, visitor: &Visitor, done: Done) -> Result<AdminPage, Problem> {
    let lang = visitor.lang;
    let accounts: Accounts = console.get(visitor, "/v1/accounts").await?;
    let row = |account: crate::api::accounts::Account| Row {
        roles: account
            .roles
            .iter()
            .map(|role| word(lang, fixed::ROLES, role))
            .collect::<Vec<_>>()
            .join(lang.of("・", ", ")),
        is_set: account.set.is_some(),
        set: local(account.set.as_deref(), &console.zone),
        has_link: account.link_until.is_some(),
        link_until: local(account.link_until.as_deref(), &console.zone),
        person: account.person,
    };
    let shown = |at| Moment::of(super::seconds(at), &console.zone).local;
    let running = console.sessions.list().into_iter().map(|seen| Running {
        number: seen.number,
        began: shown(seen.began),
        used: shown(seen.used),
        is_own: seen.number == visitor.session,
        person: seen.person.0,
    });
    Ok(AdminPage {
        f: console.frame(visitor, "admin", lang.words().admin, "/admin"),
        accounts: accounts.accounts.into_iter().map(row).collect(),
        sessions: running.collect(),
        issued: done.issued,
        removed: done.removed,
    })
}
