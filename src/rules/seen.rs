//! Values that were looked at in full and hold nothing: browsers send the same headers and cookies with every request,
//! and a crowd asks for the same page.
//!
//! A value is compared byte for byte with the one that its hash points to, so nobody can pass one value off as another;
//! who fills the table with values of his own only makes it forget.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::extract::{Target, Value};

/// So many values are remembered, each of at most [`MAX_BYTES`] with its name.
const SLOTS: usize = 1024;
/// Longer values are hardly ever repeated.
const MAX_BYTES: usize = 512;
/// Shorter ones are looked at in no time.
const MIN_BYTES: usize = 12;

/// The table: at most 512 KiB of values.
#[derive(Debug)]
pub struct Seen(Vec<Slot>);

#[derive(Clone, Debug, Default)]
struct Slot {
    place: Option<(Target, bool, usize)>,
    /// The value's name, then the value.
    bytes: Vec<u8>,
}

impl Slot {
    fn holds(&self, value: &Value<'_>) -> bool {
        self.place == Some(place(value))
            && self.bytes.split_at_checked(value.name.len()).is_some_and(|both| both == (value.name, value.bytes))
    }
}

fn place(value: &Value<'_>) -> (Target, bool, usize) {
    (value.target, value.is_name, value.name.len())
}

impl Default for Seen {
    fn default() -> Self {
        Self(vec![Slot::default(); SLOTS])
    }
}

impl Seen {
    /// Whether `value`, in this place and under this name, held nothing before.
    #[must_use]
    pub fn holds(&self, value: &Value<'_>) -> bool {
        slot(value).and_then(|slot| self.0.get(slot)).is_some_and(|slot| slot.holds(value))
    }

    /// Remembers that `value` holds nothing.
    pub fn remember(&mut self, value: &Value<'_>) {
        if let Some(slot) = slot(value).and_then(|slot| self.0.get_mut(slot)) {
            slot.place = Some(place(value));
            slot.bytes.clear();
            slot.bytes.extend_from_slice(value.name);
            slot.bytes.extend_from_slice(value.bytes);
        }
    }
}

/// Where `value` is remembered, if it is of a kind that comes again.
fn slot(value: &Value<'_>) -> Option<usize> {
    let is_of_body = matches!(value.target, Target::Form | Target::Json | Target::Xml | Target::Body);
    let repeats = !is_of_body || value.is_name;
    let length = value.bytes.len();
    if !repeats || length < MIN_BYTES || length.saturating_add(value.name.len()) > MAX_BYTES {
        return None;
    }
    let mut hasher = FxHasher::default();
    hasher.write(value.bytes);
    hasher.write(value.name);
    hasher.write_u8(value.target as u8);
    Some((hasher.finish() >> 48) as usize % SLOTS)
}
