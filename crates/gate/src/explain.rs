//! What a decision means, in plain words.
//!
//! What comes in: a wish or a decision, and a language. What goes out: sentences a person can act on: what was decided
//! and by which rule, on which basis, what is missing and who can supply it, what is owed. It decides nothing, and
//! repeats no value of a fact.

use std::fmt::Write;

use tadoru_model::Role;

pub use crate::pack::{Problem, Report, check};
use crate::{
    evaluate::{APPROVE_WITHIN, evaluate, needs::role_words},
    pack::{Condition, Effect, Pack, Packs, Rule},
    request::{Ask, Decision, Need},
    vocabulary::{Basis, Mark, Verdict},
};

#[cfg(test)]
mod tests;

/// The language of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Japanese.
    Ja,
    /// English.
    #[default]
    En,
}

impl Lang {
    /// `ja` or `en`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "ja" => Some(Self::Ja),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    fn of<'a>(self, ja: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }
}

/// A decision in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What was decided.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The answer, the rule's own sentence, what is missing and who can supply it: one paragraph.
    pub summary: String,
    /// The basis in plain words, when it is permitted.
    pub basis: Option<String>,
    /// What is missing, one line each.
    pub missing: Vec<String>,
    /// What is missing, by name and who can supply it.
    pub needs: Vec<Need>,
    /// What is owed, one line each.
    pub owed: Vec<String>,
    /// What the rule's marks mean.
    pub mark: Option<String>,
    /// The other rules under which the same wish could be permitted to the person, one line each.
    pub alternatives: Vec<String>,
    /// Whether the rule is marked C and no counsel has signed it off.
    pub warning: Option<String>,
}

/// Explains what the rules say to a wish, with nobody's approval on hand.
pub fn explain(packs: &Packs, ask: &Ask, lang: Lang) -> Explanation {
    let decision = evaluate(packs, ask, &[]);
    let mut explanation = explain_decision(packs, &decision, lang);
    let said = explanation.rule.clone();
    let Some(pack) = packs.current() else { return explanation };
    for data in ask.data.iter() {
        for loaded in pack.cell(ask.act, data, ask.purpose) {
            let rule = &loaded.rule;
            let open = rule.effect == Effect::Permit && rule.actor_role.iter().any(|r| ask.roles.contains(r));
            let line = format!("{}: {}", rule.id, lang.of(&rule.text_ja, &rule.text_en));
            if open && said.as_deref() != Some(&rule.id) && !explanation.alternatives.contains(&line) {
                explanation.alternatives.push(line);
            }
        }
    }
    explanation
}

/// Explains a decision that was made.
pub fn explain_decision(packs: &Packs, decision: &Decision, lang: Lang) -> Explanation {
    let pack = packs.current();
    let rule = decision.rule.as_ref();
    let loaded = rule.and_then(|r| pack?.loaded(&r.id));
    Explanation {
        verdict: decision.verdict,
        rule: rule.map(|r| r.id.clone()),
        summary: summary(pack, decision, lang),
        basis: decision.basis.filter(|_| decision.verdict.permits()).map(|b| basis(pack, b, lang)),
        missing: decision.missing.iter().map(|need| missing(need, lang)).collect(),
        needs: decision.missing.clone(),
        owed: decision.obligations.iter().map(|id| owed(pack, id, lang)).collect(),
        mark: rule
            .map(|r| r.mark.iter().map(|m| mark(*m, lang)).collect::<Vec<_>>().join(lang.of("、", "; "))),
        alternatives: Vec::new(),
        warning: loaded
            .filter(|l| !l.signed_off && l.rule.mark.contains(&Mark::C))
            .map(|l| unsigned(&l.rule.id, lang)),
    }
}

impl Explanation {
    /// The whole of it as lines for a terminal.
    pub fn text(&self, lang: Lang) -> String {
        let mut out = format!("{}\n", self.summary);
        let mut line = |name: &str, text: &str| {
            let _ = writeln!(out, "{name}{}{text}", lang.of("：", ": "));
        };
        if let Some(basis) = &self.basis {
            line(lang.of("根拠", "Basis"), basis);
        }
        self.owed.iter().for_each(|text| line(lang.of("義務", "Owed"), text));
        if let Some(mark) = &self.mark {
            line(lang.of("確かさ", "Rests on"), mark);
        }
        if let Some(warning) = &self.warning {
            line(lang.of("注意", "Warning"), warning);
        }
        self.alternatives.iter().for_each(|text| line(lang.of("他の規則", "Another rule"), text));
        out
    }
}

/// Every rule of the pack in force as a page for people.
pub fn page(packs: &Packs, lang: Lang) -> String {
    let Some(pack) = packs.current() else { return String::new() };
    let (ja, en) = pack.title();
    let mut out = format!("{} ({} {})\n", lang.of(ja, en), pack.jurisdiction(), pack.version());
    for rule in pack.rules() {
        let _ =
            write!(out, "\n{}  [{}]\n  {}\n", rule.id, marks(rule), lang.of(&rule.text_ja, &rule.text_en));
        if rule.effect != Effect::Duty {
            let words = |list: Vec<&str>| list.join(" ");
            let act = words(rule.act.iter().map(|w| w.as_str()).collect());
            let data = words(rule.data.iter().map(|w| w.as_str()).collect());
            let purpose = words(rule.purpose.iter().map(|w| w.as_str()).collect());
            let _ = writeln!(out, "  {act} | {data} | {purpose}");
        }
        for (name, text) in particulars(pack, rule, lang) {
            let _ = writeln!(out, "  {name}{}{text}", lang.of("：", ": "));
        }
    }
    out
}

// --- sentences --------------------------------------------------------------------------------------------------

fn summary(pack: Option<&Pack>, decision: &Decision, lang: Lang) -> String {
    let answer = match decision.verdict {
        Verdict::Permit | Verdict::PermitWithObligations => lang.of("許可", "Permitted"),
        Verdict::NeedApproval => lang.of("承認待ち", "Waiting for approval"),
        Verdict::NeedConsent => {
            lang.of("不許可（契約者の同意が必要）", "Refused, the subscriber's consent is needed")
        }
        Verdict::NeedLegalReview => {
            lang.of("不許可（法務担当者の判断が必要）", "Refused, the legal reviewer has to decide")
        }
        Verdict::NeedWarrant | Verdict::Deny => lang.of("不許可", "Refused"),
    };
    let mut out = match &decision.rule {
        Some(rule) => {
            let sentence = lang.of(&rule.text_ja, &rule.text_en).trim_end_matches(['。', '.']);
            match lang {
                Lang::Ja => format!("{answer}：{sentence}（{}）。", rule.id),
                Lang::En => format!("{answer}: {} ({}).", lower_first(sentence), rule.id),
            }
        }
        None if decision.missing.is_empty() => {
            let none = lang.of("この行為を認める規則はない", "no rule permits it");
            format!("{answer}{}{none}{}", lang.of("：", ": "), lang.of("。", "."))
        }
        None => format!("{answer}{}", lang.of("。", ".")),
    };
    let of_a_fact = |id: &str| decision.missing.iter().any(|n| defect_of(pack, &n.name) == Some(id));
    let defect = decision.defect.as_deref().filter(|id| !of_a_fact(id));
    if let Some(defect) = defect.and_then(|id| pack?.defect(id)) {
        let text = lang.of(&defect.text_ja, &defect.text_en);
        let _ = match lang {
            Lang::Ja => write!(out, "不備：{text}（{}）。", defect.id),
            Lang::En => write!(out, " Defect: {text} (`{}`).", defect.id),
        };
    }
    if !decision.missing.is_empty() {
        let texts: Vec<&str> = decision.missing.iter().map(|n| lang.of(&n.text_ja, &n.text_en)).collect();
        let _ = match lang {
            Lang::Ja => write!(out, "不足：{}。", texts.join("、")),
            Lang::En => write!(out, " Missing: {}.", texts.join("; ")),
        };
        for (people, can) in suppliers(&decision.missing, lang) {
            let _ = match lang {
                Lang::Ja => write!(out, "{people}が{can}。"),
                Lang::En => write!(out, " {} {can}.", upper_first(&people)),
            };
        }
    }
    out
}

/// The defect of a request in which a fact is missing.
fn defect_of<'a>(pack: Option<&'a Pack>, fact: &str) -> Option<&'a str> {
    pack?.fact(fact)?.defect.as_deref()
}

/// Who can supply what is missing.
fn suppliers(needs: &[Need], lang: Lang) -> Vec<(String, &'static str)> {
    let named = |roles: &[Role]| {
        let words: Vec<&str> = roles
            .iter()
            .map(|r| {
                let (ja, en) = role_words(*r);
                lang.of(ja, en)
            })
            .collect();
        words.join(lang.of("又は", " or "))
    };
    let mut found: Vec<(String, &'static str)> = Vec::new();
    let mut add = |who: String, can: &'static str| {
        if !who.is_empty() && !found.contains(&(who.clone(), can)) {
            found.push((who, can));
        }
    };
    for need in needs {
        let approval = need.name.starts_with("approval") || need.name.starts_with("sign-off");
        if need.name.starts_with("warrant.") {
            let (ja, en) = role_words(Role::LegalReviewer);
            add(lang.of(ja, en).to_owned(), lang.of("令状を添付できる", "can attach one"));
        } else if need.stated {
            add(named(&need.by), lang.of("述べることができる", "can state it"));
        } else if approval {
            add(named(&need.by), lang.of("承認できる", "can give it"));
        }
    }
    found
}

fn missing(need: &Need, lang: Lang) -> String {
    let text = lang.of(&need.text_ja, &need.text_en);
    match lang {
        Lang::Ja => format!("{text}（{}）", need.name),
        Lang::En => format!("{text} (`{}`)", need.name),
    }
}

fn owed(pack: Option<&Pack>, id: &str, lang: Lang) -> String {
    if let Some(minutes) = id.strip_prefix(APPROVE_WITHIN) {
        return match lang {
            Lang::Ja => format!("{minutes}分以内に承認を得る。"),
            Lang::En => format!("Get the approval within {minutes} minutes."),
        };
    }
    pack.and_then(|p| p.obligation(id)).map_or(id, |(ja, en)| lang.of(ja, en)).to_owned()
}

fn basis(pack: Option<&Pack>, basis: Basis, lang: Lang) -> String {
    let decl = pack.and_then(|p| p.bases().iter().find(|b| b.id == basis));
    decl.map_or(basis.as_str(), |b| lang.of(&b.text_ja, &b.text_en)).to_owned()
}

fn unsigned(rule: &str, lang: Lang) -> String {
    match lang {
        Lang::Ja => format!("規則{rule}は未確認（C）であり、法務担当者の署名がない。"),
        Lang::En => format!("rule {rule} is not verified (C) and not signed off by counsel."),
    }
}

/// What a mark means.
fn mark(mark: Mark, lang: Lang) -> String {
    let (ja, en) = match mark {
        Mark::A => ("一次資料で確認", "primary text read"),
        Mark::B => ("二次資料で確認", "secondary source read"),
        Mark::C => ("未確認の一般知識", "general knowledge, not verified"),
        Mark::S => ("出典文書の記載", "stated in the source documents"),
        Mark::P => ("本製品の初期値", "a default of the product"),
    };
    format!("{mark} {}", lang.of(ja, en))
}

fn marks(rule: &Rule) -> String {
    rule.mark.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(" ")
}

fn particulars<'a>(pack: &Pack, rule: &Rule, lang: Lang) -> Vec<(&'a str, String)> {
    let facts = |list: &[Condition]| {
        let text =
            |c: &Condition| pack.fact(c.fact()).map_or("", |f| lang.of(&f.text_ja, &f.text_en)).to_owned();
        list.iter().map(text).collect::<Vec<_>>().join(lang.of("、", "; "))
    };
    let roles = |list: &[Role]| {
        let text = |r: &Role| {
            let (ja, en) = role_words(*r);
            lang.of(ja, en)
        };
        list.iter().map(text).collect::<Vec<_>>().join(lang.of("、", ", "))
    };
    let bases: Vec<String> = rule.basis_any_of.iter().map(|b| basis(Some(pack), b.basis(), lang)).collect();
    let approval = match (rule.approval.persons, rule.approval.roles.as_slice()) {
        (0, _) => String::new(),
        (n, []) => n.to_string(),
        (n, named) => format!("{n} ({})", roles(named)),
    };
    let kept = rule.retention.as_deref().and_then(|id| pack.retention(id));
    let kept =
        kept.map(|c| format!("{} ({})", lang.of(&c.text_ja, &c.text_en), c.keep())).unwrap_or_default();
    let rows: [(&'a str, String); 7] = [
        (if lang == Lang::Ja { "行う者" } else { "Who" }, roles(&rule.actor_role)),
        (if lang == Lang::Ja { "根拠" } else { "Basis" }, bases.join(lang.of("、", "; "))),
        (if lang == Lang::Ja { "条件" } else { "Facts" }, facts(&rule.requires)),
        (if lang == Lang::Ja { "例外" } else { "Unless" }, facts(&rule.unless)),
        (if lang == Lang::Ja { "承認" } else { "Approval" }, approval),
        (if lang == Lang::Ja { "保存" } else { "Kept" }, kept),
        (if lang == Lang::Ja { "出典" } else { "Source" }, rule.source.clone()),
    ];
    rows.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let second_upper = text.chars().nth(1).is_some_and(char::is_uppercase);
    match chars.next() {
        Some(first) if !second_upper => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
