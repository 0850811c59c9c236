//! The state of a host: what the module is handed, what is made to fail, and what came of it.

use std::collections::HashMap;
use std::rc::Rc;

use fastrand::Rng;
use wasmtime::{ResourceLimiter, Result};

use crate::faults::{CAS_MISMATCH, Call, NOT_FOUND, Plan, STATUSES};
use crate::module::Exports;

/// How long this machine runs already: where its monotonic clock stands.
const UPTIME_NS: u64 = 1_000_000_000_000;

/// What the module answers to a request callback that must not go on.
pub const PAUSE: u32 = 1;

/// What the module is handed when it asks.
#[derive(Clone)]
pub struct Brought {
    pub headers: Rc<[u8]>,
    pub trailers: Rc<[u8]>,
    pub call_headers: Rc<[u8]>,
    pub body: Rc<[u8]>,
    pub config: Rc<[u8]>,
    pub peer: Rc<[u8]>,
}

impl Default for Brought {
    fn default() -> Self {
        let nothing: Rc<[u8]> = Rc::from([]);
        Self {
            headers: nothing.clone(),
            trailers: nothing.clone(),
            call_headers: nothing.clone(),
            body: nothing.clone(),
            config: nothing,
            peer: Rc::from(*b"192.0.2.1:1024"),
        }
    }
}

/// What the running callback did.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Answers in place of the application, status and details.
    pub replies: Vec<(u32, String)>,
    /// Such answers that the host did not take.
    pub replies_not_taken: u32,
    /// Calls in order.
    pub made: Vec<Call>,
    /// Calls that failed and that backstop must count.
    pub failures: u64,
    /// Those among them that read or wrote what workers share: of a penalty that is noted they change no answer.
    pub shared_failures: u64,
    /// Calls that failed, all of them.
    pub failed: u64,
}

/// How far memory may grow.
pub struct MemoryLimit(pub usize);

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= self.0)
    }

    fn table_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}

/// The host of one VM.
pub struct Host {
    pub random: Rng,
    pub plan: Plan,
    pub brought: Brought,
    pub seen: Seen,
    pub clock_ns: u64,
    /// Whether clocks jump, other workers write in between, and callbacks come amid host calls.
    pub is_wild: bool,
    /// Whether all of a buffer is handed over, however little was asked for.
    pub gives_all: bool,
    pub memory_limit: MemoryLimit,
    pub exports: Option<Exports>,
    /// What no module should ask for.
    pub complaints: Vec<String>,
    /// All calls so far, those that failed, and those of them that backstop must count.
    pub calls: u64,
    pub failed_calls: u64,
    pub failures: u64,
    pub shared: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    pub cas: u32,
    pub metrics: Vec<Rc<str>>,
    pub counted: HashMap<Rc<str>, u64>,
    /// Calls of the planned kind so far in this callback.
    planned: u32,
    pub inside: bool,
}

impl Host {
    /// A host that is well-behaved until told otherwise.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            plan: Plan::Nothing,
            brought: Brought::default(),
            seen: Seen::default(),
            clock_ns: UPTIME_NS,
            is_wild: false,
            gives_all: false,
            memory_limit: MemoryLimit(usize::MAX),
            exports: None,
            complaints: Vec::new(),
            calls: 0,
            failed_calls: 0,
            failures: 0,
            shared: HashMap::new(),
            cas: 0,
            metrics: Vec::new(),
            counted: HashMap::new(),
            planned: 0,
            inside: false,
        }
    }

    /// A callback begins.
    pub fn begin(&mut self) {
        self.planned = 0;
        self.seen.replies.clear();
        self.seen.made.clear();
        self.seen = Seen {
            replies: std::mem::take(&mut self.seen.replies),
            made: std::mem::take(&mut self.seen.made),
            ..Seen::default()
        };
    }

    /// What a counter has come to.
    pub fn counter(&self, name: &str) -> u64 {
        self.counted.get(name).copied().unwrap_or(0)
    }

    /// Forgets what workers share, as if the proxy had just started.
    pub fn forget_shared(&mut self) {
        self.shared.clear();
    }

    /// The status that the plan has for this call. `counts` says whether backstop must count its failure.
    pub fn fault(&mut self, call: Call, counts: bool) -> Option<u32> {
        let status = match self.plan {
            Plan::Nothing => return None,
            Plan::One { call: planned, skip, every, status } => {
                if call != planned {
                    return None;
                }
                let before = self.planned;
                self.planned += 1;
                if before < skip || (!every && before > skip) {
                    return None;
                }
                status
            }
            Plan::Some { per_mille, counted_only } => {
                if (counted_only && !counts) || self.random.u32(..1000) >= per_mille {
                    return None;
                }
                STATUSES[self.random.usize(..STATUSES.len())]
            }
        };
        // These two are answers: nothing is stored, and somebody else was faster.
        let is_answer = matches!((call, status), (Call::GetShared, NOT_FOUND) | (Call::SetShared, CAS_MISMATCH));
        if is_answer && matches!(self.plan, Plan::Some { counted_only: true, .. }) {
            return None;
        }
        self.has_failed(counts && !is_answer);
        if counts && !is_answer && matches!(call, Call::GetShared | Call::SetShared) {
            self.seen.shared_failures += 1;
        }
        Some(status)
    }

    pub fn has_failed(&mut self, counts: bool) {
        self.failed_calls += 1;
        self.seen.failed += 1;
        if counts {
            self.failures += 1;
            self.seen.failures += 1;
        }
    }

    pub fn now(&mut self) -> u64 {
        self.clock_ns = match self.random.u32(..if self.is_wild { 2000 } else { 1 }) {
            1 => self.random.u64(..),
            2 => u64::MAX,
            3 => 0,
            _ => self.clock_ns.wrapping_add(self.random.u64(..2_000_000)),
        };
        self.clock_ns
    }

    pub fn complain(&mut self, what: String) {
        if self.complaints.len() < 10 {
            self.complaints.push(what);
        }
    }

    /// Text that goes into a header or a log line must not end it.
    pub fn look_for_controls(&mut self, what: &str, text: &[u8]) {
        if text.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
            self.complain(format!("{what} with control characters: {}", text.escape_ascii()));
        }
    }
}
