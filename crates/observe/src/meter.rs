//! A flow meter: packets of a capture or a mirror port come in, flows go out, as a router would export them.
//!
//! Flows are of one direction and told by addresses, ports and protocol; later fragments, which carry no ports, make a
//! flow of their own with ports 0. A flow ends by its age, by silence, or by FIN or RST (RFC 7011 section 2 and RFC 5470
//! section 5.1.1). It keeps no clock: the time is that of the packets. Memory is bounded: what finds no room goes out as
//! a flow of one packet, so that nothing is lost.

use std::collections::HashMap;
use std::net::IpAddr;

use tadoru_model::flow::{Flow, Flows, to_bits};
use tadoru_wire::packet::Headers;

#[cfg(test)]
mod tests;

/// How flows are cut and marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// A flow goes out when it is this old, microseconds. Detection wants it short: 1 s.
    pub active_us: i64,
    /// A flow goes out after this much silence, microseconds.
    pub idle_us: i64,
    /// Flows kept at most.
    pub most_flows: usize,
    /// One in how many packets it is shown.
    pub sampling: u32,
    /// Who the flows are said to come from.
    pub exporter: IpAddr,
    /// Interface that they are said to have come in by.
    pub input: u32,
}

impl Default for Config {
    fn default() -> Self {
        let exporter = IpAddr::from([127, 0, 0, 1]);
        Self {
            active_us: 1_000_000,
            idle_us: 1_000_000,
            most_flows: 1 << 20,
            sampling: 1,
            exporter,
            input: 0,
        }
    }
}

/// Makes flows of packets.
pub struct Meter {
    config: Config,
    live: HashMap<Key, Live>,
    now_us: i64,
    swept_us: i64,
    crowded: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    src_port: u16,
    dst_port: u16,
    proto: u8,
    vlan: u16,
}

struct Live {
    first_us: i64,
    last_us: i64,
    packets: u64,
    bytes: u64,
    flags: u8,
    tos: u8,
    src_mac: u64,
    dst_mac: u64,
    ended: bool,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[meter of {} flows]", self.live.len())
    }
}

impl Meter {
    /// A meter without flows.
    pub fn new(config: Config) -> Self {
        Self { config, live: HashMap::new(), now_us: i64::MIN, swept_us: i64::MIN, crowded: 0 }
    }

    /// Packets that found no room and went out alone.
    pub const fn crowded(&self) -> u64 {
        self.crowded
    }

    /// Counts a packet seen at `at_us`. What has ended by then is added to `out`.
    pub fn take(&mut self, at_us: i64, headers: &Headers, out: &mut Flows) {
        self.expire(at_us, out);
        let key = Key {
            src: headers.src,
            dst: headers.dst,
            src_port: headers.src_port,
            dst_port: headers.dst_port,
            proto: headers.proto,
            vlan: headers.vlan,
        };
        let full = self.live.len() >= self.config.most_flows;
        let fresh = Live {
            first_us: at_us,
            last_us: at_us,
            packets: 0,
            bytes: 0,
            flags: 0,
            tos: headers.tos,
            src_mac: headers.src_mac,
            dst_mac: headers.dst_mac,
            ended: false,
        };
        if let Some(live) = self.live.get_mut(&key) {
            // A SYN behind an end begins the next connection.
            if live.ended && headers.tcp_flags & (SYN | ACK) == SYN {
                self.config.write(&key, live, at_us, out);
                *live = fresh;
            }
            live.count(at_us, headers);
        } else {
            let mut live = fresh;
            live.count(at_us, headers);
            if full {
                self.crowded += 1;
                self.config.write(&key, &live, at_us, out);
            } else {
                self.live.insert(key, live);
            }
        }
    }

    /// Adds to `out` what has ended by `now_us`. Called by itself with every packet; a silent line needs it from outside.
    pub fn expire(&mut self, now_us: i64, out: &mut Flows) {
        self.now_us = self.now_us.max(now_us);
        if self.now_us.saturating_sub(self.swept_us) < SWEEP_US {
            return;
        }
        self.swept_us = self.now_us;
        let (now, config) = (self.now_us, self.config);
        self.write_where(out, |live| {
            live.ended
                || now.saturating_sub(live.first_us) >= config.active_us
                || now.saturating_sub(live.last_us) >= config.idle_us
        });
    }

    /// Adds all that is left to `out`.
    pub fn finish(&mut self, out: &mut Flows) {
        self.write_where(out, |_| true);
    }

    fn write_where(&mut self, out: &mut Flows, ended: impl Fn(&Live) -> bool) {
        let mut gone: Vec<(Key, Live)> = self.live.extract_if(|_, live| ended(live)).collect();
        gone.sort_unstable_by_key(|(key, live)| (live.first_us, *key));
        for (key, live) in &gone {
            self.config.write(key, live, self.now_us, out);
        }
    }
}

impl Live {
    fn count(&mut self, at_us: i64, headers: &Headers) {
        // A capture of several interfaces may step back a little.
        self.first_us = self.first_us.min(at_us);
        self.last_us = self.last_us.max(at_us);
        self.packets += 1;
        self.bytes = self.bytes.saturating_add(u64::from(headers.octets));
        self.flags |= headers.tcp_flags;
        self.ended |= headers.tcp_flags & (FIN | RST) != 0;
    }
}

impl Config {
    fn write(&self, key: &Key, live: &Live, now_us: i64, out: &mut Flows) {
        out.push(Flow {
            first_us: live.first_us,
            last_us: live.last_us,
            received_us: now_us,
            exporter: to_bits(self.exporter),
            ip: if key.dst.is_ipv4() { 4 } else { 6 },
            src: to_bits(key.src),
            dst: to_bits(key.dst),
            src_port: key.src_port,
            dst_port: key.dst_port,
            proto: key.proto,
            tcp_flags: live.flags,
            tos: live.tos,
            packets: live.packets,
            bytes: live.bytes,
            flows: 1,
            sampling: self.sampling,
            input: self.input,
            src_vlan: key.vlan,
            in_src_mac: live.src_mac,
            out_dst_mac: live.dst_mac,
            ..Flow::default()
        });
    }
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// How often ended flows are looked for, microseconds.
const SWEEP_US: i64 = 100_000;
