//! Case files: what every data-driven test needs to read `tests/data/<room>/*.yaml` and to skip nothing.

use std::path::{Path, PathBuf};

use backstop::document::{Node, Value, from_yaml};

/// The repository's root, from the crate as well as from a package below `tests`.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().find(|folder| folder.join("rules").is_dir()).expect("a folder with rules")
}

/// The YAML files of a folder, sorted; an empty folder fails.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut files: Vec<PathBuf> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder}: no case file");
    files
}

/// The stem of a file's name.
pub fn stem(file: &Path) -> &str {
    file.file_stem().and_then(|s| s.to_str()).unwrap()
}

/// The elements of the one list in a file; an empty one fails.
pub fn cases(file: &Path) -> Vec<Node> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut documents = from_yaml(&text).unwrap_or_else(|d| panic!("{}: {d}", file.display()));
    assert_eq!(documents.len(), 1, "{}: one document", file.display());
    let Value::List(nodes) = documents.remove(0).value else { panic!("{}: a list of cases", file.display()) };
    assert!(!nodes.is_empty(), "{}: no case", file.display());
    nodes
}

/// Fails on a key that the runner does not know, so that no case says more than is tested.
pub fn only_keys(case: &Node, known: &[&str]) {
    let Value::Map(entries) = &case.value else { panic!("line {}: a mapping", case.place.line) };
    for entry in entries {
        assert!(known.contains(&entry.key.as_str()), "line {}: unknown key {}", entry.place.line, entry.key);
    }
}

/// Every text that stands in the YAML files of a folder, keys apart.
pub fn texts(folder: &str) -> Vec<Vec<u8>> {
    fn collect(node: &Node, texts: &mut Vec<Vec<u8>>) {
        match &node.value {
            Value::Text(text) => texts.push(text.clone().into_bytes()),
            Value::List(nodes) => nodes.iter().for_each(|node| collect(node, texts)),
            Value::Map(entries) => entries.iter().for_each(|entry| collect(&entry.node, texts)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut texts = Vec::new();
    for file in files(folder) {
        let documents = from_yaml(&std::fs::read_to_string(&file).unwrap()).unwrap();
        documents.iter().for_each(|document| collect(document, &mut texts));
    }
    texts
}
