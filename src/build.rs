//! Build script: checks `rules/*.yaml` and writes them as one const table for `rules::embedded`.
#![allow(dead_code, unused_imports, reason = "it shares the library's files and uses a part of them")]
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a build script"
)]

mod decode;
mod diagnostic;
mod document;
mod extract;
mod http;
mod verdict;
mod rules {
    //! The part of the room that reads rules.
    pub mod detector;
    pub mod effort;
    pub mod glushkov;
    pub mod need;
    pub mod nfa;
    pub mod packed;
    pub mod pattern;
    pub mod reach;
    pub mod required;
    pub mod rule;
    pub mod source;

    pub use crate::verdict::Span;
}

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use decode::Traits;
use document::{Item, Report};
use rules::need::Need;
use rules::packed::Packed;
use rules::pattern::Pattern;
use rules::reach::Lead;
use rules::rule::{Matcher, Rule};
use verdict::Family;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src");
    let mut wrong = Vec::new();
    let mut table = String::from("&[\n");
    for family in Family::ALL {
        let file = format!("rules/{}.yaml", family.as_str());
        match read_file(&file, *family) {
            Ok(rules) => rules.iter().for_each(|rule| write_rule(rule, &mut table)),
            Err(messages) => wrong.extend(messages),
        }
    }
    wrong.extend(files_without_family());
    if !wrong.is_empty() {
        for message in wrong {
            println!("cargo::error={message}");
        }
        return ExitCode::FAILURE;
    }
    table.push(']');
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    match std::fs::write(Path::new(&out).join("rules.rs"), table) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            println!("cargo::error=rules.rs: {e}");
            ExitCode::FAILURE
        }
    }
}

fn read_file(file: &str, family: Family) -> Result<Vec<Rule>, Vec<String>> {
    let text = std::fs::read_to_string(file).map_err(|e| vec![format!("{file}: {e}")])?;
    let mut report = Report::default();
    let mut rules = Vec::new();
    match document::from_yaml(&text) {
        Ok(documents) => {
            for document in &documents {
                rules.extend(rules::source::read_rules(&Item::root(document), Some(family), &mut report));
            }
        }
        Err(diagnostic) => report.diagnostics.push(diagnostic),
    }
    if report.diagnostics.is_empty() {
        return Ok(rules.into_iter().map(|source| source.rule).collect());
    }
    let messages = report.diagnostics.into_iter().map(|mut d| {
        d.file = Some(file.to_owned());
        d.to_string()
    });
    Err(messages.collect())
}

/// A rule file that no family reads would be dead without anyone noticing.
fn files_without_family() -> Vec<String> {
    let known = |stem: &str| Family::ALL.iter().any(|f| f.as_str() == stem);
    let entries = std::fs::read_dir("rules").into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| !path.file_stem().and_then(|s| s.to_str()).is_some_and(known))
        .map(|path| format!("{}: no family of that name", path.display()))
        .collect()
}

fn write_rule(rule: &Rule, table: &mut String) {
    let needs: Vec<String> = rule.needs.iter().map(write_need).collect();
    let named: Vec<String> =
        rule.targets.named.iter().map(|(t, n)| format!("(Target::{t:?}, Cow::Borrowed({n:?}))")).collect();
    let matcher = match &rule.matcher {
        Matcher::Regex(pattern) => write_pattern(pattern),
        Matcher::Detector(detector) => format!("Matcher::Detector(Detector::{detector:?})"),
    };
    let _ = writeln!(
        table,
        "Rule {{ id: Cow::Borrowed({:?}), family: Family::{:?}, severity: Severity::{:?}, level: {}, \
         targets: Targets {{ kinds: {}, named: Cow::Borrowed(&[{}]) }}, transforms: TransformSet::from_bits({}), \
         matcher: {matcher}, needs: Cow::Borrowed(&[{}]), why: Cow::Borrowed({:?}) }},",
        rule.id,
        rule.family,
        rule.severity,
        rule.level,
        rule.targets.kinds,
        named.join(", "),
        rule.transforms.bits(),
        needs.join(", "),
        rule.why,
    );
}

fn write_pattern(pattern: &Pattern) -> String {
    let packed = |packed: &Packed| format!("Packed::of(&{:?})", packed.as_bytes());
    let exact = pattern.exact.as_ref().map_or("None".to_owned(), |exact| format!("Some({})", packed(exact)));
    let (source, relaxed) = (&pattern.source, packed(&pattern.relaxed));
    format!("Matcher::Regex(Pattern {{ source: Cow::Borrowed({source:?}), relaxed: {relaxed}, exact: {exact} }})")
}

fn write_need(need: &Need) -> String {
    let symbols = |set: Traits| format!("Traits::from_bits({})", set.bits());
    let [one, other] = need.with.map(symbols);
    let texts = need.texts.as_packed();
    let signs = symbols(need.signs);
    let Lead { reach, first, at_start } = need.lead;
    let reach = format!("Reach {{ free: {}, bytes: {} }}", symbols(reach.free), reach.bytes);
    let lead = format!("Lead {{ reach: {reach}, first: {}, at_start: {at_start} }}", symbols(first));
    format!("Need {{ texts: Literals::packed({texts:?}), signs: {signs}, with: [{one}, {other}], lead: {lead} }}")
}
