//! The words of a ruleset and the elements of its sets and maps.
//!
//! What comes in: a line of text, or the words between two braces. What goes out: words, and elements without the
//! counters, timeouts and comments that nft prints with them.

use crate::tables::AddressRange;

/// A word and the line it stands on.
pub(super) struct Token {
    pub(super) line: u64,
    pub(super) text: String,
}

/// An element of a set or map.
#[derive(Clone)]
pub(super) struct Element {
    pub(super) line: u64,
    /// Words before the colon.
    pub(super) key: Vec<String>,
    /// Words behind it; empty in a set.
    pub(super) value: Vec<String>,
}

/// The words of a line: braces, commas and semicolons stand alone, a quoted text is one word, `#` starts a comment.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = match first {
            '#' => return None,
            '{' | '}' | ',' | ';' => 1,
            '"' => rest.get(1..).and_then(|tail| tail.find('"')).map_or(rest.len(), |at| at + 2),
            _ => {
                rest.find(|mark: char| mark.is_whitespace() || "{},;\"".contains(mark)).unwrap_or(rest.len())
            }
        };
        let (word, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some(word)
    })
}

/// The elements up to the closing brace; counters, timeouts and comments of an element are passed over.
pub(super) fn elements(tokens: &[Token]) -> Vec<Element> {
    let tokens = tokens.split(|token| token.text == "}").next().unwrap_or_default();
    let one = |tokens: &[Token]| {
        let line = tokens.first()?.line;
        let mut element = Element { line, key: Vec::new(), value: Vec::new() };
        let mut behind_colon = false;
        let mut noise = 0u8;
        for token in tokens {
            let text = token.text.as_str();
            match text {
                ":" => (behind_colon, noise) = (true, 0),
                _ if noise > 0 => noise -= 1,
                "counter" => noise = 4,
                "timeout" | "expires" | "comment" => noise = 1,
                _ if behind_colon => element.value.push(text.to_owned()),
                _ => match text.strip_suffix(':') {
                    // `a: b` as people write it.
                    Some(key) if !key.ends_with(':') => {
                        element.key.push(key.to_owned());
                        behind_colon = true;
                    }
                    _ => element.key.push(text.to_owned()),
                },
            }
        }
        Some(element)
    };
    tokens.split(|token| token.text == ",").filter_map(one).collect()
}

/// Passes over one value: a word, or a set in braces.
pub(super) fn skip_value(rest: &mut &[Token]) {
    let set = rest.first().is_some_and(|token| token.text == "{");
    let end = if set { rest.iter().position(|token| token.text == "}").unwrap_or(rest.len()) } else { 0 };
    *rest = rest.get(end + 1..).unwrap_or_default();
}

pub(super) fn range_of(word: &str) -> Option<AddressRange> {
    if word == "*" {
        return None;
    }
    AddressRange::parse(word)
}

/// IANA protocol numbers of the names that nft prints.
pub(super) fn protocol_number(name: &str) -> Option<u8> {
    match name {
        "icmp" => Some(1),
        "tcp" => Some(6),
        "udp" => Some(17),
        "dccp" => Some(33),
        "gre" => Some(47),
        "esp" => Some(50),
        "ah" => Some(51),
        "ipv6-icmp" | "icmpv6" => Some(58),
        "sctp" => Some(132),
        "udplite" => Some(136),
        number => number.parse().ok(),
    }
}
