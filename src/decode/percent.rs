//! Percent-encoding (RFC 3986 section 2.1), with the `%uXXXX` form of old browsers and IIS.

use super::{copy_until_byte, until};

/// `%41` to `A` and `%u0041` to the UTF-8 of U+0041; a `%` that begins neither stays as it is, unless letter after
/// letter has one: ASP leaves those out, so `%U%N%I%O%N` is a `UNION` there.
pub fn percent(input: &[u8]) -> Option<Vec<u8>> {
    let decoded = decode(input, false)?;
    Some(without_strays(&decoded).unwrap_or(decoded))
}

/// The same without the last, and `+` to a space: the form encoding of queries and bodies (WHATWG URL, 5.1). Nothing if
/// there is nothing to decode.
#[must_use]
pub fn plus_and_percent(input: &[u8]) -> Option<Vec<u8>> {
    decode(input, true)
}

fn decode(input: &[u8], plus: bool) -> Option<Vec<u8>> {
    let other = if plus { b'+' } else { b'%' };
    if until(input, b'%', other).1.is_empty() {
        return None;
    }
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        rest = match copy_until_byte(rest, b'%', other, &mut output) {
            [] => return Some(output),
            [b'+', tail @ ..] => {
                output.push(b' ');
                tail
            }
            [percent, tail @ ..] => one(tail, &mut output).unwrap_or_else(|| {
                output.push(*percent);
                tail
            }),
        };
    }
}

/// Decodes what follows a `%` and gives the rest, or nothing if it is no escape.
fn one<'r>(after: &'r [u8], output: &mut Vec<u8>) -> Option<&'r [u8]> {
    match after {
        [b'u' | b'U', a, b, c, d, tail @ ..] => {
            push_unit(hex4([*a, *b, *c, *d])?, output);
            Some(tail)
        }
        [a, b, tail @ ..] => {
            output.push(hex2(*a, *b)?);
            Some(tail)
        }
        _ => None,
    }
}

/// So many letters in a row with a `%` before each are no accident: `%Y%m%d` and `%s%s` are.
const STRAYS: usize = 4;

/// `text` without the `%` of each run of at least [`STRAYS`] letters that have one; nothing if there is no such run.
fn without_strays(text: &[u8]) -> Option<Vec<u8>> {
    let run = |text: &[u8]| {
        let (pairs, _) = text.as_chunks::<2>();
        pairs.iter().take_while(|[mark, letter]| *mark == b'%' && letter.is_ascii_alphabetic()).count()
    };
    let mut output = Vec::new();
    // What is copied ends where `rest` begins.
    let (mut copied, mut rest) = (text, text);
    loop {
        rest = until(rest, b'%', b'%').1;
        if rest.is_empty() && copied.len() == text.len() {
            return None;
        }
        if rest.is_empty() {
            output.extend_from_slice(copied);
            return Some(output);
        }
        // A run is looked at once.
        let strays = run(rest);
        let (strayed, after) = rest.split_at_checked(strays.saturating_mul(2).max(1)).unwrap_or((rest, &[]));
        if strays >= STRAYS {
            let plain = copied.len().saturating_sub(rest.len());
            output.extend_from_slice(copied.get(..plain).unwrap_or_default());
            output.extend(strayed.iter().filter(|b| **b != b'%'));
            copied = after;
        }
        rest = after;
    }
}

/// The value of two hex digits.
pub(super) fn hex2(a: u8, b: u8) -> Option<u8> {
    Some(hex(a)? << 4 | hex(b)?)
}

/// The value of four hex digits.
pub(super) fn hex4(digits: [u8; 4]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |all, digit| Some(all << 4 | u16::from(hex(*digit)?)))
}

/// The value of one hex digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// Appends a UTF-16 unit as UTF-8; half of a surrogate pair becomes U+FFFD.
pub(super) fn push_unit(unit: u16, output: &mut Vec<u8>) {
    push_char(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER), output);
}

/// Appends a character as UTF-8.
pub(super) fn push_char(c: char, output: &mut Vec<u8>) {
    output.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
