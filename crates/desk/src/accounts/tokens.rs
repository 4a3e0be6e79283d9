//! Tokens with which programs ask as a person: narrowed to roles and cases, with an end, told once and kept by digest.
//!
//! What comes in: what a token is to be for, and tokens that programs bring. What goes out: as whom they ask, and for which
//! cases. A token never opens more than its person: roles that the person lost are lost to the token at once.

use tadoru_model::{CaseId, PersonId, Role, UtcMicros};
use tadoru_store::accounts::{Account, ApiToken};

use super::{AccountError, digest, hex};
use crate::{Actor, Desk, Door, Stores};

/// What a token is to be for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose it is.
    pub person: PersonId,
    /// What it is for, in the administrator's words.
    pub label: String,
    /// Roles that it asks in; none: all of the person's.
    pub roles: Vec<Role>,
    /// Cases that it is for; none: no bound.
    pub cases: Vec<CaseId>,
    /// How long it holds, days.
    pub days: u32,
}

/// A token that was issued. It is told once.
pub struct IssuedToken {
    /// Its number among the person's tokens.
    pub id: u64,
    /// The token.
    pub token: String,
    /// First instant at which it no longer holds.
    pub until: UtcMicros,
}

/// As whom a token asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The person, in the token's roles.
    pub actor: Actor,
    /// The cases it is for; none: no bound.
    pub cases: Vec<CaseId>,
}

impl<S: Stores> Desk<S> {
    /// Issues a token for somebody whom the configuration names.
    ///
    /// # Errors
    /// When the person who asks does not run the system, what is wanted will not do, or it cannot be kept.
    pub fn issue_token(
        &self,
        by: &Actor,
        wanted: &Wanted,
        now: UtcMicros,
    ) -> Result<IssuedToken, AccountError> {
        if !by.opens(Door::RunsSystem) {
            return Err(AccountError::Role);
        }
        let is_own_seat = self.people().all().is_empty() && by.person == wanted.person;
        let named = if is_own_seat { Some(by.clone()) } else { self.people().named(&wanted.person) };
        let named = named.ok_or(AccountError::Nobody)?;
        if !(1..=MOST_DAYS).contains(&wanted.days) {
            return Err(AccountError::End);
        }
        if !wanted.roles.iter().all(|role| named.is(*role)) {
            return Err(AccountError::NoRole);
        }
        let mut roles = if wanted.roles.is_empty() { named.roles } else { wanted.roles.clone() };
        roles.sort();
        roles.dedup();
        let mut made = [0; 32];
        aws_lc_rs::rand::fill(&mut made).map_err(|_| AccountError::Random)?;
        let token = format!("{PREFIX}{}", hex(&made));
        let until = now.plus(i64::from(wanted.days) * DAY_US);
        let kept = self.stores().accounts().accounts();
        let full = |a: &Account| a.person == wanted.person && holding(&a.tokens, now) >= MOST_TOKENS;
        if wanted.cases.len() > MOST_CASES || kept.iter().any(full) {
            return Err(AccountError::TooMany);
        }
        self.account_changed(&wanted.person, Some(by), "token-issued")?;
        let label = wanted.label.chars().filter(|c| !c.is_control()).take(MOST_LABEL).collect::<String>();
        let mut id = 0;
        self.stores().accounts().change(&wanted.person, &mut |one| {
            let account = one.get_or_insert_with(|| Account::of(wanted.person.clone()));
            // What is long past its end is no longer of interest to anybody.
            account.tokens.retain(|token| now.0 - token.until.0 < SHOWN_US);
            id = account.tokens.iter().map(|token| token.id).max().unwrap_or(0) + 1;
            account.tokens.push(ApiToken {
                id,
                digest: digest(&token),
                label: label.clone(),
                roles: roles.clone(),
                cases: wanted.cases.clone(),
                issued: now,
                until,
            });
            true
        })?;
        Ok(IssuedToken { id, token, until })
    }

    /// Every token that was issued, with whose it is.
    ///
    /// # Errors
    /// When the person who asks does not run the system.
    pub fn tokens(&self, by: &Actor) -> Result<Vec<(PersonId, ApiToken)>, AccountError> {
        if !by.opens(Door::RunsSystem) {
            return Err(AccountError::Role);
        }
        let kept = self.stores().accounts().accounts();
        let of = |account: Account| account.tokens.into_iter().map(move |t| (account.person.clone(), t));
        Ok(kept.into_iter().flat_map(of).collect())
    }

    /// Revokes a token; whether there was one.
    ///
    /// # Errors
    /// When the person who asks does not run the system, or it cannot be kept.
    pub fn revoke_token(&self, by: &Actor, person: &PersonId, id: u64) -> Result<bool, AccountError> {
        if !self.tokens(by)?.iter().any(|(of, token)| of == person && token.id == id) {
            return Ok(false);
        }
        self.account_changed(person, Some(by), "token-revoked")?;
        self.stores().accounts().change(person, &mut |one| {
            let Some(account) = one else { return false };
            account.tokens.retain(|token| token.id != id);
            true
        })?;
        Ok(true)
    }

    /// As whom a token asks now; `None`: it is none, was revoked, or is past its end.
    pub fn bearer(&self, token: &str, now: UtcMicros) -> Option<Bearer> {
        let digest = token.starts_with(PREFIX).then(|| digest(token))?;
        let kept = self.stores().accounts().accounts();
        let (person, token) = kept.into_iter().find_map(|account| {
            let found = account.tokens.into_iter().find(|t| t.digest == digest && now < t.until)?;
            Some((account.person, found))
        })?;
        let named = match self.people().all() {
            [] => self.who_is(&person),
            _ => self.people().named(&person),
        }?;
        let roles: Vec<Role> = token.roles.into_iter().filter(|role| named.is(*role)).collect();
        (!roles.is_empty()).then_some(Bearer { actor: Actor { person, roles }, cases: token.cases })
    }
}

fn holding(tokens: &[ApiToken], now: UtcMicros) -> usize {
    tokens.iter().filter(|token| now < token.until).count()
}

/// What a token begins with, so that a scanner for secrets knows one.
const PREFIX: &str = "tadoru_";
const DAY_US: i64 = 86_400 * 1_000_000;
/// So long after its end a token is still listed.
const SHOWN_US: i64 = 90 * DAY_US;
/// Longest life of a token, days.
const MOST_DAYS: u32 = 366;
/// Tokens of one person that hold at a time.
const MOST_TOKENS: usize = 32;
/// Cases of one token.
const MOST_CASES: usize = 64;
/// Longest label, characters.
const MOST_LABEL: usize = 128;
