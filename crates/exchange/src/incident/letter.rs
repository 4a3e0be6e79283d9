//! The letter on top of a pack: what a person reads first, in Japanese and in English.

use std::fmt::Write as _;

use tadoru_model::finding::{Finding, Rate, Vector};

use super::{ForNeighbour, Japanese, Records, word};
use crate::pack::Document;

/// To the victim.
pub(super) fn victim(finding: &Finding, records: &Records, say: Japanese) -> Document {
    let mut text = String::from(
        "貴方宛ての攻撃とみられる通信の記録をお渡しします。ご自身の通信の記録に限ります。\n\
         These are records of communications that were sent to you and look like an attack: your own, and no others.\n\n",
    );
    figures(&mut text, finding, say);
    evidence(&mut text, records);
    spoofing(&mut text, finding, say);
    checked(text)
}

/// To the neighbour.
pub(super) fn neighbour(told: &ForNeighbour) -> Document {
    let mut text = String::from(
        "貴網から当網への攻撃とみられる通信についてお知らせします。被害者の同意を得ています。\n\
         This tells of traffic that looks like an attack and came in from your network. The victim has consented.\n\
         受領のご確認をお願いします。 Please acknowledge.\n\n",
    );
    line(&mut text, "時刻 / time", &format!("{} – {}", told.time.from, told.time.until));
    line(&mut text, "種類 / kind", &told.attack_type.join(", "));
    line(&mut text, "量 / volume", &volume(told.volume.peak));
    line(&mut text, "貴網の割合 / your share", &percent(told.volume.share_through_you));
    for interface in &told.ingress_interfaces {
        let of = format!("{} #{} ({})", interface.router, interface.interface, percent(interface.share));
        line(&mut text, "流入点 / ingress", &of);
    }
    for prefix in &told.victim_prefixes {
        line(&mut text, "被害側 / victim", &prefix.to_string());
    }
    checked(text)
}

/// To the certified association.
pub(super) fn association(finding: &Finding, records: &Records, say: Japanese) -> Document {
    let mut text = String::from(
        "電気通信事業法第116条の2に基づく認定協会に、攻撃の証拠として通信履歴を提供します。\n\
         Communications history as evidence of an attack, for the association certified under article 116-2 of the\n\
         Telecommunications Business Act.\n\n",
    );
    figures(&mut text, finding, say);
    evidence(&mut text, records);
    spoofing(&mut text, finding, say);
    checked(text)
}

fn figures(text: &mut String, finding: &Finding, say: Japanese) {
    line(text, "番号 / incident", &finding.id.to_string());
    line(text, "時刻 / time", &format!("{} – {}", finding.start, finding.last));
    line(text, "種類 / kind", &kinds(finding.vectors.iter().map(|v| v.vector)));
    line(text, "最大 / peak", &format!("{} ({})", volume(finding.peak.rate), finding.peak.at));
    let sampled = if finding.sampling > 1 {
        format!("1/{} から推定 / estimated from 1 in {}", finding.sampling, finding.sampling)
    } else {
        "全数 / every packet counted".to_owned()
    };
    line(text, "計数 / counting", &sampled);
    line(
        text,
        "確からしさ / sureness",
        &format!("{}: {}", word(&finding.sure), both(&finding.sure_because, say)),
    );
}

fn evidence(text: &mut String, records: &Records) {
    let count = records.flows.rows();
    let _ = match (count, records.cut) {
        (0, _) => writeln!(
            text,
            "records.csv   フロー記録は残っていません。この包みは証拠となる記録を含みません。\n              \
             No flow record of it is found: this pack holds no records as evidence."
        ),
        (_, true) => {
            writeln!(text, "records.csv   {count} 件の記録 / {count} records（一部 / a part of them）")
        }
        (_, false) => writeln!(text, "records.csv   {count} 件の記録 / {count} records"),
    };
}

fn spoofing(text: &mut String, finding: &Finding, say: Japanese) {
    let spoofing = &finding.sources.spoofing;
    text.push_str("\n送信元アドレスは記録のとおりであり、詐称の可能性があります。\n");
    text.push_str("Source addresses are as the packets say; they may be forged.\n");
    line(text, "判定 / verdict", &word(&spoofing.verdict));
    for because in &spoofing.because {
        line(text, "", &both(because, say));
    }
}

/// A sentence in both languages.
fn both(english: &str, say: Japanese) -> String {
    say(english).map_or_else(|| english.to_owned(), |japanese| format!("{japanese} / {english}"))
}

fn kinds(vectors: impl Iterator<Item = Vector>) -> String {
    vectors.map(|vector| vector.to_string()).collect::<Vec<_>>().join(", ")
}

fn volume(rate: Rate) -> String {
    format!("{:.0} packet/s, {:.1} Mbit/s", rate.packets_per_s, rate.bits_per_s / 1e6)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name}: {value}");
}

fn checked(mut text: String) -> Document {
    text.push_str("\nsha256sum --check SHA256SUMS\n");
    Document { name: "letter.txt", media_type: "text/plain; charset=utf-8", octets: text.into_bytes() }
}
