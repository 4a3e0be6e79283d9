//! Source NAT rules of a Linux gateway, as `nft list ruleset` prints them.
//!
//! What comes in: the text of a ruleset, with rules such as `ip saddr 100.64.0.0/28 … snat to 192.0.2.1:1024-8191` and
//! maps such as `snat ip to ip saddr map { 100.64.0.1 : 192.0.2.1 . 1024-2047, … }`, in the rule or by name. What goes
//! out: one [`CgnRule`] for each inside range and protocol, with the line it stands on; several inside addresses of
//! one rule share its ports. A source NAT that it does not understand is a defect, never silence: its outside
//! addresses may belong to somebody else than the other rules say. Destination NAT and filters are passed over.

mod words;

use std::{
    collections::{HashMap, VecDeque},
    io::BufRead,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    cgn_rules::{Allocation, CgnRule, Reach},
    lines::{Fault, Line, Lines},
    range::AddressRange,
    row::text_of,
};
use crate::Defect;
use words::{Element, Token, elements, protocol_number, range_of, skip_value, words};

/// Reads the source NAT rules of a ruleset: each item is the line number and a rule, or a fault.
pub struct NftRules<R> {
    lines: Lines<R>,
    reader: Reader,
    ended: bool,
}

impl<R: BufRead> NftRules<R> {
    /// A ruleset in `input`.
    pub fn new(input: R) -> Self {
        Self { lines: Lines::bounded(input, MAX_LINE), reader: Reader::default(), ended: false }
    }
}

impl<R: BufRead> Iterator for NftRules<R> {
    type Item = Result<(u64, CgnRule), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(ready) = self.reader.ready.pop_front() {
                return Some(ready.map_err(Fault::from));
            }
            if self.ended {
                return None;
            }
            match self.lines.next_line() {
                Ok(Some((number, line))) => self.reader.line(number, line),
                Ok(None) => {
                    self.ended = true;
                    self.reader.finish();
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
            }
        }
    }
}

#[derive(Default)]
struct Reader {
    /// Blocks that are open, from the outside in.
    blocks: Vec<Block>,
    /// The statement being collected, with the depth of braces inside it.
    statement: Vec<Token>,
    depth: u32,
    octets: usize,
    too_long: bool,
    /// Elements of named maps and sets, by name.
    maps: HashMap<String, Vec<Element>>,
    ready: VecDeque<Result<(u64, CgnRule), Defect>>,
}

enum Block {
    /// A table, a chain, or something that is passed over.
    Plain,
    /// A named map or set whose elements are kept.
    Named(String),
}

// ---------------------------------------------------------------------------------------------------- statements

impl Reader {
    fn line(&mut self, number: u64, line: Line<'_>) {
        let text = match (line, text_of(line)) {
            (_, Ok(text)) => text,
            (Line::TooLong, _) => {
                self.too_long = self.depth > 0;
                self.ready.push_back(Err(Defect::line(number, "line is longer than 32 MiB")));
                return;
            }
            (_, Err(what)) => {
                self.ready.push_back(Err(Defect::line(number, what)));
                return;
            }
        };
        let mut continued = false;
        for word in words(text) {
            continued = false;
            match word {
                "{" if self.depth == 0 && self.opens_block() => self.open_block(),
                "{" => {
                    self.depth += 1;
                    self.push(number, word);
                }
                "}" if self.depth == 0 => {
                    self.end_statement();
                    if self.blocks.pop().is_none() {
                        self.ready
                            .push_back(Err(Defect::line(number, "closing brace without an opening one")));
                    }
                }
                "}" => {
                    self.depth -= 1;
                    self.push(number, word);
                }
                ";" if self.depth == 0 => self.end_statement(),
                "\\" => continued = true,
                _ => self.push(number, word),
            }
        }
        if self.depth == 0 && !continued {
            self.end_statement();
        }
    }

    fn finish(&mut self) {
        if let Some(token) = self.statement.first()
            && self.depth > 0
        {
            self.ready.push_back(Err(Defect::line(token.line, "statement is not closed")));
            self.statement.clear();
        }
        self.end_statement();
    }

    fn push(&mut self, line: u64, text: &str) {
        self.octets += text.len() + size_of::<Token>();
        if self.octets > MAX_STATEMENT {
            self.too_long = true;
        } else {
            self.statement.push(Token { line, text: text.to_owned() });
        }
    }

    fn opens_block(&self) -> bool {
        let first = self.statement.first().map(|token| token.text.as_str());
        let first = match first {
            Some("add" | "create") => self.statement.get(1).map(|token| token.text.as_str()),
            first => first,
        };
        match first {
            None | Some("table" | "chain" | "map" | "set") => true,
            // In a table everything in braces is an object (`counter`, `ct helper`, `flowtable`); in a chain a set.
            Some(_) => self.blocks.len() == 1,
        }
    }

    fn open_block(&mut self) {
        let mut texts = self.statement.iter().map(|token| token.text.as_str());
        let block = match texts.next() {
            Some("map" | "set") => Block::Named(texts.next_back().unwrap_or_default().to_owned()),
            _ => Block::Plain,
        };
        if self.blocks.len() < MAX_DEPTH {
            self.blocks.push(block);
        } else if let Some(token) = self.statement.first() {
            self.ready.push_back(Err(Defect::line(token.line, "blocks are nested too deep")));
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.statement.clear();
        self.octets = 0;
        self.depth = 0;
        self.too_long = false;
    }

    fn end_statement(&mut self) {
        let statement = std::mem::take(&mut self.statement);
        let too_long = self.too_long;
        self.clear();
        let Some(first) = statement.first() else { return };
        if too_long {
            self.ready.push_back(Err(Defect::line(first.line, "statement is too long")));
            return;
        }
        if let (Some(Block::Named(name)), "elements") = (self.blocks.last(), first.text.as_str()) {
            let from =
                statement.iter().position(|token| token.text == "{").map_or(statement.len(), |at| at + 1);
            let elements = elements(statement.get(from..).unwrap_or_default());
            self.maps.insert(name.clone(), elements);
            return;
        }
        let line = first.line;
        if statement.iter().any(|token| token.text == "masquerade") {
            self.ready.push_back(Err(Defect::line(line, "`masquerade` does not say its outside address")));
            return;
        }
        let Some(at) = statement.iter().position(|token| token.text == "snat") else { return };
        let (matches, target) = statement.split_at_checked(at).unwrap_or_default();
        match self.rules(matches, target.get(1..).unwrap_or_default(), line) {
            Ok(rules) => self.ready.extend(rules.into_iter().map(Ok)),
            Err(defect) => self.ready.push_back(Err(defect)),
        }
    }

    /// The rules of one statement, cut before and behind the word `snat`.
    fn rules(&self, matches: &[Token], target: &[Token], line: u64) -> Result<Vec<(u64, CgnRule)>, Defect> {
        let matches = self.matches(matches, line)?;
        let target = skip_target_head(target);
        let mut rules = Vec::new();
        let mut add = |line: u64, inside: AddressRange, outside: &Outside| {
            for protocol in &matches.protocols {
                rules.push((line, outside.rule(inside, *protocol, matches.reach)));
            }
        };
        if let [family, field, map, from @ ..] = target
            && matches!(family.text.as_str(), "ip" | "ip6")
            && field.text == "saddr"
            && map.text == "map"
        {
            for element in self.elements_of(from).ok_or_else(|| Defect::line(line, "map is not known"))? {
                let what = || Defect::line(element.line, "map element of `snat` is not understood");
                let [key] = element.key.as_slice() else { return Err(what()) };
                let Some(inside) = range_of(key) else { return Err(what()) };
                let outside = Outside::of_element(&element.value).ok_or_else(what)?;
                for inside in overlaps(inside, &matches.inside) {
                    add(element.line, inside, &outside);
                }
            }
            return Ok(rules);
        }
        let outside = match target {
            [word, flags @ ..] if flags.iter().all(|flag| FLAGS.contains(&flag.text.as_str())) => {
                Outside::of_word(&word.text)
            }
            _ => None,
        };
        let outside = outside.ok_or_else(|| Defect::line(line, "target of `snat` is not understood"))?;
        let everything = everything(outside.addresses.first);
        let inside = if matches.inside.is_empty() { vec![everything] } else { matches.inside.clone() };
        for inside in inside {
            add(line, inside, &outside);
        }
        Ok(rules)
    }

    fn matches(&self, tokens: &[Token], line: u64) -> Result<Matches, Defect> {
        let mut found = Matches { inside: Vec::new(), protocols: Vec::new(), reach: Reach::AllTraffic };
        let mut rest = tokens;
        while let [word, behind @ ..] = rest {
            let second = behind.first().map(|token| token.text.as_str());
            rest = behind;
            match (word.text.as_str(), second) {
                ("ip" | "ip6", Some("saddr")) => {
                    let elements = self.take_values(&mut rest, line)?;
                    for element in elements {
                        let range = match element.key.as_slice() {
                            [key] => range_of(key),
                            _ => None,
                        };
                        let range = range.ok_or_else(|| Defect::line(line, "`saddr` is not understood"))?;
                        found.inside.push(range);
                    }
                }
                ("ip", Some("protocol")) | ("ip6", Some("nexthdr")) | ("meta", Some("l4proto")) => {
                    for element in self.take_values(&mut rest, line)? {
                        let protocol = element.key.first().and_then(|key| protocol_number(key));
                        let protocol = protocol.ok_or_else(|| Defect::line(line, "protocol is not known"))?;
                        found.protocols.push(Some(protocol));
                    }
                }
                ("oifname" | "iifname" | "oif" | "iif", _) => {
                    if second == Some("!=") {
                        rest = rest.get(1..).unwrap_or_default();
                    }
                    skip_value(&mut rest);
                }
                ("counter", Some("packets")) => rest = rest.get(4..).unwrap_or_default(),
                ("meta", Some("nfproto")) | ("log", Some("prefix")) => {
                    rest = rest.get(2..).unwrap_or_default()
                }
                ("counter" | "log", _) => {}
                ("comment", _) => skip_value(&mut rest),
                (name @ ("tcp" | "udp" | "udplite" | "sctp" | "dccp"), _) => {
                    found.reach = Reach::PartOfTraffic;
                    if found.protocols.is_empty() {
                        found.protocols.push(protocol_number(name));
                    }
                }
                _ => found.reach = Reach::PartOfTraffic,
            }
        }
        if found.protocols.is_empty() {
            found.protocols.push(None);
        }
        Ok(found)
    }

    /// The values behind a two-word match, whose first word has been taken.
    fn take_values(&self, rest: &mut &[Token], line: u64) -> Result<Vec<Element>, Defect> {
        let values = rest.get(1..).unwrap_or_default();
        if matches!(values.first().map(|token| token.text.as_str()), Some("!=" | "==" | "&" | "<" | ">")) {
            return Err(Defect::line(line, "operator in a match of a `snat` rule is not understood"));
        }
        let elements =
            self.elements_of(values).ok_or_else(|| Defect::line(line, "set in a match is not known"))?;
        *rest = values;
        skip_value(rest);
        Ok(elements)
    }

    /// A value, an anonymous set or map, or a named one.
    fn elements_of(&self, tokens: &[Token]) -> Option<Vec<Element>> {
        match tokens {
            [open, inner @ ..] if open.text == "{" => Some(elements(inner)),
            [word, ..] => match word.text.strip_prefix('@') {
                Some(name) => self.maps.get(name).cloned(),
                None => {
                    Some(vec![Element { line: word.line, key: vec![word.text.clone()], value: Vec::new() }])
                }
            },
            [] => None,
        }
    }
}

struct Matches {
    inside: Vec<AddressRange>,
    /// Never empty; `None` is every protocol.
    protocols: Vec<Option<u8>>,
    reach: Reach,
}

// ------------------------------------------------------------------------------------------------------- targets

struct Outside {
    addresses: AddressRange,
    first_port: u16,
    last_port: u16,
}

impl Outside {
    fn new(addresses: &str, ports: Option<&str>) -> Option<Self> {
        let addresses = range_of(addresses)?;
        let (first_port, last_port) = match ports {
            // Without ports the kernel keeps the client's own port where it can.
            None => (0, u16::MAX),
            Some(ports) => match ports.split_once('-') {
                Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
                None => {
                    let port = ports.parse().ok()?;
                    (port, port)
                }
            },
        };
        (first_port <= last_port).then_some(Self { addresses, first_port, last_port })
    }

    /// `192.0.2.1-192.0.2.4:1024-8191`, `[2001:db8::1]:1024-8191`, or without ports.
    fn of_word(word: &str) -> Option<Self> {
        if let Some(bracketed) = word.strip_prefix('[') {
            let (addresses, ports) = bracketed.rsplit_once("]:")?;
            return Self::new(&addresses.replace(['[', ']'], ""), Some(ports));
        }
        match word.split_once(':') {
            Some((addresses, ports)) if !ports.contains(':') && addresses.contains('.') => {
                Self::new(addresses, Some(ports))
            }
            _ => Self::new(word, None),
        }
    }

    /// `192.0.2.1 . 1024-2047` or `192.0.2.1`.
    fn of_element(value: &[String]) -> Option<Self> {
        match value {
            [addresses] => Self::new(addresses, None),
            [addresses, dot, ports] if dot == "." => Self::new(addresses, Some(ports)),
            _ => None,
        }
    }

    fn rule(&self, inside: AddressRange, protocol: Option<u8>, reach: Reach) -> CgnRule {
        CgnRule {
            inside,
            inside_realm: None,
            outside: self.addresses,
            first_port: self.first_port,
            last_port: self.last_port,
            allocation: Allocation::Shared,
            protocol,
            reach,
            from_us: None,
            until_us: None,
            gateway: None,
        }
    }
}

/// Passes over `ip`, `ip6`, `prefix`, `addr . port` and `to` behind `snat`.
fn skip_target_head(mut target: &[Token]) -> &[Token] {
    while let [word, rest @ ..] = target {
        target = rest;
        if word.text == "to" {
            break;
        }
        if !matches!(word.text.as_str(), "ip" | "ip6" | "prefix" | "addr" | "." | "port") {
            return &[];
        }
    }
    target
}

/// The parts of a map's key that the rule's own `saddr` lets through.
fn overlaps(key: AddressRange, matched: &[AddressRange]) -> Vec<AddressRange> {
    if matched.is_empty() {
        return vec![key];
    }
    let cut = |range: &AddressRange| AddressRange::new(key.first.max(range.first), key.last.min(range.last));
    matched.iter().filter_map(cut).collect()
}

fn everything(like: IpAddr) -> AddressRange {
    match like {
        IpAddr::V4(_) => {
            AddressRange { first: Ipv4Addr::UNSPECIFIED.into(), last: Ipv4Addr::BROADCAST.into() }
        }
        IpAddr::V6(_) => {
            AddressRange { first: Ipv6Addr::UNSPECIFIED.into(), last: Ipv6Addr::from_bits(u128::MAX).into() }
        }
    }
}

const FLAGS: [&str; 4] = ["random", "fully-random", "persistent", ","];

/// The longest line that is read, in octets: nft prints a map inside a rule on one line.
const MAX_LINE: usize = 32 * 1024 * 1024;

/// The longest statement that is kept, in octets of memory: a map of some 300,000 subscribers.
const MAX_STATEMENT: usize = 128 * 1024 * 1024;

const MAX_DEPTH: usize = 16;
