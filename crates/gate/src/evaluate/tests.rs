#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]
//! No by default, and no where a rule or a fact is not understood.

use tadoru_model::UtcMicros;

use super::*;
use crate::{
    request::{Facts, Scope},
    table::AT,
    vocabulary::{ActName, Basis, DataSet, Purpose},
};

fn who(facts: Facts) -> Ask {
    Ask {
        act: ActName::Learn,
        data: DataSet::of(&[DataCategory::Asgn]),
        purpose: Purpose::Clean,
        basis: None,
        person: PersonId("desk".to_owned()),
        roles: vec![Role::AbuseDesk],
        case: None,
        scope: Scope::default(),
        facts,
        at: AT,
    }
}

fn complaint() -> Facts {
    let mut facts = Facts::none();
    facts.state("complaint.id", "K-1", &PersonId("desk".to_owned()), &[Role::AbuseDesk]);
    facts.state("complaint.substantiated", "yes", &PersonId("desk".to_owned()), &[Role::AbuseDesk]);
    facts
}

fn asked(ask: &Ask) -> Decision {
    evaluate(&Packs::shipped().unwrap(), ask, &[])
}

#[test]
fn a_substantiated_complaint_opens_the_look_up_to_the_abuse_desk_alone() {
    let decision = asked(&who(complaint()));
    assert_eq!(decision.verdict, Verdict::PermitWithObligations);
    assert_eq!(decision.rule.unwrap().id, "JP-063");
    assert_eq!((decision.basis, decision.max_duration_s), (Some(Basis::Biz), Some(86_400)));
    for role in Role::ALL.into_iter().filter(|role| *role != Role::AbuseDesk) {
        let decision = asked(&Ask { roles: vec![role], ..who(complaint()) });
        assert!(!decision.verdict.permits(), "{role:?}");
    }
}

#[test]
fn a_fact_that_is_not_understood_refuses_the_whole_wish() {
    let spoilt = |name: &str, value: &str| {
        let mut facts = complaint();
        facts.state(name, value, &PersonId("desk".to_owned()), &[Role::AbuseDesk]);
        let decision = asked(&who(facts));
        assert_eq!(decision.verdict, Verdict::Deny, "{name}");
        decision.missing[0].clone()
    };
    assert_eq!(spoilt("complaint.grade", "A").name, "fact:complaint.grade");
    assert!(spoilt("complaint.substantiated", "maybe").text_en.contains("`yes` or `no`"));
    assert!(spoilt("preserve.days", "thirty").text_en.contains("a number"));
    assert!(spoilt("preserve.days", "NaN").text_en.contains("a number"));
    assert!(spoilt("list.expiry", "31/12/2026").text_en.contains("a date"));
    assert!(spoilt("complaint.id", &"x".repeat(5000)).text_en.contains("4,096"));
    let by_hand = spoilt("warrant.signature.valid", "yes");
    assert!(by_hand.text_en.contains("cannot be given by hand") && !by_hand.stated);
}

#[test]
fn no_need_repeats_what_somebody_gave() {
    let mut facts = Facts::none();
    facts.state("203.0.113.7", "192.0.2.1", &PersonId("desk".to_owned()), &[Role::AbuseDesk]);
    let said = format!("{:?}", asked(&who(facts)));
    assert!(!said.contains("203.0") && !said.contains("192.0"), "{said}");
}

#[test]
fn a_statement_by_somebody_who_may_not_make_it_counts_for_nothing() {
    let mut facts = complaint();
    facts.state("complaint.substantiated", "yes", &PersonId("noc".to_owned()), &[Role::NetworkOperations]);
    let decision = asked(&who(facts));
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(decision.missing[0].name, "complaint.substantiated");
    assert!(decision.missing[0].text_en.contains("role may not state it"));
    assert_eq!(decision.missing[0].by, [Role::AbuseDesk]);
    let mut no = complaint();
    no.state("complaint.substantiated", "no", &PersonId("desk".to_owned()), &[Role::AbuseDesk]);
    assert_eq!(asked(&who(no)).verdict, Verdict::Deny);
}

#[test]
fn a_named_basis_is_the_only_one_tried() {
    let named = |basis| asked(&Ask { basis: Some(basis), ..who(complaint()) });
    assert_eq!(named(Basis::Biz).verdict, Verdict::PermitWithObligations);
    assert_eq!(named(Basis::ConsTos).verdict, Verdict::NeedConsent);
    let none = named(Basis::War);
    assert_eq!((none.verdict, none.missing[0].name.as_str()), (Verdict::Deny, "basis"));
}

#[test]
fn of_several_categories_the_strictest_outcome_is_the_answer() {
    let both = DataSet::of(&[DataCategory::Asgn, DataCategory::Cont]);
    let decision = asked(&Ask { data: both, ..who(complaint()) });
    assert_eq!((decision.verdict, decision.rule.unwrap().id.as_str()), (Verdict::Deny, "JP-003"));
    let none = asked(&Ask { data: DataSet::EMPTY, ..who(complaint()) });
    assert_eq!(none.verdict, Verdict::Deny);
}

#[test]
fn a_rule_is_in_force_from_its_day_in_its_own_zone() {
    // 2026-01-01 00:00 in Japan.
    let begin = 1_767_193_200_000_000;
    let at = |at| asked(&Ask { at: UtcMicros(at), ..who(complaint()) }).verdict.permits();
    assert_eq!([at(begin - 1), at(begin)], [false, true]);
    assert_eq!([at(i64::MIN), at(i64::MAX - 1)], [false, true]);
}

#[test]
fn a_date_is_kept_within_its_limit_on_both_sides() {
    let block = |end: &str| {
        let noc = PersonId("noc".to_owned());
        let mut facts = Facts::none();
        for name in ["victim.request", "measure.narrowest"] {
            facts.state(name, "yes", &noc, &[Role::NetworkOperations]);
        }
        facts.state("measure.end", end, &noc, &[Role::NetworkOperations]);
        let data = DataSet::of(&[DataCategory::Hdr]);
        let ask = Ask { act: ActName::Block, data, purpose: Purpose::ProtCust, ..who(facts) };
        asked(&Ask { roles: vec![Role::NetworkOperations], ..ask }).verdict.permits()
    };
    let answers =
        ["2026-11-20", "2026-11-22", "2026-12-20", "2026-12-21", "2026-11-21T00:00:01Z", "9999-12-31"];
    assert_eq!(answers.map(block), [false, true, true, false, true, false]);
}

#[test]
fn an_approval_by_the_auditor_or_by_the_asker_again_is_none() {
    let packs = Packs::shipped().unwrap();
    let mut facts = Facts::none();
    for name in ["warrant.signature.valid", "warrant.court.verified", "warrant.scope.matches"] {
        facts.derive(name, "yes");
    }
    let data = DataSet::of(&[DataCategory::Flow]);
    let ask = Ask { act: ActName::Disclose, data, purpose: Purpose::Crime, ..who(facts) };
    let by = |list: &[(&str, Role)]| {
        let people: Vec<_> =
            list.iter().map(|(name, role)| (PersonId((*name).to_owned()), vec![*role])).collect();
        evaluate(&packs, &ask, &people).verdict
    };
    assert_eq!(by(&[]), Verdict::NeedApproval);
    assert_eq!(by(&[("desk", Role::LegalReviewer)]), Verdict::NeedApproval, "the asker under another hat");
    assert_eq!(
        by(&[("a", Role::Approver), ("b", Role::Manager)]),
        Verdict::NeedApproval,
        "no legal reviewer"
    );
    assert_eq!(by(&[("c", Role::Auditor), ("d", Role::Administrator)]), Verdict::NeedApproval);
    assert_eq!(by(&[("l", Role::LegalReviewer)]), Verdict::PermitWithObligations);
}

#[test]
fn what_counsel_has_to_sign_is_off_until_then() {
    let mut packs = Packs::shipped().unwrap();
    let mut facts = Facts::none();
    facts.derive("finding.evidence", "scan of 2026-11-20");
    facts.derive("finding.false_positive_percent", "0.5");
    let before =
        evaluate(&packs, &who(facts.clone()), &[(PersonId("l".to_owned()), vec![Role::LegalReviewer])]);
    assert_eq!((before.verdict, before.rule.unwrap().id.as_str()), (Verdict::NeedLegalReview, "JP-059"));
    assert_eq!(before.missing[0].name, "sign-off:JP-059");
    packs = crate::table::all_signed(&packs);
    assert!(evaluate(&packs, &who(facts), &[]).verdict.permits());
}
