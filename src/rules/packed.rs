//! Automata as bytes, so that those of embedded rules are const data, a third as large as they are at work.
//!
//! Numbers are in LEB128. First 1 if capitals are to be read as small letters, else 0; how many ranges of bytes there are, and for
//! each the number of the set that it belongs to, its first and its last byte; how many positions there are, and for each the
//! number of its set, how many edges it has, doubled, and one more if another edge leads to the next position and asks for
//! nothing; then each other edge: where it leads, doubled, and one more if what it asks for follows.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// An automaton, packed.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed(Cow<'static, [u8]>);

/// A range of bytes of the set with that number.
pub type Range = (u8, RangeInclusive<u8>);
/// Where an edge leads, and what it asks for.
pub type Edge = (u16, u16);

impl Packed {
    /// What [`Packed::new`] made.
    #[must_use]
    pub const fn of(bytes: &'static [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }

    /// Packs ranges of bytes, in the order of their sets, and positions, each with the number of its set and its edges.
    #[must_use]
    pub fn new(ignore_case: bool, ranges: &[Range], positions: &[(u8, Vec<Edge>)]) -> Self {
        let mut bytes = vec![u8::from(ignore_case)];
        push(&mut bytes, ranges.len());
        for (set, range) in ranges {
            bytes.extend([*set, *range.start(), *range.end()]);
        }
        push(&mut bytes, positions.len());
        for ((set, edges), next) in positions.iter().zip(1_u16..) {
            bytes.push(*set);
            let (chain, others): (Vec<&Edge>, Vec<&Edge>) = edges.iter().partition(|edge| **edge == (next, 0));
            push(&mut bytes, others.len().saturating_mul(2).saturating_add(usize::from(!chain.is_empty())));
            for (to, looks) in others {
                push(&mut bytes, usize::from(*to).saturating_mul(2).saturating_add(usize::from(*looks != 0)));
                if *looks != 0 {
                    push(&mut bytes, usize::from(*looks));
                }
            }
        }
        Self(Cow::Owned(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads what was packed: each range, then each position with the number of its set and its edges. Says whether capitals are
    /// to be read as small letters.
    pub fn read(&self, range: &mut impl FnMut(Range), position: &mut impl FnMut(u8, &[Edge])) -> bool {
        let mut rest = self.0.iter();
        let ignore_case = pull(&mut rest) == 1;
        for _ in 0..pull(&mut rest) {
            let [set, start, end] = [(); 3].map(|()| rest.next().copied().unwrap_or_default());
            range((set, start..=end));
        }
        let mut edges = Vec::new();
        for next in 1..=pull(&mut rest) {
            let set = rest.next().copied().unwrap_or_default();
            let count = pull(&mut rest);
            edges.clear();
            if count & 1 == 1 {
                edges.push((next, 0));
            }
            for _ in 0..count / 2 {
                let to = pull(&mut rest);
                let looks = if to & 1 == 1 { pull(&mut rest) } else { 0 };
                edges.push((to / 2, looks));
            }
            position(set, &edges);
        }
        ignore_case
    }
}

fn push(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn pull(bytes: &mut std::slice::Iter<'_, u8>) -> u16 {
    let mut number = 0_u16;
    for shift in [0, 7, 14] {
        let byte = bytes.next().copied().unwrap_or_default();
        number |= u16::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}
