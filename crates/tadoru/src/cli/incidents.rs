//! What can be asked of incidents: the list, one in full, where it came in, its evidence packs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::fact;

/// `incidents`.
#[derive(Debug, Args)]
pub struct Incidents {
    /// Only those that are not over.
    #[arg(long, conflicts_with = "ended")]
    pub open: bool,
    /// Only those that are over.
    #[arg(long)]
    pub ended: bool,
    /// Only those with a second at or after this time, with its zone.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Language of the texts; the installation's language where not given.
    #[arg(long, value_parser = ["ja", "en"])]
    pub lang: Option<String>,
}

/// `incident`.
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// All that is on file of it: vectors, targets, rates, sources, ingress, why, how sure.
    #[command(after_help = SHOW)]
    Show(IncidentShow),
    /// Where did it come in? Its own flows are followed, router by router, to the interfaces of their ingress.
    #[command(after_help = TRACE)]
    Trace(IncidentTrace),
    /// An evidence pack for the victim, the neighbour or the certified association, written into a folder; nothing is sent.
    #[command(after_help = PACK)]
    Pack(Pack),
}

/// `incident trace`.
#[derive(Debug, Args)]
pub struct IncidentTrace {
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// In which case; it is opened where there is none.
    #[arg(long)]
    pub case: Option<String>,
}

/// `incident show`.
#[derive(Debug, Args)]
pub struct IncidentShow {
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// In which case; it is opened where there is none.
    #[arg(long)]
    pub case: Option<String>,
    /// Language of the texts; the installation's language where not given.
    #[arg(long, value_parser = ["ja", "en"])]
    pub lang: Option<String>,
}

/// `incident pack`.
#[derive(Debug, Args)]
pub struct Pack {
    /// Id of the incident.
    pub id: String,
    /// For whom it is.
    #[arg(long = "for", value_parser = ["victim", "neighbour", "association"])]
    pub recipient: String,
    /// The recipient by name, as the documents will say.
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// An address or prefix of the victim's own, where more than one was attacked.
    #[arg(long, value_name = "PREFIX")]
    pub own: Vec<String>,
    /// The neighbour's autonomous system.
    #[arg(long = "as", value_name = "NUMBER")]
    pub neighbour_as: Option<u32>,
    /// Make the pack even where no flow record of the attack is found; it then says that there are none.
    #[arg(long)]
    pub without_records: bool,
    /// Case; it is opened where there is none.
    #[arg(long)]
    pub case: String,
    /// Basis relied on, such as B-PARTY; else the rule's order decides.
    #[arg(long)]
    pub basis: Option<String>,
    /// A fact that you state; it goes into the journal as your statement.
    #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = fact)]
    pub facts: Vec<(String, String)>,
    /// Folder to write; it must not be there yet.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

pub(super) const INCIDENTS: &str = "\
Examples:
  tadoru incidents --open
  tadoru incidents --since '2026-11-21T00:00:00+09:00' --json

The one that began last stands first. Rates are estimates of the real traffic, scaled by the sampling.
Journaled: the permit for aggregates. Exit codes: 0 told, also when there is none; 3 refused; 2 wrong use; 1 fault.";

const SHOW: &str = "\
Examples:
  tadoru incident show 00000000000005ab
  tadoru incident show 00000000000005ab --case K-2026-0007 --lang ja

The attack's own figures and nothing else: what its targets and sources did besides is not in it. Each letter of the
course is the highest rate of its time; the lanes of the targets share one time axis, so that a shift is a step.
Journaled: the decision (also a refusal), and that the incident was opened; with a case, it is written there too.
Exit codes: 0 told; 3 refused; 2 wrong use, no such incident; 1 fault.";

const TRACE: &str = "\
Examples:
  tadoru incident trace 00000000000005ab
  tadoru incident trace 00000000000005ab --case K-2026-0007 --json

Each packet counts once: at an interface that the table `network.interfaces` calls edge or customer. What came out of a
router that tells nothing is `behind` it; where no role is told, it says where the attack was `first-seen`.
Journaled: the decision (also a refusal), that the attack's own flows were opened, how many ways in were told.
Exit codes: 0 traced; 4 nothing seen coming in; 3 refused; 2 wrong use; 1 fault.";

const PACK: &str = "\
Examples:
  tadoru incident pack 5f0c9be21a7d4413 --for victim --to 'Example K.K.' --case 2026-0031 \\
         --fact requester.identity_verified
  tadoru incident pack 5f0c9be21a7d4413 --for neighbour --as 64501 --to 'NOC of AS 64501' --case 2026-0031 \\
         --fact victim.consent=K-88 --fact share.no_secret

A pack for a victim or the association that would hold no flow record is refused unless --without-records is given.
The recipient checks the folder with `sha256sum --check SHA256SUMS`.
Journaled: your statements, the decision (also a refusal), the kind of recipient, the manifest's sum.
Exit codes: 0 written; 3 refused or waiting for approval; 2 wrong use; 1 fault.";
