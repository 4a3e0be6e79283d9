//! From the network into the spool, before anybody looks into what came.
//!
//! What comes in: datagrams and streams. What goes out: batches of datagrams as raw records. Each UDP socket has a thread
//! of its own, which takes up to a batch of datagrams from the kernel at a time and makes them durable together; while
//! the spool refuses it waits with what it has, and what the kernel then has no room for is counted as dropped.

use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use tadoru_model::{SourceName, UtcMicros};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::batch::{Batch, Datagram, Told};
use super::unknown::{Senders, UnknownSender};
use super::{Config, Exporter, Reach, Standing, Unknown, streams};
use crate::ObserveError;
use crate::counters::Count;
use crate::inlet::Spool;
use crate::receive::{Shutdown, kernel_drops, listen_udp_waiting, longest, now};

/// What is counted at the door.
#[derive(Debug, Default)]
pub struct Counters {
    /// Datagrams and messages received from named exporters.
    pub received: Count,
    /// Octets in them.
    pub octets: Count,
    /// Datagrams and messages in the spool.
    pub kept: Count,
    /// Datagrams and streams of senders that are not named.
    pub unknown: Count,
    /// Of those, datagrams that were quarantined.
    pub quarantined: Count,
    /// Datagrams and messages that the spool refused and that are lost.
    pub refused: Count,
    /// Streams whose framing was lost, and messages that were cut.
    pub malformed: Count,
    /// Streams that were closed, as there were too many.
    pub crowded: Count,
    senders: Mutex<Senders>,
    ports: Mutex<Vec<(u16, u64)>>,
}

/// A receiver that does nothing yet.
pub struct Receiver {
    door: Arc<Door>,
    spool: Arc<dyn Spool>,
}

/// A receiver whose sockets are open.
pub struct Listening {
    receiver: Receiver,
    udp: Vec<std::net::UdpSocket>,
    tcp: Vec<TcpListener>,
}

/// Knows who may send.
pub(super) struct Door {
    pub(super) config: Config,
    pub(super) counters: Arc<Counters>,
    /// Datagrams that were quarantined in this second of arrival.
    quarantined: Mutex<(i64, u32)>,
}

impl Counters {
    /// Datagrams that the kernel dropped for want of room since listening began.
    pub fn kernel_drops(&self) -> u64 {
        let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.iter().map(|(port, before)| kernel_drops(*port).saturating_sub(*before)).sum()
    }

    /// Senders that are not named, those that sent the most first; a bounded number of them.
    pub fn unknown_senders(&self) -> Vec<UnknownSender> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).list()
    }
}

impl Receiver {
    /// A receiver of these settings, which puts datagrams into `spool`.
    ///
    /// # Errors
    /// When a bound is zero.
    pub fn new(config: Config, spool: Arc<dyn Spool>) -> Result<Self, ObserveError> {
        if config.batch == 0 || config.batch > MOST_BATCH || config.streams == 0 {
            return Err(ObserveError::Setting(
                "`batch` of flows is not within 1 and 1024, or `streams` is zero",
            ));
        }
        if config.exporters.iter().any(|exporter| exporter.sampling == Some(0)) {
            return Err(ObserveError::Setting("`sampling` of an exporter is zero"));
        }
        let door = Door { config, counters: Arc::default(), quarantined: Mutex::default() };
        Ok(Self { door: Arc::new(door), spool })
    }

    /// What has been counted, now and later.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.door.counters)
    }

    /// Opens the sockets.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn listen(self) -> Result<Listening, ObserveError> {
        let config = &self.door.config;
        let open = |addr: &SocketAddr| listen_udp_waiting(*addr, config.receive_buffer);
        let udp = config.udp.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let mut tcp = Vec::new();
        for addr in &config.tcp {
            let listener = TcpListener::bind(addr).await;
            tcp.push(listener.map_err(|error| ObserveError::Listen(*addr, error))?);
        }
        let mut ports: Vec<u16> =
            udp.iter().filter_map(|socket| Some(socket.local_addr().ok()?.port())).collect();
        ports.sort_unstable();
        ports.dedup();
        let ports = ports.into_iter().map(|port| (port, kernel_drops(port))).collect();
        *self.door.counters.ports.lock().unwrap_or_else(PoisonError::into_inner) = ports;
        Ok(Listening { receiver: self, udp, tcp })
    }
}

impl Listening {
    /// Where it listens for datagrams and for streams.
    pub fn addresses(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        let udp = self.udp.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        (udp, self.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect())
    }

    /// Receives until `shutdown`; what waits in the kernel then is taken too.
    pub async fn run(self, shutdown: Shutdown) {
        let Receiver { door, spool } = self.receiver;
        let mut tasks = JoinSet::new();
        for socket in self.udp {
            let (door, spool, shutdown) = (Arc::clone(&door), Arc::clone(&spool), shutdown.clone());
            tasks.spawn_blocking(move || datagrams(&socket, &door, spool.as_ref(), &shutdown));
        }
        if !self.tcp.is_empty() {
            tasks.spawn(streams::run(self.tcp, door, spool, shutdown));
        }
        while tasks.join_next().await.is_some() {}
    }
}

/// Takes datagrams from one socket into the spool.
fn datagrams(socket: &std::net::UdpSocket, door: &Door, spool: &dyn Spool, shutdown: &Shutdown) {
    let most = door.config.batch;
    let mut room = vec![0; most * STRIDE];
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(most, None);
    let mut arrived = Vec::with_capacity(most);
    let mut batch = Batch::default();
    let mut who = Who::default();
    loop {
        // The last look is after the end was told, so that what had arrived by then is taken.
        let ending = *shutdown.borrow();
        let taken = receive(socket, &mut room, &mut headers, &mut arrived, ending);
        let at = now();
        let slots = room.chunks_exact(STRIDE).zip(&arrived);
        for (slot, (len, from)) in slots {
            let octets = slot.get(..*len).unwrap_or_default();
            let Some(from) = from else { continue };
            if let Some(told) = who.told(door, *from, octets, at) {
                batch.push(&Datagram { source: *from, arrival: at, told, octets });
            }
        }
        keep(&mut batch, door, spool, shutdown);
        match taken {
            Err(Errno::EAGAIN | Errno::EINTR) if ending => return,
            Ok(()) if ending && arrived.is_empty() => return,
            // Few came: more come together a moment later, for less work.
            Ok(()) if arrived.len() < most / 4 && !ending => std::thread::sleep(PAUSE),
            // Else what an answer of ours caused at a peer: the next datagram may be well.
            _ => {}
        }
    }
}

/// Takes what is there, waiting a while where there is nothing; where it ends, without waiting.
fn receive(
    socket: &std::net::UdpSocket,
    room: &mut [u8],
    headers: &mut MultiHeaders<SockaddrStorage>,
    arrived: &mut Vec<(usize, Option<SocketAddr>)>,
    ending: bool,
) -> Result<(), Errno> {
    arrived.clear();
    let flags = if ending { MsgFlags::MSG_DONTWAIT } else { MsgFlags::MSG_WAITFORONE };
    let mut slots: Vec<[IoSliceMut<'_>; 1]> =
        room.chunks_exact_mut(STRIDE).map(|slot| [IoSliceMut::new(slot)]).collect();
    let received = recvmmsg(socket.as_raw_fd(), headers, slots.iter_mut(), flags, None)?;
    arrived.extend(received.map(|message| (message.bytes, message.address.as_ref().and_then(peer))));
    Ok(())
}

/// The sender, IPv4 also where an IPv6 socket gave it.
fn peer(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::new(v4.ip().into(), v4.port()));
    v4.or_else(|| {
        let v6 = address.as_sockaddr_in6()?;
        Some(SocketAddr::new(IpAddr::from(v6.ip()).to_canonical(), v6.port()))
    })
}

/// Makes a batch durable, again and again until it is.
pub(super) fn keep(batch: &mut Batch, door: &Door, spool: &dyn Spool, shutdown: &Shutdown) {
    let (datagrams, octets) = (batch.datagrams() as u64, batch.octets() as u64);
    let Some(record) = batch.take() else { return };
    door.counters.octets.add(octets);
    let record = [record];
    while spool.append(&record).is_err() {
        if *shutdown.borrow() {
            return door.counters.refused.add(datagrams);
        }
        std::thread::sleep(AGAIN);
    }
    door.counters.kept.add(datagrams);
}

/// Who the last sender was: datagrams of one come in rows.
#[derive(Default)]
struct Who(Option<(IpAddr, Option<Told>)>);

impl Who {
    /// What is told of a datagram's exporter, unless it is refused.
    fn told(&mut self, door: &Door, from: SocketAddr, octets: &[u8], at: UtcMicros) -> Option<Told> {
        let known = match self.0 {
            Some((addr, known)) if addr == from.ip() => known,
            _ => {
                let known = door.exporter(from.ip());
                self.0 = Some((from.ip(), known));
                known
            }
        };
        match known {
            Some(told) => {
                door.counters.received.add(1);
                Some(told)
            }
            None => door.stranger(from.ip(), octets, at),
        }
    }
}

impl Door {
    /// What the configuration says of an exporter; `None` for a stranger.
    pub(super) fn exporter(&self, addr: IpAddr) -> Option<Told> {
        let exporter = self.config.exporter(addr)?;
        Some(Told {
            standing: Standing::Known,
            sampling: exporter.sampling.unwrap_or(0),
            templates: exporter.templates,
        })
    }

    /// Counts a datagram of a stranger; what is told of it if it is to be quarantined.
    pub(super) fn stranger(&self, addr: IpAddr, octets: &[u8], at: UtcMicros) -> Option<Told> {
        self.counters.unknown.add(1);
        self.counters.senders.lock().unwrap_or_else(PoisonError::into_inner).note(addr, at);
        let looks_right = matches!(octets, [0, 5 | 9 | 10, ..] | [0, 0, 0, 5, ..]);
        if self.config.unknown == Unknown::Refuse || !looks_right {
            return None;
        }
        let mut quarantined = self.quarantined.lock().unwrap_or_else(PoisonError::into_inner);
        let second = at.0.div_euclid(1_000_000);
        if quarantined.0 != second {
            *quarantined = (second, 0);
        }
        if quarantined.1 >= MOST_QUARANTINED {
            return None;
        }
        quarantined.1 += 1;
        self.counters.quarantined.add(1);
        Some(Told { standing: Standing::Quarantined, sampling: 0, templates: Reach::Port })
    }
}

impl Config {
    /// The exporter that an address belongs to, by the longest prefix.
    pub fn exporter(&self, addr: IpAddr) -> Option<&Exporter> {
        self.exporters.get(longest(&self.exporters, |exporter| exporter.from, addr)?)
    }

    /// The name of the exporter at an address.
    pub fn name_of(&self, addr: IpAddr) -> Option<&SourceName> {
        self.exporter(addr)?.name.as_ref()
    }
}

/// The longest datagram is shorter. Not a power of two, so that the beginnings do not share places of a cache.
const STRIDE: usize = 65_536 + 1_472;
/// Datagrams of a batch at most.
const MOST_BATCH: usize = 1024;
/// How long datagrams gather where few come.
const PAUSE: Duration = Duration::from_millis(2);
/// When the spool is asked again after it refused.
const AGAIN: Duration = Duration::from_millis(500);
/// Datagrams of strangers quarantined in a second at most; others are dropped.
const MOST_QUARANTINED: u32 = 1000;
