//! The files of section `[network]` once they have changed: taken in anew, whole or not at all.
//!
//! What comes in: the files, looked at every few seconds. What goes out: the network anew, and how the last taking in went.
//! A file is read when it has not changed from one look to the next, and what was read is only taken when no file has
//! changed meanwhile. What cannot be read is said, and what was told before holds.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tadoru_desk::Network;
use tadoru_model::Prefix;
use tadoru_observe::Shutdown;
use tadoru_web::api::health::SourceState;

use super::{Config, load};

/// Takes a network in.
pub type Take = Box<dyn FnMut(Network) + Send>;

/// The files, and what became of them.
pub struct Watch {
    config: Config,
    own: Vec<Prefix>,
    take: Take,
    /// As they were when they were last read, well or not.
    read: Stamps,
    /// As they were at the last look.
    seen: Stamps,
    state: Arc<Mutex<State>>,
}

/// How the last taking in went.
#[derive(Debug, Default)]
struct State {
    taken: u64,
    refused: u64,
    trouble: Option<String>,
}

/// What tells that a file is another: when it was changed, where it lies, how long it is. `None`: it cannot be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    changed: (i64, i64),
    inode: u64,
    octets: u64,
}

/// Of each file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamps(Vec<Option<Stamp>>);

impl Stamps {
    /// As they are now. Taken before the files are read, no change gets lost.
    pub fn of(config: &Config) -> Self {
        Self(files(config).map(stamp).collect())
    }
}

impl Watch {
    /// Watches the files, which were as `read` when what holds now was read from them.
    pub fn new(config: Config, own: Vec<Prefix>, read: Stamps, take: Take) -> Self {
        Self { config, own, take, seen: read.clone(), read, state: Arc::default() }
    }

    /// How it goes, as a source among others; nothing where no file is named.
    pub fn state(&self) -> Option<Arc<dyn Fn() -> SourceState + Send + Sync>> {
        files(&self.config).next()?;
        let state = Arc::clone(&self.state);
        Some(Arc::new(move || {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            SourceState {
                name: "network".to_owned(),
                kind: "tables".to_owned(),
                trouble: state.trouble.clone(),
                counters: BTreeMap::from([
                    ("taken_anew".to_owned(), state.taken),
                    ("refused".to_owned(), state.refused),
                ]),
            }
        }))
    }

    /// Looks once, and takes in what has changed and is at rest.
    pub fn look(&mut self) {
        let now = Stamps::of(&self.config);
        let at_rest = now == self.seen;
        self.seen = now.clone();
        if now == self.read || !at_rest {
            return;
        }
        let loaded = load(&self.config, &self.own);
        self.seen = Stamps::of(&self.config);
        if self.seen != now {
            return;
        }
        self.read = now;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Ok((network, warnings)) => {
                (self.take)(network);
                (state.taken, state.trouble) = (state.taken + 1, None);
                tracing::info!("the files of `[network]` have changed and are taken in anew");
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            }
            Err(error) => {
                let why =
                    std::error::Error::source(&error).map_or_else(String::new, |why| format!(": {why}"));
                let trouble = format!("{error}{why}; what was told of the network before holds");
                tracing::warn!("{trouble}");
                (state.refused, state.trouble) = (state.refused + 1, Some(trouble));
            }
        }
    }

    /// Looks again and again, until `shutdown`.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut watch = self;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = shutdown.wait_for(|end| *end) => return,
            }
            let looked = tokio::task::spawn_blocking(move || {
                watch.look();
                watch
            });
            match looked.await {
                Ok(looked) => watch = looked,
                Err(_) => return tracing::error!("the files of `[network]` are not looked at any more"),
            }
        }
    }
}

fn files(config: &Config) -> impl Iterator<Item = &Path> {
    let tables = [&config.customers, &config.interfaces, &config.routes];
    tables.into_iter().flatten().chain(&config.ribs).map(AsRef::as_ref)
}

fn stamp(file: &Path) -> Option<Stamp> {
    let file = std::fs::metadata(file).ok()?;
    Some(Stamp { changed: (file.ctime(), file.ctime_nsec()), inode: file.ino(), octets: file.len() })
}

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(5);
