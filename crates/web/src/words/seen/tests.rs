//! Every code that a page of incidents, flows or sources can hold has its words, in both languages.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use tadoru_store::flows::{Key, Measure};

use super::*;

#[test]
fn every_code_has_words_and_stands_once() {
    let lists = [
        STATES,
        DIRECTIONS,
        SCOPES,
        SURENESS,
        SPOOFING,
        THRESHOLDS,
        PLACES,
        HOW,
        RECIPIENTS,
        STANDINGS,
        PROTOCOLS,
        SAMPLING_FROM,
        DAYS,
        VIEWS,
        LASTS,
        MEASURES,
        KEYS,
        FILTER_FAULTS,
    ];
    for list in lists {
        for (place, (code, ja, en)) in list.iter().enumerate() {
            assert!(!ja.is_empty() && !en.is_empty(), "{code}");
            assert!(list.iter().skip(place + 1).all(|(other, ..)| other != code), "{code} twice");
        }
    }
    let known = |list: List, code: &str| list.iter().any(|(known, ..)| *known == code);
    assert!(Key::ALL.iter().all(|key| known(KEYS, key.as_str())) && Key::ALL.len() == KEYS.len());
    assert!(Measure::ALL.iter().all(|measure| known(MEASURES, measure.as_str())));
}
