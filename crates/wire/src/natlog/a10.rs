//! A10 Thunder: CEF and the ASCII forms.
//!
//! CEF classes: CGN 100/101 port allocated/freed, 102/103 session created/deleted, 106/107 port batch allocated/freed
//! (`cn3` is the last port). ASCII: `NAT-UDP-C: in:p -> out:p`, `NAT-TCP-C: in:p<-->out:p to far:p`, `NAT-TCP-C:
//! in:p<->far:p, a:p<-->b:p` (of the last two, one is the far end and the other the outside), `FIXED-NAT-PORTS
//! in->out:low-high`. The partition stands behind the host name (`host/partition`) and is the realm.

use super::scan::{Fields, addr, after, cut, cut_last, endpoint, find, port, port_range, proto, word};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Step, Syslog, Verb, need, text};

pub(super) fn is_cef(s: &[u8]) -> bool {
    s.starts_with(b"CEF:0|A10|")
}

pub(super) fn is(s: &[u8]) -> bool {
    find(s, b"CEF:0|A10|").is_some() || ascii(s).is_some() || find(s, FIXED).is_some()
}

pub(super) fn read<'a>(syslog: &Syslog<'a>, out: &mut Events<'a>) -> Step {
    let c = syslog.content;
    let before = out.len();
    let done = if let Some(s) = after(c, b"CEF:0|A10|") {
        cef(syslog, s, out)
    } else if let Some(s) = after(c, FIXED) {
        fixed(syslog, s, out)
    } else if let Some((protocol, s)) = ascii(c) {
        mapping(syslog, protocol, s, out)
    } else {
        Ok(())
    };
    if before == 0
        && let Some(nat) = &mut out.first
    {
        nat.realm = syslog.host.and_then(|h| cut(h, b'/')).map(|(_, partition)| text(partition));
    }
    done
}

/// Behind `CEF:0|A10|`: product, version, class, name, severity, extension.
fn cef<'a>(syslog: &Syslog<'a>, s: &'a [u8], out: &mut Events<'a>) -> Step {
    let mut parts = s.splitn(6, |&b| b == b'|').skip(2);
    let class = parts.next().unwrap_or_default();
    let extension = need(parts.nth(2), "extension")?;
    let verb = match class {
        b"CGN 100" | b"CGN 102" => Verb::SessionCreate,
        b"CGN 101" | b"CGN 103" => Verb::SessionDelete,
        b"CGN 106" => Verb::BlockAllocate,
        b"CGN 107" => Verb::BlockRelease,
        _ if find(extension, b"sourceTranslatedAddress=").is_some() => return Err(Fault("event class")),
        _ => return Ok(()),
    };
    let (mut protocol, mut last) = (None, None);
    let (mut source, mut far, mut outside, mut post) = ([None; 2], [None; 2], [None; 2], [None; 2]);
    for (key, value) in Fields::blanks(extension) {
        let Some(value) = value else { continue };
        match key {
            b"proto" => protocol = Some(need(proto(value), "proto")?),
            b"src" => source[0] = Some(value),
            b"spt" => source[1] = Some(value),
            b"dst" => far[0] = Some(value),
            b"dpt" => far[1] = Some(value),
            b"sourceTranslatedAddress" => outside[0] = Some(value),
            b"sourceTranslatedPort" => outside[1] = Some(value),
            b"destinationTranslatedAddress" => post[0] = Some(value),
            b"destinationTranslatedPort" => post[1] = Some(value),
            b"cn3" => last = Some(need(port(value), "cn3")?),
            _ => {}
        }
    }
    let end = |[a, p]: [Option<&[u8]>; 2], fault| {
        let p = p.map(|p| need(port(p), fault)).transpose()?;
        a.map(|a| Ok(Endpoint { addr: need(addr(a), fault)?, port: p })).transpose()
    };
    let inside = need(end(source, "src")?, "src")?;
    let outside = need(end(outside, "sourceTranslatedAddress")?, "sourceTranslatedAddress")?;
    let mut nat = NatLine::new(Dialect::A10, verb, inside, syslog.time);
    let low = need(outside.port, "sourceTranslatedPort")?;
    if matches!(verb, Verb::BlockAllocate | Verb::BlockRelease) {
        let high = need(last.filter(|&high| low <= high), "cn3")?;
        nat = nat.with_block(outside.addr, (low, high));
    } else {
        need(inside.port, "spt")?;
        nat = nat.with_outside(outside);
    }
    if let Some(far) = end(far, "dst")? {
        let post = end(post, "destinationTranslatedAddress")?;
        // Address and port are written together: one without the other is a cut line.
        if far.port.is_none() || post.is_some_and(|p| p.port.is_none()) {
            return Err(Fault("destination port"));
        }
        nat = nat.with_destination(far, post);
    }
    nat.proto = protocol;
    out.push(nat);
    Ok(())
}

/// `NAT-PROTO-VERB: …`: protocol and verb, and the rest.
fn ascii(c: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = find(c, b"NAT-")?;
    if at > 0 && c.get(at - 1) != Some(&b' ') {
        return None;
    }
    let (name, rest) = cut(c.get(at + 4..)?, b':')?;
    (name.len() <= 16 && name.contains(&b'-') && !name.contains(&b' ')).then_some((name, rest))
}

fn mapping<'a>(syslog: &Syslog<'a>, name: &[u8], s: &'a [u8], out: &mut Events<'a>) -> Step {
    let (protocol, verb) = need(cut_last(name, b'-'), "event name")?;
    let verb = match verb {
        b"C" => Verb::SessionCreate,
        b"D" => Verb::SessionDelete,
        b"U" => return Ok(()),
        _ => return Err(Fault("event name")),
    };
    let protocol = need(proto(protocol), "protocol")?;
    let s = s.trim_ascii();
    let split = |s: &'a [u8], mark: &[u8]| find(s, mark).map(|at| (s.get(..at), s.get(at + mark.len()..)));
    let side = |s: Option<&[u8]>, fault| need(s.and_then(|s| endpoint(s.trim_ascii(), b':')), fault);
    let (inside, outside, far) = if let Some((pair, rest)) = split(s, b",") {
        let (near, far) = need(pair.and_then(|p| split(p, b"<->")), "addresses")?;
        let (one, other) = need(rest.and_then(|r| split(r, b"<-->")), "translated addresses")?;
        let (near, far) = (side(near, "source")?, side(far, "destination")?);
        let (one, other) = (side(one, "translated address")?, side(other, "translated address")?);
        let outside = match (one == far, other == far) {
            (true, false) => other,
            (false, true) => one,
            _ => return Err(Fault("which address is the outside one")),
        };
        (near, outside, Some(far))
    } else if let Some((near, rest)) = split(s, b"<-->") {
        let (outside, far) = need(rest.and_then(|r| split(r, b" to ")), "destination")?;
        (side(near, "source")?, side(outside, "outside")?, Some(side(far, "destination")?))
    } else {
        let (near, outside) = need(split(s, b"->"), "arrow")?;
        (side(near, "source")?, side(outside, "outside")?, None)
    };
    let mut nat = NatLine::new(Dialect::A10, verb, inside, syslog.time).with_outside(outside);
    nat.destination = far;
    nat.proto = Some(protocol);
    out.push(nat);
    Ok(())
}

fn fixed<'a>(syslog: &Syslog<'a>, s: &'a [u8], out: &mut Events<'a>) -> Step {
    let (pair, tail) = word(s);
    let at = need(find(pair, b"->"), "arrow")?;
    let (inside, outside) = (pair.get(..at).unwrap_or_default(), pair.get(at + 2..).unwrap_or_default());
    let (outside, range) = need(cut_last(outside, b':'), "port block")?;
    if !tail.trim_ascii().is_empty() {
        return Err(Fault("end of the message"));
    }
    let inside = Endpoint { addr: need(addr(inside), "inside address")?, port: None };
    out.push(
        NatLine::new(Dialect::A10, Verb::BlockAllocate, inside, syslog.time)
            .with_block(need(addr(outside), "outside address")?, need(port_range(range), "port block")?),
    );
    Ok(())
}

const FIXED: &[u8] = b"FIXED-NAT-PORTS";
