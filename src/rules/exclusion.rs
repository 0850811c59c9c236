//! Exclusions: which rule leaves which place alone, why, and until when.

use super::rule::{Rule, Targets, glob};
use super::settings::Settings;
use super::source::read_targets;
use crate::diagnostic::Name;
use crate::document::{Item, Report};
use crate::extract::Value;
use crate::path::{Path, Pattern};

/// One exclusion: it applies where its rules, paths and targets all agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Exclusion {
    name: Option<String>,
    rules: Vec<String>,
    paths: Vec<Pattern>,
    targets: Option<Targets>,
    until_day: Option<u64>,
}

const SECONDS_A_DAY: u64 = 86_400;

impl Exclusion {
    /// Reads the list `exclusions`. `rules` and `reason` are required; no `paths` or `targets` means all of them. One
    /// whose `until` lies before `unix_s` gets a warning, and does not apply.
    pub fn read_list(item: &Item<'_>, rules: &Settings, unix_s: u64, report: &mut Report) -> Vec<Self> {
        let items = item.list(report).unwrap_or_default();
        let mut names = Vec::new();
        items.iter().filter_map(|item| Self::read(item, &mut names, rules, unix_s, report)).collect()
    }

    fn read(
        item: &Item<'_>,
        names: &mut Vec<String>,
        rules: &Settings,
        unix_s: u64,
        report: &mut Report,
    ) -> Option<Self> {
        let fields = item.fields(&["name", "rules", "paths", "targets", "reason", "until"], report)?;
        fields.required("reason", report).and_then(|item| item.text(report));
        let name = fields.get("name").and_then(|item| read_name(item, names, report));
        let globs = fields.required("rules", report).map(|item| rules.read_rule_globs(item, report));
        let paths = Pattern::read_list(fields.get("paths"), report);
        let targets = fields.get("targets").and_then(|item| read_targets(item, report));
        let until_day = fields.get("until").and_then(|item| read_day(item, report));
        if let (Some(day), Some(item)) = (until_day, fields.get("until"))
            && unix_s / SECONDS_A_DAY > day
        {
            let text = item.node.as_text().unwrap_or_default();
            report.warning(item, Name::Expired, format!("ended on {text} and no longer applies"));
        }
        Some(Self { name, rules: globs?, paths, targets, until_day })
    }

    /// What it is called in metrics: its name, or else its place in the list, from 0.
    #[must_use]
    pub fn name(&self, index: usize) -> String {
        self.name.clone().unwrap_or_else(|| index.to_string())
    }

    /// Whether a match of `rule` on `value` of a request for `path` is to be left alone, until it ends.
    #[must_use]
    pub fn covers(&self, rule: &Rule, value: &Value<'_>, path: &Path<'_>) -> bool {
        self.rules.iter().any(|text| glob(text.as_bytes(), rule.id.as_bytes()))
            && (self.paths.is_empty() || Pattern::exempts(&self.paths, path))
            && self.targets.as_ref().is_none_or(|targets| targets.include(value))
    }

    /// Whether its last day is over.
    #[must_use]
    pub fn is_expired(&self, unix_s: u64) -> bool {
        self.until_day.is_some_and(|day| unix_s / SECONDS_A_DAY > day)
    }
}

fn read_name(item: &Item<'_>, names: &mut Vec<String>, report: &mut Report) -> Option<String> {
    // A number is what one without a name is called by.
    let is_no_number = |text: &str| !text.bytes().all(|b| b.is_ascii_digit());
    item.name_that("exclusion", " that is no number", is_no_number, names, report)
}

/// Reads `2027-03-31` as days since 1970-01-01. kustomize makes `2027-03-31T00:00:00Z` of it where it has no quotes.
fn read_day(item: &Item<'_>, report: &mut Report) -> Option<u64> {
    let text = item.text(report)?;
    let day = parse_day(text.strip_suffix("T00:00:00Z").unwrap_or(text));
    if day.is_none() {
        report.error(item, Name::BadDate, format!("found \"{text}\", expected a date such as 2027-03-31"));
    }
    day
}

fn parse_day(text: &str) -> Option<u64> {
    let [y, m, d]: [&str; 3] = text.split('-').collect::<Vec<_>>().try_into().ok()?;
    if [y.len(), m.len(), d.len()] != [4, 2, 2] {
        return None;
    }
    let (y, m, d): (u64, u64, u64) = (y.parse().ok()?, m.parse().ok()?, d.parse().ok()?);
    let leap = y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(m.checked_sub(1)?).ok()?)?;
    if y < 1970 || d == 0 || d > length {
        return None;
    }
    let before: u64 = lengths.iter().take(usize::try_from(m).ok()?.checked_sub(1)?).sum();
    let last = y.checked_sub(1)?;
    let leap_days = (last / 4).checked_sub(last / 100)?.checked_add(last / 400)?.checked_sub(477)?;
    (y.checked_sub(1970)?).checked_mul(365)?.checked_add(leap_days)?.checked_add(before)?.checked_add(d)?.checked_sub(1)
}
