//! What becomes of a finding, a refusal or a failure: events, counters, notes for the access log, and the answer.

use crate::client::Client;
use crate::config::{Mode, OnFailure};
use crate::engine::{Engine, Inspection};
use crate::host::{HostError, World};
use crate::http::Request;
use crate::reply::{self, Form};
use crate::telemetry::{Histogram, Metric, Outcome, Subject, event};
use crate::verdict::{Denial, Finding, Reply};

/// A request about which something is to be told.
pub struct Case<'a> {
    pub engine: &'a Engine,
    pub world: &'a dyn World,
    pub subject: &'a Subject,
    pub form: Form,
    pub score: u32,
}

impl Case<'_> {
    /// Whether the mode of the document refuses.
    pub fn enforces(&self) -> bool {
        self.engine.config.mode == Mode::Block
    }

    /// Reports the findings of a phase, those after the `reported` first ones, and refuses the request if they say so.
    pub fn conclude(&self, inspection: &Inspection<'_>, reported: usize) -> Option<Reply> {
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
        denial.and_then(|denial| self.answer(&denial, self.enforces()))
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
        self.world.count(Metric::Failures.index(), 1);
        self.print(Some(&denial), enforced, None);
        self.answer(&denial, enforced)
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
            Denial::Limit { name, .. } => self.world.note("limit", name.as_bytes()),
            Denial::Origin(_) | Denial::BodyTooLarge | Denial::BodyEncoded | Denial::Failure(_) => {
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
