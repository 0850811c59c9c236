//! A rule against its own examples: every one of `hits` must match, none of `passes` may.

use std::ops::ControlFlow;

use super::rule::{Rule, Targets};
use super::scan::{Match, Observer, Ruleset};
use super::source::Source;
use crate::extract::{Target, Value};

/// The examples of `source` that come out wrong, each as a sentence.
#[must_use]
pub fn failures(source: &Source) -> Vec<String> {
    let hits = source.hits.iter().filter(|text| !matches(&source.rule, text));
    let passes = source.passes.iter().filter(|text| matches(&source.rule, text));
    hits.map(|text| format!("\"{}\" does not match \"{text}\", one of its hits", source.rule.id))
        .chain(passes.map(|text| format!("\"{}\" matches \"{text}\", one of its passes", source.rule.id)))
        .collect()
}

/// Whether `rule` alone matches `text`, wherever it looks.
#[must_use]
pub fn matches(rule: &Rule, text: &str) -> bool {
    struct Any(bool);
    impl Observer for Any {
        fn matched(&mut self, _: &Match<'_>) -> ControlFlow<()> {
            self.0 = true;
            ControlFlow::Break(())
        }
    }
    // An example is a value where the rule may look at any, so it stands in a place of that kind.
    let anywhere =
        Rule { targets: Targets { kinds: Targets::bit(Target::Query), ..Targets::default() }, ..rule.clone() };
    let Ok(ruleset) = Ruleset::new([(anywhere, true)]) else { return false };
    let value = Value { target: Target::Query, name: b"", bytes: text.as_bytes(), is_name: false };
    let mut any = Any(false);
    let _ = ruleset.scan(&value, &mut ruleset.scratch(), &mut any);
    any.0
}
