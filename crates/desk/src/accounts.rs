//! Accounts of the console: links that set them, signing in and out, all of it on record.
//!
//! What comes in: names, passwords, codes and tokens that people give, and the instant by the real clock (codes and links
//! hold by it even where the desk looks at another day). What goes out: who it is, or that it is not so. It never says
//! which of name, password and code was wrong, and no password is in an error, a log or the journal.

pub mod passkeys;
pub mod password;
pub mod provided;
pub mod tokens;
pub mod totp;

use sha2::{Digest as _, Sha256};
use tadoru_gate::GateError;
use tadoru_gate::journal::Event;
use tadoru_model::{PersonId, Role, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::accounts::{Account, Link, Proof};

use self::password::Weak;
use crate::{Actor, Desk, Door, Stores};

/// What of a person's account may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Whose.
    pub person: PersonId,
    /// In which roles; none where the configuration no longer names the person.
    pub roles: Vec<Role>,
    /// When it was set; `None`: it was not.
    pub set: Option<UtcMicros>,
    /// Until when a link holds that sets it; `None`: there is none.
    pub link_until: Option<UtcMicros>,
}

/// A link that was issued. Its token is told once.
pub struct Issued {
    /// Whose account it sets.
    pub person: PersonId,
    /// The token, 64 hexadecimal digits.
    pub token: String,
    /// First instant at which it no longer holds.
    pub until: UtcMicros,
}

/// What a link offers.
pub struct Offer {
    /// Whose account it sets.
    pub person: PersonId,
    /// Secret of the one-time codes, base32.
    pub secret: String,
}

/// Why an account is not used or set.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Name, password or code are not right.
    #[error("name, password and code do not belong together")]
    Wrong,
    /// The link is none, was used, or is past its end.
    #[error("the link was used already, is past its end, or is none")]
    NoLink,
    /// The new password will not do.
    #[error("the password will not do")]
    Weak(Weak),
    /// The code is not that of the secret.
    #[error("the code is not the one that the secret makes now")]
    Code,
    /// The configuration names no such person.
    #[error("the configuration names no such person")]
    Nobody,
    /// The person's roles do not run the system.
    #[error("this takes the role administrator")]
    Role,
    /// The name is another person's, or no name for a person.
    #[error("the name is another person's, or cannot be a person's")]
    Name,
    /// There is no role that the person has.
    #[error("the person has no such role")]
    NoRole,
    /// A token's end is out of bounds.
    #[error("a token holds from 1 to 366 days")]
    End,
    /// The account has as many passkeys or tokens as it may.
    #[error("the account has as many passkeys or tokens as it may")]
    TooMany,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The journal.
    #[error("the journal does not take it")]
    Gate(#[from] GateError),
    /// The store.
    #[error("the accounts cannot be kept")]
    Store(#[from] StoreError),
}

impl<S: Stores> Desk<S> {
    /// Everybody who may have an account, and what is known of it.
    ///
    /// # Errors
    /// When the person does not run the system.
    pub fn accounts(&self, by: &Actor) -> Result<Vec<Known>, AccountError> {
        if !by.opens(Door::RunsSystem) {
            return Err(AccountError::Role);
        }
        let kept = self.stores().accounts().accounts();
        let mut names: Vec<PersonId> = self.people().all().iter().map(|person| person.id.clone()).collect();
        names.extend(kept.iter().map(|account| account.person.clone()));
        names.sort();
        names.dedup();
        let known = |person: PersonId| {
            let account = kept.iter().find(|account| account.person == person);
            Known {
                roles: self.who_is(&person).map(|actor| actor.roles).unwrap_or_default(),
                set: account.and_then(when_set),
                link_until: account.and_then(|a| a.link.as_ref()).map(|link| link.until),
                person,
            }
        };
        Ok(names.into_iter().map(known).collect())
    }

    /// Issues a link with which a person sets their account; an older one no longer holds. What was set stays until it is
    /// used.
    ///
    /// # Errors
    /// When the person who asks does not run the system, there is no such person, or it cannot be kept.
    pub fn issue_link(&self, by: &Actor, person: &PersonId, now: UtcMicros) -> Result<Issued, AccountError> {
        if !by.opens(Door::RunsSystem) {
            return Err(AccountError::Role);
        }
        let is_own_seat = self.people().all().is_empty() && by.person == *person;
        if self.people().named(person).is_none() && !is_own_seat {
            return Err(AccountError::Nobody);
        }
        self.link(Some(by), person, now)
    }

    /// The link for the first administrator, as long as no administrator has set an account; `seat` is who runs the desk,
    /// where the configuration names nobody.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn first_link(&self, seat: &str, now: UtcMicros) -> Result<Option<Issued>, AccountError> {
        self.first_administrator(seat).map(|person| self.link(None, &person, now)).transpose()
    }

    /// Who is to set the first administrator's account, as long as no administrator has set one.
    pub fn first_administrator(&self, seat: &str) -> Option<PersonId> {
        let kept = self.stores().accounts().accounts();
        let runs = |person: &PersonId| self.who_is(person).is_some_and(|actor| actor.is(Role::Administrator));
        if kept.iter().any(|account| account.is_set() && runs(&account.person)) {
            return None;
        }
        match self.people().all() {
            [] => Some(PersonId(seat.to_owned())),
            all => all.iter().find(|p| p.roles.contains(&Role::Administrator)).map(|p| p.id.clone()),
        }
    }

    fn link(&self, by: Option<&Actor>, person: &PersonId, now: UtcMicros) -> Result<Issued, AccountError> {
        let (mut token, mut secret) = ([0; 32], [0; 20]);
        aws_lc_rs::rand::fill(&mut token).map_err(|_| AccountError::Random)?;
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| AccountError::Random)?;
        let token = hex(&token);
        let until = now.plus(LINK_US);
        let link = Link { digest: digest(&token), totp: totp::base32(&secret), until };
        self.account_changed(person, by, "link-issued")?;
        self.stores().accounts().change(person, &mut |one| {
            let account = one.get_or_insert_with(|| Account::of(person.clone()));
            account.link = Some(link.clone());
            true
        })?;
        Ok(Issued { person: person.clone(), token, until })
    }

    /// What a link offers, while it holds.
    ///
    /// # Errors
    /// When it does not.
    pub fn offered(&self, token: &str, now: UtcMicros) -> Result<Offer, AccountError> {
        let digest = digest(token);
        let kept = self.stores().accounts().accounts();
        let found = kept.into_iter().find_map(|account| {
            let link = account.link.filter(|link| link.digest == digest && now < link.until)?;
            Some(Offer { person: account.person, secret: link.totp })
        });
        let offer = found.ok_or(AccountError::NoLink)?;
        self.who_is(&offer.person).ok_or(AccountError::NoLink)?;
        Ok(offer)
    }

    /// Sets an account with a link, which is used up; who may sign in now.
    ///
    /// # Errors
    /// When the link does not hold, password or code will not do, or it cannot be kept.
    pub fn set_account(
        &self,
        token: &str,
        password: &str,
        code: &str,
        now: UtcMicros,
    ) -> Result<Actor, AccountError> {
        let offer = self.offered(token, now)?;
        if let Some(weak) = password::too_weak(password, &offer.person.0) {
            return Err(AccountError::Weak(weak));
        }
        let secret = totp::from_base32(&offer.secret).ok_or(AccountError::NoLink)?;
        let used_step = totp::fitting_step(&secret, code, step_of(now), 0).ok_or(AccountError::Code)?;
        let password = password::hash(password).ok_or(AccountError::Random)?;
        let actor = self.who_is(&offer.person).ok_or(AccountError::NoLink)?;
        let (digest, mut was_set) = (digest(token), false);
        let proof = Proof { password, totp: offer.secret, used_step, set: now };
        self.account_changed(&offer.person, Some(&actor), "set")?;
        self.stores().accounts().change(&offer.person, &mut |one| {
            let Some(account) = one else { return false };
            // Two who come with the same link at once: the second finds it used.
            if account.link.as_ref().is_none_or(|link| link.digest != digest) {
                return false;
            }
            account.proof = Some(proof.clone());
            account.link = None;
            // Whoever needs a link has lost something: nothing that was there before opens the account any more.
            account.passkeys.clear();
            account.tokens.clear();
            was_set = true;
            true
        })?;
        if was_set { Ok(actor) } else { Err(AccountError::NoLink) }
    }

    /// Who signs in with a name, a password and a code. It is on record either way.
    ///
    /// # Errors
    /// [`AccountError::Wrong`], or when it cannot be kept.
    pub fn sign_in(
        &self,
        name: &str,
        password: &str,
        code: &str,
        now: UtcMicros,
    ) -> Result<Actor, AccountError> {
        let person = PersonId(name.trim().to_owned());
        let kept = self.stores().accounts().accounts();
        let proof = kept.into_iter().find(|account| account.person == person).and_then(|a| a.proof);
        let known = password::is_right(password, proof.as_ref().map(|proof| &proof.password));
        let mut fits = false;
        if known {
            self.stores().accounts().change(&person, &mut |one| {
                let Some(proof) = one.as_mut().and_then(|account| account.proof.as_mut()) else {
                    return false;
                };
                let Some(secret) = totp::from_base32(&proof.totp) else { return false };
                let Some(step) = totp::fitting_step(&secret, code, step_of(now), proof.used_step) else {
                    return false;
                };
                proof.used_step = step;
                fits = true;
                true
            })?;
        }
        match self.who_is(&person) {
            Some(actor) if fits => {
                let by = "password+totp".to_owned();
                self.gate().note(&Event::SignedIn { person, by }, self.now())?;
                Ok(actor)
            }
            _ => {
                self.sign_in_failed(proof.is_some().then_some(person), "wrong")?;
                Err(AccountError::Wrong)
            }
        }
    }

    /// Notes that a sign-in was no longer looked at because there were too many.
    ///
    /// # Errors
    /// When the journal does not take it.
    pub fn sign_in_held_off(&self) -> Result<(), AccountError> {
        self.sign_in_failed(None, "too-many")
    }

    /// Notes that somebody came in by a ticket of a demonstration; who it is.
    ///
    /// # Errors
    /// When there is no such person, or the journal does not take it.
    pub fn signed_in_by_ticket(&self, person: &PersonId) -> Result<Actor, AccountError> {
        let actor = self.who_is(person).ok_or(AccountError::Nobody)?;
        let event = Event::SignedIn { person: person.clone(), by: "ticket".to_owned() };
        self.gate().note(&event, self.now())?;
        Ok(actor)
    }

    /// Notes that a session ended.
    ///
    /// # Errors
    /// When the journal does not take it.
    pub fn signed_out(&self, person: &PersonId, ended_by: &PersonId) -> Result<(), AccountError> {
        let event = Event::SignedOut { person: person.clone(), ended_by: ended_by.clone() };
        self.gate().note(&event, self.now())?;
        Ok(())
    }

    /// Removes a person's account; whether there was one.
    ///
    /// # Errors
    /// When the person who asks does not run the system, or it cannot be kept.
    pub fn remove_account(&self, by: &Actor, person: &PersonId) -> Result<bool, AccountError> {
        if !by.opens(Door::RunsSystem) {
            return Err(AccountError::Role);
        }
        if !self.stores().accounts().accounts().iter().any(|account| account.person == *person) {
            return Ok(false);
        }
        self.account_changed(person, Some(by), "removed")?;
        self.stores().accounts().change(person, &mut |one| one.take().is_some())?;
        Ok(true)
    }

    /// Who a name stands for now: by the configuration; else as the identity provider said when the person last signed in;
    /// where the configuration names nobody, whoever has the one seat's account.
    pub fn who_is(&self, person: &PersonId) -> Option<Actor> {
        if let Some(named) = self.people().named(person) {
            return Some(named);
        }
        let kept = self.stores().accounts().accounts();
        let account = kept.into_iter().find(|account| account.person == *person)?;
        match account.provided {
            Some(provided) => Some(Actor { person: account.person, roles: provided.roles }),
            None if self.people().all().is_empty() => self.people().behind(&person.0),
            None => None,
        }
    }

    fn sign_in_failed(&self, person: Option<PersonId>, why: &str) -> Result<(), AccountError> {
        self.gate().note(&Event::SignInFailed { person, why: why.to_owned() }, self.now())?;
        Ok(())
    }

    fn account_changed(&self, person: &PersonId, by: Option<&Actor>, what: &str) -> Result<(), AccountError> {
        let changed_by = by.map(|actor| actor.person.clone());
        let event = Event::AccountChanged { person: person.clone(), changed_by, what: what.to_owned() };
        self.gate().note(&event, self.now())?;
        Ok(())
    }
}

/// When somebody could sign in with an account for the first time by what it has now.
fn when_set(account: &Account) -> Option<UtcMicros> {
    let proof = account.proof.iter().map(|proof| proof.set);
    let others = account.passkeys.iter().map(|p| p.added).chain(account.provided.iter().map(|p| p.at));
    proof.chain(others).min()
}

fn step_of(now: UtcMicros) -> u64 {
    totp::step_of(u64::try_from(now.0 / 1_000_000).unwrap_or_default())
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pair = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if text.len().is_multiple_of(2) { (0..text.len()).step_by(2).map(pair).collect() } else { None }
}

/// How long a link holds: two days.
const LINK_US: i64 = 2 * 86_400 * 1_000_000;
