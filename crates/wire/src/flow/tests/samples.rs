//! Payloads of real exporters, compared with what tshark reads of them.

use std::path::PathBuf;

use super::*;

fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/flow").join(name);
    std::fs::read(path).unwrap()
}

const ALL: [&[&str]; 5] = [
    &["netflow9_test_cisco_asa_1_tpl.dat", "netflow9_test_cisco_asa_1_data.dat"],
    &["ipfix_test_nokia_bras_tpl.dat", "ipfix_test_nokia_bras_data256.dat"],
    &["netflow9_test_paloalto_panos_tpl.dat", "netflow9_test_paloalto_panos_data.dat"],
    &[
        "netflow9_test_paloalto_81_tpl256-263.dat",
        "netflow9_test_paloalto_81_data257_1flowset_in_large_zerofilled_packet.dat",
    ],
    &["netflow9_test_0length_fields_tpl_data.dat"],
];

fn read_all(files: &[&str]) -> (Vec<NatEvent>, Vec<Report>) {
    let mut decoder = Decoder::default();
    let (mut events, mut reports) = (Vec::new(), Vec::new());
    for file in files {
        let (found, report) = read(&mut decoder, NOW_US, &sample(file));
        events.extend(found);
        reports.push(report);
    }
    (events, reports)
}

#[test]
fn nokia_format_1_gives_the_subscriber_and_no_outside_port() {
    let (events, reports) = read_all(ALL[1]);
    assert!(reports.iter().all(|report| report.defects.is_empty()));
    let [event] = &events[..] else { panic!("one event") };
    assert_eq!((event.kind, event.dialect), (EventKind::SessionCreate, Dialect::Nokia));
    assert_eq!(event.inside, endpoint("10.10.0.123", 5878));
    assert_eq!(event.outside, Endpoint { address: ip("10.0.1.228"), port: None });
    assert_eq!(event.destination, endpoint("10.0.0.34", 80));
    assert_eq!(event.user_name.as_deref(), Some("USER1"));
    assert_eq!(event.session_id, Some(3_389_049_088));
    assert_eq!((event.protocol, event.ingress_vrf, event.egress_vrf), (Some(6), Some(100), Some(0)));
    assert_eq!(event.time, EventTime { us: 1_513_236_225_148_000, source: TimeSource::FlowStart });
    assert!(event.is_mapping());
}

#[test]
fn an_asa_that_translates_nothing_states_no_mapping() {
    let (events, reports) = read_all(ALL[0]);
    assert!(reports.iter().all(|report| report.defects.is_empty()));
    assert_eq!(events.len(), 14);
    for event in &events {
        assert_eq!((event.kind, event.dialect), (EventKind::SessionDelete, Dialect::CiscoNsel));
        assert_eq!((event.code, event.protocol), (Some(2), Some(1)));
        assert_eq!(event.direction, Direction::Identity);
        assert_eq!(event.inside, event.outside);
        assert!(!event.is_mapping());
    }
    let last = &events[13];
    assert_eq!(last.outside, endpoint("164.164.37.11", 0));
    assert_eq!(last.destination_post, endpoint("192.168.23.20", 18061));
    assert_eq!(last.time.us, 1_444_384_071_509_000);
    assert_eq!(last.start_us, Some(1_444_384_069_479_000));
    assert_eq!(last.session_id, Some(8512));
}

#[test]
fn flow_records_without_translation_are_counted_and_passed_over() {
    let (events, reports) = read_all(ALL[2]);
    assert_eq!(events, []);
    assert_eq!((reports[0].templates, reports[1].records), (8, 8));
    let (events, reports) = read_all(ALL[3]);
    assert_eq!(events, []);
    assert_eq!((reports[0].templates, reports[1].records), (8, 1));
    assert_eq!(reports[1].defects, [], "zeros after the last set are padding");
    let (events, reports) = read_all(ALL[4]);
    assert_eq!((events.len(), reports[0].records), (0, 10));
}

#[test]
fn every_sample_cut_at_every_length_never_gives_what_the_whole_does_not() {
    for files in ALL {
        let (whole, _) = read_all(files);
        let (last, before) = files.split_last().unwrap();
        let bytes = sample(last);
        for len in 0..bytes.len() {
            let mut decoder = Decoder::default();
            for file in before {
                read(&mut decoder, NOW_US, &sample(file));
            }
            let (events, _) = read(&mut decoder, NOW_US, &bytes[..len]);
            assert!(whole.starts_with(&events), "{last} cut at {len}");
        }
    }
}
