//! YAML to [`Node`] with the place of every value; native only, the module parses no YAML.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Entry, Node, Place, Value};
use crate::diagnostic::{Diagnostic, Name};

/// Reads all documents of a YAML stream (YAML 1.2 core schema). Anchors, aliases and tags are refused: neither rule
/// files nor manifests need them, and they let a small file grow large.
///
/// # Errors
/// One `syntax` diagnostic with line and column.
pub fn from_yaml(text: &str) -> Result<Vec<Node>, Diagnostic> {
    parse(text, |word| match word {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    })
}

/// The same for a manifest, as whoever applies it to a cluster reads it: by YAML 1.1, in which `off` without quotes is
/// false (kubectl and its libraries, all by `sigs.k8s.io/yaml`; only what passes through kustomize stays text).
///
/// # Errors
/// One `syntax` diagnostic with line and column.
pub fn from_kubernetes_yaml(text: &str) -> Result<Vec<Node>, Diagnostic> {
    parse(text, |word| match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "on" => Some(true),
        "false" | "no" | "n" | "off" => Some(false),
        _ => None,
    })
}

fn parse(text: &str, boolean: fn(&str) -> Option<bool>) -> Result<Vec<Node>, Diagnostic> {
    let mut documents = Vec::new();
    // Containers that are still open, outermost first, each with the key that its next value belongs to.
    let mut open: Vec<(Node, Option<(String, Place)>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| syntax(place_of(e.marker()), e.info()))?;
        let place = place(span);
        let complete = match event {
            Event::Alias(_) => return Err(syntax(place, "aliases are not accepted here")),
            Event::Scalar(text, style, anchor, tag) => {
                no_extras(anchor, tag.is_some(), place)?;
                Some(Node { value: scalar(&text, style, boolean), place })
            }
            Event::SequenceStart(anchor, tag) => {
                no_extras(anchor, tag.is_some(), place)?;
                open.push((Node { value: Value::List(Vec::new()), place }, None));
                None
            }
            Event::MappingStart(anchor, tag) => {
                no_extras(anchor, tag.is_some(), place)?;
                open.push((Node { value: Value::Map(Vec::new()), place }, None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|(node, _)| node),
            _ => None,
        };
        if let Some(node) = complete {
            place_in_parent(node, &mut open, &mut documents)?;
        }
    }
    Ok(documents)
}

fn place_in_parent(
    node: Node,
    open: &mut [(Node, Option<(String, Place)>)],
    documents: &mut Vec<Node>,
) -> Result<(), Diagnostic> {
    let Some((parent, key)) = open.last_mut() else {
        documents.push(node);
        return Ok(());
    };
    match &mut parent.value {
        Value::List(items) => items.push(node),
        Value::Map(entries) => match key.take() {
            Some((key, place)) => entries.push(Entry { key, place, node }),
            None => *key = Some((key_text(&node)?, node.place)),
        },
        _ => {}
    }
    Ok(())
}

fn key_text(node: &Node) -> Result<String, Diagnostic> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(syntax(node.place, "a key must be text")),
    }
}

fn scalar(text: &str, style: ScalarStyle, boolean: fn(&str) -> Option<bool>) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.to_owned());
    }
    if let Some(flag) = boolean(text) {
        return Value::Bool(flag);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        // Rust's parser also takes "inf", "nan" and "infinity", which YAML 1.2 writes with a leading dot.
        _ if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
            text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Number)
        }
        _ => Value::Text(text.to_owned()),
    }
}

fn no_extras(anchor: usize, tag: bool, place: Place) -> Result<(), Diagnostic> {
    if anchor != 0 || tag { Err(syntax(place, "anchors and tags are not accepted here")) } else { Ok(()) }
}

fn syntax(place: Place, message: &str) -> Diagnostic {
    Diagnostic::error(Name::Syntax, "", place, format!("not YAML: {message}"))
}

fn place(span: Span) -> Place {
    place_of(&span.start)
}

fn place_of(marker: &saphyr_parser::Marker) -> Place {
    Place { line: marker.line(), column: marker.col().saturating_add(1) }
}
