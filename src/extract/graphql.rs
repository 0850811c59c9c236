//! GraphQL (spec of October 2021, section 2): the strings that a query gives to its arguments.

use super::{MAX_NAME, MAX_VALUES, Target, Visit, cut, cut_at, emit, json, take_while};

/// Visits the strings in `text` if it is a value called `query` that looks like GraphQL, which is what one is called
/// in a URL, a form or JSON. The value as a whole is visited elsewhere.
#[inline]
pub(super) fn arguments(target: Target, name: &[u8], text: &[u8], visit: &mut Visit<'_>) {
    // Most names end otherwise.
    if matches!(name, [.., b'y' | b'Y']) && is_query(name) && text.contains(&b'{') {
        strings(target, name, text, visit);
    }
}

/// Whether `name` is `query` or ends with `.query`, in any case.
fn is_query(name: &[u8]) -> bool {
    name.rsplit(|b| *b == b'.').next().is_some_and(|last| last.eq_ignore_ascii_case(b"query"))
}

/// Visits every string of `text` under `name` and the argument's own name: `query.login`.
pub(super) fn strings(target: Target, name: &[u8], text: &[u8], visit: &mut Visit<'_>) {
    let mut argument: &[u8] = b"";
    let mut left = MAX_VALUES;
    let mut rest = text;
    while left > 0 {
        rest = take_while(rest, |b| !(b.is_ascii_alphabetic() || matches!(b, b'_' | b'"' | b'#'))).1;
        rest = match rest {
            [] => return,
            [b'#', tail @ ..] => cut(tail, b'\n').1.unwrap_or_default(),
            [b'"', b'"', b'"', tail @ ..] => {
                let (block, tail) = cut_at(tail, b"\"\"\"");
                emit(target, &full(name, argument), block, visit);
                left = left.saturating_sub(1);
                tail.unwrap_or_default()
            }
            [b'"', tail @ ..] => {
                let (value, tail) = json::quoted(tail);
                emit(target, &full(name, argument), &value, visit);
                left = left.saturating_sub(1);
                tail
            }
            _ => {
                let (word, tail) = take_while(rest, |b| b.is_ascii_alphanumeric() || b == b'_');
                argument = word;
                tail
            }
        };
    }
}

fn full(name: &[u8], argument: &[u8]) -> Vec<u8> {
    let dot: &[u8] = if argument.is_empty() || name.is_empty() { b"" } else { b"." };
    name.iter().chain(dot).chain(argument).copied().take(MAX_NAME).collect()
}
