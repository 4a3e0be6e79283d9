//! The whole decision table of a pack, found by asking: act × category × purpose × facts × role × approvals.
//!
//! What comes in: a pack. What goes out: its cells with the facts that bear on them, and the table as text, which is
//! committed; the difference of that text is the review of a changed rule. It never reads what a rule permits off the
//! rule: every line is an answer of `evaluate`.
//!
//! Facts that stand in the very same conditions of a cell come as one *atom*: every rule asks for all of them or for
//! none, so that no answer can differ between them. What only rules that stop a deed ask for is kept apart.

use std::{collections::BTreeMap, fmt::Write};

use tadoru_model::{CaseId, PersonId, Role, UtcMicros};

use crate::{
    evaluate::{EMERGENCY, evaluate},
    pack::{Condition, Effect, Pack, Packs, Rule, SignOff, form::FactFrom},
    request::{Ask, Decision, Facts, Scope},
    vocabulary::{ActName, DataCategory, DataSet, Purpose},
};

/// An act on one category for one purpose that any rule speaks of.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The deed.
    pub act: ActName,
    /// What it is done to.
    pub data: DataCategory,
    /// What for.
    pub purpose: Purpose,
    /// The facts that permits ask for.
    pub atoms: Vec<Atom>,
    /// The facts that only rules which stop the deed ask for.
    pub stops: Vec<Atom>,
}

/// Facts that stand or fall together in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atom {
    /// The facts, each with the role that may state it; `None`: the program finds it.
    pub facts: Vec<(String, Option<Role>)>,
    /// The values that make a difference.
    pub values: Vec<String>,
}

/// Who has agreed beside the one who asks, from the weakest to the strongest.
pub const APPROVALS: [(&str, &[&[Role]]); 7] = [
    ("-", &[]),
    ("1", &[&[Role::Approver]]),
    ("L", &[&[Role::LegalReviewer]]),
    ("M", &[&[Role::Manager]]),
    ("1 + 1", &[&[Role::Approver], &[Role::Approver]]),
    ("L + 1", &[&[Role::LegalReviewer], &[Role::Approver]]),
    ("M + L", &[&[Role::Manager], &[Role::LegalReviewer]]),
];

/// The instant at which the table is asked: 2026-11-21 00:00 UTC, when every shipped rule is in force.
pub const AT: UtcMicros = UtcMicros(1_795_219_200_000_000);

/// Every cell of a pack that any rule speaks of, in the order of the words.
pub fn cells(pack: &Pack) -> Vec<Cell> {
    let words = ActName::ALL.iter().flat_map(|act| {
        DataCategory::ALL.iter().flat_map(move |data| Purpose::ALL.iter().map(move |p| (*act, *data, *p)))
    });
    words.filter_map(|(act, data, purpose)| cell(pack, act, data, purpose)).collect()
}

fn cell(pack: &Pack, act: ActName, data: DataCategory, purpose: Purpose) -> Option<Cell> {
    let rules: Vec<&Rule> = pack.cell(act, data, purpose).map(|loaded| &loaded.rule).collect();
    if rules.is_empty() {
        return None;
    }
    let (mut permits, mut stops) = (Vec::new(), Vec::new());
    for rule in rules {
        let of_basis = |used: &crate::pack::BasisUse| {
            let decl = pack.bases().iter().find(|b| b.id == used.basis());
            let own = decl.map_or(&[][..], |d| &d.requires);
            own.iter().chain(used.requires()).chain(&rule.requires).cloned().collect::<Vec<_>>()
        };
        match rule.effect {
            Effect::Permit => permits.extend(rule.basis_any_of.iter().map(of_basis)),
            _ => stops.extend([rule.requires.clone(), rule.unless.clone()]),
        }
        if rule.approval.emergency_after_minutes.is_some() {
            permits.push(vec![Condition::Held(EMERGENCY.to_owned())]);
        }
    }
    let atoms = atoms(pack, &permits, &stops, &[]);
    let only_stops = self::atoms(pack, &stops, &[], &permits);
    Some(Cell { act, data, purpose, atoms, stops: only_stops })
}

/// The facts of some conjunctions, but those of others, grouped by the conjunctions (also `beside` them) they stand in.
fn atoms(
    pack: &Pack,
    conjunctions: &[Vec<Condition>],
    beside: &[Vec<Condition>],
    but: &[Vec<Condition>],
) -> Vec<Atom> {
    let mut groups: BTreeMap<(Vec<bool>, Vec<String>), Atom> = BTreeMap::new();
    for fact in pack.facts() {
        let among = |list: &Vec<Condition>| list.iter().any(|c| c.fact() == fact.name);
        if !conjunctions.iter().any(among) || but.iter().any(among) {
            continue;
        }
        let signature: Vec<bool> = conjunctions.iter().chain(beside).map(among).collect();
        let mut values: Vec<String> =
            conjunctions.iter().flatten().filter(|c| c.fact() == fact.name).filter_map(boundary).collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() {
            values.push("yes".to_owned());
            if fact.kind == crate::pack::FactKind::Number {
                values = vec!["1".to_owned()];
            }
        }
        let by = (fact.from == FactFrom::Stated).then(|| fact.by.first().copied()).flatten();
        let group = groups.entry((signature, values.clone()));
        group.or_insert_with(|| Atom { facts: Vec::new(), values }).facts.push((fact.name.clone(), by));
    }
    groups.into_values().collect()
}

/// The value at the far end of a limit.
fn boundary(condition: &Condition) -> Option<String> {
    let Condition::Within(within) = condition else { return None };
    let days = |days: i64| {
        let at = AT.plus(days.saturating_mul(86_400_000_000));
        at.to_timestamp().map(|instant| instant.to_string())
    };
    let number = within.at_most.or(within.at_least).map(|n| n.to_string());
    number.or_else(|| days(i64::from(within.ahead_days?))).or_else(|| days(-i64::from(within.past_days?)))
}

impl Cell {
    /// Every choice of values for the atoms; 0 stands for a fact that is not on hand.
    pub fn choices(&self) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new()];
        for atom in &self.atoms {
            all = all
                .into_iter()
                .flat_map(|head: Vec<usize>| {
                    (0..=atom.values.len()).map(move |value| head.iter().copied().chain([value]).collect())
                })
                .collect();
        }
        all.sort_by_key(|choice: &Vec<usize>| choice.iter().filter(|value| **value > 0).count());
        all
    }

    /// The facts of a choice.
    pub fn facts(&self, choice: &[usize]) -> Facts {
        let mut facts = Facts::none();
        for (atom, value) in self.atoms.iter().zip(choice) {
            atom.put(*value, &mut facts);
        }
        facts
    }

    /// The wish of a person with one role.
    pub fn ask(&self, role: Role, facts: Facts) -> Ask {
        Ask {
            act: self.act,
            data: DataSet::of(&[self.data]),
            purpose: self.purpose,
            basis: None,
            person: PersonId("asker".to_owned()),
            roles: vec![role],
            case: Some(CaseId("case".to_owned())),
            scope: Scope::default(),
            facts,
            at: AT,
        }
    }
}

impl Atom {
    /// Puts its facts on hand with the value of that number; 0: not at all.
    pub fn put(&self, value: usize, facts: &mut Facts) {
        let Some(value) = value.checked_sub(1).and_then(|i| self.values.get(i)) else { return };
        for (name, by) in &self.facts {
            match by {
                Some(role) => facts.state(name, value, &PersonId("stating".to_owned()), &[*role]),
                None => facts.derive(name, value),
            }
        }
    }
}

/// The people of one line of [`APPROVALS`].
pub fn people(approvals: &[&[Role]]) -> Vec<(PersonId, Vec<Role>)> {
    let named = |(number, roles): (usize, &&[Role])| (PersonId(format!("approver-{number}")), roles.to_vec());
    approvals.iter().enumerate().map(named).collect()
}

/// The same packs with every rule of the pack in force signed off by counsel and management.
pub fn all_signed(packs: &Packs) -> Packs {
    let mut signed = packs.clone();
    let Some(pack) = packs.current() else { return signed };
    let record = |person: &str, role| SignOff {
        pack_sha256: pack.digest().to_owned(),
        rules: pack.rules().map(|rule| rule.id.clone()).collect(),
        person: PersonId(person.to_owned()),
        roles: vec![role],
        date: jiff::civil::date(2026, 11, 20),
        reason: "decision table".to_owned(),
    };
    signed.sign_off(&[record("counsel", Role::LegalReviewer), record("management", Role::Manager)]);
    signed
}

// --- the table as text ------------------------------------------------------------------------------------------

/// The table of the pack in force.
pub fn text(packs: &Packs) -> String {
    let Some(pack) = packs.current() else { return String::new() };
    let signed = all_signed(packs);
    let cells = cells(pack);
    let mut bodies: BTreeMap<(ActName, String), BTreeMap<DataCategory, Vec<Purpose>>> = BTreeMap::new();
    for cell in &cells {
        let body = body(packs, &signed, cell);
        bodies.entry((cell.act, body)).or_default().entry(cell.data).or_default().push(cell.purpose);
    }
    let empty = crate::pack::CELLS - cells.len();
    let mut out = format!(
        "Decision table of pack {} {}\n{} cells of act, category and purpose with a rule, {empty} without: no\n",
        pack.jurisdiction(),
        pack.version(),
        cells.len()
    );
    out.push_str("Each line: rule on basis | roles | who agrees beside the asker (+ sign-off once a version) | facts\n");
    for ((act, body), data) in bodies {
        let _ = write!(out, "\n{act}\n");
        let mut by_purposes: BTreeMap<Vec<Purpose>, Vec<&str>> = BTreeMap::new();
        for (data, purposes) in data {
            by_purposes.entry(purposes).or_default().push(data.as_str());
        }
        for (purposes, data) in by_purposes {
            let _ = writeln!(out, "  {} for {}", data.join(" "), for_purposes(&purposes));
        }
        out.push_str(&body);
    }
    out
}

fn for_purposes(purposes: &[Purpose]) -> String {
    let words = |list: Vec<&Purpose>| list.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(" ");
    let rest: Vec<&Purpose> = Purpose::ALL.iter().filter(|p| !purposes.contains(p)).collect();
    match rest.len() {
        0 => "every purpose".to_owned(),
        1..=6 => format!("every purpose but {}", words(rest)),
        _ => words(purposes.iter().collect()),
    }
}

/// What comes of one cell: for each rule and basis the smallest sets of facts that permit, by role; and what stops it.
fn body(packs: &Packs, signed: &Packs, cell: &Cell) -> String {
    let choices = cell.choices();
    let mut lines: BTreeMap<(String, String, String), Vec<&str>> = BTreeMap::new();
    for role in Role::ALL {
        let strongest = APPROVALS.last().map(|(_, roles)| people(roles)).unwrap_or_default();
        let open: Vec<_> = choices
            .iter()
            .map(|choice| (choice, cell.ask(role, cell.facts(choice))))
            .filter(|(_, ask)| evaluate(signed, ask, &strongest).verdict.permits())
            .collect();
        let mut smallest: Vec<(String, &[usize])> = Vec::new();
        for (packs, once) in [(packs, ""), (signed, " + sign-off")] {
            for (who, approvals) in APPROVALS {
                let people = people(approvals);
                for (choice, ask) in &open {
                    let decision = evaluate(packs, ask, &people);
                    let ground = ground(&decision);
                    let known =
                        smallest.iter().any(|(other, small)| *other == ground && covers(choice, small));
                    if decision.verdict.permits() && !known {
                        smallest.push((ground.clone(), choice));
                        let line = (ground, format!("{who}{once}"), names(cell, choice));
                        lines.entry(line).or_default().push(role.as_str());
                    }
                }
            }
        }
    }
    let mut out = String::new();
    for ((ground, who, facts), roles) in lines {
        let _ = writeln!(out, "    yes  {ground} | {} | {who} | {facts}", roles.join(" "));
    }
    for line in stops(packs, cell) {
        let _ = writeln!(out, "    {line}");
    }
    if out.is_empty() {
        out.push_str("    no   whatever is on hand\n");
    }
    out
}

/// What stops the deed when everything that permits ask for is on hand: nothing more, or one more fact.
fn stops(packs: &Packs, cell: &Cell) -> Vec<String> {
    let all: Vec<usize> = cell.atoms.iter().map(|_| 1).collect();
    let mut found = Vec::new();
    let candidates = cell.stops.iter().chain(&cell.atoms).map(Some);
    for atom in std::iter::once(None).chain(candidates) {
        for everything in [true, false] {
            let mut facts = if everything { cell.facts(&all) } else { Facts::none() };
            if let Some(atom) = atom {
                atom.put(1, &mut facts);
            }
            let decision = evaluate(packs, &cell.ask(Role::System, facts), &[]);
            let Some(rule) = decision.rule.filter(|rule| stops_deed(packs, &rule.id)) else { continue };
            let why = atom.map_or_else(|| "always".to_owned(), |atom| format!("if {}", joined(atom)));
            let why = if everything || atom.is_some() { why } else { "unless lifted".to_owned() };
            let line = format!("stop {} {} {why}", rule.id, decision.verdict);
            let said = |old: &String| *old == line || (old.contains(&rule.id) && !old.contains(" if "));
            if !found.iter().any(said) {
                found.push(line);
            }
        }
    }
    found
}

fn stops_deed(packs: &Packs, id: &str) -> bool {
    packs.current().and_then(|pack| pack.loaded(id)).is_some_and(|l| l.rule.effect.stops_with().is_some())
}

/// Whether a choice has everything that a smaller one has.
fn covers(choice: &[usize], small: &[usize]) -> bool {
    choice.iter().zip(small).all(|(have, need)| *need == 0 || have == need)
}

fn ground(decision: &Decision) -> String {
    let rule = decision.rule.as_ref().map_or("-", |rule| rule.id.as_str());
    format!("{rule} on {}", decision.basis.map_or("-", |basis| basis.as_str()))
}

fn names(cell: &Cell, choice: &[usize]) -> String {
    let held = cell.atoms.iter().zip(choice).filter(|(_, value)| **value > 0);
    let words: Vec<String> = held
        .map(|(atom, value)| match atom.values.len() {
            1 => joined(atom),
            _ => format!("{}={}", joined(atom), atom.values.get(value - 1).map_or("", String::as_str)),
        })
        .collect();
    if words.is_empty() { "nothing more".to_owned() } else { words.join(" ") }
}

fn joined(atom: &Atom) -> String {
    atom.facts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}
