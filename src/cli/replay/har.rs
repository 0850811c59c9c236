//! HAR 1.2, as browsers save it: `log.entries[].request`, with `_label` where somebody added one.

use backstop::decode::base64;
use serde_json::Value as Json;

use super::record::{Record, read_label};

/// Calls `visit` with every HTTP request of a HAR; how many entries were none (`data:`, `blob:`) is returned.
///
/// # Errors
/// A sentence with the entry's key path, or the line for what is no JSON.
pub fn each(text: &[u8], visit: &mut dyn FnMut(Record)) -> Result<u64, String> {
    let json: Json = serde_json::from_slice(text).map_err(|e| format!("{}: not JSON: {e}", e.line()))?;
    let entries = json.get("log").and_then(|log| log.get("entries")).and_then(Json::as_array);
    let entries = entries.ok_or("1: a HAR without a list log.entries")?;
    let mut passed_over = 0_u64;
    for (index, entry) in entries.iter().enumerate() {
        match read(entry).map_err(|e| format!("1: log.entries[{index}]: {e}"))? {
            Some(mut record) => {
                record.id = index.to_string();
                visit(record);
            }
            None => passed_over = passed_over.saturating_add(1),
        }
    }
    Ok(passed_over)
}

fn read(entry: &Json) -> Result<Option<Record>, String> {
    let request = entry.get("request").ok_or("no \"request\"")?;
    let required = |key: &str| text(request, key).ok_or_else(|| format!("request has no text \"{key}\""));
    let (method, url) = (required("method")?, required("url")?);
    let is_http = ["http://", "https://", "ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme));
    if !is_http {
        return Ok(None);
    }
    let mut record = Record::new(method.as_bytes().to_vec(), url.as_bytes());
    for header in request.get("headers").and_then(Json::as_array).into_iter().flatten() {
        let (Some(name), Some(value)) = (text(header, "name"), text(header, "value")) else {
            return Err("a header without name and value".to_owned());
        };
        record.push(name.as_bytes().to_vec(), value.as_bytes().to_vec());
    }
    if let Some(data) = request.get("postData") {
        set_body(&mut record, data)?;
    }
    record.label = read_label(text(entry, "_label").unwrap_or_default())?;
    record.category = text(entry, "_resourceType").unwrap_or_default().to_owned();
    Ok(Some(record))
}

fn text<'a>(json: &'a Json, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Json::as_str)
}

fn set_body(record: &mut Record, data: &Json) -> Result<(), String> {
    let mut kind = text(data, "mimeType").unwrap_or_default().to_owned();
    let body = text(data, "text").unwrap_or_default();
    let params = data.get("params").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    record.body = match text(data, "encoding") {
        Some("base64") => base64(body.as_bytes()).ok_or("postData.text is no base64")?,
        Some(other) if !other.is_empty() => {
            return Err(format!("postData.encoding \"{other}\" is not known; accepted: base64"));
        }
        _ if !body.is_empty() || params.is_empty() => body.as_bytes().to_vec(),
        _ if kind.starts_with("multipart/") => multipart(params, &mut kind),
        _ => form(params).into_bytes(),
    };
    if !kind.is_empty() && (record.header("content-type").is_empty() || kind.contains(BOUNDARY)) {
        record.headers.retain(|(name, _)| name != b"content-type");
        record.push(b"content-type".to_vec(), kind.into_bytes());
    }
    Ok(())
}

/// A form as a browser sends it (WHATWG URL, application/x-www-form-urlencoded).
fn form(params: &[Json]) -> String {
    let mut output = String::new();
    for param in params {
        if !output.is_empty() {
            output.push('&');
        }
        encode(text(param, "name").unwrap_or_default(), &mut output);
        output.push('=');
        encode(text(param, "value").unwrap_or_default(), &mut output);
    }
    output
}

fn encode(text: &str, output: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => output.push('+'),
            b'*' | b'-' | b'.' | b'_' => output.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => output.push(char::from(byte)),
            byte => output.push_str(&format!("%{byte:02X}")),
        }
    }
}

const BOUNDARY: &str = "----backstop-replay";

/// The parts of which the HAR kept no bytes, put together anew (RFC 7578).
fn multipart(params: &[Json], kind: &mut String) -> Vec<u8> {
    let mut output = String::new();
    for param in params {
        let name = text(param, "name").unwrap_or_default();
        output.push_str(&format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\""));
        if let Some(file) = text(param, "fileName") {
            output.push_str(&format!("; filename=\"{file}\""));
        }
        if let Some(kind) = text(param, "contentType") {
            output.push_str(&format!("\r\nContent-Type: {kind}"));
        }
        output.push_str(&format!("\r\n\r\n{}\r\n", text(param, "value").unwrap_or_default()));
    }
    output.push_str(&format!("--{BOUNDARY}--\r\n"));
    *kind = format!("multipart/form-data; boundary={BOUNDARY}");
    output.into_bytes()
}
