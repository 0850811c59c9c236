//! What becomes of a finding, a refusal or a failure: events, counters, notes for the access log, and the answer.

use crate::client::Client;
use crate::config::{Mode, OnFailure};
use crate::engine::{Engine, Inspection};
use crate::host::{HostError, World};
use crate::http::Request;
use crate::penalty::{Noted, Offence};
use crate::reply::{self, Form};
use crate::slots;
use crate::telemetry::{Histogram, Metric, Outcome, Subject, event};
use crate::verdict::{Denial, Finding, Reply};

/// A request about which something is to be told.
pub struct Case<'a> {
    pub engine: &'a Engine,
    pub world: &'a dyn World,
    pub subject: &'a Subject,
    /// Who is blamed.
    pub client: Option<Client>,
    pub form: Form,
    pub score: u32,
}

impl Case<'_> {
    /// Whether the mode of the document refuses.
    pub fn enforces(&self) -> bool {
        self.engine.config.mode == Mode::Block
    }

    /// Reports the findings of a phase, those after the `reported` first ones, and refuses the request if they say so, or if it
    /// costs too much; `was_spent` says that this is known from an earlier phase.
    pub fn conclude(&self, inspection: &Inspection<'_>, reported: usize, was_spent: bool) -> Option<Reply> {
        let by_findings = self.judge(inspection, reported);
        if by_findings.is_some() || was_spent || !inspection.effort.is_spent() {
            return by_findings;
        }
        self.world.count(Metric::TooCostly.index(), 1);
        // In detect mode it goes on; it counts once.
        let is_known = self.engine.conclude(inspection).is_some();
        if is_known { None } else { self.refuse(&Denial::TooCostly, self.enforces()) }
    }

    fn judge(&self, inspection: &Inspection<'_>, reported: usize) -> Option<Reply> {
        for exclusion in &inspection.excluded {
            self.world.count(Metric::FindingsExcluded.index(), 1);
            self.world.count(self.engine.exclusion_metric(*exclusion), 1);
        }
        if inspection.expired > 0 {
            self.world.count(Metric::ExclusionsExpired.index(), inspection.expired);
        }
        let new = inspection.findings.get(reported..).unwrap_or_default();
        if new.is_empty() {
            return None;
        }
        let denial = self.engine.conclude(inspection);
        // The one that is blamed comes first, in case not all get printed.
        let mut new: Vec<&Finding> = new.iter().collect();
        new.sort_by_key(|finding| finding.weight());
        for finding in new {
            self.world.count(Metric::findings(finding.family), 1);
            self.print(denial.as_ref(), self.enforces(), Some(finding));
        }
        self.world.observe(Histogram::Score.index(), u64::from(self.score));
        self.world.note("score", self.score.to_string().as_bytes());
        let denial = denial?;
        // In detect mode a request goes on and may be found bad again; it counts once.
        let before = inspection.findings.get(..reported).unwrap_or_default();
        let score = before.iter().filter(|f| f.counts).fold(0, |all: u32, f| all.saturating_add(f.severity.score()));
        if u64::from(score) < self.engine.config.threshold {
            self.penalise(&denial);
        }
        self.answer(&denial, self.enforces())
    }

    /// Counts a denial by a rule towards a penalty of the client. Nothing that fails here changes the answer.
    fn penalise(&self, denial: &Denial) {
        let config = &self.engine.config;
        let (Some(penalty), Some(client), Denial::Rule { family, .. }) = (&config.penalty, self.client, denial) else {
            return;
        };
        let points = match penalty.note(client.group(&config.client), *family, self.world, self.world) {
            Ok(Noted::Counted) => return,
            Ok(Noted::NoPlace) => return self.world.count(Metric::PenaltiesUnnoted.index(), 1),
            Ok(Noted::Begun(points)) => points,
            Err(error) => return self.count_failure(error),
        };
        self.world.count(Metric::PenaltiesBegun.index(), 1);
        let report = penalty.report(&Offence {
            client: &client.group_text(&config.client),
            denial,
            points,
            until_s: unix_s(self.world).saturating_add(penalty.for_s()),
            enforced: self.enforces() && penalty.enforced,
        });
        if report.is_some_and(|report| self.world.post(&report).is_err()) {
            self.world.count(Metric::ReportsFailed.index(), 1);
        }
    }

    /// Refuses the request for something other than its findings, or only says so if not `enforced`.
    pub fn refuse(&self, denial: &Denial, enforced: bool) -> Option<Reply> {
        self.print(Some(denial), enforced, None);
        self.answer(denial, enforced)
    }

    /// The one place where an internal failure becomes an action: `onFailure` decides, and it is counted.
    pub fn fail(&self, error: HostError) -> Option<Reply> {
        let denial = Denial::Failure(error.call);
        let enforced = self.engine.config.on_failure == OnFailure::Deny;
        self.count_failure(error);
        self.print(Some(&denial), enforced, None);
        self.answer(&denial, enforced)
    }

    fn count_failure(&self, error: HostError) {
        self.world.count(Metric::Failures.index(), 1);
        if slots::is_race_lost(error) {
            self.world.count(Metric::RacesLost.index(), 1);
        }
    }

    fn answer(&self, denial: &Denial, enforced: bool) -> Option<Reply> {
        self.note(denial);
        if !enforced {
            self.world.count(Metric::Detected.index(), 1);
            self.world.note("verdict", b"detected");
            return None;
        }
        self.world.count(Metric::Denied.index(), 1);
        if let Denial::Rule { family, .. } = denial {
            self.world.count(Metric::denials(*family), 1);
        }
        self.world.note("verdict", b"denied");
        Some(reply::refusal(denial, self.form, self.subject, self.engine.config.response.status))
    }

    fn note(&self, denial: &Denial) {
        match denial {
            Denial::Rule { family, rule } => {
                self.world.note("family", family.as_str().as_bytes());
                self.world.note("rule", rule.as_bytes());
            }
            Denial::Penalty(family) => self.world.note("family", family.as_str().as_bytes()),
            Denial::Limit { name, .. } => self.world.note("limit", name.as_bytes()),
            Denial::Origin(_) | Denial::BodyTooLarge | Denial::BodyEncoded | Denial::TooCostly | Denial::Failure(_) => {
                self.world.note("rule", denial.details().as_bytes());
            }
        }
    }

    /// Prints an event unless this second has had its share.
    fn print(&self, denial: Option<&Denial>, enforced: bool, finding: Option<&Finding>) {
        if !self.engine.may_print(unix_s(self.world)) {
            self.world.count(Metric::EventsDropped.index(), 1);
            return;
        }
        let blocked = denial.is_some() && enforced;
        let mode = self.engine.config.mode.as_str();
        let outcome = Outcome { mode, blocked, score: self.score, denial };
        self.world.warn(&event(self.subject, outcome, finding));
    }
}

/// How the client wants to be told.
pub fn form(request: &Request<'_>) -> Form {
    Form::of(request.first("accept"), request.first("content-type"))
}

/// What events and answers tell of a request.
pub fn subject(request: &Request<'_>, client: Option<Client>) -> Subject {
    let owned = |name: &str| request.first(name).unwrap_or_default().to_vec();
    let trace_id = request.first("traceparent").unwrap_or_default().split(|b| *b == b'-').nth(1);
    Subject {
        method: request.method().to_vec(),
        path: request.path().to_vec(),
        host: owned(":authority"),
        request_id: owned("x-request-id"),
        trace_id: trace_id.unwrap_or_default().to_vec(),
        client: client.map(|c| c.address.to_string()).unwrap_or_default(),
    }
}

/// Now, in seconds since 1970-01-01 UTC.
pub fn unix_s(world: &dyn World) -> u64 {
    world.unix_ns() / 1_000_000_000
}
