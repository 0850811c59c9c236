//! JSON (RFC 8259), read as leniently as the most lenient application: duplicate keys, several documents in a row,
//! trailing commas and unknown words are read on; at anything else the reading stops and says where.

use std::borrow::Cow;

use super::{MAX_DEPTH, MAX_NAME, MAX_NODES, Target, Visit, emit, emit_name, graphql, take_while, until};

/// Where a document stands.
pub(super) struct Place<'p> {
    target: Target,
    prefix: &'p [u8],
    /// Whether strings may be documents in turn: one level deep, no further.
    nests: bool,
}

impl<'p> Place<'p> {
    /// A document of its own; `prefix` comes before every path.
    pub(super) fn document(target: Target, prefix: &'p [u8]) -> Self {
        Self { target, prefix, nests: true }
    }

    /// A document inside the value `name`.
    pub(super) fn nested(target: Target, name: &'p [u8]) -> Self {
        Self { target, prefix: name, nests: false }
    }
}

/// How the reading ended.
pub(super) struct Outcome<'t> {
    /// What was not read, from the token on at which the reading stopped.
    pub(super) rest: &'t [u8],
    /// Whether it was JSON to the end, or to where an incomplete text stops.
    pub(super) clean: bool,
}

/// Whether `value` begins and ends like an object or a list.
pub(super) fn is_likely(value: &[u8]) -> bool {
    matches!(value.trim_ascii(), [b'{', .., b'}'] | [b'[', .., b']'])
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A value, after `[`, `,` or `:`.
    Value,
    /// A key, after `{` or `,`.
    Key,
    /// The colon after a key.
    Colon,
    /// A comma or the end of the container, after a value; outside of any, another document.
    Comma,
    /// A document, at the beginning or after an object or list that is no part of another.
    Document,
}

/// What the reader is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Object,
    List,
}

/// Visits keys and strings of `text`, with the dotted path of keys as their name.
pub(super) fn parse<'t>(text: &'t [u8], place: &Place<'_>, complete: bool, visit: &mut Visit<'_>) -> Outcome<'t> {
    let mut reader =
        Reader { place, path: Path::new(place.prefix), open: Open::default(), odd: false, left: MAX_NODES, visit };
    let (rest, closed) = reader.run(text);
    let clean = rest.is_empty() && !reader.odd && (closed || !complete);
    Outcome { rest, clean }
}

struct Reader<'p, 'v> {
    place: &'p Place<'p>,
    path: Path,
    open: Open,
    odd: bool,
    left: usize,
    visit: &'v mut Visit<'v>,
}

impl Reader<'_, '_> {
    /// Gives what was not read, and whether everything that was opened was closed.
    fn run<'t>(&mut self, text: &'t [u8]) -> (&'t [u8], bool) {
        let mut expect = Expect::Document;
        let mut rest = text;
        // Where the reading breaks off: before the last word or string, so that nothing is torn out of its context.
        let mut last = text;
        loop {
            rest = skip_space(rest);
            if !matches!(expect, Expect::Comma | Expect::Colon) {
                last = rest;
            }
            let inside = self.open.inside;
            let Some((first, tail)) = rest.split_first() else {
                return (&[], inside == Inside::Nothing);
            };
            if self.left == 0 {
                return (last, false);
            }
            let value_may_come = matches!(expect, Expect::Value | Expect::Document) || inside == Inside::Nothing;
            (expect, rest) = match *first {
                b'"' if expect == Expect::Key => {
                    let (key, tail) = string(tail);
                    let Some(tail) = tail else { return self.unclosed(key) };
                    self.key(key);
                    match skip_space(tail) {
                        [b':', tail @ ..] if self.left > 0 => (Expect::Value, tail),
                        rest => (Expect::Colon, rest),
                    }
                }
                b'"' if value_may_come => {
                    let (value, tail) = string(tail);
                    let Some(tail) = tail else { return self.unclosed(value) };
                    self.string(value);
                    self.comma(tail)
                }
                b'}' if inside == Inside::Object && matches!(expect, Expect::Key | Expect::Comma) => self.close(tail),
                b']' if inside == Inside::List && matches!(expect, Expect::Value | Expect::Comma) => self.close(tail),
                b'{' if value_may_come && self.open.push(Inside::Object, self.path.len()) => (Expect::Key, tail),
                b'[' if value_may_come && self.open.push(Inside::List, self.path.len()) => (Expect::Value, tail),
                _ if value_may_come => {
                    let (word, tail) = take_while(rest, |b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_' | b'$')
                    });
                    let number = is_number(word);
                    // A bracket that nests too deep comes here, too.
                    if word.is_empty() || (inside == Inside::Nothing && !number) {
                        return (last, false);
                    }
                    if !number && !matches!(word, b"true" | b"false" | b"null") {
                        self.odd = true;
                        self.emit(word);
                    }
                    self.comma(tail)
                }
                _ => return (last, false),
            };
        }
    }

    fn close<'t>(&mut self, tail: &'t [u8]) -> (Expect, &'t [u8]) {
        if let Some(length) = self.open.pop() {
            self.path.truncate(length);
        }
        if self.open.inside == Inside::Nothing { (Expect::Document, tail) } else { self.comma(tail) }
    }

    /// Reads on behind a value, unless it was the last one that may be read.
    fn comma<'t>(&self, tail: &'t [u8]) -> (Expect, &'t [u8]) {
        match (skip_space(tail), self.open.inside) {
            ([b',', tail @ ..], Inside::Object) if self.left > 0 => (Expect::Key, tail),
            ([b',', tail @ ..], Inside::List) if self.left > 0 => (Expect::Value, tail),
            (rest, _) => (Expect::Comma, rest),
        }
    }

    fn key(&mut self, raw: Raw<'_>) {
        let key = unescape(raw);
        self.path.truncate(self.open.path_length().unwrap_or_default());
        self.path.push(&key);
        self.left = self.left.saturating_sub(1);
        emit_name(self.place.target, self.path.as_bytes(), &key, self.visit);
    }

    fn string(&mut self, raw: Raw<'_>) {
        let value = unescape(raw);
        if self.place.nests && is_likely(&value) {
            let place = Place::nested(self.place.target, self.path.as_bytes());
            if parse(&value, &place, true, self.visit).clean {
                self.left = self.left.saturating_sub(1);
                return;
            }
        }
        self.emit(&value);
        graphql::arguments(self.place.target, self.path.as_bytes(), &value, self.visit);
    }

    fn emit(&mut self, value: &[u8]) {
        self.left = self.left.saturating_sub(1);
        emit(self.place.target, self.path.as_bytes(), value, self.visit);
    }

    fn unclosed<'t>(&mut self, raw: Raw<'_>) -> (&'t [u8], bool) {
        let value = unescape(raw);
        self.emit(&value);
        (&[], false)
    }
}

/// The dotted path of keys that leads to where the reader stands, at most [`MAX_NAME`] bytes of it.
struct Path(Vec<u8>);

impl Path {
    fn new(prefix: &[u8]) -> Self {
        Self(prefix.iter().copied().take(MAX_NAME).collect())
    }

    fn push(&mut self, key: &[u8]) {
        if !self.0.is_empty() && self.0.len() < MAX_NAME {
            self.0.push(b'.');
        }
        let room = MAX_NAME.saturating_sub(self.0.len());
        for byte in key.iter().take(room) {
            self.0.push(*byte);
        }
    }

    fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The containers that are open.
struct Open {
    /// The innermost.
    inside: Inside,
    depth: usize,
    /// What each stands in, and how long the path to it is.
    levels: [(Inside, usize); MAX_DEPTH],
}

impl Default for Open {
    fn default() -> Self {
        Self { inside: Inside::Nothing, depth: 0, levels: [(Inside::Nothing, 0); MAX_DEPTH] }
    }
}

impl Open {
    /// Says whether there was room for one more.
    fn push(&mut self, inside: Inside, path_length: usize) -> bool {
        let Some(level) = self.levels.get_mut(self.depth) else { return false };
        *level = (self.inside, path_length);
        self.inside = inside;
        self.depth = self.depth.saturating_add(1);
        true
    }

    /// Closes the innermost container and gives the length of the path to it.
    fn pop(&mut self) -> Option<usize> {
        let (outer, length) = *self.innermost()?;
        self.inside = outer;
        self.depth = self.depth.saturating_sub(1);
        Some(length)
    }

    fn innermost(&self) -> Option<&(Inside, usize)> {
        self.levels.get(self.depth.checked_sub(1)?)
    }

    fn path_length(&self) -> Option<usize> {
        self.innermost().map(|(_, length)| *length)
    }
}

/// White space, and the record separator of JSON text sequences (RFC 7464).
fn skip_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r' | 0x1e, rest @ ..] = text {
        text = rest;
    }
    text
}

/// A string as it is written, without its quotes.
#[derive(Clone, Copy)]
struct Raw<'t> {
    text: &'t [u8],
    has_escapes: bool,
}

/// What stands before the closing quote, and what follows it if there is one.
fn string(text: &[u8]) -> (Raw<'_>, Option<&[u8]>) {
    let mut has_escapes = false;
    let mut end = 0_usize;
    let mut rest = text;
    loop {
        let (plain, tail) = until(rest, b'"', b'\\');
        end = end.saturating_add(plain.len());
        match tail {
            [b'\\', _, tail @ ..] => {
                has_escapes = true;
                end = end.saturating_add(2);
                rest = tail;
            }
            [b'"', tail @ ..] => return (Raw { text: text.get(..end).unwrap_or(text), has_escapes }, Some(tail)),
            _ => return (Raw { text, has_escapes }, None),
        }
    }
}

/// What a string holds whose opening quote `text` follows, and what comes after it.
pub(super) fn quoted(text: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let (raw, after) = string(text);
    (unescape(raw), after.unwrap_or_default())
}

fn is_number(word: &[u8]) -> bool {
    if word.iter().all(u8::is_ascii_digit) {
        return !word.is_empty();
    }
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let (whole, rest) = take_while(word, |b| b.is_ascii_digit());
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => take_while(rest, |b| b.is_ascii_digit()),
        _ => (whole, rest),
    };
    let (exponent, rest) = match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => take_while(rest, |b| b.is_ascii_digit()),
        _ => (whole, rest),
    };
    rest.is_empty() && ![whole, fraction, exponent].contains(&[].as_slice())
}

/// Undoes the escapes of RFC 8259 section 7; any other backslash stays. Half of a surrogate pair becomes U+FFFD.
fn unescape(raw: Raw<'_>) -> Cow<'_, [u8]> {
    if !raw.has_escapes {
        return Cow::Borrowed(raw.text);
    }
    let mut output = Vec::with_capacity(raw.text.len());
    let mut rest = raw.text;
    loop {
        let (plain, tail) = take_while(rest, |b| b != b'\\');
        output.extend_from_slice(plain);
        rest = match tail {
            [] => return Cow::Owned(output),
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
