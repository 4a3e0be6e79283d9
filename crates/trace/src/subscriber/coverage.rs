//! Which source may speak of an address, and in which state it was over a span.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use tadoru_model::{CoverageSpan, CoverageState, Prefix, Realm, RecordKind, SourceName, Span};

/// The coverage calendar, ready to be asked many times.
#[derive(Debug, Default)]
pub struct CoverageMap {
    sources: BTreeMap<(SourceName, RecordKind, Realm), Source>,
}

#[derive(Debug, Default)]
struct Source {
    prefixes: Vec<Prefix>,
    /// Whether some span told no prefixes: it may be any address of the realm.
    anywhere: bool,
    /// Spans by beginning; `reach` is the latest end of this one and all before it.
    spans: Vec<(CoverageSpan, tadoru_model::UtcMicros)>,
}

impl CoverageMap {
    /// From every span there is.
    pub fn new(calendar: impl IntoIterator<Item = CoverageSpan>) -> Self {
        let mut map = Self::default();
        for span in calendar {
            let key = (span.source.clone(), class(span.kind), span.realm.clone());
            let source = map.sources.entry(key).or_default();
            source.anywhere |= span.prefixes.is_empty();
            source.prefixes.extend(&span.prefixes);
            source.spans.push((span, tadoru_model::UtcMicros::MIN));
        }
        for source in map.sources.values_mut() {
            source.prefixes.sort_unstable();
            source.prefixes.dedup();
            source.spans.sort_by_key(|(span, _)| span.span.from);
            let mut reach = tadoru_model::UtcMicros::MIN;
            for (span, furthest) in &mut source.spans {
                reach = reach.max(span.span.until);
                *furthest = reach;
            }
        }
        map
    }

    /// Whether some source has ever spoken of the space that `addr` is in.
    pub fn speaks_of(&self, realm: &Realm, addr: IpAddr) -> bool {
        self.about(realm, addr).next().is_some()
    }

    /// Kinds of records that sources keep of `addr`.
    pub fn kinds(&self, realm: &Realm, addr: IpAddr) -> impl Iterator<Item = RecordKind> {
        self.about(realm, addr).map(|((_, kind, _), _)| *kind)
    }

    /// The state of one source over the whole of `span`; `None` where the source keeps no coverage.
    pub fn state(
        &self,
        source: &SourceName,
        kind: RecordKind,
        realm: &Realm,
        span: Span,
    ) -> Option<CoverageState> {
        let key = (source.clone(), class(kind), realm.clone());
        self.sources.get(&key).map(|s| s.state(span).0)
    }

    /// The worst state over `span` of the sources that may speak of `addr` and are of a kind that `wanted` takes, with
    /// the spans that say so; `None` where there is no such source.
    pub fn worst(
        &self,
        realm: &Realm,
        addr: IpAddr,
        span: Span,
        wanted: impl Fn(RecordKind) -> bool,
    ) -> Option<(CoverageState, Vec<CoverageSpan>)> {
        let mut worst: Option<(CoverageState, Vec<CoverageSpan>)> = None;
        for ((_, kind, _), source) in self.about(realm, addr) {
            if !wanted(*kind) {
                continue;
            }
            let (state, mut spans) = source.state(span);
            match &mut worst {
                None => worst = Some((state, spans)),
                Some((w, all)) => {
                    *w = (*w).max(state);
                    all.append(&mut spans);
                }
            }
        }
        worst
    }

    /// The stretches of `span` in which a source that may speak of `addr` has no sign of having been alive, each from the
    /// source's last sign to its next.
    pub fn holes(
        &self,
        realm: &Realm,
        addr: IpAddr,
        span: Span,
        wanted: impl Fn(RecordKind) -> bool,
    ) -> Vec<CoverageSpan> {
        let mut holes = Vec::new();
        for ((name, kind, of), source) in self.about(realm, addr).filter(|((_, kind, _), _)| wanted(*kind)) {
            holes.extend(source.holes(span).into_iter().map(|span| CoverageSpan {
                source: name.clone(),
                kind: *kind,
                realm: of.clone(),
                prefixes: Vec::new(),
                span,
                state: CoverageState::Dead,
                why: NO_SIGN.to_owned(),
            }));
        }
        holes
    }

    /// The realms in which sources other than gateways speak of `addr`.
    pub fn realms(&self, addr: IpAddr) -> BTreeSet<&Realm> {
        self.about(&Realm::untold(), addr)
            .filter(|((_, kind, _), _)| !kind.translates())
            .map(|((_, _, realm), _)| realm)
            .collect()
    }

    fn about(
        &self,
        realm: &Realm,
        addr: IpAddr,
    ) -> impl Iterator<Item = (&(SourceName, RecordKind, Realm), &Source)> {
        let realm = realm.clone();
        self.sources.iter().filter(move |((_, _, of), source)| {
            of.speaks_of(&realm) && (source.anywhere || source.prefixes.iter().any(|p| p.contains(addr)))
        })
    }
}

/// A gateway that writes blocks, connections and bindings is alive or dead as one.
pub(super) const fn class(kind: RecordKind) -> RecordKind {
    if kind.translates() { RecordKind::NatBlock } else { kind }
}

impl Source {
    /// The worst state over all of `span`, with the spans that say so. What no span covers is dead.
    fn state(&self, span: Span) -> (CoverageState, Vec<CoverageSpan>) {
        let mut said = Vec::new();
        let mut worst = CoverageState::Alive;
        let mut reached = span.from;
        let first = self.spans.partition_point(|(_, reach)| *reach <= span.from);
        for (entry, _) in self.spans.iter().skip(first).take_while(|(e, _)| e.span.from < span.until) {
            if !entry.span.meets(span) {
                continue;
            }
            worst = worst.max(entry.state);
            if entry.span.from <= reached {
                reached = reached.max(entry.span.until);
            }
            said.push(entry.clone());
        }
        if reached < span.until {
            worst = CoverageState::Dead;
        }
        (worst, said)
    }

    /// The stretches that meet `span` and that no span covers, each in its whole length; cut at `span` where the source
    /// is not on record before or after.
    fn holes(&self, span: Span) -> Vec<Span> {
        let first = self.spans.partition_point(|(_, reach)| *reach <= span.from);
        let before = first.checked_sub(1).and_then(|n| self.spans.get(n)).map(|(_, reach)| *reach);
        let mut reached = before.unwrap_or(span.from);
        let mut holes = Vec::new();
        for (entry, reach) in self.spans.iter().skip(first) {
            if reached < entry.span.from {
                holes.push(Span::new(reached, entry.span.from));
            }
            reached = reached.max(*reach);
            if reached >= span.until {
                break;
            }
        }
        if reached < span.until {
            holes.push(Span::new(reached, span.until));
        }
        holes.retain(|hole| hole.meets(span));
        holes
    }
}

/// Why a stretch that no span covers counts as dead.
const NO_SIGN: &str = "no sign that it was alive";
