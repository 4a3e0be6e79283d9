//! What a reader keeps in mind over a restart, as octets: templates, options data and sequence numbers.

use super::{Config, Reader};
use crate::octets::{put, take};

impl Reader {
    /// What is to be kept in mind.
    pub fn memory(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, &self.known.flows.save());
        put(&mut out, &self.quarantined.flows.save());
        out
    }

    /// A reader that goes on with what [`Self::memory`] gave; `None` when it is anything else.
    pub fn recall(config: &Config, memory: &[u8]) -> Option<Self> {
        let rest = &mut { memory };
        let mut reader = Self::new(config);
        reader.known.flows.restore(take(rest)?).ok()?;
        reader.quarantined.flows.restore(take(rest)?).ok()?;
        rest.is_empty().then_some(reader)
    }
}
