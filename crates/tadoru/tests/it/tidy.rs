//! The house rules that a compiler does not see: imports between rooms, heads of files, lengths, names, licences, links.
//!
//! Reads the working tree that the test was built from. Rules of imports are in `tests/allowed-imports.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Imports {
    rooms: BTreeMap<String, BTreeSet<String>>,
    tests: BTreeMap<String, BTreeSet<String>>,
    outside: BTreeMap<String, BTreeSet<String>>,
    never: Never,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Never {
    crates: BTreeSet<String>,
}

// --- imports --------------------------------------------------------------------------------------------------

#[test]
fn every_room_imports_only_what_it_may() {
    let imports = imports();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for folder in rooms() {
        let room = name_of(&folder);
        let Some(may) = imports.rooms.get(&room) else {
            wrong.push(format!("{room}: not listed in allowed-imports.toml"));
            continue;
        };
        let in_tests = imports.tests.get(&room);
        let manifest = manifest(&folder.join("Cargo.toml"));
        for (table, of_tests) in
            [("dependencies", false), ("dev-dependencies", true), ("build-dependencies", false)]
        {
            for name in manifest.get(table).and_then(toml::Value::as_table).into_iter().flat_map(|t| t.keys())
            {
                match name.strip_prefix("tadoru-") {
                    Some(other) if may.contains(other) => {}
                    Some(other)
                        if of_tests && (other == "town" || in_tests.is_some_and(|t| t.contains(other))) => {}
                    Some(other) => wrong.push(format!("{room} imports {other}")),
                    None => {
                        if imports.outside.get(name).is_some_and(|who| !who.contains(&room)) && !of_tests {
                            wrong.push(format!("{room} links {name}"));
                        }
                    }
                }
            }
        }
        seen.insert(room);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen, imports.rooms.into_keys().collect(), "rooms that are listed and those that there are");
}

#[test]
fn a_package_is_named_after_its_folder() {
    for folder in rooms() {
        let room = name_of(&folder);
        let package = manifest(&folder.join("Cargo.toml"));
        let name = package.get("package").and_then(|p| p.get("name")).and_then(toml::Value::as_str);
        let want = if room == "tadoru" { room } else { format!("tadoru-{room}") };
        assert_eq!(name, Some(want.as_str()));
    }
}

// --- names, heads, lengths ------------------------------------------------------------------------------------

#[test]
fn no_drawer_that_everybody_opens() {
    let named =
        |path: &Path| DRAWERS.contains(&path.file_stem().and_then(|s| s.to_str()).unwrap_or_default());
    let mut wrong: Vec<PathBuf> = sources().into_iter().filter(|path| named(path)).collect();
    wrong.extend(rooms().into_iter().filter(|path| named(path)));
    wrong.extend(
        sources().iter().flat_map(|path| path.ancestors()).filter(|path| named(path)).map(Path::to_owned),
    );
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_source_file_begins_with_what_it_is_and_is_of_one_subject() {
    let mut wrong = Vec::new();
    for path in sources() {
        let text = read(&path);
        // What a `tests.rs` is about is said by the file that it stands beside; other tests may name their lints first.
        let is_test =
            path.ends_with("tests.rs") || (shown(&path).contains("/tests/") && text.contains("\n//! "));
        if !text.starts_with("//!") && !is_test {
            wrong.push(format!("{}: does not begin with `//!`", shown(&path)));
        }
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{}: {lines} lines", shown(&path)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_silenced_without_a_reason() {
    let mut wrong = Vec::new();
    for path in sources() {
        let text = read(&path);
        for word in ["[allow(", "[expect("] {
            for (at, _) in text.match_indices(word) {
                let rest = text.get(at..).unwrap_or_default();
                let end = rest.find(")]").unwrap_or(rest.len());
                if !is_comment(&text, at) && !rest.get(..end).unwrap_or(rest).contains("reason") {
                    wrong.push(format!("{}: {word}…)] without a reason", shown(&path)));
                }
            }
        }
        let off = ["#[", "ignore"].concat();
        if text.lines().any(|line| line.trim_start().starts_with(&off)) {
            wrong.push(format!("{}: a test is switched off", shown(&path)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_unfinished_and_no_path_of_somebodys_machine() {
    // Put together here, so that this file does not hold what it looks for.
    let marks: Vec<String> = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|p| p.concat()).to_vec();
    let places: Vec<String> =
        [["/wo", "rk/"], ["/ro", "ot/"], ["/ho", "me/"], ["/fa", "rm/"]].map(|p| p.concat()).to_vec();
    let mut wrong = Vec::new();
    for path in texts() {
        let text = read(&path);
        for (number, line) in text.lines().enumerate() {
            let is_word =
                |mark: &String| line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == mark);
            let is_place = |place: &String| line.contains(place.as_str());
            if marks.iter().any(is_word) || places.iter().any(is_place) {
                wrong.push(format!("{}:{}", shown(&path), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// --- documentation --------------------------------------------------------------------------------------------

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut links = 0;
    for path in texts().into_iter().filter(|path| path.extension().is_some_and(|e| e == "md")) {
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        for target in link_targets(&read(&path)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let there = if file.is_empty() { path.clone() } else { folder.join(file) };
            let known = there.exists() && (heading.is_empty() || headings(&read(&there)).contains(heading));
            if !known {
                wrong.push(format!("{}: {target}", shown(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(links > 20, "the documentation is gone");
}

#[test]
fn the_law_table_names_files_and_tests_that_there_are() {
    let text = read(&top().join("docs/law/trace.md"));
    let tests: String = sources().iter().map(|path| read(path)).collect();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in text.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        rows += 1;
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, item, _, files, names, ..] = cells.as_slice() else {
            wrong.push(format!("not a row: {line}"));
            continue;
        };
        for file in quoted(files) {
            if !top().join(file).exists() {
                wrong.push(format!("{item}: no file {file}"));
            }
        }
        for name in quoted(names) {
            if !tests.contains(&format!("fn {name}(")) {
                wrong.push(format!("{item}: no test {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 20, "the table is gone");
}

#[test]
fn the_reference_lists_every_route_of_the_api() {
    let page = read(&top().join("docs/reference/api.md"));
    let listed: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .filter_map(|(route, _)| {
            route.split_once(" /v1/").map(|(how, path)| format!("{} /v1/{path}", how.to_lowercase()))
        })
        .collect();
    let mut there = BTreeSet::new();
    for path in sources().iter().filter(|path| shown(path).starts_with("crates/web/src/")) {
        for line in read(path).lines().map(str::trim_start) {
            let route = ["get, path = \"", "post, path = \"", "put, path = \"", "delete, path = \""]
                .iter()
                .find_map(|how| Some((how.split(',').next()?, line.strip_prefix(how)?.split_once('"')?.0)));
            if let Some((how, path)) = route {
                there.insert(format!("{how} {path}"));
            }
        }
    }
    assert!(there.len() > 10);
    assert_eq!(listed, there);
}

#[test]
fn the_reference_explains_every_fixed_word() {
    use tadoru_gate::{ActName, Basis, DataCategory, Purpose, Verdict};
    use tadoru_model::{How, IdentityKind, RecordKind, Role};
    use tadoru_observe::Format;

    let outcomes = IdentityKind::ALL.map(IdentityKind::as_str).into_iter();
    let outcomes = outcomes.chain(RecordKind::ALL.map(RecordKind::as_str)).chain(How::ALL.map(How::as_str));
    let packs = ActName::ALL.iter().map(|w| w.as_str()).chain(DataCategory::ALL.iter().map(|w| w.as_str()));
    let packs =
        packs.chain(Purpose::ALL.iter().map(|w| w.as_str())).chain(Basis::ALL.iter().map(|w| w.as_str()));
    let packs = packs.chain(Verdict::ALL.iter().map(|w| w.as_str())).chain(Role::ALL.map(Role::as_str));
    let pages: [(&str, Vec<&str>); 3] = [
        ("outcomes", outcomes.collect()),
        ("packs", packs.collect()),
        ("formats", Format::ALL.map(Format::as_str).to_vec()),
    ];
    let mut missing = Vec::new();
    for (page, words) in pages {
        let text = read(&top().join(format!("docs/reference/{page}.md")));
        let has = |word: &str| text.contains(&format!("`{word}`")) || is_in_a_list(&text, word);
        missing.extend(words.into_iter().filter(|w| !has(w)).map(|w| format!("{page}: {w}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_reference_lists_every_command() {
    let page = read(&top().join("docs/reference/commands.md"));
    let mut missing = Vec::new();
    let mut names = subcommands(&[]);
    assert!(names.len() > 10, "{names:?}");
    while let Some(name) = names.pop() {
        let below = subcommands(&name.split(' ').collect::<Vec<_>>());
        if below.is_empty() && !page.contains(&format!("`tadoru {name}")) {
            missing.push(name.clone());
        }
        names.extend(below.into_iter().map(|sub| format!("{name} {sub}")));
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// The commands that the help of a command lists.
fn subcommands(of: &[&str]) -> Vec<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_tadoru")).args(of).arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    let listed = text.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let names = listed.lines().take_while(|line| line.starts_with("  "));
    let names =
        names.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Whether a word stands alone between the commas of a list.
fn is_in_a_list(text: &str, word: &str) -> bool {
    text.split([',', '\n', '.', ':']).any(|part| part.trim() == word)
}

#[test]
fn architecture_fits_into_a_head() {
    assert!(read(&top().join("ARCHITECTURE.md")).lines().count() <= 300);
}

// --- the packaged configuration -------------------------------------------------------------------------------

#[test]
fn the_example_configuration_has_every_key_with_its_default() {
    let printed = Command::new(env!("CARGO_BIN_EXE_tadoru")).arg("print-config").output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let default: toml::Table = toml::from_str(&String::from_utf8(printed.stdout).unwrap()).unwrap();
    let example = read(&top().join("packaging/tadoru.toml"));
    let written: toml::Table = toml::from_str(&example).unwrap();
    assert_eq!(written, default, "packaging/tadoru.toml without its comments is the default");

    // The tables that it names are there, and say nothing yet.
    let folder = tempfile::tempdir().unwrap();
    let mut with_tables = uncommented(&example);
    for (place, heads) in [
        ("/etc/tadoru/customers.csv", "prefix,customer,class\n"),
        ("/etc/tadoru/interfaces.csv", "exporter,index,name,role,neighbour_as,sources\n"),
        ("/etc/tadoru/routes.csv", "prefix,as\n"),
        ("/var/lib/tadoru/rib4.mrt", ONE_ROUTE),
    ] {
        let file = folder.path().join(place.rsplit('/').next().unwrap());
        fs::write(&file, heads).unwrap();
        assert!(with_tables.contains(place), "{place}");
        with_tables = with_tables.replace(place, file.to_str().unwrap());
    }
    let file = folder.path().join("tadoru.toml");
    fs::write(&file, with_tables).unwrap();
    let checked =
        Command::new(env!("CARGO_BIN_EXE_tadoru")).arg("check-config").arg("--config").arg(&file).output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "the commented examples: {}", String::from_utf8_lossy(&checked.stderr));
}

/// A routing table of one peer and one route (RFC 6396, sections 4.3.1 and 4.3.2).
const ONE_ROUTE: &str = "\
    \0\0\0\0\0\x0d\0\x01\0\0\0\x15\0\0\0\0\0\0\0\x01\x02\0\0\0\x01\x0a\0\0\x01\0\0\0\x40\
    \0\0\0\0\0\x0d\0\x02\0\0\0\x1d\0\0\0\0\x08\x0a\0\x01\0\0\0\0\0\0\0\x0d\
    \x40\x01\x01\0\x40\x02\x06\x02\x01\0\0\0\x41";

/// The example with its commented-out settings switched on (`#key = …`, `#[section]`) in the place of empty lists.
fn uncommented(example: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => rest.to_owned(),
        None if line.ends_with("= []") => String::new(),
        _ => line.to_owned(),
    };
    example.lines().map(line).collect::<Vec<_>>().join("\n")
}

// --- licences -------------------------------------------------------------------------------------------------

#[test]
fn every_linked_crate_has_a_licence_that_may_be_linked() {
    let output = Command::new(env!("CARGO"))
        .current_dir(top())
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", PLATFORM])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let (never, linked) = (imports().never.crates, linked());
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        // The metadata also names what an option that nobody takes would need.
        if !linked.contains(name) {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("");
        if never.contains(name) {
            wrong.push(format!("{name} is not to be linked"));
        }
        let by_name = licence == "MPL-2.0" && CHANGED_FILES_ONLY.contains(&name);
        if !is_allowed(licence) && !by_name {
            wrong.push(format!("{name}: `{licence}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(linked.len() > 50);
}

/// Names of all crates that are built for the product and its tests.
fn linked() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(top())
        .args(["tree", "--workspace", "--locked", "--offline", "--prefix", "none", "--format", "{p}"])
        .args(["--target", PLATFORM])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn licence_expressions_are_read_as_spdx_says() {
    for good in ["MIT", "MIT OR GPL-3.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "MIT/Apache-2.0"] {
        assert!(is_allowed(good), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-2.0", "OpenSSL"] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

/// Whether an SPDX expression can be met with allowed licences alone; `/` is the older way to write OR.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest) && rest.is_empty()
}

fn any_of(words: &mut &[&str]) -> bool {
    let mut met = all_of(words);
    while let [first, tail @ ..] = *words
        && *first == "OR"
    {
        *words = tail;
        met |= all_of(words);
    }
    met
}

fn all_of(words: &mut &[&str]) -> bool {
    let mut met = one(words);
    while let [first, tail @ ..] = *words
        && *first == "AND"
    {
        *words = tail;
        met &= one(words);
    }
    met
}

fn one(words: &mut &[&str]) -> bool {
    let [first, tail @ ..] = *words else { return false };
    *words = tail;
    if *first != "(" {
        let met = LICENCES.contains(first);
        // An exception only ever permits more.
        if let ["WITH", _, tail @ ..] = *words {
            *words = tail;
        }
        return met;
    }
    let met = any_of(words);
    match *words {
        [")", tail @ ..] => {
            *words = tail;
            met
        }
        _ => false,
    }
}

// --- reading the tree -----------------------------------------------------------------------------------------

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(top()).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", shown(path)))
}

fn imports() -> Imports {
    let text = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/allowed-imports.toml"));
    toml::from_str(&text).unwrap()
}

fn manifest(path: &Path) -> toml::Table {
    toml::from_str(&read(path)).unwrap()
}

/// The folders of the rooms.
fn rooms() -> Vec<PathBuf> {
    let all = fs::read_dir(top().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut rooms: Vec<PathBuf> = all.filter(|path| path.join("Cargo.toml").exists()).collect();
    rooms.sort();
    rooms
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

/// Every Rust file of the house.
fn sources() -> Vec<PathBuf> {
    texts().into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

/// Every text that is part of the house, without what readers are fed in tests.
fn texts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![top()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let hidden = name.starts_with('.') && name != ".ci" && name != ".config";
                if !hidden && !NOT_OURS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name == "check" || ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_comment(text: &str, at: usize) -> bool {
    let line = text.get(..at).unwrap_or_default().rsplit('\n').next().unwrap_or_default().trim_start();
    line.starts_with("//") || line.contains('"')
}

/// Targets of inline links, without those in code.
fn link_targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("");
        for rest in plain.split("](").skip(1) {
            if let Some((target, _)) = rest.split_once(')') {
                targets.push(target.to_owned());
            }
        }
    }
    targets
}

/// The anchors of a page's headings, as code forges make them.
fn headings(text: &str) -> BTreeSet<String> {
    let anchor = |line: &str| -> String {
        let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == ' ';
        line.trim_start_matches('#')
            .trim()
            .chars()
            .filter(|c| kept(*c))
            .collect::<String>()
            .to_lowercase()
            .replace(' ', "-")
    };
    text.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// What stands between back-ticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

const LONGEST_FILE: usize = 700;

const DRAWERS: [&str; 6] = ["common", "utils", "helpers", "core", "misc", "manager"];

/// Folders of build products and of files that readers are fed.
const NOT_OURS: [&str; 4] = ["target", "testdata", "corpus", "tadoru-data"];

const ENDINGS: [&str; 8] = [".rs", ".md", ".toml", ".sh", ".py", ".service", ".sql", "run"];

const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// The checker of passkeys, under a licence that binds changes of its own files alone (MPL-2.0); we change none.
const CHANGED_FILES_ONLY: [&str; 5] =
    ["crypto-glue", "webauthn-attestation-ca", "webauthn-rs", "webauthn-rs-core", "webauthn-rs-proto"];

const LICENCES: [&str; 11] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unlicense",
    "CC0-1.0",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
];
