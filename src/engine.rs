//! A compiled config, and pure inspection: a request or a body in, findings and a score out. No host, no phases.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::config::{BodyLimits, Config, DEFAULT_INSPECT_BYTES, Mode};
use crate::diagnostic::Diagnostic;
use crate::document::{Node, from_json};
use crate::extract::{self, Part, Target, Value};
use crate::http::Request;
use crate::mask;
use crate::origin;
use crate::path::Path;
use crate::rules::effort::Effort;
use crate::rules::exclusion::Exclusion;
use crate::rules::seen::{Key, Seen};
use crate::rules::{Match, Observer, Referer, Ruleset, Scratch};
use crate::telemetry::{self, Metric};
use crate::verdict::{Denial, Family, Finding};

/// A config made ready to run.
#[derive(Debug)]
pub struct Engine {
    /// The settings.
    pub config: Config,
    /// The rules that are on.
    pub ruleset: Ruleset,
    metric_names: Vec<String>,
    /// The second in which events were last printed, and how many.
    printed: Cell<(u64, u64)>,
    /// How many bodies are being gathered.
    gathering: Rc<Cell<usize>>,
    /// What the origin check keeps from request to request.
    pub accepted: origin::Accepted,
    /// What scans reuse from value to value and from request to request.
    room: RefCell<Room>,
}

#[derive(Debug)]
struct Room {
    scratch: Scratch,
    seen: Seen,
}

/// What inspecting a request may cost for each so many bytes of a body that are inspected, unless the config says otherwise.
const DEFAULT_EFFORT_MS: u64 = 10;

/// What a byte of a body costs that is cut into values, and a value.
const UNITS_OF_PARSED_BYTE: u64 = 10;
const UNITS_OF_VALUE: u64 = 250;

/// So many bodies are gathered at once: at most 12 MiB with the largest `body.inspect`, 2 MiB with the default.
const MAX_GATHERING: usize = 16;

/// The right to gather one body in this VM's memory; given back when dropped.
#[derive(Debug)]
pub struct GatheringPlace(Rc<Cell<usize>>);

impl Drop for GatheringPlace {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Engine {
    /// Compiles the plugin config as Envoy hands it over: JSON, or nothing at all for the defaults. `unix_s` is now.
    ///
    /// # Errors
    /// Every mistake at once; without one, warnings come beside the engine.
    pub fn configure(json: &[u8], unix_s: u64) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let document = from_json(json).map_err(|d| vec![d])?;
        Self::compile(&document, unix_s)
    }

    /// The same from a document already read.
    ///
    /// # Errors
    /// As [`Engine::configure`].
    pub fn compile(document: &Node, unix_s: u64) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (config, warnings) = Config::read(document, unix_s)?;
        let rules = config.rules.select(config.level, config.detect_level);
        let ruleset = Ruleset::new(rules);
        let exclusions = config.exclusions.iter().enumerate().map(|(index, exclusion)| exclusion.name(index));
        let metric_names = telemetry::names(config.limits.names(), exclusions);
        let room = RefCell::new(Room { scratch: ruleset.scratch(), seen: Seen::default() });
        let (printed, gathering, accepted) = Default::default();
        Ok((Self { config, ruleset, metric_names, printed, gathering, accepted, room }, warnings))
    }

    /// Names of all counters, in the order of the index that `host::Sink::count` takes.
    #[must_use]
    pub fn metric_names(&self) -> &[String] {
        &self.metric_names
    }

    /// The counter of findings that the exclusion with that place in the config spared.
    #[must_use]
    pub fn exclusion_metric(&self, index: usize) -> usize {
        Metric::exclusion(self.config.limits.names().count(), index)
    }

    /// How many exclusions had ended at `unix_s`.
    #[must_use]
    pub fn expired_exclusions(&self, unix_s: u64) -> u64 {
        self.config.exclusions.iter().filter(|e| e.is_expired(unix_s)).fold(0, |all, _| all.saturating_add(1))
    }

    /// How many rules within `level` count towards a refusal, and how many only report.
    #[must_use]
    pub fn rules_by_mode(&self) -> (u64, u64) {
        let config = &self.config;
        let (mut blocking, mut detecting) = (0_u64, 0_u64);
        for (_, counts) in config.rules.select(config.level, config.level) {
            match config.mode {
                Mode::Off => {}
                Mode::Block if counts => blocking = blocking.saturating_add(1),
                Mode::Block | Mode::Detect => detecting = detecting.saturating_add(1),
            }
        }
        (blocking, detecting)
    }

    /// One line for the log at start.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "mode {}, threshold {}, {} rules, {} limits, origin check {}",
            self.config.mode.as_str(),
            self.config.threshold,
            self.ruleset.len(),
            self.config.limits.names().count(),
            if self.config.origin.is_enabled() { "on" } else { "off" },
        )
    }

    /// Whether one more event may be printed in the second `unix_s`; it counts as printed if so.
    pub fn may_print(&self, unix_s: u64) -> bool {
        let printed = match self.printed.get() {
            (second, printed) if second == unix_s => printed,
            _ => 0,
        };
        let may = printed < self.config.telemetry.events_per_second;
        self.printed.set((unix_s, printed.saturating_add(u64::from(may))));
        may
    }

    /// A place to gather a body, if one of the few is free.
    #[must_use]
    pub fn gathering_place(&self) -> Option<GatheringPlace> {
        let taken = self.gathering.get();
        (taken < MAX_GATHERING).then(|| {
            self.gathering.set(taken.saturating_add(1));
            GatheringPlace(Rc::clone(&self.gathering))
        })
    }

    /// How much of a body on `path` is inspected.
    #[must_use]
    pub fn body_limits(&self, path: &Path<'_>) -> BodyLimits {
        let body = &self.config.body;
        body.paths.iter().find(|(pattern, _)| pattern.matches(path)).map_or(body.limits, |(_, limits)| *limits)
    }

    /// What inspecting a request on `path` may cost.
    #[must_use]
    pub fn effort(&self, path: &Path<'_>) -> Effort {
        let bytes = self.body_limits(path).inspect_bytes.max(DEFAULT_INSPECT_BYTES) as u64;
        let derived = bytes.saturating_mul(DEFAULT_EFFORT_MS * Effort::UNITS_OF_MS) / DEFAULT_INSPECT_BYTES as u64;
        Effort::new(self.config.effort_ms.map_or(derived, |ms| ms.saturating_mul(Effort::UNITS_OF_MS)))
    }

    /// Adds what is found in the head of a request.
    pub fn inspect_head(&self, request: &Request<'_>, inspection: &mut Inspection<'_>) {
        extract::parts(request, &mut |part| inspection.part(self, part));
    }

    /// Adds what is found in a body; `complete` is false if there is more of it.
    pub fn inspect_body(&self, content_type: &[u8], body: &[u8], complete: bool, inspection: &mut Inspection<'_>) {
        inspection.effort.spend_on(body.len(), UNITS_OF_PARSED_BYTE);
        extract::body(content_type, body, complete, &mut |value| _ = inspection.value(self, value));
    }

    /// Why a request with these findings is refused, if it is.
    #[must_use]
    pub fn conclude(&self, inspection: &Inspection<'_>) -> Option<Denial> {
        if u64::from(inspection.score) < self.config.threshold {
            return None;
        }
        let counting = inspection.findings.iter().filter(|f| f.counts);
        let weightiest = counting.min_by_key(|f| f.weight())?;
        Some(Denial::Rule { family: weightiest.family, rule: weightiest.rule.clone() })
    }
}

/// What is known of one request so far.
pub struct Inspection<'p> {
    /// Its path, for exclusions.
    pub path: &'p Path<'p>,
    /// Now in seconds, asked only when an exclusion that may have ended is met.
    now: &'p dyn Fn() -> u64,
    /// In the order found, each rule at most once, and once more if it counts only later.
    pub findings: Vec<Finding>,
    /// Sum over the rules that count, each once.
    pub score: u32,
    /// For each match that an exclusion spared, the exclusion's place in the config.
    pub excluded: Vec<usize>,
    /// How many matches an exclusion would have spared that has ended.
    pub expired: u64,
    /// Whether to go on once the threshold is reached; only those who explain do.
    pub exhaustive: bool,
    /// What the inspection may still cost; once it is spent, nothing more is looked at.
    pub effort: Effort,
}

impl<'p> Inspection<'p> {
    /// Nothing found yet. `now` gives seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn new(path: &'p Path<'p>, now: &'p dyn Fn() -> u64) -> Self {
        Self {
            path,
            now,
            findings: Vec::new(),
            score: 0,
            excluded: Vec::new(),
            expired: 0,
            exhaustive: false,
            effort: Effort::unlimited(),
        }
    }

    /// Looks at a part of the head, unless it is known to hold nothing.
    fn part(&mut self, engine: &Engine, part: &Part<'_>) {
        let Part::Pairs(target, text) = part else {
            return part.values(&mut |value| _ = self.value(engine, value));
        };
        self.unless_seen(engine, Key::of_pairs(*target, text), |this| {
            let mut harmless = true;
            part.values(&mut |value| harmless &= this.value(engine, value));
            harmless
        });
    }

    /// Looks at a value, unless it is known to hold nothing, and says whether it does hold nothing.
    fn value(&mut self, engine: &Engine, value: &Value<'_>) -> bool {
        self.unless_seen(engine, Key::of_value(value), |this| match engine.room.try_borrow_mut() {
            Ok(mut room) => this.scan(engine, value, &mut room.scratch),
            // Nothing scans while it scans; if it did, it would still miss nothing.
            Err(_) => this.scan(engine, value, &mut engine.ruleset.scratch()),
        })
    }

    /// Takes as harmless what was harmless before, and remembers what `look` says is; those who explain look at all.
    fn unless_seen(&mut self, engine: &Engine, key: Option<Key<'_>>, look: impl FnOnce(&mut Self) -> bool) -> bool {
        if self.is_done(engine) {
            return false;
        }
        self.effort.spend(UNITS_OF_VALUE);
        let key = key.filter(|_| !self.exhaustive);
        if key.is_some_and(|key| engine.room.try_borrow().is_ok_and(|room| room.seen.holds(&key))) {
            return true;
        }
        let harmless = look(self);
        if let (Some(key), true, Ok(mut room)) = (key, harmless, engine.room.try_borrow_mut()) {
            room.seen.remember(&key);
        }
        harmless
    }

    /// Whether no rule matches the value, excluded or not.
    fn scan(&mut self, engine: &Engine, value: &Value<'_>, scratch: &mut Scratch) -> bool {
        let mut effort = self.effort;
        let mut judge = Judge { engine, inspection: self, matches: false };
        let _ = engine.ruleset.scan(value, scratch, &mut effort, &mut judge);
        let matches = judge.matches;
        self.effort = effort;
        !matches && !effort.is_spent()
    }

    fn is_done(&self, engine: &Engine) -> bool {
        self.effort.is_spent() || !self.exhaustive && u64::from(self.score) >= engine.config.threshold
    }
}

/// Turns matches into findings.
struct Judge<'a, 'p> {
    engine: &'a Engine,
    inspection: &'a mut Inspection<'p>,
    /// Whether any rule matched, excluded or not.
    matches: bool,
}

impl Observer for Judge<'_, '_> {
    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()> {
        self.matches = true;
        let inspection = &mut *self.inspection;
        let covers = |e: &Exclusion| e.covers(found.rule, found.value, inspection.path);
        let (mut spares, mut expired) = (None, false);
        for (index, exclusion) in self.engine.config.exclusions.iter().enumerate().filter(|(_, e)| covers(e)) {
            if exclusion.is_expired((inspection.now)()) {
                expired = true;
            } else {
                spares = spares.or(Some(index));
            }
        }
        if let Some(index) = spares {
            inspection.excluded.push(index);
            return ControlFlow::Continue(());
        }
        inspection.expired = inspection.expired.saturating_add(u64::from(expired));
        let counts = found.counts && !(self.engine.config.rules.referer == Referer::Detect && is_page_address(found));
        // Each rule once; one that did not count in the Referer may still count elsewhere.
        if inspection.findings.iter().any(|f| f.rule == found.rule.id && f.counts >= counts) {
            return ControlFlow::Continue(());
        }
        if counts {
            inspection.score = inspection.score.saturating_add(found.rule.severity.score());
        }
        inspection.findings.push(finding(found, counts));
        // Even past the threshold the value is looked at to its end, so that the blame falls on the right rule.
        ControlFlow::Continue(())
    }
}

/// Whether the match says something about the page that a browser comes from rather than about this request. A Referer
/// is that if it is an address; that page was judged when it was asked for, and what it needs must follow. What harms
/// whoever writes the header to a log or copies it into an answer is not spared.
fn is_page_address(found: &Match<'_>) -> bool {
    let is_address = |text: &[u8]| {
        [&b"http://"[..], b"https://"].iter().any(|s| text.get(..s.len()).is_some_and(|t| t.eq_ignore_ascii_case(s)))
    };
    found.value.target == Target::Header
        && found.value.name.eq_ignore_ascii_case(b"referer")
        && is_address(found.value.bytes)
        && !matches!(found.rule.family, Family::Log4shell | Family::HeaderInjection)
}

fn finding(found: &Match<'_>, counts: bool) -> Finding {
    let start = found.span.start;
    let end = found.span.end.min(start.saturating_add(Finding::SNIPPET_BYTES));
    Finding {
        rule: found.rule.id.clone(),
        family: found.rule.family,
        severity: found.rule.severity,
        target: place(found.value).into_owned(),
        snippet: found.text.get(start..end).unwrap_or_default().to_vec(),
        secret: is_secret(found, end),
        start,
        counts,
    }
}

/// Whether what matched may be somebody's secret. Any cookie may be what proves who a user is, whatever it is called.
fn is_secret(found: &Match<'_>, end: usize) -> bool {
    found.value.target == Target::Cookie
        || mask::is_secret(found.value.name)
        || mask::is_labelled(found.text, found.span.start, end)
}

/// Where a value stands, in words: `query:q`, `path`, `json:items.name (name)`.
#[must_use]
pub fn place(value: &Value<'_>) -> Cow<'static, str> {
    const MAX_NAME_BYTES: usize = 64;
    let kind = value.target.as_str();
    if value.name.is_empty() {
        return Cow::Borrowed(kind);
    }
    // What is taken for a name may be text with a secret in it.
    if mask::is_labelled(value.name, value.name.len(), value.name.len()) {
        return Cow::Owned(format!("{kind}:{}", mask::MASK));
    }
    let name = value.name.get(..MAX_NAME_BYTES).unwrap_or(value.name);
    let note = if value.is_name { " (name)" } else { "" };
    Cow::Owned(format!("{kind}:{}{note}", String::from_utf8_lossy(name)))
}
