#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_packed_column_gives_back_its_values(width in 0_u8..=64, seed in any::<u64>(), count in 0_usize..300) {
        let mut state = seed;
        let values: Vec<u64> = (0..count)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                seed.wrapping_add((state ^ (state >> 29)) & mask(width))
            })
            .collect();
        let mut buffer = vec![0xa5; 3];
        pack(&values, seed, width, &mut buffer);
        prop_assert_eq!(buffer.len(), 3 + packed_len(count, width));
        buffer.extend_from_slice(&[0; SLACK]);
        let column = Column { base: seed, width, at: 3 };
        for (index, value) in values.iter().enumerate() {
            prop_assert_eq!(column.get(&buffer, index), *value);
        }
    }

    #[test]
    fn a_varint_gives_back_its_value(value in any::<u64>()) {
        let mut out = Vec::new();
        put_varint(&mut out, value);
        let mut rest = out.as_slice();
        prop_assert_eq!(take_varint(&mut rest), Some(value));
        prop_assert!(rest.is_empty());
        for cut in 0..out.len() {
            prop_assert_eq!(take_varint(&mut &out[..cut]), None);
        }
    }

    #[test]
    fn zigzag_turns_back(value in any::<i64>()) {
        prop_assert_eq!(unzigzag(zigzag(value)), value);
    }
}

#[test]
fn an_overlong_varint_is_refused() {
    assert_eq!(take_varint(&mut [0xff; 11].as_slice()), None);
    assert_eq!(take_varint(&mut [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2].as_slice()), None);
}
