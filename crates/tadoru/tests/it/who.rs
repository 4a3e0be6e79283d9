//! `who` and `demo` as people meet them: refusals and grants, realms, languages.

use std::path::Path;
use std::process::{Command, Output};

fn tadoru(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
    command.env_remove("TADORU_CONFIG").current_dir(folder);
    command.arg("--data").arg(folder.join("data")).args(arguments).output().unwrap()
}

/// One fixed line of one realm, from the beginning of 2026.
fn with_a_line(folder: &Path) {
    let table =
        "address_or_prefix,realm,subscriber,from,until\n203.0.113.7,vrf-1,C-7,2026-01-01T00:00:00Z,\n";
    std::fs::write(folder.join("static.csv"), table).unwrap();
    let file = folder.join("static.csv");
    let done = tadoru(folder, &["import", "static", file.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Asks about the line a minute ago; exit code, standard output, standard error.
fn ask(folder: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let at = (jiff::Timestamp::now().as_second() - 60).to_string();
    let question = ["who", "203.0.113.7", "--at", &at, "--case", "K-1", "--purpose", "P-CLEAN"];
    let done = tadoru(folder, &[&question, more].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

const COMPLAINT: [&str; 4] = ["--fact", "complaint.id=K-1", "--fact", "complaint.substantiated=yes"];

#[test]
fn a_substantiated_complaint_is_answered_on_its_rule_and_one_that_is_not_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_a_line(folder);
    let (code, refused, _) = ask(folder, &COMPLAINT[..2]);
    assert_eq!(code, Some(3), "{refused}");
    assert!(refused.contains("JP-063") && refused.contains("complaint.substantiated"), "{refused}");
    assert!(!refused.contains("C-7"), "{refused}");
    let (code, granted, _) = ask(folder, &COMPLAINT);
    assert_eq!(code, Some(0), "{granted}");
    assert!(granted.contains("outcome    unique: ") && granted.contains("C-7"), "{granted}");
    assert!(granted.contains("ground     JP-063 "), "{granted}");
}

#[test]
fn a_realm_that_no_record_speaks_of_is_told_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_a_line(folder);
    let (code, _, told) = ask(folder, &[&COMPLAINT[..], &["--realm", "vrf-2"]].concat());
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("`realm`") && told.contains("there are: vrf-1"), "{told}");
    let (code, answer, _) = ask(folder, &[&COMPLAINT[..], &["--realm", "vrf-1"]].concat());
    assert_eq!((code, answer.contains("C-7")), (Some(0), true), "{answer}");
}

#[test]
fn texts_are_in_the_language_of_the_installation_unless_another_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_a_line(folder);
    std::fs::write(folder.join("ja.toml"), "[desk]\nlanguage = \"ja\"\n").unwrap();
    let config = ["--config", "ja.toml"];
    let japanese = [&COMPLAINT[..], &["--lang", "ja"]].concat();
    let english = [&COMPLAINT[..], &config, &["--lang", "en"]].concat();
    let (_, by_config, _) = ask(folder, &[&COMPLAINT[..], &config].concat());
    let (_, by_flag, _) = ask(folder, &japanese);
    for told in [&by_config, &by_flag] {
        assert!(told.contains("unique：記録が許す保持者は一者のみ"), "{told}");
        assert!(told.contains("根拠が確認された申告について"), "{told}");
        assert!(!told.contains("outcome"), "{told}");
    }
    let (_, told, _) = ask(folder, &english);
    assert!(told.contains("outcome    unique: the records leave room for one holder"), "{told}");
    let (code, refused, _) = ask(folder, &config);
    assert_eq!(code, Some(3));
    assert!(refused.contains("不許可") && refused.contains("JP-063"), "{refused}");
}

#[test]
fn what_an_answer_warns_of_and_rests_on_is_in_the_language_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_a_line(folder);
    // Between the operator's zone and this one lies an hour.
    let at = "2026-11-01T10:00:00+08:00";
    let question = ["who", "203.0.113.7", "--at", at, "--case", "K-1", "--purpose", "P-CLEAN"];
    let told = |lang: &[&str]| {
        String::from_utf8(tadoru(folder, &[&question, &COMPLAINT[..], lang].concat()).stdout).unwrap()
    };
    let japanese = told(&["--lang", "ja"]);
    assert!(japanese.contains("注意") && japanese.contains("事業者の時刻と一時間違います"), "{japanese}");
    assert!(japanese.contains("[契約]") && japanese.contains("固定割当"), "{japanese}");
    for words in ["operator's zone", "may be meant", "held", "records name one line"] {
        assert!(!japanese.contains(words), "{words}: {japanese}");
    }
    let english = told(&["--lang", "en"]);
    assert!(english.contains("one hour away from the operator's zone (may be meant: "), "{english}");
}

#[test]
fn the_demonstration_is_the_same_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let told = ["ja", "en"].map(|lang| {
        let done = tadoru(folder, &["demo", "--lang", lang]);
        let told = String::from_utf8(done.stdout).unwrap();
        assert_eq!(done.status.code(), Some(0), "{told}");
        told
    });
    let [japanese, english] = told;
    assert_eq!(japanese.lines().count(), english.lines().count());
    assert!(english.contains("Who had 192.0.2.1:10768") && english.contains("verifies"), "{english}");
    for words in ["一意：契約 ", "特定不能：", "欠落：", "期限経過：", "不許可。", "検証は成立"]
    {
        assert!(japanese.contains(words), "{words}\n{japanese}");
    }
    for words in ["Who had", "Answer", "Evidence", "Ground", "Journal"] {
        assert!(!japanese.contains(words), "{words}\n{japanese}");
    }
}
