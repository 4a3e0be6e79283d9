//! Permits: the lawful basis as a type. Code that learns, uses or discloses takes one as an argument.
//!
//! Only the gate makes them, after it has written the decision to the journal; there is no constructor, no copy, no
//! default and no way from bytes. What was opened under a permit is told to the journal when the permit ends.
//!
//! A permit cannot be forged:
//! ```compile_fail,E0451
//! use tadoru_gate::permit::{Learn, Permit};
//! let forged: Permit<Learn> = Permit { terms: loop {}, act: std::marker::PhantomData };
//! ```
//! nor made from nothing:
//! ```compile_fail,E0277
//! use tadoru_gate::permit::{Learn, Permit};
//! fn default<T: Default>() -> T { T::default() }
//! let forged: Permit<Learn> = default();
//! ```
//! nor read from bytes:
//! ```compile_fail,E0277
//! use tadoru_gate::permit::{Learn, Permit};
//! let forged: Permit<Learn> = serde_json::from_str("{}").unwrap();
//! ```
//! nor copied:
//! ```compile_fail,E0277
//! use tadoru_gate::permit::{Learn, Permit};
//! fn copy<T: Clone>(one: &T) -> T { one.clone() }
//! fn twice(permit: &Permit<Learn>) -> Permit<Learn> { copy(permit) }
//! ```
//! nor passed off as one for another act:
//! ```compile_fail,E0308
//! use tadoru_gate::permit::{Disclose, Learn, Permit};
//! fn disclose(_: &Permit<Disclose>) {}
//! fn leak(permit: &Permit<Learn>) { disclose(permit) }
//! ```
//! and nobody can invent an act:
//! ```compile_fail,E0277
//! use tadoru_gate::permit::Act;
//! use tadoru_gate::vocabulary::{ActName, Statutory};
//! struct Peek;
//! impl Act for Peek {
//!     const NAME: ActName = ActName::Learn;
//!     const STATUTORY: Statutory = Statutory::Neither;
//! }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use tadoru_model::{CaseId, PersonId, UtcMicros};

use crate::journal::{Event, Journal};
use crate::request::{RuleRef, Scope};
use crate::vocabulary::{ActName, Basis, DataCategory, DataSet, Purpose, Statutory};

/// A deed that a permit can be for. The list is closed.
pub trait Act: closed::Closed + Send + Sync + 'static {
    /// The act's name in packs and in the journal.
    const NAME: ActName;
    /// Which of the three statutory infringements it would be without a ground (11.R3).
    const STATUTORY: Statutory;
}

/// An act that may open seals: it needs what is inside to be done at all.
///
/// Storing opens nothing (a store reopens only its own pages). Blocking, throttling, suspending and probing open
/// nothing either: they act on what was opened under [`Use`] before and is named in their scope, so that taking
/// note always has a permit of its own.
pub trait Opens: Act {}

mod closed {
    /// Keeps the list of acts closed.
    pub trait Closed {}
}

macro_rules! acts {
    ($($(#[$meta:meta])* $act:ident: $statutory:ident $($opens:ident)?,)+) => { $(
        $(#[$meta])*
        #[derive(Debug)]
        pub enum $act {}
        impl closed::Closed for $act {}
        impl Act for $act {
            const NAME: ActName = ActName::$act;
            const STATUTORY: Statutory = Statutory::$statutory;
        }
        $(impl $opens for $act {})?
    )+ };
}

acts! {
    /// Take note of it.
    Learn: Knowing Opens,
    /// Keep it: recording is taking note by machine.
    Store: Knowing,
    /// Use it for something.
    Use: Misusing Opens,
    /// Tell somebody outside.
    Disclose: Leaking Opens,
    /// Stop a communication: its header is used against it.
    Block: Misusing,
    /// Slow a communication down: its header is used against it.
    Throttle: Misusing,
    /// Tell the subscriber: what is known of a line is used to write to it.
    Notify: Misusing Opens,
    /// Keep it from deletion: it is picked out and marked.
    Preserve: Knowing Opens,
    /// Make figures without a pair or a single address: each record is read by machine.
    Aggregate: Knowing Opens,
    /// Give it to a sharing group.
    Share: Leaking Opens,
    /// Try somebody's device from outside: no communication of others is touched.
    Probe: Neither,
    /// Suspend an account or a line: a measure on the contract.
    Suspend: Neither,
}

/// The gate's yes to one act, on one ground, within one scope, until its end.
pub struct Permit<A: Act> {
    terms: Terms,
    act: PhantomData<fn() -> A>,
}

/// What a permit says, and what was done under it.
pub(crate) struct Terms {
    pub(crate) data: DataSet,
    pub(crate) purpose: Purpose,
    pub(crate) basis: Option<Basis>,
    pub(crate) rule: RuleRef,
    pub(crate) case: Option<CaseId>,
    pub(crate) scope: Scope,
    pub(crate) until: UtcMicros,
    pub(crate) person: PersonId,
    pub(crate) index: u64,
    pub(crate) obligations: Vec<String>,
    pub(crate) retention: Option<String>,
    pub(crate) uses: Uses,
}

/// What was opened under a permit.
pub(crate) struct Uses {
    journal: Arc<Journal>,
    openings: [AtomicU64; DataCategory::ALL.len()],
    pages: AtomicU64,
    last: AtomicI64,
    told: AtomicBool,
}

impl<A: Act> Permit<A> {
    /// Only the gate comes here, with a decision that is durable in the journal.
    pub(crate) const fn grant(terms: Terms) -> Self {
        Self { terms, act: PhantomData }
    }

    /// The deed.
    pub const fn act(&self) -> ActName {
        A::NAME
    }

    /// What it may be done to.
    pub const fn data(&self) -> DataSet {
        self.terms.data
    }

    /// What for.
    pub const fn purpose(&self) -> Purpose {
        self.terms.purpose
    }

    /// The lawful basis.
    pub const fn basis(&self) -> Option<Basis> {
        self.terms.basis
    }

    /// The rule that permits it.
    pub const fn rule(&self) -> &RuleRef {
        &self.terms.rule
    }

    /// The case that it is for; standing permits have none.
    pub const fn case(&self) -> Option<&CaseId> {
        self.terms.case.as_ref()
    }

    /// What it is limited to.
    pub const fn scope(&self) -> &Scope {
        &self.terms.scope
    }

    /// First instant at which it no longer holds.
    pub const fn until(&self) -> UtcMicros {
        self.terms.until
    }

    /// Whether it holds at that instant.
    pub fn holds(&self, now: UtcMicros) -> bool {
        now < self.terms.until
    }

    /// Who has it.
    pub const fn person(&self) -> &PersonId {
        &self.terms.person
    }

    /// Its entry in the journal.
    pub const fn journal_index(&self) -> u64 {
        self.terms.index
    }

    /// What is owed for it, by obligation id of the pack.
    pub fn obligations(&self) -> &[String] {
        &self.terms.obligations
    }

    /// The retention class of what comes of it.
    pub fn retention(&self) -> Option<&str> {
        self.terms.retention.as_deref()
    }

    /// How often seals were opened under it; a batch counts once.
    pub fn openings(&self) -> u64 {
        self.terms.uses.openings.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    pub(crate) const fn uses(&self) -> &Uses {
        &self.terms.uses
    }

    /// The entry that tells what was opened, once; `None` when nothing was, or it was told.
    pub(crate) fn opened(&self) -> Option<(Event, UtcMicros)> {
        self.terms.uses.opened(self.terms.index)
    }
}

impl<A: Act> fmt::Debug for Permit<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[permit to {} by {}, entry {}]", A::NAME, self.terms.rule.id, self.terms.index)
    }
}

impl<A: Act> Drop for Permit<A> {
    fn drop(&mut self) {
        if let Some((event, at)) = self.opened() {
            // A closed journal takes nothing more; the permit itself stands in it.
            let _ = event.to_bytes(at).and_then(|bytes| self.terms.uses.journal.append_later(&bytes));
        }
    }
}

impl Uses {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self {
            journal,
            openings: std::array::from_fn(|_| AtomicU64::new(0)),
            pages: AtomicU64::new(0),
            last: AtomicI64::new(i64::MIN),
            told: AtomicBool::new(false),
        }
    }

    /// A seal over those categories was opened.
    pub(crate) fn count(&self, data: DataSet, now: UtcMicros) {
        for (category, count) in DataCategory::ALL.iter().zip(&self.openings) {
            if data.contains(*category) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.last.fetch_max(now.0, Ordering::Relaxed);
    }

    /// A page of a store was opened.
    pub(crate) fn count_page(&self) {
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody begins to open pages.
    pub(crate) fn touch(&self, now: UtcMicros) {
        self.last.fetch_max(now.0, Ordering::Relaxed);
    }

    fn opened(&self, permit: u64) -> Option<(Event, UtcMicros)> {
        let counts = DataCategory::ALL.iter().zip(&self.openings);
        let openings: BTreeMap<DataCategory, u64> = counts
            .map(|(category, count)| (*category, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let pages = self.pages.load(Ordering::Relaxed);
        if (openings.is_empty() && pages == 0) || self.told.swap(true, Ordering::Relaxed) {
            return None;
        }
        let at = UtcMicros(self.last.load(Ordering::Relaxed));
        Some((Event::Opened { permit, openings, pages }, at))
    }
}
