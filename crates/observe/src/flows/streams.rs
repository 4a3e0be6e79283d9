//! IPFIX over TCP (RFC 7011 section 10.4): streams of messages, which wait while the spool refuses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::batch::{Batch, Datagram, Told};
use super::receiver::{Door, keep};
use crate::collector::Protocol;
use crate::collector::framing::Framing;
use crate::inlet::Spool;
use crate::receive::{Shutdown, now, peer, stopped};

/// Takes streams until the end.
pub(super) async fn run(
    listeners: Vec<TcpListener>,
    door: Arc<Door>,
    spool: Arc<dyn Spool>,
    shutdown: Shutdown,
) {
    let (messages, waiting) = mpsc::channel(QUEUE);
    let places = Arc::new(Semaphore::new(door.config.streams));
    let mut tasks = JoinSet::new();
    for listener in listeners {
        let (door, messages, places) = (Arc::clone(&door), messages.clone(), Arc::clone(&places));
        tasks.spawn(accept(listener, door, messages, places, shutdown.clone()));
    }
    drop(messages);
    let keeping = tokio::task::spawn_blocking(move || gather(waiting, &door, spool.as_ref(), &shutdown));
    while tasks.join_next().await.is_some() {}
    let _ = keeping.await;
}

/// A message of a stream.
struct Message {
    source: SocketAddr,
    told: Told,
    octets: Vec<u8>,
}

async fn accept(
    listener: TcpListener,
    door: Arc<Door>,
    messages: mpsc::Sender<Message>,
    places: Arc<Semaphore>,
    mut shutdown: Shutdown,
) {
    let mut streams = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = streams.join_next() => continue,
            () = stopped(&mut shutdown) => break,
        };
        let Ok((stream, from)) = accepted else {
            // No descriptor is left: some other stream must end first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let source = SocketAddr::new(peer(from), from.port());
        let told = door.exporter(source.ip()).or_else(|| door.stranger(source.ip(), OF_A_STREAM, now()));
        let Some(told) = told else { continue };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let (door, messages, shutdown) = (Arc::clone(&door), messages.clone(), shutdown.clone());
                streams.spawn(read(stream, source, told, door, messages, shutdown, place));
            }
            Err(_) => door.counters.crowded.add(1),
        }
    }
    while streams.join_next().await.is_some() {}
}

async fn read(
    mut stream: TcpStream,
    source: SocketAddr,
    told: Told,
    door: Arc<Door>,
    messages: mpsc::Sender<Message>,
    mut shutdown: Shutdown,
    _place: OwnedSemaphorePermit,
) {
    let mut framing = Framing::new(Protocol::Export);
    let mut buffer = vec![0; 65_536];
    loop {
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read,
            () = stopped(&mut shutdown) => break,
        };
        let Ok(len @ 1..) = read else { break };
        let mut whole = Vec::new();
        let piece = buffer.get(..len).unwrap_or_default();
        let sound = framing.push(piece, |octets| {
            whole.push(Message { source, told, octets: octets.to_vec() });
        });
        for message in whole {
            if messages.send(message).await.is_err() {
                return;
            }
        }
        if sound.is_err() {
            break;
        }
    }
    door.counters.malformed.add(framing.finish());
}

/// Puts messages into the spool, those that came meanwhile together.
fn gather(mut waiting: mpsc::Receiver<Message>, door: &Door, spool: &dyn Spool, shutdown: &Shutdown) {
    let mut batch = Batch::default();
    let mut messages = Vec::new();
    while waiting.blocking_recv_many(&mut messages, door.config.batch) > 0 {
        let arrival = now();
        for Message { source, told, octets } in messages.drain(..) {
            door.counters.received.add(1);
            batch.push(&Datagram { source, arrival, told, octets: &octets });
        }
        keep(&mut batch, door, spool, shutdown);
    }
}

/// What a stream begins with: IPFIX alone is sent over TCP.
const OF_A_STREAM: &[u8] = &[0, 10];
/// Messages of streams that wait for the spool at most.
const QUEUE: usize = 256;
