//! Every rule earns its place: one of its own hits is caught by no other rule.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use backstop::extract::{Target, Value};
use backstop::rules::effort::Effort;
use backstop::rules::{EMBEDDED, Match, Observer, Rule, Ruleset};

use crate::rules::sources;

/// Identifiers and levels of the rules that matched.
#[derive(Default)]
struct Found(BTreeSet<(String, u8)>);

impl Observer for Found {
    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()> {
        self.0.insert((found.rule.id.to_string(), found.rule.level));
        ControlFlow::Continue(())
    }
}

/// The rules that match `text` in each of the places where `rule` looks.
fn matched(ruleset: &Ruleset, rule: &Rule, text: &str) -> Vec<Found> {
    let whole = Target::ALL.iter().filter(|t| rule.targets.kinds & backstop::rules::Targets::bit(**t) != 0);
    let places = whole.map(|t| (*t, "x")).chain(rule.targets.named.iter().map(|(t, name)| (*t, name.as_ref())));
    places
        .map(|(target, name)| {
            let value = Value { target, name: name.as_bytes(), bytes: text.as_bytes(), is_name: false };
            let mut found = Found::default();
            assert!(ruleset.scan(&value, &mut ruleset.scratch(), &mut Effort::unlimited(), &mut found).is_continue());
            found
        })
        .collect()
}

/// Disabling a rule changes nothing for the others, so that a hit is its own if nothing else up to its level matches.
#[test]
fn every_rule_is_the_one_that_catches_something() {
    let ruleset = Ruleset::new(EMBEDDED.iter().map(|r| (r.clone(), true)));
    let mut dead = Vec::new();
    for source in sources() {
        let rule = &source.rule;
        let mut others = Vec::new();
        let mut is_alone = false;
        for hit in &source.hits {
            for found in matched(&ruleset, rule, hit) {
                let (own, rest): (Vec<_>, Vec<_>) = found.0.into_iter().partition(|(id, _)| *id == rule.id);
                let rest: Vec<String> = rest.into_iter().filter(|(_, l)| *l <= rule.level).map(|(id, _)| id).collect();
                is_alone |= !own.is_empty() && rest.is_empty();
                others.push(format!("{hit:?}: {}", rest.join(", ")));
            }
        }
        if !is_alone {
            others.dedup();
            dead.push(format!("{}\n    {}", rule.id, others.join("\n    ")));
        }
    }
    println!("{} of {} rules are alone with a hit", EMBEDDED.len() - dead.len(), EMBEDDED.len());
    assert!(dead.is_empty(), "{} rules catch nothing that others miss:\n{}", dead.len(), dead.join("\n"));
}
