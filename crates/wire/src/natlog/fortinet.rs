//! Fortinet FortiGate: traffic logs, port blocks of IP pools, hyperscale (NP7) session logs.
//!
//! "FortiOS Log Message Reference": traffic (`type="traffic"`, `transip`, `transport`, `tranip`, `tranport`), 22015
//! `LOG_ID_IPPOOLPBA_CREATE`, 22016 its release, 22024 its interim (`saddr`, `nat`, `portbegin`, `portend`).
//! "Hyperscale Firewall Guide", hardware logging: `type=sess act=start|end tran=snat … nsip= nsport=`. `eventtime` counts
//! since 1970 in seconds, or in nanoseconds since FortiOS 6.2; else `date`, `time` and `tz` are the time. A traffic log is
//! written at the end of a session (`duration` in seconds; hyperscale `dur` in milliseconds), those of long sessions
//! (`…0020`) in between.

use super::scan::{Fields, addr, find, number, port, proto};
use super::stamp::{self, Stamp, Zone};
use super::{Dialect, Endpoint, Events, Fault, NatLine, Options, Step, Syslog, Verb, need, text};

pub(super) fn is(s: &[u8]) -> bool {
    find(s, b"date=").is_some()
        && find(s, b" time=").is_some()
        && [&b" transip="[..], b" portbegin=", b" nsip="].iter().any(|key| find(s, key).is_some())
}

pub(super) fn read<'a>(syslog: &Syslog<'a>, options: &Options<'_>, out: &mut Events<'a>) -> Step {
    let mut log = Log::default();
    let Some(at) = find(syslog.content, b"date=") else { return Ok(()) };
    let mut fields = Fields::blanks(syslog.content.get(at..).unwrap_or_default());
    for (key, value) in fields.by_ref() {
        if let Some(value) = value {
            log.take(key, value);
        } else if !key.is_empty() && find(key, b"\"").is_some() {
            return Err(Fault("quoted value"));
        }
    }
    let time = log.time(options).or(syslog.time);
    let nat = if log.portbegin.is_some() {
        log.block(time)?
    } else if log.kind == b"sess" {
        log.hyperscale(time)?
    } else {
        log.traffic(time)?
    };
    if let Some(nat) = nat {
        out.push(nat);
    }
    Ok(())
}

#[derive(Default)]
struct Log<'a> {
    kind: &'a [u8],
    action: &'a [u8],
    logid: &'a [u8],
    date: &'a [u8],
    clock: &'a [u8],
    tz: &'a [u8],
    eventtime: Option<&'a [u8]>,
    trandisp: &'a [u8],
    protocol: Option<&'a [u8]>,
    source: [Option<&'a [u8]>; 2],
    far: [Option<&'a [u8]>; 2],
    outside: [Option<&'a [u8]>; 2],
    post: [Option<&'a [u8]>; 2],
    saddr: Option<&'a [u8]>,
    nat: Option<&'a [u8]>,
    portbegin: Option<&'a [u8]>,
    portend: Option<&'a [u8]>,
    duration: Option<&'a [u8]>,
    session: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    vdom: Option<&'a [u8]>,
}

impl<'a> Log<'a> {
    fn take(&mut self, key: &[u8], value: &'a [u8]) {
        let v = Some(value);
        match key {
            b"type" => self.kind = value,
            b"action" | b"act" => self.action = value,
            b"logid" => self.logid = value,
            b"date" => self.date = value,
            b"time" => self.clock = value,
            b"tz" => self.tz = value,
            b"eventtime" => self.eventtime = v,
            b"trandisp" | b"tran" => self.trandisp = value,
            b"proto" => self.protocol = v,
            b"srcip" | b"sip" => self.source[0] = v,
            b"srcport" | b"sport" => self.source[1] = v,
            b"dstip" | b"dip" => self.far[0] = v,
            b"dstport" | b"dport" => self.far[1] = v,
            b"transip" | b"nsip" => self.outside[0] = v,
            b"transport" | b"nsport" => self.outside[1] = v,
            b"tranip" | b"ndip" => self.post[0] = v,
            b"tranport" | b"ndport" => self.post[1] = v,
            b"saddr" => self.saddr = v,
            b"nat" => self.nat = v,
            b"portbegin" => self.portbegin = v,
            b"portend" => self.portend = v,
            b"duration" | b"dur" => self.duration = v,
            b"sessionid" => self.session = v,
            b"user" => self.user = v.filter(|u| !u.is_empty() && *u != b"N/A"),
            b"vd" => self.vdom = v,
            _ => {}
        }
    }

    fn time(&self, options: &Options<'_>) -> Option<Stamp> {
        if let Some(at) = self.eventtime {
            let n = number(at)?;
            let (seconds, micros) = match at.len() {
                10 => (n, 0),
                13 => (n / 1000, n % 1000 * 1000),
                16 => (n / 1_000_000, n % 1_000_000),
                19 => (n / 1_000_000_000, n % 1_000_000_000 / 1000),
                _ => return None,
            };
            return Stamp::epoch(seconds, micros);
        }
        if self.date.len() != 10 || self.clock.len() != 8 {
            return None;
        }
        let mut joined = [b' '; 19];
        joined.get_mut(..10)?.copy_from_slice(self.date);
        joined.get_mut(11..)?.copy_from_slice(self.clock);
        let (mut civil, _) = stamp::iso(&joined)?;
        if let [sign @ (b'+' | b'-'), digits @ ..] = self.tz {
            let n = i32::try_from(number(digits)?).ok()?;
            let seconds = n / 100 * 3600 + n % 100 * 60;
            civil.zone = Zone::Offset(if *sign == b'-' { -seconds } else { seconds });
        }
        civil.settle(options.zone, options.near_us)
    }

    fn block(&self, time: Option<Stamp>) -> Result<Option<NatLine<'a>>, Fault> {
        let verb = match self.logid {
            id if id.ends_with(b"22015") => Verb::BlockAllocate,
            id if id.ends_with(b"22016") => Verb::BlockRelease,
            id if id.ends_with(b"22024") => Verb::BlockInterim,
            _ => return Err(Fault("logid of the port block")),
        };
        let inside = Endpoint { addr: need(self.saddr.and_then(addr), "saddr")?, port: None };
        let outside = need(self.nat.and_then(addr), "nat")?;
        let low = need(self.portbegin.and_then(port), "portbegin")?;
        let high = need(self.portend.and_then(port).filter(|&high| low <= high), "portend")?;
        let mut nat = NatLine::new(Dialect::Fortinet, verb, inside, time).with_block(outside, (low, high));
        if verb != Verb::BlockAllocate {
            nat = nat.lasting(self.lasted(1_000_000));
        }
        nat.user = self.user.map(text);
        nat.realm = self.vdom.map(text);
        Ok(Some(nat))
    }

    fn hyperscale(&self, time: Option<Stamp>) -> Result<Option<NatLine<'a>>, Fault> {
        let verb = match self.action {
            b"start" => Verb::SessionCreate,
            b"end" => Verb::SessionDelete,
            _ => return Err(Fault("act")),
        };
        self.session(verb, time, 1000).map(Some)
    }

    fn traffic(&self, time: Option<Stamp>) -> Result<Option<NatLine<'a>>, Fault> {
        if self.kind != b"traffic" || self.action == b"deny" || !self.trandisp.starts_with(b"snat") {
            return Ok(None);
        }
        let verb = if self.action == b"start" {
            Verb::SessionCreate
        } else if self.logid.ends_with(b"0020") || self.duration.is_none() {
            Verb::Flow
        } else {
            Verb::SessionDelete
        };
        self.session(verb, time, 1_000_000).map(Some)
    }

    fn session(&self, verb: Verb, time: Option<Stamp>, unit_us: i64) -> Result<NatLine<'a>, Fault> {
        let end = |[a, p]: [Option<&[u8]>; 2], fault| {
            let addr = need(a.and_then(addr), fault)?;
            Ok(Endpoint { addr, port: p.map(|p| need(port(p), fault)).transpose()? })
        };
        let protocol = need(self.protocol.and_then(proto), "proto")?;
        let inside = end(self.source, "source")?;
        let outside = end(self.outside, "translated source")?;
        if inside.port.is_some() != outside.port.is_some()
            || (matches!(protocol, 6 | 17) && inside.port.is_none())
        {
            return Err(Fault("port"));
        }
        let post = match self.post {
            [Some(_), _] => Some(end(self.post, "translated destination")?),
            _ => None,
        };
        let far = end(self.far, "destination")?;
        if post.is_some_and(|p| p.port.is_some() != far.port.is_some()) {
            return Err(Fault("translated destination port"));
        }
        let mut nat = NatLine::new(Dialect::Fortinet, verb, inside, time)
            .with_outside(outside)
            .with_destination(far, post);
        if verb != Verb::SessionCreate {
            nat = nat.lasting(self.lasted(unit_us));
        }
        nat.proto = Some(protocol);
        nat.session = self.session.and_then(number);
        nat.user = self.user.map(text);
        nat.realm = self.vdom.map(text);
        Ok(nat)
    }

    fn lasted(&self, unit_us: i64) -> Option<i64> {
        i64::try_from(number(self.duration?)?).ok()?.checked_mul(unit_us)
    }
}
