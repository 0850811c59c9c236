//! `backstop test`: rule files against their own examples.

use std::path::{Path, PathBuf};

use backstop::decode::Transform;
use backstop::diagnostic::{Diagnostic, Name};
use backstop::document::{Item, Place, Report, from_yaml};
use backstop::rules::effort::Effort;
use backstop::rules::expression::Caches;
use backstop::rules::source::{self, Source};
use backstop::rules::{Matcher, examples, pattern};
use backstop::verdict::Family;
use serde_json::json;

use super::args::{Format, Usage};
use super::{Found, read_text};

/// What one file came to.
struct Tested {
    file: String,
    rules: usize,
    examples: usize,
    diagnostics: Vec<Diagnostic>,
}

/// Runs the rule files under `paths`.
pub fn run(paths: &[String], format: Format) -> Result<Found, Usage> {
    let default = [String::from("rules")];
    let paths = if paths.is_empty() { &default[..] } else { paths };
    let mut tested = Vec::new();
    for file in files(paths)? {
        tested.push(test(&file)?);
    }
    let failures = tested.iter().map(|t| t.diagnostics.len()).sum::<usize>();
    match format {
        Format::Json => {
            let files: Vec<_> = tested
                .iter()
                .map(|t| {
                    let diagnostics: Vec<_> = t.diagnostics.iter().map(Diagnostic::to_json).collect();
                    json!({"file": t.file, "rules": t.rules, "examples": t.examples, "diagnostics": diagnostics})
                })
                .collect();
            println!("{}", json!({"failures": failures, "files": files}));
        }
        Format::Text => {
            for t in &tested {
                t.diagnostics.iter().for_each(|d| println!("{d}"));
                println!(
                    "{:<32} {:>3} rules {:>5} examples {:>3} failures",
                    t.file,
                    t.rules,
                    t.examples,
                    t.diagnostics.len()
                );
            }
            let sum = |of: fn(&Tested) -> usize| tested.iter().map(of).sum::<usize>();
            println!(
                "{:<32} {:>3} rules {:>5} examples {:>3} failures",
                "total",
                sum(|t| t.rules),
                sum(|t| t.examples),
                failures
            );
        }
    }
    Ok(if failures == 0 { Found::Clean } else { Found::Something })
}

/// The YAML files that `paths` name, folders not searched deeper than one level.
fn files(paths: &[String]) -> Result<Vec<PathBuf>, Usage> {
    let mut files = Vec::new();
    for path in paths {
        let problem = |e: std::io::Error| Usage(format!("{path}: {e}"));
        if std::fs::metadata(path).map_err(problem)?.is_dir() {
            for entry in std::fs::read_dir(path).map_err(problem)? {
                let file = entry.map_err(problem)?.path();
                if file.extension().is_some_and(|e| e == "yaml") {
                    files.push(file);
                }
            }
        } else {
            files.push(PathBuf::from(path));
        }
    }
    files.sort();
    if files.is_empty() { Err(Usage(format!("{}: no rule files", paths.join(", ")))) } else { Ok(files) }
}

/// The examples of which a rule's automata and the regex crate, whose language expressions are in, do not say the same.
fn disagreements(source: &Source) -> Vec<String> {
    let Matcher::Regex(pattern) = &source.rule.matcher else { return Vec::new() };
    let ignore_case = source.rule.transforms.contains(Transform::Lowercase);
    let Ok(regex) = pattern::compile(&pattern.source, ignore_case) else { return Vec::new() };
    let mut caches = Caches::new(1);
    let texts = source.hits.iter().chain(&source.passes);
    let differs = texts.filter(|text| {
        let found = caches.find((0, pattern), text.as_bytes(), None, &mut Effort::unlimited());
        found.is_some() != regex.is_match(text.as_bytes())
    });
    let id = &source.rule.id;
    differs
        .map(|text| format!("\"{id}\" and the regex crate differ on \"{text}\", which is a fault of backstop's"))
        .collect()
}

fn test(file: &Path) -> Result<Tested, Usage> {
    let name = file.display().to_string();
    let family = file.file_stem().and_then(|stem| stem.to_str()).and_then(Family::from_name);
    let mut report = Report::default();
    let mut sources = Vec::new();
    match from_yaml(&read_text(&name)?) {
        Ok(documents) => {
            for document in &documents {
                sources.extend(source::read_rules(&Item::root(document), family, &mut report));
            }
        }
        Err(diagnostic) => report.diagnostics.push(diagnostic),
    }
    for source in &sources {
        for failure in examples::failures(source).into_iter().chain(disagreements(source)) {
            report.diagnostics.push(Diagnostic::error(Name::ExampleFails, "", Place::default(), failure));
        }
    }
    let diagnostics = report.diagnostics.into_iter().map(|d| Diagnostic { file: Some(name.clone()), ..d }).collect();
    let examples = sources.iter().map(|s| s.hits.len().saturating_add(s.passes.len())).sum();
    Ok(Tested { file: name, rules: sources.len(), examples, diagnostics })
}
