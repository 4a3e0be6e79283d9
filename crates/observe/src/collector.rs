//! Collector of what gateways send by themselves: syslog over UDP and TCP (RFC 5426, RFC 6587), NetFlow v9 and IPFIX over
//! UDP, IPFIX over TCP (RFC 7011 section 10.4).
//!
//! What comes in: datagrams and streams of configured senders. What goes out: one raw record a message into the spool.
//! Others are not listened to. A stream waits while the spool refuses; datagrams are lost then, which is told as loss.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tadoru_model::{Prefix, Realm, SourceName};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::ObserveError;
use crate::counters::Count;
use crate::inlet::{RawKind, Spool, SpoolRecord, Subject};
use crate::receive::{BEAT, Heart, Shutdown, Told, append, drain, listen_udp, longest, peer, stopped};

pub(crate) mod framing;
#[cfg(test)]
mod tests;

use framing::Framing;

/// What is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Syslog messages.
    Syslog,
    /// NetFlow v9 and IPFIX packets.
    Export,
}

/// Settings of a collector.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen for datagrams.
    pub udp: Vec<SocketAddr>,
    /// Where to listen for streams.
    pub tcp: Vec<SocketAddr>,
    /// Who may send.
    pub senders: Vec<Sender>,
    /// Streams at a time.
    pub streams: usize,
    /// Messages made durable together at most.
    pub batch: usize,
    /// Room for datagrams that wait in the kernel, octets.
    pub receive_buffer: usize,
}

/// A device that may send, or several.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// Whence it sends.
    pub from: Prefix,
    /// The source's name; without it, what the device calls itself, else its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SourceName>,
    /// Realm of outside addresses.
    #[serde(default = "Realm::untold")]
    pub realm: Realm,
    /// Realm of inside addresses.
    #[serde(default = "Realm::untold")]
    pub inside_realm: Realm,
    /// What addresses its records speak of; without them, those that its records have named so far. Only with them is it
    /// known before its first record what is missing when it is silent. They need a `name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<Prefix>,
    /// Name of the zone that its clock runs in, for times that name none; without it they are defects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// What a collector counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages received from configured senders.
    pub received: Count,
    /// Messages that are durable.
    pub kept: Count,
    /// Datagrams and streams of others; dropped.
    pub unknown: Count,
    /// Messages that the spool refused and that are lost.
    pub refused: Count,
    /// Messages that were too long or were no packets of the protocol; dropped.
    pub malformed: Count,
    /// Streams that were closed, as there were too many.
    pub crowded: Count,
}

/// A collector that does nothing yet.
pub struct Collector {
    protocol: Protocol,
    config: Arc<Config>,
    counters: Arc<Counters>,
    spool: Arc<dyn Spool>,
}

/// A collector whose sockets are open.
pub struct Listening {
    collector: Collector,
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            senders: Vec::new(),
            streams: 256,
            batch: 1024,
            receive_buffer: 16 * 1024 * 1024,
        }
    }
}

impl Sender {
    /// It as a source, where it has a name.
    fn subject(&self) -> Option<Subject> {
        let (source, realm) = (self.name.clone()?, self.realm.clone());
        Some(Subject { source, realm, prefixes: self.prefixes.clone() })
    }
}

impl Collector {
    /// A collector of these settings, which puts messages into `spool`.
    ///
    /// # Errors
    /// When a zone is not known, or a bound is zero.
    pub fn new(protocol: Protocol, config: Config, spool: Arc<dyn Spool>) -> Result<Self, ObserveError> {
        let zones = config.senders.iter().filter_map(|sender| sender.zone.as_deref());
        if zones.into_iter().any(|zone| jiff::tz::TimeZone::get(zone).is_err()) {
            return Err(ObserveError::Setting("`zone` of a sender is not a known one"));
        }
        if config.senders.iter().any(|sender| sender.name.is_none() && !sender.prefixes.is_empty()) {
            return Err(ObserveError::Setting("a sender has `prefixes` and no `name`"));
        }
        if config.batch == 0 || config.streams == 0 {
            return Err(ObserveError::Setting("`batch` or `streams` is zero"));
        }
        Ok(Self { protocol, config: Arc::new(config), counters: Arc::default(), spool })
    }

    /// What has been counted, now and later.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Opens the sockets.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn listen(self) -> Result<Listening, ObserveError> {
        let open = |addr: &SocketAddr| listen_udp(*addr, self.config.receive_buffer);
        let udp = self.config.udp.iter().map(open).collect::<Result<_, _>>()?;
        let mut tcp = Vec::new();
        for addr in &self.config.tcp {
            let listener = TcpListener::bind(addr).await;
            tcp.push(listener.map_err(|error| ObserveError::Listen(*addr, error))?);
        }
        Ok(Listening { collector: self, udp, tcp })
    }
}

impl Listening {
    /// Where it listens for datagrams and for streams.
    pub fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        let udp = self.udp.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        (udp, self.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect())
    }

    /// Collects until `shutdown`.
    pub async fn run(self, shutdown: Shutdown) {
        let Collector { protocol, config, counters, spool } = self.collector;
        let desk = Desk { kind: protocol.kind(), config, counters };
        let mut tasks = JoinSet::new();
        let port = self.udp.first().and_then(|socket| Some(socket.local_addr().ok()?.port()));
        let subjects = desk.config.senders.iter().filter_map(Sender::subject).collect();
        let heart = Heart::new(desk.kind, None, port, subjects);
        tasks.spawn(live(heart, desk.clone(), Arc::clone(&spool), shutdown.clone()));
        for socket in self.udp {
            tasks.spawn(datagrams(socket, desk.clone(), Arc::clone(&spool), shutdown.clone()));
        }
        let (messages, waiting) = mpsc::channel(QUEUE);
        for listener in self.tcp {
            tasks.spawn(accept(listener, protocol, desk.clone(), messages.clone(), shutdown.clone()));
        }
        drop(messages);
        tasks.spawn(keep(waiting, desk, spool, shutdown));
        while tasks.join_next().await.is_some() {}
    }
}

/// Gives signs of life until the end.
async fn live(mut heart: Heart, desk: Desk, spool: Arc<dyn Spool>, mut shutdown: Shutdown) {
    let mut tick = interval(BEAT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lost = 0;
    let mut stop = false;
    while !stop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stopped(&mut shutdown) => stop = true,
        }
        let now = desk.counters.refused.get() + desk.counters.malformed.get();
        if std::mem::replace(&mut lost, now) < now {
            heart.lost();
        }
        if append(&spool, vec![heart.beat()]).await.1.is_ok() {
            heart.kept();
        }
    }
}

/// Takes datagrams from one socket.
async fn datagrams(socket: UdpSocket, desk: Desk, spool: Arc<dyn Spool>, mut shutdown: Shutdown) {
    let mut buffer = vec![0; 65_536];
    let mut stop = false;
    while !stop {
        tokio::select! {
            _ = socket.readable() => {}
            () = stopped(&mut shutdown) => stop = true,
        }
        let mut records = Vec::new();
        drain(&socket, &mut buffer, desk.config.batch, |octets, from| {
            records.extend(desk.record(octets, from));
        });
        if records.is_empty() {
            continue;
        }
        let count = records.len() as u64;
        let kept = append(&spool, records).await.1.is_ok();
        if kept { desk.counters.kept.add(count) } else { desk.counters.refused.add(count) }
    }
}

/// Takes streams in, as many as are allowed.
async fn accept(
    listener: TcpListener,
    protocol: Protocol,
    desk: Desk,
    messages: mpsc::Sender<SpoolRecord>,
    mut shutdown: Shutdown,
) {
    let places = Arc::new(Semaphore::new(desk.config.streams));
    let mut streams = JoinSet::new();
    loop {
        let taken = tokio::select! {
            taken = listener.accept() => taken,
            Some(_) = streams.join_next() => continue,
            () = stopped(&mut shutdown) => break,
        };
        let Ok((stream, from)) = taken else {
            // No descriptor is left: some other stream must end first.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        if desk.sender(from).is_none() {
            desk.counters.unknown.add(1);
        } else if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let (desk, messages) = (desk.clone(), messages.clone());
            streams.spawn(read(
                stream,
                from,
                Framing::new(protocol),
                desk,
                messages,
                shutdown.clone(),
                place,
            ));
        } else {
            desk.counters.crowded.add(1);
        }
    }
    while streams.join_next().await.is_some() {}
}

/// Reads one stream; while the spool refuses, the stream waits.
async fn read(
    mut stream: TcpStream,
    from: SocketAddr,
    mut framing: Framing,
    desk: Desk,
    messages: mpsc::Sender<SpoolRecord>,
    mut shutdown: Shutdown,
    _place: OwnedSemaphorePermit,
) {
    let mut buffer = vec![0; 65_536];
    loop {
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read,
            () = stopped(&mut shutdown) => break,
        };
        let Ok(len @ 1..) = read else { break };
        let mut records = Vec::new();
        let sound = framing
            .push(buffer.get(..len).unwrap_or_default(), |octets| records.extend(desk.record(octets, from)));
        for record in records {
            if messages.send(record).await.is_err() {
                return;
            }
        }
        if sound.is_err() {
            break;
        }
    }
    desk.counters.malformed.add(framing.finish());
}

/// Makes messages of streams durable, again and again until they are.
async fn keep(
    mut waiting: mpsc::Receiver<SpoolRecord>,
    desk: Desk,
    spool: Arc<dyn Spool>,
    shutdown: Shutdown,
) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, desk.config.batch).await > 0 {
        loop {
            let (back, outcome) = append(&spool, std::mem::take(&mut batch)).await;
            let count = back.len() as u64;
            if outcome.is_ok() {
                desk.counters.kept.add(count);
                break;
            }
            if *shutdown.borrow() || count == 0 {
                desk.counters.refused.add(count);
                break;
            }
            batch = back;
            sleep(Duration::from_millis(500)).await;
        }
        batch.clear();
    }
}

/// Knows who may send.
#[derive(Clone)]
struct Desk {
    kind: RawKind,
    config: Arc<Config>,
    counters: Arc<Counters>,
}

impl Desk {
    fn sender(&self, from: SocketAddr) -> Option<&Sender> {
        let at = longest(&self.config.senders, |sender| sender.from, peer(from))?;
        self.config.senders.get(at)
    }

    /// A message as a record, unless a stranger sent it.
    fn record(&self, octets: &[u8], from: SocketAddr) -> Option<SpoolRecord> {
        let Some(sender) = self.sender(from) else {
            self.counters.unknown.add(1);
            return None;
        };
        self.counters.received.add(1);
        let too_long = self.kind == RawKind::Syslog && octets.len() > tadoru_wire::natlog::MAX_LINE;
        let not_ours = self.kind == RawKind::Export && !matches!(octets, [0, 9 | 10, ..]);
        if octets.is_empty() || too_long || not_ours {
            self.counters.malformed.add(1);
            return None;
        }
        let told = Told {
            source: sender.name.as_ref(),
            realm: &sender.realm,
            inside_realm: &sender.inside_realm,
            zone: sender.zone.as_deref(),
        };
        // One datagram of syslog is one message, whose trailing feed some senders add (RFC 5426 section 3.1).
        let octets = if self.kind == RawKind::Syslog { octets.trim_ascii_end() } else { octets };
        Some(told.record(self.kind, peer(from), octets))
    }
}

impl Protocol {
    const fn kind(self) -> RawKind {
        match self {
            Self::Syslog => RawKind::Syslog,
            Self::Export => RawKind::Export,
        }
    }
}

/// Messages of streams that wait for the spool at most.
const QUEUE: usize = 1024;
