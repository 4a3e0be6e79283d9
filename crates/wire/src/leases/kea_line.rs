//! What Kea's two lease files have in common: a header, rows of values without quotes, times, states.
//!
//! What comes in: lines of a memfile lease file; the header names the columns (later versions of Kea append some),
//! and may come again where files were joined. A comma or control character in a value is written `&#x2c`. What goes
//! out: rows by column name, and the facts both protocols share. Source: Kea's `CSVLeaseFile4`, `CSVLeaseFile6`.

use std::{collections::VecDeque, marker::PhantomData, str::FromStr};

use super::{Lease, LeaseRead, LeaseState};
use crate::{
    Defect,
    tables::{
        lines::Line,
        row::{WRONG_COUNT, text_of},
        subscribers::parse_hex,
    },
};

/// A file whose rows are leases of one protocol.
pub(super) trait KeaRow {
    const COLUMNS: &'static [&'static str];
    const REQUIRED: &'static [&'static str];

    /// Reads a row; what is wrong in its context is said beside the lease.
    fn lease(values: &Values<'_>) -> Result<(Lease, Option<String>), String>;
}

/// Reads rows of kind `K`.
pub(super) struct KeaLines<K> {
    /// For each field of a row, its known column; `None` before the header, or after a header of another kind.
    header: Option<Vec<Option<usize>>>,
    header_missing_said: bool,
    kind: PhantomData<fn() -> K>,
}

impl<K> Default for KeaLines<K> {
    fn default() -> Self {
        Self { header: None, header_missing_said: false, kind: PhantomData }
    }
}

impl<K: KeaRow> KeaLines<K> {
    pub(super) fn line(&mut self, number: u64, line: Line<'_>, out: &mut VecDeque<LeaseRead>) {
        let text = match text_of(line) {
            Ok(text) => text,
            Err(what) => return out.push_back(Err(Defect::line(number, what))),
        };
        if text.trim().is_empty() {
            return;
        }
        let fields: Vec<&str> = text.split(',').collect();
        if fields.first() == Some(&"address") {
            self.header = match header::<K>(&fields) {
                Ok(header) => Some(header),
                Err(what) => {
                    self.header_missing_said = true;
                    out.push_back(Err(Defect::line(number, what)));
                    None
                }
            };
            return;
        }
        let Some(header) = &self.header else {
            if !self.header_missing_said {
                self.header_missing_said = true;
                out.push_back(Err(Defect::line(number, "header is missing")));
            }
            return;
        };
        if fields.len() != header.len() {
            return out.push_back(Err(Defect::line(number, WRONG_COUNT)));
        }
        let values = Values { columns: K::COLUMNS, header, fields: &fields };
        match K::lease(&values) {
            Ok((lease, beside)) => {
                if let Some(what) = beside {
                    out.push_back(Err(Defect::line(number, what)));
                }
                out.push_back(Ok((number, lease)));
            }
            Err(what) => out.push_back(Err(Defect::line(number, what))),
        }
    }
}

fn header<K: KeaRow>(names: &[&str]) -> Result<Vec<Option<usize>>, String> {
    let header: Vec<Option<usize>> =
        names.iter().map(|name| K::COLUMNS.iter().position(|column| *column == name.trim())).collect();
    for name in K::REQUIRED {
        let at = K::COLUMNS.iter().position(|column| column == name);
        if !header.contains(&at) {
            return Err(format!("header has no column `{name}`"));
        }
    }
    Ok(header)
}

/// One row by the names of its columns.
pub(super) struct Values<'a> {
    columns: &'static [&'static str],
    header: &'a [Option<usize>],
    fields: &'a [&'a str],
}

impl<'a> Values<'a> {
    /// A value as it stands; empty if the file has no such column.
    pub(super) fn text(&self, column: &str) -> &'a str {
        let at = self.columns.iter().position(|name| *name == column);
        let at = self.header.iter().position(|known| known.is_some() && *known == at);
        at.and_then(|at| self.fields.get(at)).copied().unwrap_or_default()
    }

    /// A number, or `None` when the value is empty.
    pub(super) fn number<T: FromStr>(&self, column: &str) -> Result<Option<T>, String> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`{column}` is not a number"));
        }
        text.parse().map(Some).map_err(|_| format!("`{column}` is out of range"))
    }

    /// Octets in hexadecimal; empty if the value is, or if it is Kea's empty identifier `00`.
    pub(super) fn octets(&self, column: &str) -> Result<Vec<u8>, String> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let octets = parse_hex(text).ok_or_else(|| format!("`{column}` is not hexadecimal"))?;
        Ok(if octets.iter().all(|octet| *octet == 0) { Vec::new() } else { octets })
    }

    /// The client's Ethernet address, if the value is one.
    pub(super) fn mac(&self) -> Result<Option<[u8; 6]>, String> {
        Ok(self.octets("hwaddr")?.try_into().ok())
    }

    /// Last renewal and end, in microseconds since the epoch.
    pub(super) fn times(&self) -> Result<(i64, Option<i64>), String> {
        let lifetime: u32 = self.number("valid_lifetime")?.ok_or("`valid_lifetime` is empty")?;
        let expire: i64 = self.number("expire")?.ok_or("`expire` is empty")?;
        let infinite = lifetime == INFINITE;
        let cltt = match expire - i64::from(lifetime) {
            // The end of an infinite lease is the last renewal itself in some versions.
            ..0 if infinite => expire,
            ..0 => return Err("`valid_lifetime` exceeds `expire`".to_owned()),
            cltt => cltt,
        };
        let us = |seconds: i64| seconds.checked_mul(1_000_000).ok_or("`expire` is out of range");
        let expire_us = if infinite { None } else { Some(us(expire)?) };
        Ok((us(cltt)?, expire_us))
    }

    /// The state; files older than the column have active leases only.
    pub(super) fn state(&self) -> Result<LeaseState, String> {
        Ok(match self.number("state")? {
            None if self.text("state").is_empty() && self.has("state") => {
                return Err("`state` is empty".to_owned());
            }
            None | Some(0) => LeaseState::Active,
            Some(1) => LeaseState::Declined,
            Some(2) => LeaseState::Expired,
            Some(3) => LeaseState::Released,
            Some(4) => LeaseState::Registered,
            Some(other) => LeaseState::Unknown(other),
        })
    }

    fn has(&self, column: &str) -> bool {
        let at = self.columns.iter().position(|name| *name == column);
        at.is_some() && self.header.contains(&at)
    }

    /// The user context as JSON, or why it is not; `Null` when there is none.
    pub(super) fn context(&self) -> Result<serde_json::Value, String> {
        let text = self.text("user_context");
        if text.is_empty() {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_slice(&unescape(text)).map_err(|_| "`user_context` is not JSON".to_owned())
    }
}

/// Undoes `&#x2c` and the like; what is not two hexadecimal digits stays as it is.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(ESCAPE) {
        octets.extend_from_slice(before.as_bytes());
        match behind.get(..2).and_then(parse_hex).as_deref() {
            Some([octet]) => {
                octets.push(*octet);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                octets.extend_from_slice(ESCAPE.as_bytes());
                rest = behind;
            }
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

/// Kea's lifetime of a lease that never ends.
const INFINITE: u32 = u32::MAX;

const ESCAPE: &str = "&#x";
