//! Recorded requests, one JSON object a line: `method`, `target`, `headers` (pairs), `body_b64`, and what is known of it.

use backstop::decode::base64;
use serde_json::Value as Json;

/// One recorded request.
#[derive(Clone, Debug)]
pub struct Record {
    /// What the recorder called it.
    pub id: String,
    /// Where it was recorded.
    pub source: String,
    /// The family of an attack, or what kind of traffic.
    pub category: String,
    /// Whether it is an attack.
    pub is_attack: bool,
    /// A reason to doubt that; empty where there is none.
    pub flag: String,
    /// Names (lower case) and values, pseudo-headers among them.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

/// Headers that belong to a connection, or that the proxy makes anew.
const DROPPED: &[&[u8]] = &[
    b"host",
    b"content-length",
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"te",
    b"upgrade",
    b"expect",
];

impl Record {
    /// Reads one line. Text of targets and header values is Latin-1: a character for each byte.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn from_json(line: &str) -> Result<Self, String> {
        let json: Json = serde_json::from_str(line).map_err(|e| e.to_string())?;
        let text = |key: &str| json.get(key).and_then(Json::as_str);
        let required = |key: &str| text(key).ok_or_else(|| format!("no text \"{key}\""));
        let known = |key: &str| text(key).unwrap_or_default().to_owned();
        let mut headers = vec![
            (b":method".to_vec(), latin1(required("method")?)),
            (b":path".to_vec(), latin1(required("target")?)),
            (b":authority".to_vec(), b"localhost".to_vec()),
        ];
        for pair in json.get("headers").and_then(Json::as_array).into_iter().flatten() {
            let (Some(name), Some(value)) = (pair.get(0).and_then(Json::as_str), pair.get(1).and_then(Json::as_str))
            else {
                return Err("\"headers\" is no list of pairs".to_owned());
            };
            let name = latin1(name).to_ascii_lowercase();
            if !DROPPED.contains(&name.as_slice()) {
                headers.push((name, latin1(value)));
            }
        }
        let body = base64(text("body_b64").unwrap_or_default().as_bytes()).ok_or("\"body_b64\" is no base64")?;
        Ok(Self {
            id: known("id"),
            source: known("source"),
            category: known("category"),
            is_attack: text("label") == Some("attack"),
            flag: known("flag"),
            headers,
            body,
        })
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}
