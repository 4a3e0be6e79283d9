//! The configuration: one TOML file, every key with a default, every misspelt key refused.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tadoru_desk::{Detection, Person, Settings};
use tadoru_gate::pack::RetentionSetting;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The desk.
    pub desk: Settings,
    /// The rules.
    pub gate: GateConfig,
    /// The machine API.
    pub api: ApiConfig,
    /// The console.
    pub console: crate::console::config::Config,
    /// Who works here.
    pub people: Vec<Person>,
    /// What is known of the network.
    pub network: crate::network::Config,
    /// What the detector goes by.
    pub detection: Detection,
    /// What listens and what is followed.
    pub sources: crate::sources::Config,
}

/// Section `[gate]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// Jurisdiction of the pack in force.
    pub jurisdiction: String,
    /// Where a copy of each checkpoint of the journal goes, best on another machine's disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_copy: Option<PathBuf>,
    /// Retention periods other than the pack's, each with its written reason.
    pub retention: Vec<RetentionSetting>,
    /// Files with the sign-offs of the operator's counsel.
    pub sign_offs: Vec<PathBuf>,
    /// Packs of the operator's own, each with its signature beside it (`.sig`); they replace the shipped one.
    pub packs: Vec<PathBuf>,
    /// Keys that the operator's own packs may be signed with.
    pub keys: Vec<Key>,
}

/// A key that packs may be signed with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Its public half, base64.
    pub public: String,
}

/// Section `[api]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Loopback address and port.
    pub listen: SocketAddr,
    /// Socket for the commands of people with a login of their own; else `desk.sock` in the data folder, which only the
    /// user that runs the desk reaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// Bearer tokens of machines and people, by the SHA-256 of the token.
    pub tokens: Vec<Token>,
}

/// A bearer token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// SHA-256 of the token, hexadecimal.
    pub sha256: String,
    /// Whose it is, by a name in `people`.
    pub person: String,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            jurisdiction: "JP".to_owned(),
            checkpoint_copy: None,
            retention: Vec::new(),
            sign_offs: Vec::new(),
            packs: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 7480)), socket: None, tokens: Vec::new() }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file.
    #[error("cannot read configuration `{0}`")]
    Read(PathBuf, #[source] std::io::Error),
    /// Its text.
    #[error("configuration `{0}` is not right")]
    Text(PathBuf, #[source] Box<toml::de::Error>),
    /// A value.
    #[error("configuration key `{key}`: {what}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl Config {
    /// The configuration in that file; the default where none is named.
    ///
    /// # Errors
    /// When the file cannot be read or holds a key or a value that is none.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError::Read(path.to_owned(), e))?;
        let config: Self =
            toml::from_str(&text).map_err(|e| ConfigError::Text(path.to_owned(), Box::new(e)))?;
        config.check()?;
        Ok(config)
    }

    /// The configuration as a file that gives just this.
    pub fn text(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), ConfigError> {
        if jiff::tz::TimeZone::get(&self.desk.zone).is_err() {
            let what = format!("there is no time zone `{}`", self.desk.zone);
            return Err(ConfigError::Value { key: "desk.zone", what });
        }
        if !self.api.listen.ip().is_loopback() {
            let what = "the machine API listens on loopback only".to_owned();
            return Err(ConfigError::Value { key: "api.listen", what });
        }
        if let Err((key, what)) = self.detection.check() {
            return Err(ConfigError::Value { key, what: what.to_owned() });
        }
        let people: Vec<_> = self.people.iter().map(|person| person.id.clone()).collect();
        self.console.check(&people).map_err(|(key, what)| ConfigError::Value { key, what })?;
        for token in &self.api.tokens {
            if !self.people.iter().any(|p| p.id.0 == token.person) {
                let what = format!("there is no person `{}`", token.person);
                return Err(ConfigError::Value { key: "api.tokens", what });
            }
            if token.sha256.len() != 64 || !token.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                let what = "a token is given by its SHA-256, 64 hexadecimal digits".to_owned();
                return Err(ConfigError::Value { key: "api.tokens", what });
            }
        }
        Ok(())
    }
}
