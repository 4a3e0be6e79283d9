//! Rehearsal finds what the step would have found, and prints nobody's address.

use tadoru_detect::{Detector, Rehearsal, Settings, Tables, World, rehearse};
use tadoru_model::flow::to_bits;
use tadoru_model::{FindingState, Flow, Flows, Scope, UtcMicros, Vector};

/// Ten seconds of 100,000 packets/s of UDP to one address, a batch for each tenth of a second, then silence.
fn stored() -> Vec<Flows> {
    let batch = |tick: i64| {
        let now = 1_795_219_200_000_000 + tick * 100_000;
        let mut batch = Flows::default();
        for sender in 0..20_u32 {
            batch.push(Flow {
                first_us: now - 100_000,
                last_us: now,
                received_us: now,
                ip: 4,
                src: to_bits(std::net::IpAddr::from((0x0808_0000 + sender).to_be_bytes())),
                dst: to_bits("192.0.2.77".parse().unwrap()),
                src_port: 4000,
                dst_port: 80,
                proto: 17,
                packets: if tick < 100 { 500 } else { 1 },
                bytes: 50_000,
                ..Flow::default()
            });
        }
        batch
    };
    (0..900).map(batch).collect()
}

fn world() -> World {
    World::new(Tables { own: vec!["192.0.2.0/24".parse().unwrap()], ..Tables::default() })
}

fn tried(settings: Settings) -> Rehearsal {
    rehearse(settings, world(), 1, stored())
}

#[test]
fn it_says_what_would_have_fired_and_whom_it_would_have_hit() {
    let found = tried(Settings::default());
    assert_eq!((found.hits.len(), found.flows), (1, 18_000));
    let hit = &found.hits[0];
    assert!(hit.is_over());
    assert_eq!(hit.finding.vector, Vector::Udp);
    assert!(hit.targets.iter().all(|target| target.scope == Scope::Host("192.0.2.77".parse().unwrap())));
    assert!((hit.finding.peak.rate.packets_per_s / 100_000.0 - 1.0).abs() < 0.1);
    assert!(hit.told.0 - hit.finding.start.0 <= 1_000_000);
    assert!(tried(Settings::default().scaled(10.0)).hits.is_empty());
}

#[test]
fn it_finds_what_the_step_finds() {
    let mut detector = Detector::new(Settings::default(), world(), 1);
    let told = stored()
        .iter()
        .flat_map(|batch| detector.step(UtcMicros(batch.received_us[0]), batch))
        .collect::<Vec<_>>();
    let last = told.last().unwrap();
    assert_eq!(last.state, FindingState::Ended);
    assert!(
        told.iter()
            .all(|finding| finding.id == last.id && !finding.why.is_empty() && !finding.wrong_if.is_empty())
    );
    assert_eq!(tried(Settings::default()).hits[0].finding, *last);
}

#[test]
fn nothing_of_it_prints_an_address() {
    let found = tried(Settings::default());
    let sentences = found.hits.iter().flat_map(|hit| hit.finding.why.iter().chain(&hit.finding.wrong_if));
    let text = sentences.cloned().collect::<String>() + &format!("{found:?}");
    assert!(!text.contains("192.0") && !text.contains("8.8."), "{text}");
}
