//! The form in which Proxy-Wasm hands header maps over: read without copying, written for local replies.
//!
//! All numbers are `u32`, little endian: the count, then for each pair the sizes of its name and value, then for each pair
//! the name, a NUL, the value, a NUL (Proxy-Wasm ABI 0.2.1, "serialized map").

use crate::http::Header;

/// Cuts a serialized map into its pairs, in order; no bytes at all are an empty map.
///
/// Nothing if the sizes do not add up to the length, or if a NUL is not where it must be. Takes time and memory linear
/// in `bytes`, whatever the numbers in it claim.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Vec<Header<'_>>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (sizes, mut text) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut pairs = Vec::with_capacity(count);
    for [a, b, c, d, e, f, g, h] in sizes.as_chunks::<8>().0 {
        let name = take(&mut text, [*a, *b, *c, *d])?;
        let value = take(&mut text, [*e, *f, *g, *h])?;
        pairs.push((name, value));
    }
    text.is_empty().then_some(pairs)
}

/// Takes that many bytes and the NUL behind them off the front of `text`.
fn take<'a>(text: &mut &'a [u8], size: [u8; 4]) -> Option<&'a [u8]> {
    let size = usize::try_from(u32::from_le_bytes(size)).ok()?;
    let (taken, rest) = text.split_at_checked(size)?;
    *text = rest.strip_prefix(b"\0")?;
    Some(taken)
}

/// Writes pairs as a serialized map.
///
/// The host takes at most 1,024 pairs and 1 MiB; more of either, or a size that does not fit 32 bits, and it reads an
/// empty map.
#[must_use]
pub fn serialize<'a>(pairs: impl Iterator<Item = Header<'a>> + Clone) -> Vec<u8> {
    let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(pairs.clone().count()).to_vec();
    for (name, value) in pairs.clone() {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for text in pairs.flat_map(|(name, value)| [name, value]) {
        bytes.extend(text);
        bytes.push(0);
    }
    bytes
}
