//! "Who had this address?": the question, asked lawfully and answered with its evidence.
//!
//! The order is always the same: stated facts are written down, the gate is asked, the case is opened or joined, the trail
//! is followed under the permit, what was found is opened as a recorded deed, the answer goes into the journal and the
//! case.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use tadoru_gate::gate::Statement;
use tadoru_gate::journal::Event;
use tadoru_gate::permit::Learn;
use tadoru_gate::{
    Answer as Gated, Ask, Basis, DataCategory, DataSet, Facts, Permit, Purpose, Refusal, Scope,
};
use tadoru_model::{Attribution, CaseId, Outcome, Realm, RecordKind, Seen, Span, SubscriberId, UtcMicros};
use tadoru_store::cases::{CaseError, Cases as _, Entry, Happened};
use tadoru_store::subscribers::{Naming, Subscribers as _};
use tadoru_trace::clock::Clocks;
use tadoru_trace::subscriber::{CoverageMap, Evidence, Line, Trails, explore, judge};

pub use tadoru_trace::subscriber::Question;

use crate::ask::Work;
use crate::casework::check_case;
use crate::{Actor, Desk, DeskError, Stores};

/// Questions of one case, asked at once on one ground.
#[derive(Debug, Clone)]
pub struct Inquiry {
    /// Who asks.
    pub actor: Actor,
    /// In which case; it is opened where there is none.
    pub case: CaseId,
    /// What for.
    pub purpose: Purpose,
    /// The basis relied on, where the person names one.
    pub basis: Option<Basis>,
    /// Facts that the person states.
    pub facts: Vec<(String, String)>,
    /// SHA-256 of what the facts rest on, where something was attached.
    pub attached: Option<[u8; 32]>,
    /// The questions.
    pub questions: Vec<Question>,
}

/// What came of an inquiry.
#[derive(Debug)]
pub enum Reply {
    /// The gate permitted it.
    Answered(Answered),
    /// The gate refused, or somebody has to agree first.
    Refused(Refusal),
}

/// The answers, opened under the permit of the person who asked.
#[derive(Debug)]
pub struct Answered {
    /// One for each question, in their order.
    pub attributions: Vec<Attribution>,
    /// On what ground.
    pub ground: Ground,
    /// Where in the journal the answer stands.
    pub journal_index: u64,
}

/// The ground of an answer.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The rule.
    pub rule: tadoru_gate::request::RuleRef,
    /// The basis.
    pub basis: Option<Basis>,
    /// What is owed, by obligation id.
    pub obligations: Vec<String>,
    /// When the permit ends.
    pub until: UtcMicros,
    /// Where in the journal the decision stands.
    pub journal_index: u64,
}

impl<S: Stores> Desk<S> {
    /// Asks who had these endpoints.
    ///
    /// # Errors
    /// When the gate or a store fails, or the inquiry holds no question. A refusal is a reply.
    pub async fn who(&self, inquiry: Inquiry) -> Result<Reply, DeskError> {
        let now = self.now();
        let span = span_of(&inquiry.questions)?;
        check_case(&inquiry.case)?;
        let keeping = self.standing(Work::Cases)?;
        let permit = match self.gate().ask::<Learn>(self.wish(&inquiry, span, now)?)? {
            Gated::Permitted(permit) => permit,
            Gated::Refused(refusal) => {
                let told =
                    self.tell_case(&keeping, &inquiry, Happened::Refused, refusal.journal_index, "who").await;
                return match told {
                    // A refused question opens no case.
                    Ok(()) | Err(DeskError::Case(CaseError::Unknown(_))) => Ok(Reply::Refused(refusal)),
                    Err(error) => Err(error),
                };
            }
        };
        self.stores().cases().open_or_join(&keeping, &inquiry.case, &inquiry.actor.person, now).await?;
        let attributions = self.attribute(&permit, &inquiry.questions).await?;
        let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
        let mut digest = Sha256::new();
        for attribution in &attributions {
            *outcomes.entry(attribution.outcome.as_str().to_owned()).or_default() += 1;
            digest.update(serde_json::to_vec(attribution).unwrap_or_default());
        }
        let evidence = Some(digest.finalize().iter().map(|b| format!("{b:02x}")).collect());
        let ground = Ground {
            rule: permit.rule().clone(),
            basis: permit.basis(),
            obligations: permit.obligations().to_vec(),
            until: permit.until(),
            journal_index: permit.journal_index(),
        };
        let told: Vec<String> = outcomes.iter().map(|(o, n)| format!("{o} {n}")).collect();
        let answered = Event::Answered {
            permit: ground.journal_index,
            case: Some(inquiry.case.clone()),
            outcomes,
            evidence,
        };
        let journal_index = self.gate().close_with(permit, &answered, now)?;
        self.tell_case(
            &keeping,
            &inquiry,
            Happened::Asked,
            journal_index,
            &format!("who: {}", told.join(", ")),
        )
        .await?;
        Ok(Reply::Answered(Answered { attributions, ground, journal_index }))
    }

    /// The realms that records or rules speak of.
    ///
    /// # Errors
    /// When the coverage cannot be read.
    pub fn realms(&self) -> Result<BTreeSet<Realm>, DeskError> {
        let calendar = self.stores().coverage().calendar()?;
        let rules = self.stores().rules().rules();
        let realms =
            calendar.into_iter().map(|span| span.realm).chain(rules.into_iter().map(|rule| rule.realm));
        Ok(realms.filter(|realm| !realm.is_untold()).collect())
    }

    /// The wish to learn, with the facts that the person states written down first.
    fn wish(&self, inquiry: &Inquiry, span: Span, now: UtcMicros) -> Result<Ask, DeskError> {
        let Actor { person, roles } = &inquiry.actor;
        let mut facts = Facts::none();
        for (fact, value) in &inquiry.facts {
            self.gate().state(&Statement {
                person: person.clone(),
                roles: roles.clone(),
                fact: fact.clone(),
                value: value.clone(),
                case: Some(inquiry.case.clone()),
                evidence: inquiry.attached,
                at: now,
            })?;
            facts.state(fact, value, person, roles);
        }
        Ok(Ask {
            act: tadoru_gate::ActName::Learn,
            data: DataSet::of(&[DataCategory::Asgn]),
            purpose: inquiry.purpose,
            basis: inquiry.basis,
            person: person.clone(),
            roles: roles.clone(),
            case: Some(inquiry.case.clone()),
            scope: Scope {
                endpoints: inquiry.questions.iter().map(|q| q.endpoint.to_string()).collect(),
                span: Some(span),
                ..Scope::default()
            },
            facts,
            at: now,
        })
    }

    /// Follows the trails and opens what they lead to, one seal for the batch.
    async fn attribute(
        &self,
        permit: &Permit<Learn>,
        questions: &[Question],
    ) -> Result<Vec<Attribution>, DeskError> {
        let stores = self.stores();
        let coverage = CoverageMap::new(stores.coverage().calendar()?);
        let clocks = Clocks::new(stores.clocks().readings());
        let rules = stores.rules().rules();
        let kept = self.retention_periods();
        let evidence = Evidence {
            assignments: stores.assignments(),
            coverage: &coverage,
            clocks: &clocks,
            rules: &rules,
            own: &self.settings().own_prefixes,
            guard_us: i64::from(self.settings().guard_ms).saturating_mul(1000),
            kept_us: &|kind: RecordKind| kept.of(kind),
            deleted_before: &|kind: RecordKind| stores.assignments().deleted_before(kind),
            now: self.now(),
        };
        let mut attributions = Vec::with_capacity(questions.len());
        for batch in questions.chunks(BATCH) {
            let trails: Vec<Trails> =
                batch.iter().map(|q| explore(permit, &evidence, q)).collect::<Result<_, _>>()?;
            let lines: Vec<Line> = trails.iter().flat_map(|t| t.lines(permit)).collect();
            let mut whose = self.contracts(permit, &lines).await?.into_iter();
            for (question, trail) in batch.iter().zip(trails) {
                let of_trail = whose.by_ref().take(trail.lines(permit).len()).collect();
                let sealed = judge(permit, &evidence, question, trail, of_trail);
                let mut opened =
                    sealed.into_open(permit, self.now()).map_err(|e| DeskError::Seal(Box::new(e)))?;
                if matches!(opened.outcome, Outcome::None | Outcome::Gap) {
                    opened.notes.extend(slips(permit, &evidence, question, &self.settings().time_zone())?);
                }
                attributions.push(opened);
            }
        }
        Ok(attributions)
    }

    /// The contracts behind lines: those that had the surest of the line's names.
    async fn contracts(
        &self,
        permit: &Permit<Learn>,
        lines: &[Line],
    ) -> Result<Vec<Vec<SubscriberId>>, DeskError> {
        let questions: Vec<Naming> = lines
            .iter()
            .map(|line| Naming {
                realm: line.realm.clone(),
                names: line.names.clone(),
                span: line.seen.core(),
            })
            .collect();
        let sealed = self.stores().subscribers().resolve_many(permit, &questions).await?;
        let found = sealed.into_open(permit, self.now()).map_err(|e| DeskError::Seal(Box::new(e)))?;
        Ok(found
            .into_iter()
            .map(|named| {
                let surest = named.iter().map(|n| n.name).min();
                named.into_iter().filter(|n| Some(n.name) == surest).map(|n| n.subscriber).collect()
            })
            .collect())
    }

    async fn tell_case(
        &self,
        permit: &Permit<tadoru_gate::permit::Store>,
        inquiry: &Inquiry,
        what: Happened,
        journal_index: u64,
        text: &str,
    ) -> Result<(), DeskError> {
        let entry = Entry {
            at: self.now(),
            by: inquiry.actor.person.clone(),
            what,
            journal_index: Some(journal_index),
        };
        self.stores().cases().note(permit, &inquiry.case, &entry, text).await?;
        Ok(())
    }
}

/// The classic slips of a told time that its permit's own span covers and under which the records name one line: notes,
/// never another answer. Beyond that span nothing is looked at.
fn slips(
    permit: &Permit<Learn>,
    evidence: &Evidence<'_>,
    question: &Question,
    zone: &jiff::tz::TimeZone,
) -> Result<Vec<String>, DeskError> {
    let Some(covered) = permit.scope().span else { return Ok(Vec::new()) };
    let Some(first) = question.seen.first() else { return Ok(Vec::new()) };
    let told = jiff::Timestamp::from_microsecond(first.at.0).unwrap_or_default();
    let offset_s = i64::from(zone.to_offset(told).seconds());
    let mut shifts = vec![(HOUR_S, "one hour later"), (-HOUR_S, "one hour earlier")];
    if offset_s.abs() > HOUR_S {
        let words = ["at the told clock time in UTC", "at the told clock time in the operator's zone"];
        shifts.extend([(offset_s, words[0]), (-offset_s, words[1])]);
    }
    let mut notes = Vec::new();
    for (shift_s, words) in shifts {
        let seen: Vec<Seen> = question
            .seen
            .iter()
            .map(|seen| Seen { at: seen.at.plus(shift_s.saturating_mul(1_000_000)), ..*seen })
            .collect();
        if !seen.iter().all(|seen| covered.holds(seen.window(question.skew_us))) {
            continue;
        }
        let shifted = Question { seen, ..question.clone() };
        let trails = explore(permit, evidence, &shifted)?;
        let unknown = vec![Vec::new(); trails.lines(permit).len()];
        let sealed = judge(permit, evidence, &shifted, trails, unknown);
        let found = sealed.into_open(permit, evidence.now).map_err(|e| DeskError::Seal(Box::new(e)))?;
        if found.outcome == Outcome::Unique {
            notes.push(format!(
                "the classic slip: {words} the records name one line; check the zone of the complaint"
            ));
        }
    }
    Ok(notes)
}

/// The time that all questions lie in; that there is one is the least that makes a question.
fn span_of(questions: &[Question]) -> Result<Span, DeskError> {
    let windows = || questions.iter().flat_map(|q| q.seen.iter().map(|s: &Seen| s.window(q.skew_us)));
    let from = windows().map(|w| w.from).min();
    let until = windows().map(|w| w.until).max();
    match (from, until) {
        (Some(from), Some(until)) if questions.iter().all(|q| !q.seen.is_empty()) => {
            Ok(Span::new(from, until))
        }
        _ => Err(DeskError::Question { why: "no time is asked about" }),
    }
}

impl Answered {
    /// Whether every question could be answered: `unique`, `none` or `not-ours`.
    pub fn all_told(&self) -> bool {
        self.attributions
            .iter()
            .all(|a| matches!(a.outcome, Outcome::Unique | Outcome::None | Outcome::NotOurs))
    }
}

/// An hour, in seconds.
const HOUR_S: i64 = 3600;
/// Questions followed at a time.
const BATCH: usize = 4096;
