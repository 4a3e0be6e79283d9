//! Seals around what identifies a person or a communication.
//!
//! Anybody can seal; only a permit whose act may open, that covers the data, is of the same case and has not ended,
//! opens, and each opening is counted on the permit. A sealed value prints as `[sealed]`.
//!
//! Nobody reaches into a seal:
//! ```compile_fail,E0616
//! use tadoru_gate::{DataSet, Sealed};
//! let seal = Sealed::new(DataSet::EMPTY, None, 7);
//! let value = seal.value;
//! ```
//! nor opens it with a permit for an act that opens nothing:
//! ```compile_fail,E0277
//! use tadoru_gate::{Permit, Sealed, permit::Block};
//! use tadoru_model::UtcMicros;
//! fn open(seal: &Sealed<u32>, permit: &Permit<Block>) -> u32 {
//!     *seal.open(permit, UtcMicros(0)).unwrap()
//! }
//! ```
//! nor writes it out:
//! ```compile_fail,E0277
//! use tadoru_gate::{DataSet, Sealed};
//! let seal = Sealed::new(DataSet::EMPTY, None, 7);
//! let text = serde_json::to_string(&seal).unwrap();
//! ```
//! nor shows it to people:
//! ```compile_fail,E0277
//! use tadoru_gate::{DataSet, Sealed};
//! println!("{}", Sealed::new(DataSet::EMPTY, None, 7));
//! ```

use std::fmt;

use tadoru_model::{CaseId, UtcMicros};

use crate::journal::Fault;
use crate::permit::{Opens, Permit};
use crate::vocabulary::DataSet;

/// A value that only a fitting permit opens. A batch is one sealed value.
#[derive(Clone)]
pub struct Sealed<T> {
    data: DataSet,
    case: Option<CaseId>,
    value: T,
}

/// Why a permit does not open a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The permit is for other data.
    #[error("the permit does not cover the sealed data")]
    OtherData,
    /// The permit is for another case.
    #[error("the permit is for another case")]
    OtherCase,
    /// The permit has ended.
    #[error("the permit has ended")]
    Ended,
}

impl SealError {
    /// Whose fault it is.
    pub const fn fault(self) -> Fault {
        match self {
            Self::OtherData | Self::OtherCase => Fault::Ours,
            Self::Ended => Fault::Sender,
        }
    }
}

impl<T> Sealed<T> {
    /// Seals a value of those categories; with a case, only a permit of that case opens it.
    pub const fn new(data: DataSet, case: Option<CaseId>, value: T) -> Self {
        Self { data, case, value }
    }

    /// What is inside, by category.
    pub const fn data(&self) -> DataSet {
        self.data
    }

    /// The case that it belongs to.
    pub const fn case(&self) -> Option<&CaseId> {
        self.case.as_ref()
    }

    /// Opens it for reading; counted on the permit.
    ///
    /// # Errors
    /// When the permit covers other data, is for another case or has ended.
    pub fn open<A: Opens>(&self, permit: &Permit<A>, now: UtcMicros) -> Result<&T, SealError> {
        self.check(permit, now)?;
        Ok(&self.value)
    }

    /// Opens it for good; counted on the permit.
    ///
    /// # Errors
    /// When the permit covers other data, is for another case or has ended; the sealed value is then gone.
    pub fn into_open<A: Opens>(self, permit: &Permit<A>, now: UtcMicros) -> Result<T, SealError> {
        self.check(permit, now)?;
        Ok(self.value)
    }

    fn check<A: Opens>(&self, permit: &Permit<A>, now: UtcMicros) -> Result<(), SealError> {
        if !permit.data().covers(self.data) {
            return Err(SealError::OtherData);
        }
        if self.case.is_some() && self.case.as_ref() != permit.case() {
            return Err(SealError::OtherCase);
        }
        if !permit.holds(now) {
            return Err(SealError::Ended);
        }
        permit.uses().count(self.data, now);
        Ok(())
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}
