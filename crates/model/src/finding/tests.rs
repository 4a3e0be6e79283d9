#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use super::*;

#[test]
fn every_vector_reads_back_from_its_name() {
    let amplified = Service::ALL.iter().copied().chain([Service::Unknown]).map(Vector::Amplification);
    let scans = [Scan::Telnet, Scan::Ports, Scan::Hosts].map(Vector::Scan);
    for vector in Vector::PLAIN.into_iter().chain(amplified).chain(scans) {
        assert_eq!(vector.to_string().parse(), Ok(vector));
    }
    assert_eq!("amplification-".parse::<Vector>(), Err(FindingTextError::Vector));
    assert_eq!("".parse::<Vector>(), Err(FindingTextError::Vector));
}

#[test]
fn every_service_is_found_by_its_port() {
    for service in Service::ALL {
        assert_eq!(Service::of_port(service.port()), Some(*service));
    }
    assert_eq!(Service::of_port(443), None);
    assert_eq!(Service::of_port(0), None);
}

#[test]
fn an_id_is_sixteen_digits() {
    assert_eq!(FindingId(0xabc).to_string().parse(), Ok(FindingId(0xabc)));
    for text in ["", "abc", "+000000000000abc", "0000000000000abcd"] {
        assert_eq!(text.parse::<FindingId>(), Err(FindingTextError::Id), "{text}");
    }
}

#[test]
fn nothing_prints_an_address() {
    let addr: IpAddr = "192.0.2.77".parse().unwrap();
    let target = Target {
        scope: Scope::Host(addr),
        vector: Vector::Udp,
        from: UtcMicros(0),
        last: UtcMicros(0),
        peak: Rate::default(),
    };
    let text = format!("{target:?} {:?} {:?}", target.scope, SourceShare { addr, share: 1.0 });
    assert!(!text.contains("192"), "{text}");
}
