//! Values that were looked at in full and hold nothing: browsers send the same headers and cookies with every request,
//! and a crowd asks for the same page.
//!
//! A value is compared byte for byte with the one that its hash points to, so nobody can pass one value off as another;
//! who fills the table with values of his own only makes it forget.

use crate::extract::{Target, Value};

/// So many values are remembered.
const SLOTS: usize = 1024;
/// A value of the head and its name have at most so many bytes together: longer ones are hardly ever repeated.
const MAX_HEAD_BYTES: usize = 512;
/// A value of a body and its name: states, currencies and the like come again, what people write does not.
const MAX_BODY_BYTES: usize = 96;
/// Shorter values are looked at in no time.
const MIN_BYTES: usize = 4;

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
            && self
                .bytes
                .split_at_checked(value.name.len())
                .is_some_and(|(name, bytes)| same(name, value.name) && same(bytes, value.bytes))
    }
}

/// Whether two texts are the same, eight bytes at a time: in the module the library's comparison takes them one by one.
fn same(a: &[u8], b: &[u8]) -> bool {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let word = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| word(a) == word(b))
        && a_rest.len() == b_rest.len()
        && a_rest.iter().zip(b_rest).all(|(a, b)| a == b)
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
    let most = if is_of_body { MAX_BODY_BYTES } else { MAX_HEAD_BYTES };
    if value.bytes.len() < MIN_BYTES || value.bytes.len().saturating_add(value.name.len()) > most {
        return None;
    }
    let hash = mix(mix(mix(0, value.target as u64), ends(value.bytes)), ends(value.name));
    Some((hash >> 48) as usize % SLOTS)
}

/// A number for a text, made of its length, its first, middle and last eight bytes: the comparison looks at the others.
fn ends(text: &[u8]) -> u64 {
    let word = |part: Option<&[u8]>| part.and_then(|p| p.first_chunk()).map(|chunk| u64::from_le_bytes(*chunk));
    let last = text.len().saturating_sub(8);
    match (word(Some(text)), word(text.get(last / 2..)), word(text.get(last..))) {
        (Some(first), Some(middle), Some(last)) => mix(mix(mix(text.len() as u64, first), middle), last),
        _ => text.iter().fold(text.len() as u64, |all, byte| all << 8 | u64::from(*byte)),
    }
}

/// One step of a multiplicative hash (Knuth, 6.4): the high bits of the product depend on all of both. In 64 bits by
/// itself, since a hash in words of the machine has no high bits in the module.
fn mix(hash: u64, more: u64) -> u64 {
    (hash.rotate_left(23) ^ more).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
