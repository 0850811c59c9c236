//! The tokens of JSON: white space, strings, numbers and other words.

use crate::extract::{take_while, until};

/// White space, and the record separator of JSON text sequences (RFC 7464).
#[inline]
pub(super) fn skip_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r' | 0x1e, rest @ ..] = text {
        text = rest;
    }
    text
}

/// A string as it is written, without its quotes.
#[derive(Clone, Copy)]
pub(super) struct Raw<'t> {
    pub(super) text: &'t [u8],
    pub(super) has_escapes: bool,
}

/// What stands before the closing quote, and what follows it if there is one.
#[inline]
pub(super) fn string(text: &[u8]) -> (Raw<'_>, Option<&[u8]>) {
    let mut has_escapes = false;
    let mut rest = text;
    loop {
        let tail = until(rest, b'"', b'\\').1;
        match tail {
            [b'"', after @ ..] => {
                let text = text.get(..text.len().wrapping_sub(tail.len())).unwrap_or(text);
                return (Raw { text, has_escapes }, Some(after));
            }
            [b'\\', _, tail @ ..] => {
                has_escapes = true;
                rest = tail;
            }
            _ => return (Raw { text, has_escapes }, None),
        }
    }
}

/// Kinds of the bytes that numbers and literals are made of.
pub(super) const DIGIT: u8 = 1;
const OTHER: u8 = 2;

/// The kind of each byte, 0 of one that ends a word.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut rest: &mut [u8] = &mut kinds;
    let mut byte = 0_u8;
    while let [kind, tail @ ..] = rest {
        if byte.is_ascii_digit() {
            *kind = DIGIT;
        } else if byte.is_ascii_alphabetic() || matches!(byte, b'+' | b'-' | b'.' | b'_' | b'$') {
            *kind = OTHER;
        }
        byte = byte.wrapping_add(1);
        rest = tail;
    }
    kinds
};

/// The number or literal that `text` begins with, the kinds of its bytes, and what follows.
#[inline]
pub(super) fn word(text: &[u8]) -> (&[u8], u8, &[u8]) {
    let (mut kinds, mut rest) = (0, text);
    while let [byte, tail @ ..] = rest {
        let kind = KINDS.get(usize::from(*byte)).copied().unwrap_or_default();
        if kind == 0 {
            break;
        }
        kinds |= kind;
        rest = tail;
    }
    (text.get(..text.len().wrapping_sub(rest.len())).unwrap_or(text), kinds, rest)
}

pub(super) fn is_number(word: &[u8]) -> bool {
    after_number(word).is_some_and(<[u8]>::is_empty)
}

fn after_number(word: &[u8]) -> Option<&[u8]> {
    let mut rest = after_digits(word.strip_prefix(b"-").unwrap_or(word))?;
    if let [b'.', fraction @ ..] = rest {
        rest = after_digits(fraction)?;
    }
    if let [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] = rest {
        rest = after_digits(exponent)?;
    }
    Some(rest)
}

fn after_digits(text: &[u8]) -> Option<&[u8]> {
    let (digits, rest) = take_while(text, |b| b.is_ascii_digit());
    (!digits.is_empty()).then_some(rest)
}

/// Undoes the escapes of RFC 8259 section 7; any other backslash stays. Half of a surrogate pair becomes U+FFFD.
pub(super) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(raw.len());
    let mut rest = raw;
    loop {
        let (plain, tail) = until(rest, b'\\', b'\\');
        output.extend_from_slice(plain);
        rest = match tail {
            [] => return output,
            [b'\\', c @ (b'"' | b'\\' | b'/'), tail @ ..] => push(*c, &mut output, tail),
            [b'\\', b'n', tail @ ..] => push(b'\n', &mut output, tail),
            [b'\\', b't', tail @ ..] => push(b'\t', &mut output, tail),
            [b'\\', b'r', tail @ ..] => push(b'\r', &mut output, tail),
            [b'\\', b'b', tail @ ..] => push(0x08, &mut output, tail),
            [b'\\', b'f', tail @ ..] => push(0x0c, &mut output, tail),
            [b'\\', b'u', digits @ ..] => match unicode(digits) {
                Some((c, tail)) => {
                    output.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    tail
                }
                None => push(b'\\', &mut output, tail.get(1..).unwrap_or_default()),
            },
            [c, tail @ ..] => push(*c, &mut output, tail),
        };
    }
}

fn push<'t>(byte: u8, output: &mut Vec<u8>, tail: &'t [u8]) -> &'t [u8] {
    output.push(byte);
    tail
}

/// The character whose digits follow `\u`, and the second half of the pair if it takes one.
fn unicode(digits: &[u8]) -> Option<(char, &[u8])> {
    let (unit, tail) = unit(digits)?;
    if let [b'\\', b'u', digits @ ..] = tail
        && let Some((low, after)) = self::unit(digits)
        && let Some(Ok(c)) = char::decode_utf16([unit, low]).next()
        && c.len_utf16() == 2
    {
        return Some((c, after));
    }
    Some((char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER), tail))
}

fn unit(digits: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, tail) = digits.split_at_checked(4)?;
    let unit = digits.iter().try_fold(0_u16, |all, digit| {
        let digit = char::from(*digit).to_digit(16).and_then(|d| u16::try_from(d).ok())?;
        Some(all << 4 | digit)
    })?;
    Some((unit, tail))
}
