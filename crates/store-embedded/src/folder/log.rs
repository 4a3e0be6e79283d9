//! An append-only file of sealed frames: what a store writes before it has enough to sort, and what the spool is made of.
//!
//! What comes in: frames, each under a key of its class and month. What goes out: the same frames in order, up to the last
//! whole one. A torn tail (a crash in the middle of a write) is cut off and said; a frame in the middle that is not what
//! was written is damage, never skipped.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tadoru_store::StoreError;

use super::Folder;
use super::codec::{At, Codec, KeyName, TAG};

/// A log that is open for appending.
pub struct Log {
    file: File,
    folder: Folder,
    name: String,
    epoch: Option<u64>,
    page: u32,
    len: u64,
    out: Vec<u8>,
}

/// What a log held when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tail {
    /// Bytes up to the end of the last whole frame.
    pub len: u64,
    /// Bytes behind it that were cut off, or are to be.
    pub torn: u64,
}

impl Log {
    /// A new log; an old one of that name is gone.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(folder: &Folder, name: &str) -> Result<Self, StoreError> {
        Ok(Self {
            file: folder.create(name)?,
            folder: folder.clone(),
            name: name.to_owned(),
            epoch: None,
            page: 0,
            len: 0,
            out: MAGIC.to_vec(),
        })
    }

    /// Goes on with a log that was read up to `tail`; what is torn behind it is cut off.
    ///
    /// # Errors
    /// What the disk says.
    pub fn resume(folder: &Folder, name: &str, tail: Tail) -> Result<Self, StoreError> {
        let fault = |doing| move |e| folder.fault(doing, name, e);
        let file = File::options().read(true).write(true).open(folder.file(name)).map_err(fault("open"))?;
        file.set_len(tail.len).map_err(fault("cut"))?;
        Ok(Self {
            file,
            folder: folder.clone(),
            name: name.to_owned(),
            epoch: None,
            page: 0,
            len: tail.len,
            out: if tail.len == 0 { MAGIC.to_vec() } else { Vec::new() },
        })
    }

    /// Adds a frame; it is written by [`Log::write`].
    ///
    /// # Errors
    /// When the codec refuses.
    pub fn push(&mut self, codec: &Codec, key: &KeyName, content: &[u8]) -> Result<(), StoreError> {
        let epoch = match self.epoch {
            Some(epoch) => epoch,
            None => self.begin_epoch(codec)?,
        };
        let mut page = Vec::with_capacity(content.len() + TAG);
        page.extend_from_slice(content);
        codec.key(key)?.seal(At { file: epoch, page: self.page, kind: KIND }, &mut page)?;
        let len = u32::try_from(page.len())
            .ok()
            .filter(|len| *len <= FRAME_MOST)
            .ok_or_else(|| self.folder.damaged(&self.name, "a frame is longer than a frame may be"))?;
        let head = Head { len, page: self.page, month: key.month, kind: FRAME, class: class_len(&key.class) };
        head.write(epoch, key.class.as_bytes(), &mut self.out);
        self.out.extend_from_slice(&page);
        match self.page.checked_add(1) {
            Some(next) => self.page = next,
            None => self.epoch = None,
        }
        Ok(())
    }

    /// Writes the frames added; when the disk refuses, none of them is there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&mut self) -> Result<(), StoreError> {
        let written = self.file.write_all_at(&self.out, self.len);
        if let Err(e) = written {
            self.discard()?;
            return Err(self.folder.fault("write", &self.name, e));
        }
        self.len += self.out.len() as u64;
        self.out.clear();
        Ok(())
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|e| self.folder.fault("sync", &self.name, e))
    }

    /// Forgets the frames added and not written, and what a failed write left behind.
    ///
    /// # Errors
    /// What the disk says.
    pub fn discard(&mut self) -> Result<(), StoreError> {
        self.out.clear();
        self.file.set_len(self.len).map_err(|e| self.folder.fault("cut", &self.name, e))?;
        if self.len == 0 {
            self.out.extend_from_slice(MAGIC);
        }
        self.epoch = None;
        Ok(())
    }

    /// The place behind what was written; `None` before anything was.
    pub fn place(&self) -> Option<Start> {
        Some(Start { at: self.len, epoch: self.epoch? })
    }

    /// Its length with what is added and not yet written.
    pub fn len(&self) -> u64 {
        self.len + self.out.len() as u64
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn begin_epoch(&mut self, codec: &Codec) -> Result<u64, StoreError> {
        let epoch = codec.new_file_id()?;
        (self.epoch, self.page) = (Some(epoch), 0);
        let head = Head { len: 8, page: 0, month: 0, kind: EPOCH, class: 0 };
        head.write(epoch, &[], &mut self.out);
        self.out.extend_from_slice(&epoch.to_le_bytes());
        Ok(epoch)
    }
}

/// Where in a log to begin reading: before a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Byte.
    pub at: u64,
    /// The epoch that the frame is of.
    pub epoch: u64,
}

/// Reads a log and calls `each` with the place behind each frame and its content.
///
/// # Errors
/// [`StoreError::Damaged`] when a frame that others follow is not what was written; what disk, codec and `each` say.
pub fn read(
    folder: &Folder,
    name: &str,
    codec: &Codec,
    mut each: impl FnMut(Start, &[u8]) -> Result<(), StoreError>,
) -> Result<Tail, StoreError> {
    match begin(folder, name)? {
        Ok(start) => read_from(folder, name, codec, start, &mut each),
        Err(torn) => Ok(Tail { len: 0, torn }),
    }
}

/// The place of the first frame of a log, or the length of one that ends before it.
///
/// # Errors
/// [`StoreError::Damaged`] when it does not begin as a log does; what the disk says.
pub fn begin(folder: &Folder, name: &str) -> Result<Result<Start, u64>, StoreError> {
    let mut bytes = vec![0; MAGIC.len()];
    let file = folder.read_only(name)?;
    let total = file.metadata().map_err(|e| folder.fault("read", name, e))?.len();
    if total < MAGIC.len() as u64 {
        return Ok(Err(total));
    }
    file.read_exact_at(&mut bytes, 0).map_err(|e| folder.fault("read", name, e))?;
    if bytes != MAGIC {
        return Err(folder.damaged(name, "it does not begin as a log does"));
    }
    Ok(Ok(Start { at: MAGIC.len() as u64, epoch: 0 }))
}

/// The same from a place that an earlier reading or [`Log::place`] told.
///
/// # Errors
/// As [`read`].
pub fn read_from(
    folder: &Folder,
    name: &str,
    codec: &Codec,
    start: Start,
    mut each: impl FnMut(Start, &[u8]) -> Result<(), StoreError>,
) -> Result<Tail, StoreError> {
    let mut bytes = piece(folder, name, start.at, u64::MAX)?;
    Ok(frames(folder, name, codec, start, &mut bytes, &mut each)?.0)
}

/// Reads whole frames of about `most` bytes, at least one where one is left; gives the place behind them, `None` at the
/// end of the log.
///
/// # Errors
/// As [`read`].
pub fn read_some(
    folder: &Folder,
    name: &str,
    codec: &Codec,
    start: Start,
    most: u64,
    mut each: impl FnMut(Start, &[u8]) -> Result<(), StoreError>,
) -> Result<Option<Start>, StoreError> {
    let mut most = most.max(HEAD as u64);
    loop {
        let mut bytes = piece(folder, name, start.at, most)?;
        let is_last = (bytes.len() as u64) < most;
        let behind = frames(folder, name, codec, start, &mut bytes, &mut each)?.1;
        if is_last {
            return Ok(None);
        }
        if behind.at > start.at {
            return Ok(Some(behind));
        }
        // Not even one frame was whole in it. A frame has a bound, so that this ends.
        most = most.saturating_mul(2);
    }
}

/// Bytes of a log from a place on, `most` at most.
fn piece(folder: &Folder, name: &str, at: u64, most: u64) -> Result<Vec<u8>, StoreError> {
    let mut file = folder.read_only(name)?;
    let mut bytes = Vec::new();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at))
        .and_then(|_| file.take(most).read_to_end(&mut bytes))
        .map_err(|e| folder.fault("read", name, e))?;
    Ok(bytes)
}

/// Gives each whole frame of these bytes, which begin at `start`; tells what is left, and the place behind the last.
fn frames(
    folder: &Folder,
    name: &str,
    codec: &Codec,
    start: Start,
    bytes: &mut [u8],
    each: &mut impl FnMut(Start, &[u8]) -> Result<(), StoreError>,
) -> Result<(Tail, Start), StoreError> {
    let total = bytes.len() as u64;
    let damaged = |what| folder.damaged(name, what);
    let (mut at, mut epoch) = (0, start.epoch);
    loop {
        let behind = Start { at: start.at + at as u64, epoch };
        let torn = (Tail { len: behind.at, torn: total - at as u64 }, behind);
        let rest = bytes.get_mut(at..).unwrap_or_default();
        if rest.len() < HEAD || rest.iter().all(|byte| *byte == 0) {
            return Ok(torn);
        }
        let Some((head, class)) = Head::read(rest, epoch) else {
            // A head that was torn in the middle of being written is followed by nothing but zeros.
            let first_hole = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if first_hole < HEAD + usize::from(u8::MAX) {
                return Ok(torn);
            }
            return Err(damaged("the head of a frame is not what was written"));
        };
        let begin = HEAD + usize::from(head.class);
        let end = begin + head.len as usize;
        let is_last = rest.len() <= end;
        let Some(content) = rest.get_mut(begin..end) else { return Ok(torn) };
        if head.kind == EPOCH {
            epoch =
                content.try_into().map(u64::from_le_bytes).map_err(|_| damaged("an epoch is not sound"))?;
        } else {
            let key = codec.key(&KeyName::new(class, head.month))?;
            let page = At { file: epoch, page: head.page, kind: KIND };
            match key.open(page, content, folder, name) {
                Ok(content) => each(Start { at: start.at + (at + end) as u64, epoch }, content)?,
                Err(_) if is_last => return Ok(torn),
                Err(e) => return Err(e),
            }
        }
        at += end;
    }
}

/// What stands before a frame.
struct Head {
    len: u32,
    page: u32,
    month: u32,
    kind: u8,
    class: u8,
}

impl Head {
    fn write(&self, epoch: u64, class: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        for number in [self.len, self.page, self.month] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&[self.kind, self.class]);
        let epoch = if self.kind == EPOCH { 0 } else { epoch };
        let class = class.get(..usize::from(self.class)).unwrap_or_default();
        let check = check(out.get(start..).unwrap_or_default(), epoch, class);
        out.extend_from_slice(&check.to_le_bytes());
        out.extend_from_slice(class);
    }

    fn read(bytes: &[u8], epoch: u64) -> Option<(Self, Arc<str>)> {
        let plain = bytes.get(..HEAD - 8)?;
        let number = |at: usize| Some(u32::from_le_bytes(plain.get(at..at + 4)?.try_into().ok()?));
        let (kind, class) = (*plain.get(12)?, *plain.get(13)?);
        let head = Self { len: number(0)?, page: number(4)?, month: number(8)?, kind, class };
        let told = u64::from_le_bytes(bytes.get(HEAD - 8..HEAD)?.try_into().ok()?);
        let name = bytes.get(HEAD..HEAD + usize::from(class))?;
        let epoch = if kind == EPOCH { 0 } else { epoch };
        let sound = kind <= FRAME && head.len <= FRAME_MOST && check(plain, epoch, name) == told;
        Some((head, Arc::from(std::str::from_utf8(name).ok().filter(|_| sound)?)))
    }
}

/// FNV-1a over head, epoch and class: against accidents; the content is under the codec's seal.
fn check(head: &[u8], epoch: u64, class: &[u8]) -> u64 {
    let bytes = head.iter().copied().chain(epoch.to_le_bytes()).chain(class.iter().copied());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn class_len(class: &str) -> u8 {
    class.len().min(usize::from(u8::MAX)) as u8
}

const MAGIC: &[u8] = b"TADLOG\x00\x01";
const HEAD: usize = 22;
const EPOCH: u8 = 0;
const FRAME: u8 = 1;
const KIND: &[u8] = b"log frame";

/// The longest frame, sealed.
pub const FRAME_MOST: u32 = 1 << 26;
