//! The syslog header of a message: who wrote it, when, and which number it has.
//!
//! What comes in: one message without its framing (RFC 5424; RFC 3164 with and without priority, with the years, zones,
//! fractions, marks and sequence numbers that devices add; the ISO stamps of rsyslog; lines without any header). What
//! goes out: a [`Syslog`] that borrows from the line. It refuses nothing: what is no header is message.

use std::fmt;

use jiff::tz::TimeZone;

use super::scan::{cut, digits, find, number};
use super::stamp::{self, Civil, Stamp};

#[cfg(test)]
mod tests;

/// The header of a syslog message, as far as there is one.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Syslog<'a> {
    /// Facility times eight plus severity, 0 to 191.
    pub pri: Option<u8>,
    /// When the message was written.
    pub time: Option<Stamp>,
    /// The host field.
    pub host: Option<&'a [u8]>,
    /// Application: RFC 5424 APP-NAME, or the tag of RFC 3164 without its process number.
    pub app: Option<&'a [u8]>,
    /// Process id.
    pub procid: Option<&'a [u8]>,
    /// RFC 5424 MSGID.
    pub msgid: Option<&'a [u8]>,
    /// RFC 5424 structured data as written, with its brackets and escapes.
    pub structured: Option<&'a [u8]>,
    /// The message's number in its sender's sequence: RFC 5424 section 7.3.1 `sequenceId`, or the one that Cisco
    /// devices put before the stamp. A gap in it is a lost message.
    pub sequence: Option<u64>,
    /// Everything behind the host: tag and message. Of an RFC 5424 message, the message alone.
    pub content: &'a [u8],
    /// The message behind header and tag.
    pub msg: &'a [u8],
}

impl fmt::Debug for Syslog<'_> {
    /// Shows which fields are there, never their values: they name subscribers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog")
            .field("pri", &self.pri)
            .field("time", &self.time)
            .field("sequence", &self.sequence)
            .field("msg_bytes", &self.msg.len())
            .finish_non_exhaustive()
    }
}

/// Reads the header of one message. `zone` is the zone of stamps that name none; `near_us` is the arrival or file time
/// in microseconds since 1970, nearest to which a stamp without a year is placed, never more than a day after it.
pub fn parse<'a>(line: &'a [u8], zone: &TimeZone, near_us: i64) -> Syslog<'a> {
    let (pri, rest) = priority(line);
    match rfc5424(rest, pri, zone, near_us) {
        Some(syslog) => syslog,
        None => rfc3164(rest, pri, zone, near_us),
    }
}

/// One parameter of an element of RFC 5424 structured data, raw (`\"`, `\\` and `\]` still escaped).
pub fn sd_param<'a>(structured: &'a [u8], id: &[u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = structured;
    while let Some(element) = rest.strip_prefix(b"[") {
        let end = element_end(element)?;
        let (inner, tail) = (element.get(..end)?, element.get(end + 1..)?);
        let (sd_id, params) = cut(inner, b' ').unwrap_or((inner, b""));
        if sd_id == id {
            let found = super::scan::Fields::blanks(params).find(|(k, _)| *k == name);
            return found.and_then(|(_, v)| v);
        }
        rest = tail;
    }
    None
}

// ---------------------------------------------------------------------------------------------------- RFC 5424

/// VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG] (RFC 5424 section 6).
fn rfc5424<'a>(s: &'a [u8], pri: Option<u8>, zone: &TimeZone, near_us: i64) -> Option<Syslog<'a>> {
    let rest = s.strip_prefix(b"1 ")?;
    let (civil, rest) = match rest.strip_prefix(b"-") {
        Some(rest) => (None, rest),
        // IOS XR writes `yyyy Mmm dd hh:mm:ss` where the standard stamp belongs.
        None => stamp::iso(rest).or_else(|| stamp::year_first(rest)).map(|(c, rest)| (Some(c), rest))?,
    };
    let (host, rest) = field(rest)?;
    let (app, rest) = field(rest)?;
    let (procid, rest) = field(rest)?;
    // The RFC 5424 lines of CGv6 leave one of the four out now and then, so a `[` ends them early.
    let (msgid, rest) = if rest.starts_with(b" [") { (None, rest) } else { field(rest)? };
    let rest = rest.strip_prefix(b" ")?;
    let (structured, msg) = match rest.strip_prefix(b"-") {
        Some(msg) => (None, msg),
        None => match structured_end(rest) {
            Some(end) => {
                let (sd, msg) = rest.split_at(end);
                (Some(sd), msg)
            }
            None => (None, rest),
        },
    };
    let msg = msg.strip_prefix(b" ").unwrap_or(msg);
    let msg = msg.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(msg);
    let sequence = structured.and_then(|sd| sd_param(sd, b"meta", b"sequenceId")).and_then(number);
    let time = civil.and_then(|c: Civil| c.settle(zone, near_us));
    Some(Syslog { pri, time, host, app, procid, msgid, structured, sequence, content: msg, msg })
}

/// A blank and a field that ends at the next blank; `-` is no value.
fn field(s: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let s = s.strip_prefix(b" ")?;
    let end = s.iter().position(|&b| b == b' ').unwrap_or(s.len());
    let (value, rest) = s.split_at(end);
    if value.is_empty() || value.len() > 255 {
        return None;
    }
    Some(((value != b"-").then_some(value), rest))
}

/// Where the structured data ends; none if it is none (no SD-PARAM form inside the brackets).
fn structured_end(s: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(element) = s.get(at..)?.strip_prefix(b"[") {
        let end = element_end(element)?;
        let inner = element.get(..end)?;
        // An SD-ELEMENT is an id alone, or an id and `name="value"`; a message in brackets is neither.
        if inner.contains(&b' ') && !inner.ends_with(b"\"") {
            break;
        }
        at += end + 2;
    }
    (at > 0).then_some(at)
}

/// The closing bracket of an element, outside quotes.
fn element_end(s: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (i, &b) in s.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return Some(i),
            _ => {}
        }
    }
    None
}

// ---------------------------------------------------------------------------------------------------- RFC 3164

/// [SEQ: ]... STAMP [HOST] [TAG[PID]:] MSG (RFC 3164 section 4.1, and what devices make of it).
fn rfc3164<'a>(s: &'a [u8], pri: Option<u8>, zone: &TimeZone, near_us: i64) -> Syslog<'a> {
    let (sequence, rest) = cisco_sequence(s, pri);
    let rest = rest.strip_prefix(b":").map_or(rest, <[u8]>::trim_ascii_start);
    let rest = weekday(rest);
    let stamped = match rest.first() {
        Some(b'0'..=b'9') => stamp::iso(rest),
        _ => stamp::bsd(rest),
    };
    let Some((civil, behind)) = stamped else {
        let bare = Syslog { pri, sequence, content: rest, msg: rest, ..Syslog::default() };
        // A Cisco clock that never ran gives the uptime, which is no time.
        return if sequence.is_some() && find(rest, b": %").is_none() && !rest.starts_with(b"%") {
            Syslog { sequence: None, content: s, msg: s, ..bare }
        } else {
            bare
        };
    };
    let time = civil.settle(zone, near_us);
    // `stamp: %FAC-…`: Cisco without a host.
    let (host, content) = match behind.strip_prefix(b":") {
        Some(content) => (None, content.trim_ascii_start()),
        None => host(behind.strip_prefix(b" ").unwrap_or(behind)),
    };
    // A relay puts its own header before a whole message: the inner one is the device's.
    if content.starts_with(b"1 2")
        && let Some(inner) = rfc5424(content, pri, zone, near_us)
    {
        return Syslog { host: inner.host.or(host), ..inner };
    }
    // Behind a relay's header, Cisco's own: numbers and a stamp of its own, directly before `%`.
    let (sequence, content) = match cisco_header(content) {
        (Some(n), inner) => (sequence.or(Some(n)), inner),
        (None, _) => (sequence, content),
    };
    let (app, procid, msg) = tag(content);
    Syslog { pri, time, host, app, procid, msgid: None, structured: None, sequence, content, msg }
}

/// `<0>` to `<191>` at the start.
fn priority(line: &[u8]) -> (Option<u8>, &[u8]) {
    let read = || {
        let (n, rest) = digits(line.strip_prefix(b"<")?, 3)?;
        let rest = rest.strip_prefix(b">")?;
        (n <= 191).then_some((u8::try_from(n).ok()?, rest))
    };
    match read() {
        Some((pri, rest)) => (Some(pri), rest),
        None => (None, line),
    }
}

/// `123: ` or `000123: `, up to three of them as Cisco's own count and the console's; the last one that stands
/// directly before the stamp is `service sequence-numbers`, the first the message count.
fn cisco_sequence(s: &[u8], pri: Option<u8>) -> (Option<u64>, &[u8]) {
    if pri.is_none() && !s.first().is_some_and(u8::is_ascii_digit) {
        return (None, s);
    }
    let (mut sequence, mut rest) = (None, s);
    for _ in 0..3 {
        let Some((n, behind)) = digits(rest, 10) else { break };
        let Some(behind) = behind.strip_prefix(b": ") else { break };
        (sequence, rest) = (sequence.or(Some(n)), behind);
    }
    (sequence, rest)
}

/// `123: 000124: *Mar  1 18:46:11.123: ` before `%`: the number, and what is from `%` on.
fn cisco_header(s: &[u8]) -> (Option<u64>, &[u8]) {
    let (sequence, rest) = cisco_sequence(s, None);
    let rest = match stamp::bsd(rest) {
        Some((_, behind)) => behind.strip_prefix(b": ").unwrap_or(behind),
        None => rest,
    };
    if rest.starts_with(b"%") { (sequence, rest) } else { (None, s) }
}

/// `Tue ` before the month.
fn weekday(s: &[u8]) -> &[u8] {
    match s.get(..4) {
        Some(head) if DAYS.contains(&head) => s.get(4..).unwrap_or(s),
        _ => s,
    }
}

/// The host, unless the next word is a tag already or a message.
fn host(s: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let s = s.trim_ascii_start();
    let end = s.iter().position(|&b| b == b' ').unwrap_or(s.len());
    let (name, rest) = s.split_at(end);
    let looks_like_text = name.is_empty()
        || name.ends_with(b":")
        || name.ends_with(b"]")
        || name.len() > 255
        || matches!(name.first(), Some(b'%' | b'[' | b'(' | b'{' | b'"'))
        || name.contains(&b'=');
    if looks_like_text {
        return (None, s);
    }
    let rest = rest.trim_ascii_start();
    // ASA EMBLEM: `host : %ASA-…`.
    (Some(name), rest.strip_prefix(b": ").unwrap_or(rest))
}

/// `tag[pid]: msg` or `tag: msg`; the tag has no blank and at most 48 bytes (RFC 3164 says 32, devices take more).
fn tag(s: &[u8]) -> (Option<&[u8]>, Option<&[u8]>, &[u8]) {
    let n = s
        .iter()
        .take(49)
        .take_while(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'|' | b'{' | b'}')
        })
        .count();
    let (name, rest) = s.split_at(n);
    if n == 0 || n > 48 {
        return (None, None, s);
    }
    if let Some(msg) = rest.strip_prefix(b":") {
        return (Some(name), None, msg.strip_prefix(b" ").unwrap_or(msg));
    }
    if let Some((pid, msg)) = rest.strip_prefix(b"[").and_then(|r| cut(r, b']'))
        && let Some(msg) = msg.strip_prefix(b":")
        && pid.len() <= 64
    {
        return (Some(name), Some(pid), msg.strip_prefix(b" ").unwrap_or(msg));
    }
    (None, None, s)
}

const DAYS: [&[u8]; 7] = [b"Mon ", b"Tue ", b"Wed ", b"Thu ", b"Fri ", b"Sat ", b"Sun "];
