//! A fixed-size set of rule indexes.

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// An empty set that can hold 0 to `size` - 1.
    pub fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    /// Adds `index`; one outside the size is not kept.
    pub fn insert(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Whether `index` is in it.
    pub fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Adds all of `other`.
    pub fn insert_all(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.0.iter().fold(0, |all, word| all.saturating_add(word.count_ones() as usize))
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether this set and `other` have anything in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(x, y)| x & y != 0)
    }

    /// What is in this set, in `a` and in `b`, in order.
    pub fn and<'s>(&'s self, a: &'s Self, b: &'s Self) -> impl Iterator<Item = usize> + 's {
        let words = self.0.iter().zip(&a.0).zip(&b.0).enumerate();
        let common = words.map(|(i, ((x, y), z))| (i, x & y & z)).filter(|(_, word)| *word != 0);
        common.flat_map(|(i, word)| ones(word).map(move |bit| i.saturating_mul(64).saturating_add(bit)))
    }
}

fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    })
}
