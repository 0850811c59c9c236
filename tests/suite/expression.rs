//! Expressions at work: near what a long text holds they find what they find in all of it, and no text makes them build for ever.

use std::borrow::Cow;
use std::ops::ControlFlow;

use backstop::decode::{Traits, Transform, TransformSet};
use backstop::extract::{Target, Value};
use backstop::rules::effort::Effort;
use backstop::rules::expression::Caches;
use backstop::rules::pattern::{self, Pattern};
use backstop::rules::reach::{Lead, Reach};
use backstop::rules::spots::{LONG, Spots};
use backstop::rules::{EMBEDDED, Match, Matcher, Observer, Rule, Ruleset, required};

use crate::dear::{Random, restless};
use crate::rules::sources;

#[derive(Default)]
struct Found(bool);

impl Observer for Found {
    fn matched(&mut self, _: &Match<'_>) -> ControlFlow<()> {
        self.0 = true;
        ControlFlow::Continue(())
    }
}

/// Prose and code, in which every rule's words stand somewhere, but not to any harm.
fn filler() -> Vec<u8> {
    let files = ["README.md", "LICENSE", "src/decode/text.rs", "tests/bench/waf.lua"];
    let mut all: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    all.extend(sources().iter().flat_map(|source| format!("{} {}\n", source.rule.id, source.rule.why).into_bytes()));
    all
}

/// A rule alone, which looks at texts as they are.
fn bare(rule: &Rule) -> Ruleset {
    let transforms = TransformSet::EMPTY.with(Transform::Lowercase);
    let targets = backstop::rules::Targets { kinds: u16::MAX, named: Cow::Borrowed(&[]) };
    Ruleset::new([(Rule { transforms, targets, ..rule.clone() }, true)])
}

#[test]
fn a_long_text_hides_nothing() {
    let filler = filler();
    let mut random = Random(0x5eed);
    let (mut looked, mut matched) = (0, 0);
    for source in sources() {
        let Matcher::Regex(pattern) = &source.rule.matcher else { continue };
        let exact = pattern::compile(&pattern.source, true).unwrap();
        let ruleset = bare(&source.rule);
        let mut scratch = ruleset.scratch();
        for example in source.hits.iter().chain(&source.passes) {
            for place in 0..4 {
                // At the start, at the end, somewhere, and somewhere again with the end cut off.
                let (before, after) = match place {
                    0 => (0, LONG + random.below(6000)),
                    1 => (LONG + random.below(6000), 0),
                    _ => (LONG + random.below(6000), random.below(6000)),
                };
                let cut = |length: usize, random: &mut Random| {
                    let start = random.below(filler.len() - length);
                    filler[start..start + length].to_vec()
                };
                let example = if place == 3 { &example.as_bytes()[..example.len() / 2] } else { example.as_bytes() };
                let text = [cut(before, &mut random), example.to_vec(), cut(after, &mut random)].concat();
                let value = Value { target: Target::Query, name: b"", bytes: &text, is_name: false };
                let mut found = Found::default();
                assert!(ruleset.scan(&value, &mut scratch, &mut Effort::unlimited(), &mut found).is_continue());
                let expected = exact.is_match(&text);
                assert_eq!(
                    found.0,
                    expected,
                    "{} in place {place}: {:?}",
                    source.rule.id,
                    String::from_utf8_lossy(example)
                );
                looked += 1;
                matched += usize::from(expected);
            }
        }
    }
    println!("{looked} long texts, {matched} of them match");
    assert!(looked > 5_000 && matched > 1_000, "{looked} {matched}");
}

#[test]
fn no_text_makes_an_automaton_build_for_ever() {
    const CACHE_BYTES: usize = 600 * 1024;
    let mut random = Random(0xb17d);
    for rule in EMBEDDED {
        let Matcher::Regex(pattern) = &rule.matcher else { continue };
        let mut caches = Caches::new(1);
        let text = restless(rule, 20_000, &mut random);
        let mut effort = Effort::unlimited();
        let found = caches.find((0, pattern), &text, None, &mut effort);
        assert!(caches.bytes() < CACHE_BYTES, "{}: {} bytes of states", rule.id, caches.bytes());
        let exact = pattern::compile(&pattern.source, true).unwrap();
        assert_eq!(found.is_some(), exact.is_match(&text), "{}", rule.id);
    }
}

#[test]
fn work_ends_when_the_effort_is_spent() {
    let rule = EMBEDDED.iter().find(|rule| rule.id == "php-function").unwrap();
    let Matcher::Regex(pattern) = &rule.matcher else { panic!("no expression") };
    let mut text = restless(rule, 400_000, &mut Random(7));
    text.retain(|byte| *byte != b'(');
    let mut effort = Effort::new(Effort::UNITS_OF_MS);
    let mut caches = Caches::new(1);
    let begin = cpu_time::ThreadTime::now();
    assert!(caches.find((0, pattern), &text, None, &mut effort).is_none());
    assert!(effort.is_spent());
    // All of it takes a hundred times as long.
    assert!(begin.elapsed().as_millis() < 60, "{:?}", begin.elapsed());
}

#[test]
fn automata_match_what_the_regex_crate_matches() {
    const SOURCES: &[&str] = &[
        r"ab",
        r"a|b",
        r"a*b",
        r"(?:ab|a)*b",
        r"(?:a|ab)(?:b|ba)",
        r"a{2,4}b",
        r"a{0,3}b",
        r"(?:ab){2}",
        r"(?:ab?){1,2} ",
        r"[^a]b",
        r"[^ab]{2}",
        r"(?s:.)b",
        r".b",
        r"(?:a?b?){3}",
        r"(?:a?b?)*c",
        r"a{3,}",
        r"(?:a|b {0,2}){2,}c",
        r"^a",
        r"a$",
        r"^$",
        r"^a*$",
        r"(?m)^a",
        r"(?m)a$",
        r"(?m)^$",
        r"(?mR)^a",
        r"(?mR)a$",
        r"(?mR)^$",
        r"\Aab|b\z",
        r"\ba",
        r"a\b",
        r"\Ba",
        r"a\B",
        r"\bab\b",
        r"(?:\b|a)b",
        r"\b",
        r"\B",
        r"\b ",
        r" \b",
        r"(?:a\b )*b",
        r"\b{start}a",
        r"a\b{end}",
        r"\b{start-half}b",
        r"b\b{end-half}",
        r"(?:^|b)a",
        r"a(?:b|$)",
        r"(?:^a|\bb)+c",
        r"(?:\ba?){2}b",
        r"a\b\bb?",
        r"",
        r"\xff",
        r"[\x80-\xff]a",
        r"(?i)A[^B]",
        "(?u-i:\u{e9})a",
        "(?u-i:[\u{e9}\u{20ac}])",
    ];
    const ALPHABET: [&[u8]; 8] = [b"a", b"b", b"c", b" ", b"\n", b"\r", b"B", b"\xc3\xa9"];
    let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
    for length in 0..5 {
        let longer = texts
            .iter()
            .filter(|text| text.len() >= length)
            .flat_map(|text| ALPHABET.map(|piece| [text, piece].concat()));
        texts = texts.iter().cloned().chain(longer).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    }
    for (source, ignore_case) in SOURCES.iter().flat_map(|source| [(source, false), (source, true)]) {
        let hir = pattern::parse(source, ignore_case).unwrap();
        let pattern = Pattern::new((*source).to_owned(), &hir, ignore_case).unwrap();
        let exact = pattern::compile(source, ignore_case).unwrap();
        let mut caches = Caches::new(1);
        for text in &texts {
            let found = caches.find((0, &pattern), text, None, &mut Effort::unlimited());
            let shown = || format!("{source} in {:?}", String::from_utf8_lossy(text));
            assert_eq!(found.is_some(), exact.is_match(text), "{}", shown());
            if let Some(span) = found {
                assert!(span.start <= span.end && span.end <= text.len(), "{}: {span:?}", shown());
            }
        }
    }
}

#[test]
fn what_is_too_large_for_an_automaton_is_said() {
    let hir = pattern::parse(r"(?:a|b){20000}", true).unwrap();
    let refused = Pattern::new(String::new(), &hir, true).unwrap_err().to_string();
    assert!(refused.contains("automaton is too large, expected smaller counts"), "{refused}");
}

#[test]
fn relaxed_expressions_match_more() {
    let relaxed = |text: &str| pattern::relaxed(&pattern::parse(text, true).unwrap()).to_string();
    let plain = |text: &str| pattern::parse(text, true).unwrap().to_string();
    assert_eq!(relaxed("x[^>]{0,200}y"), plain("x[^>]*y"));
    assert_eq!(relaxed("[a-z]{8}"), plain("[a-z]+"));
    assert_eq!(relaxed(r"(\d{1,3}\.){3}"), plain(r"(?:\d{1,3}\.){3}"), "it counts so far, and groups");
    assert_eq!(relaxed(r"\s{2,}x"), plain(r"\s+x"));
}

#[test]
fn where_matches_may_begin() {
    let leads = |text: &str| {
        let needs = required::needs(&pattern::parse(text, true).unwrap()).unwrap();
        needs.iter().map(|need| need.lead).collect::<Vec<_>>()
    };
    let of = |free: &[u8], bytes, first: &[u8], at_start| {
        vec![Lead { reach: Reach { free: Traits::of_bytes(free), bytes }, first: Traits::of_bytes(first), at_start }]
    };
    assert_eq!(leads("exec"), of(b"", 0, b"e", false));
    assert_eq!(leads(r"[;|] {0,4}exec"), of(b"", 5, b";|", false));
    assert_eq!(leads(r"; *exec"), of(b" ", 1, b";", false));
    assert_eq!(leads(r";(?:ab)*exec"), of(b"ab", 1, b";", false));
    assert_eq!(leads(r"^/?exec"), of(b"", 0, b"/e", true));
    assert_eq!(leads(r"^/{0,2} ?exec"), of(b"", 3, b"/ e", true));
    assert_eq!(leads(r"(?:foobar|qux)x"), of(b"", 0, b"fq", false));
    // Branches that begin in different ways are needs of their own.
    let both = leads(r"^[a-z]*exec|;exec");
    assert_eq!(both.len(), 2);
    assert!(both[0].at_start && !both[1].at_start);
    // The shorter text stands further behind the beginning than itself says.
    assert_eq!(leads(r"xabc|abc"), of(b"", 1, b"xa", false));
}

#[test]
fn a_lead_says_where_to_begin() {
    let lead = |free: &[u8], bytes, first: &[u8]| Lead {
        reach: Reach { free: Traits::of_bytes(free), bytes },
        first: Traits::of_bytes(first),
        at_start: false,
    };
    let begin = |lead: Lead, text: &str, floor| {
        let place = text.find("exec").unwrap();
        lead.begin(text.as_bytes(), place, place + 4, floor, &mut Effort::unlimited())
    };
    assert_eq!(begin(lead(b" ", 1, b";"), "a; ;   exec", 0), Some(3));
    assert_eq!(begin(lead(b" ", 2, b";"), "a; ;   exec", 0), Some(1));
    assert_eq!(begin(lead(b" ", 9, b";"), "a; ;   exec", 2), Some(3), "not before the floor");
    assert_eq!(begin(lead(b"", 0, b"e"), "a; ;   exec", 0), Some(7));
    assert_eq!(begin(lead(b" ", 1, b"|"), "a; ;   exec", 0), None, "nothing begins so");
    let at_start = Lead { at_start: true, ..Lead::ANYWHERE };
    assert_eq!(begin(at_start, "a exec", 0), Some(0));
    assert_eq!(begin(at_start, "a exec", 1), None);
}

#[test]
fn spots_are_noted_by_blocks() {
    let mut spots = Spots::new(2);
    spots.begin(LONG - 1);
    assert!(!spots.are_noted());
    spots.begin(131_072);
    assert!(spots.are_noted());
    for place in [0, 70, 1000, 131_071] {
        spots.note(1, place);
    }
    assert_eq!(spots.runs(1).collect::<Vec<_>>(), [(0, 128), (960, 1024), (131_008, 131_072)]);
    assert_eq!(spots.runs(0).count(), 0);
    spots.note_everywhere(0);
    assert_eq!(spots.runs(0).collect::<Vec<_>>(), [(0, 131_072)]);
    spots.begin(786_432);
    spots.note(0, 786_431);
    assert_eq!(spots.runs(0).collect::<Vec<_>>(), [(785_920, 786_432)]);
    assert_eq!(spots.runs(1).count(), 0, "a new text, a new map");
}
