//! The story of the recorded flood in words, in both languages.
//!
//! What comes in: what the desk told. What goes out: lines on standard output, for somebody who sees the desk for the first
//! time. It judges nothing.

use jiff::tz::TimeZone;
use tadoru_desk::incidents::Said;
use tadoru_desk::ingress::IngressTold;
use tadoru_desk::settings::Language;
use tadoru_gate::request::RuleRef;
use tadoru_model::finding::{Finding, SpoofingVerdict};
use tadoru_model::{FindingState, Scope, Sureness, UtcMicros};
use tadoru_store::flows::Bucket;
use tadoru_store::incidents::Brief;
use tadoru_web::words::said::japanese;

use super::{BEGAN, Heard, SENT};
use crate::print;

/// Who tells, and how.
pub(super) struct Story {
    pub lang: Language,
    pub zone: TimeZone,
}

impl Story {
    fn say<'a>(&self, ja: &'a str, en: &'a str) -> &'a str {
        print::of(self.lang, ja, en)
    }

    /// A sentence of the detector or of the trace.
    fn sentence(&self, english: &str) -> String {
        match (self.lang, Said::read(english)) {
            (Language::En, _) => english.to_owned(),
            (Language::Ja, Some(said)) => said.japanese(),
            (Language::Ja, None) => japanese(english),
        }
    }

    fn sure(&self, sure: Sureness) -> &'static str {
        match sure {
            Sureness::Low => print::of(self.lang, "低い", "low"),
            Sureness::Likely => print::of(self.lang, "中程度", "likely"),
            Sureness::Sure => print::of(self.lang, "確実", "sure"),
        }
    }

    fn scene(&self, number: u8, ja: &str, en: &str) {
        println!("\n{number}. {}", self.say(ja, en));
    }

    /// What was recorded.
    pub fn opening(&self, heard: &Heard) {
        let records = print::number(heard.records as u64);
        let seconds = heard.span.until.since(heard.span.from) / 1_000_000;
        let exporters = heard.exporters;
        match self.lang {
            Language::Ja => {
                println!("Tadoru 追跡窓口：攻撃の最初のパケットから、それを送り込んだ隣接網まで。");
                println!(
                    "ルーター{exporters}台の小さな事業者のフロー記録 {records} 件、{seconds} 秒\
                     （NetFlow v9・IPFIX・sFlow、200 パケットに 1 個を標本）。"
                );
                println!("名前空間で作った実験網で実際のプログラムが送り、書いたもの。");
            }
            Language::En => {
                println!(
                    "Tadoru, the trace desk: an attack, from its first packet to the neighbour that sent it."
                );
                println!(
                    "{records} flow records of {exporters} routers of a small provider, {seconds} s \
                     (NetFlow v9, IPFIX, sFlow; one packet in 200)."
                );
                println!(
                    "A laboratory of network namespaces: real programs sent the packets and wrote the records."
                );
            }
        }
    }

    /// When it was told, and as what.
    pub fn told(&self, told: &[(UtcMicros, Brief)], newest: &Finding) {
        self.scene(1, "攻撃はいつ知らされたか", "When was the flood told?");
        let mut shown = FindingState::Ended;
        for (at, brief) in told {
            let word = match brief.state {
                FindingState::Opened => self.say("検知", "opened"),
                FindingState::Moved => self.say("標的の移動", "moved"),
                FindingState::Ended => self.say("終結", "ended"),
                FindingState::Grew if shown == FindingState::Grew => continue,
                FindingState::Grew => self.say("拡大", "grew"),
            };
            shown = brief.state;
            let after = at.since(BEGAN) as f64 / 1e6;
            let vector = newest.vector;
            let rate = packets(brief.now.packets_per_s);
            let rate = match self.lang {
                _ if brief.state == FindingState::Ended => String::new(),
                Language::Ja => format!("{vector} {rate} パケット/秒"),
                Language::En => format!("{vector}, {rate} packets/s"),
            };
            let clock = clock(*at, &self.zone);
            match self.lang {
                Language::Ja => println!("   {clock}  開始から {after:>5.1} 秒  {word}  {rate}"),
                Language::En => println!("   {clock}  {after:>5.1} s after it began  {word:<6}  {rate}"),
            }
        }
        for target in &newest.targets {
            let Scope::Host(addr) = &target.scope else { continue };
            let after = |at: UtcMicros| (at.since(BEGAN) as f64 / 1e6).max(0.0);
            let (from, last) = (after(target.from), after(target.last));
            let peak = packets(target.peak.packets_per_s);
            match self.lang {
                Language::Ja => println!(
                    "   標的      {addr}  {from:.0} 秒から {last:.0} 秒まで、最大 {peak} パケット/秒"
                ),
                Language::En => {
                    println!("   Target    {addr} from {from:.0} s to {last:.0} s, at most {peak} packets/s")
                }
            }
        }
        for why in &newest.why {
            println!("   {} {}", self.say("理由     ", "Why      "), self.sentence(why));
        }
        println!(
            "   {} {} ({})",
            self.say("確からしさ", "Sure     "),
            self.sure(newest.sure),
            self.sentence(&newest.sure_because)
        );
        let first = newest.wrong_if.first().map_or_else(|| "-".to_owned(), |text| self.sentence(text));
        println!("   {} {first}", self.say("誤りの条件", "Wrong if "));
    }

    /// Its strength over time.
    pub fn strength(&self, newest: &Finding, course: &[Bucket]) {
        self.scene(2, "どれほどの強さだったか", "How strong was it?");
        let scale = f64::from(newest.sampling.max(1));
        let rates: Vec<f64> = course.iter().map(|second| second.sums.packets as f64 * scale).collect();
        let most = rates.iter().copied().fold(1.0, f64::max);
        let bar = |rate: &f64| {
            let eighth = (rate / most * BARS.len() as f64).ceil() as usize;
            if *rate > 0.0 { BARS.get(eighth.clamp(1, BARS.len()) - 1).copied().unwrap_or(' ') } else { ' ' }
        };
        let picture: String = rates.iter().map(bar).collect();
        let sum = print::number(rates.iter().sum::<f64>().round() as u64);
        let sent = print::number(SENT.iter().sum());
        let most = packets(most);
        match self.lang {
            Language::Ja => {
                println!("   |{picture}|  一文字一秒、最大 {most} パケット/秒");
                println!(
                    "   合計 {sum} パケット（推定）。実験網の計数は {sent}。ルーター三台を通っても一度だけ数える。"
                );
            }
            Language::En => {
                println!("   |{picture}|  a second each, at most {most} packets/s");
                println!(
                    "   {sum} packets in all, estimated; the laboratory counted {sent}. Three routers on the way saw each; it counts once."
                );
            }
        }
    }

    /// Who sent it, as far as that can be told.
    pub fn sources(&self, newest: &Finding) {
        self.scene(3, "送信元は信じられるか", "Can the sources be believed?");
        let sources = &newest.sources;
        let count = print::number(sources.count);
        let verdict = match sources.spoofing.verdict {
            SpoofingVerdict::Plausible => self.say("もっともらしい", "plausible"),
            SpoofingVerdict::ImpossibleHere => self.say("ここではあり得ない", "impossible here"),
            SpoofingVerdict::Randomised => {
                self.say("乱数で偽装", "randomised: forged by a random number generator")
            }
            SpoofingVerdict::Unverifiable => self.say("判断不能", "unverifiable"),
        };
        match self.lang {
            Language::Ja => println!("   約 {count} アドレス。判定：{verdict}"),
            Language::En => {
                println!("   About {count} addresses among the sampled packets. Verdict: {verdict}")
            }
        }
        for because in &sources.spoofing.because {
            println!("   - {}", self.sentence(because));
        }
    }

    /// Where it came in.
    pub fn ways_in(&self, told: &IngressTold) {
        self.scene(4, "どこから入ったか", "Where did it come in?");
        for (way, sent) in
            told.answer.ingress.iter().zip(SENT.iter().map(Some).chain(std::iter::repeat(None)))
        {
            let name = way.place.as_ref().map_or("", |place| place.name.as_str());
            let neighbour = way.place.as_ref().map_or(0, |place| place.neighbour_as);
            let (share, margin) = (way.share.packets * 100.0, way.margin * 100.0);
            let index = way.interface.map_or_else(|| "-".to_owned(), |index| index.to_string());
            let exporter = way.exporter;
            println!(
                "   {share:>5.1} % ±{margin:.1}  AS{neighbour}  {name} ({exporter}, {index})  [{}]",
                way.how.as_str()
            );
            if let Some(sent) = sent {
                let true_share = *sent as f64 / SENT.iter().sum::<u64>() as f64 * 100.0;
                match self.lang {
                    Language::Ja => println!("            実験網の計数：{true_share:.1} %"),
                    Language::En => println!("            the laboratory's own count: {true_share:.1} %"),
                }
            }
        }
        let rest = told.answer.unaccounted.packets * 100.0;
        match self.lang {
            Language::Ja => println!("   {rest:>5.1} %        説明のつかない分"),
            Language::En => println!("   {rest:>5.1} %        unaccounted for"),
        }
        println!(
            "   {} {} ({})",
            self.say("確からしさ", "Sure     "),
            self.sure(told.answer.sure),
            self.sentence(&told.answer.sure_because)
        );
    }

    /// On which ground all of that was told.
    pub fn ground(&self, incident: (&RuleRef, u64), course: (&RuleRef, u64), ingress: (&RuleRef, u64)) {
        self.scene(5, "どの根拠で見たか", "On which ground was it looked at?");
        let looks = [
            (self.say("事案", "The incident"), incident),
            (self.say("推移", "Its course"), course),
            (self.say("流入元", "Its ingress"), ingress),
        ];
        for (what, (rule, entry)) in looks {
            let text = print::of(self.lang, &rule.text_ja, &rule.text_en);
            match self.lang {
                Language::Ja => println!("   {what}：{}、ジャーナル {entry} 番。{text}", rule.id),
                Language::En => println!("   {what}: {}, journal entry {entry}. {text}", rule.id),
            }
        }
    }

    /// That the journal proves it.
    pub fn end(&self, size: u64, is_sound: bool) {
        match self.lang {
            Language::Ja => println!(
                "\nジャーナルは {size} 件、検証は{}。次は `tadoru serve`（設定 [sources.flows] と [network]）、`tadoru incidents --help`。",
                if is_sound { "成立" } else { "不成立" }
            ),
            Language::En => println!(
                "\nThe journal holds {size} entries and {}. Next: `tadoru serve` with [sources.flows] and [network], `tadoru incidents --help`.",
                if is_sound { "verifies" } else { "does NOT verify" }
            ),
        }
    }
}

fn packets(rate: f64) -> String {
    print::number(rate.round().max(0.0) as u64)
}

fn clock(at: UtcMicros, zone: &TimeZone) -> String {
    jiff::Timestamp::from_microsecond(at.0)
        .map_or_else(|_| "-".to_owned(), |at| at.to_zoned(zone.clone()).strftime("%H:%M:%S %:z").to_string())
}

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
