//! Script without a tag around it: calls, members of the page, assignments, and a string that ends before its time.

use super::lexeme::{
    ends_with, is_blank, is_in, is_name, is_quote, skip_end, skip_start, split_end, split_start, starts_with, trim_end,
    trim_start,
};
use super::tables::{ARGUMENTS, GLOBALS, RUNNERS, is_sign};
use super::place::{Place, Quotes};
use super::{encoding, url};
use crate::rules::Span;

/// How far the end of a call or an index may lie behind its start.
const REACH: usize = 200;

/// The first sign in `value` that runs script where no tag is needed.
pub fn scan(value: &[u8]) -> Option<Span> {
    let mut odd = Quotes::default();
    for (at, mark) in value.iter().enumerate() {
        if !is_sign(*mark) {
            continue;
        }
        let (head, rest) = value.split_at_checked(at)?;
        let place = Place { head, mark: *mark, tail: rest.split_first()?.1 };
        let found = match mark {
            b'=' => assignment(place),
            b':' => url::scheme(place),
            b'(' => call(place, odd),
            b'[' => member(place).or_else(|| jsfuck(place)),
            b'.' => dom(place),
            b'\'' | b'"' => {
                odd.toggle(*mark);
                None
            }
            b'`' => {
                let template = call(place, odd);
                odd.toggle(*mark);
                template
            }
            b'-' => encoding::utf7(place),
            _ => encoding::us_ascii(place),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// `(` or `` ` `` behind the name of a function.
pub fn call(place: Place<'_>, odd: Quotes) -> Option<Span> {
    let head = skip_end(place.head);
    let head = head.strip_suffix(b"?.").unwrap_or(head);
    let (before, name) = split_end(head, is_name);
    // `x` in Markdown is no call of x.
    let quoted_word = place.mark == b'`' && odd.of(b'`') && before.ends_with(b"`");
    let found = match name {
        [] => wraps_runner(head),
        _ if quoted_word => false,
        _ => runs(before, name, place) || breaks_out(before, place.tail, odd),
    };
    found.then(|| place.span(before.len(), 16))
}

/// `(alert)(1)`
fn wraps_runner(head: &[u8]) -> bool {
    let Some(inside) = head.strip_suffix(b")") else { return false };
    let (before, name) = split_end(trim_end(inside), is_name);
    is_in(RUNNERS, name) && trim_end(before).ends_with(b"(")
}

/// Whether calling `name` with what follows runs script.
fn runs(before: &[u8], name: &[u8], place: Place<'_>) -> bool {
    let arguments = skip_start(place.tail);
    let first = arguments.first().copied().unwrap_or(0);
    let template = place.mark == b'`';
    let text = template || is_quote(first);
    let member = before.ends_with(b".");
    if is_in(RUNNERS, name) {
        return runner(before, place, arguments, template);
    }
    let is = |names: &[&str]| names.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name));
    if is(&["constructor"]) {
        return member && (text || before.len() > 12 && ends_with(before, b"constructor."));
    }
    if is(&["fromcharcode"]) {
        return template || first.is_ascii_digit() || first == b'.';
    }
    if is(&["settimeout", "setinterval", "setimmediate"]) {
        return text || is_argument(arguments) || (before.is_empty() && lists(arguments));
    }
    if is(&["function"]) {
        return text && !member;
    }
    if is(&["import", "fetch", "getscript"]) {
        return text && is_elsewhere(if template { arguments } else { arguments.get(1..).unwrap_or_default() });
    }
    if is(&["expression"]) {
        return matches!(skip_end(before).last(), Some(b':' | b'='));
    }
    if is(&["call", "apply", "bind"]) && member {
        let object = split_end(before.strip_suffix(b".").unwrap_or(before), is_name).1;
        return template || is_in(RUNNERS, object);
    }
    // `[1].find(alert)`
    let (argument, rest) = split_start(arguments, is_name);
    member && is_in(RUNNERS, argument) && trim_start(rest).starts_with(b")")
}

/// `alert(1)`, but neither "the alert (see below)" nor "confirm(ed)".
fn runner(before: &[u8], place: Place<'_>, arguments: &[u8], template: bool) -> bool {
    let gap = !template && place.head.last().is_some_and(|b| is_blank(*b));
    let structural = before.last().is_some_and(|b| b.is_ascii_punctuation() && !matches!(b, b'_' | b'-' | b'#' | b'@'));
    if gap && !structural {
        return false;
    }
    if template {
        return true;
    }
    let spoken = before.last().is_some_and(|b| is_blank(*b))
        && trim_end(before).last().is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80 || matches!(b, b',' | b'.'));
    match arguments {
        [] => false,
        [b')', after @ ..] => {
            !spoken || !matches!(after.first(), None | Some(b' ' | b'.' | b',' | b'?' | b'!' | b':' | b'\n' | b'\r'))
        }
        [b'0'..=b'9' | b'\'' | b'"' | b'`' | b'/' | b'[' | b'{' | b'!' | b'+' | b'-' | b'~' | b'(' | b'$' | b'\\' | b'<' | b'.', ..] => true,
        _ if is_argument(arguments) => true,
        _ => {
            let (name, rest) = split_start(arguments, is_name);
            let next = trim_start(rest).first();
            let goes_on = matches!(next, Some(b')' | b',' | b'.' | b'(' | b'[' | b'+' | b'`'));
            !name.is_empty() && goes_on && (structural || before.is_empty())
        }
    }
}

/// Whether the arguments begin with something of the page, or with a call that decodes.
fn is_argument(arguments: &[u8]) -> bool {
    let (name, rest) = split_start(arguments, is_name);
    let goes_on = matches!(skip_start(rest).first(), Some(b'.' | b'(' | b'[' | b')' | b',' | b'`' | b'+'));
    goes_on && is_in(ARGUMENTS, name)
}

/// `code, 1)`
fn lists(arguments: &[u8]) -> bool {
    let (name, rest) = split_start(arguments, is_name);
    !name.is_empty() && trim_start(rest).starts_with(b",")
}

/// Whether a string names a place that is not this application.
fn is_elsewhere(text: &[u8]) -> bool {
    ["//", "http:", "https:", "data:", "javascript:", "\\\\", "/\\"].iter().any(|p| starts_with(text, p.as_bytes()))
}

/// A string that the value ends and takes up again: `';f(1)//`, `"-f(1)-"`. `before` is what stands before the function.
fn breaks_out(before: &[u8], arguments: &[u8], odd: Quotes) -> bool {
    let mut before = before;
    for _ in 0..4 {
        let Some(object) = before.strip_suffix(b".") else { break };
        before = split_end(object, is_name).0;
    }
    let (left, operators) = split_end(before, |b| is_blank(b) || b.is_ascii_punctuation() && !is_quote(b) && b != b'\\');
    let operator = operators.iter().rev().find(|b| !is_blank(**b));
    let operates = matches!(operator, Some(b';' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'?' | b'}' | b'{' | b')'));
    let adjacent = operators.first().is_some_and(|b| b";-+*/%&|^?)}]".contains(b));
    let Some(quote) = left.last().copied().filter(|b| is_quote(*b)) else { return false };
    if !operates || !adjacent || !odd.of(quote) {
        return false;
    }
    let reach = arguments.get(..REACH.min(arguments.len())).unwrap_or_default();
    let Some(close) = reach.iter().position(|b| *b == b')') else { return false };
    let rest = trim_start(reach.get(close..).unwrap_or_default());
    let rest = split_start(rest, |b| is_blank(b) || matches!(b, b')' | b'(' | b';' | b'+' | b'-' | b'*' | b'%' | b'&' | b'|' | b'^' | b',' | b'}' | b'\\')).1;
    matches!(rest, [b'/', b'/' | b'*', ..] | [b'<', b'!', ..]) || rest.first() == Some(&quote)
}

/// `[` behind a name of the global object, or around the name of a constructor.
pub fn member(place: Place<'_>) -> Option<Span> {
    let (before, name) = split_end(skip_end(place.head), is_name);
    let inside = skip_start(place.tail);
    let quote = inside.first().copied().filter(|b| is_quote(*b));
    if let Some(text) = quote.and_then(|_| inside.get(1..))
        && ["constructor", "__proto__"].iter().any(|n| starts_with(text, n.as_bytes()))
    {
        return Some(place.span(before.len(), 16));
    }
    let computed = matches!(inside.first(), Some(b'/' | b'(' | b'+' | b'!')) || quote.is_some();
    if !computed || !is_in(GLOBALS, name) {
        return None;
    }
    let reach = inside.get(..REACH.min(inside.len())).unwrap_or_default();
    let used = reach.windows(2).any(|w| matches!(w, [b']', b'(' | b'[' | b'`' | b'=' | b'?']));
    used.then(|| place.span(before.len(), 24))
}

/// Script written with `[]()!+` alone.
pub fn jsfuck(place: Place<'_>) -> Option<Span> {
    let opener = trim_end(place.head).last().copied().unwrap_or(0);
    let empty = trim_start(place.tail).starts_with(b"]");
    if opener == b'~' && empty && matches!(split_end(place.head, |b| b == b'~').0.last(), Some(b'=')) {
        return Some(place.span(place.head.len(), 8));
    }
    let begins = matches!(opener, b'!' | b'+') || place.tail.starts_with(b"][");
    if !empty || !begins {
        return None;
    }
    let (run, _) = split_start(place.tail, |b| matches!(b, b'[' | b']' | b'(' | b')' | b'!' | b'+' | b'{' | b'}' | b' '));
    let marks = run.iter().filter(|b| **b != b' ').count();
    let operators = run.iter().filter(|b| matches!(b, b'!' | b'+')).count();
    (marks >= 9 && operators >= 1).then(|| place.span(place.head.len(), 24))
}

/// `.` between a part of the page and what is wanted of it: `document.cookie`.
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
        ["appendchild", "innerhtml", "outerhtml", "insertadjacent", "action"].iter().any(|n| starts_with(tail, n.as_bytes()))
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
pub fn assignment(place: Place<'_>) -> Option<Span> {
    if matches!(place.tail.first(), Some(b'=' | b'>')) || matches!(place.head.last(), Some(b'=' | b'!' | b'<' | b'>')) {
        return None;
    }
    let (before, name) = split_end(skip_end(place.head), is_name);
    let value = skip_start(place.tail);
    let found = if name.eq_ignore_ascii_case(b"location")
        || name.eq_ignore_ascii_case(b"href") && ends_with(before, b"location.")
    {
        goes_elsewhere(value) && !matches!(before.last(), Some(b'&' | b'?'))
    } else if before.ends_with(b".") && (name.eq_ignore_ascii_case(b"innerhtml") || name.eq_ignore_ascii_case(b"outerhtml")) {
        !value.is_empty()
    } else {
        renames(name, value)
    };
    found.then(|| place.span(before.len(), 24))
}

fn goes_elsewhere(value: &[u8]) -> bool {
    match value.split_first() {
        Some((quote, text)) if is_quote(*quote) => is_elsewhere(text) || starts_with(text, b"java"),
        _ => {
            let (name, rest) = split_start(value, is_name);
            let page = ["name", "window", "document", "atob", "self", "top", "parent", "location", "unescape"];
            page.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name))
                && matches!(trim_start(rest).first(), None | Some(b'.' | b'(' | b';' | b'+' | b'[' | b'>' | b'/' | b'\'' | b'"'))
        }
    }
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
