//! Header parameters: `; name="value"` as in Content-Disposition (RFC 6266, RFC 7578) and Content-Type (RFC 9110, 5.6.6).

use std::borrow::Cow;

use super::take_while;
use crate::decode::Transform;

/// One parameter. A word without `=` is one with an empty name.
pub(super) struct Parameter<'t> {
    pub(super) name: &'t [u8],
    pub(super) value: Cow<'t, [u8]>,
}

/// The parameters of a header value in order.
pub(super) struct Parameters<'t> {
    rest: &'t [u8],
    /// Whether something was read that readers are likely to disagree about: escaped or unclosed quotes, text behind
    /// a quoted value.
    pub(super) odd: bool,
}

impl<'t> Parameters<'t> {
    pub(super) fn of(header: &'t [u8]) -> Self {
        Self { rest: header, odd: false }
    }

    /// What a quoted string holds, and what follows it.
    fn quoted(&mut self, text: &'t [u8]) -> (Cow<'t, [u8]>, &'t [u8]) {
        let mut value = Vec::new();
        let mut rest = text;
        loop {
            let (plain, tail) = take_while(rest, |b| b != b'"' && b != b'\\');
            let all = text.get(..text.len().saturating_sub(tail.len())).unwrap_or(text);
            rest = match tail {
                [] => {
                    self.odd = true;
                    value.extend_from_slice(plain);
                    return (Cow::Owned(value), &[]);
                }
                [b'"', tail @ ..] if value.is_empty() => return (Cow::Borrowed(all), tail),
                [b'"', tail @ ..] => {
                    value.extend_from_slice(plain);
                    return (Cow::Owned(value), tail);
                }
                [b'\\', c @ (b'"' | b'\\'), tail @ ..] => {
                    self.odd = true;
                    value.extend_from_slice(plain);
                    value.push(*c);
                    tail
                }
                // Old browsers send whole Windows paths.
                [c, tail @ ..] => {
                    value.extend_from_slice(plain);
                    value.push(*c);
                    tail
                }
            };
        }
    }
}

impl<'t> Iterator for Parameters<'t> {
    type Item = Parameter<'t>;

    fn next(&mut self) -> Option<Parameter<'t>> {
        let is_gap = |b: u8| b.is_ascii_whitespace() || b == b';' || b == b',';
        let start = take_while(self.rest, is_gap).1;
        if start.is_empty() {
            return None;
        }
        let (name, rest) = take_while(start, |b| !matches!(b, b'=' | b';' | b','));
        let [b'=', rest @ ..] = rest else {
            self.rest = rest;
            return Some(Parameter { name: b"", value: Cow::Borrowed(name.trim_ascii()) });
        };
        let (value, rest) = match rest.trim_ascii_start() {
            [b'"', rest @ ..] => {
                let (value, rest) = self.quoted(rest);
                let (left_over, rest) = take_while(rest, |b| b != b';' && b != b',');
                self.odd |= !left_over.trim_ascii().is_empty();
                (value, rest)
            }
            rest => {
                let (value, rest) = take_while(rest, |b| b != b';' && b != b',');
                (Cow::Borrowed(value.trim_ascii()), rest)
            }
        };
        self.rest = rest;
        Some(Parameter { name: name.trim_ascii(), value })
    }
}

/// Whether what stands before the text of an extended parameter is a charset and a language (RFC 8187 section 3.2), or
/// nothing. [`extended`] leaves it out.
pub(super) fn has_plain_charset(value: &[u8]) -> bool {
    let mut parts = value.splitn(3, |b| *b == b'\'');
    let (charset, language) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_plain = |text: &[u8]| text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    parts.next().is_none() || is_plain(charset) && is_plain(language)
}

/// The value of an extended parameter such as `filename*=UTF-8''%e2%82%ac` (RFC 8187): without charset and language,
/// percent-decoded.
pub(super) fn extended(value: &[u8]) -> Cow<'_, [u8]> {
    let text = value.splitn(3, |b| *b == b'\'').nth(2).unwrap_or(value);
    Transform::Percent.apply(text).map_or(Cow::Borrowed(text), Cow::Owned)
}
