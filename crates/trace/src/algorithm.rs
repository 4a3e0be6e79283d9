//! Translations that an algorithm decides: deterministic NAT (RFC 7422) and MAP-E (RFC 7597).
//!
//! No log is needed: who stands behind an outside address and port follows from the gateway's configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tadoru_model::{
    Algorithm, Assignment, Dealing, Edge, Holder, How, PortRange, Prefix, Realm, RecordKind, Rule,
};

/// The row that `rule` gives for an outside address and, where known, port; `None` where the rule does not speak of it.
///
/// Where the rule cannot decide (no port is told, or all share all ports), the holder is the inside prefix that may stand
/// behind the address, and the row is certain at no time.
pub fn translate(rule: &Rule, index: u64, addr: IpAddr, port: Option<u16>) -> Option<Assignment> {
    let (ports, realm, inside, decides) = match &rule.algorithm {
        Algorithm::DeterministicNat {
            inside_first,
            inside_last,
            inside_realm,
            outside_first,
            outside_last,
            ports,
            ports_each,
            dealing,
        } => {
            let nth = offset(*outside_first, *outside_last, addr)?;
            if port.is_some_and(|p| !ports.contains(p)) {
                return None;
            }
            let each = (*ports_each).max(1);
            let per_address = ports.count() / each;
            let (held, holder) = match (port, dealing) {
                (None, _) | (_, Dealing::Shared) => (*ports, covering(*inside_first, *inside_last)?),
                (Some(port), Dealing::Sequential | Dealing::Interleaved) => {
                    let block = u32::from(port - ports.low) / each;
                    if block >= per_address {
                        return None; // Left over: these ports are given to nobody.
                    }
                    let low = u32::from(ports.low) + block * each;
                    let held = PortRange::new(u16::try_from(low).ok()?, u16::try_from(low + each - 1).ok()?)?;
                    let (block, per_address) = (u128::from(block), u128::from(per_address));
                    let subscriber = if *dealing == Dealing::Sequential {
                        nth.checked_mul(per_address)?.checked_add(block)?
                    } else {
                        let outside = offset(*outside_first, *outside_last, *outside_last)?.checked_add(1)?;
                        block.checked_mul(outside)?.checked_add(nth)?
                    };
                    (held, nth_host(*inside_first, *inside_last, subscriber)?)
                }
            };
            (held, inside_realm, holder, holder.is_host())
        }
        Algorithm::MapE { ipv6, ipv4, ea_len, psid_offset, psid_len, inside_realm } => {
            let IpAddr::V4(shared) = addr else { return None };
            if !ipv4.contains(addr) {
                return None;
            }
            let (held, holder) = map_e(*ipv6, *ipv4, *ea_len, *psid_offset, *psid_len, shared, port)?;
            (held, inside_realm, holder, holder.len() == ipv6.len() + ea_len)
        }
    };
    let row = row(rule, index, Prefix::host(addr), ports, realm, inside);
    let never = Edge::between(rule.valid.from, rule.valid.until, How::Before);
    Some(if decides { row } else { Assignment { from: never, ..row } })
}

/// The customer's IPv6 prefix behind a shared IPv4 address and port (RFC 7597, sections 5.1 and 5.2).
fn map_e(
    ipv6: Prefix,
    ipv4: Prefix,
    ea_len: u8,
    psid_offset: u8,
    psid_len: Option<u8>,
    addr: Ipv4Addr,
    port: Option<u16>,
) -> Option<(PortRange, Prefix)> {
    let IpAddr::V6(rule_prefix) = ipv6.addr() else { return None };
    let suffix_len = 32 - ipv4.len();
    // An embedded part shorter than the suffix gives a whole IPv4 prefix to one customer: no port set.
    let suffix_bits = suffix_len.min(ea_len);
    let k = psid_len.unwrap_or(ea_len - suffix_bits);
    if suffix_bits.checked_add(k)? != ea_len
        || psid_offset.checked_add(k)? > 16
        || ipv6.len().checked_add(ea_len)? > 128
    {
        return None;
    }
    let suffix = (u128::from(addr.to_bits()) & low_bits(suffix_len)) >> (suffix_len - suffix_bits);
    let (known, ea, ports) = match port {
        Some(port) => {
            let m = 16 - psid_offset - k;
            if psid_offset > 0 && u32::from(port) >> (16 - psid_offset) == 0 {
                return None; // Well-known ports below the first port set belong to nobody (section 5.1).
            }
            let psid = (u128::from(port) >> m) & low_bits(k);
            let low = u32::from(port) >> m << m;
            let range = PortRange::new(u16::try_from(low).ok()?, u16::try_from(low + (1 << m) - 1).ok()?)?;
            (ea_len, suffix << k | psid, if k == 0 { PortRange::ALL } else { range })
        }
        None => (suffix_bits, suffix, PortRange::ALL),
    };
    let len = ipv6.len() + known;
    let bits = if known == 0 { 0 } else { ea << (128 - len) };
    let customer =
        Prefix::covering(IpAddr::V6(Ipv6Addr::from_bits(rule_prefix.to_bits() | bits)), len).ok()?;
    Some((ports, customer))
}

fn row(
    rule: &Rule,
    index: u64,
    prefix: Prefix,
    ports: PortRange,
    realm: &Realm,
    inside: Prefix,
) -> Assignment {
    Assignment {
        kind: RecordKind::Rule,
        realm: rule.realm.clone(),
        prefix,
        ports,
        proto: rule.proto,
        remote: None,
        holder: Holder::Inside { realm: realm.clone(), prefix: inside, port: None },
        from: Edge::exact(rule.valid.from, How::Logged),
        until: Edge::exact(rule.valid.until, How::Logged),
        source: rule.source.clone(),
        record: index,
        corrected_us: 0,
        thread: 0,
    }
}

/// How far `addr` is behind `first`, when it is not behind `last`.
fn offset(first: IpAddr, last: IpAddr, addr: IpAddr) -> Option<u128> {
    let (first, last, addr) = match (first, last, addr) {
        (IpAddr::V4(f), IpAddr::V4(l), IpAddr::V4(a)) => {
            (u128::from(f.to_bits()), u128::from(l.to_bits()), u128::from(a.to_bits()))
        }
        (IpAddr::V6(f), IpAddr::V6(l), IpAddr::V6(a)) => (f.to_bits(), l.to_bits(), a.to_bits()),
        _ => return None,
    };
    (first <= addr && addr <= last).then(|| addr - first)
}

/// The `n`-th address from `first` on, counted from 0, when it is not behind `last`.
fn nth_host(first: IpAddr, last: IpAddr, n: u128) -> Option<Prefix> {
    let addr = match first {
        IpAddr::V4(base) => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(u128::from(base.to_bits()).checked_add(n)?).ok()?))
        }
        IpAddr::V6(base) => IpAddr::V6(Ipv6Addr::from_bits(base.to_bits().checked_add(n)?)),
    };
    offset(first, last, addr).map(|_| Prefix::host(addr))
}

/// The longest prefix that holds both ends of a range.
fn covering(first: IpAddr, last: IpAddr) -> Option<Prefix> {
    (0..=Prefix::host(first).len())
        .rev()
        .find_map(|len| Prefix::covering(first, len).ok().filter(|p| p.contains(last)))
}

/// A number of `n` set bits.
const fn low_bits(n: u8) -> u128 {
    if n >= 128 { u128::MAX } else { (1 << n) - 1 }
}

#[cfg(test)]
mod tests;
