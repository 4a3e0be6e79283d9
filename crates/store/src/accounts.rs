//! Accounts of the console: what proves that somebody is one of the people whom the configuration names.
//!
//! What comes in and goes out: password hashes, the secrets of one-time codes, public keys of passkeys, and digests of links
//! and of tokens. Never a password. A role is told by the configuration, or by the operator's identity provider; a token
//! only ever narrows what its person may.

use std::fmt;

use serde::{Deserialize, Serialize};
use tadoru_model::{CaseId, PersonId, Role, UtcMicros};

use crate::StoreError;

/// What is known of a person's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whose.
    pub person: PersonId,
    /// What proves who signs in; `None`: it was not set yet.
    pub proof: Option<Proof>,
    /// The link with which it can be set, where one was issued and not used.
    pub link: Option<Link>,
    /// What passkeys know the person by: 16 random bytes, hexadecimal; `None` before the first.
    #[serde(default)]
    pub handle: Option<String>,
    /// Passkeys, in the order in which they were added.
    #[serde(default)]
    pub passkeys: Vec<Passkey>,
    /// What the operator's identity provider said of the person; `None`: it never did.
    #[serde(default)]
    pub provided: Option<Provided>,
    /// Tokens with which programs ask as the person.
    #[serde(default)]
    pub tokens: Vec<ApiToken>,
}

/// A passkey (W3C Web Authentication): a key pair whose private half an authenticator keeps.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// SHA-256 of the credential's id, hexadecimal.
    pub id: String,
    /// What the person calls it.
    pub label: String,
    /// Public key and counter, as the console's checker of signatures keeps them, JSON.
    pub credential: String,
    /// When it was added.
    pub added: UtcMicros,
    /// When somebody last signed in with it.
    pub used: Option<UtcMicros>,
}

/// What an identity provider (OpenID Connect) said of a person when they last signed in by it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provided {
    /// The provider.
    pub issuer: String,
    /// The name that never changes there.
    pub subject: String,
    /// Roles that its claims stand for.
    pub roles: Vec<Role>,
    /// When.
    pub at: UtcMicros,
}

/// A token with which a program asks as its person, narrowed to roles and cases. The token itself is not kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Its number among the person's tokens, by which it is revoked.
    pub id: u64,
    /// SHA-256 of the token, hexadecimal.
    pub digest: String,
    /// What it is for.
    pub label: String,
    /// Roles that it asks in; the person's own bound it.
    pub roles: Vec<Role>,
    /// Cases that it is for; none: no bound.
    pub cases: Vec<CaseId>,
    /// When it was issued.
    pub issued: UtcMicros,
    /// First instant at which it no longer holds.
    pub until: UtcMicros,
}

/// A password and the secret of one-time codes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The password's hash.
    pub password: PasswordHash,
    /// Secret of the one-time codes (RFC 6238), base32.
    pub totp: String,
    /// The last step of time whose code was used: no code is taken twice.
    pub used_step: u64,
    /// When it was set.
    pub set: UtcMicros,
}

/// An argon2id hash with what it was made with (RFC 9106).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
    /// Salt, hexadecimal.
    pub salt: String,
    /// Hash, hexadecimal.
    pub hash: String,
}

/// A one-time link with which an account is set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// SHA-256 of its token, hexadecimal.
    pub digest: String,
    /// The secret of one-time codes that it offers, base32.
    pub totp: String,
    /// First instant at which it no longer holds.
    pub until: UtcMicros,
}

impl Account {
    /// An account that proves nothing yet.
    pub const fn of(person: PersonId) -> Self {
        Self {
            person,
            proof: None,
            link: None,
            handle: None,
            passkeys: Vec::new(),
            provided: None,
            tokens: Vec::new(),
        }
    }

    /// Whether somebody can sign in with it.
    pub fn is_set(&self) -> bool {
        self.proof.is_some() || !self.passkeys.is_empty() || self.provided.is_some()
    }
}

/// The accounts of an installation. What is taken in is durable when the call returns.
pub trait Accounts: Send + Sync {
    /// Changes one account as `change` says, alone: nobody else changes any in between. What `change` leaves is kept; when
    /// it says `false`, everything stays as it was.
    ///
    /// # Errors
    /// When the disk refuses; then the one before stands.
    fn change(
        &self,
        person: &PersonId,
        change: &mut dyn FnMut(&mut Option<Account>) -> bool,
    ) -> Result<(), StoreError>;

    /// Every account, by the person's name.
    fn accounts(&self) -> Vec<Account>;
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[proof]")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

impl fmt::Debug for Passkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[passkey]")
    }
}

impl fmt::Debug for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[provided]")
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[link]")
    }
}
