//! Laws of what is kept over a restart: it is read as it was written, and nothing else is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

use super::*;

#[test]
fn what_was_kept_is_recalled_and_what_is_torn_is_left_aside_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::of(folder.path());
    let applied = SpoolMark(9);
    assert!(
        matches!(memory.recall(applied), (Begin { mark: SpoolMark(9), .. }, None)),
        "nothing was kept yet"
    );
    assert!(memory.keep(&Decoder::default(), SpoolMark(7)).unwrap());
    assert!(matches!(memory.recall(applied), (Begin { mark: SpoolMark(7), .. }, None)));
    assert!(
        matches!(memory.recall(SpoolMark(6)), (Begin { mark: SpoolMark(6), .. }, Some(_))),
        "of other stores"
    );
    let path = folder.path().join(NAME);
    let whole = std::fs::read(&path).unwrap();
    for end in 0..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        assert!(matches!(memory.recall(applied), (Begin { mark: SpoolMark(9), .. }, Some(_))), "{end}");
        let mut flipped = whole.clone();
        flipped[end] ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        assert!(matches!(memory.recall(applied), (Begin { mark: SpoolMark(9), .. }, Some(_))), "{end}");
    }
}
