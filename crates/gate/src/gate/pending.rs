//! What waits for approval, in one small file that is replaced whole, so that whoever can give it sees it.
//!
//! It holds no address and no name of a subscriber: ids, acts, data categories, staff and cases only.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tadoru_model::{CaseId, PersonId, Role, UtcMicros};

use crate::journal::durable::{self, Access};
use crate::vocabulary::{ActName, DataCategory, Purpose};

/// Something that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its id.
    pub id: String,
    /// The deed.
    pub act: ActName,
    /// What to.
    pub data: Vec<DataCategory>,
    /// What for.
    pub purpose: Purpose,
    /// In which case.
    pub case: Option<CaseId>,
    /// The rule that asks for the approval.
    pub rule: Option<String>,
    /// Who asked.
    pub person: PersonId,
    /// When it was last asked for.
    pub at: UtcMicros,
    /// Entry of that decision.
    pub asked: u64,
    /// Roles that may agree.
    pub roles: Vec<Role>,
    /// How many agreements were missing at that decision.
    pub lacking: usize,
    /// Who has agreed so far.
    pub given: Vec<Given>,
    /// Where the rule asks for it once a version: SHA-256 of the pack, in hexadecimal. Else it is for this wish alone.
    #[serde(default)]
    pub version: Option<String>,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// By whom.
    pub person: PersonId,
    /// In which roles.
    pub roles: Vec<Role>,
    /// Its entry.
    pub index: u64,
    /// When it ends; the end of all times where it holds for a version.
    pub until: UtcMicros,
}

impl Given {
    /// Whether it holds at that instant.
    pub fn holds(&self, now: UtcMicros) -> bool {
        now < self.until
    }
}

impl Waiting {
    /// Whether somebody with these roles may agree.
    pub fn may_be_given_by(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.contains(role))
    }

    /// Whether agreements are missing still, as far as can be told before it is asked again.
    pub fn lacks(&self, now: UtcMicros) -> bool {
        self.given.iter().filter(|given| given.index > self.asked && given.holds(now)).count() < self.lacking
    }
}

/// The list in memory and on disk.
#[derive(Debug)]
pub(super) struct Pending {
    path: PathBuf,
    list: Vec<Waiting>,
}

impl Pending {
    /// Reads the list; an empty one where there is no file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let list = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e),
        };
        Ok(Self { path: path.to_owned(), list })
    }

    /// What waits under an id.
    pub(super) fn get(&self, id: &str, now: UtcMicros) -> Option<&Waiting> {
        self.list.iter().find(|waiting| waiting.id == id && kept(waiting, now))
    }

    /// The approvals under an id that hold.
    pub(super) fn given(&self, id: &str, now: UtcMicros) -> Vec<Given> {
        let given = self.get(id, now).map(|waiting| waiting.given.clone()).unwrap_or_default();
        given.into_iter().filter(|given| given.holds(now)).collect()
    }

    /// Everything that waits, the oldest first.
    pub(super) fn list(&self, now: UtcMicros) -> Vec<Waiting> {
        self.list.iter().filter(|waiting| kept(waiting, now)).cloned().collect()
    }

    /// Puts something on the list; asked again, it keeps the approvals that it has.
    pub(super) fn wait(&mut self, waiting: Waiting, now: UtcMicros) -> io::Result<()> {
        let mut list = self.list(now);
        match list.iter_mut().find(|known| known.id == waiting.id) {
            Some(known) => {
                let given = std::mem::take(&mut known.given);
                *known = Waiting { given: given.into_iter().filter(|g| g.holds(now)).collect(), ..waiting };
            }
            None => list.push(waiting),
        }
        let over = list.len().saturating_sub(MOST);
        list.drain(..over);
        self.replace(list)
    }

    /// Adds an approval.
    pub(super) fn give(&mut self, id: &str, given: Given, now: UtcMicros) -> io::Result<()> {
        let mut list = self.list(now);
        if let Some(waiting) = list.iter_mut().find(|waiting| waiting.id == id) {
            waiting.given.retain(|old| old.person != given.person);
            waiting.given.push(given);
        }
        self.replace(list)
    }

    fn replace(&mut self, list: Vec<Waiting>) -> io::Result<()> {
        durable::write(&self.path, &serde_json::to_vec(&list)?, Access::Group)?;
        self.list = list;
        Ok(())
    }
}

fn kept(waiting: &Waiting, now: UtcMicros) -> bool {
    now < waiting.at.plus(KEPT_US) || waiting.given.iter().any(|given| given.holds(now))
}

/// How long something waits when nobody answers (P): seven days.
pub(super) const KEPT_US: i64 = 7 * 24 * 3600 * 1_000_000;

/// So many wait at most; the oldest give way.
const MOST: usize = 10_000;
