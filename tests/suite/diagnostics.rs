//! Every diagnostic has a golden case whose file is named after it, and every case file a diagnostic.

use std::io::Write;
use std::process::{Command, Stdio};

use backstop::diagnostic::{Diagnostic, Name};
use backstop::document::{Item, Place, Report, from_json, from_yaml};
use backstop::engine::Engine;
use backstop::rules::source::read_rules;
use backstop::telemetry::{Outcome, Subject, event};
use backstop::verdict::Family;

use serde_json::Value as Json;

use crate::cases::{cases, files, only_keys, root, stem};

/// 2026-06-01, so that dates in the cases stay in their past or future.
const NOW: u64 = 1_780_272_000;

#[test]
fn every_diagnostic_says_what_its_cases_say() {
    let mut ran = 0;
    let files = files("tests/data/diagnostics");
    for file in &files {
        let name = *Name::ALL.iter().find(|n| n.as_str() == stem(file)).expect("a diagnostic of that name");
        for case in cases(file) {
            only_keys(&case, &["config", "json", "rules", "manifest", "options", "says"]);
            let place = format!("{}:{}", file.display(), case.place.line);
            let found = if let Some(node) = case.get("config") {
                refused(Engine::compile(&from_yaml(node.as_text().unwrap()).unwrap()[0], NOW))
            } else if let Some(node) = case.get("json") {
                refused(Engine::configure(node.as_text().unwrap().as_bytes(), NOW))
            } else if let Some(node) = case.get("manifest") {
                let options = case.get("options").and_then(|n| n.as_text()).unwrap_or_default();
                checked(node.as_text().unwrap(), options)
            } else {
                rules(case.get("rules").and_then(|n| n.as_text()).unwrap())
            };
            let shown: Vec<String> = found.iter().filter(|d| d.name == name).map(|d| d.message.clone()).collect();
            let paths: Vec<String> =
                found.iter().filter(|d| d.name == name).map(|d| format!("{}: {}", d.path, d.message)).collect();
            let says = case.get("says").and_then(|n| n.as_text()).unwrap();
            assert!(
                paths.iter().any(|p| p == says),
                "{place}: wants\n  {says}\ngot\n  {}\nof all\n  {found:#?}",
                paths.join("\n  ")
            );
            assert!(shown.iter().all(|m| !m.ends_with('.')), "{place}: no full stop");
            ran += 1;
        }
    }
    let untested: Vec<&str> =
        Name::ALL.iter().map(|n| n.as_str()).filter(|n| !files.iter().any(|f| stem(f) == *n)).collect();
    assert!(untested.is_empty(), "no case for {untested:?}");
    println!("{ran} cases");
}

fn refused(result: Result<(Engine, Vec<Diagnostic>), Vec<Diagnostic>>) -> Vec<Diagnostic> {
    match result {
        Ok((_, warnings)) => warnings,
        Err(diagnostics) => diagnostics,
    }
}

/// What `backstop check` says of manifests, in words that name every diagnostic.
fn checked(manifests: &str, options: &str) -> Vec<Diagnostic> {
    let mut words = vec!["check", "-", "--format", "json"];
    words.extend(options.split_whitespace());
    let mut child = Command::new(env!("CARGO_BIN_EXE_backstop"))
        .args(words)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(manifests.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let text = |d: &Json, key: &str| d[key].as_str().unwrap().to_owned();
    let number = |d: &Json, key: &str| usize::try_from(d[key].as_u64().unwrap()).unwrap();
    let one = |d: &Json| {
        let name = *Name::ALL.iter().find(|n| n.as_str() == text(d, "name")).unwrap();
        let place = Place { line: number(d, "line"), column: number(d, "column") };
        assert!(place.line > 0, "{d}: says where");
        Diagnostic::error(name, text(d, "path"), place, text(d, "message"))
    };
    report["diagnostics"].as_array().unwrap().iter().map(one).collect()
}

fn rules(text: &str) -> Vec<Diagnostic> {
    let mut report = Report::default();
    match from_yaml(text) {
        Ok(documents) => {
            read_rules(&Item::root(&documents[0]), Some(Family::Sqli), &mut report);
            report.diagnostics
        }
        Err(diagnostic) => vec![diagnostic],
    }
}

#[test]
fn control_characters_do_not_reach_a_terminal() {
    let node = from_json(b"{\"\\u001b[31m\": 1}").unwrap();
    let Err(found) = Engine::compile(&node, NOW) else { panic!("refused") };
    assert!(found[0].to_string().starts_with("error[unknown-field] \\u{1b}[31m: no such field;"), "{}", found[0]);
}

#[test]
fn nor_do_those_of_a_request_reach_the_log() {
    let odd = "/\u{7f}\u{9b}31m\n\u{202e}".as_bytes().to_vec();
    let subject = Subject {
        path: odd.clone(),
        host: odd.clone(),
        method: odd.clone(),
        request_id: odd.clone(),
        trace_id: odd,
        ..Default::default()
    };
    let outcome = Outcome { mode: "block", blocked: true, score: 5, denial: None };
    let line = event(&subject, outcome, None);
    assert!(!line.chars().any(char::is_control), "{line}");
    assert!(line.contains("31m"), "{line}");
}
