//! Sentences about flows: what was sampled, what was cut, what is wrong with a filter.

use std::path::Path;

use tadoru_desk::settings::Language;
use tadoru_store::filter::Reason;
use tadoru_web::api::flows::{FlowList, FlowRate, FlowSampling, FlowTable};

use crate::print;

/// Which of the records were sampled, and that nothing was multiplied by a rate; nothing where there are no records.
pub fn sampling(told: &FlowSampling, lang: Language) -> String {
    if told.records == 0 {
        return String::new();
    }
    let untold = told.rates.iter().all(|rate| rate.one_in == 0);
    if told.sampled == 0 {
        return match (lang, untold) {
            (Language::Ja, true) => "数値は記録のまま。サンプリング率を告げた記録はない\n",
            (Language::Ja, false) => "数値は記録のまま。サンプリングされた記録はない\n",
            (Language::En, true) => "figures are as recorded; no record tells a sampling rate\n",
            (Language::En, false) => "figures are as recorded; no record is sampled\n",
        }
        .to_owned();
    }
    let part = |rate: &FlowRate| {
        let (share, count) = (share(rate.records, told.records), print::number(rate.records));
        let by = rate.told_by.join(print::of(lang, "・", ", "));
        match (lang, rate.one_in, by.as_str()) {
            (Language::Ja, 0, _) => format!("率の申告なし {count} 件（{share}）"),
            (Language::Ja, 1, _) => format!("サンプリングなし {count} 件（{share}）"),
            (Language::Ja, rate, "") => format!("1:{rate} が {count} 件（{share}）"),
            (Language::Ja, rate, by) => format!("1:{rate} が {count} 件（{share}、率の出所 {by}）"),
            (Language::En, 0, _) => format!("rate not told {count} ({share})"),
            (Language::En, 1, _) => format!("not sampled {count} ({share})"),
            (Language::En, rate, "") => format!("1:{rate} {count} ({share})"),
            (Language::En, rate, by) => format!("1:{rate} {count} ({share}, rate told by {by})"),
        }
    };
    let mut most: Vec<&FlowRate> = told.rates.iter().collect();
    most.sort_by_key(|rate| std::cmp::Reverse(rate.records));
    let mut parts: Vec<String> = most.iter().take(MOST_RATES).map(|rate| part(rate)).collect();
    let others = most.iter().skip(MOST_RATES).map(|rate| rate.records).sum::<u64>();
    if others > 0 {
        let (share, count) = (share(others, told.records), print::number(others));
        parts.push(match lang {
            Language::Ja => format!("その他の率 {count} 件（{share}）"),
            Language::En => format!("other rates {count} ({share})"),
        });
    }
    let (all, parts) = (print::number(told.records), parts.join(print::of(lang, "、", ", ")));
    match lang {
        Language::Ja => {
            format!("数値は記録のままで、サンプリング率を掛けていない。記録 {all} 件のうち：{parts}\n")
        }
        Language::En => {
            format!("figures are as recorded, not multiplied by the sampling; of {all} records: {parts}\n")
        }
    }
}

/// A share to a tenth of a per cent; what is not nothing is not shown as nothing.
fn share(part: u64, of: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(of.max(1));
    match tenths {
        0 if part > 0 => "< 0.1 %".to_owned(),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// That a ranking holds as many keys as one may.
pub fn keys_cut(keys: u64, lang: Language) -> String {
    let keys = print::number(keys);
    match lang {
        Language::Ja => format!("{keys} 件で打ち切った。ほかにもあり得る。条件を絞ること"),
        Language::En => format!("cut at {keys} keys: there may be more; narrow the question"),
    }
}

/// How many flows are listed, of how many, and which were sampled.
pub fn listed(listed: &FlowList, lang: Language) -> String {
    let count = print::number(listed.flows.len() as u64);
    let told = match (&listed.of, lang) {
        (None, Language::Ja) => format!("{count} 件のフロー\n"),
        (None, Language::En) => format!("{count} flows\n"),
        (Some(of), _) => {
            let [flows, packets, bytes] = [of.flows, of.packets, of.bytes].map(print::number);
            match lang {
                Language::Ja => format!(
                    "{count} 件の記録を示し、打ち切った。該当は {flows} フロー、{packets} パケット、{bytes} バイト。\
                     どの記録を示すかは決まっていない\n"
                ),
                Language::En => format!(
                    "{count} records listed, cut: found were {flows} flows, {packets} packets, {bytes} bytes; which \
                     are listed is not said\n"
                ),
            }
        }
    };
    told + &sampling(&listed.sampling, lang)
}

/// How much a statement read and said.
pub fn said(said: &FlowTable, lang: Language) -> String {
    let read = print::number(said.read);
    let mut told = match lang {
        Language::Ja => format!("{read} 件のフローを読んだ\n"),
        Language::En => format!("{read} flows read\n"),
    };
    if said.partial {
        told += print::of(
            lang,
            "該当するフローは一つの文が読める数を超える。どの数値も一部についてのもの。条件を絞ること\n",
            "more flows were found than a statement reads: every figure is of a part; narrow the question\n",
        );
    }
    if said.cut {
        told += print::of(
            lang,
            "回答を打ち切った。ほかにも行がある\n",
            "the answer is cut: there were more rows\n",
        );
    }
    told + &sampling(&said.sampling, lang)
}

/// That flows were written to a file.
pub fn written(flows: u64, file: &Path, lang: Language) -> String {
    let (flows, file) = (print::number(flows), file.display());
    match lang {
        Language::Ja => format!("{flows} 件のフローを {file} に書いた"),
        Language::En => format!("{flows} flows written to {file}"),
    }
}

/// What is wrong with a filter.
pub fn wrong_filter(reason: Reason, lang: Language) -> String {
    if lang == Language::En {
        return format!("the filter is wrong: {reason}");
    }
    let why = match reason {
        Reason::Unexpected => "ここにこの語は書けない".to_owned(),
        Reason::Unfinished => "途中で終わっている".to_owned(),
        Reason::NotKept(field) => format!("この保存装置は `{field}` を持たない"),
        Reason::HostName => "ホスト名は引かない。アドレスを書くこと".to_owned(),
        Reason::TooLarge(most) => format!("数が大きすぎる（最大 {most}）"),
        Reason::PrefixLength => "プレフィックス長がアドレスより長い".to_owned(),
        Reason::Netmask => "ネットマスクがプレフィックスの形でない".to_owned(),
        Reason::TimeZone => "時刻には時差が要る。例 `2026-11-21T10:15:03+09:00`".to_owned(),
        Reason::Flags => "フラグは `UAPRSF` の文字か `X`".to_owned(),
        Reason::Include => "フィルタはファイルを読まない".to_owned(),
        Reason::TooDeep(most) => format!("括弧の入れ子が {most} 段を超える"),
        Reason::TooLong(most) => format!("フィルタが {most} バイトを超える"),
    };
    format!("フィルタが読めない：{why}")
}

/// Rates told apart in a sentence.
const MOST_RATES: usize = 4;
