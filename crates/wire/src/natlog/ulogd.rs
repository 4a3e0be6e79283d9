//! ulogd2 with the NFCT input: the text of LOGEMU and SYSLOG, JSON, and GPRINT.
//!
//! `Nov 21 21:16:21 vm [NEW] ORIG: SRC=… DST=… PROTO=TCP SPT=… DPT=… PKTS=… BYTES=… , REPLY: SRC=… …`; JSON and GPRINT
//! have the keys of the plugin (`orig.l4.sport`, `reply.ip.daddr.str`, `ct.event`, `flow.end.sec`; JSON renames the
//! original addresses to `src_ip` and `dest_ip`). `ct.event` is 1 new, 2 update, 4 destroy. None of the outputs has
//! the identifier of ICMP queries. GPRINT's numeric `orig.ip.saddr` of IPv6 flows is cut to its first 32 bits by
//! ulogd2 (2.0.8), so that the `.str` keys are believed first and an IPv4 address in an IPv6 flow never.

use std::net::IpAddr;

use super::scan::{Fields, addr, cut, find, number, port, proto};
use super::stamp::{self, Stamp};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Options, Step, Syslog, Verb, damaged, need};

pub(super) fn is_json(s: &[u8]) -> bool {
    s.starts_with(b"{") && (find(s, b"\"orig.").is_some() || find(s, b"\"reply.ip.").is_some())
}

pub(super) fn is_gprint(s: &[u8]) -> bool {
    (s.starts_with(b"timestamp=") || s.starts_with(b"orig.ip.")) && find(s, b"orig.ip.").is_some()
}

pub(super) fn is_xml(s: &[u8]) -> bool {
    s.starts_with(b"<flow") && find(s, b"<meta direction=").is_some()
}

pub(super) fn read<'a>(syslog: &Syslog<'a>, options: &Options<'_>, out: &mut Events<'a>) -> Step {
    let s = syslog.content.trim_ascii_start();
    if is_xml(s) {
        return Err(Fault("conntrack XML is not read (use the text or JSON output)"));
    }
    if is_gprint(s) {
        let mut flow = Flow::default();
        for (key, value) in Fields::commas(s) {
            flow.take(key, value.unwrap_or_default())?;
        }
        // It stands behind all that is used but the addresses as text: without it the line is cut.
        need(flow.family, "`oob.family`")?;
        return flow.finish(syslog, options, out);
    }
    for s in [s, syslog.msg] {
        if s.starts_with(b"{") {
            let mut flow = Flow::default();
            json(s, &mut flow)?;
            return flow.finish(syslog, options, out);
        }
    }
    logemu(syslog, out)
}

// ------------------------------------------------------------------------------------------------------- LOGEMU

fn logemu(syslog: &Syslog<'_>, out: &mut Events<'_>) -> Step {
    let s = syslog.content;
    let Some(at) = find(s, b"ORIG: ") else { return Ok(()) };
    let head = s.get(..at).unwrap_or_default();
    let verb = if find(head, b"[NEW]").is_some() {
        Verb::SessionCreate
    } else if find(head, b"[DESTROY]").is_some() {
        Verb::SessionDelete
    } else {
        return damaged::signs(s);
    };
    let body = s.get(at + 6..).unwrap_or_default();
    let reply_at = need(find(body, b", REPLY: "), "reply tuple")?;
    let (original, reply) =
        (body.get(..reply_at).unwrap_or_default(), body.get(reply_at + 9..).unwrap_or_default());
    let (inside, far, protocol) = tuple(original)?;
    let (far_outside, outside, _) = tuple(reply)?;
    let mut nat = NatLine::new(Dialect::Ulogd, verb, inside, syslog.time)
        .with_outside(outside)
        .with_destination(far, Some(far_outside));
    nat.proto = Some(protocol);
    out.push(nat);
    Ok(())
}

/// `SRC=… DST=… PROTO=… [SPT=… DPT=…] PKTS=… BYTES=… `: the byte count is always there and ends with a blank.
fn tuple(s: &[u8]) -> Result<(Endpoint, Endpoint, u8), Fault> {
    let (mut src, mut dst, mut spt, mut dpt, mut protocol) = (None, None, None, None, None);
    let mut whole = false;
    for (key, value) in Fields::blanks(s) {
        let value = value.unwrap_or_default();
        match key {
            b"SRC" => src = Some(need(addr(value), "source address")?),
            b"DST" => dst = Some(need(addr(value), "destination address")?),
            b"PROTO" => protocol = Some(need(proto(value), "protocol")?),
            b"SPT" => spt = Some(need(port(value), "source port")?),
            b"DPT" => dpt = Some(need(port(value), "destination port")?),
            b"BYTES" => whole = number(value).is_some(),
            _ => {}
        }
    }
    let (src, dst) = (need(src, "source address")?, need(dst, "destination address")?);
    let protocol = need(protocol, "protocol")?;
    let portless = !matches!(protocol, 6 | 17 | 33 | 132 | 136);
    if !whole || (!portless && (spt.is_none() || dpt.is_none())) {
        return Err(Fault("tuple is not whole"));
    }
    Ok((Endpoint { addr: src, port: spt }, Endpoint { addr: dst, port: dpt }, protocol))
}

// ----------------------------------------------------------------------------------------------- keys and values

#[derive(Default)]
struct Flow<'a> {
    /// Original source and destination, reply source and destination: as text, and as the plugin's number.
    text: [Option<IpAddr>; 4],
    plain: [Option<IpAddr>; 4],
    /// Original source and destination port, reply source and destination port.
    ports: [Option<u16>; 4],
    protocol: Option<u8>,
    event: Option<u64>,
    family: Option<u64>,
    id: Option<u64>,
    start: (Option<u64>, Option<u64>),
    end: (Option<u64>, Option<u64>),
    timestamp: Option<&'a [u8]>,
}

impl<'a> Flow<'a> {
    fn take(&mut self, key: &[u8], value: &'a [u8]) -> Result<(), Fault> {
        let [os, od, rs, rd] = &mut self.text;
        let [pos, pod, prs, prd] = &mut self.plain;
        let [osp, odp, rsp, rdp] = &mut self.ports;
        let address = |v| need(addr(v), "address").map(Some);
        let port = |v| need(port(v), "port").map(Some);
        let count = |v| need(number(v), "number").map(Some);
        match key {
            b"src_ip" | b"orig.ip.saddr.str" => *os = address(value)?,
            b"dest_ip" | b"orig.ip.daddr.str" => *od = address(value)?,
            b"reply.ip.saddr.str" => *rs = address(value)?,
            b"reply.ip.daddr.str" => *rd = address(value)?,
            b"orig.ip.saddr" => *pos = addr(value),
            b"orig.ip.daddr" => *pod = addr(value),
            b"reply.ip.saddr" => *prs = addr(value),
            b"reply.ip.daddr" => *prd = addr(value),
            b"orig.l4.sport" | b"src_port" => *osp = port(value)?,
            b"orig.l4.dport" | b"dest_port" => *odp = port(value)?,
            b"reply.l4.sport" => *rsp = port(value)?,
            b"reply.l4.dport" => *rdp = port(value)?,
            b"orig.ip.protocol" => self.protocol = Some(need(proto(value), "protocol")?),
            b"ct.event" => self.event = count(value)?,
            b"ct.id" => self.id = count(value)?,
            b"oob.family" => self.family = count(value)?,
            b"flow.start.sec" => self.start.0 = count(value)?,
            b"flow.start.usec" => self.start.1 = count(value)?,
            b"flow.end.sec" => self.end.0 = count(value)?,
            b"flow.end.usec" => self.end.1 = count(value)?,
            b"timestamp" => self.timestamp = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn finish(self, syslog: &Syslog<'_>, options: &Options<'_>, out: &mut Events<'_>) -> Step {
        let event = match (self.event, self.end.0) {
            (Some(event), _) => event,
            (None, Some(_)) => DESTROY,
            (None, None) => return Err(Fault("`ct.event`")),
        };
        let verb = if event & DESTROY != 0 {
            Verb::SessionDelete
        } else if event & NEW != 0 {
            Verb::SessionCreate
        } else {
            return Ok(());
        };
        let address = |i: usize| {
            let text = self.text.get(i).copied().flatten();
            let plain = self.plain.get(i).copied().flatten();
            let found = text.or(plain)?;
            let v6 = self.family == Some(AF_INET6);
            (self.family.is_none() || v6 == found.is_ipv6()).then_some(found)
        };
        let port = |i: usize| self.ports.get(i).copied().flatten();
        let end = |i: usize, fault| Ok(Endpoint { addr: need(address(i), fault)?, port: port(i) });
        let (inside, far) = (end(0, "original source")?, end(1, "original destination")?);
        let (far_outside, outside) = (end(2, "reply source")?, end(3, "reply destination")?);
        let protocol = need(self.protocol, "protocol")?;
        let ports = (0..4).filter(|&i| port(i).is_some()).count();
        if ports != 4 && (ports != 0 || matches!(protocol, 6 | 17 | 33 | 132 | 136)) {
            return Err(Fault("port"));
        }
        let at = |(s, us): (Option<u64>, Option<u64>)| s.and_then(|s| Stamp::epoch(s, us.unwrap_or(0)));
        let (start, end) = (at(self.start), at(self.end));
        let by_text = || {
            let (civil, _) = stamp::iso(self.timestamp?)?;
            civil.settle(options.zone, options.near_us)
        };
        let time = if verb == Verb::SessionDelete { end } else { start };
        let time = time.or_else(by_text).or(syslog.time);
        let mut nat = NatLine::new(Dialect::Ulogd, verb, inside, time)
            .with_outside(outside)
            .with_destination(far, Some(far_outside));
        nat.proto = Some(protocol);
        nat.session = self.id;
        if verb == Verb::SessionDelete {
            nat.start_us = start.map(|s| s.us);
        }
        out.push(nat);
        Ok(())
    }
}

/// One flat object: text and number values go to the flow, other scalars are passed over.
fn json<'a>(s: &'a [u8], flow: &mut Flow<'a>) -> Result<(), Fault> {
    let mut rest = need(s.strip_prefix(b"{"), "object")?.trim_ascii_start();
    while !rest.starts_with(b"}") {
        let (key, behind) = need(string(rest), "key")?;
        let behind = need(behind.trim_ascii_start().strip_prefix(b":"), "value")?.trim_ascii_start();
        let behind = match string(behind) {
            Some((value, behind)) => {
                flow.take(key, value)?;
                behind
            }
            None if matches!(behind.first(), Some(b'{' | b'[')) => return Err(Fault("nested value")),
            None => {
                let end = need(behind.iter().position(|&b| b == b',' || b == b'}'), "end of the object")?;
                let (value, behind) = behind.split_at(end);
                flow.take(key, value.trim_ascii_end())?;
                behind
            }
        };
        let behind = behind.trim_ascii_start();
        rest = match behind.strip_prefix(b",") {
            Some(next) => next.trim_ascii_start(),
            None if behind.starts_with(b"}") => behind,
            None => return Err(Fault("end of the object")),
        };
    }
    Ok(())
}

/// A JSON string, escapes left as they are (no key or address has any).
fn string(s: &[u8]) -> Option<(&[u8], &[u8])> {
    let s = s.strip_prefix(b"\"")?;
    let (text, rest) = cut(s, b'"')?;
    if !text.contains(&b'\\') {
        return Some((text, rest));
    }
    let mut escaped = false;
    for (i, &b) in s.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some((s.get(..i)?, s.get(i + 1..)?)),
            _ => {}
        }
    }
    None
}

const NEW: u64 = 1;
const DESTROY: u64 = 4;
const AF_INET6: u64 = 10;
