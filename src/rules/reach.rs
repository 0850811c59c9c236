//! How much of a text may stand between the beginning of a match and a literal in it.

use crate::decode::Traits;

/// Any number of bytes of some kinds, and so many others among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Kinds that an expression repeats without end: they cost nothing, however many there are.
    pub free: Traits,
    /// How many bytes of other kinds there may be.
    pub bytes: u16,
}

impl Reach {
    /// A match may begin anywhere.
    pub const ANYWHERE: Self = Self { free: Traits::ALL, bytes: u16::MAX };

    /// At most so many bytes of any kind.
    #[must_use]
    pub fn of_bytes(bytes: usize) -> Self {
        Self { free: Traits::default(), bytes: u16::try_from(bytes).unwrap_or(u16::MAX) }
    }

    /// Any number of bytes of these kinds.
    #[must_use]
    pub fn of_kinds(free: Traits) -> Self {
        Self { free, bytes: 0 }
    }

    /// One after the other.
    #[must_use]
    pub fn then(self, other: Self) -> Self {
        Self { free: self.free.with(other.free), bytes: self.bytes.saturating_add(other.bytes) }
    }

    /// One or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { free: self.free.with(other.free), bytes: self.bytes.max(other.bytes) }
    }

    /// At most so many times.
    #[must_use]
    pub fn times(self, most: u32) -> Self {
        Self { free: self.free, bytes: self.bytes.saturating_mul(u16::try_from(most).unwrap_or(u16::MAX)) }
    }

    /// Whether it says nothing that helps.
    #[must_use]
    pub fn is_anywhere(self) -> bool {
        self.free == Traits::ALL || self.bytes == u16::MAX
    }

    /// Where a match may begin at the earliest that has a literal at `place` of `text`; not before `floor`.
    #[must_use]
    pub fn back(self, text: &[u8], place: usize, floor: usize) -> usize {
        let before = text.get(floor..place).unwrap_or_default();
        let mut left = self.bytes;
        let is_beyond = |byte: &u8| {
            if !self.free.any(Traits::of_bytes(&[*byte])) {
                match left.checked_sub(1) {
                    Some(fewer) => left = fewer,
                    None => return true,
                }
            }
            false
        };
        // The last byte that no match can reach over.
        let beyond = before.iter().rposition(is_beyond);
        beyond.map_or(floor, |at| floor.saturating_add(at).saturating_add(1))
    }
}
