//! What a body is: what its content type says, and what it looks like.

use super::{take_while, until};

/// How long a run of printable bytes must be to count as text in a binary body.
pub const MIN_RUN: usize = 8;

/// How far into a binary body that nothing declared to be text runs of text are looked for, in bytes.
pub const MAX_RUNS: usize = 16_384;

/// How far into a body its kind is looked for, in bytes.
const SNIFFED: usize = 512;

/// What a content type says; several at once if it was given several times, or lies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Declared {
    pub(super) json: bool,
    pub(super) xml: bool,
    pub(super) form: bool,
    pub(super) multipart: bool,
    pub(super) graphql: bool,
    /// The charset that hides `<` from whoever reads ASCII.
    pub(super) utf7: bool,
}

impl Declared {
    /// Reads a content type by the words in it: readers differ in how exactly they match.
    pub(super) fn of(content_type: &[u8]) -> Self {
        let says = |word: &[u8]| contains(content_type, word);
        Self {
            json: says(b"json"),
            xml: says(b"xml"),
            form: says(b"x-www-form-urlencoded"),
            multipart: says(b"multipart/"),
            graphql: says(b"application/graphql"),
            utf7: says(b"utf-7") || says(b"utf7"),
        }
    }
}

/// What a body looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Xml,
    Multipart,
    /// `strict` if it holds only what a form encoder leaves in, so that it is no other text.
    Form {
        strict: bool,
    },
    Text,
    Binary,
}

/// Decides by the first bytes that are no white space.
pub(super) fn kind(text: &[u8]) -> Kind {
    match text.trim_ascii_start() {
        [b'{' | b'[', ..] => Kind::Json,
        [b'<', ..] => Kind::Xml,
        [b'-', b'-', ..] if contains(text, b"content-disposition") => Kind::Multipart,
        _ if is_binary(text) => Kind::Binary,
        _ if is_form(text.trim_ascii_start()) => Kind::Form { strict: text.iter().all(|b| is_form_byte(*b)) },
        _ => Kind::Text,
    }
}

/// Whether `text` holds a NUL or many control bytes near its beginning. What it claims to be does not count.
pub(super) fn is_binary(text: &[u8]) -> bool {
    let start = text.get(..SNIFFED).unwrap_or(text);
    // ESC is part of ISO-2022-JP.
    let is_control = |b: &u8| matches!(b, 1..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    start.contains(&0) || start.iter().filter(|b| is_control(b)).count() > start.len() / 16
}

/// The printable runs of a binary text, a line each.
pub(super) fn runs(text: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    for run in text.split(|b| !matches!(b, b'\t' | b' '..=b'~')).filter(|run| run.len() >= MIN_RUN) {
        if !output.is_empty() {
            output.push(b'\n');
        }
        output.extend_from_slice(run);
    }
    output
}

/// Whether something behind a `&` looks like a parameter.
pub(super) fn has_pair(text: &[u8]) -> bool {
    text.split(|b| *b == b'&').skip(1).any(is_form)
}

fn is_form(text: &[u8]) -> bool {
    let (name, rest) = take_while(text, |b| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'_' | b'.' | b'-' | b'[' | b']' | b'%' | b'+' | b'$' | b'~' | b':' | b'@' | b'!' | b'*')
    });
    !name.is_empty() && name.len() <= 128 && rest.starts_with(b"=")
}

/// Raw spaces, quotes, brackets of markup and backslashes show that a text is not only a form. Bytes of UTF-8 that
/// were not encoded show nothing.
fn is_form_byte(byte: u8) -> bool {
    !matches!(byte, 0..=9 | 0x0b | 0x0c | 0x0e..=b' ' | b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'}' | 0x7f)
}

/// Whether `word` (lower case) is somewhere in `text`, in any case.
pub(super) fn contains(text: &[u8], word: &[u8]) -> bool {
    let first = word.first().copied().unwrap_or_default();
    let mut rest = text;
    loop {
        rest = until(rest, first, first.to_ascii_uppercase()).1;
        if rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
            return true;
        }
        match rest.split_first() {
            Some((_, tail)) => rest = tail,
            None => return false,
        }
    }
}
