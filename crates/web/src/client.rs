//! A client of the routes for our own commands: in the process itself, or over the desk's socket. Both are the same.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tadoru_desk::Actor;
use tokio::net::UnixStream;
use tower::ServiceExt as _;

use crate::lines::{Line, Lines};

/// Asks the routes.
#[derive(Debug, Clone)]
pub struct Client(Way);

#[derive(Debug, Clone)]
enum Way {
    InProcess(Router, Actor),
    Socket(PathBuf),
}

/// What came back: a status, and a body that streams.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Body.
    pub body: Body,
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens at the socket.
    #[error("cannot reach the desk at `{}`", path.display())]
    Reach {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path is none.
    #[error("not a path of the API")]
    Path,
    /// The body could not be made.
    #[error("the request cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The desk went away in the middle.
    #[error("the desk broke off")]
    Broken(#[source] hyper::Error),
    /// The answer ends before its end.
    #[error("the answer breaks off")]
    Answer(#[source] axum::Error),
    /// The answer is longer than anybody asked for.
    #[error("the answer, or a line of it, is longer than {most} bytes")]
    TooLong {
        /// Bytes that were waited for at most.
        most: usize,
    },
}

impl Client {
    /// Asks routes of this process, as that person.
    pub const fn in_process(router: Router, actor: Actor) -> Self {
        Self(Way::InProcess(router, actor))
    }

    /// Asks the desk that listens at that socket; it knows the person by the socket's peer credentials.
    pub fn socket(path: impl Into<PathBuf>) -> Self {
        Self(Way::Socket(path.into()))
    }

    /// Sends a request; `path` is the path with its query, such as `/v1/cases?which=all`.
    ///
    /// # Errors
    /// When the desk cannot be reached or breaks off. Any status is an answer.
    pub async fn send(&self, method: Method, path: &str, body: Body) -> Result<Answer, ClientError> {
        let uri: Uri = path.parse().map_err(|_| ClientError::Path)?;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        match &self.0 {
            Way::InProcess(router, actor) => {
                request.extensions_mut().insert(actor.clone());
                let response = match router.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                let (parts, body) = response.into_parts();
                Ok(Answer { status: parts.status, body })
            }
            Way::Socket(path) => over(path, request).await,
        }
    }

    /// Sends a value as JSON.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_json(
        &self,
        method: Method,
        path: &str,
        value: &(impl Serialize + Sync),
    ) -> Result<Answer, ClientError> {
        let bytes = serde_json::to_vec(value).map_err(ClientError::Json)?;
        self.send(method, path, Body::from(bytes)).await
    }
}

impl Answer {
    /// The whole body, of at most `most` bytes.
    ///
    /// # Errors
    /// When it breaks off or is longer.
    pub async fn bytes(self, most: usize) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        let mut body = self.body;
        while let Some(frame) = body.frame().await {
            let data = frame.map_err(ClientError::Answer)?.into_data().unwrap_or_default();
            if bytes.len() + data.len() > most {
                return Err(ClientError::TooLong { most });
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    /// The lines of the body, as they come.
    pub fn lines(self) -> AnswerLines {
        AnswerLines(Lines::new(self.body, MOST_LINE_BYTES))
    }
}

/// The lines of an answer.
pub struct AnswerLines(Lines);

impl AnswerLines {
    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// When the answer breaks off.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        match self.0.next().await.map_err(ClientError::Answer)? {
            None => Ok(None),
            Some(Line::Whole(line)) => Ok(Some(line)),
            Some(Line::TooLong) => Err(ClientError::TooLong { most: MOST_LINE_BYTES }),
        }
    }
}

/// The writing end of a request's body. The body ends whole when this is dropped.
pub struct Upload(Sender<Bytes, axum::BoxError>);

impl Upload {
    /// A body that is written while it is being sent, and its writing end.
    pub fn body() -> (Self, Body) {
        let (sender, channel) = Channel::<Bytes, axum::BoxError>::new(PIECES);
        (Self(sender), Body::new(channel))
    }

    /// Writes a piece, when there is room; whether anybody still takes it.
    pub async fn write(&mut self, piece: impl Into<Bytes>) -> bool {
        self.0.send_data(piece.into()).await.is_ok()
    }

    /// Breaks the body off, so that nobody takes it for whole.
    pub fn abort(self, why: impl Into<axum::BoxError>) {
        self.0.abort(why.into());
    }
}

async fn over(path: &Path, mut request: Request<Body>) -> Result<Answer, ClientError> {
    let reach = |source| ClientError::Reach { path: path.to_owned(), source };
    let stream = UnixStream::connect(path).await.map_err(reach)?;
    request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("desk"));
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(ClientError::Broken)?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(ClientError::Broken)?;
    let (parts, body) = response.into_parts();
    Ok(Answer { status: parts.status, body: Body::new(body) })
}

/// Pieces of a body that wait to be sent.
const PIECES: usize = 4;

/// Longest line of an answer: a candidate list may be long.
const MOST_LINE_BYTES: usize = 256 << 20;
