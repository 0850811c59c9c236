//! Base64 (RFC 4648 sections 4 and 5).

/// The bytes of `text`, in either alphabet; nothing if any character but white space and padding at the end is not of
/// base64.
#[must_use]
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(text.len());
    let mut bits = 0_u32;
    let mut count = 0_u8;
    let mut padded = false;
    for byte in text.iter().filter(|b| !b.is_ascii_whitespace()) {
        let value = match byte {
            b'=' => {
                padded = true;
                continue;
            }
            _ if padded => return None,
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            let [byte, ..] = bits.checked_shr(u32::from(count)).unwrap_or_default().to_le_bytes();
            output.push(byte);
        }
    }
    Some(output)
}
