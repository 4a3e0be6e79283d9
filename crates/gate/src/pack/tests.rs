#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]
//! A pack loads whole and signed, or not at all.

use super::*;

const JAPAN: &str = SHIPPED[0].0;
const JAPAN_SIGNATURE: &str = SHIPPED[0].1;

#[test]
fn the_shipped_packs_are_signed_by_the_product_and_clean() {
    let packs = Packs::shipped().unwrap();
    assert_eq!(packs.jurisdiction(), "JP");
    assert_eq!(packs.iter().map(Pack::jurisdiction).collect::<Vec<_>>(), ["EU", "JP", "UK", "US"]);
    assert!(packs.iter().all(|pack| pack.signed_by() == "tadoru"));
    for (text, _) in SHIPPED {
        let report = check(text);
        assert_eq!(report.problems, [], "{:#?}", report.problems);
        assert!(report.vectors >= 8);
    }
}

#[test]
fn the_japanese_pack_holds_every_rule_of_the_law_table() {
    let listed = [1..=7, 10..=18, 20..=27, 30..=41, 50..=68, 70..=75, 80..=94, 100..=105];
    let expected: Vec<String> = listed.into_iter().flatten().map(|n: u32| format!("JP-{n:03}")).collect();
    let packs = Packs::shipped().unwrap();
    let mut held: Vec<String> =
        packs.current().unwrap().rules().map(|rule| check::base(&rule.id).to_owned()).collect();
    held.sort();
    held.dedup();
    assert_eq!(held, expected);
    assert_eq!(held.len(), 82);
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let keys = PackKeys::product();
    for at in (0..JAPAN.len()).step_by(1 + JAPAN.len() / 200) {
        let mut bytes = JAPAN.as_bytes().to_vec();
        bytes[at] ^= 1;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        assert!(
            matches!(Pack::load(&text, JAPAN_SIGNATURE, &keys), Err(PackError::Signature(_))),
            "byte {at}"
        );
    }
    for at in 0..JAPAN_SIGNATURE.len() {
        let cut = &JAPAN_SIGNATURE[..at];
        assert!(
            Pack::load(JAPAN, cut, &keys).is_err() || at == JAPAN_SIGNATURE.len() - 1,
            "signature cut at {at}"
        );
    }
}

#[test]
fn an_operators_change_needs_the_operators_key() {
    let text = JAPAN.replace("version = \"2026.1\"", "version = \"2026.1-ours\"");
    let seed = [7; 32];
    let signature = signature::sign(text.as_bytes(), &seed).unwrap();
    let refused = Pack::load(&text, &signature, &PackKeys::product());
    assert!(matches!(refused, Err(PackError::Signature(SignatureError::UnknownKey))));
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let public = aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref().try_into().unwrap();
    let keys = PackKeys::product().with(PackKey { name: "ours".to_owned(), public });
    let pack = Pack::load(&text, &signature, &keys).unwrap();
    assert_eq!((pack.version(), pack.signed_by()), ("2026.1-ours", "ours"));
}

#[test]
fn every_unsigned_c_rule_is_named_until_counsel_signs_this_very_pack() {
    let mut packs = Packs::shipped().unwrap();
    let marked: Vec<String> = packs
        .current()
        .unwrap()
        .rules()
        .filter(|r| r.mark.contains(&crate::vocabulary::Mark::C))
        .map(|r| r.id.clone())
        .collect();
    assert!(marked.len() > 30);
    let warnings = packs.warnings();
    assert_eq!(warnings.len(), marked.len());
    assert!(marked.iter().zip(&warnings).all(|(id, warning)| warning.contains(id.as_str())));
    let digest = packs.current().unwrap().digest().to_owned();
    let record = |sha: &str, role: &str| {
        format!(
            "[[sign_off]]\npack_sha256 = \"{sha}\"\nrules = [\"JP-059\", \"JP-039\"]\nperson = \"counsel\"\nroles = [\"{role}\"]\ndate = \"2026-11-21\"\nreason = \"opinion of 2026-11-20\"\n"
        )
    };
    let other = SignOff::read(&record(&"0".repeat(64), "legal-reviewer")).unwrap();
    assert_eq!(packs.sign_off(&other), 0);
    assert_eq!(packs.warnings().len(), marked.len());
    let manager = SignOff::read(&record(&digest, "manager")).unwrap();
    packs.sign_off(&manager);
    assert_eq!(packs.warnings().len(), marked.len(), "management settles no mark");
    let counsel = SignOff::read(&record(&digest, "legal-reviewer")).unwrap();
    assert_eq!(packs.sign_off(&counsel), 1);
    assert_eq!(packs.warnings().len(), marked.len() - 3, "JP-039, JP-039.2 and JP-059");
    assert!(packs.current().unwrap().is_signed_off("JP-039"));
}

#[test]
fn retention_is_set_within_the_pack_and_with_a_reason() {
    let mut packs = Packs::shipped().unwrap();
    let set = |class: &str, keep: &str, reason: &str| RetentionSetting {
        class: class.to_owned(),
        keep: Keep::parse(keep).unwrap(),
        reason: reason.to_owned(),
    };
    let keep = |packs: &Packs| packs.current().unwrap().retention("assignment").unwrap().keep().to_string();
    assert_eq!(keep(&packs), "180 d");
    assert!(packs.set_retention(&[set("assignment", "365 d", " ")]).is_err());
    assert!(packs.set_retention(&[set("assignment", "366 d", "we want to")]).is_err());
    assert!(packs.set_retention(&[set("no-such", "1 d", "")]).is_err());
    packs.set_retention(&[set("assignment", "365 d", "seasonal abuse is found by comparing years")]).unwrap();
    assert_eq!(keep(&packs), "1 y");
    packs.set_retention(&[set("assignment", "90 d", "")]).unwrap();
    assert_eq!(keep(&packs), "90 d");
}

#[test]
fn a_pack_that_says_what_it_may_not_has_problems() {
    let cases = [
        ("act = [\"learn\", \"use\"]", "act = [\"peek\"]", "unknown variant"),
        ("keep = ", "keep = ", ""),
        ("requires = [\"fault.ticket\"]", "requires = [\"fault.tikket\"]", "not declared"),
        (
            "actor_role = [\"abuse-desk\", \"legal-reviewer\"]",
            "actor_role = [\"auditor\"]",
            "auditor opens nothing",
        ),
        ("retention = \"session\"", "retention = \"for ever\"", "not declared"),
        ("mark = [\"S\"]", "mark = []", "no mark"),
        ("mark = [\"S\"]", "mark = [\"S\"]\nbecause = \"x\"", "unknown field"),
        ("basis_any_of = [\"BIZ\"]", "basis_any_of = []", "no basis"),
        ("id = \"JP-002\"", "id = \"JP-001\"", "declared twice"),
        (
            "fact = \"preserve.days\", at_least = 1",
            "fact = \"preserve.letter\", at_least = 1",
            "does not fit its kind",
        ),
    ];
    for (from, to, words) in cases {
        let text = JAPAN.replacen(from, to, 1);
        let report = check(&text);
        let said: Vec<_> = report.problems.iter().map(|p| p.text.as_str()).collect();
        assert!(words.is_empty() || said.iter().any(|text| text.contains(words)), "{to}: {said:?}");
    }
    assert!(!check("").problems.is_empty());
    assert!(!check("rule = 1").problems.is_empty());
}

#[test]
fn every_declared_fact_obligation_class_and_defect_is_used() {
    let packs = Packs::shipped().unwrap();
    for pack in packs.iter() {
        let mut used: std::collections::BTreeSet<&str> = [crate::evaluate::EMERGENCY].into();
        for rule in pack.rules() {
            let of_basis = rule.basis_any_of.iter().flat_map(BasisUse::requires);
            used.extend(rule.requires.iter().chain(&rule.unless).chain(of_basis).map(Condition::fact));
            used.extend(rule.obligations.iter().chain(&rule.retention).map(String::as_str));
            used.extend(rule.on_fail.defect.as_deref());
        }
        used.extend(pack.bases().iter().flat_map(|b| b.requires.iter().map(Condition::fact)));
        used.extend(pack.facts().iter().filter_map(|f| f.defect.as_deref()));
        let declared = pack.facts().iter().map(|f| f.name.as_str());
        let declared = declared.chain(pack.obligations.keys().map(String::as_str));
        let declared = declared.chain(pack.retention.keys().map(String::as_str));
        let unused: Vec<_> =
            declared.chain(pack.defects.keys().map(String::as_str)).filter(|d| !used.contains(d)).collect();
        assert_eq!(unused, [""; 0], "{}", pack.jurisdiction());
    }
}

#[test]
fn a_second_file_of_sign_offs_adds_to_the_first() {
    let mut packs = Packs::shipped().unwrap();
    let digest = packs.current().unwrap().digest().to_owned();
    for (person, role) in [("counsel", "legal-reviewer"), ("management", "manager")] {
        let text = format!(
            "[[sign_off]]\npack_sha256 = \"{digest}\"\nrules = [\"JP-050\"]\nperson = \"{person}\"\nroles = [\"{role}\"]\ndate = \"2026-11-21\"\nreason = \"opinion\"\n"
        );
        assert_eq!(packs.sign_off(&SignOff::read(&text).unwrap()), 1);
    }
    let signed = |packs: &Packs| packs.current().unwrap().loaded("JP-050").unwrap().standing.len();
    assert_eq!(signed(&packs), 2);
    assert!(packs.current().unwrap().is_signed_off("JP-050"));
}
