//! The traffic of the demonstration: what five routers exported while a flood went through them, played again and again.
//!
//! What comes in: the recording that `demo flood` tells of, and the desk. What goes out: its flows with their times moved to
//! the desk's present, as they would arrive; between two floods the ordinary traffic that was recorded before it. The
//! exporters' health is what the recording's own datagrams tell, with the counts of what was played.

use std::collections::{BTreeMap, VecDeque};
use std::io::BufReader;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use flate2::bufread::MultiGzDecoder;
use tadoru_desk::{Clock, Desk, DeskError, FlowWatch};
use tadoru_model::flow::to_bits;
use tadoru_model::{Flow, Flows, UtcMicros};
use tadoru_observe::{Format, Options, files};
use tadoru_store::assignments::SpoolMark;
use tadoru_web::api::exporters::{Exporter, Exporters};
use tadoru_wire::flow::{Columns, Decoder, StreamView, Version};
use tadoru_wire::pcap::{Packets, udp_payload};
use tadoru_wire::sflow;

use super::super::flood::{BEGAN, EXPORTS};
use crate::door::CommandError;
use crate::embedded::Embedded;

/// The desk's clock: set by hand until it runs.
#[derive(Default)]
pub struct Hands {
    hand: AtomicI64,
    runs: OnceLock<Instant>,
}

impl Hands {
    /// One that stands at that instant.
    pub fn at(instant: UtcMicros) -> Self {
        Self { hand: AtomicI64::new(instant.0), runs: OnceLock::new() }
    }

    fn set(&self, instant: i64) {
        self.hand.store(instant, Ordering::Relaxed);
    }

    /// Lets it run from that instant on.
    pub fn run_from(&self, instant: UtcMicros) {
        self.set(instant.0);
        let _ = self.runs.set(Instant::now());
    }
}

impl Clock for Hands {
    fn now(&self) -> UtcMicros {
        let since =
            self.runs.get().map_or(0, |began| i64::try_from(began.elapsed().as_micros()).unwrap_or(0));
        UtcMicros(self.hand.load(Ordering::Relaxed)).plus(since)
    }
}

/// The traffic.
pub struct Traffic {
    watch: FlowWatch<Embedded>,
    clock: Arc<Hands>,
    recording: Flows,
    heard: Arc<Heard>,
    played: u64,
}

impl Traffic {
    /// Reads the recording.
    ///
    /// # Errors
    /// When it does not read, or the rules do not let flows be watched.
    pub fn new(desk: &Arc<Desk<Embedded>>, clock: Arc<Hands>) -> Result<Self, CommandError> {
        let mut recording = Flows::default();
        let mut sink = |item| {
            if let files::Item::Flows(mut flows) = item {
                recording.append(&mut flows);
            }
            ControlFlow::Continue(())
        };
        let options = Options::new(BEGAN);
        let read = files::read(Format::Flows, EXPORTS, "exports", &options, &mut sink, &mut |_| {});
        read.map_err(|e| CommandError::Other("cannot read the recording".to_owned(), Some(Box::new(e))))?;
        let watch = desk.watch().map_err(failed)?;
        Ok(Self { watch, clock, recording, heard: Arc::new(Heard::of_recording()), played: 0 })
    }

    /// Tells how the exporters fare.
    pub fn exporters(&self) -> Arc<dyn Fn() -> Exporters + Send + Sync> {
        let (heard, clock) = (Arc::clone(&self.heard), Arc::clone(&self.clock));
        Arc::new(move || heard.told(clock.now()))
    }

    /// Plays the recording once as if it had begun then, and lets the silence after it pass. The clock is set by hand.
    ///
    /// # Errors
    /// When the desk fails.
    pub fn play_past(&mut self, began: UtcMicros) -> Result<(), CommandError> {
        let (first, last) = self.span();
        let moved = began.0 - first;
        let (mut row, mut now) = (0, began.0);
        while now < last + moved + QUIET_US {
            now += STEP_US;
            self.clock.set(now);
            row = self.take(row, self.recording.rows(), moved, now)?;
            self.watch.tick().map_err(failed)?;
        }
        Ok(())
    }

    /// Plays until it is told to end: a flood, then ordinary traffic, then a flood again.
    ///
    /// # Errors
    /// When the desk fails.
    pub fn play(mut self, end: &AtomicBool) -> Result<(), CommandError> {
        let ordinary = (0..self.recording.rows())
            .find(|row| self.recording.get(*row).is_some_and(|flow| flow.received_us >= BEGAN.0))
            .unwrap_or(0);
        while !end.load(Ordering::Relaxed) {
            self.play_rows(self.recording.rows(), end)?;
            for _ in 0..BETWEEN {
                self.play_rows(ordinary, end)?;
            }
        }
        self.watch.end().map_err(failed)
    }

    /// Plays the first rows at the pace at which they arrived.
    fn play_rows(&mut self, rows: usize, end: &AtomicBool) -> Result<(), CommandError> {
        let (first, _) = self.span();
        let moved = self.clock.now().0 - first;
        let mut row = 0;
        while row < rows && !end.load(Ordering::Relaxed) {
            std::thread::sleep(PACE);
            row = self.take(row, rows, moved, self.clock.now().0)?;
            self.watch.tick().map_err(failed)?;
        }
        self.watch.commit(SpoolMark(self.played)).map_err(failed)
    }

    /// Hands on what has arrived by now; the first row that has not.
    fn take(&mut self, mut row: usize, rows: usize, moved: i64, now: i64) -> Result<usize, CommandError> {
        let mut batch = Flows::default();
        while let Some(flow) =
            self.recording.get(row).filter(|flow| row < rows && flow.received_us + moved < now)
        {
            self.heard.count(&flow, now);
            batch.push(Flow {
                first_us: flow.first_us + moved,
                last_us: flow.last_us + moved,
                received_us: flow.received_us + moved,
                ..flow
            });
            row += 1;
        }
        self.played += batch.rows() as u64;
        if !batch.is_empty() {
            self.watch.take(&mut batch).map_err(failed)?;
        }
        Ok(row)
    }

    fn span(&self) -> (i64, i64) {
        let arrivals = &self.recording.received_us;
        (arrivals.first().copied().unwrap_or(BEGAN.0), arrivals.iter().copied().max().unwrap_or(BEGAN.0))
    }
}

fn failed(error: DeskError) -> CommandError {
    CommandError::Other("cannot play the recording".to_owned(), Some(Box::new(error)))
}

// ---------------------------------------------------------------------------------------------- The exporters

/// How the exporters of the recording fare.
struct Heard {
    /// As their datagrams told, by address.
    told: BTreeMap<u128, Exporter>,
    counted: Mutex<BTreeMap<u128, Counted>>,
}

/// What was played of one.
#[derive(Default)]
struct Counted {
    flows: u64,
    last_us: i64,
    /// Arrivals of the last minute.
    recent: VecDeque<i64>,
}

impl Heard {
    fn of_recording() -> Self {
        let (mut decoder, mut columns) = (Decoder::default(), Columns::default());
        let mut told = BTreeMap::new();
        for packet in Packets::new(BufReader::new(MultiGzDecoder::new(EXPORTS))).flatten() {
            let Some(udp) = udp_payload(&packet) else { continue };
            let (source, arrival) = (SocketAddr::new(udp.src, 0), packet.time_us.unwrap_or(BEGAN.0));
            if sflow::is_datagram(udp.payload) {
                let one = told.entry(to_bits(udp.src)).or_insert_with(|| exporter(udp.src, "sflow-5"));
                one.datagrams += 1;
                one.octets += udp.payload.len() as u64;
            } else {
                decoder.collect(source, arrival, udp.payload, &mut columns, &mut |_| {});
                columns = Columns::default();
            }
        }
        for view in decoder.streams() {
            told.insert(to_bits(view.source.ip()), of_stream(&view));
        }
        Self { told, counted: Mutex::default() }
    }

    fn count(&self, flow: &Flow, now: i64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let one = counted.entry(flow.exporter).or_default();
        one.flows += 1;
        one.last_us = now;
        one.recent.push_back(now);
        while one.recent.front().is_some_and(|at| *at < now - MINUTE_US) {
            one.recent.pop_front();
        }
    }

    fn told(&self, now: UtcMicros) -> Exporters {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let exporters = self.told.iter().filter_map(|(address, told)| {
            let counted = counted.get(address)?;
            let recent = counted.recent.iter().filter(|at| **at >= now.0 - MINUTE_US).count();
            Some(Exporter {
                flows: counted.flows,
                rate: (recent as f64 / 6.0).round() / 10.0,
                last: UtcMicros(counted.last_us).to_string(),
                silent_s: u64::try_from((now.0 - counted.last_us) / 1_000_000).unwrap_or(0),
                ..told.clone()
            })
        });
        Exporters { exporters: exporters.collect(), ..Exporters::default() }
    }
}

fn of_stream(view: &StreamView<'_>) -> Exporter {
    let protocol = match view.version {
        Version::NetFlow5 => "netflow-5",
        Version::NetFlow9 => "netflow-9",
        Version::Ipfix => "ipfix",
    };
    Exporter {
        domain: view.domain,
        templates: view.templates as u64,
        datagrams: view.packets,
        lost: view.lost,
        late: view.late,
        restarts: view.restarts,
        ..exporter(view.source.ip(), protocol)
    }
}

fn exporter(address: IpAddr, protocol: &str) -> Exporter {
    let name =
        NAMES.iter().find(|(known, _)| *known == address.to_string()).map(|(_, name)| (*name).to_owned());
    Exporter {
        name,
        address: address.to_string(),
        port: None,
        standing: "known".to_owned(),
        protocol: protocol.to_owned(),
        domain: 0,
        agent: None,
        templates: 0,
        datagrams: 0,
        octets: 0,
        flows: 0,
        rate: 0.0,
        lost: 0,
        late: 0,
        restarts: 0,
        waiting_datagrams: 0,
        waiting_octets: 0,
        dropped_sets: 0,
        sampling: Some(200),
        sampling_from: None,
        skew_us: None,
        clock_jumps: 0,
        correction_us: 0,
        corrected: 0,
        nat_events: 0,
        last: String::new(),
        silent_s: 0,
    }
}

/// The routers of the recording.
const NAMES: [(&str, &str); 5] = [
    ("192.0.2.1", "edge1"),
    ("192.0.2.2", "edge2"),
    ("192.0.2.3", "core"),
    ("192.0.2.4", "access1"),
    ("192.0.2.5", "access2"),
];
/// The past is played so much at a time.
const STEP_US: i64 = 100_000;
/// How long nothing comes in after the recording: longer than an incident takes to end.
const QUIET_US: i64 = 90_000_000;
/// How often the present is played.
const PACE: Duration = Duration::from_millis(200);
/// Stretches of ordinary traffic, 15 s each, between two floods: ten minutes.
const BETWEEN: usize = 40;
const MINUTE_US: i64 = 60_000_000;
