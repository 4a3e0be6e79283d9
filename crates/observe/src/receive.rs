//! What all listening sources have in common: sockets, the way into the spool, signs of life.
//!
//! What comes in: datagrams. What goes out: batches of raw records, made durable off the network's thread. It does not
//! look into what it receives.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket, sockopt,
};
use std::os::fd::AsRawFd;
use tadoru_model::{CoverageState, Prefix, Realm, SourceName, UtcMicros};
use tokio::net::UdpSocket;

use crate::ObserveError;
use crate::inlet::{Beat, Pulse, RawKind, Receipt, Spool, SpoolError, SpoolRecord, Subject};

/// Becomes true when the sources shall stop; a dropped sender means the same.
pub type Shutdown = tokio::sync::watch::Receiver<bool>;

/// Waits until the sources shall stop.
pub(crate) async fn stopped(shutdown: &mut Shutdown) {
    // An error is a dropped sender, which stops too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// The present.
pub(crate) fn now() -> UtcMicros {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UtcMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The address of a peer, IPv4 also where an IPv6 socket gave it (RFC 4291 section 2.5.5.2).
pub(crate) fn peer(from: SocketAddr) -> IpAddr {
    from.ip().to_canonical()
}

/// A UDP socket with room for bursts; an IPv6 one takes no IPv4.
pub(crate) fn listen_udp(addr: SocketAddr, receive_buffer: usize) -> Result<UdpSocket, ObserveError> {
    let open = || UdpSocket::from_std(open_udp(addr, receive_buffer, SockFlag::SOCK_NONBLOCK)?);
    open().map_err(|error| ObserveError::Listen(addr, error))
}

/// The same, for a thread that waits in the kernel, [`LONGEST_WAIT`] at a time.
pub(crate) fn listen_udp_waiting(
    addr: SocketAddr,
    receive_buffer: usize,
) -> Result<std::net::UdpSocket, ObserveError> {
    let open = || -> io::Result<std::net::UdpSocket> {
        let socket = open_udp(addr, receive_buffer, SockFlag::empty())?;
        socket.set_read_timeout(Some(LONGEST_WAIT))?;
        Ok(socket)
    };
    open().map_err(|error| ObserveError::Listen(addr, error))
}

fn open_udp(addr: SocketAddr, receive_buffer: usize, flags: SockFlag) -> io::Result<std::net::UdpSocket> {
    let family = if addr.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, SockType::Datagram, flags | SockFlag::SOCK_CLOEXEC, None)?;
    if addr.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
    }
    // With the right to it, beyond the system's bound for everybody; without it, as much as there is.
    if setsockopt(&fd, sockopt::RcvBufForce, &receive_buffer).is_err() {
        setsockopt(&fd, sockopt::RcvBuf, &receive_buffer)?;
    }
    bind(fd.as_raw_fd(), &SockaddrStorage::from(addr))?;
    Ok(fd.into())
}

/// Takes up to `most` datagrams that are there now.
pub(crate) fn drain(
    socket: &UdpSocket,
    buffer: &mut [u8],
    most: usize,
    mut each: impl FnMut(&[u8], SocketAddr),
) -> usize {
    let mut taken = 0;
    while taken < most {
        match socket.try_recv_from(buffer) {
            Ok((len, from)) => {
                taken += 1;
                each(buffer.get(..len).unwrap_or_default(), from);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // What an answer of ours caused at the peer; the next datagram may be well.
            Err(_) => taken += 1,
        }
    }
    taken
}

/// Makes a batch durable; gives it back with the outcome.
pub(crate) async fn append(
    spool: &Arc<dyn Spool>,
    batch: Vec<SpoolRecord>,
) -> (Vec<SpoolRecord>, Result<Receipt, SpoolError>) {
    let spool = Arc::clone(spool);
    let work = tokio::task::spawn_blocking(move || {
        let outcome = spool.append(&batch);
        (batch, outcome)
    });
    match work.await {
        Ok(done) => done,
        Err(_) => (Vec::new(), Err(SpoolError::Failed(io::Error::other("the spool stopped")))),
    }
}

/// Who may send, and what their records are about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) source: Option<&'a SourceName>,
    pub(crate) realm: &'a Realm,
    pub(crate) inside_realm: &'a Realm,
    pub(crate) zone: Option<&'a str>,
}

impl Told<'_> {
    /// A raw record of this sender.
    pub(crate) fn record(&self, kind: RawKind, sender: IpAddr, octets: &[u8]) -> SpoolRecord {
        SpoolRecord {
            kind,
            source: self.source.cloned(),
            realm: self.realm.clone(),
            inside_realm: self.inside_realm.clone(),
            zone: self.zone.map(Into::into),
            sender: Some(sender),
            arrival: now(),
            place: None,
            octets: octets.to_vec(),
        }
    }
}

/// The entry whose prefix is the longest around `addr`.
pub(crate) fn longest<T>(entries: &[T], prefix: impl Fn(&T) -> Prefix, addr: IpAddr) -> Option<usize> {
    let around = entries.iter().enumerate().filter(|(_, entry)| prefix(entry).contains(addr));
    around.max_by_key(|(_, entry)| prefix(entry).len()).map(|(at, _)| at)
}

// ---------------------------------------------------------------------------------------------- Heart

/// Gives signs of life of one source.
#[derive(Debug)]
pub(crate) struct Heart {
    of: RawKind,
    source: Option<SourceName>,
    subjects: Vec<Subject>,
    from: UtcMicros,
    beat: Beat,
    port: Option<u16>,
    dropped: u64,
    lost: bool,
}

impl Heart {
    /// Of a source that begins now, and of the configured senders that it listens to; of a UDP source, `port` tells where
    /// the kernel counts what it drops.
    pub(crate) fn new(
        of: RawKind,
        source: Option<SourceName>,
        port: Option<u16>,
        subjects: Vec<Subject>,
    ) -> Self {
        let dropped = port.map_or(0, kernel_drops);
        Self { of, source, subjects, from: now(), beat: Beat::First, port, dropped, lost: false }
    }

    /// Nothing is missing since an earlier run.
    pub(crate) fn resumed(&mut self) {
        if self.beat == Beat::First {
            self.beat = Beat::Resumed;
        }
    }

    /// Something was lost since the last sign of life.
    pub(crate) fn lost(&mut self) {
        self.lost = true;
    }

    /// The next sign of life.
    pub(crate) fn beat(&mut self) -> SpoolRecord {
        let arrival = now();
        let dropped = self.port.map_or(0, kernel_drops);
        let lost = std::mem::take(&mut self.lost) || dropped > self.dropped;
        self.dropped = dropped;
        let state = if lost { CoverageState::Lossy } else { CoverageState::Alive };
        let subjects = if self.beat == Beat::Next { Vec::new() } else { self.subjects.clone() };
        let pulse = Pulse { of: self.of, from: self.from, state, beat: self.beat, subjects };
        self.from = arrival;
        SpoolRecord {
            kind: RawKind::Pulse,
            source: self.source.clone(),
            realm: Realm::untold(),
            inside_realm: Realm::untold(),
            zone: None,
            sender: None,
            arrival,
            place: None,
            octets: pulse.to_octets(),
        }
    }

    /// The sign of life is durable: the next one goes on from it.
    pub(crate) fn kept(&mut self) {
        self.beat = Beat::Next;
    }
}

/// Datagrams to a local port that the kernel has dropped for want of room.
pub(crate) fn kernel_drops(port: u16) -> u64 {
    let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
    let text = tables.iter().filter_map(|table| std::fs::read_to_string(table).ok()).collect::<String>();
    let suffix = format!(":{port:04X}");
    let ours = text
        .lines()
        .filter(|line| line.split_ascii_whitespace().nth(1).is_some_and(|local| local.ends_with(&suffix)));
    ours.filter_map(|line| line.split_ascii_whitespace().last()?.parse::<u64>().ok()).sum()
}

/// How often signs of life are given.
pub(crate) const BEAT: Duration = Duration::from_secs(2);

/// After so long without a datagram, a waiting thread looks whether it shall stop.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(200);
