//! The words of the rule packs: acts, data categories, purposes, bases and verdicts.
//!
//! Every list is closed: a pack that uses another word does not load.

use serde::{Deserialize, Serialize};

/// Makes a closed list of words with its spelling in packs, JSON and tables.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every word of the list, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as packs, JSON and tables spell it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The word that is spelt so; a leading category letter (`D-`, `P-`, `B-`) is taken off first.
            pub fn parse(text: &str) -> Option<Self> {
                let bare = ["D-", "P-", "B-"].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
                Self::ALL.iter().copied().find(|word| word.as_str().eq_ignore_ascii_case(bare))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What one wants to do: the deeds a permit can be for.
    ActName {
        /// Take note of it (知得).
        Learn = "learn",
        /// Keep it.
        Store = "store",
        /// Use it for something (窃用).
        Use = "use",
        /// Tell somebody outside (漏えい).
        Disclose = "disclose",
        /// Stop a communication.
        Block = "block",
        /// Slow a communication down.
        Throttle = "throttle",
        /// Tell the subscriber.
        Notify = "notify",
        /// Keep it from deletion.
        Preserve = "preserve",
        /// Make figures without a pair or a single address.
        Aggregate = "aggregate",
        /// Give it to a sharing group.
        Share = "share",
        /// Try somebody's device from outside.
        Probe = "probe",
        /// Suspend an account or a line.
        Suspend = "suspend",
    }
}

words! {
    /// What the deed is done to.
    DataCategory {
        /// Registration data of the contract.
        Sub = "SUB",
        /// Identity-verification record.
        Idv = "IDV",
        /// Payment data.
        Pay = "PAY",
        /// Assignment record of an address or of ports (RADIUS, DHCP, CGNAT).
        Asgn = "ASGN",
        /// Session at a venue: seat, terminal, Wi-Fi.
        Seat = "SEAT",
        /// Stored flow records.
        Flow = "FLOW",
        /// Live header fields and counters.
        Hdr = "HDR",
        /// Application pattern: lengths, byte patterns.
        Apat = "APAT",
        /// Query names.
        Dns = "DNS",
        /// Visited URL or host.
        Url = "URL",
        /// Mail envelope and authentication log.
        Menv = "MENV",
        /// Content.
        Cont = "CONT",
        /// Location.
        Loc = "LOC",
        /// Aggregates with no subscriber and no pair.
        Agg = "AGG",
        /// Indicators detached from communications.
        Ioc = "IOC",
        /// Data received as a party: sensor, honeypot, crawler.
        Sens = "SENS",
        /// Log of a seized or sink-holed command-and-control server.
        C2log = "C2LOG",
        /// Volume counters of a line.
        Vol = "VOL",
        /// Complaint and the evidence that a party supplied.
        Cmp = "CMP",
        /// Public data: relay lists, registries, block chain.
        Pub = "PUB",
    }
}

words! {
    /// What the deed is done for.
    Purpose {
        /// Mediate the communication.
        Deliver = "DELIVER",
        /// Bill it.
        Bill = "BILL",
        /// Capacity and fairness.
        Cap = "CAP",
        /// Protect own facilities.
        ProtOwn = "PROT-OWN",
        /// Protect a customer under attack.
        ProtCust = "PROT-CUST",
        /// Against spam.
        Spam = "SPAM",
        /// The subscriber's own filter.
        Filter = "FILTER",
        /// Against child-abuse material.
        Csam = "CSAM",
        /// Clean up infected or vulnerable subscribers.
        Clean = "CLEAN",
        /// Find attack infrastructure.
        Detect = "DETECT",
        /// Trace inside the own network.
        TraceIn = "TRACE-IN",
        /// Trace across operators.
        TraceX = "TRACE-X",
        /// Criminal investigation.
        Crime = "CRIME",
        /// Danger to life or body.
        Life = "LIFE",
        /// Civil claim.
        Civil = "CIVIL",
        /// Share with a group.
        Share = "SHARE",
        /// Statistics.
        Stat = "STAT",
        /// Research.
        Research = "RESEARCH",
    }
}

words! {
    /// Why the deed is lawful.
    Basis {
        /// Individual consent.
        ConsInd = "CONS-IND",
        /// On by default under the five conditions (3.R1–3.R5).
        Cons5 = "CONS-5",
        /// Consent in the terms of service, with opt-out at any time.
        ConsTos = "CONS-TOS",
        /// Being a party, or a party's consent.
        Party = "PARTY",
        /// Legitimate business act (Penal Code 35).
        Biz = "BIZ",
        /// Self-defence (Penal Code 36).
        SelfDefence = "SELF",
        /// Necessity (Penal Code 37).
        Nec = "NEC",
        /// Warrant: seizure, records order, provision order.
        War = "WAR",
        /// Inquiry letter (Code of Criminal Procedure 197(2)).
        Inq = "INQ",
        /// Preservation request (Code of Criminal Procedure 197(3)).
        Pres = "PRES",
        /// Another statute, or a court order.
        Law = "LAW",
        /// Outside secrecy.
        Out = "OUT",
    }
}

words! {
    /// How sure a rule is: what its text rests on.
    Mark {
        /// Primary text read.
        A = "A",
        /// Secondary or partial source.
        B = "B",
        /// General knowledge, not verified: needs counsel's sign-off.
        C = "C",
        /// Stated in the five source documents.
        S = "S",
        /// A default of the product, not law.
        P = "P",
    }
}

words! {
    /// What the gate says, from the mildest to the strictest.
    Verdict {
        /// Yes.
        Permit = "permit",
        /// Yes, and something is owed.
        PermitWithObligations = "permit+obligations",
        /// Somebody else has to agree first.
        NeedApproval = "need:approval",
        /// The subscriber's consent is missing.
        NeedConsent = "need:consent",
        /// The legal reviewer has to decide.
        NeedLegalReview = "need:legal-review",
        /// A warrant is missing.
        NeedWarrant = "need:warrant",
        /// No.
        Deny = "deny",
    }
}

impl Verdict {
    /// Whether the deed may be done now.
    pub const fn permits(self) -> bool {
        matches!(self, Self::Permit | Self::PermitWithObligations)
    }
}

/// Which of the three statutory infringements an act is (Telecommunications Business Act 4, 179; 11.R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statutory {
    /// 知得: taking note.
    Knowing,
    /// 窃用: using against the parties' will.
    Misusing,
    /// 漏えい: letting others know.
    Leaking,
    /// None of the three.
    Neither,
}

/// A set of data categories, small enough to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DataSet(u32);

impl DataSet {
    /// No category.
    pub const EMPTY: Self = Self(0);

    /// The set of these categories.
    pub const fn of(categories: &[DataCategory]) -> Self {
        let (mut bits, mut rest) = (0, categories);
        while let [first, tail @ ..] = rest {
            bits |= 1 << *first as u32;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether `category` is in it.
    pub const fn contains(self, category: DataCategory) -> bool {
        self.0 & (1 << category as u32) != 0
    }

    /// Whether every category of `other` is in it.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The categories of both.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it holds nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its categories in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = DataCategory> {
        DataCategory::ALL.iter().copied().filter(move |c| self.contains(*c))
    }
}
