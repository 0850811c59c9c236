//! Content encodings: never more text than allowed, a smaller limit gives a beginning, and what was deflated comes back.

use backstop::transaction::inflate::{Encoded, inflate};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

use super::input::{Input, joined};

const ENCODINGS: &[&[u8]] = &[b"gzip", b"deflate", b"x-gzip", b" GZIP ", b"identity", b"br", b"gzip, deflate"];
const HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

pub fn seeds() -> Vec<Vec<u8>> {
    let text = b"a=1&b=2 select a, b from c ".repeat(9);
    let raw = compress_to_vec(&text, 6);
    let gzip = gzip(&raw);
    let all = [&gzip[..], &gzip].concat();
    let named = [&[0x1f, 0x8b, 8, 0b1_1110, 0, 0, 0, 0, 0, 3, 1, 0, b'x', b'n', 0, b'c', 0, 9, 9], &raw[..]].concat();
    let inputs: [(u8, &[u8]); 6] =
        [(0, &gzip), (0, &all), (0, &named), (1, &raw), (1, &compress_to_vec_zlib(&text, 1)), (4, &text)];
    inputs.iter().map(|(encoding, body)| joined(&[*encoding, 9, 200], &[body])).collect()
}

fn gzip(raw: &[u8]) -> Vec<u8> {
    [HEADER, raw, &[0; 8]].concat()
}

pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let encoding = input.choice(ENCODINGS);
    let max = input.below(16) * input.below(256);
    let body = input.rest();
    let text_of = |encoded| match encoded {
        Encoded::Inflated { text, whole } => Some((text, whole)),
        Encoded::Plain | Encoded::Unreadable | Encoded::Shredded => None,
    };
    let little = text_of(inflate(encoding, body, max));
    let much = inflate(encoding, body, max + 300);
    if let (Some((text, whole)), false) = (little, much == Encoded::Shredded) {
        let much = text_of(much);
        assert!(!text.is_empty() && text.len() <= max, "{} of {max}", text.len());
        let (more, still_whole) = much.expect("readable with a larger limit, too");
        assert!(more.starts_with(&text), "a smaller limit gives a beginning");
        assert!(!whole || still_whole && more.len() == text.len(), "nothing follows what is whole");
    }
    let raw = compress_to_vec(body, 1);
    let zlib = compress_to_vec_zlib(body, 1);
    for (encoding, packed) in [(&b"gzip"[..], gzip(&raw)), (b"deflate", zlib), (b"gzip", gzip(&raw).repeat(2))] {
        let times = if packed.len() > gzip(&raw).len() { 2 } else { 1 };
        let expected = if body.is_empty() { None } else { Some((body.repeat(times), true)) };
        assert_eq!(text_of(inflate(encoding, &packed, body.len() * times + 1)), expected, "there and back");
    }
}
