#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tadoru_model::{Flows, UtcMicros};
use tadoru_wire::flow::{Columns, Exporter as Sender, Row, Version, to_bits};

use super::batch::{Batch, Datagram, Told, datagrams};
use super::*;
use crate::inlet::{Receipt, Spool, SpoolError, SpoolRecord};

const NOW: i64 = 1_790_000_000_000_000;

fn told(standing: Standing) -> Told {
    Told { standing, sampling: 0, templates: Reach::Port }
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::new("192.0.2.1".parse().unwrap(), port)
}

fn rows(count: usize, last_us: i64) -> Columns {
    let mut columns = Columns::default();
    for n in 0..count {
        columns.push(Row {
            first_us: last_us - 1_000_000,
            last_us,
            ip: 4,
            src: to_bits("198.51.100.1".parse().unwrap()),
            dst: to_bits("203.0.113.1".parse().unwrap()),
            src_port: n as u16,
            dst_port: 53,
            proto: 17,
            packets: 1,
            bytes: 100,
            flows: 1,
            ..Row::default()
        });
    }
    columns
}

fn export(sender: &mut Sender, count: usize, clock_us: i64) -> Vec<Vec<u8>> {
    sender.encode(clock_us, &rows(count, clock_us - 1_000_000)).unwrap()
}

fn record(packets: &[Vec<u8>], source: SocketAddr, arrival_us: i64, told: Told) -> SpoolRecord {
    let mut batch = Batch::default();
    for octets in packets {
        assert!(batch.push(&Datagram { source, arrival: UtcMicros(arrival_us), told, octets }));
    }
    batch.take().unwrap()
}

fn step(reader: &mut Reader, number: u64, record: &SpoolRecord) -> Flows {
    let mut out = Flows::default();
    reader.step(number, record, &mut out);
    assert!(out.is_even());
    out
}

proptest! {
    #[test]
    fn a_batch_gives_its_datagrams_again(
        all in prop::collection::vec((any::<bool>(), any::<u16>(), any::<i64>(), any::<u32>(), any::<bool>(),
            prop::collection::vec(any::<u8>(), 0..200)), 1..20),
        cut in 0_usize..100,
    ) {
        let sent: Vec<Datagram<'_>> = all.iter().map(|(v6, port, arrival, sampling, quarantined, octets)| {
            let addr: IpAddr = if *v6 { Ipv6Addr::LOCALHOST.into() } else { at(0).ip() };
            let standing = if *quarantined { Standing::Quarantined } else { Standing::Known };
            let templates = if *v6 { Reach::Address } else { Reach::Port };
            Datagram {
                source: SocketAddr::new(addr, *port),
                arrival: UtcMicros(*arrival),
                told: Told { standing, sampling: *sampling, templates },
                octets,
            }
        }).collect();
        let mut batch = Batch::default();
        sent.iter().for_each(|datagram| assert!(batch.push(datagram)));
        let record = batch.take().unwrap();
        prop_assert!(batch.take().is_none());
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        let record = SpoolRecord::read(&bytes).unwrap();
        prop_assert!(datagrams(&record.octets).eq(sent.iter().copied()));
        // Cut anywhere, the neighbours before the cut are kept.
        let short = record.octets.len().saturating_sub(cut);
        let kept = datagrams(&record.octets[..short]).count();
        prop_assert!(kept <= sent.len());
    }

    #[test]
    fn hostile_octets_never_stop_the_reader(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..20),
        version in prop::sample::select(vec![0_u8, 5, 9, 10]),
    ) {
        let mut reader = Reader::new(&Config::default());
        let mut packets = packets;
        for packet in &mut packets {
            if packet.len() > 4 {
                packet[..4].copy_from_slice(&[0, version, 0, 5]);
            }
        }
        let mut sender = Sender::new(Version::NetFlow9, 1, NOW - 60_000_000);
        packets.extend(export(&mut sender, 3, NOW));
        let got = step(&mut reader, 0, &record(&packets, at(1), NOW, told(Standing::Known)));
        prop_assert!(got.rows() >= 3, "the neighbours are kept");
        reader.health(UtcMicros(NOW));
    }
}

#[test]
fn a_late_template_gives_what_waited_and_the_spool_is_asked_to_keep_it() {
    let mut reader = Reader::new(&Config::default());
    let mut sender = Sender::new(Version::Ipfix, 7, NOW - 60_000_000);
    let announced = export(&mut sender, 1, NOW);
    let data = export(&mut sender, 5, NOW);
    assert_eq!(step(&mut reader, 40, &record(&data, at(9), NOW, told(Standing::Known))).rows(), 0);
    assert_eq!(reader.waits_from(), Some(40));
    // Nothing of its domain has been read yet; what waits is told at its address.
    assert!(reader.health(UtcMicros(NOW)).is_empty());
    let address = &reader.addresses()[0];
    assert!(address.waiting_sets == data.len() as u64 && address.waiting_octets > 0);
    assert_eq!((address.unread_domains, address.datagrams), (1, data.len() as u64));
    // What is kept in mind is without it: read again from there, nothing is lost.
    let memory = Reader::new(&Config::default()).memory();
    let mut again = Reader::recall(&Config::default(), &memory).unwrap();
    step(&mut again, 40, &record(&data, at(9), NOW, told(Standing::Known)));
    for reader in [&mut reader, &mut again] {
        let got = step(reader, 41, &record(&announced, at(9), NOW + 1_000_000, told(Standing::Known)));
        assert_eq!(got.rows(), 6);
        assert_eq!(reader.waits_from(), None);
    }
}

#[test]
fn templates_and_numbers_are_kept_in_mind() {
    let mut reader = Reader::new(&Config::default());
    let mut sender = Sender::new(Version::NetFlow9, 7, NOW - 60_000_000);
    step(&mut reader, 0, &record(&export(&mut sender, 1, NOW), at(9), NOW, told(Standing::Known)));
    let memory = reader.memory();
    let mut again = Reader::recall(&Config::default(), &memory).unwrap();
    let lost = export(&mut sender, 2, NOW);
    assert_eq!(lost.len(), 1);
    let next = export(&mut sender, 3, NOW);
    assert_eq!(step(&mut again, 1, &record(&next, at(9), NOW, told(Standing::Known))).rows(), 3);
    assert_eq!(again.health(UtcMicros(NOW))[0].lost, 1);
    // Cut where an earlier version had no more, it is one of that version.
    let read = (0..memory.len()).filter(|end| Reader::recall(&Config::default(), &memory[..*end]).is_some());
    let earlier: Vec<usize> = read.collect();
    assert_eq!(earlier.len(), 1);
    let mut again = Reader::recall(&Config::default(), &memory[..earlier[0]]).unwrap();
    assert_eq!(step(&mut again, 1, &record(&next, at(9), NOW, told(Standing::Known))).rows(), 3);
}

#[test]
fn what_was_counted_is_shown_again_after_a_restart() {
    let mut reader = Reader::new(&Config::default());
    for version in [Version::NetFlow5, Version::NetFlow9, Version::Ipfix] {
        let mut sender = Sender::new(version, 7, NOW - 60_000_000);
        let packets = export(&mut sender, 4, NOW);
        step(&mut reader, 0, &record(&packets, at(9), NOW, told(Standing::Known)));
    }
    let mut sample = vec![0, 0, 0, 5, 0, 0, 0, 1, 192, 0, 2, 254];
    // Sub-agent, number, uptime, one sample: counters of eight octets.
    sample.extend([0, 1, 1000, 1, 2, 8, 0, 0].map(u32::to_be_bytes).concat());
    let junk = vec![vec![0, 9, 1], vec![0xff; 60], sample];
    step(&mut reader, 1, &record(&junk, at(9), NOW, told(Standing::Known)));
    let (health, addresses) = (reader.health(UtcMicros(NOW)), reader.addresses());
    assert_eq!((health.len(), addresses.len()), (4, 1));
    assert_eq!(addresses[0].defects.values().sum::<u64>(), 2);
    let mut again = Reader::recall(&Config::default(), &reader.memory()).unwrap();
    let shown = again.health(UtcMicros(NOW));
    let settled = |all: Vec<ExporterHealth>| -> Vec<ExporterHealth> {
        all.into_iter().map(|one| ExporterHealth { rate: 0.0, ..one }).collect()
    };
    assert!(settled(shown) == settled(health));
    assert!(again.addresses() == addresses);
}

#[test]
fn an_exporter_whose_templates_never_come_says_so() {
    let config = Config { template_wait_s: 60, ..Config::default() };
    let mut reader = Reader::new(&config);
    let mut sender = Sender::new(Version::Ipfix, 7, NOW - 60_000_000);
    export(&mut sender, 1, NOW);
    for second in 0..300_i64 {
        let arrival = NOW + second * 1_000_000;
        let data = export(&mut sender, 5, arrival);
        step(&mut reader, second as u64, &record(&data, at(9), arrival, told(Standing::Known)));
    }
    let address = &reader.addresses()[0];
    assert!(reader.health(UtcMicros(NOW)).is_empty());
    assert_eq!((address.unread_domains, address.waiting_sets + address.dropped_sets), (1, 300));
    assert!(address.dropped_sets >= 120 && address.waiting_sets >= 60);
}

#[test]
fn domains_that_junk_invents_are_not_listed_and_take_nobody_s_place() {
    let mut reader = Reader::new(&Config::default());
    for n in 0..3000_u32 {
        let mut junk = [9_u16, 1].map(u16::to_be_bytes).concat();
        let second = u32::try_from(NOW / 1_000_000).unwrap();
        junk.extend([1000, second, n, n.wrapping_mul(2_654_435_761)].map(u32::to_be_bytes).concat());
        junk.extend([300_u16, 12, 1, 2, 3, 4].map(u16::to_be_bytes).concat());
        step(&mut reader, n.into(), &record(&[junk], at(9), NOW, told(Standing::Known)));
    }
    assert!(reader.health(UtcMicros(NOW)).is_empty());
    let address = &reader.addresses()[0];
    assert!(address.unread_domains <= 16 && address.dropped_sets >= 2984, "{}", address.dropped_sets);
    let mut sender = Sender::new(Version::NetFlow9, 7, NOW - 60_000_000);
    let real = record(&export(&mut sender, 3, NOW), at(9), NOW, told(Standing::Known));
    assert_eq!(step(&mut reader, 5000, &real).rows(), 3);
    assert_eq!(reader.health(UtcMicros(NOW)).len(), 1);
}

#[test]
fn strangers_in_quarantine_are_shown_and_give_no_flows_nor_take_room() {
    let mut reader = Reader::new(&Config::default());
    for port in 0..2000 {
        let mut sender = Sender::new(Version::NetFlow9, u32::from(port), NOW - 60_000_000);
        let packets = export(&mut sender, 2, NOW);
        let got = step(&mut reader, 0, &record(&packets, at(port), NOW, told(Standing::Quarantined)));
        assert_eq!(got.rows(), 0);
    }
    let mut sender = Sender::new(Version::NetFlow9, 1, NOW - 60_000_000);
    let known = record(&export(&mut sender, 2, NOW), at(9), NOW, told(Standing::Known));
    assert_eq!(step(&mut reader, 0, &known).rows(), 2);
    let health = reader.health(UtcMicros(NOW));
    assert!(health.len() <= 257, "{}", health.len());
    assert_eq!(health.iter().filter(|one| one.standing == Standing::Known).count(), 1);
}

#[test]
fn sampling_says_who_told_it() {
    let mut reader = Reader::new(&Config::default());
    let mut sender = Sender::new(Version::NetFlow5, 0, NOW - 60_000_000);
    let of_config = Told { sampling: 400, ..told(Standing::Known) };
    let got = step(&mut reader, 0, &record(&export(&mut sender, 2, NOW), at(9), NOW, of_config));
    assert_eq!(got.sampling, [400, 400]);
    assert_eq!(reader.health(UtcMicros(NOW))[0].sampling, Sampling::Configured(400));
    let mut sampled = rows(2, NOW);
    sampled.sampling.fill(64);
    let packets = sender.encode(NOW, &sampled).unwrap();
    let got = step(&mut reader, 1, &record(&packets, at(9), NOW, of_config));
    assert_eq!(got.sampling, [64, 64], "the exporter knows better");
    assert_eq!(reader.health(UtcMicros(NOW))[0].sampling, Sampling::Data(64));
}

#[test]
fn a_clock_that_is_off_is_shown_and_corrected_by_arrival_and_both_times_are_kept() {
    const HOURS: i64 = 9 * 3_600_000_000;
    for (off, corrected_from) in [(HOURS, 0), (-HOURS, 2)] {
        let mut reader = Reader::new(&Config::default());
        let mut sender = Sender::new(Version::Ipfix, 0, NOW - 60_000_000);
        for n in 0..5_i64 {
            let arrival = NOW + n * 1_000_000;
            let packets = export(&mut sender, 1, arrival + off);
            let got = step(&mut reader, n as u64, &record(&packets, at(9), arrival, told(Standing::Known)));
            assert_eq!(got.received_us, [arrival]);
            let is_near = (got.last_us[0] - arrival).abs() < 5_000_000;
            assert_eq!(is_near, n >= corrected_from, "{off} {n}");
            assert_eq!(got.last_us[0] - got.first_us[0], 1_000_000);
        }
        let health = reader.health(UtcMicros(NOW));
        assert!((health[0].correction_us - off).abs() < 2_000_000 && health[0].corrected >= 3);
        assert!((health[0].skew_us.unwrap() - off).abs() < 2_000_000);
    }
}

#[test]
fn the_rate_is_that_of_the_last_minute() {
    let mut rate = health::Rate::since(100);
    (100..110).for_each(|second| rate.note(second, 60));
    assert!((rate.per_second(109) - 60.0).abs() < 0.01);
    assert!((rate.per_second(159) - 10.0).abs() < 0.01);
    assert!(rate.per_second(169) < 0.01);
}

/// A spool in memory that may be full.
#[derive(Default)]
struct InMemory {
    records: Mutex<Vec<SpoolRecord>>,
    full: std::sync::atomic::AtomicBool,
}

impl Spool for InMemory {
    fn append(&self, batch: &[SpoolRecord]) -> Result<Receipt, SpoolError> {
        if self.full.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(SpoolError::Full);
        }
        let mut records = self.records.lock().unwrap();
        records.extend(batch.iter().cloned());
        Ok(Receipt { first: 0, next: records.len() as u64 })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_wait_while_the_disk_is_full_and_none_is_lost() {
    let spool = Arc::new(InMemory::default());
    spool.full.store(true, std::sync::atomic::Ordering::SeqCst);
    let config = Config {
        udp: vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()],
        exporters: vec![
            Exporter {
                from: "127.0.0.1".parse().unwrap(),
                name: None,
                sampling: None,
                templates: Reach::Port,
            },
            Exporter { from: "::1".parse().unwrap(), name: None, sampling: None, templates: Reach::Port },
        ],
        ..Config::default()
    };
    let receiver = Receiver::new(config, Arc::clone(&spool) as Arc<dyn Spool>).unwrap();
    let counters = receiver.counters();
    let listening = receiver.listen().await.unwrap();
    let (udp, _) = listening.addresses();
    let (end, shutdown) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(listening.run(shutdown));
    for (to, from) in udp.iter().zip(["127.0.0.1:0", "[::1]:0"]) {
        let socket = std::net::UdpSocket::bind(from).unwrap();
        for n in 0..100_u8 {
            socket.send_to(&[0, 9, n], to).unwrap();
        }
    }
    let since = Instant::now();
    let waits = |until: u64, counted: &dyn Fn() -> u64| {
        while counted() < until {
            assert!(since.elapsed() < Duration::from_secs(120));
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    waits(2, &|| counters.received.get());
    assert_eq!(counters.kept.get(), 0);
    spool.full.store(false, std::sync::atomic::Ordering::SeqCst);
    waits(200, &|| counters.kept.get());
    end.send(true).unwrap();
    running.await.unwrap();
    assert_eq!((counters.kept.get(), counters.refused.get(), counters.kernel_drops()), (200, 0, 0));
    let records = spool.records.lock().unwrap();
    assert_eq!(records.iter().map(|record| datagrams(&record.octets).count()).sum::<usize>(), 200);
}
