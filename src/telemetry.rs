//! What backstop tells about itself: counters from a closed table, and one JSON event for each finding or refusal.

use serde_json::{Value as Json, json};

use crate::diagnostic::printable;
use crate::document::{Item, Report};
use crate::mask::{MASK, without_cards, without_cut_cards};
use crate::verdict::{Denial, Family, Finding};

macro_rules! metrics {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// Every counter there is, apart from those with a family, a limit or an exclusion in their name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric { $(#[doc = $doc] $variant,)* }

        const NAMES: &[&str] = &[$($name,)*];
    };
}

metrics! {
    Passed "backstop_requests_passed" "Requests that went on, with or without findings."
    Denied "backstop_requests_denied" "Requests that were refused, for whatever reason."
    Detected "backstop_requests_detected" "Requests that only detect mode let through."
    Abandoned "backstop_requests_abandoned" "Requests that ended before all of their body came that was to be inspected."
    Exempt "backstop_requests_exempt" "Requests on an exempt path or from an allowed client."
    OriginPassed "backstop_origin_passed" "The origin secret was right."
    OriginExempt "backstop_origin_exempt" "The path needs no origin secret."
    OriginMissing "backstop_origin_missing" "There was no origin secret."
    OriginWrong "backstop_origin_wrong" "The origin secret was wrong."
    OriginRepeated "backstop_origin_repeated" "There was more than one value where the origin secret stands."
    LimitsTakenOver "backstop_limits_taken_over" "Buckets that a client took over from another before they were full again: too many clients for the table."
    RacesLost "backstop_races_lost" "Writes to shared memory given up because other workers were faster each time; a limit that gives up is a failure as well."
    Penalised "backstop_requests_penalised" "Requests of a client under a penalty."
    PenaltiesBegun "backstop_penalties_begun" "Penalties that began."
    PenaltiesUnnoted "backstop_penalties_unnoted" "Denials that could not count towards a penalty: too many clients are under one."
    ReportsSent "backstop_reports_sent" "Reports of offenders that were answered with a 2xx."
    ReportsFailed "backstop_reports_failed" "Reports of offenders that could not be sent, or were answered otherwise or not in time."
    BodiesInspected "backstop_bodies_inspected" "Bodies that were inspected whole."
    BodiesPartial "backstop_bodies_partial" "Bodies of which only the first `body.inspect` bytes were inspected."
    BodiesEncoded "backstop_bodies_encoded" "Bodies whose content encoding was not read; `body.encoded` said what became of them."
    TooCostly "backstop_requests_too_costly" "Requests that would have cost more to inspect than `effort` allows; what came after that was not looked at."
    Failures "backstop_failures" "Things that failed inside backstop; `onFailure` said what became of the request."
    FindingsExcluded "backstop_findings_excluded" "Findings that an exclusion spared."
    ExclusionsExpired "backstop_exclusions_expired" "Exclusions that had ended when the config was read, and findings that one would have spared since."
    EventsDropped "backstop_events_dropped" "Events over `telemetry.log.perSecond`, counted but not printed."
}

impl Metric {
    /// The place of this counter in [`names`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The place of the counter of findings of a family.
    #[must_use]
    pub fn findings(family: Family) -> usize {
        NAMES.len().saturating_add(family as usize)
    }

    /// The place of the counter of requests denied for a family.
    #[must_use]
    pub fn denials(family: Family) -> usize {
        Self::findings(family).saturating_add(Family::ALL.len())
    }

    /// The place of the counter of requests over the limit with that place in the config.
    #[must_use]
    pub fn limited(limit: usize) -> usize {
        NAMES.len().saturating_add(Family::ALL.len().saturating_mul(2)).saturating_add(limit)
    }

    /// The place of the counter of requests that the limit with that place in the config admitted with little left,
    /// where there are so many limits.
    #[must_use]
    pub fn near_limit(limits: usize, limit: usize) -> usize {
        Self::limited(limits).saturating_add(limit)
    }

    /// The place of the counter of findings that the exclusion with that place in the config spared, where there are
    /// so many limits.
    #[must_use]
    pub fn exclusion(limits: usize, exclusion: usize) -> usize {
        Self::near_limit(limits, limits).saturating_add(exclusion)
    }
}

/// What is set to a value rather than counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gauge {
    /// Rules within `level` whose findings count, and refuse at the threshold.
    RulesBlocking,
    /// Rules within `level` that only report, because of their family's mode or the document's.
    RulesDetecting,
    /// The largest linear memory that the VM of any worker has had.
    MemoryBytes,
    /// Streams that the VMs of all workers hold.
    StreamsOpen,
}

impl Gauge {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RulesBlocking => "backstop_rules_blocking",
            Self::RulesDetecting => "backstop_rules_detecting",
            Self::MemoryBytes => "backstop_memory_bytes",
            Self::StreamsOpen => "backstop_streams_open",
        }
    }
}

/// What has a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Histogram {
    /// The score so far, whenever a phase of a request found something.
    Score,
    /// Microseconds that a timed request spent in the filter, all phases together; see [`Settings::time_every`].
    InspectionUs,
}

impl Histogram {
    /// All of them, in the order of their indices.
    pub const ALL: &'static [Self] = &[Self::Score, Self::InspectionUs];

    /// The place in [`Histogram::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "backstop_score",
            Self::InspectionUs => "backstop_inspection_microseconds",
        }
    }
}

/// The names of all counters, in the order of their places: a closed set, fixed when the config is read.
#[must_use]
pub fn names<'n>(
    limits: impl Iterator<Item = &'n str> + Clone,
    exclusions: impl Iterator<Item = String>,
) -> Vec<String> {
    let word = |text: &str| text.replace('-', "_");
    let families =
        |kind: &'static str| Family::ALL.iter().map(move |f| format!("backstop_{kind}_{}", word(f.as_str())));
    NAMES
        .iter()
        .map(|name| (*name).to_owned())
        .chain(families("findings"))
        .chain(families("denials"))
        .chain(limits.clone().map(|name| format!("backstop_limited_{}", word(name))))
        .chain(limits.map(|name| format!("backstop_near_limit_{}", word(name))))
        .chain(exclusions.map(|name| format!("backstop_exclusion_matches_{}", word(&name))))
        .collect()
}

/// The `telemetry` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// At most so many events are printed a second by one worker.
    pub events_per_second: u64,
    /// One request in so many is timed, which costs it a few host calls; 0: none.
    pub time_every: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { events_per_second: 10, time_every: 256 }
    }
}

impl Settings {
    /// Reads `log.perSecond` and `timeEvery`.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["log", "timeEvery"], report)?;
        let mut settings = Self::default();
        if let Some(item) = fields.get("log")
            && let Some(log) = item.fields(&["perSecond"], report)
            && let Some(item) = log.get("perSecond")
        {
            settings.events_per_second = item.integer(0, 10_000, report)?;
        }
        if let Some(item) = fields.get("timeEvery") {
            settings.time_every = item.integer(0, 1_000_000, report)?;
        }
        Some(settings)
    }
}

/// What an event tells of the request; copied while the headers are at hand, since the body phase has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The method.
    pub method: Vec<u8>,
    /// The path without the query, which may hold secrets.
    pub path: Vec<u8>,
    /// The host that the client asked for.
    pub host: Vec<u8>,
    /// Envoy's `x-request-id`.
    pub request_id: Vec<u8>,
    /// The trace id of `traceparent` (W3C Trace Context).
    pub trace_id: Vec<u8>,
    /// The client address, once known.
    pub client: String,
}

/// What happened, apart from the request that it happened to.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// `block` or `detect`.
    pub mode: &'static str,
    /// Whether the request was refused.
    pub blocked: bool,
    /// Its score.
    pub score: u32,
    /// Why it was, or in detect mode would have been, refused.
    pub denial: Option<&'a Denial>,
}

/// One event as a line of JSON. Field names are part of the contract with users.
#[must_use]
pub fn event(subject: &Subject, outcome: Outcome<'_>, finding: Option<&Finding>) -> String {
    // JSON itself escapes no more than C0: DEL and C1 would steer the terminal of whoever reads the log.
    let text = |bytes: &[u8]| Json::String(printable(&String::from_utf8_lossy(bytes)));
    let mut event = json!({
        "event": "backstop",
        "mode": outcome.mode,
        "blocked": outcome.blocked,
        "score": outcome.score,
        "details": outcome.denial.map(Denial::details),
        "request_id": text(&subject.request_id),
        "trace_id": text(&subject.trace_id),
        "client": subject.client,
        "method": text(&subject.method),
        "host": text(&subject.host),
        "path": without_cards(&subject.path),
    });
    if let (Some(finding), Some(fields)) = (finding, event.as_object_mut()) {
        fields.insert("rule".into(), finding.rule.as_ref().into());
        fields.insert("family".into(), finding.family.as_str().into());
        fields.insert("severity".into(), finding.severity.as_str().into());
        fields.insert("target".into(), without_cut_cards(finding.target.as_bytes()).into());
        let snippet = if finding.secret { MASK.to_owned() } else { without_cut_cards(&finding.snippet) };
        fields.insert("snippet".into(), snippet.into());
    }
    event.to_string()
}
