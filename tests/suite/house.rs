//! House rules, so that the plan of `src/lib.rs` stays true without anyone watching.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cases::root;

/// Room and layer; a file imports only from lower layers, or from its own room.
const LAYERS: &[(&str, u8)] = &[
    ("diagnostic", 0),
    ("document", 0),
    ("host", 0),
    ("http", 0),
    ("verdict", 0),
    ("decode", 1),
    ("extract", 1),
    ("path", 1),
    ("slots", 1),
    ("mask", 1),
    ("rules", 2),
    ("origin", 2),
    ("client", 2),
    ("limit", 2),
    ("penalty", 2),
    ("handover", 2),
    ("config", 3),
    ("telemetry", 3),
    ("reply", 3),
    ("engine", 4),
    ("transaction", 5),
    ("filter", 6),
    ("cli", 6),
];
/// Neighbours on one layer that may know each other, from which to which.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("document", "diagnostic"),
    ("diagnostic", "document"),
    ("extract", "decode"),
    ("path", "decode"),
    ("config", "telemetry"),
    ("config", "reply"),
    ("reply", "telemetry"),
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

fn room(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

#[test]
fn imports_run_downwards() {
    let layer = |room: &str| LAYERS.iter().find(|(r, _)| *r == room).map(|(_, l)| *l);
    let mut seen = BTreeSet::new();
    for file in rust_files(&root().join("src")) {
        let own = room(&file);
        if own == "lib" || own == "build" {
            continue;
        }
        let own_layer = layer(&own).unwrap_or_else(|| panic!("{}: a room without a layer", file.display()));
        seen.insert(own.clone());
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let code = line.split("//").next().unwrap_or_default();
            for marker in ["crate::", "backstop::"] {
                for rest in code.split(marker).skip(1) {
                    let names: Vec<String> = match rest.strip_prefix('{') {
                        Some(group) => group.split(',').map(word).collect(),
                        None => vec![word(rest)],
                    };
                    for other in names.iter().filter(|n| **n != own) {
                        let Some(other_layer) = layer(other) else { continue };
                        let neighbours = NEIGHBOURS.contains(&(own.as_str(), other.as_str()));
                        assert!(
                            other_layer < own_layer || neighbours,
                            "{}: {own} must not know {other}",
                            file.display()
                        );
                    }
                }
            }
        }
    }
    let planned: BTreeSet<String> = LAYERS.iter().map(|(r, _)| (*r).to_owned()).collect();
    assert_eq!(seen, planned, "the rooms of src and the table of layers");
}

fn word(text: &str) -> String {
    text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn every_file_opens_with_a_sentence_and_stays_short() {
    for file in rust_files(&root().join("src")).into_iter().chain(rust_files(&root().join("tests/suite"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 12, "{}: opens with a //! sentence", file.display());
        let lines = text.lines().count();
        assert!(lines <= 500, "{}: {lines} lines; two rooms in one?", file.display());
    }
}

#[test]
fn only_the_host_call_room_is_unsafe_and_names_the_sdk() {
    for file in rust_files(&root().join("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let inside = room(&file) == "filter";
        let code = |word: &str| text.lines().any(|l| l.split("//").next().unwrap_or_default().contains(word));
        assert!(inside || !code("proxy_wasm"), "{}: names the SDK", file.display());
        assert!(inside || !code("unsafe "), "{}: unsafe", file.display());
    }
}

#[test]
fn paths_named_in_docs_exist() {
    for doc in [
        "README.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "istio/README.md",
        "istio/monitoring/README.md",
        "istio/monitoring/logs.md",
    ] {
        let text = std::fs::read_to_string(root().join(doc)).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "rules/", "tests/", "istio/"].iter().any(|p| quoted.starts_with(p))
                && quoted.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            assert!(!is_path || root().join(quoted).exists(), "{doc} names {quoted}, which is not there");
        }
    }
}

#[test]
fn builds_are_locked() {
    let scripts = std::fs::read_dir(root().join("tests/setup")).unwrap().map(|entry| entry.unwrap().path());
    let mut builds = 0;
    for file in scripts.filter(|path| path.extension().is_some_and(|e| e == "sh")).chain([root().join("Makefile")]) {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let is_build = ["build", "test", "clippy", "bench", "run"]
                .iter()
                .any(|word| line.contains(&format!("cargo {word} ")) || line.contains(&format!("\"$cargo\" {word} ")));
            assert!(!is_build || line.contains("--locked"), "{}: {line}", file.display());
            builds += usize::from(is_build);
        }
    }
    assert!(builds >= 5, "{builds} builds found");
}
