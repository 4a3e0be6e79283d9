//! Questions in SQL: the one place where a query language crosses the wall.
//!
//! What comes in: one `SELECT` over a table `flows`, which holds the flows that a permitted question finds and no others.
//! What goes out: a table of values, cut at its bounds. A statement is checked here for what it may be at all; whoever runs
//! it gives it nothing else to read and nothing to write.

use std::time::Duration;

/// One statement that only reads.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement(String);

/// Why a text is no statement that may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    /// Nothing.
    #[error("there is no statement")]
    Empty,
    /// It begins with another word.
    #[error("only a statement that begins with `SELECT`, `WITH` or `VALUES` is run")]
    NotSelect,
    /// A semicolon in the middle.
    #[error("one statement is run, and no `;` may stand in it")]
    Several,
    /// A zero octet.
    #[error("no zero octet may stand in a statement")]
    Zero,
    /// Too long a text.
    #[error("the statement is longer than {0} bytes")]
    TooLong(usize),
}

impl Statement {
    /// Checks a text. A semicolon is refused wherever it stands but at the end, in texts and comments too: so nobody need
    /// agree with the database on where a text ends.
    ///
    /// # Errors
    /// When it is not one statement that only reads, by its first word.
    pub fn parse(text: &str) -> Result<Self, StatementFault> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
        let text = text.trim_end_matches(|c: char| c.is_ascii_whitespace() || c == ';');
        if text.len() > MOST_BYTES {
            return Err(StatementFault::TooLong(MOST_BYTES));
        }
        if text.contains('\0') {
            return Err(StatementFault::Zero);
        }
        if text.contains(';') {
            return Err(StatementFault::Several);
        }
        let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
        match word.to_ascii_uppercase().as_str() {
            "SELECT" | "WITH" | "VALUES" => Ok(Self(text.to_owned())),
            "" if text.is_empty() => Err(StatementFault::Empty),
            _ => Err(StatementFault::NotSelect),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[statement]")
    }
}

/// How much a statement may read, say and take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Flows in the table at most.
    pub flows: usize,
    /// Rows of the answer at most.
    pub rows: usize,
    /// Bytes of the answer's texts at most.
    pub bytes: usize,
    /// How long the statement may run.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { flows: 500_000, rows: 10_000, bytes: 32 << 20, time: Duration::from_secs(20) }
    }
}

/// A value of an answer.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// None.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(String),
    /// Octets.
    Bytes(Vec<u8>),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[value]")
    }
}

/// What a statement said.
#[derive(Clone, Default, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each with a value a column.
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more rows than the bounds let through.
    pub cut: bool,
    /// How many flows the statement could read.
    pub flows: u64,
    /// Whether the question found more flows than that: then every figure is of a part only.
    pub partial: bool,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[table of {} rows]", self.rows.len())
    }
}

/// Why a statement came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlFault {
    /// The store does not speak SQL.
    #[error("this store does not speak SQL")]
    Unspoken,
    /// The database does not understand it; its words, without any address.
    #[error("the statement cannot be run: {0}")]
    Refused(String),
    /// It took too long.
    #[error("the statement took longer than {0:?}")]
    TooSlow(Duration),
    /// It took too much memory.
    #[error("the statement takes more memory than there is for it")]
    TooMuch,
}

impl SqlFault {
    /// What the database said of a statement: cut to a line, without what looks like an address.
    pub fn refused(told: &str) -> Self {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '_');
        let mut line = String::new();
        let mut word = String::new();
        let flush = |word: &mut String, line: &mut String| {
            // Whatever has the shape of an address, with something behind it or not.
            let has = |mark: char| word.matches(mark).count();
            if has(':') >= 2 || (has('.') >= 3 && word.contains(|c: char| c.is_ascii_digit())) {
                line.push('…');
            } else {
                line.push_str(word);
            }
            word.clear();
        };
        for c in told.lines().next().unwrap_or_default().chars().take(MOST_TOLD) {
            if is_part(c) {
                word.push(c);
            } else {
                flush(&mut word, &mut line);
                line.push(c);
            }
        }
        flush(&mut word, &mut line);
        Self::Refused(line)
    }
}

/// The longest statement, bytes.
const MOST_BYTES: usize = 64 << 10;
/// The longest line of the database's own words, characters.
const MOST_TOLD: usize = 200;

#[cfg(test)]
mod tests;
