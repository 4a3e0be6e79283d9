//! Laws of the lease readers: real files, Kea's and dhcpd's own notation, damage that stays local.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::IpAddr;

use proptest::prelude::*;

use super::{Lease, LeaseFormat, LeaseKind, LeaseState, Leases, kea_line::unescape};
use crate::{Defect, Place, tables::Fault};

const KEA4: &[u8] = include_bytes!("../../testdata/leases/kea-leases4.csv");
const ISC: &[u8] = include_bytes!("../../testdata/leases/dhcpd.leases");
const ISC6: &[u8] = include_bytes!("../../testdata/leases/dhcpd6.leases");
const KEA4_RELAYED: &[u8] = include_bytes!("../../testdata/leases/kea-leases4-relayed.csv");
const KEA6_RELAYED: &[u8] = include_bytes!("../../testdata/leases/kea-leases6-relayed.csv");

fn read(format: LeaseFormat, text: &[u8]) -> (Vec<(u64, Lease)>, Vec<Defect>) {
    let (mut leases, mut defects) = (Vec::new(), Vec::new());
    for item in Leases::new(format, text) {
        match item {
            Ok(lease) => leases.push(lease),
            Err(Fault::Defect(defect)) => defects.push(defect),
            Err(Fault::Input(error)) => panic!("{error}"),
        }
    }
    (leases, defects)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn every_row_of_a_real_kea_file_is_a_lease() {
    let (leases, defects) = read(LeaseFormat::Kea4, KEA4);
    assert!(defects.is_empty());
    assert_eq!(leases.len(), KEA4.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() - 1);
    let (line, first) = &leases[0];
    assert_eq!(*line, 2);
    assert!(first.address == ip("198.18.90.20") && first.prefix_len == 32 && first.kind == LeaseKind::V4);
    assert!(first.mac == Some([2, 0, 0x5e, 0x10, 0, 0x1e]) && first.client_id.is_empty());
    assert_eq!(first.expire_us, Some(1_795_290_605_000_000));
    assert_eq!(first.cltt_us, Some(1_795_290_485_000_000));
    assert_eq!((first.subnet_id, first.state), (Some(1), LeaseState::Active));
    let (_, last) = leases.last().unwrap();
    assert_eq!(last.state, LeaseState::Expired);
    assert_eq!(last.cltt_us, last.expire_us);
}

#[test]
fn an_older_header_has_active_leases_and_a_newer_one_has_columns_we_do_not_need() {
    let old = b"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname\n\
        192.0.2.1,02:00:5e:10:00:01,01:02,60,1795290605,1,0,0,h\n";
    let (leases, defects) = read(LeaseFormat::Kea4, old);
    assert!(defects.is_empty() && leases[0].1.state == LeaseState::Active);
    assert!(leases[0].1.client_id == [1, 2]);
    let new =
        b"\xef\xbb\xbfaddress,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,\
        state,user_context,pool_id\r\n192.0.2.1,02:00:5e:10:00:01,,60,1795290605,1,0,0,,3,,0\r\n";
    let (leases, defects) = read(LeaseFormat::Kea4, new);
    assert!(defects.is_empty() && leases[0].1.state == LeaseState::Released);
}

#[test]
fn an_infinite_lease_never_ends() {
    let head = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n";
    for expire in [1_795_290_605u64 + u64::from(u32::MAX), 1_795_290_605] {
        let text = format!("{head}192.0.2.1,,,4294967295,{expire},1,0,0,,0\n");
        let (leases, _) = read(LeaseFormat::Kea4, text.as_bytes());
        assert_eq!(leases[0].1.expire_us, None);
        assert_eq!(leases[0].1.cltt_us, Some(1_795_290_605_000_000));
    }
}

#[test]
fn kea_keeps_the_relays_ids() {
    let (leases, defects) = read(LeaseFormat::Kea4, KEA4_RELAYED);
    assert!(defects.is_empty() && !leases.is_empty());
    assert!(leases.iter().all(|(_, lease)| lease.circuit_id == b"eth0/2,3" && lease.remote_id == b"line,43"));
    assert!(leases.iter().all(|(_, lease)| lease.client_id == [1, 2, 0, 0x5e, 0x20, 0, 2]));
    let (leases, defects) = read(LeaseFormat::Kea6, KEA6_RELAYED);
    assert!(defects.is_empty());
    let kinds: Vec<_> = leases.iter().map(|(_, lease)| (lease.kind, lease.prefix_len)).collect();
    assert!(kinds.contains(&(LeaseKind::V6Address, 128)) && kinds.contains(&(LeaseKind::V6Prefix, 56)));
    for (_, lease) in &leases {
        // The relay next to the client, not the outer one; the remote id without its enterprise number.
        assert!(lease.circuit_id == b"eth0/1/7:100" && lease.remote_id == b"line,42");
        assert_eq!(lease.iaid, Some(0x5e20_0001));
        assert!(lease.duid.len() == 14 && lease.subnet_id == Some(7));
    }
}

#[test]
fn a_relay_context_is_read_in_kea_s_older_and_newer_form() {
    let head = "address,hwaddr,client_id,valid_lifetime,expire,user_context\n";
    for context in [
        r#"{ "ISC": { "relay-agent-info": "0x0104656E6430&#x2c" } }"#,
        r#"{ "ISC": { "relay-agent-info": "0x01026531020172" } }"#,
        r#"{ "ISC": { "relay-agent-info": { "remote-id": "72"&#x2c "sub-options": "0x01026531" } } }"#,
    ] {
        let text = format!("{head}192.0.2.1,,,60,1795290605,{context}\n");
        let (leases, defects) = read(LeaseFormat::Kea4, text.as_bytes());
        assert_eq!(leases.len(), 1, "the lease stays, whatever its context");
        if defects.is_empty() {
            assert!(leases[0].1.circuit_id == b"e1" && leases[0].1.remote_id == b"r");
        } else {
            assert!(defects[0].what.contains("user_context"));
        }
    }
    assert_eq!(unescape("a&#x2cb&#x&#xzz&#x7"), b"a,b&#x&#xzz&#x7");
}

#[test]
fn a_bad_row_keeps_its_neighbours() {
    let head = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n";
    let good = "192.0.2.1,02:00:5e:10:00:01,,60,1795290605,1,0,0,,0\n";
    for bad in [
        "192.0.2.256,,,60,1795290605,1,0,0,,0",
        "192.0.2.1,,,60,soon,1,0,0,,0",
        "192.0.2.1,,,60,99999999999999999999,1,0,0,,0",
        "192.0.2.1,,,61,60,1,0,0,,0",
        "192.0.2.1,zz,,60,1795290605,1,0,0,,0",
        "192.0.2.1,,,60,1795290605,1,0,0,,",
        "192.0.2.1,,,60",
        "\u{0}",
        &"x".repeat(70_000),
    ] {
        let text = format!("{head}{good}{bad}\n{good}");
        let (leases, defects) = read(LeaseFormat::Kea4, text.as_bytes());
        assert_eq!(leases.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(defects.iter().map(|defect| defect.place).collect::<Vec<_>>(), [Place::Line(3)]);
        assert!(!defects[0].what.contains("192.0.2"));
    }
    let (leases, defects) = read(LeaseFormat::Kea6, format!("{head}{good}{good}").as_bytes());
    assert!(leases.is_empty() && defects.len() == 1, "a v4 file is not taken for a v6 one");
}

#[test]
fn every_block_of_a_real_dhcpd_file_is_a_lease() {
    let (leases, defects) = read(LeaseFormat::Isc, ISC);
    assert!(defects.is_empty());
    let text = std::str::from_utf8(ISC).unwrap();
    assert_eq!(leases.len(), text.lines().filter(|line| line.starts_with("lease ")).count());
    let (_, first) = &leases[0];
    assert!(first.address == ip("198.18.90.100") && first.mac == Some([2, 0, 0x5e, 0x10, 0, 1]));
    assert_eq!(first.starts_us, Some(1_795_291_407_000_000));
    assert_eq!(first.expire_us, Some(1_795_291_447_000_000));
    assert_eq!(leases.iter().filter(|(_, lease)| lease.state == LeaseState::Free).count(), 5);
}

#[test]
fn a_real_dhcpd_v6_file_gives_addresses_and_prefixes() {
    let (leases, defects) = read(LeaseFormat::Isc, ISC6);
    assert!(defects.is_empty());
    let prefix = leases.iter().find(|(_, lease)| lease.kind == LeaseKind::V6Prefix).unwrap();
    assert!(prefix.1.address == ip("2001:db8:8000:f00::") && prefix.1.prefix_len == 56);
    // dhcpd's own log said: iaid = 1579155457, duid 00:01:00:01:32:94:cb:ae:02:00:5e:20:00:01.
    assert_eq!(prefix.1.iaid, Some(1_579_155_457));
    assert!(prefix.1.duid == [0, 1, 0, 1, 0x32, 0x94, 0xcb, 0xae, 2, 0, 0x5e, 0x20, 0, 1]);
    assert_eq!(prefix.1.cltt_us, Some(1_795_297_071_000_000));
    assert_eq!(prefix.1.expire_us, Some(1_795_300_671_000_000));
    assert!(leases.iter().any(|(_, lease)| lease.kind == LeaseKind::V6Address && lease.prefix_len == 128));
}

#[test]
fn dhcpd_notation_in_full() {
    let text = br#"
failover peer "dhcp" state { my state normal at 3 2020/05/06 14:56:17; partner state normal at never; }
lease 192.0.2.9 {
  starts epoch 1795291407; # Sat Nov 21 20:03:27 2026
  ends never;
  tstp 6 2026/11/21 20:04:07; atsfp 6 2026/11/21 20:04:07;
  cltt 6 2026/11/21 20:03:28;
  binding state active;
  next binding state expired;
  hardware ethernet 2:0:5e:10:0:1;
  uid "\001\002\"\\x;}#";
  set vendor-class-identifier = "a{b}c;";
  option agent.circuit-id 0:4:a;
  option agent.remote-id "line 42";
  client-hostname "never kept";
  on expiry { if (1 = 1) { log (info, "}"); } else { log (info, "{"); } }
  reserved;
}
lease 192.0.2.10 { starts never; binding state backup; }
lease 192.0.2.11 { starts 1 2026/11/23 00:00:00; ends 1 2026/11/23 01:00:00; abandoned; }
"#;
    let (leases, defects) = read(LeaseFormat::Isc, text);
    assert!(defects.is_empty(), "{defects:?}");
    let (line, lease) = &leases[0];
    assert_eq!(*line, 3);
    assert!(lease.client_id == b"\x01\x02\"\\x;}#" && lease.mac == Some([2, 0, 0x5e, 0x10, 0, 1]));
    assert!(lease.circuit_id == [0, 4, 10] && lease.remote_id == b"line 42");
    assert_eq!((lease.starts_us, lease.cltt_us), (Some(1_795_291_407_000_000), Some(1_795_291_408_000_000)));
    assert_eq!(lease.expire_us, None);
    assert_eq!(leases[1].1.state, LeaseState::Backup);
    assert_eq!(leases[2].1.state, LeaseState::Declined);
}

#[test]
fn a_bad_block_keeps_its_neighbours() {
    let good = "lease 192.0.2.1 {\n  starts 6 2026/11/21 20:03:27;\n  ends 6 2026/11/21 20:04:07;\n}\n";
    for bad in [
        "lease 192.0.2.2 {\n  ends 6 2026/13/21 20:04:07;\n}\n",
        "lease 192.0.2.2 {\n  ends 6 2026/11/21 24:04:07;\n}\n",
        "lease 192.0.2.2 {\n  binding state active;\n}\n",
        "lease 192.0.2.2 {\n  ends never;\n  binding state odd;\n}\n",
        "lease 192.0.2.2 {\n  ends never;\n  uid \"\\001;\n}\n",
        "lease 192.0.2.2 {\n  ends never;\n  hardware ethernet 1:2;\n}\n",
        "lease 192.0.2.2 {\n  ends never;\n  bind",
        "lease 192.0.2.2 {\n  on commit { {\n",
        "ia-na \"abcdefgh\" {\n  cltt",
        "lease nobody {\n  ends never;\n}\n",
        "}\n",
    ] {
        let bad = if bad.ends_with('\n') { bad.to_owned() } else { format!("{bad}\n") };
        let (leases, defects) = read(LeaseFormat::Isc, format!("{good}{bad}{good}").as_bytes());
        assert_eq!(leases.len(), 2, "{bad}");
        assert!(leases.iter().all(|(_, lease)| lease.address == ip("192.0.2.1")));
        assert_eq!(defects.len(), 1, "{bad}");
    }
}

#[test]
fn a_file_cut_anywhere_loses_at_most_its_last_lease() {
    for (format, text) in
        [(LeaseFormat::Isc, ISC6), (LeaseFormat::Kea6, KEA6_RELAYED), (LeaseFormat::Isc, &ISC[..2000])]
    {
        let (whole, _) = read(format, text);
        for len in 0..text.len() {
            let (leases, defects) = read(format, &text[..len]);
            let certain = leases.len().saturating_sub(1);
            assert!(whole[..certain] == leases[..certain]);
            assert!(defects.len() <= 3);
        }
    }
}

#[test]
fn debug_shows_nothing() {
    let (leases, _) = read(LeaseFormat::Kea4, KEA4);
    assert_eq!(format!("{:?}", leases[0].1), "Lease[..]");
}

proptest! {
    #[test]
    fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in [LeaseFormat::Kea4, LeaseFormat::Kea6, LeaseFormat::Isc] {
            read(format, &text);
        }
    }

    #[test]
    fn no_words_of_the_grammar_panic(words in proptest::collection::vec(0usize..14, 0..80)) {
        const WORDS: [&str; 14] = ["lease ", "192.0.2.1 ", "{ ", "} ", ";\n", "\nia-na ", "\"\\001\\002abcd\" ", "iaaddr ",
            "2001:db8::1 ", "ends ", "never", "\"", "on ", "\n"];
        let text: String = words.iter().map(|at| WORDS[*at]).collect();
        read(LeaseFormat::Isc, text.as_bytes());
    }
}
