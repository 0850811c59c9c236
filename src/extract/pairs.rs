//! Names and values with separators between them: queries and forms (WHATWG URL, 5.1), cookies (RFC 6265 section 4.2).
//!
//! Parameters are cut apart at `&` only: a `;` belongs to the value, where it may be what ends an SQL statement or a
//! shell command. Old readers also cut at `;`, so what follows a `;` and looks like `name=value` is visited once more,
//! by itself.

use std::borrow::Cow;

use super::{MAX_VALUES, Target, Visit, cut, emit, emit_name, emit_nested};
use crate::decode::{Transform, plus_and_percent};
use crate::http::cookie;

/// Visits every parameter of a query or form, decoded once. What follows the first [`MAX_VALUES`] is one value.
pub(super) fn split(text: &[u8], target: Target, visit: &mut Visit<'_>) {
    let mut left = MAX_VALUES;
    let mut rest = text;
    while !rest.is_empty() {
        if left == 0 {
            return emit(target, b"", &decoded(rest), visit);
        }
        let (pair, after) = cut(rest, b'&');
        rest = after.unwrap_or_default();
        if pair.is_empty() {
            continue;
        }
        left = left.saturating_sub(1);
        let (name, value) = name_and_value(pair);
        let name = decoded(name);
        emit_name(target, &name, &name, visit);
        emit_nested(target, &name, &decoded(value), visit);
        for pair in pair.split(|b| *b == b';').skip(1) {
            if left == 0 {
                break;
            }
            if let (name, Some(value)) = cut(pair, b'=')
                && is_plain_name(name)
            {
                left = left.saturating_sub(1);
                emit(target, name, &decoded(value), visit);
            }
        }
    }
}

/// Visits what a reader of forms finds in a body that something else has read, too: in all of it, or behind the first
/// `&`.
pub(super) fn split_again(text: &[u8], all: bool, visit: &mut Visit<'_>) {
    let mut left = MAX_VALUES;
    let mut rest = if all { text } else { cut(text, b'&').1.unwrap_or_default() };
    while !rest.is_empty() {
        if left == 0 {
            return emit(Target::Form, b"", &decoded(rest), visit);
        }
        let (pair, after) = cut(rest, b'&');
        rest = after.unwrap_or_default();
        if !pair.is_empty() {
            left = left.saturating_sub(1);
            let (name, value) = name_and_value(pair);
            let name = decoded(name);
            emit_name(Target::Form, &name, &name, visit);
            emit(Target::Form, &name, &decoded(value), visit);
        }
    }
}

/// Visits the cookies of all `headers` as they stand: whether a reader decodes them is the rules' concern. A cookie
/// that is percent-encoded JSON is decoded, so that it can be read as such. Quotes around a value are taken off as most
/// readers do; where others would find more than a word in it, it is visited with them as well.
pub(super) fn cookies(headers: &[&[u8]], visit: &mut Visit<'_>) {
    let mut left = MAX_VALUES;
    for header in headers {
        let mut rest = *header;
        while !rest.is_empty() {
            if left == 0 {
                emit(Target::Cookie, b"", rest, visit);
                break;
            }
            let (pair, after) = cut(rest, b';');
            rest = after.unwrap_or_default();
            let pair = pair.trim_ascii();
            if pair.is_empty() {
                continue;
            }
            left = left.saturating_sub(1);
            let (name, value) = cookie(pair);
            emit_name(Target::Cookie, name, name, visit);
            let quoted = name_and_value(pair).1.trim_ascii();
            // With the quotes as well, where others would find more than a word in it.
            if quoted.len() != value.len()
                && !value.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.~%+/=".contains(b))
            {
                emit(Target::Cookie, name, quoted, visit);
            }
            let decoded = match value {
                [b'%', b'7', b'B' | b'b', ..] | [b'%', b'5', b'B' | b'b', ..] => Transform::Percent.apply(value),
                _ => None,
            };
            emit_nested(Target::Cookie, name, decoded.as_deref().unwrap_or(value), visit);
        }
    }
}

/// A parameter without `=` is a value without a name.
fn name_and_value(pair: &[u8]) -> (&[u8], &[u8]) {
    match cut(pair, b'=') {
        (name, Some(value)) => (name, value),
        (value, None) => (b"", value),
    }
}

fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    plus_and_percent(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn is_plain_name(name: &[u8]) -> bool {
    (1..=64).contains(&name.len())
        && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']'))
}
