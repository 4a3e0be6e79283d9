//! What is missing, in plain words, and who can supply it.
//!
//! What comes in: a rule that does not permit yet. What goes out: [`Need`]s in both languages. It never repeats a value
//! that somebody gave.

use tadoru_model::{PersonId, Role};

use super::{Ask, Hand};
use crate::{
    pack::{Conditions, FactDecl, FactKind, Limit, Loaded, Pack, form::FactFrom},
    request::{ApprovalPer, Need},
    vocabulary::Basis,
};

/// The facts that are missing, or are not within their limits.
pub(super) fn facts(pack: &Pack, hand: &Hand<'_>, conditions: &[&Conditions]) -> Vec<Need> {
    let lacking = conditions.iter().fold(0, |bits, c| bits | hand.lacking(c));
    let limits =
        || conditions.iter().flat_map(|c| &c.limits).filter(|(number, limit)| !hand.within(*number, *limit));
    let mut open = limits().fold(lacking, |bits, (number, _)| bits | 1 << number);
    let mut needs = Vec::new();
    while open != 0 {
        let number = u8::try_from(open.trailing_zeros()).unwrap_or(u8::MAX);
        open &= open - 1;
        if let Some(decl) = pack.facts().get(usize::from(number)) {
            let outside = limits().filter(|(n, _)| *n == number).map(|(_, limit)| *limit).collect::<Vec<_>>();
            needs.push(fact(decl, &outside, hand.not_theirs & (1 << number) != 0));
        }
    }
    needs
}

/// Of the facts that are missing: how many a person of these roles may not state, and how many others may state too.
pub(super) fn not_own(
    pack: &Pack,
    hand: &Hand<'_>,
    conditions: &[&Conditions],
    roles: &[Role],
) -> (usize, usize) {
    let mut open = conditions.iter().fold(0, |bits, c| bits | hand.lacking(c));
    let (mut foreign, mut shared) = (0, 0);
    while open != 0 {
        let number = open.trailing_zeros() as usize;
        open &= open - 1;
        let by = pack.facts().get(number).filter(|decl| decl.from == FactFrom::Stated).map(|decl| &decl.by);
        foreign += usize::from(by.is_none_or(|by| !by.iter().any(|role| roles.contains(role))));
        shared += usize::from(by.is_some_and(|by| by.iter().any(|role| !roles.contains(role))));
    }
    (foreign, shared)
}

fn fact(decl: &FactDecl, outside: &[Limit], not_theirs: bool) -> Need {
    let (mut text_ja, mut text_en) = (decl.text_ja.clone(), decl.text_en.clone());
    for limit in outside {
        let (ja, en) = match limit {
            Limit::AtMost(n) => (format!("（{n}以下）"), format!(" (at most {n})")),
            Limit::AtLeast(n) => (format!("（{n}以上）"), format!(" (at least {n})")),
            Limit::AheadDays(n) => {
                (format!("（今後{n}日以内の日付）"), format!(" (a date within the next {n} days)"))
            }
            Limit::PastDays(n) => {
                (format!("（過去{n}日以内の日付）"), format!(" (a date within the last {n} days)"))
            }
        };
        text_ja.push_str(&ja);
        text_en.push_str(&en);
    }
    if not_theirs {
        text_ja.push_str("（述べた者にはその役割がない）");
        text_en.push_str(" (stated by somebody whose role may not state it)");
    }
    Need {
        name: decl.name.clone(),
        text_ja,
        text_en,
        by: decl.by.clone(),
        stated: decl.from == FactFrom::Stated,
    }
}

/// The approvals that are still missing.
pub(super) fn approvals(loaded: &Loaded, ask: &Ask, on_hand: &[(PersonId, Vec<Role>)]) -> Vec<Need> {
    let asked = &loaded.rule.approval;
    if asked.persons == 0 {
        return Vec::new();
    }
    let asker_counts = asked.asker.iter().any(|role| ask.roles.contains(role));
    let own = (&ask.person, ask.roles.as_slice());
    // What is agreed to once a version is signed in the operator's record or agreed to at the gate; what is agreed to for
    // one wish does not count for it.
    let (others, at_the_gate) = match asked.per {
        ApprovalPer::Ask => (on_hand, &[][..]),
        ApprovalPer::Version => (loaded.standing.as_slice(), loaded.agreed.as_slice()),
    };
    let per_ask = asked.per == ApprovalPer::Ask;
    let others = others.iter().map(|(person, roles)| (person, roles.as_slice()));
    let others = others.filter(|(person, _)| !per_ask || **person != ask.person);
    let others = others.chain(at_the_gate.iter().map(|agreed| (&agreed.person, agreed.roles.as_slice())));
    let mut agreed: Vec<(&PersonId, &[Role])> =
        (asker_counts && per_ask).then_some(own).into_iter().collect();
    for (person, roles) in others {
        let eligible = roles.iter().any(|role| asked.roles.contains(role) || DUTY.contains(role));
        if eligible && !agreed.iter().any(|(known, _)| *known == person) {
            agreed.push((person, roles));
        }
    }
    let mut needs: Vec<Need> = asked
        .roles
        .iter()
        .filter(|role| !agreed.iter().any(|(_, roles)| roles.contains(role)))
        .map(|role| approval_by(*role, asked.per, &loaded.rule.id))
        .collect();
    let persons = usize::from(asked.persons).saturating_sub(agreed.len());
    needs.extend((needs.len()..persons).map(|_| approval_by_anybody(asked.persons)));
    needs
}

fn approval_by(role: Role, per: ApprovalPer, rule: &str) -> Need {
    let (ja, en) = role_words(role);
    let (text_ja, text_en) = match per {
        ApprovalPer::Ask => (format!("{ja}の承認"), format!("the approval of {en}")),
        ApprovalPer::Version => (
            format!("規則{rule}の現行版に対する{ja}の承認（版ごとに一度）"),
            format!("the approval of {en} for this version of rule {rule}, once for the version"),
        ),
    };
    Need { name: format!("approval:{}", role.as_str()), text_ja, text_en, by: vec![role], stated: false }
}

fn approval_by_anybody(persons: u8) -> Need {
    let (text_ja, text_en) = match persons {
        0 | 1 => ("当直責任者の承認", "the approval of a duty officer"),
        _ => ("異なる二人目の者の承認", "the approval of a second, different person"),
    };
    Need {
        name: "approval".to_owned(),
        text_ja: text_ja.to_owned(),
        text_en: text_en.to_owned(),
        by: DUTY.to_vec(),
        stated: false,
    }
}

/// Only certain roles may do it.
pub(super) fn role(roles: &[Role]) -> Need {
    let (ja, en): (Vec<_>, Vec<_>) = roles.iter().map(|role| role_words(*role)).unzip();
    Need {
        name: "role".to_owned(),
        text_ja: format!("{}の役割", ja.join("又は")),
        text_en: format!("the role of {}", en.join(" or ")),
        by: roles.to_vec(),
        stated: false,
    }
}

/// No rule knows the basis that was named.
pub(super) fn other_basis(basis: Basis) -> Need {
    Need {
        name: "basis".to_owned(),
        text_ja: format!("根拠「{basis}」を認める規則はない。根拠を指定しなければ、規則の順に調べる"),
        text_en: format!(
            "no rule allows it on the basis `{basis}`; without a named basis the rules' own order decides"
        ),
        by: Vec::new(),
        stated: false,
    }
}

/// The rule is off until counsel signs it.
pub(super) fn sign_off(rule: &str) -> Need {
    Need {
        name: format!("sign-off:{rule}"),
        text_ja: format!("規則{rule}は未確認（C）であり、法務担当者が署名するまで効力がない"),
        text_en: format!(
            "the sign-off of counsel: rule {rule} is not verified (C) and gives nothing until it is signed"
        ),
        by: vec![Role::LegalReviewer],
        stated: false,
    }
}

/// A fact that no pack knows.
pub(super) fn unknown_fact(name: &str) -> Need {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '.' | '_')) && name.len() <= 48;
    let shown = if plain { name } else { "?" };
    Need {
        name: format!("fact:{shown}"),
        text_ja: format!("事実「{shown}」は規則集に定められていない"),
        text_en: format!("the pack declares no fact `{shown}`"),
        by: Vec::new(),
        stated: false,
    }
}

/// A fact that only the program may find.
pub(super) fn not_by_hand(decl: &FactDecl) -> Need {
    Need {
        name: decl.name.clone(),
        text_ja: format!("事実「{}」はプログラムが確かめるものであり、人が述べることはできない", decl.name),
        text_en: format!("the fact `{}` is found by the program and cannot be given by hand", decl.name),
        by: Vec::new(),
        stated: false,
    }
}

/// A fact whose value has not the form of its kind.
pub(super) fn not_of_kind(decl: &FactDecl) -> Need {
    let (ja, en) = match decl.kind {
        FactKind::Yes => ("「yes」又は「no」", "`yes` or `no`"),
        FactKind::Text => ("4,096バイト以内の文字列", "text of at most 4,096 bytes"),
        FactKind::Number => ("数", "a number"),
        FactKind::Date => ("日付（例：2026-11-21）", "a date such as `2026-11-21`"),
    };
    Need {
        name: decl.name.clone(),
        text_ja: format!("事実「{}」の値は{ja}でなければならない", decl.name),
        text_en: format!("the value of the fact `{}` must be {en}", decl.name),
        by: decl.by.clone(),
        stated: decl.from == FactFrom::Stated,
    }
}

/// A role in plain words, Japanese and English.
pub(crate) const fn role_words(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::AbuseDesk => ("申告窓口担当者", "the abuse desk"),
        Role::NetworkOperations => ("ネットワーク運用担当者", "network operations"),
        Role::LegalReviewer => ("法務担当者", "the legal reviewer"),
        Role::Approver => ("承認者", "an approver"),
        Role::Manager => ("管理責任者", "the manager"),
        Role::Auditor => ("監査担当者", "the auditor"),
        Role::Administrator => ("システム管理者", "the administrator"),
        Role::SensorOperator => ("観測担当者", "the sensor operator"),
        Role::Requester => ("照会担当者", "the requester"),
        Role::UnitHead => ("所属長", "the head of the unit"),
        Role::System => ("システム（常時許可）", "the system under a standing permit"),
    }
}

/// The roles of duty officers: who may agree where a rule names no role.
const DUTY: [Role; 5] =
    [Role::AbuseDesk, Role::NetworkOperations, Role::LegalReviewer, Role::Approver, Role::Manager];
