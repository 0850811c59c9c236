//! What is said to the person who wrote a config or a rule: one mistake, where it is, and what would be right.

use std::fmt;

use crate::document::Place;

/// How grave a diagnostic is: an error refuses the input, a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The input works, but probably not as its author thinks.
    Warning,
    /// The input is refused.
    Error,
}

macro_rules! names {
    ($($variant:ident $text:literal $doc:literal)*) => {
        /// Stable kebab-case names of all diagnostics; each has a golden case under `tests/data/diagnostics`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Name { $(#[doc = $doc] $variant,)* }

        impl Name {
            /// Every name, in the order of the table.
            pub const ALL: &'static [Name] = &[$(Name::$variant,)*];

            /// The name as it is printed and scripted against.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Name::$variant => $text,)* }
            }
        }
    };
}

names! {
    Syntax "syntax" "The text is not JSON, or not YAML."
    UnknownField "unknown-field" "A key that the place does not have."
    DuplicateField "duplicate-field" "The same key twice in one mapping."
    MissingField "missing-field" "A required key is absent."
    WrongType "wrong-type" "Text where a number is due, and the like."
    UnknownValue "unknown-value" "A word that is not one of the accepted ones."
    OutOfRange "out-of-range" "A number or a count outside its limits."
    Empty "empty" "An empty list or text where something is needed."
    BadPattern "bad-pattern" "A regular expression that does not compile or is too large."
    NoLiteral "no-literal" "A rule's regular expression has no text that every match must contain."
    BadId "bad-id" "A rule id that is not kebab-case or does not start with its family."
    DuplicateId "duplicate-id" "Two rules or limits with one name."
    ExampleFails "example-fails" "A rule does not hit one of its own hits, or hits one of its passes."
    BadAddress "bad-address" "Not an IP address or range."
    BadDigest "bad-digest" "Not the 64 hex digits of a SHA-256 digest."
    BadRate "bad-rate" "Not a rate such as 50/s."
    BadDuration "bad-duration" "Not a duration such as 60s."
    BadPath "bad-path" "Not a path that a request can have once normalised."
    Expired "expired" "An exclusion whose end date has passed."
    BadDate "bad-date" "Not a date such as 2027-03-31."
    UnknownRule "unknown-rule" "A rule pattern that names no rule."
    NeedsOther "needs-other" "A setting that means nothing without another one."
    NoScheme "no-scheme" "The url of a module without oci://; if its host has a port, istiod drops the plugin."
    WrongDigest "wrong-digest" "The checksum of the module where the digest of the image belongs, or two that differ."
    NotPinned "not-pinned" "In production: a module that the next push to its tag would replace."
    Unprotected "unprotected" "In production: a plugin that lets attacks pass, now or once something fails."
    BothDirections "both-directions" "A sidecar's plugin that filters what the application sends out, too."
    Ignored "ignored" "What Istio or Envoy takes without a word and then does nothing with."
    Placeholder "placeholder" "A value that stands for one which is yours to fill in."
}

/// One mistake in what somebody wrote.
///
/// Rendered as `error[unknown-field] limits[2].burts: no such field; did you mean "burst"? ...`, preceded by
/// `file:line:column: ` where those are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Error or warning.
    pub level: Level,
    /// Stable name.
    pub name: Name,
    /// Key path such as `limits[2].burst`; empty for the whole document.
    pub path: String,
    /// File, where there is one.
    pub file: Option<String>,
    /// Line and column, where the source had them.
    pub place: Place,
    /// A lower-case sentence: what was found and what is accepted.
    pub message: String,
}

impl Diagnostic {
    /// An error at `path`.
    pub fn error(name: Name, path: impl Into<String>, place: Place, message: impl Into<String>) -> Self {
        Self { level: Level::Error, name, path: path.into(), file: None, place, message: message.into() }
    }

    /// A warning at `path`.
    pub fn warning(name: Name, path: impl Into<String>, place: Place, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(name, path, place, message) }
    }

    /// As a JSON object with the keys `level name path file line column message`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "level": if self.level == Level::Error { "error" } else { "warning" },
            "name": self.name.as_str(),
            "path": self.path,
            "file": self.file,
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if self.place.line == 0 {
                f.write_str(" ")?;
            }
        }
        if self.place.line > 0 {
            write!(f, "{}:{}: ", self.place.line, self.place.column)?;
        }
        let level = if self.level == Level::Error { "error" } else { "warning" };
        write!(f, "{level}[{}] ", self.name.as_str())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", printable(&self.path))?;
        }
        f.write_str(&printable(&self.message))
    }
}

/// `text` with its control characters escaped, so that hostile input cannot steer a terminal or forge a log line.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// The word of `known` that is nearest to `found`, if one is near enough to be what was meant.
#[must_use]
pub fn nearest<'k>(found: &str, known: &[&'k str]) -> Option<&'k str> {
    let wanted = found.to_ascii_lowercase();
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&wanted, &k.to_ascii_lowercase()), *k))
        .filter(|(distance, k)| *distance <= 1 + k.len().max(found.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}
