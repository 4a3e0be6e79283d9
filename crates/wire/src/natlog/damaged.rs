//! Lines that no dialect knows, and that bear the words of one all the same: damaged NAT events, not lines of others.
//!
//! What comes in: a line in which no dialect was found. What goes out: which dialect's words it bears. The words of one
//! sign follow each other in the line; each sign is made of words that together only this dialect writes.

use super::Fault;
use super::scan::find;

/// Words in the order in which they stand, and what they are a sign of.
struct Sign {
    words: &'static [&'static [u8]],
    /// A line with one of these is something else.
    but_not: &'static [&'static [u8]],
    fault: &'static str,
}

/// The fault of a line that bears a sign; nothing of a line of another program.
pub(super) fn signs(line: &[u8]) -> Result<(), Fault> {
    let bears = |sign: &&Sign| {
        let mut rest = line;
        let all = sign.words.iter().all(|word| match find(rest, word) {
            Some(at) => {
                rest = rest.get(at + word.len()..).unwrap_or_default();
                true
            }
            None => false,
        });
        all && !sign.but_not.iter().any(|word| find(line, word).is_some())
    };
    SIGNS.iter().find(bears).map_or(Ok(()), |sign| Err(Fault(sign.fault)))
}

const SIGNS: [Sign; 12] = [
    Sign {
        words: &[b"src=", b"dst=", b"src=", b"dst="],
        but_not: &[b"[UPDATE]"],
        fault: "conntrack line without its event",
    },
    Sign {
        words: &[b"[NEW]", b"src=", b"dst="],
        but_not: &[],
        fault: "conntrack line without its beginning",
    },
    Sign {
        words: &[b"[DESTROY]", b"src=", b"dst="],
        but_not: &[],
        fault: "conntrack line without its beginning",
    },
    Sign { words: &[b", REPLY: SRC="], but_not: &[b"[UPDATE]"], fault: "ulogd line without its event" },
    Sign { words: &[b"orig.ip.", b"reply.ip."], but_not: &[], fault: "ulogd line without its beginning" },
    Sign {
        words: &[b" translation from ", b":", b"/", b" to ", b":", b"/"],
        but_not: &[],
        fault: "translation without its message number",
    },
    Sign { words: &[b"VRF ", b" INT ", b" EXT "], but_not: &[], fault: "vCGNAT line without its event" },
    Sign { words: &[b"fwd proto ", b"back proto "], but_not: &[], fault: "CG-NAT line without its event" },
    Sign { words: &[b"srcip=", b" transip="], but_not: &[], fault: "traffic log without its date" },
    Sign { words: &[b" portbegin=", b" portend="], but_not: &[], fault: "port block without its date" },
    Sign {
        words: &[b" internal-ip=", b" reflexive-ip="],
        but_not: &[],
        fault: "port block without its message name",
    },
    Sign {
        words: &[b"->", b"NAT (", b":", b"->"],
        but_not: &[],
        fault: "NAT part of a packet without its protocol",
    },
];
