//! `tadoru journal`: show, prove, and verify, also while the desk is served or long after it was.

use std::path::Path;
use std::process::ExitCode;

use tadoru_gate::journal::{Verifier, verifier_of, verify};
use tadoru_web::api::journal::{Checkpoint, Entries, Proof};

use crate::cli::{Global, Journal};
use crate::door::{CommandError, Door};
use crate::embedded::journal_folder;
use crate::print;

/// Runs a command on the journal.
///
/// # Errors
/// When the journal or the desk cannot be asked.
pub async fn run(global: &Global, command: Journal) -> Result<ExitCode, CommandError> {
    match command {
        Journal::Verify { against, key } => {
            let against = against
                .map(|file| {
                    std::fs::read_to_string(&file).map_err(|source| CommandError::File {
                        doing: "read the checkpoint",
                        file,
                        source: Box::new(source),
                    })
                })
                .transpose()?;
            check(global, &global.data, against.as_deref(), key.as_deref())
        }
        Journal::Show { from, count } => {
            super::quiet_log();
            let door = Door::open(global).await?;
            let from = from.map(|f| format!("&from={f}")).unwrap_or_default();
            let entries: Entries = door.get(&format!("/v1/journal/entries?count={count}{from}")).await?;
            if global.json {
                print::json(&entries);
            } else {
                for entry in &entries.entries {
                    println!(
                        "{:>8}  {}",
                        entry.index,
                        serde_json::to_string(&entry.entry).unwrap_or_default()
                    );
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Journal::Prove { index } => {
            super::quiet_log();
            let proof: Proof = Door::open(global).await?.get(&format!("/v1/journal/proof/{index}")).await?;
            if global.json {
                print::json(&proof)
            } else {
                print!("{}", proof.proof)
            }
            Ok(ExitCode::SUCCESS)
        }
        Journal::Checkpoint => {
            super::quiet_log();
            let checkpoint: Checkpoint = Door::open(global).await?.get("/v1/journal/checkpoint").await?;
            if global.json {
                print::json(&checkpoint)
            } else {
                print!("{}", checkpoint.checkpoint)
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Verifies the journal of a data folder and tells what it found; the exit code is 0 for a sound one.
///
/// # Errors
/// When there is no journal or no key.
pub fn check(
    global: &Global,
    data: &Path,
    against: Option<&str>,
    key: Option<&str>,
) -> Result<ExitCode, CommandError> {
    let folder = journal_folder(data);
    let unreadable = |e: Box<dyn std::error::Error + Send + Sync>| {
        CommandError::Other("cannot read the journal's key".to_owned(), Some(e))
    };
    let verifier = match key {
        Some(key) => Verifier::parse(key).map_err(|e| unreadable(Box::new(e)))?,
        None => verifier_of(&folder).map_err(|e| unreadable(Box::new(e)))?,
    };
    let report = verify(&folder, &verifier, against);
    if global.json {
        let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        print::json(&serde_json::json!({
            "sound": report.is_sound(), "size": report.size, "root": hex(&report.root),
            "torn_bytes": report.torn_bytes, "findings": findings, "more": report.more,
            "compared_with_checkpoint": against.is_some(),
        }));
    } else {
        for finding in &report.findings {
            println!("damage     {finding}");
        }
        if report.torn_bytes > 0 {
            println!(
                "note       {} unacknowledged bytes behind the last group, left by a crash",
                report.torn_bytes
            );
        }
        let kept = if against.is_some() { ", and goes on from the kept checkpoint" } else { "" };
        if report.is_sound() {
            println!(
                "journal    sound: {} entries, root {}{kept}",
                print::number(report.size),
                hex(&report.root)
            );
        } else {
            println!("journal    NOT sound: {} places", report.findings.len() as u64 + report.more);
        }
    }
    Ok(ExitCode::from(u8::from(!report.is_sound())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
