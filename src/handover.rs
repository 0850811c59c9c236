//! Hand-over: request headers by which later filters and services learn what is known of a request here.
//!
//! Whoever reads them trusts them, so every header that begins with [`PREFIX`] is first taken off what clients sent,
//! whatever the mode and the path. What is neither inspected nor limited gets none but the mark of critical requests,
//! so that limits which count by the others spare it as well; an authorization must not depend on our mode.

use std::borrow::Cow;

use crate::diagnostic::Name;
use crate::document::{Item, Report};
use crate::http::Request;
use crate::path::{Path, Pattern};

/// How all of these headers begin. Clients' headers that differ only in `_` for `-` are taken off as well, since
/// applications behind a gateway interface (CGI, WSGI, Rack) cannot tell them apart.
pub const PREFIX: &str = "x-backstop-";

/// The client that limits count by: an IPv4 address, or an IPv6 prefix such as `2001:db8::/64`. Absent if unknown.
pub const CLIENT: &str = "x-backstop-client";
/// The name of the first group whose paths match. Absent if none does.
pub const GROUP: &str = "x-backstop-group";
/// The score that the head of the request got, a decimal number.
pub const SCORE: &str = "x-backstop-score";
/// How many hits a global limit is to count this request as, a decimal number.
pub const COST: &str = "x-backstop-cost";
/// The name of the first critical pattern that matches. Absent if none does.
pub const CRITICAL: &str = "x-backstop-critical";

/// The most groups, and the most critical patterns.
const MAX_ENTRIES: usize = 64;

/// The section `handover` of the config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    groups: Vec<Group>,
    critical: Vec<Critical>,
    cost: Option<Cost>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: String,
    /// Empty: every path.
    paths: Vec<Pattern>,
}

/// Requests that something else has to agree to, an `ext_authz` service say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Critical {
    name: String,
    /// Empty: every method.
    methods: Vec<String>,
    /// Empty: every path.
    paths: Vec<Pattern>,
}

/// From which score on a request counts as how many hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    score: u32,
    hits: u32,
}

/// A header to set.
pub type Mark<'s> = (&'static str, Cow<'s, str>);

impl Settings {
    /// Reads the section.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["groups", "critical", "cost"], report)?;
        let groups = fields.get("groups").map_or(Some(Vec::new()), |item| read_list(item, Group::read, report));
        let critical = fields.get("critical").map_or(Some(Vec::new()), |item| read_list(item, Critical::read, report));
        let cost = fields.get("cost").map_or(Some(None), |item| Cost::read(item, report).map(Some));
        Some(Self { groups: groups?, critical: critical?, cost: cost? })
    }

    /// Names of the headers that a client sent and nobody may believe.
    pub fn forged<'r>(request: &Request<'r>) -> impl Iterator<Item = &'r str> {
        let same = |(found, wanted): (&u8, u8)| *found == wanted || (*found == b'_' && wanted == b'-');
        let begins = move |name: &[u8]| name.len() >= PREFIX.len() && name.iter().zip(PREFIX.bytes()).all(same);
        let names = request.headers.iter().map(|(name, _)| *name).filter(move |name| begins(name));
        // A name that is no text is none that anybody reads.
        names.filter_map(|name| std::str::from_utf8(name).ok())
    }

    /// The mark of a critical request, if it is one.
    ///
    /// On a path that applications read in different ways, one critical reading is enough: as it was sent, its normal
    /// form, and that without path parameters (`/pay;a=b/card`, RFC 3986 section 3.3).
    #[must_use]
    pub fn critical(&self, request: &Request<'_>, path: &Path<'_>) -> Option<Mark<'_>> {
        if self.critical.is_empty() {
            return None;
        }
        let bare = path.is_ambiguous().then(|| without_parameters(path.as_bytes()));
        let bare = bare.as_deref().map(Path::normalise);
        let mut readings = vec![path.as_bytes()];
        if let Some(bare) = &bare {
            readings.extend([bare.as_bytes(), request.path()]);
        }
        let method = request.method();
        let found = self.critical.iter().find(|critical| {
            (critical.methods.is_empty() || critical.methods.iter().any(|m| m.as_bytes() == method))
                && (critical.paths.is_empty()
                    || readings.iter().any(|reading| critical.paths.iter().any(|p| p.matches_bytes(reading))))
        });
        found.map(|critical| (CRITICAL, critical.name.as_str().into()))
    }

    /// The other marks of a request that goes on: `client` as limits count it, `score` of its head.
    pub fn marks(&self, client: Option<String>, path: &Path<'_>, score: u32) -> impl Iterator<Item = Mark<'_>> {
        let applies = |group: &&Group| group.paths.is_empty() || group.paths.iter().any(|p| p.matches(path));
        let group = self.groups.iter().find(applies).map(|group| (GROUP, group.name.as_str().into()));
        let hits = self.cost.filter(|cost| score >= cost.score).map_or(1, |cost| cost.hits);
        let numbers = [(SCORE, score.to_string().into()), (COST, hits.to_string().into())];
        client.map(|client| (CLIENT, client.into())).into_iter().chain(group).chain(numbers)
    }
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|b| *b == b'/').map(|segment| segment.split(|b| *b == b';').next().unwrap_or_default());
    segments.collect::<Vec<_>>().join(&b'/')
}

fn read_list<T>(
    item: &Item<'_>,
    read: impl Fn(&Item<'_>, &mut Vec<String>, &mut Report) -> Option<T>,
    report: &mut Report,
) -> Option<Vec<T>> {
    let items = item.list(report)?;
    if items.len() > MAX_ENTRIES {
        report.error(
            item,
            Name::OutOfRange,
            format!("found {} in the list, expected at most {MAX_ENTRIES}", items.len()),
        );
        return None;
    }
    let mut names = Vec::new();
    let read: Vec<T> = items.iter().filter_map(|item| read(item, &mut names, report)).collect();
    (read.len() == items.len()).then_some(read)
}

impl Group {
    fn read(item: &Item<'_>, names: &mut Vec<String>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["name", "paths"], report)?;
        let name = fields.required("name", report).and_then(|item| item.name("group", names, report));
        let paths = Pattern::read_some(fields.get("paths"), report);
        Some(Self { name: name?, paths: paths? })
    }
}

impl Critical {
    fn read(item: &Item<'_>, names: &mut Vec<String>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["name", "methods", "paths"], report)?;
        let name = fields.required("name", report).and_then(|item| item.name("critical pattern", names, report));
        let methods = fields.get("methods").map_or(Some(Vec::new()), |item| read_methods(item, report));
        let paths = Pattern::read_some(fields.get("paths"), report);
        Some(Self { name: name?, methods: methods?, paths: paths? })
    }
}

/// Methods are tokens and told apart by case (RFC 9110 section 9.1); all that are registered are upper case.
fn read_methods(item: &Item<'_>, report: &mut Report) -> Option<Vec<String>> {
    let items = item.list(report)?;
    if items.is_empty() {
        report.error(item, Name::Empty, "found no method, expected at least one; leave methods out to mean every one");
        return None;
    }
    let methods = items.iter().filter_map(|item| {
        let text = item.text(report)?;
        if !text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
            let message = format!("found \"{text}\", expected a method such as POST, in upper case");
            report.error(item, Name::UnknownValue, message);
            return None;
        }
        Some(text.to_owned())
    });
    let methods: Vec<String> = methods.collect();
    (methods.len() == items.len()).then_some(methods)
}

impl Cost {
    fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["score", "hits"], report)?;
        let score = fields.required("score", report).and_then(|item| item.integer(1, 1000, report));
        let hits = fields.required("hits", report).and_then(|item| item.integer(2, 1000, report));
        Some(Self { score: u32::try_from(score?).ok()?, hits: u32::try_from(hits?).ok()? })
    }
}
