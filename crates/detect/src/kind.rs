//! Which vector a flow could belong to, by its own fields alone.
//!
//! What comes in: protocol, ports, flags, size of one flow. What goes out: lanes that it counts in. Whether a lane is an
//! attack is not decided here.

use tadoru_model::finding::Service;
use tadoru_model::{Flow, Vector};

use crate::config::{Limit, Limits};

#[cfg(test)]
mod tests;

/// A lane: what is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane(pub u8);

/// What a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Lane that it counts in, if it could be part of an attack.
    pub lane: Option<Lane>,
    /// Whether it could be a connection that is held open for nothing.
    pub slow: bool,
    /// What it counts as when its source is the target: an answer, or a question that explains answers.
    pub says: Says,
    /// Whether it belongs to a TCP connection as far as flags tell.
    pub established: bool,
}

/// What a packet from a target explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// UDP to a service whose answers are reflected.
    Question,
    /// Other UDP.
    Udp,
    /// TCP that is no refusal.
    Tcp,
    /// An echo request.
    Echo,
    /// Anything else, refusals among it.
    Other,
}

impl Lane {
    pub(crate) const UDP: Self = Self(0);
    pub(crate) const ICMP: Self = Self(1);
    pub(crate) const ICMP_REPLY: Self = Self(2);
    pub(crate) const ICMP_ERROR: Self = Self(3);
    pub(crate) const SYN: Self = Self(4);
    pub(crate) const SYN_ACK: Self = Self(5);
    pub(crate) const ACK: Self = Self(6);
    pub(crate) const RST: Self = Self(7);
    pub(crate) const FIN: Self = Self(8);
    pub(crate) const TCP_INVALID: Self = Self(9);
    pub(crate) const FRAGMENTS: Self = Self(10);
    pub(crate) const CONNECTIONS: Self = Self(11);
    pub(crate) const SLOW: Self = Self(12);
    pub(crate) const OTHER: Self = Self(13);
    const SERVICES: u8 = 14;

    fn of_service(service: Service) -> Self {
        let place = Service::ALL.iter().position(|known| *known == service).unwrap_or(0);
        Self(Self::SERVICES + u8::try_from(place).unwrap_or(0))
    }

    /// The vector that it stands for, before a closer look.
    pub(crate) fn vector(self) -> Vector {
        match self {
            Self::UDP => Vector::Udp,
            Self::ICMP | Self::ICMP_REPLY | Self::ICMP_ERROR => Vector::Icmp,
            Self::SYN => Vector::Syn,
            Self::SYN_ACK => Vector::SynAck,
            Self::ACK => Vector::Ack,
            Self::RST => Vector::Rst,
            Self::FIN => Vector::Fin,
            Self::TCP_INVALID => Vector::TcpInvalid,
            Self::FRAGMENTS => Vector::Fragments,
            Self::CONNECTIONS => Vector::Connections,
            Self::SLOW => Vector::SlowConnections,
            Self::OTHER => Vector::OtherProtocol,
            Self(service) => {
                let place = usize::from(service.saturating_sub(Self::SERVICES));
                Vector::Amplification(Service::ALL.get(place).copied().unwrap_or(Service::Unknown))
            }
        }
    }

    /// Whether its packets answer something, so that they are harmless where the question is known.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Self::ICMP_REPLY | Self::ICMP_ERROR | Self::SYN_ACK | Self::RST | Self::FIN)
    }

    /// Whether only single addresses are attacked so: of a crowd of addresses, much of it is ordinary.
    pub(crate) fn per_host(self) -> bool {
        matches!(self, Self::CONNECTIONS | Self::SLOW | Self::ACK)
    }

    /// Whether its packets are answers of a service.
    pub(crate) fn is_service(self) -> bool {
        self.0 >= Self::SERVICES
    }

    /// The threshold of one address.
    pub(crate) fn limit(self, limits: &Limits) -> Limit {
        match self {
            Self::UDP => limits.udp,
            Self::ICMP | Self::ICMP_REPLY | Self::ICMP_ERROR => limits.icmp,
            Self::SYN => limits.syn,
            Self::SYN_ACK => limits.syn_ack,
            Self::ACK => limits.ack,
            Self::RST => limits.rst,
            Self::FIN => limits.fin,
            Self::TCP_INVALID => limits.tcp_invalid,
            Self::FRAGMENTS => limits.fragments,
            Self::CONNECTIONS => limits.connections,
            Self::SLOW => Limit::packets(limits.slow_connections / SLOW_S),
            Self::OTHER => limits.other_protocol,
            Self(_) => limits.amplification,
        }
    }

    /// Lanes there are.
    pub(crate) const COUNT: u8 = Self::SERVICES + Service::ALL.len() as u8;
}

const _: () = assert!(Lane::COUNT <= 64, "lanes are kept as bits of 64");

/// What a flow is; `flags_told` when its exporter tells TCP flags at all.
pub(crate) fn kind(flow: &Flow, flags_told: bool) -> Kind {
    let one = |lane: Lane, says: Says| Kind { lane: Some(lane), slow: false, says, established: false };
    match flow.proto {
        TCP | UDP if flow.src_port == 0 && flow.dst_port == 0 => one(Lane::FRAGMENTS, Says::Other),
        UDP => {
            let to_service = Service::of_port(flow.dst_port).is_some();
            let says = if to_service { Says::Question } else { Says::Udp };
            one(Service::of_port(flow.src_port).map_or(Lane::UDP, Lane::of_service), says)
        }
        ICMP | ICMP_V6 => {
            let (lane, says) = match (flow.proto, flow.dst_port >> 8) {
                (ICMP, 8) | (ICMP_V6, 128) => (Lane::ICMP, Says::Echo),
                (ICMP, 0) | (ICMP_V6, 129) => (Lane::ICMP_REPLY, Says::Other),
                (ICMP, 3 | 4 | 5 | 11 | 12) | (ICMP_V6, 1..=4) => (Lane::ICMP_ERROR, Says::Other),
                _ => (Lane::ICMP, Says::Other),
            };
            one(lane, says)
        }
        TCP if !flags_told => Kind { established: true, ..one(Lane::ACK, Says::Tcp) },
        TCP => tcp(flow),
        _ => one(Lane::OTHER, Says::Other),
    }
}

/// Flags are those of all packets of a flow together, so a whole connection shows SYN and ACK in both directions.
fn tcp(flow: &Flow) -> Kind {
    let flags = flow.tcp_flags & (FIN | SYN | RST | PSH | ACK | URG);
    let has = |wanted: u8| flags & wanted == wanted;
    let to_service = flow.dst_port < flow.src_port;
    let (lane, established) = if flags == 0 || has(SYN | FIN) && !has(ACK) || flags == FIN | PSH | URG {
        (Some(Lane::TCP_INVALID), false)
    } else if has(SYN) && !has(ACK) {
        (Some(Lane::SYN), false)
    } else if flags & !RST == SYN | ACK && (flow.packets <= 1 || flow.packets <= 3 && !to_service) {
        (Some(Lane::SYN_ACK), false)
    } else if has(SYN) {
        (to_service.then_some(Lane::CONNECTIONS), true)
    } else if has(RST) && !has(PSH) && flow.packets <= FEW {
        (Some(Lane::RST), false)
    } else if has(FIN) && !has(PSH) && flow.packets <= FEW {
        (Some(Lane::FIN), false)
    } else {
        (Some(Lane::ACK), true)
    };
    let small = flow.packets <= FEW + 1 && flow.bytes <= flow.packets.saturating_mul(SLOW_OCTETS);
    Kind {
        lane,
        slow: small && to_service && flow.sampling <= 1 && has(ACK) && flags & (SYN | FIN | RST) == 0,
        // A SYN that was taken back is still a question.
        says: if has(RST) && (has(ACK) || !has(SYN)) { Says::Other } else { Says::Tcp },
        established,
    }
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
const URG: u8 = 32;

/// Packets of a flow that is hardly one.
const FEW: u64 = 3;
/// Octets of a packet that carries nearly nothing.
const SLOW_OCTETS: u64 = 160;
/// Connections held open are counted over this many seconds.
pub(crate) const SLOW_S: f64 = 10.0;
