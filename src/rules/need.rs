//! What a value must hold for a rule to look at it at all: one of some texts, and some of the right signs.

use std::borrow::Cow;

use super::reach::Lead;
use crate::decode::{SYMBOLS, Traits, symbol};

/// One way for a value to concern a rule: it holds one of the texts or one of the signs, and one of each of `with`.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The texts.
    pub texts: Literals,
    /// Symbols that do as well as any of the texts; all of them for a rule that looks at every value.
    pub signs: Traits,
    /// Of each of these, one symbol must be there whatever else is.
    pub with: [Traits; 2],
    /// Where a match may begin that has one of the texts.
    pub lead: Lead,
}

impl Need {
    /// One of `texts`, and nothing else.
    #[must_use]
    pub fn texts(texts: Literals) -> Self {
        Self { texts, signs: Traits::default(), with: [Traits::ALL; 2], lead: Lead::ANYWHERE }
    }

    /// Any value at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self { texts: Literals::default(), signs: Traits::ALL, ..Self::texts(Literals::default()) }
    }
}

/// A text in lower case that stands in a value in whatever case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Literal<'t> {
    /// The text.
    pub text: &'t str,
    /// No letter and no `_` may stand before it.
    pub left: bool,
    /// No letter, digit or `_` may follow it.
    pub right: bool,
}

/// Many literals, packed into one text so that a rule's are one constant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Literals(Cow<'static, str>);

/// Ends each literal; none holds it.
const END: char = '\u{1}';
/// Stands where a literal must begin or end a word; none holds it.
const EDGE: char = '\u{2}';

impl Literals {
    /// Literals from their packed form: each with [`EDGE`] before or after it where a word begins or ends, then [`END`].
    #[must_use]
    pub const fn packed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The packed form.
    #[must_use]
    pub fn as_packed(&self) -> &str {
        &self.0
    }

    /// The literals.
    pub fn iter(&self) -> impl Iterator<Item = Literal<'_>> {
        self.0.split_terminator(END).map(|literal| {
            let right = literal.strip_suffix(EDGE);
            let rest = right.unwrap_or(literal);
            let left = rest.strip_prefix(EDGE);
            Literal { text: left.unwrap_or(rest), left: left.is_some(), right: right.is_some() }
        })
    }

    /// Adds one; one that holds a mark of the packed form becomes the part of it that holds none.
    pub fn push(&mut self, literal: Literal<'_>) {
        let packed = self.0.to_mut();
        let parts = literal.text.split([END, EDGE]);
        let text = parts.max_by_key(|part| part.len()).unwrap_or_default();
        let whole = text.len() == literal.text.len();
        if literal.left && whole {
            packed.push(EDGE);
        }
        packed.push_str(text);
        if literal.right && whole {
            packed.push(EDGE);
        }
        packed.push(END);
    }
}

impl<'t> FromIterator<&'t str> for Literals {
    fn from_iter<I: IntoIterator<Item = &'t str>>(texts: I) -> Self {
        texts.into_iter().map(|text| Literal { text, left: false, right: false }).collect()
    }
}

impl<'t> FromIterator<Literal<'t>> for Literals {
    fn from_iter<I: IntoIterator<Item = Literal<'t>>>(literals: I) -> Self {
        let mut all = Self::default();
        literals.into_iter().for_each(|literal| all.push(literal));
        all
    }
}

/// About how often each symbol occurs in a thousand bytes of queries, headers, cookies and JSON. It need not be right: it
/// only says which of two texts is the better to look for.
#[rustfmt::skip]
const PER_MILLE: [u16; SYMBOLS] = [
    // a to z
    50, 12, 28, 26, 68, 13, 14, 18, 48, 4, 8, 32, 22, 46, 50, 22, 2, 42, 46, 56, 20, 8, 10, 5, 12, 3,
    // 0 and 1, then 2 to 9
    40, 90,
    // ! " # $ % & ' ( ) * + , - . /
    2, 30, 2, 2, 12, 10, 3, 4, 4, 2, 4, 14, 16, 20, 22,
    // : ; < = > ? @
    12, 6, 2, 16, 2, 3, 2,
    // [ \ ] ^ _ ` { | } ~
    3, 4, 3, 1, 16, 1, 4, 1, 4, 1,
    // space, line ends, above ASCII, control characters
    40, 6, 10, 1,
];

/// About how likely a byte of harmless traffic is one of `symbols`.
#[must_use]
pub fn frequency(symbols: Traits) -> f64 {
    let (mut rest, mut per_mille) = (symbols.bits(), 0.0);
    while rest != 0 {
        per_mille += PER_MILLE.get(rest.trailing_zeros() as usize).map_or(0.0, |p| f64::from(*p));
        rest &= rest.wrapping_sub(1);
    }
    (per_mille / 1000.0).min(1.0)
}

/// About how often a text occurs for each byte of harmless traffic, if its bytes came by chance.
#[must_use]
pub fn text_frequency(text: &[u8]) -> f64 {
    let of = |byte: &u8| PER_MILLE.get(usize::from(symbol(*byte))).map_or(1.0, |p| f64::from(*p) / 1000.0);
    text.iter().map(of).product()
}

/// How likely a byte is one that an edge of a word allows, about.
pub const EDGE_FREQUENCY: f64 = 0.35;
