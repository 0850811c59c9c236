//! Style sheets that run script: by expressions and bindings of old browsers, or by loading another sheet.

use super::lexeme::{skip_start, starts_with};

/// Whether `style`, the value of an attribute or the text of an element, runs or loads something.
pub fn is_active(style: &[u8]) -> bool {
    let mut rest = style;
    while let Some((first, tail)) = rest.split_first() {
        let found = match first {
            b'e' | b'E' => starts_with(skip_start(tail), b"xp") && has_expression(rest),
            b'-' => starts_with(tail, b"moz-binding"),
            b'b' | b'B' => ["ehavior:", "ehaviour:", "inding:"].iter().any(|name| starts_with(tail, name.as_bytes())),
            b'@' => starts_with(tail, b"import"),
            b'j' | b'J' => starts_with(tail, b"avascript:"),
            b'v' | b'V' => starts_with(tail, b"bscript:"),
            _ => false,
        };
        if found {
            return true;
        }
        rest = tail;
    }
    false
}

/// `expression(` with comments anywhere.
fn has_expression(text: &[u8]) -> bool {
    let mut rest = text;
    for letter in b"expression(" {
        rest = skip_start(rest);
        match rest.split_first() {
            Some((first, tail)) if first.eq_ignore_ascii_case(letter) => rest = tail,
            _ => return false,
        }
    }
    true
}
