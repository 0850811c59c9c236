//! Every rule earns its place: one of its own hits is caught by no other rule.

use backstop::rules::{EMBEDDED, Ruleset};
use backstop::verdict::Family;

use crate::rules::{matched_at_any_place, sources};

/// Rules whose hits are all caught by others, each with the reason why it stays.
const KEPT: &[(&str, &str)] = &[];

#[test]
fn every_rule_is_the_one_that_catches_something() {
    let ruleset = Ruleset::new(EMBEDDED.iter().map(|r| (r.clone(), true))).unwrap();
    let level = |id: &str| EMBEDDED.iter().find(|r| r.id == id).unwrap().level;
    let mut dead = Vec::new();
    for source in sources() {
        let rule = &source.rule;
        let mut others = Vec::new();
        let alone = source.hits.iter().any(|hit| {
            let mut found = matched_at_any_place(&ruleset, hit.as_bytes());
            found.retain(|id| *id != rule.id && level(id) <= rule.level);
            let alone = found.is_empty();
            others.push(format!("{hit:?} is caught by {}", found.join(", ")));
            alone
        });
        let reason = KEPT.iter().find(|(id, _)| *id == rule.id);
        if alone {
            assert!(reason.is_none(), "{} is alone with a hit, so it needs no exception", rule.id);
        } else if reason.is_none() {
            dead.push(format!("{}\n    {}", rule.id, others.join("\n    ")));
        }
    }
    for (id, reason) in KEPT {
        assert!(EMBEDDED.iter().any(|r| r.id == *id), "{id}: no such rule");
        assert!(reason.len() > 10, "{id}: why?");
    }
    println!("{} rules of {} families", EMBEDDED.len(), Family::ALL.len());
    assert!(dead.is_empty(), "{} rules catch nothing that others miss:\n{}", dead.len(), dead.join("\n"));
}
