//! An incident in full as its page shows it: charts with their figures, ways in, senders, targets over time.

use super::super::figures::{bits, packets, percent};
use super::super::picture::{Stretch, TimeLine, stretches};
use super::super::times::{local, seconds};
use super::course::{Course, OTHER};
use super::{InFull, number};
use crate::api::incidents::{Aim, IncidentTold, Rates, Sentence};
use crate::api::ingress::Traced;
use crate::console::Console;
use crate::words::fixed::word;
use crate::words::said::japanese;
use crate::words::{Lang, seen};

/// An incident in full.
pub struct Detail {
    pub(super) case: String,
    pub(super) aim: (String, String),
    pub(super) vectors: Vec<[String; 3]>,
    pub(super) peak: [String; 3],
    pub(super) threshold: String,
    pub(super) threshold_from: String,
    pub(super) sampling: String,
    pub(super) sure_because: String,
    pub(super) why: Vec<String>,
    pub(super) wrong_if: Vec<String>,
    pub(super) history: History,
    pub(super) course: Option<Figure>,
    pub(super) is_partial: bool,
    pub(super) is_once: bool,
    pub(super) ways: Vec<Way>,
    pub(super) traced: Option<Trail>,
    pub(super) senders: Senders,
    pub(super) ports: Vec<(&'static str, String, String)>,
    pub(super) collateral: Vec<[String; 4]>,
    pub(super) lanes: Option<TimeLine>,
    pub(super) targets: Vec<[String; 6]>,
    pub(super) rule: String,
    pub(super) rule_text: String,
    pub(super) until: String,
    pub(super) journal_index: u64,
    pub(super) zone: String,
}

/// What was estimated over time, against the threshold.
pub struct History {
    pub(super) limit: f64,
    /// Whether the threshold is in bits; else in packets.
    pub(super) in_bits: bool,
    pub(super) rows: Vec<Strength>,
}

/// How strong it was at one instant.
pub struct Strength {
    pub(super) t: i64,
    pub(super) at: String,
    pub(super) state: String,
    pub(super) packets: (f64, String),
    pub(super) bits: (f64, String),
    pub(super) ratio: String,
}

/// A chart by vector, with its figures.
pub struct Figure {
    pub(super) step_s: i64,
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Step>,
}

/// A step of a chart: the second of 1970, the same for people, and the figure of each vector, bare and for people.
pub type Step = (i64, String, Vec<(f64, String)>);

/// A way in.
pub struct Way {
    pub(super) exporter: String,
    pub(super) interface: String,
    pub(super) role: String,
    pub(super) neighbour: String,
    /// Of 1,000.
    pub(super) width: u32,
    pub(super) share: String,
    pub(super) margin: String,
    pub(super) how: String,
    pub(super) packets: String,
    pub(super) sources: String,
    pub(super) sampling: String,
}

/// Where it came in, as it was followed.
pub struct Trail {
    pub(super) unaccounted: (u32, String),
    pub(super) sure: String,
    pub(super) because: String,
    pub(super) why: Vec<String>,
    pub(super) rule: String,
    pub(super) journal_index: u64,
    pub(super) span: String,
    pub(super) passing: Vec<[String; 4]>,
}

/// Who sends.
pub struct Senders {
    pub(super) count: String,
    pub(super) entropy: String,
    pub(super) verdict: String,
    pub(super) impossible: String,
    pub(super) because: Vec<String>,
    pub(super) largest: Vec<(String, u32, String)>,
}

impl Detail {
    /// Of what was told.
    pub(super) fn of(console: &Console, lang: Lang, incident: &InFull) -> Self {
        let InFull { told, case, course, ingress } = incident;
        let (zone, w) = (&console.zone, lang.words());
        let ways = match ingress {
            Some(traced) => traced.ingress.iter().map(|way| Way::traced(lang, way)).collect(),
            None => told.ingress.iter().map(|way| Way::told(lang, way)).collect(),
        };
        let ports = told.dst_ports.iter().map(|port| (w.port_to, port.port.to_string(), percent(port.share)));
        let from =
            told.src_ports.iter().map(|port| (w.port_from, port.port.to_string(), percent(port.share)));
        let of = |aim: &Aim| (word(lang, seen::SCOPES, &aim.kind).to_owned(), aim_name(lang, aim));
        let target = |one: &crate::api::incidents::AimedAt| {
            let (kind, name) = of(&one.scope);
            let (from, last) = (local(one.from.as_deref(), zone), local(one.last.as_deref(), zone));
            [name, kind, one.vector.clone(), from, last, packets(one.peak.packets_per_s)]
        };
        let besides = |hit: &crate::api::incidents::HitBesides| {
            let (kind, name) = of(&hit.scope);
            [name, kind, said(lang, &hit.how, &hit.how_said), packets(hit.rate.packets_per_s)]
        };
        Self {
            case: case.clone(),
            aim: of(&told.scope),
            vectors: told.vectors.iter().map(|one| pair(&one.vector, one.peak)).collect(),
            peak: pair(&local(told.peak.at.as_deref(), zone), told.peak.rate),
            threshold: threshold(told),
            threshold_from: word(lang, seen::THRESHOLDS, &told.threshold.from).to_owned(),
            sampling: format!("1:{}", number(u64::from(told.sampling.max(1)))),
            sure_because: said(lang, &told.sure_because, &told.sure_because_said),
            why: all_said(lang, &told.why, &told.why_said),
            wrong_if: all_said(lang, &told.wrong_if, &told.wrong_if_said),
            history: History::of(console, lang, told),
            course: course
                .as_ref()
                .filter(|course| !course.steps.is_empty())
                .map(|course| Figure::of(lang, zone, course)),
            is_partial: course.as_ref().is_some_and(|course| course.is_partial),
            is_once: course.as_ref().is_some_and(|course| course.once),
            ways,
            traced: ingress.as_ref().map(|traced| Trail::of(console, lang, traced)),
            senders: Senders::of(lang, told),
            ports: ports.chain(from).collect(),
            collateral: told.collateral.iter().map(besides).collect(),
            lanes: lanes(console, lang, told),
            targets: told.targets.iter().map(target).collect(),
            rule: told.rule.clone(),
            rule_text: lang.of(&told.text_ja, &told.text_en).to_owned(),
            until: local(told.until.as_deref(), zone),
            journal_index: told.journal_index,
            zone: super::super::times::name(zone),
        }
    }
}

fn pair(name: &str, rate: Rates) -> [String; 3] {
    [name.to_owned(), packets(rate.packets_per_s), bits(rate.bits_per_s)]
}

fn aim_name(lang: Lang, aim: &Aim) -> String {
    if aim.kind == "network" { word(lang, seen::SCOPES, "network").to_owned() } else { aim.name.clone() }
}

/// The figures of the threshold that were looked at.
fn threshold(told: &IncidentTold) -> String {
    let rate = told.threshold.rate;
    let mut parts = Vec::new();
    if rate.packets_per_s > 0.0 {
        parts.push(format!("{} packets/s", packets(rate.packets_per_s)));
    }
    if rate.bits_per_s > 0.0 {
        parts.push(bits(rate.bits_per_s));
    }
    if rate.flows_per_s > 0.0 {
        parts.push(format!("{} flows/s", packets(rate.flows_per_s)));
    }
    if parts.is_empty() { "—".to_owned() } else { parts.join(" / ") }
}

impl History {
    fn of(console: &Console, lang: Lang, told: &IncidentTold) -> Self {
        let rate = told.threshold.rate;
        let in_bits = rate.packets_per_s <= 0.0 && rate.bits_per_s > 0.0;
        let rows = told.history.iter().filter_map(|one| {
            Some(Strength {
                t: seconds(one.at.as_deref()?)?.floor() as i64,
                at: local(one.at.as_deref(), &console.zone),
                state: word(lang, seen::STATES, &one.state).to_owned(),
                packets: (one.rate.packets_per_s, packets(one.rate.packets_per_s)),
                bits: (one.rate.bits_per_s, bits(one.rate.bits_per_s)),
                ratio: format!("{:.1}", one.ratio),
            })
        });
        Self {
            limit: if in_bits { rate.bits_per_s } else { rate.packets_per_s },
            in_bits,
            rows: rows.collect(),
        }
    }
}

impl Figure {
    fn of(lang: Lang, zone: &jiff::tz::TimeZone, course: &Course) -> Self {
        let name = |name: &String| if name == OTHER { lang.words().other.to_owned() } else { name.clone() };
        let row = |(at, rates): &(i64, Vec<f64>)| {
            let told = jiff::Timestamp::from_second(*at).ok().map(|at| at.to_string());
            (*at, local(told.as_deref(), zone), rates.iter().map(|rate| (*rate, packets(*rate))).collect())
        };
        Self {
            step_s: course.step_s,
            names: course.vectors.iter().map(name).collect(),
            rows: course.steps.iter().map(row).collect(),
        }
    }
}

impl Way {
    fn told(lang: Lang, way: &crate::api::incidents::WayInTold) -> Self {
        let interface = (way.interface != 0).then_some(way.interface);
        Self {
            exporter: way.exporter.clone(),
            interface: interface_of(interface, way.name.as_deref()),
            role: role_of(lang, way.role.as_deref()),
            neighbour: neighbour_of(way.neighbour_as),
            width: width(way.share),
            share: percent(way.share),
            margin: String::new(),
            how: String::new(),
            packets: String::new(),
            sources: String::new(),
            sampling: String::new(),
        }
    }

    fn traced(lang: Lang, way: &crate::api::ingress::WayIn) -> Self {
        Self {
            exporter: way.exporter.clone(),
            interface: interface_of(way.interface, way.name.as_deref()),
            role: role_of(lang, way.role.as_deref()),
            neighbour: neighbour_of(way.neighbour_as),
            width: width(way.share.packets),
            share: percent(way.share.packets),
            margin: format!("± {}", percent(way.margin)),
            how: word(lang, seen::HOW, &way.how).to_owned(),
            packets: number(way.amount.packets),
            sources: number(way.sources),
            sampling: format!("1:{}", number(u64::from(way.sampling.max(1)))),
        }
    }
}

fn interface_of(index: Option<u32>, name: Option<&str>) -> String {
    match (index, name) {
        (Some(index), Some(name)) => format!("{index} {name}"),
        (Some(index), None) => index.to_string(),
        (None, _) => "—".to_owned(),
    }
}

fn role_of(lang: Lang, role: Option<&str>) -> String {
    role.map_or_else(|| "—".to_owned(), |role| word(lang, seen::PLACES, role).to_owned())
}

fn neighbour_of(number: Option<u32>) -> String {
    number.map_or_else(|| "—".to_owned(), |number| format!("AS{number}"))
}

/// A share as a width of 1,000.
fn width(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u32
}

impl Trail {
    fn of(console: &Console, lang: Lang, traced: &Traced) -> Self {
        let passing = traced.passing.iter().take(MOST_PASSED).map(|one| {
            let interface = (one.interface != 0).then_some(one.interface);
            [
                one.exporter.clone(),
                interface_of(interface, one.name.as_deref()),
                role_of(lang, one.role.as_deref()),
                percent(one.share),
            ]
        });
        let (from, until) =
            (local(traced.from.as_deref(), &console.zone), local(traced.until.as_deref(), &console.zone));
        Self {
            unaccounted: (width(traced.unaccounted.packets), percent(traced.unaccounted.packets)),
            sure: word(lang, seen::SURENESS, &traced.sure).to_owned(),
            because: in_words(lang, &traced.sure_because),
            why: traced.why.iter().map(|text| in_words(lang, text)).collect(),
            rule: traced.rule.clone(),
            journal_index: traced.journal_index,
            span: format!("{from} – {until}"),
            passing: passing.collect(),
        }
    }
}

impl Senders {
    fn of(lang: Lang, told: &IncidentTold) -> Self {
        let senders = &told.sources;
        let count = number(senders.count);
        Self {
            count: if senders.error_percent > 0.0 {
                format!("{count} ± {:.1} %", senders.error_percent)
            } else {
                count
            },
            entropy: format!("{:.2}", senders.entropy),
            verdict: word(lang, seen::SPOOFING, &senders.verdict).to_owned(),
            impossible: percent(senders.impossible_share),
            because: all_said(lang, &senders.because, &senders.because_said),
            largest: senders
                .largest
                .iter()
                .map(|one| (one.address.clone(), width(one.share), percent(one.share)))
                .collect(),
        }
    }
}

/// A sentence of the detector's for people.
fn said(lang: Lang, english: &str, said: &Sentence) -> String {
    match lang {
        Lang::Ja => said.text_ja.clone(),
        Lang::En => english.to_owned(),
    }
}

/// What the desk says beside, for people.
fn in_words(lang: Lang, english: &str) -> String {
    match lang {
        Lang::Ja => japanese(english),
        Lang::En => english.to_owned(),
    }
}

fn all_said(lang: Lang, english: &[String], all: &[Sentence]) -> Vec<String> {
    english.iter().zip(all).map(|(english, one)| said(lang, english, one)).collect()
}

/// Targets over time: a lane each, in the order in which they were aimed at.
fn lanes(console: &Console, lang: Lang, told: &IncidentTold) -> Option<TimeLine> {
    let (start, last) = (seconds(told.start.as_deref()?)?, seconds(told.last.as_deref()?)?);
    let around = ((last - start) * 0.05).max(5.0);
    let stretch = |one: &crate::api::incidents::AimedAt| Stretch {
        lane: aim_name(lang, &one.scope),
        from: one.from.clone(),
        until: one.last.clone(),
        class: "certain",
        text: format!("{} {} packets/s", one.vector, packets(one.peak.packets_per_s)),
    };
    stretches(&console.zone, told.targets.iter().map(stretch), start - around, last + around)
}

/// Places inside the network that are shown.
const MOST_PASSED: usize = 50;
