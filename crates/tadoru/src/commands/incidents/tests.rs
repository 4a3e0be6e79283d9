//! How incidents are shown: in both languages, every part of one, and pictures that do not lie.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_web::api::incidents::{IncidentTold, Sentence};

use super::words::{bits, duration, packets, padded, width};
use super::*;

fn words(lang: Language) -> Words {
    Words { lang, zone: TimeZone::get("Asia/Tokyo").unwrap() }
}

const WHY: [&str; 1] = ["TCP flags that no stack sends"];
const BECAUSE: &str = "the target answers hardly any of it";

fn said(texts: &[&str]) -> Vec<Sentence> {
    texts.iter().map(|text| Sentence::of(text)).collect()
}

/// An attack that moved from one address to the next, as the desk tells it.
fn told() -> IncidentTold {
    let rates = |packets: f64| serde_json::json!({"packets_per_s": packets, "bits_per_s": packets * 8000.0, "flows_per_s": 10.0});
    let with = |packets: f64, more: serde_json::Value| {
        let mut all = rates(packets);
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let host = |name: &str| serde_json::json!({"kind": "host", "name": name});
    let at = |seconds: u32| format!("2026-11-21T01:{:02}:{:02}Z", 10 + seconds / 60, seconds % 60);
    let told = serde_json::json!({
        "outcome": "told", "id": "00000000000005ab", "state": "moved",
        "at": at(252), "start": at(0), "last": at(252), "direction": "incoming",
        "scope": host("198.51.100.5"),
        "vectors": [
            {"vector": "amplification-dns", "peak": rates(1_234_567.0)},
            {"vector": "udp", "peak": rates(1000.0)},
        ],
        "peak": with(1_234_567.0, serde_json::json!({"at": at(60)})),
        "now": rates(900_000.0), "now_at": at(250),
        "threshold": with(500.0, serde_json::json!({"bits_per_s": 0.0, "flows_per_s": 0.0, "from": "configured", "class": "cgn"})),
        "sampling": 1000,
        "sources": {
            "count": 20_000, "error_percent": 1.6, "entropy": 0.97,
            "largest": [{"address": "203.0.113.4", "share": 0.02}],
            "verdict": "impossible-here", "impossible_share": 0.1, "because": ["97.0 % came in where they may"],
            "because_said": said(&["97.0 % came in where they may"]),
        },
        "ingress": [{"exporter": "192.0.2.1", "interface": 3, "name": "peer-a", "role": "edge", "neighbour_as": 64_500, "share": 0.75},
                    {"exporter": "192.0.2.2", "interface": 0, "name": null, "role": null, "neighbour_as": null, "share": 0.25}],
        "dst_ports": [{"port": 443, "share": 1.0}], "src_ports": [],
        "collateral": [{"scope": host("192.0.2.9"), "how": "a router gets the same kind of packets",
            "how_said": said(&["a router gets the same kind of packets"])[0], "rate": rates(10.0)}],
        "targets": [
            {"scope": host("198.51.100.4"), "vector": "amplification-dns", "from": at(0), "last": at(120), "peak": rates(1_234_567.0)},
            {"scope": host("198.51.100.5"), "vector": "amplification-dns", "from": at(130), "last": at(252), "peak": rates(900_000.0)},
        ],
        "why": WHY, "why_said": said(&WHY), "sure": "likely",
        "sure_because": BECAUSE, "sure_because_said": said(&[BECAUSE])[0],
        // A sentence of another version, which has no Japanese.
        "wrong_if": ["it was wanted"], "wrong_if_said": said(&["it was wanted"]),
        "history": [with(617_283.0, serde_json::json!({"at": at(0), "state": "opened", "ratio": 1234.6})),
                    with(1_234_567.0, serde_json::json!({"at": at(60), "state": "grew", "ratio": 2469.1}))],
        "rule": "JP-030.2", "text_ja": "日本語の文。", "text_en": "One sentence.",
        "until": at(300), "journal_index": 12,
    });
    serde_json::from_value(told).unwrap()
}

#[test]
fn a_page_tells_every_part_in_both_languages() {
    let english = page::lines(&words(Language::En), &told()).join("\n");
    for part in [
        "incident 00000000000005ab  amplification-dns, moved, incoming",
        "scope       host 198.51.100.5",
        "2026-11-21 10:10:00 +09:00 (01:10:00 UTC) to 2026-11-21 10:14:12 +09:00 (01:14:12 UTC), 4 m 12 s, going on",
        "vectors     amplification-dns  peak 1,234,567 packets/s, 9.9 Gbit/s",
        "            udp                peak 1,000 packets/s, 8.0 Mbit/s",
        "now         900,000 packets/s, 7.2 Gbit/s, as of 2026-11-21 10:14:10 +09:00 (01:14:10 UTC)",
        "measured    estimated; sampling one packet in 1,000",
        "threshold   500 packets/s (configured, class cgn)",
        "about 20,000 addresses (± 1.6 %), entropy 0.97",
        "verdict: impossible here (10.0 % cannot be where they came in)",
        "- 97.0 % came in where they may",
        "203.0.113.4  2.0 %",
        "peer-a (3)",
        "AS64500",
        "not told",
        "to 443 (100.0 %)",
        "from -",
        "host 192.0.2.9  10 packets/s, 80.0 kbit/s: a router gets the same kind of packets",
        "why         TCP flags that no stack sends",
        "sure        likely: the target answers hardly any of it",
        "wrong if    it was wanted",
        "ground      JP-030.2: One sentence.",
        "journal 12",
        "course      |▄·····█|  10 s a letter, highest 1,234,567 packets/s, · no figure",
    ] {
        assert!(english.contains(part), "{part}\n{english}");
    }
    let japanese = page::lines(&words(Language::Ja), &told()).join("\n");
    for part in [
        "事案 00000000000005ab  amplification-dns, 標的の移動, 流入",
        "対象        ホスト 198.51.100.5",
        "4 m 12 s、継続中",
        "判定：ここではあり得ない",
        "しきい値    500 packets/s（設定値、区分 cgn）",
        "根拠        JP-030.2: 日本語の文。",
        "現在        900,000 packets/s, 7.2 Gbit/s（2026-11-21 10:14:10 +09:00 (01:14:10 UTC) 時点）",
        "理由        正規の TCP 実装が送ることのないフラグの組み合わせ",
        "確からしさ  中程度: 対象はほとんど応答していない",
        "- 97.0 % は、経路表上あり得るインターフェースから流入している",
        "ルーターに同種のパケットが届いている",
        "誤りの条件  it was wanted",
    ] {
        assert!(japanese.contains(part), "{part}\n{japanese}");
    }
    for text in [english, japanese] {
        assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
    }
}

#[test]
fn what_is_over_has_no_present() {
    let ended = IncidentTold { state: "ended".to_owned(), ..told() };
    let page = page::lines(&words(Language::En), &ended).join("\n");
    assert!(!page.contains("now  ") && !page.contains("going on"), "{page}");
    assert!(page.contains("measured    estimated"), "{page}");
}

#[test]
fn a_shift_of_targets_is_a_step_on_one_axis() {
    let lines = page::lines(&words(Language::En), &told());
    let lanes: Vec<Vec<char>> = lines
        .iter()
        .filter(|line| line.contains("amplification-dns |"))
        .map(|line| line.split('|').nth(1).unwrap().chars().collect())
        .collect();
    assert_eq!(lanes.len(), 2, "{lines:#?}");
    assert_eq!(lanes[0].len(), lanes[1].len());
    let of = |lane: &[char]| {
        let marked = |c: &char| *c != ' ';
        (lane.iter().position(marked).unwrap(), lane.iter().rposition(marked).unwrap())
    };
    let (first, second) = (of(&lanes[0]), of(&lanes[1]));
    assert!(first.0 == 0 && first.1 < second.0 && second.1 == lanes[1].len() - 1, "{first:?} {second:?}");
}

#[test]
fn a_picture_of_a_rate_keeps_its_peak_and_shows_gaps() {
    assert_eq!(page::spark(&[]), None);
    assert_eq!(page::spark(&[(0, 0.0)]), None);
    assert_eq!(page::spark(&[(7, 3.0)]), Some(("█".to_owned(), 10, 3.0)));
    assert_eq!(page::spark(&[(0, 1.0), (10, 8.0), (30, 0.0)]), Some(("▁█·▁".to_owned(), 10, 8.0)));
    let day: Vec<(i64, f64)> = (0..8640).map(|n| (n * 10, if n == 4321 { 9.0 } else { 1.0 })).collect();
    let (picture, step, most) = page::spark(&day).unwrap();
    assert!(picture.chars().count() <= 61 && step >= 1440 && most == 9.0, "{picture} {step}");
    assert_eq!(picture.chars().filter(|c| *c == '█').count(), 1);
    assert!(page::spark(&[(i64::MIN / 2, 1.0), (i64::MAX / 2, 1.0)]).is_some());
}

#[test]
fn figures_are_read_as_they_are_written() {
    assert_eq!(
        [0, 1, 60, 252, 3600, 90_061, -5].map(duration),
        ["0 s", "1 s", "1 m", "4 m 12 s", "1 h", "1 d 1 h 1 m 1 s", "0 s"]
    );
    assert_eq!(
        [0.0, 999.0, 999.96, 1e6, 8.25e9, 3e12, 5e15].map(bits),
        ["0 bit/s", "999 bit/s", "1.0 kbit/s", "1.0 Mbit/s", "8.2 Gbit/s", "3.0 Tbit/s", "5000.0 Tbit/s"]
    );
    assert_eq!(packets(1_234_567.4), "1,234,567");
    assert_eq!((width("標的ab"), padded("標的", 6)), (6, "標的  ".to_owned()));
    let empty = IncidentList {
        outcome: "listed".to_owned(),
        incidents: vec![],
        of: 0,
        rule: "JP-005".to_owned(),
        journal_index: 3,
    };
    let lines = listed(&words(Language::En), &empty);
    assert!(
        lines[0].contains("[detection]") && lines[1] == "0 of 0 incidents, by JP-005; journal 3",
        "{lines:?}"
    );
    assert_eq!(listed(&words(Language::Ja), &empty)[1], "0 件中 0 件。JP-005 による。ジャーナル 3");
}

#[test]
fn a_list_is_aligned_and_never_cut() {
    let line = serde_json::json!({
        "id": "00000000000005ab", "state": "ended", "vector": "syn", "direction": "incoming", "scope": "prefix",
        "at": "2026-11-21T01:10:09Z", "start": "2026-11-21T01:10:00Z", "last": "2026-11-21T01:10:09Z",
        "peak": {"packets_per_s": 15_000.0, "bits_per_s": 4.8e6, "flows_per_s": 1.0},
        "now": {"packets_per_s": 0.0, "bits_per_s": 0.0, "flows_per_s": 0.0},
        "sure": "sure", "target": "198.51.100.0/24"
    });
    let list: IncidentList = serde_json::from_value(serde_json::json!({
        "outcome": "listed", "incidents": [line], "of": 1, "rule": "JP-005", "journal_index": 3
    }))
    .unwrap();
    for (lang, state) in [(Language::En, "ended"), (Language::Ja, "終結")] {
        let lines = listed(&words(lang), &list);
        assert_eq!(lines.len(), 4, "{lines:#?}");
        for part in [
            "00000000000005ab",
            state,
            "198.51.100.0/24",
            "2026-11-21 10:10:00 +09:00",
            "9 s",
            "15,000",
            "4.8 Mbit/s",
        ] {
            assert!(lines[1].contains(part), "{part} in {lines:#?}");
        }
    }
}
