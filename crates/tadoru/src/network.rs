//! Section `[network]`: what is known of the network, read from the operator's tables and from dumps of routing tables.
//!
//! What comes in: the files that the configuration names, at the start and when they have changed ([`watch`]). What goes out:
//! the network as the desk takes it, and warnings. A table that is kept by hand must be right in every line; of a dump what can be read is taken.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tadoru_desk::Network;
use tadoru_desk::network::{Customer, Interface, Route, Told};
use tadoru_model::{InterfaceRole, Prefix};
use tadoru_wire::bzip2;
use tadoru_wire::mrt::{Announced, Rib};
use tadoru_wire::tables::customers::CustomerPrefix;
use tadoru_wire::tables::interfaces::{InterfaceRow, Role};
use tadoru_wire::tables::routes::RouteRow;
use tadoru_wire::tables::{Fault, Table, TableRecord};

#[cfg(test)]
mod tests;
pub mod watch;

/// Section `[network]`. Nothing is told where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Number of the own autonomous system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_as: Option<u32>,
    /// Table of customers: `prefix,customer,class`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customers: Option<PathBuf>,
    /// Table of exporters' interfaces: `exporter,index,name,role,neighbour_as,leads_to,sources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<PathBuf>,
    /// Table of routes: `prefix,as,exporter,index`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<PathBuf>,
    /// Dumps of routing tables (MRT, TABLE_DUMP_V2), as they are or packed with gzip, bzip2 or zstd.
    pub ribs: Vec<PathBuf>,
    /// Addresses of own routers: one of them hit beside a target is the router in front.
    pub routers: Vec<IpAddr>,
    /// What decides by which interface a source may come in.
    pub ways_in: WaysIn,
}

/// What decides by which interface a source may come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaysIn {
    /// The tables only.
    #[default]
    Told,
    /// The dumps too: a neighbour may bring in what it announced (feasible paths, RFC 8704 section 2.3).
    Announced,
}

/// Why the network cannot be taken as it is told.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A file that does not open, or ends in a fault of its disk.
    #[error("cannot read `{}` of `[network]`", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Lines that are wrong.
    #[error("table `{}` of `[network]` is not right: {what}", file.display())]
    Table {
        /// The file.
        file: PathBuf,
        /// The first lines that are wrong, and how.
        what: String,
    },
    /// A dump without a routing table.
    #[error("`{}` of `[network]` is no dump of a routing table: {what}", file.display())]
    Dump {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        what: String,
    },
}

/// Reads what the configuration names; with warnings.
///
/// # Errors
/// When a file cannot be read, or a table has a line that is wrong.
pub fn load(config: &Config, own: &[Prefix]) -> Result<(Network, Vec<String>), NetworkError> {
    let mut warnings = Vec::new();
    let interfaces = config.interfaces.as_deref().map_or(Ok(Vec::new()), interfaces)?;
    let customers = config.customers.as_deref().map_or(Ok(Vec::new()), customers)?;
    let (mut origins, mut routes) = (Vec::new(), Vec::new());
    if !config.ribs.is_empty() {
        let mut announced = Vec::new();
        for file in &config.ribs {
            rib(file, &mut announced, &mut warnings)?;
        }
        origins = announced.iter().filter_map(|one| Some((prefix(one.prefix)?, one.origin?))).collect();
        if config.ways_in == WaysIn::Announced {
            routes = feasible(&announced, &interfaces);
        }
    }
    if config.ways_in == WaysIn::Announced && routes.is_empty() {
        warnings.push(
            "`network.ways_in` is `announced`, and no dump of `network.ribs` names the neighbour of an interface: \
             nothing follows from it"
                .to_owned(),
        );
    }
    if let Some(file) = &config.routes {
        let (told_origins, told_routes) = told_routes(file)?;
        // What was told by hand holds against a dump.
        let by_hand: HashSet<Prefix> = told_routes.iter().map(|route| route.prefix).collect();
        routes.retain(|route| !by_hand.contains(&route.prefix));
        origins.extend(told_origins);
        routes.extend(told_routes);
    }
    let network = Network::new(Told {
        own: own.to_vec(),
        own_as: config.own_as.unwrap_or(0),
        customers,
        interfaces,
        origins,
        routes,
        routers: config.routers.clone(),
    });
    Ok((network, warnings))
}

// ---------------------------------------------------------------------------------------------------------- tables

/// Reads the lines of a table; `take` says what is wrong with one among the others.
fn table<T: TableRecord>(
    file: &Path,
    mut take: impl FnMut(u64, T) -> Result<(), String>,
) -> Result<(), NetworkError> {
    let read = |source| NetworkError::Read { file: file.to_owned(), source };
    let mut wrong = Vec::new();
    let mut rows = 0_usize;
    for line in Table::<_, T>::new(unpacked(File::open(file).map_err(read)?).map_err(read)?, None) {
        let fault = match line {
            Ok((number, row)) => {
                rows += 1;
                take(number, row).err().map(|what| format!("line {number}: {what}"))
            }
            Err(Fault::Defect(defect)) => Some(defect.to_string()),
            Err(Fault::Input(source)) => return Err(read(source)),
        };
        wrong.extend(fault);
        if rows > MOST_ROWS {
            wrong.push(format!("it has more than {MOST_ROWS} lines"));
        }
        if wrong.len() >= MOST_TOLD {
            break;
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(NetworkError::Table { file: file.to_owned(), what: wrong.join("; ") })
}

/// Customers, in the order of their first lines.
fn customers(file: &Path) -> Result<Vec<Customer>, NetworkError> {
    let mut customers: Vec<Customer> = Vec::new();
    let mut by_name: HashMap<String, usize> = HashMap::new();
    let mut whose: HashMap<Prefix, u64> = HashMap::new();
    table(file, |line, row: CustomerPrefix| {
        let prefix = prefix(row.prefix).ok_or("`prefix` is none")?;
        if let Some(before) = whose.insert(prefix, line) {
            return Err(format!("its prefix stands in line {before} already"));
        }
        let place = *by_name.entry(row.customer.clone()).or_insert_with(|| {
            customers.push(Customer { name: row.customer, prefixes: Vec::new(), class: String::new() });
            customers.len() - 1
        });
        let Some(customer) = customers.get_mut(place) else { return Ok(()) };
        match row.class {
            Some(class) if customer.class.is_empty() => customer.class = class,
            Some(class) if customer.class != class => {
                return Err("its customer has another class in a line before".to_owned());
            }
            _ => {}
        }
        customer.prefixes.push(prefix);
        Ok(())
    })?;
    Ok(customers)
}

fn interfaces(file: &Path) -> Result<Vec<Interface>, NetworkError> {
    let mut interfaces = Vec::new();
    let mut seen: HashMap<(IpAddr, u32), u64> = HashMap::new();
    table(file, |line, row: InterfaceRow| {
        if let Some(before) = seen.insert((row.exporter, row.index), line) {
            return Err(format!("its interface stands in line {before} already"));
        }
        interfaces.push(Interface {
            exporter: row.exporter,
            index: row.index,
            name: row.name.unwrap_or_default(),
            role: match row.role {
                Role::Edge => InterfaceRole::Edge,
                Role::Core => InterfaceRole::Core,
                Role::Customer => InterfaceRole::Customer,
            },
            neighbour_as: row.neighbour_as.unwrap_or(0),
            leads_to: row.leads_to,
            sources: row.sources.into_iter().filter_map(prefix).collect(),
        });
        Ok(())
    })?;
    Ok(interfaces)
}

/// Which autonomous system each prefix is of.
type Origins = Vec<(Prefix, u32)>;

/// Origins and ways in of a table of routes.
fn told_routes(file: &Path) -> Result<(Origins, Vec<Route>), NetworkError> {
    let mut origins: BTreeMap<Prefix, u32> = BTreeMap::new();
    let mut ways: BTreeMap<Prefix, Vec<(IpAddr, u32)>> = BTreeMap::new();
    table(file, |_, row: RouteRow| {
        let prefix = prefix(row.prefix).ok_or("`prefix` is none")?;
        if let Some(origin) = row.origin
            && origins.insert(prefix, origin).is_some_and(|before| before != origin)
        {
            return Err("its prefix has another `as` in a line before".to_owned());
        }
        if let Some(way) = row.ingress {
            ways.entry(prefix).or_default().push(way);
        }
        Ok(())
    })?;
    let routes = ways.into_iter().map(|(prefix, ingress)| Route { prefix, ingress });
    Ok((origins.into_iter().collect(), routes.collect()))
}

// ----------------------------------------------------------------------------------------------------------- dumps

fn rib(file: &Path, announced: &mut Vec<Announced>, warnings: &mut Vec<String>) -> Result<(), NetworkError> {
    let read = |source| NetworkError::Read { file: file.to_owned(), source };
    let before = announced.len();
    let (mut lost, mut first) = (0_u64, None);
    for item in Rib::new(unpacked(File::open(file).map_err(read)?).map_err(read)?) {
        match item {
            Ok(one) => announced.push(one),
            Err(Fault::Defect(defect)) => {
                lost += 1;
                first.get_or_insert(defect);
            }
            Err(Fault::Input(source)) => return Err(read(source)),
        }
        if announced.len() > MOST_ROWS {
            let what = format!("there are more than {MOST_ROWS} prefixes");
            return Err(NetworkError::Dump { file: file.to_owned(), what });
        }
    }
    let told = first.map(|defect| defect.to_string());
    if announced.len() == before {
        let what = told.unwrap_or_else(|| "it is empty".to_owned());
        return Err(NetworkError::Dump { file: file.to_owned(), what });
    }
    if let Some(told) = told {
        warnings.push(format!("`{}`: {lost} parts could not be read; the first: {told}", file.display()));
    }
    Ok(())
}

/// By which interfaces a prefix may come in: those of neighbours that announced it, and those of neighbours that the dumps
/// say nothing of.
fn feasible(announced: &[Announced], interfaces: &[Interface]) -> Vec<Route> {
    let heard: HashSet<u32> = announced.iter().flat_map(|one| one.neighbours.iter().copied()).collect();
    let edges = || interfaces.iter().filter(|interface| interface.role == InterfaceRole::Edge);
    let silent: Vec<(IpAddr, u32)> = edges()
        .filter(|edge| !heard.contains(&edge.neighbour_as))
        .map(|edge| (edge.exporter, edge.index))
        .collect();
    let mut by_neighbour: HashMap<u32, Vec<(IpAddr, u32)>> = HashMap::new();
    for edge in edges().filter(|edge| heard.contains(&edge.neighbour_as)) {
        by_neighbour.entry(edge.neighbour_as).or_default().push((edge.exporter, edge.index));
    }
    let mut routes: BTreeMap<Prefix, Vec<(IpAddr, u32)>> = BTreeMap::new();
    for one in announced {
        let known = one.neighbours.iter().filter_map(|neighbour| by_neighbour.get(neighbour));
        let ways: Vec<(IpAddr, u32)> = known.flatten().copied().collect();
        if let Some(prefix) = prefix(one.prefix).filter(|_| !ways.is_empty()) {
            routes.entry(prefix).or_default().extend(ways);
        }
    }
    let with_silent = |(prefix, mut ingress): (Prefix, Vec<(IpAddr, u32)>)| {
        ingress.extend(&silent);
        ingress.sort_unstable();
        ingress.dedup();
        Route { prefix, ingress }
    };
    routes.into_iter().map(with_silent).collect()
}

/// What is in a file that may be packed with gzip, bzip2 or zstd, told by its first octets.
fn unpacked(mut file: File) -> io::Result<Box<dyn BufRead>> {
    let mut head = Vec::new();
    file.by_ref().take(4).read_to_end(&mut head)?;
    let packed = BufReader::with_capacity(BUFFER, io::Cursor::new(head.clone()).chain(file));
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(packed))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(packed)?))
        }
        [b'B', b'Z', b'h', _] => Box::new(BufReader::new(bzip2::Unpacked::new(packed))),
        _ => Box::new(packed),
    })
}

fn prefix(prefix: tadoru_wire::tables::Prefix) -> Option<Prefix> {
    Prefix::covering(prefix.address, prefix.len).ok()
}

/// Lines of a table, or prefixes of all dumps, at most.
const MOST_ROWS: usize = 8_000_000;
/// Wrong lines that are told at once.
const MOST_TOLD: usize = 5;
const BUFFER: usize = 256 << 10;
