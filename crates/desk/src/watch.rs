//! The flows as they come in: enriched, kept, looked at by the detector; what it finds is filed, and told at once.
//!
//! What comes in: batches of the live flows, and marks of their spool. What goes out: flows in the store, incidents on
//! file, and their briefs to whoever listens. A mark is committed only when everything found before it is on file. What
//! the detector has learnt is kept every hour, so that a restart does not make it a stranger; an incident that was open
//! when the desk stopped is gone on with ([`resume`]). It decides nothing against anybody.

mod resume;
mod settings;

use std::collections::VecDeque;
use std::sync::Arc;

use tadoru_detect::Detectors;
use tadoru_gate::permit::Store;
use tadoru_gate::{GateError, Permit};
use tadoru_model::{Finding, Flows, UtcMicros};
use tadoru_store::assignments::SpoolMark;
use tadoru_store::incidents::{Brief, Moment};
use tokio::sync::broadcast;

use crate::ask::Work;
use crate::{Desk, DeskError, Network, Stores};

use self::resume::Resumed;
pub use self::settings::Detection;

/// Watches the flows of an installation. There is one at a time.
pub struct FlowWatch<S> {
    desk: Arc<Desk<S>>,
    permit: Arc<Permit<Store>>,
    detector: Detectors,
    /// What the detector's tables were made of.
    network: Arc<Network>,
    resumed: Resumed,
    /// Found and not yet on file.
    unfiled: VecDeque<Finding>,
    /// The last batch: when it had come in, and when it was taken.
    taken: (UtcMicros, UtcMicros),
    measured: UtcMicros,
    learnt: UtcMicros,
}

impl<S: Stores> Desk<S> {
    /// Begins to watch the flows, with what was learnt before and the incidents that are open.
    ///
    /// # Errors
    /// When the rules do not permit the recording, or the gate or a store fails.
    pub fn watch(self: &Arc<Self>) -> Result<FlowWatch<S>, DeskError> {
        let permit = Arc::new(self.standing(Work::Flows)?);
        let kept = self.stores().incidents().recall(&permit)?;
        let settings = self.detection().settings();
        let quiet_us = settings.quiet_us;
        let seed = self.gate().vault().file_id().map_err(GateError::from)?;
        let network = self.network();
        let mut detector = Detectors::new(settings, network.world(), seed);
        if let Some(kept) = kept {
            // What does not read was kept by another version: it is learnt anew.
            detector = detector.restored(&kept);
        }
        let now = self.now();
        let resumed = Resumed::new(self.open_incidents()?, now, quiet_us);
        let desk = Arc::clone(self);
        let (unfiled, taken) = (VecDeque::new(), (now, now));
        Ok(FlowWatch { desk, permit, detector, network, resumed, unfiled, taken, measured: now, learnt: now })
    }

    /// Hears of incidents as they are filed, from now on.
    pub fn hear_incidents(&self) -> broadcast::Receiver<Brief> {
        self.told().subscribe()
    }

    /// The newest findings of the incidents that are open on file.
    fn open_incidents(&self) -> Result<Vec<Finding>, DeskError> {
        let open = self.stores().incidents().briefs().into_iter().filter(Brief::is_open);
        open.filter_map(|brief| self.newest(brief.id).transpose()).collect()
    }
}

impl<S: Stores> FlowWatch<S> {
    /// Takes a batch in: it is answerable at once, and looked at.
    ///
    /// # Errors
    /// When the store does not keep it; then nothing of it was taken and it may be handed in again.
    pub fn take(&mut self, batch: &mut Flows) -> Result<(), DeskError> {
        self.desk.network().enrich(batch);
        let permit = self.permit()?;
        self.desk.stores().flows().keep(&permit, batch)?;
        // What waited in the spool is looked at as of when it arrived.
        let now = self.desk.now();
        let arrived = batch.received_us.iter().copied().max().filter(|at| *at > 0);
        let at = arrived.map_or(now, |at| now.min(UtcMicros(at)));
        let found = self.detector.step(at, batch);
        self.note(found);
        self.taken = (at, self.desk.now());
        // What cannot be filed now is filed before the next mark.
        let _ = self.file();
        Ok(())
    }

    /// Lets time pass: ends what is over, notes how strong open attacks are. To be called about once a second, also
    /// while nothing comes in.
    ///
    /// # Errors
    /// When findings cannot be filed; they are kept and filed later.
    pub fn tick(&mut self) -> Result<(), DeskError> {
        let now = self.present();
        let network = self.desk.network();
        if !Arc::ptr_eq(&network, &self.network) {
            self.detector.set_world(network.world());
            self.network = network;
        }
        let found = self.detector.tick(now);
        self.note(found);
        let gone = self.resumed.gone(now.plus(-self.detector.longest_wait_us()));
        self.unfiled.extend(gone);
        self.file()?;
        if now.since(self.measured) >= MEASURE_US {
            self.measured = now;
            self.measure(now)?;
        }
        if now.since(self.learnt) >= LEARNT_US {
            self.learnt = now;
            let permit = self.permit()?;
            self.desk.stores().incidents().remember(&permit, &self.detector.save())?;
        }
        Ok(())
    }

    /// Tells that everything taken so far came from the spool before `mark`. What was found in it is filed first.
    ///
    /// # Errors
    /// When a store fails; then the mark stays where it was, and the next commit tries again.
    pub fn commit(&mut self, mark: SpoolMark) -> Result<(), DeskError> {
        self.file()?;
        let permit = self.permit()?;
        Ok(self.desk.stores().flows().commit(&permit, mark)?)
    }

    /// At the end of watching: files what was found, keeps what was learnt, and writes the flows that were committed.
    ///
    /// # Errors
    /// When a store fails.
    pub fn end(&mut self) -> Result<(), DeskError> {
        self.file()?;
        let permit = self.permit()?;
        self.desk.stores().incidents().remember(&permit, &self.detector.save())?;
        Ok(self.desk.stores().flows().flush(&permit)?)
    }

    /// What the detector could not take, and how much it keeps.
    pub fn counters(&self) -> tadoru_detect::Counters {
        self.detector.counters()
    }

    /// What the detector takes for the present: while a backlog is taken in, when its newest came in, so that the rest
    /// of it is not too late to be looked at.
    fn present(&self) -> UtcMicros {
        let (now, (arrived, taken)) = (self.desk.now(), self.taken);
        if now.since(taken) < CAUGHT_UP_US { arrived } else { now }
    }

    fn note(&mut self, found: Vec<Finding>) {
        for finding in found {
            self.unfiled.push_back(self.resumed.gone_on(finding));
        }
    }

    /// Files what was found, the oldest first, and tells who listens.
    fn file(&mut self) -> Result<(), DeskError> {
        while let Some(finding) = self.unfiled.front() {
            let permit = permit(&self.desk, &mut self.permit)?;
            self.desk.stores().incidents().keep(&permit, finding)?;
            // Nobody listens: nobody is told.
            let _ = self.desk.told().send(Brief::of(finding));
            self.unfiled.pop_front();
        }
        Ok(())
    }

    /// Notes how strong the open attacks were in the newest second of which their flows have come. A scan has no course
    /// that a picture would show.
    fn measure(&mut self, now: UtcMicros) -> Result<(), DeskError> {
        let open = self.detector.measured(now);
        let moments: Vec<_> =
            open.iter().map(|finding| (self.resumed.id_of(finding.id), Moment::of(finding))).collect();
        if moments.is_empty() {
            return Ok(());
        }
        let permit = self.permit()?;
        Ok(self.desk.stores().incidents().measure(&permit, &moments)?)
    }

    fn permit(&mut self) -> Result<Arc<Permit<Store>>, DeskError> {
        permit(&self.desk, &mut self.permit)
    }
}

/// The standing permit, asked for anew when it has ended.
fn permit<S: Stores>(
    desk: &Desk<S>,
    permit: &mut Arc<Permit<Store>>,
) -> Result<Arc<Permit<Store>>, DeskError> {
    if !permit.holds(desk.now()) {
        *permit = Arc::new(desk.standing(Work::Flows)?);
    }
    Ok(Arc::clone(permit))
}

/// After so long without a batch there is no backlog, microseconds.
const CAUGHT_UP_US: i64 = 1_000_000;
/// How often the strength of open attacks is noted, microseconds.
const MEASURE_US: i64 = 10_000_000;
/// How often what was learnt is kept, microseconds.
const LEARNT_US: i64 = 3_600_000_000;

#[cfg(test)]
mod tests;
