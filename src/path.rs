//! The path of a request in its normal form, and the patterns by which settings name paths.
//!
//! Settings speak of paths as people write them; requests spell them in many ways. A pattern is compared with the
//! normal form: percent-decoded, `\` as `/`, `//` and dot segments resolved (RFC 3986 section 5.2.4), never the query.

use std::borrow::Cow;

use crate::decode::{Traits, Transform, TransformSet};
use crate::diagnostic::Name;
use crate::document::{Fields, Item, Report};

/// A path in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    text: Cow<'a, [u8]>,
    ambiguous: bool,
}

impl<'a> Path<'a> {
    /// Normalises the path part of a request target.
    #[must_use]
    pub fn normalise(raw: &'a [u8]) -> Self {
        let traits = Traits::of(raw);
        let plain = !traits.any(Traits::of_bytes(b"%\\\0"));
        if plain && !raw.windows(2).any(|w| w == b"//" || w == b"/.") {
            return Self { text: Cow::Borrowed(raw), ambiguous: raw.contains(&b';') || !raw.starts_with(b"/") };
        }
        let once = Transform::Percent.apply(raw);
        let decoded = TransformSet::EMPTY.with(Transform::Percent).apply(raw, traits);
        let text = resolve_dots(&decoded);
        let structure = |bytes: &[u8]| bytes.iter().filter(|b| matches!(b, b'/' | b'\\')).count();
        let ambiguous = !raw.starts_with(b"/")
            || decoded.iter().any(|b| matches!(b, b';' | b'\\' | 0))
            || decoded.windows(3).any(|w| w == b"/..")
            || once.as_deref().is_some_and(|once| once != decoded.as_ref())
            || structure(&decoded) != structure(raw);
        Self { text: Cow::Owned(text), ambiguous }
    }

    /// The normal form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether applications may disagree about where this path leads: dot-dot segments, encoded slashes, double
    /// encoding, `;`, no `/` at the start. Such a path is limited like its normal form, but exempt from nothing.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }
}

fn resolve_dots(decoded: &[u8]) -> Vec<u8> {
    let mut output: Vec<u8> = Vec::with_capacity(decoded.len());
    let mut segments = decoded.split(|b| matches!(b, b'/' | b'\\')).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." | b"" if !last => {}
            b".." => {
                let parent = output.iter().rposition(|b| *b == b'/').unwrap_or(0);
                output.truncate(parent);
                if last {
                    output.push(b'/');
                }
            }
            b"." => output.push(b'/'),
            _ => {
                output.push(b'/');
                output.extend_from_slice(segment);
            }
        }
    }
    output
}

/// `{exact: /healthz}` or `{prefix: /auth/}`, as settings write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Exactly this path.
    Exact(String),
    /// Every path that begins so.
    Prefix(String),
}

impl Pattern {
    /// Reads one pattern.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["exact", "prefix"], report)?;
        Self::of(item, &fields, report)
    }

    /// Reads the `exact` or `prefix` of a mapping that may hold more.
    pub fn of(item: &Item<'_>, fields: &Fields<'_>, report: &mut Report) -> Option<Self> {
        let (item, make): (_, fn(String) -> Self) = match (fields.get("exact"), fields.get("prefix")) {
            (Some(item), None) => (item, Self::Exact),
            (None, Some(item)) => (item, Self::Prefix),
            _ => {
                report.error(item, Name::MissingField, "expected exactly one of: exact, prefix");
                return None;
            }
        };
        let text = item.text(report)?;
        if !text.starts_with('/')
            || text.contains('?')
            || Path::normalise(text.as_bytes()).as_bytes() != text.as_bytes()
        {
            let message = format!(
                "found \"{text}\", expected a path in normal form: starts with /, no ?, no %, no //, no dot segments"
            );
            report.error(item, Name::BadPath, message);
            return None;
        }
        Some(make(text.to_owned()))
    }

    /// Reads a list of patterns.
    pub fn read_list(item: Option<&Item<'_>>, report: &mut Report) -> Vec<Self> {
        let items = item.and_then(|item| item.list(report)).unwrap_or_default();
        items.iter().filter_map(|item| Self::read(item, report)).collect()
    }

    /// Reads a list of patterns in which there must be one. Without it there are none, which means every path.
    pub fn read_some(item: Option<&Item<'_>>, report: &mut Report) -> Option<Vec<Self>> {
        let Some(item) = item else { return Some(Vec::new()) };
        let count = item.list(report)?.len();
        if count == 0 {
            let message = "found no path, expected at least one; leave paths out to mean every path";
            report.error(item, Name::Empty, message);
            return None;
        }
        let paths = Self::read_list(Some(item), report);
        (paths.len() == count).then_some(paths)
    }

    /// Whether the path is meant.
    #[must_use]
    pub fn matches(&self, path: &Path<'_>) -> bool {
        self.matches_bytes(path.as_bytes())
    }

    /// Whether a path that somebody else may read in this way is meant.
    #[must_use]
    pub fn matches_bytes(&self, path: &[u8]) -> bool {
        match self {
            Pattern::Exact(text) => path == text.as_bytes(),
            Pattern::Prefix(text) => path.starts_with(text.as_bytes()),
        }
    }

    /// Whether a request on `path` may be exempted by one of `patterns`; an ambiguous path never is.
    #[must_use]
    pub fn exempts(patterns: &[Self], path: &Path<'_>) -> bool {
        !path.is_ambiguous() && patterns.iter().any(|p| p.matches(path))
    }
}
