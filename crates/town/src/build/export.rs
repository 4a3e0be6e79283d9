//! How gateways log what they do: exported datagrams, syslog, and what `conntrack` prints; and what gets lost of it.

use std::net::IpAddr;

use tadoru_model::{Span, UtcMicros};
use tadoru_wire::flow::{
    Dialect, Direction, Encoder, Endpoint, EventKind, EventTime, NatEvent, PortBlock, TimeSource, Version,
};

use super::BuildError;
use super::accounting::{Counts, clock_doubt};
use super::arrival::Delivered;
use super::gateway::{Inside, Translation};
use crate::dice::Dice;
use crate::plan::{Delivery, Gateway, Log};

/// The log of one gateway.
pub(super) struct Logged {
    /// What arrived.
    pub out: Vec<Delivered>,
    /// What each translation's own records can prove.
    pub proven: Vec<Span>,
    /// How much was sent and lost.
    pub counts: Counts,
}

#[derive(Clone, Copy)]
enum Moment {
    Begin,
    End,
}

/// Logs the translations of a gateway between `begins` and `ends`.
pub(super) fn log(
    gateway: &Gateway,
    delivery: Delivery,
    insides: &[Inside],
    made: &[Translation],
    (begins, ends): (UtcMicros, UtcMicros),
    dice: Dice,
) -> Result<Logged, BuildError> {
    let mut events: Vec<(UtcMicros, usize, Moment)> = Vec::with_capacity(made.len() * 2);
    for (at, translation) in made.iter().enumerate() {
        events.push((translation.held.from, at, Moment::Begin));
        if translation.held.until < ends {
            events.push((translation.held.until, at, Moment::End));
        }
    }
    // What ends at an instant ends before the next thing begins in it.
    events.sort_by_key(|(at, place, moment)| (*at, matches!(moment, Moment::Begin), *place));
    let outage = gateway.outage.map(|o| {
        let from = begins.plus(i64::from(o.from_min) * MINUTE);
        Span::new(from, from.plus(i64::from(o.minutes) * MINUTE))
    });
    let mut logger = Logger {
        gateway,
        delivery,
        insides,
        made,
        outage,
        dice,
        out: Vec::new(),
        heard: vec![(false, false); made.len()],
        counts: Counts::default(),
    };
    match gateway.log {
        Log::Ipfix => logger.export(Version::Ipfix, &events, begins, ends)?,
        Log::Netflow9 => logger.export(Version::NetFlow9, &events, begins, ends)?,
        Log::Syslog | Log::Conntrack => logger.lines(&events),
    }
    let doubt = clock_doubt(gateway.clock_s);
    let proven = made.iter().zip(&logger.heard).map(|(translation, heard)| match heard {
        (true, true) => Span::new(translation.held.from.plus(doubt), translation.held.until.plus(-doubt)),
        _ => Span::new(translation.held.from, translation.held.from),
    });
    Ok(Logged { proven: proven.collect(), out: logger.out, counts: logger.counts })
}

struct Logger<'a> {
    gateway: &'a Gateway,
    delivery: Delivery,
    insides: &'a [Inside],
    made: &'a [Translation],
    outage: Option<Span>,
    dice: Dice,
    out: Vec<Delivered>,
    /// Whether the beginning and the end of each translation arrived.
    heard: Vec<(bool, bool)>,
    counts: Counts,
}

impl Logger<'_> {
    /// Datagrams: events of about a second together, templates every ten minutes.
    fn export(
        &mut self,
        version: Version,
        events: &[(UtcMicros, usize, Moment)],
        begins: UtcMicros,
        ends: UtcMicros,
    ) -> Result<(), BuildError> {
        let offset = self.gateway.clock_s * 1_000_000;
        let mut encoder = Encoder::new(version, 1, begins.0 - 3_600_000_000 + offset);
        let mut announce = begins.plus(self.dice.between(0, MINUTE));
        let mut rest = events;
        loop {
            let next = rest.first().map(|(at, ..)| at.plus(SECOND));
            if announce < ends && next.is_none_or(|next| announce <= next) {
                encoder.announce_again();
                let packets = encoder.encode(announce.0 + offset, &[])?;
                self.send(announce, packets);
                announce = announce.plus(10 * MINUTE);
                continue;
            }
            let Some(flush) = next else { return Ok(()) };
            let count = rest.iter().take(MOST_TOGETHER).take_while(|(at, ..)| *at <= flush).count();
            let (batch, behind) = rest.split_at_checked(count.max(1)).unwrap_or((rest, &[]));
            rest = behind;
            let records: Vec<NatEvent> = batch
                .iter()
                .filter_map(|(at, place, moment)| self.event(*at, *place, *moment, offset))
                .collect();
            let packets = encoder.encode(flush.0 + offset, &records)?;
            let heard = self.send(flush, packets);
            for (_, place, moment) in batch {
                self.note(*place, *moment, heard);
            }
        }
    }

    /// Sends datagrams; says whether all of them arrive.
    fn send(&mut self, at: UtcMicros, packets: Vec<Vec<u8>>) -> bool {
        let mut all = true;
        for packet in packets {
            let arrives = at.plus(self.dice.between(2_000, 200_000));
            all &= self.deliver(arrives, packet);
        }
        all
    }

    /// Delivers a datagram or a line, or loses it; says whether it arrives.
    fn deliver(&mut self, at: UtcMicros, bytes: Vec<u8>) -> bool {
        if self.outage.is_some_and(|outage| outage.contains(at)) {
            return false;
        }
        self.counts.sent += 1;
        if self.dice.chance(self.delivery.lost) {
            self.counts.lost += 1;
            return false;
        }
        let overtaken = self.dice.chance(self.delivery.overtaken);
        let at = if overtaken { at.plus(self.dice.between(SECOND, 4 * SECOND)) } else { at };
        self.out.push(Delivered { at, bytes });
        true
    }

    fn note(&mut self, place: usize, moment: Moment, arrived: bool) {
        if let Some(heard) = self.heard.get_mut(place) {
            match moment {
                Moment::Begin => heard.0 = arrived,
                Moment::End => heard.1 = arrived,
            }
        }
    }

    /// One line an event.
    fn lines(&mut self, events: &[(UtcMicros, usize, Moment)]) {
        for (sequence, (at, place, moment)) in events.iter().enumerate() {
            let (Some(made), Some(inside)) = (self.made.get(*place), self.inside(*place)) else { continue };
            let line = match self.gateway.log {
                Log::Conntrack => conntrack(*at, made, inside, *moment),
                _ => juniper(&self.gateway.name, sequence + 1, *at, made, inside, *moment),
            };
            let arrives = at.plus(self.dice.between(2_000, 80_000));
            let heard = self.deliver(arrives, line.into_bytes());
            self.note(*place, *moment, heard);
        }
    }

    fn inside(&self, place: usize) -> Option<&Inside> {
        self.insides.get(self.made.get(place)?.inside)
    }

    fn event(&self, at: UtcMicros, place: usize, moment: Moment, offset: i64) -> Option<NatEvent> {
        let (made, inside) = (self.made.get(place)?, self.inside(place)?);
        Some(NatEvent {
            kind: match moment {
                Moment::Begin => EventKind::PortBlockAllocate,
                Moment::End => EventKind::PortBlockRelease,
            },
            code: None,
            dialect: Dialect::Rfc8158,
            domain: 1,
            time: EventTime { us: at.0 + offset, source: TimeSource::Observation },
            start_us: None,
            end_us: None,
            export_us: 0,
            arrival_us: 0,
            protocol: None,
            direction: Direction::Outbound,
            realm: None,
            inside: Endpoint { address: Some(inside.addr), port: None },
            softwire: None,
            outside: Endpoint { address: Some(made.outside), port: None },
            outside_ports: Some(PortBlock { first: made.ports.low, last: Some(made.ports.high), step: 1 }),
            destination: Endpoint::default(),
            destination_post: Endpoint::default(),
            ingress_vrf: None,
            egress_vrf: None,
            vrf_name: None,
            nat_instance: None,
            pool_id: None,
            pool_name: None,
            session_id: None,
            user_name: None,
        })
    }
}

/// As Junos writes port blocks in RFC 5424 form, with the sequence number of RFC 5424 section 7.3.1.
fn juniper(
    host: &str,
    sequence: usize,
    at: UtcMicros,
    made: &Translation,
    inside: &Inside,
    moment: Moment,
) -> String {
    let (word, used) = match moment {
        Moment::Begin => ("ALLOC", 1),
        Moment::End => ("RELEASE", 0),
    };
    let stamp = UtcMicros(at.0.div_euclid(1000) * 1000);
    let (low, high, epoch) = (made.ports.low, made.ports.high, at.0.div_euclid(SECOND));
    format!(
        "<14>1 {stamp} {host} RT_NAT - RT_SRC_NAT_PBA_{word} [junos@2636.1.1.1.2.129 internal-ip=\"{}\" \
         block-used=\"{used}\" block-max-per-host=\"4\" block-port-low=\"{low}\" block-port-high=\"{high}\" \
         reflexive-ip=\"{}\" nat-pool-name=\"town\" logical-system-id=\"0\" epoch-time-64=\"{epoch:x}\"]\
         [meta sequenceId=\"{sequence}\"]\n",
        inside.addr, made.outside
    )
}

/// As `conntrack -E -o timestamp,id` prints an event.
fn conntrack(at: UtcMicros, made: &Translation, inside: &Inside, moment: Moment) -> String {
    let (name, number, waiting) =
        if made.proto.0 == 17 { ("udp", 17, "30") } else { ("tcp", 6, "120 SYN_SENT") };
    let (sport, port) = (made.inside_port.unwrap_or(0), made.ports.low);
    let far = made.remote.map_or(IpAddr::from([0, 0, 0, 0]), |r| r.addr);
    let dport = made.remote.and_then(|r| r.port).unwrap_or(0);
    let (seconds, micros) = (at.0.div_euclid(SECOND), at.0.rem_euclid(SECOND));
    let there = format!("src={} dst={far} sport={sport} dport={dport}", inside.addr);
    let back = format!("src={far} dst={} sport={dport} dport={port}", made.outside);
    match moment {
        Moment::Begin => format!(
            "[{seconds}.{micros:06}]\t    [NEW] {name}      {number} {waiting} {there} [UNREPLIED] {back} id={}\n",
            made.id
        ),
        Moment::End => {
            format!("[{seconds}.{micros:06}]\t[DESTROY] {name}      {number} {there} {back} id={}\n", made.id)
        }
    }
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
/// Events in one datagram at most: they fit into one packet.
const MOST_TOGETHER: usize = 16;
