//! Lines of access logs: the common and combined formats of Apache and nginx, and the default text format of Envoy and
//! Istio. Of headers, they keep referer, user agent, and Envoy's authority and `x-forwarded-for`.

use super::raw::request_line;
use super::record::Record;

/// Reads one line; nothing if what it logs was no HTTP request.
///
/// # Errors
/// A sentence that says what was expected.
pub fn read(line: &[u8]) -> Result<Option<Record>, String> {
    let quoted = quoted(line);
    let mut quoted = quoted.iter().map(Vec::as_slice);
    let Some(request) = quoted.next() else {
        return Err("expected a line of an access log with the request in quotes, \"GET / HTTP/1.1\"".to_owned());
    };
    // "-" after a timeout, or the first bytes of some other protocol.
    let Some((method, target)) = request_line(request) else { return Ok(None) };
    let mut record = Record::new(method.to_vec(), target);
    let fields: Vec<&[u8]> = quoted.collect();
    let named: &[(&str, Option<&&[u8]>)] = if line.starts_with(b"[") {
        // Istio's format has the reason of a failed upstream connection before the others.
        let fields = if fields.len() > 5 { fields.get(1..).unwrap_or_default() } else { fields.as_slice() };
        &[("x-forwarded-for", fields.first()), ("user-agent", fields.get(1)), ("host", fields.get(3))]
    } else {
        &[("referer", fields.first()), ("user-agent", fields.get(1))]
    };
    for (name, value) in named {
        match value.copied().unwrap_or_default() {
            b"" | b"-" => {}
            host if *name == "host" => record.set_host(host),
            value => record.push(name.as_bytes().to_vec(), value.to_vec()),
        }
    }
    Ok(Some(record))
}

/// Every text in double quotes, `\"`, `\\` and `\xHH` undone, as Apache and nginx write them.
fn quoted(line: &[u8]) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    let mut rest = line;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let Some(text) = &mut open else {
            if *byte == b'"' {
                open = Some(Vec::new());
            }
            continue;
        };
        match (byte, tail) {
            (b'"', _) => texts.extend(open.take()),
            (b'\\', [b'x', high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap_or_default();
                text.push(digit(*high) << 4 | digit(*low));
                rest = tail;
            }
            (b'\\', [escaped @ (b'"' | b'\\'), tail @ ..]) => {
                text.push(*escaped);
                rest = tail;
            }
            (byte, _) => text.push(*byte),
        }
    }
    texts
}
