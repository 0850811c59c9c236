//! Local limits: token buckets that all workers of one proxy share.
//!
//! All limits whose paths match apply, and a request is admitted only if each has a token for it. A request that any
//! enforced limit refuses takes a token from none: who is refused by one limit does not use up another, and the order
//! of the list does not matter. Budgets are per proxy: ten pods admit ten times as much.
//!
//! A client whose slots others have all takes over the fullest bucket, the one that was left alone for longest, *with
//! the tokens that are in it*: a newcomer is refused wrongly only if all are exhausted, and no crowd of addresses is
//! ever admitted more than all slots together allow.

#![deny(clippy::arithmetic_side_effects, reason = "a limit that overflows is no limit")]

mod bucket;
mod headers;
mod key;
mod read;

pub use headers::{draft03, draft11};

use std::net::IpAddr;

use self::bucket::{Answer, Bucket, Shape, whole_seconds};
use self::key::Part;
use crate::host::{Clock, HostError, SharedData};
use crate::http::Request;
use crate::path::{Path, Pattern};
use crate::slots::{self, ATTEMPTS, SLOTS, Slot, Table};

/// How many limits there may be; each costs two host calls on the requests that it applies to.
pub const MAX_LIMITS: usize = 32;

/// The largest count in a rate, whatever its unit.
pub const MAX_COUNT: u64 = 1_000_000;

/// The largest burst.
pub const MAX_BURST: u64 = 1_000_000;

/// The longest time that a bucket may take to fill: 30 days. A proxy rarely lives longer, and its buckets die with it.
pub const MAX_FILL_S: u64 = 30 * 24 * 60 * 60;

/// The list `limits` of the config; empty if it is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    limits: Vec<Limit>,
}

/// Whether a limit refuses, or only says that it would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refuses.
    Block,
    /// Counts and lets pass. An exhausted bucket stays exhausted, as if it had refused.
    Detect,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    name: String,
    /// What its slots are named by.
    table: String,
    /// What clients are told about it.
    policy: String,
    /// Empty: every path.
    paths: Vec<Pattern>,
    /// Empty: one bucket for the whole proxy.
    key: Vec<Part>,
    shape: Shape,
    burst: u64,
    /// Seconds in which an empty bucket fills, rounded up.
    window_s: u64,
    /// Hash of rate, burst and key.
    definition: u32,
    /// Nothing: that of the document.
    mode: Option<Mode>,
}

/// What a request is limited by.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'r> {
    /// Its path in normal form.
    pub path: &'r Path<'r>,
    /// Its head.
    pub request: &'r Request<'r>,
    /// The client's address, cut to the prefix that counts as one client. Limits keyed by client put all requests
    /// without an address into one bucket.
    pub client: Option<IpAddr>,
    /// The mode of limits that set none.
    pub mode: Mode,
}

/// What one limit said of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'s> {
    /// Name of the limit.
    pub name: &'s str,
    /// What `ratelimit-policy` says of it.
    pub policy: &'s str,
    /// Its place in the list.
    pub index: usize,
    /// Whether it had a token.
    pub allowed: bool,
    /// Whether a request without one is refused.
    pub enforced: bool,
    /// Whether it counts by something, or has one bucket for the whole proxy.
    pub keyed: bool,
    /// Tokens in a full bucket.
    pub burst: u64,
    /// Seconds in which an empty bucket fills, rounded up.
    pub window_s: u64,
    /// Whole tokens left.
    pub remaining: u64,
    /// Seconds until there is one more, rounded up; 0 only if the bucket is full.
    pub reset_s: u64,
    /// Whether the request took over a bucket that another client had not given time to fill: too many clients for
    /// the table.
    pub taken_over: bool,
}

impl Decision<'_> {
    /// Whether the request was admitted with less than a fifth of the burst left, after it: this limit is near.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.allowed && self.remaining.saturating_mul(5) < self.burst
    }

    /// Seconds after which a refused client succeeds if nobody else takes the token, rounded up, at least 1; nothing
    /// if this limit did not refuse.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        (self.enforced && !self.allowed).then_some(self.reset_s.max(1))
    }
}

/// The decision that refuses the request: of several, the one that takes longest to change.
#[must_use]
pub fn refusal<'d, 's>(decisions: &'d [Decision<'s>]) -> Option<&'d Decision<'s>> {
    decisions.iter().filter(|d| d.retry_after_s().is_some()).max_by_key(|d| d.retry_after_s())
}

impl Settings {
    /// Names of the limits, in the order of the list; [`Decision::index`] counts in it.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.limits.iter().map(|l| l.name.as_str())
    }

    /// Asks every limit that applies, in the order of the list, and takes the tokens if none refuses.
    ///
    /// Costs one load per limit (up to four where a new client meets a crowded table), and one store if admitted.
    ///
    /// # Errors
    /// When the host does not answer, or when other workers were faster each of a few times. Tokens that other limits
    /// gave before that are lost.
    pub fn check(
        &self,
        subject: &Subject<'_>,
        clock: &dyn Clock,
        shared: &dyn SharedData,
    ) -> Result<Vec<Decision<'_>>, HostError> {
        let applies = |limit: &Limit| limit.paths.is_empty() || limit.paths.iter().any(|p| p.matches(subject.path));
        let mut trials: Vec<Trial<'_>> = Vec::with_capacity(self.limits.len());
        let mut now_ns = None;
        for (index, limit) in self.limits.iter().enumerate().filter(|(_, limit)| applies(limit)) {
            let now_ns = *now_ns.get_or_insert_with(|| clock.monotonic_ns());
            // Most limits count by the same: the client.
            let same = trials.iter().find(|trial| trial.limit.key == limit.key).map(|trial| trial.fingerprint);
            let fingerprint = same.unwrap_or_else(|| key::fingerprint(&limit.key, subject));
            let slot = limit.table().find(fingerprint, fullest_first, shared)?;
            let answer = bucket(&slot).ask(limit.shape, now_ns);
            let enforced = limit.mode.unwrap_or(subject.mode) == Mode::Block;
            trials.push(Trial { index, limit, enforced, fingerprint, now_ns, slot, answer, taken: false });
        }
        if !trials.iter().any(Trial::refuses) {
            for trial in &mut trials {
                trial.take(shared)?;
                if trial.refuses() {
                    break;
                }
            }
        }
        Ok(trials.iter().map(Trial::decision).collect())
    }
}

/// A limit at work on one request.
struct Trial<'s> {
    index: usize,
    limit: &'s Limit,
    enforced: bool,
    fingerprint: u64,
    now_ns: u64,
    slot: Slot,
    answer: Answer,
    taken: bool,
}

impl<'s> Trial<'s> {
    fn refuses(&self) -> bool {
        self.enforced && self.answer.taken.is_none()
    }

    /// Takes the token, looking again each time another worker changed the bucket meanwhile.
    fn take(&mut self, shared: &dyn SharedData) -> Result<(), HostError> {
        let table = self.limit.table();
        for _ in 0..ATTEMPTS {
            let Some(taken) = self.answer.taken else { return Ok(()) };
            if table.put(&self.slot, self.fingerprint, taken.full_at, shared)? {
                self.taken = true;
                return Ok(());
            }
            self.slot = table.find(self.fingerprint, fullest_first, shared)?;
            self.answer = bucket(&self.slot).ask(self.limit.shape, self.now_ns);
        }
        // The transaction obeys `onFailure`: neither admitting nor refusing would be right here, since nobody knows
        // how many tokens there are.
        Err(slots::gave_up())
    }

    fn decision(&self) -> Decision<'s> {
        let bucket = bucket(&self.slot);
        let left = if self.taken { self.answer } else { bucket.look(self.limit.shape, self.now_ns) };
        Decision {
            name: &self.limit.name,
            policy: &self.limit.policy,
            index: self.index,
            allowed: self.answer.taken.is_some(),
            enforced: self.enforced,
            keyed: !self.limit.key.is_empty(),
            burst: self.limit.burst,
            window_s: self.limit.window_s,
            remaining: left.remaining,
            reset_s: whole_seconds(left.next_in),
            taken_over: self.taken && self.slot.foreign && bucket.missing_at(self.now_ns) > 0,
        }
    }
}

impl Limit {
    fn table(&self) -> Table<'_> {
        let slots = if self.key.is_empty() { 1 } else { SLOTS };
        Table { name: &self.table, slots, definition: self.definition }
    }
}

/// What a slot holds for a limit; the number of an empty one is a full bucket.
fn bucket(slot: &Slot) -> Bucket {
    Bucket { full_at: slot.number }
}

/// The bucket that is, or will be, full first is worth least.
fn fullest_first(full_at: u64) -> u64 {
    full_at
}
