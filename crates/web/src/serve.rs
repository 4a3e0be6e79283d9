//! The routes served: on the desk's socket, where the peer's credentials name the person, and on loopback, where a
//! bearer token does.
//!
//! What comes in: a listener, the routes, whoever knows the people, an end. It never listens beyond loopback, and hands
//! a request to the routes without a person where nobody is known: they answer 401.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest as _, Sha256};
use tadoru_desk::Actor;
use tadoru_desk::accounts::tokens::Bearer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::api::scope::CaseScope;

/// The bearer tokens of people and programs, known by their SHA-256 only.
#[derive(Clone, Default)]
pub struct Tokens {
    told: Vec<([u8; 32], Actor)>,
    issued: Option<Issued>,
}

/// As whom a token asks that the desk issued; `None`: it issued none such, or it no longer holds.
pub type Issued = Arc<dyn Fn(&str) -> Option<Bearer> + Send + Sync>;

impl Tokens {
    /// These tokens, each with who bears it.
    pub const fn new(tokens: Vec<([u8; 32], Actor)>) -> Self {
        Self { told: tokens, issued: None }
    }

    /// With those that the desk issues.
    #[must_use]
    pub fn and_issued(self, issued: Issued) -> Self {
        Self { issued: Some(issued), ..self }
    }

    /// Who bears that token, and for which cases.
    pub fn bearer(&self, token: &str) -> Option<Bearer> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let told = self.told.iter().find(|(known, _)| *known == digest);
        match told {
            Some((_, actor)) => Some(unbound(actor.clone())),
            None => self.issued.as_ref().and_then(|issued| issued(token)),
        }
    }

    /// Who bears the token of a request.
    fn of(&self, headers: &HeaderMap) -> Option<Bearer> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| self.bearer(token.trim()))?
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} tokens]", self.told.len())
    }
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not of this machine alone.
    #[error("the API listens on loopback only")]
    NotLoopback,
    /// The listener.
    #[error("cannot listen")]
    Listen(#[source] io::Error),
}

/// Serves the routes on loopback until `end` comes; requests that are under way are answered first.
///
/// # Errors
/// When the listener is not on loopback.
pub async fn loopback(
    listener: TcpListener,
    router: Router,
    tokens: Tokens,
    end: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    if !listener.local_addr().map_err(ServeError::Listen)?.ip().is_loopback() {
        return Err(ServeError::NotLoopback);
    }
    let tokens = Arc::new(tokens);
    let accept = || async {
        let (stream, _) = listener.accept().await?;
        let tokens = Arc::clone(&tokens);
        Ok((stream, move |headers: &HeaderMap| tokens.of(headers)))
    };
    serve(accept, router, end).await;
    Ok(())
}

/// Serves the routes on a socket until `end` comes; `known` says who is behind a user id of the machine.
pub async fn socket(
    listener: UnixListener,
    router: Router,
    known: impl Fn(u32) -> Option<Actor>,
    end: impl Future<Output = ()>,
) {
    let accept = || async {
        let (stream, _) = listener.accept().await?;
        let peer = stream.peer_cred().ok().and_then(|peer| known(peer.uid())).map(unbound);
        Ok((stream, move |_: &HeaderMap| peer.clone()))
    };
    serve(accept, router, end).await;
}

/// Somebody whom nothing narrows to cases.
const fn unbound(actor: Actor) -> Bearer {
    Bearer { actor, cases: Vec::new() }
}

/// Takes connections until the end, then lets those that are under way finish.
async fn serve<Stream, Who, Accepted>(
    accept: impl Fn() -> Accepted,
    router: Router,
    end: impl Future<Output = ()>,
) where
    Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    Who: Fn(&HeaderMap) -> Option<Bearer> + Clone + Send + Sync + 'static,
    Accepted: Future<Output = io::Result<(Stream, Who)>>,
{
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut end = pin!(end);
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut end => break,
            Some(_) = connections.join_next() => continue,
            next = next => next,
        };
        match (place, accepted) {
            (Ok(place), Ok((stream, who))) => {
                let (router, closed) = (router.clone(), closed.clone());
                connections.spawn(async move {
                    connection(stream, who, router, closed).await;
                    drop(place);
                });
            }
            (_, Err(error)) => {
                // Out of file descriptors, as a rule: the connections that end give some back.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
            (Err(_), _) => break,
        }
    }
    drop(closing);
    drop(closed);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_REQUESTS, all).await.is_err() {
        tracing::warn!("requests were still under way at the end");
    }
}

async fn connection<Stream, Who>(stream: Stream, who: Who, router: Router, mut closed: watch::Receiver<()>)
where
    Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    Who: Fn(&HeaderMap) -> Option<Bearer> + Clone + Send + Sync + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        if let Some(Bearer { actor, cases }) = who(request.headers()) {
            request.extensions_mut().insert(actor);
            if !cases.is_empty() {
                request.extensions_mut().insert(CaseScope(cases));
            }
        }
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Connections served at a time; others wait to be accepted.
const MOST_CONNECTIONS: usize = 256;

/// How long a request's head may take to come, and a connection may idle.
const HEADERS: Duration = Duration::from_secs(30);

/// Longest head of a request.
const MOST_HEADER_BYTES: usize = 64 << 10;

/// How long requests that are under way at the end may take.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// Pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);
