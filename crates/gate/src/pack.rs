//! Rule packs: signed text in, checked and indexed rules out.
//!
//! What comes in: one signed TOML file for a jurisdiction, the keys it may be signed with, the operator's sign-offs
//! and retention settings. What goes out: a [`Pack`] whose every word is known and whose every name is declared.
//! It never loads an unsigned file, and never skips a rule that it does not understand.
//!
//! The form of the file is in [`form`], of the signature in [`signature`]; law in the packs themselves.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tadoru_model::{PersonId, Role};

use crate::{
    request::RuleRef,
    vocabulary::{ActName, DataCategory, Purpose},
};

pub mod form;
pub mod retention;
pub mod sign_off;
pub mod signature;

mod check;
mod compile;
#[cfg(test)]
mod tests;

pub use check::{Problem, Report, check};
pub use form::{
    BasisDecl, BasisUse, Condition, DefectDecl, Effect, FactDecl, FactKind, Limits, OnFail, Rule, Vector,
};
pub use retention::{Keep, RetentionClass, RetentionSetting};
pub use sign_off::SignOff;
pub use signature::{PackKey, PackKeys, SignatureError};

pub(crate) use compile::{Alternative, Conditions, Limit};

/// Every pack on hand, and which of them is in force here.
#[derive(Debug, Clone)]
pub struct Packs {
    packs: BTreeMap<String, Pack>,
    here: String,
}

impl Packs {
    /// The packs that come with the product: Japan (in force), European Union, United Kingdom, United States.
    pub fn shipped() -> Result<Self, PackError> {
        let keys = PackKeys::product();
        let mut packs = Self { packs: BTreeMap::new(), here: HOME.to_owned() };
        for (text, signature) in SHIPPED {
            packs.add(Pack::load(text, signature, &keys)?);
        }
        Ok(packs)
    }

    /// Takes a pack in; one of the same jurisdiction is replaced.
    pub fn add(&mut self, pack: Pack) {
        self.packs.insert(pack.jurisdiction.clone(), pack);
    }

    /// The same packs with that of `jurisdiction` in force.
    pub fn with_jurisdiction(mut self, jurisdiction: &str) -> Result<Self, PackError> {
        if !self.packs.contains_key(jurisdiction) {
            return Err(PackError::NoSuchPack(jurisdiction.chars().take(8).collect()));
        }
        jurisdiction.clone_into(&mut self.here);
        Ok(self)
    }

    /// The pack in force.
    pub fn current(&self) -> Option<&Pack> {
        self.packs.get(&self.here)
    }

    /// The jurisdiction in force, such as `JP`.
    pub fn jurisdiction(&self) -> &str {
        &self.here
    }

    /// Every pack, by jurisdiction.
    pub fn iter(&self) -> impl Iterator<Item = &Pack> {
        self.packs.values()
    }

    /// Takes the operator's sign-offs in, beside those that were taken in before; those that name another pack's digest
    /// count for nothing. Gives back how many of them fit a pack on hand.
    pub fn sign_off(&mut self, records: &[SignOff]) -> usize {
        self.packs.values_mut().map(|pack| pack.sign_off(records)).sum()
    }

    /// Takes in that somebody has agreed to a rule of the pack with that digest, for as long as it is this pack.
    pub(crate) fn agree(&mut self, digest: &str, rule: &str, agreed: &Agreed) {
        let packs = self.packs.values_mut().filter(|pack| pack.digest == digest);
        for loaded in packs.flat_map(|pack| &mut pack.rules).filter(|loaded| loaded.rule.id == rule) {
            loaded.agreed.retain(|old| old.person != agreed.person);
            loaded.agreed.push(agreed.clone());
        }
    }

    /// Sets retention periods of the pack in force, within what the pack allows.
    pub fn set_retention(&mut self, settings: &[RetentionSetting]) -> Result<(), PackError> {
        let here = self.here.clone();
        let Some(pack) = self.packs.get_mut(&here) else {
            return Err(PackError::NoSuchPack(here));
        };
        settings.iter().try_for_each(|setting| pack.set_retention(setting))
    }

    /// What a person should see before relying on the pack in force: rules that no counsel has signed off.
    pub fn warnings(&self) -> Vec<String> {
        self.current().map(Pack::warnings).unwrap_or_default()
    }
}

/// The rules of one jurisdiction, checked and indexed.
#[derive(Debug, Clone)]
pub struct Pack {
    jurisdiction: String,
    version: String,
    title_ja: String,
    title_en: String,
    digest: String,
    signed_by: String,
    facts: Vec<FactDecl>,
    fact_index: BTreeMap<String, u8>,
    bases: Vec<BasisDecl>,
    obligations: BTreeMap<String, (String, String)>,
    defects: BTreeMap<String, DefectDecl>,
    retention: BTreeMap<String, RetentionClass>,
    rules: Vec<Loaded>,
    cells: Vec<Box<[u16]>>,
}

/// A rule with what was made of it for evaluation.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) rule: Rule,
    pub(crate) reference: RuleRef,
    pub(crate) from_us: i64,
    pub(crate) until_us: i64,
    pub(crate) requires: Conditions,
    pub(crate) unless: Conditions,
    pub(crate) alternatives: Vec<Alternative>,
    pub(crate) max_duration_s: Option<u64>,
    /// Whether the operator's counsel has signed it off.
    pub(crate) signed_off: bool,
    /// Who has signed for this version, for approvals that are given once a version.
    pub(crate) standing: Vec<(PersonId, Vec<Role>)>,
    /// Who has agreed at the gate for this version, each with the entry that says so.
    pub(crate) agreed: Vec<Agreed>,
}

/// An agreement that holds for a version of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) person: PersonId,
    pub(crate) roles: Vec<Role>,
    /// Its entry in the journal.
    pub(crate) index: u64,
}

impl Pack {
    /// Reads a pack whose `signature` over the bytes of `text` verifies under one of `keys`.
    pub fn load(text: &str, signature: &str, keys: &PackKeys) -> Result<Self, PackError> {
        if text.len() > MAX_BYTES {
            return Err(PackError::TooLarge);
        }
        let signed_by = signature::verify(text.as_bytes(), signature, keys).map_err(PackError::Signature)?;
        let digest = hex(&Sha256::digest(text.as_bytes()));
        compile::compile(text, digest, signed_by)
    }

    /// Jurisdiction, such as `JP`.
    pub fn jurisdiction(&self) -> &str {
        &self.jurisdiction
    }

    /// Version of the pack.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Title, Japanese and English.
    pub fn title(&self) -> (&str, &str) {
        (&self.title_ja, &self.title_en)
    }

    /// SHA-256 of the file, in hexadecimal: part of every journal record.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Name of the key that the pack is signed with.
    pub fn signed_by(&self) -> &str {
        &self.signed_by
    }

    /// Every rule, in the order of the file.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|loaded| &loaded.rule)
    }

    /// Every declared fact, in the order of the file.
    pub fn facts(&self) -> &[FactDecl] {
        &self.facts
    }

    /// The declaration of a fact.
    pub fn fact(&self, name: &str) -> Option<&FactDecl> {
        self.facts.get(usize::from(*self.fact_index.get(name)?))
    }

    /// Every declared basis.
    pub fn bases(&self) -> &[BasisDecl] {
        &self.bases
    }

    /// The words of an obligation, Japanese and English.
    pub fn obligation(&self, id: &str) -> Option<(&str, &str)> {
        self.obligations.get(id).map(|(ja, en)| (ja.as_str(), en.as_str()))
    }

    /// The declaration of a defect code.
    pub fn defect(&self, id: &str) -> Option<&DefectDecl> {
        self.defects.get(id)
    }

    /// A retention class, with the operator's setting in it.
    pub fn retention(&self, id: &str) -> Option<&RetentionClass> {
        self.retention.get(id)
    }

    /// Every retention class by id.
    pub fn retention_classes(&self) -> impl Iterator<Item = &RetentionClass> {
        self.retention.values()
    }

    /// Rules marked C that no counsel of the operator has signed off, one line each.
    pub fn warnings(&self) -> Vec<String> {
        self.rules.iter().filter(|l| !l.signed_off).filter_map(|l| check::unsigned(&l.rule)).collect()
    }

    /// Whether every rule that is so named (with its paragraphs) is signed off.
    pub fn is_signed_off(&self, rule: &str) -> bool {
        let mut named = self.rules.iter().filter(|l| sign_off::names(rule, &l.rule.id)).peekable();
        named.peek().is_some() && named.all(|l| l.signed_off)
    }

    /// The rules that speak of one act on one category for one purpose, most specific first.
    pub(crate) fn cell(
        &self,
        act: ActName,
        data: DataCategory,
        purpose: Purpose,
    ) -> impl Iterator<Item = &Loaded> + Clone {
        let found = self.cells.get(cell_number(act, data, purpose)).map_or(&[][..], |cell| cell);
        found.iter().filter_map(|i| self.rules.get(usize::from(*i)))
    }

    pub(crate) fn loaded(&self, id: &str) -> Option<&Loaded> {
        self.rules.iter().find(|l| l.rule.id == id)
    }

    pub(crate) fn fact_number(&self, name: &str) -> Option<u8> {
        self.fact_index.get(name).copied()
    }

    fn sign_off(&mut self, records: &[SignOff]) -> usize {
        let fitting: Vec<_> = records.iter().filter(|r| r.pack_sha256 == self.digest).collect();
        for loaded in &mut self.rules {
            let mine =
                fitting.iter().filter(|r| r.rules.iter().any(|id| sign_off::names(id, &loaded.rule.id)));
            for record in mine.map(|r| (r.person.clone(), r.roles.clone())) {
                if !loaded.standing.contains(&record) {
                    loaded.standing.push(record);
                }
            }
            loaded.signed_off = loaded.standing.iter().any(|(_, roles)| roles.contains(&Role::LegalReviewer));
        }
        fitting.len()
    }

    fn set_retention(&mut self, setting: &RetentionSetting) -> Result<(), PackError> {
        let Some(class) = self.retention.get_mut(&setting.class) else {
            return Err(PackError::NoSuchClass(setting.class.chars().take(64).collect()));
        };
        class.set(setting).map_err(PackError::Retention)
    }
}

/// Why a pack was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The file is longer than any pack may be.
    #[error("pack is larger than 1 MiB")]
    TooLarge,
    /// The signature does not hold.
    #[error("signature of the pack does not hold")]
    Signature(#[source] SignatureError),
    /// The file does not follow the form; each problem with its place.
    #[error("pack has {} problems, the first: {}", .0.len(), .0.first().map_or("", |p| p.text.as_str()))]
    Problems(Vec<Problem>),
    /// No pack of that jurisdiction is on hand.
    #[error("no pack for jurisdiction `{0}`")]
    NoSuchPack(String),
    /// The pack in force declares no such retention class.
    #[error("no retention class `{0}`")]
    NoSuchClass(String),
    /// A retention setting is outside what the pack allows.
    #[error("retention setting is not allowed")]
    Retention(#[source] retention::RetentionError),
}

/// Where the rules of one act, category and purpose stand in the index.
pub(crate) const fn cell_number(act: ActName, data: DataCategory, purpose: Purpose) -> usize {
    (act as usize * DataCategory::ALL.len() + data as usize) * Purpose::ALL.len() + purpose as usize
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) const CELLS: usize = ActName::ALL.len() * DataCategory::ALL.len() * Purpose::ALL.len();
const HOME: &str = "JP";
const MAX_BYTES: usize = 1 << 20;
const SHIPPED: [(&str, &str); 4] = [
    (include_str!("../../../packs/jp/japan.toml"), include_str!("../../../packs/jp/japan.toml.sig")),
    (include_str!("../../../packs/eu/union.toml"), include_str!("../../../packs/eu/union.toml.sig")),
    (include_str!("../../../packs/uk/kingdom.toml"), include_str!("../../../packs/uk/kingdom.toml.sig")),
    (include_str!("../../../packs/us/states.toml"), include_str!("../../../packs/us/states.toml.sig")),
];
