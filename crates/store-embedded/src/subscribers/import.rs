//! One import of contracts: what is new, what changed, what ended.
//!
//! What comes in: contracts as the operator's system had them at one instant. What goes out: rows, and then the same
//! in the index. It reads no sealed byte: what changed is seen by keyed hashes alone, so that recording needs no
//! permit to learn. Former names stay, with the instant at which they were missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, QueryBuilder, Row, Sqlite};
use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::{Identity, IdentityKind, Realm, Span, SubscriberId, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store::subscribers::names::{Canonical, canonical};
use tadoru_store::subscribers::{Imported, LineName, Subscriber};

use crate::cases::Database;
use crate::cases::codec::{Class, Codec, Sealer, Token};
use crate::cases::database::failed;

use super::index::{Held, Index};
use super::{ID, PERSON, RECORD, contract_token, damaged, token_of};

/// Takes contracts in; all or none.
pub(super) async fn import(
    database: &Database,
    index: &RwLock<Index>,
    permit: &Permit<Store>,
    as_of: UtcMicros,
    contracts: &[Subscriber],
) -> Result<Imported, StoreError> {
    let (contracts, nameless) = by_id(contracts);
    // The one connection that writes is held until the index is changed too: imports follow each other.
    let mut connection = database.write().await?;
    let next_number = index.read().unwrap_or_else(PoisonError::into_inner).next_number()?;
    let mut run = Run {
        codec: &database.codec,
        sealer: database.codec.sealer(permit, Class::Directory, PERSON, as_of)?,
        as_of,
        next_number,
        counts: Imported { nameless, ..Imported::default() },
        changes: Changes::default(),
    };
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(writing)?;
    for chunk in contracts.chunks(CHUNK) {
        run.chunk(&mut tx, chunk).await?;
    }
    tx.commit().await.map_err(writing)?;
    run.changes.apply(&mut index.write().unwrap_or_else(PoisonError::into_inner));
    Ok(run.counts)
}

/// Makes one contract of two rows about it: all the names, the rest by the later row where it tells.
pub(super) fn merge(into: &mut Subscriber, later: Subscriber) {
    let known: BTreeSet<LineName> = into.lines.iter().cloned().collect();
    into.lines.extend(later.lines.into_iter().filter(|line| !known.contains(line)));
    into.class = later.class.or(into.class.take());
    into.contract = later.contract;
    into.identity_level = later.identity_level.or(into.identity_level);
    let contact = &mut into.contact;
    contact.name = later.contact.name.or(contact.name.take());
    contact.postal = later.contact.postal.or(contact.postal.take());
    contact.portal = later.contact.portal.or(contact.portal.take());
    contact.prefers = later.contact.prefers.or(contact.prefers);
    for (own, more) in [(&mut contact.mail, later.contact.mail), (&mut contact.phone, later.contact.phone)] {
        for entry in more {
            if !own.contains(&entry) {
                own.push(entry);
            }
        }
    }
}

/// One contract an id, in the order of ids, and how many rows had none.
fn by_id(contracts: &[Subscriber]) -> (Vec<Subscriber>, u64) {
    let mut merged: BTreeMap<String, Subscriber> = BTreeMap::new();
    let mut nameless = 0;
    for contract in contracts {
        let Some(Canonical::Text(_, id)) = canonical(&Identity::new(IdentityKind::Contract, &*contract.id.0))
        else {
            nameless += 1;
            continue;
        };
        let mut contract = contract.clone();
        contract.id = SubscriberId(id.clone());
        match merged.entry(id) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(contract);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => merge(place.get_mut(), contract),
        }
    }
    (merged.into_values().collect(), nameless)
}

/// What an import changes in the index, once it is durable.
#[derive(Default)]
struct Changes {
    contracts: Vec<(u32, Box<[u8]>)>,
    removed: Vec<Held>,
    inserted: Vec<Held>,
}

impl Changes {
    fn apply(self, index: &mut Index) {
        for (number, sealed_id) in self.contracts {
            index.name_contract(number, sealed_id);
        }
        self.removed.iter().for_each(|held| index.remove(held));
        self.inserted.iter().for_each(|held| index.insert(held));
    }
}

/// A contract as the database has it.
#[derive(Clone, Copy)]
struct Known {
    number: u32,
    content: Token,
    before: UtcMicros,
    seen: UtcMicros,
}

/// A name that a contract has now, by its current rows.
struct Current {
    row: i64,
    held: Held,
}

struct Run<'a> {
    codec: &'a Codec,
    sealer: Sealer,
    as_of: UtcMicros,
    next_number: u32,
    counts: Imported,
    changes: Changes,
}

/// Rows to be written for one chunk.
#[derive(Default)]
struct Rows {
    contracts: Vec<(Known, Token, Vec<u8>)>,
    versions: Vec<(u32, Vec<u8>)>,
    names: Vec<Held>,
    gone: Vec<i64>,
    replaced: Vec<i64>,
    seen: Vec<Known>,
}

impl Run<'_> {
    async fn chunk(&mut self, tx: &mut SqliteConnection, contracts: &[Subscriber]) -> Result<(), StoreError> {
        let mut tokens = Vec::with_capacity(contracts.len());
        for contract in contracts {
            tokens.push(contract_token(self.codec, &contract.id)?);
        }
        let known = known(tx, &tokens).await?;
        let mut changed = Vec::new();
        let mut rows = Rows::default();
        for (contract, token) in contracts.iter().zip(tokens) {
            let plain = serde_json::to_vec(contract).map_err(|_| damaged("a contract does not write"))?;
            let text = std::str::from_utf8(&plain).unwrap_or_default();
            let content = self.codec.token("content", text)?;
            match known.get(&token) {
                None => {
                    let new =
                        Known { number: self.next_number, content, before: UtcMicros::MIN, seen: self.as_of };
                    self.next_number = self
                        .next_number
                        .checked_add(1)
                        .ok_or_else(|| damaged("it has too many contracts"))?;
                    let sealed_id = self.sealer.seal(ID, contract.id.0.as_bytes())?;
                    self.changes.contracts.push((new.number, sealed_id.clone().into()));
                    rows.contracts.push((new, token, sealed_id));
                    rows.versions.push((new.number, self.sealer.seal(RECORD, &plain)?));
                    for mut name in self.names(new.number, contract)? {
                        name.since = UtcMicros::MIN;
                        rows.names.push(name);
                    }
                    self.counts.new += 1;
                }
                Some(known) if known.seen > self.as_of => self.counts.older += 1,
                Some(known) if known.content == content => {
                    if known.seen < self.as_of {
                        rows.seen.push(Known { before: known.seen, seen: self.as_of, ..*known });
                    }
                    self.counts.unchanged += 1;
                }
                Some(known) => {
                    let sealed = self.sealer.seal(RECORD, &plain)?;
                    rows.versions.push((known.number, sealed));
                    let before = if known.seen < self.as_of { known.seen } else { known.before };
                    rows.seen.push(Known { content, before, seen: self.as_of, ..*known });
                    changed.push((*known, contract));
                    self.counts.changed += 1;
                }
            }
        }
        let mut current = current(tx, &changed).await?;
        for (known, contract) in changed {
            let names = current.remove(&known.number).unwrap_or_default();
            self.change(&mut rows, known, contract, names)?;
        }
        self.changes.inserted.extend(rows.names.iter().cloned());
        rows.write(tx, self.as_of).await
    }

    /// The names of a known contract that is not as it was.
    fn change(
        &mut self,
        rows: &mut Rows,
        known: Known,
        contract: &Subscriber,
        current: Vec<Current>,
    ) -> Result<(), StoreError> {
        let same_import = known.seen == self.as_of;
        let before = if same_import { known.before } else { known.seen };
        let mut names = self.names(known.number, contract)?;
        if same_import {
            // Another row of the same import adds names and takes none away.
            names.retain(|name| {
                !current.iter().any(|old| {
                    old.held.token == name.token && old.held.realm == name.realm && old.held.told == name.told
                })
            });
        }
        for old in current.into_iter().filter(|_| !same_import) {
            let mut still = false;
            for name in &mut names {
                if (name.token, &name.realm) == (old.held.token, &old.held.realm) {
                    still = true;
                    name.since = name.since.min(old.held.since);
                }
            }
            if still {
                // What the directory says now about this name takes the place of what it said.
                rows.replaced.push(old.row);
                self.changes.removed.push(old.held);
            } else {
                rows.gone.push(old.row);
                let ended = Held { gone: self.as_of, ..old.held.clone() };
                self.changes.removed.push(old.held);
                self.changes.inserted.push(ended);
            }
        }
        for mut name in names {
            if name.since == UtcMicros::MAX {
                name.since = before;
            }
            rows.names.push(name);
        }
        Ok(())
    }

    /// The names that a contract says it has. `since` is left open (the far end of time) where the directory does
    /// not tell the beginning.
    fn names(&self, number: u32, contract: &Subscriber) -> Result<Vec<Held>, StoreError> {
        let own = LineName::always(Identity::new(IdentityKind::Contract, &*contract.id.0));
        let mut names = Vec::with_capacity(contract.lines.len() + 1);
        let mut seen = BTreeSet::new();
        for line in std::iter::once(&own).chain(&contract.lines) {
            let Some(name) = canonical(&line.identity) else { continue };
            let token = token_of(self.codec, &name)?;
            let told = Span::new(
                line.from.map_or(contract.contract.from, |from| from.max(contract.contract.from)),
                line.until.map_or(contract.contract.until, |until| until.min(contract.contract.until)),
            );
            let realm = line.realm.clone().filter(|realm: &Realm| !realm.is_untold());
            if !seen.insert((token, realm.clone(), told.from, told.until)) {
                continue;
            }
            let prefix = match name {
                Canonical::Net(prefix) => Some((prefix.addr().is_ipv4(), prefix.len())),
                Canonical::Text(..) => None,
            };
            let since = if line.from.is_some() { UtcMicros::MIN } else { UtcMicros::MAX };
            names.push(Held { subscriber: number, token, prefix, realm, told, since, gone: UtcMicros::MAX });
        }
        Ok(names)
    }
}

impl Rows {
    async fn write(self, tx: &mut SqliteConnection, as_of: UtcMicros) -> Result<(), StoreError> {
        for part in self.contracts.chunks(ROWS) {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
                "INSERT INTO subscriber (number, token, sealed_id, content, before_us, seen_us) ",
            );
            query.push_values(part, |mut row, (known, token, sealed_id)| {
                row.push_bind(known.number).push_bind(token.as_slice()).push_bind(sealed_id.as_slice());
                row.push_bind(known.content.as_slice()).push_bind(known.before.0).push_bind(known.seen.0);
            });
            query.build().execute(&mut *tx).await.map_err(writing)?;
        }
        for part in self.versions.chunks(ROWS) {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
                "INSERT INTO subscriber_version (subscriber, since_us, part, sealed_record) ",
            );
            query.push_values(part, |mut row, (number, sealed)| {
                row.push_bind(number).push_bind(as_of.0);
                row.push("(SELECT count(*) FROM subscriber_version WHERE subscriber = ");
                row.push_bind_unseparated(number);
                row.push_unseparated(" AND since_us = ");
                row.push_bind_unseparated(as_of.0);
                row.push_unseparated(")");
                row.push_bind(sealed.as_slice());
            });
            query.build().execute(&mut *tx).await.map_err(writing)?;
        }
        for known in &self.seen {
            sqlx::query("UPDATE subscriber SET content = ?, before_us = ?, seen_us = ? WHERE number = ?")
                .bind(known.content.as_slice())
                .bind(known.before.0)
                .bind(known.seen.0)
                .bind(known.number)
                .execute(&mut *tx)
                .await
                .map_err(writing)?;
        }
        for row in &self.replaced {
            sqlx::query("DELETE FROM line_name WHERE number = ?")
                .bind(row)
                .execute(&mut *tx)
                .await
                .map_err(writing)?;
        }
        for row in &self.gone {
            sqlx::query("UPDATE line_name SET gone_us = ? WHERE number = ?")
                .bind(as_of.0)
                .bind(row)
                .execute(&mut *tx)
                .await
                .map_err(writing)?;
        }
        for part in self.names.chunks(ROWS) {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
                "INSERT INTO line_name
                 (subscriber, token, family, length, realm, from_us, until_us, since_us, gone_us) ",
            );
            query.push_values(part, |mut row, held| {
                let family = held.prefix.map(|(is_ipv4, _)| if is_ipv4 { 4_i64 } else { 6 });
                row.push_bind(held.subscriber).push_bind(held.token.as_slice());
                row.push_bind(family).push_bind(held.prefix.map(|(_, length)| i64::from(length)));
                row.push_bind(held.realm.as_ref().map(|realm| realm.0.to_string()));
                row.push_bind(held.told.from.0).push_bind(held.told.until.0);
                row.push_bind(held.since.0).push_bind(held.gone.0);
            });
            query.build().execute(&mut *tx).await.map_err(writing)?;
        }
        Ok(())
    }
}

/// Which of these contracts the database has.
async fn known(tx: &mut SqliteConnection, tokens: &[Token]) -> Result<HashMap<Token, Known>, StoreError> {
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
        "SELECT number, token, content, before_us, seen_us FROM subscriber WHERE token IN (",
    );
    let mut list = query.separated(", ");
    for token in tokens {
        list.push_bind(token.as_slice());
    }
    query.push(")");
    let mut known = HashMap::new();
    for row in query.build().fetch_all(tx).await.map_err(writing)? {
        let bytes = |column| -> Result<Token, StoreError> {
            let bytes: &[u8] = row.try_get(column).map_err(writing)?;
            bytes.try_into().map_err(|_| damaged("a token has a wrong length"))
        };
        let contract = Known {
            number: row.try_get("number").map_err(writing)?,
            content: bytes("content")?,
            before: UtcMicros(row.try_get("before_us").map_err(writing)?),
            seen: UtcMicros(row.try_get("seen_us").map_err(writing)?),
        };
        known.insert(bytes("token")?, contract);
    }
    Ok(known)
}

/// The current names of contracts, by contract number.
async fn current(
    tx: &mut SqliteConnection,
    contracts: &[(Known, &Subscriber)],
) -> Result<HashMap<u32, Vec<Current>>, StoreError> {
    let mut names: HashMap<u32, Vec<Current>> = HashMap::new();
    if contracts.is_empty() {
        return Ok(names);
    }
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT * FROM line_name WHERE gone_us = ");
    query.push_bind(UtcMicros::MAX.0).push(" AND subscriber IN (");
    let mut list = query.separated(", ");
    for (known, _) in contracts {
        list.push_bind(known.number);
    }
    query.push(")");
    for row in query.build().fetch_all(tx).await.map_err(writing)? {
        let held = Held::of_row(&row)?;
        let number = row.try_get("number").map_err(writing)?;
        names.entry(held.subscriber).or_default().push(Current { row: number, held });
    }
    Ok(names)
}

fn writing(error: sqlx::Error) -> StoreError {
    failed("write", error)
}

/// How many contracts are compared with the database at once.
const CHUNK: usize = 500;

/// How many rows one statement writes; nine columns each stay far below SQLite's 32,766 parameters.
const ROWS: usize = 500;
