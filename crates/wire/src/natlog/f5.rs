//! F5 BIG-IP CGNAT (`LSN_…`).
//!
//! Sessions: `LSN_ADD in%rd:p proto out%rd:p far p`, also with `LSN_DELETE` and the inbound forms. Port blocks:
//! `"LSN_PB_ALLOCATED""in%rd""out%rd: low-high"`, with quotes or blanks between the fields. Neither was seen on a
//! device; a line of another layout is a fault. The route domain behind `%` is the realm.

use super::scan::{addr, cut, endpoint_or_addr, find, number, port, port_range, proto};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Step, Syslog, Verb, need, text};

pub(super) fn is(s: &[u8]) -> bool {
    find(s, b"LSN_").is_some_and(|at| at == 0 || s.get(at - 1).is_some_and(|b| matches!(b, b' ' | b'"')))
}

pub(super) fn read<'a>(syslog: &Syslog<'a>, out: &mut Events<'a>) -> Step {
    let Some(at) = find(syslog.content, b"LSN_") else { return Ok(()) };
    let s = syslog.content.get(at..).unwrap_or_default();
    let mut fields = s.split(|b| matches!(b, b' ' | b'"' | b',')).filter(|f| !f.is_empty());
    let verb = match fields.next().unwrap_or_default() {
        b"LSN_ADD" | b"LSN_INBOUND_ADD" => Verb::SessionCreate,
        b"LSN_DELETE" | b"LSN_INBOUND_DELETE" => Verb::SessionDelete,
        b"LSN_PB_ALLOCATED" => Verb::BlockAllocate,
        b"LSN_PB_RELEASED" => Verb::BlockRelease,
        _ => return Ok(()),
    };
    let (inside, realm) = need(routed(fields.next().unwrap_or_default()), "client")?;
    let mut nat = NatLine::new(Dialect::F5, verb, inside, syslog.time);
    if matches!(verb, Verb::BlockAllocate | Verb::BlockRelease) {
        let outside = fields.next().unwrap_or_default();
        // `out%rd: low-high`, or without the blank.
        let (outside, range) = match outside.strip_suffix(b":") {
            Some(outside) => (outside, fields.next().unwrap_or_default()),
            None => need(super::scan::cut_last(outside, b':'), "port block")?,
        };
        let (outside, _) = need(routed(outside), "translation address")?;
        nat = nat.with_block(outside.addr, need(port_range(range), "port block")?);
    } else {
        nat.proto = Some(need(fields.next().and_then(proto), "protocol")?);
        let (outside, _) = need(fields.next().and_then(routed), "translation address")?;
        if inside.port.is_none() || outside.port.is_none() {
            return Err(Fault("port"));
        }
        nat = nat.with_outside(outside);
        let far = need(fields.next().and_then(routed), "destination")?.0;
        let far_port = need(fields.next().and_then(port), "destination port")?;
        nat.destination = Some(Endpoint { addr: far.addr, port: Some(far_port) });
    }
    if fields.next().is_some() {
        return Err(Fault("end of the message"));
    }
    nat.realm = realm.filter(|r| *r != b"0").map(text);
    out.push(nat);
    Ok(())
}

/// `address[%route-domain][:port]`.
fn routed(s: &[u8]) -> Option<(Endpoint, Option<&[u8]>)> {
    let Some((a, rest)) = cut(s, b'%') else { return Some((endpoint_or_addr(s, b':')?, None)) };
    let (domain, port_) = match cut(rest, b':') {
        Some((domain, p)) => (domain, Some(port(p)?)),
        None => (rest, None),
    };
    number(domain)?;
    Some((Endpoint { addr: addr(a)?, port: port_ }, Some(domain)))
}
