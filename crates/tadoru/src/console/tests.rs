//! What is told at the start: a link goes to a person, never into a log.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use crate::config::Config;
use crate::embedded::open;

use super::*;

#[tokio::test]
async fn a_link_is_told_at_a_terminal_and_a_command_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), &Config::default(), Arc::new(SystemClock)).await.unwrap();
    let listening = "127.0.0.1:7480".parse().unwrap();
    let told = |to| told_of(&opened.desk, listening, to).unwrap().unwrap();
    let logged = told(Told::by(false));
    assert!(
        logged.contains(&format!("`tadoru account link {}`", user())) && !logged.contains("/account/"),
        "{logged}"
    );
    assert!(opened.desk.first_administrator(&user()).is_some(), "no link was issued for a log");
    assert!(told(Told::by(true)).contains("http://127.0.0.1:7480/account/"));
}
