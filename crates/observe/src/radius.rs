//! RADIUS accounting server (RFC 2866): takes Accounting-Requests over UDP and answers them once they are durable.
//!
//! What comes in: datagrams of devices whose secrets are known. What goes out: raw packets into the spool, and answers.
//! A wrong secret or an unknown device gets no answer and is counted; a retransmission is answered again without a second
//! record; when the spool refuses, nobody is answered, so that devices keep their records and try again.
//!
//! On a machine with several addresses listen on each by itself: an answer leaves by the address of its socket.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use tadoru_model::Realm;
use tadoru_wire::radius::{Code, MAX_PACKET, Packet, Proof, Writer};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::ObserveError;
use crate::inlet::{RawKind, Spool, SpoolError, SpoolRecord};
use crate::receive::{BEAT, Heart, Shutdown, Told, append, drain, listen_udp, longest, peer, stopped};

mod config;
mod counters;
#[cfg(test)]
mod tests;

pub use config::{Config, Nas, Secret};
pub use counters::{Counters, NasCounters, Room};

/// An accounting server that does nothing yet.
pub struct Server {
    config: Arc<Config>,
    counters: Arc<Counters>,
    spool: Arc<dyn Spool>,
}

/// An accounting server whose sockets are open.
pub struct Listening {
    server: Server,
    sockets: Vec<UdpSocket>,
}

impl Server {
    /// A server of these settings, which puts records into `spool`.
    ///
    /// # Errors
    /// When a secret is empty, or two entries are for the same prefix.
    pub fn new(config: Config, spool: Arc<dyn Spool>) -> Result<Self, ObserveError> {
        config.check()?;
        let counters = Arc::new(Counters::new(&config));
        Ok(Self { config: Arc::new(config), counters, spool })
    }

    /// What has been counted, now and later.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Opens the sockets; must be called in a runtime.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn listen(self) -> Result<Listening, ObserveError> {
        let open = |addr: &SocketAddr| listen_udp(*addr, self.config.receive_buffer);
        let sockets = self.config.listen.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Listening { server: self, sockets })
    }
}

impl Listening {
    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Serves until `shutdown`; what was received before is answered first.
    pub async fn run(self, shutdown: Shutdown) {
        let mut tasks = JoinSet::new();
        for (nth, socket) in self.sockets.into_iter().enumerate() {
            let (config, counters) = (Arc::clone(&self.server.config), Arc::clone(&self.server.counters));
            let port = socket.local_addr().ok().map(|addr| addr.port());
            // One heart is enough for all sockets.
            let subjects = || config.nas.iter().filter_map(Nas::subject).collect();
            let heart = (nth == 0).then(|| Heart::new(RawKind::Accounting, None, port, subjects()));
            let desk = Desk { config, counters, known: Known::default() };
            let spool = Arc::clone(&self.server.spool);
            tasks.spawn(serve(socket, desk, spool, heart, shutdown.clone()));
        }
        while tasks.join_next().await.is_some() {}
    }
}

/// Serves one socket: drains it, makes what came durable, answers.
async fn serve(
    socket: UdpSocket,
    mut desk: Desk,
    spool: Arc<dyn Spool>,
    mut heart: Option<Heart>,
    mut shutdown: Shutdown,
) {
    let mut buffer = vec![0; MAX_PACKET + 1];
    let mut tick = interval(BEAT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = false;
    while !stop {
        let mut beats = false;
        tokio::select! {
            _ = socket.readable() => {}
            _ = tick.tick() => beats = heart.is_some(),
            () = stopped(&mut shutdown) => (stop, beats) = (true, heart.is_some()),
        }
        let mut batch = Batch::default();
        drain(&socket, &mut buffer, desk.config.batch, |octets, from| desk.judge(octets, from, &mut batch));
        if beats && let Some(heart) = &mut heart {
            batch.records.push(heart.beat());
        }
        let Batch { records, mut answers, fresh } = batch;
        if !records.is_empty() {
            let (_, outcome) = append(&spool, records).await;
            match outcome {
                Ok(_) => {
                    desk.kept(fresh);
                    if beats && let Some(heart) = &mut heart {
                        heart.kept();
                    }
                }
                Err(error) => {
                    desk.refused(&error, fresh.len());
                    answers.retain(|answer| answer.promise == Promise::Nothing);
                }
            }
        }
        for Answer { to, octets, .. } in answers {
            // An answer that is lost is asked for again.
            if socket.try_send_to(&octets, to).is_err() {
                let _ = socket.send_to(&octets, to).await;
            }
        }
    }
}

/// What came of the datagrams that were there at once.
#[derive(Default)]
struct Batch {
    records: Vec<SpoolRecord>,
    answers: Vec<Answer>,
    fresh: HashSet<Key>,
}

struct Answer {
    to: SocketAddr,
    octets: Vec<u8>,
    promise: Promise,
}

/// What an answer says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// That a record of this batch is durable.
    Durable,
    /// Nothing that was not so before.
    Nothing,
}

/// Judges datagrams.
struct Desk {
    config: Arc<Config>,
    counters: Arc<Counters>,
    known: Known,
}

impl Desk {
    /// Decides what becomes of one datagram.
    fn judge(&mut self, octets: &[u8], from: SocketAddr, batch: &mut Batch) {
        let counters = &self.counters;
        counters.received.add(1);
        let addr = peer(from);
        let Some(at) = longest(&self.config.nas, |nas| nas.from, addr) else {
            return counters.unknown.add(1);
        };
        let (Some(nas), Some(count)) = (self.config.nas.get(at), counters.nas.get(at)) else { return };
        let Ok(packet) = Packet::parse(octets) else { return count.malformed.add(1) };
        if !matches!(packet.code(), Code::ACCOUNTING_REQUEST | Code::STATUS_SERVER) {
            return count.other.add(1);
        }
        let secret = nas.secret.octets();
        if packet.verify_request(secret).is_err() {
            return count.wrong_secret.add(1);
        }
        let Some(octets) = answer(&packet, secret) else { return count.malformed.add(1) };
        let mut promise = Promise::Nothing;
        if packet.code() == Code::ACCOUNTING_REQUEST {
            let key = (from, packet.identifier(), *packet.authenticator());
            if batch.fresh.contains(&key) {
                // The answer of the first one is for both.
                return count.again.add(1);
            } else if self.known.has(&key) {
                count.again.add(1);
            } else {
                let untold = Realm::untold();
                let source = nas.name.as_ref();
                let told = Told { source, realm: &nas.realm, inside_realm: &untold, zone: None };
                batch.records.push(told.record(RawKind::Accounting, addr, packet.bytes()));
                batch.fresh.insert(key);
                count.fresh.add(1);
                promise = Promise::Durable;
            }
        } else {
            count.status.add(1);
        }
        batch.answers.push(Answer { to: from, octets, promise });
    }

    /// The records of a batch are durable.
    fn kept(&mut self, fresh: HashSet<Key>) {
        self.counters.kept.add(fresh.len() as u64);
        self.counters.set_room(Room::Enough);
        for key in fresh {
            self.known.add(key, self.config.remembered);
        }
    }

    /// The spool refused a batch.
    fn refused(&self, error: &SpoolError, records: usize) {
        self.counters.refused.add(records as u64);
        self.counters.set_room(match error {
            SpoolError::Full => Room::Full,
            SpoolError::Failed(_) => Room::Failed,
        });
    }
}

/// The answer to a request, with its Proxy-State as it came (RFC 2866 section 5.2, RFC 2865 section 5.33).
fn answer(packet: &Packet<'_>, secret: &[u8]) -> Option<Vec<u8>> {
    let mut writer = Writer::new(Code::ACCOUNTING_RESPONSE, packet.identifier());
    let mut proof = Proof::Authenticator;
    for (_, kind, value) in packet.attributes() {
        match kind {
            PROXY_STATE => {
                writer.raw(kind, value).ok()?;
            }
            MESSAGE_AUTHENTICATOR => proof = Proof::MessageAuthenticator,
            _ => {}
        }
    }
    writer.response(packet, secret, proof).ok()
}

/// What tells one request from another: who sent it from where, its identifier, its authenticator.
type Key = (SocketAddr, u8, [u8; 16]);

/// Requests that were answered a short while ago, in two generations.
#[derive(Default)]
struct Known {
    young: HashSet<Key>,
    old: HashSet<Key>,
}

impl Known {
    fn has(&self, key: &Key) -> bool {
        self.young.contains(key) || self.old.contains(key)
    }

    /// Adds a request; the older half goes when there are more than `most`.
    fn add(&mut self, key: Key, most: usize) {
        if self.young.len() >= most.div_ceil(2) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key);
    }
}

/// Type of Proxy-State.
const PROXY_STATE: u8 = 33;

/// Type of Message-Authenticator.
const MESSAGE_AUTHENTICATOR: u8 = 80;
