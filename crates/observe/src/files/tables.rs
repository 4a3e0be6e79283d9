//! Tables from files: each row an item.

use std::io;

use tadoru_model::observation::{Observation, Observed};
use tadoru_model::{Assignment, SourceName};
use tadoru_wire::tables::cgn_rules::CgnRules;
use tadoru_wire::tables::softwires::{MapRule, SoftwireBinding};
use tadoru_wire::tables::statics::StaticAssignment;
use tadoru_wire::tables::subscribers::SubscriberRow;
use tadoru_wire::tables::venue::VenueStay;
use tadoru_wire::tables::{Fault, Table};
use tadoru_wire::{Defect, Place};

use super::input::Input;
use super::tally::Tally;
use super::{Item, Task};
use crate::records::tables::{self, Origin};

impl Task<'_> {
    /// Rules of a carrier-grade NAT.
    pub(super) fn cgn_rules(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let source = self.source();
        let rules = CgnRules::new(input, self.options.zone.clone())?;
        each(rules, tally, |line, row| {
            Ok(vec![Item::Rule(tables::cgn_rule(&row, &self.origin(&source, line))?)])
        })
    }

    /// MAP-E rules.
    pub(super) fn map_e(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let source = self.source();
        let rules = Table::<_, MapRule>::new(input, self.options.zone.clone());
        each(rules, tally, |line, row| {
            Ok(vec![Item::Rule(tables::map_rule(&row, &self.origin(&source, line))?)])
        })
    }

    /// Bindings of softwires.
    pub(super) fn softwires(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let source = self.source();
        let bindings = Table::<_, SoftwireBinding>::new(input, self.options.zone.clone());
        each(bindings, tally, |line, row| {
            let rows = tables::softwire(&row, &self.origin(&source, line))?;
            Ok(rows.into_iter().map(finished).collect())
        })
    }

    /// Stays at venues; the venue is the source unless the operator names one.
    pub(super) fn venue(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let stays = Table::<_, VenueStay>::new(input, self.options.zone.clone());
        each(stays, tally, |line, row| {
            let venue = SourceName::from(row.venue.as_str());
            let source = self.options.source.as_ref().unwrap_or(&venue);
            Ok(vec![finished(tables::stay(&row, &self.origin(source, line))?)])
        })
    }

    /// Static assignments.
    pub(super) fn fixed(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let source = self.source();
        let rows = Table::<_, StaticAssignment>::new(input, self.options.zone.clone());
        each(rows, tally, |line, row| Ok(vec![finished(tables::fixed(&row, &self.origin(&source, line))?)]))
    }

    /// The subscriber directory.
    pub(super) fn subscribers(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let rows = Table::<_, SubscriberRow>::new(input, self.options.zone.clone());
        each(rows, tally, |line, row| Ok(vec![Item::Subscriber(line, Box::new(row))]))
    }

    fn origin<'a>(&'a self, source: &'a SourceName, record: u64) -> Origin<'a> {
        let options = self.options;
        Origin { source, realm: &options.realm, inside_realm: &options.inside_realm, record }
    }
}

/// Hands on what each row becomes.
fn each<T>(
    rows: impl Iterator<Item = Result<(u64, T), Fault>>,
    tally: &mut Tally<'_>,
    mut items: impl FnMut(u64, T) -> Result<Vec<Item>, &'static str>,
) -> io::Result<()> {
    for row in rows {
        let Some((line, row)) = tally.sound(row)? else { continue };
        tally.record();
        match items(line, row) {
            Err(what) => tally.defect(Defect::line(line, what)),
            Ok(items) => {
                let handed_on = items.into_iter().try_for_each(|item| match item {
                    Item::Observation(observation) => tally.observation(Place::Line(line), observation),
                    item => tally.item(item),
                });
                if handed_on.is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// A finished row as an item.
fn finished(row: Assignment) -> Item {
    let observation = Observation {
        source: row.source.clone(),
        realm: row.realm.clone(),
        record: row.record,
        what: Observed::Row(Box::new(row)),
    };
    Item::Observation(observation)
}
