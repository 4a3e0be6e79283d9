//! Laws of unpacking bzip2: what was packed comes out, and what is broken never does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use super::*;

const PACKED: &[u8] = include_bytes!("../../testdata/mrt/bird-rib.mrt.bz2");
const PLAIN: &[u8] = include_bytes!("../../testdata/mrt/bird-rib.mrt");

/// Gives a few octets at a time.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min(self.0.len()).min(3);
        let (now, later) = self.0.split_at(len);
        buf[..len].copy_from_slice(now);
        self.0 = later;
        Ok(len)
    }
}

fn unpacked(packed: impl Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    Unpacked::new(packed).read_to_end(&mut out).map(|_| out)
}

#[test]
fn streams_behind_each_other_are_one() {
    assert_eq!(unpacked(PACKED).unwrap(), PLAIN);
    assert_eq!(unpacked(Slowly(PACKED)).unwrap(), PLAIN);
    let twice = [PACKED, PACKED].concat();
    assert_eq!(unpacked(twice.as_slice()).unwrap(), [PLAIN, PLAIN].concat());
}

#[test]
fn what_is_cut_or_changed_anywhere_is_told() {
    // Between the two streams nothing tells that another was there.
    let seam = (1..PACKED.len()).filter(|len| unpacked(&PACKED[..*len]).is_ok()).count();
    assert_eq!(seam, 1);
    for at in 0..PACKED.len() {
        let mut bent = PACKED.to_vec();
        bent[at] ^= 0x40;
        // The filling behind the last bit of a stream is nothing.
        assert!(unpacked(bent.as_slice()).is_err() || unpacked(bent.as_slice()).unwrap() == PLAIN, "{at}");
    }
    assert!(unpacked([PACKED, b"more"].concat().as_slice()).is_err());
    assert!(unpacked(&b""[..]).is_err());
}

#[test]
fn a_fault_of_the_input_stays_one() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::PermissionDenied))
        }
    }
    let error = unpacked(PACKED[..300].chain(Fails)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn bzip2_tells_long_runs_and_many_blocks() {
    // 300 letters, packed by bzip2 1.0.8.
    let letters = [
        0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0xa7, 0x4a, 0xe1, 0x1b, 0, 0, 0x02, 0x91,
        0, 0x80, 0x20, 0x20, 0, 0, 0x08, 0x20, 0, 0x20, 0xaa, 0x6d, 0x41, 0x98, 0xc5, 0x47, 0x8b, 0xb9, 0x22,
        0x9c, 0x28, 0x48, 0x53, 0xa5, 0x70, 0x8d, 0x80,
    ];
    assert_eq!(decompress(&letters, 1000), Some(vec![b'a'; 300]));
    assert_eq!(decompress(&letters, 299), None);
    // Two million zeros.
    let zeros = [
        0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x82, 0xb8, 0x5a, 0x42, 0, 0x0f, 0x51,
        0xe0, 0, 0xc0, 0, 0, 0, 0x80, 0x08, 0x20, 0, 0x30, 0xcc, 0x09, 0xaa, 0x69, 0x8a, 0x92, 0x1b, 0x55,
        0x29, 0x21, 0xe2, 0xee, 0x48, 0xa7, 0x0a, 0x12, 0x10, 0x57, 0x0b, 0x48, 0x40,
    ];
    assert_eq!(decompress(&zeros, 2_000_000), Some(vec![0; 2_000_000]));
    assert_eq!(decompress(&zeros, 1_000_000), None);
}
