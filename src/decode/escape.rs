//! Backslash escapes of JavaScript (ECMA-262, 12.9.4), JSON (RFC 8259 section 7) and CSS (Syntax 3, 4.3.7).

use super::copy_until_byte;
use super::percent::{hex, hex2, hex4, push_char, push_unit};

/// `\u0041`, `\u{41}`, `\x41`, `\101` and CSS's `\41 ` to `A`, `\0` to NUL. Other backslashes stay: `\'` and `\n` mean different
/// things to different readers, and rules look for them as they are.
pub fn escape(input: &[u8]) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        let Some((backslash, tail)) = copy_until_byte(rest, b'\\', b'\\', &mut output).split_first() else {
            return Some(output);
        };
        rest = match one(tail, &mut output) {
            Some(after) => after,
            None => {
                output.push(*backslash);
                tail
            }
        };
    }
}

/// Decodes what follows a backslash and gives the rest, or nothing if it is no escape of ours.
fn one<'r>(after: &'r [u8], output: &mut Vec<u8>) -> Option<&'r [u8]> {
    match after {
        [b'u' | b'U', b'{', tail @ ..] => braces(tail, output),
        [b'u' | b'U', a, b, c, d, tail @ ..] => {
            push_unit(hex4([*a, *b, *c, *d])?, output);
            Some(tail)
        }
        [b'x' | b'X', a, b, tail @ ..] => {
            output.push(hex2(*a, *b)?);
            Some(tail)
        }
        [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
            output.push((a & 3) << 6 | (b & 7) << 3 | (c & 7));
            Some(tail)
        }
        [b'0', tail @ ..] if tail.first().is_some_and(|next| !next.is_ascii_hexdigit()) => {
            output.push(0);
            Some(tail)
        }
        _ => css(after, output),
    }
}

fn braces<'r>(digits: &'r [u8], output: &mut Vec<u8>) -> Option<&'r [u8]> {
    let length = digits.iter().take(8).position(|b| *b == b'}')?;
    let (digits, rest) = digits.split_at_checked(length)?;
    push_char(char::from_u32(number(digits)?)?, output);
    rest.strip_prefix(b"}")
}

/// CSS: two to six hex digits, then one optional white space. One digit would turn `\1` of a pattern into a control.
fn css<'r>(after: &'r [u8], output: &mut Vec<u8>) -> Option<&'r [u8]> {
    let length = after.iter().take(6).take_while(|b| b.is_ascii_hexdigit()).count();
    if length < 2 {
        return None;
    }
    let (digits, rest) = after.split_at_checked(length)?;
    let c = char::from_u32(number(digits)?).filter(|c| *c == '\t' || *c == '\n' || (' '..='~').contains(c))?;
    push_char(c, output);
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |all, digit| all.checked_mul(16)?.checked_add(u32::from(hex(*digit)?)))
}
