//! JSON (RFC 8259), read as leniently as the most lenient application: duplicate keys, several documents in a row,
//! trailing commas and unknown words are read on; at anything else the reading stops and says where.

mod token;

use std::borrow::Cow;

use super::{MAX_DEPTH, MAX_NAME, MAX_NODES, Target, Visit, emit, emit_name, graphql};
use token::{DIGIT, is_number, skip_space, string, unescape, word};

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
#[inline]
pub(super) fn is_likely(value: &[u8]) -> bool {
    // Most begin with something else.
    matches!(value, [b'{' | b'[' | ..=b' ', ..]) && is_bracketed(value)
}

fn is_bracketed(value: &[u8]) -> bool {
    matches!(value.trim_ascii(), [b'{', .., b'}'] | [b'[', .., b']'])
}

/// What a string holds whose opening quote `text` follows, and what comes after it.
pub(super) fn quoted(text: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let (raw, after) = string(text);
    let value = if raw.has_escapes { Cow::Owned(unescape(raw.text)) } else { Cow::Borrowed(raw.text) };
    (value, after.unwrap_or_default())
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A value or the end of the list, after `[` or `,`.
    Value,
    /// A key or the end of the object, after `{` or `,`.
    Key,
    /// A document, at the beginning or after an object or list that is no part of another.
    Document,
    /// A document after a string or number that is no part of another.
    Another,
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
        'members: loop {
            // A key with its value, or a value by itself.
            'member: {
                if expect == Expect::Key {
                    last = skip_space(rest);
                    match last {
                        [b'"', tail @ ..] => {
                            let (key, after) = string(tail);
                            let Some(after) = after else { return self.unclosed(key.text, key.has_escapes) };
                            if key.has_escapes {
                                let key = unescape(key.text);
                                self.key(&key, &key);
                            } else {
                                self.key(key.text, tail);
                            }
                            rest = match skip_space(after) {
                                [b':', tail @ ..] if self.left > 0 => tail,
                                [] => return (&[], false),
                                _ => return (last, false),
                            };
                        }
                        [b'}', ..] => {
                            rest = last;
                            break 'member;
                        }
                        [] => return (&[], false),
                        _ => return (last, false),
                    }
                }
                rest = skip_space(rest);
                if expect != Expect::Another {
                    last = rest;
                }
                match rest {
                    [b'"', tail @ ..] => {
                        let (value, after) = string(tail);
                        let Some(after) = after else { return self.unclosed(value.text, value.has_escapes) };
                        if value.has_escapes {
                            self.escaped(value.text);
                        } else {
                            self.value(value.text);
                        }
                        rest = after;
                    }
                    [b'{', tail @ ..] if self.open.push(Inside::Object, &mut self.path) => {
                        (expect, rest) = (Expect::Key, tail);
                        continue 'members;
                    }
                    [b'[', tail @ ..] if self.open.push(Inside::List, &mut self.path) => {
                        (expect, rest) = (Expect::Value, tail);
                        continue 'members;
                    }
                    [b']', ..] if self.open.inside == Inside::List => {}
                    [] => return (&[], self.open.inside == Inside::Nothing),
                    // A bracket that nests too deep comes here, too.
                    _ => match self.word(rest) {
                        Some(after) => rest = after,
                        None => return (last, false),
                    },
                }
            }
            // The ends of containers, or a comma.
            (expect, rest) = loop {
                rest = skip_space(rest);
                let inside = self.open.inside;
                rest = match (rest, inside) {
                    ([], _) => return (&[], inside == Inside::Nothing),
                    _ if self.left == 0 => return (last, false),
                    ([b',', tail @ ..], Inside::Object) => break (Expect::Key, tail),
                    ([b',', tail @ ..], Inside::List) => break (Expect::Value, tail),
                    ([b'}', tail @ ..], Inside::Object) | ([b']', tail @ ..], Inside::List) => {
                        self.open.pop(&mut self.path);
                        tail
                    }
                    (_, Inside::Nothing) => break (Expect::Another, rest),
                    _ => return (last, false),
                };
                if self.open.inside == Inside::Nothing {
                    break (Expect::Document, rest);
                }
            };
        }
    }

    /// Takes a key, which `text` begins with.
    #[inline]
    fn key(&mut self, key: &[u8], text: &[u8]) {
        self.left = self.left.saturating_sub(1);
        let path = self.path.set_key(self.open.keys_begin, text, key.len());
        emit_name(self.place.target, path, key, self.visit);
    }

    #[inline(never)]
    fn escaped(&mut self, raw: &[u8]) {
        self.value(&unescape(raw));
    }

    #[inline]
    fn value(&mut self, value: &[u8]) {
        self.left = self.left.saturating_sub(1);
        if is_likely(value) && self.is_document(value) {
            return;
        }
        let (target, name) = (self.place.target, self.path.as_bytes());
        emit(target, name, value, self.visit);
        graphql::arguments(target, name, value, self.visit);
    }

    /// Whether `value` is a document in turn, whose keys and strings have been visited then.
    #[cold]
    fn is_document(&mut self, value: &[u8]) -> bool {
        let place = Place::nested(self.place.target, self.path.as_bytes());
        self.place.nests && parse(value, &place, true, self.visit).clean
    }

    /// Reads a number or another word, and gives what follows if it may stand here.
    #[inline]
    fn word<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        let (word, kinds, after) = word(text);
        // Of digits only, or something rarer.
        let may_stand = kinds == DIGIT || self.rare_word(word);
        may_stand.then_some(after)
    }

    fn rare_word(&mut self, word: &[u8]) -> bool {
        let is_document = self.open.inside == Inside::Nothing;
        if (!is_document && matches!(word, b"true" | b"false" | b"null")) || is_number(word) {
            return true;
        }
        if is_document || word.is_empty() {
            return false;
        }
        self.odd = true;
        self.emit(word);
        true
    }

    fn emit(&mut self, value: &[u8]) {
        self.left = self.left.saturating_sub(1);
        emit(self.place.target, self.path.as_bytes(), value, self.visit);
    }

    #[cold]
    fn unclosed<'t>(&mut self, raw: &[u8], has_escapes: bool) -> (&'t [u8], bool) {
        if has_escapes {
            self.emit(&unescape(raw));
        } else {
            self.emit(raw);
        }
        (&[], false)
    }
}

/// The dotted path of keys that leads to where the reader stands, at most [`MAX_NAME`] bytes of it.
struct Path {
    /// With room to copy a short key as if it were [`SHORT`] bytes.
    bytes: [u8; MAX_NAME + SHORT],
    length: usize,
}

/// A key of at most so many bytes is copied in one go.
const SHORT: usize = 16;

impl Path {
    fn new(prefix: &[u8]) -> Self {
        let mut this = Self { bytes: [0; MAX_NAME + SHORT], length: 0 };
        this.set_key(0, prefix, prefix.len());
        this
    }

    /// Puts a dot behind the path, which is part of it only with a key behind it, and gives the place for that key.
    fn dot(&mut self) -> usize {
        if (1..MAX_NAME).contains(&self.length)
            && let Some(dot) = self.bytes.get_mut(self.length)
        {
            *dot = b'.';
            return self.length.saturating_add(1);
        }
        self.length
    }

    /// Puts a key in the place `begin`, the first `length` bytes of `text`; gives the path, which ends there.
    #[inline]
    fn set_key(&mut self, begin: usize, text: &[u8], length: usize) -> &[u8] {
        if begin <= MAX_NAME - SHORT
            && length <= SHORT
            && let Some(text) = text.first_chunk::<SHORT>()
            && let Some(room) = self.bytes.get_mut(begin..).and_then(|room| room.first_chunk_mut::<SHORT>())
        {
            *room = *text;
            self.length = begin.saturating_add(length);
        } else {
            self.set_any_key(begin, text, length);
        }
        self.as_bytes()
    }

    fn set_any_key(&mut self, begin: usize, text: &[u8], length: usize) {
        let length = length.min(MAX_NAME.saturating_sub(begin));
        let room = self.bytes.get_mut(begin..).unwrap_or_default();
        room.iter_mut().zip(text).take(length).for_each(|(room, byte)| *room = *byte);
        self.length = begin.saturating_add(length);
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The containers that are open.
struct Open {
    /// The innermost.
    inside: Inside,
    /// Where its keys stand in the path.
    keys_begin: usize,
    depth: usize,
    levels: [Level; MAX_DEPTH],
}

/// What a container stands in.
#[derive(Clone, Copy)]
struct Level {
    inside: Inside,
    keys_begin: usize,
    /// How long the path to the container is.
    path_length: usize,
}

impl Default for Open {
    fn default() -> Self {
        let level = Level { inside: Inside::Nothing, keys_begin: 0, path_length: 0 };
        Self { inside: Inside::Nothing, keys_begin: 0, depth: 0, levels: [level; MAX_DEPTH] }
    }
}

impl Open {
    /// Says whether there was room for one more.
    fn push(&mut self, inside: Inside, path: &mut Path) -> bool {
        let Some(level) = self.levels.get_mut(self.depth) else { return false };
        *level = Level { inside: self.inside, keys_begin: self.keys_begin, path_length: path.length };
        self.inside = inside;
        self.keys_begin = path.dot();
        self.depth = self.depth.saturating_add(1);
        true
    }

    /// Closes the innermost container and makes the path the one to it.
    fn pop(&mut self, path: &mut Path) {
        self.depth = self.depth.saturating_sub(1);
        if let Some(level) = self.levels.get(self.depth) {
            (self.inside, self.keys_begin, path.length) = (level.inside, level.keys_begin, level.path_length);
        }
    }
}
