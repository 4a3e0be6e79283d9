//! `tadoru incident trace`: where an incident's attack came in.

use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_web::api::ingress::{IngressAnswer, Traced, WayIn};
use tadoru_web::words::fixed::{PLACES, SURENESS, WAYS};
use tadoru_web::words::said::japanese;

use crate::cli::{Global, IncidentTrace};
use crate::commands::query;
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Follows an incident to its ingress.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, wanted: IncidentTrace) -> Result<ExitCode, CommandError> {
    let IncidentTrace { id, case } = wanted;
    let voice = Voice::of(global)?;
    let case = case.map(|case| format!("?case={}", query(&case))).unwrap_or_default();
    let answer: IngressAnswer = door.get(&format!("/v1/incidents/{}/ingress{case}", query(&id))).await?;
    if global.json {
        print::json(&answer);
    }
    match answer {
        IngressAnswer::Refused(refused) => {
            if !global.json {
                print::refusal(&refused.refusal, print::Facts::Found, voice.lang);
            }
            Ok(ExitCode::from(3))
        }
        IngressAnswer::Traced(traced) => {
            if !global.json {
                tell(&id, &traced, &voice);
            }
            // Nothing seen coming in is no answer to where it came in.
            let told = traced.ingress.iter().any(|way| way.how != "first-seen");
            Ok(if told { ExitCode::SUCCESS } else { ExitCode::from(4) })
        }
    }
}

fn tell(id: &str, traced: &Traced, voice: &Voice) {
    println!(
        "{} {id}{}{}",
        voice.say("事案", "incident"),
        voice.say("、", ", "),
        voice.span(traced.from.as_deref(), traced.until.as_deref())
    );
    let [packets, bytes, flows] =
        [traced.total.packets, traced.total.bytes, traced.total.flows].map(print::number);
    match voice.lang {
        Language::Ja => {
            println!("記録によれば {packets} パケット、{bytes} バイト、{flows} フロー。割合はパケットによる");
        }
        Language::En => {
            println!("{packets} packets, {bytes} bytes, {flows} flows by the records; shares are of packets");
        }
    }
    println!();
    if !traced.ingress.is_empty() {
        ways(traced, voice);
        println!();
        picture(traced, voice);
        println!();
    }
    let said = |text: &str| if voice.lang == Language::Ja { japanese(text) } else { text.to_owned() };
    println!("{}{}{}", voice.word(SURENESS, &traced.sure), voice.say("：", ": "), said(&traced.sure_because));
    for why in &traced.why {
        println!("  {}", said(why));
    }
    match voice.lang {
        Language::Ja => println!("ジャーナル {} 番、規則 {}", traced.journal_index, traced.rule),
        Language::En => println!("journal {} by {}", traced.journal_index, traced.rule),
    }
}

fn ways(traced: &Traced, voice: &Voice) {
    let mut table = print::table(voice.columns(
        &[
            "装置",
            "インターフェース",
            "役割",
            "隣接網",
            "見え方",
            ">割合",
            ">±",
            ">パケット",
            ">バイト",
            ">送信元",
            ">サンプリング",
            "開始",
            "最終",
        ],
        &[
            "exporter",
            "interface",
            "role",
            "neighbour",
            "how",
            ">share",
            ">+/-",
            ">packets",
            ">bytes",
            ">sources",
            ">sampling",
            "first",
            "last",
        ],
    ));
    for way in &traced.ingress {
        table.add_row([
            way.exporter.clone(),
            interface(way.interface, way.name.as_deref(), voice),
            way.role.as_deref().map_or("-", |role| voice.word(PLACES, role)).to_owned(),
            neighbour(way),
            voice.word(WAYS, &way.how).to_owned(),
            percent(way.share.packets),
            percent(way.margin),
            print::number(way.amount.packets),
            print::number(way.amount.bytes),
            print::number(way.sources),
            format!("1:{}", way.sampling),
            voice.time(way.from.as_deref()),
            voice.time(way.until.as_deref()),
        ]);
    }
    print::show(&table);
}

/// The ways in as paths from the neighbour to the exporter, with a bar for each share.
fn picture(traced: &Traced, voice: &Voice) {
    let mut lines: Vec<(String, f64)> = traced
        .ingress
        .iter()
        .map(|way| {
            let interface = interface(way.interface, way.name.as_deref(), voice);
            let place = match (way.how.as_str(), voice.lang) {
                ("behind", Language::Ja) => {
                    format!("{} かその先（この装置は足りるほど告げない）", way.exporter)
                }
                ("behind", Language::En) => format!("at or behind {}, which tells too little", way.exporter),
                ("first-seen", _) => {
                    format!("{} -> {interface} -> {}", voice.say("不明", "not known"), way.exporter)
                }
                _ => {
                    let from = match (way.neighbour_as, way.role.as_deref()) {
                        (Some(_), _) => neighbour(way),
                        (None, Some("customer")) => voice.say("顧客", "customer").to_owned(),
                        _ => voice.say("他の網", "another network").to_owned(),
                    };
                    format!("{from} -> {interface} -> {}", way.exporter)
                }
            };
            (place, way.share.packets)
        })
        .collect();
    lines.push((voice.say("行方不明", "unaccounted for").to_owned(), traced.unaccounted.packets));
    let width = lines.iter().map(|(place, _)| columns(place)).max().unwrap_or_default();
    for (place, share) in lines {
        let bar = "#".repeat((share * BAR).round().clamp(0.0, BAR) as usize);
        let gap = " ".repeat(width - columns(&place));
        println!("{}", format!("{place}{gap}  {:>7}  {bar}", percent(share)).trim_end());
    }
}

/// How wide a text stands in a terminal.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

fn interface(index: Option<u32>, name: Option<&str>, voice: &Voice) -> String {
    match (index, name) {
        (None, _) => "-".to_owned(),
        (Some(index), Some(name)) => format!("{name} ({index})"),
        (Some(0), None) => voice.say("申告なし", "not told").to_owned(),
        (Some(index), None) => index.to_string(),
    }
}

fn neighbour(way: &WayIn) -> String {
    way.neighbour_as.map_or_else(|| "-".to_owned(), |number| format!("AS{number}"))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Length of a bar that stands for everything.
const BAR: f64 = 40.0;
