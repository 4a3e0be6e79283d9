//! What was agreed to once for a version of a rule, in one small file that is replaced whole.
//!
//! What comes in: agreements of people, each with its entry in the journal. What goes out: the same, for as long as the
//! pack is this one: another digest is another version, and nothing of the old holds for it. The journal is what counts:
//! a line of the file that no entry bears out is left aside. It holds staff, roles, rules and digests only.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tadoru_model::{PersonId, Role};

use crate::journal::durable::{self, Access};
use crate::journal::event::Entry;
use crate::journal::{Event, Journal};
use crate::pack::{Agreed, Packs};

/// Somebody's agreement to a rule of one pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// SHA-256 of the pack, in hexadecimal.
    pub pack: String,
    /// The rule.
    pub rule: String,
    /// Who agreed.
    pub person: PersonId,
    /// In which roles.
    pub roles: Vec<Role>,
    /// The entry that says so.
    pub index: u64,
}

impl Version {
    /// Whether the entry that it names says the same.
    fn stands_in(&self, journal: &Journal) -> bool {
        let entry = journal.entry(self.index).ok().and_then(|bytes| Entry::parse(&bytes));
        matches!(entry.map(|entry| entry.event), Some(Event::VersionApproval { rule, pack, person, roles, .. })
            if (&rule, &pack, &person, &roles) == (&self.rule, &self.pack, &self.person, &self.roles))
    }
}

/// The agreements in memory and on disk.
#[derive(Debug)]
pub(super) struct Versions {
    path: PathBuf,
    list: Vec<Version>,
}

impl Versions {
    /// Reads the file; nothing where there is none.
    pub(super) fn open(path: &Path, journal: &Journal) -> io::Result<Self> {
        let mut list: Vec<Version> = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e),
        };
        list.retain(|version| version.stands_in(journal));
        Ok(Self { path: path.to_owned(), list })
    }

    /// Whether a person has agreed to a rule of a pack.
    pub(super) fn has(&self, pack: &str, rule: &str, person: &PersonId) -> bool {
        self.list.iter().any(|v| (v.pack.as_str(), v.rule.as_str(), &v.person) == (pack, rule, person))
    }

    /// Adds an agreement.
    pub(super) fn add(&mut self, version: Version) -> io::Result<()> {
        let list: Vec<Version> = self.list.iter().cloned().chain([version]).collect();
        durable::write(&self.path, &serde_json::to_vec(&list)?, Access::Group)?;
        self.list = list;
        Ok(())
    }

    /// The packs with what was agreed to of them.
    pub(super) fn applied_to(&self, mut packs: Packs) -> Packs {
        for Version { pack, rule, person, roles, index } in &self.list {
            let agreed = Agreed { person: person.clone(), roles: roles.clone(), index: *index };
            packs.agree(pack, rule, &agreed);
        }
        packs
    }
}
