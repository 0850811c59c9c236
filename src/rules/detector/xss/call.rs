//! Calls that run script or show that it runs, in the place where an expression begins.

use super::lexeme::{
    ends_with, is_blank, is_in, is_name, is_quote, skip_end, skip_start, split_end, split_start, starts_with, trim_end,
    trim_start,
};
use super::place::{Place, Quotes};
use super::tables::{ARGUMENTS, RUNNERS};
use crate::rules::Span;

/// How far the end of a call may lie behind its start.
const REACH: usize = 200;

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
    let member = skip_end(before).ends_with(b".");
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
    if is(&["xmlhttprequest"]) {
        return true;
    }
    // `[1].find(alert)`
    let (argument, rest) = split_start(arguments, is_name);
    member && is_in(RUNNERS, argument) && matches!(trim_start(rest).first(), Some(b')' | b','))
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
        [
            b'0'..=b'9'
            | b'\''
            | b'"'
            | b'`'
            | b'/'
            | b'['
            | b'{'
            | b'!'
            | b'+'
            | b'-'
            | b'~'
            | b'('
            | b'$'
            | b'\\'
            | b'<'
            | b'.',
            ..,
        ] => true,
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
pub fn is_elsewhere(text: &[u8]) -> bool {
    ["//", "http:", "https:", "data:", "javascript:", "\\\\", "/\\"].iter().any(|p| starts_with(text, p.as_bytes()))
}

/// A string that the value ends and takes up again: `';f(1)//`, `"-f(1)-"`. `before` is what stands before the function.
fn breaks_out(before: &[u8], arguments: &[u8], odd: Quotes) -> bool {
    let mut before = before;
    for _ in 0..4 {
        let Some(object) = before.strip_suffix(b".") else { break };
        before = split_end(object, is_name).0;
    }
    let (left, operators) =
        split_end(before, |b| is_blank(b) || b.is_ascii_punctuation() && !is_quote(b) && b != b'\\');
    let operator = operators.iter().rev().find(|b| !is_blank(**b));
    let operates = matches!(
        operator,
        Some(b';' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'?' | b'}' | b'{' | b')')
    );
    let adjacent = operators.first().is_some_and(|b| b";-+*/%&|^?)}]".contains(b));
    let Some(quote) = left.last().copied().filter(|b| is_quote(*b)) else { return false };
    if !operates || !adjacent || !odd.of(quote) {
        return false;
    }
    let reach = arguments.get(..REACH.min(arguments.len())).unwrap_or_default();
    let Some(close) = reach.iter().position(|b| *b == b')') else { return false };
    let rest = trim_start(reach.get(close..).unwrap_or_default());
    let rest = split_start(rest, |b| {
        is_blank(b)
            || matches!(b, b')' | b'(' | b';' | b'+' | b'-' | b'*' | b'%' | b'&' | b'|' | b'^' | b',' | b'}' | b'\\')
    })
    .1;
    matches!(rest, [b'/', b'/' | b'*', ..] | [b'<', b'!', ..]) || rest.first() == Some(&quote)
}
