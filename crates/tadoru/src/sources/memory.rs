//! What a decoder of the live sources has in mind, kept over a restart in one small file of the data folder.
//!
//! What comes in: what it has in mind, and the place in the spool up to which it has read. What goes out: the same, at the next
//! start. The file is replaced as a whole; one that is torn, or not of these stores, is left aside and said. It holds names
//! of sources, what they speak of in prefixes, numbers and templates; no record.

use std::fs::{File, rename};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tadoru_observe::Decoder;
use tadoru_store::assignments::SpoolMark;

#[cfg(test)]
mod tests;

/// The file.
#[derive(Debug)]
pub struct Memory(PathBuf);

/// Where decoding begins.
#[derive(Debug)]
pub struct Begin {
    /// With what in mind.
    pub decoder: Decoder,
    /// Behind which record of the spool.
    pub mark: SpoolMark,
}

impl Memory {
    /// The file of that data folder.
    pub fn of(data: &Path) -> Self {
        Self::named(data, NAME)
    }

    /// A file of another name in that data folder.
    pub fn named(data: &Path, name: &str) -> Self {
        Self(data.join(name))
    }

    /// Where decoding goes on; `applied` is the place up to which the stores have everything. The second value says why
    /// what was kept is left aside, if it is.
    pub fn recall(&self, applied: SpoolMark) -> (Begin, Option<&'static str>) {
        match self.recall_with(applied, Decoder::recall) {
            Ok(Some((decoder, mark))) => (Begin { decoder, mark }, None),
            Ok(None) => (Begin { decoder: Decoder::default(), mark: applied }, None),
            Err(why) => (Begin { decoder: Decoder::default(), mark: applied }, Some(why)),
        }
    }

    /// What `read` makes of what was kept, and the place that it was kept at; `None` where nothing was.
    ///
    /// # Errors
    /// Why what was kept is left aside.
    pub fn recall_with<T>(
        &self,
        applied: SpoolMark,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<(T, SpoolMark)>, &'static str> {
        let bytes = match std::fs::read(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|_| "it cannot be read")?,
        };
        let torn = "it is torn or of another version";
        let (memory, mark) = whole(&bytes).ok_or(torn)?;
        if mark > applied {
            return Err("it is newer than the stores");
        }
        Ok(Some((read(memory).ok_or(torn)?, mark)))
    }

    /// Keeps what the decoder has in mind behind `mark`; `false` when it waits for a record and cannot be kept now.
    ///
    /// # Errors
    /// When the disk refuses; then what was kept before still is.
    pub fn keep(&self, decoder: &Decoder, mark: SpoolMark) -> io::Result<bool> {
        let Some(memory) = decoder.memory() else { return Ok(false) };
        self.keep_octets(&memory, mark)?;
        Ok(true)
    }

    /// Keeps octets, with the place that they were made at.
    ///
    /// # Errors
    /// As [`Memory::keep`].
    pub fn keep_octets(&self, memory: &[u8], mark: SpoolMark) -> io::Result<()> {
        let body = [mark.0.to_be_bytes().as_slice(), memory].concat();
        let next = self.0.with_extension("next");
        let mut file = File::create(&next)?;
        for part in [FORM, Sha256::digest(&body).as_slice(), &body] {
            file.write_all(part)?;
        }
        file.sync_all()?;
        rename(&next, &self.0)?;
        self.0.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

/// What a whole file holds, and the place that it was made at.
fn whole(bytes: &[u8]) -> Option<(&[u8], SpoolMark)> {
    let (digest, body) = bytes.strip_prefix(FORM)?.split_first_chunk::<32>()?;
    if Sha256::digest(body).as_slice() != digest {
        return None;
    }
    let (mark, memory) = body.split_first_chunk()?;
    Some((memory, SpoolMark(u64::from_be_bytes(*mark))))
}

/// The file's name.
pub const NAME: &str = "sources.state";

/// What it begins with; another form gets another number.
const FORM: &[u8] = b"tadoru sources 1\n";
