//! Header maps as the host writes them: what is read is written back the same.

use backstop::filter::pairs::{parse, serialize};
use backstop::http::Header;

pub fn seeds() -> Vec<Vec<u8>> {
    let pairs: [&[Header<'_>]; 3] = [&[], &[(b"a", b"1")], &[(b":path", b"/"), (b"", b""), (b"cookie", b"a=1")]];
    pairs.iter().map(|pairs| serialize(pairs.iter().copied())).collect()
}

pub fn run(bytes: &[u8]) {
    let Some(pairs) = parse(bytes) else { return };
    assert!(pairs.len() * 10 <= bytes.len(), "no more pairs than there is room for");
    let written = serialize(pairs.iter().copied());
    assert_eq!(written, if bytes.is_empty() { &[0; 4] } else { bytes });
}
