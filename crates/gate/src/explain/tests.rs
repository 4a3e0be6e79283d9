#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]
//! A person can act on what is said, in both languages.

use tadoru_model::PersonId;

use super::*;
use crate::{
    request::Facts,
    table::cells,
    vocabulary::{ActName, DataCategory, Purpose},
};

fn said(act: ActName, data: DataCategory, purpose: Purpose, facts: Facts, lang: Lang) -> Explanation {
    let packs = Packs::shipped().unwrap();
    let all = cells(packs.current().unwrap());
    let cell = all.iter().find(|c| (c.act, c.data, c.purpose) == (act, data, purpose)).unwrap();
    explain(&packs, &cell.ask(Role::AbuseDesk, facts), lang)
}

#[test]
fn a_refusal_names_the_rule_what_is_missing_and_who_can_supply_it() {
    let who = |lang| said(ActName::Disclose, DataCategory::Asgn, Purpose::Crime, Facts::none(), lang);
    let english = who(Lang::En);
    assert_eq!(
        english.summary,
        "Refused: disclosing assignment records, flows, mail logs, visited sites or any other history needs a \
         warrant (JP-082). Missing: a warrant whose signature verifies; the issuing court is verified; period and \
         items are exactly those of the warrant. The legal reviewer can attach one."
    );
    let japanese = who(Lang::Ja);
    assert!(japanese.summary.starts_with("不許可：割当記録、"), "{}", japanese.summary);
    assert!(japanese.summary.contains("法務担当者が令状を添付できる。"), "{}", japanese.summary);
}

#[test]
fn a_permit_names_its_basis_in_plain_words() {
    let mut facts = Facts::none();
    let desk = PersonId("desk".to_owned());
    facts.state("complaint.id", "K-77", &desk, &[Role::AbuseDesk]);
    facts.state("complaint.substantiated", "yes", &desk, &[Role::AbuseDesk]);
    let english = said(ActName::Learn, DataCategory::Asgn, Purpose::Clean, facts.clone(), Lang::En);
    assert!(english.summary.starts_with("Permitted: for a substantiated complaint"), "{}", english.summary);
    assert_eq!(english.basis.as_deref(), Some("legitimate business act (Penal Code 35)"));
    assert_eq!(english.owed, ["Tell the subscriber what was received."]);
    assert_eq!(english.mark.as_deref(), Some("C general knowledge, not verified"));
    assert!(english.warning.as_deref().unwrap().contains("not signed off"));
    assert!(english.alternatives.iter().any(|line| line.starts_with("JP-055: ")));
    assert!(!english.text(Lang::En).contains("K-77"), "no value is repeated");
    let japanese = said(ActName::Learn, DataCategory::Asgn, Purpose::Clean, facts, Lang::Ja);
    assert!(japanese.text(Lang::Ja).contains("根拠：正当業務行為（刑法第35条）"));
}

#[test]
fn what_a_person_can_state_is_said_with_the_person() {
    let mut facts = Facts::none();
    facts.state("complaint.id", "K-77", &PersonId("desk".to_owned()), &[Role::AbuseDesk]);
    let english = said(ActName::Learn, DataCategory::Asgn, Purpose::Clean, facts, Lang::En);
    assert!(
        english.summary.ends_with("Missing: the complaint passed the checks of time, zone and evidence. The abuse desk can state it."),
        "{}",
        english.summary
    );
}

#[test]
fn every_cell_is_explained_in_both_languages_without_a_gap() {
    let packs = Packs::shipped().unwrap();
    for cell in cells(packs.current().unwrap()) {
        for role in Role::ALL {
            for lang in [Lang::Ja, Lang::En] {
                let text = explain(&packs, &cell.ask(role, Facts::none()), lang).text(lang);
                assert!(text.len() > 10 && !text.contains("..") && !text.contains("。。"), "{text}");
            }
        }
    }
}

#[test]
fn the_page_shows_every_rule() {
    let packs = Packs::shipped().unwrap();
    for lang in [Lang::Ja, Lang::En] {
        let page = page(&packs, lang);
        assert!(packs.current().unwrap().rules().all(|rule| page.contains(&format!("\n{}  [", rule.id))));
    }
}
