//! Pictures in numbers: the chain of an answer, and time lines of candidates and sources. The templates draw them as SVG.
//!
//! What comes in: answers as the API has them. What goes out: places and texts on a board 1,000 wide. Gaps in evidence are
//! hatched, never drawn as nothing.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::times;
use crate::api::shape::{Candidate, Covered, Edge, Hop};
use crate::words::fixed::{self, word};
use crate::words::{Lang, Words};

/// The chain of one candidate: boxes from left to right.
pub struct Chain {
    /// The boxes.
    pub boxes: Vec<Node>,
    /// What it says, for those who do not see it.
    pub said: String,
}

/// One box of a chain.
pub struct Node {
    /// Its left side.
    pub x: u32,
    /// Its width.
    pub width: u32,
    /// Lines of text, each with its height.
    pub lines: Vec<Line>,
    /// Whether it is the sealed end.
    pub is_sealed: bool,
    /// Whether a line leads on from it.
    pub leads_on: bool,
}

/// A line of a box.
pub struct Line {
    /// Its base.
    pub y: u32,
    /// Its class: `kind`, `value` or `small`.
    pub class: &'static str,
    /// Its text.
    pub text: String,
}

/// Lanes over one scale of time.
pub struct TimeLine {
    /// Height of the whole.
    pub height: u32,
    /// Height of the part with lanes.
    pub floor: u32,
    /// Marks of the scale.
    pub ticks: Vec<Tick>,
    /// The lanes, from above.
    pub lanes: Vec<Lane>,
    /// Asked instants, with the band of the skew.
    pub asked: Vec<Asked>,
    /// First and last instant, for people.
    pub from: String,
    /// The end of the scale.
    pub until: String,
}

/// A mark of the scale.
pub struct Tick {
    /// Where.
    pub x: u32,
    /// The time of day.
    pub text: String,
}

/// A lane.
pub struct Lane {
    /// Its top.
    pub y: u32,
    /// The base of its text.
    pub base: u32,
    /// What it is of.
    pub text: String,
    /// What is in it.
    pub bars: Vec<Bar>,
}

/// A bar of a lane.
pub struct Bar {
    /// Its left side.
    pub x: u32,
    /// Its width, at least 2.
    pub width: u32,
    /// Its class: `certain`, `doubt`, `alive`, `lossy`, `dead`, `unknown`.
    pub class: &'static str,
    /// What it says.
    pub text: String,
}

/// An asked instant.
pub struct Asked {
    /// Where.
    pub x: u32,
    /// Left side of the band.
    pub left: u32,
    /// Width of the band.
    pub width: u32,
}

/// The chain of a candidate.
pub fn chain(lang: Lang, zone: &TimeZone, endpoint: &str, candidate: &Candidate) -> Chain {
    let w = lang.words();
    let mut texts: Vec<(Vec<(&'static str, String)>, bool)> = Vec::new();
    texts.push((vec![("kind", w.complaint.to_owned()), ("value", endpoint.to_owned())], false));
    for hop in candidate.path.iter().take(MOST_HOPS) {
        texts.push((hop_lines(lang, zone, hop), false));
    }
    let named = word(lang, fixed::NAMES, &candidate.named_by).to_owned();
    texts.push((
        vec![
            ("kind", named),
            ("value", candidate.subscriber.clone()),
            ("small", w.subscriber_sealed.to_owned()),
        ],
        true,
    ));
    let said: Vec<String> = texts
        .iter()
        .map(|(lines, _)| lines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" "))
        .collect();
    let count = u32::try_from(texts.len()).unwrap_or(1).max(1);
    let width = (WIDTH - GAP * (count - 1)) / count;
    let boxes = texts.into_iter().zip(0..).map(|((lines, is_sealed), place)| {
        let x = place * (width + GAP);
        Node { x, width, lines: wrapped(lines, width), is_sealed, leads_on: place + 1 < count }
    });
    Chain { boxes: boxes.collect(), said: said.join(" → ") }
}

/// The candidates and the sources over the time around what was asked.
pub fn time_line(
    lang: Lang,
    zone: &TimeZone,
    candidates: &[Candidate],
    coverage: &[Covered],
    asked: &[String],
    skew_ms: u64,
) -> Option<TimeLine> {
    let instants: Vec<f64> = asked.iter().filter_map(|at| times::seconds(at)).collect();
    let (first, last) = ends(&instants)?;
    // As wide as the candidates' own times are, within a day.
    let mut around = MIN_AROUND_S.max(skew_ms as f64 / 1000.0 * 2.0);
    for candidate in candidates.iter().take(MOST_LANES) {
        for edge in
            [&candidate.from, &candidate.until].into_iter().flatten().filter_map(|at| times::seconds(at))
        {
            let away = if edge < first { first - edge } else { (edge - last).max(0.0) };
            if away < MAX_AROUND_S {
                around = around.max(away * 1.15);
            }
        }
    }
    let scale = Scale { from: first - around, until: last + around };
    let mut lanes = Vec::new();
    for (place, candidate) in candidates.iter().take(MOST_LANES).enumerate() {
        let class = if candidate.certainty == "certain" { "certain" } else { "doubt" };
        let text = format!("{}. {}", place + 1, candidate.subscriber);
        let bar = scale.bar(candidate.from.as_deref(), candidate.until.as_deref(), class, String::new());
        lanes.push((text, bar.into_iter().collect()));
    }
    lanes.extend(source_lanes(lang, coverage, &scale));
    let skew = skew_ms as f64 / 1000.0;
    let asked = instants.iter().map(|at| {
        let (left, right) = (scale.x(at - skew), scale.x(at + skew));
        Asked { x: scale.x(*at), left, width: (right - left).max(1) }
    });
    Some(whole(lanes, asked.collect(), &scale, zone))
}

/// The sources over a span that ends now.
pub fn calendar(
    lang: Lang,
    zone: &TimeZone,
    coverage: &[Covered],
    now: Timestamp,
    span_s: f64,
) -> Option<TimeLine> {
    let until = now.as_second() as f64;
    let scale = Scale { from: until - span_s, until };
    let lanes = source_lanes(lang, coverage, &scale);
    (!lanes.is_empty()).then(|| whole(lanes, Vec::new(), &scale, zone))
}

/// A stretch of time in a lane.
pub struct Stretch {
    /// What the lane is of.
    pub lane: String,
    /// First instant.
    pub from: Option<String>,
    /// Last instant.
    pub until: Option<String>,
    /// Class of its bar.
    pub class: &'static str,
    /// What it says.
    pub text: String,
}

/// Stretches over one scale, those of one name in one lane.
pub fn stretches(
    zone: &TimeZone,
    all: impl Iterator<Item = Stretch>,
    from: f64,
    until: f64,
) -> Option<TimeLine> {
    let scale = Scale { from, until };
    let mut lanes: Vec<(String, Vec<Bar>)> = Vec::new();
    for one in all {
        let Some(bar) = scale.bar(one.from.as_deref(), one.until.as_deref(), one.class, one.text) else {
            continue;
        };
        let has_room = lanes.len() < MOST_LANES;
        match lanes.iter_mut().find(|(name, _)| *name == one.lane) {
            Some((_, bars)) => bars.push(bar),
            None if has_room => lanes.push((one.lane, vec![bar])),
            None => {}
        }
    }
    (!lanes.is_empty()).then(|| whole(lanes, Vec::new(), &scale, zone))
}

/// One lane a source and kind; what nothing is known of is hatched.
fn source_lanes(lang: Lang, coverage: &[Covered], scale: &Scale) -> Vec<(String, Vec<Bar>)> {
    let mut lanes: Vec<(String, Vec<Bar>)> = Vec::new();
    for covered in coverage {
        let kind = word(lang, fixed::KINDS, &covered.kind);
        let name = format!("{} · {kind}", covered.source);
        let (class, text) = match covered.state.as_str() {
            "alive" => ("alive", word(lang, fixed::COVERAGE, "alive")),
            "lossy" => ("lossy", word(lang, fixed::COVERAGE, "lossy")),
            _ => ("dead", word(lang, fixed::COVERAGE, "dead")),
        };
        let bar = scale.bar(covered.from.as_deref(), covered.until.as_deref(), class, text.to_owned());
        let known = lanes.iter().position(|(known, _)| *known == name);
        let place = match known {
            Some(place) => place,
            None if lanes.len() < MOST_LANES => {
                let w: &Words = lang.words();
                let whole = Bar { x: LEFT, width: WIDTH - LEFT, class: "unknown", text: w.no_log.to_owned() };
                lanes.push((name, vec![whole]));
                lanes.len() - 1
            }
            None => continue,
        };
        if let (Some(bar), Some((_, bars))) = (bar, lanes.get_mut(place)) {
            bars.push(bar);
        }
    }
    lanes
}

fn whole(lanes: Vec<(String, Vec<Bar>)>, asked: Vec<Asked>, scale: &Scale, zone: &TimeZone) -> TimeLine {
    let lanes: Vec<Lane> = lanes
        .into_iter()
        .zip(0u32..)
        .map(|((text, bars), place)| {
            let y = TOP + place * LANE;
            Lane { y, base: y + 14, text: shortened(&text, 30), bars }
        })
        .collect();
    let floor = TOP + u32::try_from(lanes.len()).unwrap_or_default() * LANE;
    let is_long = scale.until - scale.from > 2.0 * 86_400.0 - 1.0;
    let ticks = (0..=TICKS).filter_map(|place| {
        let at = scale.from + (scale.until - scale.from) * f64::from(place) / f64::from(TICKS);
        let instant = instant(at)?;
        let text = if is_long { times::to_the_minute(instant, zone) } else { times::of_day(instant, zone) };
        Some(Tick { x: scale.x(at), text })
    });
    let end = |at: f64| instant(at).map(|at| times::local(Some(&at.to_string()), zone)).unwrap_or_default();
    TimeLine {
        height: floor + 8,
        floor,
        ticks: ticks.collect(),
        lanes,
        asked,
        from: end(scale.from.floor()),
        until: end(scale.until.floor()),
    }
}

struct Scale {
    from: f64,
    until: f64,
}

impl Scale {
    fn x(&self, at: f64) -> u32 {
        let part = ((at - self.from) / (self.until - self.from)).clamp(0.0, 1.0);
        // Between 0 and the board's width by the clamp.
        LEFT + (part * f64::from(WIDTH - LEFT)).round() as u32
    }

    fn bar(&self, from: Option<&str>, until: Option<&str>, class: &'static str, text: String) -> Option<Bar> {
        let from = from.and_then(times::seconds).unwrap_or(f64::MIN);
        let until = until.and_then(times::seconds).unwrap_or(f64::MAX);
        if until <= self.from || from >= self.until {
            return None;
        }
        let (x, right) = (self.x(from.max(self.from)), self.x(until.min(self.until)));
        Some(Bar { x, width: right.saturating_sub(x).max(2), class, text })
    }
}

fn hop_lines(lang: Lang, zone: &TimeZone, hop: &Hop) -> Vec<(&'static str, String)> {
    let ports = hop.ports.map(|ports| {
        if ports.low == ports.high {
            format!(":{}", ports.low)
        } else {
            format!(" :{}–{}", ports.low, ports.high)
        }
    });
    let prefix = hop.prefix.strip_suffix("/32").or_else(|| hop.prefix.strip_suffix("/128"));
    let value = format!("{}{}", prefix.unwrap_or(&hop.prefix), ports.unwrap_or_default());
    let span = format!("{} – {}", edge(&hop.from, zone), edge(&hop.until, zone));
    vec![
        ("kind", word(lang, fixed::KINDS, &hop.kind).to_owned()),
        ("value", value),
        ("small", span),
        ("small", format!("{} #{}", hop.source, hop.record)),
    ]
}

fn edge(edge: &Edge, zone: &TimeZone) -> String {
    let at = edge.earliest.as_deref().or(edge.latest.as_deref()).and_then(times::read);
    at.filter(|_| edge.how != "open").map_or_else(|| "…".to_owned(), |at| times::of_day(at, zone))
}

/// Texts in lines that fit into a box, each with its place.
fn wrapped(texts: Vec<(&'static str, String)>, width: u32) -> Vec<Line> {
    let (mut lines, mut y) = (Vec::new(), 4);
    for (class, text) in texts {
        let of_one = if class == "value" { 8 } else { 7 };
        let most = usize::try_from(width.saturating_sub(16) / of_one).unwrap_or(1).max(4);
        let chars: Vec<char> = text.chars().collect();
        for part in chars.chunks(most).take(3) {
            y += 17;
            lines.push(Line { y, class, text: part.iter().collect() });
        }
    }
    lines
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn ends(all: &[f64]) -> Option<(f64, f64)> {
    let first = all.iter().copied().reduce(f64::min)?;
    Some((first, all.iter().copied().reduce(f64::max)?))
}

fn instant(at: f64) -> Option<Timestamp> {
    // Within the years of the scale; what is not, is no instant.
    let whole = SignedDuration::try_from_secs_f64(at).ok()?;
    Timestamp::from_duration(whole).ok()
}

/// Width of the board.
const WIDTH: u32 = 1000;
/// Where the lanes begin; their texts are before.
const LEFT: u32 = 220;
/// Height of the scale above the lanes.
const TOP: u32 = 26;
/// Height of a lane.
const LANE: u32 = 24;
/// Between two boxes of a chain.
const GAP: u32 = 28;
/// Parts of the scale.
const TICKS: u32 = 6;
/// Hops of a chain that are drawn.
const MOST_HOPS: usize = 5;
/// Lanes that are drawn of each.
const MOST_LANES: usize = 16;
/// Least time around what was asked, seconds.
const MIN_AROUND_S: f64 = 600.0;
/// Most of it.
const MAX_AROUND_S: f64 = 43_200.0;
