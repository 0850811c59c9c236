//! HTML character references (WHATWG HTML, 13.5): numeric ones, and the named ones that stand for ASCII punctuation.

use super::copy_until_byte;
use super::percent::{hex, push_char};

/// The named references that matter in an attack; browsers take some of them without the semicolon.
const NAMED: &[(&[u8], u8)] = &[
    (b"amp", b'&'),
    (b"apos", b'\''),
    (b"ast", b'*'),
    (b"bsol", b'\\'),
    (b"colon", b':'),
    (b"comma", b','),
    (b"commat", b'@'),
    (b"dollar", b'$'),
    (b"equals", b'='),
    (b"excl", b'!'),
    (b"grave", b'`'),
    (b"gt", b'>'),
    (b"hat", b'^'),
    (b"lbrace", b'{'),
    (b"lbrack", b'['),
    (b"lcub", b'{'),
    (b"lowbar", b'_'),
    (b"lpar", b'('),
    (b"lsqb", b'['),
    (b"lt", b'<'),
    (b"midast", b'*'),
    (b"nbsp", b' '),
    (b"newline", b'\n'),
    (b"num", b'#'),
    (b"percnt", b'%'),
    (b"period", b'.'),
    (b"plus", b'+'),
    (b"quest", b'?'),
    (b"quot", b'"'),
    (b"rbrace", b'}'),
    (b"rbrack", b']'),
    (b"rcub", b'}'),
    (b"rpar", b')'),
    (b"rsqb", b']'),
    (b"semi", b';'),
    (b"sol", b'/'),
    (b"tab", b'\t'),
    (b"verbar", b'|'),
    (b"vert", b'|'),
];

/// `&lt;`, `&#60;` and `&#x3c` to `<`. A numeric reference needs no semicolon, as in a browser; a named one does,
/// except the four of old HTML.
pub fn entity(input: &[u8]) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    loop {
        let Some((ampersand, tail)) = copy_until_byte(rest, b'&', b'&', &mut output).split_first() else {
            return Some(output);
        };
        rest = match numeric(tail).or_else(|| named(tail)) {
            Some((c, after)) => {
                push_char(c, &mut output);
                after
            }
            None => {
                output.push(*ampersand);
                tail
            }
        };
    }
}

fn numeric(after_ampersand: &[u8]) -> Option<(char, &[u8])> {
    let (radix, mut rest) = match after_ampersand {
        [b'#', b'x' | b'X', rest @ ..] => (16, rest),
        [b'#', rest @ ..] => (10, rest),
        _ => return None,
    };
    let mut code = 0_u32;
    let mut digits = 0_usize;
    while let [digit, tail @ ..] = rest {
        let Some(value) = hex(*digit).filter(|v| u32::from(*v) < radix) else { break };
        // Leading zeros are how padding hides a reference; a value past Unicode is no character.
        code = code.saturating_mul(radix).saturating_add(u32::from(value));
        digits = digits.saturating_add(1);
        rest = tail;
    }
    if digits == 0 {
        return None;
    }
    Some((char::from_u32(code)?, rest.strip_prefix(b";").unwrap_or(rest)))
}

fn named(after_ampersand: &[u8]) -> Option<(char, &[u8])> {
    let length = after_ampersand.iter().take(8).take_while(|b| b.is_ascii_alphabetic()).count();
    let (name, rest) = after_ampersand.split_at_checked(length)?;
    let known = |name: &[u8]| NAMED.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, c)| char::from(*c));
    if let Some(rest) = rest.strip_prefix(b";") {
        return Some((known(name)?, rest));
    }
    // Old HTML: these end at the first thing that is no letter, semicolon or not.
    ["amp", "lt", "gt", "quot"].iter().find(|n| n.as_bytes().eq_ignore_ascii_case(name))?;
    Some((known(name)?, rest))
}
