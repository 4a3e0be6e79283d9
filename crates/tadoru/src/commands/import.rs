//! `tadoru import`: files in, with a bar, and the defects at the end.
//!
//! A file of flows is read twice: the first time for the digest by which it is announced, so that it does not count twice.

use std::path::Path;
use std::process::ExitCode;

use sha2::{Digest as _, Sha256};
use tadoru_observe::Format;
use tadoru_web::api::import::Imported;
use tadoru_web::client::Upload;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::query;
use crate::cli::{Global, Import};
use crate::door::{CommandError, Door};
use crate::print;

/// Imports the files one after the other.
///
/// # Errors
/// When a file or the desk cannot be read; those before it are kept. A file of which nothing was kept, or that is refused
/// because it was imported already, is said, and the command fails in the end.
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
    let mut refused = None;
    for file in &import.files {
        let name = file.file_name().map(|n| n.to_string_lossy());
        let imported = match one(door, &import, file).await {
            Ok(imported) => imported,
            Err(CommandError::Problem { status: 409, message, help }) => {
                let problem = CommandError::Problem {
                    status: 409,
                    message: format!("`{}`: {message}", named(file)),
                    help,
                };
                done.push(serde_json::json!({ "file": name, "refused": problem.to_string() }));
                refused = Some(problem.tell());
                continue;
            }
            Err(error) => return Err(error),
        };
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
            if imported.defective > 0 {
                eprintln!("\nhelp: look at the defects, and whether the file is in this format");
            } else {
                eprintln!("\nhelp: its {} records are of something else", print::number(imported.records));
            }
        }
        done.push(serde_json::json!({ "file": name, "imported": imported }));
    }
    if global.json {
        print::json(&done);
    }
    let failed = (!is_all_kept).then_some(ExitCode::FAILURE);
    Ok(failed.or(refused).unwrap_or(ExitCode::SUCCESS))
}

async fn one(door: &Door, import: &Import, path: &Path) -> Result<Imported, CommandError> {
    let failed = |source: std::io::Error| CommandError::File {
        doing: "read",
        file: path.to_owned(),
        source: Box::new(source),
    };
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    let metadata = file.metadata().await.map_err(failed)?;
    let (size, name) = (metadata.len(), stem(path));
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
    if import.format == FLOWS {
        if !metadata.is_file() {
            return Err(CommandError::Problem {
                status: 400,
                message: format!("`{}` is not a file that can be read twice", named(path)),
                help: Some("write the flows to a file first: it is read once for its digest".to_owned()),
            });
        }
        target.push_str(&format!(
            "&sha256={}&again={}",
            digest(&mut file).await.map_err(failed)?,
            import.again
        ));
        file.rewind().await.map_err(failed)?;
    } else if import.again {
        return Err(CommandError::Problem {
            status: 400,
            message: "`--again` is for files of flows".to_owned(),
            help: Some("records of other formats that are known already are kept once".to_owned()),
        });
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

/// SHA-256 of a file, hexadecimal.
async fn digest(file: &mut tokio::fs::File) -> std::io::Result<String> {
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece).await? {
            0 => return Ok(digest.finalize().iter().map(|b| format!("{b:02x}")).collect()),
            n => digest.update(piece.get(..n).unwrap_or_default()),
        }
    }
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
        if format == FLOWS { "" } else { " (those known already are kept once)" },
        imported.journal_index,
    );
    if imported.kept_before > 0 {
        println!(
            "  {} of its flows had been kept by an import that broke off, and were not taken in again",
            print::number(imported.kept_before)
        );
    }
    if imported.past_retention > 0 {
        println!(
            "  {} of the rows are past their retention: `tadoru retention` or the running desk deletes them, unless `tadoru hold` keeps them",
            print::number(imported.past_retention)
        );
    }
}

/// The format of flows, which counts each file once.
const FLOWS: &str = Format::Flows.as_str();
/// Bytes sent at a time.
const PIECE_BYTES: usize = 256 << 10;
