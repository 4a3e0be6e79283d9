//! Holds: questions whose rows must not be deleted.
//!
//! What comes in: a hold's name and its questions. What goes out: whether a row is held. Durable when it returns; the
//! questions name endpoints and so are sealed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tadoru_model::{Prefix, Protocol, Realm, Span, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::assignments::Holding;

use crate::folder::codec::Codec;
use crate::folder::log::{self, Log};
use crate::folder::{Folder, NEXT};
use crate::segment::bits::{put_varint, take_varint};
use crate::segment::row::{put_text, take_text};

use super::classes::RetentionClasses;

/// The holds of a store.
#[derive(Clone)]
pub struct Holds {
    named: BTreeMap<String, Vec<Holding>>,
    changes: u64,
}

impl Holds {
    /// The holds that the folder has.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn read(folder: &Folder, codec: &Codec) -> Result<Self, StoreError> {
        let mut named = BTreeMap::new();
        if folder.file(NAME).exists() {
            let tail = log::read(folder, NAME, codec, |_, frame| {
                named = parse(frame).ok_or_else(|| folder.damaged(NAME, "a frame is not sound"))?;
                Ok(())
            })?;
            if tail.torn > 0 {
                return Err(folder.damaged(NAME, "it is not whole"));
            }
        }
        Ok(Self { named, changes: 0 })
    }

    /// Sets the questions of a hold.
    pub fn set(&mut self, hold: &str, questions: &[Holding]) {
        self.named.insert(hold.to_owned(), questions.to_vec());
        self.changes += 1;
    }

    /// Ends a hold.
    pub fn end(&mut self, hold: &str) {
        self.named.remove(hold);
        self.changes += 1;
    }

    /// How often they were changed since the store was opened.
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Every question of every hold.
    pub fn questions(&self) -> impl Iterator<Item = &Holding> {
        self.named.values().flatten()
    }

    /// Replaces the folder's holds by these.
    ///
    /// # Errors
    /// What disk and codec say; then the old ones stand.
    pub fn write(
        &self,
        folder: &Folder,
        codec: &Codec,
        classes: &RetentionClasses,
    ) -> Result<(), StoreError> {
        let mut frame = Vec::new();
        put_varint(&mut frame, self.named.len() as u64);
        for (name, questions) in &self.named {
            put_text(&mut frame, name);
            put_varint(&mut frame, questions.len() as u64);
            for question in questions {
                put_question(&mut frame, question);
            }
        }
        let next = format!("{NAME}{NEXT}");
        let mut log = Log::create(folder, &next)?;
        log.push(codec, &classes.endless(&classes.assignments), &frame)?;
        log.write()?;
        log.sync()?;
        std::fs::rename(folder.file(&next), folder.file(NAME))
            .map_err(|e| folder.fault("replace", NAME, e))?;
        folder.sync()
    }
}

fn put_question(out: &mut Vec<u8>, question: &Holding) {
    put_text(out, &question.realm.0);
    put_text(out, &question.addr.to_string());
    put_varint(out, question.port.map_or(0, |port| u64::from(port) + 1));
    out.push(question.proto.0);
    out.extend_from_slice(&question.span.from.0.to_le_bytes());
    out.extend_from_slice(&question.span.until.0.to_le_bytes());
}

fn parse(mut frame: &[u8]) -> Option<BTreeMap<String, Vec<Holding>>> {
    let rest = &mut frame;
    let mut named = BTreeMap::new();
    for _ in 0..take_varint(rest)? {
        let name = take_text(rest)?;
        let mut questions = Vec::new();
        for _ in 0..take_varint(rest)? {
            questions.push(take_question(rest)?);
        }
        named.insert(name, questions);
    }
    Some(named)
}

fn take_question(bytes: &mut &[u8]) -> Option<Holding> {
    let realm = Realm::from(take_text(bytes)?.as_str());
    let addr: IpAddr = take_text(bytes)?.parse::<Prefix>().ok()?.addr();
    let port = match take_varint(bytes)? {
        0 => None,
        port => Some(u16::try_from(port - 1).ok()?),
    };
    let (&proto, rest) = bytes.split_first()?;
    let (from, rest) = rest.split_first_chunk::<8>()?;
    let (until, rest) = rest.split_first_chunk::<8>()?;
    *bytes = rest;
    let span = Span::new(UtcMicros(i64::from_le_bytes(*from)), UtcMicros(i64::from_le_bytes(*until)));
    Some(Holding { realm, addr, port, proto: Protocol(proto), span })
}

/// The file of the holds.
pub const NAME: &str = "holds";
