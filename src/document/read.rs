//! Strict reading of a [`Node`]: each mistake becomes a [`Diagnostic`] with its key path, and reading goes on.

use super::{Entry, Node, Place, Value};
use crate::diagnostic::{Diagnostic, Level, Name, nearest};

/// Everything that was found wrong so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order found.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Notes an error at `item`.
    pub fn error(&mut self, item: &Item<'_>, name: Name, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(name, item.path.clone(), item.place, message));
    }

    /// Notes a warning at `item`.
    pub fn warning(&mut self, item: &Item<'_>, name: Name, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::warning(name, item.path.clone(), item.place, message));
    }

    /// Whether anything refuses the input.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.level == Level::Error)
    }
}

/// A node with the key path that leads to it.
#[derive(Clone, Debug)]
pub struct Item<'n> {
    /// Such as `limits[2].burst`; empty for the root.
    pub path: String,
    /// Where it was written.
    pub place: Place,
    /// The node itself.
    pub node: &'n Node,
}

impl<'n> Item<'n> {
    /// The root of a document.
    #[must_use]
    pub fn root(node: &'n Node) -> Self {
        Self { path: String::new(), place: node.place, node }
    }

    fn wrong_type<T>(&self, expected: &str, report: &mut Report) -> Option<T> {
        report.error(self, Name::WrongType, format!("found {}, expected {expected}", self.node.kind()));
        None
    }

    /// Text that is not empty.
    pub fn text(&self, report: &mut Report) -> Option<&'n str> {
        match &self.node.value {
            Value::Text(text) if text.is_empty() => {
                report.error(self, Name::Empty, "found empty text, expected at least one character");
                None
            }
            Value::Text(text) => Some(text),
            Value::Bool(_) => {
                self.wrong_type("text, and in a manifest off, on, yes and no are text only in quotes", report)
            }
            _ => self.wrong_type("text", report),
        }
    }

    /// A kebab-case name of at most 64 characters that none of `taken` is: it stands in metrics, log lines and keys.
    /// `what` says in the diagnostic what bears it.
    pub fn name(&self, what: &str, taken: &mut Vec<String>, report: &mut Report) -> Option<String> {
        self.name_that(what, "", |_| true, taken, report)
    }

    /// The same for a name that `accepts` takes as well; `which` ends the sentence that says what is accepted.
    pub fn name_that(
        &self,
        what: &str,
        which: &str,
        accepts: impl Fn(&str) -> bool,
        taken: &mut Vec<String>,
        report: &mut Report,
    ) -> Option<String> {
        const MAX_NAME_BYTES: usize = 64;
        let text = self.text(report)?;
        let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() > MAX_NAME_BYTES || !text.split('-').all(word) || !accepts(text) {
            let message =
                format!("found \"{text}\", expected a kebab-case name of at most {MAX_NAME_BYTES} characters{which}");
            report.error(self, Name::BadId, message);
            return None;
        }
        if taken.iter().any(|name| name == text) {
            report.error(self, Name::DuplicateId, format!("another {what} is called \"{text}\" too"));
            return None;
        }
        taken.push(text.to_owned());
        Some(text.to_owned())
    }

    /// A boolean.
    pub fn boolean(&self, report: &mut Report) -> Option<bool> {
        match self.node.value {
            Value::Bool(flag) => Some(flag),
            _ => self.wrong_type("true or false", report),
        }
    }

    /// A whole number from `min` to `max`, both included. Doubles such as `5.0` count as whole.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against the range first")]
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
    pub fn integer(&self, min: u64, max: u64, report: &mut Report) -> Option<u64> {
        match self.node.value {
            Value::Number(n) if n.fract() == 0.0 && n >= min as f64 && n <= max as f64 => Some(n as u64),
            Value::Number(n) => {
                report.error(self, Name::OutOfRange, format!("found {n}, expected a whole number from {min} to {max}"));
                None
            }
            _ => self.wrong_type("a number", report),
        }
    }

    /// A duration such as `60s`, in milliseconds: a whole number and `ms`, `s`, `m` or `h`, from `min_ms` to `max_ms`.
    pub fn duration_ms(&self, min_ms: u64, max_ms: u64, report: &mut Report) -> Option<u64> {
        const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
        let Some(text) = self.node.as_text() else {
            let message = format!("found {}, expected a duration such as 60s", self.node.kind());
            report.error(self, Name::BadDuration, message);
            return None;
        };
        let (count, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        let unit_ms = UNITS.iter().find(|(u, _)| *u == unit).map(|(_, ms)| *ms);
        let Some((unit_ms, count)) = unit_ms.zip(count.parse::<u64>().ok()) else {
            let message = format!("found \"{text}\", expected a whole number of ms, s, m or h, such as 60s");
            report.error(self, Name::BadDuration, message);
            return None;
        };
        let ms = count.saturating_mul(unit_ms);
        if !(min_ms..=max_ms).contains(&ms) {
            let shown = |ms: u64| {
                let unit = UNITS.iter().rev().find(|(_, unit_ms)| ms.is_multiple_of(*unit_ms));
                unit.map(|(unit, unit_ms)| format!("{}{unit}", ms.checked_div(*unit_ms).unwrap_or(ms)))
                    .unwrap_or_default()
            };
            let message = format!("found \"{text}\", expected a duration from {} to {}", shown(min_ms), shown(max_ms));
            report.error(self, Name::OutOfRange, message);
            return None;
        }
        Some(ms)
    }

    /// The elements of a list, each with its own path.
    pub fn list(&self, report: &mut Report) -> Option<Vec<Item<'n>>> {
        match &self.node.value {
            Value::List(nodes) => Some(
                nodes
                    .iter()
                    .enumerate()
                    .map(|(i, node)| Item { path: format!("{}[{i}]", self.path), place: node.place, node })
                    .collect(),
            ),
            _ => self.wrong_type("a list", report),
        }
    }

    /// A list of texts, empty texts refused.
    pub fn texts(&self, report: &mut Report) -> Option<Vec<&'n str>> {
        let items = self.list(report)?;
        Some(items.iter().filter_map(|item| item.text(report)).collect())
    }

    /// One of the accepted words, as the value that goes with it.
    pub fn one_of<T: Copy>(&self, accepted: &[(&str, T)], report: &mut Report) -> Option<T> {
        let found = self.text(report)?;
        if let Some((_, value)) = accepted.iter().find(|(word, _)| *word == found) {
            return Some(*value);
        }
        let words: Vec<&str> = accepted.iter().map(|(word, _)| *word).collect();
        self.unknown_word(Name::UnknownValue, found, &words, report);
        None
    }

    /// Notes that `found` is none of `words`, with the nearest of them.
    pub fn unknown_word(&self, name: Name, found: &str, words: &[&str], report: &mut Report) {
        let hint = nearest(found, words).map(|w| format!("; did you mean \"{w}\"?")).unwrap_or_default();
        report.error(self, name, format!("found \"{found}\", accepted: {}{hint}", words.join(", ")));
    }

    /// The entries of a mapping with arbitrary keys; duplicates are noted and dropped.
    pub fn entries(&self, report: &mut Report) -> Option<Vec<(&'n str, Item<'n>)>> {
        let Value::Map(entries) = &self.node.value else {
            return self.wrong_type("a mapping", report);
        };
        let mut seen: Vec<(&str, Item<'_>)> = Vec::with_capacity(entries.len());
        for Entry { key, place, node } in entries {
            let item = Item { path: join(&self.path, key), place: *place, node };
            if seen.iter().any(|(earlier, _)| earlier == key) {
                report.error(
                    &item,
                    Name::DuplicateField,
                    "this key stands here twice; the earlier value would be lost",
                );
            } else {
                seen.push((key, item));
            }
        }
        Some(seen)
    }

    /// Opens a mapping whose keys are all in `known`; any other key is noted with the nearest known one.
    pub fn fields(&self, known: &'static [&'static str], report: &mut Report) -> Option<Fields<'n>> {
        let entries = self.entries(report)?;
        for (key, item) in &entries {
            if !known.contains(key) {
                let hint = nearest(key, known).map(|k| format!(" did you mean \"{k}\"?")).unwrap_or_default();
                report.error(item, Name::UnknownField, format!("no such field;{hint} known: {}", known.join(", ")));
            }
        }
        Some(Fields { path: self.path.clone(), place: self.place, entries })
    }
}

/// An opened mapping.
#[derive(Clone, Debug)]
pub struct Fields<'n> {
    path: String,
    place: Place,
    entries: Vec<(&'n str, Item<'n>)>,
}

impl<'n> Fields<'n> {
    /// The value of `key`; absent and `null` are the same.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Item<'n>> {
        self.entries.iter().find(|(k, item)| *k == key && item.node.value != Value::Null).map(|(_, item)| item)
    }

    /// The value of `key`, whose absence is an error.
    pub fn required(&self, key: &str, report: &mut Report) -> Option<&Item<'n>> {
        let item = self.get(key);
        if item.is_none() {
            let path = join(&self.path, key);
            report.diagnostics.push(Diagnostic::error(Name::MissingField, path, self.place, "required, but absent"));
        }
        item
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
