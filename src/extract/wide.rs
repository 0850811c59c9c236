//! UTF-16 and UTF-32 to UTF-8, known by their byte order mark or by where the zero bytes of ASCII stand.

/// Text that was transcoded.
pub(super) struct Narrow {
    /// The text in UTF-8; half a surrogate pair and what is no character become U+FFFD.
    pub(super) text: Vec<u8>,
    /// Whether the bytes hold text as they are, too: a reader that ignores the mark would find something else.
    pub(super) mixed: bool,
}

/// How long a run of printable bytes is no coincidence in wide text.
const MIXED_RUN: usize = 16;

#[derive(Clone, Copy)]
enum Layout {
    Utf16Le,
    Utf16Be,
    Utf32Le,
    Utf32Be,
}

/// `body` transcoded, or nothing if it is no wide text. A mark alone proves nothing: without a single character of
/// ASCII behind it there is no attack in the wide reading, but there may be one in the bytes.
pub(super) fn narrow(body: &[u8]) -> Option<Narrow> {
    let (layout, text) = match body {
        [0xff, 0xfe, 0, 0, text @ ..] => (Layout::Utf32Le, text),
        [0, 0, 0xfe, 0xff, text @ ..] => (Layout::Utf32Be, text),
        [0xff, 0xfe, text @ ..] => (Layout::Utf16Le, text),
        [0xfe, 0xff, text @ ..] => (Layout::Utf16Be, text),
        [a, 0, 0, 0, b, 0, 0, 0, ..] if is_text(*a) && is_text(*b) => (Layout::Utf32Le, body),
        [0, 0, 0, a, 0, 0, 0, b, ..] if is_text(*a) && is_text(*b) => (Layout::Utf32Be, body),
        [a, 0, b, 0, ..] if is_text(*a) && is_text(*b) => (Layout::Utf16Le, body),
        [0, a, 0, b, ..] if is_text(*a) && is_text(*b) => (Layout::Utf16Be, body),
        _ => return None,
    };
    let mut output = Vec::with_capacity(text.len());
    let mut ascii = false;
    let mut push = |c: char| {
        ascii |= c.is_ascii();
        output.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    };
    let left_over = match layout {
        Layout::Utf16Le => utf16(text, u16::from_le_bytes, &mut push),
        Layout::Utf16Be => utf16(text, u16::from_be_bytes, &mut push),
        Layout::Utf32Le => utf32(text, u32::from_le_bytes, &mut push),
        Layout::Utf32Be => utf32(text, u32::from_be_bytes, &mut push),
    };
    if !ascii {
        return None;
    }
    output.extend_from_slice(left_over);
    Some(Narrow { text: output, mixed: has_run(text) })
}

fn utf16<'t>(text: &'t [u8], unit: fn([u8; 2]) -> u16, push: &mut impl FnMut(char)) -> &'t [u8] {
    let (units, left_over) = text.as_chunks::<2>();
    for c in char::decode_utf16(units.iter().map(|bytes| unit(*bytes))) {
        push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    left_over
}

fn utf32<'t>(text: &'t [u8], unit: fn([u8; 4]) -> u32, push: &mut impl FnMut(char)) -> &'t [u8] {
    let (units, left_over) = text.as_chunks::<4>();
    for bytes in units {
        push(char::from_u32(unit(*bytes)).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    left_over
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}

fn has_run(text: &[u8]) -> bool {
    text.split(|b| !is_text(*b)).any(|run| run.len() >= MIXED_RUN)
}
