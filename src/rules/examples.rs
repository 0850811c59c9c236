//! A rule against its own examples: every one of `hits` must match, none of `passes` may.

use std::ops::ControlFlow;

use super::effort::Effort;
use super::rule::{Rule, Targets};
use super::scan::{Match, Observer, Ruleset};
use super::source::Source;
use crate::extract::{Target, Value};

/// The examples of `source` that come out wrong, each as a sentence.
#[must_use]
pub fn failures(source: &Source) -> Vec<String> {
    // An example is a value where the rule may look at any, so it stands in a place of that kind.
    let targets = Targets { kinds: Targets::bit(Target::Query), ..Targets::default() };
    let alone = Ruleset::new([(Rule { targets, ..source.rule.clone() }, true)]);
    let matches = |text: &&String| matches(&alone, text);
    let hits = source.hits.iter().filter(|text| !matches(text));
    let passes = source.passes.iter().filter(matches);
    hits.map(|text| format!("\"{}\" does not match \"{text}\", one of its hits", source.rule.id))
        .chain(passes.map(|text| format!("\"{}\" matches \"{text}\", one of its passes", source.rule.id)))
        .collect()
}

/// Whether a rule of `ruleset` matches `text`.
fn matches(ruleset: &Ruleset, text: &str) -> bool {
    struct Any(bool);
    impl Observer for Any {
        fn matched(&mut self, _: &Match<'_>) -> ControlFlow<()> {
            self.0 = true;
            ControlFlow::Break(())
        }
    }
    let value = Value { target: Target::Query, name: b"", bytes: text.as_bytes(), is_name: false };
    let mut any = Any(false);
    let _ = ruleset.scan(&value, &mut ruleset.scratch(), &mut Effort::unlimited(), &mut any);
    any.0
}
