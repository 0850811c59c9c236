//! Which kinds of byte a value holds, found in one pass, so that most transforms need no pass of their own.

use super::base64::MIN_TEXT;

/// A set of kinds of byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u16);

impl Traits {
    /// `%`
    pub const PERCENT: Self = Self(1);
    /// `&`
    pub const AMPERSAND: Self = Self(1 << 1);
    /// `\`
    pub const BACKSLASH: Self = Self(1 << 2);
    /// 0x80 and above
    pub const HIGH: Self = Self(1 << 3);
    /// NUL
    pub const NUL: Self = Self(1 << 4);
    /// `/`
    pub const SLASH: Self = Self(1 << 5);
    /// White space
    pub const SPACE: Self = Self(1 << 6);
    /// A to Z
    pub const UPPER: Self = Self(1 << 7);
    /// `"` or `'`
    pub const QUOTE: Self = Self(1 << 8);
    /// `$`, `` ` ``, `^` or `@`
    pub const DOLLAR: Self = Self(1 << 9);
    /// `*`
    pub const STAR: Self = Self(1 << 10);
    /// Any other punctuation but `#`, `-`, `.`, `_`, `~`, `+` and `=`.
    pub const OTHER: Self = Self(1 << 11);
    /// The value may be base64 of text: long enough, with a capital, and without what is in neither alphabet.
    pub const BASE64: Self = Self(1 << 12);
    /// The end of a line, which is white space too.
    pub const LINE_END: Self = Self(1 << 13);
    /// What a comment needs: the star of `/*`, or a line after `--` or `#`.
    pub const COMMENT: Self = Self(Self::LINE_END.0 | Self::STAR.0);
    /// What a shell's quoting needs.
    pub const SHELL: Self = Self(Self::BACKSLASH.0 | Self::QUOTE.0 | Self::DOLLAR.0);
    /// What path normalisation needs.
    pub const PATH: Self = Self(Self::SLASH.0 | Self::BACKSLASH.0);

    /// What stands in no base64; `#`, `.` and `~` do not either, but have no kind of their own.
    const NOT_BASE64: u16 = Self::PERCENT.0
        | Self::AMPERSAND.0
        | Self::BACKSLASH.0
        | Self::HIGH.0
        | Self::NUL.0
        | Self::SPACE.0
        | Self::QUOTE.0
        | Self::DOLLAR.0
        | Self::STAR.0
        | Self::OTHER.0;

    const TABLE: [u16; 256] = {
        let mut table = [0_u16; 256];
        let mut i = 0_usize;
        while i < 256 {
            #[expect(clippy::indexing_slicing, reason = "const table, the index runs to its length")]
            #[expect(clippy::cast_possible_truncation, reason = "below 256")]
            {
                table[i] = Self::of_byte(i as u8).0;
            }
            i += 1;
        }
        table
    };

    const fn of_byte(byte: u8) -> Self {
        match byte {
            0 => Self::NUL,
            b'%' => Self::PERCENT,
            b'&' => Self::AMPERSAND,
            b'\\' => Self::BACKSLASH,
            b'/' => Self::SLASH,
            b'\n' => Self(Self::SPACE.0 | Self::LINE_END.0),
            b'\t' | 0x0b | 0x0c | b'\r' | b' ' => Self::SPACE,
            b'A'..=b'Z' => Self::UPPER,
            b'"' | b'\'' => Self::QUOTE,
            b'$' | b'`' | b'^' | b'@' => Self::DOLLAR,
            b'*' => Self::STAR,
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'~' | b'+' | b'=' | b'#' | b'-' => Self(0),
            0x80..=0xff => Self::HIGH,
            _ => Self::OTHER,
        }
    }

    /// The kinds of byte in `value`, and whether it may be base64.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        let kinds =
            value.iter().fold(0, |all, byte| all | Self::TABLE.get(usize::from(*byte)).copied().unwrap_or_default());
        let base64 = value.len() >= MIN_TEXT && kinds & (Self::NOT_BASE64 | Self::UPPER.0) == Self::UPPER.0;
        Self(if base64 { kinds | Self::BASE64.0 } else { kinds })
    }

    /// These and those of `other`.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any kind of `other` is among these.
    #[must_use]
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}
