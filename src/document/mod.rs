//! What somebody wrote, before anyone judges it: a tree of values that keeps places and duplicate keys.
//!
//! The config comes as JSON (Envoy hands it over that way, so without places), rule files and manifests as YAML.
//! Both become a [`Node`]; [`Item`] and [`Fields`] read a node strictly and note every mistake.

mod json;
mod read;
#[cfg(not(target_arch = "wasm32"))]
mod yaml;

pub use json::from_json;
pub use read::{Fields, Item, Report};
#[cfg(not(target_arch = "wasm32"))]
pub use yaml::{from_kubernetes_yaml, from_yaml};

/// Line and column, both from 1; 0 where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line from 1, or 0.
    pub line: usize,
    /// Column from 1, or 0.
    pub column: usize,
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it starts.
    pub place: Place,
}

/// The kinds of value that JSON and YAML share.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number; Istio turns all of them into doubles.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order written, duplicates kept.
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub place: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The empty mapping, which is what an absent document means.
    #[must_use]
    pub fn empty_map() -> Self {
        Self { value: Value::Map(Vec::new()), place: Place::default() }
    }

    /// The value under `key` of a mapping, the first one if there are several.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.node),
            _ => None,
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What kind of value it is, in words for a diagnostic.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
