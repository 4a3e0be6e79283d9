//! What the rules say to a wish: pure, deterministic, and no by default.
//!
//! What comes in: the packs, a wish with the facts on hand, and who else has agreed so far. What goes out: a
//! [`Decision`]. It never reads a clock, a file or a consent of its own, and never permits what it does not understand.
//!
//! 1. A fact that is not declared, has not the form of its kind, or is given by hand though only the program may find
//!    it, refuses the whole wish: a rule that errs is never skipped.
//! 2. Each data category is judged alone; of several, the strictest outcome is the answer.
//! 3. A rule that stops the deed (a deny, or the need of consent or legal review) and whose facts are so, wins over
//!    every permit; of several the strictest.
//! 4. Of the rules that permit, in force at the instant of asking and open to a role of the person: one that permits
//!    now goes before one that waits for approval, and that before one that lacks a fact. Among equals the most
//!    specific decides (see `pack`); among those that lack facts, one of whose facts some are on hand, then the one
//!    with fewer purposes, then the one that lacks fewer, then the one whose facts the person may state, and of those
//!    the one whose facts are nobody else's to state: it is the person's own way.
//! 5. Nothing found is no.
//!
//! A further true fact therefore never turns a yes into a no, but for the facts that rules of step 3 ask for: the
//! explicit stops. 11.R4, 11.F1; law table, section 7.

use tadoru_model::{PersonId, Role};

use crate::{
    pack::{Alternative, Effect, Loaded, Pack, Packs},
    request::{Approval, ApprovalPer, Ask, Decision, Need},
    vocabulary::{DataCategory, Verdict},
};

mod hand;
pub(crate) mod needs;
#[cfg(test)]
mod tests;
pub(crate) mod vectors;

use hand::Hand;

/// What the rules in force say to a wish. `approvals`: who has agreed to this very wish so far, with their roles.
pub fn evaluate(packs: &Packs, ask: &Ask, approvals: &[(PersonId, Vec<Role>)]) -> Decision {
    match packs.current() {
        Some(pack) => in_pack(pack, ask, approvals),
        None => no(Vec::new()),
    }
}

/// The same under one pack.
pub(crate) fn in_pack(pack: &Pack, ask: &Ask, approvals: &[(PersonId, Vec<Role>)]) -> Decision {
    let hand = match Hand::read(pack, ask, approvals) {
        Ok(hand) => hand,
        Err(faults) => return no(faults),
    };
    let each = ask.data.iter().map(|data| one(pack, ask, data, &hand, approvals));
    each.reduce(stricter).unwrap_or_else(|| no(Vec::new()))
}

// --- one category -----------------------------------------------------------------------------------------------

fn one(
    pack: &Pack,
    ask: &Ask,
    data: DataCategory,
    hand: &Hand<'_>,
    approvals: &[(PersonId, Vec<Role>)],
) -> Decision {
    let in_force = pack
        .cell(ask.act, data, ask.purpose)
        .filter(|loaded| loaded.from_us <= ask.at.0 && ask.at.0 < loaded.until_us);
    if let Some(stop) = stop(in_force.clone(), hand) {
        return stop;
    }
    let mut best: Option<Tried<'_>> = None;
    let mut closed_to_role = None;
    for loaded in in_force.filter(|loaded| loaded.rule.effect == Effect::Permit) {
        if !loaded.rule.actor_role.iter().any(|role| ask.roles.contains(role)) {
            closed_to_role = closed_to_role.or(Some(loaded));
            continue;
        }
        for alternative in &loaded.alternatives {
            if ask.basis.is_some_and(|named| named != alternative.basis) {
                continue;
            }
            let tried = attempt(pack, loaded, alternative, ask, hand, approvals);
            if best.as_ref().is_none_or(|best| tried.rank < best.rank) {
                best = Some(tried);
            }
        }
    }
    match (best, closed_to_role) {
        (Some(tried), _) => tried.decide(pack, ask, hand),
        (None, Some(loaded)) => Decision {
            rule: Some(loaded.reference.clone()),
            ..no(vec![needs::role(&loaded.rule.actor_role)])
        },
        (None, None) => no(ask.basis.map(needs::other_basis).into_iter().collect()),
    }
}

/// The strictest of the rules that stop the deed and whose facts are so.
fn stop<'a>(rules: impl Iterator<Item = &'a Loaded>, hand: &Hand<'_>) -> Option<Decision> {
    let fits = |loaded: &&Loaded| {
        hand.holds(&loaded.requires) && (loaded.unless.facts == 0 || !hand.holds(&loaded.unless))
    };
    let stops = rules.filter_map(|loaded| Some((loaded.rule.effect.stops_with()?, loaded)));
    let (verdict, loaded) =
        stops.filter(|(_, loaded)| fits(loaded)).reduce(|a, b| if b.0 > a.0 { b } else { a })?;
    Some(Decision {
        verdict,
        rule: Some(loaded.reference.clone()),
        defect: loaded.rule.on_fail.defect.clone(),
        ..no(Vec::new())
    })
}

/// A rule tried on one of its bases.
struct Tried<'a> {
    loaded: &'a Loaded,
    alternative: &'a Alternative,
    standing: Standing,
    /// The smaller the nearer to a yes; ties keep the order of specificity.
    rank: (u8, bool, usize, u32, (usize, usize)),
}

/// How far a rule has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It permits.
    Permits,
    /// It permits, and the approval follows.
    ApprovalFollows,
    /// People have to agree first.
    WaitsForApproval,
    /// The operator's counsel has to sign it first.
    Off,
    /// Facts are missing.
    Lacks,
}

fn attempt<'a>(
    pack: &Pack,
    loaded: &'a Loaded,
    alternative: &'a Alternative,
    ask: &Ask,
    hand: &Hand<'_>,
    approvals: &[(PersonId, Vec<Role>)],
) -> Tried<'a> {
    let all = [&loaded.requires, &alternative.own, &alternative.further];
    let lacking: u32 = all.iter().map(|c| hand.lacking(c).count_ones()).sum();
    let off = loaded.rule.sign_off == crate::pack::form::SignOffNeed::Required && !loaded.signed_off;
    let approval = &loaded.rule.approval;
    let standing = if lacking > 0 || !all.iter().all(|c| hand.holds(c)) {
        Standing::Lacks
    } else if off {
        Standing::Off
    } else if needs::approvals(loaded, ask, approvals).is_empty() {
        Standing::Permits
    } else if may_follow(approval) && hand.emergency {
        Standing::ApprovalFollows
    } else {
        Standing::WaitsForApproval
    };
    let step = match standing {
        Standing::Permits => 0,
        Standing::ApprovalFollows => 1,
        Standing::WaitsForApproval => 2,
        Standing::Off => 3,
        Standing::Lacks => 4,
    };
    let (untouched, purposes, not_own) = match standing {
        Standing::Lacks => (
            !all.iter().any(|c| hand.touches(c)),
            loaded.rule.purpose.len(),
            needs::not_own(pack, hand, &all, &ask.roles),
        ),
        _ => (false, 0, (0, 0)),
    };
    Tried { loaded, alternative, standing, rank: (step, untouched, purposes, lacking, not_own) }
}

/// Whether a deed may come before its approval: never where two persons are asked for, so that nobody passes a
/// two-person rule alone.
fn may_follow(approval: &Approval) -> bool {
    approval.emergency_after_minutes.is_some() && approval.persons < 2 && approval.per == ApprovalPer::Ask
}

impl Tried<'_> {
    fn decide(self, pack: &Pack, ask: &Ask, hand: &Hand<'_>) -> Decision {
        let rule = &self.loaded.rule;
        let decision = Decision {
            rule: Some(self.loaded.reference.clone()),
            basis: Some(self.alternative.basis),
            obligations: rule.obligations.clone(),
            retention: rule.retention.clone(),
            approval: rule.approval.clone(),
            max_duration_s: self.loaded.max_duration_s,
            ..no(Vec::new())
        };
        match self.standing {
            Standing::Permits if rule.obligations.is_empty() => {
                Decision { verdict: Verdict::Permit, ..decision }
            }
            Standing::Permits => Decision { verdict: Verdict::PermitWithObligations, ..decision },
            Standing::ApprovalFollows => {
                let minutes = rule.approval.emergency_after_minutes.unwrap_or_default();
                let mut obligations = decision.obligations.clone();
                obligations.push(format!("{APPROVE_WITHIN}{minutes}"));
                Decision { verdict: Verdict::PermitWithObligations, obligations, ..decision }
            }
            Standing::WaitsForApproval => Decision {
                verdict: Verdict::NeedApproval,
                missing: needs::approvals(self.loaded, ask, hand.approvals),
                ..decision
            },
            Standing::Off => Decision {
                verdict: Verdict::NeedLegalReview,
                missing: vec![needs::sign_off(&rule.id)],
                ..decision
            },
            Standing::Lacks => self.lacks(pack, hand, decision),
        }
    }

    fn lacks(&self, pack: &Pack, hand: &Hand<'_>, decision: Decision) -> Decision {
        let rule = &self.loaded.rule;
        let of_basis = !hand.holds(&self.alternative.own);
        // What a rule says of its basis (consent, a warrant) is not said when the basis stands and another fact fails.
        let verdict = match self.alternative.on_missing {
            Some(verdict) if of_basis => verdict,
            Some(verdict) if verdict == rule.on_fail.outcome => Verdict::Deny,
            _ => rule.on_fail.outcome,
        };
        let conditions = [&self.loaded.requires, &self.alternative.own, &self.alternative.further];
        let missing = needs::facts(pack, hand, &conditions);
        let named = missing.iter().find_map(|need| pack.fact(&need.name)?.defect.clone());
        let says = rule.on_fail.rule.as_deref().filter(|_| verdict == rule.on_fail.outcome);
        Decision {
            verdict,
            rule: says.and_then(|id| pack.loaded(id)).map(|l| l.reference.clone()).or(decision.rule),
            basis: None,
            missing,
            obligations: Vec::new(),
            retention: None,
            defect: named.or_else(|| rule.on_fail.defect.clone()),
            max_duration_s: None,
            ..decision
        }
    }
}

// --- several categories -----------------------------------------------------------------------------------------

/// The stricter of two decisions, with what both of them ask for.
fn stricter(a: Decision, b: Decision) -> Decision {
    let (mut strict, mild) =
        if b.verdict > a.verdict || (b.verdict == a.verdict && b.approval.persons > a.approval.persons) {
            (b, a)
        } else {
            (a, b)
        };
    for need in mild.missing {
        if !strict.missing.iter().any(|n| n.name == need.name) {
            strict.missing.push(need);
        }
    }
    if mild.verdict.permits() || mild.verdict == Verdict::NeedApproval {
        for duty in mild.obligations {
            if !strict.obligations.contains(&duty) {
                strict.obligations.push(duty);
            }
        }
    }
    for role in mild.approval.roles {
        if !strict.approval.roles.contains(&role) {
            strict.approval.roles.push(role);
        }
    }
    let shorter = [strict.max_duration_s, mild.max_duration_s].into_iter().flatten().min();
    Decision { max_duration_s: shorter, ..strict }
}

fn no(missing: Vec<Need>) -> Decision {
    Decision {
        verdict: Verdict::Deny,
        rule: None,
        basis: None,
        missing,
        obligations: Vec::new(),
        retention: None,
        approval: Approval::default(),
        defect: None,
        max_duration_s: None,
    }
}

/// The fact under which a deed may come before its approval, where its rule allows that.
pub const EMERGENCY: &str = "emergency.declared";

/// The obligation that comes with a deed before its approval, followed by the minutes.
pub const APPROVE_WITHIN: &str = "approve-within-minutes:";
