//! From chains to an outcome: what may be said, how sure it is, and what would decide.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use tadoru_model::{
    Algorithm, Attribution, Candidate, Certainty, CoverageSpan, CoverageState, Doubt, How, Identity,
    IdentityKind, NarrowBy, Outcome, Protocol, Realm, RecordKind, Rule, Seen, Span, SubscriberId,
};

use super::chain::{Chain, Trail};
use super::coverage::class;
use super::{Evidence, Question, is_ours};

/// Who a candidate is: a contract, or a name in the realm where the records say it. The same name in two realms is two.
type Whose = (Realm, Identity);

/// What can be said of one observed time.
pub(super) struct Moment {
    outcome: Outcome,
    /// Whether whoever is not a candidate can be ruled out.
    complete: bool,
    candidates: BTreeMap<Whose, Candidate>,
    narrow_by: BTreeSet<NarrowBy>,
    coverage: Vec<CoverageSpan>,
    notes: Vec<String>,
}

/// Judges the chains of one observed time.
pub(super) fn at_moment(
    evidence: &Evidence<'_>,
    question: &Question,
    seen: Seen,
    trail: &Trail,
    contracts: &[Vec<SubscriberId>],
) -> Moment {
    let window = seen.window(question.skew_us.max(evidence.guard_us));
    let addr = question.endpoint.addr;
    let (state, mut coverage) = match evidence.coverage.worst(&question.realm, addr, window, |_| true) {
        Some((state, spans)) => (Some(state), spans),
        None => (None, Vec::new()),
    };
    let mut narrow_by = BTreeSet::new();
    let mut notes = Vec::new();
    let broken = trail.chains.iter().all(|chain| is_broken(evidence, chain, window));
    // Many share an address by its ports. Without the port, one connection on record is not the only one there was: at
    // least its far side must be told, and the log must have been there for a while.
    let shared = question.endpoint.port.is_none()
        && trail.seen_ports
        && (question.remote.is_none() || !tells_nobody(evidence, question, window));
    let realm_open = trail.chains.iter().any(|chain| is_realm_open(evidence, chain, window));
    let candidates = candidates(window, &trail.chains, contracts);

    let mut kinds = evidence.coverage.kinds(&question.realm, addr).peekable();
    let longest_kept = match kinds.peek() {
        Some(_) => kinds.map(|kind| (evidence.kept_us)(kind)).max(),
        None => RecordKind::ALL.iter().map(|kind| (evidence.kept_us)(*kind)).max(),
    };
    let past_retention = longest_kept.is_some_and(|kept| seen.at < evidence.now.plus(-kept));

    let is_thinned = is_thinned(evidence, question, trail, window);

    let outcome = if candidates.is_empty() {
        if !is_ours(evidence, &question.realm, addr) {
            Outcome::NotOurs
        } else if past_retention || is_thinned {
            Outcome::Expired
        } else if state
            .map_or_else(|| ruled(evidence, question, window), |_| tells_nobody(evidence, question, window))
        {
            Outcome::None
        } else {
            Outcome::Gap
        }
    } else {
        if past_retention {
            notes.push(
                "the records are older than the retention of their class; its next run deletes those that no hold keeps"
                    .into(),
            );
        }
        if is_thinned {
            notes.push(
                "records of that time were deleted at the end of their retention: others may have been there"
                    .into(),
            );
        }
        let only = (candidates.len() == 1).then(|| reach(seen.core(), &trail.chains)).flatten();
        let state = match only {
            Some(span) => {
                evidence.coverage.worst(&question.realm, addr, span, |_| true).map(|(state, _)| state)
            }
            None => state,
        };
        of_candidates(&candidates, trail.cut || realm_open || shared || is_thinned, state, broken)
    };
    match outcome {
        Outcome::Gap => {
            narrow_by.insert(NarrowBy::MissingLog);
            coverage.extend(evidence.coverage.holes(&question.realm, addr, longer(window), |_| true));
            for (realm, addr) in trail.chains.iter().filter_map(unresolved) {
                coverage.extend(evidence.coverage.holes(realm, addr, window, |kind| !kind.translates()));
            }
        }
        Outcome::Ambiguous => narrow(question, trail, &candidates, &mut narrow_by),
        _ => {}
    }
    if trail.cut {
        notes.push("there are more rows than one question gets; the candidates are not all of them".into());
    }
    let complete =
        !trail.cut && !realm_open && !is_thinned && state.is_none_or(|s| s == CoverageState::Alive);
    Moment { outcome, complete, candidates, narrow_by, coverage, notes }
}

/// Joins the observed times: one doer was behind all of them.
pub(super) fn over_all(moments: Vec<Moment>) -> Attribution {
    let several = moments.len() > 1;
    let mut moments = moments.into_iter();
    let Some(first) = moments.next() else {
        let notes = vec!["no time was asked about".to_owned()];
        return Attribution {
            outcome: Outcome::None,
            candidates: vec![],
            narrow_by: vec![],
            coverage: vec![],
            notes,
        };
    };
    let Moment { mut outcome, mut complete, mut candidates, mut narrow_by, mut coverage, mut notes } = first;
    for moment in moments {
        coverage.extend(moment.coverage);
        notes.extend(moment.notes);
        narrow_by.extend(moment.narrow_by);
        let told = |o: Outcome| matches!(o, Outcome::Unique | Outcome::Ambiguous);
        if !told(outcome) || !told(moment.outcome) {
            outcome = outcome.max(moment.outcome);
            candidates.extend(moment.candidates);
            continue;
        }
        complete &= moment.complete;
        let mut both: BTreeMap<Whose, Candidate> = BTreeMap::new();
        for (id, candidate) in &candidates {
            if let Some(again) = moment.candidates.get(id) {
                let mut joined = candidate.clone();
                joined.certainty = joined.certainty.max(again.certainty);
                joined.path.extend(again.path.iter().cloned());
                joined.held =
                    Span::new(joined.held.from.min(again.held.from), joined.held.until.max(again.held.until));
                both.insert(id.clone(), joined);
            }
        }
        if both.is_empty() {
            notes.push("no holder fits all the observed times: one of them may be wrong".into());
            outcome = Outcome::Ambiguous;
            candidates.extend(moment.candidates);
        } else {
            let sure =
                complete && both.len() == 1 && both.values().all(|c| c.certainty <= Certainty::WithinSkew);
            outcome = if sure { Outcome::Unique } else { Outcome::Ambiguous };
            candidates = both;
        }
    }
    if outcome == Outcome::Unique {
        narrow_by.clear();
    } else if several {
        narrow_by.remove(&NarrowBy::AnotherTime);
    }
    let mut candidates: Vec<Candidate> = candidates.into_values().collect();
    candidates.sort_by(|a, b| {
        (a.certainty, a.held.from, &a.subscriber).cmp(&(b.certainty, b.held.from, &b.subscriber))
    });
    notes.sort();
    notes.dedup();
    coverage.sort_by(|a, b| (&a.source, a.span.from).cmp(&(&b.source, b.span.from)));
    coverage.dedup();
    Attribution { outcome, candidates, narrow_by: narrow_by.into_iter().collect(), coverage, notes }
}

/// Whether records of whoever else was there may have been deleted: those of the kinds that are kept of the asked address,
/// or that a chain rests on, and behind a gateway those of lines.
fn is_thinned(evidence: &Evidence<'_>, question: &Question, trail: &Trail, window: Span) -> bool {
    let of_address = evidence.coverage.kinds(&question.realm, question.endpoint.addr);
    let of_chains = trail.chains.iter().flat_map(|chain| chain.path.iter().map(|hop| class(hop.kind)));
    let kinds: HashSet<RecordKind> = of_address.chain(of_chains).collect();
    let is_behind = kinds.iter().any(|kind| kind.translates());
    RecordKind::ALL.into_iter().any(|kind| {
        let of_line = matches!(kind, RecordKind::Session | RecordKind::Lease | RecordKind::Static);
        let may_tell = kinds.is_empty() || kinds.contains(&class(kind)) || (is_behind && of_line);
        may_tell && window.from < (evidence.deleted_before)(kind)
    })
}

/// Whether a rule of the configuration speaks of the address.
pub(super) fn rule_speaks_of(rule: &Rule, addr: IpAddr) -> bool {
    match &rule.algorithm {
        Algorithm::DeterministicNat { outside_first, outside_last, .. } => {
            addr.is_ipv4() == outside_first.is_ipv4() && *outside_first <= addr && addr <= *outside_last
        }
        Algorithm::MapE { ipv4, .. } => ipv4.contains(addr),
    }
}

/// Whether the records can say that nobody had the address: they are complete over the window and for some time before
/// it, for what began before a log, or in a hole of it, may have gone on unseen.
fn tells_nobody(evidence: &Evidence<'_>, question: &Question, window: Span) -> bool {
    let worst = evidence.coverage.worst(&question.realm, question.endpoint.addr, longer(window), |_| true);
    worst.is_some_and(|(state, _)| state == CoverageState::Alive)
}

/// The window and the time before it in which the records must be complete to say that nobody had an address.
fn longer(window: Span) -> Span {
    Span::new(window.from.plus(-UNSEEN_US), window.until)
}

/// Whether a rule in force over the whole window decides who stands behind the address: no log is needed.
fn ruled(evidence: &Evidence<'_>, question: &Question, window: Span) -> bool {
    evidence.rules.iter().any(|r| r.valid.holds(window) && rule_speaks_of(r, question.endpoint.addr))
}

/// Whether a chain ends at an inside address although sources keep records of whose it was.
fn is_broken(evidence: &Evidence<'_>, chain: &Chain, window: Span) -> bool {
    if !chain.doubts.contains(&Doubt::InsideUnresolved) {
        return false;
    }
    let Some((realm, addr)) = unresolved(chain) else { return true };
    evidence.coverage.worst(realm, addr, window, |kind| !kind.translates()).is_some()
}

/// The inside address at which a chain ends because no record says whose it was.
fn unresolved(chain: &Chain) -> Option<(&Realm, IpAddr)> {
    let name = chain.names.first().filter(|_| chain.doubts.contains(&Doubt::InsideUnresolved))?;
    Some((&chain.realm, name.value.split('/').next()?.parse().ok()?))
}

/// Whether the gateway does not tell the realm, several have the inside address, and one of them lacks records.
fn is_realm_open(evidence: &Evidence<'_>, chain: &Chain, window: Span) -> bool {
    if !chain.doubts.contains(&Doubt::RealmUntold) {
        return false;
    }
    let Some(addr) = chain.path.last().map(|hop| hop.prefix.addr()) else { return false };
    let worst = evidence.coverage.worst(&Realm::untold(), addr, window, |kind| !kind.translates());
    evidence.coverage.realms(addr).len() > 1 && worst.is_some_and(|(state, _)| state != CoverageState::Alive)
}

/// One candidate a contract; several chains of one contract count together.
fn candidates(window: Span, chains: &[Chain], contracts: &[Vec<SubscriberId>]) -> BTreeMap<Whose, Candidate> {
    let mut sure: BTreeMap<Whose, Vec<Span>> = BTreeMap::new();
    let mut found: BTreeMap<Whose, Candidate> = BTreeMap::new();
    let nobody = Vec::new();
    for (place, chain) in chains.iter().enumerate() {
        for named_by in names(chain, contracts.get(place).unwrap_or(&nobody)) {
            let realm =
                if named_by.kind == IdentityKind::Contract { Realm::untold() } else { chain.realm.clone() };
            let id = (realm, named_by.clone());
            let certainty = if chain.certain.holds(window) {
                Certainty::Certain
            } else if chain.at_core {
                Certainty::WithinSkew
            } else {
                Certainty::Possible
            };
            sure.entry(id.clone()).or_default().push(chain.certain);
            let mut doubts = chain.doubts.clone();
            if certainty != Certainty::Certain {
                if window.from < chain.certain.from {
                    doubts.insert(Doubt::NearStart);
                }
                if chain.certain.until < window.until {
                    doubts.insert(Doubt::NearEnd);
                }
            }
            let candidate = Candidate {
                subscriber: SubscriberId(named_by.value.clone()),
                named_by,
                names: chain.names.clone(),
                held: chain.possible,
                certainty,
                path: chain.path.clone(),
                doubts: doubts.into_iter().collect(),
            };
            match found.get_mut(&id) {
                Some(known) if candidate.certainty < known.certainty => *known = candidate,
                Some(_) => {}
                None => {
                    found.insert(id, candidate);
                }
            }
        }
    }
    for (id, mut spans) in sure {
        spans.sort_by_key(|s| s.from);
        let mut reached = window.from;
        for span in spans.iter().filter(|s| !s.is_empty()) {
            if span.from <= reached {
                reached = reached.max(span.until);
            }
        }
        if reached >= window.until
            && let Some(candidate) = found.get_mut(&id)
        {
            candidate.certainty = Certainty::Certain;
        }
    }
    found
}

/// From the told time to where the only candidate surely held: over this span nobody else may be hidden.
fn reach(core: Span, chains: &[Chain]) -> Option<Span> {
    let near = |chain: &Chain| {
        let sure = chain.certain;
        Span::new(core.from.min(sure.until), core.until.max(sure.from.plus(1)))
    };
    chains.iter().filter(|c| c.at_core).map(near).min_by_key(|span| span.until.since(span.from))
}

/// The contracts of a chain's line, or its surest name where the directory does not know it.
fn names(chain: &Chain, contracts: &[SubscriberId]) -> Vec<Identity> {
    if let Some(contract) = chain.names.iter().find(|n| n.kind == IdentityKind::Contract) {
        return vec![contract.clone()];
    }
    if contracts.is_empty() {
        let surest = IdentityKind::ALL.iter().find_map(|kind| chain.names.iter().find(|n| n.kind == *kind));
        return surest.cloned().into_iter().collect();
    }
    contracts.iter().map(|id| Identity::new(IdentityKind::Contract, id.0.clone())).collect()
}

fn of_candidates(
    candidates: &BTreeMap<Whose, Candidate>,
    open: bool,
    state: Option<CoverageState>,
    broken: bool,
) -> Outcome {
    let mut all = candidates.values();
    match (all.next(), all.next()) {
        (Some(_), _) if broken => Outcome::Gap,
        (Some(_), _) if open => Outcome::Ambiguous,
        (Some(only), None) => match only.certainty {
            Certainty::Certain => Outcome::Unique,
            Certainty::WithinSkew if state.is_none_or(|s| s == CoverageState::Alive) => Outcome::Unique,
            Certainty::WithinSkew => Outcome::Ambiguous,
            Certainty::Possible if state == Some(CoverageState::Dead) => Outcome::Gap,
            Certainty::Possible => Outcome::Ambiguous,
        },
        _ => Outcome::Ambiguous,
    }
}

/// Whether a candidate stands for many lines: a rule of the configuration narrows, and no log decides.
fn is_a_crowd(candidate: &Candidate) -> bool {
    candidate.named_by.kind == IdentityKind::InsideAddress
        && candidate
            .path
            .last()
            .is_some_and(|hop| hop.kind == RecordKind::Rule && hop.from.how == How::Before)
}

fn narrow(
    question: &Question,
    trail: &Trail,
    candidates: &BTreeMap<Whose, Candidate>,
    narrow_by: &mut BTreeSet<NarrowBy>,
) {
    let several = candidates.len() > 1 || candidates.values().any(is_a_crowd);
    if question.endpoint.port.is_none() && trail.seen_ports {
        narrow_by.insert(NarrowBy::Port);
    }
    if several && question.endpoint.proto == Protocol::ANY && trail.protocols.len() > 1 {
        narrow_by.insert(NarrowBy::Protocol);
    }
    if several && question.remote.is_none() && trail.seen_remotes {
        narrow_by.insert(NarrowBy::Destination);
    }
    if candidates.values().any(|c| c.doubts.contains(&Doubt::NearStart) || c.doubts.contains(&Doubt::NearEnd))
    {
        narrow_by.insert(NarrowBy::ExactTime);
    }
    if several {
        narrow_by.insert(NarrowBy::AnotherTime);
    }
    let realms: BTreeSet<_> = candidates.values().filter_map(|c| c.path.last()).map(|h| &h.realm).collect();
    if realms.len() > 1 {
        narrow_by.insert(NarrowBy::Realm);
    }
    if candidates
        .values()
        .any(|c| c.doubts.contains(&Doubt::SourceLossy) || c.doubts.contains(&Doubt::EndInferred))
    {
        narrow_by.insert(NarrowBy::MissingLog);
    }
}

/// How long before the asked time the records must be complete to say that nobody had an address: one hour.
const UNSEEN_US: i64 = 3_600_000_000;
