//! Accounts of the console: what proves that somebody is one of the people whom the configuration names.
//!
//! What comes in and goes out: password hashes, the secrets of one-time codes, and digests of links that set them. Never a
//! password, and no role: who may do what is told by the configuration alone.

use std::fmt;

use serde::{Deserialize, Serialize};
use tadoru_model::{PersonId, UtcMicros};

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

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[link]")
    }
}
