//! Whether a pack says what it means: `tadoru gate check`.
//!
//! What comes in: the text of a pack, signed or not. What goes out: problems, which keep it from loading, and warnings.
//! It never repairs anything, and never gives back a pack that could be used.

use std::collections::BTreeSet;

use tadoru_model::Role;

use super::{
    PackError, compile,
    form::{Condition, Effect, FactDecl, FactFrom, FactKind, File, Rule, SignOffNeed},
    retention::Keep,
};
use crate::{
    evaluate::{EMERGENCY, vectors},
    request::ApprovalPer,
    vocabulary::{ActName, Basis, DataCategory, Mark},
};

/// What a check found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What keeps the pack from loading.
    pub problems: Vec<Problem>,
    /// What a person should know before relying on it.
    pub warnings: Vec<String>,
    /// How many rules it has, without further paragraphs.
    pub rules: usize,
    /// How many of its own vectors came out.
    pub vectors: usize,
}

/// Something that is wrong with a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: a line, or a rule or declaration by its id.
    pub place: String,
    /// What.
    pub text: String,
}

/// Checks the text of a pack and runs its own vectors; no signature is needed for that.
pub fn check(text: &str) -> Report {
    let pack = match compile::compile(text, String::new(), String::new()) {
        Ok(pack) => pack,
        Err(PackError::Problems(problems)) => return Report { problems, ..Report::default() },
        Err(error) => {
            let problem = Problem { place: "file".to_owned(), text: error.to_string() };
            return Report { problems: vec![problem], ..Report::default() };
        }
    };
    let tests: Vec<_> = toml::from_str::<File>(text)
        .map(|file| {
            file.rule
                .into_iter()
                .flat_map(|rule| rule.tests.into_iter().map(move |t| (rule.id.clone(), t)))
                .collect()
        })
        .unwrap_or_default();
    let rules: BTreeSet<_> = pack.rules().map(|rule| base(&rule.id).to_owned()).collect();
    let warnings = pack.warnings();
    let (vectors, problems) = vectors::run(&pack, &tests);
    Report { problems, warnings, rules: rules.len(), vectors }
}

/// The id of a rule without its paragraph.
pub(crate) fn base(id: &str) -> &str {
    id.split_once('.').map_or(id, |(base, _)| base)
}

/// What is said of a rule that no counsel has signed off; `None` where none is needed.
pub(super) fn unsigned(rule: &Rule) -> Option<String> {
    let off = match rule.sign_off {
        SignOffNeed::Required => ", and is off until then",
        SignOffNeed::Warn => "",
    };
    rule.mark
        .contains(&Mark::C)
        .then(|| format!("rule {} is marked C (not verified) and not signed off by counsel{off}", rule.id))
}

/// Everything that keeps a file from loading.
pub(super) fn problems(file: &File) -> Vec<Problem> {
    let mut found = Found::default();
    head(file, &mut found);
    facts(file, &mut found);
    for rule in &file.rule {
        let mut here = Found::default();
        self::rule(rule, file, &mut here);
        found
            .0
            .extend(here.0.into_iter().map(|p| Problem { place: rule.id.chars().take(32).collect(), ..p }));
    }
    found.0
}

/// The line in which a span begins.
pub(super) fn line_of(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let before = span.and_then(|span| text.as_bytes().get(..span.start));
    before.map_or_else(
        || "file".to_owned(),
        |b| format!("line {}", b.iter().filter(|c| **c == b'\n').count() + 1),
    )
}

#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn when(&mut self, wrong: bool, text: impl Into<String>) {
        if wrong {
            self.0.push(Problem { place: "file".to_owned(), text: text.into() });
        }
    }

    fn unique<'a>(&mut self, what: &str, ids: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for id in ids {
            self.when(!seen.insert(id), format!("{what} `{id}` is declared twice"));
        }
    }
}

fn head(file: &File, found: &mut Found) {
    let letters = file.pack.jurisdiction.as_bytes();
    found.when(
        letters.len() != 2 || !letters.iter().all(u8::is_ascii_uppercase),
        "jurisdiction is not two capital letters",
    );
    found.when(file.pack.version.trim().is_empty(), "version is empty");
    found.when(jiff::tz::TimeZone::get(&file.pack.zone).is_err(), "zone is not known");
    found.when(file.rule.len() > MAX_RULES, format!("more than {MAX_RULES} rules"));
    found.unique("rule", file.rule.iter().map(|r| r.id.as_str()));
    found.unique("fact", file.fact.iter().map(|f| f.name.as_str()));
    found.unique("basis", file.basis.iter().map(|b| b.id.as_str()));
    found.unique("obligation", file.obligation.iter().map(|o| o.id.as_str()));
    found.unique("retention class", file.retention.iter().map(|r| r.id.as_str()));
    found.unique("defect", file.defect.iter().map(|d| d.id.as_str()));
    for class in &file.retention {
        found.when(
            class.max.is_some_and(|max| max < class.default),
            format!("retention class `{}`: the default is longer than the maximum", class.id),
        );
    }
    for basis in &file.basis {
        basis.requires.iter().for_each(|c| condition(c, file, found));
        found.when(
            basis.id == Basis::War && basis.requires.is_empty(),
            "basis `WAR` asks for no fact: a warrant must be verified",
        );
        found.when(
            basis.on_missing.is_some_and(|verdict| verdict.permits()),
            format!("basis `{}` permits when a fact is missing", basis.id),
        );
    }
}

fn facts(file: &File, found: &mut Found) {
    found.when(file.fact.len() > MAX_FACTS, format!("more than {MAX_FACTS} facts"));
    for fact in &file.fact {
        let name = &fact.name;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_';
        found.when(
            !name.contains('.') || !name.chars().all(plain),
            format!("fact name `{name}` is not dotted lower case"),
        );
        let (stated, roles) = (fact.from == FactFrom::Stated, !fact.by.is_empty());
        found.when(
            stated != roles,
            format!("fact `{name}`: stated facts name their roles, derived ones none"),
        );
        found.when(
            blank(&fact.text_ja) || blank(&fact.text_en),
            format!("fact `{name}` has no sentence in both languages"),
        );
        if let Some(defect) = &fact.defect {
            declared_defect(defect, file, found);
        }
    }
}

fn rule(rule: &Rule, file: &File, found: &mut Found) {
    found.when(!is_id(&rule.id, &file.pack.jurisdiction), "id is not of the form `JP-001` or `JP-001.2`");
    found.when(rule.version == 0, "version is 0");
    found.when(rule.effective_to.is_some_and(|to| to <= rule.effective_from), "it ends before it begins");
    found.when(blank(&rule.text_ja) || blank(&rule.text_en), "no sentence in both languages");
    found.when(blank(&rule.source), "no source");
    found.when(rule.mark.is_empty(), "no mark");
    for condition in
        rule.requires.iter().chain(&rule.unless).chain(rule.basis_any_of.iter().flat_map(|b| b.requires()))
    {
        self::condition(condition, file, found);
    }
    for used in &rule.basis_any_of {
        let declared = file.basis.iter().any(|b| b.id == used.basis());
        found.when(!declared, format!("basis `{}` is not declared", used.basis()));
    }
    for id in &rule.obligations {
        found
            .when(!file.obligation.iter().any(|o| o.id == *id), format!("obligation `{id}` is not declared"));
    }
    if let Some(id) = &rule.retention {
        found.when(
            !file.retention.iter().any(|r| r.id == *id),
            format!("retention class `{id}` is not declared"),
        );
    }
    if let Some(defect) = &rule.on_fail.defect {
        declared_defect(defect, file, found);
    }
    if let Some(id) = &rule.on_fail.rule {
        found
            .when(!file.rule.iter().any(|r| r.id == *id), format!("`on_fail` names the unknown rule `{id}`"));
    }
    found.when(rule.on_fail.outcome.permits(), "`on_fail` permits");
    if let Some(text) = &rule.limits.max_duration {
        let good = matches!(Keep::parse(text), Some(Keep::Seconds(1..)));
        found.when(!good, "`max_duration` is not a period");
    }
    let cells = rule.act.is_empty() || rule.data.is_empty() || rule.purpose.is_empty();
    match rule.effect {
        Effect::Permit => permit(rule, file, cells, found),
        Effect::Duty => found.when(!rule.basis_any_of.is_empty(), "a duty has no basis"),
        Effect::Deny | Effect::NeedConsent | Effect::NeedLegalReview => {
            found.when(cells, "no act, no data or no purpose");
            let opens =
                !rule.basis_any_of.is_empty() || rule.retention.is_some() || rule.approval.persons > 0;
            found.when(opens, "a rule that stops a deed has no basis, retention or approval");
        }
    }
}

fn permit(rule: &Rule, file: &File, cells: bool, found: &mut Found) {
    found.when(cells, "no act, no data or no purpose");
    found.when(rule.basis_any_of.is_empty(), "no basis");
    found.when(rule.actor_role.is_empty(), "no role may do it");
    found.when(rule.retention.is_none(), "no retention class");
    found.when(!rule.unless.is_empty(), "`unless` belongs to rules that stop a deed");
    found.when(rule.actor_role.contains(&Role::Auditor), "the auditor opens nothing");
    let only = |acts: &[ActName]| rule.act.iter().all(|act| acts.contains(act));
    found.when(
        rule.actor_role.contains(&Role::Administrator) && !only(&[ActName::Store]),
        "the administrator opens nothing",
    );
    let figures = rule.data.iter().all(|data| *data == DataCategory::Agg);
    let opens = rule.act.iter().any(|act| matches!(act, ActName::Learn | ActName::Use | ActName::Disclose));
    found
        .when(rule.actor_role.contains(&Role::Manager) && opens && !figures, "the manager sees figures only");
    let approval = &rule.approval;
    found.when(approval.persons == 0 && !approval.roles.is_empty(), "approval by roles but by no person");
    found.when(approval.roles.len() > usize::from(approval.persons), "approval by more roles than persons");
    let emergency = file.fact.iter().any(|f| f.name == EMERGENCY);
    found.when(
        approval.emergency_after_minutes.is_some() && !emergency,
        format!("fact `{EMERGENCY}` is not declared"),
    );
    found.when(
        approval.per == ApprovalPer::Version && approval.persons == 0,
        "approval once a version by no person",
    );
}

fn condition(condition: &Condition, file: &File, found: &mut Found) {
    let name = condition.fact();
    let Some(fact) = file.fact.iter().find(|f| f.name == name) else {
        return found.when(true, format!("fact `{name}` is not declared"));
    };
    if let Condition::Within(within) = condition {
        let (number, date) = (within.at_most.or(within.at_least), within.ahead_days.or(within.past_days));
        found.when(number.is_none() && date.is_none(), format!("fact `{name}`: a limit without a value"));
        found.when(
            number.is_some_and(|n| !n.is_finite()),
            format!("fact `{name}`: the limit is not a number"),
        );
        found.when(
            !fits(fact, number.is_some(), date.is_some()),
            format!("fact `{name}`: the limit does not fit its kind"),
        );
    }
}

fn fits(fact: &FactDecl, number: bool, date: bool) -> bool {
    (!number || fact.kind == FactKind::Number) && (!date || fact.kind == FactKind::Date)
}

fn declared_defect(id: &str, file: &File, found: &mut Found) {
    found.when(!file.defect.iter().any(|d| d.id == id), format!("defect `{id}` is not declared"));
}

fn is_id(id: &str, jurisdiction: &str) -> bool {
    let Some(rest) = id.strip_prefix(jurisdiction).and_then(|rest| rest.strip_prefix('-')) else {
        return false;
    };
    let (number, paragraph) = rest.split_once('.').unwrap_or((rest, "2"));
    number.len() == 3
        && number.bytes().all(|b| b.is_ascii_digit())
        && matches!(paragraph.as_bytes(), [b'2'..=b'9'])
}

fn blank(text: &str) -> bool {
    text.trim().is_empty() || text.len() > MAX_TEXT
}

const MAX_RULES: usize = 1024;
const MAX_FACTS: usize = 127;
const MAX_TEXT: usize = 1200;
