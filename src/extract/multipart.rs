//! `multipart/form-data` (RFC 7578, RFC 2046 section 5.1): names, file names, part headers and the text of parts.

use std::borrow::Cow;

use super::disposition::{Parameters, extended, has_plain_charset};
use super::sniff::{contains, is_binary};
use super::transfer::{Decoded, decode};
use super::{MAX_VALUES, Target, Visit, cut, emit, emit_name, json, until, wide, xml};

/// How much of an uploaded text file is visited, in bytes. A file whose content is binary is not visited at all,
/// whatever its content type says.
pub const MAX_FILE_TEXT: usize = 65_536;

/// Visits the parts by the boundary that the content type names, if `text` has it at all. If it names several and
/// more than one occurs, readers will disagree, and `text` is visited whole as well if `may_repeat`.
pub(super) fn parse_declared(
    content_type: &[u8],
    text: &[u8],
    complete: bool,
    may_repeat: bool,
    visit: &mut Visit<'_>,
) -> bool {
    let mut found: Option<Cow<'_, [u8]>> = None;
    let boundaries = Parameters::of(content_type).filter(|p| p.name.eq_ignore_ascii_case(b"boundary"));
    for boundary in boundaries.take(MAX_BOUNDARIES).map(|p| p.value) {
        if boundary.is_empty() || found.as_ref() == Some(&boundary) || next_delimiter(text, &boundary).is_none() {
            continue;
        }
        if found.is_some() {
            if may_repeat {
                emit(Target::Body, b"", text, visit);
            }
            break;
        }
        found = Some(boundary);
    }
    match found {
        Some(boundary) => {
            parts(text, &boundary, complete, visit);
            true
        }
        None => contains(text, b"content-disposition") && parse_guessed(text, complete, visit),
    }
}

/// How many boundaries of a content type are tried.
const MAX_BOUNDARIES: usize = 4;

/// Visits the parts by the boundary that the first line shows, if it shows a plain one: it is not visited itself.
pub(super) fn parse_guessed(text: &[u8], complete: bool, visit: &mut Visit<'_>) -> bool {
    let text = text.trim_ascii_start();
    let boundary = cut(text, b'\n').0.trim_ascii_end().strip_prefix(b"--").unwrap_or_default();
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'=');
    if !(1..=70).contains(&boundary.len()) || !boundary.iter().all(is_plain) {
        return false;
    }
    parts(text, boundary, complete, visit);
    true
}

/// What a delimiter line cuts apart.
struct Delimiter<'t> {
    before: &'t [u8],
    after: &'t [u8],
    is_last: bool,
}

/// Finds the next line that is `--boundary` or begins with `--boundary--`.
fn next_delimiter<'t>(text: &'t [u8], boundary: &[u8]) -> Option<Delimiter<'t>> {
    let mut from = 0_usize;
    loop {
        let line = text.get(from..)?;
        if let Some(tail) = line.strip_prefix(b"--").and_then(|tail| tail.strip_prefix(boundary)) {
            let (end, after) = cut(tail, b'\n');
            let is_last = end.starts_with(b"--");
            if is_last || end.trim_ascii().is_empty() {
                let before = text.get(..from).unwrap_or_default();
                let before = before.strip_suffix(b"\n").unwrap_or(before);
                let before = before.strip_suffix(b"\r").unwrap_or(before);
                // What stands behind the last delimiter on its line belongs to the epilogue.
                let after = if is_last { end.get(2..).and(tail.get(2..)) } else { after };
                return Some(Delimiter { before, after: after.unwrap_or_default(), is_last });
            }
        }
        let (line, [_, ..]) = until(line, b'\n', b'\n') else { return None };
        from = from.saturating_add(line.len()).saturating_add(1);
    }
}

fn parts(text: &[u8], boundary: &[u8], complete: bool, visit: &mut Visit<'_>) {
    let Some(first) = next_delimiter(text, boundary) else {
        return body_text(text, visit);
    };
    body_text(first.before, visit);
    let mut is_last = first.is_last;
    let mut rest = first.after;
    let mut left = MAX_VALUES;
    while !is_last && !rest.is_empty() {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(1);
        match next_delimiter(rest, boundary) {
            Some(delimiter) => {
                part(delimiter.before, true, visit);
                is_last = delimiter.is_last;
                rest = delimiter.after;
            }
            None => {
                part(rest, complete, visit);
                return;
            }
        }
    }
    body_text(rest, visit);
}

fn body_text(text: &[u8], visit: &mut Visit<'_>) {
    emit(Target::Body, b"", text.trim_ascii(), visit);
}

/// What the headers of a part say.
#[derive(Default)]
struct Part {
    field: Vec<u8>,
    is_file: bool,
    is_xml: bool,
    encoding: Vec<u8>,
}

fn part(text: &[u8], complete: bool, visit: &mut Visit<'_>) {
    let (headers, content) = split_head(text);
    let mut part = Part::default();
    for (name, value) in Lines(headers) {
        if name.eq_ignore_ascii_case(b"content-disposition") {
            for parameter in Parameters::of(value) {
                if parameter.name.eq_ignore_ascii_case(b"name") && part.field.is_empty() {
                    part.field = parameter.value.into_owned();
                } else if parameter.name.eq_ignore_ascii_case(b"filename") {
                    part.is_file = true;
                }
            }
        } else if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
            part.encoding = value.to_vec();
        } else if name.eq_ignore_ascii_case(b"content-type") {
            part.is_xml |= contains(value, b"xml");
        }
    }
    for (name, value) in Lines(headers) {
        if name.eq_ignore_ascii_case(b"content-disposition") {
            disposition(&part.field, value, visit);
        } else {
            header(&part.field, name, value, visit);
        }
    }
    part.visit(content, complete, visit);
}

/// Visits what a Content-Disposition says, and the header as a whole where readers may disagree about it.
fn disposition(field: &[u8], header: &[u8], visit: &mut Visit<'_>) {
    let mut odd = false;
    let mut parameters = Parameters::of(header);
    let (mut names, mut files) = (0_usize, 0_usize);
    for parameter in &mut parameters {
        let value = &*parameter.value;
        match parameter.name {
            name if name.eq_ignore_ascii_case(b"name") => {
                names = names.saturating_add(1);
                emit_name(Target::Form, value, value, visit);
            }
            name if name.eq_ignore_ascii_case(b"filename") => {
                files = files.saturating_add(1);
                emit(Target::Form, &named(field, b"filename"), value, visit);
            }
            name if name.eq_ignore_ascii_case(b"filename*") => {
                odd |= !has_plain_charset(value);
                emit(Target::Form, &named(field, b"filename"), &extended(value), visit);
            }
            b"" => odd |= !value.eq_ignore_ascii_case(b"form-data"),
            _ => odd = true,
        }
    }
    if odd || parameters.odd || names > 1 || files > 1 {
        emit(Target::Form, &named(field, b"content-disposition"), header, visit);
    }
}

/// Visits another header, and its name if it is more than a name.
fn header(field: &[u8], name: &[u8], value: &[u8], visit: &mut Visit<'_>) {
    let full = named(field, &name.to_ascii_lowercase());
    if !name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
        emit_name(Target::Form, &full, name, visit);
    }
    emit(Target::Form, &full, value, visit);
}

fn named(field: &[u8], what: &[u8]) -> Vec<u8> {
    let dot: &[u8] = if what.is_empty() { b"" } else { b"." };
    field.iter().chain(dot).chain(what).copied().take(super::MAX_NAME).collect()
}

impl Part {
    fn visit(&self, content: &[u8], complete: bool, visit: &mut Visit<'_>) {
        match decode(&self.encoding, content) {
            Decoded::Nothing => self.text(content, complete, visit),
            Decoded::Instead(decoded) => self.text(&decoded, complete, visit),
            Decoded::Besides(decoded) => {
                self.text(content, complete, visit);
                emit(Target::Form, &self.field, &decoded, visit);
            }
        }
    }

    fn text(&self, content: &[u8], complete: bool, visit: &mut Visit<'_>) {
        let narrow = wide::narrow(content);
        let content = narrow.as_ref().map_or(content, |narrow| &narrow.text);
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        if self.is_file && is_binary(content) {
            return;
        }
        let (content, complete) = match content.get(..MAX_FILE_TEXT) {
            Some(start) if self.is_file => (start, false),
            _ => (content, complete),
        };
        let understood = match content.trim_ascii_start() {
            [b'{' | b'[', ..] => {
                let place = json::Place::document(Target::Json, &self.field);
                json::parse(content, &place, complete, visit).clean
            }
            [b'<', ..] => xml::parse(content, self.is_xml, complete, visit),
            _ => false,
        };
        if !understood {
            emit(Target::Form, &self.field, content, visit);
        }
    }
}

/// The header lines of a part and its content; a part without an empty line is all header.
fn split_head(text: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0_usize;
    while let Some(line) = text.get(from..).filter(|line| !line.is_empty()) {
        let (this, next) = cut(line, b'\n');
        if this.is_empty() || this == b"\r" {
            return (text.get(..from).unwrap_or_default(), next.unwrap_or_default());
        }
        from = from.saturating_add(this.len()).saturating_add(1);
    }
    (text, &[])
}

/// Header lines as name and value, folded ones in one piece; a line that is no header has no name.
struct Lines<'t>(&'t [u8]);

impl<'t> Iterator for Lines<'t> {
    type Item = (&'t [u8], &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let text = Some(self.0).filter(|text| !text.is_empty())?;
        let mut end = 0_usize;
        loop {
            let line = text.get(end..).unwrap_or_default();
            let (this, next) = cut(line, b'\n');
            end = end.saturating_add(this.len());
            match next {
                Some([b' ' | b'\t', ..]) => end = end.saturating_add(1),
                _ => {
                    self.0 = next.unwrap_or_default();
                    break;
                }
            }
        }
        let line = text.get(..end).unwrap_or(text);
        match cut(line, b':') {
            (name, Some(value)) => Some((name.trim_ascii(), value.trim_ascii())),
            (line, None) => Some((b"", line.trim_ascii())),
        }
    }
}
