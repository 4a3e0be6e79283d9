//! What the operator has told about the network: customers, interfaces, routes.
//!
//! What comes in: tables as they were read, at the start and when they have changed. What goes out: the tables that detectors and traces go by,
//! autonomous systems where exporters told none, which records count once, and names for showing. It learns nothing from
//! traffic, and what was not told stays unknown.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tadoru_detect::{Tables, World};
use tadoru_model::flow::to_bits;
use tadoru_model::{Flows, InterfaceRole, Prefix, Ranges};
use tadoru_store::filter::{AddressField, Field, Filter, Node, Test};
use tadoru_trace::ingress::Places;

pub use tadoru_detect::{Customer, Route};
pub use tadoru_trace::ingress::Place;

#[cfg(test)]
mod tests;

/// What was told. Empty parts mean "not told".
#[derive(Clone, Default)]
pub struct Told {
    /// Prefixes of the own network.
    pub own: Vec<Prefix>,
    /// Autonomous system of the own network, 0 when not told.
    pub own_as: u32,
    /// Customers.
    pub customers: Vec<Customer>,
    /// Interfaces of exporters.
    pub interfaces: Vec<Interface>,
    /// Which autonomous system originates a prefix.
    pub origins: Vec<(Prefix, u32)>,
    /// Where sources may come in.
    pub routes: Vec<Route>,
    /// Addresses of own routers.
    pub routers: Vec<IpAddr>,
}

/// An interface of an exporter.
#[derive(Clone)]
pub struct Interface {
    /// The exporter's address, as its flows show it.
    pub exporter: IpAddr,
    /// Its index (ifIndex of RFC 2863).
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What is behind it.
    pub role: InterfaceRole,
    /// Autonomous system of the neighbour, 0 for none.
    pub neighbour_as: u32,
    /// The exporter behind a core interface, where it was told.
    pub leads_to: Option<IpAddr>,
    /// Prefixes that may be the source of what comes in, if they are known.
    pub sources: Vec<Prefix>,
}

/// The network as it was told.
#[derive(Default)]
pub struct Network {
    tables: Tables,
    places: Places,
    origins: Ranges<u32>,
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
unprinted!(Told, Interface, Network);

impl Network {
    /// Makes what was told ready.
    pub fn new(told: Told) -> Self {
        let places = told.interfaces.iter().map(|interface| {
            let place = Place {
                name: interface.name.clone(),
                role: interface.role,
                neighbour_as: interface.neighbour_as,
                leads_to: interface.leads_to,
            };
            ((to_bits(interface.exporter), interface.index), place)
        });
        let places = places.collect();
        // An own prefix is nobody else's; what is more specific in the table still counts.
        let own = (told.own_as != 0).then(|| told.own.iter().map(|prefix| (*prefix, told.own_as)));
        let origins = Ranges::new(told.origins.into_iter().chain(own.into_iter().flatten()));
        let interfaces = told.interfaces.into_iter().map(|interface| tadoru_detect::Interface {
            exporter: interface.exporter,
            index: interface.index,
            role: interface.role,
            neighbour_as: interface.neighbour_as,
            sources: interface.sources,
        });
        let tables = Tables {
            own: told.own,
            customers: told.customers,
            interfaces: interfaces.collect(),
            routes: told.routes,
            routers: told.routers,
        };
        Self { tables, places, origins }
    }

    /// It with its customers in the order of `before`, behind them those that are new: what a detector has in mind of a
    /// customer, it knows by the customer's place. One that is told no more keeps its place and has no prefix.
    #[must_use]
    pub fn behind(mut self, before: &Self) -> Self {
        let told = std::mem::take(&mut self.tables.customers);
        let mut told: Vec<Option<Customer>> = told.into_iter().map(Some).collect();
        let places: BTreeMap<String, usize> = told
            .iter()
            .flatten()
            .enumerate()
            .map(|(place, customer)| (customer.name.clone(), place))
            .collect();
        for known in &before.tables.customers {
            let place = places.get(&known.name).and_then(|place| told.get_mut(*place));
            let gone = || Customer { prefixes: Vec::new(), ..known.clone() };
            self.tables.customers.push(place.and_then(Option::take).unwrap_or_else(gone));
        }
        self.tables.customers.extend(told.into_iter().flatten());
        self
    }

    /// The tables that detectors go by.
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The tables made ready for a detector.
    pub fn world(&self) -> World {
        World::new(self.tables.clone())
    }

    /// Whether nothing was told of interfaces: then nothing says which records count once, or where an attack enters.
    pub fn knows_no_interface(&self) -> bool {
        self.places.is_empty()
    }

    /// What is known of an exporter's interface, the exporter as [`to_bits`].
    pub fn place(&self, exporter: u128, interface: u32) -> Option<&Place> {
        self.places.get(&(exporter, interface))
    }

    /// What is known of all interfaces.
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// Fills in the autonomous systems that exporters did not tell (0), by the longest prefix. It never overwrites.
    pub fn enrich(&self, flows: &mut Flows) {
        if self.origins.is_empty() {
            return;
        }
        self.fill(&flows.src, &flows.ip, &mut flows.src_as);
        self.fill(&flows.dst, &flows.ip, &mut flows.dst_as);
    }

    fn fill(&self, addrs: &[u128], ips: &[u8], systems: &mut [u32]) {
        // Records of one attack stand together: the answer before is often the answer.
        let mut last = (0, 0);
        for ((addr, ip), system) in addrs.iter().zip(ips).zip(systems) {
            if *system != 0 || *ip == 0 {
                continue;
            }
            if last.0 != *addr {
                last = (*addr, self.origins.find(*addr).unwrap_or(0));
            }
            *system = last.1;
        }
    }

    /// The records that count traffic once: made on the way in, at an interface to another network or to a customer.
    ///
    /// Left out are core interfaces, interfaces that nothing was told about, and records made on the way out (IPFIX
    /// element 61 is 1). `None` when nothing was told of interfaces: then nothing can be counted once.
    pub fn once(&self) -> Option<Filter> {
        let mut inputs: BTreeMap<u128, Vec<u32>> = BTreeMap::new();
        for ((exporter, index), place) in &self.places {
            if place.role.is_way_in() {
                inputs.entry(*exporter).or_default().push(*index);
            }
        }
        if inputs.is_empty() {
            return None;
        }
        let exporters = self.tables.interfaces.iter().map(|known| (to_bits(known.exporter), known.exporter));
        let exporters: BTreeMap<u128, IpAddr> = exporters.collect();
        let ways = inputs.into_iter().filter_map(|(exporter, indexes)| {
            let within = vec![Prefix::host(*exporters.get(&exporter)?)];
            Some(Node::all(vec![
                Node::Is(Test::Address { field: AddressField::Exporter, within }),
                Node::Is(Test::Number { field: Field::Input, within: ranges(indexes) }),
            ]))
        });
        let way_out = Test::Number { field: Field::Direction, within: vec![1..=1] };
        Some(Filter::from(Node::all(vec![Node::either(ways.collect()), Node::IsNot(way_out)])))
    }
}

/// Numbers as ascending ranges that do not touch.
fn ranges(mut numbers: Vec<u32>) -> Vec<std::ops::RangeInclusive<u64>> {
    numbers.sort_unstable();
    let mut ranges: Vec<std::ops::RangeInclusive<u64>> = Vec::new();
    for number in numbers.into_iter().map(u64::from) {
        match ranges.last_mut() {
            Some(last) if number <= last.end() + 1 => *last = *last.start()..=number,
            _ => ranges.push(number..=number),
        }
    }
    ranges
}
