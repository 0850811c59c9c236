//! Raw HTTP/1.1 requests (RFC 9112), as proxies and `curl --trace` keep them: one after another, blank lines between.
//!
//! A body is as long as `Content-Length` says, or ends with its last chunk; without either there is none. Lines may end
//! in LF alone.

use super::record::Record;

/// Calls `visit` with every request.
///
/// # Errors
/// A sentence that begins with the line's number.
pub fn each(text: &[u8], visit: &mut dyn FnMut(Record)) -> Result<(), String> {
    let mut cursor = Cursor { rest: text, line: 0 };
    while let Some(line) = cursor.line() {
        if line.is_empty() {
            continue;
        }
        let begins = cursor.line;
        let mut record = request(line, &mut cursor).map_err(|e| format!("{}: {e}", cursor.line))?;
        record.id = begins.to_string();
        visit(record);
    }
    Ok(())
}

/// The three parts of a request line, if this is one.
pub fn request_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = line.splitn(2, |b| *b == b' ');
    let (method, rest) = (words.next()?, words.next()?);
    let version = rest.iter().rposition(|b| *b == b' ')?;
    let (target, version) = rest.split_at_checked(version)?;
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let is_request = !method.is_empty()
        && method.iter().all(is_token)
        && !target.trim_ascii().is_empty()
        && version.strip_prefix(b" HTTP/").is_some_and(|v| v.first().is_some_and(u8::is_ascii_digit));
    is_request.then_some((method, target.trim_ascii()))
}

struct Cursor<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Cursor<'a> {
    /// The next line without its end.
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.line = self.line.saturating_add(1);
        let end = self.rest.iter().position(|b| *b == b'\n').unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest.get(1..).unwrap_or_default();
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// So many bytes.
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(format!("the body ends after {} of {count} bytes", self.rest.len()));
        };
        self.line = self.line.saturating_add(taken.iter().filter(|b| **b == b'\n').count());
        self.rest = rest;
        Ok(taken)
    }
}

fn request(line: &[u8], cursor: &mut Cursor<'_>) -> Result<Record, String> {
    let Some((method, target)) = request_line(line) else {
        let found = String::from_utf8_lossy(line.get(..40).unwrap_or(line)).into_owned();
        let found = backstop::diagnostic::printable(&found);
        return Err(format!(
            "found \"{found}\", expected a request line such as \"GET / HTTP/1.1\" (a body needs a content-length)"
        ));
    };
    let mut record = Record::new(method.to_vec(), target);
    let (mut length, mut chunked) = (None, false);
    while let Some(line) = cursor.line().filter(|line| !line.is_empty()) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some((_, value)) = record.headers.last_mut() {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            continue;
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else {
            return Err("a header line without a colon".to_owned());
        };
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        match name.to_ascii_lowercase().as_slice() {
            b"host" => record.set_host(value),
            b"content-length" => length = Some(number(value, 10).ok_or("content-length is no number")?),
            b"transfer-encoding" => chunked = value.to_ascii_lowercase().ends_with(b"chunked"),
            name => record.push(name.to_vec(), value.to_vec()),
        }
    }
    record.body = match length {
        _ if chunked => chunks(cursor)?,
        Some(length) => cursor.take(length)?.to_vec(),
        None => Vec::new(),
    };
    Ok(record)
}

fn number(text: &[u8], radix: u32) -> Option<usize> {
    usize::from_str_radix(std::str::from_utf8(text).ok()?.trim(), radix).ok()
}

/// A chunked body (RFC 9112 section 7.1), without its trailers.
fn chunks(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let line = cursor.line().ok_or("a chunked body without its last chunk")?;
        let size = line.split(|b| *b == b';').next().unwrap_or_default();
        let size = number(size, 16).ok_or("a chunk that does not begin with its size")?;
        if size == 0 {
            while cursor.line().is_some_and(|line| !line.is_empty()) {}
            return Ok(body);
        }
        body.extend_from_slice(cursor.take(size)?);
        cursor.line();
    }
}
