//! Signing in by a real identity provider, in a real browser: a person with a role comes in, one without does not.

use std::path::Path;
use std::process::Command;

mod peers {
    use super::*;

    #[test]
    fn a_person_of_the_provider_comes_in() {
        for program in ["chromium", "python3"] {
            let there = Command::new(program).arg("--version").output();
            if !there.is_ok_and(|out| out.status.success()) {
                eprintln!("skipped: {program} is not installed");
                return;
            }
        }
        let Some(python) = std::env::var_os("TADORU_READERS") else {
            eprintln!("skipped: no identity provider (oidc-provider-mock of the Python registry)");
            return;
        };
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("console");
        std::fs::create_dir_all(&shots).unwrap();
        let profile = tempfile::tempdir().unwrap();
        let driven = Command::new("python3")
            .arg(here.join("tests/it/lab/oidc.py"))
            .arg(env!("CARGO_BIN_EXE_tadoru"))
            .arg("chromium")
            .args([shots.as_path(), profile.path()])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TADORU_READERS", python)
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&driven.stdout), String::from_utf8_lossy(&driven.stderr));
        assert!(driven.status.success() && out.trim_end().ends_with("ok"), "{out}\n{err}");
    }
}
