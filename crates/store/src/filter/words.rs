//! Names of the filter language: protocols, forwarding states, and fields that the store does not keep.

/// Number of a protocol by its name, as nfdump writes it or as the IANA registry does.
pub(super) fn protocol(name: &str) -> Option<u64> {
    find(PROTOCOLS, name)
}

/// Number of a forwarding state by its name (RFC 7270 section 4.12).
pub(super) fn forwarding(name: &str) -> Option<u64> {
    find(FORWARDING, name)
}

/// What a word of the language asks for that the store does not keep.
pub(super) fn not_kept(word: &str) -> Option<&'static str> {
    NOT_KEPT.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, field)| *field)
}

fn find(table: &[(&str, u8)], name: &str) -> Option<u64> {
    table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| u64::from(*number))
}

const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipip", 4),
    ("st", 5),
    ("tcp", 6),
    ("cbt", 7),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("hmp", 20),
    ("rdp", 27),
    ("dccp", 33),
    ("idpr", 35),
    ("xtp", 36),
    ("ddp", 37),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("rte6", 43),
    ("ipv6-frag", 44),
    ("frag6", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("mobil", 55),
    ("mobile", 55),
    ("icmp6", 58),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("nohe6", 59),
    ("ipv6-opts", 60),
    ("opts6", 60),
    ("vines", 83),
    ("eigrp", 88),
    ("ospf", 89),
    ("ax.25", 93),
    ("ethip", 97),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("ipcmp", 108),
    ("vrrp", 112),
    ("pgm", 113),
    ("l2tp", 115),
    ("ddx", 116),
    ("stp", 118),
    ("smp", 121),
    ("ptp", 123),
    ("isis", 124),
    ("isis4", 124),
    ("fire", 125),
    ("sctp", 132),
    ("fc", 133),
    ("udplite", 136),
    ("udp-l", 136),
    ("mpls", 137),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
];

const FORWARDING: &[(&str, u8)] = &[
    ("ukwn", 0),
    ("forw", 1),
    ("frag", 2),
    ("drop", 16),
    ("dacld", 17),
    ("daclp", 18),
    ("noroute", 19),
    ("dadj", 20),
    ("dfrag", 21),
    ("dbadh", 22),
    ("dbadtlen", 23),
    ("dbadhlen", 24),
    ("dbadttl", 25),
    ("dpolicy", 26),
    ("dwred", 27),
    ("drpf", 28),
    ("dforus", 29),
    ("dbadof", 30),
    ("dhw", 31),
    ("term", 128),
    ("tadj", 129),
    ("tincadj", 130),
    ("tforus", 131),
];

const NOT_KEPT: &[(&str, &str)] = &[
    ("ident", "ident"),
    ("count", "count"),
    ("nfversion", "nfversion"),
    ("engine-type", "engine-type"),
    ("engine-id", "engine-id"),
    ("sysid", "sysid"),
    ("exporter", "exporter number"),
    ("mpls", "MPLS labels"),
    ("tun", "tunnel protocol"),
    ("tunip", "tunnel addresses"),
    ("mac", "in dst mac` and `out src mac"),
    ("prev", "prev as"),
    ("previous", "prev as"),
    ("geo", "country"),
    ("client", "client latency"),
    ("server", "server latency"),
    ("app", "application latency"),
    ("payload", "payload"),
    ("flowlabel", "flow label"),
    ("asa", "ASA event"),
    ("xip", "translated address"),
    ("xnet", "translated address"),
    ("xport", "translated port"),
    ("nip", "translated address"),
    ("nport", "translated port"),
    ("nat", "NAT event"),
    ("event", "NAT event"),
    ("pblock", "port block"),
    ("ingress", "ACL or VRF"),
    ("egress", "ACL or VRF"),
    ("vrf", "VRF"),
    ("pf", "pf log"),
];
