//! JSON lines: `method`, `target`, `headers` (pairs), `body_b64`, and what is known of the request.
//!
//! Text of targets and header values is Latin-1: a character for each byte. Read without a tree in between, since
//! this is what large recordings come in.

use std::fmt;

use backstop::decode::base64;
use serde_core::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::record::{Record, latin1, read_label};

/// Reads one line.
///
/// # Errors
/// A sentence that says what is missing.
pub fn read(line: &[u8]) -> Result<Record, String> {
    serde_json::from_slice::<Line>(line).map(|line| line.0).map_err(|e| {
        let text = e.to_string();
        // The line is known better to the caller.
        text.split(" at line ").next().unwrap_or(&text).to_owned()
    })
}

struct Line(Record);

/// A Latin-1 string.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(BytesVisitor)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Bytes, E> {
        Ok(Bytes(latin1(text)))
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LineVisitor)
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request as a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
        let mut record = Record::default();
        let (mut method, mut target) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => record.id = map.next_value()?,
                "source" => record.source = map.next_value()?,
                "category" => record.category = map.next_value()?,
                "where" => record.location = map.next_value()?,
                "flag" => record.flag = map.next_value()?,
                "label" => {
                    record.label = read_label(&map.next_value::<String>()?).map_err(de::Error::custom)?;
                }
                "method" => method = Some(map.next_value::<Bytes>()?.0),
                "target" => target = Some(map.next_value::<Bytes>()?.0),
                "headers" => {
                    let pairs: Vec<(Bytes, Bytes)> = map
                        .next_value()
                        .map_err(|e| de::Error::custom(format!("\"headers\" is no list of pairs of text: {e}")))?;
                    record.headers.reserve(pairs.len().saturating_add(3));
                    pairs.into_iter().for_each(|(name, value)| record.push(name.0, value.0));
                }
                "body_b64" => {
                    let text = map.next_value::<Bytes>()?.0;
                    record.body = base64(&text).ok_or_else(|| de::Error::custom("\"body_b64\" is no base64"))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let method = method.ok_or_else(|| de::Error::custom("no text \"method\""))?;
        let target = target.ok_or_else(|| de::Error::custom("no text \"target\""))?;
        record.set_head(method, target, b"localhost".to_vec());
        Ok(Line(record))
    }
}
