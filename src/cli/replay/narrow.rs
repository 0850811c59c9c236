//! Exclusions as narrow as they can be written, from the places that must be spared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

/// A rule on a value of requests for one path. A place is an exclusion's target, `query:q`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The path in normal form.
    pub path: String,
    /// The rule's name.
    pub rule: String,
    /// The target.
    pub place: String,
}

/// Words that begin alike become one prefix where there are at least so many.
const ALIKE: usize = 4;

/// A word itself, or all that begin so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pattern {
    Exact(String),
    Prefix(String),
}

impl Pattern {
    fn matches(&self, word: &str) -> bool {
        match self {
            Self::Exact(text) => text == word,
            Self::Prefix(text) => word.starts_with(text.as_str()),
        }
    }
}

/// One exclusion to be.
#[derive(Clone, Debug)]
pub struct Narrow {
    /// Rule names.
    pub rules: BTreeSet<String>,
    paths: BTreeSet<Pattern>,
    targets: BTreeSet<Pattern>,
}

/// The exclusions that spare all of `spots`. Spots are put together only where that widens nothing, but for four or
/// more that differ at the end of their path or name: those become a prefix.
pub fn exclusions(spots: &BTreeSet<Spot>) -> Vec<Narrow> {
    let places = groups(spots.iter().map(|s| ((s.path.clone(), s.rule.clone()), s.place.clone())));
    let mut by_place = BTreeMap::<_, BTreeSet<String>>::new();
    for ((path, rule), places) in places {
        for place in alike(&places, &['.', '_', '-', '[', '/'], ':') {
            by_place.entry((rule.clone(), place)).or_default().insert(path.clone());
        }
    }
    let mut single = Vec::new();
    for ((rule, place), paths) in by_place {
        single.extend(alike(&paths, &['/'], '/').into_iter().map(|path| ((path, place.clone()), rule.clone())));
    }
    let rules = groups(single).into_iter().map(|((path, place), rules)| ((rules, place), path));
    let paths = groups(rules).into_iter().map(|((rules, place), paths)| ((rules, paths), place));
    let all = groups(paths).into_iter();
    all.map(|((rules, paths), targets)| Narrow { rules, paths, targets }).collect()
}

fn groups<K: Ord, V: Ord>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, BTreeSet<V>> {
    let mut groups = BTreeMap::<K, BTreeSet<V>>::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().insert(value);
    }
    groups
}

/// Patterns for `words`: the longest beginnings up to one of `separators` that at least [`ALIKE`] of them share. What
/// stands up to the first `root` is never cut, so that no prefix means everything.
fn alike(words: &BTreeSet<String>, separators: &[char], root: char) -> BTreeSet<Pattern> {
    let mut rest: BTreeSet<&str> = words.iter().map(String::as_str).collect();
    let mut shared = BTreeMap::<&str, usize>::new();
    for word in &rest {
        let floor = word.find(root).map_or(word.len(), |at| at.saturating_add(1));
        for (at, separator) in word.match_indices(separators) {
            let end = at.saturating_add(separator.len());
            if end > floor && end < word.len() {
                let count = shared.entry(word.get(..end).unwrap_or(word)).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
    let mut beginnings: Vec<&str> = shared.into_iter().filter(|(_, count)| *count >= ALIKE).map(|(b, _)| b).collect();
    beginnings.sort_by_key(|beginning| std::cmp::Reverse(beginning.len()));
    let mut patterns = BTreeSet::new();
    for beginning in beginnings {
        let (inside, outside): (BTreeSet<&str>, _) = rest.into_iter().partition(|word| word.starts_with(beginning));
        rest = outside;
        if inside.len() >= ALIKE {
            patterns.insert(Pattern::Prefix(beginning.to_owned()));
        } else {
            rest.extend(inside);
        }
    }
    patterns.extend(rest.into_iter().map(|word| Pattern::Exact(word.to_owned())));
    patterns
}

impl Narrow {
    /// Whether it spares this spot.
    pub fn spares(&self, spot: &Spot) -> bool {
        self.rules.contains(&spot.rule)
            && self.paths.iter().any(|p| p.matches(&spot.path))
            && self.targets.iter().any(|p| p.matches(&spot.place))
    }

    /// One element of the config's list `exclusions`.
    pub fn to_json(&self, reason: &str, until: &str) -> Json {
        let path = |pattern: &Pattern| match pattern {
            Pattern::Exact(text) => json!({"exact": text}),
            Pattern::Prefix(text) => json!({"prefix": text}),
        };
        json!({
            "rules": self.rules,
            "paths": self.paths.iter().map(path).collect::<Vec<_>>(),
            "targets": self.targets.iter().map(target).collect::<Vec<_>>(),
            "reason": reason,
            "until": until,
        })
    }

    /// The same as YAML. Text of requests is quoted as JSON, which is YAML too.
    pub fn to_yaml(&self, reason: &str, until: &str) -> String {
        let quoted = |text: &str| Json::from(text).to_string();
        let path = |pattern: &Pattern| match pattern {
            Pattern::Exact(text) => format!("{{exact: {}}}", quoted(text)),
            Pattern::Prefix(text) => format!("{{prefix: {}}}", quoted(text)),
        };
        let rules: Vec<&str> = self.rules.iter().map(String::as_str).collect();
        let paths: Vec<String> = self.paths.iter().map(path).collect();
        let targets: Vec<String> = self.targets.iter().map(|t| quoted(&target(t))).collect();
        format!(
            "  - rules: [{}]\n    paths: [{}]\n    targets: [{}]\n    reason: {reason}\n    until: {until}\n",
            rules.join(", "),
            paths.join(", "),
            targets.join(", ")
        )
    }

    /// A line about it for people.
    pub fn title(&self) -> String {
        let words = |set: &BTreeSet<Pattern>| {
            let words: Vec<String> = set.iter().map(target).collect();
            words.join(" ")
        };
        let rules: Vec<&str> = self.rules.iter().map(String::as_str).collect();
        format!("{} on {} in {}", rules.join(" "), words(&self.paths), words(&self.targets))
    }
}

fn target(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Exact(text) => text.clone(),
        Pattern::Prefix(text) => format!("{text}*"),
    }
}
