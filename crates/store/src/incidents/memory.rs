//! The plain definition: incidents in a map, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tadoru_gate::permit::{Aggregate, Learn, Store};
use tadoru_gate::{Permit, Sealed};
use tadoru_model::UtcMicros;
use tadoru_model::finding::{Finding, FindingId, FindingState};

use super::{Brief, Coarse, Incidents, Moment, Record, sealed_record, sealed_targets, thin};
use crate::StoreError;

/// Incidents in memory.
#[derive(Default)]
pub struct MemoryIncidents {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    records: BTreeMap<FindingId, Record>,
    learnt: Option<Vec<u8>>,
}

impl MemoryIncidents {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// Takes a moment in.
    fn note(&mut self, moment: Moment) {
        self.history.push(moment);
        thin(&mut self.history, |moment| moment.state != FindingState::Grew);
    }
}

impl Incidents for MemoryIncidents {
    fn keep(&self, _permit: &Permit<Store>, finding: &Finding) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let record = inner
            .records
            .entry(finding.id)
            .or_insert_with(|| Record { newest: finding.clone(), history: Vec::new() });
        record.newest = finding.clone();
        record.note(Moment::of(finding));
        Ok(())
    }

    fn measure(&self, _permit: &Permit<Store>, moments: &[(FindingId, Moment)]) -> Result<(), StoreError> {
        let mut inner = self.inner();
        for (id, moment) in moments {
            if let Some(record) = inner.records.get_mut(id) {
                record.note(*moment);
            }
        }
        Ok(())
    }

    fn briefs(&self) -> Vec<Brief> {
        let mut briefs: Vec<Brief> =
            self.inner().records.values().map(|record| Brief::of(&record.newest)).collect();
        briefs.sort_by_key(|brief| (std::cmp::Reverse(brief.start), brief.id));
        briefs
    }

    fn find(&self, permit: &Permit<Learn>, id: FindingId) -> Result<Option<Sealed<Record>>, StoreError> {
        Ok(self.inner().records.get(&id).map(|record| sealed_record(permit, record.clone())))
    }

    fn targets(
        &self,
        permit: &Permit<Aggregate>,
        ids: &[FindingId],
    ) -> Result<Sealed<Vec<Option<Coarse>>>, StoreError> {
        let inner = self.inner();
        let coarse = |id: &FindingId| inner.records.get(id).map(|record| Coarse::of(&record.newest));
        Ok(sealed_targets(permit, ids.iter().map(coarse).collect()))
    }

    fn delete_before(&self, _permit: &Permit<Store>, before: UtcMicros) -> Result<u64, StoreError> {
        let mut inner = self.inner();
        let had = inner.records.len();
        inner
            .records
            .retain(|_, record| record.newest.state != FindingState::Ended || record.newest.last >= before);
        Ok((had - inner.records.len()) as u64)
    }

    fn remember(&self, _permit: &Permit<Store>, learnt: &[u8]) -> Result<(), StoreError> {
        self.inner().learnt = Some(learnt.to_vec());
        Ok(())
    }

    fn recall(&self, _permit: &Permit<Store>) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner().learnt.clone())
    }
}
