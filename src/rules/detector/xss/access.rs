//! Members of the page that only script reads or sets: `document.cookie`, `top['alert']`, `location=`.

use super::call::is_elsewhere;
use super::lexeme::{
    ends_with, is_blank, is_in, is_name, is_quote, skip_end, skip_start, split_end, split_start, starts_with, trim_end,
    trim_start,
};
use super::place::Place;
use super::tables::{GLOBALS, RUNNERS};
use crate::rules::Span;

/// How far the end of an index may lie behind its start.
const REACH: usize = 200;

/// `[` behind a name of the global object, or around the name of a constructor.
#[inline(never)]
pub fn member(place: Place<'_>) -> Option<Span> {
    let head = if place.head.ends_with(b"*/") { skip_end(place.head) } else { place.head };
    let (before, name) = split_end(head, is_name);
    let inside = skip_start(place.tail);
    let quote = inside.first().copied().filter(|b| is_quote(*b));
    if let Some(text) = quote.and_then(|_| inside.get(1..))
        && ["constructor", "__proto__"].iter().any(|n| starts_with(text, n.as_bytes()))
    {
        return Some(place.span(before.len(), 16));
    }
    if let Some(text) = quote.and_then(|_| inside.get(1..))
        && name.eq_ignore_ascii_case(b"document")
        && ["cookie", "domain", "write", "location"].iter().any(|n| starts_with(text, n.as_bytes()))
    {
        return Some(place.span(before.len(), 16));
    }
    let number = split_start(inside, |b| b.is_ascii_digit()).1.starts_with(b"..");
    let computed = matches!(inside.first(), Some(b'/' | b'(' | b'+' | b'!')) || quote.is_some() || number;
    if !computed || !is_in(GLOBALS, name) {
        return None;
    }
    let reach = inside.get(..REACH.min(inside.len())).unwrap_or_default();
    let used = reach.windows(2).any(|w| matches!(w, [b']', b'(' | b'[' | b'`' | b'=' | b'?']));
    used.then(|| place.span(before.len(), 24))
}

/// Script written with `[]()!+` alone.
#[inline(never)]
pub fn jsfuck(place: Place<'_>) -> Option<Span> {
    let opener = place.head.last().copied().unwrap_or(0);
    let empty = trim_start(place.tail).starts_with(b"]");
    if opener == b'~' && empty && matches!(split_end(place.head, |b| b == b'~').0.last(), Some(b'=')) {
        return Some(place.span(place.head.len(), 8));
    }
    let begins = matches!(opener, b'!' | b'+') || place.tail.starts_with(b"][");
    if !empty || !begins {
        return None;
    }
    let (run, _) =
        split_start(place.tail, |b| matches!(b, b'[' | b']' | b'(' | b')' | b'!' | b'+' | b'{' | b'}' | b' '));
    let marks = run.iter().filter(|b| **b != b' ').count();
    let operators = run.iter().filter(|b| matches!(b, b'!' | b'+')).count();
    (marks >= 9 && operators >= 1).then(|| place.span(place.head.len(), 24))
}

/// `.` between a part of the page and what is wanted of it: `document.cookie`.
#[inline(never)]
pub fn dom(place: Place<'_>) -> Option<Span> {
    if !matches!(place.head.last(), Some(b't' | b'T' | b'w' | b'W' | b'f' | b'F' | b'p' | b'P' | b'/' | b' ' | b'?')) {
        return None;
    }
    let (before, object) = split_end(skip_end(place.head), is_name);
    let document = object.eq_ignore_ascii_case(b"document");
    if !document && !is_in(GLOBALS, object) {
        return None;
    }
    let (member, after) = split_start(skip_start(place.tail), is_name);
    let is = |names: &[&str]| names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(member));
    let next = trim_start(after).first().copied();
    // Prose puts a space before the word and goes on with another behind it.
    let apart = before.last().is_none_or(|b| b.is_ascii_punctuation() && *b != b'/') || before.len() <= 1;
    let found = if document && is(&["write", "writeln"]) {
        matches!(next, Some(b'(' | b'`'))
    } else if document && is(&["cookie", "domain"]) {
        match next {
            Some(b'=' | b')' | b'+' | b']' | b'}' | b'>') => true,
            Some(b';' | b',' | b'.' | b'/' | b'\'' | b'"' | b'-' | b'<' | b'`') | None => apart,
            Some(_) => false,
        }
    } else if is(&["location"]) {
        match next {
            Some(b'=') => !trim_start(after).starts_with(b"=="),
            Some(b'.') | None => apart,
            Some(_) => false,
        }
    } else if document && is(&["body", "documentelement", "head", "forms"]) {
        let (_, tail) = split_start(after, |b| matches!(b, b'.' | b'[' | b']' | b'0'..=b'9'));
        ["appendchild", "innerhtml", "outerhtml", "insertadjacent", "action"]
            .iter()
            .any(|n| starts_with(tail, n.as_bytes()))
            && apart
    } else if document && is(&["createelement"]) {
        let text = skip_start(after.strip_prefix(b"(").unwrap_or_default()).get(1..).unwrap_or_default();
        apart && ["script", "iframe", "img", "object", "embed"].iter().any(|n| starts_with(text, n.as_bytes()))
    } else {
        false
    };
    found.then(|| place.span(before.len(), member.len().saturating_add(4)))
}

/// `=` that sends the page elsewhere, writes markup into it, or renames a function to run it.
#[inline(never)]
pub fn assignment(place: Place<'_>) -> Option<Span> {
    if matches!(place.tail.first(), Some(b'=' | b'>')) || matches!(place.head.last(), Some(b'=' | b'!' | b'<' | b'>')) {
        return None;
    }
    let (before, name) = split_end(skip_end(place.head), is_name);
    let value = skip_start(place.tail);
    let found = if name.eq_ignore_ascii_case(b"location")
        || name.eq_ignore_ascii_case(b"href") && ends_with(before, b"location.")
    {
        goes_elsewhere(value) && begins_statement(before)
    } else if before.ends_with(b".")
        && (name.eq_ignore_ascii_case(b"innerhtml") || name.eq_ignore_ascii_case(b"outerhtml"))
    {
        !value.is_empty()
    } else {
        renames(name, value) || (matches!(name, [b'o' | b'O', b'n' | b'N', ..]) && is_runner(value))
    };
    found.then(|| place.span(before.len(), 24))
}

/// Whether a statement can begin behind `before`, rather than an attribute of XML or a parameter.
fn begins_statement(before: &[u8]) -> bool {
    match trim_end(before).last() {
        Some(b'&' | b'?') => before.ends_with(b"&&"),
        Some(byte) => !is_quote(*byte) && !is_name(*byte) && byte.is_ascii(),
        None => true,
    }
}

fn goes_elsewhere(value: &[u8]) -> bool {
    match value.split_first() {
        Some((quote, text)) if is_quote(*quote) => is_elsewhere(text) || starts_with(text, b"java"),
        _ => {
            let (name, rest) = split_start(value, is_name);
            let page = ["name", "window", "document", "atob", "self", "top", "parent", "location", "unescape"];
            page.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name))
                && matches!(
                    trim_start(rest).first(),
                    None | Some(b'.' | b'(' | b';' | b'+' | b'[' | b'>' | b'/' | b'\'' | b'"')
                )
        }
    }
}

/// `onerror=alert`, as a statement and as an attribute.
fn is_runner(value: &[u8]) -> bool {
    let (function, rest) = split_start(value, is_name);
    is_in(RUNNERS, function) && !rest.first().is_some_and(|b| is_blank(*b))
}

/// `a=alert,a(1)`
fn renames(name: &[u8], value: &[u8]) -> bool {
    let (function, rest) = split_start(value, is_name);
    if name.is_empty() || !is_in(RUNNERS, function) {
        return false;
    }
    let Some((b';' | b',' | b')' | b'}', rest)) = trim_start(rest).split_first() else { return false };
    trim_start(rest).strip_prefix(name).is_some_and(|rest| matches!(trim_start(rest).first(), Some(b'(' | b'`')))
}
