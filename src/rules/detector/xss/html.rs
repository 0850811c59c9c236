//! Tags and attributes (WHATWG HTML, 13.2.5), read a little wider than the standard: what any browser took for a tag is one.

use super::css;
use super::lexeme::{is_blank, is_in, is_quote, skip_start, split_start, starts_with, trim_start};
use super::tables::{ACTIVE, ANGULAR, Danger, EVENTS, LOADING, NOT_EVENTS, PAGE_HEADERS, RUNNERS, URL_ATTRIBUTES};
use super::url;
use crate::decode::until;
use crate::rules::Span;
use crate::rules::effort::Effort;

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
    /// Whether the value left an attribute with quotes to get there.
    is_broken_out: bool,
}

struct Reader<'v, 'e> {
    value: &'v [u8],
    effort: &'e mut Effort,
    at: usize,
    /// Quotes of which no more follow.
    gone: [Option<u8>; 2],
}

/// The first tag or attribute that runs script when `value` stands in `context`.
pub fn scan(value: &[u8], context: Context, effort: &mut Effort) -> Option<Span> {
    effort.spend_on(value.len(), UNITS_OF_BYTE);
    let mut reader = Reader { value, effort, at: 0, gone: [None; 2] };
    match context {
        Context::Text => {}
        Context::Quoted(quote) => {
            reader.skip_to(quote);
            reader.peek()?;
            reader.step();
            if let Some(span) = reader.attributes(Tag {
                start: reader.at.saturating_sub(1),
                danger: Danger::None,
                is_own: false,
                is_broken_out: true,
            }) {
                return Some(span);
            }
        }
        Context::Bare => {
            if let Some(span) =
                reader.attributes(Tag { start: 0, danger: Danger::None, is_own: false, is_broken_out: false })
            {
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

/// What a byte costs, and a tag or an attribute besides.
const UNITS_OF_BYTE: u64 = 10;
const UNITS_OF_NAME: u64 = 140;

impl<'v> Reader<'v, '_> {
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

    /// Steps over what stands before the next `byte`, and gives it.
    fn skip_to(&mut self, byte: u8) -> &'v [u8] {
        let (before, _) = until(self.rest(), byte, byte);
        self.at = self.at.saturating_add(before.len());
        before
    }

    /// Counts a name, and says whether one more may be looked at.
    fn may_go_on(&mut self) -> bool {
        self.effort.spend(UNITS_OF_NAME);
        !self.effort.is_spent()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn span(&self, start: usize) -> Span {
        Span { start, end: self.at.max(start).min(self.value.len()) }
    }

    /// Reads on to the next tag and through it: nothing if there is none, else what it runs.
    fn next_tag(&mut self) -> Option<Option<Span>> {
        if !self.may_go_on() {
            return None;
        }
        self.skip_to(b'<');
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
            false => ACTIVE
                .iter()
                .find(|(tag, _)| local.eq_ignore_ascii_case(tag.as_bytes()))
                .map_or(Danger::None, |(_, d)| *d),
        };
        if is_closing && self.peek() == Some(b'=') {
            // `<x </onload=...`: behind an open tag this is an attribute.
            self.at = self.at.saturating_sub(name.len());
        }
        if name.starts_with(b"!--#")
            || ["?import", "?xml:namespace"].iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()))
        {
            return Some(Some(self.span(start)));
        }
        match (danger, self.peek()) {
            (Danger::Always, _) | (Danger::Script, Some(b'>' | b'/' | b'+')) => Some(Some(self.span(start))),
            _ => Some(
                self.attributes(Tag { start, danger, is_own: true, is_broken_out: false })
                    .or_else(|| self.style(start, danger)),
            ),
        }
    }

    /// Reads the text of a `style` element.
    fn style(&mut self, start: usize, danger: Danger) -> Option<Span> {
        if danger != Danger::Style {
            return None;
        }
        let text = self.skip_to(b'<');
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
            if !self.may_go_on() {
                return None;
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
            if judge(tag, name, value, self.is_behind_quote(start)) {
                return Some(self.span(if tag.is_own { tag.start } else { start.saturating_sub(1) }));
            }
        }
    }

    /// Whether an attribute that begins at `start` comes at once after a quote.
    fn is_behind_quote(&self, start: usize) -> bool {
        match self.value.get(..start) {
            Some([.., quote, b' ' | b'/'] | [.., quote]) => matches!(quote, b'"' | b'\''),
            _ => false,
        }
    }

    /// The value of an attribute.
    fn value(&mut self) -> &'v [u8] {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else {
            return self.skip(|b| !is_blank(b) && b != b'>');
        };
        self.step();
        if !self.gone.contains(&Some(quote)) {
            let (inside, rest) = until(self.rest(), quote, quote);
            if !rest.is_empty() {
                self.at = self.at.saturating_add(inside.len()).saturating_add(1);
                return inside;
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
fn judge(tag: Tag, name: &[u8], value: &[u8], is_behind_quote: bool) -> bool {
    if let [b'o' | b'O', b'n' | b'N', event @ ..] = name {
        let letters = event.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if letters == event.len() && letters > 1 && is_handler(tag, name, value, is_behind_quote) {
            return true;
        }
    }
    let is = |names: &[&str]| names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name));
    let own = match tag.danger {
        Danger::None | Danger::Always | Danger::Style => false,
        Danger::Script => true,
        Danger::Attribute => !name.is_empty(),
        Danger::Base => is(&["href"]),
        Danger::Link => is(&["rel"]) && relates(value),
        Danger::Meta => is_meta(name, value),
        Danger::Animation => is(&["attributename"]) && animates(value),
    };
    own || is(&["srcdoc", "formaction"])
        || (tag.is_own && is(&["ev:event", "datasrc", "dataformatas"]))
        || (tag.is_own && is_angular(name))
        || (is(URL_ATTRIBUTES) && url::is_program(value))
        || (is(&["style"]) && css::is_active(value))
}

fn is_handler(tag: Tag, name: &[u8], value: &[u8], is_behind_quote: bool) -> bool {
    if is_in(NOT_EVENTS, name) {
        return false;
    }
    match tag.is_own {
        true => !is_component(value),
        // Pasted into a tag, it may as well be text, so that an event should be known or the value be script.
        false if EVENTS.iter().any(|stem| starts_with(name, stem.as_bytes())) => {
            is_code(value) || value.is_empty() || (tag.is_broken_out && !value.first().is_some_and(u8::is_ascii_digit))
        }
        false => is_behind_quote && is_code(value),
    }
}

/// `ng-app`, `ng-focus`: an attribute whose value AngularJS evaluates.
fn is_angular(name: &[u8]) -> bool {
    let name = if starts_with(name, b"data-") { name.get(5..).unwrap_or_default() } else { name };
    starts_with(name, b"ng-")
        && name.get(3..).is_some_and(|rest| {
            let events = EVENTS.iter().filter_map(|event| event.strip_prefix("on"));
            events.chain(ANGULAR.iter().copied()).any(|stem| starts_with(rest, stem.as_bytes()))
        })
}

/// Whether a browser loads what a `link` with this relation names.
fn relates(value: &[u8]) -> bool {
    value.split(|b| is_blank(*b)).any(|relation| LOADING.iter().any(|r| r.as_bytes().eq_ignore_ascii_case(relation)))
}

/// Whether an attribute of `meta` sends the page elsewhere, sets something or has it read in a strange character set.
fn is_meta(name: &[u8], value: &[u8]) -> bool {
    let value = trim_start(value);
    if name.eq_ignore_ascii_case(b"http-equiv") {
        return !PAGE_HEADERS.iter().any(|header| starts_with(value, header.as_bytes()));
    }
    let charset = match name.eq_ignore_ascii_case(b"content") {
        true => value
            .windows(8)
            .position(|w| w.eq_ignore_ascii_case(b"charset="))
            .and_then(|at| value.get(at.saturating_add(8)..)),
        false => name.eq_ignore_ascii_case(b"charset").then_some(value),
    };
    charset.is_some_and(|c| ["utf-7", "utf7", "x-", "mac"].iter().any(|odd| starts_with(c, odd.as_bytes())))
}

/// `onClick={handle}` and `onClick={(event) => ...}` of JSX: as HTML, whose value ends at a blank or at `>`, it is a block
/// that runs nothing or never ends.
fn is_component(value: &[u8]) -> bool {
    let Some(inside) = value.strip_prefix(b"{") else { return false };
    let list = inside.strip_prefix(b"(");
    let (_, rest) =
        split_start(list.unwrap_or(inside), |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | b','));
    match (list, rest) {
        (Some(_), []) | (_, [b')' | b'}'] | [b')' | b'}', b'='] | [b'}', b'/']) => true,
        (None, rest) => matches!(rest, [] | [b'=']),
        _ => false,
    }
}

/// Whether the value of a handler begins like a statement: a call, an assignment or a function that runs things.
fn is_code(value: &[u8]) -> bool {
    let value = value.split_first().filter(|(b, _)| is_quote(**b)).map_or(value, |(_, rest)| rest);
    let (name, rest) =
        split_start(skip_start(value), |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | b'[' | b']'));
    let rest = trim_start(rest);
    !name.is_empty() && matches!(rest.first(), Some(b'(' | b'`' | b'='))
        || is_in(RUNNERS, name)
        || starts_with(name, b"javascript")
}

/// Whether the attribute that an animation sets can carry script.
fn animates(value: &[u8]) -> bool {
    let name = trim_start(value);
    starts_with(name, b"on") || name.to_ascii_lowercase().ends_with(b"href")
}
