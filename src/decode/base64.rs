//! Base64 (RFC 4648 sections 4 and 5).

/// The bytes of `text`, in either alphabet; nothing if any character but white space and padding at the end is not of
/// base64.
#[must_use]
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = Decoder::default();
    let mut output = Vec::with_capacity(text.len());
    let mut padded = false;
    for byte in text.iter().filter(|b| !b.is_ascii_whitespace()) {
        match byte {
            b'=' => padded = true,
            _ if padded => return None,
            _ => output.extend(decoder.next(*byte)?),
        }
    }
    Some(output)
}

/// The shortest value that is plainly base64: twelve bytes of text by chance are one token in a hundred thousand.
pub(super) const MIN_TEXT: usize = 16;

/// Of so many bytes one need not be text.
const TEXT_PER_OTHER: usize = 20;

/// Text of more lines is a file that somebody sends: its content is no value of anybody's query or command.
const MAX_LINE_FEEDS: usize = 2;

/// The text of which `value` is plainly the base64: one alphabet, whole groups or right padding, and what comes out is
/// text (printable ASCII or UTF-8, white space, one other byte in [`TEXT_PER_OTHER`], [`MAX_LINE_FEEDS`]). Most values show after a few
/// bytes that they are no such thing.
pub fn text(value: &[u8]) -> Option<Vec<u8>> {
    let padding = value.iter().rev().take_while(|b| **b == b'=').count();
    let digits = value.get(..value.len().saturating_sub(padding))?;
    let fits = matches!((digits.len() % 4, padding), (0, 0) | (2, 0 | 2) | (3, 0 | 1));
    if !fits || digits.len().saturating_add(padding) < MIN_TEXT {
        return None;
    }
    if !begins_as_text(digits) {
        return None;
    }
    let mut decoder = Decoder::default();
    let mut output = Vec::with_capacity(digits.len());
    let (mut standard, mut url_safe) = (false, false);
    let (mut others, mut line_feeds) = (0_usize, 0_usize);
    for digit in digits {
        standard |= matches!(digit, b'+' | b'/');
        url_safe |= matches!(digit, b'-' | b'_');
        let Some(byte) = decoder.next(*digit)? else { continue };
        if is_control(byte) {
            others = others.saturating_add(1);
            if others > output.len() / TEXT_PER_OTHER {
                return None;
            }
        }
        line_feeds = line_feeds.saturating_add(usize::from(byte == b'\n'));
        if line_feeds > MAX_LINE_FEEDS {
            return None;
        }
        output.push(byte);
    }
    others = output.utf8_chunks().fold(others, |all, chunk| all.saturating_add(chunk.invalid().len()));
    (!(standard && url_safe) && others <= output.len() / TEXT_PER_OTHER).then_some(output)
}

/// Whether the first bytes are text without exception: tokens, digests and images end here, at no cost worth naming.
fn begins_as_text(digits: &[u8]) -> bool {
    let mut decoder = Decoder::default();
    let mut start = [b' '; MIN_TEXT / 4 * 3];
    for (place, group) in start.as_chunks_mut::<3>().0.iter_mut().zip(digits.as_chunks::<4>().0) {
        let [_, a, b, c] = group.map(|digit| decoder.next(digit).unwrap_or(Some(0)).unwrap_or_default());
        *place = [a, b, c];
        if place.iter().any(|byte| is_control(*byte)) {
            return false;
        }
    }
    str::from_utf8(&start).err().is_none_or(|error| error.error_len().is_none())
}

fn is_control(byte: u8) -> bool {
    byte == 0x7f || byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

#[derive(Default)]
struct Decoder {
    bits: u32,
    count: u8,
}

impl Decoder {
    /// Takes a digit and gives the byte that it completes, if it does; nothing if it is no digit.
    fn next(&mut self, digit: u8) -> Option<Option<u8>> {
        let value = match digit {
            b'A'..=b'Z' => digit.wrapping_sub(b'A'),
            b'a'..=b'z' => digit.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => digit.wrapping_sub(b'0').wrapping_add(52),
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        self.bits = self.bits << 6 | u32::from(value);
        self.count = self.count.saturating_add(6);
        if self.count < 8 {
            return Some(None);
        }
        self.count = self.count.saturating_sub(8);
        let [byte, ..] = self.bits.checked_shr(u32::from(self.count)).unwrap_or_default().to_le_bytes();
        Some(Some(byte))
    }
}
