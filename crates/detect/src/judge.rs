//! Whether traffic over a threshold is an attack: the closer look, vector by vector.
//!
//! What comes in: how far over its threshold a lane is, who sends, and what the target itself sends. What goes out: a
//! vector with why, how sure and what would make it wrong, or nothing. Answered traffic may be wanted and must be far over
//! the threshold; a scan knocks once at each door and is none of these.

use tadoru_model::finding::Service;
use tadoru_model::{Sureness, Vector};

use crate::config::Settings;
use crate::kind::{Lane, Says};
use crate::profile::Profile;
use crate::rates::Watch;
use crate::said::Sentence;

/// What is asked.
pub(crate) struct Question<'a> {
    pub lane: Lane,
    pub breadth: Breadth,
    /// How many times the threshold of one address, with the target's own factors.
    pub ratio: f64,
    pub profile: &'a Profile,
    pub watch: &'a Watch,
    pub now: u32,
    /// Whether the exporters see answers at all.
    pub answers_visible: bool,
    pub settings: &'a Settings,
}

/// How wide the target is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Breadth {
    Host,
    Prefix,
    /// Wider, at this many times the threshold of an address.
    Wide(f64),
}

/// The answer.
pub(crate) struct Verdict {
    pub vector: Vector,
    pub why: Vec<String>,
    pub sure: Sureness,
    pub because: String,
    pub wrong_if: Vec<String>,
    /// How many times its own threshold, where that is not a rate.
    pub ratio: Option<f64>,
}

/// Whether it is an attack.
pub(crate) fn judge(q: &Question<'_>) -> Option<Verdict> {
    let over = q.over()?;
    let mut verdict = q.closer(over)?;
    if over == Over::Carpet {
        let hosts = q.profile.hosts.estimate();
        verdict.why.push(Sentence::HitAlike.with(&[format!("{hosts:.0}")]));
        verdict.wrong_if.push(Sentence::SendsToAll.text());
    }
    if q.profile.sampling > 1 {
        let counted = q.profile.counted;
        verdict
            .why
            .push(Sentence::Sampled.with(&[grouped(f64::from(q.profile.sampling)), format!("{counted:.0}")]));
        if counted < FEW_SAMPLES {
            verdict.sure = verdict.sure.min(Sureness::Likely);
            verdict.because = Sentence::FewSamples.with(&[format!("{counted:.0}")]);
        }
        verdict.wrong_if.push(Sentence::WrongSampling.text());
    }
    Some(verdict)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Plain,
    Carpet,
}

impl Question<'_> {
    /// Whether it is over the threshold of its breadth, and in which way.
    fn over(&self) -> Option<Over> {
        let per_host = self.lane.per_host();
        match self.breadth {
            Breadth::Host => (self.ratio >= 1.0).then_some(Over::Plain),
            Breadth::Wide(factor) => (self.ratio >= factor && !per_host).then_some(Over::Plain),
            Breadth::Prefix if per_host => None,
            Breadth::Prefix if self.ratio >= self.settings.prefix_factor => Some(Over::Plain),
            Breadth::Prefix => {
                let spread = self.profile.hosts.estimate() >= self.settings.carpet_hosts
                    && self.profile.aimed.top_share() <= 0.5;
                let needed = if self.answers_visible { 1.0 } else { 2.0 };
                let silent = self.lane == Lane::SYN || self.answered() < SILENT;
                (spread && silent && self.ratio >= needed).then_some(Over::Carpet)
            }
        }
    }

    /// Packets that the target sends and that would explain these, as a part of these.
    fn answered(&self) -> f64 {
        let said = |says: &[Says]| says.iter().map(|says| self.watch.said(*says, self.now)).sum::<f32>();
        let said = match self.lane {
            Lane::UDP | Lane::FRAGMENTS => said(&[Says::Udp, Says::Question]),
            Lane::ICMP | Lane::SYN | Lane::TCP_INVALID => 0.0,
            Lane::ICMP_REPLY => said(&[Says::Echo]),
            Lane::ICMP_ERROR => self.watch.said_all(self.now),
            Lane::SYN_ACK | Lane::ACK | Lane::RST | Lane::FIN | Lane::CONNECTIONS | Lane::SLOW => {
                said(&[Says::Tcp])
            }
            Lane::OTHER => said(&[Says::Other]),
            _ => said(&[Says::Question]),
        };
        f64::from(said) / f64::from(self.watch.heard(self.lane, self.now)).max(1.0)
    }

    fn closer(&self, over: Over) -> Option<Verdict> {
        let needed = match (self.breadth, over) {
            (Breadth::Prefix, Over::Plain) => self.settings.prefix_factor,
            (Breadth::Wide(factor), _) => factor,
            _ => 1.0,
        };
        let far = self.ratio >= needed * self.settings.answered_factor;
        match self.lane {
            Lane::UDP => self.udp(far),
            Lane::OTHER => self.other(far),
            Lane::SYN => self.syn(far),
            Lane::ACK => self.ack(),
            Lane::SYN_ACK | Lane::RST | Lane::FIN => self.unasked(),
            Lane::TCP_INVALID => Some(self.say(
                Vector::TcpInvalid,
                Sureness::Sure,
                Sentence::NoStack,
                Sentence::InvalidFlags.text(),
                &[Sentence::FlagsToldWrongly],
            )),
            Lane::ICMP | Lane::ICMP_REPLY | Lane::ICMP_ERROR => {
                if self.lane != Lane::ICMP && self.answered() >= ASKED {
                    return None;
                }
                let wrong = [Sentence::Measurement];
                let because = Sentence::IcmpNoOtherUse;
                Some(self.say(Vector::Icmp, Sureness::Likely, because, Sentence::IcmpUnasked.text(), &wrong))
            }
            Lane::FRAGMENTS => {
                if self.answered() >= ASKED && !far {
                    return None;
                }
                if let Some(service) = self.fragmented_service() {
                    let because = Sentence::AnswersInFragments;
                    let what = Sentence::FragmentsOfService
                        .with(&[service.port().to_string(), service.as_str().to_owned()]);
                    let wrong = [Sentence::UnseenQuestions];
                    return Some(self.say(
                        Vector::Amplification(service),
                        Sureness::Likely,
                        because,
                        what,
                        &wrong,
                    ));
                }
                let wrong = [Sentence::PathTooNarrow];
                let because = Sentence::LargeDatagramsUnasked;
                Some(self.say(
                    Vector::Fragments,
                    Sureness::Likely,
                    because,
                    Sentence::FragmentsWithoutPorts.text(),
                    &wrong,
                ))
            }
            Lane::CONNECTIONS => self.connections(far),
            Lane::SLOW => self.slow(),
            _ => self.amplification(),
        }
    }

    fn amplification(&self) -> Option<Verdict> {
        if self.answers_visible && self.answered() >= ASKED {
            return None;
        }
        let Vector::Amplification(service) = self.lane.vector() else { return None };
        let sources = self.profile.source_count();
        let sure = if self.answers_visible && (sources >= 2.0 || self.profile.packet_octets() >= 400.0) {
            Sureness::Sure
        } else {
            Sureness::Likely
        };
        let because =
            if self.answers_visible { Sentence::AnswersUnasked } else { Sentence::AnswersMaybeUnasked };
        let what = Sentence::FromService.with(&[
            service.port().to_string(),
            service.as_str().to_owned(),
            format!("{:.0}", self.profile.packet_octets()),
            format!("{sources:.0}"),
        ]);
        let wrong = Sentence::UnseenQuestions;
        Some(self.say(self.lane.vector(), sure, because, what, &[wrong]))
    }

    /// The service whose long answers come in fragments: their first parts still show its port.
    fn fragmented_service(&self) -> Option<Service> {
        let lanes = self.watch.rings.iter().map(|ring| ring.lane).filter(|lane| lane.is_service());
        let heard = lanes.map(|lane| (self.watch.heard(lane, self.now), lane));
        let (most, lane) = heard.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let part = most / self.watch.heard(Lane::FRAGMENTS, self.now).max(1.0);
        match lane.vector() {
            Vector::Amplification(service) if part >= 0.1 => Some(service),
            _ => None,
        }
    }

    fn udp(&self, far: bool) -> Option<Verdict> {
        let (answered, sources) = (self.answered(), self.profile.source_count());
        let few = sources <= FEW_SOURCES || self.profile.leading_share(4) >= 0.9;
        let large = self.profile.packet_octets() >= 900.0;
        let port = self.profile.src_ports.shares().first().copied().unwrap_or((0, 0.0));
        let web = port.0 == 443 && port.1 >= 0.6;
        if few && (answered >= ACKNOWLEDGED || !self.answers_visible && large) {
            return None;
        }
        if !far && (answered >= ACKNOWLEDGED * 4.0 || !self.answers_visible && web) {
            return None;
        }
        // One port of many sources with large packets: a service that nobody has listed yet.
        let shape = port.0 != 0 && port.0 != 443 && port.1 >= 0.8 && sources >= 10.0;
        if shape && self.profile.packet_octets() >= 200.0 && answered < SILENT {
            let what = Sentence::OneSourcePort.with(&[
                format!("{:.0}", port.1.min(1.0) * 100.0),
                format!("{sources:.0}"),
                format!("{:.0}", self.profile.packet_octets()),
            ]);
            let wrong = Sentence::MeantToSend;
            let vector = Vector::Amplification(Service::Unknown);
            return Some(self.say(vector, Sureness::Likely, Sentence::ReflectedShape, what, &[wrong]));
        }
        let (sure, because) = match (self.answers_visible, far) {
            (true, _) if answered < SILENT && self.ratio >= 2.0 => (Sureness::Sure, Sentence::AnswersNoneFar),
            (true, _) => (Sureness::Likely, Sentence::AnswersHardlyAny),
            (false, true) => (Sureness::Likely, Sentence::FarAnswersUnseen),
            (false, false) => (Sureness::Low, Sentence::AnswersUnseen),
        };
        let what = Sentence::UdpAnswered
            .with(&[format!("{sources:.0}"), format!("{:.1}", answered.min(1.0) * 100.0)]);
        let wrong = [Sentence::Streams, Sentence::UnseenAnswers];
        Some(self.say(Vector::Udp, sure, because, what, &wrong))
    }

    fn other(&self, far: bool) -> Option<Verdict> {
        let few = self.profile.source_count() <= FEW_SOURCES;
        if !far && few && (self.answered() >= ACKNOWLEDGED || !self.answers_visible) {
            return None;
        }
        let wrong = [Sentence::TunnelEnd];
        let because = Sentence::UnusualProtocol;
        Some(self.say(
            Vector::OtherProtocol,
            Sureness::Likely,
            because,
            Sentence::NeitherProtocol.text(),
            &wrong,
        ))
    }

    fn syn(&self, far: bool) -> Option<Verdict> {
        if self.is_scan() {
            return None;
        }
        let syn = f64::from(self.watch.heard(Lane::SYN, self.now)).max(1.0);
        let made = f64::from(self.watch.heard(Lane::CONNECTIONS, self.now));
        let established = f64::from(self.watch.established(self.now));
        let sampled = self.profile.sampling > 1;
        // Sampling sees the SYN of a good connection alone: then the rest of the traffic has to speak for it.
        let wanted = if sampled { established >= 3.0 * syn } else { made >= 2.0 * syn };
        if wanted && !far {
            return None;
        }
        let what = if sampled {
            Sentence::SynPart.with(&[format!("{:.0}", percent(syn, established + syn))])
        } else {
            Sentence::SynUnmade.with(&[format!("{:.0}", percent(syn, made + syn))])
        };
        let sure =
            if !sampled && self.ratio >= 2.0 && made < syn * 0.1 { Sureness::Sure } else { Sureness::Likely };
        let wrong = [Sentence::ServiceWentAway, Sentence::FirstPacketAlone];
        Some(self.say(Vector::Syn, sure, Sentence::BegunNotMade, what, &wrong))
    }

    /// One packet for each pair of address and port, from few: a scan is reported as one.
    fn is_scan(&self) -> bool {
        let profile = self.profile;
        profile.source_count() <= FEW_SOURCES
            && profile.aim_count() >= 50.0
            && profile.aim_count() >= profile.flows * 0.25
            && profile.packets < SCAN_PACKETS
    }

    fn ack(&self) -> Option<Verdict> {
        let (answered, profile) = (self.answered(), self.profile);
        let stray = profile.small_rows / profile.rows.max(1.0);
        let sampled = profile.sampling > 1;
        let unanswered =
            self.answers_visible && answered < if sampled || stray < 0.9 { SILENT } else { ASKED };
        let scattered = !sampled && stray >= 0.9 && profile.source_count() >= 16.0 && answered < ASKED;
        if !(unanswered || scattered) || profile.source_count() <= FEW_SOURCES && answered >= SILENT / 2.0 {
            return None;
        }
        let made = f64::from(self.watch.heard(Lane::CONNECTIONS, self.now));
        if made >= profile.flows / f64::from(self.now.saturating_sub(profile.since).max(1)) {
            return None;
        }
        let sure = if unanswered && scattered { Sureness::Sure } else { Sureness::Likely };
        let what =
            Sentence::AckStray.with(&[format!("{:.0}", stray * 100.0), format!("{:.1}", answered * 100.0)]);
        let wrong = [Sentence::TargetAnswersUnseen];
        Some(self.say(Vector::Ack, sure, Sentence::AckWithoutConnection, what, &wrong))
    }

    fn unasked(&self) -> Option<Verdict> {
        if self.answered() >= ASKED {
            return None;
        }
        let vector = self.lane.vector();
        let (what, because) = match vector {
            Vector::SynAck => (Sentence::SynAckUnasked, Sentence::ServersAnswer),
            Vector::Rst => (Sentence::RstWithoutConnection, Sentence::NotSoManyRefused),
            _ => (Sentence::FinWithoutConnection, Sentence::NotSoManyEnded),
        };
        let sure = if self.answers_visible { Sureness::Sure } else { Sureness::Likely };
        let wrong = [Sentence::TargetSentUnseen];
        Some(self.say(vector, sure, because, what.text(), &wrong))
    }

    /// Many connections are wanted when many people come; they are not when each makes many and uses none.
    fn connections(&self, far: bool) -> Option<Verdict> {
        let profile = self.profile;
        let per_source = profile.flows / profile.source_count().max(1.0);
        let packets = profile.packets / profile.flows.max(1.0);
        let octets = profile.bytes / profile.flows.max(1.0);
        // Headers of TCP over IPv4 with the usual options.
        let data = octets - packets * 54.0;
        let greedy = per_source >= GREEDY;
        let empty = packets <= 5.0 && data < 40.0;
        let drilled = far && octets <= 800.0 && profile.unlikeness() < 0.15;
        if !(greedy && octets <= 2_000.0 || empty || drilled) {
            return None;
        }
        let port = profile.dst_ports.shares().first().map_or(0, |(port, _)| *port);
        let web = matches!(port, 80 | 443 | 8000 | 8080 | 8443);
        let vector = if web && !empty { Vector::HttpGet } else { Vector::Connections };
        let what = Sentence::ConnectionsEach.with(&[
            grouped(profile.flows),
            format!("{:.0}", profile.source_count()),
            format!("{per_source:.0}"),
            format!("{octets:.0}"),
        ]);
        let sure = if greedy { Sureness::Likely } else { Sureness::Low };
        let because = if greedy {
            Sentence::MoreThanAPerson
        } else if empty {
            Sentence::MadeNotUsed
        } else {
            Sentence::SmallAndAlike
        };
        let wrong = [Sentence::SharedAddress, Sentence::LoadTest];
        Some(self.say(vector, sure, because, what, &wrong))
    }

    fn slow(&self) -> Option<Verdict> {
        let profile = self.profile;
        let open = profile.end_count();
        let each = open / profile.source_count().max(1.0);
        let port = profile.dst_ports.shares().first().map_or(0, |(port, _)| *port);
        let web = matches!(port, 80 | 443 | 8000 | 8080 | 8443);
        let seconds = f64::from(profile.last.saturating_sub(profile.since));
        // Each says something again and again, and never much.
        let dribbles = seconds >= 3.0 && profile.rows >= open * 1.2 && profile.packet_octets() <= 300.0;
        if !web || !dribbles || open < self.settings.host.slow_connections || each < GREEDY {
            return None;
        }
        let what = Sentence::HeldOpen.with(&[format!("{open:.0}"), format!("{each:.0}")]);
        let wrong = [Sentence::AsksForNews];
        let because = Sentence::FewHoldMany;
        let verdict = self.say(Vector::SlowConnections, Sureness::Low, because, what, &wrong);
        Some(Verdict { ratio: Some(open / self.settings.host.slow_connections.max(1.0)), ..verdict })
    }

    fn say(
        &self,
        vector: Vector,
        sure: Sureness,
        because: Sentence,
        why: String,
        wrong_if: &[Sentence],
    ) -> Verdict {
        let sure = if self.answers_visible { sure } else { sure.min(Sureness::Likely) };
        Verdict {
            vector,
            why: vec![why],
            sure,
            because: because.text(),
            wrong_if: wrong_if.iter().map(|sentence| sentence.text()).collect(),
            ratio: None,
        }
    }
}

fn percent(part: f64, whole: f64) -> f64 {
    part / whole.max(1.0) * 100.0
}

/// A figure with separators for thousands.
pub(crate) fn grouped(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Part of the packets whose cause the target sent, from which on it asked for them.
const ASKED: f64 = 0.3;
/// Part answered below which the target is silent.
const SILENT: f64 = 0.02;
/// Part answered as a receiver acknowledges a stream.
const ACKNOWLEDGED: f64 = 0.005;
/// Sources of a transfer, a backup or a test.
const FEW_SOURCES: f64 = 4.0;
/// Connections of one source in some ten seconds that no person makes.
const GREEDY: f64 = 20.0;
/// Packets below which a scan is done: each port twice, and some.
const SCAN_PACKETS: f64 = 150_000.0;
/// Sampled packets below which an estimate is rough.
const FEW_SAMPLES: f64 = 50.0;
