//! Passkeys of accounts (W3C Web Authentication): adding, removing, and signing in with them, all of it on record.
//!
//! What comes in: credentials that the console has checked. What goes out: which credentials a person has, and who it is that
//! signed in. It checks no signature: that is the console's protocol, not the desk's.

use tadoru_gate::journal::Event;
use tadoru_model::{PersonId, UtcMicros};
use tadoru_store::accounts::{Account, Passkey};

use super::{AccountError, from_hex, hex};
use crate::{Actor, Desk, Door, Stores};

/// What the console needs to have a passkey made, or to check one.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Whose.
    pub person: PersonId,
    /// What passkeys know the person by.
    pub handle: [u8; 16],
    /// The passkeys there are.
    pub passkeys: Vec<Passkey>,
}

impl<S: Stores> Desk<S> {
    /// The passkeys of a person; a handle is made where there is none yet.
    ///
    /// # Errors
    /// When there is no such person, or it cannot be kept.
    pub fn passkeys(&self, person: &PersonId) -> Result<Holder, AccountError> {
        self.who_is(person).ok_or(AccountError::Nobody)?;
        let known = |account: &Account| account.person == *person && account.handle.is_some();
        if !self.stores().accounts().accounts().iter().any(known) {
            let mut made = [0; 16];
            aws_lc_rs::rand::fill(&mut made).map_err(|_| AccountError::Random)?;
            self.stores().accounts().change(person, &mut |one| {
                let account = one.get_or_insert_with(|| Account::of(person.clone()));
                account.handle.get_or_insert_with(|| hex(&made));
                true
            })?;
        }
        let kept = self.stores().accounts().accounts();
        kept.into_iter().find(known).and_then(holder).ok_or(AccountError::Nobody)
    }

    /// Whose handle that is.
    pub fn holder_of(&self, handle: &[u8; 16]) -> Option<Holder> {
        let kept = self.stores().accounts().accounts();
        kept.into_iter().filter_map(holder).find(|holder| holder.handle == *handle)
    }

    /// Adds a passkey to the person's own account.
    ///
    /// # Errors
    /// When there are too many, it is known already, or it cannot be kept.
    pub fn add_passkey(&self, by: &Actor, passkey: &Passkey) -> Result<(), AccountError> {
        let kept = self.stores().accounts().accounts();
        if kept.iter().any(|account| account.passkeys.iter().any(|known| known.id == passkey.id)) {
            return Err(AccountError::Wrong);
        }
        let full = |account: &Account| account.person == by.person && account.passkeys.len() >= MOST_PASSKEYS;
        if kept.iter().any(full) {
            return Err(AccountError::TooMany);
        }
        self.account_changed(&by.person, Some(by), "passkey-added")?;
        self.stores().accounts().change(&by.person, &mut |one| {
            let account = one.get_or_insert_with(|| Account::of(by.person.clone()));
            account.passkeys.push(passkey.clone());
            true
        })?;
        Ok(())
    }

    /// Removes a passkey: one's own, or anybody's where one runs the system. Whether there was one.
    ///
    /// # Errors
    /// When it is another person's, or it cannot be kept.
    pub fn remove_passkey(&self, by: &Actor, person: &PersonId, id: &str) -> Result<bool, AccountError> {
        if by.person != *person && !by.opens(Door::RunsSystem) {
            return Err(AccountError::Role);
        }
        let has =
            |account: &Account| account.person == *person && account.passkeys.iter().any(|p| p.id == id);
        if !self.stores().accounts().accounts().iter().any(has) {
            return Ok(false);
        }
        self.account_changed(person, Some(by), "passkey-removed")?;
        self.stores().accounts().change(person, &mut |one| {
            let Some(account) = one else { return false };
            account.passkeys.retain(|passkey| passkey.id != id);
            true
        })?;
        Ok(true)
    }

    /// Notes that a person signed in with a passkey whose signature was checked, and keeps its counter.
    ///
    /// # Errors
    /// When the passkey was removed meanwhile, the person is no longer named, or it cannot be kept.
    pub fn signed_in_by_passkey(
        &self,
        person: &PersonId,
        id: &str,
        credential: &str,
        now: UtcMicros,
    ) -> Result<Actor, AccountError> {
        let mut kept = false;
        self.stores().accounts().change(person, &mut |one| {
            let passkeys = one.iter_mut().flat_map(|account| &mut account.passkeys);
            let Some(passkey) = passkeys.into_iter().find(|passkey| passkey.id == id) else { return false };
            credential.clone_into(&mut passkey.credential);
            passkey.used = Some(now);
            kept = true;
            true
        })?;
        match self.who_is(person).filter(|_| kept) {
            Some(actor) => {
                let event = Event::SignedIn { person: person.clone(), by: "passkey".to_owned() };
                self.gate().note(&event, self.now())?;
                Ok(actor)
            }
            None => {
                self.passkey_failed(None)?;
                Err(AccountError::Wrong)
            }
        }
    }

    /// Notes that a passkey did not prove who came; `person`: whose it claims to be, where there is such an account.
    ///
    /// # Errors
    /// When the journal does not take it.
    pub fn passkey_failed(&self, person: Option<PersonId>) -> Result<(), AccountError> {
        self.sign_in_failed(person, "passkey")
    }
}

fn holder(account: Account) -> Option<Holder> {
    let handle = from_hex(account.handle.as_deref()?)?.try_into().ok()?;
    Some(Holder { person: account.person, handle, passkeys: account.passkeys })
}

/// Passkeys of one account.
const MOST_PASSKEYS: usize = 16;
