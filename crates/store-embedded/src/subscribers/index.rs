//! The directory's names in memory: tokens in order, each with the contracts that had it, and when.
//!
//! What comes in: rows of the database. What goes out: contract numbers and extents. It holds nothing that says who
//! anybody is: a name is a keyed hash, a contract id is sealed.

use std::collections::{BTreeSet, HashMap};

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tadoru_model::{Realm, Span, UtcMicros};
use tadoru_store::StoreError;

use crate::cases::Database;
use crate::cases::codec::Token;
use crate::cases::database::failed;

use super::damaged;

/// When, and in which address plan, a contract may have had a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Extent {
    pub span: Span,
    /// `None`: in every address plan.
    pub realm: Option<Realm>,
}

impl Extent {
    /// Whether it can speak of `realm` at some instant of `span`.
    pub fn speaks_of(&self, realm: &Realm, span: Span) -> bool {
        self.span.meets(span) && self.realm.as_ref().is_none_or(|own| own.speaks_of(realm))
    }
}

/// A name as a row of `line_name` has it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub subscriber: u32,
    pub token: Token,
    /// Whether it is IPv4, and its length, for a prefix.
    pub prefix: Option<(bool, u8)>,
    pub realm: Option<Realm>,
    /// By the directory's word.
    pub told: Span,
    /// Not before, by what the imports showed.
    pub since: UtcMicros,
    /// Not from then on, by what the imports showed.
    pub gone: UtcMicros,
}

impl Held {
    /// When the contract may have had the name.
    pub fn extent(&self) -> Extent {
        let span = Span::new(self.told.from.max(self.since), self.told.until.min(self.gone));
        Extent { span, realm: self.realm.clone() }
    }

    /// Reads a row of `line_name`.
    pub fn of_row(row: &SqliteRow) -> Result<Self, StoreError> {
        let read = |e| failed("read", e);
        let token: &[u8] = row.try_get("token").map_err(read)?;
        let family: Option<i64> = row.try_get("family").map_err(read)?;
        let length: Option<i64> = row.try_get("length").map_err(read)?;
        let realm: Option<String> = row.try_get("realm").map_err(read)?;
        let instant = |column| row.try_get(column).map(UtcMicros).map_err(read);
        Ok(Self {
            subscriber: row.try_get("subscriber").map_err(read)?,
            token: token.try_into().map_err(|_| damaged("a token has a wrong length"))?,
            prefix: family
                .zip(length)
                .map(|(family, length)| (family == 4, u8::try_from(length).unwrap_or(0))),
            realm: realm.as_deref().map(Realm::from),
            told: Span::new(instant("from_us")?, instant("until_us")?),
            since: instant("since_us")?,
            gone: instant("gone_us")?,
        })
    }
}

/// The index.
#[derive(Default)]
pub(super) struct Index {
    /// Token, contract number, number of the extent.
    names: BTreeSet<(Token, u32, u32)>,
    extents: Vec<Extent>,
    extent_numbers: HashMap<Extent, u32>,
    /// Sealed contract ids by contract number.
    ids: Vec<Box<[u8]>>,
    contracts: u64,
    /// Prefix lengths in use, a bit each, from length 1 on.
    lengths: [u128; 2],
}

impl Index {
    /// Makes a name be found.
    pub fn insert(&mut self, held: &Held) {
        if let Some(entry) = self.entry(held) {
            self.names.insert(entry);
        }
    }

    /// Makes a name not be found any more.
    pub fn remove(&mut self, held: &Held) {
        if let Some(entry) = self.entry(held) {
            self.names.remove(&entry);
        }
    }

    /// Makes the id of a contract be known.
    pub fn name_contract(&mut self, number: u32, sealed_id: Box<[u8]>) {
        let at = number as usize;
        if self.ids.len() <= at {
            self.ids.resize_with(at + 1, Box::default);
        }
        if let Some(id) = self.ids.get_mut(at) {
            *id = sealed_id;
        }
        self.contracts += 1;
    }

    /// The contracts that had the name, each with an extent.
    pub fn extents(&self, token: &Token) -> impl Iterator<Item = (u32, &Extent)> {
        let range = self.names.range((*token, 0, 0)..=(*token, u32::MAX, u32::MAX));
        range.filter_map(|(_, number, extent)| Some((*number, self.extents.get(*extent as usize)?)))
    }

    /// The sealed id of a contract.
    pub fn sealed_id(&self, number: u32) -> Option<&[u8]> {
        self.ids.get(number as usize).filter(|id| !id.is_empty()).map(|id| &**id)
    }

    /// The prefix lengths in use, the shortest first.
    pub fn lengths(&self, is_ipv4: bool) -> impl Iterator<Item = u8> + use<> {
        let [v4, v6] = self.lengths;
        let mask = if is_ipv4 { v4 } else { v6 };
        (1..=128).filter(move |length| mask & 1 << (length - 1) != 0)
    }

    /// Every name with its contract and extent, in order.
    #[cfg(test)]
    pub fn names(&self) -> Vec<(Token, u32, Extent)> {
        let name = |(token, number, extent): &(Token, u32, u32)| {
            Some((*token, *number, self.extents.get(*extent as usize)?.clone()))
        };
        self.names.iter().filter_map(name).collect::<Vec<_>>()
    }

    /// How many contracts.
    pub const fn contracts(&self) -> u64 {
        self.contracts
    }

    /// The number that the next new contract gets.
    pub fn next_number(&self) -> Result<u32, StoreError> {
        u32::try_from(self.ids.len().max(1)).map_err(|_| damaged("it has too many contracts"))
    }

    /// A name's place in the order; `None` for one that never held.
    fn entry(&mut self, held: &Held) -> Option<(Token, u32, u32)> {
        let extent = held.extent();
        if extent.span.is_empty() {
            return None;
        }
        if let Some((is_ipv4, length @ 1..=128)) = held.prefix {
            let [v4, v6] = &mut self.lengths;
            *(if is_ipv4 { v4 } else { v6 }) |= 1 << (length - 1);
        }
        let number = match self.extent_numbers.get(&extent) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.extents.len()).ok()?;
                self.extents.push(extent.clone());
                self.extent_numbers.insert(extent, number);
                number
            }
        };
        Some((held.token, held.subscriber, number))
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{} names]", self.names.len())
    }
}

/// The index of what is in the database.
pub(super) async fn load(database: &Database) -> Result<Index, StoreError> {
    let mut connection = database.read().await?;
    let mut index = Index::default();
    let mut names = Vec::new();
    // Page by page: the whole directory is never held twice.
    let mut after = 0_i64;
    loop {
        let rows = page(
            &mut connection,
            "SELECT number, sealed_id FROM subscriber WHERE number > ? ORDER BY number LIMIT 10000",
            after,
        )
        .await?;
        for row in &rows {
            after = row.try_get("number").map_err(|e| failed("read", e))?;
            let number = u32::try_from(after).map_err(|_| damaged("a contract has a number out of range"))?;
            let sealed_id: Vec<u8> = row.try_get("sealed_id").map_err(|e| failed("read", e))?;
            index.name_contract(number, sealed_id.into());
        }
        if rows.is_empty() {
            break;
        }
    }
    let mut after = 0_i64;
    loop {
        let rows = page(
            &mut connection,
            "SELECT * FROM line_name WHERE number > ? ORDER BY number LIMIT 10000",
            after,
        )
        .await?;
        for row in &rows {
            after = row.try_get("number").map_err(|e| failed("read", e))?;
            names.extend(index.entry(&Held::of_row(row)?));
        }
        if rows.is_empty() {
            break;
        }
    }
    index.names = names.into_iter().collect();
    Ok(index)
}

async fn page(
    connection: &mut SqliteConnection,
    query: &'static str,
    after: i64,
) -> Result<Vec<SqliteRow>, StoreError> {
    sqlx::query(query).bind(after).fetch_all(connection).await.map_err(|e| failed("read", e))
}
