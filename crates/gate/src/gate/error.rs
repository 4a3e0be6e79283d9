//! What can go wrong at the gate, and whose fault it is. No text holds a value that somebody gave.

use crate::journal::{Fault, JournalError};
use crate::keys::KeyError;
use crate::vocabulary::ActName;

/// Why the gate could not answer. A refusal is an answer, not an error.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The wish names another act than the permit that was asked for.
    #[error("a permit to {wanted} was asked for with a wish to {asked}")]
    OtherAct {
        /// Act of the permit.
        wanted: ActName,
        /// Act of the wish.
        asked: ActName,
    },
    /// The journal does not take the decision.
    #[error("cannot write to the journal")]
    Journal(#[from] JournalError),
    /// A key is not to be had.
    #[error("cannot use a key")]
    Keys(#[from] KeyError),
    /// The list of what waits for approval cannot be read or written.
    #[error("cannot {doing} the list of what waits for approval")]
    Pending {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing waits under that id.
    #[error("nothing waits for approval under `{id}`")]
    NothingWaits {
        /// The id.
        id: String,
    },
    /// Whoever asks cannot be who agrees.
    #[error("the person who asked for `{id}` cannot approve it")]
    OwnApproval {
        /// The id.
        id: String,
    },
    /// The person has agreed already.
    #[error("`{id}` has this person's approval already")]
    AgreedAlready {
        /// The id.
        id: String,
    },
    /// None of the person's roles may agree.
    #[error("approving `{id}` takes another role: {roles}")]
    MayNotApprove {
        /// The id.
        id: String,
        /// Roles that may.
        roles: String,
    },
    /// The pack knows no such fact.
    #[error("the rules know no fact of that name")]
    UnknownFact,
    /// The program finds this fact; nobody states it.
    #[error("fact `{fact}` is found by the program and cannot be stated")]
    DerivedFact {
        /// Its name.
        fact: String,
    },
    /// None of the person's roles may state it.
    #[error("stating fact `{fact}` takes another role: {roles}")]
    MayNotState {
        /// Its name.
        fact: String,
        /// Roles that may.
        roles: String,
    },
}

impl GateError {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::OtherAct { .. } => Fault::Ours,
            Self::Journal(e) => e.fault(),
            Self::Keys(e) => e.fault(),
            Self::Pending { .. } => Fault::Operator,
            Self::NothingWaits { .. }
            | Self::OwnApproval { .. }
            | Self::AgreedAlready { .. }
            | Self::MayNotApprove { .. }
            | Self::UnknownFact
            | Self::DerivedFact { .. }
            | Self::MayNotState { .. } => Fault::Sender,
        }
    }
}
