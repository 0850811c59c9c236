//! The arithmetic of one token bucket: integers only, rounded against the client, by at most a part in 16,000.
//!
//! A bucket is a single number: the time at which it will be full again. Each admitted request moves that time one
//! token's worth further away; when it lies more than the whole bucket ahead, nothing is left. This is the generic
//! cell rate algorithm (ITU-T I.371), which is a continuous token bucket with nothing to refill.

/// Ticks in a nanosecond. The finer unit keeps the rounding of a token's time small; a clock in ticks still runs for
/// 36 years before it stands still.
const TICKS_PER_NS: u64 = 16;

/// Ticks in a second.
const TICKS_PER_S: u64 = 1_000_000_000 * TICKS_PER_NS;

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Ticks in which one token comes, rounded up, so that never more is admitted than was promised.
    token: u64,
    /// Tokens in a full bucket.
    burst: u64,
    /// Ticks in which an empty bucket fills.
    fill: u64,
}

impl Shape {
    /// The shape of `count` tokens each `period_s` seconds, holding `burst`; nothing unless all are at least 1 and
    /// such a bucket fills within [`MAX_FILL_S`](super::MAX_FILL_S).
    pub fn new(count: u64, period_s: u64, burst: u64) -> Option<Self> {
        let period = period_s.checked_mul(TICKS_PER_S)?;
        let token = period.checked_next_multiple_of(count)?.checked_div(count)?;
        let fill = token.checked_mul(burst)?;
        (token > 0 && burst > 0 && whole_seconds(fill) <= super::MAX_FILL_S).then_some(Self { token, burst, fill })
    }
}

/// A bucket at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The tick at which it is full again; in the past if it is full, such as 0.
    pub full_at: u64,
}

/// What a bucket answers to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The bucket after it gave a token, or nothing if it has none.
    pub taken: Option<Bucket>,
    /// Whole tokens that are left.
    pub remaining: u64,
    /// Ticks until there is one more than that; 0 in a full bucket.
    pub next_in: u64,
}

impl Bucket {
    /// Asks for one token at `now_ns` (monotonic). Time that stands still fills nothing, and time that runs back
    /// empties the bucket until it has caught up: no order of clock readings makes tokens.
    pub fn ask(self, shape: Shape, now_ns: u64) -> Answer {
        let now = now_ns.saturating_mul(TICKS_PER_NS);
        // max(full_at, now) only ever grows, by one token's time for each token given. Where it can grow no more,
        // time itself has come to an end, and so have the tokens.
        let taken = self.full_at.max(now).checked_add(shape.token).map(|full_at| Self { full_at });
        match taken.filter(|bucket| bucket.missing(now) <= shape.fill) {
            Some(bucket) => Answer { taken: Some(bucket), ..bucket.state(shape, now) },
            None => self.state(shape, now),
        }
    }

    /// Tokens in the bucket without asking for one.
    pub fn look(self, shape: Shape, now_ns: u64) -> Answer {
        self.state(shape, now_ns.saturating_mul(TICKS_PER_NS))
    }

    /// Ticks until the bucket is full, 0 if it is: what another client inherits who takes it over.
    pub fn missing_at(self, now_ns: u64) -> u64 {
        self.missing(now_ns.saturating_mul(TICKS_PER_NS))
    }

    fn missing(self, now: u64) -> u64 {
        self.full_at.saturating_sub(now)
    }

    fn state(self, shape: Shape, now: u64) -> Answer {
        let missing = self.missing(now);
        let there = shape.fill.saturating_sub(missing);
        let remaining = there.checked_div(shape.token).unwrap_or(0);
        let goal = remaining.saturating_add(1).min(shape.burst).saturating_mul(shape.token);
        let next_in = missing.saturating_sub(shape.fill.saturating_sub(goal));
        Answer { taken: None, remaining, next_in }
    }
}

/// Ticks as whole seconds, rounded up.
pub fn whole_seconds(ticks: u64) -> u64 {
    ticks.div_ceil(TICKS_PER_S)
}
