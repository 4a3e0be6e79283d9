//! Sessions end when they must, and their tokens change.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

#[derive(Clone, Default)]
struct Hands(Arc<AtomicI64>);

impl Clock for Hands {
    fn now(&self) -> UtcMicros {
        UtcMicros(self.0.load(Ordering::Relaxed))
    }
}

impl Hands {
    fn forward(&self, us: i64) {
        self.0.fetch_add(us, Ordering::Relaxed);
    }
}

fn scene() -> (Hands, Sessions<&'static str>, PersonId) {
    let hands = Hands::default();
    (hands.clone(), Sessions::new(Arc::new(hands)), PersonId("ann".to_owned()))
}

#[test]
fn a_session_ends_when_it_idles_and_when_its_time_is_over() {
    let (hands, sessions, ann) = scene();
    let token = sessions.begin(&ann, By::Account).unwrap();
    hands.forward(IDLE_US - 1);
    let mut token = sessions.enter(&token).unwrap().next_token.unwrap();
    let mut used = IDLE_US - 1;
    while used + IDLE_US / 2 < WHOLE_US {
        hands.forward(IDLE_US / 2);
        used += IDLE_US / 2;
        token = sessions.enter(&token).unwrap().next_token.unwrap_or(token);
    }
    hands.forward(WHOLE_US - used);
    assert!(sessions.enter(&token).is_none());
    let token = sessions.begin(&ann, By::Account).unwrap();
    hands.forward(IDLE_US);
    assert!(sessions.enter(&token).is_none() && sessions.list().is_empty());
}

#[test]
fn a_token_is_replaced_and_the_old_one_holds_for_requests_under_way_only() {
    let (hands, sessions, ann) = scene();
    let first = sessions.begin(&ann, By::Account).unwrap();
    assert!(sessions.enter(&first).unwrap().next_token.is_none());
    hands.forward(ROTATE_US);
    let entered = sessions.enter(&first).unwrap();
    let second = entered.next_token.unwrap();
    let under_way = sessions.enter(&first).unwrap();
    assert_eq!(
        (under_way.number, &under_way.csrf, under_way.next_token.is_none()),
        (entered.number, &entered.csrf, true)
    );
    hands.forward(OLD_TOKEN_US);
    assert!(sessions.enter(&first).is_none());
    assert_eq!(sessions.enter(&second).unwrap().number, entered.number);
}

#[test]
fn what_is_ended_is_gone_with_all_its_tokens_and_what_was_open() {
    let (hands, sessions, ann) = scene();
    let (one, two) = (sessions.begin(&ann, By::Account).unwrap(), sessions.begin(&ann, By::Account).unwrap());
    hands.forward(ROTATE_US);
    let entered = sessions.enter(&one).unwrap();
    sessions.keep(entered.number, "a", Arc::new("answer"));
    assert_eq!(sessions.kept(entered.number, "a").as_deref(), Some(&"answer"));
    assert_eq!(sessions.end(entered.number), Some(ann.clone()));
    assert!(sessions.enter(&one).is_none() && sessions.enter(&entered.next_token.unwrap()).is_none());
    assert!(sessions.kept(entered.number, "a").is_none());
    assert_eq!(sessions.end_all_of(&ann), 1);
    assert!(sessions.enter(&two).is_none());
}

#[test]
fn a_session_keeps_a_bounded_number_and_a_person_has_one_too() {
    let (_, sessions, ann) = scene();
    let first = sessions.begin(&ann, By::Account).unwrap();
    let number = sessions.enter(&first).unwrap().number;
    for name in 0..MOST_KEPT + 3 {
        sessions.keep(number, &name.to_string(), Arc::new("x"));
    }
    assert_eq!(sessions.all_kept(number).len(), MOST_KEPT);
    assert!(sessions.kept(number, "0").is_none());
    for _ in 0..MOST_OF_ONE {
        sessions.begin(&ann, By::Account).unwrap();
    }
    assert!(sessions.enter(&first).is_none(), "the oldest gave way");
    assert_eq!(sessions.list().len(), MOST_OF_ONE);
}

#[test]
fn a_ticket_lets_in_once() {
    let (hands, sessions, ann) = scene();
    let ticket = sessions.ticket(&ann).unwrap();
    assert_eq!(sessions.redeem(&ticket), Some(ann.clone()));
    assert_eq!(sessions.redeem(&ticket), None);
    let late = sessions.ticket(&ann).unwrap();
    hands.forward(TICKET_US);
    assert_eq!(sessions.redeem(&late), None);
}
