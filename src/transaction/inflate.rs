//! Content-Encoding (RFC 9110, 8.4.1): gzip (RFC 1952) and deflate (RFC 1950, RFC 1951) undone, up to a limit.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// How a body is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// Not at all.
    Plain,
    /// The text that it stands for, and whether that is all of it.
    Inflated {
        /// The text.
        text: Vec<u8>,
        /// Whether it ends where it says.
        whole: bool,
    },
    /// In a way that is not read here: `br`, `zstd`, several one upon the other, or not as it says.
    Unreadable,
}

/// Undoes `encoding` (the header's value, empty if there is none) of `body`, up to `max_bytes` of text: a bomb costs no
/// more than any body of that size. A body that breaks off gives what there was.
#[must_use]
pub fn inflate(encoding: &[u8], body: &[u8], max_bytes: usize) -> Encoded {
    let encoding = encoding.trim_ascii();
    let is = |name: &str| encoding.eq_ignore_ascii_case(name.as_bytes());
    let inflated = if encoding.is_empty() || is("identity") {
        return Encoded::Plain;
    } else if is("gzip") || is("x-gzip") {
        gzip(body, max_bytes)
    } else if is("deflate") {
        // Half of the world sends it without the header of zlib.
        one(body, max_bytes, TINFL_FLAG_PARSE_ZLIB_HEADER).or_else(|| one(body, max_bytes, 0))
    } else {
        None
    };
    match inflated {
        Some(Member { text, status, .. }) if !text.is_empty() => {
            Encoded::Inflated { text, whole: status == TINFLStatus::Done }
        }
        _ => Encoded::Unreadable,
    }
}

struct Member<'b> {
    text: Vec<u8>,
    status: TINFLStatus,
    rest: &'b [u8],
}

/// All members, as readers put them together; what follows the last is left out.
fn gzip(body: &[u8], max_bytes: usize) -> Option<Member<'_>> {
    let mut all = one(member(body)?, max_bytes, 0)?;
    while all.status == TINFLStatus::Done
        && let Some(next) = all.rest.get(TRAILER_BYTES..).and_then(member)
        && let Some(more) = one(next, max_bytes.saturating_sub(all.text.len()), 0)
    {
        all.text.extend_from_slice(&more.text);
        all.status = more.status;
        all.rest = more.rest;
    }
    Some(all)
}

/// Checksum and length behind each member.
const TRAILER_BYTES: usize = 8;

/// What follows a member's header (RFC 1952 section 2.3).
fn member(body: &[u8]) -> Option<&[u8]> {
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _, rest @ ..] = body else { return None };
    let has = |bit: u8| flags & bit != 0;
    let mut rest = rest;
    if has(4) {
        let [low, high, tail @ ..] = rest else { return None };
        rest = tail.get(usize::from(u16::from_le_bytes([*low, *high]))..)?;
    }
    for _ in [8, 16].into_iter().filter(|bit| has(*bit)) {
        let end = rest.iter().position(|b| *b == 0)?;
        rest = rest.get(end.saturating_add(1)..)?;
    }
    if has(2) { rest.get(2..) } else { Some(rest) }
}

/// One stream; nothing if it is broken before it gave anything.
fn one(body: &[u8], max_bytes: usize, flags: u32) -> Option<Member<'_>> {
    let mut text = vec![0; max_bytes];
    let flags = flags | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_HAS_MORE_INPUT;
    let (status, read, written) = decompress(&mut Box::<DecompressorOxide>::default(), body, &mut text, 0, flags);
    text.truncate(written);
    let is_broken = matches!(status, TINFLStatus::Failed | TINFLStatus::BadParam) && written == 0;
    (!is_broken).then(|| Member { text, status, rest: body.get(read..).unwrap_or_default() })
}
