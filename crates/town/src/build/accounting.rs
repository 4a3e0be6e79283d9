//! The accounting of an access server: which records it sends, which arrive, when, and what they prove.
//!
//! What comes in: true sessions. What goes out: RADIUS packets in the server's own clock with the true time of their
//! arrival, and for each session the span that the records which arrived can prove.

use tadoru_model::{Prefix, Span, UtcMicros};
use tadoru_wire::dictionary::Dictionary;
use tadoru_wire::radius::{Code, Proof, Value, Writer};

use super::access::{Ended, Life, Line, Session};
use super::{BuildError, arrival::Delivered};
use crate::dice::Dice;
use crate::plan::{Access, Delivery};

/// Writes the accounting of one server; gives the packets with their arrival and what each session can prove.
pub(super) fn account(
    access: &Access,
    delivery: Delivery,
    lines: &[Line],
    life: &Life,
    mut dice: Dice,
) -> Result<(Vec<Delivered>, Vec<Span>, Counts), BuildError> {
    let mut desk = Sender { access, delivery, out: Vec::new(), identifier: 0, counts: Counts::default() };
    let mut proven = Vec::with_capacity(life.sessions.len());
    for session in &life.sessions {
        let Some(line) = lines.get(session.line) else { continue };
        proven.push(desk.session(session, line, &mut dice)?);
    }
    for boot in &life.boots {
        let record = Record { status: ACCOUNTING_ON, at: *boot, session: None, cause: None };
        // A server tries until its restart is acknowledged.
        let sent = boot.plus(dice.between(200_000, 4_000_000));
        desk.send(&record, sent, 0)?;
    }
    Ok((desk.out, proven, desk.counts))
}

/// How many records there were, and how many never arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records, datagrams or lines that were sent.
    pub sent: usize,
    /// Those of them that never arrived.
    pub lost: usize,
}

struct Sender<'a> {
    access: &'a Access,
    delivery: Delivery,
    out: Vec<Delivered>,
    identifier: u8,
    counts: Counts,
}

struct Record<'a> {
    status: u64,
    at: UtcMicros,
    session: Option<(&'a Session, &'a Line)>,
    cause: Option<u64>,
}

impl Sender<'_> {
    /// Sends the records of one session; gives what those that arrive can prove.
    fn session(&mut self, session: &Session, line: &Line, dice: &mut Dice) -> Result<Span, BuildError> {
        let mut moments = vec![(START, session.from)];
        let interim = i64::from(self.access.interim_s) * 1_000_000;
        let mut at = session.from.plus(interim);
        while interim > 0 && at < session.until {
            moments.push((INTERIM, at));
            at = at.plus(interim);
        }
        if session.ended == Ended::Stop {
            moments.push((STOP, session.until));
        }
        let (mut heard_start, mut last) = (false, None::<UtcMicros>);
        for (status, at) in moments {
            let cause = (status == STOP).then(|| if dice.chance(0.7) { USER_REQUEST } else { IDLE_TIMEOUT });
            let record = Record { status, at, session: Some((session, line)), cause };
            if self.deliver(&record, dice)? {
                heard_start |= status == START;
                last = last.max(Some(at));
            }
        }
        let doubt = clock_doubt(self.access.clock_s);
        Ok(match last {
            // Counted back by whole seconds, where the Start was lost.
            Some(last) => {
                let from = if heard_start { session.from } else { session.from.plus(1_000_000) };
                Span::new(from.plus(doubt), last.plus(-doubt))
            }
            None => Span::new(session.from, session.from),
        })
    }

    /// Sends one record, or loses it; says whether it arrives.
    fn deliver(&mut self, record: &Record<'_>, dice: &mut Dice) -> Result<bool, BuildError> {
        self.counts.sent += 1;
        if dice.chance(self.delivery.lost) {
            self.counts.lost += 1;
            return Ok(false);
        }
        let delay_s = if dice.chance(self.delivery.delayed) { dice.between(2, 120) } else { 0 };
        let on_the_way = if dice.chance(self.delivery.detained) {
            dice.between(5_000_000, 300_000_000)
        } else {
            dice.between(20_000, 800_000)
        };
        let arrives = record.at.plus(delay_s * 1_000_000 + on_the_way);
        self.send(record, arrives, delay_s)?;
        if dice.chance(self.delivery.repeated)
            && let Some(again) = self.out.last().cloned()
        {
            // The answer was lost: the same packet once more.
            let at = again.at.plus(dice.between(3_000_000, 6_000_000));
            self.out.push(Delivered { at, ..again });
        }
        Ok(true)
    }

    fn send(&mut self, record: &Record<'_>, arrives: UtcMicros, delay_s: i64) -> Result<(), BuildError> {
        let mut packet = Packet { writer: Writer::new(Code::ACCOUNTING_REQUEST, self.identifier) };
        self.identifier = self.identifier.wrapping_add(1);
        packet.put("Acct-Status-Type", Value::Unsigned(record.status))?;
        packet.put("NAS-IP-Address", Value::Ip(self.access.address.into()))?;
        packet.put("NAS-Identifier", text(&self.access.name))?;
        if let Some((session, line)) = record.session {
            packet.put("Acct-Session-Id", text(&session.id))?;
            packet.put("User-Name", text(&line.login))?;
            packet.put("Calling-Station-Id", text(&line.station))?;
            packet.put("NAS-Port", Value::Unsigned(line.port.into()))?;
            packet.put("Framed-IP-Address", Value::Ip(session.ipv4.addr()))?;
            packet.put("Delegated-IPv6-Prefix", prefix(session.delegated))?;
            if record.status != START {
                let lasted = record.at.since(session.from).max(0) / 1_000_000;
                packet.put("Acct-Session-Time", Value::Unsigned(lasted.unsigned_abs()))?;
            }
        }
        if let Some(cause) = record.cause {
            packet.put("Acct-Terminate-Cause", Value::Unsigned(cause))?;
        }
        let stamp = record.at.0.div_euclid(1_000_000).saturating_add(self.access.clock_s);
        packet.put("Event-Timestamp", Value::Date(u32::try_from(stamp).unwrap_or(u32::MAX)))?;
        packet.put("Acct-Delay-Time", Value::Unsigned(delay_s.unsigned_abs()))?;
        let bytes = packet.writer.request(self.access.secret.as_bytes(), Proof::Authenticator)?;
        self.out.push(Delivered { at: arrives, bytes });
        Ok(())
    }
}

struct Packet {
    writer: Writer,
}

impl Packet {
    fn put(&mut self, name: &'static str, value: Value) -> Result<(), BuildError> {
        let dictionary = Dictionary::builtin();
        let oid = dictionary.find(name).ok_or(BuildError::Attribute { name })?;
        self.writer.put(dictionary, oid, &value)?;
        Ok(())
    }
}

/// How far from an edge the clock of a source leaves a doubt, microseconds: a clock that is ahead is known to a few
/// seconds by its quickest records, one that is behind cannot be told from slow delivery.
pub(super) fn clock_doubt(clock_s: i64) -> i64 {
    match clock_s {
        0 => 1_000_000,
        1.. => 7_000_000,
        behind => (behind.abs() + 2) * 1_000_000,
    }
}

fn text(text: &str) -> Value {
    Value::Octets(text.as_bytes().to_vec())
}

fn prefix(prefix: Prefix) -> Value {
    Value::Prefix(prefix.addr(), prefix.len())
}

const START: u64 = 1;
const STOP: u64 = 2;
const INTERIM: u64 = 3;
const ACCOUNTING_ON: u64 = 7;
const USER_REQUEST: u64 = 1;
const IDLE_TIMEOUT: u64 = 4;
