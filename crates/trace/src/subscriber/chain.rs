//! One step after the other: from an endpoint to the rows about it, through translations, to the lines.

use std::collections::{BTreeSet, HashMap};

use tadoru_gate::Permit;
use tadoru_gate::permit::Learn;
use tadoru_model::{
    Assignment, CoverageState, Doubt, Edge, Endpoint, Holder, Hop, How, Identity, IdentityKind, PortRange,
    Prefix, Protocol, Realm, RecordKind, Remote, Span,
};
use tadoru_store::Holding;

use super::versions::{around, has_open_end, holds_alone, join};
use super::{Evidence, TraceError};
use crate::algorithm::translate;

/// One way back to one line.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// Hops from the asked endpoint on.
    pub path: Vec<Hop>,
    /// Names of the line at its end.
    pub names: Vec<Identity>,
    /// Realm in which the line has them.
    pub realm: Realm,
    /// When the whole chain may have held.
    pub possible: Span,
    /// When the whole chain surely held.
    pub certain: Span,
    /// Whether each hop surely held at the told time, however wrong that is within its skew.
    pub at_core: bool,
    /// Why it is not certain.
    pub doubts: BTreeSet<Doubt>,
}

/// All ways back from one endpoint in one window.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The chains.
    pub chains: Vec<Chain>,
    /// Whether there were more rows than one question gets.
    pub cut: bool,
    /// Facts about the rows that tell what would narrow the answer.
    pub seen_ports: bool,
    /// Some row knows its destination.
    pub seen_remotes: bool,
    /// Rows differ in protocol.
    pub protocols: BTreeSet<Protocol>,
}

/// Follows one endpoint in one window.
pub(super) struct Follower<'a> {
    permit: &'a Permit<Learn>,
    evidence: &'a Evidence<'a>,
    told: Told,
    window: Span,
    remote: Option<Remote>,
}

/// A time as it was told: the instants it stands for, and how far the teller's clock may be off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// The instants that its last digit leaves open.
    pub core: Span,
    /// Either way, microseconds.
    pub skew_us: i64,
}

/// A row with its clock corrected and its open end judged.
#[derive(Debug, Clone)]
struct Judged {
    row: Assignment,
    certain: Span,
    doubts: BTreeSet<Doubt>,
}

impl<'a> Follower<'a> {
    /// A follower for one told time and the window in which another holder would leave room for doubt.
    pub(super) const fn new(
        permit: &'a Permit<Learn>,
        evidence: &'a Evidence<'a>,
        told: Told,
        window: Span,
        remote: Option<Remote>,
    ) -> Self {
        Self { permit, evidence, told, window, remote }
    }

    /// All ways back from `endpoint`.
    pub(super) fn trail(&self, realm: Realm, endpoint: Endpoint) -> Result<Trail, TraceError> {
        let mut trail = Trail::default();
        trail.chains = self.step(realm, endpoint, self.window, 0, &mut trail)?;
        Ok(trail)
    }

    fn step(
        &self,
        realm: Realm,
        endpoint: Endpoint,
        window: Span,
        depth: usize,
        trail: &mut Trail,
    ) -> Result<Vec<Chain>, TraceError> {
        let rows = self.rows(&realm, endpoint, window, depth, trail)?;
        let mut chains = Vec::new();
        let mut behind: HashMap<(Realm, Prefix, Option<u16>, Span), Vec<Chain>> = HashMap::new();
        for judged in rows {
            match &judged.row.holder {
                Holder::Line(names) => chains.push(judged.line(names.clone(), self.told)),
                Holder::Inside { realm, prefix, port } => {
                    let ours = clip(judged.row.possible(), window);
                    let key = (realm.clone(), *prefix, *port, ours);
                    let next = if depth + 1 >= LONGEST_CHAIN || (prefix.addr().is_ipv4() && !prefix.is_host())
                    {
                        Vec::new()
                    } else if let Some(found) = behind.get(&key) {
                        found.clone()
                    } else {
                        let inside = Endpoint { addr: prefix.addr(), port: *port, proto: judged.row.proto };
                        // A VRF that no other source knows by that name may be any of the realms.
                        let known = self.evidence.coverage.speaks_of(realm, inside.addr);
                        let realm = if known { realm.clone() } else { Realm::untold() };
                        let found = self.step(realm, inside, ours, depth + 1, trail)?;
                        behind.insert(key, found.clone());
                        found
                    };
                    if next.is_empty() {
                        chains.push(judged.unresolved(realm.clone(), *prefix, self.told));
                    }
                    for chain in next {
                        chains.push(judged.before(chain, self.told));
                    }
                }
            }
        }
        Ok(chains)
    }

    /// The rows about an endpoint, corrected, joined by thread, and without those that others exclude.
    fn rows(
        &self,
        realm: &Realm,
        endpoint: Endpoint,
        window: Span,
        depth: usize,
        trail: &mut Trail,
    ) -> Result<Vec<Judged>, TraceError> {
        let widest = self.evidence.clocks.widest();
        let holding = Holding {
            realm: realm.clone(),
            addr: endpoint.addr,
            port: endpoint.port,
            proto: endpoint.proto,
            span: Span::new(window.from.plus(widest.least_us), window.until.plus(widest.most_us)),
        };
        let sealed = self.evidence.assignments.holding(self.permit, &holding)?;
        let found = sealed.open(self.permit, self.evidence.now).map_err(|e| TraceError::Seal(Box::new(e)))?;
        trail.cut |= found.cut;
        let mut rows: Vec<Assignment> = join(&found.rows, &self.around(&found.rows, &holding, trail)?);
        for (index, rule) in self.evidence.rules.iter().enumerate() {
            if rule.realm.speaks_of(realm) && rule.proto.speaks_of(endpoint.proto) && rule.valid.meets(window)
            {
                rows.extend(translate(rule, index as u64, endpoint.addr, endpoint.port));
            }
        }
        let mut judged: Vec<Judged> = Vec::with_capacity(rows.len());
        for row in rows {
            let row = self.judge(row, window);
            if row.row.possible().meets(window) && self.agrees(&row.row, depth) {
                judged.push(row);
            }
        }
        exclude(&mut judged, window);
        prefer_logs(&mut judged);
        if depth == 0 {
            for j in &judged {
                trail.seen_ports |= j.row.ports != PortRange::ALL;
                trail.seen_remotes |= j.row.remote.is_some();
                trail.protocols.insert(j.row.proto);
            }
        }
        Ok(judged)
    }

    /// The rows about the same things as `found`, from their last signs of life on: other versions, and who came after.
    fn around(
        &self,
        found: &[Assignment],
        asked: &Holding,
        trail: &mut Trail,
    ) -> Result<Vec<Assignment>, TraceError> {
        let looks: Vec<Holding> = found.iter().filter_map(|row| around(row, asked)).collect();
        if looks.is_empty() {
            return Ok(Vec::new());
        }
        let sealed = self.evidence.assignments.holding_many(self.permit, &looks)?;
        let around =
            sealed.into_open(self.permit, self.evidence.now).map_err(|e| TraceError::Seal(Box::new(e)))?;
        trail.cut |= around.iter().any(|rows| rows.cut);
        Ok(around.into_iter().flat_map(|rows| rows.rows).collect())
    }

    /// Whether the row's destination, where logged, can be the one that the observer tells.
    fn agrees(&self, row: &Assignment, depth: usize) -> bool {
        match (depth, self.remote, row.remote) {
            (0, Some(asked), Some(logged)) => logged.agrees(asked),
            _ => true,
        }
    }

    /// Puts the row's times right by its source's clock, and says until when an open row surely held.
    fn judge(&self, mut row: Assignment, window: Span) -> Judged {
        let mut doubts = BTreeSet::new();
        let error = self.evidence.clocks.error(&row.source, window.from);
        if !error.is_none() && row.kind != RecordKind::Rule {
            doubts.insert(Doubt::ClockCorrected);
            for edge in [&mut row.from, &mut row.until] {
                *edge = Edge {
                    earliest: edge.earliest.plus(-error.most_us),
                    latest: edge.latest.plus(-error.least_us),
                    how: edge.how,
                };
            }
            row.corrected_us = -error.least_us;
        }
        let mut certain = row.certain();
        if row.until.how != How::Silent && (has_open_end(&row) || row.until.how == How::Open) {
            let since = Span::new(row.until.earliest.min(window.until), window.until.min(row.until.latest));
            match self.evidence.coverage.state(&row.source, row.kind, &row.realm, since) {
                // A connection, a session or a stay whose end is not in the log may have ended unnoticed: a lost Stop
                // looks like this. It is certain up to its last sign of life, and whoever asks later knows more.
                _ if matches!(row.kind, RecordKind::NatSession | RecordKind::Session | RecordKind::Seat) => {
                    doubts.insert(Doubt::EndInferred);
                }
                Some(CoverageState::Alive) => {
                    certain.until = row.until.latest.min(window.until.max(certain.until))
                }
                Some(CoverageState::Lossy) => {
                    doubts.insert(Doubt::SourceLossy);
                }
                _ => {
                    doubts.insert(Doubt::EndInferred);
                }
            }
        } else if row.until.earliest < row.until.latest && row.until.earliest < window.until {
            doubts.insert(Doubt::EndInferred);
        }
        if row.from.earliest < row.from.latest && window.from < row.from.latest {
            doubts.insert(Doubt::StartInferred);
        }
        Judged { row, certain, doubts }
    }
}

impl Judged {
    /// A chain that ends here: the row names a line.
    fn line(&self, names: Vec<Identity>, told: Told) -> Chain {
        Chain {
            path: vec![self.hop()],
            names,
            realm: self.row.realm.clone(),
            possible: self.row.possible(),
            certain: self.certain,
            at_core: self.reaches(told),
            doubts: self.doubts.clone(),
        }
    }

    /// A chain that ends here because no record says whose the inside address was.
    fn unresolved(&self, realm: Realm, inside: Prefix, told: Told) -> Chain {
        let name = Identity::new(IdentityKind::InsideAddress, inside.to_string());
        let mut chain = Chain { realm, ..self.line(vec![name], told) };
        chain.doubts.insert(Doubt::InsideUnresolved);
        chain
    }

    /// The chain with this hop put before it.
    fn before(&self, chain: Chain, told: Told) -> Chain {
        let mut path = vec![self.hop()];
        path.extend(chain.path);
        let mut doubts = chain.doubts;
        doubts.extend(&self.doubts);
        if matches!(&self.row.holder, Holder::Inside { realm, .. } if realm.is_untold()) {
            doubts.insert(Doubt::RealmUntold);
        }
        Chain {
            path,
            names: chain.names,
            realm: chain.realm,
            possible: clip(self.row.possible(), chain.possible),
            certain: clip(self.certain, chain.certain),
            at_core: self.reaches(told) && chain.at_core,
            doubts,
        }
    }

    /// Whether it surely held at the told time, however wrong that is within its skew.
    ///
    /// A connection is itself what the observer saw: it must have been there at one of the instants that the told time
    /// stands for, give or take how late a gateway writes its log.
    fn reaches(&self, told: Told) -> bool {
        let Told { core, skew_us } = told;
        if self.row.kind == RecordKind::NatSession {
            let (from, until) = (self.certain.from, self.certain.until.max(self.certain.from));
            let inner =
                Span::new(from.plus(skew_us - LATE_LOG_US), until.plus(LATE_LOG_US - skew_us).plus(1));
            inner.meets(core)
        } else {
            self.certain.holds(Span::new(core.from.plus(-skew_us), core.until.plus(skew_us)))
        }
    }

    fn hop(&self) -> Hop {
        Hop {
            kind: self.row.kind,
            source: self.row.source.0.to_string(),
            record: self.row.record,
            realm: self.row.realm.clone(),
            prefix: self.row.prefix,
            ports: self.row.ports,
            proto: self.row.proto,
            from: self.row.from,
            until: self.row.until,
            corrected_us: self.row.corrected_us,
        }
    }
}

/// Takes out rows that only *may* have held while another surely held the very same thing over the whole window.
fn exclude(rows: &mut Vec<Judged>, window: Span) {
    let sure: Vec<Judged> = rows.iter().filter(|j| j.certain.holds(window)).cloned().collect();
    rows.retain(|j| {
        j.certain.meets(window) || !sure.iter().any(|s| s.row != j.row && holds_alone(&s.row, &j.row))
    });
}

/// A rule that only narrows says nothing more where a log names an inside address within it.
fn prefer_logs(rows: &mut Vec<Judged>) {
    let logged: Vec<(Realm, Prefix)> = rows
        .iter()
        .filter(|j| j.row.kind != RecordKind::Rule)
        .filter_map(|j| match &j.row.holder {
            Holder::Inside { realm, prefix, .. } => Some((realm.clone(), *prefix)),
            Holder::Line(_) => None,
        })
        .collect();
    rows.retain(|j| match &j.row.holder {
        Holder::Inside { realm, prefix, .. } if j.row.kind == RecordKind::Rule && !prefix.is_host() => {
            !logged.iter().any(|(r, p)| r.speaks_of(realm) && prefix.contains(p.addr()))
        }
        _ => true,
    });
}

/// What both spans share.
fn clip(a: Span, b: Span) -> Span {
    let from = a.from.max(b.from);
    Span::new(from, a.until.min(b.until).max(from))
}

/// Hops of one chain at most: customer's NAT, carrier's NAT, softwire, session, and as many again.
const LONGEST_CHAIN: usize = 8;
/// How much later than the packet itself a gateway logs a connection's begin or end, microseconds.
const LATE_LOG_US: i64 = 100_000;
