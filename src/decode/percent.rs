//! Percent-encoding (RFC 3986 section 2.1), with the `%uXXXX` form of old browsers and IIS.

/// `%41` to `A` and `%u0041` to the UTF-8 of U+0041; a `%` that begins neither stays as it is.
pub fn percent(input: &[u8]) -> Option<Vec<u8>> {
    decode(input, false)
}

/// The same, and `+` to a space: the form encoding of queries and bodies (WHATWG URL, 5.1). Nothing if there is
/// nothing to decode.
#[must_use]
pub fn plus_and_percent(input: &[u8]) -> Option<Vec<u8>> {
    decode(input, true)
}

fn decode(input: &[u8], plus: bool) -> Option<Vec<u8>> {
    if !input.iter().any(|b| *b == b'%' || (plus && *b == b'+')) {
        return None;
    }
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        rest = match rest {
            [] => return Some(output),
            [b'+', tail @ ..] if plus => {
                output.push(b' ');
                tail
            }
            [b'%', b'u' | b'U', a, b, c, d, tail @ ..] => match hex4([*a, *b, *c, *d]) {
                Some(unit) => {
                    push_unit(unit, &mut output);
                    tail
                }
                None => plain(rest, &mut output),
            },
            [b'%', a, b, tail @ ..] => match hex2(*a, *b) {
                Some(byte) => {
                    output.push(byte);
                    tail
                }
                None => plain(rest, &mut output),
            },
            _ => plain(rest, &mut output),
        };
    }
}

fn plain<'r>(rest: &'r [u8], output: &mut Vec<u8>) -> &'r [u8] {
    match rest {
        [byte, tail @ ..] => {
            output.push(*byte);
            tail
        }
        [] => &[],
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
    char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok())
}

/// Appends a UTF-16 unit as UTF-8; half of a surrogate pair becomes U+FFFD.
pub(super) fn push_unit(unit: u16, output: &mut Vec<u8>) {
    push_char(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER), output);
}

/// Appends a character as UTF-8.
pub(super) fn push_char(c: char, output: &mut Vec<u8>) {
    output.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
