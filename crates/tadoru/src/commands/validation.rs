//! `tadoru validation`: which interfaces let in sources that cannot be there.

use std::process::ExitCode;

use tadoru_web::api::validation::{Validation, ValidationAnswer};
use tadoru_web::words::fixed::PLACES;

use crate::cli::{Global, ValidationReport};
use crate::commands::flows::tell_ground;
use crate::commands::query;
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Asks for the report.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door, wanted: ValidationReport) -> Result<ExitCode, CommandError> {
    let ValidationReport { since, until } = wanted;
    let voice = Voice::of(global)?;
    let ends = [("since", since), ("until", until)];
    let ends: Vec<String> = ends
        .into_iter()
        .filter_map(|(name, text)| text.map(|text| format!("{name}={}", query(&text))))
        .collect();
    let answer: ValidationAnswer = door.get(&format!("/v1/validation?{}", ends.join("&"))).await?;
    if global.json {
        print::json(&answer);
    }
    match answer {
        ValidationAnswer::Refused(refused) => {
            if !global.json {
                print::refusal(&refused.refusal, print::Facts::Found, voice.lang);
            }
            Ok(ExitCode::from(3))
        }
        ValidationAnswer::Told(report) => {
            if !global.json {
                tell(&report, &voice);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn tell(report: &Validation, voice: &Voice) {
    if report.interfaces.is_empty() {
        println!("{}", voice.say("その時刻のフローの記録はない", "no flow of that time is on record"));
    } else {
        let mut table = print::table(voice.columns(
            &[
                "装置",
                "インターフェース",
                "役割",
                ">パケット",
                ">有効",
                ">ボゴン",
                ">外からの自網",
                ">不正",
                ">判断不能",
                ">あり得ないフロー",
            ],
            &[
                "exporter",
                "interface",
                "role",
                ">packets",
                ">valid",
                ">bogon",
                ">own from outside",
                ">wrong",
                ">unverifiable",
                ">impossible flows",
            ],
        ));
        for one in &report.interfaces {
            let untold = || voice.say("申告なし", "not told").to_owned();
            table.add_row([
                one.exporter.clone(),
                one.name
                    .as_ref()
                    .map_or_else(|| one.interface.to_string(), |name| format!("{name} ({})", one.interface)),
                one.role.as_deref().map_or_else(untold, |role| voice.word(PLACES, role).to_owned()),
                print::number(one.packets),
                print::number(one.valid),
                print::number(one.bogon),
                print::number(one.own_from_outside),
                print::number(one.wrong),
                print::number(one.unverifiable),
                print::number(one.impossible_flows),
            ]);
        }
        print::show(&table);
        println!(
            "{}",
            voice.say(
                "パケットはサンプリングを掛けた推定。あり得ないフローが一つ二つなら偶然、多ければ検証がされていない",
                "packets are scaled by sampling; one or two impossible flows are an accident, many are no validation"
            )
        );
    }
    if !report.told {
        println!(
            "{}",
            voice.say(
                "自社のプレフィックスとインターフェースが与えられていない。誰も使わないアドレスだけを「あり得ない」とする",
                "own prefixes and interfaces were not told: only addresses that nobody has are called impossible"
            )
        );
        println!(
            "{}",
            voice.say(
                "`desk.own_prefixes` と `network.interfaces` の表に書く",
                "name them in `desk.own_prefixes` and in the table of `network.interfaces`"
            )
        );
    }
    tell_ground(report.journal_index, &report.rule, None, voice);
}
