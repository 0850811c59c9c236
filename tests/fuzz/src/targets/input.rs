//! Cuts the bytes of the fuzzer into choices and texts.

/// Ends a text; no UTF-8, no byte order mark and no decoder has it, and inserting it anywhere keeps the rest as it was.
const END: u8 = 0xf5;

/// What is left of an input.
pub struct Input<'i>(&'i [u8]);

impl<'i> Input<'i> {
    pub fn new(bytes: &'i [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte, 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let (byte, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *byte
    }

    pub fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// A number below `bound`, which is at most 256.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub fn choice<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn number(&mut self) -> u64 {
        u64::from_be_bytes([0; 8].map(|_: u8| self.byte()))
    }

    /// The bytes up to the next [`END`].
    pub fn text(&mut self) -> &'i [u8] {
        let end = self.0.iter().position(|b| *b == END).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        text
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rest(self) -> &'i [u8] {
        self.0
    }
}

/// Writes texts as [`Input::text`] reads them.
pub fn joined(choices: &[u8], texts: &[&[u8]]) -> Vec<u8> {
    [choices, &texts.join(&END)].concat()
}
