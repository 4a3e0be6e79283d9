//! Follows files that other servers keep writing: DHCP lease files and RADIUS detail files.
//!
//! What comes in: a path, looked at once a second. What goes out: whole lines, blocks or entries as raw records, none
//! twice. A file that is replaced (rotation, Kea's lease file clean-up) is read to its end before the new one is begun; one
//! that is truncated is read from its start again. It never writes, renames or locks.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tadoru_model::{Prefix, Realm, SourceName};
use tokio::time::{MissedTickBehavior, interval};

use crate::counters::Count;
use crate::inlet::{Age, FilePlace, RawKind, Spool, SpoolRecord, Subject};
use crate::receive::{Heart, Shutdown, append, now, stopped};
use crate::records::thread_of;

#[cfg(test)]
mod tests;

/// A file to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub format: Followed,
    /// Name of the server that writes it.
    pub source: SourceName,
    /// Realm of the addresses.
    #[serde(default = "Realm::untold")]
    pub realm: Realm,
    /// What addresses its records speak of; without them, those that they have named so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<Prefix>,
    /// Name of the zone that the writing server runs in; UTC without it. Lease files are in UTC by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How often it is looked at, milliseconds.
    #[serde(default = "every_second")]
    pub poll_ms: u64,
}

/// Formats that can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Followed {
    /// Kea DHCPv4 lease file.
    Kea4,
    /// Kea DHCPv6 lease file.
    Kea6,
    /// ISC `dhcpd.leases`.
    IscLeases,
    /// FreeRADIUS detail file.
    RadiusDetail,
}

/// What a follower counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Octets of the file made durable.
    pub octets: Count,
    /// Times the file was replaced or truncated.
    pub replaced: Count,
    /// Looks at which the file could not be read.
    pub unreadable: Count,
    /// Times the spool refused; nothing is lost, it is tried again.
    pub refused: Count,
}

/// Follows one file.
pub struct Follower {
    tail: Tail,
    poll: Duration,
    counters: Arc<Counters>,
    spool: Arc<dyn Spool>,
}

impl Follower {
    /// A follower that does nothing yet; it goes on from `place` if that is still in the same file.
    pub fn new(config: Config, place: Option<FilePlace>, spool: Arc<dyn Spool>) -> Self {
        let poll = Duration::from_millis(config.poll_ms.max(10));
        let counters = Arc::<Counters>::default();
        let tail = Tail {
            config,
            from: place,
            has_resumed: false,
            open: None,
            earlier: None,
            counters: Arc::clone(&counters),
        };
        Self { tail, poll, counters, spool }
    }

    /// What has been counted, now and later.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Follows until `shutdown`.
    pub async fn run(self, mut shutdown: Shutdown) {
        let Self { mut tail, poll, counters, spool } = self;
        let kind = tail.config.format.kind();
        let Config { source, realm, prefixes, .. } = tail.config.clone();
        let subject = Subject { source: source.clone(), realm, prefixes };
        let mut heart = Heart::new(kind, Some(source), None, vec![subject]);
        let mut tick = interval(poll);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stopped(&mut shutdown) => return,
            }
            // Everything that is there, piece by piece.
            loop {
                let (back, looked) = match tokio::task::spawn_blocking(move || {
                    let looked = tail.look();
                    (tail, looked)
                })
                .await
                {
                    Ok(done) => done,
                    Err(_) => return,
                };
                tail = back;
                if tail.has_resumed {
                    heart.resumed();
                }
                let Ok(piece) = looked else {
                    counters.unreadable.add(1);
                    break;
                };
                let Some(piece) = piece else {
                    if append(&spool, vec![heart.beat()]).await.1.is_ok() {
                        heart.kept();
                    }
                    break;
                };
                if append(&spool, vec![piece]).await.1.is_err() {
                    counters.refused.add(1);
                    break;
                }
                counters.octets.add(tail.taken());
                if *shutdown.borrow() {
                    return;
                }
            }
        }
    }
}

impl Followed {
    const fn kind(self) -> RawKind {
        match self {
            Self::Kea4 => RawKind::Kea4,
            Self::Kea6 => RawKind::Kea6,
            Self::IscLeases => RawKind::Isc,
            Self::RadiusDetail => RawKind::Detail,
        }
    }

    /// How much of `octets` is whole: lines, blocks that a brace at the margin closes, entries that a blank line closes.
    fn whole(self, octets: &[u8]) -> usize {
        let end: &[u8] = match self {
            Self::Kea4 | Self::Kea6 => b"\n",
            Self::IscLeases => b"\n}\n",
            Self::RadiusDetail => b"\n\n",
        };
        octets.windows(end.len()).rposition(|part| part == end).map_or(0, |at| at + end.len())
    }

    /// Whether the first line names the columns of all others.
    const fn has_header(self) -> bool {
        matches!(self, Self::Kea4 | Self::Kea6)
    }
}

/// The end of a growing file.
struct Tail {
    config: Config,
    /// Where an earlier run stopped.
    from: Option<FilePlace>,
    /// Whether it went on from there.
    has_resumed: bool,
    open: Option<Open>,
    /// Kea's files of before its clean-up that are still to be read, the next one last.
    earlier: Option<Vec<PathBuf>>,
    counters: Arc<Counters>,
}

/// A file that is open.
struct Open {
    file: File,
    id: u64,
    offset: u64,
    line: u64,
    age: Age,
    header: Vec<u8>,
    /// How far the piece that was handed out reaches: octets, lines.
    out: (u64, u64),
    /// Whether another file has taken its place.
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is the file that is followed.
    Followed,
    /// It stands still: what is in it is all.
    Still,
}

impl Tail {
    /// The next piece of what is there; `None` behind the last.
    fn look(&mut self) -> io::Result<Option<SpoolRecord>> {
        loop {
            if self.open.is_none() && !self.open_next()? {
                return Ok(None);
            }
            self.replaced();
            let Some(open) = &mut self.open else { return Ok(None) };
            let mut octets = vec![0; CHUNK];
            let got = read_at(&open.file, &mut octets, open.offset)?;
            octets.truncate(got);
            let mut whole = self.config.format.whole(&octets);
            if whole == 0 && got == CHUNK {
                // No end in sight: the reader will say that it is too long.
                whole = got;
            }
            if whole > 0 {
                octets.truncate(whole);
                return Ok(Some(open.piece(&self.config, octets)));
            }
            open.age = Age::Fresh;
            if open.role == Role::Followed {
                return Ok(None);
            }
            self.open = None;
        }
    }

    /// The piece that was handed out is durable; tells how many octets of the file it was.
    fn taken(&mut self) -> u64 {
        let Some(open) = &mut self.open else { return 0 };
        let (octets, lines) = std::mem::take(&mut open.out);
        open.offset += octets;
        open.line += lines;
        octets
    }

    /// Opens what is to be read next; `false` when there is nothing yet.
    fn open_next(&mut self) -> io::Result<bool> {
        if self.earlier.is_none() {
            self.earlier = Some(if self.from.is_none() { self.before_clean_up() } else { Vec::new() });
        }
        if let Some(path) = self.earlier.as_mut().and_then(Vec::pop) {
            let opened = File::open(path).and_then(|file| Open::new(file, None, &self.config, Role::Still));
            self.open = opened.ok();
            return if self.open.is_some() { Ok(true) } else { self.open_next() };
        }
        let file = match File::open(&self.config.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.open.is_some() => return Ok(false),
            Err(error) => return Err(error),
        };
        let open = Open::new(file, self.from.take(), &self.config, Role::Followed)?;
        self.has_resumed |= open.offset > 0;
        self.open = Some(open);
        Ok(true)
    }

    /// Kea's files of before its clean-up, in the reverse of the order in which Kea itself reads them.
    fn before_clean_up(&self) -> Vec<PathBuf> {
        if !self.config.format.has_header() {
            return Vec::new();
        }
        let beside = |ending: &str| {
            let mut name = self.config.path.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let compacted = [".completed", ".2"].map(beside).into_iter().find(|path| path.exists());
        [Some(beside(".1")).filter(|path| path.exists()), compacted].into_iter().flatten().collect()
    }

    /// Notices that another file stands at the path, or that the file was truncated.
    fn replaced(&mut self) {
        let Some(open) = self.open.as_mut().filter(|open| open.role == Role::Followed) else { return };
        let Ok(mine) = open.file.metadata() else { return };
        if mine.len() < open.offset {
            self.counters.replaced.add(1);
            self.open = None;
            // What is opened next is the same file from its start, told apart by its age in the number.
            if let Ok(file) = File::open(&self.config.path) {
                self.open = Open::new(file, None, &self.config, Role::Followed).ok();
                if let Some(open) = &mut self.open {
                    open.id = open.id.wrapping_add(self.counters.replaced.get());
                }
            }
            return;
        }
        let there = std::fs::metadata(&self.config.path);
        if there.is_ok_and(|there| (there.dev(), there.ino()) != (mine.dev(), mine.ino())) {
            self.counters.replaced.add(1);
            open.role = Role::Still;
        }
    }
}

impl Open {
    /// A file from its start, or from where an earlier run stopped in it.
    fn new(file: File, from: Option<FilePlace>, config: &Config, role: Role) -> io::Result<Self> {
        let about = file.metadata()?;
        let born = about.created().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let born = born.unwrap_or_default().as_nanos();
        let id = thread_of(&[&about.dev().to_be_bytes(), &about.ino().to_be_bytes(), &born.to_be_bytes()]);
        let mut open =
            Self { id, file, offset: 0, line: 1, age: Age::Old, header: Vec::new(), out: (0, 0), role };
        if let Some(from) = from.filter(|from| from.file == open.id && from.end <= about.len()) {
            let mut before = BufReader::new(&open.file).take(from.end);
            if config.format.has_header() {
                before.by_ref().take(MAX_HEADER).read_until(b'\n', &mut open.header)?;
                open.header.truncate(open.header.trim_ascii_end().len());
                open.line += 1;
            }
            open.line += lines_of(before)?;
            open.offset = from.end;
            // What stands behind was written since.
            open.age = Age::Fresh;
        }
        Ok(open)
    }

    /// Makes a record of a piece, the header before it where there is one.
    fn piece(&mut self, config: &Config, octets: Vec<u8>) -> SpoolRecord {
        let lines = octets.iter().filter(|octet| **octet == b'\n').count() as u64;
        self.out = (octets.len() as u64, lines);
        let mut line = self.line;
        let octets = if !config.format.has_header() {
            octets
        } else if self.offset == 0 {
            let end = octets.iter().position(|octet| *octet == b'\n').unwrap_or(octets.len());
            self.header = octets.get(..end).unwrap_or_default().trim_ascii_end().to_vec();
            line = 2;
            octets
        } else {
            [self.header.as_slice(), b"\n", &octets].concat()
        };
        SpoolRecord {
            kind: config.format.kind(),
            source: Some(config.source.clone()),
            realm: config.realm.clone(),
            inside_realm: Realm::untold(),
            zone: config.zone.as_deref().map(Into::into),
            sender: None,
            arrival: now(),
            place: Some(FilePlace { file: self.id, line, end: self.offset + self.out.0, age: self.age }),
            octets,
        }
    }
}

/// Fills the buffer as far as the file goes.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while let Some(rest) = buffer.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + got as u64) {
            Ok(0) => break,
            Ok(read) => got += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

fn lines_of(mut input: impl BufRead) -> io::Result<u64> {
    let mut lines = 0;
    loop {
        let part = input.fill_buf()?;
        if part.is_empty() {
            return Ok(lines);
        }
        lines += part.iter().filter(|octet| **octet == b'\n').count() as u64;
        let used = part.len();
        input.consume(used);
    }
}

const fn every_second() -> u64 {
    1000
}

/// Octets of one piece at most.
const CHUNK: usize = 512 * 1024;

/// The longest header line that is repeated, octets.
const MAX_HEADER: u64 = 64 * 1024;
