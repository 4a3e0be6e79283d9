//! What is asked of the town: complaints about real tenures, and nasty ones, each with its true answer.
//!
//! The observer's clock is off by up to the stated skew, and times are told in milliseconds or whole seconds. What an
//! honest answer could know at best stands beside the truth.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::tz::{TimeZone, offset};
use serde::Deserialize;
use tadoru_model::{Prefix, Protocol, Remote, Span, UtcMicros};

use crate::dice::Dice;
use crate::plan::Plan;
use crate::truth::{Asked, Ports, Tenure, Truth, Way};

/// One question with its true answer.
#[derive(Debug, Clone)]
pub struct Question {
    /// The complainant's reference.
    pub reference: String,
    /// What makes it nasty.
    pub kind: Kind,
    /// The endpoint, as far as it is told.
    pub asked: Asked,
    /// When it was seen, by the observer's clock.
    pub told: UtcMicros,
    /// The unit of the told time's last digit, microseconds.
    pub resolution_us: i64,
    /// When it truly was.
    pub at: UtcMicros,
    /// Who it truly was; `None`: nobody held the endpoint.
    pub answer: Option<String>,
    /// Whether the records that arrived prove it, clocks and skew considered. `false` does not say that they do not.
    pub knowable: bool,
    /// By what the true holder held it.
    pub way: Option<Way>,
}

/// What makes a question nasty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Nothing.
    Plain,
    /// Seconds from the beginning or the end of a tenure, inside or outside of it.
    Edge,
    /// Nobody held the endpoint: it lay between two holders.
    Nobody,
    /// The gateway's log did not arrive.
    Outage,
    /// The port is not told.
    NoPort,
    /// The destination is not told although the gateway tells connections apart by it.
    NoDestination,
    /// The observer's clock is off by the whole stated skew.
    Skew,
    /// The time is an hour wrong: the true answer is who held the endpoint at the told time.
    WrongHour,
    /// The address is not the operator's.
    NotOurs,
}

impl Kind {
    /// The kind's name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Edge => "edge",
            Self::Nobody => "nobody",
            Self::Outage => "outage",
            Self::NoPort => "no-port",
            Self::NoDestination => "no-destination",
            Self::Skew => "skew",
            Self::WrongHour => "wrong-hour",
            Self::NotOurs => "not-ours",
        }
    }

    /// Every kind, with how many of a hundred questions are of it.
    pub const ALL: [(Self, usize); 9] = [
        (Self::Plain, 40),
        (Self::Edge, 15),
        (Self::Nobody, 10),
        (Self::Outage, 5),
        (Self::NoPort, 8),
        (Self::NoDestination, 5),
        (Self::Skew, 7),
        (Self::WrongHour, 8),
        (Self::NotOurs, 2),
    ];
}

impl Question {
    /// The told time as a complaint writes it: RFC 3339 in the operator's zone (+09:00).
    pub fn time(&self) -> String {
        let form =
            if self.resolution_us < 1_000_000 { "%Y-%m-%dT%H:%M:%S%.3f%:z" } else { "%Y-%m-%dT%H:%M:%S%:z" };
        match self.told.to_timestamp() {
            Some(at) => at.to_zoned(TimeZone::fixed(offset(9))).strftime(form).to_string(),
            None => self.told.to_string(),
        }
    }
}

/// Draws the plan's number of questions; fewer where the town has nothing to ask about.
pub(crate) fn draw(plan: &Plan, truth: &Truth, mut dice: Dice) -> Vec<Question> {
    let mut by_way: Vec<(Way, Vec<&Tenure>)> = Vec::new();
    for tenure in truth.tenures().iter().filter(|t| t.realm.is_empty() && !t.held.is_empty()) {
        match by_way.iter_mut().find(|(way, _)| *way == tenure.way) {
            Some((_, tenures)) => tenures.push(tenure),
            None => by_way.push((tenure.way, vec![tenure])),
        }
    }
    by_way.sort_by_key(|(way, _)| *way);
    let mut drawer = Drawer { plan, truth, by_way };
    let mut questions = Vec::with_capacity(plan.questions);
    for n in 0..plan.questions {
        let mut percent = n * 37 % 100;
        let kind = Kind::ALL.iter().find(|(_, share)| {
            let mine = percent < *share;
            percent = percent.saturating_sub(*share);
            mine
        });
        let kind = kind.map_or(Kind::Plain, |(kind, _)| *kind);
        let drawn = (0..TRIES).find_map(|_| drawer.one(kind, &mut dice));
        if let Some(question) = drawn {
            let reference = format!("q{:05}", questions.len() + 1);
            questions.push(Question { reference, ..question });
        }
    }
    questions
}

struct Drawer<'a> {
    plan: &'a Plan,
    truth: &'a Truth,
    by_way: Vec<(Way, Vec<&'a Tenure>)>,
}

impl Drawer<'_> {
    /// One question of a kind, or nothing where the dice fell badly.
    fn one(&mut self, kind: Kind, dice: &mut Dice) -> Option<Question> {
        let (begins, ends) = (self.plan.begins(), self.plan.ends());
        let tenure = self.tenure(kind, dice)?;
        let outage = self.outage(tenure);
        let within = match (kind, outage) {
            (Kind::Outage, Some(outage)) => {
                Span::new(tenure.held.from.max(outage.from), tenure.held.until.min(outage.until))
            }
            _ => tenure.held,
        };
        if within.is_empty() {
            return None;
        }
        let inside = UtcMicros(dice.between(within.from.0, within.until.0));
        let near = dice.between(0, 5_000_000);
        let at = match kind {
            Kind::Edge => match dice.below(4) {
                0 => tenure.held.from.plus(near),
                1 => tenure.held.from.plus(-near),
                2 => tenure.held.until.plus(-near),
                _ => tenure.held.until.plus(near),
            },
            Kind::Nobody => tenure.held.until.plus(dice.between(0, 90_000_000)),
            Kind::WrongHour => inside.plus(if dice.chance(0.5) { HOUR } else { -HOUR }),
            _ => inside,
        };
        if at < begins || at >= ends {
            return None;
        }
        let full = endpoint(tenure, kind, dice);
        let mut holders = self.truth.holders("", full, at);
        holders.dedup_by(|a, b| a.subscriber == b.subscriber);
        let (answer, way, proven) = match holders.as_slice() {
            [] => (None, None, Span::new(at, at)),
            [holder] => (Some(holder.subscriber.clone()), Some(holder.way), holder.proven),
            _ => return None,
        };
        let is_fitting = match kind {
            Kind::Nobody | Kind::NotOurs => answer.is_none(),
            Kind::Edge | Kind::WrongHour => true,
            _ => answer.is_some(),
        };
        if !is_fitting {
            return None;
        }
        let skew = self.plan.skew_us();
        let error = match kind {
            Kind::Skew => {
                if dice.chance(0.5) {
                    skew
                } else {
                    -skew
                }
            }
            _ => dice.between(-skew, skew + 1),
        };
        let resolution_us = if dice.chance(0.5) { 1_000 } else { 1_000_000 };
        let told = UtcMicros(at.plus(error).0.div_euclid(resolution_us) * resolution_us);
        let window = Span::new(at.plus(-2 * skew - 1_000_000), at.plus(2 * skew + 1_000_000));
        let mut asked = full;
        match kind {
            Kind::NoPort => asked.port = None,
            Kind::NoDestination => {
                asked.remote = None;
                // Where another holder of the port left no trace, nothing could tell that there was one.
                let others = self.truth.holding("", asked, window);
                let hidden =
                    others.iter().any(|o| Some(&o.subscriber) != answer.as_ref() && o.proven.is_empty());
                if hidden {
                    return None;
                }
            }
            _ => {}
        }
        let told_enough = asked.port == full.port && asked.remote == full.remote;
        let knowable = kind == Kind::NotOurs || (answer.is_some() && told_enough && proven.holds(window));
        Some(Question {
            reference: String::new(),
            kind,
            asked,
            told,
            resolution_us,
            at,
            answer,
            knowable,
            way,
        })
    }

    /// A tenure to ask about: every way of holding is asked about as often.
    fn tenure(&self, kind: Kind, dice: &mut Dice) -> Option<&Tenure> {
        let ways: Vec<&(Way, Vec<&Tenure>)> = self
            .by_way
            .iter()
            .filter(|(way, _)| match kind {
                Kind::NoPort => matches!(way, Way::NatBlock | Way::NatSession | Way::Rule | Way::MapE),
                Kind::NoDestination => *way == Way::NatSession,
                Kind::Outage => *way == Way::NatBlock,
                Kind::Nobody => !matches!(way, Way::MapE),
                _ => true,
            })
            .collect();
        let (_, tenures) = dice.pick(&ways)?;
        dice.pick(tenures).copied()
    }

    fn outage(&self, tenure: &Tenure) -> Option<Span> {
        let gateway = self.plan.gateway.iter().find(|g| g.name == tenure.source)?;
        let outage = gateway.outage?;
        let from = self.plan.begins().plus(i64::from(outage.from_min) * MINUTE);
        Some(Span::new(from, from.plus(i64::from(outage.minutes) * MINUTE)))
    }
}

/// An endpoint of a tenure, told in full.
fn endpoint(tenure: &Tenure, kind: Kind, dice: &mut Dice) -> Asked {
    if kind == Kind::NotOurs {
        let host = u8::try_from(dice.between(1, 255)).unwrap_or(1);
        let addr = IpAddr::from([198, 18, 7, host]);
        return Asked { addr, port: Some(443), proto: Protocol::TCP, remote: None };
    }
    let port = match tenure.ports {
        Ports::All => u16::try_from(dice.between(1024, 65_536)).unwrap_or(u16::MAX),
        ports => ports.nth(u16::try_from(dice.below(65_536)).unwrap_or(0)),
    };
    let observer = Remote { addr: IpAddr::from([198, 18, 0, 200]), port: Some(443) };
    Asked {
        addr: host_in(tenure.prefix, dice),
        port: Some(port),
        proto: if tenure.proto == Protocol::ANY { Protocol::TCP } else { tenure.proto },
        remote: tenure.remote.or_else(|| dice.chance(0.5).then_some(observer)),
    }
}

/// Some address of a prefix.
fn host_in(prefix: Prefix, dice: &mut Dice) -> IpAddr {
    match prefix.addr() {
        IpAddr::V4(base) => {
            let hosts = 1_u64.checked_shl(u32::from(32_u8.saturating_sub(prefix.len()))).unwrap_or(1);
            let host = u32::try_from(dice.roll() % hosts.max(1)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() | host))
        }
        IpAddr::V6(base) => {
            let below = u128::MAX.checked_shr(u32::from(prefix.len())).unwrap_or(0);
            let host = (u128::from(dice.roll()) << 64 | u128::from(dice.roll())) & below;
            IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() | host))
        }
    }
}

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
/// How often a question is drawn anew before it is left out.
const TRIES: usize = 400;
