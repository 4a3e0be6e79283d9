#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use axum::body::{Body, Bytes};
use http_body_util::channel::Channel;

use super::{Line, Lines};

async fn read(pieces: Vec<&'static [u8]>) -> Vec<Line> {
    let (mut sender, channel) = Channel::<Bytes>::new(pieces.len().max(1));
    for piece in pieces {
        sender.send_data(Bytes::from_static(piece)).await.unwrap();
    }
    drop(sender);
    let mut lines = Lines::new(Body::new(channel), 8);
    let mut read = Vec::new();
    while let Some(line) = lines.next().await.unwrap() {
        read.push(line);
    }
    read
}

fn whole(text: &str) -> Line {
    Line::Whole(text.as_bytes().to_vec())
}

#[tokio::test]
async fn lines_are_whole_however_the_body_is_cut() {
    let text: &'static [u8] = b"one\r\ntwo\n\nthree";
    for cut in 0..=text.len() {
        let lines = read(vec![&text[..cut], &text[cut..]]).await;
        assert_eq!(lines, [whole("one"), whole("two"), whole(""), whole("three")], "cut at {cut}");
    }
}

#[tokio::test]
async fn a_line_that_is_too_long_costs_itself_and_no_neighbour() {
    assert_eq!(
        read(vec![b"a\n12345", b"67890", b"12345\nb\n", b"1234567890123"]).await,
        [whole("a"), Line::TooLong, whole("b"), Line::TooLong]
    );
    assert_eq!(read(vec![b"12345678\n123456789\n"]).await, [whole("12345678"), Line::TooLong]);
    assert_eq!(read(vec![]).await, []);
}
