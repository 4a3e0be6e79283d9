#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]
//! The same eight requests under the four packs (law table, section 6.4), written here apart from the packs' own
//! vectors; and the six cases of the 2006 panel (section 5).

use tadoru_gate::{
    ActName, Ask, DataCategory, DataSet, Decision, Facts, Packs, Purpose, Scope, Verdict,
    evaluate::evaluate,
    pack::{check, form::FactFrom},
    table::AT,
};
use tadoru_model::{PersonId, Role};

use ActName::{Disclose, Learn, Preserve, Throttle, Use};
use DataCategory::{Asgn, Cont, Flow, Hdr, Menv, Sub, Vol};
use Purpose::{Bill, Crime, Deliver, Life, ProtOwn, Spam, TraceIn};
use Role::{AbuseDesk, LegalReviewer, NetworkOperations, System};
use Verdict::{Deny, NeedLegalReview, NeedWarrant, PermitWithObligations};

/// Asks under a pack; with `lawyer`, the legal reviewer agrees.
fn asked(
    jurisdiction: &str,
    (act, data, purpose): (ActName, &[DataCategory], Purpose),
    role: Role,
    given: &str,
    lawyer: bool,
) -> Decision {
    let packs = Packs::shipped().unwrap().with_jurisdiction(jurisdiction).unwrap();
    let pack = packs.current().unwrap();
    let mut facts = Facts::none();
    for word in given.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, "yes"));
        let decl = pack.fact(name).unwrap_or_else(|| panic!("{jurisdiction} declares no {name}"));
        match decl.from {
            FactFrom::Stated => facts.state(name, value, &PersonId("p".to_owned()), &decl.by[..1]),
            FactFrom::Derived => facts.derive(name, value),
        }
    }
    let ask = Ask {
        act,
        data: DataSet::of(data),
        purpose,
        basis: None,
        person: PersonId("asker".to_owned()),
        roles: vec![role],
        case: None,
        scope: Scope::default(),
        facts,
        at: AT,
    };
    let agreed = [(PersonId("lawyer".to_owned()), vec![LegalReviewer])];
    evaluate(&packs, &ask, if lawyer { &agreed } else { &[] })
}

const NAME: (ActName, &[DataCategory], Purpose) = (Disclose, &[Sub], Crime);
const WHO: (ActName, &[DataCategory], Purpose) = (Disclose, &[Sub, Asgn], Crime);
const LOOK_UP: (ActName, &[DataCategory], Purpose) = (Learn, &[Sub, Asgn], Crime);
const LOGINS: (ActName, &[DataCategory], Purpose) = (Disclose, &[Menv], Crime);
const MAILBOX: (ActName, &[DataCategory], Purpose) = (Disclose, &[Cont], Crime);
const SUICIDE: (ActName, &[DataCategory], Purpose) = (Disclose, &[Sub, Asgn], Life);
const KEEP: (ActName, &[DataCategory], Purpose) = (Preserve, &[Asgn], Crime);

const LETTER: &str = "request.id=1 request.document_number=1 request.issuing_unit=u request.article request.items=i \
    request.relation=r request.necessary subject.named_in_request";
const EPOC: &str = "order.signature.valid warrant.scope.matches order.by_prosecutor_or_judge";
const JUDGE: &str = "order.by_judge order.offence_threshold order.authority_notified";
const PART3: &str = "authorisation.valid authorisation.spoc=s authorisation.necessity warrant.scope.matches";
const WARRANT: &str = "warrant.signature.valid warrant.court.verified warrant.scope.matches";

#[test]
fn v1_a_letter_without_an_approver_goes_back_with_its_defect() {
    let came = asked("JP", NAME, AbuseDesk, LETTER, true);
    assert_eq!((came.verdict, came.defect.as_deref()), (NeedLegalReview, Some("approver-missing")));
    assert_eq!(came.rule.unwrap().id, "JP-094");
    let came = asked("EU", NAME, AbuseDesk, "order.signature.valid warrant.scope.matches", true);
    assert_eq!((came.verdict, came.defect.as_deref()), (NeedLegalReview, Some("issuing-authority")));
    let came = asked("UK", NAME, AbuseDesk, "", true);
    assert_eq!((came.verdict, came.defect.as_deref()), (NeedLegalReview, Some("no-authorisation")));
    let came = asked("US", NAME, AbuseDesk, "warrant.scope.matches", true);
    assert_eq!((came.verdict, came.defect.as_deref()), (NeedLegalReview, Some("subpoena-missing")));
}

#[test]
fn v2_the_complete_request_for_a_registered_name_is_permitted() {
    let came = asked("JP", NAME, AbuseDesk, &format!("{LETTER} request.approver=a"), false);
    assert_eq!((came.verdict, came.rule.unwrap().id.as_str()), (PermitWithObligations, "JP-080"));
    let came = asked("EU", NAME, AbuseDesk, EPOC, true);
    assert_eq!(came.verdict, PermitWithObligations);
    assert!(came.obligations.contains(&"answer-10-days".to_owned()));
    assert!(asked("UK", NAME, AbuseDesk, PART3, true).verdict.permits());
    assert!(asked("US", NAME, AbuseDesk, "subpoena.valid warrant.scope.matches", true).verdict.permits());
}

#[test]
fn v3_who_used_an_address_needs_a_warrant_in_japan() {
    let letter = format!("{LETTER} request.approver=a");
    let came = asked("JP", LOOK_UP, AbuseDesk, &letter, true);
    assert_eq!((came.verdict, came.rule.unwrap().id.as_str()), (NeedWarrant, "JP-081.2"));
    assert_eq!(asked("JP", WHO, AbuseDesk, &letter, true).verdict, NeedWarrant);
    let found_by_address = letter.replace("subject.named_in_request", "");
    assert_ne!(asked("JP", NAME, AbuseDesk, &found_by_address, true).verdict, PermitWithObligations);
    assert!(asked("JP", LOOK_UP, AbuseDesk, WARRANT, true).verdict.permits());
    assert!(!asked("JP", LOOK_UP, AbuseDesk, WARRANT, false).verdict.permits());
    assert!(asked("JP", NAME, AbuseDesk, WARRANT, true).verdict.permits());
    assert!(asked("EU", WHO, AbuseDesk, EPOC, true).verdict.permits());
    assert!(asked("UK", WHO, AbuseDesk, PART3, true).verdict.permits());
    assert!(asked("US", WHO, AbuseDesk, "subpoena.valid warrant.scope.matches", true).verdict.permits());
}

#[test]
fn v4_login_history_needs_more() {
    let letter = format!("{LETTER} request.approver=a");
    assert_eq!(asked("JP", LOGINS, AbuseDesk, &letter, true).verdict, NeedWarrant);
    assert!(asked("JP", LOGINS, AbuseDesk, WARRANT, true).verdict.permits());
    assert_eq!(asked("EU", LOGINS, AbuseDesk, EPOC, true).verdict, NeedWarrant);
    assert!(
        !asked("EU", LOGINS, AbuseDesk, &format!("{EPOC} order.by_judge order.offence_threshold"), true)
            .verdict
            .permits()
    );
    assert!(asked("EU", LOGINS, AbuseDesk, &format!("{EPOC} {JUDGE}"), true).verdict.permits());
    assert!(asked("UK", LOGINS, AbuseDesk, PART3, true).verdict.permits());
    let subpoena = asked("US", LOGINS, AbuseDesk, "subpoena.valid warrant.scope.matches", true);
    assert_eq!((subpoena.verdict, subpoena.defect.as_deref()), (NeedWarrant, Some("order-2703d-missing")));
    assert!(asked("US", LOGINS, AbuseDesk, "order.d.valid warrant.scope.matches", true).verdict.permits());
}

#[test]
fn v5_a_mailbox_needs_a_judge() {
    assert_eq!(asked("JP", MAILBOX, AbuseDesk, "content.stored", true).verdict, NeedWarrant);
    assert_eq!(
        asked("JP", MAILBOX, AbuseDesk, WARRANT, true).verdict,
        Deny,
        "in transit, as far as is known"
    );
    assert!(asked("JP", MAILBOX, AbuseDesk, &format!("{WARRANT} content.stored"), true).verdict.permits());
    assert_eq!(asked("EU", MAILBOX, AbuseDesk, EPOC, true).verdict, NeedWarrant);
    assert!(asked("EU", MAILBOX, AbuseDesk, &format!("{EPOC} {JUDGE}"), true).verdict.permits());
    let british = asked("UK", MAILBOX, AbuseDesk, PART3, true);
    assert_eq!((british.verdict, british.defect.as_deref()), (Deny, Some("not-part-3")));
    assert_eq!(
        asked("US", MAILBOX, AbuseDesk, "order.d.valid warrant.scope.matches", true).verdict,
        NeedWarrant
    );
    assert!(asked("US", MAILBOX, AbuseDesk, WARRANT, true).verdict.permits());
}

#[test]
fn v6_a_threat_of_suicide_now() {
    let facts = "danger.present=d danger.life danger.no_other_means danger.proportionate request.police_form=f \
        request.callback";
    let came = asked("JP", SUICIDE, AbuseDesk, facts, true);
    assert_eq!((came.verdict, came.rule.unwrap().id.as_str()), (PermitWithObligations, "JP-086"));
    assert!(came.obligations.contains(&"review-24h".to_owned()));
    assert_eq!(asked("JP", SUICIDE, AbuseDesk, facts, false).verdict, Verdict::NeedApproval);
    let unreachable = asked("JP", SUICIDE, AbuseDesk, &format!("{facts} emergency.declared"), false);
    assert!(unreachable.obligations.contains(&"approve-within-minutes:60".to_owned()), "{unreachable:?}");
    let european = asked("EU", SUICIDE, AbuseDesk, "order.signature.valid order.emergency danger.life", true);
    for owed in ["answer-8-hours", "validation-48-hours"] {
        assert!(european.verdict.permits() && european.obligations.contains(&owed.to_owned()));
    }
    assert!(
        asked("UK", SUICIDE, AbuseDesk, "danger.present=d danger.life authorisation.oral_recorded=o", true)
            .verdict
            .permits()
    );
    assert!(asked("US", SUICIDE, AbuseDesk, "danger.present=d danger.life", true).verdict.permits());
}

#[test]
fn v7_logs_are_kept_for_as_long_as_the_law_says() {
    let table = [
        ("JP", "preserve.letter=l preserve.identified", 30, 60),
        ("EU", "order.signature.valid order.by_prosecutor_or_judge preserve.identified", 60, 90),
        ("US", "preserve.letter=l preserve.identified", 90, 180),
    ];
    for (jurisdiction, facts, first, extended) in table {
        let for_days = |days: u32, more: &str| {
            asked(jurisdiction, KEEP, AbuseDesk, &format!("{facts} preserve.days={days} {more}"), true)
                .verdict
                .permits()
        };
        let more = "preserve.extension=e";
        assert_eq!([for_days(first, ""), for_days(first + 1, "")], [true, false], "{jurisdiction}");
        assert_eq!([for_days(extended, more), for_days(extended + 1, more)], [true, false], "{jurisdiction}");
        assert!(!for_days(0, more), "{jurisdiction}");
    }
    assert_eq!(asked("UK", KEEP, AbuseDesk, "", true).verdict, NeedLegalReview);
}

#[test]
fn v8_a_search_for_other_crimes_goes_to_the_lawyer() {
    let with = |facts: &str| format!("{facts} request.exploratory");
    let came = asked("JP", LOGINS, AbuseDesk, &with(WARRANT), true);
    assert_eq!((came.verdict, came.defect.as_deref()), (NeedLegalReview, Some("exploratory")));
    assert_eq!(
        asked("EU", LOGINS, AbuseDesk, &with(&format!("{EPOC} {JUDGE}")), true).verdict,
        NeedLegalReview
    );
    let british = asked("UK", LOGINS, AbuseDesk, &with(PART3), true);
    assert_eq!((british.verdict, british.defect.as_deref()), (NeedLegalReview, Some("proportionality")));
    assert_eq!(
        asked("US", LOGINS, AbuseDesk, &with("order.d.valid warrant.scope.matches"), true).verdict,
        NeedLegalReview
    );
}

#[test]
fn every_pack_brings_the_eight_vectors_along() {
    for file in ["jp/japan", "eu/union", "uk/kingdom", "us/states"] {
        let path = format!("{}/../../packs/{file}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let report = check(&text);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        for number in 1..=8 {
            assert!(text.contains(&format!("name = \"V{number}\"")), "{file} has no V{number}");
        }
    }
}

#[test]
fn the_six_cases_of_the_panel_come_out_as_the_table_says() {
    let rule = |decision: &Decision| decision.rule.as_ref().map(|rule| rule.id.clone()).unwrap_or_default();
    let eavesdropping = asked("JP", (Learn, &[Cont], ProtOwn), NetworkOperations, "", true);
    assert_eq!((eavesdropping.verdict, rule(&eavesdropping).as_str()), (Deny, "JP-003"));
    let for_another =
        asked("JP", (Learn, &[Hdr], Deliver), NetworkOperations, "answer.third_person fault.ticket=f", true);
    assert_eq!((for_another.verdict, rule(&for_another).as_str()), (Deny, "JP-004"));
    let fault = asked("JP", (Learn, &[Hdr], Deliver), NetworkOperations, "fault.ticket=f", false);
    assert_eq!((fault.verdict.permits(), rule(&fault).as_str()), (true, "JP-004.2"));
    let billing = asked("JP", (Use, &[Vol], Bill), System, "", false);
    assert_eq!((billing.verdict.permits(), rule(&billing).as_str()), (true, "JP-002"));
    let tracing =
        asked("JP", (Learn, &[Flow], TraceIn), NetworkOperations, "incident.id=i scope.attack_only", false);
    assert_eq!((tracing.verdict.permits(), rule(&tracing).as_str()), (true, "JP-035"));
    assert_eq!(asked("JP", (Learn, &[Flow], TraceIn), NetworkOperations, "", true).verdict, Deny);
    let delivering = asked("JP", (Learn, &[Hdr, Menv], Deliver), System, "", false);
    assert_eq!((delivering.verdict.permits(), rule(&delivering).as_str()), (true, "JP-001"));
    let counters = asked("JP", (Throttle, &[Menv], Spam), System, "fields.minimum", false);
    assert_eq!(rule(&counters), "JP-015");
    assert!(counters.verdict.permits());
    let envelope = asked("JP", (Learn, &[Menv], Spam), AbuseDesk, "counter.over_limit", false);
    assert_eq!((envelope.verdict.permits(), rule(&envelope).as_str()), (true, "JP-016"));
    assert_eq!(asked("JP", (Learn, &[Menv], Spam), AbuseDesk, "", true).verdict, Deny, "counters come first");
}
