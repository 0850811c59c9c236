//! What every detector must keep: it finds its hits, leaves its passes alone, and finds nothing without a needed literal.

use std::sync::OnceLock;

use backstop::document::{Value, from_yaml};
use backstop::rules::detector::Detector;
use backstop::rules::effort::Effort;
use backstop::rules::prefilter::Prefilter;
use backstop::rules::{EMBEDDED, Matcher};

/// A list of the file `tests/data/detector/<name>.yaml`.
pub fn examples(name: &str, list: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("tests/data/detector/{name}.yaml")).unwrap();
    let documents = from_yaml(&text).unwrap();
    let Value::List(nodes) = &documents[0].get(list).unwrap().value else { panic!("{name}: {list} is not a list") };
    assert!(nodes.len() >= 150, "{name}: only {} {list}", nodes.len());
    nodes
        .iter()
        .map(|node| node.as_text().unwrap_or_else(|| panic!("not text at {:?}", node.place)).to_owned())
        .collect()
}

/// Whether `value` meets what the detector says it needs.
pub fn needed(detector: Detector, value: &[u8]) -> bool {
    static PREFILTERS: OnceLock<Vec<Prefilter>> = OnceLock::new();
    let prefilters = PREFILTERS.get_or_init(|| {
        let of = |matcher: Matcher| EMBEDDED.iter().find(|rule| rule.matcher == matcher).unwrap();
        Detector::NAMES.iter().map(|(_, d)| Prefilter::new(std::slice::from_ref(of(Matcher::Detector(*d))))).collect()
    });
    let prefilter = &prefilters[Detector::NAMES.iter().position(|(_, d)| *d == detector).unwrap()];
    let (mut hits, mut all) = (prefilter.hits(), prefilter.no_needs());
    (0..detector.needs().len()).for_each(|need| all.insert(need));
    prefilter.pass(value, &mut hits);
    prefilter.candidates(&hits, &all, &all).next().is_some()
}

/// Numbers that look random and are the same in every run (Knuth's MMIX constants).
pub struct Numbers(pub u64);

impl Numbers {
    /// The next one, less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Sixty thousand values, half of them any bytes and half of them of `signs`, each of less than sixty.
pub fn random_values(signs: &'static [u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut numbers = Numbers(42);
    (0..60_000).map(move |_| {
        let any = numbers.below(2) == 0;
        let length = numbers.below(60);
        let mut byte =
            || if any { u8::try_from(numbers.below(256)).unwrap() } else { signs[numbers.below(signs.len())] };
        (0..length).map(|_| byte()).collect()
    })
}

/// Asserts that `core` is found between two copies of each padding.
pub fn found_behind(detector: Detector, cores: &[&str], paddings: &[String]) {
    for core in cores {
        for padding in paddings {
            let value = format!("{padding}{core}{padding}");
            let begin: String = padding.chars().take(20).collect();
            assert!(
                detector.detect(value.as_bytes(), &mut Effort::unlimited()).is_some(),
                "{core} hides behind {begin}"
            );
        }
    }
}

#[test]
fn hits_are_found_where_they_stand_and_hold_a_needed_literal() {
    for (name, detector) in Detector::NAMES {
        for value in examples(name, "hits") {
            let span = detector
                .detect(value.as_bytes(), &mut Effort::unlimited())
                .unwrap_or_else(|| panic!("{name}: not found: {value}"));
            assert!(span.start < span.end && span.end <= value.len(), "{name}: {span:?} in {value}");
            assert!(needed(*detector, value.as_bytes()), "{name}: no literal of its needs in {value}");
        }
    }
}

#[test]
fn passes_are_left_alone() {
    for (name, detector) in Detector::NAMES {
        for value in examples(name, "passes") {
            assert!(
                detector.detect(value.as_bytes(), &mut Effort::unlimited()).is_none(),
                "{name}: a false alarm: {value}"
            );
        }
    }
}
