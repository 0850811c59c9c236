//! The dearest inputs that were found (`make dearest` searches for more): tests/bench/dear, each repeated as often as there is room;
//! and texts that never repeat themselves.

use backstop::rules::Rule;

/// The content type under which an input is dear, and what is repeated.
pub struct Dear {
    /// The name of its file.
    pub name: &'static str,
    /// Of the body.
    pub content_type: &'static str,
    brick: &'static [u8],
}

macro_rules! dear {
    ($($name:literal $content_type:literal)*) => {
        /// Each of them.
        pub const DEAR: &[Dear] = &[$(Dear {
            name: $name,
            content_type: $content_type,
            brick: include_bytes!(concat!("../../dear/", $name, ".txt")),
        },)*];
    };
}

dear! {
    "text" ""
    "json" "application/json"
    "xml" "application/xml"
    "form" "application/x-www-form-urlencoded"
    "multipart" "multipart/form-data; boundary=b"
    "every-way" "multipart/form-data; boundary=b; x=application/x-www-form-urlencoded; y=text/xml; z=json"
}

/// Prose that nobody wrote to be dear, to see what the others are dear against.
pub const PROSE: Dear =
    Dear { name: "prose, harmless", content_type: "text/plain", brick: include_bytes!("../../../../LICENSE") };

impl Dear {
    /// So many bytes of it.
    #[must_use]
    pub fn text(&self, bytes: usize) -> Vec<u8> {
        self.brick.iter().copied().cycle().take(bytes).collect()
    }
}

/// A generator that is the same on every machine (xorshift64).
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or_default()
    }
}

/// So many bytes made of the words that `rule` looks for, whole and in part, and of single signs: what an automaton has the most
/// states for.
pub fn restless(rule: &Rule, bytes: usize, random: &mut Random) -> Vec<u8> {
    const SIGNS: &[u8] = b" (){}[]<>\"'$=;,.:/a0-";
    let words: Vec<&[u8]> = rule.needs.iter().flat_map(|need| need.texts.iter().map(|t| t.text.as_bytes())).collect();
    let mut text = Vec::new();
    while text.len() < bytes {
        match words.get(random.below(words.len() * 2)).filter(|_| !words.is_empty()) {
            Some(word) => text.extend(word.iter().take(1 + random.below(word.len()))),
            None => text.extend(SIGNS.get(random.below(SIGNS.len()))),
        }
    }
    text.truncate(bytes);
    text
}
