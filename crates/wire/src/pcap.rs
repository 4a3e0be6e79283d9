//! Packet captures, for RADIUS and NAT exports that were recorded instead of received.
//!
//! What comes in: a pcap file (microseconds or nanoseconds, either byte order) or a pcapng file (several sections and
//! interfaces). What goes out: [`Packet`]s with their time, and the UDP datagram inside one by [`udp_payload`]. It
//! reads one packet at a time and never allocates more than [`MAX_CAPTURED`] for it. Sources: draft-ietf-opsawg-pcap,
//! draft-ietf-opsawg-pcapng.

mod classic;
mod next_generation;
mod udp;

#[cfg(test)]
mod tests;

use std::io::{self, Read};

pub use udp::{Completeness, UdpPayload, udp_payload};

use crate::{Defect, tables::Fault};

/// One captured packet.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// Where its record begins in the file.
    pub offset: u64,
    /// When it was captured, microseconds since the epoch; `None` in pcapng's simple packet block, which has no time.
    pub time_us: Option<i64>,
    /// Link type of its interface (`LINKTYPE_…`).
    pub link_type: u16,
    /// What was captured of it.
    pub data: Vec<u8>,
    /// How long it was on the wire.
    pub original_len: u32,
}

crate::tables::unprinted!(Packet);

/// Reads a capture packet by packet: each item is a packet or a fault.
pub struct Packets<R> {
    source: Source<R>,
    form: Form,
}

enum Form {
    NotYetKnown,
    Classic(classic::Classic),
    NextGeneration(next_generation::NextGeneration),
    Ended,
}

impl<R: Read> Packets<R> {
    /// A capture in `input`, which should be buffered.
    pub fn new(input: R) -> Self {
        Self { source: Source { input, offset: 0 }, form: Form::NotYetKnown }
    }

    fn step(&mut self) -> Result<Step, Stop> {
        let step = match &mut self.form {
            Form::Ended => return Ok(Step::End),
            Form::Classic(classic) => classic.next(&mut self.source)?,
            Form::NextGeneration(blocks) => blocks.next(&mut self.source)?,
            Form::NotYetKnown => {
                let Some(magic) = self.source.take_or_end::<4>()? else { return Ok(Step::End) };
                self.form = if magic == next_generation::SECTION_HEADER {
                    Form::NextGeneration(next_generation::NextGeneration::begin(&mut self.source)?)
                } else {
                    Form::Classic(classic::Classic::begin(magic, &mut self.source)?)
                };
                Step::Nothing
            }
        };
        Ok(step)
    }
}

impl<R: Read> Iterator for Packets<R> {
    type Item = Result<Packet, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Ok(Step::Packet(packet)) => return Some(Ok(packet)),
                Ok(Step::Skipped(defect)) => return Some(Err(defect.into())),
                Ok(Step::Nothing) => {}
                Ok(Step::End) => return None,
                Err(stop) => {
                    self.form = Form::Ended;
                    return Some(Err(match stop {
                        Stop::Broken(defect) => defect.into(),
                        Stop::Input(error) => error.into(),
                    }));
                }
            }
        }
    }
}

/// What one step through the file found.
enum Step {
    Packet(Packet),
    /// A record that could not be used; the next one can.
    Skipped(Defect),
    /// A block that holds no packet.
    Nothing,
    End,
}

/// Why nothing behind this point can be read.
enum Stop {
    Broken(Defect),
    Input(io::Error),
}

impl Stop {
    fn broken(offset: u64, what: &str) -> Self {
        Self::Broken(Defect::byte(offset, what))
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Input(error)
    }
}

/// The input with the offset of its next octet.
struct Source<R> {
    input: R,
    offset: u64,
}

impl<R: Read> Source<R> {
    /// `N` octets, or `None` at a clean end of the input.
    fn take_or_end<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Stop> {
        let at = self.offset;
        let mut octets = [0; N];
        match self.fill(&mut octets)? {
            0 => Ok(None),
            got if got == N => Ok(Some(octets)),
            _ => Err(Stop::broken(at, CUT)),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let at = self.offset;
        self.take_or_end()?.ok_or_else(|| Stop::broken(at, CUT))
    }

    /// `len` octets; the caller has bounded `len`.
    fn take_vec(&mut self, len: usize) -> Result<Vec<u8>, Stop> {
        let at = self.offset;
        let mut octets = vec![0; len];
        if self.fill(&mut octets)? < len {
            return Err(Stop::broken(at, CUT));
        }
        Ok(octets)
    }

    fn skip(&mut self, len: u64) -> Result<(), Stop> {
        let at = self.offset;
        let skipped = io::copy(&mut self.input.by_ref().take(len), &mut io::sink())?;
        self.offset += skipped;
        if skipped < len { Err(Stop::broken(at, CUT)) } else { Ok(()) }
    }

    fn fill(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let mut got = 0;
        while let Some(rest) = octets.get_mut(got..)
            && !rest.is_empty()
        {
            match self.input.read(rest) {
                Ok(0) => break,
                Ok(read) => got += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.offset += got as u64;
        Ok(got)
    }
}

/// The order of octets in a file or section.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, octets: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(octets),
            Self::Big => u16::from_be_bytes(octets),
        }
    }

    fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(octets),
            Self::Big => u32::from_be_bytes(octets),
        }
    }
}

/// The most that is kept of one packet, in octets: the snapshot length of tcpdump.
pub const MAX_CAPTURED: u32 = 256 * 1024;

const CUT: &str = "file is cut off";
