//! Laws of the reader of nfdump's files: every compression gives nfdump's own flows, damage stays in its block, no
//! file makes it panic or hold more than a block.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::{Block, Blocks, MAX_BLOCK, MAX_DEFECTS, bzip2, lz4, lzo, zstandard};
use crate::flow::{Columns, Row, to_bits};
use crate::{Defect, Place, tables::Fault};

const NONE: &[u8] = include_bytes!("../../testdata/nfcapd/none.nfcapd");
const LZO: &[u8] = include_bytes!("../../testdata/nfcapd/lzo.nfcapd");
const BZIP2: &[u8] = include_bytes!("../../testdata/nfcapd/bzip2.nfcapd");
const LZ4: &[u8] = include_bytes!("../../testdata/nfcapd/lz4.nfcapd");
const EXPECTED: &str = include_str!("../../testdata/nfcapd/expected.csv");

fn read(file: &[u8]) -> (Vec<Block>, Vec<Defect>) {
    let (mut blocks, mut defects) = (Vec::new(), Vec::new());
    for item in Blocks::new(file) {
        match item {
            Ok(block) => {
                defects.extend(block.defects.iter().cloned());
                blocks.push(block);
            }
            Err(Fault::Defect(defect)) => defects.push(defect),
            Err(Fault::Input(error)) => panic!("{error}"),
        }
    }
    (blocks, defects)
}

fn flows(file: &[u8]) -> Columns {
    let mut all = Columns::default();
    for mut block in read(file).0 {
        all.append(&mut block.flows);
    }
    all
}

fn rows(columns: &Columns) -> Vec<Row> {
    (0..columns.rows()).map(|row| columns.get(row).unwrap()).collect()
}

/// The file of no compression, its blocks under Zstandard as `nfwrite` of nfdump 1.7 packs them: one frame each.
fn with_zstandard() -> Vec<u8> {
    let (head, mut rest) = NONE.split_at(40);
    let mut file = head.to_vec();
    file[16] = 4;
    while !rest.is_empty() {
        let (header, behind) = rest.split_at(12);
        let len = u32::from_le_bytes(header[4..8].try_into().unwrap()) as usize;
        let packed = zstd::bulk::compress(&behind[..len], 5).unwrap();
        file.extend_from_slice(&header[..4]);
        file.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        file.extend_from_slice(&header[8..]);
        file.extend(packed);
        rest = &behind[len..];
    }
    file
}

// Files to order --------------------------------------------------------------------------------------------------

fn file(compression: u8, blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![0x0c, 0xa5, 2, 0, 0, 1, 7, 1];
    file.extend([0; 8]);
    file.extend([compression, 0, 0, 0, 1, 0, 0, 0]);
    file.extend([0; 12]);
    file.extend(u32::try_from(blocks.len()).unwrap().to_le_bytes());
    [file, blocks.concat()].concat()
}

fn block(records: &[Vec<u8>]) -> Vec<u8> {
    raw_block(u32::try_from(records.len()).unwrap(), 3, &records.concat())
}

fn raw_block(count: u32, kind: u16, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap();
    [&count.to_le_bytes(), len.to_le_bytes().as_slice(), &kind.to_le_bytes(), &[0, 0], body].concat()
}

/// A record, or an element of one.
fn tagged(kind: u16, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len() + 4).unwrap();
    [&kind.to_le_bytes(), len.to_le_bytes().as_slice(), body].concat()
}

fn flow(exporter: u8, flags: u8, elements: &[Vec<u8>]) -> Vec<u8> {
    let count = u8::try_from(elements.len()).unwrap();
    tagged(11, &[&[count, 0, 0, 0, exporter, 0, flags, 9], elements.concat().as_slice()].concat())
}

fn generic(packets: u64, bytes: u64) -> Vec<u8> {
    let numbers = [1000_u64, 2000, 3000, packets, bytes].map(u64::to_le_bytes).concat();
    tagged(1, &[numbers.as_slice(), &[53, 0, 0, 4, 17, 0, 64, 8]].concat())
}

fn v4(src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
    let number = |addr: [u8; 4]| u32::from_be_bytes(addr).to_le_bytes();
    tagged(2, &[number(src), number(dst)].concat())
}

fn v6(src: &str, dst: &str) -> Vec<u8> {
    let number = |addr: &str| {
        let bits = addr.parse::<Ipv6Addr>().unwrap().to_bits();
        [((bits >> 64) as u64).to_le_bytes(), (bits as u64).to_le_bytes()].concat()
    };
    tagged(3, &[number(src), number(dst)].concat())
}

fn sampler(exporter: u8, id: u8, packets: u8, space: u16) -> Vec<u8> {
    let space = space.to_le_bytes();
    let body = [exporter, 0, 2, 0, id, 0, 0, 0, 0, 0, 0, 0, packets, 0, 0, 0, space[0], space[1], 0, 0];
    tagged(15, &body)
}

// Files of nfdump -------------------------------------------------------------------------------------------------

#[test]
fn flows_are_those_that_nfdump_tells() {
    let rows = rows(&flows(NONE));
    let expected: Vec<&str> = EXPECTED.lines().skip(1).collect();
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(expected) {
        let field: Vec<&str> = expected.split(',').collect();
        let bits = |at: usize| to_bits(field[at].parse::<IpAddr>().unwrap());
        assert_eq!(row.first_us, field[0].parse::<i64>().unwrap());
        assert_eq!(row.last_us, field[1].parse::<i64>().unwrap());
        assert_eq!((row.src, row.dst, row.exporter), (bits(2), bits(3), bits(10)));
        assert_eq!((row.src_port, row.dst_port), (field[4].parse().unwrap(), field[5].parse().unwrap()));
        assert_eq!((row.proto, row.tcp_flags), (field[6].parse().unwrap(), field[7].parse().unwrap()));
        assert_eq!((row.packets, row.bytes), (field[8].parse().unwrap(), field[9].parse().unwrap()));
        assert_eq!((row.flows, row.sampling), (1, 0));
    }
}

#[test]
fn every_compression_holds_the_same_flows() {
    let wanted = flows(NONE);
    for file in [NONE, LZO, BZIP2, LZ4, with_zstandard().as_slice()] {
        let (blocks, defects) = read(file);
        assert!(defects.is_empty(), "{defects:?}");
        assert!(blocks.iter().all(|block| block.events + block.bare + block.scaled == 0));
        assert!(flows(file) == wanted);
    }
}

#[test]
fn a_cut_file_keeps_the_blocks_before_and_the_records_before() {
    let wanted = rows(&flows(NONE));
    for len in (0..NONE.len()).step_by(61) {
        let (blocks, defects) = read(&NONE[..len]);
        let found: Vec<Row> = blocks.iter().flat_map(|block| rows(&block.flows)).collect();
        assert!(found == wanted[..found.len()], "cut at {len}");
        assert!(len == 0 || !defects.is_empty() || found.len() == wanted.len(), "cut at {len}");
    }
    let one = block(&[flow(1, 0, &[generic(1, 40), v4([192, 0, 2, 1], [192, 0, 2, 2])])]);
    let whole = file(0, &[one.clone(), one.clone()]);
    for len in 40 + one.len()..whole.len() {
        let (blocks, defects) = read(&whole[..len]);
        assert_eq!(blocks[0].flows.rows(), 1);
        assert_eq!(defects.len(), 1, "cut at {len}");
        assert_eq!(defects[0].place, Place::Byte(40 + one.len() as u64));
    }
    let missing = read(&file(0, std::slice::from_ref(&one))[..40 + one.len()]).1;
    assert!(missing.is_empty());
}

#[test]
fn a_block_that_cannot_be_decompressed_costs_itself_only() {
    let packed = |file: &[u8]| {
        let len = u32::from_le_bytes(file[44..48].try_into().unwrap()) as usize;
        file[40..52 + len].to_vec()
    };
    for (compression, whole) in [(1, LZO), (2, BZIP2), (3, LZ4), (4, with_zstandard().as_slice())] {
        let good = packed(whole);
        let mut bad = good.clone();
        bad.truncate(52);
        let bad = raw_block(9, 3, &bad[12..]);
        let (blocks, defects) = read(&file(compression, &[bad, good.clone()]));
        assert!(blocks[0].flows == flows(NONE));
        assert_eq!(defects, [Defect::byte(40, "block cannot be decompressed")]);
    }
}

// Decompression ---------------------------------------------------------------------------------------------------

fn body(file: &[u8]) -> &[u8] {
    let len = u32::from_le_bytes(file[44..48].try_into().unwrap()) as usize;
    &file[52..52 + len]
}

#[test]
fn cut_or_changed_octets_are_never_more_than_the_limit() {
    type Decompress = fn(&[u8], usize) -> Option<Vec<u8>>;
    let zstd = with_zstandard();
    let kinds: [(Decompress, &[u8]); 4] =
        [(lzo::decompress, LZO), (bzip2::decompress, BZIP2), (lz4::decompress, LZ4), (zstandard, &zstd)];
    for (decompress, file) in kinds {
        let packed = body(file);
        let whole = decompress(packed, MAX_BLOCK).unwrap();
        assert_eq!(whole, body(NONE));
        assert_eq!(decompress(packed, whole.len()).as_ref(), Some(&whole));
        assert_eq!(decompress(packed, whole.len() - 1), None);
        for len in (0..packed.len()).step_by(41) {
            assert!(decompress(&packed[..len], MAX_BLOCK).is_none_or(|found| found.len() < whole.len()));
        }
        for at in (0..packed.len()).step_by(37) {
            let mut changed = packed.to_vec();
            changed[at] ^= 0x55;
            assert!(decompress(&changed, 1 << 17).is_none_or(|found| found.len() <= 1 << 17));
        }
    }
}

#[test]
fn a_match_may_overlap_itself() {
    // Four letters, then 20 octets from two back, then the last literal.
    assert_eq!(lz4::decompress(b"\x4fabcd\x02\x00\x01\x10e", 100).unwrap(), b"abcdcdcdcdcdcdcdcdcdcdcde");
    assert_eq!(lz4::decompress(b"\x4fabcd\x05\x00\x01\x10e", 100), None);
    assert_eq!(lz4::decompress(b"\x4fabcd\x00\x00\x01\x10e", 100), None);
    // Literals, a match of length 3 one back, the end.
    assert_eq!(lzo::decompress(b"\x15abcd\x40\x00\x11\x00\x00", 100).unwrap(), b"abcdddd");
    assert_eq!(lzo::decompress(b"\x15abcd\x40\x01\x11\x00\x00", 100), None);
}

// Records ---------------------------------------------------------------------------------------------------------

#[test]
fn counts_are_as_they_were_counted() {
    let addrs = v4([192, 0, 2, 1], [198, 51, 100, 1]);
    let scaled = flow(7, 2, &[generic(3000, 120_000), addrs.clone()]);
    let by_id = |id: u8| {
        flow(
            7,
            2,
            &[generic(3000, 120_000), addrs.clone(), tagged(18, &[id, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0])],
        )
    };
    let records = [
        scaled.clone(),
        sampler(7, 1, 1, 999),
        scaled.clone(),
        flow(7, 0, &[generic(3, 120), addrs.clone()]),
        flow(7, 2, &[generic(3001, 120_000), addrs.clone()]),
        sampler(7, 2, 1, 99),
        scaled,
        by_id(1),
        by_id(2),
        sampler(8, 1, 0, 99),
    ];
    let (blocks, defects) = read(&file(0, &[block(&records)]));
    let counts: Vec<_> =
        rows(&blocks[0].flows).iter().map(|row| (row.packets, row.bytes, row.sampling)).collect();
    let (raw, thousandth, hundredth) = ((3000, 120_000, 0), (3, 120, 1000), (30, 1200, 100));
    assert_eq!(counts, [raw, thousandth, (3, 120, 0), (3001, 120_000, 0), raw, thousandth, hundredth]);
    assert_eq!(blocks[0].scaled, 3);
    assert_eq!(defects.len(), 1);
}

#[test]
fn a_flow_has_the_family_whose_addresses_are_told() {
    let (none4, none6) = (v4([0; 4], [0; 4]), v6("::", "::"));
    let (some4, some6) = (v4([192, 0, 2, 1], [0; 4]), v6("2001:db8::1", "::"));
    let family = |elements: &[Vec<u8>]| {
        let record = flow(1, 0, &[vec![generic(1, 40)], elements.to_vec()].concat());
        rows(&read(&file(0, &[block(&[record])])).0[0].flows)[0].ip
    };
    assert_eq!(family(&[]), 0);
    assert_eq!((family(std::slice::from_ref(&some4)), family(std::slice::from_ref(&some6))), (4, 6));
    assert_eq!((family(&[some4.clone(), none6.clone()]), family(&[none6.clone(), some4])), (4, 4));
    assert_eq!((family(&[some6.clone(), none4.clone()]), family(&[none4.clone(), some6])), (6, 6));
    assert_eq!(family(std::slice::from_ref(&none6)), 6);
}

#[test]
fn exporter_and_domain_come_from_the_record_or_from_the_file() {
    let mut exporter = vec![9, 0, 0, 0];
    exporter.extend([0; 8]);
    exporter.extend([1, 2, 0, 192, 0, 0, 0, 0, 2, 0, 7, 0, 200, 0, 0, 0]);
    let addrs = v4([192, 0, 2, 1], [198, 51, 100, 1]);
    let records = [
        tagged(7, &exporter),
        flow(7, 0, &[generic(1, 40), addrs.clone()]),
        flow(
            7,
            0,
            &[
                generic(1, 40),
                addrs.clone(),
                tagged(12, &[9, 2, 0, 192]),
                tagged(33, &[0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]),
            ],
        ),
        flow(8, 0, &[generic(1, 40), addrs]),
    ];
    let found = rows(&flows(&file(0, &[block(&records)])));
    let bits = |last| to_bits(Ipv4Addr::new(192, 0, 2, last).into());
    assert_eq!(
        found.iter().map(|row| (row.exporter, row.domain)).collect::<Vec<_>>(),
        [(bits(1), 200), (bits(9), 5), (0, 0)]
    );
}

#[test]
fn events_and_bare_records_are_no_flows() {
    let addrs = v4([192, 0, 2, 1], [198, 51, 100, 1]);
    let records = [
        flow(1, 1, &[generic(0, 0), addrs.clone()]),
        flow(1, 0, &[generic(0, 0), addrs.clone(), tagged(25, &[0; 16])]),
        flow(1, 0, std::slice::from_ref(&addrs)),
        flow(1, 0, &[generic(1, 40), addrs.clone(), tagged(9999, &[1, 2, 3])]),
        tagged(13, &[1, 2, 3]),
        tagged(0x4242, &[]),
    ];
    let (blocks, defects) = read(&file(0, &[block(&records)]));
    assert!(defects.is_empty());
    assert_eq!((blocks[0].events, blocks[0].bare, blocks[0].flows.rows()), (2, 1, 1));
}

#[test]
fn a_bad_record_costs_itself_only() {
    let good = flow(1, 0, &[generic(1, 40), v4([192, 0, 2, 1], [192, 0, 2, 2])]);
    let bad = [
        flow(1, 0, &[tagged(1, &[0; 47])]),
        flow(1, 0, &[generic(1, 40), tagged(2, &[0; 7])]),
        flow(1, 0, &[generic(1, 40), vec![2, 0, 3, 0]]),
        flow(1, 0, &[generic(1, 40), vec![2, 0, 200, 0]]),
        tagged(11, &[5, 0, 0]),
        tagged(7, &[0; 27]),
        tagged(15, &[0; 19]),
    ];
    for bad in &bad {
        let (blocks, defects) = read(&file(0, &[block(&[good.clone(), bad.clone(), good.clone()])]));
        assert_eq!(blocks[0].flows.rows(), 2);
        assert_eq!(defects.len(), 1);
        assert_eq!(defects[0].place, Place::Byte(52 + good.len() as u64));
    }
    let many = vec![bad[0].clone(); 100];
    let (blocks, _) = read(&file(0, &[block(&many)]));
    assert_eq!(blocks[0].defects.len(), MAX_DEFECTS + 1);
    for len in [0, 3, 60_000_u16] {
        let torn = [11_u16.to_le_bytes(), len.to_le_bytes()].concat();
        let (blocks, defects) =
            read(&file(0, &[block(&[good.clone(), torn]), block(std::slice::from_ref(&good))]));
        assert_eq!((blocks[0].flows.rows(), blocks[1].flows.rows(), defects.len()), (1, 1, 1));
    }
    let miscounted = raw_block(2, 3, &good);
    assert_eq!(read(&file(0, &[miscounted])).1.len(), 1);
}

#[test]
fn what_is_no_file_of_ours_is_told_apart() {
    let refused = |file: &[u8]| {
        let (blocks, defects) = read(file);
        assert!(blocks.is_empty() && defects.len() == 1);
        defects[0].to_string()
    };
    assert!(refused(b"hello, this is text").contains("not a file of nfdump"));
    assert!(refused(&[0x0c, 0xa5, 1, 0, 0, 0, 0, 0]).contains("nfdump -r old -w new"));
    assert!(refused(&[0x0c, 0xa5, 3, 0, 0, 0, 0, 0]).contains("layout"));
    assert!(refused(&[0xa5, 0x0c, 0, 2]).contains("big-endian"));
    assert!(refused(&file(9, &[])).contains("compression"));
    let mut encrypted = file(0, &[]);
    encrypted[17] = 1;
    assert!(refused(&encrypted).contains("encrypted"));
    let huge = [[1, 0, 0, 0, 255, 255, 255, 255, 3, 0, 0, 0].to_vec()];
    assert!(refused(&file(0, &huge)).contains("larger"));
    assert_eq!(read(&[]).0.len() + read(&[]).1.len(), 0);
    // A block of another kind is left out, what follows is read.
    let good = block(&[flow(1, 0, &[generic(1, 40)])]);
    let (blocks, defects) = read(&file(0, &[raw_block(1, 4, b"abcd"), good]));
    assert_eq!((blocks.len(), defects.len()), (1, 1));
}

proptest! {
    #[test]
    fn arbitrary_octets_never_panic(
        compression in 0_u8..6,
        octets in prop::collection::vec(any::<u8>(), 0..300),
        count in any::<u32>(),
    ) {
        read(&octets);
        read(&file(compression, &[raw_block(count, 3, &octets)]));
        lzo::decompress(&octets, 1 << 16);
        lz4::decompress(&octets, 1 << 16);
        bzip2::decompress(&[b"BZh11AY&SY".as_slice(), &octets].concat(), 1 << 16);
    }

    #[test]
    fn a_changed_octet_never_panics(at in 40_usize..35_000, value in any::<u8>()) {
        let mut changed = NONE.to_vec();
        changed[at] = value;
        for block in read(&changed).0 {
            prop_assert!(block.flows.is_even());
        }
    }
}
