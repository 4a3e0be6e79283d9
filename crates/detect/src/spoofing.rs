//! Whether source addresses can be believed, and no more than the evidence allows.
//!
//! What comes in: the sources of one suspicion, flow by flow. What goes out: a verdict with what it rests on. Flows hold
//! no time to live, so nothing is said from it. Requirements 4.F4 and 5.F2; RFC 2827, RFC 3704.

use tadoru_model::Flow;
use tadoru_model::finding::{Spoofing, SpoofingVerdict};

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
    /// Flows of IPv4 by the upper and by the lowest four bits of their source.
    upper: [u32; 16],
    lower: [u32; 16],
    rows_v4: u32,
    rows: u32,
    connected: u32,
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
        if flow.ip == 4 {
            self.rows_v4 = self.rows_v4.saturating_add(1);
            for (bins, bits) in [(&mut self.upper, flow.src >> 28), (&mut self.lower, flow.src)] {
                if let Some(bin) = bins.get_mut(bits as usize & 15) {
                    *bin = bin.saturating_add(1);
                }
            }
        }
    }

    /// The verdict over `distinct` sources, which answer for `reflector` if they are one.
    pub(crate) fn verdict(&self, distinct: f64, reflector: Option<&str>) -> Spoofing {
        let share = |packets: f64| if self.packets > 0.0 { packets / self.packets } else { 0.0 };
        let impossible_share = share(self.bogon + self.own_from_outside + self.wrong_ingress).min(1.0);
        let mut because = Vec::new();
        let mut say = |packets: f64, what: &str| {
            if share(packets) >= 0.001 {
                because.push(format!("{:.1} % of the packets {what}", share(packets) * 100.0));
            }
        };
        say(self.bogon, "come from addresses that nobody has in the public Internet");
        say(self.own_from_outside, "come from own addresses, by an interface to another network");
        say(self.wrong_ingress, "came in where the routing table has no way back to them");
        let random = self.looks_random(distinct);
        let connected = f64::from(self.connected) / f64::from(self.rows.max(1));
        let verdict = if impossible_share >= MOSTLY {
            SpoofingVerdict::ImpossibleHere
        } else if random {
            because.push(format!(
                "{} flows come from about {distinct:.0} addresses, spread over the whole address space as by a random number generator",
                self.rows
            ));
            SpoofingVerdict::Randomised
        } else if connected >= MOSTLY {
            because
                .push("the senders completed TCP handshakes, which needs the answers to reach them".into());
            SpoofingVerdict::Plausible
        } else if let Some(service) = reflector {
            because.push(format!(
                "the packets are answers of servers ({}); whoever asked in the target's name is not among them",
                service
            ));
            SpoofingVerdict::Plausible
        } else {
            because.push(if impossible_share >= 0.01 {
                "no answer, no connection and no way in speaks for or against the other addresses".into()
            } else {
                "no answer, no connection and no way in speaks for or against the addresses".into()
            });
            if self.way_checked > 0.0 {
                because.push(format!("{:.1} % came in where they may", share(self.way_checked) * 100.0));
            }
            SpoofingVerdict::Unverifiable
        };
        Spoofing { verdict, impossible_share, because }
    }

    /// Whether IPv4 sources are drawn evenly from the whole space: hardly any comes twice, and both ends of the address
    /// are even by a chi-square test. Real senders crowd in the allocated and inhabited parts.
    fn looks_random(&self, distinct: f64) -> bool {
        let rows = f64::from(self.rows_v4);
        if rows < LEAST_ROWS || f64::from(self.rows) > rows * 1.1 || distinct < rows * 0.5 {
            return false;
        }
        // Generators may leave out 0/8, 10/8, 127/8 and what is behind 224/3.
        let upper: Vec<u32> = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13]
            .iter()
            .filter_map(|bin: &usize| self.upper.get(*bin).copied())
            .collect();
        // Weak generators are uneven; but only generators draw addresses that nobody has.
        let tolerance = if self.bogon >= self.packets * 0.03 { 0.1 } else { 0.02 };
        even(&upper, tolerance) && even(&self.lower, tolerance)
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
/// Flows below which no distribution is spoken of.
const LEAST_ROWS: f64 = 200.0;
