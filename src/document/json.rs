//! JSON to [`Node`], duplicate keys kept (`serde_json::Value` would drop them without a word).

use std::fmt;

use serde_core::Deserialize;
use serde_core::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Entry, Node, Place, Value};
use crate::diagnostic::{Diagnostic, Name};

/// Reads one JSON document (RFC 8259). Nothing but white space stands for the empty mapping, since that is what
/// Envoy hands over for an absent config.
///
/// # Errors
/// One `syntax` diagnostic with line and column.
pub fn from_json(text: &[u8]) -> Result<Node, Diagnostic> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(Node::empty_map());
    }
    serde_json::from_slice(text).map_err(|e| {
        let place = Place { line: e.line(), column: e.column() };
        Diagnostic::error(Name::Syntax, "", place, format!("not JSON: {e}"))
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

fn node<E>(value: Value) -> Result<Node, E> {
    Ok(Node { value, place: Place::default() })
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        node(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Node, E> {
        node(Value::Bool(v))
    }

    #[expect(clippy::cast_precision_loss, reason = "Istio hands every number over as a double")]
    fn visit_i64<E>(self, v: i64) -> Result<Node, E> {
        node(Value::Number(v as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "Istio hands every number over as a double")]
    fn visit_u64<E>(self, v: u64) -> Result<Node, E> {
        node(Value::Number(v as f64))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Node, E> {
        node(Value::Number(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Node, E> {
        node(Value::Text(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Node, E> {
        node(Value::Text(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        node(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = map.next_entry()? {
            entries.push(Entry { key, place: Place::default(), node });
        }
        node(Value::Map(entries))
    }
}
