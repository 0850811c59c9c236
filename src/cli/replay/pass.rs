//! One pass over all recorded requests, with a progress bar where somebody watches.

use std::fmt;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::super::args::Usage;
use super::input::Input;
use super::record::Record;

/// What a pass amounted to.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Requests replayed.
    pub requests: u64,
    /// Entries that held no HTTP request.
    pub passed_over: u64,
    /// How long it took.
    pub time: Duration,
}

/// How often the bar moves.
const REQUESTS_PER_STEP: u64 = 256;

/// Calls `visit` with every request of `inputs`. A record whose flag is among `trusted` flags is not in doubt.
///
/// # Errors
/// The first thing that cannot be read.
pub fn over(
    inputs: &[Input],
    trusted: &[String],
    doing: &'static str,
    visit: &mut dyn FnMut(&mut Record),
) -> Result<Pass, Usage> {
    let total = inputs.iter().fold(0_u64, |sum, input| sum.saturating_add(input.bytes()));
    // Hidden by itself unless standard error is a terminal.
    let bar = ProgressBar::new(total).with_message(doing);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    let begin = Instant::now();
    let mut pass = Pass { requests: 0, passed_over: 0, time: Duration::ZERO };
    let mut bytes_read = 0_u64;
    for input in inputs {
        let passed_over = input.each(&mut |record, bytes| {
            record.is_doubted = !record.flag.is_empty() && !trusted.contains(&record.flag);
            visit(record);
            pass.requests = pass.requests.saturating_add(1);
            bytes_read = bytes_read.saturating_add(u64::try_from(bytes).unwrap_or_default());
            if pass.requests.is_multiple_of(REQUESTS_PER_STEP) {
                bar.set_position(bytes_read);
            }
        })?;
        pass.passed_over = pass.passed_over.saturating_add(passed_over);
    }
    bar.finish_and_clear();
    pass.time = begin.elapsed();
    Ok(pass)
}

impl Pass {
    /// How many requests a second it made.
    pub fn per_second(&self) -> u64 {
        let us = self.time.as_micros().max(1);
        u64::try_from(u128::from(self.requests).saturating_mul(1_000_000) / us).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requests, seconds) = (self.requests, self.time.as_secs_f64());
        write!(f, "{requests} requests in {seconds:.1} s, {} a second", self.per_second())?;
        if self.passed_over > 0 {
            write!(f, "; {} entries held no HTTP request and were passed over", self.passed_over)?;
        }
        Ok(())
    }
}
