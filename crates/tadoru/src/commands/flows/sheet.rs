//! Comma-separated values on standard output (RFC 4180, lines end with a line feed).

use std::io::Write as _;

use crate::door::CommandError;

/// A header and rows.
pub struct Sheet {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Writes it.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn write(&self) -> Result<(), CommandError> {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let lines = std::iter::once(&self.header).chain(&self.rows);
        let written: Result<(), std::io::Error> =
            lines.into_iter().try_for_each(|cells| writeln!(out, "{}", line(cells)));
        written
            .and_then(|()| out.flush())
            .map_err(|e| CommandError::Other("cannot write the answer".to_owned(), Some(Box::new(e))))
    }
}

/// One line.
pub fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
}
