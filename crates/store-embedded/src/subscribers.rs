//! The subscriber directory in SQLite, with an index of keyed hashes in memory.
//!
//! What comes in and goes out: see [`Subscribers`]. On the disk and in memory a name is a token and a contract is sealed
//! bytes; a contract id is opened when a question found it, and only then.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::Row;
use tadoru_gate::permit::{Learn, Opens, Store};
use tadoru_gate::{DataCategory, DataSet, Permit, Sealed};
use tadoru_model::{IdentityKind, Prefix, Span, SubscriberId, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::subscribers::names::{Canonical, canonical};
use tadoru_store::subscribers::{Contact, Imported, Named, Naming, Subscriber, Subscribers, Version};

use crate::cases::Database;
use crate::cases::codec::{Class, Codec, Opener, Token};
use crate::cases::database::{FILE, failed};

mod import;
mod index;
#[cfg(test)]
mod tests;

use index::Index;

/// The subscriber directory of a data folder.
#[derive(Debug)]
pub struct Directory {
    database: Arc<Database>,
    index: RwLock<Index>,
}

impl Directory {
    /// The directory in `database`; reads its tokens into memory, which opens nothing.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn open(database: Arc<Database>) -> Result<Self, StoreError> {
        let index = RwLock::new(index::load(&database).await?);
        Ok(Self { database, index })
    }

    /// Answers a batch from the index.
    fn answer(&self, permit: &Permit<Learn>, questions: &[Naming]) -> Result<Vec<Vec<Named>>, StoreError> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let codec = &self.database.codec;
        let mut ids = Ids { opener: codec.opener(permit, Class::Directory, NAMED)?, opened: HashMap::new() };
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let mut found = Vec::new();
            for (name, identity) in question.names.iter().enumerate() {
                let Some(name_of_line) = canonical(identity) else { continue };
                for token in tokens_asked(codec, &index, &name_of_line)? {
                    let extents = index.extents(&token);
                    let fitting =
                        extents.filter(|(_, extent)| extent.speaks_of(&question.realm, question.span));
                    found.extend(fitting.map(|(number, extent)| (name, number, extent.span)));
                }
            }
            answers.push(named(&index, &mut ids, found)?);
        }
        Ok(answers)
    }

    /// Every version of the contract, the latest first.
    async fn versions<A: Opens>(
        &self,
        permit: &Permit<A>,
        id: &SubscriberId,
    ) -> Result<Vec<Version>, StoreError> {
        let token = contract_token(&self.database.codec, id)?;
        let mut connection = self.database.read().await?;
        let rows = sqlx::query(
            "SELECT since_us, sealed_record FROM subscriber_version
             WHERE subscriber = (SELECT number FROM subscriber WHERE token = ?) ORDER BY since_us DESC, part",
        )
        .bind(token.as_slice())
        .fetch_all(&mut *connection)
        .await
        .map_err(|e| failed("read", e))?;
        let mut opener = self.database.codec.opener(permit, Class::Directory, PERSON)?;
        let mut versions: Vec<Version> = Vec::new();
        for row in rows {
            let since = UtcMicros(row.try_get("since_us").map_err(|e| failed("read", e))?);
            let sealed: Vec<u8> = row.try_get("sealed_record").map_err(|e| failed("read", e))?;
            let plain = opener.open(RECORD, &sealed)?;
            let contract: Subscriber =
                serde_json::from_slice(&plain).map_err(|_| damaged("a contract does not read"))?;
            match versions.last_mut() {
                Some(version) if version.since == since => import::merge(&mut version.contract, contract),
                _ => versions.push(Version { since, contract }),
            }
        }
        Ok(versions)
    }
}

impl Subscribers for Directory {
    async fn import(
        &self,
        permit: &Permit<Store>,
        as_of: UtcMicros,
        contracts: &[Subscriber],
    ) -> Result<Imported, StoreError> {
        import::import(&self.database, &self.index, permit, as_of, contracts).await
    }

    async fn resolve(
        &self,
        permit: &Permit<Learn>,
        question: &Naming,
    ) -> Result<Sealed<Vec<Named>>, StoreError> {
        let answer = self.answer(permit, std::slice::from_ref(question))?.pop().unwrap_or_default();
        Ok(Sealed::new(NAMED, permit.case().cloned(), answer))
    }

    async fn resolve_many(
        &self,
        permit: &Permit<Learn>,
        questions: &[Naming],
    ) -> Result<Sealed<Vec<Vec<Named>>>, StoreError> {
        Ok(Sealed::new(NAMED, permit.case().cloned(), self.answer(permit, questions)?))
    }

    async fn contact<A: Opens>(
        &self,
        permit: &Permit<A>,
        id: &SubscriberId,
    ) -> Result<Option<Sealed<Contact>>, StoreError> {
        let latest = self.versions(permit, id).await?.into_iter().next();
        Ok(latest.map(|version| Sealed::new(PERSON, permit.case().cloned(), version.contract.contact)))
    }

    async fn show<A: Opens>(
        &self,
        permit: &Permit<A>,
        id: &SubscriberId,
    ) -> Result<Sealed<Vec<Version>>, StoreError> {
        Ok(Sealed::new(PERSON, permit.case().cloned(), self.versions(permit, id).await?))
    }

    fn count(&self) -> u64 {
        self.index.read().unwrap_or_else(PoisonError::into_inner).contracts()
    }
}

/// What the index found, in the words of the directory: by place of the name, then by contract.
fn named(
    index: &Index,
    ids: &mut Ids<'_>,
    mut found: Vec<(usize, u32, Span)>,
) -> Result<Vec<Named>, StoreError> {
    found.sort_unstable_by_key(|(name, number, span)| (*name, *number, span.from, span.until));
    let mut joined: Vec<(usize, u32, Span)> = Vec::with_capacity(found.len());
    for (name, number, span) in found {
        match joined.last_mut() {
            Some((n, c, before)) if (*n, *c) == (name, number) && span.from <= before.until => {
                before.until = before.until.max(span.until);
            }
            _ => joined.push((name, number, span)),
        }
    }
    let mut answer = Vec::with_capacity(joined.len());
    for (name, number, held) in joined {
        let subscriber = ids.of(index, number)?;
        answer.push(Named { subscriber, name, held });
    }
    answer.sort_by(|a, b| (a.name, &a.subscriber, a.held.from).cmp(&(b.name, &b.subscriber, b.held.from)));
    Ok(answer)
}

/// The contract ids that a batch opened: each once.
struct Ids<'p> {
    opener: Opener<'p>,
    opened: HashMap<u32, SubscriberId>,
}

impl Ids<'_> {
    fn of(&mut self, index: &Index, number: u32) -> Result<SubscriberId, StoreError> {
        if let Some(id) = self.opened.get(&number) {
            return Ok(id.clone());
        }
        let sealed = index.sealed_id(number).ok_or_else(|| damaged("a name belongs to no contract"))?;
        let id = SubscriberId(self.opener.open_text(ID, sealed)?);
        self.opened.insert(number, id.clone());
        Ok(id)
    }
}

/// The tokens under which the directory may have `name`: itself, or every prefix in use that it lies in.
fn tokens_asked(codec: &Codec, index: &Index, name: &Canonical) -> Result<Vec<Token>, StoreError> {
    match name {
        Canonical::Text(..) => Ok(vec![token_of(codec, name)?]),
        Canonical::Net(prefix) => {
            let mut tokens = Vec::new();
            for length in index.lengths(prefix.addr().is_ipv4()).filter(|length| *length <= prefix.len()) {
                if let Ok(wider) = Prefix::covering(prefix.addr(), length) {
                    tokens.push(token_of(codec, &Canonical::Net(wider))?);
                }
            }
            Ok(tokens)
        }
    }
}

/// The token of a name.
fn token_of(codec: &Codec, name: &Canonical) -> Result<Token, StoreError> {
    match name {
        Canonical::Text(kind, text) => codec.token(kind.as_str(), text),
        Canonical::Net(prefix) => codec.token("net", &prefix.to_string()),
    }
}

/// The token of a contract id.
fn contract_token(codec: &Codec, id: &SubscriberId) -> Result<Token, StoreError> {
    codec.token(IdentityKind::Contract.as_str(), id.0.trim())
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Damaged { file: FILE.to_owned(), what }
}

/// Whose line it was: the pseudonym that ends an attribution.
const NAMED: DataSet = DataSet::of(&[DataCategory::Asgn]);

/// The person behind a contract.
const PERSON: DataSet = DataSet::of(&[DataCategory::Sub]);

/// What a sealed contract id is taken for.
const ID: &str = "contract id";

/// What a sealed contract is taken for.
const RECORD: &str = "contract";
