//! Rules: the prefilter loses no finding, whatever is scanned, and whoever wrote the rule; spans lie in the text.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use backstop::decode::{Transform, TransformSet};
use backstop::document::{Item, Report, from_json, from_yaml};
use backstop::extract::{Target, Value};
use backstop::rules::detector::Detector;
use backstop::rules::effort::Effort;
use backstop::rules::need::Need;
use backstop::rules::source::read_rules;
use backstop::rules::spots::LONG;
use backstop::rules::{EMBEDDED, Match, Matcher, Observer, Rule, Ruleset, examples, pattern};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::input::{Input, joined};
use crate::cases;

/// Names that some rule looks for, and one that none does.
const NAMES: &[&[u8]] = &[
    b"q",
    b"user-agent",
    b"referer",
    b"photo.filename",
    b"host",
    b"content-type",
    b"!DOCTYPE",
    b"x-forwarded-for",
    b"",
];

/// A ruleset, and the same without a prefilter.
pub struct Pair {
    gated: Ruleset,
    ungated: Ruleset,
}

impl Pair {
    pub fn new(rules: &[(Rule, bool)]) -> Self {
        let always = |rule: &Rule| Rule { needs: Cow::Owned(vec![Need::nothing()]), ..rule.clone() };
        let ungated = rules.iter().map(|(rule, counts)| (always(rule), *counts));
        Self { gated: Ruleset::new(rules.iter().cloned()), ungated: Ruleset::new(ungated) }
    }

    /// The rules that match, which are the same with the prefilter and without it.
    pub fn scan(&self, value: &Value<'_>) -> Vec<Found> {
        let ungated = matches(&self.ungated, value);
        let lost = || String::from_utf8_lossy(value.bytes).into_owned();
        assert_eq!(matches(&self.gated, value), ungated, "lost in {:?}", lost());
        ungated
    }
}

/// A rule that matched: its id, and its score if it counts.
pub type Found = (String, u32);

fn matches(ruleset: &Ruleset, value: &Value<'_>) -> Vec<Found> {
    #[derive(Default)]
    struct All {
        found: Vec<Found>,
        text: Vec<u8>,
        /// What each rule's expression says of the same text.
        expected: BTreeMap<String, bool>,
    }
    impl Observer for All {
        fn text(&mut self, _: TransformSet, text: &[u8]) {
            self.text = text.to_vec();
        }
        fn candidate(&mut self, rule: &Rule) {
            if let Matcher::Regex(pattern) = &rule.matcher {
                let ignore_case = rule.transforms.contains(Transform::Lowercase);
                let is_match = matches_exactly(&pattern.source, ignore_case, &self.text);
                *self.expected.entry(rule.id.to_string()).or_default() |= is_match;
            }
        }
        fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()> {
            let (start, end) = (found.span.start, found.span.end);
            assert!(start <= end && end <= found.text.len(), "{start}..{end} of {}", found.text.len());
            let score = if found.counts { found.rule.severity.score() } else { 0 };
            self.found.push((found.rule.id.to_string(), score));
            ControlFlow::Continue(())
        }
    }
    let mut all = All::default();
    assert!(ruleset.scan(value, &mut ruleset.scratch(), &mut Effort::unlimited(), &mut all).is_continue());
    for (rule, expected) in &all.expected {
        let found = all.found.iter().any(|(id, _)| id == rule);
        assert_eq!(found, *expected, "{rule} in {:?}", String::from_utf8_lossy(value.bytes));
    }
    all.found.sort();
    all.found
}

/// Whether the regex crate finds a match of `source` in `text`.
fn matches_exactly(source: &str, ignore_case: bool, text: &[u8]) -> bool {
    thread_local!(static COMPILED: RefCell<BTreeMap<(String, bool), regex::bytes::Regex>> = const { RefCell::new(BTreeMap::new()) });
    COMPILED.with_borrow_mut(|compiled| {
        if compiled.len() > 500 {
            compiled.clear();
        }
        let regex = compiled.entry((source.to_owned(), ignore_case));
        regex.or_insert_with(|| pattern::compile(source, ignore_case).unwrap()).is_match(text)
    })
}

/// The examples of all rules.
pub fn examples() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for file in cases::files("rules") {
        let documents = from_yaml(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let sources = read_rules(&Item::root(&documents[0]), None, &mut Report::default());
        texts.extend(sources.into_iter().flat_map(|s| [s.hits, s.passes].concat()).map(String::into_bytes));
    }
    texts
}

thread_local! {
    static EMBEDDED_PAIR: Pair = Pair::new(&EMBEDDED.iter().map(|rule| (rule.clone(), true)).collect::<Vec<_>>());
    static EXPRESSIONS: Vec<Hir> = EMBEDDED.iter().filter_map(|rule| match &rule.matcher {
        Matcher::Regex(pattern) => pattern::parse(&pattern.source, true).ok(),
        Matcher::Detector(_) => None,
    }).collect();
}

pub fn scan_seeds() -> Vec<Vec<u8>> {
    let raw = examples().into_iter().zip(0_u8..=255).map(|(text, n)| joined(&[n % 8, 0, 0], &[&text]));
    let made =
        EMBEDDED.iter().zip(0_u8..=255).map(|(_, n)| joined(&[1, 0, 1], &[&[n, 0, 1, 2, 3, 4, 5, 6, 7], b"a ", b" b"]));
    raw.chain(made).collect()
}

/// A value of any kind; or a text that some rule's expression matches, with other text around it.
pub fn scan(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let target = input.choice(Target::ALL);
    let (name, is_made) = (input.choice(NAMES), input.flag());
    let bytes = if is_made {
        let choices = input.text();
        let text = EXPRESSIONS.with(|all| {
            let (low, rest) = choices.split_first().unwrap_or((&0, &[]));
            let (high, rest) = rest.split_first().unwrap_or((&0, &[]));
            made(&all[(usize::from(*low) + 256 * usize::from(*high)) % all.len()], rest)
        });
        [input.text(), &text, input.rest()].concat()
    } else {
        input.rest().to_vec()
    };
    let value = Value { target, name, bytes: &bytes, is_name: bytes.len() % 5 == 1 };
    EMBEDDED_PAIR.with(|pair| pair.scan(&value));
    // In a long text, which is looked at near what it holds, as well.
    if bytes.len() % 4 == 2 {
        let long = [FILLER.repeat(LONG / FILLER.len() + 1), bytes.clone(), FILLER.repeat(40)].concat();
        EMBEDDED_PAIR.with(|pair| pair.scan(&Value { bytes: &long, ..value }));
    }
}

/// Prose that no rule minds.
const FILLER: &[u8] = b"The doors open at seven, and seats are as you find them.\n";

pub fn pattern_seeds() -> Vec<Vec<u8>> {
    let expressions = EMBEDDED.iter().filter_map(|rule| match &rule.matcher {
        Matcher::Regex(text) => Some(text.source.as_bytes()),
        Matcher::Detector(_) => None,
    });
    expressions.map(|text| joined(b"", &[text, b"\x01\x02\x03\x04", b" a ", b" b "])).collect()
}

/// Somebody's own rule: whatever its expression matches, the rule finds.
pub fn pattern(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (Ok(text), choices) = (str::from_utf8(input.text()), input.text()) else { return };
    let (before, after) = (input.text(), input.rest());
    for (transforms, always) in [(&["lowercase"][..], false), (&["lowercase"], true), (&[], false)] {
        let mut block = serde_json::json!([{
            "id": "sqli-fuzzed", "severity": "critical", "targets": ["query"], "transforms": transforms,
            "match": {"regex": text}, "why": "it is fuzzed", "hits": ["a"], "passes": ["b"],
        }]);
        if always {
            block[0]["scan"] = "always".into();
        }
        let mut report = Report::default();
        let document = from_json(block.to_string().as_bytes()).unwrap();
        let sources = read_rules(&Item::root(&document), None, &mut report);
        let Some(source) = sources.first() else {
            assert!(report.has_errors(), "left out without a word");
            continue;
        };
        let _ = examples::failures(source);
        let Ok(hir) = pattern::parse(text, !transforms.is_empty()) else { return };
        let text = made(&hir, choices);
        let pair = Pair::new(&[(source.rule.clone(), true)]);
        for bytes in [[before, &text, after].concat(), text] {
            pair.scan(&Value { target: Target::Query, name: b"q", bytes: &bytes, is_name: false });
        }
    }
}

/// A text that `hir` matches, but for what it says of the text around it; `choices` decide where there are several.
fn made(hir: &Hir, choices: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    make(hir, &mut Input::new(choices), &mut output);
    output
}

fn make(hir: &Hir, choices: &mut Input<'_>, output: &mut Vec<u8>) {
    const MAX_BYTES: usize = 512;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => output.extend_from_slice(&literal.0),
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.ranges();
            if let Some(range) = ranges.get(choices.below(ranges.len().clamp(1, 256))) {
                let size = usize::from(range.end() - range.start()) + 1;
                output.push(range.start() + u8::try_from(choices.below(size)).unwrap());
            }
        }
        HirKind::Class(Class::Unicode(class)) => {
            output.extend(class.ranges().first().map(|range| range.start().to_string()).unwrap_or_default().bytes());
        }
        HirKind::Repetition(repetition) => {
            let more = choices.below(3).min(repetition.max.map_or(3, |max| (max - repetition.min) as usize));
            for _ in 0..repetition.min as usize + more {
                if output.len() < MAX_BYTES {
                    make(&repetition.sub, choices, output);
                }
            }
        }
        HirKind::Capture(capture) => make(&capture.sub, choices, output),
        HirKind::Concat(parts) => parts.iter().for_each(|part| make(part, choices, output)),
        HirKind::Alternation(parts) => make(&parts[choices.below(parts.len().min(256))], choices, output),
    }
}

pub fn detector_seeds() -> Vec<Vec<u8>> {
    cases::texts("tests/data/detector")
}

/// What a detector reports lies in the value, and is reported each time.
pub fn detector(text: &[u8]) {
    for (name, detector) in Detector::NAMES {
        let found = detector.detect(text, &mut Effort::unlimited());
        assert!(found.is_none_or(|s| s.start < s.end && s.end <= text.len()), "{name}: {found:?} of {}", text.len());
        assert_eq!(found, detector.detect(text, &mut Effort::unlimited()), "{name}");
    }
}

pub fn source_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for file in cases::files("rules") {
        let text = std::fs::read_to_string(&file).unwrap();
        seeds.extend(
            text.split("\n- ").take(4).map(|block| format!("- {}", block.trim_start_matches("- ")).into_bytes()),
        );
    }
    seeds
}

/// A rule file that anybody may have written.
pub fn source(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    let Ok(documents) = from_yaml(text) else { return };
    for document in &documents {
        let mut report = Report::default();
        let sources = read_rules(&Item::root(document), None, &mut report);
        for diagnostic in &report.diagnostics {
            let line = diagnostic.to_string();
            assert!(line.len() < 4096 + text.len() && !line.contains('\n'), "{line:?}");
        }
        for source in sources {
            let _ = examples::failures(&source);
            let pair = Pair::new(&[(source.rule.clone(), true)]);
            for example in source.hits.iter().chain(&source.passes) {
                for target in Target::ALL {
                    pair.scan(&Value { target: *target, name: b"q", bytes: example.as_bytes(), is_name: false });
                }
            }
        }
    }
}
