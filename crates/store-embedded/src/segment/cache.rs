//! What was asked for lately: opened pages of names and of the index, up to a bound.
//!
//! What comes in: pages as they are opened. What goes out: the same ones, until others need the room; the oldest go
//! first. It never holds more than its bound, whatever is stored.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// One place for each page that may be kept.
pub struct Slots<T>(Arc<Vec<Mutex<Option<Arc<T>>>>>);

impl<T> Slots<T> {
    /// Empty places for `count` pages.
    pub fn new(count: usize) -> Self {
        Self(Arc::new((0..count).map(|_| Mutex::new(None)).collect()))
    }

    /// The page at `number`, if it is kept.
    pub fn get(&self, number: usize) -> Option<Arc<T>> {
        self.0.get(number)?.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What forgets the page at a place.
trait Forget: Send + Sync {
    fn forget(&self, number: usize);
}

impl<T: Send + Sync> Forget for Vec<Mutex<Option<Arc<T>>>> {
    fn forget(&self, number: usize) {
        if let Some(slot) = self.get(number) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// The bound over all segments.
pub struct Cache {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    bytes: usize,
    order: VecDeque<(Weak<dyn Forget>, usize, usize)>,
}

impl Cache {
    /// A cache of at most `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// Keeps `page` of `size` bytes at its place, and lets the oldest go when it is too much.
    pub fn keep<T: Send + Sync + 'static>(
        &self,
        slots: &Slots<T>,
        number: usize,
        page: &Arc<T>,
        size: usize,
    ) {
        let Some(slot) = slots.0.get(number) else { return };
        {
            let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if held.is_some() {
                return;
            }
            *held = Some(Arc::clone(page));
        }
        let all: Arc<dyn Forget> = Arc::<Vec<Mutex<Option<Arc<T>>>>>::clone(&slots.0);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += size;
        kept.order.push_back((Arc::downgrade(&all), number, size));
        while kept.bytes > self.most {
            let Some((slots, number, size)) = kept.order.pop_front() else { break };
            kept.bytes -= size;
            if let Some(slots) = slots.upgrade() {
                slots.forget(number);
            }
        }
    }
}
