//! Juniper: RT_FLOW sessions and RT_NAT port blocks (SRX, MX with SPC3), ASP and JSERVICES lines of service PICs.
//!
//! Structured lines are `NAME [key="value" …]`; RFC 5424 puts the same into the structured data. Plain lines follow
//! "System Log Explorer" (RT_FLOW_SESSION_CREATE, RT_SRC_NAT_PBA_ALLOC). `epoch-time-64` is hexadecimal: of an
//! allocation and of its interim records it is the time of the allocation; of a release it was later than the
//! allocation in the lines seen, so it is taken for the time of the release, and only where the line has no other.
//! Service PICs write a second stamp without zone behind the header; it only settles the year of the first.

use super::scan::{
    Fields, addr, after, cut, cut_last, digits, endpoint, find, hex, number, port, port_range, proto, word,
};
use super::stamp::{self, Stamp};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Options, Step, Syslog, Verb, damaged, need, text};

pub(super) fn is(syslog: &Syslog<'_>) -> bool {
    name(syslog).is_some()
}

pub(super) fn read<'a>(syslog: &Syslog<'a>, options: &Options<'_>, out: &mut Events<'a>) -> Step {
    let Some((name, behind)) = name(syslog) else { return Ok(()) };
    let end = name.iter().position(|&b| matches!(b, b':' | b' ' | b'[')).unwrap_or(name.len());
    match name.get(..end).unwrap_or_default() {
        b"RT_FLOW_SESSION_CREATE" | b"RT_FLOW_SESSION_CREATE_LS" | b"RT_FLOW_SESSION_CREATE_USF" => {
            session(syslog, behind, Verb::SessionCreate, out)
        }
        b"RT_FLOW_SESSION_CLOSE" | b"RT_FLOW_SESSION_CLOSE_LS" | b"RT_FLOW_SESSION_CLOSE_USF" => {
            session(syslog, behind, Verb::SessionDelete, out)
        }
        b"RT_SRC_NAT_PBA_ALLOC" | b"RT_SRC_NAT_PBA_ALLOC_LS" => {
            block(syslog, behind, Verb::BlockAllocate, out)
        }
        b"RT_SRC_NAT_PBA_INTERIM" | b"RT_SRC_NAT_PBA_INTERIM_LS" => {
            block(syslog, behind, Verb::BlockInterim, out)
        }
        b"RT_SRC_NAT_PBA_RELEASE" | b"RT_SRC_NAT_PBA_RELEASE_LS" => {
            block(syslog, behind, Verb::BlockRelease, out)
        }
        b"ASP_NAT_PORT_BLOCK_ALLOC" | b"JSERVICES_NAT_PORT_BLOCK_ALLOC" => {
            pic_block(syslog, options, behind, Verb::BlockAllocate, out)
        }
        b"ASP_NAT_PORT_BLOCK_ACTIVE" | b"JSERVICES_NAT_PORT_BLOCK_ACTIVE" => {
            pic_block(syslog, options, behind, Verb::BlockInterim, out)
        }
        b"ASP_NAT_PORT_BLOCK_RELEASE" | b"JSERVICES_NAT_PORT_BLOCK_RELEASE" => {
            pic_block(syslog, options, behind, Verb::BlockRelease, out)
        }
        b"ASP_SFW_CREATE_ACCEPT_FLOW" => pic_flow(syslog, options, behind, Verb::SessionCreate, out),
        b"ASP_SFW_DELETE_FLOW" => pic_flow(syslog, options, behind, Verb::SessionDelete, out),
        b"JSERVICES_SESSION_OPEN" | b"JSERVICES_SESSION_CLOSE" => {
            Err(Fault("JSERVICES_SESSION is not read (log port blocks, or RT_FLOW)"))
        }
        // Nothing else is called so: the name is cut or damaged.
        name if BLOCKS.iter().any(|of_blocks| name.starts_with(of_blocks)) => Err(Fault("message name")),
        _ => damaged::signs(behind),
    }
}

/// The message's name, and what stands behind it (of RFC 5424, the structured data).
fn name<'a>(syslog: &Syslog<'a>) -> Option<(&'a [u8], &'a [u8])> {
    if let (Some(id), Some(sd)) = (syslog.msgid, syslog.structured)
        && id.starts_with(b"RT_")
    {
        return Some((id, sd));
    }
    let c = syslog.content;
    for mark in [&b"RT_FLOW_SESSION_C"[..], b"RT_SRC_NAT_PBA_", b"ASP_", b"JSERVICES_"] {
        if let Some(s) = find(c, mark).and_then(|at| c.get(at..)) {
            let end = s.iter().position(|&b| matches!(b, b':' | b' ' | b'[')).unwrap_or(s.len());
            return Some((s, s.get(end..)?));
        }
    }
    None
}

// ------------------------------------------------------------------------------------------------------- RT_FLOW

fn session<'a>(syslog: &Syslog<'a>, s: &'a [u8], verb: Verb, out: &mut Events<'a>) -> Step {
    let s = s.trim_ascii_start();
    if !s.starts_with(b"[") {
        return plain_session(syslog, s, verb, out);
    }
    let body = need(bracket(s), "closing bracket")?;
    let (mut source, mut far, mut nat_source, mut nat_far) = ([None; 2], [None; 2], [None; 2], [None; 2]);
    let (mut protocol, mut number_, mut lasted, mut user, mut vrf, mut system) =
        (None, None, None, None, None, None);
    for (key, value) in Fields::blanks(body) {
        let Some(value) = value else { continue };
        match key {
            b"source-address" => source[0] = Some(value),
            b"source-port" => source[1] = Some(value),
            b"destination-address" => far[0] = Some(value),
            b"destination-port" => far[1] = Some(value),
            b"nat-source-address" => nat_source[0] = Some(value),
            b"nat-source-port" => nat_source[1] = Some(value),
            b"nat-destination-address" => nat_far[0] = Some(value),
            b"nat-destination-port" => nat_far[1] = Some(value),
            b"protocol-id" => protocol = Some(need(proto(value), "protocol-id")?),
            b"session-id" | b"session-id-32" => number_ = Some(need(number(value), "session-id")?),
            b"elapsed-time" => lasted = Some(need(number(value), "elapsed-time")?),
            b"username" => user = named(value),
            b"src-vrf-grp" => vrf = named(value),
            b"logical-system-name" => system = named(value),
            _ => {}
        }
    }
    let both = |[a, p]: [Option<&[u8]>; 2], fault| {
        Ok(Endpoint { addr: need(a.and_then(addr), fault)?, port: Some(need(p.and_then(port), fault)?) })
    };
    let inside = both(source, "source")?;
    let (far, post) = (both(far, "destination")?, both(nat_far, "nat-destination")?);
    let mut nat = NatLine::new(Dialect::Juniper, verb, inside, syslog.time)
        .with_outside(both(nat_source, "nat-source")?)
        .with_destination(far, Some(post))
        .lasting(lasted.and_then(seconds));
    nat.proto = Some(need(protocol, "protocol-id")?);
    nat.session = number_;
    nat.user = user.map(text);
    nat.realm = vrf.or(system).map(text);
    out.push(nat);
    Ok(())
}

/// `session created A/P->B/P [0x0] service NA/P->NB/P [0x0] type rule type rule proto policy zone zone session …`;
/// `session closed REASON: A/P->B/P … session p(b) p(b) elapsed …`.
fn plain_session<'a>(syslog: &Syslog<'a>, s: &'a [u8], verb: Verb, out: &mut Events<'a>) -> Step {
    let s = s.strip_prefix(b":").unwrap_or(s);
    let (inside, far, s) = need(arrow(s), "addresses")?;
    let (outside, post, mut s) = need(arrow(s), "translated addresses")?;
    let mut nat = NatLine::new(Dialect::Juniper, verb, inside, syslog.time)
        .with_outside(outside)
        .with_destination(far, Some(post));
    let mut next = || {
        let (item, rest) = word(s);
        s = rest;
        item
    };
    // Rule types of two words: `source rule`, `destination rule`, `static rule`; else `N/A` or `None`.
    let mut item = next();
    if item.starts_with(b"0x") {
        item = next();
    }
    for _ in 0..2 {
        if matches!(item, b"source" | b"destination" | b"static") {
            next();
        }
        next();
        item = next();
    }
    nat.proto = Some(need(proto(item), "protocol")?);
    let (_policy, _from, _to) = (next(), next(), next());
    nat.session = Some(need(number(next()), "session number")?);
    let (up, down, lasted, behind) = (next(), next(), next(), next());
    if verb == Verb::SessionDelete && up.ends_with(b")") && down.ends_with(b")") && !behind.is_empty() {
        nat = nat.lasting(number(lasted).and_then(seconds));
    }
    out.push(nat);
    Ok(())
}

/// The next `A/P->B/P`, and the rest behind it.
fn arrow(s: &[u8]) -> Option<(Endpoint, Endpoint, &[u8])> {
    let mut s = s;
    loop {
        let (item, rest) = word(s);
        if item.is_empty() {
            return None;
        }
        if let Some(at) = find(item, b"->") {
            // A blank behind it, or the port may be cut.
            return match rest {
                [b' ', ..] => {
                    Some((endpoint(item.get(..at)?, b'/')?, endpoint(item.get(at + 2..)?, b'/')?, rest))
                }
                _ => None,
            };
        }
        s = rest;
    }
}

// ------------------------------------------------------------------------------------------- RT_SRC_NAT_PBA

fn block<'a>(syslog: &Syslog<'a>, s: &'a [u8], verb: Verb, out: &mut Events<'a>) -> Step {
    let s = s.trim_ascii_start();
    if !s.starts_with(b"[") {
        return plain_block(syslog, s, verb, out);
    }
    let body = need(bracket(s), "closing bracket")?;
    let (mut inside, mut outside, mut low, mut high, mut epoch, mut system) =
        (None, None, None, None, None, None);
    for (key, value) in Fields::blanks(body) {
        let Some(value) = value else { continue };
        match key {
            b"internal-ip" => inside = addr(value),
            b"reflexive-ip" => outside = addr(value),
            b"block-port-low" => low = port(value),
            b"block-port-high" => high = port(value),
            b"epoch-time-64" => epoch = Some(need(hex(value), "epoch-time-64")?),
            b"logical-system-name" => system = named(value),
            _ => {}
        }
    }
    let (low, high) = (need(low, "block-port-low")?, need(high, "block-port-high")?);
    let inside = Endpoint { addr: need(inside, "internal-ip")?, port: None };
    let outside = need(outside, "reflexive-ip")?;
    if low > high {
        return Err(Fault("port block"));
    }
    let mut nat = NatLine::new(Dialect::Juniper, verb, inside, syslog.time).with_block(outside, (low, high));
    nat.realm = system.map(text);
    out.push(at_epoch(nat, epoch)?);
    Ok(())
}

/// `: Subscriber A used/maximum [u/m] blocks, allocates port block [l-h] from O in source pool P lsys_id: N epoch 0x…`.
fn plain_block<'a>(syslog: &Syslog<'a>, s: &'a [u8], verb: Verb, out: &mut Events<'a>) -> Step {
    let inside = need(after(s, b"Subscriber ").and_then(|s| addr(word(s).0)), "subscriber")?;
    let s = need(after(s, b"port block ["), "port block")?;
    let (range, s) = need(cut(s, b']'), "port block")?;
    let (outside, s) = word(need(after(s, b"from "), "outside address")?);
    let s = need(s.strip_prefix(b" in source pool "), "source pool")?;
    let epoch = match after(s, b"epoch ") {
        Some(e) => Some(need(hex(word(e).0), "epoch")?),
        None => None,
    };
    let inside = Endpoint { addr: inside, port: None };
    let nat = NatLine::new(Dialect::Juniper, verb, inside, syslog.time)
        .with_block(need(addr(outside), "outside address")?, need(port_range(range), "port block")?);
    out.push(at_epoch(nat, epoch)?);
    Ok(())
}

fn at_epoch(mut nat: NatLine<'_>, epoch: Option<u64>) -> Result<NatLine<'_>, Fault> {
    let Some(epoch) = epoch else { return Ok(nat) };
    let mut at = need(Stamp::epoch(epoch, 0), "epoch")?;
    // More than a day between the two is no zone: one of the two clocks is wrong.
    at.doubtful = nat.time.is_some_and(|header| header.us.abs_diff(at.us) > 86_400_000_000);
    match nat.verb {
        Verb::BlockAllocate => (nat.time, nat.start_us) = (Some(at), Some(at.us)),
        Verb::BlockInterim => nat.start_us = Some(at.us),
        _ => nat.time = nat.time.or(Some(at)),
    }
    Ok(nat)
}

// ------------------------------------------------------------------------------------------------- service PICs

/// `: A -> O:low-high [0x…]`; the hexadecimal number, where there is one, is the time of the allocation. Of a release
/// it is left aside: what it means there was not seen on a device.
fn pic_block<'a>(
    syslog: &Syslog<'a>,
    options: &Options<'_>,
    s: &'a [u8],
    verb: Verb,
    out: &mut Events<'a>,
) -> Step {
    let (inside, s) = word(s.strip_prefix(b":").unwrap_or(s));
    let (arrow, s) = word(s);
    let (outside, tail) = word(s);
    if arrow != b"->" {
        return Err(Fault("arrow"));
    }
    let (outside, range) = need(cut_last(outside, b':'), "port block")?;
    let epoch = match word(tail) {
        (b"", _) => None,
        (e, rest) if e.starts_with(b"0x") && rest.trim_ascii().is_empty() => Some(need(hex(e), "epoch")?),
        _ => return Err(Fault("end of the message")),
    };
    let inside = Endpoint { addr: need(addr(inside), "inside address")?, port: None };
    let mut nat = NatLine::new(Dialect::Juniper, verb, inside, pic_time(syslog, options))
        .with_block(need(addr(outside), "outside address")?, need(port_range(range), "port block")?);
    if let std::net::IpAddr::V6(b4) = inside.addr {
        nat.softwire = Some(b4);
    }
    nat.realm = pic_instance(syslog).map(text);
    let epoch = epoch.filter(|_| verb != Verb::BlockRelease);
    out.push(at_epoch(nat, epoch)?);
    Ok(())
}

/// `: proto 17 (UDP) application: any, ifl:A:P -> B:P, … ; source address and port translate to O:P`.
fn pic_flow<'a>(
    syslog: &Syslog<'a>,
    options: &Options<'_>,
    s: &'a [u8],
    verb: Verb,
    out: &mut Events<'a>,
) -> Step {
    // Without this the line shows a flow, but no translation.
    let Some(outside) = after(s, b"source address and port translate to ") else { return Ok(()) };
    let outside = outside.split(|b| matches!(b, b' ' | b';' | b',')).next().unwrap_or_default();
    let post = after(s, b"destination address and port translate to ")
        .map(|p| p.split(|b| matches!(b, b' ' | b';' | b',')).next().unwrap_or_default());
    let (protocol, _) = digits(need(after(s, b"proto "), "protocol")?, 3).ok_or(Fault("protocol"))?;
    let (near, far) = need(find(s, b" -> ").map(|at| s.split_at(at)), "arrow")?;
    let near = cut_last(near, b' ').map_or(near, |(_, last)| last);
    let (_, near) = need(cut(near, b':'), "interface")?;
    let (far, _) = need(cut(far.get(4..).unwrap_or_default(), b','), "destination")?;
    let post = post.map(|p| need(endpoint(p, b':'), "translated destination")).transpose()?;
    let inside = need(endpoint(near, b':'), "source")?;
    let mut nat = NatLine::new(Dialect::Juniper, verb, inside, pic_time(syslog, options))
        .with_outside(need(endpoint(outside, b':'), "translated source")?)
        .with_destination(need(endpoint(far, b':'), "destination")?, post);
    nat.proto = Some(u8::try_from(protocol).map_err(|_| Fault("protocol"))?);
    nat.realm = pic_instance(syslog).map(text);
    out.push(nat);
    Ok(())
}

/// The service set: `… NAT444{nat444}[FWNAT]: ASP_…`.
fn pic_instance<'a>(syslog: &Syslog<'a>) -> Option<&'a [u8]> {
    let (head, _) = cut(syslog.content, b'{')?;
    let name = cut_last(head, b' ').map_or(head, |(_, last)| last);
    (!name.is_empty() && !name.contains(&b':')).then_some(name)
}

/// The header's time; the second stamp's year where the header has none, and the second stamp where there is no header.
fn pic_time(syslog: &Syslog<'_>, options: &Options<'_>) -> Option<Stamp> {
    let c = syslog.content;
    let inner = (0..c.len().min(120)).find_map(|at| match c.get(at..)? {
        s @ [b'1' | b'2', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] => stamp::iso(s),
        _ => None,
    });
    let inner = inner.and_then(|(civil, _)| civil.settle(options.zone, options.near_us));
    match (syslog.time, inner) {
        (Some(outer), Some(inner)) if stamp::without_year(outer.how) => Some(stamp::same_year(outer, inner)),
        (outer, inner) => outer.or(inner),
    }
}

/// Inside of `[ … ]`, without the id of an SD-ELEMENT; the bracket must be closed outside quotes.
fn bracket(s: &[u8]) -> Option<&[u8]> {
    let s = s.strip_prefix(b"[")?;
    let (mut quoted, mut escaped) = (false, false);
    for (i, &b) in s.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return s.get(..i),
            _ => {}
        }
    }
    None
}

fn named(value: &[u8]) -> Option<&[u8]> {
    (!matches!(value, b"" | b"N/A" | b"NA" | b"UNKNOWN" | b"0")).then_some(value)
}

fn seconds(n: u64) -> Option<i64> {
    i64::try_from(n).ok()?.checked_mul(1_000_000)
}

/// Beginnings of names that only sessions and port blocks have.
const BLOCKS: [&[u8]; 4] =
    [b"RT_FLOW_SESSION_C", b"RT_SRC_NAT_PBA_", b"ASP_NAT_PORT_BLOCK_", b"JSERVICES_NAT_PORT_BLOCK_"];
