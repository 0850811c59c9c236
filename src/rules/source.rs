//! Rules as people write them, in `rules/<family>.yaml` or under `rules.custom`, to checked [`Rule`]s.
//!
//! The build script runs this over the rule files, so that a bad rule fails the build; the module runs it over custom
//! rules only.

use std::borrow::Cow;

use super::detector::Detector;
use super::need::Need;
use super::pattern::{self, Pattern};
use super::required;
use super::rule::{Matcher, Rule, Targets};
use crate::decode::{Transform, TransformSet};
use crate::diagnostic::Name;
use crate::document::{Fields, Item, Report};
use crate::extract::Target;
use crate::verdict::{Family, Severity};

const FIELDS: &[&str] = &["id", "severity", "level", "targets", "transforms", "match", "scan", "why", "hits", "passes"];
const MATCHERS: &[&str] = &["regex", "contains", "words", "detector"];
/// A longer expression is a word list in disguise.
const MAX_PATTERN_BYTES: usize = 8 * 1024;

/// A rule with its examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The rule.
    pub rule: Rule,
    /// Values that it must match.
    pub hits: Vec<String>,
    /// Values that it must not match.
    pub passes: Vec<String>,
}

/// Reads a list of rule blocks. In a rule file all belong to `family`; custom rules name theirs by their id's
/// beginning. A block with a mistake is noted and left out.
pub fn read_rules(list: &Item<'_>, family: Option<Family>, report: &mut Report) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for item in list.list(report).unwrap_or_default() {
        let Some(source) = read_rule(&item, family, report) else { continue };
        if sources.iter().any(|s| s.rule.id == source.rule.id) {
            report.error(&item, Name::DuplicateId, format!("a second rule \"{}\"", source.rule.id));
        } else {
            sources.push(source);
        }
    }
    sources
}

fn read_rule(item: &Item<'_>, family: Option<Family>, report: &mut Report) -> Option<Source> {
    let fields = item.fields(FIELDS, report)?;
    // Everything is read before anything is given up, so that all mistakes of a block show at once.
    let id = fields.required("id", report).and_then(|item| read_id(item, family, report));
    let severity = fields.required("severity", report).and_then(|item| item.one_of(Severity::NAMES, report));
    let level = fields.get("level").map_or(Some(1), |item| item.integer(1, 4, report));
    let targets = fields.required("targets", report).and_then(|item| read_targets(item, report));
    let transforms = read_transforms(&fields, report);
    let matcher = read_match(&fields, transforms, report);
    let why = fields.required("why", report).and_then(|item| item.text(report));
    let hits = read_examples(&fields, "hits", report);
    let passes = read_examples(&fields, "passes", report);
    let (id, family) = id?;
    let (matcher, needs) = matcher?;
    let rule = Rule {
        id: Cow::Owned(id),
        family,
        severity: severity?,
        level: u8::try_from(level?).ok()?,
        targets: with_body(targets?),
        transforms,
        matcher,
        needs: Cow::Owned(needs),
        why: Cow::Owned(why?.to_owned()),
    };
    Some(Source { rule, hits: hits?, passes: passes? })
}

fn read_id(item: &Item<'_>, family: Option<Family>, report: &mut Report) -> Option<(String, Family)> {
    let id = item.text(report)?;
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = |f: &&Family| id.strip_prefix(f.as_str()).is_some_and(|rest| rest.len() > 1 && rest.starts_with('-'));
    let found = Family::ALL.iter().filter(begins).max_by_key(|f| f.as_str().len()).copied();
    let due = family.map_or("the name of a family".to_owned(), |f| format!("\"{}-\"", f.as_str()));
    match found {
        Some(found) if family.is_none_or(|f| f == found) && id.chars().all(kebab) && id.len() <= 64 => {
            Some((id.to_owned(), found))
        }
        _ => {
            let message =
                format!("found \"{id}\", expected at most 64 characters of a-z, 0-9 and -, beginning with {due}");
            report.error(item, Name::BadId, message);
            None
        }
    }
}

/// Reads a list of targets: `query` for all of that kind, `header:user-agent` for one name.
pub fn read_targets(item: &Item<'_>, report: &mut Report) -> Option<Targets> {
    let words: Vec<&str> = Target::ALL.iter().map(|t| t.as_str()).collect();
    let mut kinds = 0;
    let mut named = Vec::new();
    let items = item.list(report)?;
    if items.is_empty() {
        report.error(item, Name::Empty, format!("found no target, expected at least one of: {}", words.join(", ")));
    }
    for item in &items {
        let Some(text) = item.text(report) else { continue };
        let (kind, name) = text.split_once(':').map_or((text, None), |(kind, name)| (kind, Some(name)));
        match (Target::from_name(kind), name) {
            (Some(target), None) => kinds |= Targets::bit(target),
            (Some(target), Some(name)) if !name.is_empty() => named.push((target, Cow::Owned(name.to_owned()))),
            _ => item.unknown_word(Name::UnknownValue, text, &words, report),
        }
    }
    Some(Targets { kinds, named: Cow::Owned(named) })
}

/// A body of no known kind may be any of the known ones to the application, so rules for those look there too.
fn with_body(mut targets: Targets) -> Targets {
    let parsed = Targets::bit(Target::Form) | Targets::bit(Target::Json) | Targets::bit(Target::Xml);
    if targets.kinds & parsed != 0 {
        targets.kinds |= Targets::bit(Target::Body);
    }
    targets
}

fn read_transforms(fields: &Fields<'_>, report: &mut Report) -> TransformSet {
    let names: Vec<(&str, Transform)> = Transform::ALL.iter().map(|t| (t.as_str(), *t)).collect();
    let items = fields.get("transforms").and_then(|item| item.list(report)).unwrap_or_default();
    items.iter().filter_map(|item| item.one_of(&names, report)).fold(TransformSet::EMPTY, TransformSet::with)
}

fn read_match(fields: &Fields<'_>, transforms: TransformSet, report: &mut Report) -> Option<(Matcher, Vec<Need>)> {
    let item = fields.required("match", report)?;
    let always = match fields.get("scan") {
        Some(item) => item.one_of(&[("always", true)], report)?,
        None => false,
    };
    let inner = item.fields(MATCHERS, report)?;
    let ways: Vec<(&str, &Item<'_>)> = MATCHERS.iter().filter_map(|way| Some((*way, inner.get(way)?))).collect();
    let &[(way, item)] = ways.as_slice() else {
        report.error(item, Name::MissingField, format!("expected exactly one of: {}", MATCHERS.join(", ")));
        return None;
    };
    let text = match way {
        "detector" => {
            let detector = item.one_of(Detector::NAMES, report)?;
            return Some((Matcher::Detector(detector), detector.needs()));
        }
        "regex" => item.text(report)?.to_owned(),
        _ => alternatives(&item.texts(report)?, way == "words"),
    };
    if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
        let message = format!("found {} bytes, expected 1 to {MAX_PATTERN_BYTES}", text.len());
        report.error(item, Name::BadPattern, message);
        return None;
    }
    let ignore_case = transforms.contains(Transform::Lowercase);
    let hir = match pattern::parse(&text, ignore_case) {
        Ok(hir) => hir,
        Err(message) => {
            report.error(item, Name::BadPattern, message);
            return None;
        }
    };
    let pattern = match Pattern::new(text, &hir, ignore_case) {
        Ok(pattern) => pattern,
        Err(e) => {
            report.error(item, Name::BadPattern, e.to_string());
            return None;
        }
    };
    let needs = match (required::needs(&hir), always) {
        (Some(needs), false) => needs,
        (None, false) => {
            let message = "no text of two bytes or more that every match contains, so it would run on every value; \
                           say \"scan: always\" if that is meant";
            report.error(item, Name::NoLiteral, message);
            return None;
        }
        (_, true) => vec![Need { with: required::signs(&hir), ..Need::nothing() }],
    };
    Some((Matcher::Regex(pattern), needs))
}

/// One expression for a list of texts, each a whole word if `words`.
fn alternatives(texts: &[&str], words: bool) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let boundary = |c: Option<char>| if words && is_word(c) { r"\b" } else { "" };
    let escaped: Vec<String> = texts
        .iter()
        .map(|t| format!("{}{}{}", boundary(t.chars().next()), regex_syntax::escape(t), boundary(t.chars().last())))
        .collect();
    escaped.join("|")
}

fn read_examples(fields: &Fields<'_>, key: &str, report: &mut Report) -> Option<Vec<String>> {
    let item = fields.required(key, report)?;
    let texts = item.texts(report)?;
    if texts.is_empty() {
        report.error(item, Name::Empty, "found no example, expected at least one");
        return None;
    }
    Some(texts.into_iter().map(str::to_owned).collect())
}
