//! Content-Transfer-Encoding of a part (RFC 2045 section 6): base64 and quoted-printable.

/// What decoding gave.
pub(super) enum Decoded {
    /// The text is not encoded, or is a document as it stands, or too odd or too large to be worth it.
    Nothing,
    /// Only this is text; what came is base64.
    Instead(Vec<u8>),
    /// A reader may take either: most ignore the encoding, which RFC 7578 has no use for.
    Besides(Vec<u8>),
}

/// How large a part may be to be decoded, in bytes.
const MAX_ENCODED: usize = 65_536;

/// Decodes `text` as `encoding` (the header's value) says.
pub(super) fn decode(encoding: &[u8], text: &[u8]) -> Decoded {
    if text.len() > MAX_ENCODED {
        return Decoded::Nothing;
    }
    let encoding = encoding.trim_ascii();
    if encoding.eq_ignore_ascii_case(b"base64") {
        return crate::decode::base64(text).map_or(Decoded::Nothing, Decoded::Instead);
    }
    let is_document = matches!(text.trim_ascii_start(), [b'{' | b'[' | b'<', ..]);
    if encoding.eq_ignore_ascii_case(b"quoted-printable") && text.contains(&b'=') && !is_document {
        return Decoded::Besides(quoted_printable(text));
    }
    Decoded::Nothing
}

/// `=41` to `A`, soft line breaks away; anything else as it is.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut output = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return output,
            [b'=', b'\r', b'\n', tail @ ..] | [b'=', b'\n', tail @ ..] => tail,
            [byte, tail @ ..] => {
                let (decoded, tail) = match (byte, tail) {
                    (b'=', [a, b, after @ ..]) => {
                        digit(*a).zip(digit(*b)).map_or((*byte, tail), |(a, b)| (a << 4 | b, after))
                    }
                    _ => (*byte, tail),
                };
                output.push(decoded);
                tail
            }
        };
    }
}
