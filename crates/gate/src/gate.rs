//! The gate: asks the rules, writes the answer down, and hands it out when it is durable.
//!
//! What comes in: wishes, statements, approvals, events of other rooms. What goes out: a permit or a refusal, each with
//! its entry in the journal. It never says yes by default, and there is no other way to a permit, for tests either.
//!
//! In its folder: `journal/`, `keys/`, `pending` (what waits for approval) and `agreed` (what was agreed to for a version). Answers 11.R1–R7, 11.F1–F2, 12.F4.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use tadoru_model::{CaseId, PersonId, Role, UtcMicros};

use crate::evaluate::evaluate;
use crate::journal::event::{Decided, FactOnHand, MAX_TOKENS, ScopeTokens, time};
use crate::journal::{self, Event, Journal, JournalError, Recovery};
use crate::keys::{KeyError, Month, Vault};
use crate::pack::Packs;
use crate::pack::form::FactFrom;
use crate::permit::{Act, Permit, Terms, Uses};
use crate::request::{ApprovalPer, Ask, Decision, FactOrigin, Refusal};
use crate::vocabulary::Verdict;

mod error;
mod pending;
mod versions;

pub use error::GateError;
pub use pending::Waiting;
use pending::{Given, Pending};
use versions::{Version, Versions};

/// The gate's answer to a wish for the act `A`.
#[derive(Debug)]
pub enum Answer<A: Act> {
    /// Yes.
    Permitted(Permit<A>),
    /// No, or not yet.
    Refused(Refusal),
}

/// A person's statement of a fact that a rule asks for.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Who.
    pub person: PersonId,
    /// In which roles.
    pub roles: Vec<Role>,
    /// The fact's name.
    pub fact: String,
    /// Its value.
    pub value: String,
    /// In which case.
    pub case: Option<CaseId>,
    /// SHA-256 of what was attached.
    pub evidence: Option<[u8; 32]>,
    /// When.
    pub at: UtcMicros,
}

/// The gate of an installation. Threads share it.
#[derive(Debug)]
pub struct Gate {
    packs: RwLock<Arc<Packs>>,
    vault: Vault,
    journal: Arc<Journal>,
    pending: Mutex<Pending>,
    versions: Mutex<Versions>,
    /// Statements that go into the journal with the next decision.
    stated: Mutex<Vec<Vec<u8>>>,
}

impl Gate {
    /// Opens the gate's folder, or makes it, and writes down which packs are in force and what was repaired.
    ///
    /// # Errors
    /// When the journal is damaged or open elsewhere, or the disk refuses.
    pub fn open(
        dir: &Path,
        packs: Packs,
        options: &journal::Options,
        now: UtcMicros,
    ) -> Result<(Self, Recovery), GateError> {
        let (journal, recovery) = Journal::open(&dir.join("journal"), options)?;
        let versions = Versions::open(&dir.join("agreed"), &journal).map_err(pending_error("read"))?;
        let gate = Self {
            packs: RwLock::new(Arc::new(versions.applied_to(packs))),
            vault: Vault::open(&dir.join("keys"))?,
            journal: Arc::new(journal),
            pending: Mutex::new(Pending::open(&dir.join("pending")).map_err(pending_error("read"))?),
            versions: Mutex::new(versions),
            stated: Mutex::default(),
        };
        if recovery.dropped_bytes > 0 {
            let dropped_bytes = recovery.dropped_bytes;
            gate.note(&Event::Repaired { what: "journal tail".to_owned(), dropped_bytes }, now)?;
        }
        gate.note_packs(now)?;
        Ok((gate, recovery))
    }

    /// Asks; the answer is durable in the journal when it is given.
    ///
    /// # Errors
    /// When the journal or a key is not to be had: then there is no answer, and no permit.
    pub fn ask<A: Act>(&self, ask: Ask) -> Result<Answer<A>, GateError> {
        let mut answers = self.ask_many(vec![ask])?;
        answers.pop().ok_or(GateError::Journal(JournalError::Closed))
    }

    /// Asks several wishes, and waits for the journal once. The answers are in the order of the wishes.
    ///
    /// # Errors
    /// As [`Gate::ask`]; then none of them has an answer.
    pub fn ask_many<A: Act>(&self, asks: Vec<Ask>) -> Result<Vec<Answer<A>>, GateError> {
        let packs = self.packs();
        let (mut settled, mut entries) = (Vec::with_capacity(asks.len()), Vec::with_capacity(asks.len()));
        for ask in &asks {
            if ask.act != A::NAME {
                return Err(GateError::OtherAct { wanted: A::NAME, asked: ask.act });
            }
            let one = self.settle(&packs, ask)?;
            entries.push(self.decided(&packs, ask, &one)?.to_bytes(ask.at)?);
            settled.push(one);
        }
        let first = self.append(&entries)?;
        let mut answers = Vec::with_capacity(asks.len());
        for ((ask, one), index) in asks.into_iter().zip(settled).zip(first..) {
            answers.push(self.answer(&packs, ask, one, index)?);
        }
        Ok(answers)
    }

    /// Ends a permit, and writes down what was opened under it; the entry's index, when anything was.
    ///
    /// # Errors
    /// When the journal does not take the entry.
    pub fn close<A: Act>(&self, permit: Permit<A>) -> Result<Option<u64>, GateError> {
        let opened = permit.opened();
        Ok(opened.map(|(event, at)| self.journal.append(&event.to_bytes(at)?)).transpose()?)
    }

    /// Ends a permit and writes down what was opened under it and what came of it, in one group; the index of `event`.
    ///
    /// # Errors
    /// When the journal does not take the entries.
    pub fn close_with<A: Act>(
        &self,
        permit: Permit<A>,
        event: &Event,
        at: UtcMicros,
    ) -> Result<u64, GateError> {
        let opened = permit.opened().map(|(opened, at)| opened.to_bytes(at)).transpose()?;
        let before = u64::from(opened.is_some());
        let entries: Vec<Vec<u8>> = opened.into_iter().chain([event.to_bytes(at)?]).collect();
        Ok(self.append(&entries)? + before)
    }

    /// A person agrees to what waits under an id; the agreement's entry. It holds for 24 hours; where the rule asks for
    /// it once a version, for as long as the pack is the same.
    ///
    /// # Errors
    /// When nothing waits there, or the person asked for it, agreed already, or has no role that may agree.
    pub fn approve(
        &self,
        id: &str,
        person: &PersonId,
        roles: &[Role],
        at: UtcMicros,
    ) -> Result<u64, GateError> {
        let mut pending = self.pending();
        let id = || id.to_owned();
        let waiting = pending.get(&id(), at).ok_or_else(|| GateError::NothingWaits { id: id() })?;
        if waiting.person == *person {
            return Err(GateError::OwnApproval { id: id() });
        }
        if waiting.given.iter().any(|given| given.person == *person && given.holds(at)) {
            return Err(GateError::AgreedAlready { id: id() });
        }
        if !waiting.may_be_given_by(roles) {
            return Err(GateError::MayNotApprove { id: id(), roles: words(&waiting.roles) });
        }
        if let Some(pack) = &waiting.version {
            let (pack, rule) = (pack.clone(), waiting.rule.clone().unwrap_or_default());
            let (asked, person, roles) = (waiting.asked, person.clone(), roles.to_vec());
            let given = self.agree(&id(), Version { pack, rule, person, roles, index: 0 }, asked, at)?;
            let index = given.index;
            pending.give(&id(), given, at).map_err(pending_error("write"))?;
            return Ok(index);
        }
        let until = at.plus(APPROVAL_US);
        let event = Event::Approval {
            approval: id(),
            person: person.clone(),
            roles: roles.to_vec(),
            asked: waiting.asked,
            until: time(until),
        };
        let index = self.note(&event, at)?;
        pending
            .give(&id(), Given { person: person.clone(), roles: roles.to_vec(), index, until }, at)
            .map_err(pending_error("write"))?;
        Ok(index)
    }

    /// What waits for the approval of somebody with these roles, the oldest first.
    pub fn waiting_for(&self, roles: &[Role], now: UtcMicros) -> Vec<Waiting> {
        let packs = self.packs();
        let here = packs.current().map(|pack| pack.digest());
        let mut list = self.pending().list(now);
        // What was asked for under another pack can be given no more.
        list.retain(|waiting| waiting.version.is_none() || waiting.version.as_deref() == here);
        list.retain(|waiting| waiting.lacks(now) && waiting.may_be_given_by(roles));
        list
    }

    /// Takes a person's statement of a fact. It is written down with the next decision, in one group: no decision is
    /// durable without the statements before it. The fact itself goes into the wish that relies on it.
    ///
    /// # Errors
    /// When the fact is not one that this person may state, or the journal takes no entries.
    pub fn state(&self, statement: &Statement) -> Result<(), GateError> {
        let packs = self.packs();
        let decl =
            packs.current().and_then(|pack| pack.fact(&statement.fact)).ok_or(GateError::UnknownFact)?;
        let fact = || decl.name.clone();
        if decl.from != FactFrom::Stated {
            return Err(GateError::DerivedFact { fact: fact() });
        }
        if !statement.roles.iter().any(|role| decl.by.contains(role)) {
            return Err(GateError::MayNotState { fact: fact(), roles: words(&decl.by) });
        }
        let value = self.vault.token(UNRULED, Month::of(statement.at), &decl.name, &statement.value)?;
        let event = Event::Statement {
            person: statement.person.clone(),
            roles: statement.roles.clone(),
            fact: fact(),
            value,
            case: statement.case.clone(),
            evidence: statement.evidence.map(hex),
        };
        let entry = event.to_bytes(statement.at)?;
        let waiting = {
            let mut stated = self.stated();
            stated.push(entry);
            stated.len()
        };
        if waiting >= MOST_STATED {
            self.append(&[])?;
        }
        Ok(())
    }

    /// Writes an event of another room down; its index.
    ///
    /// # Errors
    /// When the journal does not take it.
    pub fn note(&self, event: &Event, at: UtcMicros) -> Result<u64, GateError> {
        Ok(self.journal.append(&event.to_bytes(at)?)?)
    }

    /// Destroys the key of a retention class and month; whether there was one. The entry comes first: a destruction
    /// that a crash interrupts is told twice rather than never.
    ///
    /// # Errors
    /// When the disk or the journal refuses.
    pub fn destroy_key(&self, class: &str, month: Month, at: UtcMicros) -> Result<bool, GateError> {
        self.note(&Event::KeyDestroyed { class: class.to_owned(), month: month.to_string() }, at)?;
        Ok(self.vault.destroy(class, month)?)
    }

    /// Puts other packs in force, and writes that down.
    ///
    /// # Errors
    /// When the journal does not take it; then the packs stay as they were.
    pub fn set_packs(&self, packs: Packs, at: UtcMicros) -> Result<(), GateError> {
        self.note(&loaded(&packs), at)?;
        let packs = self.versions().applied_to(packs);
        *self.packs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(packs);
        Ok(())
    }

    /// The packs on hand.
    pub fn packs(&self) -> Arc<Packs> {
        Arc::clone(&self.packs.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys.
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// An agreement to a version of a rule, which nobody has to give again. It counts from the moment it is durable.
    fn agree(&self, id: &str, mut new: Version, asked: u64, at: UtcMicros) -> Result<Given, GateError> {
        let mut versions = self.versions();
        let packs = self.packs();
        if packs.current().is_none_or(|pack| pack.digest() != new.pack) {
            // It was asked for under another pack, which is not in force any more.
            return Err(GateError::NothingWaits { id: id.to_owned() });
        }
        if versions.has(&new.pack, &new.rule, &new.person) {
            return Err(GateError::AgreedAlready { id: id.to_owned() });
        }
        let event = Event::VersionApproval {
            approval: id.to_owned(),
            rule: new.rule.clone(),
            pack: new.pack.clone(),
            person: new.person.clone(),
            roles: new.roles.clone(),
            asked,
        };
        new.index = self.note(&event, at)?;
        let given = Given {
            person: new.person.clone(),
            roles: new.roles.clone(),
            index: new.index,
            until: UtcMicros::MAX,
        };
        versions.add(new).map_err(pending_error("write"))?;
        let packs = versions.applied_to(Packs::clone(&packs));
        *self.packs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(packs);
        Ok(given)
    }

    /// Appends what was stated and these entries as one group, and waits for it; the index of the first of these.
    fn append(&self, entries: &[Vec<u8>]) -> Result<u64, GateError> {
        let stated = std::mem::take(&mut *self.stated());
        let group: Vec<&[u8]> = stated.iter().chain(entries).map(Vec::as_slice).collect();
        match self.journal.append_many(&group) {
            Ok(first) => Ok(first + stated.len() as u64),
            Err(error) => {
                self.stated().splice(0..0, stated);
                Err(error.into())
            }
        }
    }

    fn stated(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.stated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// --- deciding ---------------------------------------------------------------------------------------------------

/// A decision with what the gate adds to it.
struct Settled {
    decision: Decision,
    until: Option<UtcMicros>,
    approval: Option<String>,
    approved_by: Vec<u64>,
    scope: ScopeTokens,
}

impl Gate {
    /// What the rules say, with the approvals that were given to this very wish.
    fn settle(&self, packs: &Packs, ask: &Ask) -> Result<Settled, GateError> {
        let mut decision = evaluate(packs, ask, &[]);
        let (mut approval, mut approved_by) = (None, Vec::new());
        let is_per = |decision: &Decision, per| {
            decision.verdict == Verdict::NeedApproval && decision.approval.per == per
        };
        if is_per(&decision, ApprovalPer::Ask) {
            let id = self.approval_id(ask, &decision)?;
            let given = self.pending().given(&id, ask.at);
            if !given.is_empty() {
                let agreed: Vec<_> = given.iter().map(|g| (g.person.clone(), g.roles.clone())).collect();
                decision = evaluate(packs, ask, &agreed);
            }
            if decision.verdict.permits() {
                approved_by = given.iter().map(|given| given.index).collect();
            } else if is_per(&decision, ApprovalPer::Ask) {
                approval = Some(id);
            }
        }
        if is_per(&decision, ApprovalPer::Version) {
            approval = Some(version_id(packs, &decision));
        } else if decision.verdict.permits() && decision.approval.per == ApprovalPer::Version {
            let rule = decision.rule.as_ref().and_then(|rule| packs.current()?.loaded(&rule.id));
            approved_by.extend(rule.iter().flat_map(|loaded| &loaded.agreed).map(|agreed| agreed.index));
        }
        let until = decision.verdict.permits().then(|| permit_end(ask, &decision));
        let scope = self.scope_tokens(ask, &decision)?;
        Ok(Settled { decision, until, approval, approved_by, scope })
    }

    /// The id under which a wish waits: the same for the same wish of the same person within a month.
    fn approval_id(&self, ask: &Ask, decision: &Decision) -> Result<String, GateError> {
        let data: Vec<&str> = ask.data.iter().map(|category| category.as_str()).collect();
        let rule = decision.rule.as_ref().map_or("", |rule| rule.id.as_str());
        let case = ask.case.as_ref().map_or("", |case| case.0.as_str());
        let scope = scope_text(ask);
        let parts =
            [ask.act.as_str(), &data.join(","), ask.purpose.as_str(), case, rule, &ask.person.0, &scope];
        let text = parts.join("\u{1f}");
        let id = |at: UtcMicros| -> Result<String, GateError> {
            let mut id = self.vault.token(UNRULED, Month::of(at), "approval", &text)?;
            id.truncate(APPROVAL_ID);
            Ok(id)
        };
        let now = id(ask.at)?;
        let before = ask.at.plus(-pending::KEPT_US);
        if Month::of(before) != Month::of(ask.at) {
            // Just after the turn of a month a wish may wait under the id of the month before.
            let old = id(before).ok().filter(|old| self.pending().get(old, ask.at).is_some());
            return Ok(old.unwrap_or(now));
        }
        Ok(now)
    }

    fn scope_tokens(&self, ask: &Ask, decision: &Decision) -> Result<ScopeTokens, GateError> {
        let class = key_class(decision.retention.as_deref());
        let month = Month::of(ask.at);
        let tokens = |kind: &str, values: &[String]| -> Result<Vec<String>, KeyError> {
            values.iter().take(MAX_TOKENS).map(|value| self.vault.token(&class, month, kind, value)).collect()
        };
        let more = [&ask.scope.endpoints, &ask.scope.subscribers]
            .iter()
            .map(|values| values.len().saturating_sub(MAX_TOKENS) as u64)
            .sum();
        Ok(ScopeTokens {
            all: self.vault.token(&class, month, "scope", &scope_text(ask))?,
            endpoints: tokens("endpoint", &ask.scope.endpoints)?,
            subscribers: tokens("subscriber", &ask.scope.subscribers)?,
            more,
            from: ask.scope.span.map(|span| time(span.from)),
            until: ask.scope.span.map(|span| time(span.until)),
            own_network: ask.scope.own_network,
            month: month.to_string(),
            class,
        })
    }

    /// The entry of a decision.
    fn decided(&self, packs: &Packs, ask: &Ask, one: &Settled) -> Result<Event, GateError> {
        let mut facts = BTreeMap::new();
        for (name, fact) in ask.facts.iter().take(MAX_FACTS) {
            let person = match &fact.from {
                FactOrigin::Stated(person, _) => Some(person.clone()),
                FactOrigin::Derived => None,
            };
            let value = self.vault.token(&one.scope.class, Month::of(ask.at), name, &fact.value)?;
            // Facts that the rules do not know have a name of the asker's making: it is not written down.
            let known = packs.current().is_some_and(|pack| pack.fact(name).is_some());
            let name = if known { name.to_owned() } else { format!("unknown-{}", facts.len()) };
            facts.insert(name, FactOnHand { person, value });
        }
        let decision = &one.decision;
        Ok(Event::Decision(Box::new(Decided {
            verdict: decision.verdict,
            act: ask.act,
            data: ask.data.iter().collect(),
            purpose: ask.purpose,
            person: ask.person.clone(),
            roles: ask.roles.clone(),
            case: ask.case.clone(),
            rule: decision.rule.as_ref().map(|rule| rule.id.clone()),
            rule_version: decision.rule.as_ref().map(|rule| rule.version),
            packs: packs.current().map_or_else(String::new, |pack| pack.digest().to_owned()),
            basis: decision.basis,
            facts,
            missing: decision.missing.iter().map(|need| need.name.clone()).collect(),
            scope: one.scope.clone(),
            until: one.until.map(time),
            approval: one.approval.clone(),
            approved_by: one.approved_by.clone(),
        })))
    }

    /// Hands out what is durable now.
    fn answer<A: Act>(
        &self,
        packs: &Packs,
        ask: Ask,
        one: Settled,
        index: u64,
    ) -> Result<Answer<A>, GateError> {
        let Settled { decision, until, approval, .. } = one;
        if let (Some(until), Some(rule)) = (until, decision.rule.clone()) {
            return Ok(Answer::Permitted(Permit::grant(Terms {
                data: ask.data,
                purpose: ask.purpose,
                basis: decision.basis,
                rule,
                case: ask.case,
                scope: ask.scope,
                until,
                person: ask.person,
                index,
                obligations: decision.obligations,
                retention: decision.retention,
                uses: Uses::new(Arc::clone(&self.journal)),
            })));
        }
        if let Some(id) = &approval {
            let roles = decision.missing.iter().flat_map(|need| need.by.iter().copied()).collect();
            let pack = packs.current().map(|pack| pack.digest().to_owned());
            let waiting = Waiting {
                id: id.clone(),
                act: ask.act,
                data: ask.data.iter().collect(),
                purpose: ask.purpose,
                case: ask.case,
                rule: decision.rule.as_ref().map(|rule| rule.id.clone()),
                person: ask.person,
                at: ask.at,
                asked: index,
                lacking: decision.missing.len(),
                roles,
                given: Vec::new(),
                version: match decision.approval.per {
                    ApprovalPer::Ask => None,
                    ApprovalPer::Version => pack,
                },
            };
            self.pending().wait(waiting, ask.at).map_err(pending_error("write"))?;
        }
        Ok(Answer::Refused(Refusal { decision, journal_index: index, approval_id: approval }))
    }

    fn note_packs(&self, at: UtcMicros) -> Result<(), GateError> {
        let packs = self.packs();
        self.note(&loaded(&packs), at).map(|_| ())
    }
}

/// The id under which a rule of this very pack waits for those who agree once a version: the same for every wish.
fn version_id(packs: &Packs, decision: &Decision) -> String {
    let pack = packs.current().map_or("", |pack| pack.digest());
    let rule = decision.rule.as_ref().map_or("", |rule| rule.id.as_str());
    let mut id = hex(Sha256::digest(["version", pack, rule].join("\u{1f}").as_bytes()).into());
    id.truncate(APPROVAL_ID);
    id
}

/// When a permit ends: as its rule says, else a day for a standing one and eight hours for one of a case.
fn permit_end(ask: &Ask, decision: &Decision) -> UtcMicros {
    let seconds = decision.max_duration_s.unwrap_or(match ask.case {
        None => STANDING_S,
        Some(_) => CASE_S,
    });
    ask.at.plus(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

/// The whole scope as one text: it is only ever made a token of.
fn scope_text(ask: &Ask) -> String {
    let scope = &ask.scope;
    let span = scope.span.map_or_else(String::new, |span| format!("{}-{}", span.from.0, span.until.0));
    let own = if scope.own_network { "own" } else { "" };
    let parts = [scope.endpoints.join("\u{1e}"), scope.subscribers.join("\u{1e}"), span, own.to_owned()];
    parts.join("\u{1d}")
}

/// The key class for a retention class of the pack; a decision without one has a class of its own.
fn key_class(retention: Option<&str>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    retention.filter(|class| !class.is_empty()).unwrap_or(UNRULED).chars().take(64).map(plain).collect()
}

/// The event of packs coming into force.
fn loaded(packs: &Packs) -> Event {
    let pack = packs.current();
    Event::PackLoaded {
        pack: packs.jurisdiction().to_owned(),
        version: pack.map_or_else(String::new, |pack| pack.version().to_owned()),
        digest: pack.map_or_else(String::new, |pack| pack.digest().to_owned()),
        unsigned: pack.map_or_else(Vec::new, |pack| {
            let unsigned = pack.rules().filter(|rule| {
                rule.mark.contains(&crate::vocabulary::Mark::C) && !pack.is_signed_off(&rule.id)
            });
            unsigned.map(|rule| rule.id.clone()).collect()
        }),
    }
}

fn words(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" or ")
}

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pending_error(doing: &'static str) -> impl Fn(std::io::Error) -> GateError {
    move |source| GateError::Pending { doing, source }
}

/// How long a standing permit holds where its rule does not say (P).
const STANDING_S: u64 = 24 * 3600;

/// How long a permit of a case holds where its rule does not say (P).
const CASE_S: u64 = 8 * 3600;

/// How long an approval holds (P): 24 hours.
const APPROVAL_US: i64 = 24 * 3600 * 1_000_000;

/// Key class of decisions and statements that no rule gives a retention class.
pub const UNRULED: &str = "unruled";

/// Statements that wait for a decision at most.
const MOST_STATED: usize = 256;

/// Facts of one wish that its entry holds; the rules know fewer.
const MAX_FACTS: usize = 128;

/// Characters of an approval's id: 48 bits.
const APPROVAL_ID: usize = 12;

#[cfg(test)]
mod tests;
