//! Calls that run script or show that it runs, in the place where an expression begins.

use super::lexeme::{
    ends_with, is_blank, is_in, is_name, is_quote, skip_end, skip_start, split_end, split_start, starts_with, trim_end,
    trim_start,
};
use super::place::{Place, Quotes};
use super::tables::{ARGUMENTS, GLOBALS, RUNNERS};
use crate::rules::Span;

/// How far the end of a call may lie behind its start.
const REACH: usize = 200;

/// `(` or `` ` `` behind the name of a function.
#[inline(never)]
pub fn call(place: Place<'_>, odd: Quotes) -> Option<Span> {
    let head = skip_end(place.head);
    let head = head.strip_suffix(b"?.").unwrap_or(head);
    let (before, name) = split_end(head, is_name);
    let found = match (name, place.mark) {
        ([], _) => wraps_runner(head),
        (_, b'`') => !is_markdown(before, name, place, odd) && runs(before, name, place),
        _ => runs(before, name, place) || breaks_out(before, place.tail, odd),
    };
    found.then(|| place.span(before.len(), 16))
}

/// Whether a back quote is one that Markdown puts around a word: "the function `f`", "`--eval` or".
fn is_markdown(before: &[u8], name: &[u8], place: Place<'_>, odd: Quotes) -> bool {
    let is_apart = place.head.last().is_some_and(|b| is_blank(*b))
        && !before.ends_with(b".")
        && !trim_end(before).ends_with(b" .");
    let closes = odd.of(b'`');
    let goes_on = place.tail.first().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'`' | b'$' | b'\\'));
    is_apart || (closes && !(is_in(RUNNERS, name) && goes_on && !before.ends_with(b"`")))
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
    if is(&["settimeout", "setinterval"]) {
        return text
            || is_argument(arguments)
            || is_in(RUNNERS, split_start(arguments, is_name).0)
            || (before.is_empty() && is_timer(arguments));
    }
    if is(&["function"]) {
        return text && !member && !before.last().is_some_and(|b| is_quote(*b));
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
    let object = before.strip_suffix(b".").map(|object| split_end(object, is_name).1);
    let is_foreign = object.is_some_and(|object| !is_in(GLOBALS, object));
    // "`eval()`", as Markdown has it.
    let is_mention = before.ends_with(b"`") && split_start(arguments, is_name).1.starts_with(b")`");
    match arguments {
        [] => false,
        _ if is_mention => false,
        [first, ..] if is_foreign && (is_name(*first) && !first.is_ascii_digit() || matches!(first, b')' | b'[')) => {
            false
        }
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
fn is_timer(arguments: &[u8]) -> bool {
    let (name, rest) = split_start(arguments, is_name);
    let delay = trim_start(rest).strip_prefix(b",").map(trim_start).and_then(<[u8]>::first);
    name.first().is_some_and(|b| !b.is_ascii_digit()) && delay.is_some_and(u8::is_ascii_digit)
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
    let Some(quote) = left.last().copied().filter(|b| matches!(b, b'\'' | b'"')) else { return false };
    // A statement on the next line was written by who wrote the string.
    if !operates || !adjacent || !odd.of(quote) || operators.contains(&b'\n') {
        return false;
    }
    let reach = arguments.get(..REACH.min(arguments.len())).unwrap_or_default();
    let Some(close) = reach.iter().position(|b| *b == b')') else { return false };
    let (operators, rest) = split_start(reach.get(close..).unwrap_or_default(), |b| {
        is_blank(b)
            || matches!(b, b')' | b'(' | b';' | b'+' | b'-' | b'*' | b'%' | b'&' | b'|' | b'^' | b',' | b'}' | b'\\')
    });
    let joined = operators.iter().any(|b| !is_blank(*b) && *b != b')');
    matches!(rest, [b'/', b'/' | b'*', ..] | [b'<', b'!', ..]) || (joined && rest.first() == Some(&quote))
}
