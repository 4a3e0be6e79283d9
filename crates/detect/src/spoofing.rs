//! Whether source addresses can be believed, and no more than the evidence allows.
//!
//! What comes in: the sources of one suspicion, flow by flow. What goes out: a verdict with what it rests on. Flows hold
//! no time to live, so nothing is said from it. Requirements 4.F4 and 5.F2; RFC 2827, RFC 3704.

use tadoru_model::Flow;
use tadoru_model::finding::{Spoofing, SpoofingVerdict};

use crate::said::Sentence;
use crate::world::{InterfaceRole, World};

#[cfg(test)]
mod tests;

/// What the sources of one suspicion look like.
#[derive(Clone, Default)]
pub(crate) struct Evidence {
    packets: f64,
    bogon: f64,
    own_from_outside: f64,
    wrong_ingress: f64,
    /// Packets whose way in was looked up.
    way_checked: f64,
    v4: Spread<2>,
    v6: Spread<3>,
    rows: u32,
    connected: u32,
}

/// How the sources of one family lie in its space: flows by groups of four bits of them.
#[derive(Clone, Copy)]
struct Spread<const N: usize> {
    bins: [[u32; 16]; N],
    rows: u32,
}

/// Why one source cannot be where it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Impossible {
    Bogon,
    OwnFromOutside,
    WrongIngress,
}

/// Whether a source may come in where it came in; `None` when the tables do not tell.
pub(crate) fn check(world: &World, flow: &Flow) -> Result<Option<()>, Impossible> {
    if stays_on_link(flow) {
        return Ok(None);
    }
    let role = world.role(flow.exporter, flow.input);
    let own = world.is_own(flow.src);
    if own && role == Some(InterfaceRole::Edge) {
        return Err(Impossible::OwnFromOutside);
    }
    let told = world.may_enter(flow.src, flow.exporter, flow.input);
    if told == Some(false) && role != Some(InterfaceRole::Core) {
        return Err(Impossible::WrongIngress);
    }
    if !own && world.is_bogon(flow.src) {
        return Err(Impossible::Bogon);
    }
    Ok(told.filter(|may| *may).map(|_| ()))
}

/// Whether a packet goes no further than its link, where hosts without an address and with one of the link alone are right:
/// limited broadcast (RFC 2131), local multicast (RFC 5771 section 4), link scope (RFC 4291 section 2.7).
const fn stays_on_link(flow: &Flow) -> bool {
    let dst = flow.dst;
    if flow.ip == 4 {
        return dst as u32 == u32::MAX || dst as u32 >> 8 == 0xe0_0000;
    }
    let scope = (dst >> 112) as u8 & 0xf;
    dst >> 118 == 0xfe80 >> 6 || dst >> 120 == 0xff && (scope == 1 || scope == 2)
}

impl Evidence {
    pub(crate) fn see(&mut self, world: &World, flow: &Flow, packets: f64, established: bool) {
        self.packets += packets;
        self.rows = self.rows.saturating_add(1);
        self.connected += u32::from(established && flow.packets >= 3 && flow.tcp_flags & 0x12 == 0x12);
        match check(world, flow) {
            Err(Impossible::Bogon) => self.bogon += packets,
            Err(Impossible::OwnFromOutside) => self.own_from_outside += packets,
            Err(Impossible::WrongIngress) => {
                (self.wrong_ingress, self.way_checked) =
                    (self.wrong_ingress + packets, self.way_checked + packets)
            }
            Ok(Some(())) => self.way_checked += packets,
            Ok(None) => {}
        }
        match flow.ip {
            4 => self.v4.see([flow.src >> 28, flow.src]),
            6 => self.v6.see([flow.src >> 96, flow.src >> 80, flow.src]),
            _ => {}
        }
    }

    /// The verdict over `distinct` sources, which answer for `reflector` if they are one.
    pub(crate) fn verdict(&self, distinct: f64, reflector: Option<&str>) -> Spoofing {
        let share = |packets: f64| if self.packets > 0.0 { packets / self.packets } else { 0.0 };
        let impossible_share = share(self.bogon + self.own_from_outside + self.wrong_ingress).min(1.0);
        let mut because = Vec::new();
        let mut say = |packets: f64, what: Sentence| {
            if share(packets) >= 0.001 {
                because.push(what.with(&[format!("{:.1}", share(packets) * 100.0)]));
            }
        };
        say(self.bogon, Sentence::Bogons);
        say(self.own_from_outside, Sentence::OwnFromOutside);
        say(self.wrong_ingress, Sentence::NoWayBack);
        let random = self.looks_random(distinct);
        let connected = f64::from(self.connected) / f64::from(self.rows.max(1));
        let verdict = if impossible_share >= MOSTLY {
            SpoofingVerdict::ImpossibleHere
        } else if random {
            because.push(Sentence::DrawnEvenly.with(&[self.rows.to_string(), format!("{distinct:.0}")]));
            SpoofingVerdict::Randomised
        } else if connected >= MOSTLY {
            because.push(Sentence::Handshakes.text());
            SpoofingVerdict::Plausible
        } else if let Some(service) = reflector {
            because.push(Sentence::Reflectors.with(&[service.to_owned()]));
            SpoofingVerdict::Plausible
        } else {
            because.push(if impossible_share >= 0.01 {
                Sentence::NothingSpeaksOfOthers.text()
            } else {
                Sentence::NothingSpeaks.text()
            });
            if self.way_checked > 0.0 {
                let share = format!("{:.1}", share(self.way_checked) * 100.0);
                because.push(Sentence::CameInWhereTheyMay.with(&[share]));
            }
            SpoofingVerdict::Unverifiable
        };
        Spoofing { verdict, impossible_share, because }
    }

    /// Whether sources are drawn evenly from the whole space: hardly any comes twice, and the groups of bits are even by
    /// a chi-square test. Real senders crowd in the allocated and inhabited parts; those of IPv6 have no even bits before
    /// /32, where providers' networks end, nor before /48.
    fn looks_random(&self, distinct: f64) -> bool {
        let (v4, v6) = (f64::from(self.v4.rows), f64::from(self.v6.rows));
        let rows = v4 + v6;
        if rows < LEAST_ROWS || f64::from(self.rows) > rows * 1.1 || distinct < rows * 0.5 {
            return false;
        }
        // Weak generators are uneven; but only generators draw addresses that nobody has.
        let tolerance = if self.bogon >= self.packets * 0.03 { 0.1 } else { 0.02 };
        // Generators may leave out 0/8, 10/8, 127/8 and what is behind 224/3.
        let [upper, lower] = &self.v4.bins;
        let upper: Vec<u32> = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13]
            .iter()
            .filter_map(|bin: &usize| upper.get(*bin).copied())
            .collect();
        let is_even_v4 = even(&upper, tolerance) && even(lower, tolerance);
        let is_even_v6 = self.v6.bins.iter().all(|bins| even(bins, tolerance));
        (v4 < rows * FEW || is_even_v4) && (v6 < rows * FEW || is_even_v6)
    }
}

impl<const N: usize> Spread<N> {
    fn see(&mut self, groups: [u128; N]) {
        self.rows = self.rows.saturating_add(1);
        for (bins, bits) in self.bins.iter_mut().zip(groups) {
            if let Some(bin) = bins.get_mut(bits as usize & 15) {
                *bin = bin.saturating_add(1);
            }
        }
    }
}

impl<const N: usize> Default for Spread<N> {
    fn default() -> Self {
        Self { bins: [[0; 16]; N], rows: 0 }
    }
}

/// Whether bins are filled alike: chi-square against evenness, at one in a thousand, or an effect too small to matter.
fn even(bins: &[u32], tolerance: f64) -> bool {
    let sum: f64 = bins.iter().map(|count| f64::from(*count)).sum();
    let expected = sum / bins.len().max(1) as f64;
    if expected < 5.0 {
        return false;
    }
    let chi: f64 = bins.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    let freedom = bins.len() as f64 - 1.0;
    // Wilson and Hilferty's approximation of the quantile at 0.999.
    let z = 3.09 * (2.0 / (9.0 * freedom)).sqrt();
    chi <= freedom * (1.0 - 2.0 / (9.0 * freedom) + z).powi(3) || chi / sum < tolerance
}

/// Part from which on a trait stands for the whole set.
const MOSTLY: f64 = 0.5;
/// Part of the flows below which a family does not count.
const FEW: f64 = 0.1;
/// Flows below which no distribution is spoken of.
const LEAST_ROWS: f64 = 200.0;
