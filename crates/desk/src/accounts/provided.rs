//! People whom the operator's identity provider names (OpenID Connect): who they are at the desk, and in which roles.
//!
//! What comes in: what the console has verified of a provider's word. What goes out: a person, on record. A person is known by
//! issuer and subject, which never change; the readable name is bound to them at the first sign-in, and nobody else gets it. The
//! name of somebody in the configuration is never given away by a provider's claim.

use tadoru_gate::journal::Event;
use tadoru_model::{PersonId, Role, UtcMicros};
use tadoru_store::accounts::{Account, Provided};

use super::AccountError;
use crate::{Actor, Desk, Stores};

/// What a provider said of who signs in.
#[derive(Debug, Clone)]
pub struct Told {
    /// The provider.
    pub issuer: String,
    /// The name that never changes there.
    pub subject: String,
    /// Who of the configuration that is, where the operator has said so: then the configuration's roles hold.
    pub named: Option<PersonId>,
    /// The readable name.
    pub name: String,
    /// Roles that the claims stand for.
    pub roles: Vec<Role>,
}

/// Who came in by a provider.
#[derive(Debug)]
pub struct CameIn {
    /// Who.
    pub actor: Actor,
    /// Whether the roles are other ones than before: what was begun under those is to end.
    pub has_other_roles: bool,
}

impl<S: Stores> Desk<S> {
    /// Who signed in by a provider. It is on record, and so are roles that changed.
    ///
    /// # Errors
    /// When the claims stand for no role, the name is another person's or none, or it cannot be kept.
    pub fn signed_in_by_provider(&self, told: &Told, now: UtcMicros) -> Result<CameIn, AccountError> {
        let person = match self.person_of(told) {
            Ok(person) => person,
            Err(error) => {
                self.provider_failed("oidc-name")?;
                return Err(error);
            }
        };
        let named = self.people().named(&person);
        let roles = named.as_ref().map_or_else(|| bounded(&told.roles), |actor| actor.roles.clone());
        if roles.is_empty() {
            self.sign_in_failed(Some(person), "oidc-role")?;
            return Err(AccountError::NoRole);
        }
        let kept = self.stores().accounts().accounts();
        let before = kept.into_iter().find(|account| account.person == person).and_then(|a| a.provided);
        let has_other_roles = named.is_none() && before.as_ref().is_some_and(|before| before.roles != roles);
        if before.is_none() {
            self.account_changed(&person, None, "provided")?;
        }
        if has_other_roles {
            self.account_changed(&person, None, "roles")?;
        }
        let (issuer, subject) = (told.issuer.clone(), told.subject.clone());
        let provided = Provided { issuer, subject, roles: roles.clone(), at: now };
        let mut is_other = false;
        self.stores().accounts().change(&person, &mut |one| {
            let account = one.get_or_insert_with(|| Account::of(person.clone()));
            // Two who come for the first time under one name at once: the second is another.
            is_other = account.provided.as_ref().is_some_and(|p| !is_same(p, told));
            if !is_other {
                account.provided = Some(provided.clone());
            }
            !is_other
        })?;
        if is_other {
            self.provider_failed("oidc-name")?;
            return Err(AccountError::Name);
        }
        self.gate().note(&Event::SignedIn { person: person.clone(), by: "oidc".to_owned() }, self.now())?;
        Ok(CameIn { actor: Actor { person, roles }, has_other_roles })
    }

    /// Notes that a sign-in by the provider came to nothing; `why` is a word of ours, never the provider's.
    ///
    /// # Errors
    /// When the journal does not take it.
    pub fn provider_failed(&self, why: &str) -> Result<(), AccountError> {
        self.sign_in_failed(None, why)
    }

    fn person_of(&self, told: &Told) -> Result<PersonId, AccountError> {
        if let Some(named) = &told.named {
            self.people().named(named).ok_or(AccountError::Nobody)?;
            return Ok(named.clone());
        }
        let kept = self.stores().accounts().accounts();
        let is_free = |person: &PersonId| self.people().named(person).is_none() && person.0 != "system";
        let known = |account: &&Account| account.provided.as_ref().is_some_and(|p| is_same(p, told));
        if let Some(account) = kept.iter().find(known)
            && is_free(&account.person)
        {
            return Ok(account.person.clone());
        }
        let person = PersonId(told.name.clone());
        let is_new = kept.iter().all(|account| account.person != person);
        let fits = (1..=MOST_NAME).contains(&told.name.len())
            && told.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(&b));
        if is_new && fits && is_free(&person) { Ok(person) } else { Err(AccountError::Name) }
    }
}

fn is_same(provided: &Provided, told: &Told) -> bool {
    provided.issuer == told.issuer && provided.subject == told.subject
}

/// Roles in their order, each once; the installation's own is nobody's.
fn bounded(roles: &[Role]) -> Vec<Role> {
    let mut roles: Vec<Role> = roles.iter().copied().filter(|role| *role != Role::System).collect();
    roles.sort();
    roles.dedup();
    roles
}

/// Longest readable name, bytes.
const MOST_NAME: usize = 64;
