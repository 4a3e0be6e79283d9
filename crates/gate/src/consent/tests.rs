#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]
//! Consent stands only on a record, changes at once, and is as easily withdrawn as given.

use proptest::prelude::*;

use super::*;

fn service() -> ServiceName {
    ServiceName("url-filter".to_owned())
}

fn token() -> SubscriberToken {
    SubscriberToken("t-1".to_owned())
}

fn five() -> FiveConditions {
    FiveConditions {
        change_any_time: "portal page `filters`".to_owned(),
        same_terms: "terms 12(3)".to_owned(),
        limited_to: "host names of the published list".to_owned(),
        survey: Survey {
            asked: 1_774,
            yes: 1_455,
            date: "2026-01-10".parse().unwrap(),
            questionnaire_sha256: "a".repeat(64),
        },
        explanation: Explanation {
            version: "3".to_owned(),
            channel: "letter".to_owned(),
            date: "2026-02-01".parse().unwrap(),
        },
    }
}

fn offered(version: u32, rule_version: u32, ground: Ground) -> ConsentEvent {
    let offer = Offer { service: service(), version, rule: "JP-021".to_owned(), rule_version, ground };
    ConsentEvent::Offered { at: UtcMicros(0), offer: Box::new(offer) }
}

fn chosen(at: i64, choice: Choice) -> ConsentEvent {
    ConsentEvent::Chosen {
        at: UtcMicros(at),
        subscriber: token(),
        service: service(),
        choice,
        offer_version: 1,
        channel: "portal".to_owned(),
        receipt: format!("r-{at}"),
    }
}

fn enrolled(at: i64, offer_version: u32) -> ConsentEvent {
    ConsentEvent::Enrolled { at: UtcMicros(at), subscriber: token(), service: service(), offer_version }
}

fn standing(events: &[ConsentEvent], rule_version: u32, at: i64) -> Standing {
    Consents::fold(events).standing(&service(), &token(), rule_version, UtcMicros(at))
}

#[test]
fn without_a_record_there_is_no_consent() {
    let offer = offered(1, 1, Ground::Five(Box::new(five())));
    assert_eq!(standing(&[offer], 1, 100), Standing::Unrecorded);
    assert_eq!(
        standing(&[enrolled(5, 1)], 1, 100),
        Standing::Outdated,
        "an offer that nobody made carries nothing"
    );
}

#[test]
fn a_change_is_effective_at_its_very_instant_in_both_directions() {
    let offer = offered(1, 1, Ground::Five(Box::new(five())));
    let events = [offer, enrolled(10, 1), chosen(20, Choice::Off), chosen(30, Choice::On)];
    let on = Standing::Current(Basis::Cons5);
    let at = |at| standing(&events, 1, at);
    assert_eq!(
        [at(9), at(10), at(19), at(20), at(29), at(30)],
        [Standing::Unrecorded, on, on, Standing::Off, Standing::Off, on]
    );
    let all = Consents::fold(&events);
    let receipts: Vec<_> = all.history(&service(), &token()).iter().map(|e| e.receipt.as_deref()).collect();
    assert_eq!(receipts, [None, Some("r-20"), Some("r-30")], "nothing of the history is lost");
}

#[test]
fn each_of_the_five_conditions_is_needed() {
    type Spoil = fn(&mut FiveConditions);
    let spoils: [(&str, Spoil); 8] = [
        ("3.R1", |f| f.change_any_time.clear()),
        ("3.R2", |f| f.same_terms = "  ".to_owned()),
        ("3.R3", |f| f.limited_to.clear()),
        ("3.R4", |f| f.survey.yes = 887),
        ("3.R4", |f| f.survey.yes = 1_775),
        ("3.R4", |f| f.survey.asked = 0),
        ("3.R4", |f| f.survey.questionnaire_sha256.clear()),
        ("3.R5", |f| f.explanation.version.clear()),
    ];
    for (condition, spoil) in spoils {
        let mut conditions = five();
        spoil(&mut conditions);
        let event = offered(1, 1, Ground::Five(Box::new(conditions)));
        let ConsentEvent::Offered { offer, .. } = &event else { panic!("an offer") };
        let lacks = lacking(offer);
        assert!(lacks.len() == 1 && lacks[0].starts_with(condition), "{condition}: {lacks:?}");
        assert_eq!(standing(&[event, enrolled(5, 1)], 1, 9), Standing::Outdated, "{condition}");
    }
}

#[test]
fn an_offer_older_than_the_rule_is_no_consent() {
    let events = [offered(1, 1, Ground::Individual), chosen(5, Choice::On)];
    assert_eq!(standing(&events, 1, 9), Standing::Current(Basis::ConsInd));
    assert_eq!(standing(&events, 2, 9), Standing::Outdated);
    let mut facts = Facts::none();
    Consents::fold(&events).derive(&service(), &token(), 2, UtcMicros(9), &mut facts);
    assert_eq!(facts.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["consent.outdated"]);
}

#[test]
fn new_terms_never_switch_on_what_the_subscriber_switched_off() {
    let terms = |version: &str| {
        Ground::Terms(Terms {
            version: version.to_owned(),
            clause: "8(2)".to_owned(),
            opt_out: "portal or telephone".to_owned(),
        })
    };
    let events = [
        offered(1, 1, terms("1")),
        enrolled(5, 1),
        chosen(6, Choice::Off),
        offered(2, 1, terms("2")),
        enrolled(7, 2),
    ];
    assert_eq!(standing(&events[..2], 1, 9), Standing::Current(Basis::ConsTos));
    assert_eq!(standing(&events, 1, 9), Standing::Off);
}

#[test]
fn nobody_is_enrolled_into_an_individual_consent() {
    assert_eq!(standing(&[offered(1, 1, Ground::Individual), enrolled(5, 1)], 1, 9), Standing::Unrecorded);
}

proptest! {
    #[test]
    fn the_last_choice_by_then_decides(choices in prop::collection::vec(any::<bool>(), 1..20), asked in 0_i64..25) {
        let mut events = vec![offered(1, 1, Ground::Individual)];
        let choice = |on: &bool| if *on { Choice::On } else { Choice::Off };
        events.extend(choices.iter().zip(1..).map(|(on, at)| chosen(at, choice(on))));
        let by_then = usize::try_from(asked).unwrap().min(choices.len());
        let expected = match choices[..by_then].last() {
            None => Standing::Unrecorded,
            Some(true) => Standing::Current(Basis::ConsInd),
            Some(false) => Standing::Off,
        };
        prop_assert_eq!(standing(&events, 1, asked), expected);
    }

    #[test]
    fn events_come_back_as_they_were_written(at in any::<i64>(), receipt in "[a-z0-9-]{0,20}") {
        let mut event = chosen(at, Choice::Off);
        if let ConsentEvent::Chosen { receipt: r, .. } = &mut event { *r = receipt; }
        for event in [event, offered(3, 2, Ground::Five(Box::new(five())))] {
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<ConsentEvent>(&text).unwrap(), event);
        }
    }
}
