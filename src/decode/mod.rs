//! Bytes to bytes: undoing the encodings that an attack hides behind.
//!
//! Each transform is a row of [`Transform`]; its cases stand in `tests/data/decode/<name>.yaml`. *Decoders* undo an
//! encoding that something behind the proxy may undo too, and run again until nothing changes, at most
//! [`ROUNDS`] times. *Normalisers* bring the many spellings of one thing to one spelling, and run once, after them.
//! A transform that has nothing to do costs a look at the value's [`Traits`] and copies nothing.

mod base64;
mod entity;
mod escape;
mod find;
mod percent;
mod text;
mod traits;

pub use base64::base64;
pub use find::{take_while, until};
pub use percent::plus_and_percent;
pub use traits::{Gathering, SYMBOLS, Traits, symbol};

use std::borrow::Cow;

/// How often the decoders run at most: attackers encode twice, now and then three times.
pub const ROUNDS: usize = 3;

macro_rules! transforms {
    ($($variant:ident $name:literal $kind:ident $work:path, $gate:expr, $doc:literal)*) => {
        /// What can be done to a value before a rule looks at it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Transform { $(#[doc = $doc] $variant,)* }

        impl Transform {
            /// Every transform, in the order in which they are applied.
            pub const ALL: &'static [Transform] = &[$(Transform::$variant,)*];

            /// The name as it stands in rule files.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Transform::$variant => $name,)* }
            }

            /// Whether it runs again until nothing changes.
            #[must_use]
            pub fn is_decoder(self) -> bool {
                match self { $(Transform::$variant => transforms!(@ $kind),)* }
            }

            /// What a value must hold to be changed by it.
            fn gate(self) -> Gate {
                match self { $(Transform::$variant => $gate,)* }
            }

            /// `input` transformed, or nothing if that changes nothing. Never longer than three times the input.
            #[must_use]
            pub fn apply(self, input: &[u8]) -> Option<Vec<u8>> {
                let output = match self { $(Transform::$variant => $work(input),)* };
                output.filter(|o| o != input)
            }
        }
    };
    (@ decoder) => { true };
    (@ normaliser) => { false };
}

transforms! {
    Percent "percent" decoder percent::percent, Gate::Byte(b'%'), "`%41` and `%u0041` to `A` (RFC 3986 section 2.1)."
    Entity "entity" decoder entity::entity, Gate::Byte(b'&'), "`&lt;`, `&#60;`, `&#x3c` to `<` (HTML, 13.5)."
    Escape "escape" decoder escape::escape, Gate::Byte(b'\\'), "`\\u0041`, `\\x41`, `\\101` to `A` (JavaScript, CSS, JSON)."
    Utf8 "utf8" decoder text::utf8, Gate::High, "Overlong forms and full-width letters to the ASCII they stand for."
    Base64 "base64" decoder base64::text, Gate::Base64, "A value that is plainly the base64 of text to that text (RFC 4648)."
    Nul "nul" normaliser text::nul, Gate::Has(Traits::CONTROL), "NUL bytes away."
    Comments "comments" normaliser text::comments, Gate::both(b"*\n", b"/-#"), "SQL comments to a space; `/*!50000 x*/` to `x`."
    Shell "shell" normaliser text::shell, Gate::any(b"\\\"'$`^"), "`c\"a\"t`, `c\\at`, `${IFS}` to what a shell makes of them."
    Path "path" normaliser text::path, Gate::If(Traits::of_bytes(b"/\\"), text::is_odd_path), "`\\` to `/`, `//` and `/./` to `/`."
    Whitespace "whitespace" normaliser text::whitespace, Gate::Has(Traits::RUNS), "Runs of white space to one space."
    Lowercase "lowercase" normaliser text::lowercase, Gate::Has(Traits::WORD), "ASCII letters to lower case."
}

/// What a value must hold for a transform to have anything to do.
#[derive(Clone, Copy)]
enum Gate {
    /// This byte.
    Byte(u8),
    /// One above ASCII.
    High,
    /// One of these.
    Has(Traits),
    /// One of the first and one of the second.
    Both(Traits, Traits),
    /// One of these, and the function agrees.
    If(Traits, fn(&[u8]) -> bool),
    /// Nothing but base64.
    Base64,
}

impl Gate {
    const fn any(bytes: &[u8]) -> Self {
        Self::Has(Traits::of_bytes(bytes))
    }

    const fn both(bytes: &[u8], others: &[u8]) -> Self {
        Self::Both(Traits::of_bytes(bytes), Traits::of_bytes(others))
    }

    /// Whether it is in `value`, whose symbols are `traits`; perhaps, if they are not known.
    fn opens(self, value: &[u8], traits: Option<Traits>) -> bool {
        let Some(traits) = traits else {
            return match self {
                Self::Byte(byte) => !until(value, byte, byte).1.is_empty(),
                Self::High => !value.is_ascii(),
                Self::Base64 => Traits::of_start(value).may_be_base64(value) && Traits::of(value).may_be_base64(value),
                Self::If(_, agrees) => agrees(value),
                Self::Has(_) | Self::Both(..) => true,
            };
        };
        match self {
            Self::Byte(byte) => traits.any(Traits::of_bytes(&[byte])),
            Self::High => traits.any(Traits::HIGH),
            Self::Has(one) => traits.any(one),
            Self::Both(one, other) => traits.any(one) && traits.any(other),
            Self::If(one, agrees) => traits.any(one) && agrees(value),
            Self::Base64 => traits.may_be_base64(value),
        }
    }
}

/// A set of transforms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TransformSet(u16);

/// What transforms had to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// So many bytes were read, by all of them together.
    pub read: usize,
    /// So many of them by such as wrote something else instead.
    pub changed: usize,
}

impl TransformSet {
    /// No transform.
    pub const EMPTY: Self = Self(0);

    /// The set whose bits are `bits`, as [`TransformSet::bits`] gave them.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The set as bits, for tables made at build time.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// This set and `transform`.
    #[must_use]
    pub fn with(self, transform: Transform) -> Self {
        Self(self.0 | 1 << transform as u16)
    }

    /// This set and `other`.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without `transform`.
    #[must_use]
    pub fn without(self, transform: Transform) -> Self {
        Self(self.0 & !(1 << transform as u16))
    }

    /// Whether `transform` is in it.
    #[must_use]
    pub fn contains(self, transform: Transform) -> bool {
        self.0 & (1 << transform as u16) != 0
    }

    /// Symbols without any of which a value cannot be changed by it, unless it may be base64 and that is in the set.
    #[must_use]
    pub fn gate(self) -> Traits {
        let of_set = Transform::ALL.iter().filter(|t| self.contains(**t));
        of_set.fold(Traits::default(), |all, transform| match transform.gate() {
            Gate::Byte(byte) => all.with(Traits::of_bytes(&[byte])),
            Gate::High => all.with(Traits::HIGH),
            Gate::Has(one) | Gate::Both(one, _) | Gate::If(one, _) => all.with(one),
            Gate::Base64 => all,
        })
    }

    /// Whether it has nothing in common with `other`.
    #[must_use]
    pub fn is_disjoint(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }

    /// The part of it that may change `value`, whose symbols are `traits`.
    #[must_use]
    pub fn at_work(self, value: &[u8], traits: Traits) -> Self {
        let works = |t: &&Transform| self.contains(**t) && t.gate().opens(value, Some(traits));
        Transform::ALL.iter().filter(works).fold(Self::EMPTY, |set, t| set.with(*t))
    }

    /// The part of it that runs to a fixed point.
    #[must_use]
    pub fn decoders(self) -> Self {
        self.only(true)
    }

    /// The part of it that runs once, after the decoders.
    #[must_use]
    pub fn normalisers(self) -> Self {
        self.only(false)
    }

    fn only(self, decoders: bool) -> Self {
        let wanted = |t: &&Transform| self.contains(**t) && t.is_decoder() == decoders;
        Transform::ALL.iter().filter(wanted).fold(Self::EMPTY, |set, t| set.with(*t))
    }

    /// `value` with all of the set applied, borrowed where nothing changed. `traits` are those of `value`.
    #[must_use]
    pub fn apply<'v>(self, value: &'v [u8], traits: Traits) -> Cow<'v, [u8]> {
        self.apply_counted(value, traits, &mut Work::default())
    }

    /// The same, with what its transforms had to do added to `work`.
    #[must_use]
    pub fn apply_counted<'v>(self, value: &'v [u8], traits: Traits, work: &mut Work) -> Cow<'v, [u8]> {
        let mut current = Cow::Borrowed(value);
        // Known as long as nothing has changed.
        let mut traits = Some(traits);
        for _ in 0..ROUNDS {
            if !self.run(&mut current, &mut traits, true, work) {
                break;
            }
        }
        self.run(&mut current, &mut traits, false, work);
        current
    }

    fn run(self, current: &mut Cow<'_, [u8]>, traits: &mut Option<Traits>, decoders: bool, work: &mut Work) -> bool {
        let mut changed = false;
        for transform in Transform::ALL {
            if transform.is_decoder() != decoders
                || !self.contains(*transform)
                || !transform.gate().opens(current, *traits)
            {
                continue;
            }
            work.read = work.read.saturating_add(current.len());
            if let Some(output) = transform.apply(current) {
                work.changed = work.changed.saturating_add(current.len());
                *traits = None;
                *current = Cow::Owned(output);
                changed = true;
            }
        }
        changed
    }
}

/// Copies what stands before the first byte that `is_mark` accepts, and gives the rest, which begins with it.
fn copy_until<'r>(rest: &'r [u8], is_mark: impl Fn(u8) -> bool, output: &mut Vec<u8>) -> &'r [u8] {
    let (plain, rest) = take_while(rest, |byte| !is_mark(byte));
    output.extend_from_slice(plain);
    rest
}

/// The same for one of two bytes, quicker.
fn copy_until_byte<'r>(rest: &'r [u8], a: u8, b: u8, output: &mut Vec<u8>) -> &'r [u8] {
    let (plain, rest) = until(rest, a, b);
    output.extend_from_slice(plain);
    rest
}
