//! Every dialect on real and documented lines, and what a cut line may say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::fmt::Write as _;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::time::Instant;

use proptest::prelude::*;

use super::*;

const VENDORS: &str = include_str!("../../testdata/natlog/vendors.txt");
const CONNTRACK: &str = include_str!("../../testdata/natlog/conntrack.txt");
const CONNTRACK_DESTROY: &str = include_str!("../../testdata/natlog/conntrack-destroy.txt");
const CONNTRACK_EXTENDED: &str = include_str!("../../testdata/natlog/conntrack-extended.txt");
const CONNTRACK_WITHOUT_TIME: &str = include_str!("../../testdata/natlog/conntrack-without-time.txt");
const ULOGD_LOGEMU: &str = include_str!("../../testdata/natlog/ulogd-logemu.txt");
const ULOGD_JSON: &str = include_str!("../../testdata/natlog/ulogd-json.txt");
const ULOGD_JSON_HASH: &str = include_str!("../../testdata/natlog/ulogd-json-hash.txt");
const ULOGD_GPRINT: &str = include_str!("../../testdata/natlog/ulogd-gprint.txt");

/// 2026-11-21 22:00 UTC, a while after the lines of the test data.
const NEAR_US: i64 = 1_795_298_400_000_000;

fn utc() -> Options<'static> {
    static UTC: TimeZone = TimeZone::UTC;
    Options { zone: &UTC, near_us: NEAR_US, dialect: None }
}

// ---------------------------------------------------------------------------------------------- golden readings

/// All values of an event in one line.
fn shown(nat: &NatLine<'_>) -> String {
    let end = |e: &Endpoint| match e.port {
        Some(port) => format!("{} {port}", e.addr),
        None => e.addr.to_string(),
    };
    let mut s = format!("{:?} {:?}", nat.dialect, nat.verb);
    if let Some(p) = nat.proto {
        write!(s, " proto {p}").unwrap();
    }
    write!(s, ", in {}", end(&nat.inside)).unwrap();
    if let Some(out) = nat.outside {
        match nat.outside_ports {
            Ports::Whole => write!(s, ", out {out}").unwrap(),
            Ports::One(p) => write!(s, ", out {out} {p}").unwrap(),
            Ports::Block { low, high } => write!(s, ", out {out} {low}-{high}").unwrap(),
        }
    }
    if !nat.translated {
        s.push_str(", untranslated");
    }
    if let Some(d) = &nat.destination {
        write!(s, ", to {}", end(d)).unwrap();
    }
    if let Some(d) = &nat.post_destination {
        write!(s, ", really {}", end(d)).unwrap();
    }
    let instant = |us| jiff::Timestamp::from_microsecond(us).unwrap();
    if let Some(at) = &nat.time {
        write!(s, ", at {} {:?}", instant(at.us), at.how).unwrap();
        if at.doubtful {
            s.push_str(" doubtful");
        }
        if let Some(other) = at.other_us {
            write!(s, " or {}", instant(other)).unwrap();
        }
    }
    if let Some(us) = nat.start_us {
        write!(s, ", since {}", instant(us)).unwrap();
    }
    if let Some(id) = nat.session {
        write!(s, ", session {id}").unwrap();
    }
    if let Some(realm) = &nat.realm {
        write!(s, ", realm {realm}").unwrap();
    }
    if let Some(b4) = nat.softwire {
        write!(s, ", softwire {b4}").unwrap();
    }
    if let Some(user) = &nat.user {
        write!(s, ", user {user}").unwrap();
    }
    s
}

fn readings(line: &str, options: &Options<'_>) -> String {
    let parsed = parse(line.as_bytes(), options);
    let mut s = String::new();
    for nat in parsed.events.iter() {
        writeln!(s, "= {}", shown(nat)).unwrap();
    }
    if let Some(fault) = parsed.fault {
        writeln!(s, "! {fault}").unwrap();
    }
    if s.is_empty() { "= ignored\n".into() } else { s }
}

/// The lines of a file, each followed by its readings.
fn annotated(text: &str) -> String {
    let mut s = String::new();
    for line in text.lines().filter(|l| !l.starts_with("= ") && !l.starts_with("! ")) {
        writeln!(s, "{line}").unwrap();
        if let Some(line) = line.strip_prefix("> ") {
            s.push_str(&readings(line, &utc()));
        }
    }
    s
}

#[test]
fn every_vendor_line_reads_as_written_beside_it() {
    let now = annotated(VENDORS);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/natlog/vendors.txt"), &now).unwrap();
    }
    assert_eq!(now, VENDORS);
}

// ------------------------------------------------------------------------------------------------- Linux, in full

fn all(text: &str) -> String {
    text.lines().map(|l| readings(l, &utc())).collect()
}

#[test]
fn conntrack_new_and_destroy_give_the_outside_of_the_reply_tuple() {
    let first = all(CONNTRACK).lines().next().unwrap().to_owned();
    assert_eq!(
        first,
        "= Conntrack SessionCreate proto 6, in 100.64.0.29 56688, out 192.0.2.1 13828, to 198.51.100.10 80, \
         at 2026-11-21T19:48:30.597884Z Epoch, session 1184853415"
    );
    assert_eq!(all(CONNTRACK).matches("SessionCreate").count(), 60);
    // DNS went through untranslated; the sample says so in its tuples.
    assert!(all(CONNTRACK).contains("proto 17, in 100.64.0.17 37894, out 100.64.0.17 37894, untranslated"));
    assert_eq!(all(CONNTRACK_DESTROY).matches("SessionDelete proto 17").count(), 5);
}

#[test]
fn conntrack_extended_has_icmp_identifiers_ipv6_and_start_times() {
    let got = all(CONNTRACK_EXTENDED);
    for want in [
        "SessionCreate proto 1, in 100.64.0.5 7997, out 192.0.2.1 7997, to 198.51.100.10, at 2026-11-21T21:16:22.348799Z \
         Epoch, session 3247360176",
        "SessionCreate proto 6, in fd00:1::5 47994, out 2001:db8:5::77 47994, to 2001:db8:5::10 81",
        "SessionCreate proto 58, in fd00:1::5 8024, out 2001:db8:5::77 8024, to 2001:db8:5::10, at",
        "SessionDelete proto 6, in 100.64.0.5 50130, out 192.0.2.1 1198, to 198.51.100.10 80, at 2026-11-21T21:16:29.566174Z \
         Epoch, since 2026-11-21T21:16:21Z, session 3097025983",
    ] {
        assert!(got.contains(want), "{want}");
    }
    assert_eq!((got.matches("= Conntrack").count(), got.matches("= ignored").count()), (11, 6));
}

#[test]
fn a_conntrack_event_without_a_time_is_a_fault_and_an_update_is_nothing() {
    let got = all(CONNTRACK_WITHOUT_TIME);
    assert_eq!(
        (got.matches("! conntrack event without a time").count(), got.matches("= ignored").count()),
        (11, 6)
    );
    // The header of syslog is a time too.
    let line =
        format!("Nov 21 21:16:21 gw conntrack[7]: {}", CONNTRACK_WITHOUT_TIME.lines().next().unwrap().trim());
    assert!(readings(&line, &utc()).contains("LocalYearless"), "{}", readings(&line, &utc()));
}

#[test]
fn conntrack_reads_what_other_protocols_and_zones_look_like() {
    let line = |s: &str| readings(&format!("[1795295781.342306]\t    [NEW] {s}"), &utc());
    let got = line(
        "sctp     132 3 CLOSED src=10.0.0.1 dst=198.51.100.1 sport=5000 dport=6000 [UNREPLIED] src=198.51.100.1 dst=203.0.113.1 sport=6000 dport=5001 mark=0 zone=7 use=1",
    );
    assert!(got.contains("proto 132, in 10.0.0.1 5000, out 203.0.113.1 5001"), "{got}");
    assert!(got.contains("realm 7"), "{got}");
    let got = line(
        "gre      47 29 src=10.0.0.1 dst=198.51.100.1 srckey=0x0 dstkey=0x1 [UNREPLIED] src=198.51.100.1 dst=203.0.113.1 srckey=0x1 dstkey=0x0",
    );
    assert!(got.contains("proto 47, in 10.0.0.1, out 203.0.113.1, to 198.51.100.1"), "{got}");
    let got = line("unknown  99 600 src=10.0.0.1 dst=198.51.100.1 [UNREPLIED] src=10.1.1.1 dst=203.0.113.1");
    assert!(got.contains("proto 99") && got.contains("really 10.1.1.1"), "{got}");
    assert!(line("tcp      6 120 SYN_SENT src=10.0.0.1 dst=198.51.100.1 sport=1 dport=2").starts_with('!'));
}

#[test]
fn ulogd_text_json_and_gprint_say_the_same() {
    let (text, json, gprint) = (all(ULOGD_LOGEMU), all(ULOGD_JSON), all(ULOGD_GPRINT));
    // The text has neither micro-seconds nor start nor number; address, port and protocol agree in all three.
    let head = |s: &str| s.lines().map(|l| l.split(", at ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(head(&text), head(&json));
    assert_eq!(head(&gprint), head(&json));
    assert_eq!(head(&json).len(), 11);
    assert!(json.contains(
        "SessionDelete proto 6, in 100.64.0.5 50130, out 192.0.2.1 1198, to 198.51.100.10 80, \
         at 2026-11-21T21:16:23.341806Z Epoch, since 2026-11-21T21:16:21"
    ));
    assert!(text.contains("SessionCreate proto 58, in fd00:1::5, out 2001:db8:5::77, to 2001:db8:5::10, at"));
    assert_eq!(all(ULOGD_JSON_HASH).matches("SessionDelete").count(), 5);
    // ulogd2 cuts IPv6 addresses in the keys without `.str`: those are never believed.
    let cut = ULOGD_GPRINT.lines().nth(3).unwrap().replace(".str=", ".other=");
    assert!(readings(&cut, &utc()).starts_with('!'));
}

// ------------------------------------------------------------------------------------------------------ laws

fn lines() -> Vec<&'static str> {
    let vendors = VENDORS.lines().filter_map(|l| l.strip_prefix("> "));
    let others = [
        CONNTRACK_DESTROY,
        CONNTRACK_EXTENDED,
        CONNTRACK_WITHOUT_TIME,
        ULOGD_LOGEMU,
        ULOGD_JSON,
        ULOGD_GPRINT,
    ];
    vendors.chain(others.into_iter().flat_map(str::lines)).collect()
}

fn file(bytes: &[u8]) -> (Counts, Vec<(u64, Vec<NatLine<'static>>, bool)>) {
    let mut seen = Vec::new();
    let counts = read(Cursor::new(bytes), &utc(), |n, parsed| {
        seen.push((n, parsed.events.iter().map(owned).collect(), parsed.fault.is_some()));
        ControlFlow::Continue(())
    });
    (counts.unwrap(), seen)
}

fn owned(nat: &NatLine<'_>) -> NatLine<'static> {
    let text = |t: &Option<Cow<'_, str>>| t.as_ref().map(|t| Cow::Owned(t.clone().into_owned()));
    NatLine { realm: text(&nat.realm), user: text(&nat.user), ..plain(nat) }
}

fn plain(nat: &NatLine<'_>) -> NatLine<'static> {
    let mut new = NatLine::new(nat.dialect, nat.verb, nat.inside, nat.time);
    new.proto = nat.proto;
    new.translated = nat.translated;
    new.softwire = nat.softwire;
    new.outside = nat.outside;
    new.outside_ports = nat.outside_ports;
    new.destination = nat.destination;
    new.post_destination = nat.post_destination;
    new.start_us = nat.start_us;
    new.session = nat.session;
    new
}

/// What `cut` says, `whole` says too; what it does not say, it leaves out.
fn says_no_more(cut: &NatLine<'_>, whole: &NatLine<'_>) -> bool {
    fn part<T: PartialEq>(cut: &Option<T>, whole: &Option<T>) -> bool {
        cut.is_none() || cut == whole
    }
    cut.dialect == whole.dialect
        && cut.verb == whole.verb
        && cut.inside == whole.inside
        && cut.translated == whole.translated
        && cut.outside == whole.outside
        && cut.outside_ports == whole.outside_ports
        && cut.realm == whole.realm
        && part(&cut.time, &whole.time)
        && part(&cut.proto, &whole.proto)
        && part(&cut.destination, &whole.destination)
        && part(&cut.post_destination, &whole.post_destination)
        && part(&cut.start_us, &whole.start_us)
        && part(&cut.session, &whole.session)
        && part(&cut.user, &whole.user)
}

#[test]
fn a_line_cut_anywhere_never_says_anything_else() {
    let mut wrong = String::new();
    for line in lines() {
        let whole: Vec<_> = parse(line.as_bytes(), &utc()).events.iter().map(owned).collect();
        for n in 0..line.len() {
            let cut = &line.as_bytes()[..n];
            for (_, events, _) in file(cut).1 {
                for (i, nat) in events.iter().enumerate() {
                    if !whole.get(i).is_some_and(|w| says_no_more(nat, w)) {
                        writeln!(wrong, "cut at {n} of {line}\n  says {}", shown(nat)).unwrap();
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_cut_line_does_not_lose_its_neighbours() {
    let good = CONNTRACK.lines().next().unwrap();
    for line in lines() {
        let cut = line.get(..line.len() * 2 / 3).unwrap_or(line);
        let (counts, seen) = file(format!("{good}\n{cut}\r\n\n{good}\n").as_bytes());
        assert_eq!(counts.lines, 4);
        assert_eq!((seen[0].1.len(), seen[2].1.len(), seen[2].0), (1, 1, 4), "{line}");
    }
}

#[test]
fn a_line_over_the_cap_is_skipped_and_the_next_is_read() {
    let good = CONNTRACK.lines().next().unwrap();
    let long = "x".repeat(MAX_LINE + 1);
    let (counts, seen) = file(format!("{good}\n{long}\n{good}\n").as_bytes());
    assert_eq!((counts.lines, counts.events, counts.faults, counts.ignored), (3, 2, 1, 0));
    assert_eq!(seen[1].0, 2);
}

#[test]
fn a_byte_order_mark_and_other_brackets_do_no_harm() {
    let good = CONNTRACK.lines().next().unwrap();
    let (counts, _) =
        file(format!("\u{feff}{good}\r\n[1234] some text\n[12.345678] kernel text\n").as_bytes());
    assert_eq!((counts.events, counts.ignored, counts.faults), (1, 2, 0));
    let (counts, _) = file(format!("{}\n", good.replacen("597884", "59788", 1)).as_bytes());
    assert_eq!((counts.events, counts.faults), (0, 1));
}

#[test]
fn the_last_line_without_an_end_is_taken_only_if_it_is_closed() {
    let open = CONNTRACK.lines().next().unwrap();
    assert_eq!(file(open.as_bytes()).0.faults, 1);
    let closed = ULOGD_JSON.lines().next().unwrap();
    assert_eq!(file(closed.as_bytes()).0.events, 1);
}

#[test]
fn a_forced_dialect_reads_only_its_own() {
    let options = Options { dialect: Some(Dialect::Nfware), ..utc() };
    let line = CONNTRACK.lines().next().unwrap();
    assert!(parse(line.as_bytes(), &options).events.is_empty());
    assert_eq!(parse(b"A VRF 0 INT 10.0.0.1 EXT 100.64.0.1", &options).events.len(), 1);
}

#[test]
fn debug_texts_and_faults_show_no_value() {
    for line in lines() {
        let parsed = parse(line.as_bytes(), &utc());
        let text = format!("{parsed:?}");
        for nat in parsed.events.iter() {
            assert!(!text.contains(&nat.inside.addr.to_string()), "{text}");
            assert!(nat.user.as_ref().is_none_or(|u| !text.contains(&**u)), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes, &utc());
        let _ = file(&bytes);
    }

    #[test]
    fn no_change_of_a_real_line_makes_it_panic(
        pick in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        with in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let all = lines();
        let mut line = all[pick.index(all.len())].as_bytes().to_vec();
        let at = at.index(line.len());
        line.splice(at..(at + 1), with);
        let _ = parse(&line, &utc());
        for dialect in [Dialect::Conntrack, Dialect::Ulogd, Dialect::CiscoAsa, Dialect::CiscoIos, Dialect::CiscoCgv6,
            Dialect::Juniper, Dialect::A10, Dialect::F5, Dialect::Mikrotik, Dialect::Nfware, Dialect::Sixwind,
            Dialect::Fortinet] {
            let _ = parse(&line, &Options { dialect: Some(dialect), ..utc() });
        }
    }
}

/// Prints figures under `--nocapture`; asserts only that nothing is lost.
#[test]
fn lines_a_second() {
    for (name, text) in [("conntrack", CONNTRACK), ("ulogd text", ULOGD_LOGEMU), ("ulogd json", ULOGD_JSON)] {
        let mut text = text.repeat(20_000 / text.lines().count());
        text.push('\n');
        let begin = Instant::now();
        let counts = read(Cursor::new(text.as_bytes()), &utc(), |_, _| ControlFlow::Continue(())).unwrap();
        let s = begin.elapsed().as_secs_f64();
        println!("{name}: {:.0} lines/s, {:.0} MB/s", counts.lines as f64 / s, text.len() as f64 / s / 1e6);
        assert_eq!(counts.faults, 0);
    }
}

#[test]
fn a_damaged_line_of_a_dialect_is_a_fault_and_a_line_of_another_program_is_none() {
    let damaged = [
        // conntrack: a letter of the event, its front, its stamp.
        "[1795295781.342306]\t    [NEX] tcp      6 120 SYN_SENT src=100.64.0.5 dst=198.51.100.10 sport=50130 dport=80 \
         [UNREPLIED] src=198.51.100.10 dst=192.0.2.1 sport=80 dport=1198 id=1",
        "tcp      6 120 SYN_SENT src=100.64.0.5 dst=198.51.100.10 sport=50130 dport=80 src=198.51.100.10 dst=192.0.2.1 \
         sport=80 dport=1198 id=1",
        "[17952x5781.342306]\t    [DESTROY] tcp      6 src=100.64.0.5 dst=198.51.100.10 sport=50130 dport=80 src=198.51.1",
        // ulogd: the event, the front of an object.
        "Nov 21 21:16:21 vm [NE ORIG: SRC=100.64.0.5 DST=198.51.100.10 PROTO=TCP SPT=50130 DPT=80 PKTS=0 BYTES=0 , REPLY: \
         SRC=198.51.100.10 DST=192.0.2.1 PROTO=TCP SPT=80 DPT=1198 PKTS=0 BYTES=0 ",
        "\"orig.ip.protocol\": 6, \"orig.l4.sport\": 50130, \"reply.ip.saddr.str\": \"198.51.100.10\"}",
        // Cisco: the message number, the mnemonic.
        "Nov 21 21:16:21 fw %ASA-6-3O5011: Built dynamic TCP translation from inside:100.64.0.5/1 to outside:192.0.2.1/2",
        "Nov 21 21:16:21 fw %ASA-6-395011: Built dynamic TCP translation from inside:100.64.0.5/1 to outside:192.0.2.1/2",
        "Nov 21 21:16:21 r1 %IPNAT-6-NAT_CR~ATED: Created tcp 100.64.0.5:1 192.0.2.1:2 198.51.100.1:80 198.51.100.1:80",
        // Juniper: the name, and a line that ends in it.
        "Nov 21 21:16:21 mx RT_NAT: RT_SRC_NAT_PBA_ALL",
        "<14>1 2026-11-21T21:16:21Z mx RT_NAT - RT_SRC_NAT_XBA_ALLOC [junos@2636 internal-ip=\"100.64.0.5\" \
         block-used=\"1\" reflexive-ip=\"192.0.2.1\"]",
        // NFWare, 6WIND, Fortinet.
        "Nov 21 21:16:21 gw x VRF 0 TCP INT 100.64.0.5:1 EXT 192.0.2.1:2",
        "<14>1 2026-11-21T21:16:21Z gw fp-cgnat 1 - - NEW CON: fwd proto 6 100.64.0.5:1 -> 198.51.100.1:80, back proto 6 \
         198.51.100.1:80 --> 192.0.2.1:2",
        "Nov 21 21:16:21 gw dat=2026-11-21 type=\"traffic\" srcip=100.64.0.5 transip=192.0.2.1 transport=2",
    ];
    for line in damaged {
        let parsed = parse(line.as_bytes(), &utc());
        assert!(parsed.fault.is_some() && parsed.events.is_empty(), "{line}");
    }
    let others = [
        "[    0.004123] Linux version 6.1.0",
        "Nov 21 21:16:21 vm sshd[812]: Accepted publickey for ops from 198.51.100.9 port 50130 ssh2",
        "Nov 21 21:16:21 vm kernel: [UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.9 DST=192.0.2.1 PROTO=TCP SPT=1 DPT=2",
        "Nov 21 21:16:21 mx flows src=100.64.0.5 dst=198.51.100.10 protocol=tcp sport=50130 dport=80 pattern: allow",
        "[1795295781.342306]\t [UPDATE] tcp      6 60 SYN_RECV src=100.64.0.5 dst=198.51.100.10 sport=50130 dport=80 \
         src=198.51.100.10 dst=192.0.2.1 sport=80 dport=1198",
        "Nov 21 21:16:21 fw %ASA-4-106023: Deny tcp src outside:198.51.100.9/1 dst inside:192.0.2.1/2 by access-group",
        "Nov 21 21:16:21 r1 %IPNAT-4-ADDR_ALLOC_FAILURE: Address allocation failed for pool",
        "<14>1 2026-11-21T21:16:21Z mx RT_FLOW - APPTRACK_SESSION_CLOSE [junos@2636 source-address=\"100.64.0.5\" \
         nat-source-address=\"192.0.2.1\" nat-source-port=\"2\"]",
        "Nov 21 21:16:21 rb firewall,info forward: in:lan out:wan, proto TCP (SYN), 100.64.0.5:1->198.51.100.1:80, len 52",
        "Nov 21 21:16:21 vm translation: moved the page from a to b",
    ];
    for line in others {
        assert_eq!(readings(line, &utc()), "= ignored\n", "{line}");
    }
}
