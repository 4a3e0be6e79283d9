//! MikroTik RouterOS firewall log lines that show a translation.
//!
//! `chain: in:… out:…, …, proto TCP (SYN), S:p->D:p, NAT …, len n`. The NAT part is `(S:p->O:p)->D:p` for a translated
//! source, `S:p->(X:p->I:p)` for a translated destination, `(S:p->O:p)->(X:p->I:p)` for both; some versions write only
//! `(O:p->D:p)`, the packet after translation. In a packet to a translated destination the inside is the new
//! destination, and the far end is the sender: a reply, or a port forwarding; both prove the same translation.
//! Lines without a NAT part show no translation and are ignored. Every event is [`Verb::Flow`]: RouterOS logs packets.

use super::scan::{after, cut, endpoint_or_addr, find, proto, word};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Step, Syslog, Verb, need};

pub(super) fn is(s: &[u8]) -> bool {
    find(s, b", NAT ").is_some() && find(s, b"proto ").is_some()
}

pub(super) fn read(syslog: &Syslog<'_>, out: &mut Events<'_>) -> Step {
    let c = syslog.content;
    let Some(at) = find(c, b", NAT ") else { return Ok(()) };
    let (head, nat_part) = (c.get(..at).unwrap_or_default(), c.get(at + 6..).unwrap_or_default());
    let head = need(after(head, b"proto "), "protocol")?;
    let protocol = need(proto(word(head).0.strip_suffix(b",").unwrap_or(word(head).0)), "protocol")?;
    let flow = head.rsplit(|&b| b == b' ').next().unwrap_or_default();
    let (source, far) = pair(flow).ok_or(Fault("addresses"))?;
    // The length always follows, so that a cut port is seen.
    let (nat_part, _) = need(cut(nat_part, b','), "length")?;
    let nat = translation(nat_part.trim_ascii(), source, far)?;
    let mut line = NatLine::new(Dialect::Mikrotik, Verb::Flow, nat.inside, syslog.time)
        .with_outside(nat.outside)
        .with_destination(nat.far, nat.post);
    line.proto = Some(protocol);
    out.push(line);
    Ok(())
}

struct Translation {
    inside: Endpoint,
    outside: Endpoint,
    far: Endpoint,
    post: Option<Endpoint>,
}

fn translation(s: &[u8], source: Endpoint, far: Endpoint) -> Result<Translation, Fault> {
    let fault = "NAT part";
    if let Some(s) = s.strip_prefix(b"(") {
        let (inner, tail) = need(cut(s, b')'), fault)?;
        let (from, to) = need(pair(inner), fault)?;
        if tail.is_empty() {
            // Either `(S->O)` or the whole packet after translation, `(O->D)`.
            return match (from == source, to == far) {
                (true, false) => Ok(Translation { inside: source, outside: to, far, post: None }),
                (false, true) => Ok(Translation { inside: source, outside: from, far, post: None }),
                _ => Err(Fault("which address is the outside one")),
            };
        }
        let tail = need(tail.strip_prefix(b"->"), fault)?;
        if from != source {
            return Err(Fault("NAT source differs from the packet's"));
        }
        let post = match tail.strip_prefix(b"(") {
            Some(inner) => {
                let (old, new) = need(inner.strip_suffix(b")").and_then(pair), fault)?;
                if old != far {
                    return Err(Fault("NAT destination differs from the packet's"));
                }
                new
            }
            None => need(endpoint_or_addr(tail, b':'), fault)?,
        };
        return Ok(Translation { inside: source, outside: to, far, post: Some(post) });
    }
    // `S->(X->I)`: the destination is translated.
    let at = need(find(s, b"->("), fault)?;
    let from = need(endpoint_or_addr(s.get(..at).unwrap_or_default(), b':'), fault)?;
    let inner = need(s.get(at + 3..).and_then(|s| s.strip_suffix(b")")), fault)?;
    let (old, new) = need(pair(inner), fault)?;
    if from != source || old != far {
        return Err(Fault("NAT part differs from the packet"));
    }
    Ok(Translation { inside: new, outside: old, far: source, post: None })
}

/// `a:p->b:p`, or without ports.
fn pair(s: &[u8]) -> Option<(Endpoint, Endpoint)> {
    let at = find(s, b"->")?;
    Some((endpoint_or_addr(s.get(..at)?, b':')?, endpoint_or_addr(s.get(at + 2..)?, b':')?))
}
