//! Agreeing to what waits: two people where the rule asks for two.

use tadoru_gate::gate::Waiting;

use crate::{Actor, Desk, DeskError, Stores};

impl<S: Stores> Desk<S> {
    /// Agrees to what waits under an id; where in the journal that stands.
    ///
    /// # Errors
    /// When nothing waits there, or this person may not agree.
    pub fn approve(&self, actor: &Actor, id: &str) -> Result<u64, DeskError> {
        Ok(self.gate().approve(id, &actor.person, &actor.roles, self.now())?)
    }

    /// What waits for this person.
    pub fn waiting_for(&self, actor: &Actor) -> Vec<Waiting> {
        self.gate().waiting_for(&actor.roles, self.now())
    }
}
