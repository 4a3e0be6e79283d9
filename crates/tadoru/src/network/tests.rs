//! What the tables tell is what the desk knows; what is wrong in them is named by file and line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::io::Write as _;

use tadoru_model::flow::to_bits;
use tadoru_model::{Flow, Flows};

use super::*;

const RIB: &[u8] = include_bytes!("../../../wire/testdata/mrt/bird-rib.mrt");
const MESSAGES: &[u8] = include_bytes!("../../../wire/testdata/mrt/bird-updates.mrt");

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, octets: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, octets).unwrap();
        path
    }
}

fn bits(text: &str) -> u128 {
    to_bits(text.parse().unwrap())
}

fn systems(network: &Network, src: &str, dst: &str) -> (u32, u32) {
    let mut flows = Flows::default();
    flows.push(Flow { ip: 4, src: bits(src), dst: bits(dst), ..Flow::default() });
    network.enrich(&mut flows);
    (flows.src_as[0], flows.dst_as[0])
}

fn told(config: &Config) -> String {
    let error = load(config, &[]).map(|_| ()).unwrap_err();
    format!("{error}").replace(std::env::temp_dir().to_str().unwrap(), "")
}

#[test]
fn tables_and_dumps_are_one_network() {
    let folder = Folder::new();
    let config = Config {
        own_as: Some(64500),
        customers: Some(folder.put("customers.csv", "prefix,customer,class\n203.0.113.0/25,river,business\n")),
        interfaces: Some(folder.put(
            "interfaces.csv",
            "exporter,index,name,role,neighbour_as\n192.0.2.1,1,xe-0,edge,64501\n192.0.2.1,2,xe-1,edge,AS64502\n\
             192.0.2.1,3,xe-2,edge,64999\n192.0.2.1,4,ae0,core,\n",
        )),
        routes: Some(folder.put("routes.csv", "prefix,as\n203.0.75.0/24,64777\n")),
        ribs: vec![folder.put("rib.mrt", RIB)],
        ways_in: WaysIn::Announced,
        ..Config::default()
    };
    let (network, warnings) = load(&config, &["203.0.113.0/24".parse().unwrap()]).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(
        systems(&network, "198.51.100.1", "203.0.113.9"),
        (64666, 64500),
        "the more specific, the own"
    );
    assert_eq!(systems(&network, "198.51.100.200", "203.0.75.1"), (64620, 64777), "by hand against the dump");
    assert_eq!(network.place(bits("192.0.2.1"), 2).unwrap().neighbour_as, 64502);
    assert!(network.once().is_some());

    let world = network.world();
    let at = bits("192.0.2.1");
    // Only the second neighbour announces the /25; the third is silent in the dump.
    let may = |index| world.may_enter(bits("198.51.100.1"), at, index);
    assert_eq!([may(1), may(2), may(3)], [Some(false), Some(true), Some(true)]);
    assert_eq!(world.may_enter(bits("192.88.99.1"), at, 1), None);
    let told_only = Config { ways_in: WaysIn::Told, ..config };
    let (network, _) = load(&told_only, &[]).unwrap();
    assert_eq!(network.world().may_enter(bits("198.51.100.1"), at, 1), None);
}

#[test]
fn packed_dumps_are_unpacked() {
    let folder = Folder::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(RIB).unwrap();
    let bzip2 = include_bytes!("../../../wire/testdata/mrt/bird-rib.mrt.bz2");
    for (name, octets) in [
        ("rib.gz", gzip.finish().unwrap()),
        ("rib.zst", zstd::encode_all(RIB, 1).unwrap()),
        ("rib.bz2", bzip2.to_vec()),
    ] {
        let config = Config { ribs: vec![folder.put(name, octets)], ..Config::default() };
        assert_eq!(systems(&load(&config, &[]).unwrap().0, "198.51.100.1", "10.0.0.1").0, 64666, "{name}");
    }
    // Half a dump that is packed is no dump.
    let config = Config { ribs: vec![folder.put("rib.bz2", &bzip2[..400])], ..Config::default() };
    let error = load(&config, &[]).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("bzip2 data is broken"));
}

#[test]
fn files_that_have_changed_are_taken_in_whole_or_not_at_all() {
    let folder = Folder::new();
    let routes = |text: &str| folder.put("routes.csv", format!("prefix,as\n{text}"));
    let config = Config { routes: Some(routes("10.0.0.0/8,64501\n")), ..Config::default() };
    let stamps = watch::Stamps::of(&config);
    let taken = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = std::sync::Arc::clone(&taken);
    let take = Box::new(move |network: Network| {
        sink.lock().unwrap().push(systems(&network, "10.0.0.1", "11.0.0.1"));
    });
    let mut watch = watch::Watch::new(config, Vec::new(), stamps, take);
    let state = watch.state().unwrap();
    let all = || taken.lock().unwrap().clone();
    // As it was when it was read.
    watch.look();
    watch.look();
    assert!(all().is_empty());
    // Once it has changed and is at rest.
    routes("10.0.0.0/8,64502\n11.0.0.0/8,64503\n");
    watch.look();
    assert!(all().is_empty(), "somebody may be writing yet");
    watch.look();
    watch.look();
    assert_eq!(all(), [(64502, 64503)]);
    assert_eq!((state().trouble, state().counters["taken_anew"]), (None, 1));
    // What is wrong is said, once, and nothing of it counts.
    routes("10.0.0.0/8,64504\n11.0.0.0/8,nothing\n");
    (0..3).for_each(|_| watch.look());
    let trouble = state().trouble.unwrap();
    assert!(trouble.contains("line 3") && trouble.contains("before holds"), "{trouble}");
    assert!(!trouble.contains("11.0.0.0"), "no value is told");
    assert_eq!((all().len(), state().counters["refused"]), (1, 1));
    std::fs::remove_file(folder.0.path().join("routes.csv")).unwrap();
    (0..3).for_each(|_| watch.look());
    assert!(state().trouble.unwrap().contains("cannot read"));
    routes("10.0.0.0/8,64505\n");
    (0..2).for_each(|_| watch.look());
    assert_eq!((all().len(), all()[1], state().trouble), (2, (64505, 0), None));
    // Where nothing is named, nothing is shown.
    let none = watch::Stamps::of(&Config::default());
    assert!(watch::Watch::new(Config::default(), Vec::new(), none, Box::new(drop)).state().is_none());
}

#[test]
fn a_cut_dump_is_taken_as_far_as_it_goes() {
    let folder = Folder::new();
    let config = Config { ribs: vec![folder.put("rib.mrt", &RIB[..2000])], ..Config::default() };
    let (network, warnings) = load(&config, &[]).unwrap();
    assert_eq!(systems(&network, "203.0.75.1", "10.0.0.1").0, 64601);
    assert!(warnings[0].contains("dump ends inside a record"), "{warnings:?}");
}

#[test]
fn what_is_wrong_is_named_by_file_and_line() {
    let folder = Folder::new();
    let customers =
        |text: &str| Config { customers: Some(folder.put("customers.csv", text)), ..Config::default() };
    let head = "prefix,customer,class\n";
    let twice = told(&customers(&format!("{head}10.0.0.0/8,a,\n10.0.0.0/8,b,\n10.0.0.1/8,c,\n")));
    assert!(
        twice.contains("line 3: its prefix stands in line 2 already; line 4: `prefix` is not"),
        "{twice}"
    );
    assert!(!twice.contains("10.0.0"), "{twice}");
    let classes = told(&customers(&format!("{head}10.0.0.0/8,a,home\n11.0.0.0/8,a,business\n")));
    assert!(classes.contains("line 3: its customer has another class"), "{classes}");
    let interfaces =
        folder.put("interfaces.csv", "exporter,index,role\n192.0.2.1,1,edge\n192.0.2.1,1,core\n");
    let interfaces = told(&Config { interfaces: Some(interfaces), ..Config::default() });
    assert!(interfaces.contains("line 3: its interface stands in line 2 already"), "{interfaces}");
    let routes = folder.put("routes.csv", "prefix,as\n10.0.0.0/8,1\n10.0.0.0/8,2\n");
    let routes = told(&Config { routes: Some(routes), ..Config::default() });
    assert!(routes.contains("line 3: its prefix has another `as`"), "{routes}");
    let header = told(&customers("address,customer\n"));
    assert!(header.contains("header has no column `prefix`"), "{header}");
    let ribs = vec![folder.put("updates.mrt", MESSAGES)];
    let messages = told(&Config { ribs, ..Config::default() });
    assert!(messages.contains("is no dump of a routing table"), "{messages}");
    let missing = told(&Config { routes: Some(folder.0.path().join("none.csv")), ..Config::default() });
    assert!(missing.contains("cannot read"), "{missing}");
}
