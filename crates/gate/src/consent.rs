//! Consent: what was offered, who agreed to it, and whether it stands now.
//!
//! What comes in: events, in the order in which they were recorded; they are only ever added. What goes out: whether a
//! subscriber's consent to a service stands at an instant, and the facts that rules ask for. It writes nothing to disk,
//! and presumes no consent: without a record there is none.
//!
//! Mission items 3.R1–3.R6: the five conditions are data, so that they can be shown and audited. A change is effective
//! at once (3.R1), and switching off asks for nothing that switching on does not ask for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tadoru_model::UtcMicros;

use crate::{request::Facts, vocabulary::Basis};

#[cfg(test)]
mod tests;

/// A subscriber as consent records name them: a token, never a contract id or a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubscriberToken(pub String);

/// A service that asks for consent, such as `url-filter`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceName(pub String);

/// Something that happened to consent. Events are appended to the journal's files and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ConsentEvent {
    /// A service is offered in this version from now on.
    Offered {
        /// When.
        at: UtcMicros,
        /// The offer.
        offer: Box<Offer>,
    },
    /// A subscriber made a choice.
    Chosen {
        /// When.
        at: UtcMicros,
        /// Who.
        subscriber: SubscriberToken,
        /// Which service.
        service: ServiceName,
        /// Which way.
        choice: Choice,
        /// Version of the offer that was shown.
        offer_version: u32,
        /// By which channel: `portal`, `telephone`, `letter`.
        channel: String,
        /// Number of the receipt that was given.
        receipt: String,
    },
    /// A contract on whose terms the service is on by default, or by the terms of service.
    Enrolled {
        /// When.
        at: UtcMicros,
        /// Who.
        subscriber: SubscriberToken,
        /// Which service.
        service: ServiceName,
        /// Version of the offer that the contract was made on, or that was explained.
        offer_version: u32,
    },
}

/// Which way a subscriber chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The service is wanted.
    On,
    /// The service is not wanted.
    Off,
}

/// A service as it is offered: one version of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Which service.
    pub service: ServiceName,
    /// Version of the offer, rising.
    pub version: u32,
    /// The rule that it serves, such as `JP-021`.
    pub rule: String,
    /// The version of the rule that it was written for.
    pub rule_version: u32,
    /// On what it stands.
    pub ground: Ground,
}

/// On what an offer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ground", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ground {
    /// The subscriber's own, explicit choice.
    Individual,
    /// On by default under the five conditions.
    Five(Box<FiveConditions>),
    /// The terms of service, with opt-out at any time.
    Terms(Terms),
}

/// The five conditions for a filter that is on by default (3.R1–3.R5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiveConditions {
    /// 3.R1: where and how the subscriber changes the setting at any time.
    pub change_any_time: String,
    /// 3.R2: where it is written that all other terms are the same either way.
    pub same_terms: String,
    /// 3.R3: to what the service is limited.
    pub limited_to: String,
    /// 3.R4: why an ordinary user would consent.
    pub survey: Survey,
    /// 3.R5: the explanation beforehand.
    pub explanation: Explanation,
}

/// The survey that supports the presumption of consent (3.R4, 3.F6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survey {
    /// How many were asked.
    pub asked: u32,
    /// How many would consent.
    pub yes: u32,
    /// On which day.
    pub date: jiff::civil::Date,
    /// SHA-256 of the questionnaire, kept as evidence.
    pub questionnaire_sha256: String,
}

/// The explanation that was given beforehand (3.R5, 3.F7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// Version of its text.
    pub version: String,
    /// By which channel.
    pub channel: String,
    /// On which day.
    pub date: jiff::civil::Date,
}

/// Terms of service that carry a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Version of the terms.
    pub version: String,
    /// The clause that names the act, the data and the purpose.
    pub clause: String,
    /// Where and how the subscriber opts out at any time.
    pub opt_out: String,
}

/// What an offer still lacks before it can carry a consent, as the numbered condition or field.
pub fn lacking(offer: &Offer) -> Vec<&'static str> {
    let blank = |text: &str| text.trim().is_empty();
    let found = match &offer.ground {
        Ground::Individual => Vec::new(),
        Ground::Five(five) => vec![
            ("3.R1 change at any time", blank(&five.change_any_time)),
            ("3.R2 same terms", blank(&five.same_terms)),
            ("3.R3 limited content", blank(&five.limited_to)),
            ("3.R4 survey", !five.survey.supports()),
            ("3.R5 explanation", blank(&five.explanation.version) || blank(&five.explanation.channel)),
        ],
        Ground::Terms(terms) => vec![
            ("terms version", blank(&terms.version)),
            ("clause naming act, data and purpose", blank(&terms.clause)),
            ("opt-out at any time", blank(&terms.opt_out)),
        ],
    };
    found.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect()
}

impl Survey {
    /// Whether it supports the presumption: more than half of those asked say yes, and the questionnaire is kept.
    /// The share itself is for counsel to judge; it is shown with the consent.
    fn supports(&self) -> bool {
        let digest = self.questionnaire_sha256.as_bytes();
        let kept = digest.len() == 64 && digest.iter().all(u8::is_ascii_hexdigit);
        kept && self.yes <= self.asked && u64::from(self.yes) * 2 > u64::from(self.asked)
    }
}

// --- what the events add up to ----------------------------------------------------------------------------------

/// Every consent, as the events add up.
#[derive(Debug, Clone, Default)]
pub struct Consents {
    offers: BTreeMap<ServiceName, Vec<(UtcMicros, Offer)>>,
    histories: BTreeMap<(ServiceName, SubscriberToken), Vec<Entry>>,
}

/// A step in the history of one consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: UtcMicros,
    /// Which way.
    pub choice: Choice,
    /// Whether the subscriber chose, or was enrolled.
    pub by: ChosenBy,
    /// Version of the offer.
    pub offer_version: u32,
    /// Number of the receipt; none for an enrolment.
    pub receipt: Option<String>,
}

/// Who made a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy {
    /// The subscriber.
    Subscriber,
    /// The default, or the terms.
    Enrolment,
}

/// How a consent stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is on record.
    Unrecorded,
    /// The subscriber does not want it.
    Off,
    /// On, but the offer is older than the rule, or lacks a condition.
    Outdated,
    /// On, on this basis.
    Current(Basis),
}

impl Consents {
    /// What the events add up to.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a ConsentEvent>) -> Self {
        let mut all = Self::default();
        events.into_iter().for_each(|event| all.apply(event));
        all
    }

    /// Takes one more event in.
    pub fn apply(&mut self, event: &ConsentEvent) {
        match event {
            ConsentEvent::Offered { at, offer } => {
                self.offers.entry(offer.service.clone()).or_default().push((*at, (**offer).clone()));
            }
            ConsentEvent::Chosen { at, subscriber, service, choice, offer_version, receipt, .. } => {
                let entry = Entry {
                    at: *at,
                    choice: *choice,
                    by: ChosenBy::Subscriber,
                    offer_version: *offer_version,
                    receipt: Some(receipt.clone()),
                };
                self.histories.entry((service.clone(), subscriber.clone())).or_default().push(entry);
            }
            ConsentEvent::Enrolled { at, subscriber, service, offer_version } => {
                let entry = Entry {
                    at: *at,
                    choice: Choice::On,
                    by: ChosenBy::Enrolment,
                    offer_version: *offer_version,
                    receipt: None,
                };
                self.histories.entry((service.clone(), subscriber.clone())).or_default().push(entry);
            }
        }
    }

    /// The whole history of one consent, oldest first.
    pub fn history(&self, service: &ServiceName, subscriber: &SubscriberToken) -> &[Entry] {
        self.histories.get(&(service.clone(), subscriber.clone())).map_or(&[], Vec::as_slice)
    }

    /// The offer in that version, if it had been made by then.
    pub fn offer(&self, service: &ServiceName, version: u32, at: UtcMicros) -> Option<&Offer> {
        let made = self.offers.get(service)?.iter().rev();
        made.filter(|(from, _)| *from <= at).map(|(_, offer)| offer).find(|offer| offer.version == version)
    }

    /// How a consent stands at an instant, for a rule in `rule_version`. A choice of the subscriber always goes before
    /// an enrolment, even a later one: nobody is switched on again by new terms.
    pub fn standing(
        &self,
        service: &ServiceName,
        subscriber: &SubscriberToken,
        rule_version: u32,
        at: UtcMicros,
    ) -> Standing {
        let by_then = || self.history(service, subscriber).iter().filter(|entry| entry.at <= at);
        let own = by_then().rev().find(|entry| entry.by == ChosenBy::Subscriber);
        let Some(entry) = own.or_else(|| by_then().next_back()) else { return Standing::Unrecorded };
        if entry.choice == Choice::Off {
            return Standing::Off;
        }
        let shown = self.offer(service, entry.offer_version, entry.at);
        let Some(offer) =
            shown.filter(|offer| offer.rule_version >= rule_version && lacking(offer).is_empty())
        else {
            return Standing::Outdated;
        };
        match (&offer.ground, entry.by) {
            (Ground::Individual, ChosenBy::Enrolment) => Standing::Unrecorded,
            (Ground::Individual, ChosenBy::Subscriber) => Standing::Current(Basis::ConsInd),
            (Ground::Five(_), _) => Standing::Current(Basis::Cons5),
            (Ground::Terms(_), _) => Standing::Current(Basis::ConsTos),
        }
    }

    /// Adds the facts on one consent that rules ask for.
    pub fn derive(
        &self,
        service: &ServiceName,
        subscriber: &SubscriberToken,
        rule_version: u32,
        at: UtcMicros,
        facts: &mut Facts,
    ) {
        match self.standing(service, subscriber, rule_version, at) {
            Standing::Current(Basis::ConsInd) => facts.derive("consent.individual.current", "yes"),
            Standing::Current(Basis::Cons5) => facts.derive("consent.five.current", "yes"),
            Standing::Current(Basis::ConsTos) => facts.derive("consent.tos.current", "yes"),
            Standing::Outdated => facts.derive("consent.outdated", "yes"),
            Standing::Current(_) | Standing::Off | Standing::Unrecorded => {}
        }
    }
}
