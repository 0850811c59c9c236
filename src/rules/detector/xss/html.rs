//! Tags and attributes (WHATWG HTML, 13.2.5), read a little wider than the standard: what any browser took for a tag is one.

use super::css;
use super::lexeme::{is_blank, is_in, is_quote, skip_start, split_start, starts_with, trim_start};
use super::tables::{ACTIVE, Danger, EVENTS, NOT_EVENTS, PAGE_HEADERS, RUNNERS, URL_ATTRIBUTES};
use super::url;
use crate::rules::Span;

/// Where the page may have pasted the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Between tags.
    Text,
    /// In an attribute between quotes of this kind.
    Quoted(u8),
    /// In a tag, as an attribute or as a value without quotes.
    Bare,
}

/// The tag whose attributes are being read.
#[derive(Clone, Copy)]
struct Tag {
    /// Where its `<` stands, or where the value left the attribute that it was pasted into.
    start: usize,
    danger: Danger,
    /// Whether the value itself opened it.
    is_own: bool,
}

struct Reader<'v> {
    value: &'v [u8],
    at: usize,
    /// Quotes of which no more follow.
    gone: [Option<u8>; 2],
}

/// The first tag or attribute that runs script when `value` stands in `context`.
pub fn scan(value: &[u8], context: Context) -> Option<Span> {
    let mut reader = Reader { value, at: 0, gone: [None; 2] };
    match context {
        Context::Text => {}
        Context::Quoted(quote) => {
            reader.at = value.iter().position(|b| *b == quote)?.saturating_add(1);
            if let Some(span) = reader.attributes(Tag { start: reader.at.saturating_sub(1), danger: Danger::None, is_own: false }) {
                return Some(span);
            }
        }
        Context::Bare => {
            if let Some(span) = reader.attributes(Tag { start: 0, danger: Danger::None, is_own: false }) {
                return Some(span);
            }
        }
    }
    while let Some(span) = reader.next_tag() {
        if let Some(found) = span {
            return Some(found);
        }
    }
    None
}

impl<'v> Reader<'v> {
    fn rest(&self) -> &'v [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.value.get(self.at).copied()
    }

    /// Steps over what `kind` takes, and gives it.
    fn skip(&mut self, kind: fn(u8) -> bool) -> &'v [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|b| !kind(*b)).unwrap_or(rest.len());
        self.at = self.at.saturating_add(length);
        rest.get(..length).unwrap_or_default()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn span(&self, start: usize) -> Span {
        Span { start, end: self.at.max(start).min(self.value.len()) }
    }

    /// Reads on to the next tag and through it: nothing if there is none, else what it runs.
    fn next_tag(&mut self) -> Option<Option<Span>> {
        self.skip(|b| b != b'<');
        let start = self.at;
        self.peek()?;
        self.step();
        let is_closing = self.peek() == Some(b'/');
        if is_closing {
            self.step();
        }
        match self.peek() {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'!' | b'?' | b'%') => {}
            // Old filters drop a blank or a control here.
            Some(b' ' | b'\0') if starts_with(trim_start(self.rest()), b"script") => {
                self.skip(is_blank);
            }
            _ => return Some(None),
        }
        let name = self.skip(|b| !is_blank(b) && !matches!(b, b'/' | b'>' | b'<' | b'=' | b'"' | b'\'' | b'`' | b'+'));
        let name = name.strip_prefix(b"%").unwrap_or(name);
        let local = name.rsplit(|b| *b == b':').next().unwrap_or(name);
        let danger = match is_closing {
            true if local.eq_ignore_ascii_case(b"script") => Danger::Script,
            true => Danger::None,
            false => ACTIVE.iter().find(|(tag, _)| local.eq_ignore_ascii_case(tag.as_bytes())).map_or(Danger::None, |(_, d)| *d),
        };
        if is_closing && self.peek() == Some(b'=') {
            // `<x </onload=...`: behind an open tag this is an attribute.
            self.at = self.at.saturating_sub(name.len());
        }
        if name.starts_with(b"!--#") || name.eq_ignore_ascii_case(b"?import") {
            return Some(Some(self.span(start)));
        }
        match (danger, self.peek()) {
            (Danger::Always, _) | (Danger::Script, Some(b'>' | b'/' | b'+')) => Some(Some(self.span(start))),
            _ => Some(self.attributes(Tag { start, danger, is_own: true }).or_else(|| self.style(start, danger))),
        }
    }

    /// Reads the text of a `style` element.
    fn style(&mut self, start: usize, danger: Danger) -> Option<Span> {
        if danger != Danger::Style {
            return None;
        }
        let text = self.skip(|b| b != b'<');
        css::is_active(text).then(|| self.span(start))
    }

    /// Reads attributes up to the end of the tag, or the beginning of the next one.
    fn attributes(&mut self, tag: Tag) -> Option<Span> {
        loop {
            self.skip(|b| is_blank(b) || is_quote(b) || matches!(b, b'/' | b'+' | b',' | b';'));
            match self.peek()? {
                b'>' => {
                    self.step();
                    return (tag.danger == Danger::Script).then(|| self.span(tag.start));
                }
                b'<' => return None,
                _ => {}
            }
            let start = self.at;
            let name = self.skip(|b| !is_blank(b) && !matches!(b, b'/' | b'>' | b'<' | b'=' | b'"' | b'\''));
            self.skip(|b| is_blank(b) || b == b'/');
            if self.peek() != Some(b'=') {
                if name.is_empty() {
                    self.step();
                }
                continue;
            }
            self.step();
            self.skip(is_blank);
            let value = self.value();
            if judge(tag, name, value) {
                return Some(self.span(if tag.is_own { tag.start } else { start.saturating_sub(1) }));
            }
        }
    }

    /// The value of an attribute.
    fn value(&mut self) -> &'v [u8] {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else {
            return self.skip(|b| !is_blank(b) && b != b'>');
        };
        self.step();
        if !self.gone.contains(&Some(quote)) {
            let rest = self.rest();
            if let Some(length) = rest.iter().position(|b| *b == quote) {
                self.at = self.at.saturating_add(length).saturating_add(1);
                return rest.get(..length).unwrap_or_default();
            }
            self.gone = [Some(quote), self.gone.first().copied().flatten()];
        }
        // The page will close it somewhere, or another reader does not mind.
        let start = self.at;
        self.skip(|b| !is_blank(b) && b != b'>');
        self.value.get(start..).unwrap_or_default()
    }
}

/// Whether the attribute runs something.
fn judge(tag: Tag, name: &[u8], value: &[u8]) -> bool {
    if let [b'o' | b'O', b'n' | b'N', event @ ..] = name {
        let letters = event.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if letters == event.len() && letters > 1 && is_handler(tag, name, value) {
            return true;
        }
    }
    let is = |names: &[&str]| names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name));
    let own = match tag.danger {
        Danger::None | Danger::Always | Danger::Style => false,
        Danger::Script => true,
        Danger::Attribute => !name.is_empty(),
        Danger::Link => is(&["href"]),
        Danger::Meta => is_meta(name, value),
        Danger::Animation => is(&["attributename"]) && animates(value),
    };
    own || is(&["srcdoc", "formaction", "ev:event", "datasrc", "dataformatas"])
        || (is(URL_ATTRIBUTES) && url::is_program(value))
        || (is(&["style"]) && css::is_active(value))
}

fn is_handler(tag: Tag, name: &[u8], value: &[u8]) -> bool {
    if is_in(NOT_EVENTS, name) {
        return false;
    }
    if tag.is_own {
        return !is_component(value);
    }
    (EVENTS.iter().any(|stem| starts_with(name, stem.as_bytes())) && !value.first().is_some_and(u8::is_ascii_digit)) || is_code(value)
}

/// Whether an attribute of `meta` sends the page elsewhere, sets something or has it read in a strange character set.
fn is_meta(name: &[u8], value: &[u8]) -> bool {
    let value = trim_start(value);
    if name.eq_ignore_ascii_case(b"http-equiv") {
        return !is_in(PAGE_HEADERS, value);
    }
    let charset = match name.eq_ignore_ascii_case(b"content") {
        true => value.windows(8).position(|w| w.eq_ignore_ascii_case(b"charset=")).and_then(|at| value.get(at.saturating_add(8)..)),
        false => name.eq_ignore_ascii_case(b"charset").then_some(value),
    };
    charset.is_some_and(|c| ["utf-7", "utf7", "x-", "mac"].iter().any(|odd| starts_with(c, odd.as_bytes())))
}

/// `onClick={handle}` and `onClick={(event) => ...}` of JSX: as HTML it would be a block that runs nothing.
fn is_component(value: &[u8]) -> bool {
    let Some(inside) = value.strip_prefix(b"{") else { return false };
    let list = inside.strip_prefix(b"(");
    let (_, rest) = split_start(list.unwrap_or(inside), |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | b','));
    match (list, rest) {
        (Some(_), []) | (_, [b')' | b'}'] | [b')' | b'}', b'=', ..]) => true,
        (None, rest) => matches!(rest, [] | [b'=', ..] | [b'}', ..]),
        _ => false,
    }
}

/// Whether the value of a handler begins like a statement: a call, an assignment or a function that runs things.
fn is_code(value: &[u8]) -> bool {
    let value = value.split_first().filter(|(b, _)| is_quote(**b)).map_or(value, |(_, rest)| rest);
    let (name, rest) = split_start(skip_start(value), |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | b'[' | b']'));
    let rest = trim_start(rest);
    !name.is_empty() && matches!(rest.first(), Some(b'(' | b'`' | b'=')) || is_in(RUNNERS, name) || starts_with(name, b"javascript")
}

/// Whether the attribute that an animation sets can carry script.
fn animates(value: &[u8]) -> bool {
    let name = trim_start(value);
    starts_with(name, b"on") || name.to_ascii_lowercase().ends_with(b"href")
}
