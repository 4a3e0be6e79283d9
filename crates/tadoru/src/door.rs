//! The door of the desk: over its socket where it is served, else in this process. Both are the same routes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tadoru_desk::settings::Language;
use tadoru_desk::{Actor, Clock, Desk, SystemClock};
use tadoru_web::api::exporters::Exporters;
use tadoru_web::api::health::SourceState;
use tadoru_web::client::{Answer, Client, ClientError};
use tadoru_web::words::Lang;
use tadoru_web::words::fixed::{FAULTS, word};
use tadoru_web::{Api, router};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::cli::Global;
use crate::config::{Config, ConfigError};
use crate::embedded::{Embedded, OpenError, open};
use crate::print;
use crate::reader::Formats;

/// Whoever asks the desk's routes.
pub struct Door {
    client: Client,
    lang: Language,
}

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The installation.
    #[error("cannot open the data folder `{}`", folder.display())]
    Open {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The user of this machine is none of the people in the configuration.
    #[error("the configuration names no person with `unix_user = \"{0}\"`")]
    Nobody(String),
    /// The desk.
    #[error("the desk cannot be asked")]
    Client(#[from] ClientError),
    /// The desk said what is wrong.
    #[error("{message}")]
    Problem {
        /// HTTP status.
        status: u16,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A file.
    #[error("cannot {doing} `{}`", file.display())]
    File {
        /// What was being tried.
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What the desk answered does not read.
    #[error("the desk's answer does not read")]
    Shape(#[source] serde_json::Error),
    /// Something else that the command does.
    #[error("{0}")]
    Other(String, #[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}

impl Door {
    /// Opens the desk's door: its socket where somebody serves it, else the installation itself.
    ///
    /// # Errors
    /// When neither can be opened.
    pub async fn open(global: &Global) -> Result<Self, CommandError> {
        let config = Config::load(global.config.as_deref())?;
        let socket = socket_of(&global.data, &config);
        if UnixStream::connect(&socket).await.is_ok() {
            return Ok(Self { client: Client::socket(socket), lang: print::lang(global, None)? });
        }
        let door = Self::in_process(&global.data, &config, Arc::new(SystemClock)).await?;
        Ok(Self { lang: print::lang(global, None)?, ..door })
    }

    /// Opens the installation in this process, for the user that runs it.
    ///
    /// # Errors
    /// When it cannot be opened, or the user is nobody.
    pub async fn in_process(
        data: &Path,
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CommandError> {
        let installation = open(data, config, clock)
            .await
            .map_err(|source| CommandError::Open { folder: data.to_owned(), source })?;
        let user = user();
        let actor = installation.desk.people().behind(&user).ok_or(CommandError::Nobody(user))?;
        for warning in &installation.warnings {
            tracing::warn!("{warning}");
        }
        // A command waits for no stream.
        let (_, end) = watch::channel(false);
        let routes = routes(&installation.desk, Arc::new(Vec::new), Arc::new(Exporters::default), end);
        Ok(Self { client: Client::in_process(routes, actor), lang: config.desk.language })
    }

    /// The door that a client knocks at.
    pub const fn over(client: Client) -> Self {
        Self { client, lang: Language::En }
    }

    /// Asks for something.
    ///
    /// # Errors
    /// When the desk cannot be asked, or says what is wrong.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CommandError> {
        read(self.client.send(Method::GET, path, Body::empty()).await?, self.lang).await
    }

    /// Gives something.
    ///
    /// # Errors
    /// When the desk cannot be asked, or says what is wrong.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        value: &(impl Serialize + Sync),
    ) -> Result<T, CommandError> {
        read(self.client.send_json(Method::POST, path, value).await?, self.lang).await
    }

    /// Gives a stream, and takes the answer whole.
    ///
    /// # Errors
    /// When the desk cannot be asked, or says what is wrong.
    pub async fn post_stream<T: DeserializeOwned>(&self, path: &str, body: Body) -> Result<T, CommandError> {
        read(self.client.send(Method::POST, path, body).await?, self.lang).await
    }

    /// Gives a stream, and takes the answer as it comes.
    ///
    /// # Errors
    /// When the desk cannot be asked, or says what is wrong.
    pub async fn stream(&self, path: &str, body: Body) -> Result<Answer, CommandError> {
        let answer = self.client.send(Method::POST, path, body).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(problem(answer, self.lang).await) }
    }
}

/// The routes over a desk; streams without an end of their own last until `end` becomes true.
pub fn routes(
    desk: &Arc<Desk<Embedded>>,
    sources: Arc<dyn Fn() -> Vec<SourceState> + Send + Sync>,
    exporters: Arc<dyn Fn() -> Exporters + Send + Sync>,
    end: watch::Receiver<bool>,
) -> axum::Router {
    router(Arc::new(Api { desk: Arc::clone(desk), reader: Arc::new(Formats), sources, exporters, end }))
}

/// Where the desk listens for its own commands.
pub fn socket_of(data: &Path, config: &Config) -> PathBuf {
    config.api.socket.clone().unwrap_or_else(|| data.join("desk.sock"))
}

/// Listens there. A socket that the configuration names lets every login knock: who may do what is decided by the peer's
/// credentials alone.
///
/// # Errors
/// When the system refuses.
pub fn listen(path: &Path, config: &Config) -> std::io::Result<UnixListener> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    let mode = if config.api.socket.is_some() { 0o666 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// The login of whoever runs this process.
pub fn user() -> String {
    login(nix::unistd::getuid().as_raw())
}

/// The login of a user id of this machine.
pub fn login(uid: u32) -> String {
    let known = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| format!("uid-{uid}"), |user| user.name)
}

/// Who gives commands under a user id of this machine. Where nobody is configured, the one seat is that of the user who
/// runs the desk, and of root, who can be any.
pub fn actor_of(desk: &Desk<Embedded>, uid: u32) -> Option<Actor> {
    let is_own = |uid: u32| uid == 0 || uid == nix::unistd::getuid().as_raw();
    if desk.people().all().is_empty() && !is_own(uid) {
        return None;
    }
    desk.people().behind(&login(uid))
}

async fn read<T: DeserializeOwned>(answer: Answer, lang: Language) -> Result<T, CommandError> {
    if !answer.status.is_success() {
        return Err(problem(answer, lang).await);
    }
    let bytes = answer.bytes(MOST_ANSWER_BYTES).await?;
    serde_json::from_slice(&bytes).map_err(CommandError::Shape)
}

async fn problem(answer: Answer, lang: Language) -> CommandError {
    let status = answer.status.as_u16();
    let told = match answer.bytes(MOST_ANSWER_BYTES).await {
        Ok(bytes) => serde_json::from_slice::<serde_json::Value>(&bytes).unwrap_or_default(),
        Err(error) => return error.into(),
    };
    let text =
        |name: &str| told.pointer(&format!("/error/{name}")).and_then(|v| v.as_str()).map(ToOwned::to_owned);
    let likely: Vec<&str> = told
        .pointer("/error/likely")
        .and_then(|v| v.as_array())
        .map(|all| all.iter().filter_map(|v| v.as_str()).collect())
        .unwrap_or_default();
    let help = match (text("help").filter(|h| !h.is_empty()), likely.is_empty()) {
        (help, true) => help,
        (None, false) => Some(meant(&likely, lang)),
        (Some(help), false) => Some(format!("{help}; {}", meant(&likely, lang))),
    };
    let message = text("message").unwrap_or_else(|| format!("status {status}"));
    // The words for its code, and the message itself, which tells more than they do.
    let code = text("code").unwrap_or_default();
    let known = (lang == Language::Ja).then(|| word(Lang::Ja, FAULTS, &code)).filter(|words| *words != code);
    let message = known.map_or(message.clone(), |words| format!("{words}（{message}）"));
    CommandError::Problem { status, message, help }
}

fn meant(likely: &[&str], lang: Language) -> String {
    format!("{}{}", print::of(lang, "本来の意味の候補：", "may be meant: "), likely.join("; "))
}

impl CommandError {
    /// Tells the person on standard error; the exit code.
    pub fn tell(&self) -> std::process::ExitCode {
        let help = match self {
            Self::Problem { help, .. } => help.clone(),
            Self::Nobody(_) => Some("add the person under [[people]], see `tadoru print-config`".to_owned()),
            Self::Open { source: OpenError::Store(tadoru_store::StoreError::InUse), .. } => {
                Some("another tadoru has it; commands reach a served desk by its socket".to_owned())
            }
            Self::Open { source: OpenError::Operator { .. }, .. } => Some(
                "give that installation's configuration with `--config FILE` or `TADORU_CONFIG`, or another folder with \
                 `--data DIR`; where the operator was renamed, `desk.operator` stays as it was at the beginning"
                    .to_owned(),
            ),
            _ => None,
        };
        print::error(self, help.as_deref());
        std::process::ExitCode::from(match self {
            Self::Problem { status: 422, .. } => 4,
            Self::Problem { status: 400 | 404 | 409 | 413, .. } | Self::Config(_) | Self::File { .. } => 2,
            Self::Problem { status: 401 | 403, .. } | Self::Nobody(_) => 3,
            _ => 1,
        })
    }
}

/// An answer is never longer than this; longer ones are streamed.
const MOST_ANSWER_BYTES: usize = 256 << 20;
