//! 6WIND Turbo CG-NAT (`fp-cgnat`): connections and port blocks (vendor's guide, CG-NAT logging).
//!
//! `NEW CONN: fwd proto 6 in:p -> far:p, back proto 6 far:p --> out:p`; `USER in (matching rule n): NEW BLOCK (pool "x",
//! ip public out, proto 6, port low - high)`.

use super::scan::{addr, after, cut, cut_last, endpoint, find, port_range, proto, word};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Step, Syslog, Verb, damaged, need};

pub(super) fn is(syslog: &Syslog<'_>) -> bool {
    syslog.app == Some(b"fp-cgnat") || syslog.content.starts_with(b"fp-cgnat")
}

pub(super) fn read(syslog: &Syslog<'_>, out: &mut Events<'_>) -> Step {
    let s = syslog.msg;
    if let Some(s) = s.strip_prefix(b"USER ") {
        return block(syslog, s, out);
    }
    let verb = if s.starts_with(b"NEW CONN: ") {
        Verb::SessionCreate
    } else if s.starts_with(b"DESTROY CONN: ") {
        Verb::SessionDelete
    } else {
        return damaged::signs(s);
    };
    let s = need(after(s, b"fwd proto "), "forward tuple")?;
    let (forward, s) = need(cut(s, b','), "forward tuple")?;
    let back = need(s.strip_prefix(b" back proto "), "back tuple")?;
    let (protocol, inside, far) = tuple(forward)?;
    let (_, far_outside, outside) = tuple(back)?;
    let mut nat = NatLine::new(Dialect::Sixwind, verb, inside, syslog.time)
        .with_outside(outside)
        .with_destination(far, Some(far_outside));
    nat.proto = Some(protocol);
    out.push(nat);
    Ok(())
}

/// `6 a:p -> b:p`; the guide has `->` and `-->`.
fn tuple(s: &[u8]) -> Result<(u8, Endpoint, Endpoint), Fault> {
    let (protocol, s) = word(s);
    let (from, s) = word(s);
    let (arrow, s) = word(s);
    let (to, s) = word(s);
    if !matches!(arrow, b"->" | b"-->") || !s.trim_ascii().is_empty() {
        return Err(Fault("tuple"));
    }
    let end = |s, fault| need(endpoint(s, b':'), fault);
    Ok((need(proto(protocol), "protocol")?, end(from, "tuple source")?, end(to, "tuple destination")?))
}

fn block(syslog: &Syslog<'_>, s: &[u8], out: &mut Events<'_>) -> Step {
    let (inside, s) = word(s);
    let verb = if find(s, b": NEW BLOCK (").is_some() {
        Verb::BlockAllocate
    } else if find(s, b": DESTROY BLOCK (").is_some() {
        Verb::BlockRelease
    } else {
        return Ok(());
    };
    let s = need(after(s, b" BLOCK ("), "block")?;
    let (s, _) = need(cut_last(s, b')'), "closing bracket")?;
    let (mut outside, mut protocol, mut range) = (None, None, None);
    for item in s.split(|&b| b == b',') {
        let item = item.trim_ascii();
        if let Some(a) = item.strip_prefix(b"ip public ") {
            outside = addr(a);
        } else if let Some(p) = item.strip_prefix(b"proto ") {
            protocol = Some(need(proto(p), "protocol")?);
        } else if let Some(r) = item.strip_prefix(b"port ") {
            range = port_range(r);
        }
    }
    let inside = Endpoint { addr: need(addr(inside), "inside address")?, port: None };
    let mut nat = NatLine::new(Dialect::Sixwind, verb, inside, syslog.time)
        .with_block(need(outside, "public address")?, need(range, "port block")?);
    nat.proto = protocol;
    out.push(nat);
    Ok(())
}
