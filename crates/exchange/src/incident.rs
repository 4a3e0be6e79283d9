//! What is told of an incident, and to whom: the victim, the neighbour from whose network it comes, the certified
//! association (4.F9, 4.F10).
//!
//! Each recipient has documents of its own, and they are made of different things: the victim gets the records of its
//! own communications (JP-089); the neighbour gets the five fields of JP-037 and no address at all; source addresses as
//! evidence go to the certified association only (JP-038). No document names a subscriber: a finding knows customers by
//! name, and the name stays here.

use std::net::IpAddr;

use serde::Serialize;
use tadoru_model::finding::{Finding, Ingress, Rate, Scope, Target, VectorRate};
use tadoru_model::{Prefix, UtcMicros};

use crate::pack::{Document, as_text, json};

mod letter;
mod records;

pub use records::Records;

/// Who gets a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipient {
    /// Who was attacked.
    Victim,
    /// The operator of the network by which it came in.
    Neighbour,
    /// The association that is certified to take communications history in.
    Association,
}

impl Recipient {
    /// Every recipient.
    pub const ALL: [Self; 3] = [Self::Victim, Self::Neighbour, Self::Association];

    /// Its name in commands and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Victim => "victim",
            Self::Neighbour => "neighbour",
            Self::Association => "association",
        }
    }
}

/// Says a sentence of a finding in Japanese; `None` where it is not known.
pub type Japanese = fn(&str) -> Option<String>;

/// For the victim at these addresses: what was sent at it, from whom as the packets say, and the records themselves. What
/// is of others is left out, whatever comes in.
pub fn for_victim(finding: &Finding, records: &Records, own: &[Prefix], say: Japanese) -> Vec<Document> {
    let records = records.of(own);
    let targets = finding.targets.iter().filter(|target| is_at(&target.scope, own)).map(Aim::of).collect();
    let told = Told { targets, ..Told::of(finding) };
    vec![json(INCIDENT, &told), letter::victim(finding, &records, say), records.document()]
}

/// For the neighbour from whose network it comes: time, kind, volume, its own ingress interfaces, and the prefixes of the
/// victim; nothing else (JP-037).
pub fn for_neighbour(finding: &Finding, neighbour_as: u32, victim: &[Prefix]) -> Vec<Document> {
    let ingress = || finding.ingress.iter().filter(move |ingress| ingress.neighbour_as == neighbour_as);
    let told = ForNeighbour {
        time: Time { from: finding.start, until: finding.last },
        attack_type: finding.vectors.iter().map(|v| v.vector.to_string()).collect(),
        volume: Volume { peak: finding.peak.rate, share_through_you: ingress().map(|i| i.share).sum() },
        ingress_interfaces: ingress().map(Interface::of).collect(),
        victim_prefixes: victim.iter().map(|prefix| network(*prefix)).collect(),
    };
    let letter = letter::neighbour(&told);
    vec![json(INCIDENT, &told), letter]
}

/// For the certified association: the attack with its source addresses, as evidence.
pub fn for_association(finding: &Finding, records: &Records, say: Japanese) -> Vec<Document> {
    let told = Told {
        targets: finding.targets.iter().map(Aim::of).collect(),
        ingress: finding.ingress.iter().map(Interface::of).collect(),
        ..Told::of(finding)
    };
    vec![json(INCIDENT, &told), letter::association(finding, records, say), records.document()]
}

/// The network of a victim as it is told to others: a /24 or a /48 at the narrowest.
pub fn network(prefix: Prefix) -> Prefix {
    let narrowest = if prefix.addr().is_ipv4() { 24 } else { 48 };
    Prefix::covering(prefix.addr(), prefix.len().min(narrowest)).unwrap_or(prefix)
}

// ---------------------------------------------------------------------------------------------- Documents

/// An incident as it is told to whom it concerns.
#[derive(Serialize)]
struct Told {
    id: String,
    attack_type: Vec<Kind>,
    #[serde(serialize_with = "as_text")]
    from: UtcMicros,
    #[serde(serialize_with = "as_text")]
    until: UtcMicros,
    is_over: bool,
    peak: Rate,
    #[serde(serialize_with = "as_text")]
    peak_at: UtcMicros,
    /// One packet in how many was looked at: the rates are scaled by it.
    sampling: u32,
    targets: Vec<Aim>,
    sources: Sent,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ingress: Vec<Interface>,
    sure: String,
    why: Vec<String>,
    wrong_if: Vec<String>,
}

/// The five fields of JP-037.
#[derive(Serialize)]
struct ForNeighbour {
    time: Time,
    attack_type: Vec<String>,
    volume: Volume,
    ingress_interfaces: Vec<Interface>,
    victim_prefixes: Vec<Prefix>,
}

#[derive(Serialize)]
struct Time {
    #[serde(serialize_with = "as_text")]
    from: UtcMicros,
    #[serde(serialize_with = "as_text")]
    until: UtcMicros,
}

#[derive(Serialize)]
struct Volume {
    peak: Rate,
    /// Part of it that came in by the interfaces named, 0 to 1.
    share_through_you: f64,
}

#[derive(Serialize)]
struct Kind {
    vector: String,
    peak: Rate,
}

#[derive(Serialize)]
struct Aim {
    /// An address or a prefix; a customer, an interface or the network is told by its kind only.
    target: String,
    #[serde(serialize_with = "as_text")]
    from: UtcMicros,
    #[serde(serialize_with = "as_text")]
    until: UtcMicros,
    peak: Rate,
}

#[derive(Serialize)]
struct Sent {
    /// Estimated number of source addresses.
    count: u64,
    spoofing: String,
    impossible_share: f64,
    because: Vec<String>,
}

#[derive(Serialize)]
struct Interface {
    router: IpAddr,
    interface: u32,
    neighbour_as: u32,
    share: f64,
}

impl Told {
    fn of(finding: &Finding) -> Self {
        Self {
            id: finding.id.to_string(),
            attack_type: finding.vectors.iter().map(Kind::of).collect(),
            from: finding.start,
            until: finding.last,
            is_over: finding.state == tadoru_model::FindingState::Ended,
            peak: finding.peak.rate,
            peak_at: finding.peak.at,
            sampling: finding.sampling,
            sure: word(&finding.sure),
            why: finding.why.clone(),
            wrong_if: finding.wrong_if.clone(),
            sources: Sent::of(finding),
            targets: Vec::new(),
            ingress: Vec::new(),
        }
    }
}

impl Kind {
    fn of(of: &VectorRate) -> Self {
        Self { vector: of.vector.to_string(), peak: of.peak }
    }
}

impl Aim {
    fn of(target: &Target) -> Self {
        let (from, until, peak) = (target.from, target.last, target.peak);
        Self { target: place(&target.scope), from, until, peak }
    }
}

impl Sent {
    fn of(finding: &Finding) -> Self {
        let spoofing = &finding.sources.spoofing;
        Self {
            count: finding.sources.count,
            spoofing: word(&spoofing.verdict),
            impossible_share: spoofing.impossible_share,
            because: spoofing.because.clone(),
        }
    }
}

impl Interface {
    fn of(ingress: &Ingress) -> Self {
        let Ingress { exporter, input, neighbour_as, share } = *ingress;
        Self { router: exporter, interface: input, neighbour_as, share }
    }
}

/// Whether a target lies at these addresses.
fn is_at(target: &Scope, own: &[Prefix]) -> bool {
    let target = match target {
        Scope::Host(addr) => Prefix::host(*addr),
        Scope::Prefix(prefix) => *prefix,
        _ => return false,
    };
    own.iter().any(|prefix| prefix.len() <= target.len() && prefix.contains(target.addr()))
}

fn place(scope: &Scope) -> String {
    match scope {
        Scope::Host(addr) => addr.to_string(),
        Scope::Prefix(prefix) => prefix.to_string(),
        Scope::Customer(_) => "customer".to_owned(),
        Scope::Interface { .. } => "interface".to_owned(),
        Scope::Network => "network".to_owned(),
    }
}

/// The word for a value that has one in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

const INCIDENT: &str = "incident.json";

#[cfg(test)]
mod tests;
