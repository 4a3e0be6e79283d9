//! The routes for programs, version 1.
//!
//! Every route takes the person who asks from the transport; without one the answer is 401, whatever the route. A
//! refusal of the gate, and an honest *cannot be told*, are answers and come with status 200; wrong use is 400, a role
//! that is missing 403, a store that fails 503. The document is at `/v1/openapi.json`.

#![allow(unused_qualifications, reason = "the paths that utoipa's macros write out")]

pub mod accounts;
pub mod approvals;
pub mod batch;
pub mod cases;
pub mod copies;
pub mod coverage;
pub mod exporters;
pub mod filter;
pub mod flows;
pub mod gate;
pub mod health;
pub mod holds;
pub mod import;
pub mod incidents;
pub mod ingress;
pub mod journal;
pub mod packs;
pub mod problem;
pub mod read_back;
pub mod rehearsals;
pub mod retention;
pub mod scope;
pub mod shape;
pub mod subscribers;
pub mod validation;
pub mod who;

mod extract;
mod ground;
mod reading;

pub use self::reading::NumberOrText;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use tadoru_desk::import::FileReader;
use tadoru_desk::{Actor, Desk, Stores};
use tokio::runtime::Handle;
use tokio::sync::watch;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::exporters::Exporters;
use self::health::SourceState;
use self::problem::Problem;

/// What the routes stand on.
pub struct Api<S> {
    /// The desk.
    pub desk: Arc<Desk<S>>,
    /// Reads the files that are imported.
    pub reader: Arc<dyn FileReader>,
    /// Tells the state of the live sources; nothing where none listens.
    pub sources: Arc<dyn Fn() -> Vec<SourceState> + Send + Sync>,
    /// Tells how the exporters of flows fare; nothing where none listens.
    pub exporters: Arc<dyn Fn() -> Exporters + Send + Sync>,
    /// Becomes true when the desk ends: then streams without an end of their own end too.
    pub end: watch::Receiver<bool>,
}

/// The routes over this desk.
pub fn router<S: Stores>(api: Arc<Api<S>>) -> Router {
    let (router, document) = routes::<S>().split_for_parts();
    let document = Document(document.to_json().unwrap_or_default().into());
    router
        .layer(Extension(document))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MOST_JSON_BYTES))
        .layer(from_fn(guard))
        .with_state(api)
}

fn routes<S: Stores>() -> OpenApiRouter<Arc<Api<S>>> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(who::who))
        .routes(routes!(batch::batch))
        .routes(routes!(import::import))
        .routes(routes!(coverage::coverage))
        .routes(routes!(flows::flows))
        .routes(routes!(copies::c2_copy))
        .routes(routes!(filter::read))
        .routes(routes!(rehearsals::rehearse))
        .routes(routes!(exporters::exporters))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::show))
        .routes(routes!(incidents::stream))
        .routes(routes!(ingress::ingress))
        .routes(routes!(packs::pack))
        .routes(routes!(validation::validation))
        .routes(routes!(cases::list, cases::open))
        .routes(routes!(cases::show))
        .routes(routes!(cases::close))
        .routes(routes!(subscribers::show))
        .routes(routes!(read_back::reading))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::link))
        .routes(routes!(accounts::remove))
        .routes(routes!(accounts::tokens::list))
        .routes(routes!(accounts::tokens::issue))
        .routes(routes!(accounts::tokens::revoke))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::approve))
        .routes(routes!(gate::explain))
        .routes(routes!(gate::table))
        .routes(routes!(journal::checkpoint))
        .routes(routes!(journal::entries))
        .routes(routes!(journal::proof))
        .routes(routes!(retention::run))
        .routes(routes!(holds::new, holds::list))
        .routes(routes!(holds::release))
        .routes(routes!(health::health))
        .routes(routes!(document))
}

impl<S: Stores> Api<S> {
    /// Runs a command of the desk where blocking is allowed: it waits for disks. It goes on to its end when the one who
    /// asked has left, so that nothing is half written.
    async fn run<T, E, F>(self: &Arc<Self>, command: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
        F: FnOnce(&Desk<S>, &Handle) -> Result<T, E> + Send + 'static,
    {
        let (desk, handle) = (Arc::clone(&self.desk), Handle::current());
        let done = tokio::task::spawn_blocking(move || command(&desk, &handle)).await;
        match done {
            Ok(result) => result.map_err(Into::into),
            Err(_) => {
                Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "the command did not end"))
            }
        }
    }
}

/// Lets nobody in whom the transport has not named, and logs what was asked: no id, no query, no body.
async fn guard(request: Request, next: Next) -> Response {
    let known = match request.extensions().get::<Actor>() {
        None => Err(Problem::nobody()),
        Some(actor) if actor.roles.is_empty() => Err(Problem::role(&tadoru_model::Role::ALL)),
        Some(_) => Ok(()),
    };
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = Instant::now();
    let known = match (known, request.extensions().get::<scope::CaseScope>().cloned()) {
        (Ok(()), None) => Ok(request),
        (Ok(()), Some(of)) => scope::within(request, &of).await,
        (Err(problem), _) => Err(problem),
    };
    let response = match known {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(%method, route, status, took_us, "request");
    response
}

async fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-route", "there is no such route")
        .help("the routes are in /v1/openapi.json")
}

async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no-such-method", "the route does not take this method")
        .help("the routes are in /v1/openapi.json")
}

/// The document of the routes, as text.
#[derive(Clone)]
struct Document(Arc<str>);

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "about", operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")),
    extensions(("x-door" = json!("anybody")))
)]
async fn document(Extension(Document(text)): Extension<Document>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tadoru",
        description = "Who had this address, then? The desk's routes for programs. A refusal and an honest \
                       *cannot be told* come with status 200; no error holds an address.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "who", description = "Who had an endpoint at an instant"),
        (name = "records", description = "Records in, and what is known of their sources"),
        (name = "flows", description = "What the recorded flows add up to"),
        (name = "incidents", description = "Detected attacks and scans"),
        (name = "cases", description = "The thread of everything done in one matter"),
        (name = "gate", description = "What the rules say, and what waits for approval"),
        (name = "journal", description = "The record that proves itself"),
        (name = "about", description = "About this installation"),
    )
)]
struct Head;

/// Longest JSON body.
pub const MOST_JSON_BYTES: usize = 1 << 20;
