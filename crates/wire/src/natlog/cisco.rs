//! Cisco: ASA `%ASA-6-30xxxx`, IOS `%IPNAT-6`, IOS XR carrier-grade NAT (CGv6).
//!
//! ASA messages: "Cisco Secure Firewall ASA Series Syslog Messages", the numbers below. IOS: `ip nat log translations
//! syslog`, inside local, inside global, outside local, outside global. CGv6: "Cisco IOS XR Carrier Grade NAT
//! Configuration Guide", Syslog Message Format. IOS XE high-speed logging is NetFlow and no text.

use super::scan::{
    addr, after, cut, cut_last, digits, endpoint, endpoint_or_addr, find, number, port, port_range, proto,
    word,
};
use super::stamp::duration;
use super::{Dialect, Endpoint, Events, Fault, NatLine, Ports, Step, Syslog, Verb, damaged, need, text};

// ---------------------------------------------------------------------------------------------------------- ASA

pub(super) fn asa<'a>(syslog: &Syslog<'a>, out: &mut Events<'a>) -> Step {
    let Some(at) = find(syslog.content, b"%") else { return Ok(()) };
    let s = syslog.content.get(at + 5..).unwrap_or_default();
    let head = digits(s, 1).and_then(|(_, s)| digits(s.strip_prefix(b"-")?, 6));
    let Some((id, s)) = head.and_then(|(id, s)| Some((id, s.strip_prefix(b": ")?))) else {
        return damaged::signs(s);
    };
    match id {
        305_009..=305_012 => asa_translation(syslog, s, out),
        305_014 => asa_block(syslog, s, Verb::BlockAllocate, out),
        305_015 => asa_block(syslog, s, Verb::BlockRelease, out),
        305_017 => asa_block(syslog, s, Verb::BlockInterim, out),
        302_013 | 302_015 => asa_built(syslog, s, out),
        302_014 | 302_016 => asa_teardown(syslog, s, out),
        302_020 | 302_021 => asa_icmp(syslog, s, out),
        305_018 => Err(Fault("MAP translation (305018) is not read")),
        _ => damaged::signs(s),
    }
}

/// `Built dynamic TCP translation from inside[(acl)]:A/P[(user)] to outside[(acl)]:A/P` (305011, 305012), and the same
/// without protocol and port (305009, 305010); a teardown ends in `duration h:mm:ss`.
fn asa_translation<'a>(syslog: &Syslog<'a>, s: &'a [u8], out: &mut Events<'a>) -> Step {
    let (what, s) = word(s);
    let end = match what {
        b"Built" => false,
        b"Teardown" => true,
        _ => return Err(Fault("neither built nor torn down")),
    };
    let (head, s) = need(find(s, b"translation from ").map(|at| s.split_at(at)), "`translation from`")?;
    let protocol = word(word(head).1).0;
    let protocol = if protocol.is_empty() { None } else { Some(need(proto(protocol), "protocol")?) };
    let s = s.get(b"translation from ".len()..).unwrap_or_default();
    let (real, s) = need(find(s, b" to ").map(|at| s.split_at(at)), "`to`")?;
    let s = s.get(4..).unwrap_or_default();
    let (mapped, tail) = word(s);
    let (inside, user) = need(asa_side(real), "real address")?;
    let (outside, _) = need(asa_side(mapped), "mapped address")?;
    if protocol.is_some() != inside.port.is_some() || inside.port.is_some() != outside.port.is_some() {
        return Err(Fault("port"));
    }
    let lasted = match (end, tail.trim_ascii()) {
        (false, b"") => None,
        (true, tail) => Some(need(tail.strip_prefix(b"duration ").and_then(duration), "duration")?),
        _ => return Err(Fault("end of the message")),
    };
    let verb = match (protocol, end) {
        (Some(_), false) => Verb::SessionCreate,
        (Some(_), true) => Verb::SessionDelete,
        (None, false) => Verb::AddressBind,
        (None, true) => Verb::AddressUnbind,
    };
    let mut nat =
        NatLine::new(Dialect::CiscoAsa, verb, inside, syslog.time).with_outside(outside).lasting(lasted);
    nat.proto = protocol;
    nat.user = user.map(text);
    out.push(nat);
    Ok(())
}

/// `Allocated 512 block of ports for translation from inside:A to outside:A/low-high` (305014, 305015, 305017).
fn asa_block<'a>(syslog: &Syslog<'a>, s: &'a [u8], verb: Verb, out: &mut Events<'a>) -> Step {
    let s = need(after(s, b"translation from "), "`translation from`")?;
    let (real, s) = need(find(s, b" to ").map(|at| s.split_at(at)), "`to`")?;
    let mapped = s.get(4..).unwrap_or_default().trim_ascii();
    let mapped = mapped.strip_suffix(b".").unwrap_or(mapped);
    let (inside, user) = need(asa_side(real), "real address")?;
    let (outside, ports) = need(cut_last(mapped, b'/'), "port block")?;
    let (outside, _) = need(asa_side(outside), "mapped address")?;
    let block = need(port_range(ports), "port block")?;
    let mut nat = NatLine::new(Dialect::CiscoAsa, verb, inside, syslog.time).with_block(outside.addr, block);
    nat.user = user.map(text);
    out.push(nat);
    Ok(())
}

/// `Built outbound TCP connection N for outside:A/P (M/P) to inside:A/P (M/P) [(user)]` (302013, 302015). The far end
/// comes first whichever side began (message reference, 302013).
fn asa_built<'a>(syslog: &Syslog<'a>, s: &'a [u8], out: &mut Events<'a>) -> Step {
    let (protocol, session, s) = asa_connection(s)?;
    let (far, s) = need(asa_pair(s), "foreign address")?;
    let s = need(s.trim_ascii_start().strip_prefix(b"to "), "`to`")?;
    let (near, s) = need(asa_pair(s), "local address")?;
    let mut nat = NatLine::new(Dialect::CiscoAsa, Verb::SessionCreate, near.real, syslog.time)
        .with_outside(near.mapped)
        .with_destination(far.mapped, Some(far.real));
    nat.proto = Some(protocol);
    nat.session = Some(session);
    nat.user = last_parenthesis(s).or(near.user).map(text);
    out.push(nat);
    Ok(())
}

/// `Teardown TCP connection N for outside:A/P to inside:A/P duration h:mm:ss bytes N …` (302014, 302016): no mapped
/// address; the session number leads back to the opening line.
fn asa_teardown<'a>(syslog: &Syslog<'a>, s: &'a [u8], out: &mut Events<'a>) -> Step {
    let (protocol, session, s) = asa_connection(s)?;
    let (far, s) = need(find(s, b" to ").map(|at| s.split_at(at)), "`to`")?;
    let s = s.get(4..).unwrap_or_default();
    let (near, s) = need(find(s, b" duration ").map(|at| s.split_at(at)), "`duration`")?;
    let (lasted, s) = word(s.get(10..).unwrap_or_default());
    // The byte count always follows, so that a cut duration is seen.
    if !s.trim_ascii_start().starts_with(b"bytes ") {
        return Err(Fault("`bytes`"));
    }
    let (far, _) = need(asa_side(far), "foreign address")?;
    let (near, user) = need(asa_side(near), "local address")?;
    let lasted = need(duration(lasted), "duration")?;
    let mut nat = NatLine::new(Dialect::CiscoAsa, Verb::SessionDelete, near, syslog.time)
        .with_destination(far, None)
        .lasting(Some(lasted));
    nat.proto = Some(protocol);
    nat.session = Some(session);
    nat.user = user.map(text);
    out.push(nat);
    Ok(())
}

/// `Built outbound ICMP connection for faddr A/N [(user)] gaddr A/N laddr A/N [(user)] type T code C` (302020, 302021).
fn asa_icmp<'a>(syslog: &Syslog<'a>, s: &'a [u8], out: &mut Events<'a>) -> Step {
    let verb = if s.starts_with(b"Built ") { Verb::SessionCreate } else { Verb::SessionDelete };
    let side = |label: &[u8], fault| {
        let (a, _) = word(need(after(s, label), fault)?);
        let a = a.split(|&b| b == b'(').next().unwrap_or_default();
        need(endpoint(a, b'/'), fault)
    };
    let (far, outside, inside) =
        (side(b"faddr ", "faddr")?, side(b"gaddr ", "gaddr")?, side(b"laddr ", "laddr")?);
    // The identifier stands on the side that asked, 0 on the other.
    let query = |e: Endpoint| Endpoint { port: e.port.filter(|&p| p != 0), ..e };
    if find(s, b" laddr ").and_then(|at| s.get(at + 7..)).is_none_or(|t| !t.contains(&b' ')) {
        return Err(Fault("laddr"));
    }
    let mut nat = NatLine::new(Dialect::CiscoAsa, verb, query(inside), syslog.time)
        .with_outside(query(outside))
        .with_destination(Endpoint { port: None, ..far }, None);
    nat.proto = Some(if far.addr.is_ipv6() { 58 } else { 1 });
    out.push(nat);
    Ok(())
}

/// `Built outbound TCP connection 1906206 for `.
fn asa_connection(s: &[u8]) -> Result<(u8, u64, &[u8]), Fault> {
    let at = need(find(s, b" connection "), "`connection`")?;
    let (head, s) = s.split_at(at);
    let protocol = cut_last(head, b' ').map_or(head, |(_, last)| last);
    let protocol = need(proto(protocol), "protocol")?;
    let (session, s) = word(s.get(12..).unwrap_or_default());
    let s = need(s.trim_ascii_start().strip_prefix(b"for "), "`for`")?;
    Ok((protocol, need(number(session), "connection number")?, s))
}

struct Pair<'a> {
    real: Endpoint,
    mapped: Endpoint,
    user: Option<&'a [u8]>,
}

/// `interface:A/P (M/P)[(user)]`.
fn asa_pair(s: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let (real, rest) = cut(s, b'(')?;
    // The real side may have an idfw user in parentheses of its own, directly behind the port.
    let (real, rest, idfw) = if real.ends_with(b" ") {
        (real, rest, None)
    } else {
        let (user, rest) = cut(rest, b')')?;
        (real, rest.trim_ascii_start().strip_prefix(b"(")?, Some(user))
    };
    let (mapped, rest) = cut(rest, b')')?;
    let (real, _) = asa_side(real)?;
    Some((Pair { real, mapped: endpoint(mapped, b'/')?, user: idfw }, rest))
}

/// `interface[(acl)]:A[/P][(user)]`; an interface name has no colon, an IPv6 address has.
fn asa_side(s: &[u8]) -> Option<(Endpoint, Option<&[u8]>)> {
    let (_, s) = cut(s.trim_ascii(), b':')?;
    let (s, user) = match s.strip_suffix(b")").and_then(|inner| cut(inner, b'(')) {
        Some((s, user)) => (s.trim_ascii_end(), Some(user)),
        None => (s, None),
    };
    Some((endpoint_or_addr(s, b'/')?, user))
}

fn last_parenthesis(s: &[u8]) -> Option<&[u8]> {
    cut_last(s.trim_ascii_end().strip_suffix(b")")?, b'(')
        .map(|(_, user)| user)
        .filter(|user| !user.is_empty())
}

// ---------------------------------------------------------------------------------------------------------- IOS

/// `%IPNAT-6-NAT_CREATED: Created tcp IL:P IG:P OL:P OG:P`, and `%IPNAT-6-CREATED: [Created ][Translation ]tcp …`.
pub(super) fn ios<'a>(syslog: &Syslog<'a>, out: &mut Events<'a>) -> Step {
    let Some(s) = after(syslog.content, b"%IPNAT-") else { return Ok(()) };
    let Some((mnemonic, mut s)) = cut(s, b':') else { return Err(Fault("mnemonic")) };
    let verb = if mnemonic.ends_with(b"CREATED") {
        Verb::SessionCreate
    } else if mnemonic.ends_with(b"DELETED") {
        Verb::SessionDelete
    } else if [&b" Created "[..], b" Deleted "].iter().any(|word| s.starts_with(word)) {
        return Err(Fault("mnemonic"));
    } else {
        return Ok(());
    };
    let protocol = loop {
        let (item, rest) = word(s);
        s = rest;
        match item {
            b"Created" | b"Deleted" | b"Translation" | b"translation" => {}
            _ => break need(proto(item), "protocol")?,
        }
    };
    let mut ends = [None; 4];
    for end in &mut ends {
        let (item, rest) = word(s);
        s = rest;
        *end = Some(need(endpoint(item, b':'), "translation has not four addresses with ports")?);
    }
    let [Some(inside), Some(outside), Some(far), Some(far_outside)] = ends else {
        return Err(Fault("translation has not four addresses with ports"));
    };
    if !s.trim_ascii().is_empty() {
        return Err(Fault("end of the message"));
    }
    let mut nat = NatLine::new(Dialect::CiscoIos, verb, inside, syslog.time)
        .with_outside(outside)
        .with_destination(far, Some(far_outside));
    nat.proto = Some(protocol);
    out.push(nat);
    Ok(())
}

// ------------------------------------------------------------------------------------------------------ IOS XR

pub(super) fn is_cgv6(s: &[u8]) -> bool {
    [&b"[Userbased"[..], b"[Sessionbased", b"[Portblockrunout"].iter().any(|name| s.starts_with(name))
}

/// `[EventName L4 SourceIP VRF SourceIPv6 TranslatedIP SourcePort FirstPort LastPort DestinationIP DestinationPort]`,
/// `-` where a field does not apply; several in one message.
pub(super) fn cgv6<'a>(syslog: &Syslog<'a>, out: &mut Events<'a>) -> Step {
    let mut rest = syslog.msg.trim_ascii();
    let mut fault = None;
    while let Some(inner) = rest.strip_prefix(b"[") {
        let Some((record, behind)) = cut(inner, b']') else { return Err(Fault("record is not closed")) };
        rest = behind.trim_ascii_start();
        // One bad record does not lose its neighbours.
        if let Err(f) = cgv6_record(syslog, record, out) {
            fault = Some(f);
        }
    }
    if !rest.is_empty() {
        fault = fault.or(Some(Fault("end of the message")));
    }
    fault.map_or(Ok(()), Err)
}

fn cgv6_record<'a>(syslog: &Syslog<'a>, record: &'a [u8], out: &mut Events<'a>) -> Step {
    let mut fields = [&b""[..]; 11];
    let mut s = record;
    for field in &mut fields {
        (*field, s) = word(s);
    }
    let [event, l4, source, vrf, source6, translated, source_port, first, last, to, to_port] = fields;
    let verb = match event {
        b"UserbasedA" => Verb::BlockAllocate,
        b"UserbasedW" => Verb::BlockRelease,
        b"SessionbasedA" | b"SessionbasedAD" => Verb::SessionCreate,
        b"SessionbasedW" | b"SessionbasedWD" => Verb::SessionDelete,
        b"Portblockrunout" => return Ok(()),
        _ => return Err(Fault("event name")),
    };
    if to_port.is_empty() || !s.trim_ascii().is_empty() {
        return Err(Fault("record has not eleven fields"));
    }
    let given = |s: &'a [u8]| (s != b"-").then_some(s);
    let address = |s, fault| given(s).map(|s| need(addr(s), fault)).transpose();
    let port_of = |s, fault| given(s).map(|s| need(port(s), fault)).transpose();
    let softwire = address(source6, "original IPv6 source")?;
    let inside = need(address(source, "original source")?.or(softwire), "original source")?;
    let outside = need(address(translated, "translated source")?, "translated source")?;
    let low = need(port_of(first, "first port")?, "first port")?;
    let high = port_of(last, "last port")?.unwrap_or(low);
    let inside = Endpoint { addr: inside, port: port_of(source_port, "original port")? };
    let mut nat = NatLine::new(Dialect::CiscoCgv6, verb, inside, syslog.time);
    nat.outside = Some(outside);
    nat.outside_ports = match verb {
        Verb::BlockAllocate | Verb::BlockRelease if low <= high => Ports::Block { low, high },
        Verb::SessionCreate | Verb::SessionDelete if low == high => Ports::One(low),
        _ => return Err(Fault("port range")),
    };
    if let Some(addr) = address(to, "destination")? {
        nat.destination = Some(Endpoint { addr, port: port_of(to_port, "destination port")? });
    }
    nat.proto = given(l4).map(|s| need(proto(s), "protocol")).transpose()?;
    nat.realm = given(vrf).map(text);
    nat.softwire = match softwire {
        Some(std::net::IpAddr::V6(a)) => Some(a),
        _ => None,
    };
    out.push(nat);
    Ok(())
}
