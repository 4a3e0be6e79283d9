//! Senders that the configuration does not name: how much came from each, within a bound.

use std::collections::HashMap;
use std::net::IpAddr;

use tadoru_model::UtcMicros;

/// What came from a sender that is not named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UnknownSender {
    /// Its address.
    pub address: IpAddr,
    /// Datagrams and streams of it.
    pub datagrams: u64,
    /// When the last one came.
    pub last: UtcMicros,
}

impl std::fmt::Debug for UnknownSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[sender of {} datagrams]", self.datagrams)
    }
}

/// Those that came so far; beyond [`MOST`] addresses only together.
#[derive(Debug, Default)]
pub(super) struct Senders(HashMap<IpAddr, (u64, UtcMicros)>);

impl Senders {
    pub(super) fn note(&mut self, address: IpAddr, at: UtcMicros) {
        if let Some((datagrams, last)) = self.0.get_mut(&address) {
            (*datagrams, *last) = (datagrams.saturating_add(1), at);
        } else if self.0.len() < MOST {
            self.0.insert(address, (1, at));
        }
    }

    /// Those that sent the most first.
    pub(super) fn list(&self) -> Vec<UnknownSender> {
        let mut all: Vec<UnknownSender> = self
            .0
            .iter()
            .map(|(address, (datagrams, last))| UnknownSender {
                address: *address,
                datagrams: *datagrams,
                last: *last,
            })
            .collect();
        all.sort_by_key(|sender| (std::cmp::Reverse(sender.datagrams), sender.address));
        all
    }
}

/// Addresses kept apart at most.
const MOST: usize = 256;
