//! A sign of punctuation in a value, and what is known when it is reached.

use crate::rules::Span;

/// A byte of punctuation and what surrounds it.
#[derive(Clone, Copy)]
pub struct Place<'v> {
    /// Everything before it.
    pub head: &'v [u8],
    /// The byte.
    pub mark: u8,
    /// Everything after it.
    pub tail: &'v [u8],
}

impl Place<'_> {
    /// From `start` bytes into the value to `after` bytes behind the punctuation.
    pub fn span(self, start: usize, after: usize) -> Span {
        Span { start, end: self.head.len().saturating_add(1).saturating_add(after.min(self.tail.len())) }
    }
}

/// Whether the quotes so far, of each kind, are odd in number.
#[derive(Clone, Copy, Default)]
pub struct Quotes {
    single: bool,
    double: bool,
    back: bool,
}

impl Quotes {
    /// Counts `quote`.
    pub fn toggle(&mut self, quote: u8) {
        match quote {
            b'\'' => self.single = !self.single,
            b'"' => self.double = !self.double,
            _ => self.back = !self.back,
        }
    }

    /// Whether a string that `quote` began is open.
    pub fn of(self, quote: u8) -> bool {
        match quote {
            b'\'' => self.single,
            b'"' => self.double,
            _ => self.back,
        }
    }
}
