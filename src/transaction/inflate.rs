//! Content-Encoding (RFC 9110, 8.4.1): gzip (RFC 1952) and deflate (RFC 1950, RFC 1951) undone, up to a limit.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
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
    /// In so many blocks for so little text that no encoder wrote it: each block costs as much to read as kilobytes of
    /// text, whether it holds any or not.
    Shredded,
}

/// So many blocks are read whatever they hold, and one more for each [`BYTES_PER_BLOCK`] of text. Encoders put tens of
/// kilobytes into a block, and where a program flushes after each line they make two blocks of it.
const FREE_BLOCKS: usize = 256;
/// Bytes of text that pay for a block.
const BYTES_PER_BLOCK: usize = 128;

/// Undoes `encoding` (the header's value, empty if there is none) of `body`, up to `max_bytes` of text: a bomb costs no
/// more than any body of that size. A body that breaks off gives what there was.
#[must_use]
pub fn inflate(encoding: &[u8], body: &[u8], max_bytes: usize) -> Encoded {
    let encoding = encoding.trim_ascii();
    let is = |name: &str| encoding.eq_ignore_ascii_case(name.as_bytes());
    if encoding.is_empty() || is("identity") {
        return Encoded::Plain;
    }
    let mut inflater = Inflater::new(max_bytes);
    let status = if is("gzip") || is("x-gzip") {
        inflater.gzip(body)
    } else if is("deflate") {
        // Half of the world sends it without the header of zlib.
        inflater.one(body, TINFL_FLAG_PARSE_ZLIB_HEADER).or_else(|| inflater.one(body, 0)).map(|(status, _)| status)
    } else {
        None
    };
    match status {
        _ if inflater.is_shredded() => Encoded::Shredded,
        Some(status) if inflater.written > 0 => {
            inflater.text.truncate(inflater.written);
            Encoded::Inflated { text: inflater.text, whole: status == TINFLStatus::Done }
        }
        _ => Encoded::Unreadable,
    }
}

/// One text that several streams write to, one after the other.
struct Inflater {
    text: Vec<u8>,
    written: usize,
    /// Blocks and streams read so far.
    blocks: usize,
    state: Box<DecompressorOxide>,
}

impl Inflater {
    fn new(max_bytes: usize) -> Self {
        Self { text: vec![0; max_bytes], written: 0, blocks: 0, state: Box::default() }
    }

    fn is_shredded(&self) -> bool {
        self.blocks > FREE_BLOCKS.saturating_add(self.written / BYTES_PER_BLOCK)
    }

    /// All members, as readers put them together; what follows the last is left out. How the last one ended, or nothing
    /// if there is none.
    fn gzip(&mut self, body: &[u8]) -> Option<TINFLStatus> {
        let (mut status, mut rest) = self.one(member(body)?, 0)?;
        while status == TINFLStatus::Done
            && !self.is_shredded()
            && let Some(next) = rest.get(TRAILER_BYTES..).and_then(member)
            && let Some(more) = self.one(next, 0)
        {
            (status, rest) = more;
        }
        Some(status)
    }

    /// One stream: how it ended and what follows it; nothing if it is broken before it gave anything.
    fn one<'b>(&mut self, body: &'b [u8], flags: u32) -> Option<(TINFLStatus, &'b [u8])> {
        let flags = flags
            | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
            | TINFL_FLAG_HAS_MORE_INPUT
            | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        self.state.init();
        // No stream sees what the one before it wrote.
        let text = self.text.get_mut(self.written..).unwrap_or_default();
        let (mut rest, mut out) = (body, 0_usize);
        let status = loop {
            let (status, read, written) = decompress(&mut self.state, rest, text, out, flags);
            rest = rest.get(read..).unwrap_or_default();
            out = out.saturating_add(written);
            self.blocks = self.blocks.saturating_add(1);
            let paid = self.written.saturating_add(out) / BYTES_PER_BLOCK;
            if status != TINFLStatus::BlockBoundary || self.blocks > FREE_BLOCKS.saturating_add(paid) {
                break status;
            }
        };
        self.written = self.written.saturating_add(out);
        let is_broken = matches!(status, TINFLStatus::Failed | TINFLStatus::BadParam) && out == 0;
        (!is_broken).then_some((status, rest))
    }
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
