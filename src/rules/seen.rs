//! Values that were looked at in full and hold nothing: browsers send the same headers and cookies with every request,
//! and a crowd asks for the same page.
//!
//! A value is compared byte for byte with the one that its hash points to, so nobody can pass one value off as another;
//! who fills the table with values of his own only makes it forget. What comes but once (a request id, a visitor's cookies)
//! pushes nothing out: a value is kept when it comes for the second time.

use crate::extract::{Target, Value};

/// So many values are remembered.
const SLOTS: usize = 1024;
/// A value of the head and its name have at most so many bytes together: longer ones are hardly ever repeated.
const MAX_HEAD_BYTES: usize = 512;
/// A value of a body and its name: states, currencies and the like come again, what people write does not.
const MAX_BODY_BYTES: usize = 96;

/// The table: at most 512 KiB of values.
#[derive(Debug)]
pub struct Seen(Vec<Slot>);

#[derive(Clone, Debug, Default)]
struct Slot {
    /// Of what came last and is not kept.
    last: u64,
    hash: u64,
    kind: u8,
    name_bytes: usize,
    /// The value's name, then the value.
    bytes: Vec<u8>,
}

/// What a value is remembered by.
#[derive(Clone, Copy, Debug)]
pub struct Key<'v> {
    hash: u64,
    /// Where it stands, and what of it is meant.
    kind: u8,
    name: &'v [u8],
    bytes: &'v [u8],
}

impl<'v> Key<'v> {
    /// The key of one value, if it is of a kind that comes again.
    #[must_use]
    pub fn of_value(value: &Value<'v>) -> Option<Self> {
        let is_of_body = matches!(value.target, Target::Form | Target::Json | Target::Xml | Target::Body);
        let most = if is_of_body { MAX_BODY_BYTES } else { MAX_HEAD_BYTES };
        Self::new(value.target as u8 * 4 + u8::from(value.is_name), value.name, value.bytes, most)
    }

    /// The key of a text that is cut into many values, all of them together.
    #[must_use]
    pub fn of_pairs(target: Target, text: &'v [u8]) -> Option<Self> {
        Self::new(target as u8 * 4 + 2, b"", text, MAX_HEAD_BYTES)
    }

    fn new(kind: u8, name: &'v [u8], bytes: &'v [u8], most: usize) -> Option<Self> {
        (bytes.len().saturating_add(name.len()) <= most).then(|| {
            let hash = mix(mix(ends(bytes), ends(name)), u64::from(kind));
            Self { hash, kind, name, bytes }
        })
    }

    fn index(&self) -> usize {
        (self.hash >> 48) as usize % SLOTS
    }
}

/// Whether two texts are the same, eight bytes at a time and the last eight once more: in the module the library's
/// comparison takes them one by one, of slices of arrays as well.
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    match (a.last_chunk(), b.last_chunk()) {
        (Some(a_end), Some(b_end)) => {
            let mut words = a.as_chunks().0.iter().zip(b.as_chunks().0);
            word(a_end) == word(b_end) && words.all(|(a, b)| word(a) == word(b))
        }
        _ => short(a) == short(b),
    }
}

/// A text of less than eight bytes as a number; those of the same length have the same number only if they are the same.
fn short(text: &[u8]) -> u64 {
    match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last)) => u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)),
        _ => text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self(vec![Slot::default(); SLOTS])
    }
}

impl Seen {
    /// Whether what has this key held nothing before.
    #[must_use]
    pub fn holds(&self, key: &Key<'_>) -> bool {
        self.0.get(key.index()).is_some_and(|slot| {
            slot.hash == key.hash
                && slot.kind == key.kind
                && slot
                    .bytes
                    .split_at_checked(slot.name_bytes)
                    .is_some_and(|(name, bytes)| same(name, key.name) && same(bytes, key.bytes))
        })
    }

    /// Notes that what has this key holds nothing, and keeps it if it did so before.
    pub fn remember(&mut self, key: &Key<'_>) {
        let Some(slot) = self.0.get_mut(key.index()) else { return };
        if slot.last == key.hash {
            (slot.hash, slot.kind, slot.name_bytes) = (key.hash, key.kind, key.name.len());
            slot.bytes.clear();
            slot.bytes.extend_from_slice(key.name);
            slot.bytes.extend_from_slice(key.bytes);
        } else {
            slot.last = key.hash;
        }
    }
}

/// A number for a text, made of its length and some of its bytes: the comparison looks at the others.
fn ends(text: &[u8]) -> u64 {
    let length = text.len() as u64;
    match (text.first_chunk::<8>(), text.get(text.len() / 2..), text.last_chunk::<8>()) {
        (Some(first), Some(half), Some(last)) => {
            let middle = half.first_chunk::<8>().unwrap_or(last);
            let [first, middle, last] = [first, middle, last].map(|part| u64::from_le_bytes(*part));
            mix(mix(first ^ length, middle), last)
        }
        _ => mix(length, short(text)),
    }
}

/// One step of a multiplicative hash (Knuth, 6.4): the high bits of the product depend on all of both. In 64 bits by
/// itself, since a hash in words of the machine has no high bits in the module.
fn mix(hash: u64, more: u64) -> u64 {
    (hash.rotate_left(23) ^ more).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
