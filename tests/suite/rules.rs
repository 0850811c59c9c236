//! Rules: the embedded ones keep their examples, the prefilter never loses a match, literals are truly required.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use aho_corasick::AhoCorasick;
use backstop::decode::Traits;
use backstop::document::{Item, Report, from_yaml};
use backstop::extract::{Target, Value};
use backstop::rules::effort::Effort;
use backstop::rules::need::{Literal, Literals, Need};
use backstop::rules::prefilter::Prefilter;
use backstop::rules::{EMBEDDED, Match, Observer, Rule, Ruleset, examples, pattern, required, rule, source};
use backstop::verdict::Family;

use crate::cases::{files, stem};
use crate::decode::random_bytes;

pub fn sources() -> Vec<source::Source> {
    let mut sources = Vec::new();
    for file in files("rules") {
        let family = Family::from_name(stem(&file)).unwrap();
        let documents = from_yaml(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut report = Report::default();
        sources.extend(source::read_rules(&Item::root(&documents[0]), Some(family), &mut report));
        assert!(report.diagnostics.is_empty(), "{}: {:?}", file.display(), report.diagnostics);
    }
    sources
}

#[test]
fn embedded_rules_are_those_of_the_files() {
    let from_files: Vec<Rule> = sources().into_iter().map(|s| s.rule).collect();
    assert_eq!(from_files.len(), EMBEDDED.len());
    for rule in EMBEDDED {
        assert!(from_files.contains(rule), "{}", rule.id);
    }
    for family in Family::ALL {
        assert!(EMBEDDED.iter().any(|r| r.family == *family), "{}: no rule", family.as_str());
    }
}

#[test]
fn every_rule_keeps_its_examples() {
    let sources = sources();
    let failures: Vec<String> = sources.iter().flat_map(examples::failures).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let examples: usize = sources.iter().map(|s| s.hits.len() + s.passes.len()).sum();
    println!("{examples} examples of {} rules", sources.len());
}

#[derive(Default)]
struct Ids(Vec<String>);

impl Observer for Ids {
    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()> {
        self.0.push(found.rule.id.to_string());
        ControlFlow::Continue(())
    }
}

fn matched(ruleset: &Ruleset, text: &[u8]) -> Vec<String> {
    let mut ids = Ids::default();
    for target in [Target::Query, Target::Path, Target::Header] {
        let value = Value { target, name: b"x", bytes: text, is_name: false };
        assert!(ruleset.scan(&value, &mut ruleset.scratch(), &mut Effort::unlimited(), &mut ids).is_continue());
    }
    ids.0.sort();
    ids.0
}

#[test]
fn the_prefilter_never_loses_a_match() {
    let with = Ruleset::new(EMBEDDED.iter().map(|r| (r.clone(), true)));
    let always = |r: &Rule| Rule { needs: vec![Need::nothing()].into(), ..r.clone() };
    let without = Ruleset::new(EMBEDDED.iter().map(|r| (always(r), true)));
    let examples: Vec<String> = sources().into_iter().flat_map(|s| [s.hits, s.passes].concat()).collect();
    let mut matches = 0;
    for text in &examples {
        // Embedded in noise as well, so that a match does not depend on where it stands.
        for text in [text.clone().into_bytes(), [&random_bytes(text.len() as u64, 30), text.as_bytes()].concat()] {
            let found = matched(&with, &text);
            matches += found.len();
            assert_eq!(found, matched(&without, &text), "{:?}", String::from_utf8_lossy(&text));
        }
    }
    println!("{matches} matches in {} texts", examples.len() * 2);
}

/// The rules that a text concerns, by the reference: Aho and Corasick's automaton, then edges and signs.
fn concerned(automaton: &AhoCorasick, owners: &[(usize, usize, bool, bool)], text: &[u8]) -> BTreeSet<usize> {
    let is = |byte: Option<&u8>, also: &[u8]| {
        byte.is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_' || also.contains(b))
    };
    let mut met = BTreeSet::new();
    for found in automaton.find_overlapping_iter(text) {
        let (rule, need, left, right) = owners[found.pattern().as_usize()];
        let before = found.start().checked_sub(1).and_then(|i| text.get(i));
        if !(left && is(before, b"") || right && is(text.get(found.end()), b"0123456789")) {
            met.insert((rule, need));
        }
    }
    let traits = Traits::of(text);
    let needs = EMBEDDED
        .iter()
        .enumerate()
        .flat_map(|(r, rule)| rule.needs.iter().enumerate().map(move |(n, need)| (r, n, need)));
    let wanted = |(r, n, need): &(usize, usize, &Need)| {
        (met.contains(&(*r, *n)) || traits.any(need.signs)) && need.with.iter().all(|signs| traits.any(*signs))
    };
    needs.filter(wanted).map(|(rule, ..)| rule).collect()
}

#[test]
fn the_prefilter_finds_what_an_automaton_over_all_literals_finds() {
    let mut literals = Vec::new();
    let mut owners = Vec::new();
    for (r, rule) in EMBEDDED.iter().enumerate() {
        for (n, need) in rule.needs.iter().enumerate() {
            for literal in need.texts.iter() {
                literals.push(literal.text);
                owners.push((r, n, literal.left, literal.right));
            }
        }
    }
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&literals).unwrap();
    let prefilter = Prefilter::new(EMBEDDED);
    let mut all = prefilter.no_needs();
    (0..EMBEDDED.iter().map(|r| r.needs.len()).sum()).for_each(|need| all.insert(need));
    let mut hits = prefilter.hits();
    let mut concerns = 0;
    for (literal, seed) in literals.iter().zip(0..) {
        // Bare, in words, at both ends, in upper case, and cut short.
        let noise = random_bytes(seed, 6);
        let upper = literal.to_ascii_uppercase();
        let texts: [&[&[u8]]; 6] = [
            &[literal.as_bytes()],
            &[b"x", literal.as_bytes(), b"y"],
            &[&noise, upper.as_bytes(), &noise],
            &[b"9", literal.as_bytes(), b" "],
            &[b" ", literal.as_bytes(), b"9"],
            &[literal.as_bytes().split_last().unwrap().1],
        ];
        for text in texts.map(<[&[u8]]>::concat) {
            prefilter.pass(&text, &mut hits);
            let found: BTreeSet<usize> =
                prefilter.candidates(&hits, &all, &all).map(|candidate| candidate.rule).collect();
            concerns += found.len();
            assert_eq!(found, concerned(&automaton, &owners, &text), "{:?}", String::from_utf8_lossy(&text));
        }
    }
    println!("{} literals, {concerns} rules concerned", literals.len());
}

#[test]
fn required_literals() {
    // `|` stands where a word must begin or end.
    let needs = |text: &str| {
        let needs = required::needs(&pattern::parse(text, true).unwrap())?;
        let edge = |yes| if yes { "|" } else { "" };
        let texts = needs.iter().flat_map(|need| need.texts.iter());
        let texts = texts.map(|t| format!("{}{}{}", edge(t.left), t.text, edge(t.right)));
        Some(texts.collect::<Vec<_>>().join(" "))
    };
    let some = |texts: &str| Some(texts.to_owned());
    assert_eq!(needs(r"\bunion\s+(all\s+)?select\b"), some("select|"));
    assert_eq!(needs(r"(?:cat|tail)\d"), some("cat tail"));
    assert_eq!(needs(r"x(?:ab|abc)y"), some("xabcy xaby"));
    assert_eq!(needs(r"colou?r"), some("color colour"));
    assert_eq!(needs(r"(?:foo)+bar?"), some("foo"));
    assert_eq!(needs(r"a[/\\]{1,4}x"), some("a/ a\\"));
    assert_eq!(needs(r"(?:ab){2}"), some("abab"));
    assert_eq!(needs(r"\d+"), None);
    assert_eq!(needs(r"(?:abc|\d)"), None);
    assert_eq!(needs(r"a.c"), None, "one byte alone is no filter");
    // What stands beside a word says that it begins or ends there.
    assert_eq!(needs(r"[;|&]\s*ls[^\w.]+-"), some("|ls|"));
    assert_eq!(needs(r"(?:^|[^\w])eval(?:[^\w-]|$)"), some("|eval|"));
    assert_eq!(needs(r"\w*eval\w"), some("eval"));
    assert_eq!(needs(r"eval\s*\w"), some("eval"), "nothing may stand between the two words");
    assert_eq!(needs(r"\s\d*id"), some("id"), "what may be nothing hides what stands before it");
    assert_eq!(needs(r"'\bor"), some("'or"), "a sign, then a word");
    assert_eq!(needs(r"\b'x'\b"), some("'x'"), "beside a sign the edge is a word's");
}

#[test]
fn required_signs() {
    let signs = |text: &str| required::signs(&pattern::parse(text, true).unwrap()).map(|set| set.bits());
    let set = |bytes: &[u8]| Traits::of_bytes(bytes).bits();
    assert_eq!(signs(r"[;|]\s*ls`"), [set(b"`"), set(b";|")]);
    assert_eq!(signs(r"(?:\$|`)x|y\["), [set(b"$`["), set(b"x[")], "one way or the other");
    assert_eq!(signs(r"\w+\d*"), [Traits::ALL.bits(); 2], "every value has one");
}

#[test]
fn literals_keep_their_edges_when_packed() {
    let literal = |text, left, right| Literal { text, left, right };
    let all = [
        literal("or", true, true),
        literal("pg_", true, false),
        literal("x y", false, true),
        literal("a", false, false),
    ];
    let packed: Literals = all.into_iter().collect();
    assert_eq!(packed.iter().collect::<Vec<_>>(), all);
    let marks: Literals = [literal("a\u{1}bc\u{2}", true, true)].into_iter().collect();
    assert_eq!(marks.iter().collect::<Vec<_>>(), [literal("bc", false, false)], "a part of it without marks");
}

#[test]
fn a_star_stands_for_anything_at_either_end() {
    let cases: &[(&str, &str, bool)] = &[
        ("sqli-*", "SQLI-union", true),
        ("sqli-*", "xsqli-", false),
        ("*.filename", "photo.filename", true),
        ("*.filename", "filename", false),
        ("*.filename", "a.filename.b", false),
        ("*expr*", "queries.expr.raw", true),
        ("*expr*", "exp", false),
        ("*", "", true),
        ("**", "x", true),
        ("expr", "expr", true),
        ("", "x", false),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(rule::glob(pattern.as_bytes(), text.as_bytes()), *expected, "{pattern} {text}");
    }
    let custom = "rules: {custom: [{id: php-upload, severity: critical, targets: ['form:*.filename'], transforms: [lowercase], \
                  match: {regex: '\\.php$'}, why: a script among uploads, hits: [a.php], passes: [a.png]}]}";
    let documents = from_yaml(custom).unwrap();
    let (engine, warnings) = backstop::engine::Engine::compile(&documents[0], 0).unwrap_or_else(|d| panic!("{d:?}"));
    assert!(warnings.is_empty());
    for (name, found) in [("photo.filename", true), ("photo", false)] {
        let mut ids = Ids::default();
        let value = Value { target: Target::Form, name: name.as_bytes(), bytes: b"x.PHP", is_name: false };
        assert!(
            engine
                .ruleset
                .scan(&value, &mut engine.ruleset.scratch(), &mut Effort::unlimited(), &mut ids)
                .is_continue()
        );
        assert_eq!(ids.0.contains(&"php-upload".to_owned()), found, "{name}: {:?}", ids.0);
    }
}
