//! `tadoru import`: files in, with a bar, and the defects at the end.

use std::path::Path;
use std::process::ExitCode;

use tadoru_observe::Format;
use tadoru_web::api::import::Imported;
use tadoru_web::client::Upload;
use tokio::io::AsyncReadExt as _;

use super::query;
use crate::cli::{Global, Import};
use crate::door::{CommandError, Door};
use crate::print;

/// Imports the files one after the other.
///
/// # Errors
/// When a file or the desk cannot be read; those before it are kept. A file of which nothing was kept is said, and the
/// command fails in the end.
pub async fn run(global: &Global, door: &Door, import: Import) -> Result<ExitCode, CommandError> {
    if Format::parse(&import.format).is_none() {
        let known: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        return Err(CommandError::Problem {
            status: 400,
            message: format!("there is no import format `{}`", import.format),
            help: Some(format!("there are: {}", known.join(", "))),
        });
    }
    let mut done = Vec::with_capacity(import.files.len());
    let mut is_all_kept = true;
    for file in &import.files {
        let imported = one(door, &import, file).await?;
        if !global.json {
            tell(file, &import.format, &imported);
        }
        if imported.kept == 0 && imported.records + imported.defective > 0 {
            is_all_kept = false;
            eprintln!(
                "tadoru: nothing of `{}` was kept: no record in it could be taken for `{}`",
                named(file),
                import.format
            );
            eprintln!("\nhelp: look at the defects, and whether the file is in this format");
        }
        done.push(serde_json::json!({ "file": file.file_name().map(|n| n.to_string_lossy()), "imported": imported }));
    }
    if global.json {
        print::json(&done);
    }
    Ok(if is_all_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn one(door: &Door, import: &Import, path: &Path) -> Result<Imported, CommandError> {
    let failed = |source: std::io::Error| CommandError::File {
        doing: "read",
        file: path.to_owned(),
        source: Box::new(source),
    };
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    let size = file.metadata().await.map_err(failed)?.len();
    let name = stem(path);
    let mut target = format!("/v1/import?format={}&name={}", query(&import.format), query(&name));
    let options = [
        ("source", &import.source),
        ("realm", &import.realm),
        ("inside_realm", &import.inside_realm),
        ("zone", &import.zone),
    ];
    for (key, value) in options {
        if let Some(value) = value {
            target.push_str(&format!("&{key}={}", query(value)));
        }
    }
    let bar = print::bytes_bar(size, &name);
    let (mut upload, body) = Upload::body();
    let progress = bar.clone();
    let sending = tokio::spawn(async move {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match file.read(&mut piece).await {
                Ok(0) => return,
                Ok(n) => {
                    progress.inc(n as u64);
                    if !upload.write(piece.get(..n).unwrap_or_default().to_vec()).await {
                        return;
                    }
                }
                Err(_) => return upload.abort("the file cannot be read further"),
            }
        }
    });
    let imported = door.post_stream(&target, body).await;
    let _ = sending.await;
    bar.finish_and_clear();
    imported
}

/// The file's name without its folder, its packing and its ending.
fn stem(path: &Path) -> String {
    let name = named(path);
    let bare = [".gz", ".zst"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
    Path::new(bare).file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The file's name without its folder.
fn named(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn tell(file: &Path, format: &str, imported: &Imported) {
    for defect in &imported.defects {
        println!("  {defect}");
    }
    if imported.defective > imported.defects.len() as u64 {
        println!("  … and {} more", print::number(imported.defective - imported.defects.len() as u64));
    }
    println!(
        "{}: {} records read, {} kept, {} ignored, {} defective; {} rows{}; journal {}",
        named(file),
        print::number(imported.records),
        print::number(imported.kept),
        print::number(imported.ignored),
        print::number(imported.defective),
        print::number(imported.rows),
        if format == "flows" { "" } else { " (those known already are kept once)" },
        imported.journal_index,
    );
    if imported.past_retention > 0 {
        println!(
            "  {} of the rows are past their retention: `tadoru retention` or the running desk deletes them, unless `tadoru hold` keeps them",
            print::number(imported.past_retention)
        );
    }
}

/// Bytes sent at a time.
const PIECE_BYTES: usize = 256 << 10;
