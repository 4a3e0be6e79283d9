//! Runs the vectors that a pack brings along.
//!
//! What comes in: a pack and its vectors. What goes out: how many came out, and a problem for each that did not.

use std::slice;

use tadoru_model::{PersonId, Role, UtcMicros};

use super::in_pack;
use crate::{
    pack::{Pack, Problem, Vector, form::FactFrom},
    request::{Ask, Decision, Facts, Scope},
    vocabulary::DataSet,
};

/// Runs every vector, each with the id of its rule, at the instant its rule comes into force.
pub(crate) fn run(pack: &Pack, vectors: &[(String, Vector)]) -> (usize, Vec<Problem>) {
    let mut problems = Vec::new();
    for (rule, vector) in vectors {
        let decision = decide(pack, rule, vector);
        let said = decision.rule.as_ref().map(|rule| rule.id.as_str());
        let wrong = decision.verdict != vector.expect
            || vector.rule.as_deref().is_some_and(|rule| said != Some(rule))
            || vector.defect.is_some() && decision.defect != vector.defect;
        if wrong {
            let defect = decision.defect.as_deref().unwrap_or("-");
            let text = format!(
                "vector `{}` expects `{}` and comes out as `{}` by {} with defect `{defect}`",
                vector.name,
                vector.expect,
                decision.verdict,
                said.unwrap_or("no rule"),
            );
            problems.push(Problem { place: rule.clone(), text });
        }
    }
    (vectors.len() - problems.len(), problems)
}

/// What comes out of one vector.
pub(crate) fn decide(pack: &Pack, rule: &str, vector: &Vector) -> Decision {
    let mut facts = Facts::none();
    for given in &vector.facts {
        let (name, value) = given.split_once('=').unwrap_or((given, "yes"));
        match pack.fact(name) {
            Some(decl) if decl.from == FactFrom::Stated => {
                facts.state(name, value, &PersonId("stating".to_owned()), decl.by.get(..1).unwrap_or(&[]));
            }
            _ => facts.derive(name, value),
        }
    }
    let approvals: Vec<(PersonId, Vec<Role>)> = vector
        .approvals
        .iter()
        .enumerate()
        .map(|(number, roles)| (PersonId(format!("approver-{number}")), roles.clone()))
        .collect();
    let data =
        vector.data.iter().fold(DataSet::EMPTY, |set, one| set.with(DataSet::of(slice::from_ref(one))));
    let ask = Ask {
        act: vector.act,
        data,
        purpose: vector.purpose,
        basis: vector.basis,
        person: PersonId("asker".to_owned()),
        roles: vector.roles.clone(),
        case: None,
        scope: Scope::default(),
        facts,
        at: UtcMicros(pack.loaded(rule).map_or(0, |loaded| loaded.from_us)),
    };
    in_pack(pack, &ask, &approvals)
}
