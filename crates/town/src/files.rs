//! The town as files: what an operator would find on disk, in the formats that the import command reads.
//!
//! Beside the records: `import.toml` (what is to be imported as what), `questions.csv` (for `who --batch`),
//! `answers.csv` and `truth.csv`.

mod capture;
mod detail;

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use tadoru_model::Protocol;

use crate::build::{Format, Source, Town};

/// One file to import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Import format.
    pub format: String,
    /// File, relative to the list.
    pub file: String,
    /// Name of the source.
    pub source: String,
    /// Address plan of what it speaks of; absent: the public one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// Address plan behind a gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside_realm: Option<String>,
    /// Address that the device sends from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
}

/// `import.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportList {
    /// The operator's own address space.
    pub own: Vec<String>,
    /// How far observers' clocks may be off, either way, seconds.
    pub skew_s: u32,
    /// The files, in an order in which they may be imported.
    pub import: Vec<Import>,
}

impl Town {
    /// What is to be imported as what.
    pub fn imports(&self) -> ImportList {
        let import = |source: &Source| Import {
            format: source.format.as_str().to_owned(),
            file: source.file(),
            source: source.name.clone(),
            realm: source.realm.clone(),
            inside_realm: source.inside_realm.clone(),
            address: source.address,
        };
        ImportList {
            own: self.plan.own.iter().map(ToString::to_string).collect(),
            skew_s: self.plan.skew_s,
            import: self.sources.iter().map(import).collect(),
        }
    }

    /// Every file with its path below the town's folder.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<(String, Vec<u8>)> = self
            .sources
            .iter()
            .enumerate()
            .map(|(place, source)| (source.file(), self.records(place, source)))
            .collect();
        files.push(("truth.csv".to_owned(), self.truth_table().into_bytes()));
        files.push(("questions.csv".to_owned(), self.question_table().into_bytes()));
        files.push(("answers.csv".to_owned(), self.answer_table().into_bytes()));
        // A list of texts and numbers can always be written.
        let list = toml::to_string(&self.imports()).unwrap_or_default();
        files.push(("import.toml".to_owned(), list.into_bytes()));
        files
    }

    /// Writes every file below `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        for (name, octets) in self.files() {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, octets)?;
        }
        Ok(())
    }

    /// The records of one source as its file.
    pub(crate) fn records(&self, place: usize, source: &Source) -> Vec<u8> {
        let arrivals = self.arrivals.iter().filter(|arrival| arrival.source == place);
        let mut out = source.table.clone().into_bytes();
        match source.format {
            Format::RadiusDetail => arrivals.for_each(|a| detail::entry(&a.bytes, a.at, &mut out)),
            Format::NatExport => {
                let from = source.address.unwrap_or(Ipv4Addr::LOCALHOST);
                capture::header(&mut out);
                arrivals.for_each(|a| capture::packet(from, &a.bytes, a.at, &mut out));
            }
            _ => arrivals.for_each(|a| out.extend_from_slice(&a.bytes)),
        }
        out
    }

    fn truth_table(&self) -> String {
        let mut text = String::from(
            "subscriber,realm,address_or_prefix,ports,proto,dst_address,dst_port,from,until,way,source\n",
        );
        for t in self.truth.tenures() {
            let (dst, port) = far(t.remote);
            line(
                &mut text,
                format_args!(
                    "{},{},{},{},{},{dst},{port},{},{},{},{}",
                    t.subscriber,
                    t.realm,
                    t.prefix,
                    t.ports,
                    t.proto,
                    t.held.from,
                    t.held.until,
                    t.way.as_str(),
                    t.source
                ),
            );
        }
        text
    }

    fn question_table(&self) -> String {
        let mut text = String::from("address,port,time,proto,dst_address,dst_port,ref\n");
        for q in &self.questions {
            let (dst, dst_port) = far(q.asked.remote);
            let port = q.asked.port.map(|p| p.to_string()).unwrap_or_default();
            let proto =
                if q.asked.proto == Protocol::ANY { String::new() } else { q.asked.proto.to_string() };
            let (addr, time, reference) = (q.asked.addr, q.time(), &q.reference);
            line(&mut text, format_args!("{addr},{port},{time},{proto},{dst},{dst_port},{reference}"));
        }
        text
    }

    fn answer_table(&self) -> String {
        let mut text = String::from("ref,subscriber,knowable,kind,at\n");
        for q in &self.questions {
            let answer = q.answer.as_deref().unwrap_or("none");
            let knowable = if q.knowable { "yes" } else { "no" };
            line(&mut text, format_args!("{},{answer},{knowable},{},{}", q.reference, q.kind.as_str(), q.at));
        }
        text
    }
}

impl Source {
    /// Its file below the town's folder.
    pub fn file(&self) -> String {
        match self.format {
            Format::RadiusDetail => format!("radius/{}.detail", self.name),
            Format::NatExport => format!("nat/{}.pcap", self.name),
            Format::NatSyslog | Format::Conntrack => format!("nat/{}.log", self.name),
            Format::Kea4 => "dhcp/kea-leases4.csv".to_owned(),
            Format::Kea6 => "dhcp/kea-leases6.csv".to_owned(),
            Format::Static => "static.csv".to_owned(),
            Format::Venue => "venue.csv".to_owned(),
            Format::CgnRules => "cgn-rules.csv".to_owned(),
            Format::MapE => "map-e.csv".to_owned(),
            Format::Subscribers => "subscribers.csv".to_owned(),
        }
    }
}

fn far(remote: Option<tadoru_model::Remote>) -> (String, String) {
    let addr = remote.map(|r| r.addr.to_string()).unwrap_or_default();
    (addr, remote.and_then(|r| r.port).map(|p| p.to_string()).unwrap_or_default())
}

fn line(text: &mut String, row: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{row}");
}
