//! From the server's view back to the client, through a gateway of the kernel's that translates addresses.
//!
//! Clients in a namespace of their own talk to a server behind the gateway; the gateway's own record of it is imported,
//! and every connection that the server saw is asked. Without namespaces, nftables or conntrack the tests say so.

#[path = "lab.rs"]
mod lab;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use lab::{Lab, Recorder, Seen};
use serde_json::Value;

mod peers {
    use super::*;

    #[test]
    fn a_client_with_its_own_block_of_ports_is_found() {
        let clients: Vec<Ipv4Addr> = (10..34).map(inside).collect();
        let outside = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
        let mut blocks = format!("{MARK} : {} . 64512-65535", outside[0]);
        for (nth, client) in clients.iter().enumerate() {
            let low = 1024 + 512 * (nth / 2);
            write!(blocks, ",\n{client} : {} . {low}-{}", outside[nth % 2], low + 511).unwrap();
        }
        let rules = format!(
            "table ip nat {{
                map blocks {{
                    type ipv4_addr : interval ipv4_addr . inet_service
                    flags interval
                    elements = {{ {blocks} }}
                }}
                chain post {{
                    type nat hook postrouting priority srcnat; policy accept;
                    oifname \"out0\" meta l4proto {{ tcp, udp }} snat ip to ip saddr map @blocks
                }}
            }}"
        );
        let Some(mut lab) = open("blocks", &clients, &outside, &rules) else { return };
        let seen = lab.talk(Recorder::Conntrack, 1200, &clients, MARK);
        assert_eq!(seen.len(), 1200);
        assert_eq!(seen.iter().map(|s| s.client).collect::<BTreeSet<_>>().len(), clients.len());

        // With the record of the connections, with the rules besides, and with the rules alone.
        let ruleset = lab.ruleset();
        for (name, log, cgn_rules) in [("log", true, false), ("both", true, true), ("rules", false, true)] {
            let desk = Desk::new(lab.folder.path(), name);
            desk.import("static", &[], &holders(&lab, &clients));
            if log {
                desk.import("conntrack", &["--source", "cgn-1", "--inside-realm", "access"], &lab.record());
            }
            if cgn_rules {
                desk.import("cgn-rules", &["--source", "cgn-1", "--inside-realm", "access"], &ruleset);
            }
            let outcomes = desk.outcomes(&seen);
            if cgn_rules {
                let all = BTreeMap::from([("right".to_owned(), seen.len())]);
                assert_eq!(outcomes, all, "asked of {name}");
            } else {
                assert_found(&outcomes, seen.len(), name);
            }
        }
    }

    #[test]
    fn clients_that_share_ports_are_never_taken_for_one_another() {
        let clients: Vec<Ipv4Addr> = (48..56).map(inside).collect();
        let outside = [Ipv4Addr::new(192, 0, 2, 3)];
        let rules = format!(
            "table ip nat {{
                chain post {{
                    type nat hook postrouting priority srcnat; policy accept;
                    oifname \"out0\" ip saddr {MARK} ip protocol udp snat to {0}:64512-65535
                    oifname \"out0\" ip saddr 100.64.0.48/29 ip protocol tcp snat to {0}:2000-2255
                    oifname \"out0\" ip saddr 100.64.0.48/29 ip protocol udp snat to {0}:2000-2255
                }}
            }}",
            outside[0]
        );
        let Some(mut lab) = open("shared", &clients, &outside, &rules) else { return };
        let seen = lab.talk(Recorder::Conntrack, 1000, &clients, MARK);
        let mut holders_of: BTreeMap<(&str, u16), BTreeSet<Ipv4Addr>> = BTreeMap::new();
        for s in &seen {
            holders_of.entry((s.proto.as_str(), s.port)).or_default().insert(s.client);
        }
        assert!(
            holders_of.values().any(|h| h.len() > 1),
            "no port changed hands: there was nothing to mix up"
        );

        let ruleset = lab.ruleset();
        for (name, cgn_rules) in [("log", false), ("both", true)] {
            let desk = Desk::new(lab.folder.path(), name);
            desk.import("static", &[], &holders(&lab, &clients));
            desk.import("conntrack", &["--source", "cgn-1", "--inside-realm", "access"], &lab.record());
            if cgn_rules {
                desk.import("cgn-rules", &["--source", "cgn-1", "--inside-realm", "access"], &ruleset);
            }
            let outcomes = desk.outcomes(&seen);
            assert_eq!(outcomes.get("wrong"), None, "asked of {name}: {outcomes:?}");
            assert!(outcomes.contains_key("right"), "asked of {name}: {outcomes:?}");
        }
    }

    #[test]
    fn what_ulogd_writes_beside_the_gateway_names_the_right_client_and_never_another() {
        if let Err(why) = lab::is_there("ulogd") {
            return lab::skip(&why);
        }
        // Half of the clients have ports of their own, half of them share.
        let own: Vec<Ipv4Addr> = (64..72).map(inside).collect();
        let sharing: Vec<Ipv4Addr> = (80..88).map(inside).collect();
        let outside = Ipv4Addr::new(192, 0, 2, 4);
        let mut rules =
            format!("oifname \"out0\" ip saddr {MARK} ip protocol udp snat to {outside}:64512-65535\n");
        for proto in ["tcp", "udp"] {
            for (nth, client) in own.iter().enumerate() {
                let low = 4096 + 512 * nth;
                let high = low + 511;
                writeln!(
                    rules,
                    "oifname \"out0\" ip saddr {client} ip protocol {proto} snat to {outside}:{low}-{high}"
                )
                .unwrap();
            }
            let few = format!("ip protocol {proto} snat to {outside}:2000-2127");
            writeln!(rules, "oifname \"out0\" ip saddr 100.64.0.80/29 {few}").unwrap();
        }
        let rules = format!(
            "table ip nat {{
                chain post {{
                    type nat hook postrouting priority srcnat; policy accept;
                    {rules}
                }}
            }}"
        );
        let clients = [own.as_slice(), &sharing].concat();
        let Some(mut lab) = open("ulogd", &clients, &[outside], &rules) else { return };
        let seen = lab.talk(Recorder::Ulogd, 800, &clients, MARK);
        let (of_own, of_sharing): (Vec<Seen>, Vec<Seen>) =
            seen.into_iter().partition(|seen| own.contains(&seen.client));

        let [emu, gprint] = lab.ulogd_records();
        for (name, record) in [("emu", &emu), ("gprint", &gprint)] {
            let desk = Desk::new(lab.folder.path(), name);
            desk.import("static", &[], &holders(&lab, &clients));
            let options = ["--source", "cgn-1", "--inside-realm", "access", "--zone", "UTC"];
            desk.import("conntrack", &options, record);
            let outcomes = [desk.outcomes(&of_own), desk.outcomes(&of_sharing)];
            println!("{name}: {outcomes:?}");
            assert!(outcomes.iter().all(|of| !of.contains_key("wrong")), "asked of {name}: {outcomes:?}");
            assert!(outcomes.iter().any(|of| of.contains_key("right")), "asked of {name}: {outcomes:?}");
            if name == "gprint" {
                assert_found(&outcomes[0], of_own.len(), name);
            }
        }
    }
}

/// Whoever has ports of their own is found, and never another in their place. A recorder that does not get its turn loses
/// the end of a connection now and then, without a word, and the answer is left open.
fn assert_found(outcomes: &BTreeMap<String, usize>, of: usize, name: &str) {
    let right = outcomes.get("right").copied().unwrap_or(0);
    let open = outcomes.get("ambiguous").copied().unwrap_or(0);
    assert!(right + open == of && right * 100 >= of * 95, "asked of {name}: {outcomes:?}");
}

/// The program with a folder of data of its own.
struct Desk<'a> {
    folder: &'a Path,
    data: String,
}

impl<'a> Desk<'a> {
    fn new(folder: &'a Path, name: &str) -> Self {
        Self { folder, data: folder.join(name).to_string_lossy().into_owned() }
    }

    fn import(&self, format: &str, options: &[&str], file: &Path) {
        let mut command = self.command();
        let done = command.args(["import", format]).args(options).arg(file).output().unwrap();
        assert!(done.status.success(), "import {format}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Asks who was behind each connection: how many answers are right, wrong, or other than unique.
    fn outcomes(&self, seen: &[Seen]) -> BTreeMap<String, usize> {
        let mut table = "ref,time,address,port,proto,dst_address\n".to_owned();
        for (nth, s) in seen.iter().enumerate() {
            writeln!(table, "{nth},{},{},{},{},{}", s.time, s.address, s.port, s.proto, lab::SERVER).unwrap();
        }
        let file = self.folder.join("complaints.csv");
        fs::write(&file, table).unwrap();
        let mut command = self.command();
        command.args(["who", "--case", "lab", "--purpose", "P-CLEAN", "--fact", "complaint.id=1"]);
        command.args(["--fact", "complaint.substantiated=yes", "--batch"]).arg(file);
        let answered = command.output().unwrap();
        let answers = String::from_utf8(answered.stdout).unwrap();
        assert_eq!(answers.lines().count(), seen.len(), "{}", String::from_utf8_lossy(&answered.stderr));

        let mut outcomes = BTreeMap::new();
        for (nth, (line, s)) in answers.lines().zip(seen).enumerate() {
            let answer: Value = serde_json::from_str(line).unwrap();
            assert_eq!(answer["ref"], nth.to_string(), "answers are in the order of their questions");
            let outcome = match answer["outcome"].as_str().unwrap() {
                "unique" if answer["candidates"][0]["subscriber"] == contract(s.client) => "right",
                "unique" => "wrong",
                other => other,
            };
            if outcome != "right" {
                println!("{} {} {} was answered {line}", s.time, s.address, s.port);
            }
            *outcomes.entry(outcome.to_owned()).or_default() += 1;
        }
        outcomes
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tadoru"));
        command.env_remove("TADORU_CONFIG").args(["--data", &self.data]).current_dir(self.folder);
        command
    }
}

fn open(name: &str, clients: &[Ipv4Addr], outside: &[Ipv4Addr], rules: &str) -> Option<Lab> {
    let mut addresses = clients.to_vec();
    addresses.push(MARK);
    Lab::open(name, &addresses, outside, rules).map_err(|why| lab::skip(&why)).ok()
}

/// The contracts behind the clients' addresses, as a table of static assignments.
fn holders(lab: &Lab, clients: &[Ipv4Addr]) -> std::path::PathBuf {
    let mut table = "address_or_prefix,realm,subscriber,from,until\n".to_owned();
    for client in clients {
        writeln!(table, "{client},access,{},,", contract(*client)).unwrap();
    }
    let file = lab.folder.path().join("static.csv");
    fs::write(&file, table).unwrap();
    file
}

fn contract(client: Ipv4Addr) -> String {
    format!("C-{:03}", client.octets()[3])
}

fn inside(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(100, 64, 0, last)
}

/// The address whose datagrams show that the record goes on.
const MARK: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 200);
