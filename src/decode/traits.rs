//! Which kinds of byte a value holds, found in one pass, so that most transforms and rules need no pass of their own.
//!
//! The 256 bytes fall into 64 [`symbol`]s: a letter in either case, `0` and `1`, the other digits, each sign of
//! punctuation by itself, and a few kinds of everything else. A set of them fits in one word.

use super::base64::MIN_TEXT;

/// A set of symbols: those that occur in a value, or those of which a value must have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u64);

/// How many symbols there are.
pub const SYMBOLS: usize = 64;

const LOW_DIGIT: u8 = 26;
const HIGH_DIGIT: u8 = 27;
const PUNCTUATION: u8 = 28;
const SPACE: u8 = 60;
const LINE: u8 = 61;
const HIGH: u8 = 62;
const CONTROL: u8 = 63;

/// Each byte's symbol, all below [`SYMBOLS`].
const SYMBOL_OF: [u8; 256] = {
    let mut table = [0; 256];
    let mut punctuation = PUNCTUATION;
    let mut i = 0_usize;
    while i < 256 {
        #[expect(clippy::indexing_slicing, reason = "const table, the index runs to its length")]
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        {
            let byte = i as u8;
            table[i] = match byte {
                b'a'..=b'z' => byte - b'a',
                b'A'..=b'Z' => byte - b'A',
                b'0' | b'1' => LOW_DIGIT,
                b'2'..=b'9' => HIGH_DIGIT,
                b' ' => SPACE,
                b'\t'..=b'\r' => LINE,
                0x80..=0xff => HIGH,
                0..=0x1f | 0x7f => CONTROL,
                _ => {
                    punctuation += 1;
                    punctuation - 1
                }
            };
        }
        i += 1;
    }
    assert!(punctuation == SPACE);
    table
};

/// The symbol of `byte`, below [`SYMBOLS`].
#[must_use]
#[inline]
pub const fn symbol(byte: u8) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "the table has a place for every byte")]
    SYMBOL_OF[byte as usize]
}

impl Traits {
    /// Every symbol.
    pub const ALL: Self = Self(u64::MAX);
    /// Letters, digits and `_`: what words are made of.
    pub const WORD: Self = Self((1 << PUNCTUATION) - 1).with(Self::of_bytes(b"_"));
    /// 0x80 and above
    pub const HIGH: Self = Self(1 << HIGH);
    /// White space other than single spaces: a second space in a row counts as a line end, so that text needs no
    /// other look for what [`Transform::Whitespace`](super::Transform::Whitespace) changes.
    pub const RUNS: Self = Self(1 << LINE);
    /// NUL and other control characters
    pub const CONTROL: Self = Self(1 << CONTROL);
    /// What stands in base64, but for its line ends.
    const BASE64: Self = Self((1 << PUNCTUATION) - 1).with(Self::of_bytes(b"+/-_="));

    /// The symbols of `bytes`, for constants; [`Traits::of`] is the quick one.
    #[must_use]
    pub const fn of_bytes(bytes: &[u8]) -> Self {
        let (mut all, mut rest) = (0, bytes);
        while let [byte, after @ ..] = rest {
            all |= 1 << symbol(*byte);
            rest = after;
        }
        Self(all)
    }

    /// The symbols of `value`.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        let mut all = Gathering::default();
        value.iter().for_each(|byte| all.add(symbol(*byte)));
        all.done()
    }

    /// The symbols of the first bytes of `value`.
    #[must_use]
    pub fn of_start(value: &[u8]) -> Self {
        Self::of(value.get(..MIN_TEXT).unwrap_or(value))
    }

    /// The set whose bits are `bits`, bit n for symbol n.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The set as bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// These and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `other` is among these.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether a value of these symbols may be base64 of text: long enough, with a capital, and nothing strange.
    #[must_use]
    pub fn may_be_base64(self, value: &[u8]) -> bool {
        value.len() >= MIN_TEXT && self.0 & !Self::BASE64.0 == 0 && value.iter().any(u8::is_ascii_uppercase)
    }
}

/// The symbols of a text whose bytes come one by one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gathering {
    all: u64,
    last: u64,
    doubled: u64,
}

impl Gathering {
    /// Adds the next symbol.
    #[inline]
    pub fn add(&mut self, symbol: u8) {
        let bit = 1 << symbol;
        self.all |= bit;
        self.doubled |= bit & self.last;
        self.last = bit;
    }

    /// All that were added, and [`Traits::RUNS`] if two spaces came in a row.
    #[must_use]
    pub fn done(self) -> Traits {
        Traits(self.all | (self.doubled & 1 << SPACE) << (LINE - SPACE))
    }
}
