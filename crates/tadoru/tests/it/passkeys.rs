//! Passkeys in a real browser: made, used, held against who does not know their owner, and removed.

use std::path::Path;
use std::process::Command;

mod peers {
    use super::*;

    #[test]
    fn a_passkey_signs_in_and_nothing_else_does() {
        for program in ["chromium", "python3"] {
            let there = Command::new(program).arg("--version").output();
            if !there.is_ok_and(|out| out.status.success()) {
                eprintln!("skipped: {program} is not installed");
                return;
            }
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("console");
        std::fs::create_dir_all(&shots).unwrap();
        let profile = tempfile::tempdir().unwrap();
        let driven = Command::new("python3")
            .arg(here.join("tests/it/lab/passkeys.py"))
            .arg(env!("CARGO_BIN_EXE_tadoru"))
            .arg("chromium")
            .args([shots.as_path(), profile.path()])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&driven.stdout), String::from_utf8_lossy(&driven.stderr));
        assert!(driven.status.success() && out.trim_end().ends_with("ok"), "{out}\n{err}");
    }
}
