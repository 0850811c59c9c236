//! The `rules` section of the config: families, disabled rules, custom rules.

use super::embedded::EMBEDDED;
use super::examples;
use super::rule::{Rule, glob};
use super::source::{Source, read_rules};
use crate::diagnostic::{Name, nearest};
use crate::document::{Item, Report};
use crate::verdict::Family;

/// What the findings of a family do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyMode {
    /// They count towards the score.
    Block,
    /// They are reported and do not count.
    Detect,
    /// Its rules do not run.
    Off,
}

/// The `rules` section. Absent, it means: every embedded rule counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    families: Vec<(Family, FamilyMode)>,
    disable: Vec<String>,
    custom: Vec<Source>,
}

impl Settings {
    /// Reads `families`, `disable` and `custom`; custom rules are held against their own examples at once.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["families", "disable", "custom"], report)?;
        let mut settings = Self::default();
        if let Some(item) = fields.get("families") {
            settings.families = read_families(item, report);
        }
        if let Some(item) = fields.get("custom") {
            settings.custom = read_custom(item, report);
        }
        if let Some(item) = fields.get("disable") {
            settings.disable = settings.read_rule_globs(item, report);
        }
        Some(settings)
    }

    /// Reads a list of rule ids, a `*` at one end of one for anything; one that means no rule is an error.
    pub fn read_rule_globs(&self, item: &Item<'_>, report: &mut Report) -> Vec<String> {
        let mut globs = Vec::new();
        for item in item.list(report).unwrap_or_default() {
            let Some(text) = item.text(report) else { continue };
            let ids: Vec<&str> = self.all().map(|rule| rule.id.as_ref()).collect();
            if ids.iter().any(|id| glob(text.as_bytes(), id.as_bytes())) {
                globs.push(text.to_owned());
            } else {
                let hint = nearest(text, &ids).map(|id| format!("; did you mean \"{id}\"?")).unwrap_or_default();
                report.error(&item, Name::UnknownRule, format!("found \"{text}\", which names no rule{hint}"));
            }
        }
        globs
    }

    /// The rules that run up to `detect_level`, each with whether it counts at `level`.
    pub fn select(&self, level: u8, detect_level: u8) -> impl Iterator<Item = (Rule, bool)> {
        self.all().filter(move |rule| rule.level <= detect_level).filter_map(move |rule| {
            let disabled = self.disable.iter().any(|text| glob(text.as_bytes(), rule.id.as_bytes()));
            match self.family_mode(rule.family) {
                _ if disabled => None,
                FamilyMode::Off => None,
                FamilyMode::Detect => Some((rule.clone(), false)),
                FamilyMode::Block => Some((rule.clone(), rule.level <= level)),
            }
        })
    }

    fn all(&self) -> impl Iterator<Item = &Rule> {
        EMBEDDED.iter().chain(self.custom.iter().map(|source| &source.rule))
    }

    fn family_mode(&self, family: Family) -> FamilyMode {
        self.families.iter().find(|(f, _)| *f == family).map_or(FamilyMode::Block, |(_, mode)| *mode)
    }
}

fn read_families(item: &Item<'_>, report: &mut Report) -> Vec<(Family, FamilyMode)> {
    let modes = [("block", FamilyMode::Block), ("detect", FamilyMode::Detect), ("off", FamilyMode::Off)];
    let words: Vec<&str> = Family::ALL.iter().map(|f| f.as_str()).collect();
    let mut families = Vec::new();
    for (name, item) in item.entries(report).unwrap_or_default() {
        match Family::from_name(name) {
            Some(family) => families.extend(item.one_of(&modes, report).map(|mode| (family, mode))),
            None => item.unknown_word(Name::UnknownField, name, &words, report),
        }
    }
    families
}

fn read_custom(item: &Item<'_>, report: &mut Report) -> Vec<Source> {
    let custom = read_rules(item, None, report);
    for source in &custom {
        if EMBEDDED.iter().any(|rule| rule.id == source.rule.id) {
            report.error(item, Name::DuplicateId, format!("\"{}\" is the id of an embedded rule", source.rule.id));
        }
        for message in examples::failures(source) {
            report.error(item, Name::ExampleFails, message);
        }
    }
    custom
}
