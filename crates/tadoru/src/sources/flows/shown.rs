//! How an exporter fares, as the API shows it.

use tadoru_model::UtcMicros;
use tadoru_observe::flows::{AddressHealth, Config, ExporterHealth, UnknownSender};
use tadoru_web::api::exporters::{Address, Exporter, Unknown};

/// An exporter's stream.
pub fn exporter(one: &ExporterHealth, config: &Config, now: UtcMicros) -> Exporter {
    let (sampling, sampling_from) = one.sampling.told();
    Exporter {
        name: config.name_of(one.address).map(|name| name.0.to_string()),
        address: one.address.to_string(),
        port: (one.port != 0).then_some(one.port),
        standing: one.standing.as_str().to_owned(),
        protocol: one.protocol.as_str().to_owned(),
        domain: one.domain,
        agent: one.agent.map(|agent| agent.to_string()),
        templates: one.templates as u64,
        datagrams: one.datagrams,
        octets: one.octets,
        flows: one.flows,
        rate: (one.rate * 10.0).round() / 10.0,
        lost: one.lost,
        late: one.late,
        restarts: one.restarts,
        waiting_datagrams: one.waiting_sets,
        waiting_octets: one.waiting_octets as u64,
        dropped_sets: one.dropped_sets,
        sampling,
        sampling_from: sampling_from.map(ToOwned::to_owned),
        skew_us: one.skew_us,
        clock_jumps: one.clock_jumps,
        correction_us: one.correction_us,
        corrected: one.corrected,
        nat_events: one.nat_events,
        last: one.last.to_string(),
        silent_s: silent(one.last, now),
    }
}

/// All that came from an address.
pub fn address(one: &AddressHealth, config: &Config, now: UtcMicros) -> Address {
    Address {
        name: config.name_of(one.address).map(|name| name.0.to_string()),
        address: one.address.to_string(),
        standing: one.standing.as_str().to_owned(),
        datagrams: one.datagrams,
        unread_domains: one.unread_domains as u64,
        waiting_datagrams: one.waiting_sets,
        waiting_octets: one.waiting_octets as u64,
        dropped_sets: one.dropped_sets,
        defects: one.defects.clone(),
        last: one.last.to_string(),
        silent_s: silent(one.last, now),
    }
}

/// Seconds since then.
fn silent(last: UtcMicros, now: UtcMicros) -> u64 {
    u64::try_from(now.since(last) / 1_000_000).unwrap_or(0)
}

/// A sender that is not named.
pub fn unknown(one: &UnknownSender) -> Unknown {
    Unknown { address: one.address.to_string(), datagrams: one.datagrams, last: one.last.to_string() }
}
