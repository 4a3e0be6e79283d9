//! Lease files of DHCP servers.

use std::io;

use tadoru_model::observation::Observation;
use tadoru_wire::leases::{LeaseFormat, Leases};
use tadoru_wire::{Defect, Place};

use super::input::Input;
use super::tally::Tally;
use super::{Format, Task};
use crate::records::leases::{Journal, Taken};

impl Task<'_> {
    /// Versions of leases, in the order of the file.
    pub(super) fn leases(
        &self,
        format: Format,
        input: &mut Input<'_>,
        tally: &mut Tally<'_>,
    ) -> io::Result<()> {
        let format = match format {
            Format::Kea4 => LeaseFormat::Kea4,
            Format::Kea6 => LeaseFormat::Kea6,
            _ => LeaseFormat::Isc,
        };
        let mut journal = Journal::new(format, self.source(), self.options.realm.clone());
        let mut told = Vec::new();
        for read in Leases::new(format, input) {
            let Some((line, lease)) = tally.sound(read)? else { continue };
            tally.record();
            match journal.step(line, &lease, &mut told) {
                Ok(Taken::Kept) => {}
                Ok(Taken::Ignored) => tally.ignored(),
                Err(what) => tally.defect(Defect::line(line, what)),
            }
            if hand_on(&mut told, tally).is_break() {
                return Ok(());
            }
        }
        journal.settle(None, &mut told);
        let _ = hand_on(&mut told, tally);
        Ok(())
    }
}

fn hand_on(told: &mut Vec<Observation>, tally: &mut Tally<'_>) -> std::ops::ControlFlow<()> {
    for observation in told.drain(..) {
        tally.observation(Place::Line(observation.record), observation)?;
    }
    std::ops::ControlFlow::Continue(())
}
