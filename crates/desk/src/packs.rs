//! Evidence packs of an incident: made for the victim, for the neighbour, or for the certified association, each on the
//! rule for that recipient (JP-089, JP-037, JP-038; 4.F9, 4.F10).
//!
//! What comes in: an incident on file, a recipient, the ground. What goes out: documents with their manifest, or the
//! gate's refusal. The flow records are looked up under the standing permit and stay sealed until the permit to disclose
//! opens them; the documents are handed over by whoever asked, never sent from here.

use tadoru_detect::Said;
use tadoru_exchange::incident::{self, Recipient, Records};
use tadoru_exchange::pack::{Delivery, Document, Rule, pack};
use tadoru_gate::journal::Event;
use tadoru_gate::permit::Disclose;
use tadoru_gate::request::RuleRef;
use tadoru_gate::{ActName, Answer, Ask, DataCategory, DataSet, Permit, Purpose, Refusal, Scope};
use tadoru_model::finding::{Finding, FindingId};
use tadoru_model::{Prefix, Scope as Target};
use tadoru_store::cases::{Cases as _, Entry, Happened};
use tadoru_store::filter::{AddressField, Filter, Node};
use tadoru_store::flows::{Found, Question};

use crate::ask::{Stated, Work};
use crate::casework::check_case;
use crate::flows::open;
use crate::incidents::attack::{Attack, in_prefixes};
use crate::{Actor, Desk, DeskError, Stores};

/// A pack that is wanted.
#[derive(Debug, Clone)]
pub struct PackWish {
    /// Who asks.
    pub actor: Actor,
    /// Of which incident.
    pub incident: FindingId,
    /// For whom.
    pub recipient: PackFor,
    /// The recipient by name, as the documents will say.
    pub name: String,
    /// Whether a pack that is due records may be made without any.
    pub without_records: WithoutRecords,
    /// On what ground.
    pub ground: Stated,
}

/// What happens where no flow record of the attack is found and the recipient is due records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutRecords {
    /// No pack is made: evidence without evidence misleads whoever gets it.
    Refused,
    /// The pack is made, and says that there are none.
    Allowed,
}

/// For whom a pack is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackFor {
    /// Who was attacked at these addresses; empty: at the one address that the incident is aimed at.
    Victim(Vec<Prefix>),
    /// The operator of this autonomous system.
    Neighbour(u32),
    /// The certified association.
    Association,
}

/// What came of it.
#[derive(Debug)]
pub enum PackReply {
    /// The documents.
    Packed {
        /// The documents, their manifest among them.
        documents: Vec<Document>,
        /// How many flow records are in it; `None` where the recipient is due none.
        records: Option<u64>,
        /// SHA-256 of the manifest.
        manifest: [u8; 32],
        /// The rule that permits it.
        rule: RuleRef,
        /// Where in the journal the delivery stands.
        journal_index: u64,
    },
    /// The gate refused, or somebody has to agree first.
    Refused(Box<Refusal>),
}

impl PackFor {
    const fn recipient(&self) -> Recipient {
        match self {
            Self::Victim(_) => Recipient::Victim,
            Self::Neighbour(_) => Recipient::Neighbour,
            Self::Association => Recipient::Association,
        }
    }

    /// What the gate is asked: which data, and what for.
    const fn wish(&self) -> (DataSet, Purpose) {
        match self {
            Self::Victim(_) => (DataSet::of(&[DataCategory::Flow, DataCategory::Hdr]), Purpose::ProtCust),
            Self::Neighbour(_) => (DataSet::of(&[DataCategory::Agg, DataCategory::Cmp]), Purpose::TraceX),
            Self::Association => (DataSet::of(&[DataCategory::Flow, DataCategory::Hdr]), Purpose::TraceX),
        }
    }
}

impl<S: Stores> Desk<S> {
    /// Makes a pack of an incident.
    ///
    /// # Errors
    /// When there is no such incident, the recipient has no part in it, no flow record is found of it, the case is closed, or
    /// the gate or a store fails. A refusal is a reply.
    pub async fn incident_pack(&self, wish: &PackWish) -> Result<PackReply, DeskError> {
        check_case(&wish.ground.case)?;
        let finding = self.newest(wish.incident)?.ok_or(DeskError::NoIncident)?;
        let attack = self.attack(wish.incident)?.ok_or(DeskError::NoIncident)?;
        let permit = match self.gate().ask::<Disclose>(self.disclosure(wish, &attack)?)? {
            Answer::Permitted(permit) => permit,
            Answer::Refused(refusal) => return Ok(PackReply::Refused(Box::new(refusal))),
        };
        let mut found = None;
        let documents = match &wish.recipient {
            PackFor::Victim(named) => {
                let own = victims_own(named, &finding)?;
                let records = self.records(&permit, &attack, &own)?;
                found = Some(records.flows.rows() as u64);
                incident::for_victim(&finding, &records, &own, japanese)
            }
            PackFor::Neighbour(asn) if finding.ingress.iter().all(|way| way.neighbour_as != *asn) => {
                let why = "the incident did not come in from that autonomous system";
                return Err(DeskError::Question { why });
            }
            PackFor::Neighbour(asn) => incident::for_neighbour(&finding, *asn, &targets(&finding)),
            PackFor::Association => {
                let records = self.records(&permit, &attack, &[])?;
                found = Some(records.flows.rows() as u64);
                incident::for_association(&finding, &records, japanese)
            }
        };
        if found == Some(0) && wish.without_records == WithoutRecords::Refused {
            self.gate().close(permit)?;
            return Err(DeskError::NoRecords);
        }
        let (documents, manifest) = pack(&self.delivery(wish, &permit), documents);
        let rule = permit.rule().clone();
        let journal_index = self.hand_over(wish, permit, documents.len(), manifest).await?;
        Ok(PackReply::Packed { documents, records: found, manifest, rule, journal_index })
    }

    /// The attack's own flows, and of these only those that have an end in `of`, where it names anything. They are looked
    /// up by the installation itself and opened under the permit to disclose.
    fn records(
        &self,
        permit: &Permit<Disclose>,
        attack: &Attack,
        of: &[Prefix],
    ) -> Result<Records, DeskError> {
        let own = if of.is_empty() { Filter::any() } else { Filter::from(at_either_end(of)) };
        let question = Question { filter: attack.filter.clone().and(own), span: Some(attack.span) };
        let looking = self.own_look()?;
        let found = self.stores().flows().find(&looking, &question, MOST_RECORDS)?;
        self.gate().close(looking)?;
        let Found { flows, cut } = open(found, permit, self.now())?;
        Ok(Records { flows, cut })
    }

    /// The wish to disclose. What the program itself sees to is derived: the incident is on file, and the records are cut
    /// to it, or to the requester's own communications in it.
    fn disclosure(&self, wish: &PackWish, attack: &Attack) -> Result<Ask, DeskError> {
        let mut facts = self.state(&wish.actor, &wish.ground)?;
        facts.derive("incident.id", &wish.incident.to_string());
        facts.derive("scope.attack_only", "yes");
        if matches!(wish.recipient, PackFor::Victim(_)) {
            facts.derive("requester.own_communications", "yes");
        }
        let (data, purpose) = wish.recipient.wish();
        Ok(Ask {
            act: ActName::Disclose,
            data,
            purpose,
            basis: wish.ground.basis,
            person: wish.actor.person.clone(),
            roles: wish.actor.roles.clone(),
            case: Some(wish.ground.case.clone()),
            scope: Scope {
                endpoints: vec![format!("incident {}", wish.incident), wish.name.clone()],
                span: Some(attack.span),
                ..Scope::default()
            },
            facts,
            at: self.now(),
        })
    }

    fn delivery(&self, wish: &PackWish, permit: &Permit<Disclose>) -> Delivery {
        let RuleRef { id, text_ja, text_en, .. } = permit.rule().clone();
        Delivery {
            sender: self.settings().operator.clone(),
            recipient: wish.name.clone(),
            subject: format!("incident {} for the {}", wish.incident, wish.recipient.recipient().as_str()),
            rule: Rule { id, text_ja, text_en },
            journal_index: permit.journal_index(),
            made: self.now(),
        }
    }

    /// The delivery goes into the journal and the case before the documents go out.
    async fn hand_over(
        &self,
        wish: &PackWish,
        permit: Permit<Disclose>,
        documents: usize,
        manifest: [u8; 32],
    ) -> Result<u64, DeskError> {
        let (case, now) = (&wish.ground.case, self.now());
        let keeping = self.standing(Work::Cases)?;
        self.stores().cases().open_or_join(&keeping, case, &wish.actor.person, now).await?;
        let to = wish.recipient.recipient().as_str();
        let event = Event::Disclosed {
            permit: permit.journal_index(),
            case: Some(case.clone()),
            to: to.to_owned(),
            documents: documents as u64,
            manifest: manifest.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let journal_index = self.gate().close_with(permit, &event, now)?;
        let by = wish.actor.person.clone();
        let entry = Entry { at: now, by, what: Happened::Disclosed, journal_index: Some(journal_index) };
        let text = format!("pack of incident {} for the {to}: {}", wish.incident, wish.name);
        self.stores().cases().note(&keeping, case, &entry, &text).await?;
        Ok(journal_index)
    }
}

/// Flows with their source or their destination at these addresses.
fn at_either_end(of: &[Prefix]) -> Node {
    Node::either([AddressField::Src, AddressField::Dst].map(|end| in_prefixes(end, of.to_vec())).to_vec())
}

/// The victim's addresses: those named, which must be targets, or the one that the incident is aimed at.
fn victims_own(named: &[Prefix], finding: &Finding) -> Result<Vec<Prefix>, DeskError> {
    let wrong = |why| Err(DeskError::Question { why });
    if named.is_empty() {
        return match finding.scope {
            Target::Host(addr) => Ok(vec![Prefix::host(addr)]),
            _ => wrong("the incident is aimed at more than one address: name those of the victim"),
        };
    }
    let targets = targets(finding);
    let is_target = |prefix: &Prefix| {
        targets.iter().any(|target| target.len() <= prefix.len() && target.contains(prefix.addr()))
    };
    if named.iter().all(is_target) {
        Ok(named.to_vec())
    } else {
        wrong("the incident was not aimed at all of these addresses")
    }
}

/// The addresses and prefixes that it was aimed at.
fn targets(finding: &Finding) -> Vec<Prefix> {
    let scopes = finding.targets.iter().map(|target| &target.scope).chain([&finding.scope]);
    let mut all: Vec<Prefix> = scopes
        .filter_map(|scope| match scope {
            Target::Host(addr) => Some(Prefix::host(*addr)),
            Target::Prefix(prefix) => Some(*prefix),
            _ => None,
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// A sentence of the detector's in Japanese.
fn japanese(english: &str) -> Option<String> {
    Some(Said::read(english)?.japanese())
}

/// Flow records of one pack at most.
const MOST_RECORDS: usize = 1_000_000;
