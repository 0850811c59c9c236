//! Where buckets live: a fixed number of slots in the memory that all workers of a proxy share.
//!
//! The host cannot delete and never forgets, so a key per client would grow without end. Instead each limit has
//! [`SLOTS`] slots, and a client may use any of [`PROBES`] of them, chosen by its fingerprint. If others have them
//! all, it takes over the fullest one *with the tokens that are in it*: a newcomer is refused wrongly only if all
//! four are exhausted, and no crowd of addresses, however large, is ever admitted more than all slots together allow.

use super::bucket::Bucket;
use crate::host::{HostError, SharedData};

/// Slots of a limit that has a key; a limit without one needs a single slot. The host keeps about 160 bytes for each
/// slot that was ever used, so 2.6 MB for a limit, however many clients there are.
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

/// The slots of one limit.
#[derive(Clone, Copy, Debug)]
pub struct Table<'t> {
    /// Name of the limit, which its slots are named by: a limit whose rate changes keeps its slots, so that no
    /// number of config changes makes the host's memory grow.
    pub name: &'t str,
    /// How many slots.
    pub slots: u64,
    /// Tells the buckets of this definition from those that an earlier one left behind, which count as empty slots.
    pub definition: u32,
}

/// A slot that was found for a client.
#[derive(Clone, Debug)]
pub struct Slot {
    key: String,
    expected: u32,
    /// The bucket in it.
    pub bucket: Bucket,
    /// Whether it is somebody else's bucket, and not full.
    pub taken_over: bool,
}

impl Table<'_> {
    /// Finds the bucket of the client with this fingerprint, or the slot for a new one.
    ///
    /// # Errors
    /// When the host does not answer.
    pub fn find(&self, fingerprint: u64, now_ns: u64, shared: &dyn SharedData) -> Result<Slot, HostError> {
        let mut fullest: Option<Slot> = None;
        for number in self.probes(fingerprint) {
            let key = format!("limit/{}/{number:x}", self.name);
            let (value, expected) = shared.load(&key)?.unwrap_or((Vec::new(), ABSENT));
            let (owner, bucket) = match unpack(&value) {
                Some((owner, bucket, definition)) if definition == self.definition => (owner, bucket),
                // Nothing, or nothing that means anything to this limit. Used slots never become free again, so the
                // client's bucket cannot stand in a later one.
                _ => (fingerprint, Bucket::FULL),
            };
            let taken_over = owner != fingerprint && bucket.missing_at(now_ns) > 0;
            let slot = Slot { key, expected, bucket, taken_over };
            if owner == fingerprint {
                return Ok(slot);
            }
            fullest = match fullest {
                Some(best) if best.bucket.full_at <= slot.bucket.full_at => Some(best),
                _ => Some(slot),
            };
        }
        // There is at least one probe.
        fullest.ok_or(HostError { call: "get-shared-data", status: 0 })
    }

    /// Puts `bucket` into `slot`, and says whether the slot was still as it was found.
    ///
    /// # Errors
    /// When the host does not answer.
    pub fn put(
        &self,
        slot: &Slot,
        fingerprint: u64,
        bucket: Bucket,
        shared: &dyn SharedData,
    ) -> Result<bool, HostError> {
        shared.store(&slot.key, &pack(fingerprint, bucket, self.definition), Some(slot.expected))
    }

    fn probes(&self, fingerprint: u64) -> impl Iterator<Item = u64> + use<> {
        let (slots, probes) = if self.slots > 1 { (self.slots, PROBES) } else { (1, 1) };
        let chooser = mix(fingerprint);
        (0..probes).map(move |probe| {
            let bits = chooser.checked_shr(probe.saturating_mul(BITS_PER_PROBE)).unwrap_or(0);
            (bits & 0xffff).checked_rem(slots).unwrap_or(0)
        })
    }
}

/// What is said when a write lost each time: the failure goes to the transaction, which obeys `onFailure` and counts
/// it. Neither admitting nor refusing would be right here, since nobody knows how many tokens there are.
pub fn gave_up() -> HostError {
    HostError { call: "set-shared-data", status: CAS_MISMATCH }
}

/// Spreads all bits of a fingerprint over all bits (the finalizer of `SplitMix64`).
fn mix(fingerprint: u64) -> u64 {
    let a = (fingerprint ^ (fingerprint >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}

/// 20 bytes, little endian: fingerprint, full_at, definition. Short enough for the host to keep without an allocation.
fn pack(fingerprint: u64, bucket: Bucket, definition: u32) -> Vec<u8> {
    let parts: [&[u8]; 3] = [&fingerprint.to_le_bytes(), &bucket.full_at.to_le_bytes(), &definition.to_le_bytes()];
    parts.concat()
}

fn unpack(value: &[u8]) -> Option<(u64, Bucket, u32)> {
    let (fingerprint, rest) = value.split_first_chunk()?;
    let (full_at, rest) = rest.split_first_chunk()?;
    let bucket = Bucket { full_at: u64::from_le_bytes(*full_at) };
    Some((u64::from_le_bytes(*fingerprint), bucket, u32::from_le_bytes(rest.try_into().ok()?)))
}
