//! The whole config document: composes each room's settings, and checks what relates two of them.

use crate::diagnostic::{Diagnostic, Level, Name};
use crate::document::{Fields, Item, Node, Report};
use crate::path::Pattern;
use crate::rules::exclusion::Exclusion;
use crate::{client, handover, limit, origin, penalty, reply, rules, telemetry};

/// What is done about a request that is found bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is refused.
    Block,
    /// It is reported and goes on.
    Detect,
    /// Nothing is looked at.
    Off,
}

impl Mode {
    /// Name and value of each mode.
    pub const NAMES: &'static [(&'static str, Mode)] =
        &[("block", Mode::Block), ("detect", Mode::Detect), ("off", Mode::Off)];

    /// The name as it stands in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, mode)| *mode == self).map_or("block", |(name, _)| name)
    }
}

/// What becomes of a request when something fails inside backstop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused with 503.
    Deny,
    /// It goes on.
    Allow,
}

/// Which rate limit headers answers carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitHeaders {
    /// None but `Retry-After` on 429.
    Off,
    /// `X-RateLimit-*`, as Envoy writes them.
    Draft03,
    /// `RateLimit` and `RateLimit-Policy`.
    Draft11,
}

/// What happens to a body larger than what is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oversize {
    /// Its beginning is inspected, the rest passes.
    Prefix,
    /// It is refused with 413.
    Deny,
}

/// What happens to a body whose content encoding is not read: one other than gzip and deflate, or a broken one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It passes, inspected as it came.
    Pass,
    /// It is refused with 415.
    Deny,
}

/// How much of a body is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// So many bytes from its start; none if 0.
    pub inspect_bytes: usize,
    /// And what is larger.
    pub oversize: Oversize,
    /// And what is encoded in a way that is not read.
    pub encoded: Unreadable,
}

/// The `body` section.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// For every path but those of `paths`.
    pub limits: BodyLimits,
    /// The first pattern that matches counts.
    pub paths: Vec<(Pattern, BodyLimits)>,
    /// Whether headers wait for the verdict on the body. Envoy must have been told so by
    /// `allow_on_headers_stop_iteration`, else each request with a body waits for ever.
    pub hold_headers: bool,
}

/// A config document, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is done about a request that is found bad.
    pub mode: Mode,
    /// The score at which it is.
    pub threshold: u64,
    /// Rules up to this level count.
    pub level: u8,
    /// Rules up to this level are reported.
    pub detect_level: u8,
    /// What an internal failure does.
    pub on_failure: OnFailure,
    /// Families, disabled and custom rules.
    pub rules: rules::Settings,
    /// Which rule leaves which place alone.
    pub exclusions: Vec<Exclusion>,
    /// Paths that are neither inspected nor limited.
    pub exempt: Vec<Pattern>,
    /// The origin check.
    pub origin: origin::Settings,
    /// Who the client is.
    pub client: client::Settings,
    /// Token buckets.
    pub limits: limit::Settings,
    /// Which headers tell of them.
    pub limit_headers: LimitHeaders,
    /// What repeat offenders meet; nothing if the section is absent.
    pub penalty: Option<penalty::Settings>,
    /// What later filters are told; nothing if the section is absent.
    pub handover: Option<handover::Settings>,
    /// How much of a body is inspected.
    pub body: Body,
    /// What inspecting one request may cost, in milliseconds; nothing if that follows from how much of a body is inspected.
    pub effort_ms: Option<u64>,
    /// The answer to a refused request.
    pub response: reply::Settings,
    /// Events.
    pub telemetry: telemetry::Settings,
}

/// The keys of the document.
pub const FIELDS: &[&str] = &[
    "mode",
    "threshold",
    "level",
    "detectLevel",
    "onFailure",
    "rules",
    "exclusions",
    "exempt",
    "origin",
    "client",
    "limits",
    "limitHeaders",
    "penalty",
    "handover",
    "body",
    "effort",
    "response",
    "telemetry",
];

/// A held body counts against Envoy's buffer of 1 MiB, past which Envoy answers 413 by itself; this leaves room for
/// the chunk that crosses the line.
const MAX_INSPECT_BYTES: u64 = 786_432;
/// So much of a body is inspected unless the config says otherwise.
pub const DEFAULT_INSPECT_BYTES: usize = 131_072;
const DEFAULT_BODY: BodyLimits =
    BodyLimits { inspect_bytes: DEFAULT_INSPECT_BYTES, oversize: Oversize::Prefix, encoded: Unreadable::Pass };

impl Config {
    /// Reads a document. `unix_s` is today, for exclusions that end.
    ///
    /// # Errors
    /// Every mistake at once, warnings among them. Without an error the warnings come beside the config.
    pub fn read(document: &Node, unix_s: u64) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut report = Report::default();
        let config = Self::compose(&Item::root(document), unix_s, &mut report);
        match config {
            Some(config) if report.diagnostics.iter().all(|d| d.level == Level::Warning) => {
                Ok((config, report.diagnostics))
            }
            _ => Err(report.diagnostics),
        }
    }

    fn compose(root: &Item<'_>, unix_s: u64, report: &mut Report) -> Option<Self> {
        let fields = root.fields(FIELDS, report)?;
        let level = small(&fields, "level", 1, 1, 4, report);
        let rules = section(&fields, "rules", rules::Settings::read, report).unwrap_or_default();
        let exclusions = fields.get("exclusions").map(|item| Exclusion::read_list(item, &rules, unix_s, report));
        let config = Self {
            mode: word(&fields, "mode", Mode::NAMES, Mode::Block, report),
            threshold: fields.get("threshold").and_then(|item| item.integer(1, 1000, report)).unwrap_or(5),
            level,
            detect_level: small(&fields, "detectLevel", level, level, 4, report),
            on_failure: word(
                &fields,
                "onFailure",
                &[("deny", OnFailure::Deny), ("allow", OnFailure::Allow)],
                OnFailure::Deny,
                report,
            ),
            rules,
            exclusions: exclusions.unwrap_or_default(),
            exempt: Pattern::read_list(fields.get("exempt"), report),
            origin: section(&fields, "origin", origin::Settings::read, report).unwrap_or_default(),
            client: section(&fields, "client", client::Settings::read, report).unwrap_or_default(),
            limits: section(&fields, "limits", limit::Settings::read, report).unwrap_or_default(),
            limit_headers: word(
                &fields,
                "limitHeaders",
                &[("off", LimitHeaders::Off), ("draft03", LimitHeaders::Draft03), ("draft11", LimitHeaders::Draft11)],
                LimitHeaders::Draft11,
                report,
            ),
            penalty: section(&fields, "penalty", penalty::Settings::read, report),
            handover: section(&fields, "handover", handover::Settings::read, report),
            body: section(&fields, "body", Body::read, report).unwrap_or_default(),
            effort_ms: fields.get("effort").and_then(|item| item.duration_ms(1, MAX_EFFORT_MS, report)),
            response: section(&fields, "response", reply::Settings::read, report).unwrap_or_default(),
            telemetry: section(&fields, "telemetry", telemetry::Settings::read, report).unwrap_or_default(),
        };
        if let Some(item) = fields.get("client")
            && config.client.needs_origin()
            && !config.origin.is_enabled()
        {
            let message = "cloudfront counts only once the origin check passed, and there is no \"origin\" section";
            report.error(item, Name::NeedsOther, message);
        }
        Some(config)
    }
}

/// The longest that inspecting one request may be allowed to take.
const MAX_EFFORT_MS: u64 = 1_000;

impl Default for Body {
    fn default() -> Self {
        Self { limits: DEFAULT_BODY, paths: Vec::new(), hold_headers: false }
    }
}

impl Body {
    /// Reads `inspect`, `oversize`, `encoded`, `holdHeaders`, and `paths`: patterns with their own of the first three.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["inspect", "oversize", "encoded", "paths", "holdHeaders"], report)?;
        let limits = BodyLimits::read(&fields, DEFAULT_BODY, report);
        let items = fields.get("paths").and_then(|item| item.list(report)).unwrap_or_default();
        let paths = items.iter().filter_map(|item| {
            let fields = item.fields(&["exact", "prefix", "inspect", "oversize", "encoded"], report)?;
            Some((Pattern::of(item, &fields, report)?, BodyLimits::read(&fields, limits, report)))
        });
        let paths = paths.collect();
        let hold_headers = fields.get("holdHeaders").and_then(|item| item.boolean(report)).unwrap_or(false);
        Some(Self { limits, paths, hold_headers })
    }
}

impl BodyLimits {
    fn read(fields: &Fields<'_>, default: Self, report: &mut Report) -> Self {
        let inspect = fields.get("inspect").and_then(|item| item.integer(0, MAX_INSPECT_BYTES, report));
        let ways = [("prefix", Oversize::Prefix), ("deny", Oversize::Deny)];
        Self {
            inspect_bytes: inspect.and_then(|n| usize::try_from(n).ok()).unwrap_or(default.inspect_bytes),
            oversize: word(fields, "oversize", &ways, default.oversize, report),
            encoded: word(
                fields,
                "encoded",
                &[("pass", Unreadable::Pass), ("deny", Unreadable::Deny)],
                default.encoded,
                report,
            ),
        }
    }
}

fn word<T: Copy>(fields: &Fields<'_>, key: &str, accepted: &[(&str, T)], default: T, report: &mut Report) -> T {
    fields.get(key).and_then(|item| item.one_of(accepted, report)).unwrap_or(default)
}

fn small(fields: &Fields<'_>, key: &str, default: u8, min: u8, max: u8, report: &mut Report) -> u8 {
    let number = fields.get(key).and_then(|item| item.integer(min.into(), max.into(), report));
    number.and_then(|n| u8::try_from(n).ok()).unwrap_or(default)
}

fn section<T>(
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&Item<'_>, &mut Report) -> Option<T>,
    report: &mut Report,
) -> Option<T> {
    fields.get(key).and_then(|item| read(item, report))
}
