//! One rule, checked: what the scan needs and what a denial tells.

use std::borrow::Cow;

use super::detector::Detector;
use super::need::Need;
use super::pattern::Pattern;
use crate::decode::TransformSet;
use crate::extract::{Target, Value};
use crate::verdict::{Family, Severity};

/// A rule without its examples. Embedded rules borrow everything, custom ones own it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Kebab-case, begins with the family's name.
    pub id: Cow<'static, str>,
    /// Its family.
    pub family: Family,
    /// What it adds to the score.
    pub severity: Severity,
    /// Paranoia level, 1 to 4.
    pub level: u8,
    /// Where it looks.
    pub targets: Targets,
    /// What is done to a value before it looks.
    pub transforms: TransformSet,
    /// How it decides.
    pub matcher: Matcher,
    /// A value that meets none of these cannot match.
    pub needs: Cow<'static, [Need]>,
    /// Why a match is an attack, as one clause.
    pub why: Cow<'static, str>,
}

/// How a rule decides.
#[derive(Clone, Debug, PartialEq)]
pub enum Matcher {
    /// A regular expression over bytes; `contains` and `words` become one when they are read.
    Regex(Pattern),
    /// Code that understands a language.
    Detector(Detector),
}

/// Where a rule looks, or what an exclusion spares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// A bit for each [`Target`] that is meant whole.
    pub kinds: u16,
    /// Targets of which only some names are meant (lower case for headers): `header:user-agent`, `json:queries.*`,
    /// `form:*.filename`. A `*` at either end stands for anything.
    pub named: Cow<'static, [(Target, Cow<'static, str>)]>,
}

impl Targets {
    /// The bit of a target in [`Targets::kinds`].
    #[must_use]
    pub const fn bit(target: Target) -> u16 {
        1 << target as u16
    }

    /// Whether some value of this kind is meant.
    #[must_use]
    pub fn may_include(&self, target: Target) -> bool {
        self.kinds & Self::bit(target) != 0 || self.named.iter().any(|(t, _)| *t == target)
    }

    /// Whether this value is meant.
    #[must_use]
    pub fn include(&self, value: &Value<'_>) -> bool {
        let named =
            |(target, name): &(Target, Cow<'static, str>)| *target == value.target && glob(name.as_bytes(), value.name);
        self.kinds & Self::bit(value.target) != 0 || self.named.iter().any(named)
    }
}

/// Whether `pattern` is `text`, ASCII case apart; a `*` at its beginning, its end or both stands for anything.
#[must_use]
pub fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let is = |part: Option<&[u8]>, wanted: &[u8]| part.is_some_and(|part| part.eq_ignore_ascii_case(wanted));
    match (pattern.strip_prefix(b"*"), pattern.strip_suffix(b"*")) {
        (None, None) => pattern.eq_ignore_ascii_case(text),
        (None, Some(prefix)) => is(text.get(..prefix.len()), prefix),
        (Some(suffix), None) => is(text.len().checked_sub(suffix.len()).and_then(|at| text.get(at..)), suffix),
        (Some(rest), Some(_)) => {
            let inner = rest.strip_suffix(b"*").unwrap_or(rest);
            inner.is_empty() || text.windows(inner.len()).any(|window| window.eq_ignore_ascii_case(inner))
        }
    }
}
