//! The desk's socket: other logins of the machine reach it where the configuration names one, and nothing else of the
//! installation; what they may is what the configuration says of the person behind the login.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A desk that runs, and is gone with the test.
struct Desk(Child);

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tadoru(folder: &Path) -> Command {
    let mut command = Command::new(folder.join("tadoru"));
    command.arg("--data").arg(folder.join("data")).arg("--config").arg(folder.join("tadoru.toml"));
    command.current_dir("/");
    command
}

/// `case list` as that login; its exit code.
fn list_as(folder: &Path, uid: u32) -> Option<i32> {
    let done = tadoru(folder).args(["case", "list", "--json"]).uid(uid).gid(uid).output().unwrap();
    done.status.code()
}

#[test]
fn logins_that_the_configuration_names_are_let_in_by_the_socket_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder).unwrap()) == 0;
    if !is_root {
        println!("skipped: other logins need root");
        return;
    }
    let open = |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    open(folder);
    std::fs::copy(env!("CARGO_BIN_EXE_tadoru"), folder.join("tadoru")).unwrap();
    open(&folder.join("tadoru"));
    let socket = folder.join("desk.sock");
    let config = format!(
        "[api]\nlisten = \"127.0.0.1:0\"\nsocket = {socket:?}\n\n\
         [[people]]\nid = \"sato\"\nroles = [\"abuse-desk\"]\nunix_user = \"nobody\"\n"
    );
    std::fs::write(folder.join("tadoru.toml"), config).unwrap();
    open(&folder.join("tadoru.toml"));

    let mut child =
        tadoru(folder).arg("serve").env("TADORU_LOG", "info").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let desk = Desk(child);
    assert!(lines.any(|line| line.unwrap().contains("API on")), "the desk did not start");
    std::thread::spawn(move || lines.for_each(drop));

    assert_eq!(list_as(folder, NOBODY), Some(0), "a person of the configuration");
    assert_eq!(list_as(folder, DAEMON), Some(3), "a login that is nobody");
    for inside in ["data/cases.sqlite", "data/gate", "data/desk.sock"] {
        let read = Command::new("cat").arg(folder.join(inside)).uid(NOBODY).gid(NOBODY).output().unwrap();
        assert!(String::from_utf8_lossy(&read.stderr).contains("Permission denied"), "{inside}");
    }
    drop(desk);
}

/// Debian's `nobody` and `daemon`.
const NOBODY: u32 = 65_534;
const DAEMON: u32 = 1;
