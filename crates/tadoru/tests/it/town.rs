//! The synthetic town, end to end through the binary: zero wrong unique answers with lost records, skewed clocks and
//! overlapping private space.

use std::path::Path;
use std::process::Command;

use tadoru_town::{Plan, Town, Verdict, score};

#[test]
fn no_unique_answer_is_wrong_in_a_town_that_loses_records_and_whose_clocks_are_off() {
    for seed in [1, 2, 3] {
        let folder = tempfile::tempdir().unwrap();
        let town = Town::build(Plan::builtin().unwrap(), seed).unwrap();
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
        assert!(score.right > 400, "seed {seed}: too few answers\n{score}");
    }
}

fn tadoru(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.arg("--data").arg(folder.join("data"));
    command
}
