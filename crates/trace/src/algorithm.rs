//! Translations that an algorithm decides: deterministic NAT (RFC 7422) and MAP-E (RFC 7597).
//!
//! No log is needed: who stands behind an outside address and port follows from the gateway's configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tadoru_model::{
    Algorithm, Assignment, Dealing, Edge, Holder, How, PortRange, Prefix, Realm, RecordKind, Rule,
};

/// The row that `rule` gives for an outside address and, where known, port; `None` where the rule does not speak of it.
///
/// Without a port the holder is the whole inside prefix that may stand behind the address.
pub fn translate(rule: &Rule, index: u64, addr: IpAddr, port: Option<u16>) -> Option<Assignment> {
    let (prefix, ports, realm, inside) = match &rule.algorithm {
        Algorithm::DeterministicNat {
            inside,
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
            let (held, holder) = match (port, dealing) {
                (None, _) | (_, Dealing::Shared) => (*ports, *inside),
                (Some(port), Dealing::Sequential) => {
                    let block = u32::from(port - ports.low) / each;
                    let per_address = ports.count() / each;
                    if block >= per_address {
                        return None; // Left over: the gateway deals these out dynamically.
                    }
                    let low = u32::from(ports.low) + block * each;
                    let held = PortRange::new(u16::try_from(low).ok()?, u16::try_from(low + each - 1).ok()?)?;
                    let subscriber =
                        nth.checked_mul(u128::from(per_address))?.checked_add(u128::from(block))?;
                    (held, nth_host(*inside, subscriber)?)
                }
                (Some(port), Dealing::Interleaved) => {
                    let per_address = (ports.count() / each).max(1);
                    let slot = u32::from(port - ports.low) % per_address;
                    let subscriber =
                        nth.checked_mul(u128::from(per_address))?.checked_add(u128::from(slot))?;
                    (PortRange::one(port), nth_host(*inside, subscriber)?)
                }
            };
            (Prefix::host(addr), held, inside_realm, holder)
        }
        Algorithm::MapE { ipv6, ipv4, ea_len, psid_offset, psid_len, inside_realm } => {
            let IpAddr::V4(shared) = addr else { return None };
            if !ipv4.contains(addr) {
                return None;
            }
            let (held, holder) = map_e(*ipv6, *ipv4, *ea_len, *psid_offset, *psid_len, shared, port)?;
            (Prefix::host(addr), held, inside_realm, holder)
        }
    };
    Some(row(rule, index, prefix, ports, realm, inside))
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

/// The `n`-th address of `prefix`, counted from 0; for IPv6 the `n`-th /64, or address where the prefix is longer.
fn nth_host(prefix: Prefix, n: u128) -> Option<Prefix> {
    match prefix.addr() {
        IpAddr::V4(base) => {
            let size = 1_u128 << (32 - prefix.len());
            let addr = u32::try_from(u128::from(base.to_bits()) + n).ok()?;
            (n < size).then(|| Prefix::host(IpAddr::V4(Ipv4Addr::from_bits(addr))))
        }
        IpAddr::V6(base) => {
            let len = if prefix.len() <= 64 { 64 } else { 128 };
            let step = n.checked_shl(u32::from(128 - len))?;
            let inside = n <= low_bits(len - prefix.len());
            inside
                .then(|| Prefix::covering(IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() | step)), len).ok())?
        }
    }
}

/// A number of `n` set bits.
const fn low_bits(n: u8) -> u128 {
    if n >= 128 { u128::MAX } else { (1 << n) - 1 }
}

#[cfg(test)]
mod tests;
