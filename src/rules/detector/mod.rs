//! Detectors: code that understands the language an attack is written in, where a pattern would only guess.

pub mod sqli;
pub mod xss;

use super::Span;
use super::effort::Effort;
use super::need::Need;

/// The detectors that a rule may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detector {
    /// [`sqli::detect`]
    Sqli,
    /// [`xss::detect`]
    Xss,
}

impl Detector {
    /// Name and value of each detector.
    pub const NAMES: &'static [(&'static str, Detector)] = &[("sqli", Detector::Sqli), ("xss", Detector::Xss)];

    /// What any value that it reports meets.
    #[must_use]
    pub fn needs(self) -> Vec<Need> {
        match self {
            Detector::Sqli => sqli::needs(),
            Detector::Xss => vec![Need::texts(xss::NEEDS.iter().copied().collect())],
        }
    }

    /// The part of `value` that it reports; nothing if `effort` is spent first.
    pub fn detect(self, value: &[u8], effort: &mut Effort) -> Option<Span> {
        match self {
            Detector::Sqli => sqli::detect(value, effort),
            Detector::Xss => xss::detect(value, effort),
        }
    }
}
