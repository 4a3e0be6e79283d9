//! Life on an access server: subscribers come, stay, go, and come again; now and then the server crashes.
//!
//! What goes out: true sessions, and when the server came up again. Session ids begin anew after each crash.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tadoru_model::{Prefix, UtcMicros};

use crate::dice::Dice;
use crate::plan::{Access, nth};

/// One line: a contract's place in the network.
#[derive(Clone)]
pub(super) struct Line {
    pub subscriber: String,
    pub login: String,
    pub station: String,
    pub port: u32,
}

/// One true session.
pub(super) struct Session {
    pub line: usize,
    pub id: String,
    pub ipv4: Prefix,
    pub delegated: Prefix,
    pub from: UtcMicros,
    pub until: UtcMicros,
    pub ended: Ended,
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The server says so.
    Stop,
    /// The server crashed.
    Crash,
    /// It goes on behind the end of the records.
    Not,
}

/// Everything that happened on one server.
pub(super) struct Life {
    pub sessions: Vec<Session>,
    /// When it came up again.
    pub boots: Vec<UtcMicros>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Connect(usize),
    Leave(usize),
    Crash,
    Boot,
}

struct Server<'a> {
    access: &'a Access,
    begins: UtcMicros,
    dice: Dice,
    events: BinaryHeap<Reverse<(UtcMicros, u64, Event)>>,
    count: u64,
    sessions: Vec<Session>,
    /// Open session of each line.
    open: Vec<Option<usize>>,
    /// Slots of the pool, the one freed last at the end.
    free: Vec<usize>,
    slots: Vec<usize>,
    next_id: u32,
    down_until: Option<UtcMicros>,
    boots: Vec<UtcMicros>,
}

/// Lets the lines of one server live from `begins` to `ends`.
pub(super) fn live(access: &Access, lines: &[Line], begins: UtcMicros, ends: UtcMicros, dice: Dice) -> Life {
    // Few addresses more than lines, so that they come back soon.
    let pool = lines.len() + lines.len() / 8 + 1;
    let mut server = Server {
        access,
        begins,
        dice,
        events: BinaryHeap::new(),
        count: 0,
        sessions: Vec::new(),
        open: vec![None; lines.len()],
        free: (1..=pool).rev().collect(),
        slots: Vec::new(),
        next_id: 1,
        down_until: None,
        boots: Vec::new(),
    };
    for line in 0..lines.len() {
        let at = begins.plus(server.dice.between(0, 45 * MINUTE));
        server.plan(at, Event::Connect(line));
    }
    for minutes in &access.crash_min {
        server.plan(begins.plus(i64::from(*minutes) * MINUTE + 123_456), Event::Crash);
    }
    while let Some(Reverse((at, _, event))) = server.events.pop() {
        if at >= ends {
            break;
        }
        server.happen(at, event);
    }
    for session in &mut server.sessions {
        if session.ended == Ended::Not {
            session.until = ends;
        }
    }
    Life { sessions: server.sessions, boots: server.boots }
}

impl Server<'_> {
    fn plan(&mut self, at: UtcMicros, event: Event) {
        self.count += 1;
        self.events.push(Reverse((at, self.count, event)));
    }

    fn happen(&mut self, at: UtcMicros, event: Event) {
        match event {
            Event::Connect(line) => self.connect(line, at),
            Event::Leave(session) => {
                let open = self.sessions.get(session).is_some_and(|s| s.ended == Ended::Not);
                if open {
                    let line = self.end(session, at, Ended::Stop);
                    let away = if self.dice.chance(0.35) {
                        self.dice.between(0, 60 * SECOND)
                    } else {
                        self.dice.long_tailed(MINUTE, 120 * MINUTE)
                    };
                    self.plan(at.plus(away), Event::Connect(line));
                }
            }
            Event::Crash => {
                let up = at.plus(self.dice.between(60 * SECOND, 180 * SECOND));
                self.down_until = Some(up);
                let open: Vec<usize> = self.open.iter().flatten().copied().collect();
                for session in open {
                    let line = self.end(session, at, Ended::Crash);
                    let again = up.plus(self.dice.between(5 * SECOND, 150 * SECOND));
                    self.plan(again, Event::Connect(line));
                }
                self.plan(up, Event::Boot);
            }
            Event::Boot => {
                self.down_until = None;
                self.next_id = 1;
                self.boots.push(at);
            }
        }
    }

    fn connect(&mut self, line: usize, at: UtcMicros) {
        if let Some(up) = self.down_until {
            let again = up.plus(self.dice.between(SECOND, 120 * SECOND));
            return self.plan(again, Event::Connect(line));
        }
        let place = if self.dice.chance(0.7) {
            self.free.len().saturating_sub(1)
        } else {
            self.dice.below(self.free.len())
        };
        if place >= self.free.len() {
            return self.plan(at.plus(MINUTE), Event::Connect(line));
        }
        let slot = self.free.remove(place);
        let session = self.sessions.len();
        self.sessions.push(Session {
            line,
            id: format!("{}-{:08x}", self.access.name, self.next_id),
            ipv4: nth(self.access.pool, 32, slot),
            delegated: nth(self.access.delegated, 56, slot),
            from: at,
            until: self.begins,
            ended: Ended::Not,
        });
        self.slots.push(slot);
        self.next_id += 1;
        if let Some(open) = self.open.get_mut(line) {
            *open = Some(session);
        }
        let stays = self.dice.long_tailed(2 * MINUTE, 360 * MINUTE);
        self.plan(at.plus(stays), Event::Leave(session));
    }

    /// Ends a session; gives its line.
    fn end(&mut self, session: usize, at: UtcMicros, ended: Ended) -> usize {
        let Some(ending) = self.sessions.get_mut(session) else { return 0 };
        ending.until = at;
        ending.ended = ended;
        let line = ending.line;
        self.free.extend(self.slots.get(session));
        if let Some(open) = self.open.get_mut(line) {
            *open = None;
        }
        line
    }
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
