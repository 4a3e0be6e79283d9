//! The command line: what can be asked, with help that teaches.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod incidents;

pub use self::incidents::{Incident, IncidentShow, IncidentTrace, Incidents, Pack};

/// Turns "this address, at this time" into a lawful, evidenced answer.
#[derive(Debug, Parser)]
#[command(name = "tadoru", version, about, max_term_width = 110, after_help = AFTER)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder that holds everything the installation keeps.
    #[arg(long, global = true, value_name = "DIR", default_value = "./tadoru-data", env = "TADORU_DATA")]
    pub data: PathBuf,
    /// Configuration file; every key has a default.
    #[arg(long, global = true, value_name = "FILE", env = "TADORU_CONFIG")]
    pub config: Option<PathBuf>,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of what people read; the installation's language where not given.
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = ["ja", "en"])]
    pub lang: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Who had this address (and port) at this time?
    #[command(after_help = WHO)]
    Who(Who),
    /// Take the access network's own records in.
    #[command(after_help = IMPORT)]
    Import(Import),
    /// When was each source alive, and when did it lose records?
    Coverage,
    /// How does each exporter of flows fare: rate, loss, templates, sampling, clock?
    #[command(after_help = EXPORTERS)]
    Exporters,
    /// What do the recorded flows add up to? Filters are in nfdump's language.
    #[command(after_help = FLOWS)]
    Flows(Box<Flows>),
    /// What would other thresholds have found in the recorded flows, and what would they have missed?
    #[command(after_help = REHEARSE)]
    Rehearse(Box<Rehearse>),
    /// Which attacks and scans were detected? Nobody is told: targets are networks of /24 or /56, or wider.
    #[command(after_help = incidents::INCIDENTS)]
    Incidents(Incidents),
    /// One incident: a detected attack or scan.
    #[command(subcommand)]
    Incident(Incident),
    /// Which interfaces let in sources that cannot be there? Sums by interface, nobody is told.
    #[command(after_help = VALIDATION)]
    Validation(ValidationReport),
    /// Cases: the thread of everything done in one matter.
    #[command(subcommand)]
    Case(Case),
    /// The subscriber directory; what identifies a person stays sealed unless a permit opens it.
    #[command(subcommand)]
    Subscriber(Subscriber),
    /// Agree to what waits for a second person; without an id: what waits for you.
    Approve {
        /// Id that the refusal named.
        id: Option<String>,
    },
    /// Accounts of the console, and the one-time links with which they are set.
    #[command(subcommand)]
    Account(Account),
    /// The rules: what is permitted, on what ground, and what is missing.
    #[command(subcommand)]
    Gate(Gate),
    /// The journal of every decision and use, and its proofs.
    #[command(subcommand)]
    Journal(Journal),
    /// How does it stand with the copy of flows for finding unknown command servers (JP-050)?
    #[command(name = "c2-copy", after_help = C2_COPY)]
    C2Copy,
    /// Delete what is past its retention and held by nothing, and the keys of which nothing is left; it is journaled.
    Retention,
    /// Holds: identified records are kept from deletion because a preservation request names them.
    #[command(subcommand)]
    Hold(Hold),
    /// Run the desk: sources listening, records stored, API and console on loopback, commands on DIR/desk.sock.
    ///
    /// When the disk is full, no record is acknowledged, one warning says so, and /v1/health is `ailing`: make room where the
    /// data folder is, and the sources go on by themselves; nothing need be restarted.
    Serve,
    /// The main job in six scenes on shipped records, in a folder of its own that is removed.
    Demo {
        /// Another story than the main job.
        #[command(subcommand)]
        story: Option<DemoStory>,
        /// Serve the console over the demonstration's records until Ctrl-C, and print one-time links into it.
        #[arg(long)]
        serve: bool,
    },
    /// Read the configuration and say what is wrong with it.
    CheckConfig,
    /// Print the configuration in force, defaults included.
    PrintConfig,
}

/// Stories of `demo` besides the main job.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum DemoStory {
    /// A recorded flood: when it was told, how strong it was, whether its sources can be believed, where it came in.
    Flood,
}

/// `who`.
#[derive(Debug, Args)]
pub struct Who {
    /// Address, which may hold a port: 192.0.2.1, 192.0.2.1:40123, [2001:db8::1]:40123.
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    pub address: Option<String>,
    /// When it was seen, with its zone; several times of one doer narrow the answer.
    #[arg(long, value_name = "TIME", required_unless_present = "batch", conflicts_with = "batch")]
    pub at: Vec<String>,
    /// Protocol, by name or number.
    #[arg(long)]
    pub proto: Option<String>,
    /// The far side that the complaint tells: its own address, which may hold a port.
    #[arg(long, value_name = "ADDR[:PORT]")]
    pub to: Option<String>,
    /// How far the observer's clock may be off, either way.
    #[arg(long, value_name = "30s")]
    pub skew: Option<String>,
    /// Realm (VRF) of the address, where several have it.
    #[arg(long)]
    pub realm: Option<String>,
    /// A table of complaints: columns address,port,time,proto,dst_address,dst_port,ref; one JSON line each.
    #[arg(long, value_name = "FILE.csv")]
    pub batch: Option<PathBuf>,
    /// The ground it is asked on.
    #[command(flatten)]
    pub ground: Ground,
}

/// The ground of a question.
#[derive(Debug, Clone, Args)]
pub struct Ground {
    /// Case; it is opened where there is none.
    #[arg(long)]
    pub case: String,
    /// What for: P-CLEAN, P-TRACE-IN, P-CRIME, …
    #[arg(long)]
    pub purpose: String,
    /// Basis relied on, such as B-BIZ; else the rules' order decides.
    #[arg(long)]
    pub basis: Option<String>,
    /// A fact that you state, such as complaint.id=K-17; it goes into the journal as your statement.
    #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = fact)]
    pub facts: Vec<(String, String)>,
}

/// `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Format of the files.
    pub format: String,
    /// Files, as they are or compressed with gzip or zstd.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Name of the source, where the records do not tell it: a gateway, a lease server.
    #[arg(long)]
    pub source: Option<String>,
    /// Realm of the addresses the records speak of.
    #[arg(long)]
    pub realm: Option<String>,
    /// Realm of the inside addresses of translations.
    #[arg(long)]
    pub inside_realm: Option<String>,
    /// Zone of times that tell none (Asia/Tokyo, UTC): needed for device logs without one; the operator's own tables
    /// are in the operator's zone.
    #[arg(long)]
    pub zone: Option<String>,
    /// Takes a file of flows in that was imported already: its flows then count twice.
    #[arg(long)]
    pub again: bool,
}

/// `flows`.
#[derive(Debug, Args)]
pub struct Flows {
    /// Filter in nfdump's language, such as 'proto udp and dst port 53'; every flow where not given.
    #[arg(default_value = "")]
    pub filter: String,
    /// First instant, with its zone.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// First instant after, with its zone.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Count traffic once: only records of interfaces that `network.interfaces` calls edge or customer.
    #[arg(long)]
    pub once: bool,
    /// Rank by: port, src-port, dst-port, proto, asn, src-as, dst-as, interface, input, output, exporter, net, src-net,
    /// dst-net (/24, /56), flags, tos, next-hop; and, where the gate permits it, addr, src-addr, dst-addr.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["series", "list", "limit", "sql", "parquet"])]
    pub top: Option<String>,
    /// Rank by bytes, packets or flows.
    #[arg(long, value_name = "MEASURE", requires = "top", conflicts_with_all = ["series", "list", "limit", "sql", "parquet"])]
    pub by: Option<String>,
    /// How many keys of a ranking, at most 10,000; 0: all.
    #[arg(long, value_name = "N", requires = "top", conflicts_with_all = ["series", "list", "limit", "sql", "parquet"])]
    pub count: Option<u32>,
    /// Sums in steps of this length, such as 1m.
    #[arg(long, value_name = "STEP", conflicts_with_all = ["list", "limit", "sql", "parquet"])]
    pub series: Option<String>,
    /// The flows themselves, where the gate permits it, by when they began.
    #[arg(long, conflicts_with = "sql")]
    pub list: bool,
    /// So many flows at most; 1,000 where not given, 100,000 with --csv, --json or --parquet.
    #[arg(long, value_name = "N", conflicts_with = "sql")]
    pub limit: Option<u32>,
    /// One SELECT over a table `flows` of the flows that are found, where the gate permits it.
    #[arg(long, value_name = "SELECT", conflicts_with = "parquet")]
    pub sql: Option<String>,
    /// CSV with a header line, nfdump's names of columns where it has them.
    #[arg(long, conflicts_with_all = ["json", "parquet"])]
    pub csv: bool,
    /// Write the flows themselves to a Parquet file, laid out as the store's own.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub parquet: Option<PathBuf>,
    /// What is relied on where the answer would show somebody.
    #[command(flatten)]
    pub relied: Relied,
}

/// What is relied on where flows would show somebody.
#[derive(Debug, Clone, Args)]
pub struct Relied {
    /// An incident on file: the question is cut to its own flows.
    #[arg(long, value_name = "ID")]
    pub incident: Option<String>,
    /// Case; it is opened where there is none.
    #[arg(long)]
    pub case: Option<String>,
    /// What for: P-PROT-OWN where not given, P-TRACE-IN, P-CRIME, …
    #[arg(long)]
    pub purpose: Option<String>,
    /// Basis relied on, such as B-WAR; else the rules' order decides.
    #[arg(long)]
    pub basis: Option<String>,
    /// A fact that you state; it goes into the journal as your statement.
    #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = fact)]
    pub facts: Vec<(String, String)>,
}

/// `rehearse`.
#[derive(Debug, Args)]
pub struct Rehearse {
    /// Filter in nfdump's language: only these flows are tried; every flow where not given.
    #[arg(default_value = "")]
    pub filter: String,
    /// First instant, with its zone.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// First instant after, with its zone.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Settings to try: a file with a section [detection], every key with its default; those in force where not given.
    #[arg(long, value_name = "FILE.toml")]
    pub detection: Option<PathBuf>,
    /// What is relied on to see whom it would have hit; an incident, else nobody is shown.
    #[command(flatten)]
    pub relied: Relied,
}

/// `validation`.
#[derive(Debug, Args)]
pub struct ValidationReport {
    /// First instant, with its zone.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// First instant after, with its zone.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// `case`.
#[derive(Debug, Subcommand)]
pub enum Case {
    /// Open a case.
    New {
        /// Its id; the next of the year where none is given.
        #[arg(long)]
        id: Option<String>,
        /// What it is about.
        #[arg(default_value = "")]
        title: String,
    },
    /// List cases.
    List {
        /// open, closed or all.
        #[arg(long, default_value = "open")]
        which: String,
    },
    /// One case with its thread.
    Show {
        /// Its id.
        id: String,
    },
    /// Close a case.
    Close {
        /// Its id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// `account`.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Everybody who may have an account, and whether it is set.
    List,
    /// Issue a one-time link with which a person sets password and one-time codes; an older link no longer holds.
    Link {
        /// Name of the person, as in the configuration.
        person: String,
    },
    /// Remove a person's account; its sessions end.
    Remove {
        /// Name of the person.
        person: String,
    },
    /// Issue a token with which a program asks as a person; it is told once.
    Token {
        /// Name of the person, as in the configuration.
        person: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
        /// A role that it asks in; all of the person's where none is given.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// A case that it is for; where one is given it asks about nothing else.
        #[arg(long = "case", value_name = "CASE")]
        cases: Vec<String>,
        /// How long it holds, days, at most 366.
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
    /// Every token that was issued, with its end; not the token.
    Tokens,
    /// Revoke a token.
    Revoke {
        /// Name of the person.
        person: String,
        /// Its number, as `account tokens` tells it.
        number: u64,
    },
}

/// `hold`.
#[derive(Debug, Subcommand)]
pub enum Hold {
    /// Keep the records of these endpoints and this time; nothing is told of what they say.
    #[command(after_help = HOLD)]
    New(Box<NewHold>),
    /// Every hold: its case, rule, end, and how many records it named; not what they are.
    List,
    /// End a hold before its time; its records go with the next run of the retention.
    Release {
        /// Its id.
        id: String,
    },
}

/// `hold new`.
#[derive(Debug, Args)]
pub struct NewHold {
    /// Addresses, which may hold a port, or IPv4 networks of at most 256 addresses. Behind a gateway name the inside
    /// addresses too: only what is named is kept.
    #[arg(required = true, value_name = "ENDPOINT")]
    pub endpoints: Vec<String>,
    /// Realm (VRF) of the addresses; in every realm where not given.
    #[arg(long)]
    pub realm: Option<String>,
    /// First instant of the records, with its zone.
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// First instant after them.
    #[arg(long, value_name = "TIME")]
    pub until: String,
    /// For how many days from now, as the request says.
    #[arg(long)]
    pub days: u32,
    /// Number of the written request (the fact preserve.letter).
    #[arg(long, value_name = "NUMBER")]
    pub letter: Option<String>,
    /// Number of the written extension, for more than the first period (the fact preserve.extension).
    #[arg(long, value_name = "NUMBER")]
    pub extension: Option<String>,
    /// The ground it is asked on.
    #[command(flatten)]
    pub ground: Ground,
}

/// `subscriber`.
#[derive(Debug, Subcommand)]
pub enum Subscriber {
    /// Take contracts in: CSV with a column `subscriber` and the names of its lines.
    Import {
        /// Files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// The person behind a contract, when the gate permits it.
    Show {
        /// Contract id.
        subscriber: String,
        /// The ground it is asked on.
        #[command(flatten)]
        ground: Ground,
    },
}

/// `gate`.
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// What would the rules say to this deed? Nothing is asked, nothing is permitted.
    Explain {
        /// The deed: learn, disclose, notify, block, …
        act: String,
        /// What it is done to: D-ASGN, D-FLOW, …
        #[arg(required = true, value_name = "DATA")]
        categories: Vec<String>,
        /// What for.
        #[arg(long)]
        purpose: String,
        /// Basis relied on.
        #[arg(long)]
        basis: Option<String>,
        /// A fact as if it were so.
        #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = fact)]
        facts: Vec<(String, String)>,
        /// ja or en.
        #[arg(long)]
        lang: Option<String>,
    },
    /// The whole decision table as a readable page.
    Table {
        /// ja or en.
        #[arg(long)]
        lang: Option<String>,
    },
    /// Check a rule pack.
    Check {
        /// The pack's TOML file.
        pack: PathBuf,
    },
}

/// `journal`.
#[derive(Debug, Subcommand)]
pub enum Journal {
    /// Check the whole journal; it need not be open.
    Verify {
        /// A checkpoint kept elsewhere: finds a past that was rewritten behind it.
        #[arg(long, value_name = "CHECKPOINT")]
        against: Option<PathBuf>,
        /// The log's public key as kept elsewhere (`name+hash+key`); else the one in the folder.
        #[arg(long, value_name = "VKEY")]
        key: Option<String>,
    },
    /// Show entries.
    Show {
        /// First entry; the last ones where not given.
        #[arg(long)]
        from: Option<u64>,
        /// How many.
        #[arg(long, default_value_t = 20)]
        count: u64,
    },
    /// Prove that an entry is in the journal.
    Prove {
        /// Its index.
        index: u64,
    },
    /// Print the newest signed checkpoint: keep it elsewhere.
    Checkpoint,
}

fn fact(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, "yes"));
    if key.is_empty() {
        Err("a fact is KEY=VALUE".to_owned())
    } else {
        Ok((key.to_owned(), value.to_owned()))
    }
}

const AFTER: &str = "\
Exit codes: 0 answered; 4 cannot be told (ambiguous, gap, expired; SQL that took too long); 3 refused or waiting for
approval; 2 wrong use; 1 fault. Start with `tadoru demo`.";

const WHO: &str = "\
Examples:
  tadoru who 203.0.113.7:40123 --at '2026-11-21 10:15:03 +09:00' --case 2026-0017 --purpose P-CLEAN \\
         --fact complaint.id=K-17 --fact complaint.substantiated=yes
  tadoru who --batch complaints.csv --case 2026-0017 --purpose P-CLEAN \\
         --fact complaint.id=K-17 --fact complaint.substantiated=yes > answers.jsonl

A time needs its zone: RFC 3339, `… JST`, web-server and mail forms, or seconds since 1970.
Journaled: your statements of fact, the decision (also a refusal), that the answer was opened, the outcome.
Exit codes: 0 unique, none, not-ours; 4 ambiguous, gap, expired; 3 refused; 2 wrong use; 1 fault.";

const EXPORTERS: &str = "\
Examples:
  tadoru exporters
  tadoru exporters --json

Asked of a desk that is served: counts are since it started. `lost` is what the sequence numbers miss; `waiting` are
datagrams whose template has not come; `sampling` says who told it (data, options, configured); a clock that is off by
more than 10 s is corrected by the arrival of its datagrams. Senders that the configuration does not name stand below.
Journaled: nothing. Exit codes: 0 answered; 2 wrong use; 3 another role; 1 fault.";

const C2_COPY: &str = "\
Examples:
  tadoru c2-copy
  tadoru approve 3f9c02d471aa

Off by default. With `c2_copy = true` under [desk] the minimum of every flow that arrives (addresses, ports, times and
sizes) is kept a second time, for finding unknown command servers and for no other use: once the manager and the
legal reviewer have agreed to this version of the rule (`tadoru approve`), and while `tadoru serve` runs.
Journaled: the agreements, the permit of each day, what is deleted at the end of the period. Exit codes: 0 told;
3 another role; 2 wrong use; 1 fault.";

const VALIDATION: &str = "\
Examples:
  tadoru validation --since '2026-11-21T00:00:00+09:00' --until '2026-11-22T00:00:00+09:00'
  tadoru validation --json

For each interface that is an edge, a customer's or not told: packets from prefixes that may come in there, from addresses
that nobody has (bogon), from own addresses by an edge, from elsewhere than `sources` or the routes let in (wrong).
Journaled: the permit for aggregates. Exit codes: 0 told; 3 refused; 2 wrong use; 1 fault.";

const FLOWS: &str = "\
Examples:
  tadoru import flows exports.pcap nfcapd.202611211015
  tadoru flows 'proto udp and dst port 53' --series 1m --since '2026-11-21 10:00 +09:00' --until '2026-11-21 11:00 +09:00'
  tadoru flows --top dst-port --by packets --count 20
  tadoru flows 'dst port 53' --list --limit 50 --incident 0123456789abcdef --case K-2026-117
  tadoru flows --incident 0123456789abcdef --purpose P-TRACE-IN \\
         --sql 'SELECT src_net, sum(packets) AS p FROM flows GROUP BY src_net ORDER BY p DESC LIMIT 20'

Figures in which nobody can be told need no ground: by port, protocol, AS, interface, and for networks of /24 or /56 and
shorter. A single address, a ranking of addresses, single flows and SQL are for the gate to permit: in an incident on
file (--incident), to whose own flows the question is then cut, or on another ground that you name. Counts are as the
exporters sent them, not multiplied by the sampling; a line below says which of the records were sampled. Times are in the
operator's zone, in --json and --csv in UTC. SQL runs for 20 seconds at most, over 500,000 flows at most.
Journaled: your statements of fact, the permit, granted or refused, and how many rows were shown.
Exit codes: 0 answered; 3 refused; 2 wrong use; 4 SQL took too long or too much memory; 1 fault.";

const REHEARSE: &str = "\
Examples:
  tadoru rehearse --since '2026-11-14 00:00 +09:00' --until '2026-11-21 00:00 +09:00' --detection tighter.toml
  tadoru rehearse --incident 0123456789abcdef --detection tighter.toml --case K-2026-117

The recorded flows are looked at again in the order of their arrival, by the settings to be tried and by those in force;
nothing is filed and nobody is told. Whom it would have hit is told as a network of /24 or /56; the targets themselves
only of an incident on file (--incident): then its own flows are tried and no others.
Journaled: the permit, granted or refused. Exit codes: 0 answered; 3 refused; 2 wrong use; 1 fault.";

const HOLD: &str = "\
Examples:
  tadoru hold new 203.0.113.7:40123 100.64.0.9 --from '2026-11-21 10:00 +09:00' --until '2026-11-21 11:00 +09:00' \\
         --days 30 --letter 2026-118 --case 2026-0017 --purpose P-CRIME
  tadoru hold new 203.0.113.0/28 --from 2026-11-21T00:00Z --until 2026-11-22T00:00Z --days 60 --letter 2026-118 \\
         --extension 2026-131 --case 2026-0017 --purpose P-CRIME --json

The options state facts in your name: preserve.days, preserve.letter, preserve.extension, and preserve.identified, for
you name the records. Journaled: these statements, the decision (also a refusal), the hold and its end.
Exit codes: 0 kept; 3 refused; 2 wrong use; 1 fault.";

const IMPORT: &str = "\
Formats: radius-detail, radius-pcap, kea4, kea6, isc-leases, conntrack (also ulogd2), nat-syslog, nat-export,
         cgn-rules, map-e, softwires, venue, static, subscribers,
         flows (captures of NetFlow, IPFIX or sFlow exports or of packets, nfdump's files; told apart by themselves).

Examples:
  tadoru import radius-detail /var/log/radius/radacct/192.0.2.251/detail-20261121.gz
  tadoru import conntrack nat.log --source cgn-1 --inside-realm access

What cannot be read is listed with its line or byte offset; its neighbours are kept. A file of flows that was imported
already is refused (--again takes it in once more) and the others are gone on with; one that broke off is gone on with
behind what was kept of it.
Journaled: format, source, counts, the file's SHA-256. Exit codes: 0 taken in; 2 wrong use, or a file refused; 1 fault.";
