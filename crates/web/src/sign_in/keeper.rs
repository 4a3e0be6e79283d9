//! Who comes in and goes out: the desk's commands for accounts, as the console gives them.
//!
//! What comes in: what people prove. What goes out: who they are. It decides nothing.

use tadoru_desk::accounts::passkeys::Holder;
use tadoru_desk::accounts::provided::{CameIn, Told};
use tadoru_desk::accounts::{AccountError, Offer};
use tadoru_desk::{Actor, Desk, Stores};
use tadoru_model::{PersonId, UtcMicros};
use tadoru_store::accounts::Passkey;

/// Who comes in and goes out: the desk's commands for accounts.
pub trait Doorkeeper: Send + Sync {
    /// Who a name stands for now.
    fn who_is(&self, person: &PersonId) -> Option<Actor>;
    /// Whether the person has an account that is set.
    fn has_account(&self, person: &PersonId) -> bool;
    /// What a link offers.
    ///
    /// # Errors
    /// When it does not hold.
    fn offered(&self, token: &str, now: UtcMicros) -> Result<Offer, AccountError>;
    /// Sets an account with a link.
    ///
    /// # Errors
    /// When the link, the password or the code will not do.
    fn set_account(
        &self,
        token: &str,
        password: &str,
        code: &str,
        now: UtcMicros,
    ) -> Result<Actor, AccountError>;
    /// Who signs in.
    ///
    /// # Errors
    /// When it is not so, or it cannot be kept.
    fn sign_in(&self, name: &str, password: &str, code: &str, now: UtcMicros) -> Result<Actor, AccountError>;
    /// The passkeys of a person.
    ///
    /// # Errors
    /// When there is no such person, or it cannot be kept.
    fn passkeys(&self, person: &PersonId) -> Result<Holder, AccountError>;
    /// Whose handle that is.
    fn holder_of(&self, handle: &[u8; 16]) -> Option<Holder>;
    /// Adds a passkey to the person's own account.
    ///
    /// # Errors
    /// When it may not be, or cannot be kept.
    fn add_passkey(&self, by: &Actor, passkey: &Passkey) -> Result<(), AccountError>;
    /// Removes one of the person's own.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn remove_passkey(&self, by: &Actor, id: &str) -> Result<bool, AccountError>;
    /// Notes who signed in with a passkey, and keeps its counter.
    ///
    /// # Errors
    /// When it was removed meanwhile, or it cannot be kept.
    fn by_passkey(
        &self,
        person: &PersonId,
        id: &str,
        credential: &str,
        now: UtcMicros,
    ) -> Result<Actor, AccountError>;
    /// Notes that a passkey did not prove who came.
    fn passkey_failed(&self, person: Option<PersonId>);
    /// Notes who signed in by the identity provider.
    ///
    /// # Errors
    /// When there is no role or no name for them, or it cannot be kept.
    fn by_provider(&self, told: &Told, now: UtcMicros) -> Result<CameIn, AccountError>;
    /// Notes that a sign-in by the identity provider came to nothing.
    fn provider_failed(&self, why: &str);
    /// Notes that tries were too many.
    fn held_off(&self);
    /// Notes that somebody came in by a ticket.
    ///
    /// # Errors
    /// When there is no such person, or it cannot be noted.
    fn by_ticket(&self, person: &PersonId) -> Result<Actor, AccountError>;
    /// Notes that a session ended.
    fn signed_out(&self, person: &PersonId, ended_by: &PersonId);
    /// The instant that the desk takes for the present.
    fn desk_now(&self) -> UtcMicros;
}

impl<S: Stores> Doorkeeper for Desk<S> {
    fn who_is(&self, person: &PersonId) -> Option<Actor> {
        Self::who_is(self, person)
    }

    fn has_account(&self, person: &PersonId) -> bool {
        let kept = self.stores().accounts().accounts();
        kept.iter().any(|account| account.person == *person && account.is_set())
    }

    fn offered(&self, token: &str, now: UtcMicros) -> Result<Offer, AccountError> {
        Self::offered(self, token, now)
    }

    fn set_account(
        &self,
        token: &str,
        password: &str,
        code: &str,
        now: UtcMicros,
    ) -> Result<Actor, AccountError> {
        Self::set_account(self, token, password, code, now)
    }

    fn sign_in(&self, name: &str, password: &str, code: &str, now: UtcMicros) -> Result<Actor, AccountError> {
        Self::sign_in(self, name, password, code, now)
    }

    fn passkeys(&self, person: &PersonId) -> Result<Holder, AccountError> {
        Self::passkeys(self, person)
    }

    fn holder_of(&self, handle: &[u8; 16]) -> Option<Holder> {
        Self::holder_of(self, handle)
    }

    fn add_passkey(&self, by: &Actor, passkey: &Passkey) -> Result<(), AccountError> {
        Self::add_passkey(self, by, passkey)
    }

    fn remove_passkey(&self, by: &Actor, id: &str) -> Result<bool, AccountError> {
        Self::remove_passkey(self, by, &by.person, id)
    }

    fn by_passkey(
        &self,
        person: &PersonId,
        id: &str,
        credential: &str,
        now: UtcMicros,
    ) -> Result<Actor, AccountError> {
        self.signed_in_by_passkey(person, id, credential, now)
    }

    fn passkey_failed(&self, person: Option<PersonId>) {
        if let Err(error) = Self::passkey_failed(self, person) {
            tracing::error!(%error, "a failed sign-in could not be noted");
        }
    }

    fn by_provider(&self, told: &Told, now: UtcMicros) -> Result<CameIn, AccountError> {
        self.signed_in_by_provider(told, now)
    }

    fn provider_failed(&self, why: &str) {
        if let Err(error) = Self::provider_failed(self, why) {
            tracing::error!(%error, "a failed sign-in could not be noted");
        }
    }

    fn held_off(&self) {
        if let Err(error) = self.sign_in_held_off() {
            tracing::error!(%error, "tries to sign in could not be noted");
        }
    }

    fn by_ticket(&self, person: &PersonId) -> Result<Actor, AccountError> {
        self.signed_in_by_ticket(person)
    }

    fn signed_out(&self, person: &PersonId, ended_by: &PersonId) {
        if let Err(error) = Self::signed_out(self, person, ended_by) {
            tracing::error!(%error, "the end of a session could not be noted");
        }
    }

    fn desk_now(&self) -> UtcMicros {
        self.now()
    }
}
