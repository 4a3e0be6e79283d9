//! The life of a case: opened, read, written in, closed; all of it on record.

use tadoru_gate::journal::Event;
use tadoru_gate::permit::Use;
use tadoru_gate::{Answer, Ask, DataCategory, DataSet, Facts, Purpose, Refusal, Scope};
use tadoru_model::CaseId;
use tadoru_store::cases::{Case, Cases as _, NewCase, Texts, Thread, Which, check_id};

use crate::ask::Work;
use crate::{Actor, Desk, DeskError, Stores};

/// Whether `case` may name a case: of the right form, and without an address, for it stands in the journal in the clear.
///
/// # Errors
/// When it may not.
pub fn check_case(case: &CaseId) -> Result<(), DeskError> {
    check_id(case)?;
    let is_address = |part: &str| part.parse::<std::net::Ipv4Addr>().is_ok();
    if case.0.split(['-', '_']).any(is_address) {
        return Err(DeskError::Question {
            why: "a case id stands in the journal and must not hold an address",
        });
    }
    Ok(())
}

/// A case with what people wrote in it, as far as the rules let this person read it.
pub struct CasePage {
    /// Who did what and when.
    pub thread: Thread,
    /// The title and the texts, opened; or the refusal.
    pub texts: Result<Texts, Box<Refusal>>,
}

impl<S: Stores> Desk<S> {
    /// Opens a case; its id is the next of the year where none is given.
    ///
    /// # Errors
    /// When the case exists, the id is none, or a store fails.
    pub async fn open_case(
        &self,
        actor: &Actor,
        id: Option<CaseId>,
        title: String,
    ) -> Result<CaseId, DeskError> {
        id.as_ref().map_or(Ok(()), check_case)?;
        let permit = self.standing(Work::Cases)?;
        let by = actor.person.clone();
        let case = self.stores().cases().open(&permit, &NewCase { id, title, by, at: self.now() }).await?;
        let event = Event::CaseOpened { case: case.clone(), person: actor.person.clone() };
        self.gate().note(&event, self.now())?;
        Ok(case)
    }

    /// The cases, the latest first, without what may be secret.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_cases(&self, which: Which) -> Result<Vec<Case>, DeskError> {
        Ok(self.stores().cases().list(which).await?)
    }

    /// One case.
    ///
    /// # Errors
    /// When there is no such case, or the gate or the store fails.
    pub async fn show_case(&self, actor: &Actor, id: &CaseId) -> Result<CasePage, DeskError> {
        let thread = self.stores().cases().show(id).await?;
        let texts = match self.read_case(actor, id)? {
            Answer::Permitted(permit) => {
                let sealed = self.stores().cases().texts(&permit, id).await?;
                let texts =
                    sealed.into_open(&permit, self.now()).map_err(|e| DeskError::Seal(Box::new(e)))?;
                self.gate().close(permit)?;
                Ok(texts)
            }
            Answer::Refused(refusal) => Err(Box::new(refusal)),
        };
        Ok(CasePage { thread, texts })
    }

    /// Closes a case with a reason.
    ///
    /// # Errors
    /// When there is no such case, it is closed already, or a store fails.
    pub async fn close_case(&self, actor: &Actor, id: &CaseId, reason: &str) -> Result<u64, DeskError> {
        let permit = self.standing(Work::Cases)?;
        self.stores().cases().close(&permit, id, &actor.person, self.now(), reason).await?;
        let event = Event::CaseClosed { case: id.clone(), person: actor.person.clone() };
        Ok(self.gate().note(&event, self.now())?)
    }

    /// What was written in a case is what a party gave: it is used under JP-068.
    fn read_case(&self, actor: &Actor, id: &CaseId) -> Result<Answer<Use>, DeskError> {
        let ask = Ask {
            act: tadoru_gate::ActName::Use,
            data: DataSet::of(&[DataCategory::Cmp]),
            purpose: Purpose::Clean,
            basis: None,
            person: actor.person.clone(),
            roles: actor.roles.clone(),
            case: Some(id.clone()),
            scope: Scope::default(),
            facts: Facts::none(),
            at: self.now(),
        };
        Ok(self.gate().ask(ask)?)
    }
}
