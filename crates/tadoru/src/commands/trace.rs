//! `tadoru incident trace`: where an incident's attack came in.

use std::process::ExitCode;

use tadoru_web::api::ingress::{IngressAnswer, Traced, WayIn};

use crate::cli::{Global, IncidentTrace};
use crate::commands::query;
use crate::door::{CommandError, Door};
use crate::print;

/// Follows an incident to its ingress.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, wanted: IncidentTrace) -> Result<ExitCode, CommandError> {
    let IncidentTrace { id, case, lang } = wanted;
    let language = print::lang(global, lang.as_deref())?;
    let case = case.map(|case| format!("?case={}", query(&case))).unwrap_or_default();
    let answer: IngressAnswer = door.get(&format!("/v1/incidents/{}/ingress{case}", query(&id))).await?;
    if global.json {
        print::json(&answer);
    }
    match answer {
        IngressAnswer::Refused(refused) => {
            if !global.json {
                let refusal = &refused.refusal;
                println!("{}", print::of(language, &refusal.explanation_ja, &refusal.explanation_en));
            }
            Ok(ExitCode::from(3))
        }
        IngressAnswer::Traced(traced) => {
            if !global.json {
                tell(&id, &traced);
            }
            // Nothing seen coming in is no answer to where it came in.
            let told = traced.ingress.iter().any(|way| way.how != "first-seen");
            Ok(if told { ExitCode::SUCCESS } else { ExitCode::from(4) })
        }
    }
}

fn tell(id: &str, traced: &Traced) {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    println!("incident {id}, {} to {}", or_dash(&traced.from), or_dash(&traced.until));
    println!(
        "{} packets, {} bytes, {} flows by the records; shares are of packets",
        print::number(traced.total.packets),
        print::number(traced.total.bytes),
        print::number(traced.total.flows)
    );
    println!();
    if !traced.ingress.is_empty() {
        let mut table = print::table(&[
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
        ]);
        for way in &traced.ingress {
            table.add_row([
                way.exporter.clone(),
                interface(way.interface, way.name.as_deref()),
                or_dash(&way.role),
                neighbour(way),
                way.how.clone(),
                percent(way.share.packets),
                percent(way.margin),
                print::number(way.amount.packets),
                print::number(way.amount.bytes),
                print::number(way.sources),
                format!("1:{}", way.sampling),
                or_dash(&way.from),
                or_dash(&way.until),
            ]);
        }
        print::show(&table);
        println!();
        picture(traced);
        println!();
    }
    println!("{}: {}", traced.sure, traced.sure_because);
    for why in &traced.why {
        println!("  {why}");
    }
    println!("journal {} by {}", traced.journal_index, traced.rule);
}

/// The ways in as paths from the neighbour to the exporter, with a bar for each share.
fn picture(traced: &Traced) {
    let mut lines: Vec<(String, f64)> = traced
        .ingress
        .iter()
        .map(|way| {
            let place = match way.how.as_str() {
                "behind" => format!("at or behind {}, which tells too little", way.exporter),
                "first-seen" => {
                    let interface = interface(way.interface, way.name.as_deref());
                    format!("not known -> {interface} -> {}", way.exporter)
                }
                _ => {
                    let interface = interface(way.interface, way.name.as_deref());
                    let from = match (way.neighbour_as, way.role.as_deref()) {
                        (Some(_), _) => neighbour(way),
                        (None, Some("customer")) => "customer".to_owned(),
                        _ => "another network".to_owned(),
                    };
                    format!("{from} -> {interface} -> {}", way.exporter)
                }
            };
            (place, way.share.packets)
        })
        .collect();
    lines.push(("unaccounted for".to_owned(), traced.unaccounted.packets));
    let width = lines.iter().map(|(place, _)| place.chars().count()).max().unwrap_or_default();
    for (place, share) in lines {
        let bar = "#".repeat((share * BAR).round().clamp(0.0, BAR) as usize);
        println!("{}", format!("{place:width$}  {:>7}  {bar}", percent(share)).trim_end());
    }
}

fn interface(index: Option<u32>, name: Option<&str>) -> String {
    match (index, name) {
        (None, _) => "-".to_owned(),
        (Some(index), Some(name)) => format!("{name} ({index})"),
        (Some(0), None) => "not told".to_owned(),
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
