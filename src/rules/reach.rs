//! Where a match may begin whose literal has been seen: how much may stand before the literal, and what it begins with.

use super::effort::Effort;
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

    /// How much it lets through: to sort those that help from those that do not.
    #[must_use]
    pub fn is_wide(self) -> bool {
        self.free.bits().count_ones() > Traits::ALL.bits().count_ones() / 2
    }
}

/// Where the matches of a need begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// What may stand between the beginning and one of the need's texts.
    pub reach: Reach,
    /// What they begin with.
    pub first: Traits,
    /// At the start of the value, and nowhere else.
    pub at_start: bool,
}

impl Lead {
    /// Anywhere.
    pub const ANYWHERE: Self = Self { reach: Reach::ANYWHERE, first: Traits::ALL, at_start: false };

    /// Those of one need or those of the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            reach: self.reach.or(other.reach),
            first: self.first.with(other.first),
            at_start: self.at_start && other.at_start,
        }
    }

    /// Whether it says nothing that helps.
    #[must_use]
    pub fn is_anywhere(self) -> bool {
        let reach = self.reach;
        !self.at_start && (reach.bytes == u16::MAX || reach.free == Traits::ALL) && self.first == Traits::ALL
    }

    /// Where in `text` a match may begin at the earliest that has one of the need's texts from `place` on and before `end`; not
    /// before `floor`, and nothing if there is no such match.
    pub fn begin(self, text: &[u8], place: usize, end: usize, floor: usize, effort: &mut Effort) -> Option<usize> {
        if self.at_start {
            return (floor == 0).then_some(0);
        }
        let before = text.get(floor..place).unwrap_or_default();
        let mut left = self.reach.bytes;
        let is_beyond = |byte: &u8| {
            if !self.reach.free.any(Traits::of_bytes(&[*byte])) {
                match left.checked_sub(1) {
                    Some(fewer) => left = fewer,
                    None => return true,
                }
            }
            false
        };
        // The last byte that no match can reach over.
        let is_far = self.reach.free == Traits::ALL;
        let beyond = if is_far { None } else { before.iter().rposition(is_beyond) };
        let begin = beyond.map_or(floor, |at| floor.saturating_add(at).saturating_add(1));
        let part = text.get(begin..end.min(text.len()))?;
        let first = part.iter().position(|byte| self.first.any(Traits::of_bytes(&[*byte])));
        let looked = place.saturating_sub(begin).saturating_add(first.unwrap_or(part.len()));
        effort.spend_on(looked, UNITS_OF_BYTE);
        Some(begin.saturating_add(first?))
    }
}

/// What a byte costs that is looked at for where a match may begin.
const UNITS_OF_BYTE: u64 = 3;
