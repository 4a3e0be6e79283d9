//! What is known about the network: whose prefixes, which interfaces, where sources may come in.
//!
//! What comes in: tables as the operator or a routing table gives them, once. What goes out: answers about one address or
//! interface. It learns nothing by itself.

use std::collections::HashMap;
use std::net::IpAddr;

use tadoru_model::flow::to_bits;
use tadoru_model::{Prefix, Ranges};

pub use tadoru_model::InterfaceRole;

#[cfg(test)]
mod tests;

/// What a detector is told about the network. Empty tables mean "not told", and findings say what follows from that.
#[derive(Clone, Default)]
pub struct Tables {
    /// Prefixes of the own network, customers' among them.
    pub own: Vec<Prefix>,
    /// Customers.
    pub customers: Vec<Customer>,
    /// Interfaces of exporters.
    pub interfaces: Vec<Interface>,
    /// Where sources may come in.
    pub routes: Vec<Route>,
    /// Addresses of own routers: one of them hit beside a target is the router in front.
    pub routers: Vec<IpAddr>,
}

/// A customer with prefixes.
#[derive(Clone)]
pub struct Customer {
    /// Its name in findings.
    pub name: String,
    /// Its prefixes.
    pub prefixes: Vec<Prefix>,
    /// Its class, which moves thresholds; empty for none.
    pub class: String,
}

/// An interface of an exporter.
#[derive(Clone)]
pub struct Interface {
    /// The exporter's address.
    pub exporter: IpAddr,
    /// Its index.
    pub index: u32,
    /// What is behind it.
    pub role: InterfaceRole,
    /// Autonomous system of the neighbour, 0 for none.
    pub neighbour_as: u32,
    /// Prefixes that may be the source of what comes in, if they are known; used for customers' interfaces.
    pub sources: Vec<Prefix>,
}

/// By which interfaces packets from a prefix may come in.
#[derive(Clone)]
pub struct Route {
    /// Source prefix; the longest that covers an address counts.
    pub prefix: Prefix,
    /// Exporter and interface index of each.
    pub ingress: Vec<(IpAddr, u32)>,
}

/// Tables made ready for questions.
pub struct World {
    own: Ranges<()>,
    customers: Ranges<u32>,
    customer_rows: Vec<Customer>,
    interfaces: HashMap<(u128, u32), Known>,
    exporters: HashMap<u128, ()>,
    routes: Ranges<u32>,
    route_rows: Vec<Vec<(u128, u32)>>,
    routers: Vec<u128>,
    bogons: Ranges<bool>,
    told_own: bool,
}

#[derive(Clone)]
struct Known {
    role: InterfaceRole,
    neighbour_as: u32,
    sources: Option<Ranges<()>>,
}

macro_rules! unprinted {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!("[", stringify!($name), "]"))
            }
        }
    )+};
}
unprinted!(Tables, Customer, Interface, Route, World);

impl World {
    /// Makes tables ready.
    pub fn new(tables: Tables) -> Self {
        let rows = |prefixes: &[Prefix]| Ranges::new(prefixes.iter().map(|prefix| (*prefix, ())));
        let interfaces = tables.interfaces.iter().map(|interface| {
            let sources = (!interface.sources.is_empty()).then(|| rows(&interface.sources));
            let known = Known { role: interface.role, neighbour_as: interface.neighbour_as, sources };
            ((to_bits(interface.exporter), interface.index), known)
        });
        let own = tables.own.iter().chain(tables.customers.iter().flat_map(|c| &c.prefixes));
        let customers = (0_u32..).zip(&tables.customers);
        let customers = customers.flat_map(|(row, c)| c.prefixes.iter().map(move |prefix| (*prefix, row)));
        // Of a whole routing table few sets of ways in differ.
        let (mut route_rows, mut row_of) = (Vec::new(), HashMap::new());
        let routes = Ranges::new(tables.routes.iter().map(|route| {
            let mut ways: Vec<(u128, u32)> =
                route.ingress.iter().map(|(exporter, index)| (to_bits(*exporter), *index)).collect();
            ways.sort_unstable();
            let row = *row_of.entry(ways).or_insert_with_key(|ways| {
                route_rows.push(ways.clone());
                u32::try_from(route_rows.len() - 1).unwrap_or(u32::MAX)
            });
            (route.prefix, row)
        }));
        Self {
            told_own: own.clone().next().is_some(),
            own: Ranges::new(own.map(|prefix| (*prefix, ()))),
            customers: Ranges::new(customers),
            interfaces: interfaces.collect(),
            exporters: tables.interfaces.iter().map(|i| (to_bits(i.exporter), ())).collect(),
            routes,
            route_rows,
            routers: tables.routers.iter().map(|addr| to_bits(*addr)).collect(),
            bogons: bogons(&tables.routes, &tables.interfaces),
            customer_rows: tables.customers,
        }
    }

    /// Whether the own prefixes were told.
    pub fn knows_own(&self) -> bool {
        self.told_own
    }

    /// Whether an address is the own network's.
    pub fn is_own(&self, addr: u128) -> bool {
        self.own.find(addr).is_some()
    }

    /// Whether no host in the public Internet has this address (RFC 6890 and others). Own addresses are asked first.
    pub fn is_bogon(&self, addr: u128) -> bool {
        self.bogons.find(addr) == Some(true)
    }

    /// Row of the customer that an address belongs to.
    pub fn customer_of(&self, addr: u128) -> Option<u32> {
        self.customers.find(addr)
    }

    /// A customer.
    pub fn customer(&self, row: u32) -> Option<&Customer> {
        self.customer_rows.get(row as usize)
    }

    /// What is behind an interface, if it was told.
    pub fn role(&self, exporter: u128, index: u32) -> Option<InterfaceRole> {
        self.interfaces.get(&(exporter, index)).map(|known| known.role)
    }

    /// Whether roles were told for any interface of this exporter.
    pub fn knows_exporter(&self, exporter: u128) -> bool {
        self.exporters.contains_key(&exporter)
    }

    /// Autonomous system behind an interface, 0 when not known.
    pub fn neighbour_as(&self, exporter: u128, index: u32) -> u32 {
        self.interfaces.get(&(exporter, index)).map_or(0, |known| known.neighbour_as)
    }

    /// Whether packets from `source` may come in by an interface; `None` when nothing was told about it.
    pub fn may_enter(&self, source: u128, exporter: u128, index: u32) -> Option<bool> {
        if let Some(sources) =
            self.interfaces.get(&(exporter, index)).and_then(|known| known.sources.as_ref())
        {
            return Some(sources.find(source).is_some());
        }
        let row = self.route_rows.get(self.routes.find(source)? as usize)?;
        // An exporter that the table does not speak of says nothing about itself.
        row.iter().any(|(known, _)| *known == exporter).then(|| row.contains(&(exporter, index)))
    }

    /// Whether an address is an own router's.
    pub fn is_router(&self, addr: u128) -> bool {
        self.routers.contains(&addr)
    }
}

/// Where no source is, but for prefixes of that space that the operator told as somebody's: a default route tells nothing.
fn bogons(routes: &[Route], interfaces: &[Interface]) -> Ranges<bool> {
    let nobody: Vec<Prefix> = BOGONS.iter().filter_map(|text| text.parse().ok()).collect();
    let told = routes.iter().map(|route| route.prefix);
    let told = told.chain(interfaces.iter().flat_map(|interface| interface.sources.iter().copied()));
    let within = |prefix: &Prefix| {
        nobody.iter().any(|none| none.contains(prefix.addr()) && none.len() <= prefix.len())
    };
    let somebody: Vec<Prefix> = told.filter(within).collect();
    // What is told of the very same prefix holds.
    let nobody = nobody.iter().filter(|prefix| !somebody.contains(prefix)).map(|prefix| (*prefix, true));
    Ranges::new(nobody.chain(somebody.iter().map(|prefix| (*prefix, false))))
}

/// Never a source in the public Internet: RFC 6890, RFC 5737, RFC 3849, RFC 1112, RFC 4291.
const BOGONS: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/96",
    "100::/64",
    "2001:db8::/32",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];
