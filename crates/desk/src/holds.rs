//! Preservation: identified records are kept from deletion because somebody who may asked for it in writing (JP-087).
//!
//! What comes in: endpoints, a span, a period and the ground. What goes out: a hold, or the gate's refusal. It keeps those
//! records and no others, tells nothing of what they say, and ends by itself.

use std::net::{IpAddr, Ipv4Addr};

use tadoru_gate::gate::Statement;
use tadoru_gate::journal::Event;
use tadoru_gate::permit::Preserve;
use tadoru_gate::{ActName, Answer, Ask, Basis, DataCategory, DataSet, Facts, Purpose, Refusal, Scope};
use tadoru_model::{CaseId, Endpoint, Prefix, Protocol, Realm, Span, UtcMicros};
use tadoru_store::Holding;
use tadoru_store::cases::{Cases as _, Entry, Happened};
use tadoru_store::holds::Hold;

use crate::ask::Work;
use crate::casework::check_case;
use crate::retention::ASSIGNMENT;
use crate::{Actor, Desk, DeskError, Door, Stores};

/// What is to be kept, and on what ground.
#[derive(Clone)]
pub struct Preservation {
    /// Who asks.
    pub actor: Actor,
    /// In which case; it is opened where there is none.
    pub case: CaseId,
    /// What for.
    pub purpose: Purpose,
    /// The basis relied on, where the person names one.
    pub basis: Option<Basis>,
    /// Facts that the person states; the days are stated from `days`.
    pub facts: Vec<(String, String)>,
    /// SHA-256 of the request, where it was attached.
    pub attached: Option<[u8; 32]>,
    /// Realm of the endpoints; [`Realm::untold`]: every one.
    pub realm: Realm,
    /// Which endpoints the records are of.
    pub endpoints: Vec<Endpoint>,
    /// First instant that the records are of.
    pub from: UtcMicros,
    /// First instant after them.
    pub until: UtcMicros,
    /// For how many days from now.
    pub days: u32,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// The records are kept.
    Held(Hold),
    /// The gate refused, or somebody has to agree first.
    Refused(Box<Refusal>),
}

impl<S: Stores> Desk<S> {
    /// Keeps identified records from deletion.
    ///
    /// # Errors
    /// When nothing is named, the case is closed, or the gate or a store fails. A refusal is an outcome.
    pub async fn preserve(&self, wanted: Preservation) -> Result<Outcome, DeskError> {
        let (now, until) = (self.now(), self.now().plus(i64::from(wanted.days).saturating_mul(DAY_US)));
        check(&wanted)?;
        let keeping = self.standing(Work::Cases)?;
        let permit = match self.gate().ask::<Preserve>(self.preserve_wish(&wanted)?)? {
            Answer::Permitted(permit) => permit,
            Answer::Refused(refusal) => return Ok(Outcome::Refused(Box::new(refusal))),
        };
        let person = &wanted.actor.person;
        self.stores().cases().open_or_join(&keeping, &wanted.case, person, now).await?;
        let mut hold = Hold {
            id: format!("H-{}", permit.journal_index()),
            case: wanted.case.clone(),
            person: person.clone(),
            rule: permit.rule().id.clone(),
            permit: permit.journal_index(),
            since: now,
            until: until.min(permit.until()),
            records: None,
            ended: None,
        };
        // It is listed before it holds anything, so that a crash leaves nothing that is kept and never ends.
        self.stores().holds().keep(&permit, &hold)?;
        let questions: Vec<Holding> =
            wanted.endpoints.iter().map(|endpoint| holding(&wanted, *endpoint)).collect();
        let records = self.stores().assignments().hold(&permit, &hold.id, &questions)?;
        hold.records = Some(records);
        self.stores().holds().keep(&permit, &hold)?;
        let event = Event::Held {
            hold: hold.id.clone(),
            case: Some(hold.case.clone()),
            class: ASSIGNMENT.to_owned(),
            records,
            until: hold.until.to_string(),
        };
        let journal_index = self.gate().close_with(permit, &event, now)?;
        let entry = Entry {
            at: now,
            by: person.clone(),
            what: Happened::Preserved,
            journal_index: Some(journal_index),
        };
        let text = format!("hold {}: {records} records until {}", hold.id, hold.until);
        self.stores().cases().note(&keeping, &hold.case, &entry, &text).await?;
        Ok(Outcome::Held(hold))
    }

    /// Every hold, the latest first; none tells what it keeps.
    pub fn holds(&self) -> Vec<Hold> {
        let mut holds = self.stores().holds().holds();
        holds.reverse();
        holds
    }

    /// Ends a hold before its time; its records go with the next run of the retention when they are past it.
    ///
    /// # Errors
    /// When the person may not, there is no such hold in force, or a store fails.
    pub fn release(&self, actor: &Actor, id: &str) -> Result<u64, DeskError> {
        if !actor.opens(Door::EndsHolds) {
            return Err(DeskError::Role { role: "abuse-desk or legal-reviewer" });
        }
        let is_this = |hold: &Hold| hold.id == id && hold.ended.is_none();
        if !self.stores().holds().holds().iter().any(is_this) {
            return Err(DeskError::NoHold);
        }
        self.end_hold(id, Some(actor))
    }

    /// Ends the holds whose time is over.
    pub(crate) fn end_holds(&self) -> Result<(), DeskError> {
        let now = self.now();
        for hold in self.stores().holds().holds() {
            if hold.ended.is_none() && hold.until <= now {
                self.end_hold(&hold.id, None)?;
            }
        }
        Ok(())
    }

    /// The end is on record before the records may go, and listed last: an end that a crash interrupts is told again.
    fn end_hold(&self, id: &str, by: Option<&Actor>) -> Result<u64, DeskError> {
        let permit = self.standing(Work::Assignments)?;
        let event = Event::Released { hold: id.to_owned(), person: by.map(|actor| actor.person.clone()) };
        let journal_index = self.gate().note(&event, self.now())?;
        self.stores().assignments().release(&permit, id)?;
        self.stores().holds().end(&permit, id, self.now())?;
        Ok(journal_index)
    }

    /// The wish to preserve, with the facts that the person states written down first.
    fn preserve_wish(&self, wanted: &Preservation) -> Result<Ask, DeskError> {
        let Actor { person, roles } = &wanted.actor;
        let at = self.now();
        let mut facts = Facts::none();
        let days = (DAYS.to_owned(), wanted.days.to_string());
        for (fact, value) in wanted.facts.iter().chain([&days]) {
            self.gate().state(&Statement {
                person: person.clone(),
                roles: roles.clone(),
                fact: fact.clone(),
                value: value.clone(),
                case: Some(wanted.case.clone()),
                evidence: wanted.attached,
                at,
            })?;
            facts.state(fact, value, person, roles);
        }
        let endpoints = wanted.endpoints.iter().map(ToString::to_string).collect();
        Ok(Ask {
            act: ActName::Preserve,
            data: DataSet::of(&[DataCategory::Asgn]),
            purpose: wanted.purpose,
            basis: wanted.basis,
            person: person.clone(),
            roles: roles.clone(),
            case: Some(wanted.case.clone()),
            scope: Scope { endpoints, span: Some(Span::new(wanted.from, wanted.until)), ..Scope::default() },
            facts,
            at,
        })
    }
}

fn check(wanted: &Preservation) -> Result<(), DeskError> {
    check_case(&wanted.case)?;
    let why = if wanted.endpoints.is_empty() || wanted.endpoints.len() > MOST_ENDPOINTS {
        "a hold names 1 to 1,024 endpoints"
    } else if wanted.from >= wanted.until {
        "a hold is of a time that ends after it begins"
    } else if wanted.facts.iter().any(|(fact, _)| fact == DAYS) {
        "the days are told once"
    } else {
        return Ok(());
    };
    Err(DeskError::Question { why })
}

fn holding(wanted: &Preservation, Endpoint { addr, port, proto }: Endpoint) -> Holding {
    let span = Span::new(wanted.from, wanted.until);
    Holding { realm: wanted.realm.clone(), addr, port, proto, span }
}

/// The addresses of an IPv4 network of at most 256; `None` for any other text. Of a longer IPv6 prefix one address is
/// named instead: the record of the delegation covers it.
pub fn read_network(text: &str) -> Option<Vec<Endpoint>> {
    let network: Prefix = text.trim().parse().ok().filter(|_| text.contains('/'))?;
    let IpAddr::V4(first) = network.addr() else { return None };
    let hosts = 32_u32.checked_sub(network.len().into()).filter(|bits| *bits <= 8)?;
    let addresses = (0..1_u32 << hosts).map(|number| Ipv4Addr::from(u32::from(first) | number));
    Some(addresses.map(|addr| Endpoint { addr: addr.into(), port: None, proto: Protocol::ANY }).collect())
}

/// The fact that tells for how many days preservation is asked.
const DAYS: &str = "preserve.days";
const DAY_US: i64 = 86_400_000_000;
/// Endpoints that one hold names: four networks of 256 addresses.
const MOST_ENDPOINTS: usize = 1024;
