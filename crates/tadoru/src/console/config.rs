//! Section `[console]`: where browsers reach the console, how long sessions last, and the operator's identity provider.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tadoru_model::{PersonId, Role};
use tadoru_web::session::Lasting;
use tadoru_web::sign_in::oidc::{Oidc, Provider, Secret};
use tadoru_web::sign_in::passkeys::Passkeys;
use tadoru_web::sign_in::{OriginOfRequests, SignIn};

use crate::door::CommandError;

/// Section `[console]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where browsers reach the console: scheme, name, port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// A session that nobody uses for so long ends, seconds.
    pub session_idle_s: u32,
    /// A session ends after so long at the latest, seconds.
    pub session_whole_s: u32,
    /// Whether a proxy stands before the console that adds to `X-Forwarded-For` where a request comes from.
    pub behind_proxy: bool,
    /// The operator's identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcConfig>,
}

/// Section `[console.oidc]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The provider's address.
    pub issuer: String,
    /// What people call it.
    #[serde(default = "name")]
    pub name: String,
    /// Name of this desk there.
    pub client_id: String,
    /// File with the secret of this desk there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// Scopes asked for besides `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// Claim with the readable name.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// Claim with what roles stand for.
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
    /// How far the provider's clock may be off, seconds.
    #[serde(default = "skew_s")]
    pub skew_s: u32,
    /// File with authorities that sign the provider's certificate, besides the system's, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<PathBuf>,
    /// Roles by a value of the claim.
    #[serde(default)]
    pub roles: BTreeMap<String, Vec<Role>>,
    /// People of `[[people]]` by their subject at the provider.
    #[serde(default)]
    pub people: BTreeMap<String, PersonId>,
    /// Claims that must have, or hold, a value.
    #[serde(default)]
    pub required: BTreeMap<String, toml::Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self { origin: None, session_idle_s: 3600, session_whole_s: 43_200, behind_proxy: false, oidc: None }
    }
}

impl Config {
    /// The key that is wrong, and what is.
    ///
    /// # Errors
    /// When one is.
    pub fn check(&self, people: &[PersonId]) -> Result<(), (&'static str, String)> {
        if let Some(origin) = &self.origin {
            Passkeys::new(origin, "check").map_err(|e| ("console.origin", e.to_string()))?;
        }
        if !(60..=86_400).contains(&self.session_idle_s) {
            return Err(("console.session_idle_s", "a session idles from 60 to 86,400 seconds".to_owned()));
        }
        if !(self.session_idle_s..=604_800).contains(&self.session_whole_s) {
            let what = "a session lasts as long as it may idle, and 604,800 seconds at most".to_owned();
            return Err(("console.session_whole_s", what));
        }
        let Some(oidc) = &self.oidc else { return Ok(()) };
        if self.origin.is_none() {
            return Err((
                "console.oidc",
                "the provider sends browsers back to `console.origin`: name it".to_owned(),
            ));
        }
        if oidc.roles.values().flatten().any(|role| *role == Role::System) {
            return Err(("console.oidc.roles", "the role `system` is nobody's".to_owned()));
        }
        if oidc.skew_s > 300 {
            return Err(("console.oidc.skew_s", "300 seconds at most".to_owned()));
        }
        match oidc.people.values().find(|person| !people.contains(person)) {
            Some(PersonId(person)) => Err(("console.oidc.people", format!("there is no person `{person}`"))),
            None => Ok(()),
        }
    }

    /// By what people sign in besides passwords, where the console listens there.
    ///
    /// # Errors
    /// When a file cannot be read, or the origin or the provider cannot be used.
    pub fn ways(&self, operator: &str, listening: SocketAddr) -> Result<SignIn, CommandError> {
        let on_this_machine = || format!("http://localhost:{}", listening.port());
        let origin = self.origin.clone().unwrap_or_else(on_this_machine);
        let passkeys = Passkeys::new(&origin, operator).map_err(|e| failed("offer passkeys", e))?;
        let provider = |oidc: &OidcConfig| provider(oidc, passkeys.origin());
        Ok(SignIn {
            oidc: self.oidc.as_ref().map(provider).transpose()?,
            passkeys: Some(passkeys),
            lasting: Lasting {
                idle_us: i64::from(self.session_idle_s) * 1_000_000,
                whole_us: i64::from(self.session_whole_s) * 1_000_000,
            },
            origin_of_requests: if self.behind_proxy {
                OriginOfRequests::Forwarded
            } else {
                OriginOfRequests::Unknown
            },
        })
    }
}

fn provider(oidc: &OidcConfig, origin: &str) -> Result<Oidc, CommandError> {
    let read = |file: &Path| {
        std::fs::read(file).map_err(|e| CommandError::File {
            doing: "read",
            file: file.to_owned(),
            source: Box::new(e),
        })
    };
    let secret = oidc.client_secret_file.as_deref().map(read).transpose()?;
    let secret = secret.map(|bytes| Secret(String::from_utf8_lossy(&bytes).trim().to_owned()));
    let required = oidc.required.iter().map(|(claim, wanted)| {
        (claim.clone(), serde_json::to_value(wanted).unwrap_or(serde_json::Value::Null))
    });
    let provider = Provider {
        issuer: oidc.issuer.clone(),
        name: oidc.name.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: secret,
        origin: origin.to_owned(),
        scopes: oidc.scopes.clone(),
        name_claim: oidc.name_claim.clone(),
        roles_claim: oidc.roles_claim.clone(),
        roles: oidc.roles.clone(),
        people: oidc.people.clone(),
        required: required.collect(),
        skew_s: oidc.skew_s,
        authorities: oidc.authorities.as_deref().map(read).transpose()?,
    };
    Oidc::new(provider).map_err(|e| failed("use the identity provider", e))
}

fn failed(doing: &str, error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::Other(format!("cannot {doing}"), Some(Box::new(error)))
}

fn name() -> String {
    "OpenID Connect".to_owned()
}

fn scopes() -> Vec<String> {
    vec!["profile".to_owned()]
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn roles_claim() -> String {
    "groups".to_owned()
}

const fn skew_s() -> u32 {
    30
}
