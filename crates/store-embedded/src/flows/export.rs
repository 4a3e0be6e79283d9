//! Flows to a file of their own, laid out as the store's files: any engine reads it.

use std::fs::File;
use std::io;

use parquet::errors::ParquetError;

use tadoru_model::Flows as Batch;

use super::file::{FlowWriter, Inside};

/// Writes flows to a new Parquet file; it is durable when it returns.
///
/// # Errors
/// When the disk refuses.
pub fn export(file: File, flows: &Batch) -> io::Result<()> {
    let rows: Vec<u32> = (0..).take(flows.rows()).collect();
    let written = FlowWriter::new(file).and_then(|mut writer| {
        writer.slice(flows, &rows, &Inside::default())?;
        writer.finish()
    });
    written.map_err(|error| match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        other => io::Error::other(other),
    })
}

#[cfg(test)]
mod tests;
