//! What inspecting a request may still cost, so that no input whatever takes longer than it may.
//!
//! What a byte or a step of each kind of work costs stands beside that work. The numbers come from a fit, by least squares, to the
//! time of some 1,500 inputs, honest and dear ones, in native code, and were then raised until none of the dear ones took longer than
//! it was charged for; `make dearest` says how good that is.

/// Work that is left to do, in units of about a seventh of a nanosecond of a core. It is counted by the bytes and steps that the
/// work has, never by a clock, so that the same request is judged alike on every machine and however busy one is.
#[derive(Clone, Copy, Debug)]
pub struct Effort(u64);

impl Effort {
    /// So many units take about a millisecond, rather less than more: of what was found, the dearest takes its effort by the clock,
    /// and what people send seven tenths.
    pub const UNITS_OF_MS: u64 = 6_500_000;

    /// So many units.
    #[must_use]
    pub const fn new(units: u64) -> Self {
        Self(units)
    }

    /// More than anything needs: for whoever explains, and for tests.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(u64::MAX)
    }

    /// Takes so many units away.
    #[inline]
    pub fn spend(&mut self, units: u64) {
        self.0 = self.0.saturating_sub(units);
    }

    /// Takes so many units away for each of so many bytes.
    #[inline]
    pub fn spend_on(&mut self, bytes: usize, units: u64) {
        self.spend((bytes as u64).saturating_mul(units));
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.0 == 0
    }

    /// What is left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.0
    }
}
