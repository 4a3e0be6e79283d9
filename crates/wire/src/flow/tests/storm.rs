//! What a stranger can make a decoder keep, and that nobody who is known is driven out by it.

use super::*;

fn at(seconds: i64) -> i64 {
    NOW_US + seconds * 1_000_000
}

fn real() -> Packet {
    Packet { domain: 7, ..Packet::new(Version::NetFlow9).template(256, &SESSION) }
}

#[test]
fn domains_that_junk_invents_are_few_and_drive_nobody_out() {
    let mut decoder = Decoder::default();
    read(&mut decoder, at(0), &real().bytes());
    for n in 0..20_000_u32 {
        let domain = 1000 + n.wrapping_mul(2_654_435_761);
        let junk = match n % 4 {
            0 => Packet::new(Version::NetFlow9).set(300, &[7; 40]),
            1 => Packet::new(Version::Ipfix).set(300, &[7; 40]),
            2 => Packet::new(Version::Ipfix).set(9, &[7; 40]),
            _ => Packet::new(Version::NetFlow9),
        };
        read(&mut decoder, at(1), &Packet { domain, sequence: n, ..junk }.bytes());
        assert!(decoder.streams().count() <= 17);
        assert!(decoder.waiting_bytes() <= 17 * 512);
    }
    assert_eq!(decoder.streams().filter(|view| view.is_proven).count(), 1);
    // A new domain of the exporter is taken at once.
    let packet = Packet { domain: 8, ..real().set(256, &session(1, 2, 1)) };
    let (events, report) = read(&mut decoder, at(2), &packet.bytes());
    assert_eq!((events.len(), report.defects), (1, vec![]));
    assert_eq!(decoder.streams().filter(|view| view.is_proven).count(), 2);
}

#[test]
fn a_storm_of_templates_in_any_number_of_domains_stays_within_the_bounds() {
    let limits = Limits { exporter_entries: 3000, entries: 5000, ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    let fields = |decoder: &Decoder| decoder.streams.values().map(Stream::entries).sum::<usize>();
    let most = limits.entries + 2 * 100;
    for n in 0..3000_u32 {
        let wide: Vec<(u32, u16)> = (0..100).map(|field| (1 + (n + field) % 400, 4)).collect();
        let packet = Packet { domain: n * 7919, ..Packet::new(Version::Ipfix).template(256, &wide) };
        let exporter = IpAddr::from([198, 51, 100, (n % 5) as u8]);
        decoder.decode(exporter, at(0), &packet.bytes(), &mut |_| {});
        assert!(fields(&decoder) <= most, "{}", fields(&decoder));
        assert_eq!(fields(&decoder), decoder.entries, "what is counted is what is kept");
    }
    let own = |exporter: u8| decoder.usage[&IpAddr::from([198, 51, 100, exporter])].entries;
    assert!((0..5).all(|exporter| own(exporter) <= 3000), "no address takes more than its share");
    // What is forgotten makes room again.
    let mut decoder = Decoder::new(limits);
    for n in 0..50_u32 {
        let later = Packet { sequence: n << 28, ..Packet::new(Version::Ipfix).template(256, &[(8, 4); 90]) };
        read(&mut decoder, at(i64::from(n) * 100), &later.bytes());
        assert_eq!((decoder.entries, fields(&decoder)), (90, 90));
    }
}

#[test]
fn what_was_given_up_tells_whose_it_was_and_from_when_to_when() {
    let limits = Limits { waiting_us: 60_000_000, ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    for second in 0..10 {
        let packet = Packet::new(Version::NetFlow9).sequence(second).set(300, &[7; 40]);
        read(&mut decoder, at(i64::from(second)), &packet.bytes());
    }
    let other = Packet { domain: 99, ..real() };
    let (_, report) = read(&mut decoder, at(500), &other.bytes());
    let [given_up] = &report.given_up[..] else { panic!("one stream has given up") };
    assert_eq!((given_up.domain, given_up.sets, report.dropped), (7, 10, 10));
    assert_eq!((given_up.from_us, given_up.to_us), (at(0), at(9)));
    assert_eq!(decoder.streams().find(|view| view.domain == 7).unwrap().dropped, 10);
}

#[test]
fn what_was_counted_outlives_a_restart_and_junk_does_not() {
    let mut decoder = Decoder::default();
    let packet = real().set(256, &session(1, 2, 1));
    read(&mut decoder, at(0), &packet.bytes());
    read(&mut decoder, at(0), &Packet { domain: 5, ..Packet::new(Version::Ipfix) }.bytes());
    let mut again = Decoder::default();
    again.restore(&decoder.save()).unwrap();
    let view = again.streams().next().unwrap();
    assert_eq!((again.streams().count(), view.domain), (1, 7));
    assert_eq!((view.packets, view.records, view.templates, view.last_us), (1, 1, 1, at(0)));
    assert_eq!(again.save(), decoder.save());
    assert_eq!(again.entries, decoder.entries);
}
