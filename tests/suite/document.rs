//! Strict reading: every mistake is named by its key path, and reading goes on.

use backstop::document::{Item, Report, from_json, from_yaml};

#[test]
fn all_mistakes_are_reported_at_once() {
    let node = from_json(br#"{"burts": 1, "rate": true, "rate": 2}"#).unwrap();
    let mut report = Report::default();
    let fields = Item::root(&node).fields(&["burst", "rate"], &mut report).unwrap();
    assert!(fields.required("burst", &mut report).is_none());
    assert!(fields.get("rate").unwrap().integer(1, 5, &mut report).is_none());
    let shown: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "error[duplicate-field] rate: this key stands here twice; the earlier value would be lost",
            "error[unknown-field] burts: no such field; did you mean \"burst\"? known: burst, rate",
            "error[missing-field] burst: required, but absent",
            "error[wrong-type] rate: found a boolean, expected a number",
        ]
    );
}

#[test]
fn yaml_keeps_places() {
    let documents = from_yaml("a: 1\nb:\n  - x: 'y'\n---\nc: null\n").unwrap();
    assert_eq!(documents.len(), 2);
    let b = documents[0].get("b").unwrap();
    assert_eq!((b.place.line, b.place.column), (3, 3));
    assert_eq!(from_yaml("a: &x 1").unwrap_err().place.line, 1);
}

#[test]
fn nothing_at_all_is_an_empty_config() {
    for text in [&b""[..], b" \n"] {
        assert_eq!(from_json(text).unwrap(), backstop::document::Node::empty_map());
    }
}
