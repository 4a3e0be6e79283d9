//! ISC dhcpd lease file (`dhcpd.leases`, `dhcpd6.leases`), as dhcpd.leases(5) describes it.
//!
//! What comes in: lines with `lease A { … }` blocks, in v6 `ia-na "…" { iaaddr A { … } }`, `ia-ta` and `ia-pd` with
//! `iaprefix P/len`. What goes out: one [`Lease`] a block. Failover state, `on … { }` events and other blocks are
//! passed over by matching braces. A block that was torn ends where a new one begins at the left margin.
//!
//! Times are UTC (`6 2026/11/21 20:03:27`), `epoch N` or `never`.

use std::{collections::VecDeque, net::IpAddr};

use jiff::civil::DateTime;

use super::{Lease, LeaseKind, LeaseRead, LeaseState};
use crate::{
    Defect,
    tables::{Prefix, lines::Line, lines::TOO_LONG, subscribers::parse_hex, subscribers::parse_mac},
};

/// Reads the file line by line.
#[derive(Default)]
pub(super) struct Isc {
    blocks: Vec<Block>,
    statement: Vec<Token>,
    /// IAIDs are kept in the byte order of the machine that wrote the file; most are little-endian.
    byte_order: ByteOrder,
}

#[derive(Clone, Copy, Default)]
enum ByteOrder {
    #[default]
    Little,
    Big,
}

enum Block {
    Lease(Draft),
    Ia(Ia),
    IaAddress(Draft),
    /// Passed over; how many braces are open.
    Other(u32),
}

/// A lease block being read.
struct Draft {
    line: u64,
    lease: Lease,
    state: Option<LeaseState>,
    ends: Ends,
    wrong: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    NotSaid,
    Never,
    At(i64),
}

/// An identity association being read.
struct Ia {
    line: u64,
    kind: LeaseKind,
    iaid: Option<u32>,
    duid: Vec<u8>,
    cltt_us: Option<i64>,
    wrong: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(Vec<u8>),
}

impl Isc {
    pub(super) fn line(&mut self, number: u64, line: Line<'_>, out: &mut VecDeque<LeaseRead>) {
        let Line::Text(text) = line else {
            out.push_back(Err(Defect::line(number, TOO_LONG)));
            self.mark_wrong(TOO_LONG);
            return;
        };
        if TOP_LEVEL.iter().any(|word| text.starts_with(word)) && !self.blocks.is_empty() {
            self.finish(out);
        }
        let mut rest = text;
        loop {
            rest = rest.trim_ascii_start();
            let Some(first) = rest.first() else { return };
            match first {
                b'#' => return,
                b'{' => self.open(number, out),
                b'}' => self.close(number, out),
                b';' => self.end_statement(number, out),
                b'"' => {
                    let (text, behind) = quoted(rest.get(1..).unwrap_or_default());
                    match text {
                        Some(text) => self.push(Token::Text(text)),
                        None => self.mark_wrong("text is not closed"),
                    }
                    rest = behind;
                    continue;
                }
                _ => {
                    let end =
                        rest.iter().position(|byte| byte.is_ascii_whitespace() || b"{};\"#".contains(byte));
                    let (word, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or_default();
                    self.push(Token::Word(String::from_utf8_lossy(word).into_owned()));
                    rest = behind;
                    continue;
                }
            }
            rest = rest.get(1..).unwrap_or_default();
        }
    }

    pub(super) fn finish(&mut self, out: &mut VecDeque<LeaseRead>) {
        self.statement.clear();
        let line = self.blocks.drain(..).find_map(|block| match block {
            Block::Lease(draft) | Block::IaAddress(draft) => Some(draft.line),
            Block::Ia(ia) => Some(ia.line),
            Block::Other(_) => None,
        });
        if let Some(line) = line {
            out.push_back(Err(Defect::line(line, "block is not closed")));
        }
    }

    fn push(&mut self, token: Token) {
        if matches!(self.blocks.last(), Some(Block::Other(_))) {
            return;
        }
        if self.statement.len() < MAX_STATEMENT {
            self.statement.push(token);
        } else {
            self.mark_wrong("statement is too long");
        }
    }

    fn mark_wrong(&mut self, what: &str) {
        for block in &mut self.blocks {
            match block {
                Block::Lease(Draft { wrong, .. })
                | Block::IaAddress(Draft { wrong, .. })
                | Block::Ia(Ia { wrong, .. }) => {
                    wrong.get_or_insert_with(|| what.to_owned());
                }
                Block::Other(_) => {}
            }
        }
    }

    fn open(&mut self, number: u64, out: &mut VecDeque<LeaseRead>) {
        let head = std::mem::take(&mut self.statement);
        let inside_ia = match self.blocks.last_mut() {
            Some(Block::Other(depth)) => {
                *depth = depth.saturating_add(1);
                return;
            }
            Some(Block::Ia(ia)) => Some(ia),
            Some(Block::Lease(_) | Block::IaAddress(_)) => return self.blocks.push(Block::Other(1)),
            None => None,
        };
        let word = match head.first() {
            Some(Token::Word(word)) => word.as_str(),
            _ => "",
        };
        let block = match (word, inside_ia, head.get(1)) {
            ("lease", None, Some(Token::Word(address))) => match address.parse() {
                Ok(IpAddr::V4(address)) => {
                    Ok(Block::Lease(Draft::new(number, IpAddr::V4(address), 32, LeaseKind::V4)))
                }
                _ => Err("address of a lease is not an IPv4 address"),
            },
            ("ia-na" | "ia-ta" | "ia-pd", None, Some(identity)) => {
                let kind = match word {
                    "ia-na" => LeaseKind::V6Address,
                    "ia-ta" => LeaseKind::V6Temporary,
                    _ => LeaseKind::V6Prefix,
                };
                Ia::new(number, kind, identity, self.byte_order).map(Block::Ia)
            }
            ("iaaddr", Some(ia), Some(Token::Word(address))) => match address.parse() {
                Ok(IpAddr::V6(address)) => Ok(Block::IaAddress(ia.draft(number, IpAddr::V6(address), 128))),
                _ => Err("address in an identity association is not an IPv6 address"),
            },
            ("iaprefix", Some(ia), Some(Token::Word(prefix))) => match Prefix::parse(prefix) {
                Some(prefix) if prefix.address.is_ipv6() => {
                    Ok(Block::IaAddress(ia.draft(number, prefix.address, prefix.len)))
                }
                _ => Err("prefix in an identity association is not an IPv6 prefix"),
            },
            ("lease" | "ia-na" | "ia-ta" | "ia-pd" | "iaaddr" | "iaprefix", ..) => {
                Err("block has a wrong head")
            }
            _ => Ok(Block::Other(1)),
        };
        self.blocks.push(block.unwrap_or_else(|what| {
            out.push_back(Err(Defect::line(number, what)));
            Block::Other(1)
        }));
    }

    fn close(&mut self, number: u64, out: &mut VecDeque<LeaseRead>) {
        if let Some(Block::Other(depth)) = self.blocks.last_mut()
            && *depth > 1
        {
            *depth -= 1;
            return;
        }
        if !self.statement.is_empty() {
            self.mark_wrong("statement is not closed");
            self.statement.clear();
        }
        match self.blocks.pop() {
            Some(Block::Lease(draft) | Block::IaAddress(draft)) => out.push_back(draft.end()),
            Some(Block::Ia(_) | Block::Other(_)) => {}
            None => out.push_back(Err(Defect::line(number, "closing brace without an opening one"))),
        }
    }

    fn end_statement(&mut self, number: u64, out: &mut VecDeque<LeaseRead>) {
        let statement = std::mem::take(&mut self.statement);
        match self.blocks.last_mut() {
            Some(Block::Lease(draft) | Block::IaAddress(draft)) => {
                if let Err(what) = draft.take(&statement) {
                    draft.wrong.get_or_insert(what);
                }
            }
            Some(Block::Ia(ia)) => {
                if let [Token::Word(word), date @ ..] = statement.as_slice()
                    && word == "cltt"
                {
                    match instant(date) {
                        Some(Ends::At(us)) => ia.cltt_us = Some(us),
                        Some(_) => {}
                        None => {
                            ia.wrong.get_or_insert_with(|| "`cltt` is not a time".to_owned());
                        }
                    }
                }
            }
            Some(Block::Other(_)) => {}
            None => {
                if let [Token::Word(word), Token::Word(order)] = statement.as_slice()
                    && word == "authoring-byte-order"
                {
                    match order.as_str() {
                        "little-endian" => self.byte_order = ByteOrder::Little,
                        "big-endian" => self.byte_order = ByteOrder::Big,
                        _ => out.push_back(Err(Defect::line(number, "`authoring-byte-order` is not known"))),
                    }
                }
            }
        }
    }
}

impl Ia {
    fn new(line: u64, kind: LeaseKind, identity: &Token, order: ByteOrder) -> Result<Self, &'static str> {
        let octets = octets(identity).ok_or("identity association is not text or hexadecimal")?;
        let Some((iaid, duid)) = octets.split_first_chunk::<4>() else {
            return Err("identity association is shorter than its number");
        };
        let iaid = match order {
            ByteOrder::Big => u32::from_be_bytes(*iaid),
            ByteOrder::Little => u32::from_le_bytes(*iaid),
        };
        Ok(Self { line, kind, iaid: Some(iaid), duid: duid.to_vec(), cltt_us: None, wrong: None })
    }

    fn draft(&self, line: u64, address: IpAddr, prefix_len: u8) -> Draft {
        let mut draft = Draft::new(line, address, prefix_len, self.kind);
        draft.lease.iaid = self.iaid;
        draft.lease.duid.clone_from(&self.duid);
        draft.lease.cltt_us = self.cltt_us;
        draft.wrong.clone_from(&self.wrong);
        draft
    }
}

impl Draft {
    fn new(line: u64, address: IpAddr, prefix_len: u8, kind: LeaseKind) -> Self {
        let lease = Lease {
            address,
            prefix_len,
            kind,
            mac: None,
            client_id: Vec::new(),
            duid: Vec::new(),
            iaid: None,
            circuit_id: Vec::new(),
            remote_id: Vec::new(),
            subnet_id: None,
            starts_us: None,
            cltt_us: None,
            expire_us: None,
            state: LeaseState::Active,
        };
        Self { line, lease, state: None, ends: Ends::NotSaid, wrong: None }
    }

    /// Takes one statement; those that say nothing of who held the address when are passed over.
    fn take(&mut self, statement: &[Token]) -> Result<(), String> {
        let [Token::Word(word), rest @ ..] = statement else { return Ok(()) };
        match (word.as_str(), rest) {
            ("ends", date) => self.ends = instant(date).ok_or("`ends` is not a time")?,
            ("starts", date) => self.lease.starts_us = past(date).ok_or("`starts` is not a time")?,
            ("cltt", date) => self.lease.cltt_us = past(date).ok_or("`cltt` is not a time")?,
            ("binding", [Token::Word(_), Token::Word(state)]) => {
                self.state = Some(binding_state(state).ok_or("`binding state` is not known")?);
            }
            ("binding", _) => return Err("`binding state` is not known".to_owned()),
            // Files of dhcpd 3.0 and older have this instead of a binding state.
            ("abandoned", []) => self.state = Some(LeaseState::Declined),
            ("hardware", [Token::Word(kind), Token::Word(address)]) if kind == "ethernet" => {
                self.lease.mac = Some(isc_mac(address).ok_or("`hardware ethernet` is not a MAC address")?);
            }
            ("uid", value) => {
                self.lease.client_id =
                    value.first().and_then(octets).ok_or("`uid` is not text or hexadecimal")?;
            }
            ("option", [Token::Word(name), value]) if name == "agent.circuit-id" => {
                self.lease.circuit_id =
                    octets(value).ok_or("`agent.circuit-id` is not text or hexadecimal")?;
            }
            ("option", [Token::Word(name), value]) if name == "agent.remote-id" => {
                self.lease.remote_id = octets(value).ok_or("`agent.remote-id` is not text or hexadecimal")?;
            }
            _ => {}
        }
        Ok(())
    }

    fn end(self) -> LeaseRead {
        let wrong = |what: &str| Err(Defect::line(self.line, what));
        if let Some(what) = &self.wrong {
            return wrong(what);
        }
        let mut lease = self.lease;
        lease.state = self.state.unwrap_or(LeaseState::Active);
        lease.expire_us = match self.ends {
            Ends::At(us) => Some(us),
            Ends::Never => None,
            Ends::NotSaid if lease.state == LeaseState::Active => return wrong("`ends` is missing"),
            Ends::NotSaid => None,
        };
        Ok((self.line, lease))
    }
}

fn binding_state(word: &str) -> Option<LeaseState> {
    Some(match word {
        "active" | "bootp" => LeaseState::Active,
        "free" => LeaseState::Free,
        "backup" => LeaseState::Backup,
        "expired" => LeaseState::Expired,
        "released" => LeaseState::Released,
        "abandoned" => LeaseState::Declined,
        "reserved" => LeaseState::Reserved,
        "reset" => LeaseState::Reset,
        _ => return None,
    })
}

/// `W Y/M/D H:M:S`, `epoch N` or `never`.
fn instant(tokens: &[Token]) -> Option<Ends> {
    let mut words = [""; 3];
    if tokens.len() > words.len() {
        return None;
    }
    for (place, token) in words.iter_mut().zip(tokens) {
        let Token::Word(word) = token else { return None };
        *place = word;
    }
    let us = match words {
        ["never", "", ""] => return Some(Ends::Never),
        ["epoch", seconds, ""] => {
            seconds.parse::<u32>().ok().map(|seconds| i64::from(seconds) * 1_000_000)?
        }
        [weekday, date, time] => {
            if !matches!(weekday.as_bytes(), [b'0'..=b'6']) {
                return None;
            }
            let [year, month, day] = numbers(date, '/')?;
            let [hour, minute, second] = numbers(time, ':')?;
            let narrow = |value: i16| i8::try_from(value).ok();
            let wall = DateTime::new(
                year,
                narrow(month)?,
                narrow(day)?,
                narrow(hour)?,
                narrow(minute)?,
                narrow(second)?,
                0,
            );
            wall.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond()
        }
    };
    Some(Ends::At(us))
}

/// A time that lies behind: `never` says that there was none.
fn past(tokens: &[Token]) -> Option<Option<i64>> {
    instant(tokens).map(|instant| match instant {
        Ends::At(us) => Some(us),
        Ends::Never | Ends::NotSaid => None,
    })
}

fn numbers(text: &str, mark: char) -> Option<[i16; 3]> {
    let numbers: Option<Vec<i16>> = text
        .split(mark)
        .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten())
        .collect();
    numbers?.try_into().ok()
}

/// dhcpd prints octets without leading zeros in some versions.
fn isc_mac(text: &str) -> Option<[u8; 6]> {
    parse_mac(text).or_else(|| parse_hex(text)?.try_into().ok())
}

/// A quoted text's octets, or hexadecimal ones with colons.
fn octets(token: &Token) -> Option<Vec<u8>> {
    match token {
        Token::Text(octets) => Some(octets.clone()),
        Token::Word(word) => parse_hex(word),
    }
}

/// The octets up to the closing quote, and what follows it; `\ooo` is an octet in octal.
fn quoted(text: &[u8]) -> (Option<Vec<u8>>, &[u8]) {
    let mut octets = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [] => return (None, rest),
            [b'"', behind @ ..] => return (Some(octets), behind),
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', behind @ ..] => {
                octets.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = behind;
            }
            [b'\\', mark, behind @ ..] => {
                octets.push(match mark {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    other => *other,
                });
                rest = behind;
            }
            [octet, behind @ ..] => {
                octets.push(*octet);
                rest = behind;
            }
        }
    }
}

/// What begins a new block or statement at the left margin, so that one torn before it does not swallow it.
const TOP_LEVEL: [&[u8]; 6] =
    [b"lease ", b"ia-na ", b"ia-ta ", b"ia-pd ", b"failover peer ", b"server-duid "];

/// Words of a statement that are kept; `set` expressions may be longer and are not needed.
const MAX_STATEMENT: usize = 256;
