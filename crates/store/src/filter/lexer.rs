//! A filter's text as tokens, each with its place. Comments run from `#` to the end of the line.

/// A piece of a filter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) at: usize,
    pub(super) kind: Kind<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A keyword, a number, an address, a name.
    Word(&'a str),
    /// `(`, `)`, `[`, `]`, `,`, `/`, `!` and the comparisons.
    Sign(&'static str),
    /// Something that stands nowhere in a filter.
    Stray,
    End,
}

/// All tokens; the last is [`Kind::End`], at the end of the text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, len) = first(rest);
        if let Some(kind) = kind {
            tokens.push(Token { at, kind });
        }
        at += len;
    }
    tokens.push(Token { at: text.len(), kind: Kind::End });
    tokens
}

/// The first piece of a text that is not empty, `None` for space and comments, and how long it is.
fn first(text: &str) -> (Option<Kind<'_>>, usize) {
    let lead = text.chars().next().unwrap_or(' ');
    if lead.is_whitespace() {
        return (None, lead.len_utf8());
    }
    if lead == '#' {
        return (None, text.find('\n').unwrap_or(text.len()));
    }
    if let Some(sign) = SIGNS.iter().find(|sign| text.starts_with(**sign)) {
        return (Some(Kind::Sign(sign)), sign.len());
    }
    let len = text.find(|c| !in_word(c)).unwrap_or(text.len());
    match text.split_at_checked(len) {
        Some((word, _)) if len > 0 => (Some(Kind::Word(word)), len),
        _ => (Some(Kind::Stray), lead.len_utf8()),
    }
}

/// Whether a character belongs to a word; `+` stands in times, `@` in `@include`.
pub(super) fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_:.-+@".contains(c)
}

/// Longer signs before those that they begin with.
const SIGNS: [&str; 15] = ["&&", "||", "==", "<=", ">=", "=", "<", ">", "!", "(", ")", "[", "]", ",", "/"];
