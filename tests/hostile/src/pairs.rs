//! Serialized header maps, as a host writes them, and as one that is broken does.

use fastrand::Rng;

/// Names and values.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A well-formed map.
pub fn write(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let number = |size: usize| u32::try_from(size).expect("a small size").to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text);
        bytes.push(0);
    }
    bytes
}

/// Whether a reader may accept these bytes: all sizes add up and every text ends with a NUL. Written apart from the
/// module's own reader, to hold it against.
pub fn is_well_formed(bytes: &[u8]) -> bool {
    let word = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let Some(count) = word(0) else { return bytes.is_empty() };
    if count > bytes.len() {
        return false;
    }
    let mut at = 4 + 8 * count;
    for size in (0..2 * count).map(|index| word(4 + 4 * index)) {
        let Some(size) = size else { return false };
        at += size;
        if bytes.get(at) != Some(&0) {
            return false;
        }
        at += 1;
    }
    at == bytes.len()
}

/// The ways in which [`spoil`] does it.
pub const SPOILERS: usize = 8;

/// The same map with something wrong: sizes, count, terminators, length, or any byte.
pub fn spoil(mut bytes: Vec<u8>, way: usize, random: &mut Rng) -> Vec<u8> {
    let at = random.usize(..bytes.len().max(1));
    match way {
        0 => bytes.truncate(at),
        1 => bytes.push(random.u8(..)),
        2 => bytes.splice(..4.min(bytes.len()), u32::MAX.to_le_bytes()).for_each(drop),
        3 => bytes.splice(..4.min(bytes.len()), (random.u32(..200)).to_le_bytes()).for_each(drop),
        4 if bytes.len() >= 12 => bytes.splice(4..8, u32::MAX.to_le_bytes()).for_each(drop),
        5 if bytes.len() >= 12 => bytes.splice(8..12, (random.u32(..100)).to_le_bytes()).for_each(drop),
        6 => bytes.splice(bytes.len().saturating_sub(1).., [b'x']).for_each(drop),
        _ => {
            for _ in 0..=random.usize(..4) {
                let at = random.usize(..bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.u8(..);
                }
            }
        }
    }
    bytes
}
