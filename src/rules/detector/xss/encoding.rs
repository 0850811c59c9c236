//! Markup in character sets that old browsers guessed.

use super::lexeme::starts_with;
use super::place::Place;
use crate::rules::Span;

/// `+ADw-`, which is `<` in UTF-7 (RFC 2152); the plus may have become a space.
#[inline(never)]
pub fn utf7(place: Place<'_>) -> Option<Span> {
    let before = place.head.strip_suffix(b"ADw")?;
    let shifted = before.last().is_none_or(|b| *b == b'+' || *b == b' ');
    let named = matches!(place.tail.first(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'!'));
    (shifted && named).then(|| place.span(before.len(), 8))
}

/// `\xBCscript`, which is `<script` to a reader of US-ASCII that drops the high bit. In UTF-8 the byte never follows ASCII.
#[inline(never)]
pub fn us_ascii(place: Place<'_>) -> Option<Span> {
    let apart = place.head.last().is_none_or(|b| b.is_ascii() || *b == 0xc2);
    (apart && starts_with(place.tail, b"script")).then(|| place.span(place.head.len(), 6))
}
