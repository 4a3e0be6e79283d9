//! From tokens to the tree. While it goes it notes what it looked for at each token, which is what an error and a
//! completion offer.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use tadoru_model::Prefix;

use super::build::{Sense, Side, address, address_of_sides, joined, number, of_sides};
use super::lexer::{Kind, Token, in_word, tokens};
use super::values::{
    Comparison, direction, flag_bits, is_comparison, looks_like_address, mac, partial, scaled, width,
};
use super::{AddressField, Field, FilterError, Node, Reason, Test, time, words};

/// The tree of a filter.
pub(super) fn parse(text: &str) -> Result<Node, FilterError> {
    Parser::new(text)?.filter()
}

/// What could stand at byte `at` of a text: words as they are written, and kinds of value in angle brackets. A word
/// that `at` ends or cuts counts as not yet written. Empty where the text before is no beginning of a filter.
pub fn expected_at(text: &str, at: usize) -> Vec<&'static str> {
    let before = text.get(..at).unwrap_or(text).trim_end_matches(in_word);
    let Ok(mut parser) = Parser::new(before) else { return Vec::new() };
    match parser.filter() {
        Ok(_) => parser.expected,
        Err(error) if error.at == before.len() => error.expected,
        Err(_) => Vec::new(),
    }
}

struct Parser<'a> {
    tokens: std::vec::IntoIter<Token<'a>>,
    token: Token<'a>,
    /// What was looked for at `token` and was not there.
    expected: Vec<&'static str>,
    depth: usize,
}

type Step<T> = Result<T, FilterError>;

// Walking ---------------------------------------------------------------------------------------------------------

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Step<Self> {
        if text.len() > MAX_LEN {
            return Err(FilterError { at: MAX_LEN, reason: Reason::TooLong(MAX_LEN), expected: Vec::new() });
        }
        let end = Token { at: text.len(), kind: Kind::End };
        let mut tokens = tokens(text).into_iter();
        let token = tokens.next().unwrap_or(end);
        Ok(Self { tokens, token, expected: Vec::new(), depth: 0 })
    }

    /// Goes on to the next token; the last stays.
    fn advance(&mut self) {
        if let Some(next) = self.tokens.next() {
            self.token = next;
            self.expected.clear();
        }
    }

    /// Whether the token is one of a word's spellings; goes on if so. The first spelling is the one offered.
    fn take(&mut self, spellings: &[&'static str]) -> bool {
        let here = match self.token.kind {
            Kind::Word(word) => word,
            Kind::Sign(sign) => sign,
            Kind::Stray | Kind::End => "",
        };
        let found = spellings.iter().any(|spelling| spelling.eq_ignore_ascii_case(here));
        if found {
            self.advance();
        } else if let Some(offered) = spellings.first() {
            self.offer(offered);
        }
        found
    }

    /// Whether a word stands here, which is not offered.
    fn stands(&self, known: &str) -> bool {
        matches!(self.token.kind, Kind::Word(word) if word.eq_ignore_ascii_case(known))
    }

    /// Notes what could stand here.
    fn offer(&mut self, what: &'static str) {
        if !self.expected.contains(&what) {
            self.expected.push(what);
        }
    }

    /// The word that stands here, which was expected to be `what`.
    fn word(&mut self, what: &'static str) -> Step<&'a str> {
        self.offer(what);
        match self.token.kind {
            Kind::Word(word) => Ok(word),
            _ => Err(self.unexpected()),
        }
    }

    fn require(&mut self, spellings: &[&'static str]) -> Step<()> {
        if self.take(spellings) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> FilterError {
        let ended = self.token.kind == Kind::End;
        self.fault(if ended { Reason::Unfinished } else { Reason::Unexpected })
    }

    fn fault(&self, reason: Reason) -> FilterError {
        let offers = matches!(reason, Reason::Unexpected | Reason::Unfinished);
        let expected = if offers { self.expected.clone() } else { Vec::new() };
        FilterError { at: self.token.at, reason, expected }
    }
}

// Expressions -----------------------------------------------------------------------------------------------------

impl Parser<'_> {
    fn filter(&mut self) -> Step<Node> {
        if self.token.kind == Kind::End {
            // Fails, and leaves what a filter can begin with in `expected`.
            return self.unary(Sense::Positive).or(Ok(Node::Any));
        }
        let node = self.disjunction(Sense::Positive)?;
        if self.token.kind == Kind::End { Ok(node) } else { Err(self.unexpected()) }
    }

    fn disjunction(&mut self, sense: Sense) -> Step<Node> {
        let mut parts = vec![self.conjunction(sense)?];
        while self.take(&["or", "||"]) {
            parts.push(self.conjunction(sense)?);
        }
        Ok(joined(parts, sense, Side::Either))
    }

    fn conjunction(&mut self, sense: Sense) -> Step<Node> {
        let mut parts = vec![self.unary(sense)?];
        while self.take(&["and", "&&"]) {
            parts.push(self.unary(sense)?);
        }
        Ok(joined(parts, sense, Side::Both))
    }

    fn unary(&mut self, mut sense: Sense) -> Step<Node> {
        while self.take(&["not", "!"]) {
            sense = if sense == Sense::Positive { Sense::Negative } else { Sense::Positive };
        }
        if !self.take(&["("]) {
            return self.term(sense);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(Reason::TooDeep(MAX_DEPTH)));
        }
        let inner = self.disjunction(sense)?;
        self.require(&[")"])?;
        self.depth -= 1;
        Ok(inner)
    }

    fn term(&mut self, sense: Sense) -> Step<Node> {
        if self.take(&["any"]) {
            return Ok(if sense == Sense::Positive { Node::Any } else { Node::Never });
        }
        if self.take(&["ipv4", "inet"]) {
            return Ok(number(Field::Ip, vec![4..=4], sense));
        }
        if self.take(&["ipv6", "inet6"]) {
            return Ok(number(Field::Ip, vec![6..=6], sense));
        }
        if self.take(&["proto"]) {
            return self.protocol(sense);
        }
        if self.take(&["src"]) {
            let side = self.other_side("dst", Side::Src)?;
            return self.sided(side, sense);
        }
        if self.take(&["dst"]) {
            let side = self.other_side("src", Side::Dst)?;
            return self.sided(side, sense);
        }
        if self.take(&["in"]) {
            return self.inbound(sense);
        }
        if self.take(&["out"]) {
            return self.outbound(sense);
        }
        if self.take(&["next"]) {
            return self.router(AddressField::NextHop, sense);
        }
        if self.take(&["bgpnext"]) {
            return self.router(AddressField::BgpNextHop, sense);
        }
        if self.take(&["router"]) {
            return self.router(AddressField::Exporter, sense);
        }
        if self.take(&["flags"]) {
            return self.flags(sense);
        }
        if self.take(&["fwdstat"]) {
            return self.named(Field::Forwarding, words::forwarding, "<state>", sense);
        }
        if self.take(&["flowdir", "dir"]) {
            return self.named(Field::Direction, direction, "ingress", sense);
        }
        if self.take(&["icmp-type"]) {
            return self.icmp(Field::IcmpType, sense);
        }
        if self.take(&["icmp-code"]) {
            return self.icmp(Field::IcmpCode, sense);
        }
        if self.take(&["first"]) {
            return self.seen(Field::FirstUs, sense);
        }
        if self.take(&["last"]) {
            return self.seen(Field::LastUs, sense);
        }
        if self.take(&["observation"]) {
            return self.observation(sense);
        }
        for (spellings, field) in COUNTS {
            if self.take(spellings) {
                return self.count(*field, u64::MAX, sense);
            }
        }
        if self.take(&["if"]) {
            return self.count_of_sides((Field::Input, Field::Output), u32::MAX.into(), Side::Either, sense);
        }
        self.sided(Side::Unsaid, sense)
    }

    /// What may follow `src`, `dst` and both, or stand alone for either.
    fn sided(&mut self, side: Side, sense: Sense) -> Step<Node> {
        if self.take(&["ip", "host"]) {
            let within = self.addresses()?;
            return Ok(address_of_sides(within, side, sense));
        }
        if self.take(&["net"]) {
            let within = vec![self.network()?];
            return Ok(address_of_sides(within, side, sense));
        }
        for (spellings, fields, max) in PAIRS {
            if self.take(spellings) {
                return self.count_of_sides(*fields, *max, side, sense);
            }
        }
        if matches!(side, Side::Src | Side::Unsaid) && self.take(&["tos"]) {
            return self.count(Field::Tos, u8::MAX.into(), sense);
        }
        Err(match self.token.kind {
            Kind::Word(word) if word.starts_with('@') => self.fault(Reason::Include),
            Kind::Word(word) => match words::not_kept(word) {
                Some(field) => self.fault(Reason::NotKept(field)),
                None if self.stands("tos") => self.fault(Reason::NotKept("dst tos")),
                None => self.unexpected(),
            },
            _ => self.unexpected(),
        })
    }

    /// The rest of `src or dst`, `src and dst` and their like, or nothing.
    fn other_side(&mut self, other: &'static str, alone: Side) -> Step<Side> {
        let side = if self.take(&["or", "||"]) {
            Side::Either
        } else if self.take(&["and", "&&"]) {
            Side::Both
        } else {
            return Ok(alone);
        };
        self.require(&[other])?;
        Ok(side)
    }
}

// Terms -----------------------------------------------------------------------------------------------------------

impl Parser<'_> {
    fn inbound(&mut self, sense: Sense) -> Step<Node> {
        if self.take(&["src"]) {
            self.require(&["mac"])?;
            return self.mac(Field::InSrcMac, sense);
        }
        if self.take(&["if"]) {
            return self.count(Field::Input, u32::MAX.into(), sense);
        }
        if self.take(&["packets"]) {
            return self.count(Field::Packets, u64::MAX, sense);
        }
        if self.take(&["bytes"]) {
            return self.count(Field::Bytes, u64::MAX, sense);
        }
        Err(self.other_macs("dst", "in dst mac"))
    }

    fn outbound(&mut self, sense: Sense) -> Step<Node> {
        if self.take(&["dst"]) {
            self.require(&["mac"])?;
            return self.mac(Field::OutDstMac, sense);
        }
        if self.take(&["if"]) {
            return self.count(Field::Output, u32::MAX.into(), sense);
        }
        if self.take(&["packets"]) {
            return self.count(Field::ReversePackets, u64::MAX, sense);
        }
        if self.take(&["bytes"]) {
            return self.count(Field::ReverseBytes, u64::MAX, sense);
        }
        Err(self.other_macs("src", "out src mac"))
    }

    /// The fault of what stands behind `in` and `out` and is not kept, or is nothing.
    fn other_macs(&self, side: &str, field: &'static str) -> FilterError {
        match () {
            () if self.stands(side) => self.fault(Reason::NotKept(field)),
            () if self.stands("mac") => self.fault(Reason::NotKept(field)),
            () => self.unexpected(),
        }
    }

    fn mac(&mut self, field: Field, sense: Sense) -> Step<Node> {
        let Some(mac) = mac(self.word("<mac>")?) else { return Err(self.unexpected()) };
        self.advance();
        Ok(number(field, vec![mac..=mac], sense))
    }

    fn router(&mut self, field: AddressField, sense: Sense) -> Step<Node> {
        if field == AddressField::NextHop && self.stands("as") {
            return Err(self.fault(Reason::NotKept("next as")));
        }
        self.require(&["ip"])?;
        let within = self.addresses()?;
        Ok(address(field, within, sense))
    }

    fn protocol(&mut self, sense: Sense) -> Step<Node> {
        self.named(Field::Proto, words::protocol, "<protocol>", sense)
    }

    fn named(
        &mut self,
        field: Field,
        names: fn(&str) -> Option<u64>,
        offered: &'static str,
        sense: Sense,
    ) -> Step<Node> {
        self.offer(offered);
        if field == Field::Direction {
            self.offer("egress");
        }
        if let Kind::Word(word) = self.token.kind
            && let Some(value) = names(word)
        {
            self.advance();
            return Ok(number(field, vec![value..=value], sense));
        }
        self.count(field, u8::MAX.into(), sense)
    }

    fn icmp(&mut self, field: Field, sense: Sense) -> Step<Node> {
        let value = self.count(field, u8::MAX.into(), sense)?;
        let icmp = number(Field::Proto, vec![ICMP..=ICMP, ICMP6..=ICMP6], sense);
        Ok(joined(vec![icmp, value], sense, Side::Both))
    }

    /// `flags` means TCP. Letters are all set; in the negative none of them is, as the manual's
    /// `flags S and not flags AFRPU` has it.
    fn flags(&mut self, sense: Sense) -> Step<Node> {
        let tcp = number(Field::Proto, vec![TCP..=TCP], sense);
        self.offer("<flags>");
        let value = match self.token.kind {
            Kind::Word(word)
                if word.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_comparison(word) =>
            {
                let of = flag_bits(word).ok_or_else(|| self.fault(Reason::Flags))?;
                self.advance();
                Node::Is(Test::Flags { of, set: if sense == Sense::Positive { of } else { 0 } })
            }
            _ => self.count(Field::TcpFlags, u8::MAX.into(), sense)?,
        };
        Ok(joined(vec![tcp, value], sense, Side::Both))
    }

    fn observation(&mut self, sense: Sense) -> Step<Node> {
        if self.stands("point") {
            return Err(self.fault(Reason::NotKept("observation point id")));
        }
        self.require(&["domain"])?;
        self.require(&["id"])?;
        self.count(Field::Domain, u32::MAX.into(), sense)
    }

    fn seen(&mut self, field: Field, sense: Sense) -> Step<Node> {
        self.require(&["seen"])?;
        let comparison = self.comparison();
        let ms = time::parse(self.word("<time>")?).map_err(|reason| self.fault(reason))?;
        self.advance();
        let within = comparison.ranges(ms).into_iter().map(|ms| {
            let (from, to) = ms.into_inner();
            from.saturating_mul(1000)..=to.saturating_mul(1000).saturating_add(999)
        });
        Ok(number(field, within.collect(), sense))
    }
}

// Values ----------------------------------------------------------------------------------------------------------

impl Parser<'_> {
    fn count_of_sides(&mut self, fields: (Field, Field), max: u64, side: Side, sense: Sense) -> Step<Node> {
        let within = self.ranges(max)?;
        let (src, dst) = fields;
        Ok(of_sides(side, sense, |is_src| number(if is_src { src } else { dst }, within.clone(), sense)))
    }

    fn count(&mut self, field: Field, max: u64, sense: Sense) -> Step<Node> {
        Ok(number(field, self.ranges(max)?, sense))
    }

    /// A comparison with a number, or a list of numbers.
    fn ranges(&mut self, max: u64) -> Step<Vec<RangeInclusive<u64>>> {
        if self.take(&["in"]) {
            if self.stands("pblock") {
                return Err(self.fault(Reason::NotKept("port block")));
            }
            return self.list(|parser| parser.value(max).map(|value| value..=value));
        }
        let comparison = self.comparison();
        let value = self.value(max)?;
        Ok(comparison.ranges(value))
    }

    fn comparison(&mut self) -> Comparison {
        let known = [
            (["=", "==", "eq"], Comparison::Equal),
            (["<", "lt", "lt"], Comparison::Less),
            ([">", "gt", "gt"], Comparison::Greater),
            (["<=", "le", "le"], Comparison::AtMost),
            ([">=", "ge", "ge"], Comparison::AtLeast),
        ];
        for (spellings, comparison) in known {
            if self.take(&spellings) {
                return comparison;
            }
        }
        Comparison::Equal
    }

    fn value(&mut self, max: u64) -> Step<u64> {
        let word = self.word("<number>")?;
        match scaled(word) {
            Some(value) if value <= max => {
                self.advance();
                Ok(value)
            }
            Some(_) => Err(self.fault(Reason::TooLarge(max))),
            None => Err(self.unexpected()),
        }
    }

    /// Items in brackets, apart by space or comma.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Step<T>) -> Step<Vec<T>> {
        self.require(&["["])?;
        let mut items = vec![item(self)?];
        loop {
            if self.take(&["]"]) {
                return Ok(items);
            }
            self.take(&[","]);
            items.push(item(self)?);
        }
    }

    /// One address, or a list of addresses and networks.
    fn addresses(&mut self) -> Step<Vec<Prefix>> {
        if self.take(&["in"]) {
            return self.list(Self::listed);
        }
        self.host().map(|addr| vec![Prefix::host(addr)])
    }

    fn listed(&mut self) -> Step<Prefix> {
        let addr = self.host()?;
        if self.take(&["/"]) { self.prefix(addr, width(addr)) } else { Ok(Prefix::host(addr)) }
    }

    fn host(&mut self) -> Step<IpAddr> {
        let word = self.word("<address>")?;
        match word.parse() {
            Ok(addr) => {
                self.advance();
                Ok(addr)
            }
            Err(_) if looks_like_address(word) => Err(self.unexpected()),
            Err(_) => Err(self.fault(Reason::HostName)),
        }
    }

    /// `a.b.c.d/m`, `a.b/m`, an IPv6 address `/m`, or `a.b.c.d mask`.
    fn network(&mut self) -> Step<Prefix> {
        let word = self.word("<network>")?;
        let Some((addr, given)) = word.parse().map(|addr| (addr, width(addr))).ok().or_else(|| partial(word))
        else {
            let names = !looks_like_address(word);
            return Err(if names { self.fault(Reason::HostName) } else { self.unexpected() });
        };
        self.advance();
        if self.take(&["/"]) {
            return self.prefix(addr, given);
        }
        match self.token.kind {
            Kind::Word(mask) if addr.is_ipv4() && given == 32 => {
                self.offer("<netmask>");
                let mask: Ipv4Addr = mask.parse().map_err(|_| self.unexpected())?;
                let len = mask.to_bits().leading_ones();
                if mask.to_bits().checked_shl(len).unwrap_or(0) != 0 {
                    return Err(self.fault(Reason::Netmask));
                }
                let prefix = u8::try_from(len).ok().and_then(|len| Prefix::covering(addr, len).ok());
                let prefix = prefix.ok_or_else(|| self.fault(Reason::Netmask))?;
                self.advance();
                Ok(prefix)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// The length behind `/`, at most `given` bits.
    fn prefix(&mut self, addr: IpAddr, given: u8) -> Step<Prefix> {
        let word = self.word("<number>")?;
        let Some(len) = scaled(word) else { return Err(self.unexpected()) };
        let len = u8::try_from(len).ok().filter(|len| *len <= given);
        let prefix = len.and_then(|len| Prefix::covering(addr, len).ok());
        let prefix = prefix.ok_or_else(|| self.fault(Reason::PrefixLength))?;
        self.advance();
        Ok(prefix)
    }
}

type Counts = &'static [(&'static [&'static str], Field)];
type Pairs = &'static [(&'static [&'static str], (Field, Field), u64)];

const COUNTS: Counts = &[
    (&["packets"], Field::Packets),
    (&["bytes"], Field::Bytes),
    (&["flows", "flow"], Field::Flows),
    (&["duration"], Field::DurationMs),
    (&["pps"], Field::PacketsPerSecond),
    (&["bps"], Field::BitsPerSecond),
    (&["bpp"], Field::BytesPerPacket),
];

const PAIRS: Pairs = &[
    (&["port"], (Field::SrcPort, Field::DstPort), u16::MAX as u64),
    (&["as"], (Field::SrcAs, Field::DstAs), u32::MAX as u64),
    (&["mask"], (Field::SrcMask, Field::DstMask), u8::MAX as u64),
    (&["vlan"], (Field::SrcVlan, Field::DstVlan), u16::MAX as u64),
];

const TCP: u64 = 6;
const ICMP: u64 = 1;
const ICMP6: u64 = 58;
const MAX_DEPTH: usize = 64;
const MAX_LEN: usize = 1 << 20;
