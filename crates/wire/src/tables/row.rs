//! One row of a table, by the names of its columns.
//!
//! What comes in: the lines of a table, as comma-separated values (RFC 4180, one line a record) with a header, or
//! as JSON lines. What goes out: for each line the record that a [`TableRecord`] makes of its row, or a defect that
//! names the column, never the value.

use std::{io::BufRead, marker::PhantomData, str::FromStr};

use jiff::tz::TimeZone;

use super::{
    lines::{Fault, Line, Lines, TOO_LONG},
    time::{DateMeans, date_or_time_us, time_us},
};
use crate::Defect;

/// A record that a row can be read into.
pub trait TableRecord: Sized {
    /// The columns that are known; others are ignored.
    const COLUMNS: &'static [&'static str];
    /// The columns without which the table is not this table.
    const REQUIRED: &'static [&'static str];

    /// Reads a row. `zone` is that of times written without one.
    ///
    /// # Errors
    /// What is wrong, with the column's name and without the value.
    fn from_row(row: &Row, zone: Option<&TimeZone>) -> Result<Self, String>;
}

/// Reads a table record by record: each item is the line number and the record, or a fault.
pub struct Table<R, T> {
    lines: Lines<R>,
    zone: Option<TimeZone>,
    shape: Shape,
    kind: PhantomData<fn() -> T>,
}

enum Shape {
    NotYetKnown,
    Csv(Header),
    JsonLines,
    Ended,
}

impl<R: BufRead, T: TableRecord> Table<R, T> {
    /// A table in `input`; `zone` is that of times written without one (`None`: such times are defects).
    pub fn new(input: R, zone: Option<TimeZone>) -> Self {
        Self { lines: Lines::new(input), zone, shape: Shape::NotYetKnown, kind: PhantomData }
    }
}

impl<R: BufRead, T: TableRecord> Iterator for Table<R, T> {
    type Item = Result<(u64, T), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if matches!(self.shape, Shape::Ended) {
                return None;
            }
            let (number, line) = match self.lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => {
                    self.shape = Shape::Ended;
                    return Some(Err(error.into()));
                }
            };
            let text = match text_of(line) {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => text,
                Err(what) => {
                    if matches!(self.shape, Shape::NotYetKnown) {
                        self.shape = Shape::Ended;
                    }
                    return Some(Err(Defect::line(number, what).into()));
                }
            };
            let row = match &self.shape {
                Shape::Csv(header) => header.row(text),
                Shape::JsonLines => json_row(T::COLUMNS, text),
                _ if text.trim_start().starts_with('{') => {
                    self.shape = Shape::JsonLines;
                    json_row(T::COLUMNS, text)
                }
                _ => match Header::read(text, T::COLUMNS, T::REQUIRED) {
                    Ok(header) => {
                        self.shape = Shape::Csv(header);
                        continue;
                    }
                    Err(what) => {
                        self.shape = Shape::Ended;
                        Err(what)
                    }
                },
            };
            let record = row.and_then(|row| T::from_row(&row, self.zone.as_ref()));
            return Some(match record {
                Ok(record) => Ok((number, record)),
                Err(what) => Err(Defect::line(number, what).into()),
            });
        }
    }
}

/// The cells of one row; an absent column is an empty cell.
pub struct Row {
    columns: &'static [&'static str],
    cells: Vec<String>,
}

impl Row {
    /// A cell without surrounding space, or `None` when it is empty.
    pub fn text(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| *name == column)?;
        self.cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    }

    /// A cell that must not be empty.
    ///
    /// # Errors
    /// When it is.
    pub fn need(&self, column: &str) -> Result<&str, String> {
        self.text(column).ok_or_else(|| format!("`{column}` is empty"))
    }

    /// A cell that `read` understands, or `None` when it is empty.
    ///
    /// # Errors
    /// When `read` does not understand it; `kind` says what it should have been, as "a prefix".
    pub fn read<T>(
        &self,
        column: &str,
        kind: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(column) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| format!("`{column}` is not {kind}"))
    }

    /// The values of a cell that holds several, separated by `;`.
    ///
    /// # Errors
    /// When `read` does not understand one of them.
    pub fn read_many<T>(
        &self,
        column: &str,
        kind: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, String> {
        let values = self.text(column).unwrap_or_default().split(';').map(str::trim);
        let values: Option<Vec<T>> = values.filter(|value| !value.is_empty()).map(read).collect();
        values.ok_or_else(|| format!("`{column}` is not {kind}"))
    }

    /// A whole number in decimal digits.
    ///
    /// # Errors
    /// When it is not one, or too large for the type.
    pub fn number<T: FromStr>(&self, column: &str) -> Result<Option<T>, String> {
        self.read(column, "a number in range", |text| {
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        })
    }

    /// An instant, in microseconds since the epoch.
    ///
    /// # Errors
    /// When the cell names no single instant.
    pub fn time(&self, column: &str, zone: Option<&TimeZone>) -> Result<Option<i64>, String> {
        let Some(text) = self.text(column) else { return Ok(None) };
        time_us(text, zone).map(Some).map_err(|fault| format!("`{column}` {fault}"))
    }

    /// An instant or a whole day, in microseconds since the epoch.
    ///
    /// # Errors
    /// When the cell names no single instant.
    pub fn day(
        &self,
        column: &str,
        zone: Option<&TimeZone>,
        means: DateMeans,
    ) -> Result<Option<i64>, String> {
        let Some(text) = self.text(column) else { return Ok(None) };
        date_or_time_us(text, zone, means).map(Some).map_err(|fault| format!("`{column}` {fault}"))
    }

    /// Two instants, the first not after the second; an empty cell is an open end.
    ///
    /// # Errors
    /// When one cannot be read, or they run backwards.
    pub fn period(
        &self,
        from: &str,
        until: &str,
        zone: Option<&TimeZone>,
    ) -> Result<(Option<i64>, Option<i64>), String> {
        let (start, end) = (self.time(from, zone)?, self.time(until, zone)?);
        match (start, end) {
            (Some(start), Some(end)) if end < start => Err(format!("`{until}` is before `{from}`")),
            _ => Ok((start, end)),
        }
    }
}

/// Which field of a line is which column.
pub(crate) struct Header {
    columns: &'static [&'static str],
    /// For each field of the line, its column, if known.
    fields: Vec<Option<usize>>,
}

impl Header {
    pub(crate) fn read(
        text: &str,
        columns: &'static [&'static str],
        required: &[&str],
    ) -> Result<Self, String> {
        let names = split(text)?;
        let mut fields = Vec::with_capacity(names.len());
        for name in &names {
            let name = name.trim().to_ascii_lowercase();
            let column = columns.iter().position(|known| **known == name);
            if let Some(at) = column
                && fields.contains(&Some(at))
            {
                return Err(format!("header names the column `{name}` twice"));
            }
            fields.push(column);
        }
        for name in required {
            let at = columns.iter().position(|known| known == name);
            if !fields.contains(&at) {
                return Err(format!("header has no column `{name}`"));
            }
        }
        Ok(Self { columns, fields })
    }

    /// At which field of the line a column stands.
    pub(crate) fn place_of(&self, column: &str) -> Option<usize> {
        let at = self.columns.iter().position(|known| *known == column)?;
        self.fields.iter().position(|field| *field == Some(at))
    }

    pub(crate) fn row(&self, text: &str) -> Result<Row, String> {
        let values = split(text)?;
        if values.len() != self.fields.len() {
            return Err(WRONG_COUNT.to_owned());
        }
        let mut cells = vec![String::new(); self.columns.len()];
        for (value, field) in values.into_iter().zip(&self.fields) {
            if let Some(cell) = field.and_then(|at| cells.get_mut(at)) {
                *cell = value;
            }
        }
        Ok(Row { columns: self.columns, cells })
    }
}

/// The line as UTF-8.
pub(crate) fn text_of(line: Line<'_>) -> Result<&str, String> {
    match line {
        Line::Text(text) => std::str::from_utf8(text).map_err(|_| NOT_UTF8.to_owned()),
        Line::TooLong => Err(TOO_LONG.to_owned()),
    }
}

/// The fields of one line of comma-separated values (RFC 4180 section 2).
pub(crate) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let Some(quoted) = rest.trim_start_matches([' ', '\t']).strip_prefix('"') else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (field, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if field.contains('"') {
                return Err("a quote stands inside an unquoted field".to_owned());
            }
            fields.push(field.to_owned());
            match behind.strip_prefix(',') {
                Some(next) => rest = next,
                None => return Ok(fields),
            }
            continue;
        };
        let mut field = String::new();
        let mut tail = quoted;
        loop {
            let Some((part, behind)) = tail.split_once('"') else {
                return Err("a quoted field is not closed on its line".to_owned());
            };
            field.push_str(part);
            match behind.strip_prefix('"') {
                Some(next) => {
                    field.push('"');
                    tail = next;
                }
                None => {
                    tail = behind;
                    break;
                }
            }
        }
        fields.push(field);
        let tail = tail.trim_start_matches([' ', '\t']);
        match tail.strip_prefix(',') {
            Some(next) => rest = next,
            None if tail.is_empty() => return Ok(fields),
            None => return Err("text follows a closing quote".to_owned()),
        }
    }
}

/// One JSON object as a row; an array is the same as its values separated by `;`.
fn json_row(columns: &'static [&'static str], text: &str) -> Result<Row, String> {
    use serde_json::Value;

    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) else {
        return Err("line is not a JSON object".to_owned());
    };
    let mut cells = Vec::with_capacity(columns.len());
    for column in columns {
        let cell = match object.get(*column) {
            None => Some(String::new()),
            Some(Value::Array(values)) => {
                let values: Option<Vec<String>> = values.iter().map(scalar).collect();
                values.map(|values| values.join(";"))
            }
            Some(value) => scalar(value),
        };
        cells.push(cell.ok_or_else(|| format!("`{column}` is a nested value"))?);
    }
    Ok(Row { columns, cells })
}

fn scalar(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value;

    match value {
        Value::Null => Some(String::new()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// What is said of a line whose fields do not fit the header.
pub(crate) const WRONG_COUNT: &str = "number of fields differs from the header";

const NOT_UTF8: &str = "line is not UTF-8 (a table in Shift_JIS must be converted first)";
