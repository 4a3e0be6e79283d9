//! The subscriber directory: whose line a name belonged to, then, and how to reach the person.
//!
//! What comes in: whole contracts under `Permit<Store>`, names of lines and times under `Permit<Learn>`. What goes out:
//! contract ids and contact data, sealed. It never picks one of several: a name that two contracts had is answered
//! with both. It keeps what it once knew: a name that left a contract is still found for the time before.
//! Requirements 15.F1 to 15.F5.

use std::fmt;
use std::future::Future;

use serde::{Deserialize, Serialize};
use tadoru_gate::permit::{Learn, Opens, Store};
use tadoru_gate::{Permit, Sealed};
use tadoru_model::{Identity, Realm, Span, SubscriberId, UtcMicros};

use crate::StoreError;

pub mod contract;
pub mod names;

/// One contract, as the operator's own system gives it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriber {
    /// Contract id.
    pub id: SubscriberId,
    /// Class of the contract, as the operator names it.
    pub class: Option<String>,
    /// What access records call the line.
    pub lines: Vec<LineName>,
    /// From when to when the contract runs; [`UtcMicros::MAX`] for one without end.
    pub contract: Span,
    /// How well the person is known; `None`: not recorded.
    pub identity_level: Option<IdentityLevel>,
    /// How to reach the person.
    pub contact: Contact,
}

/// One name of a contract's line, and when it had it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineName {
    /// The name.
    pub identity: Identity,
    /// Address plan in which the name is said; `None`: in every one.
    pub realm: Option<Realm>,
    /// First instant; `None`: not told, as long as the contract.
    pub from: Option<UtcMicros>,
    /// First instant after; `None`: not told, as long as the contract.
    pub until: Option<UtcMicros>,
}

impl LineName {
    /// A name that the line has in every address plan for as long as the contract runs.
    pub const fn always(identity: Identity) -> Self {
        Self { identity, realm: None, from: None, until: None }
    }
}

/// How to reach a person.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contact {
    /// Name of the contract holder.
    pub name: Option<String>,
    /// Mail addresses, the preferred first.
    pub mail: Vec<String>,
    /// Telephone numbers, the preferred first.
    pub phone: Vec<String>,
    /// Postal address.
    pub postal: Option<String>,
    /// Account in the operator's portal.
    pub portal: Option<String>,
    /// The channel that the person asked for.
    pub prefers: Option<Channel>,
}

/// A way to reach a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Electronic mail.
    Mail,
    /// Telephone.
    Phone,
    /// Letter.
    Postal,
    /// The operator's portal.
    Portal,
}

/// How the identity behind a contract was verified, from nothing to in person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityLevel {
    /// Nothing was asked.
    None,
    /// What the person wrote.
    SelfDeclared,
    /// A payment card, checked by a person before the line was opened (15.F4).
    Card,
    /// Identity-confirmation mail to the postal address (15.F1).
    MailConfirmed,
    /// A corporate member's designated person was verified (15.F2).
    ResponsiblePerson,
    /// A copy of a licence or similar came with the application (15.F3).
    Document,
    /// A document was seen together with its holder.
    InPerson,
}

/// One question: whose line had one of these names, at some instant of `span`.
#[derive(Clone, PartialEq, Eq)]
pub struct Naming {
    /// Address plan of the record that gives the names; [`Realm::untold`] asks in all of them.
    pub realm: Realm,
    /// The names that one record gives one line.
    pub names: Vec<Identity>,
    /// The time asked about, skew included.
    pub span: Span,
}

/// One contract that had one of the asked names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The contract.
    pub subscriber: SubscriberId,
    /// Which of the asked names, by its place in the question.
    pub name: usize,
    /// From when to when the contract may have had that name.
    pub held: Span,
}

/// What an import did, in contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Not known before.
    pub new: u64,
    /// Known, and something of it is different now.
    pub changed: u64,
    /// Known, and the same.
    pub unchanged: u64,
    /// Known, and from a later import than this one: the later one stands.
    pub older: u64,
    /// Without a contract id that is one: not kept.
    pub nameless: u64,
}

/// Who is behind the lines.
pub trait Subscribers: Send + Sync {
    /// Takes contracts in, as the operator's system had them at `as_of`. Durable when it returns; all or none.
    ///
    /// A contract replaces what was known of it; contracts that are not named stay as they are. A name that is missing
    /// now ended at `as_of` at the latest; one that is new on a known contract, and does not tell its beginning,
    /// may have begun right after the import before. Rows of one contract with the same `as_of` are one contract with
    /// all their names.
    ///
    /// # Errors
    /// When the disk or the codec refuses; then nothing of it is kept.
    fn import(
        &self,
        permit: &Permit<Store>,
        as_of: UtcMicros,
        contracts: &[Subscriber],
    ) -> impl Future<Output = Result<Imported, StoreError>> + Send;

    /// Every contract that may have had one of the names, by place of the name, then by contract id.
    ///
    /// # Errors
    /// When the disk or the codec refuses.
    fn resolve(
        &self,
        permit: &Permit<Learn>,
        question: &Naming,
    ) -> impl Future<Output = Result<Sealed<Vec<Named>>, StoreError>> + Send;

    /// The same for many questions under one permit, in their order: one seal for the batch.
    ///
    /// # Errors
    /// When the disk or the codec refuses.
    fn resolve_many(
        &self,
        permit: &Permit<Learn>,
        questions: &[Naming],
    ) -> impl Future<Output = Result<Sealed<Vec<Vec<Named>>>, StoreError>> + Send;

    /// How to reach the person behind a contract, by the latest import; `None` where the contract is not known.
    ///
    /// # Errors
    /// When the disk or the codec refuses.
    fn contact<A: Opens>(
        &self,
        permit: &Permit<A>,
        id: &SubscriberId,
    ) -> impl Future<Output = Result<Option<Sealed<Contact>>, StoreError>> + Send;

    /// The contract as the imports had it, the latest first; empty where it is not known.
    ///
    /// # Errors
    /// When the disk or the codec refuses.
    fn show<A: Opens>(
        &self,
        permit: &Permit<A>,
        id: &SubscriberId,
    ) -> impl Future<Output = Result<Sealed<Vec<Version>>, StoreError>> + Send;

    /// How many contracts are known.
    fn count(&self) -> u64;
}

/// A contract as one import had it.
#[derive(Clone, PartialEq, Eq)]
pub struct Version {
    /// The first import that had it so.
    pub since: UtcMicros,
    /// The contract.
    pub contract: Subscriber,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[contract]")
    }
}

impl fmt::Debug for LineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} of a line]", self.identity.kind.as_str())
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[contact]")
    }
}

impl fmt::Debug for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} names]", self.names.len())
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[named contract]")
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[version of a contract]")
    }
}
