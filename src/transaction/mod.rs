//! One request over its phases: what is done in which order, and what is kept for later.
//!
//! Order in the head: the origin secret and forged hand-over headers off the request, mode, origin, exempt paths,
//! client, penalty, limits, rules, hand-over. The body is held by the host until enough of it is there, and then read once. Nothing is held that is not going to be inspected.

mod body;
mod case;
pub mod inflate;

use std::rc::Rc;

use body::{Body, Progress};
use case::{Case, form, subject};
use inflate::{Encoded, inflate};

use crate::client::Client;
use crate::config::{LimitHeaders, Mode, Oversize, Unreadable};
use crate::engine::{Engine, Inspection};
use crate::handover;
use crate::host::{HostError, World};
use crate::http::{Header, Request};
use crate::limit;
use crate::origin;
use crate::path::{Path, Pattern};
use crate::reply::Form;
use crate::rules::effort::Effort;
use crate::telemetry::{Metric, Subject};
use crate::verdict::{Action, Denial, Finding, Reply};

/// One request.
#[derive(Debug)]
pub struct Transaction {
    engine: Rc<Engine>,
    state: State,
    /// What the client is told about its limits, whoever answers.
    limit_headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
enum State {
    /// Nothing is looked at: no head has come, or it is exempt, or the mode is off.
    Ignored,
    /// Nothing more is looked at.
    Passing,
    /// The body is being gathered, or has been inspected and trailers may follow.
    Body(Box<Pending>),
    /// backstop gave the answer.
    Decided,
}

/// What later phases need of the head, which is gone by then.
#[derive(Debug)]
struct Pending {
    subject: Subject,
    client: Option<Client>,
    form: Form,
    path: Vec<u8>,
    content_type: Vec<u8>,
    content_encoding: Vec<u8>,
    body: Body,
    /// Found so far; the score goes on from there.
    findings: Vec<Finding>,
    score: u32,
    /// What is left of it for the body and the trailers.
    effort: Effort,
    /// Whether the body still has to show that it is gRPC, as its content type says.
    claims_grpc: bool,
    /// Whether the body passes from here on; trailers are looked at all the same.
    inspected: bool,
}

impl Transaction {
    /// A request that is about to come.
    #[must_use]
    pub fn new(engine: Rc<Engine>) -> Self {
        Self { engine, state: State::Ignored, limit_headers: Vec::new() }
    }

    /// The head has come. `end_of_stream` says that neither body nor trailers follow.
    pub fn on_request_headers(
        &mut self,
        headers: Result<&[Header<'_>], HostError>,
        end_of_stream: bool,
        world: &dyn World,
    ) -> Action {
        let engine = Rc::clone(&self.engine);
        match headers {
            Ok(headers) => {
                let head = Head { engine: &engine, request: Request { headers }, world };
                let reply = self.head(&head, end_of_stream);
                match (self.obey(reply.err()), &self.state) {
                    (Action::Continue, State::Body(pending)) if pending.holds_headers(&engine) => Action::Hold,
                    (action, _) => action,
                }
            }
            Err(error) => {
                let subject = Subject::default();
                let (form, client) = (Form::Json, None);
                let case = Case { engine: &engine, world, subject: &subject, client, form, score: 0 };
                self.state = State::Passing;
                self.obey(case.fail(error))
            }
        }
    }

    /// Body has come; `came_bytes` counts all that is held after [`Action::Hold`], and what is new after
    /// [`Action::Gather`].
    pub fn on_request_body(&mut self, came_bytes: usize, end_of_stream: bool, world: &dyn World) -> Action {
        let engine = Rc::clone(&self.engine);
        let State::Body(pending) = &mut self.state else { return Action::Continue };
        if pending.claims_grpc && came_bytes > 0 {
            pending.claims_grpc = false;
            match world.body(1) {
                Ok(first) => pending.inspected |= is_grpc_message(&first),
                Err(error) => return self.inspect_body(Err(error), false, world),
            }
        }
        if pending.inspected {
            return Action::Continue;
        }
        match pending.body.on_data(came_bytes, end_of_stream, &engine, world) {
            Ok(Progress::More(action)) => action,
            Ok(Progress::Enough { prefix, goes_on }) => self.inspect_body(Ok(prefix), goes_on, world),
            Err(error) => self.inspect_body(Err(error), false, world),
        }
    }

    /// Whether trailers would be looked at, so that the host is asked for them.
    #[must_use]
    pub fn awaits_trailers(&self) -> bool {
        matches!(self.state, State::Body(_))
    }

    /// Trailers have come, so the body is whole, whatever its last call said. They need not be read if this refuses.
    pub fn on_body_end(&mut self, world: &dyn World) -> Action {
        match &mut self.state {
            State::Body(pending) if !pending.inspected => {
                let body = pending.body.on_trailers(world);
                self.inspect_body(body, false, world)
            }
            _ => Action::Continue,
        }
    }

    /// The trailers themselves, once the body has ended.
    pub fn on_request_trailers(&mut self, trailers: Result<&[Header<'_>], HostError>, world: &dyn World) -> Action {
        match self.on_body_end(world) {
            Action::Continue => self.inspect_trailers(trailers, world),
            action => action,
        }
    }

    /// The stream is over, however it ended: what became of the request is counted, unless it was when it was decided.
    pub fn on_end(&self, world: &dyn World) {
        match &self.state {
            State::Ignored | State::Decided => {}
            State::Body(pending) if !pending.inspected => world.count(Metric::Abandoned.index(), 1),
            State::Passing | State::Body(_) => world.count(Metric::Passed.index(), 1),
        }
    }

    /// Headers to add to the answer of the application.
    pub fn on_response_headers(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.limit_headers)
    }

    /// The head, step by step; a step that refuses breaks off with the answer.
    fn head(&mut self, head: &Head<'_>, end_of_stream: bool) -> Result<(), Reply> {
        let (engine, request, world) = (head.engine, &head.request, head.world);
        let path = Path::normalise(request.path());
        head.strip_origin_secret()?;
        head.strip_forged_marks(&path)?;
        if engine.config.mode == Mode::Off {
            return Ok(());
        }
        let origin_passed = head.check_origin(&path)?;
        if Pattern::exempts(&engine.config.exempt, &path) {
            world.count(Metric::Exempt.index(), 1);
            return Ok(());
        }
        let client = head.or_fail(engine.config.client.identify(request, origin_passed, world), None)?.flatten();
        if client.is_some_and(|client| client.is_allowed(&engine.config.client)) {
            world.count(Metric::Exempt.index(), 1);
            return Ok(());
        }
        head.check_penalty(client)?;
        self.limit_headers = head.check_limits(&path, client)?;
        let now = || case::unix_s(world);
        let mut inspection = Inspection::new(&path, &now);
        inspection.effort = engine.effort(&path);
        engine.inspect_head(request, &mut inspection);
        head.conclude(&inspection, client)?;
        head.hand_over(&path, client, inspection.score)?;
        self.state = State::Passing;
        if end_of_stream {
            return Ok(());
        }
        let limits = engine.body_limits(&path);
        let form = form(request);
        let inspected = limits.inspect_bytes == 0 || is_endless(request);
        let declared = request.first("content-length").and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
        let body = Body::new(limits, declared);
        if !inspected && form != Form::Grpc && limits.oversize == Oversize::Deny && body.is_declared_too_large() {
            head.refuse(&Denial::BodyTooLarge, client)?;
        }
        self.state = State::Body(Box::new(Pending {
            subject: subject(request, client),
            client,
            form,
            path: request.path().to_vec(),
            content_type: request.joined("content-type"),
            content_encoding: request.joined("content-encoding"),
            body,
            findings: inspection.findings,
            score: inspection.score,
            effort: inspection.effort,
            claims_grpc: form == Form::Grpc,
            inspected,
        }));
        Ok(())
    }

    /// Inspects a body, or the beginning of one that `goes_on`.
    fn inspect_body(&mut self, body: Result<Vec<u8>, HostError>, goes_on: bool, world: &dyn World) -> Action {
        let State::Body(mut pending) = std::mem::replace(&mut self.state, State::Passing) else {
            return Action::Continue;
        };
        let engine = Rc::clone(&self.engine);
        let case = pending.case(&engine, world);
        let body = match body {
            Ok(body) => body,
            Err(error) => return self.obey(case.fail(error)),
        };
        if goes_on
            && pending.body.limits.oversize == Oversize::Deny
            && let Some(reply) = case.refuse(&Denial::BodyTooLarge, case.enforces())
        {
            return self.obey(Some(reply));
        }
        let encoded = inflate(&pending.content_encoding, &body, pending.body.limits.inspect_bytes);
        if matches!(encoded, Encoded::Unreadable | Encoded::Shredded) {
            world.count(Metric::BodiesEncoded.index(), 1);
            if (encoded == Encoded::Shredded || pending.body.limits.encoded == Unreadable::Deny)
                && let Some(reply) = case.refuse(&Denial::BodyEncoded, case.enforces())
            {
                return self.obey(Some(reply));
            }
        }
        world.count(if goes_on { Metric::BodiesPartial } else { Metric::BodiesInspected }.index(), 1);
        pending.inspected = true;
        pending.body.release();
        let content_type = std::mem::take(&mut pending.content_type);
        let inspect = |inspection: &mut Inspection<'_>| {
            if let Encoded::Inflated { text, whole } = &encoded {
                inspection.effort.spend_on(text.len(), UNITS_OF_INFLATED_BYTE);
                engine.inspect_body(&content_type, text, *whole, inspection);
            }
            // As it came, too: most applications never look at the encoding, so that it may lie.
            engine.inspect_body(&content_type, &body, !goes_on, inspection);
        };
        let reply = self.inspect_more(pending, world, inspect);
        self.obey(reply)
    }

    fn inspect_trailers(&mut self, trailers: Result<&[Header<'_>], HostError>, world: &dyn World) -> Action {
        let State::Body(pending) = std::mem::replace(&mut self.state, State::Passing) else {
            return Action::Continue;
        };
        let engine = Rc::clone(&self.engine);
        let reply = match trailers {
            Ok(headers) => {
                let trailers = Request { headers };
                self.inspect_more(pending, world, |inspection| engine.inspect_head(&trailers, inspection))
            }
            Err(error) => pending.case(&engine, world).fail(error),
        };
        self.obey(reply)
    }

    /// Goes on with an inspection that the head began, and keeps what trailers may still need.
    fn inspect_more(
        &mut self,
        mut pending: Box<Pending>,
        world: &dyn World,
        inspect: impl FnOnce(&mut Inspection<'_>),
    ) -> Option<Reply> {
        let engine = Rc::clone(&self.engine);
        let reported = pending.findings.len();
        let path_bytes = std::mem::take(&mut pending.path);
        let path = Path::normalise(&path_bytes);
        let now = || case::unix_s(world);
        let mut inspection = Inspection::new(&path, &now);
        inspection.findings = std::mem::take(&mut pending.findings);
        inspection.score = pending.score;
        inspection.effort = pending.effort;
        inspect(&mut inspection);
        pending.score = inspection.score;
        let was_spent = pending.effort.is_spent();
        pending.effort = inspection.effort;
        let reply = pending.case(&engine, world).conclude(&inspection, reported, was_spent);
        pending.findings = inspection.findings;
        drop(path);
        pending.path = path_bytes;
        if reply.is_none() {
            self.state = State::Body(pending);
        }
        reply
    }

    fn obey(&mut self, reply: Option<Reply>) -> Action {
        match reply {
            None => Action::Continue,
            Some(mut reply) => {
                self.state = State::Decided;
                reply.headers.append(&mut self.limit_headers);
                Action::Deny(reply)
            }
        }
    }
}

/// What a byte costs that is inflated.
const UNITS_OF_INFLATED_BYTE: u64 = 50;

impl Pending {
    /// Whether the head is held with the body. A gRPC stream may await an answer before its first message.
    fn holds_headers(&self, engine: &Engine) -> bool {
        engine.config.body.hold_headers && !self.inspected && !self.claims_grpc
    }

    fn case<'a>(&'a self, engine: &'a Engine, world: &'a dyn World) -> Case<'a> {
        Case { engine, world, subject: &self.subject, client: self.client, form: self.form, score: self.score }
    }
}

/// The head of a request while it is at hand.
struct Head<'a> {
    engine: &'a Engine,
    request: Request<'a>,
    world: &'a dyn World,
}

impl Head<'_> {
    /// Before anything can let the request go: the secret never reaches the application.
    fn strip_origin_secret(&self) -> Result<(), Reply> {
        let origin = &self.engine.config.origin;
        if !origin.is_enabled() || self.request.first(origin.header()).is_none() {
            return Ok(());
        }
        self.or_fail(self.world.remove_header(origin.header()), None).map(|_| ())
    }

    /// Before anything can let the request go: later filters believe these headers. That a request is critical holds
    /// in every mode and for everybody.
    fn strip_forged_marks(&self, path: &Path<'_>) -> Result<(), Reply> {
        let Some(handover) = &self.engine.config.handover else { return Ok(()) };
        let forged = handover::Settings::forged(&self.request).try_for_each(|name| self.world.remove_header(name));
        let marked = forged.and_then(|()| match handover.critical(&self.request, path) {
            Some((name, value)) => self.world.add_header(name, &value),
            None => Ok(()),
        });
        self.or_fail(marked, None).map(|_| ())
    }

    /// Tells later filters what is known of a request that goes on.
    fn hand_over(&self, path: &Path<'_>, client: Option<Client>, score: u32) -> Result<(), Reply> {
        let config = &self.engine.config;
        let Some(handover) = &config.handover else { return Ok(()) };
        let group = client.map(|client| client.group_text(&config.client));
        let mut marks = handover.marks(group, path, score);
        self.or_fail(marks.try_for_each(|(name, value)| self.world.add_header(name, &value)), client).map(|_| ())
    }

    /// Whether the request is proven to have come through the CDN.
    fn check_origin(&self, path: &Path<'_>) -> Result<bool, Reply> {
        let outcome = self.engine.config.origin.check(&self.request, path, &self.engine.accepted);
        let metric = match outcome {
            origin::Outcome::Off => return Ok(false),
            origin::Outcome::Exempt => Metric::OriginExempt,
            origin::Outcome::Passed => Metric::OriginPassed,
            origin::Outcome::Missing => Metric::OriginMissing,
            origin::Outcome::Wrong => Metric::OriginWrong,
            origin::Outcome::Repeated => Metric::OriginRepeated,
        };
        self.world.count(metric.index(), 1);
        if let Some(word) = outcome.denial() {
            self.refuse(&Denial::Origin(word), None)?;
        }
        Ok(outcome == origin::Outcome::Passed)
    }

    /// Whether the client is refused for what it did before; before limits, so that it uses up nobody's tokens.
    fn check_penalty(&self, client: Option<Client>) -> Result<(), Reply> {
        let config = &self.engine.config;
        let (Some(penalty), Some(who)) = (&config.penalty, client) else { return Ok(()) };
        let checked = penalty.check(who.group(&config.client), self.world, self.world);
        let Some(family) = self.or_fail(checked, client)?.flatten() else { return Ok(()) };
        self.world.count(Metric::Penalised.index(), 1);
        let denial = Denial::Penalty(family);
        answered(self.with_case(client, 0, |case| case.refuse(&denial, case.enforces() && penalty.enforced)))
    }

    /// Takes a token of every limit that applies; what the client is to be told comes back.
    fn check_limits(&self, path: &Path<'_>, client: Option<Client>) -> Result<Vec<(&'static str, String)>, Reply> {
        let config = &self.engine.config;
        let mode = if config.mode == Mode::Block { limit::Mode::Block } else { limit::Mode::Detect };
        let address = client.map(|client| client.group(&config.client));
        let subject_of_limit = limit::Subject { path, request: &self.request, client: address, mode };
        let checked = config.limits.check(&subject_of_limit, self.world, self.world);
        let Some(decisions) = self.or_fail(checked, client)? else { return Ok(Vec::new()) };
        let headers = match config.limit_headers {
            LimitHeaders::Off => Vec::new(),
            LimitHeaders::Draft03 => limit::draft03(&decisions),
            LimitHeaders::Draft11 => limit::draft11(&decisions),
        };
        for decision in &decisions {
            if !decision.allowed {
                self.world.count(Metric::limited(decision.index), 1);
            } else if decision.is_near() {
                self.world.count(Metric::near_limit(config.limits.names().count(), decision.index), 1);
            }
            if decision.taken_over {
                self.world.count(Metric::LimitsTakenOver.index(), 1);
            }
        }
        // One that refuses comes before those that only would.
        let over = limit::refusal(&decisions).or_else(|| decisions.iter().find(|decision| !decision.allowed));
        if let Some(decision) = over {
            let denial = Denial::Limit { name: decision.name.to_owned(), retry_after_s: decision.reset_s.max(1) };
            if let Some(mut reply) = self.with_case(client, 0, |case| case.refuse(&denial, decision.enforced)) {
                reply.headers.extend(headers);
                return Err(reply);
            }
        }
        Ok(headers)
    }

    fn conclude(&self, inspection: &Inspection<'_>, client: Option<Client>) -> Result<(), Reply> {
        // Most requests end here, without a copy of anything.
        if inspection.findings.is_empty() && inspection.excluded.is_empty() && !inspection.effort.is_spent() {
            return Ok(());
        }
        answered(self.with_case(client, inspection.score, |case| case.conclude(inspection, 0, false)))
    }

    fn refuse(&self, denial: &Denial, client: Option<Client>) -> Result<(), Reply> {
        answered(self.with_case(client, 0, |case| case.refuse(denial, case.enforces())))
    }

    /// The value of a host call; nothing if it failed and the request may go on all the same.
    fn or_fail<T>(&self, result: Result<T, HostError>, client: Option<Client>) -> Result<Option<T>, Reply> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => answered(self.with_case(client, 0, |case| case.fail(error))).map(|()| None),
        }
    }

    fn with_case<T>(&self, client: Option<Client>, score: u32, then: impl FnOnce(&Case<'_>) -> T) -> T {
        let subject = subject(&self.request, client);
        let (engine, world) = (self.engine, self.world);
        then(&Case { engine, world, subject: &subject, client, form: form(&self.request), score })
    }
}

fn answered(reply: Option<Reply>) -> Result<(), Reply> {
    reply.map_or(Ok(()), Err)
}

/// Streams without an end, whose messages are no document: holding them would hang the application. An upgrade or
/// CONNECT speaks another protocol afterwards. gRPC may stream for hours, but see [`is_grpc_message`].
fn is_endless(request: &Request<'_>) -> bool {
    request.method() == b"CONNECT" || request.first("upgrade").is_some() || request.first(":protocol").is_some()
}

/// Whether a body begins as a gRPC message does, with the byte that says whether it is compressed (gRPC over HTTP/2,
/// "Length-Prefixed-Message"). No JSON, form or XML begins so: one that is only called gRPC is inspected like any body.
fn is_grpc_message(body: &[u8]) -> bool {
    matches!(body, [0 | 1, ..])
}
