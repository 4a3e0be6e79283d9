//! The first two passes over a batch: what each flow could be and who comes near a threshold, and the rates of those.

use std::collections::HashSet;

use tadoru_model::finding::{Direction, Rate, Threshold, ThresholdFrom};
use tadoru_model::{Finding, Flow};

use super::waits::Waits;
use super::{Detector, NOWHERE, PROFILE_S};
use crate::config::Scanners;
use crate::incident::Update;
use crate::kind::{Kind, Lane, kind};
use crate::profile::Profile;
use crate::rates::{Amount, KEPT_US, Key, Levels, Spread, Watched, second};
use crate::sketch::mix;
use crate::world::InterfaceRole;

/// Who tells of flows.
pub(super) struct Exporter {
    index: u16,
    flags_told: bool,
    /// When it told of something on its way in.
    incoming: u32,
    pub waits: Waits,
}

/// What the first pass found out about a flow.
pub(super) struct Row {
    flow: Flow,
    kind: Kind,
    amount: Amount,
    spread: Spread,
    /// How long it had lasted when it was told of, microseconds; and whether it began before anything is kept.
    wait_us: i64,
    is_longer: bool,
    teller: u16,
    places: [u32; 5],
}

impl Detector {
    /// What a flow is, and whether it counts; those who come near a threshold are watched from now on.
    pub(super) fn look(&mut self, flow: Flow, now: u32, findings: &mut Vec<Finding>) -> Option<Row> {
        self.counters.flows += 1;
        if flow.ip == 0 {
            return None;
        }
        let (teller, flags_told) = self.teller(&flow, now)?;
        let kind = kind(&flow, flags_told);
        let (spread, is_longer) = self.spread(&flow, now)?;
        let arrived = if flow.received_us > 0 { flow.received_us } else { self.now_us };
        let wait_us = arrived.saturating_sub(spread.from_us).clamp(0, KEPT_US);
        if let Some(exporter) = self.exporters.get_mut(&flow.exporter) {
            exporter.waits.see(wait_us, now);
        }
        self.answers.see(mix(self.seed, flow.src), mix(self.seed, flow.dst), now);
        self.look_for_scans(&flow, kind, now, findings);
        let scale = flow.sampling.max(1) as f32;
        let amount = Amount {
            packets: flow.packets as f32 * scale,
            bytes: flow.bytes as f32 * scale,
            flows: flow.flows.max(1) as f32 * scale,
        };
        let mut row = Row { flow, kind, amount, spread, wait_us, is_longer, teller, places: [NOWHERE; 5] };
        if let Some(lane) = kind.lane {
            self.find_places(&mut row, lane, now);
        } else if let Some(place) = self.watched.place(Key::host(flow.dst, flow.ip).mixed(self.seed)) {
            row.places = [place, NOWHERE, NOWHERE, NOWHERE, NOWHERE];
        }
        Some(row)
    }

    /// By whom a flow is told, 0 for all at the edge of the network; `None` when it is counted elsewhere.
    fn teller(&mut self, flow: &Flow, now: u32) -> Option<(u16, bool)> {
        let next = u16::try_from(self.exporters.len() + 1).unwrap_or(u16::MAX);
        if self.exporters.len() >= MOST_EXPORTERS && !self.exporters.contains_key(&flow.exporter) {
            return Some((u16::MAX, flow.tcp_flags != 0));
        }
        let fresh = || Exporter { index: next, flags_told: false, incoming: 0, waits: Waits::default() };
        let exporter = self.exporters.entry(flow.exporter).or_insert_with(fresh);
        exporter.flags_told |= flow.tcp_flags != 0;
        if flow.direction != 1 {
            exporter.incoming = now;
        } else if exporter.incoming > 0 && now.saturating_sub(exporter.incoming) < 300 {
            self.counters.twice += 1;
            return None;
        }
        let index = exporter.index;
        let flags_told = exporter.flags_told;
        match self.world.role(flow.exporter, flow.input) {
            Some(InterfaceRole::Core) => {
                self.counters.twice += 1;
                None
            }
            Some(_) => Some((0, flags_told)),
            None => Some((index, flags_told)),
        }
    }

    /// Over which seconds a flow is spread, and whether it began before anything is kept. Its own time counts, as it does
    /// in the store; what happened before anything is kept is too late.
    fn spread(&mut self, flow: &Flow, now: u32) -> Option<(Spread, bool)> {
        let (mut from, mut to) = (flow.first_us.min(flow.last_us), flow.last_us.max(flow.first_us));
        let future = to.saturating_sub(self.now_us);
        if future > SLACK_US {
            self.counters.future += 1;
            (from, to) = (from.saturating_sub(future), to.saturating_sub(future));
        }
        to = to.min(self.now_us);
        from = from.min(to);
        let oldest = self.now_us.saturating_sub(KEPT_US);
        if to <= oldest {
            self.counters.late += 1;
            return None;
        }
        let told = self.now_us.saturating_sub(from);
        self.lag_us = self.lag_us.max(told.min(self.settings.active_timeout_us));
        Some((Spread { from_us: from, to_us: to, now, sampling: flow.sampling.max(1) }, from < oldest))
    }

    fn look_for_scans(&mut self, flow: &Flow, kind: Kind, now: u32, findings: &mut Vec<Finding>) {
        let own = self.world.is_own(flow.src);
        if self.settings.scans.of == Scanners::Own && self.world.knows_own() && !own {
            return;
        }
        let Some(verdict) = self.scanning.see(flow, kind.lane, &self.world, now) else { return };
        let Some(source) = self.scanning.source(flow.src, flow.ip) else { return };
        let direction = match (own, self.world.is_own(flow.dst)) {
            (true, true) => Direction::Inside,
            (true, false) => Direction::Outgoing,
            (false, true) => Direction::Incoming,
            (false, false) => Direction::Passing,
        };
        let rate = source.per_second();
        let octets = source.profile.bytes / source.profile.packets.max(1.0);
        let update = Update {
            key: Key::host(flow.src, flow.ip),
            lane: Lane::SYN,
            from: source.profile.since,
            last: now,
            peak_at: now,
            least: 1.0,
            lag_us: 0,
            rate: Rate { packets_per_s: rate, bits_per_s: rate * octets * 8.0, flows_per_s: rate },
            ratio: 1.0,
            threshold: Threshold {
                rate: Rate::default(),
                from: ThresholdFrom::Configured,
                class: String::new(),
            },
            direction,
            profile: &source.profile,
            verdict,
        };
        self.incidents.take(update, &self.world, &self.settings, now, Vec::new, findings);
    }

    /// Every key that a flow counts for and that is worth watching.
    fn find_places(&mut self, row: &mut Row, lane: Lane, now: u32) {
        let flow = &row.flow;
        let limit = lane.limit(&self.settings.host);
        let weight = limit.ratio(f64::from(counted(lane, row).packets), f64::from(row.amount.bytes)) as f32;
        let own = self.world.is_own(flow.dst);
        let aimed = own || !self.world.knows_own();
        let near = |levels: &mut Levels, watched: &mut Watched, key: Key, seed: u64| {
            let mixed = key.mixed(seed);
            if let Some(place) = watched.place(mixed) {
                return place;
            }
            if levels.raise(mixed, weight, now) < NEAR {
                return NOWHERE;
            }
            watched.watch(key, mixed, now).unwrap_or(NOWHERE)
        };
        let host = near(&mut self.levels, &mut self.watched, Key::host(flow.dst, flow.ip), self.seed);
        row.places = [host, NOWHERE, NOWHERE, NOWHERE, NOWHERE];
        if !aimed {
            return;
        }
        let prefix = Key::prefix(flow.dst, flow.ip);
        let prefix = if lane.per_host() {
            self.watched.place(prefix.mixed(self.seed)).unwrap_or(NOWHERE)
        } else {
            near(&mut self.levels, &mut self.watched, prefix, self.seed)
        };
        let mut always = |key: Key| {
            let mixed = key.mixed(self.seed);
            self.watched.place(mixed).or_else(|| self.watched.watch(key, mixed, now)).unwrap_or(NOWHERE)
        };
        let customer = self.world.customer_of(flow.dst).map_or(NOWHERE, |row| always(Key::Customer(row)));
        let told = self.world.role(flow.exporter, flow.input).is_some();
        let interface = Key::Interface { exporter: flow.exporter, index: flow.input };
        let interface = if told { always(interface) } else { NOWHERE };
        let network = if own { always(Key::Network) } else { NOWHERE };
        row.places = [host, prefix, customer, interface, network];
    }

    // ------------------------------------------------------------------------------------------ Second pass

    /// Counts flows for all that is watched, and says what comes near a threshold.
    pub(super) fn count(&mut self, rows: &mut [Row], now: u32) -> Vec<(u32, Lane)> {
        let mut hot = HashSet::new();
        for row in rows.iter_mut() {
            for place in row.places {
                if place == NOWHERE {
                    continue;
                }
                let Some(watch) = self.watched.get_mut(place) else { continue };
                watch.hear(row.amount.packets, row.kind.established, now);
                let lanes = [row.kind.lane, row.kind.slow.then_some(Lane::SLOW)];
                let wide = !matches!(watch.key, Key::Host { .. });
                for lane in lanes.into_iter().flatten() {
                    if wide && lane.per_host() && lane != Lane::CONNECTIONS {
                        continue;
                    }
                    let amount = counted(lane, row);
                    let limit = lane.limit(&self.settings.host);
                    let weight = limit.ratio(f64::from(amount.packets), f64::from(amount.bytes)) as f32;
                    let lately = watch.add(lane, row.teller, row.spread, amount, weight);
                    let judged = !(wide && lane.per_host());
                    if judged && lately >= WARM && watch.hot & (1 << lane.0) == 0 {
                        watch.hot |= 1 << lane.0;
                        hot.insert((place, lane));
                    }
                }
            }
            self.count_said(row, now);
        }
        hot.into_iter().collect()
    }

    /// What the source says, if it is a target itself.
    fn count_said(&mut self, row: &Row, now: u32) {
        let (src, ip) = (row.flow.src, row.flow.ip);
        let customer = self.world.customer_of(src).map(Key::Customer);
        let network = self.world.is_own(src).then_some(Key::Network);
        let keys = [Some(Key::host(src, ip)), Some(Key::prefix(src, ip)), customer, network];
        for key in keys.into_iter().flatten() {
            if let Some(watch) =
                self.watched.place(key.mixed(self.seed)).and_then(|place| self.watched.get_mut(place))
            {
                watch.say(row.kind.says, row.amount.packets, now);
            }
        }
    }

    // ------------------------------------------------------------------------------------------ Third pass

    /// Senders and ports of what is hot.
    pub(super) fn tally(&mut self, rows: &[Row], now: u32) {
        for row in rows {
            for place in row.places {
                let Some(watch) = self.watched.get(place).filter(|watch| watch.hot != 0) else { continue };
                let lanes = [row.kind.lane, row.kind.slow.then_some(Lane::SLOW)];
                for lane in lanes.into_iter().flatten().filter(|lane| watch.hot & (1 << lane.0) != 0) {
                    let full = self.profiles.len() >= self.settings.profiles;
                    if full && !self.profiles.contains_key(&(place, lane)) {
                        continue;
                    }
                    let profile = self.profiles.entry((place, lane)).or_insert_with(|| {
                        Profile::new(second(row.spread.from_us).max(now.saturating_sub(PROFILE_S)))
                    });
                    let stale = now.saturating_sub(profile.since) > PROFILE_S;
                    if stale && !self.incidents.holds(watch.key) {
                        *profile = Profile::new(now);
                    }
                    profile.see(&row.flow, row.kind, row.amount, &self.world, self.seed, now);
                    profile.wait(row.wait_us, f64::from(row.amount.packets));
                    profile.is_longer |= row.is_longer;
                }
            }
        }
    }
}

/// What counts in a lane: connections count one each, however long they are.
fn counted(lane: Lane, row: &Row) -> Amount {
    if lane == Lane::CONNECTIONS || lane == Lane::SLOW {
        Amount { packets: row.amount.flows, ..row.amount }
    } else {
        row.amount
    }
}

/// Seconds of a threshold from which on a key is watched.
const NEAR: f32 = 0.1;
/// Seconds of a threshold from which on a lane is looked at.
const WARM: f32 = 0.4;
/// How far clocks may be off, microseconds.
const SLACK_US: i64 = 2_000_000;
/// Exporters told apart at most.
const MOST_EXPORTERS: usize = 60_000;
