//! Looking for a byte in a text, eight at a time.

/// The longest beginning of `text` whose bytes all pass `accepts`, and the rest.
#[must_use]
pub fn take_while(text: &[u8], accepts: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !accepts(*b)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

/// What stands before the first `a` or `b`, both of them ASCII, and the rest, which begins with it; looks at eight bytes at
/// a time.
#[must_use]
#[inline]
pub fn until(text: &[u8], a: u8, b: u8) -> (&[u8], &[u8]) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (all_a, all_b) = (ONES.wrapping_mul(u64::from(a)), ONES.wrapping_mul(u64::from(b)));
    let mut rest = text;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // The lowest high bit that is set is in the first byte that is zero (Warren, Hacker's Delight, 6-1).
        let zeros = (word ^ all_a).wrapping_sub(ONES) | (word ^ all_b).wrapping_sub(ONES);
        let found = zeros & !word & ONES << 7;
        if found != 0 {
            rest = rest.get(found.trailing_zeros() as usize / 8..).unwrap_or_default();
            return split_before(text, rest);
        }
        rest = tail;
    }
    split_before(text, take_while(rest, |byte| byte != a && byte != b).1)
}

/// What of `text` stands before `rest`, which is its end, and `rest`.
#[inline]
fn split_before<'t>(text: &'t [u8], rest: &'t [u8]) -> (&'t [u8], &'t [u8]) {
    (text.get(..text.len().wrapping_sub(rest.len())).unwrap_or(text), rest)
}
