//! Messages out of a stream: syslog (RFC 6587), IPFIX (RFC 7011 section 10.4.1: by the length in each header).

use tadoru_wire::natlog::Deframer;

use super::Protocol;

/// The state of one stream.
pub(crate) enum Framing {
    Syslog(Deframer),
    /// What came of a message that is not whole yet.
    Ipfix(Vec<u8>),
}

/// The stream cannot be read on: nobody knows where its next message begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost;

impl Framing {
    pub(crate) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Syslog => Self::Syslog(Deframer::new()),
            Protocol::Export => Self::Ipfix(Vec::new()),
        }
    }

    /// Takes a piece of the stream and gives the messages that are whole with it.
    pub(crate) fn push(&mut self, piece: &[u8], mut sink: impl FnMut(&[u8])) -> Result<(), Lost> {
        match self {
            Self::Syslog(deframer) => {
                deframer.push(piece, sink);
                Ok(())
            }
            Self::Ipfix(held) => {
                held.extend_from_slice(piece);
                let mut rest = held.as_slice();
                let outcome = loop {
                    let [0, 10, high, low, ..] = rest else {
                        break if [0, 10].starts_with(rest.get(..2).unwrap_or(rest)) {
                            Ok(())
                        } else {
                            Err(Lost)
                        };
                    };
                    let len = usize::from(u16::from_be_bytes([*high, *low]));
                    if len < IPFIX_HEADER {
                        break Err(Lost);
                    }
                    let Some((message, behind)) = rest.split_at_checked(len) else { break Ok(()) };
                    sink(message);
                    rest = behind;
                };
                let done = held.len() - rest.len();
                held.drain(..done);
                outcome
            }
        }
    }

    /// The stream has ended: how many messages were lost in it for their form.
    pub(crate) fn finish(self) -> u64 {
        match self {
            Self::Syslog(mut deframer) => deframer.oversize() + u64::from(deframer.finish().is_some()),
            Self::Ipfix(held) => u64::from(!held.is_empty()),
        }
    }
}

const IPFIX_HEADER: usize = 16;
