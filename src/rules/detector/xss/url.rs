//! URLs that are programs: `javascript:`, `vbscript:` and `data:` of a type that runs script.

use super::lexeme::{ends_with, is_blank, is_quote, split_start, starts_with, trim_end, trim_start};
use super::place::Place;
use crate::rules::Span;

/// How far into the value of an attribute a scheme is looked for.
const LEAD_BYTES: usize = 4096;

/// How far into a program one has to read to see that it is one.
const PROGRAM_BYTES: usize = 120;

/// Schemes whose URL is a program.
const SCHEMES: &[&[u8]] = &[b"javascript", b"vbscript"];

/// Types of a `data:` URL that a browser runs script in.
const TYPES: &[&[u8]] = &[
    b"text/html",
    b"text/xml",
    b"text/javascript",
    b"application/xml",
    b"application/xhtml",
    b"application/javascript",
    b"application/x-javascript",
    b"text/xsl",
    b"text/vbscript",
];

/// Statements that do nothing, as pages write them into links.
const NOTHING: &[&[u8]] = &[
    b"void(0)",
    b"void 0",
    b"void (0)",
    b"void(null)",
    b"void()",
    b";",
    b"//",
    b"#",
    b"undefined",
    b"return false",
    b"false",
    b"{}",
];

/// Words that may stand before another word in a program.
const KEYWORDS: &[&[u8]] = &[
    b"var",
    b"let",
    b"const",
    b"new",
    b"throw",
    b"return",
    b"void",
    b"await",
    b"delete",
    b"typeof",
    b"with",
    b"if",
    b"for",
    b"while",
    b"try",
    b"function",
    b"async",
    b"class",
];

/// `:` behind the scheme of such a URL, where a URL may stand.
#[inline(never)]
pub fn scheme(place: Place<'_>) -> Option<Span> {
    let last = place.head.last()?.to_ascii_lowercase();
    let before = match last {
        b't' | b'\t' | b'\n' | b'\r' => strip_program(place.head)?,
        b'a' => {
            let mime = trim_start(place.tail);
            if !TYPES.iter().any(|t| starts_with(mime, t)) && !is_markup(mime) {
                return None;
            }
            strip_plain(place.head, b"data")?
        }
        _ => return None,
    };
    let runs = (last == b'a' || does_something(place.tail)) && may_hold_url(before);
    runs.then(|| place.span(before.len(), 32))
}

/// Whether the value of an attribute is a URL that runs script.
pub fn is_program(value: &[u8]) -> bool {
    let value = trim_start(value);
    let value = value.get(..value.len().min(LEAD_BYTES)).unwrap_or_default();
    value.iter().enumerate().filter(|(_, b)| **b == b':').any(|(at, _)| {
        let (head, tail) = value.split_at_checked(at).unwrap_or_default();
        let tail = tail.split_first().map_or(tail, |(_, tail)| tail);
        let begins = strip_program(head).is_some_and(|b| b.last().is_none_or(|b| !b.is_ascii_alphanumeric()));
        (begins && !without_nothing(tail).is_empty())
            || (strip_plain(head, b"data").is_some() && TYPES.iter().any(|t| starts_with(trim_start(tail), t)))
    })
}

/// Whether a `data:` URL without a type of its own has markup in it.
fn is_markup(data: &[u8]) -> bool {
    data.strip_prefix(b",").is_some_and(|content| trim_start(content).starts_with(b"<"))
}

/// `head` without `scheme` at its end, of a kind that only old browsers or frames load; line breaks are not looked for.
fn strip_plain<'v>(head: &'v [u8], scheme: &[u8]) -> Option<&'v [u8]> {
    ends_with(head, scheme).then(|| head.get(..head.len().saturating_sub(scheme.len())).unwrap_or_default())
}

/// `head` without the scheme of a program at its end.
fn strip_program(head: &[u8]) -> Option<&[u8]> {
    SCHEMES.iter().find_map(|s| strip_scheme(head, s)).or_else(|| strip_plain(head, b"livescript"))
}

/// `head` without `scheme` at its end; browsers drop tabs and line breaks from URLs (WHATWG URL, 4.4).
fn strip_scheme<'v>(head: &'v [u8], scheme: &[u8]) -> Option<&'v [u8]> {
    let mut head = head;
    for letter in scheme.iter().rev() {
        while let [rest @ .., b'\t' | b'\n' | b'\r'] = head {
            head = rest;
        }
        let (last, rest) = head.split_last()?;
        if last.to_ascii_lowercase() != *letter {
            return None;
        }
        head = rest;
    }
    Some(head)
}

/// Whether a URL can begin behind `before`: at the start, as the value of an attribute or a parameter, as an argument. A
/// string in a JSON text is none of these: trackers report the links of a page like that.
fn may_hold_url(before: &[u8]) -> bool {
    let outside = trim_end(before);
    match outside.last() {
        None | Some(b'=' | b'(' | b'<' | b'>' | b'|') => true,
        Some(b';' | b',' | b':' | b'/' | b'*') => outside.len() == before.len(),
        Some(quote) if is_quote(*quote) => {
            let quotes =
                outside.iter().rev().take(8).take_while(|b| is_quote(**b) || is_blank(**b) || **b == b'\\').count();
            let outside = outside.get(..outside.len().saturating_sub(quotes)).unwrap_or_default();
            matches!(outside.last(), None | Some(b'=' | b'(' | b'>' | b';' | b'+'))
        }
        // A control or a broken character before the scheme: some browser skipped it.
        Some(byte) => {
            outside.len() < 8 && !byte.is_ascii_alphanumeric() || *byte >= 0x80 && outside.len() == before.len()
        }
    }
}

/// `text` without statements at its start that do nothing.
fn without_nothing(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    while let Some(rest) =
        NOTHING.iter().find_map(|n| starts_with(text, n).then(|| text.get(n.len()..).unwrap_or_default()))
    {
        // A comment can be ended by a line break, and then goes on as a program.
        if rest.len() < text.len() && text.starts_with(b"//") && !rest.is_empty() {
            break;
        }
        text = trim_start(rest);
    }
    text
}

/// Whether what follows `javascript:` does something, and is no heading such as `JavaScript: the good parts`.
fn does_something(text: &[u8]) -> bool {
    let text = without_nothing(text);
    if text.is_empty() || matches!(text.first(), Some(b'"' | b'\'' | b'>')) && text.len() < 2 {
        return false;
    }
    let (word, rest) = split_start(text, |b| b.is_ascii_alphabetic());
    let spaced = rest.first().is_some_and(|b| is_blank(*b));
    let next = trim_start(rest).first().copied().unwrap_or(0);
    if !word.is_empty()
        && spaced
        && (next.is_ascii_alphanumeric() || next == b'(' || next == 0)
        && !KEYWORDS.iter().any(|k| k.eq_ignore_ascii_case(word))
    {
        return false;
    }
    let end =
        text.get(..text.len().min(PROGRAM_BYTES)).unwrap_or_default().split(|b| *b == b'>').next().unwrap_or_default();
    end.iter().any(|b| matches!(b, b'(' | b'`' | b'=' | b'[' | b'\\' | b'{' | b';' | b'/' | b'+'))
}
