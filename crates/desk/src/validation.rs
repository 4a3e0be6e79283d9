//! Which customers' interfaces let forged sources in: a report by interface, in which nobody can be told.
//!
//! The installation counts by itself and automatically, as it may (JP-030); what goes out are sums by interface, on the
//! standing permit for aggregates (JP-005). Requirement 5.F2.

use std::ops::ControlFlow;

use tadoru_detect::{SourceTally, World};
use tadoru_gate::permit::{Act as _, Aggregate, Learn};
use tadoru_gate::request::RuleRef;
use tadoru_gate::{Answer, Ask, DataCategory, DataSet, Facts, Permit, Purpose, Refusal, Scope};
use tadoru_model::Span;
use tadoru_model::flow::to_bits;
use tadoru_store::filter::Filter;
use tadoru_store::flows::Question;

use crate::flows::open;
use crate::network::Place;
use crate::{Actor, Desk, DeskError, Door, Stores};

pub use tadoru_detect::InterfaceSources;

/// The report, or the gate's refusal.
#[derive(Debug)]
pub enum ValidationReply {
    /// The report.
    Told {
        /// An interface each, the one with the most packets of impossible sources first.
        interfaces: Vec<Validated>,
        /// Whether prefixes, interfaces or routes were told: nothing can be impossible else, but for bogons.
        told: bool,
        /// The rule that it stands on.
        rule: RuleRef,
        /// Where the ground stands in the journal.
        journal_index: u64,
    },
    /// The gate refused.
    Refused(Box<Refusal>),
}

/// What came in by one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// Sums by what can be said of the sources.
    pub sources: InterfaceSources,
    /// What was told of the interface.
    pub place: Option<Place>,
}

impl<S: Stores> Desk<S> {
    /// The report over the flows of a span; over all on record where there is none. It blocks while it reads.
    ///
    /// # Errors
    /// When the person's roles do not open the flows, or the gate or the store fails. A refusal is a reply.
    pub fn validation(&self, actor: &Actor, span: Option<Span>) -> Result<ValidationReply, DeskError> {
        if !actor.opens(Door::ReadsFlows) {
            return Err(DeskError::Role { role: "network operations, abuse desk, manager or administrator" });
        }
        let mut facts = Facts::none();
        // What goes out names interfaces and sums, no address of a communication.
        facts.derive("output.aggregate", "yes");
        let system = Actor::system();
        let ask = Ask {
            act: Aggregate::NAME,
            data: DataSet::of(&[DataCategory::Flow]),
            purpose: Purpose::Stat,
            basis: None,
            person: system.person,
            roles: system.roles,
            case: None,
            scope: Scope { own_network: true, span, ..Scope::default() },
            facts,
            at: self.now(),
        };
        let ground = match self.gate().ask::<Aggregate>(ask)? {
            Answer::Permitted(permit) => permit,
            Answer::Refused(refusal) => return Ok(ValidationReply::Refused(Box::new(refusal))),
        };
        let counting = self.own_look()?;
        let world = self.network().world();
        let interfaces = self.sources_by_interface(&counting, &world, span)?;
        self.gate().close(counting)?;
        let (rule, journal_index) = (ground.rule().clone(), ground.journal_index());
        self.gate().close(ground)?;
        let told = world.knows_own() || !self.network().knows_no_interface();
        Ok(ValidationReply::Told { interfaces, told, rule, journal_index })
    }

    fn sources_by_interface(
        &self,
        permit: &Permit<Learn>,
        world: &World,
        span: Option<Span>,
    ) -> Result<Vec<Validated>, DeskError> {
        let question = Question { filter: Filter::any(), span };
        let (mut tally, mut fault) = (SourceTally::default(), None);
        self.stores().flows().replay(permit, &question, &mut |sealed| {
            match open(sealed, permit, self.now()) {
                Ok(flows) => tally.take(&flows, world),
                Err(error) => {
                    fault = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        if let Some(error) = fault {
            return Err(error);
        }
        let network = self.network();
        let rows = tally.finish().into_iter().map(|sources| {
            let place = network.place(to_bits(sources.exporter), sources.index).cloned();
            Validated { sources, place }
        });
        Ok(rows.collect())
    }
}
