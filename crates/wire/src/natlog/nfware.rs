//! NFWare vCGNAT: `A VRF v [proto] INT a[:p] EXT a[:p | :low-high] [DST a:p DIR OUT|IN]`, `A` added, `D` deleted
//! (vendor's guide, "Logging").

use super::scan::{addr, cut, endpoint, number, port_range, proto, word};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Step, Syslog, Verb, need, text};

pub(super) fn is(s: &[u8]) -> bool {
    s.starts_with(b"A VRF ") || s.starts_with(b"D VRF ")
}

pub(super) fn read<'a>(syslog: &Syslog<'a>, out: &mut Events<'a>) -> Step {
    let s = if is(syslog.content) { syslog.content } else { syslog.msg };
    let added = s.starts_with(b"A");
    let Some(s) = s.strip_prefix(b"A VRF ").or_else(|| s.strip_prefix(b"D VRF ")) else { return Ok(()) };
    let (vrf, s) = word(s);
    need(number(vrf), "VRF")?;
    let (item, rest) = word(s);
    let (protocol, s) = if item == b"INT" { (None, s) } else { (Some(need(proto(item), "protocol")?), rest) };
    let (inside, s) = labelled(s, b"INT")?;
    let (outside, s) = labelled(s, b"EXT")?;
    let verb = |create, delete| if added { create } else { delete };
    let mut nat = if let Some(protocol) = protocol {
        let inside = need(endpoint(inside, b':'), "inside")?;
        let mut nat = NatLine::new(
            Dialect::Nfware,
            verb(Verb::SessionCreate, Verb::SessionDelete),
            inside,
            syslog.time,
        )
        .with_outside(need(endpoint(outside, b':'), "outside")?);
        nat.proto = Some(protocol);
        nat
    } else {
        let inside = Endpoint { addr: need(addr(inside), "inside")?, port: None };
        match addr(outside) {
            Some(outside) => NatLine::new(
                Dialect::Nfware,
                verb(Verb::AddressBind, Verb::AddressUnbind),
                inside,
                syslog.time,
            )
            .with_outside(Endpoint { addr: outside, port: None }),
            None => {
                let (outside, range) = need(cut(outside, b':'), "outside")?;
                let block = need(port_range(range), "port block")?;
                NatLine::new(
                    Dialect::Nfware,
                    verb(Verb::BlockAllocate, Verb::BlockRelease),
                    inside,
                    syslog.time,
                )
                .with_block(need(addr(outside), "outside")?, block)
            }
        }
    };
    if !s.trim_ascii().is_empty() {
        let (far, s) = labelled(s, b"DST")?;
        nat.destination = Some(need(endpoint(far, b':'), "destination")?);
        let (direction, s) = labelled(s, b"DIR")?;
        if !matches!(direction, b"OUT" | b"IN") || !s.trim_ascii().is_empty() {
            return Err(Fault("direction"));
        }
    }
    nat.realm = Some(text(vrf));
    out.push(nat);
    Ok(())
}

/// `LABEL value`.
fn labelled<'a>(s: &'a [u8], label: &[u8]) -> Result<(&'a [u8], &'a [u8]), Fault> {
    let (name, s) = word(s);
    if name != label {
        return Err(Fault("field label"));
    }
    Ok(word(s))
}
