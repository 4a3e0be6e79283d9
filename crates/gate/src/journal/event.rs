//! What entries of the journal say: one JSON object an entry, in a form that stays.
//!
//! In come events of any room, out go bytes and back. No entry holds an address, a name or a number of a line: what
//! identifies is there as a token under a key that is destroyed with the data. Staff, roles, rules, counts and digests
//! stay readable. Members are never renamed; new ones may come. Every entry has `v` (1), `at` (RFC 3339, UTC,
//! microseconds) and `kind`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tadoru_model::{CaseId, PersonId, Role, UtcMicros};

use super::error::JournalError;
use super::tile::MAX_ENTRY;
use crate::vocabulary::{ActName, Basis, DataCategory, Purpose, Verdict};

/// An entry: an event and when it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the form.
    pub v: u32,
    /// When, RFC 3339 in UTC with microseconds.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// The gate was asked and has answered.
    Decision(Box<Decided>),
    /// What was opened under a permit, told when the permit ends.
    Opened {
        /// Entry of the permit.
        permit: u64,
        /// Openings by data category; a batch counts once.
        openings: BTreeMap<DataCategory, u64>,
        /// Pages of a store that were opened.
        pages: u64,
    },
    /// A person states a fact that a rule asks for.
    Statement {
        /// Who.
        person: PersonId,
        /// In which roles.
        roles: Vec<Role>,
        /// The fact's name.
        fact: String,
        /// Token of its value.
        value: String,
        /// In which case.
        case: Option<CaseId>,
        /// SHA-256 of what was attached, in hexadecimal.
        evidence: Option<String>,
    },
    /// A person agrees to something that waits.
    Approval {
        /// Id of what waits.
        approval: String,
        /// Who agrees.
        person: PersonId,
        /// In which roles.
        roles: Vec<Role>,
        /// Entry of the decision that asked for it.
        asked: u64,
        /// When the approval ends, RFC 3339.
        until: String,
    },
    /// A person agrees to what a rule permits, once for this version of it.
    VersionApproval {
        /// Id of what waits.
        approval: String,
        /// The rule.
        rule: String,
        /// SHA-256 of the pack that it stands in, in hexadecimal: another pack is another version.
        pack: String,
        /// Who agrees.
        person: PersonId,
        /// In which roles.
        roles: Vec<Role>,
        /// Entry of the decision that asked for it.
        asked: u64,
    },
    /// A question was answered.
    Answered {
        /// Entry of the permit.
        permit: u64,
        /// In which case.
        case: Option<CaseId>,
        /// Outcomes and how many of each; one question has one.
        outcomes: BTreeMap<String, u64>,
        /// SHA-256 of the evidence kept, in hexadecimal.
        evidence: Option<String>,
    },
    /// Documents were handed to somebody outside.
    Disclosed {
        /// Entry of the permit.
        permit: u64,
        /// In which case.
        case: Option<CaseId>,
        /// To which kind of recipient, such as `victim`.
        to: String,
        /// How many documents.
        documents: u64,
        /// SHA-256 of their manifest, in hexadecimal.
        manifest: String,
    },
    /// Records were taken in.
    Imported {
        /// Format.
        format: String,
        /// Source.
        source: String,
        /// Records kept.
        kept: u64,
        /// Records with a defect.
        defects: u64,
        /// SHA-256 of the file, in hexadecimal; `None` for what came in live.
        file: Option<String>,
    },
    /// Records were deleted at the end of their retention.
    Deleted {
        /// Retention class.
        class: String,
        /// Month of the records.
        month: String,
        /// How many.
        records: u64,
        /// How many keys were destroyed with them.
        keys_destroyed: u64,
    },
    /// A preservation holds records back from deletion.
    Held {
        /// Id of the hold.
        hold: String,
        /// In which case.
        case: Option<CaseId>,
        /// Retention class.
        class: String,
        /// How many records.
        records: u64,
        /// When it ends, RFC 3339.
        until: String,
    },
    /// A hold ended.
    Released {
        /// Id of the hold.
        hold: String,
        /// By whom; `None`: its end came.
        person: Option<PersonId>,
    },
    /// A case was opened.
    CaseOpened {
        /// Which.
        case: CaseId,
        /// By whom.
        person: PersonId,
    },
    /// A case was closed.
    CaseClosed {
        /// Which.
        case: CaseId,
        /// By whom.
        person: PersonId,
    },
    /// A subscriber's consent changed.
    ConsentChanged {
        /// Token of the subscriber.
        subscriber: String,
        /// What the consent is for.
        subject: String,
        /// What it is now, such as `given` or `withdrawn`.
        state: String,
        /// SHA-256 of the consent record, in hexadecimal.
        record: String,
    },
    /// A person signed in to the console.
    SignedIn {
        /// Who.
        person: PersonId,
        /// By which proof: `password+totp`, `passkey`, `oidc` for the operator's identity provider, or `ticket` for the
        /// one-time link of a demonstration.
        by: String,
    },
    /// Somebody tried to sign in to the console and could not.
    SignInFailed {
        /// As whom; `None`: as nobody who has an account. What was typed is not written down.
        person: Option<PersonId>,
        /// Why: `wrong`, `passkey`, a word that begins with `oidc-`, or `too-many` where it was no longer looked at.
        why: String,
    },
    /// A session of the console ended.
    SignedOut {
        /// Whose.
        person: PersonId,
        /// Who ended it.
        ended_by: PersonId,
    },
    /// An account of the console changed.
    AccountChanged {
        /// Whose.
        person: PersonId,
        /// By whom; `None`: by the installation itself, at its first start.
        changed_by: Option<PersonId>,
        /// What: `link-issued`, `set`, `removed`, `passkey-added`, `passkey-removed`, `provided` (by the identity provider,
        /// for the first time), `roles`, `token-issued` or `token-revoked`.
        what: String,
    },
    /// A rule pack was loaded.
    PackLoaded {
        /// Its name.
        pack: String,
        /// Its version.
        version: String,
        /// SHA-256 of its text, in hexadecimal.
        digest: String,
        /// Unverified rules that nobody has signed off.
        unsigned: Vec<String>,
    },
    /// A reviewer signed a pack's unverified rules off.
    PackSignedOff {
        /// SHA-256 of the pack's text, in hexadecimal.
        digest: String,
        /// Which rules.
        rules: Vec<String>,
        /// By whom.
        person: PersonId,
    },
    /// The key of a retention class and month was destroyed: what it sealed is gone, its tokens mean nothing.
    KeyDestroyed {
        /// Retention class.
        class: String,
        /// Month.
        month: String,
    },
    /// The desk started.
    DeskStarted {
        /// Version of the program.
        version: String,
    },
    /// The desk stopped.
    DeskStopped {
        /// Version of the program.
        version: String,
    },
    /// A file was repaired after a crash.
    Repaired {
        /// What, such as `journal tail`.
        what: String,
        /// Bytes dropped that nobody had been told of.
        dropped_bytes: u64,
    },
    /// The configuration changed.
    ConfigChanged {
        /// SHA-256 of the new text, in hexadecimal.
        digest: String,
        /// By whom.
        person: Option<PersonId>,
    },
}

/// A decision of the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The outcome.
    pub verdict: Verdict,
    /// The deed.
    pub act: ActName,
    /// What to.
    pub data: Vec<DataCategory>,
    /// What for.
    pub purpose: Purpose,
    /// Who asked.
    pub person: PersonId,
    /// In which roles.
    pub roles: Vec<Role>,
    /// In which case.
    pub case: Option<CaseId>,
    /// The rule that decided; `None` where none fits.
    pub rule: Option<String>,
    /// Its version.
    pub rule_version: Option<u32>,
    /// SHA-256 of the packs in force, in hexadecimal.
    pub packs: String,
    /// The basis of a permit.
    pub basis: Option<Basis>,
    /// Facts that were on hand, by name.
    pub facts: BTreeMap<String, FactOnHand>,
    /// What is missing, by name.
    pub missing: Vec<String>,
    /// What it is limited to.
    pub scope: ScopeTokens,
    /// When the permit ends, RFC 3339; `None` for a refusal.
    pub until: Option<String>,
    /// Id under which an approval can be given.
    pub approval: Option<String>,
    /// Entries of the approvals that the permit rests on.
    pub approved_by: Vec<u64>,
}

/// A fact that was on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactOnHand {
    /// Who stated it; `None`: the program derived it.
    pub person: Option<PersonId>,
    /// Token of its value.
    pub value: String,
}

/// A scope, with tokens in the place of what identifies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScopeTokens {
    /// Retention class of the key under which the tokens are made.
    pub class: String,
    /// Month of that key.
    pub month: String,
    /// Token of the whole scope.
    pub all: String,
    /// Tokens of the first endpoints, at most [`MAX_TOKENS`].
    pub endpoints: Vec<String>,
    /// Tokens of the first subscribers, at most [`MAX_TOKENS`].
    pub subscribers: Vec<String>,
    /// Endpoints and subscribers beyond those.
    pub more: u64,
    /// From when the data are, RFC 3339.
    pub from: Option<String>,
    /// Until when.
    pub until: Option<String>,
    /// The whole own network, aggregated.
    pub own_network: bool,
}

impl Event {
    /// The entry's bytes.
    ///
    /// # Errors
    /// When it is longer than an entry may be.
    pub fn to_bytes(&self, at: UtcMicros) -> Result<Vec<u8>, JournalError> {
        let entry = Entry { v: VERSION, at: time(at), event: self.clone() };
        let bytes = serde_json::to_vec(&entry).map_err(|_| JournalError::Unwritable)?;
        if bytes.len() > MAX_ENTRY { Err(JournalError::EntryTooLong { len: bytes.len() }) } else { Ok(bytes) }
    }
}

impl Entry {
    /// Reads an entry; `None` when it is not one that this version knows.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// An instant as entries have it: RFC 3339 in UTC with microseconds.
pub fn time(at: UtcMicros) -> String {
    at.to_timestamp().map_or_else(|| at.to_string(), |timestamp| format!("{timestamp:.6}"))
}

/// Tokens of endpoints, and of subscribers, that one entry holds at most.
pub const MAX_TOKENS: usize = 500;

/// Version of the entries' form.
const VERSION: u32 = 1;
