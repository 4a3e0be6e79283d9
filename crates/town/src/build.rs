//! Builds the town: its truth, and the records that its devices write, in the order of their arrival.

mod access;
mod accounting;
mod arrival;
mod export;
mod fixed;
mod gateway;
mod leases;

use std::net::{IpAddr, Ipv4Addr};

use tadoru_model::{Protocol, Span, UtcMicros};
use tadoru_wire::{flow, radius};

use self::access::Line;
pub use self::accounting::Counts;
use self::arrival::Delivered;
use self::fixed::Rows;
use self::gateway::Inside;
use crate::dice::Dice;
use crate::plan::{Access, Gateway, Log, Plan};
use crate::questions::{self, Question};
use crate::truth::{Ports, Tenure, Truth, Way};

/// A town that has lived.
#[derive(Debug, Clone)]
pub struct Town {
    /// What it was made of.
    pub plan: Plan,
    /// What its chance was made of.
    pub seed: u64,
    /// What truly happened.
    pub truth: Truth,
    /// Who writes records.
    pub sources: Vec<Source>,
    /// The records, in the order of their arrival.
    pub arrivals: Vec<Arrival>,
    /// What is asked, with the true answers.
    pub questions: Vec<Question>,
}

/// Something that writes records, or a table.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Name of the import format.
    pub format: Format,
    /// Address plan of what it speaks of; `None`: the public one.
    pub realm: Option<String>,
    /// Address plan behind it, of a gateway.
    pub inside_realm: Option<String>,
    /// Its own address, of a device that sends packets.
    pub address: Option<Ipv4Addr>,
    /// The whole table, of one that is no stream of records; the header, of a journal.
    pub table: String,
    /// How much it sent and how much never arrived.
    pub counts: Counts,
}

/// Formats as the import command names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// FreeRADIUS detail.
    RadiusDetail,
    /// A capture of NetFlow or IPFIX.
    NatExport,
    /// Syslog lines.
    NatSyslog,
    /// `conntrack -E`.
    Conntrack,
    /// Kea's v4 journal.
    Kea4,
    /// Kea's v6 journal.
    Kea6,
    /// Fixed addresses.
    Static,
    /// A venue's stays.
    Venue,
    /// Deterministic gateways.
    CgnRules,
    /// MAP-E domains.
    MapE,
    /// The subscriber directory.
    Subscribers,
}

impl Format {
    /// The format's name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RadiusDetail => "radius-detail",
            Self::NatExport => "nat-export",
            Self::NatSyslog => "nat-syslog",
            Self::Conntrack => "conntrack",
            Self::Kea4 => "kea4",
            Self::Kea6 => "kea6",
            Self::Static => "static",
            Self::Venue => "venue",
            Self::CgnRules => "cgn-rules",
            Self::MapE => "map-e",
            Self::Subscribers => "subscribers",
        }
    }
}

/// One record as it arrived: a RADIUS packet, an export datagram, or a line with its end, as its source's format says.
#[derive(Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When it arrived, true time.
    pub at: UtcMicros,
    /// Place of its source in [`Town::sources`].
    pub source: usize,
    /// Its octets.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Arrival {{ source: {}, octets: {}, [..] }}", self.source, self.bytes.len())
    }
}

/// Why a town cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An attribute is not in the dictionary.
    #[error("dictionary does not know `{name}`")]
    Attribute {
        /// Its name.
        name: &'static str,
    },
    /// A RADIUS packet cannot be written.
    #[error("cannot write a RADIUS packet")]
    Radius(#[from] radius::EncodeError),
    /// An export packet cannot be written.
    #[error("cannot write an export packet")]
    Export(#[from] flow::EncodeError),
}

impl Town {
    /// Builds the town of a plan; the same seed gives the same town.
    ///
    /// # Errors
    /// When a record cannot be written: the plan's times are outside of what its formats can say.
    pub fn build(plan: Plan, seed: u64) -> Result<Self, BuildError> {
        let all = Span::new(plan.begins(), plan.ends());
        let dice = Dice::new(seed);
        let mut yard = Yard {
            plan: &plan,
            all,
            dice,
            tenures: Vec::new(),
            sources: Vec::new(),
            arrivals: Vec::new(),
            insides: Vec::new(),
            directory: DIRECTORY_HEADER.to_owned(),
            next_contract: 1,
        };
        let shares = plan.shares();
        for (access, count) in plan.access.iter().zip(&shares.access) {
            yard.access(access, *count)?;
        }
        yard.dhcp(shares.dhcp);
        for gateway in &plan.gateway {
            yard.gateway(gateway)?;
        }
        yard.tables(shares.map_e, shares.fixed);
        let Yard { tenures, mut sources, mut arrivals, directory, .. } = yard;
        sources.push(Source::table("directory", Format::Subscribers, directory));
        arrivals.sort_by_key(|arrival| (arrival.at, arrival.source));
        let truth = Truth::new(tenures);
        let questions = questions::draw(&plan, &truth, Dice::new(seed).fork("questions"));
        Ok(Self { plan, seed, truth, sources, arrivals, questions })
    }
}

/// The town while it is built.
struct Yard<'a> {
    plan: &'a Plan,
    all: Span,
    dice: Dice,
    tenures: Vec<Tenure>,
    sources: Vec<Source>,
    arrivals: Vec<Arrival>,
    /// Inside addresses in use, by realm.
    insides: Vec<(String, Inside)>,
    directory: String,
    next_contract: usize,
}

impl Yard<'_> {
    /// A new contract, and its row in the directory.
    fn contract(&mut self, class: &str, login: &str, circuit: &str, duid: &str) -> String {
        let n = self.next_contract;
        self.next_contract += 1;
        let id = format!("C{n:05}");
        let (name, mail) = (format!("Example Person {n:05}"), format!("person{n:05}@example.net"));
        self.directory.push_str(&format!(
            "{id},{class},{login},{circuit},{duid},{name},{mail},mail,document,2020-04-01T00:00:00Z\n"
        ));
        id
    }

    fn source(&mut self, source: Source, delivered: Vec<Delivered>) {
        let place = self.sources.len();
        self.sources.push(source);
        let arrivals = delivered.into_iter().map(|d| Arrival { at: d.at, source: place, bytes: d.bytes });
        self.arrivals.extend(arrivals);
    }

    /// One access server with its lines, sessions and accounting.
    fn access(&mut self, access: &Access, contracts: usize) -> Result<(), BuildError> {
        let dice = self.dice.fork(&access.name);
        let mut sharing = dice.fork("sharing");
        let mut lines: Vec<Line> = Vec::new();
        for n in 0..contracts {
            let login = format!("user{n:04}@{}.example", access.name);
            let subscriber = self.contract("home", &login, "", "");
            for _ in 0..=usize::from(sharing.chance(access.shared_accounts)) {
                let port = u32::try_from(lines.len() + 1).unwrap_or(0);
                let station = format!("02-00-5E-10-{:02X}-{:02X}", port >> 8 & 0xff, port & 0xff);
                lines.push(Line { subscriber: subscriber.clone(), login: login.clone(), station, port });
            }
        }
        let life = access::live(access, &lines, self.all.from, self.all.until, dice.fork("life"));
        let (delivered, proven, counts) =
            accounting::account(access, self.plan.delivery, &lines, &life, dice.fork("accounting"))?;
        let realm = access.realm.clone().unwrap_or_default();
        let rule = self.plan.deterministic.as_ref().filter(|r| r.inside_realm == realm && !realm.is_empty());
        for (session, proven) in life.sessions.iter().zip(proven) {
            let Some(line) = lines.get(session.line) else { continue };
            let tenure = Tenure {
                subscriber: line.subscriber.clone(),
                realm: realm.clone(),
                prefix: session.ipv4,
                ports: Ports::All,
                proto: Protocol::ANY,
                remote: None,
                held: Span::new(session.from, session.until),
                proven,
                way: Way::Session,
                source: access.name.clone(),
            };
            // Delegated prefixes are of the public plan wherever the IPv4 pool is.
            self.tenures.push(Tenure { realm: String::new(), prefix: session.delegated, ..tenure.clone() });
            if let Some((prefix, ports)) = rule.and_then(|rule| fixed::dealt(rule, session.ipv4.addr())) {
                let realm = String::new();
                self.tenures.push(Tenure { realm, prefix, ports, way: Way::Rule, ..tenure.clone() });
            }
            if !realm.is_empty() {
                self.inside(&realm, session.ipv4.addr(), &line.subscriber, tenure.held, proven);
            }
            self.tenures.push(tenure);
        }
        let source = Source {
            realm: access.realm.clone(),
            address: Some(access.address),
            counts,
            ..Source::table(&access.name, Format::RadiusDetail, String::new())
        };
        self.source(source, delivered);
        Ok(())
    }

    fn inside(&mut self, realm: &str, addr: IpAddr, subscriber: &str, held: Span, proven: Span) {
        self.insides
            .push((realm.to_owned(), Inside { addr, subscriber: subscriber.to_owned(), held, proven }));
    }

    /// The network with DHCP.
    fn dhcp(&mut self, contracts: usize) {
        let Some(dhcp) = &self.plan.dhcp else { return };
        let subscribers: Vec<String> = (0..contracts)
            .map(|line| self.contract("home", "", &leases::circuit(line), &leases::duid(line)))
            .collect();
        let network =
            leases::live(dhcp, contracts, self.all.from, self.all.until, self.dice.fork(&dhcp.name));
        let realm = dhcp.realm.clone().unwrap_or_default();
        for lease in &network.leases {
            let Some(subscriber) = subscribers.get(lease.line) else { continue };
            let tenure = Tenure {
                subscriber: subscriber.clone(),
                realm: realm.clone(),
                prefix: lease.ipv4,
                ports: Ports::All,
                proto: Protocol::ANY,
                remote: None,
                held: lease.held,
                proven: lease.proven,
                way: Way::Lease,
                source: dhcp.name.clone(),
            };
            self.tenures.push(Tenure { realm: String::new(), prefix: lease.delegated, ..tenure.clone() });
            self.tenures.push(tenure);
            if !realm.is_empty() {
                for on in &lease.on {
                    self.inside(&realm, lease.ipv4.addr(), subscriber, *on, lease.proven);
                }
            }
        }
        for (format, header, journal, realm) in [
            (Format::Kea4, leases::HEADER4, network.journal4, dhcp.realm.clone()),
            (Format::Kea6, leases::HEADER6, network.journal6, None),
        ] {
            let counts = Counts { sent: journal.len(), lost: 0 };
            let source = Source { realm, counts, ..Source::table(&dhcp.name, format, format!("{header}\n")) };
            self.source(source, journal);
        }
    }

    /// One gateway that logs.
    fn gateway(&mut self, gateway: &Gateway) -> Result<(), BuildError> {
        let dice = self.dice.fork(&gateway.name);
        let insides: Vec<Inside> = self
            .insides
            .iter()
            .filter(|(realm, _)| *realm == gateway.inside_realm)
            .map(|(_, inside)| inside.clone())
            .collect();
        let (made, way, format) = match gateway.log {
            Log::Conntrack => (
                gateway::connections(gateway, &insides, &mut dice.fork("made")),
                Way::NatSession,
                Format::Conntrack,
            ),
            log => {
                let format = if log == Log::Syslog { Format::NatSyslog } else { Format::NatExport };
                (gateway::blocks(gateway, &insides, &mut dice.fork("made")), Way::NatBlock, format)
            }
        };
        let times = (self.all.from, self.all.until);
        let logged = export::log(gateway, self.plan.delivery, &insides, &made, times, dice.fork("log"))?;
        for (translation, own) in made.iter().zip(&logged.proven) {
            let Some(inside) = insides.get(translation.inside) else { continue };
            self.tenures.push(Tenure {
                subscriber: inside.subscriber.clone(),
                realm: String::new(),
                prefix: translation.outside.into(),
                ports: Ports::Range(translation.ports),
                proto: translation.proto,
                remote: translation.remote,
                held: translation.held,
                proven: Span::new(own.from.max(inside.proven.from), own.until.min(inside.proven.until)),
                way,
                source: gateway.name.clone(),
            });
        }
        let source = Source {
            inside_realm: Some(gateway.inside_realm.clone()),
            address: Some(gateway.address),
            counts: logged.counts,
            ..Source::table(&gateway.name, format, String::new())
        };
        self.source(source, logged.out);
        Ok(())
    }

    /// What operators keep in tables.
    fn tables(&mut self, map_e: usize, fixed: usize) {
        let mut text = fixed::STATIC_HEADER.to_owned();
        let mut take = |yard: &mut Self, rows: Rows| {
            text.push_str(&rows.text);
            yard.tenures.extend(rows.tenures);
        };
        if let Some(map) = &self.plan.map_e {
            let subscribers: Vec<String> = (0..map_e).map(|_| self.contract("home", "", "", "")).collect();
            let rows = fixed::map_e(map, &subscribers, self.all, &mut self.dice.fork("map-e"));
            take(self, rows);
            self.sources.push(Source::table("map-e", Format::MapE, fixed::map_rule(map)));
        }
        if let Some(fixed) = &self.plan.fixed {
            let subscribers: Vec<String> =
                (0..self.plan.shares().fixed).map(|_| self.contract("business", "", "", "")).collect();
            let rows = fixed::lines(fixed, &subscribers, self.all);
            take(self, rows);
        }
        if map_e + fixed > 0 {
            self.sources.push(Source::table("contracts", Format::Static, text));
        }
        if let Some(rule) = &self.plan.deterministic {
            self.sources.push(Source::table(&rule.name, Format::CgnRules, fixed::cgn_rule(rule)));
        }
        if let Some(venue) = &self.plan.venue {
            let rows = fixed::stays(venue, self.all, self.plan.delivery.lost, self.dice.fork(&venue.name));
            let text = format!("{}{}", fixed::VENUE_HEADER, rows.text);
            self.tenures.extend(rows.tenures);
            self.sources.push(Source::table(&venue.name, Format::Venue, text));
        }
    }
}

impl Source {
    fn table(name: &str, format: Format, table: String) -> Self {
        Self {
            name: name.to_owned(),
            format,
            realm: None,
            inside_realm: None,
            address: None,
            table,
            counts: Counts::default(),
        }
    }
}

const DIRECTORY_HEADER: &str =
    "subscriber,class,login,circuit_id,duid,name,mail,contact_channel,identity_level,contract_from\n";
