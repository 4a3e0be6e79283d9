//! Linux `conntrack -E`, with `-o timestamp`, `id`, `extended` and `ktimestamp` in any mix.
//!
//! `[1795295781.342306]\t    [NEW] tcp      6 120 SYN_SENT src=… dst=… sport=… dport=… [UNREPLIED] src=… dst=… sport=…
//! dport=… id=…`: the first tuple is the original direction, the second the reply as it is expected; where the reply's
//! destination is not the original source, the source was translated (conntrack-tools manual, conntrack(8)).
//! A line without a stamp of its own or of syslog is a fault: an event without a time proves nothing.

use super::scan::{cut, digits, endpoint_or_addr, find, number, port, proto, word};
use super::stamp::{self, Stamp};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Options, Step, Syslog, Verb, damaged, need, text};

/// Whether a line begins as conntrack writes it, with stamp or without.
pub(super) fn is_bare(line: &[u8]) -> bool {
    match line {
        [b'[', b'0'..=b'9', ..] => true,
        [b' ' | b'[', ..] => kind(line).is_some(),
        _ => false,
    }
}

pub(super) fn read<'a>(syslog: &Syslog<'a>, options: &Options<'_>, out: &mut Events<'a>) -> Step {
    let line = if is_bare(syslog.content) { syslog.content } else { syslog.msg };
    let (time, rest) = match line {
        [b'[', b'0'..=b'9', ..] => {
            match (stamped(line), find(line, b"[NEW]").or_else(|| find(line, b"[DESTROY]"))) {
                (Some((time, rest)), _) => (time, rest),
                (None, Some(_)) => return Err(Fault("time stamp")),
                // Something else in brackets, such as the kernel's own log.
                (None, None) => return damaged::signs(line),
            }
        }
        _ => {
            let Some((Some(_), _)) = kind(line) else { return Ok(()) };
            (need(syslog.time, "conntrack event without a time (run it with `-o timestamp`)")?, line)
        }
    };
    let Some((verb, rest)) = kind(rest) else { return damaged::signs(line) };
    let Some(verb) = verb else { return Ok(()) };
    let (name, rest) = word(rest);
    // `-o extended` puts the network layer first: `ipv4     2 tcp      6 …`.
    let (name, rest) = match name {
        b"ipv4" | b"ipv6" => word(word(rest).1),
        _ => (name, rest),
    };
    let protocol = need(proto(word(rest).0).or_else(|| proto(name)), "protocol")?;
    let (original, reply, tail) = tuples(rest)?;
    let inside = need(original.source(), "original source")?;
    let outside = need(reply.destination(), "reply destination")?;
    let far = need(original.destination(), "original destination")?;
    let far_outside = need(reply.source(), "reply source")?;
    if original.has_ports() != reply.has_ports() {
        return Err(Fault("the two tuples differ in kind"));
    }
    if matches!(protocol, 6 | 17 | 33 | 132 | 136) && !original.has_ports() {
        return Err(Fault("port"));
    }
    let mut nat = NatLine::new(Dialect::Conntrack, verb, inside, Some(time))
        .with_outside(outside)
        .with_destination(far, Some(far_outside));
    nat.proto = Some(protocol);
    nat.session = tail.id;
    nat.realm = tail.zone.map(text);
    if verb == Verb::SessionDelete {
        nat.start_us = tail.start.and_then(|s| s.settle(options.zone, options.near_us)).map(|s| s.us);
    }
    out.push(nat);
    Ok(())
}

/// `[seconds.microseconds]`, always six digits behind the point.
fn stamped(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (seconds, rest) = digits(line.strip_prefix(b"[")?, 12)?;
    let (micros, rest) = cut(rest.strip_prefix(b".")?, b']')?;
    if micros.len() != 6 {
        return None;
    }
    Some((Stamp::epoch(seconds, number(micros)?)?, rest))
}

/// The event in brackets: none inside for those that change no translation.
fn kind(line: &[u8]) -> Option<(Option<Verb>, &[u8])> {
    let s = line.trim_ascii_start();
    let s = s.strip_prefix(b"[")?;
    let (name, rest) =
        cut(s.get(..s.len().min(12))?, b']').map(|(name, _)| (name, s.get(name.len() + 1..)))?;
    let verb = match name {
        b"NEW" => Some(Verb::SessionCreate),
        b"DESTROY" => Some(Verb::SessionDelete),
        b"UPDATE" => None,
        _ => return None,
    };
    Some((verb, rest?))
}

/// One direction of a connection.
#[derive(Default)]
struct Tuple {
    src: Option<Endpoint>,
    dst: Option<Endpoint>,
    sport: Option<u16>,
    dport: Option<u16>,
    query: Option<u16>,
    icmp: bool,
}

impl Tuple {
    fn source(&self) -> Option<Endpoint> {
        Some(Endpoint { addr: self.src?.addr, port: self.sport.or(self.query) })
    }

    fn destination(&self) -> Option<Endpoint> {
        Some(Endpoint { addr: self.dst?.addr, port: self.dport })
    }

    fn has_ports(&self) -> bool {
        self.sport.is_some() && self.dport.is_some()
    }
}

/// What stands behind the tuples.
#[derive(Default)]
struct Tail<'a> {
    id: Option<u64>,
    zone: Option<&'a [u8]>,
    start: Option<stamp::Civil>,
}

fn tuples(mut rest: &[u8]) -> Result<(Tuple, Tuple, Tail<'_>), Fault> {
    let (mut original, mut reply, mut tail) = (Tuple::default(), Tuple::default(), Tail::default());
    let mut seen = 0u8;
    loop {
        let s = rest.trim_ascii_start();
        if s.is_empty() {
            break;
        }
        // `[start=Sat Nov 21 21:16:21 2026]` has blanks inside.
        if let Some(inner) = s.strip_prefix(b"[") {
            let (flag, behind) = need(cut(inner, b']'), "bracket")?;
            if let Some(at) = flag.strip_prefix(b"start=") {
                tail.start = Some(need(stamp::ctime(at), "start time")?);
            }
            rest = behind;
            continue;
        }
        let (item, behind) = word(s);
        rest = behind;
        let Some((key, value)) = cut(item, b'=') else {
            // Numbers and the state stand before the tuples only.
            if seen > 0 {
                return Err(Fault("unexpected word among the tuples"));
            }
            continue;
        };
        if key == b"src" {
            seen += 1;
            if seen > 2 {
                return Err(Fault("more than two tuples"));
            }
        }
        let tuple = if seen < 2 { &mut original } else { &mut reply };
        match key {
            b"src" => tuple.src = Some(need(endpoint_or_addr(value, b'#'), "source address")?),
            b"dst" => tuple.dst = Some(need(endpoint_or_addr(value, b'#'), "destination address")?),
            b"sport" => tuple.sport = Some(need(port(value), "source port")?),
            b"dport" => tuple.dport = Some(need(port(value), "destination port")?),
            b"type" => tuple.icmp = true,
            // The first `id` of an ICMP tuple is the query's; a later one is the connection's.
            b"id" if tuple.icmp && tuple.query.is_none() => {
                tuple.query = Some(need(port(value), "icmp identifier")?);
            }
            b"id" => tail.id = Some(need(number(value), "connection id")?),
            b"zone" | b"zone-orig" => tail.zone = Some(value),
            _ => {}
        }
    }
    // A query identifier is the port of the one who asked: in the reply that is the destination.
    if reply.icmp {
        reply.dport = reply.query.take();
    }
    if seen == 2 { Ok((original, reply, tail)) } else { Err(Fault("a tuple is missing")) }
}
