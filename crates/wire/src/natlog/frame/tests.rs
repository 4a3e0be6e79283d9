//! Both framings, in any pieces.
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use proptest::prelude::*;

use super::*;

fn in_pieces(stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Deframer) {
    let (mut deframer, mut got) = (Deframer::new(), Vec::new());
    for piece in stream.chunks(size.max(1)) {
        deframer.push(piece, |m| got.push(m.to_vec()));
    }
    (got, deframer)
}

#[test]
fn counted_and_lined_messages_mix() {
    let stream = b"11 <34>1 hello<13>line one\r\n<13>line two\n5 <1>ab\n";
    let want: [&[u8]; 4] = [b"<34>1 hello", b"<13>line one", b"<13>line two", b"<1>ab"];
    for size in 1..stream.len() {
        let (got, mut rest) = in_pieces(stream, size);
        assert_eq!(got, want, "pieces of {size}");
        assert_eq!(rest.finish(), None);
    }
}

#[test]
fn what_is_too_long_is_skipped_and_the_stream_goes_on() {
    let mut stream = format!("{} ", MAX_LINE + 1).into_bytes();
    stream.extend(vec![b'x'; MAX_LINE + 1]);
    stream.extend(b"3 abc<1>");
    stream.extend(vec![b'y'; MAX_LINE]);
    stream.extend(b"\n<1>z\n");
    for size in [1000, 4096, stream.len()] {
        let (got, rest) = in_pieces(&stream, size);
        assert_eq!(got, [&b"abc"[..], b"<1>z"]);
        assert_eq!(rest.oversize(), 2);
    }
}

#[test]
fn an_unfinished_message_is_given_back_at_the_end() {
    let (got, mut rest) = in_pieces(b"20 <34>1 hel", 5);
    assert!(got.is_empty());
    assert_eq!(rest.finish().unwrap(), b"<34>1 hel");
}

proptest! {
    #[test]
    fn counted_messages_come_back_whole(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 0..8),
        size in 1usize..50,
    ) {
        let mut stream = Vec::new();
        for m in &messages {
            stream.extend(format!("{} ", m.len()).bytes());
            stream.extend(m);
        }
        prop_assert_eq!(in_pieces(&stream, size).0, messages);
    }

    #[test]
    fn no_stream_makes_it_panic_or_grow(bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1usize..40) {
        let (_, rest) = in_pieces(&bytes, size);
        prop_assert!(rest.held.len() <= MAX_LINE);
    }
}
