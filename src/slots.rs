//! A fixed number of slots in the memory that all workers of a proxy share, each with a number for one client.
//!
//! The host cannot delete and never forgets, so a key per client would grow without end. Instead a table has a fixed
//! number of slots, and a client may use any of [`PROBES`] of them, chosen by its fingerprint. If others have them all,
//! the one of least value to its table is taken over. No crowd of addresses, however large, makes memory grow.

use crate::host::{HostError, SharedData};

/// Slots of a table that has many. The host keeps about 160 bytes for each slot that was ever used, so 2.6 MB for a
/// table, however many clients there are.
pub const SLOTS: u64 = 16_384;

/// Slots that one client may use.
const PROBES: u32 = 4;

/// Bits of a fingerprint's hash that choose one slot.
const BITS_PER_PROBE: u32 = u64::BITS / PROBES;

/// How often a write is tried again after another worker was faster. Each time it was, that worker got on.
pub const ATTEMPTS: usize = 16;

/// The status of a write that lost each time (`CasMismatch` of the Proxy-Wasm ABI 0.2.1).
const CAS_MISMATCH: u32 = 8;

/// A number that no stored value has: the host counts up from 1, and would need four thousand million writes. A write
/// that expects it succeeds only where there is nothing yet, since the host compares numbers of existing keys only.
const ABSENT: u32 = u32::MAX;

/// The slots of one limit, or of something else that counts.
#[derive(Clone, Copy, Debug)]
pub struct Table<'t> {
    /// What its slots are named by: something that changes its definition keeps its slots, so that no number of config
    /// changes makes the host's memory grow.
    pub name: &'t str,
    /// How many slots.
    pub slots: u64,
    /// Tells the numbers of this definition from those that an earlier one left behind, which count as empty slots.
    pub definition: u32,
}

/// A slot that was found for a client.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    index: u16,
    expected: u32,
    /// The number in it, 0 if it is empty.
    pub number: u64,
    /// Whether that is the number of somebody else.
    pub foreign: bool,
}

impl Table<'_> {
    /// Finds the slot of the client with this fingerprint, or else one that it may take: an empty one, or of those of
    /// others the one whose number has the least `value`.
    ///
    /// # Errors
    /// When the host does not answer.
    pub fn find<V: Ord>(
        &self,
        fingerprint: u64,
        value: impl Fn(u64) -> V,
        shared: &dyn SharedData,
    ) -> Result<Slot, HostError> {
        let mut least: Option<Slot> = None;
        for index in self.probes(fingerprint) {
            let (stored, expected) = shared.load(self.name, index)?.unwrap_or((Vec::new(), ABSENT));
            let (owner, number) = match unpack(&stored) {
                Some((owner, number, definition)) if definition == self.definition => (owner, number),
                // Nothing, or nothing that means anything to this table. Used slots never become free again, so the
                // client's number cannot stand in a later one.
                _ => (fingerprint, 0),
            };
            let slot = Slot { index, expected, number, foreign: owner != fingerprint };
            if !slot.foreign {
                return Ok(slot);
            }
            least = match least {
                Some(best) if value(best.number) <= value(slot.number) => Some(best),
                _ => Some(slot),
            };
        }
        // There is at least one probe.
        least.ok_or(HostError { call: "get-shared-data", status: 0 })
    }

    /// Puts `number` into `slot`, and says whether the slot was still as it was found.
    ///
    /// # Errors
    /// When the host does not answer.
    pub fn put(&self, slot: &Slot, fingerprint: u64, number: u64, shared: &dyn SharedData) -> Result<bool, HostError> {
        let value = pack(fingerprint, number, self.definition);
        shared.store(self.name, slot.index, &value, Some(slot.expected))
    }

    fn probes(&self, fingerprint: u64) -> impl Iterator<Item = u16> + use<> {
        let (slots, probes) = if self.slots > 1 { (self.slots, PROBES) } else { (1, 1) };
        let chooser = mix(fingerprint);
        (0..probes).map(move |probe| {
            let bits = chooser.checked_shr(probe.saturating_mul(BITS_PER_PROBE)).unwrap_or(0);
            (bits & 0xffff).checked_rem(slots).and_then(|index| u16::try_from(index).ok()).unwrap_or(0)
        })
    }
}

/// What is said when a write lost each of [`ATTEMPTS`] times.
#[must_use]
pub fn gave_up() -> HostError {
    HostError { call: "set-shared-data", status: CAS_MISMATCH }
}

/// Whether that is what `error` says.
#[must_use]
pub fn is_race_lost(error: HostError) -> bool {
    error == gave_up()
}

/// Spreads all bits of a fingerprint over all bits (the finalizer of `SplitMix64`).
fn mix(fingerprint: u64) -> u64 {
    let a = (fingerprint ^ (fingerprint >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}

/// 20 bytes, little endian: fingerprint, number, definition. Short enough for the host to keep without an allocation.
fn pack(fingerprint: u64, number: u64, definition: u32) -> [u8; 20] {
    let mut packed = [0; 20];
    let parts = [&fingerprint.to_le_bytes()[..], &number.to_le_bytes(), &definition.to_le_bytes()];
    packed.chunks_mut(8).zip(parts).for_each(|(to, part)| to.copy_from_slice(part));
    packed
}

fn unpack(value: &[u8]) -> Option<(u64, u64, u32)> {
    let (fingerprint, rest) = value.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let definition = u32::from_le_bytes(rest.try_into().ok()?);
    Some((u64::from_le_bytes(*fingerprint), u64::from_le_bytes(*number), definition))
}
