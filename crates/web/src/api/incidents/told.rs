//! One incident in full, as JSON: what the newest finding says of it, and its strength over time.

use serde::{Deserialize, Serialize};
use tadoru_desk::incidents::Said;
use tadoru_desk::{Network, incidents};
use tadoru_model::finding::{Collateral, Finding, Ingress, PortShare, Scope, Target};
use tadoru_model::flow::to_bits;
use tadoru_store::incidents::{Moment, ScopeKind};
use utoipa::ToSchema;

use super::super::ingress::{name, role};
use super::super::shape::rfc3339;
use super::{Rates, rates};

/// An incident in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentTold {
    /// `told`.
    pub outcome: String,
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// What happened last: `opened`, `grew`, `moved` or `ended`.
    pub state: String,
    /// When that was said, RFC 3339 in UTC.
    pub at: Option<String>,
    /// First second over the threshold.
    pub start: Option<String>,
    /// Last second that belonged to it.
    pub last: Option<String>,
    /// `incoming`, `outgoing`, `inside` or `passing`.
    pub direction: String,
    /// Where it is aimed at now; of a scan, who scans.
    pub scope: Aim,
    /// Every vector that went over its threshold, the strongest first.
    pub vectors: Vec<IncidentVector>,
    /// The highest second.
    pub peak: Peaked,
    /// The rate that was measured last.
    pub now: Rates,
    /// When that was.
    pub now_at: Option<String>,
    /// The threshold that it went over.
    pub threshold: Limit,
    /// The coarsest sampling that it rests on: one packet in how many.
    pub sampling: u32,
    /// Who sends.
    pub sources: Senders,
    /// Where it enters, the largest share first; `incident-ingress` follows it router by router.
    pub ingress: Vec<WayInTold>,
    /// Ports it is sent to, the largest share first; of ICMP, type x 256 + code.
    pub dst_ports: Vec<PortPart>,
    /// Ports it is sent from.
    pub src_ports: Vec<PortPart>,
    /// Who is hit besides.
    pub collateral: Vec<HitBesides>,
    /// Where it was aimed at over time, oldest first.
    pub targets: Vec<AimedAt>,
    /// Why it is suspected, one sentence each.
    pub why: Vec<String>,
    /// The same sentences by their codes.
    pub why_said: Vec<Sentence>,
    /// `low`, `likely` or `sure`.
    pub sure: String,
    /// What that rests on.
    pub sure_because: String,
    /// The same sentence by its code.
    pub sure_because_said: Sentence,
    /// What would make it wrong, one sentence each.
    pub wrong_if: Vec<String>,
    /// The same sentences by their codes.
    pub wrong_if_said: Vec<Sentence>,
    /// Its strength over time, oldest first; a long one is thinned out evenly.
    pub history: Vec<Strength>,
    /// The rule that permits it.
    pub rule: String,
    /// The rule's one sentence in Japanese.
    pub text_ja: String,
    /// The rule's one sentence in English.
    pub text_en: String,
    /// First instant at which the permit no longer holds.
    pub until: Option<String>,
    /// Where in the journal the permit stands.
    pub journal_index: u64,
}

/// Where something is aimed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Aim {
    /// `host`, `customer`, `prefix`, `interface` or `network`.
    pub kind: String,
    /// The address, the customer, the prefix, the exporter and the interface's index, or `network`.
    pub name: String,
}

/// One vector of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentVector {
    /// Which, such as `udp` or `amplification-dns`.
    pub vector: String,
    /// Its highest second.
    pub peak: Rates,
}

/// The highest second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Peaked {
    /// When.
    pub at: Option<String>,
    /// How much.
    #[serde(flatten)]
    pub rate: Rates,
}

/// What a rate was compared with. A figure of 0 was not looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Limit {
    /// The rate from which on it is suspected.
    #[serde(flatten)]
    pub rate: Rates,
    /// `configured`, `warming-up` (configured, because too little is learnt yet) or `learnt`.
    pub from: String,
    /// Class of the target, as configured; empty when none is.
    pub class: String,
}

/// Who sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Senders {
    /// Estimated number of source addresses.
    pub count: u64,
    /// Standard error of that estimate, in percent; 0 when they were counted.
    pub error_percent: f64,
    /// How evenly packets are spread over them: 0 one alone sends, 1 all send alike.
    pub entropy: f64,
    /// The largest of them.
    pub largest: Vec<Sender>,
    /// Whether the addresses can be believed: `plausible`, `impossible-here`, `randomised` or `unverifiable`.
    pub verdict: String,
    /// Part of the packets whose source cannot be where they came in, 0 to 1.
    pub impossible_share: f64,
    /// What the verdict rests on, one sentence each.
    pub because: Vec<String>,
    /// The same sentences by their codes.
    pub because_said: Vec<Sentence>,
}

/// A sentence of the detector: its code and figures, and its text in Japanese.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sentence {
    /// Its code, which stays when the words change; `null` for one of another version, which is not known here.
    pub code: Option<String>,
    /// Its figures, in the order of the English text.
    pub figures: Vec<String>,
    /// Its text in Japanese; in English where it is not known here.
    pub text_ja: String,
}

/// A sender's share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sender {
    /// Its address, as the packets say.
    pub address: String,
    /// Part of all packets, 0 to 1.
    pub share: f64,
}

/// A place where it enters the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WayInTold {
    /// The exporter that told of it.
    pub exporter: String,
    /// Index of the interface; 0 when not told.
    pub interface: u32,
    /// Name of the interface, where it was told.
    pub name: Option<String>,
    /// `edge`, `core` or `customer`, where it was told.
    pub role: Option<String>,
    /// Autonomous system of the neighbour, where it is known.
    pub neighbour_as: Option<u32>,
    /// Part of the packets, 0 to 1.
    pub share: f64,
}

/// A port's share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PortPart {
    /// The port.
    pub port: u16,
    /// Part of all packets, 0 to 1.
    pub share: f64,
}

/// Somebody who is hit besides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HitBesides {
    /// Who or what.
    pub scope: Aim,
    /// In what way.
    pub how: String,
    /// The same sentence by its code.
    pub how_said: Sentence,
    /// How much of the same vector it gets.
    pub rate: Rates,
}

/// One aim of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AimedAt {
    /// What was aimed at.
    pub scope: Aim,
    /// By which vector.
    pub vector: String,
    /// First second.
    pub from: Option<String>,
    /// Last second.
    pub last: Option<String>,
    /// Its highest second.
    pub peak: Rates,
}

/// How strong an incident was at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Strength {
    /// When.
    pub at: Option<String>,
    /// What was said then.
    pub state: String,
    /// Estimated real traffic.
    #[serde(flatten)]
    pub rate: Rates,
    /// How many times the threshold that was.
    pub ratio: f64,
}

impl IncidentTold {
    /// What the desk told, with the names of interfaces as the network's tables give them.
    pub(super) fn of(told: incidents::IncidentTold, network: &Network) -> Self {
        let incidents::IncidentTold { record, rule, until, journal_index } = told;
        let Finding {
            id,
            state,
            at,
            vector: _,
            vectors,
            scope,
            direction,
            start,
            last,
            peak,
            now,
            threshold,
            sampling,
            sources,
            ingress,
            collateral,
            targets,
            dst_ports,
            src_ports,
            why,
            sure,
            sure_because,
            wrong_if,
        } = record.newest;
        let vectors = vectors
            .iter()
            .map(|one| IncidentVector { vector: one.vector.to_string(), peak: rates(one.peak) });
        let largest = sources
            .largest
            .iter()
            .map(|one| Sender { address: one.addr.to_string(), share: part(one.share) });
        Self {
            outcome: "told".to_owned(),
            id: id.to_string(),
            state: word(&state),
            at: rfc3339(at),
            start: rfc3339(start),
            last: rfc3339(last),
            direction: word(&direction),
            scope: Aim::of(&scope),
            vectors: vectors.collect(),
            peak: Peaked { at: rfc3339(peak.at), rate: rates(peak.rate) },
            now: rates(now),
            now_at: rfc3339(record.history.last().map_or(at, |moment| moment.at)),
            threshold: Limit {
                rate: rates(threshold.rate),
                from: word(&threshold.from),
                class: threshold.class,
            },
            sampling,
            sources: Senders {
                count: sources.count,
                error_percent: sources.error_percent,
                entropy: part(sources.entropy),
                largest: largest.collect(),
                verdict: word(&sources.spoofing.verdict),
                impossible_share: part(sources.spoofing.impossible_share),
                because_said: said(&sources.spoofing.because),
                because: sources.spoofing.because,
            },
            ingress: ingress.iter().map(|one| way_in(one, network)).collect(),
            dst_ports: ports(&dst_ports),
            src_ports: ports(&src_ports),
            collateral: collateral.into_iter().map(besides).collect(),
            targets: targets.iter().map(aimed_at).collect(),
            why_said: said(&why),
            why,
            sure: word(&sure),
            sure_because_said: Sentence::of(&sure_because),
            sure_because,
            wrong_if_said: said(&wrong_if),
            wrong_if,
            history: record.history.iter().map(strength).collect(),
            rule: rule.id,
            text_ja: rule.text_ja,
            text_en: rule.text_en,
            until: rfc3339(until),
            journal_index,
        }
    }
}

impl Sentence {
    /// What a text of the detector says.
    pub fn of(text: &str) -> Self {
        match Said::read(text) {
            Some(said) => Self {
                code: Some(said.sentence.code().to_owned()),
                text_ja: said.japanese(),
                figures: said.figures,
            },
            None => Self { code: None, figures: Vec::new(), text_ja: text.to_owned() },
        }
    }
}

fn said(texts: &[String]) -> Vec<Sentence> {
    texts.iter().map(|text| Sentence::of(text)).collect()
}

impl Aim {
    fn of(scope: &Scope) -> Self {
        let name = match scope {
            Scope::Host(addr) => addr.to_string(),
            Scope::Customer(name) => name.clone(),
            Scope::Prefix(prefix) => prefix.to_string(),
            Scope::Interface { exporter, index } => format!("{exporter} {index}"),
            Scope::Network => "network".to_owned(),
        };
        Self { kind: ScopeKind::of(scope).as_str().to_owned(), name }
    }
}

fn way_in(one: &Ingress, network: &Network) -> WayInTold {
    let place = network.place(to_bits(one.exporter), one.input);
    let told = place.map(|place| place.neighbour_as);
    WayInTold {
        exporter: one.exporter.to_string(),
        interface: one.input,
        name: name(place),
        role: role(place),
        neighbour_as: Some(one.neighbour_as).filter(|number| *number != 0).or(told).filter(|n| *n != 0),
        share: part(one.share),
    }
}

fn besides(one: Collateral) -> HitBesides {
    HitBesides {
        scope: Aim::of(&one.scope),
        how_said: Sentence::of(&one.how),
        how: one.how,
        rate: rates(one.rate),
    }
}

fn aimed_at(one: &Target) -> AimedAt {
    AimedAt {
        scope: Aim::of(&one.scope),
        vector: one.vector.to_string(),
        from: rfc3339(one.from),
        last: rfc3339(one.last),
        peak: rates(one.peak),
    }
}

fn strength(moment: &Moment) -> Strength {
    Strength {
        at: rfc3339(moment.at),
        state: word(&moment.state),
        rate: rates(moment.rate),
        ratio: (moment.ratio * 1000.0).round() / 1000.0,
    }
}

fn ports(shares: &[PortShare]) -> Vec<PortPart> {
    shares.iter().map(|one| PortPart { port: one.port, share: part(one.share) }).collect()
}

/// A part to six places: what is behind them is noise.
fn part(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

/// The fixed word of a value, as its JSON has it.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
