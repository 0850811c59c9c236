//! UTF-7 (RFC 2152), which some readers take a body for when its content type says so.

use crate::decode::base64;

/// `+ADw-` to `<` and `+-` to `+`; nothing if nothing in `text` is encoded so. Half of a surrogate pair becomes U+FFFD.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(text.len());
    let mut changed = false;
    let mut pieces = text.split(|b| *b == b'+');
    output.extend_from_slice(pieces.next().unwrap_or_default());
    for piece in pieces {
        if let [b'-', rest @ ..] = piece {
            changed = true;
            output.push(b'+');
            output.extend_from_slice(rest);
            continue;
        }
        let is_digit = |b: &u8| b.is_ascii_alphanumeric() || *b == b'/';
        let length = piece.iter().position(|b| !is_digit(b)).unwrap_or(piece.len());
        let (digits, rest) = piece.split_at_checked(length).unwrap_or((piece, &[]));
        let bytes = base64(digits).unwrap_or_default();
        let (units, _) = bytes.as_chunks::<2>();
        if units.is_empty() {
            output.push(b'+');
            output.extend_from_slice(piece);
            continue;
        }
        changed = true;
        for c in char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))) {
            let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
            output.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        output.extend_from_slice(rest.strip_prefix(b"-").unwrap_or(rest));
    }
    changed.then_some(output)
}
