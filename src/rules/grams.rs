//! Three neighbouring symbols: a map of those that literals are looked for by, and which of a literal's are the best for that.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::need::frequency;
use super::trigrams::OFTEN;
use crate::decode::{SYMBOLS, Traits};

/// So many grams there are: three symbols of six bits.
pub const GRAMS: usize = 1 << 18;
/// Words of 64 bits in the map of all grams.
const WORDS: usize = GRAMS / 64;

/// One bit for each gram.
#[derive(Clone, Debug)]
pub struct Map(Box<[u64; WORDS]>);

impl Map {
    /// Whether `gram` is in it.
    #[must_use]
    #[inline]
    pub fn has(&self, gram: u32) -> bool {
        self.0.get(gram as usize / 64).is_some_and(|word| word >> (gram % 64) & 1 == 1)
    }

    /// Adds `gram`.
    pub fn set(&mut self, gram: u32) {
        if let Some(word) = self.0.get_mut(gram as usize / 64) {
            *word |= 1 << (gram % 64);
        }
    }

    /// The map as words of 64 grams.
    pub fn words(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().copied()
    }

    /// The word that `gram` is in, and how many grams of that word come before it.
    #[must_use]
    pub fn below(&self, gram: u32) -> (usize, u32) {
        let (word, bit) = (gram as usize / 64, gram % 64);
        (word, self.0.get(word).map_or(0, |word| (word & (1_u64 << bit).wrapping_sub(1)).count_ones()))
    }

    /// All that are in it, in order.
    pub fn grams(&self) -> impl Iterator<Item = u32> + '_ {
        let in_word = |(word, at): (&u64, u32)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at << 6 | bit)
        };
        self.0.iter().zip(0_u32..).flat_map(in_word)
    }
}

impl Default for Map {
    fn default() -> Self {
        Self(Box::new([0; WORDS]))
    }
}

/// What is known of grams while literals are added.
#[derive(Debug)]
pub struct Grams {
    /// How often each stands in a million bytes, where that is more than what its symbols say.
    often: HashMap<u32, u16, FxBuildHasher>,
    /// How many literals share each.
    shares: HashMap<u32, u16, FxBuildHasher>,
}

impl Grams {
    /// No literal shares any yet.
    #[must_use]
    pub fn unshared() -> Self {
        let mut often = HashMap::default();
        for (per_million, texts) in OFTEN {
            for text in texts.as_bytes().as_chunks::<3>().0 {
                each_gram(text.map(|byte| Traits::of_bytes(&[byte])), &mut |gram| {
                    often.insert(gram, *per_million);
                });
            }
        }
        Self { often, shares: HashMap::default() }
    }

    /// Notes that one more literal is looked for by `gram`.
    pub fn add(&mut self, gram: u32) {
        let shares = self.shares.entry(gram).or_default();
        *shares = shares.saturating_add(1);
    }

    /// The three symbols, each one of a set, that are the best to look for, and how far before the last one the literal
    /// begins.
    #[must_use]
    pub fn rarest(&self, text: &[u8], left: bool, right: bool) -> Option<([Traits; 3], u8)> {
        let mut sets = vec![if left { LEFT } else { Traits::ALL }];
        sets.extend(text.iter().map(|byte| Traits::of_bytes(&[*byte])));
        sets.extend(right.then_some(RIGHT));
        // What stands before the literal is looked at where it says something or the literal has but two bytes.
        let skipped = usize::from(!left && sets.len() > 3);
        let windows = sets.windows(3).zip(2_u8..).skip(skipped);
        let costs = windows.filter_map(|(window, last)| {
            let window = <[Traits; 3]>::try_from(window).ok()?;
            Some((self.cost(window), window, last))
        });
        let (_, window, last) = costs.min_by(|(a, ..), (b, ..)| a.total_cmp(b))?;
        // The first set stands before the literal, so that its byte n is set n + 1.
        Some((window, last.saturating_sub(1)))
    }

    /// How often one of these grams stands in a million bytes, about, and is looked up in vain.
    fn cost(&self, window: [Traits; 3]) -> f64 {
        let mut cost = 0.0;
        each_gram(window, &mut |gram| {
            let symbols = [gram >> 12, gram >> 6 & 63, gram & 63];
            let by_symbols: f64 = symbols.map(|symbol| frequency(Traits::from_bits(1 << symbol))).iter().product();
            let known = self.often.get(&gram).map_or(0.0, |often| f64::from(*often));
            // What is not among the known ones is rarer than those.
            let often = if known > 0.0 { known } else { (by_symbols * 1e6).min(RARE_PER_MILLION) };
            let shares = self.shares.get(&gram).map_or(0, |shares| *shares);
            cost += often * f64::from(shares.saturating_add(1));
        });
        cost
    }
}

/// A gram that is not in the table stands in a million bytes at most about so often.
const RARE_PER_MILLION: f64 = 40.0;

/// What may stand before a literal that begins a word: `1or 1=1` is two words to a database.
pub const LEFT: Traits = Traits::from_bits(!Traits::WORD.bits() | Traits::of_bytes(b"09").bits());
/// What may stand after a literal that ends a word.
pub const RIGHT: Traits = Traits::from_bits(!Traits::WORD.bits());

/// Every gram of one symbol of each set.
pub fn each_gram(window: [Traits; 3], visit: &mut dyn FnMut(u32)) {
    let symbols = |set: Traits| (0..SYMBOLS as u32).filter(move |n| set.bits() >> n & 1 == 1);
    let [first, second, third] = window;
    for a in symbols(first) {
        for b in symbols(second) {
            for c in symbols(third) {
                visit(a << 12 | b << 6 | c);
            }
        }
    }
}
