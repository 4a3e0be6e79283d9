//! Sessions of the console: kept by the server, known to the browser by a random token alone.
//!
//! What comes in: who signed in, tokens of cookies. What goes out: whose session it is. A token is kept by its digest only,
//! and replaced while it is used; a session ends when it idles, when its time is over, when its owner or an administrator
//! ends it, and with the process. What was opened in a session goes with it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use tadoru_desk::Clock;
use tadoru_model::{PersonId, UtcMicros};

/// The sessions of a desk. Opened things of the kind `T` are kept in them.
pub struct Sessions<T> {
    clock: Arc<dyn Clock>,
    held: Mutex<Held<T>>,
}

/// A session as its owner and an administrator see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its number; no secret.
    pub number: u64,
    /// Whose.
    pub person: PersonId,
    /// When it began.
    pub began: UtcMicros,
    /// When it was last used.
    pub used: UtcMicros,
}

/// A session that a request came in.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Its number.
    pub number: u64,
    /// Whose.
    pub person: PersonId,
    /// What every form has to bring back.
    pub csrf: String,
    /// The token that the browser is to use from now on, where it changes.
    pub next_token: Option<String>,
    /// Whether it was begun by a ticket, without an account.
    pub by_ticket: bool,
}

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting {
    /// A session that nobody uses for so long ends, µs.
    pub idle_us: i64,
    /// A session ends after so long at the latest, µs.
    pub whole_us: i64,
}

impl Default for Lasting {
    fn default() -> Self {
        Self { idle_us: IDLE_US, whole_us: WHOLE_US }
    }
}

/// How somebody came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By an account.
    Account,
    /// By a ticket of a demonstration.
    Ticket,
}

struct Held<T> {
    sessions: BTreeMap<u64, Session<T>>,
    tokens: HashMap<[u8; 32], Token>,
    tickets: HashMap<[u8; 32], (PersonId, UtcMicros)>,
    next: u64,
    lasting: Lasting,
}

struct Session<T> {
    person: PersonId,
    by: By,
    csrf: String,
    began: UtcMicros,
    used: UtcMicros,
    rotated: UtcMicros,
    kept: VecDeque<(String, Arc<T>)>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A token's digest leads here.
struct Token {
    session: u64,
    /// First instant at which it no longer holds, once it was replaced.
    until: Option<UtcMicros>,
}

impl<T> Sessions<T> {
    /// No sessions yet; the clock is the real one, but for tests.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let held = Held {
            sessions: BTreeMap::new(),
            tokens: HashMap::new(),
            tickets: HashMap::new(),
            next: 1,
            lasting: Lasting::default(),
        };
        Self { clock, held: Mutex::new(held) }
    }

    /// Lets sessions last so long from now on.
    pub fn last(&self, lasting: Lasting) {
        self.locked().lasting = lasting;
    }

    /// Begins a session; its token. Where the person has too many, the oldest ends.
    pub fn begin(&self, person: &PersonId, by: By) -> Option<String> {
        let (token, csrf) = (random()?, random()?);
        let now = self.clock.now();
        let mut held = self.locked();
        held.sweep(now);
        let of_person: Vec<u64> =
            held.sessions.iter().filter(|(_, s)| s.person == *person).map(|(number, _)| *number).collect();
        if of_person.len() >= MOST_OF_ONE
            && let Some(oldest) = of_person.first()
        {
            held.end(*oldest);
        }
        let number = held.next;
        held.next += 1;
        let person = person.clone();
        let session = Session {
            person,
            by,
            csrf,
            began: now,
            used: now,
            rotated: now,
            kept: VecDeque::new(),
            turn: Arc::default(),
        };
        held.sessions.insert(number, session);
        held.tokens.insert(digest(&token), Token { session: number, until: None });
        Some(token)
    }

    /// The session of a token, used just now; its token changes when it is old.
    pub fn enter(&self, token: &str) -> Option<Entered> {
        let now = self.clock.now();
        let mut held = self.locked();
        held.sweep(now);
        let digest = digest(token);
        let known = held.tokens.get(&digest)?;
        let (number, is_current) = (known.session, known.until.is_none());
        let session = held.sessions.get_mut(&number)?;
        session.used = now;
        let mut entered = Entered {
            number,
            person: session.person.clone(),
            csrf: session.csrf.clone(),
            next_token: None,
            by_ticket: session.by == By::Ticket,
        };
        if is_current && now.0 - session.rotated.0 >= ROTATE_US {
            session.rotated = now;
            let next = random()?;
            if let Some(old) = held.tokens.get_mut(&digest) {
                old.until = Some(now.plus(OLD_TOKEN_US));
            }
            held.tokens.insert(self::digest(&next), Token { session: number, until: None });
            entered.next_token = Some(next);
        }
        Some(entered)
    }

    /// Whether a session goes on. It is not used by that.
    pub fn holds(&self, number: u64) -> bool {
        let mut held = self.locked();
        held.sweep(self.clock.now());
        held.sessions.contains_key(&number)
    }

    /// Ends a session; whose it was.
    pub fn end(&self, number: u64) -> Option<PersonId> {
        self.locked().end(number)
    }

    /// Ends every session of a person.
    pub fn end_all_of(&self, person: &PersonId) -> usize {
        let mut held = self.locked();
        let theirs: Vec<u64> =
            held.sessions.iter().filter(|(_, s)| s.person == *person).map(|(number, _)| *number).collect();
        theirs.iter().filter(|number| held.end(**number).is_some()).count()
    }

    /// Every session, the oldest first.
    pub fn list(&self) -> Vec<Seen> {
        let mut held = self.locked();
        held.sweep(self.clock.now());
        held.sessions
            .iter()
            .map(|(number, s)| Seen {
                number: *number,
                person: s.person.clone(),
                began: s.began,
                used: s.used,
            })
            .collect()
    }

    /// The turn of a session: what must not happen twice at once is done while it is held.
    pub fn turn(&self, number: u64) -> Arc<tokio::sync::Mutex<()>> {
        self.locked().sessions.get(&number).map(|session| Arc::clone(&session.turn)).unwrap_or_default()
    }

    /// Keeps something opened in a session, under a name; the oldest gives way.
    pub fn keep(&self, number: u64, name: &str, opened: Arc<T>) {
        let mut held = self.locked();
        let Some(session) = held.sessions.get_mut(&number) else { return };
        session.kept.retain(|(known, _)| known != name);
        session.kept.push_back((name.to_owned(), opened));
        while session.kept.len() > MOST_KEPT {
            session.kept.pop_front();
        }
    }

    /// What was kept under a name.
    pub fn kept(&self, number: u64, name: &str) -> Option<Arc<T>> {
        let held = self.locked();
        let session = held.sessions.get(&number)?;
        session.kept.iter().find(|(known, _)| known == name).map(|(_, opened)| Arc::clone(opened))
    }

    /// Everything kept, the newest first.
    pub fn all_kept(&self, number: u64) -> Vec<(String, Arc<T>)> {
        let held = self.locked();
        held.sessions.get(&number).map(|s| s.kept.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// Closes everything that is open in a session.
    pub fn close_all(&self, number: u64) {
        if let Some(session) = self.locked().sessions.get_mut(&number) {
            session.kept.clear();
        }
    }

    /// A ticket that lets one person in once, for demonstrations.
    pub fn ticket(&self, person: &PersonId) -> Option<String> {
        let token = random()?;
        let until = self.clock.now().plus(TICKET_US);
        self.locked().tickets.insert(digest(&token), (person.clone(), until));
        Some(token)
    }

    /// Uses a ticket up; whose it was.
    pub fn redeem(&self, ticket: &str) -> Option<PersonId> {
        let now = self.clock.now();
        let (person, until) = self.locked().tickets.remove(&digest(ticket))?;
        (now < until).then_some(person)
    }

    fn locked(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Held<T> {
    fn end(&mut self, number: u64) -> Option<PersonId> {
        self.tokens.retain(|_, token| token.session != number);
        self.sessions.remove(&number).map(|session| session.person)
    }

    /// Drops what is past its end.
    fn sweep(&mut self, now: UtcMicros) {
        let Lasting { idle_us, whole_us } = self.lasting;
        self.sessions.retain(|_, s| now.0 - s.used.0 < idle_us && now.0 - s.began.0 < whole_us);
        let sessions = &self.sessions;
        self.tokens.retain(|_, token| {
            sessions.contains_key(&token.session) && token.until.is_none_or(|until| now < until)
        });
    }
}

/// 256 random bits, hexadecimal.
pub fn random() -> Option<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

const SECOND_US: i64 = 1_000_000;

/// A session that nobody uses for so long ends, unless told otherwise: one hour.
pub const IDLE_US: i64 = 3600 * SECOND_US;
/// A session ends after so long at the latest, unless told otherwise: twelve hours, a night's watch.
pub const WHOLE_US: i64 = 12 * 3600 * SECOND_US;
/// A token is replaced when it is so old: a quarter of an hour.
pub const ROTATE_US: i64 = 900 * SECOND_US;
/// So long a replaced token still holds, for requests that are under way: one minute.
pub const OLD_TOKEN_US: i64 = 60 * SECOND_US;
/// So long a ticket holds: one day.
const TICKET_US: i64 = 86_400 * SECOND_US;
/// Sessions of one person.
const MOST_OF_ONE: usize = 16;
/// Things kept open in one session.
const MOST_KEPT: usize = 16;

#[cfg(test)]
mod tests;
