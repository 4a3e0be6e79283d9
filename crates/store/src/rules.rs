//! The operator's algorithmic translations: part of the configuration, kept with the time in which it was in force.

use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::Rule;

use crate::StoreError;

/// Translations that no log records.
pub trait Rules: Send + Sync {
    /// Takes rules in; one that is there already is there once. Durable when it returns. Says how many were new.
    ///
    /// # Errors
    /// When the disk refuses.
    fn put_rules(&self, permit: &Permit<Store>, rules: &[Rule]) -> Result<u64, StoreError>;

    /// All of them. They name no person.
    fn rules(&self) -> Vec<Rule>;
}
