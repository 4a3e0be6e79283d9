//! Laws of the room: every change is said once, whoever writes.

use super::*;

#[test]
fn every_change_is_said_once() {
    let room = Room::default();
    let full = State::Full.trouble();
    assert_eq!(room.note(Writer::Spool, State::Enough), None);
    assert_eq!(room.note(Writer::Spool, State::Full), full);
    assert_eq!(room.note(Writer::Spool, State::Full), None);
    assert_eq!(room.note(Writer::Stores, State::Full), None);
    assert_eq!(room.note(Writer::Spool, State::Enough), None, "the stores have no room yet");
    assert_eq!(room.state(), State::Full);
    assert!(
        room.note(Writer::Stores, State::Enough).is_some_and(|text| text.contains("room on the disk again"))
    );
    assert_eq!(room.note(Writer::Stores, State::Enough), None);
    assert_eq!(room.note(Writer::Stores, State::Refused), State::Refused.trouble());
}
