//! One incident as a page of text: what, when, how strong, from where, at whom, why, how sure, on which ground.
//!
//! What is not known is `-` or `·`, never 0. What an incident has now is measured; of one that is over it is not told.

use jiff::Timestamp;
use tadoru_desk::settings::Language;
use tadoru_web::api::incidents::{Aim, AimedAt, IncidentTold, PortPart, Rates, Senders, Strength, WayInTold};
use tadoru_web::words::Lang;
use tadoru_web::words::fixed::word;

use super::words::{
    DIRECTIONS, SCOPES, STATES, SURENESS, THRESHOLDS, VERDICTS, Words, bits, duration, instant, packets,
    padded, percent, table_lines, width,
};
use crate::print;

/// The page, line by line.
pub(super) fn lines(words: &Words, told: &IncidentTold) -> Vec<String> {
    let mut page = Page { words, lines: Vec::new() };
    let what = told.vectors.first().map_or("-", |one| one.vector.as_str());
    page.lines.push(format!(
        "{} {}  {what}, {}, {}",
        words.say("事案", "incident"),
        told.id,
        words.word(STATES, &told.state),
        words.word(DIRECTIONS, &told.direction)
    ));
    page.lines.push(String::new());
    page.part("対象", "scope", [words.aim(&told.scope)]);
    page.part("時間", "time", [words.span(told)]);
    page.vectors(told);
    let peak = format!("{}, {}", words.rate(&told.peak.rate), words.time_utc(told.peak.at.as_deref()));
    page.part("最大", "peak", [peak]);
    page.part("現在", "now", words.now(told));
    page.part("計測", "measured", [words.sampling(told.sampling)]);
    page.part("しきい値", "threshold", [words.threshold(told)]);
    page.course(told);
    page.targets(&told.targets);
    page.sources(&told.sources);
    page.ways_in(&told.ingress);
    let to = format!("{} {}", words.say("宛先", "to"), ports(&told.dst_ports));
    page.part("ポート", "ports", [to, format!("{} {}", words.say("送信元", "from"), ports(&told.src_ports))]);
    page.besides(told);
    page.part("理由", "why", words.sentences(&told.why, &told.why_said));
    let because = words.sentence(&told.sure_because, &told.sure_because_said);
    page.part("確からしさ", "sure", [format!("{}: {because}", words.word(SURENESS, &told.sure))]);
    page.part("誤りの条件", "wrong if", words.sentences(&told.wrong_if, &told.wrong_if_said));
    page.lines.push(String::new());
    page.part(
        "根拠",
        "ground",
        [
            format!("{}: {}", told.rule, words.say(&told.text_ja, &told.text_en)),
            format!("{} {}", words.say("ジャーナル", "journal"), told.journal_index),
        ],
    );
    page.lines
}

struct Page<'w> {
    words: &'w Words,
    lines: Vec<String>,
}

impl Page<'_> {
    /// A part with its label before the first line; nothing where there is none.
    fn part(&mut self, ja: &str, en: &str, texts: impl IntoIterator<Item = String>) {
        let mut label = self.words.say(ja, en);
        for text in texts {
            self.lines.push(format!("{}{text}", padded(label, LABEL)).trim_end().to_owned());
            label = "";
        }
    }

    fn vectors(&mut self, told: &IncidentTold) {
        let longest = told.vectors.iter().map(|one| width(&one.vector)).max().unwrap_or_default();
        let words = self.words;
        let of = |one: &tadoru_web::api::incidents::IncidentVector| {
            format!(
                "{}  {} {}",
                padded(&one.vector, longest),
                words.say("最大", "peak"),
                words.rate(&one.peak)
            )
        };
        let texts: Vec<String> = told.vectors.iter().map(of).collect();
        self.part("手口", "vectors", texts);
    }

    /// The rate over time, with its scale.
    fn course(&mut self, told: &IncidentTold) {
        let by_bits = told.threshold.rate.packets_per_s <= 0.0 && told.threshold.rate.bits_per_s > 0.0;
        let of = |one: &Strength| if by_bits { one.rate.bits_per_s } else { one.rate.packets_per_s };
        let points: Vec<(i64, f64)> = told
            .history
            .iter()
            .filter_map(|one| Some((instant(one.at.as_deref())?.as_second(), of(one))))
            .collect();
        let Some((picture, step, most)) = spark(&points) else { return };
        let most = if by_bits { bits(most) } else { packets(most) + " packets/s" };
        let scale = match self.words.lang {
            Language::Ja => format!("一文字 {}、最も高いところ {most}、· は計測なし", duration(step)),
            Language::En => format!("{} a letter, highest {most}, · no figure", duration(step)),
        };
        self.part("推移", "course", [format!("|{picture}|  {scale}")]);
    }

    /// Each aim a lane on one time axis: a shift is a step.
    fn targets(&mut self, targets: &[AimedAt]) {
        let words = self.words;
        let ends = |one: &AimedAt| Some((instant(one.from.as_deref())?, instant(one.last.as_deref())?));
        let (from, last) = targets
            .iter()
            .filter_map(ends)
            .fold((Timestamp::MAX, Timestamp::MIN), |(from, last), (begun, ended)| {
                (from.min(begun), last.max(ended))
            });
        let shown: Vec<&AimedAt> = targets.iter().take(MOST_LANES).collect();
        let name = |one: &AimedAt| format!("{} {}", words.aim(&one.scope), one.vector);
        let longest = shown.iter().map(|one| width(&name(one))).max().unwrap_or_default();
        let mut texts: Vec<String> = shown
            .iter()
            .map(|one| {
                let lane = ends(one).map_or_else(String::new, |ends| lane(ends, (from, last)));
                let peak = words.rate(&one.peak);
                let when = words.lasted(one.from.as_deref(), one.last.as_deref());
                format!(
                    "{} |{lane}| {when}, {} {peak}",
                    padded(&name(one), longest),
                    words.say("最大", "peak")
                )
            })
            .collect();
        if targets.len() > shown.len() {
            let more = targets.len() - shown.len();
            texts.push(match words.lang {
                Language::Ja => format!("ほか {more} 件（--json で全部）"),
                Language::En => format!("and {more} more, see --json"),
            });
        }
        self.part("標的", "targets", texts);
    }

    fn sources(&mut self, sources: &Senders) {
        let words = self.words;
        let count = print::number(sources.count);
        let error = sources.error_percent;
        let mut texts = vec![match (words.lang, error > 0.0) {
            (Language::Ja, true) => {
                format!("約 {count} アドレス（±{error:.1} %）、エントロピー {:.2}", sources.entropy)
            }
            (Language::Ja, false) => format!("{count} アドレス、エントロピー {:.2}", sources.entropy),
            (Language::En, true) => {
                format!("about {count} addresses (± {error:.1} %), entropy {:.2}", sources.entropy)
            }
            (Language::En, false) => format!("{count} addresses, entropy {:.2}", sources.entropy),
        }];
        let lang = if words.lang == Language::Ja { Lang::Ja } else { Lang::En };
        let verdict = word(lang, VERDICTS, &sources.verdict);
        let impossible = percent(sources.impossible_share);
        texts.push(match words.lang {
            Language::Ja => format!("判定：{verdict}（流入箇所からあり得ない送信元 {impossible}）"),
            Language::En => format!("verdict: {verdict} ({impossible} cannot be where they came in)"),
        });
        let because = words.sentences(&sources.because, &sources.because_said);
        texts.extend(because.iter().map(|because| format!("- {because}")));
        texts.extend(sources.largest.iter().map(|one| format!("{}  {}", one.address, percent(one.share))));
        self.part("送信元", "sources", texts);
    }

    fn ways_in(&mut self, ways: &[WayInTold]) {
        if ways.is_empty() {
            return;
        }
        let words = self.words;
        let columns = [
            ("エクスポーター", "exporter"),
            ("インターフェース", "interface"),
            ("役割", "role"),
            ("隣接 AS", "neighbour"),
            (">割合", ">share"),
            ("", ""),
        ];
        let mut table = print::table(&columns.map(|(ja, en)| words.say(ja, en)));
        table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
        for way in ways {
            let interface = match (&way.name, way.interface) {
                (Some(name), index) => format!("{name} ({index})"),
                (None, 0) => words.say("不明", "not told").to_owned(),
                (None, index) => index.to_string(),
            };
            table.add_row([
                way.exporter.clone(),
                interface,
                way.role.clone().unwrap_or_else(|| "-".to_owned()),
                way.neighbour_as.map_or_else(|| "-".to_owned(), |number| format!("AS{number}")),
                percent(way.share),
                "#".repeat((way.share * BAR).round().clamp(0.0, BAR) as usize),
            ]);
        }
        let texts: Vec<String> = table_lines(&table).collect();
        self.part("流入元", "ingress", texts);
    }

    fn besides(&mut self, told: &IncidentTold) {
        let words = self.words;
        let texts: Vec<String> = told
            .collateral
            .iter()
            .map(|one| {
                let how = words.sentence(&one.how, &one.how_said);
                format!("{}  {}: {how}", words.aim(&one.scope), words.rate(&one.rate))
            })
            .collect();
        self.part("巻き添え", "besides", texts);
    }
}

impl Words {
    fn aim(&self, aim: &Aim) -> String {
        let kind = self.word(SCOPES, &aim.kind);
        if aim.kind == "network" { kind.to_owned() } else { format!("{kind} {}", aim.name) }
    }

    fn rate(&self, rate: &Rates) -> String {
        format!("{} packets/s, {}", packets(rate.packets_per_s), bits(rate.bits_per_s))
    }

    fn span(&self, told: &IncidentTold) -> String {
        let (start, last) = (told.start.as_deref(), told.last.as_deref());
        let (from, until, lasted) = (self.time_utc(start), self.time_utc(last), self.lasted(start, last));
        let open = if told.state == "ended" { "" } else { self.say("、継続中", ", going on") };
        match self.lang {
            Language::Ja => format!("{from} から {until} まで、{lasted}{open}"),
            Language::En => format!("{from} to {until}, {lasted}{open}"),
        }
    }

    /// What it has now and when that was measured; nothing of one that is over.
    fn now(&self, told: &IncidentTold) -> Option<String> {
        let rate = (told.state != "ended").then(|| self.rate(&told.now))?;
        let at = self.time_utc(told.now_at.as_deref());
        Some(match self.lang {
            Language::Ja => format!("{rate}（{at} 時点）"),
            Language::En => format!("{rate}, as of {at}"),
        })
    }

    fn sampling(&self, sampling: u32) -> String {
        let one_in = print::number(u64::from(sampling));
        match (self.lang, sampling) {
            (Language::Ja, 0 | 1) => "全パケットの計数".to_owned(),
            (Language::En, 0 | 1) => "every packet was counted".to_owned(),
            (Language::Ja, _) => format!("{one_in} パケットに 1 個の標本による推定"),
            (Language::En, _) => format!("estimated; sampling one packet in {one_in}"),
        }
    }

    /// The figures that were looked at, and where they come from.
    fn threshold(&self, told: &IncidentTold) -> String {
        let limit = &told.threshold;
        let figures = [
            (limit.rate.packets_per_s, packets(limit.rate.packets_per_s) + " packets/s"),
            (limit.rate.bits_per_s, bits(limit.rate.bits_per_s)),
            (limit.rate.flows_per_s, packets(limit.rate.flows_per_s) + " flows/s"),
        ];
        let looked_at = figures.into_iter().filter(|(figure, _)| *figure > 0.0).map(|(_, text)| text);
        let figures = looked_at.collect::<Vec<_>>().join(", ");
        let lang = if self.lang == Language::Ja { Lang::Ja } else { Lang::En };
        let from = word(lang, THRESHOLDS, &limit.from);
        let class = match (self.lang, limit.class.as_str()) {
            (_, "") => String::new(),
            (Language::Ja, class) => format!("、区分 {class}"),
            (Language::En, class) => format!(", class {class}"),
        };
        match self.lang {
            Language::Ja => format!("{figures}（{from}{class}）"),
            Language::En => format!("{figures} ({from}{class})"),
        }
    }
}

fn ports(ports: &[PortPart]) -> String {
    let told = ports.iter().map(|one| format!("{} ({})", one.port, percent(one.share)));
    let told = told.collect::<Vec<_>>().join(", ");
    if told.is_empty() { "-".to_owned() } else { told }
}

/// A picture of points (second, figure), the seconds that a letter stands for, and the highest figure. `None` where there
/// is nothing to be drawn.
pub(super) fn spark(points: &[(i64, f64)]) -> Option<(String, i64, f64)> {
    let (first, last) = (points.iter().map(|p| p.0).min()?, points.iter().map(|p| p.0).max()?);
    let most = points.iter().map(|p| p.1).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let step = (last.saturating_sub(first) / MOST_LETTERS + 1).max(STEP_S);
    let mut highest = vec![None::<f64>; ((last - first) / step + 1).clamp(1, MOST_LETTERS + 1) as usize];
    for (second, figure) in points {
        if let Some(place) = highest.get_mut(((second - first) / step) as usize) {
            *place = Some(place.unwrap_or(0.0).max(*figure));
        }
    }
    let letter = |figure: &Option<f64>| match figure {
        None => '·',
        Some(figure) => {
            let eighth = (figure / most * BARS.len() as f64).ceil().clamp(1.0, BARS.len() as f64) as usize;
            BARS.get(eighth - 1).copied().unwrap_or(' ')
        }
    };
    Some((highest.iter().map(letter).collect(), step, most))
}

/// Where a stretch lies in the whole, as a bar of [`LANE`] letters.
pub(super) fn lane((from, last): (Timestamp, Timestamp), (start, end): (Timestamp, Timestamp)) -> String {
    let whole = (end.as_microsecond() - start.as_microsecond()).max(1) as f64;
    let place = |at: Timestamp| {
        let part = (at.as_microsecond() - start.as_microsecond()) as f64 / whole;
        (part * LANE as f64).floor().clamp(0.0, LANE as f64 - 1.0) as usize
    };
    let (first, behind) = (place(from), place(last));
    (0..LANE).map(|column| if (first..=behind).contains(&column) { '█' } else { ' ' }).collect()
}

/// Columns of a label.
const LABEL: usize = 12;
/// Length of a bar that stands for everything.
const BAR: f64 = 20.0;
/// Letters of a lane.
const LANE: usize = 30;
/// Lanes that are shown.
const MOST_LANES: usize = 20;
/// Letters of a course at most.
const MOST_LETTERS: i64 = 60;
/// How often a course has a figure, seconds.
const STEP_S: i64 = 10;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
