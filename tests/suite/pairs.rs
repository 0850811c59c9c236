//! Serialized header maps: what is written is read back, and what does not add up is refused.

use backstop::filter::pairs::{parse, serialize};
use backstop::http::Header;

const MAPS: &[&[Header<'static>]] = &[
    &[],
    &[(b"", b"")],
    &[(b":path", b"/a?b=c"), (b"cookie", b"a=1"), (b"cookie", b"a=2")],
    &[(b"x-bytes", b"\x80\xff\xc0\xa7"), (b"x-nul", b"a\0b"), (b"x-empty", b"")],
];

fn bytes_of(map: &[Header<'_>]) -> Vec<u8> {
    serialize(map.iter().copied())
}

#[test]
fn bytes_are_those_of_the_abi() {
    let map: &[Header<'_>] = &[(b"ab", b"c"), (b"d", b"")];
    let expected = b"\x02\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0ab\0c\0d\0\0";
    assert_eq!(bytes_of(map), expected);
    assert_eq!(parse(expected).as_deref(), Some(map));
}

#[test]
fn what_is_written_is_read_back() {
    for map in MAPS {
        assert_eq!(parse(&bytes_of(map)).as_deref(), Some(*map));
    }
}

#[test]
fn no_bytes_are_an_empty_map() {
    assert_eq!(parse(b""), Some(Vec::new()));
}

#[test]
fn every_cut_and_every_surplus_is_refused() {
    for map in MAPS {
        let bytes = bytes_of(map);
        for end in 1..bytes.len() {
            assert_eq!(parse(&bytes[..end]), None, "{map:?} cut to {end} bytes");
        }
        assert_eq!(parse(&[bytes.as_slice(), b"\0"].concat()), None, "{map:?} and one byte more");
    }
}

#[test]
fn hostile_numbers_are_refused() {
    for bytes in [
        b"\xff\xff\xff\xff".as_slice(),
        b"\xff\xff\xff\x1f\0\0\0\0\0\0\0\0\0\0",
        b"\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xffa\0b\0",
        b"\x01\0\0\0\x01\0\0\0\xff\xff\xff\xffa\0b\0",
        b"\x01\0\0\0\x02\0\0\0\x01\0\0\0a\0b\0",
        b"\x01\0\0\0\x01\0\0\0\x01\0\0\0aXb\0",
        b"\x01\0\0\0\x01\0\0\0\x01\0\0\0a\0bX",
    ] {
        assert_eq!(parse(bytes), None, "{bytes:?}");
    }
}

#[test]
fn any_changed_byte_gives_a_map_that_fits_or_nothing() {
    for map in MAPS {
        let bytes = bytes_of(map);
        for place in 0..bytes.len() {
            for value in [0, 1, 2, 8, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] = value;
                if let Some(pairs) = parse(&changed) {
                    assert_eq!(bytes_of(&pairs), changed, "{map:?} with {value} at {place}");
                }
            }
        }
    }
}
