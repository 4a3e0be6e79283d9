//! The question "was somebody writing it down then?".

use std::net::IpAddr;

use tadoru_gate::Permit;
use tadoru_gate::permit::{Learn, Store};
use tadoru_model::{CoverageSpan, Prefix, Realm, Span};

use crate::StoreError;

/// When the sources were alive, and what they speak of.
pub trait Coverage: Send + Sync {
    /// Takes spans in; touching spans of one source in the same state are joined. Durable when it returns.
    ///
    /// # Errors
    /// When the disk refuses.
    fn cover(&self, permit: &Permit<Store>, spans: &[CoverageSpan]) -> Result<(), StoreError>;

    /// Spans that meet `span`, of sources that may speak of `addr` in `realm`, by source and beginning.
    ///
    /// # Errors
    /// When the disk refuses.
    fn around(
        &self,
        permit: &Permit<Learn>,
        realm: &Realm,
        addr: IpAddr,
        span: Span,
    ) -> Result<Vec<CoverageSpan>, StoreError>;

    /// Every span there is, by source and beginning: for the coverage calendar. It names no endpoint.
    ///
    /// # Errors
    /// When the disk refuses.
    fn calendar(&self) -> Result<Vec<CoverageSpan>, StoreError>;

    /// What address space the records have ever spoken of, aggregated to /24 and /48 or shorter.
    ///
    /// # Errors
    /// When the disk refuses.
    fn space(&self) -> Result<Vec<(Realm, Prefix)>, StoreError>;
}

/// Whether a span speaks of `addr` in `realm` at some instant of `span`.
pub fn speaks_of(known: &CoverageSpan, realm: &Realm, addr: IpAddr, span: Span) -> bool {
    known.realm.speaks_of(realm)
        && known.span.meets(span)
        && (known.prefixes.is_empty() || known.prefixes.iter().any(|prefix| prefix.contains(addr)))
}

/// Joins touching and overlapping spans that say the same of the same source, and puts them in order: by source, then
/// beginning. Spans of different states stay side by side where they overlap; whoever reads takes the worst.
pub fn join_spans(spans: &mut Vec<CoverageSpan>) {
    spans.sort_by(|a, b| says(a).cmp(&says(b)).then(a.span.from.cmp(&b.span.from)));
    spans.dedup_by(|next, kept| {
        let joined = says(next) == says(kept) && next.span.from <= kept.span.until;
        if joined {
            kept.span.until = kept.span.until.max(next.span.until);
        }
        joined
    });
    spans.sort_by(|a, b| (&a.source, a.span.from).cmp(&(&b.source, b.span.from)));
}

/// Everything a span says but when.
fn says(span: &CoverageSpan) -> impl Ord + '_ {
    (&span.source, span.kind, &span.realm, &span.prefixes, span.state, &span.why)
}

/// Prefixes made no longer than /24 and /48, each named once, those inside a shorter one left out.
pub fn aggregate(prefixes: impl IntoIterator<Item = (Realm, Prefix)>) -> Vec<(Realm, Prefix)> {
    let mut all: Vec<(Realm, Prefix)> =
        prefixes.into_iter().map(|(realm, prefix)| (realm, shortened(prefix))).collect();
    all.sort_by(|a, b| (&a.0, a.1.addr(), a.1.len()).cmp(&(&b.0, b.1.addr(), b.1.len())));
    all.dedup_by(|next, kept| {
        next.0 == kept.0 && kept.1.len() <= next.1.len() && kept.1.contains(next.1.addr())
    });
    all
}

/// `prefix`, or the /24 or /48 that it lies in.
pub fn shortened(prefix: Prefix) -> Prefix {
    let most = if prefix.addr().is_ipv4() { 24 } else { 48 };
    if prefix.len() <= most { prefix } else { Prefix::covering(prefix.addr(), most).unwrap_or(prefix) }
}
