//! Every rule earns its place: one of its own hits is caught by no other rule.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use backstop::extract::{Target, Value};
use backstop::rules::{EMBEDDED, Match, Observer, Rule, Ruleset};

use crate::rules::sources;

const REACHED_BY_PATTERNS: &str =
    "a tokeniser: its few hits in the rule file are plain ones, which patterns know as well";
const UNDER_SQLI_GRAMMAR: &str = "a pattern under the tokeniser: sqli-grammar catches all of its hits as well";
const UNDER_XSS_HTML: &str = "a pattern under the tokeniser: xss-html catches all of its hits as well";

/// Rules whose hits are all caught by others, each with the reason why it stays.
const KEPT: &[(&str, &str)] = &[
    ("sqli-grammar", REACHED_BY_PATTERNS),
    ("sqli-stacked-query", UNDER_SQLI_GRAMMAR),
    ("sqli-delay", UNDER_SQLI_GRAMMAR),
    ("sqli-catalogue", UNDER_SQLI_GRAMMAR),
    ("sqli-file-or-command", UNDER_SQLI_GRAMMAR),
    ("sqli-blind-probe", UNDER_SQLI_GRAMMAR),
    ("sqli-tautology", UNDER_SQLI_GRAMMAR),
    ("sqli-order-probe", UNDER_SQLI_GRAMMAR),
    ("sqli-server-variable", UNDER_SQLI_GRAMMAR),
    ("xss-html", REACHED_BY_PATTERNS),
    ("xss-script-tag", UNDER_XSS_HTML),
    ("xss-event-handler", UNDER_XSS_HTML),
    ("xss-script-address", UNDER_XSS_HTML),
    ("xss-active-tag", UNDER_XSS_HTML),
    ("xss-script-call", UNDER_XSS_HTML),
    ("xss-document-access", UNDER_XSS_HTML),
    ("xss-template-escape", UNDER_XSS_HTML),
];

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
            assert!(ruleset.scan(&value, &mut ruleset.scratch(), &mut found).is_continue());
            found
        })
        .collect()
}

/// Disabling a rule changes nothing for the others, so that a hit is its own if nothing else up to its level matches.
#[test]
fn every_rule_is_the_one_that_catches_something() {
    let ruleset = Ruleset::new(EMBEDDED.iter().map(|r| (r.clone(), true))).unwrap();
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
        let reason = KEPT.iter().find(|(id, _)| *id == rule.id);
        if is_alone {
            assert!(reason.is_none(), "{} is alone with a hit, so it needs no exception", rule.id);
        } else if reason.is_none() {
            others.dedup();
            dead.push(format!("{}\n    {}", rule.id, others.join("\n    ")));
        }
    }
    for (id, reason) in KEPT {
        assert!(EMBEDDED.iter().any(|r| r.id == *id), "{id}: no such rule");
        assert!(reason.len() > 10, "{id}: why?");
    }
    let caught_elsewhere = dead.len() + KEPT.len();
    println!("{} of {} rules are alone with a hit", EMBEDDED.len() - caught_elsewhere, EMBEDDED.len());
    assert!(dead.is_empty(), "{} rules catch nothing that others miss:\n{}", dead.len(), dead.join("\n"));
}
