//! Sign-offs: the operator's counsel and management taking responsibility for rules of one pack.
//!
//! What comes in: TOML records, each naming a pack by its digest. What goes out: values for [`super::Packs::sign_off`].
//! A sign-off never outlives the pack: another digest is another pack.

use serde::{Deserialize, Serialize};
use tadoru_model::{PersonId, Role};

/// Who has signed which rules of which pack, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOff {
    /// SHA-256 of the pack's file, in hexadecimal.
    pub pack_sha256: String,
    /// The rules, by id; an id without a paragraph names all its paragraphs.
    pub rules: Vec<String>,
    /// Who signed.
    pub person: PersonId,
    /// In which roles: `legal-reviewer` settles C marks; management's once-a-version approvals need `manager`.
    pub roles: Vec<Role>,
    /// On which day.
    pub date: jiff::civil::Date,
    /// On what it rests, in the signer's words.
    pub reason: String,
}

/// A file of sign-offs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    sign_off: Vec<SignOff>,
}

impl SignOff {
    /// The records of a file with `[[sign_off]]` tables.
    pub fn read(text: &str) -> Result<Vec<Self>, SignOffError> {
        if text.len() > MAX_BYTES {
            return Err(SignOffError::TooLarge);
        }
        let file: File = toml::from_str(text).map_err(|e| SignOffError::Form(Box::new(e)))?;
        let blank =
            |r: &Self| r.person.0.trim().is_empty() || r.reason.trim().is_empty() || r.rules.is_empty();
        if let Some(record) = file.sign_off.iter().position(blank) {
            return Err(SignOffError::Blank { record: record + 1 });
        }
        Ok(file.sign_off)
    }
}

/// Whether `named` means the rule `id`: itself, or a paragraph of it.
pub(super) fn names(named: &str, id: &str) -> bool {
    id.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Why a file of sign-offs was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignOffError {
    /// The file is longer than any may be.
    #[error("sign-off file is larger than 1 MiB")]
    TooLarge,
    /// The file does not follow the form.
    #[error("sign-off file does not follow its form")]
    Form(#[source] Box<toml::de::Error>),
    /// A record says too little.
    #[error("sign-off record {record} names no person, no rule or no reason")]
    Blank {
        /// Which record, from 1.
        record: usize,
    },
}

const MAX_BYTES: usize = 1 << 20;
