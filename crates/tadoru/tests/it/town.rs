//! The synthetic town, end to end through the binary: zero wrong unique answers with lost records, skewed clocks and
//! overlapping private space.
//!
//! `TADORU_TOWN_SEEDS="7 8 9"` has other towns built than those of every run.

use std::path::Path;
use std::process::Command;

use tadoru_town::{Plan, Town, Verdict, score};

#[test]
fn no_unique_answer_is_wrong_in_a_town_that_loses_records_and_whose_clocks_are_off() {
    for seed in seeds(&[1, 2, 3]) {
        let right = asked(Plan::builtin().unwrap(), seed);
        assert!(right > 400, "seed {seed}: too few answers");
    }
}

#[test]
fn no_unique_answer_is_wrong_where_twice_as_much_is_lost_and_every_clock_is_far_off() {
    for seed in seeds(&[4, 5]) {
        let mut plan = Plan::builtin().unwrap();
        plan.delivery.lost = 0.1;
        for (access, clock_s) in plan.access.iter_mut().zip([-75, 140, 61, -130, 33]) {
            access.clock_s = clock_s;
        }
        for gateway in plan.gateway.iter_mut().filter(|gateway| gateway.log.has_arrivals()) {
            gateway.clock_s = -90 - gateway.clock_s;
        }
        let right = asked(plan, seed);
        assert!(right > 250, "seed {seed}: too few answers");
    }
}

/// Builds a town, imports its records, and asks; tells how many answers were right. None is wrong.
fn asked(plan: Plan, seed: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::build(plan, seed).unwrap();
    town.write(folder.path()).unwrap();
    let list = town.imports();
    for import in &list.import {
        let mut command = tadoru(folder.path());
        command.args(["import", &import.format]).arg(folder.path().join(&import.file));
        command.args(["--source", &import.source, "--zone", "UTC"]);
        for (flag, value) in [("--realm", &import.realm), ("--inside-realm", &import.inside_realm)] {
            if let Some(value) = value {
                command.args([flag, value]);
            }
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut who = tadoru(folder.path());
    who.args(["who", "--batch"]).arg(folder.path().join("questions.csv"));
    who.args(["--skew", &format!("{}s", list.skew_s), "--case", "town-1", "--purpose", "P-CLEAN"]);
    who.args(["--fact", "complaint.id=K-1", "--fact", "complaint.substantiated=yes"]);
    let answers = who.output().unwrap();
    let lines = String::from_utf8(answers.stdout).unwrap();
    let verdicts: Vec<Verdict> = lines.lines().map(|line| Verdict::from_json(line).unwrap()).collect();
    assert_eq!(verdicts.len(), town.questions.len(), "one line a question");
    let score = score(&town.questions, &verdicts);
    println!("seed {seed}\n{score}");
    assert!(score.wrong_unique.is_empty(), "seed {seed}\n{score}");
    score.right
}

/// The seeds of the towns: those that the environment names, or these.
fn seeds(usual: &[u64]) -> Vec<u64> {
    let named = std::env::var("TADORU_TOWN_SEEDS").ok();
    let named = named.map(|list| list.split_whitespace().map(|seed| seed.parse().unwrap()).collect());
    named.unwrap_or_else(|| usual.to_vec())
}

fn tadoru(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.arg("--data").arg(folder.join("data"));
    command
}
