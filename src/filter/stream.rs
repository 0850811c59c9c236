//! One HTTP stream: reads what a phase brings, asks the transaction, and does what it says.

use std::rc::Rc;

use super::abi;
use super::codes::{Action, MapType};
use super::pairs;
use super::world::HostWorld;
use crate::engine::Engine;
use crate::host::{HostError, Sink};
use crate::http::Header;
use crate::telemetry::Histogram;
use crate::transaction::Transaction;
use crate::verdict::{self, Denial, Reply};

const NS_PER_US: u64 = 1000;

/// A stream, and what decides about it.
pub struct HttpStream {
    id: u32,
    /// Nothing if the plugin has no config, which Envoy should not let happen: such a stream is refused.
    running: Option<(Transaction, Rc<HostWorld>)>,
    /// Whether the stream has been refused: from then on nothing passes and nothing is asked.
    decided: bool,
    /// Nanoseconds spent on the stream so far, if it is timed.
    spent_ns: Option<u64>,
}

impl HttpStream {
    /// A stream that has not begun.
    pub fn new(id: u32, running: Option<(Rc<Engine>, Rc<HostWorld>)>, timed: bool) -> Self {
        let running = running.map(|(engine, world)| (Transaction::new(engine), world));
        Self { id, running, decided: false, spent_ns: timed.then_some(0) }
    }

    /// The head of the request has come.
    pub fn on_request_headers(&mut self, end_of_stream: bool) -> Action {
        self.ask(|transaction, world| {
            with_pairs(MapType::RequestHeaders, |headers| transaction.on_request_headers(headers, end_of_stream, world))
        })
    }

    /// A part of the body has come.
    pub fn on_request_body(&mut self, held_bytes: usize, end_of_stream: bool) -> Action {
        self.ask(|transaction, world| transaction.on_request_body(held_bytes, end_of_stream, world))
    }

    /// The trailers of the request have come, and with them its end.
    pub fn on_request_trailers(&mut self) -> Action {
        self.ask(|transaction, world| {
            let action = transaction.on_body_end(world);
            if action != verdict::Action::Continue || !transaction.awaits_trailers() {
                return action;
            }
            with_pairs(MapType::RequestTrailers, |trailers| transaction.on_request_trailers(trailers, world))
        })
    }

    /// A response begins. It may be the filter's own, and that one is complete.
    pub fn on_response_headers(&mut self) {
        let Some((transaction, _)) = self.running.as_mut().filter(|_| !self.decided) else { return };
        for (name, value) in transaction.on_response_headers() {
            // What only informs the client is never a reason to spoil its response.
            let _ = abi::add_header(MapType::ResponseHeaders, name, &value);
        }
    }

    /// The stream is over.
    pub fn on_delete(&self) {
        let Some((transaction, world)) = &self.running else { return };
        transaction.on_end(world.as_ref());
        if let Some(spent_ns) = self.spent_ns {
            world.observe(Histogram::InspectionUs.index(), spent_ns / NS_PER_US);
        }
    }

    /// Lets the transaction decide, if it has not yet, does what it says, and takes the time if the stream is timed.
    fn ask(&mut self, phase: impl FnOnce(&mut Transaction, &HostWorld) -> verdict::Action) -> Action {
        if self.decided {
            return Action::Pause;
        }
        let began = self.spent_ns.and_then(|_| abi::monotonic_time_ns().ok());
        let action = self.decide(phase);
        if let (Some(began), Some(spent)) = (began, &mut self.spent_ns) {
            *spent = spent.saturating_add(abi::monotonic_time_ns().map_or(0, |now| now.saturating_sub(began)));
        }
        action
    }

    fn decide(&mut self, phase: impl FnOnce(&mut Transaction, &HostWorld) -> verdict::Action) -> Action {
        let action = match &mut self.running {
            Some((transaction, world)) => {
                world.enter(self.id);
                phase(transaction, world)
            }
            None => verdict::Action::Deny(bare(503, Denial::Failure("no-config").details())),
        };
        match action {
            verdict::Action::Continue => Action::Continue,
            verdict::Action::Hold => Action::Pause,
            verdict::Action::Gather => Action::PauseUnderPressure,
            verdict::Action::Deny(reply) => {
                self.decided = true;
                refuse(reply);
                Action::Pause
            }
        }
    }
}

/// Answers with `reply` in place of the application; the stream must be stopped.
///
/// Where the host does not take it (Envoy does so only if it cannot read our memory), it gets a second one without headers
/// and body. If it does not take that either, the stream stays stopped: nothing reaches the application, and
/// Envoy's buffer limit or idle timeout ends it. Letting it pass is never the answer to a failed denial.
fn refuse(reply: Reply) {
    let sent =
        abi::send_local_response(&reply).or_else(|_| abi::send_local_response(&bare(reply.status, reply.details)));
    if let Err(error) = sent {
        log::error!("backstop: a request is held without an answer: {error}");
    }
}

fn bare(status: u32, details: String) -> Reply {
    Reply { status, headers: Vec::new(), body: Vec::new(), details, grpc_status: None }
}

/// Hands the pairs of a header map to `then`, cut out of the one buffer that the host gave.
pub fn with_pairs<T>(map: MapType, then: impl FnOnce(Result<&[Header<'_>], HostError>) -> T) -> T {
    let bytes = match abi::header_map(map) {
        Ok(bytes) => bytes,
        Err(error) => return then(Err(error)),
    };
    match pairs::parse(&bytes) {
        Some(pairs) => then(Ok(&pairs)),
        None => then(Err(HostError { call: "get-header-map-pairs", status: 0 })),
    }
}
