//! The console in a real browser: the main job, by keyboard, in both languages, on a narrow screen, and a second person.
//!
//! Screenshots are left in `target/console`. A ticket of the demonstration leads in; accounts are tested without a browser.

use std::path::Path;
use std::process::Command;

mod peers {
    use super::*;

    #[test]
    fn the_main_job_goes_through_a_browser() {
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
            .arg(here.join("tests/it/lab/browser.py"))
            .arg(env!("CARGO_BIN_EXE_tadoru"))
            .arg("chromium")
            .args([shots.as_path(), profile.path()])
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&driven.stdout), String::from_utf8_lossy(&driven.stderr));
        assert!(driven.status.success() && out.trim_end().ends_with("ok"), "{out}\n{err}");
    }
}
