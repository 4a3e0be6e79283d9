//! The fuzz bodies, replayed over real files: as they are, cut, and with single octets changed.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../../fuzz/bodies.rs"]
mod bodies;

#[test]
fn no_body_fails_on_real_files_cut_or_changed() {
    let seeds = seeds();
    assert!(seeds.len() > 20, "the test data is gone");
    for (name, body) in bodies::BODIES {
        for seed in &seeds {
            let data = fs::read(seed).unwrap();
            let data = data.get(..data.len().min(MOST_BYTES)).unwrap();
            body(data);
            for part in 1..PARTS {
                body(data.get(..data.len() * part / PARTS).unwrap());
                let mut changed = data.to_vec();
                if let Some(octet) = changed.get_mut(data.len() * part / PARTS) {
                    *octet = octet.wrapping_add(u8::try_from(37 * part).unwrap());
                }
                body(&changed);
            }
        }
        body(b"");
        body(name.as_bytes());
    }
}

/// `TADORU_FUZZ_ROUNDS=1000000 TADORU_FUZZ_BODIES=mrt,routes` goes on for longer, with those bodies.
#[test]
fn no_body_fails_on_what_chance_makes_of_real_files() {
    let rounds = std::env::var("TADORU_FUZZ_ROUNDS").map_or(100, |told| told.parse().unwrap());
    let wanted = std::env::var("TADORU_FUZZ_BODIES").unwrap_or_default();
    let seeds: Vec<Vec<u8>> = seeds().iter().map(|seed| fs::read(seed).unwrap()).collect();
    let small = [CUSTOMERS, INTERFACES, ROUTES].map(|text| text.as_bytes().to_vec());
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for (name, body) in bodies::BODIES {
        if !wanted.is_empty() && !wanted.split(',').any(|one| one == name) {
            continue;
        }
        // Those that are of its kind more often than the others.
        let own: Vec<&Vec<u8>> = match name {
            "customers" | "interfaces" | "routes" => small.iter().collect(),
            "mrt" => seeds.iter().filter(|seed| seed.get(4..6) == Some(&[0, 13])).collect(),
            "bzip2" => seeds.iter().filter(|seed| seed.starts_with(b"BZh")).collect(),
            _ => seeds.iter().collect(),
        };
        assert!(!own.is_empty(), "{name} has no seed");
        for _ in 0..rounds {
            let seed = own[chance.below(own.len())];
            let length = seed.len().min(MOST_BYTES);
            let begin = chance.below(2) * chance.below(seed.len() - length + 1);
            let mut data = seed[begin..begin + length].to_vec();
            for _ in 0..=chance.below(8) {
                chance.change(&mut data);
            }
            body(&data);
        }
    }
}

/// Numbers that look like chance, the same in every run (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(drawn).unwrap() % end.max(1)
    }

    /// Bends, cuts, doubles or moves a piece.
    fn change(&mut self, data: &mut Vec<u8>) {
        let at = self.below(data.len());
        let length = self.below(16).min(data.len() - at);
        match self.below(7) {
            0 => data.truncate(at),
            1 => drop(data.drain(at..at + length)),
            2 => {
                let piece = data[at..at + length].to_vec();
                let to = self.below(data.len());
                data.splice(to..to, piece);
            }
            3 => data.splice(at..at + length, [0xff; 4]).for_each(drop),
            4 => data.splice(at..at + length, [0; 4]).for_each(drop),
            5 => data.splice(at..at, *b",0.0.0.0/0,4294967295\n").for_each(drop),
            _ => {
                if let Some(octet) = data.get_mut(at) {
                    *octet ^= 1 << self.below(8);
                }
            }
        }
    }
}

const CUSTOMERS: &str =
    "prefix,customer,class\n203.0.113.0/25,river,business\n2001:db8:1::/48,\"hill, top\",\n";
const INTERFACES: &str = "exporter,index,name,role,neighbour_as,leads_to,sources\n\
                          192.0.2.1,1,xe-0,edge,AS64501,,\n192.0.2.1,2,ae0,core,,192.0.2.2,\n\
                          2001:db8::1,3,ge-1,customer,,,203.0.113.0/25 2001:db8:1::/48\n";
const ROUTES: &str = "prefix,as,exporter,index\n198.51.100.0/24,64501,,\n2001:db8::/32,,192.0.2.1,1\n";

#[test]
fn every_body_has_its_target() {
    for (name, _) in bodies::BODIES {
        let target = top().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let text = fs::read_to_string(&target).unwrap_or_default();
        assert!(text.contains(&format!("bodies::run(\"{name}\", data)")), "{name}");
    }
    assert_eq!(fs::read_dir(top().join("fuzz/fuzz_targets")).unwrap().count(), bodies::BODIES.len());
    bodies::run("pack", b"");
}

/// Real files of every format.
fn seeds() -> Vec<PathBuf> {
    let mut seeds = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["wire", "observe"].map(|r| top().join("crates").join(r).join("testdata")).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                seeds.push(path);
            }
        }
    }
    seeds.sort();
    seeds
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cuts and changes of each file.
const PARTS: usize = 5;

/// Of each file at most so much: what a body does to the rest is the same.
const MOST_BYTES: usize = 6_000;
