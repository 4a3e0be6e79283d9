//! When sources were alive: spans in memory, kept in one small log.
//!
//! What comes in: spans. What goes out: those that may speak of an address at a time. Durable when [`Coverage::cover`]
//! returns; the log is written anew when it is much longer than what it says.

use std::net::IpAddr;

use tadoru_gate::Permit;
use tadoru_gate::permit::{Learn, Store};
use tadoru_model::{CoverageSpan, CoverageState, Prefix, Realm, RecordKind, SourceName, Span, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::coverage::{Coverage, aggregate, join_spans, speaks_of};

use crate::assignments::SegmentStore;
use crate::assignments::classes::RetentionClasses;
use crate::folder::codec::{Codec, KeyName};
use crate::folder::log::{self, Log, Tail};
use crate::folder::{Folder, NEXT};
use crate::segment::bits::{put_varint, take_varint};
use crate::segment::row::{kind_code, put_text, take_text};

/// The spans of a folder.
pub struct CoverageLog {
    folder: Folder,
    key: KeyName,
    spans: Vec<CoverageSpan>,
    log: Option<Log>,
    floor: u64,
}

impl CoverageLog {
    /// The spans that the folder has.
    ///
    /// # Errors
    /// What disk and codec say.
    pub fn open(folder: &Folder, codec: &Codec, classes: &RetentionClasses) -> Result<Self, StoreError> {
        let key = classes.endless(&classes.assignments);
        let mut coverage = Self { folder: folder.clone(), key, spans: Vec::new(), log: None, floor: 0 };
        if folder.file(NAME).exists() {
            let spans = &mut coverage.spans;
            let tail = log::read(folder, NAME, codec, |_, mut frame| {
                while !frame.is_empty() {
                    let span = take_span(&mut frame);
                    spans.push(span.ok_or_else(|| folder.damaged(NAME, "a frame is not sound"))?);
                }
                Ok(())
            })?;
            join_spans(&mut coverage.spans);
            let log = Log::resume(folder, NAME, Tail { len: tail.len, torn: 0 })?;
            coverage.floor = tail.len;
            coverage.log = Some(log);
        }
        Ok(coverage)
    }

    /// Every span.
    pub fn spans(&self) -> &[CoverageSpan] {
        &self.spans
    }

    /// Takes spans in; durable when it returns.
    ///
    /// # Errors
    /// What disk and codec say; then none is taken.
    pub fn add(&mut self, codec: &Codec, spans: &[CoverageSpan]) -> Result<(), StoreError> {
        let mut joined = self.spans.clone();
        joined.extend_from_slice(spans);
        join_spans(&mut joined);
        match &mut self.log {
            Some(log) if log.len() < self.floor * 2 + ROOM => {
                let mut frame = Vec::new();
                spans.iter().for_each(|span| put_span(&mut frame, span));
                log.push(codec, &self.key, &frame)?;
                if let Err(e) = log.write().and_then(|()| log.sync()) {
                    self.log = None;
                    return Err(e);
                }
            }
            _ => self.write_anew(codec, &joined)?,
        }
        self.spans = joined;
        Ok(())
    }

    fn write_anew(&mut self, codec: &Codec, spans: &[CoverageSpan]) -> Result<(), StoreError> {
        let next = format!("{NAME}{NEXT}");
        let mut log = Log::create(&self.folder, &next)?;
        for part in spans.chunks(FRAME_SPANS) {
            let mut frame = Vec::new();
            part.iter().for_each(|span| put_span(&mut frame, span));
            log.push(codec, &self.key, &frame)?;
        }
        log.write()?;
        log.sync()?;
        std::fs::rename(self.folder.file(&next), self.folder.file(NAME))
            .map_err(|e| self.folder.fault("replace", NAME, e))?;
        self.folder.sync()?;
        self.floor = log.len();
        self.log = Some(log);
        Ok(())
    }
}

impl Coverage for SegmentStore {
    fn cover(&self, permit: &Permit<Store>, spans: &[CoverageSpan]) -> Result<(), StoreError> {
        self.with_coverage(permit, |coverage, codec| coverage.add(codec, spans))
    }

    fn around(
        &self,
        _permit: &Permit<Learn>,
        realm: &Realm,
        addr: IpAddr,
        span: Span,
    ) -> Result<Vec<CoverageSpan>, StoreError> {
        let speaks = |known: &&CoverageSpan| speaks_of(known, realm, addr, span);
        Ok(self.coverage(|spans| spans.iter().filter(speaks).cloned().collect()))
    }

    fn calendar(&self) -> Result<Vec<CoverageSpan>, StoreError> {
        Ok(self.coverage(<[CoverageSpan]>::to_vec))
    }

    fn space(&self) -> Result<Vec<(Realm, Prefix)>, StoreError> {
        Ok(aggregate(self.all_space()))
    }
}

fn put_span(out: &mut Vec<u8>, span: &CoverageSpan) {
    put_text(out, &span.source.0);
    out.extend([kind_code(span.kind), span.state as u8]);
    put_text(out, &span.realm.0);
    put_varint(out, span.prefixes.len() as u64);
    span.prefixes.iter().for_each(|prefix| put_text(out, &prefix.to_string()));
    out.extend_from_slice(&span.span.from.0.to_le_bytes());
    out.extend_from_slice(&span.span.until.0.to_le_bytes());
    put_text(out, &span.why);
}

fn take_span(bytes: &mut &[u8]) -> Option<CoverageSpan> {
    let source = SourceName::from(take_text(bytes)?.as_str());
    let (&[kind, state], rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    let realm = Realm::from(take_text(bytes)?.as_str());
    let mut prefixes = Vec::new();
    for _ in 0..take_varint(bytes)? {
        prefixes.push(take_text(bytes)?.parse().ok()?);
    }
    let (from, rest) = bytes.split_first_chunk::<8>()?;
    let (until, rest) = rest.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(CoverageSpan {
        source,
        kind: *RecordKind::ALL.get(usize::from(kind))?,
        realm,
        prefixes,
        span: Span::new(UtcMicros(i64::from_le_bytes(*from)), UtcMicros(i64::from_le_bytes(*until))),
        state: *STATES.get(usize::from(state))?,
        why: take_text(bytes)?,
    })
}

const STATES: [CoverageState; 3] = [CoverageState::Alive, CoverageState::Lossy, CoverageState::Dead];

/// The file of the spans.
pub const NAME: &str = "coverage";
const ROOM: u64 = 1 << 20;
const FRAME_SPANS: usize = 4096;
