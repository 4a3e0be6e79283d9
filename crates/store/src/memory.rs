//! The reference store: plain lists in memory, searched from end to end.
//!
//! What comes in: the same rows and questions as in any store. What goes out: the plain definition of each question,
//! against which the others are tested. It keeps nothing on disk and is never the store of an installation.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tadoru_gate::permit::{Learn, Preserve, Store};
use tadoru_gate::{Permit, Sealed};
use tadoru_model::{Assignment, CoverageSpan, Prefix, Realm, RecordKind, Span, UtcMicros};

use crate::StoreError;
use crate::assignments::{
    Assignments, Deleted, Holding, MOST_ROWS, OpenKey, Rows, SpoolMark, is_open_version, sealed_as,
};
use crate::coverage::{Coverage, aggregate, join_spans};

/// A store in memory.
#[derive(Default)]
pub struct Memory {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    rows: Vec<Assignment>,
    mark: SpoolMark,
    holds: BTreeMap<String, Vec<Holding>>,
    coverage: Vec<CoverageSpan>,
    deleted: BTreeMap<&'static str, UtcMicros>,
}

impl Memory {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn ask(&self, question: &Holding) -> Rows {
        let mut rows: Vec<Assignment> = self.rows.iter().filter(|row| question.fits(row)).cloned().collect();
        rows.sort_by_key(|row| row.from.earliest);
        let cut = rows.len() > MOST_ROWS;
        rows.truncate(MOST_ROWS);
        Rows { rows, cut }
    }

    fn is_held(&self, row: &Assignment) -> bool {
        self.holds.values().flatten().any(|question| question.fits(row))
    }
}

impl Assignments for Memory {
    fn put(&self, _permit: &Permit<Store>, rows: &[Assignment]) -> Result<(), StoreError> {
        let mut inner = self.write();
        for row in rows {
            if let Some(key) = OpenKey::of(row) {
                inner.rows.retain(|old| !(is_open_version(old) && OpenKey::of(old) == Some(key)));
            }
            inner.rows.push(row.clone());
        }
        Ok(())
    }

    fn commit(&self, _permit: &Permit<Store>, mark: SpoolMark) -> Result<(), StoreError> {
        self.write().mark = mark;
        Ok(())
    }

    fn mark(&self) -> SpoolMark {
        self.read().mark
    }

    fn open_rows(&self, _permit: &Permit<Store>) -> Result<Vec<Assignment>, StoreError> {
        Ok(self.read().rows.iter().filter(|row| is_open_version(row)).cloned().collect())
    }

    fn holding(&self, permit: &Permit<Learn>, question: &Holding) -> Result<Sealed<Rows>, StoreError> {
        Ok(sealed_as(permit, self.read().ask(question)))
    }

    fn holding_many(
        &self,
        permit: &Permit<Learn>,
        questions: &[Holding],
    ) -> Result<Sealed<Vec<Rows>>, StoreError> {
        let inner = self.read();
        Ok(sealed_as(permit, questions.iter().map(|question| inner.ask(question)).collect()))
    }

    fn delete_before(
        &self,
        _permit: &Permit<Store>,
        kind: RecordKind,
        before: UtcMicros,
    ) -> Result<Deleted, StoreError> {
        let mut inner = self.write();
        let (mut kept, mut deleted) = (Vec::new(), Deleted::default());
        for row in std::mem::take(&mut inner.rows) {
            let due = row.kind == kind && row.until.latest <= before && !is_open_version(&row);
            if due && inner.is_held(&row) {
                deleted.held += 1;
                kept.push(row);
            } else if due {
                deleted.rows += 1;
            } else {
                kept.push(row);
            }
        }
        inner.rows = kept;
        if deleted.rows > 0 {
            let line = inner.deleted.entry(kind.as_str()).or_insert(before);
            *line = before.max(*line);
        }
        Ok(deleted)
    }

    fn deleted_before(&self, kind: RecordKind) -> UtcMicros {
        self.read().deleted.get(kind.as_str()).copied().unwrap_or(UtcMicros::MIN)
    }

    fn hold(&self, _permit: &Permit<Preserve>, hold: &str, questions: &[Holding]) -> Result<u64, StoreError> {
        let mut inner = self.write();
        inner.holds.insert(hold.to_owned(), questions.to_vec());
        let fits = |row: &&Assignment| questions.iter().any(|question| question.fits(row));
        Ok(inner.rows.iter().filter(fits).count() as u64)
    }

    fn release(&self, _permit: &Permit<Store>, hold: &str) -> Result<(), StoreError> {
        self.write().holds.remove(hold);
        Ok(())
    }

    fn count(&self) -> u64 {
        self.read().rows.len() as u64
    }
}

impl Coverage for Memory {
    fn cover(&self, _permit: &Permit<Store>, spans: &[CoverageSpan]) -> Result<(), StoreError> {
        let mut inner = self.write();
        inner.coverage.extend_from_slice(spans);
        join_spans(&mut inner.coverage);
        Ok(())
    }

    fn around(
        &self,
        _permit: &Permit<Learn>,
        realm: &Realm,
        addr: IpAddr,
        span: Span,
    ) -> Result<Vec<CoverageSpan>, StoreError> {
        let inner = self.read();
        let speaks = |known: &&CoverageSpan| crate::coverage::speaks_of(known, realm, addr, span);
        Ok(inner.coverage.iter().filter(speaks).cloned().collect())
    }

    fn calendar(&self) -> Result<Vec<CoverageSpan>, StoreError> {
        Ok(self.read().coverage.clone())
    }

    fn space(&self) -> Result<Vec<(Realm, Prefix)>, StoreError> {
        Ok(aggregate(self.read().rows.iter().map(|row| (row.realm.clone(), row.prefix))))
    }
}
