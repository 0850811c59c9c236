//! Where in a long text each need was met, by blocks, so that an expression looks only there.

/// Texts from this length on are looked at near what they hold; shorter ones whole.
pub const LONG: usize = 2048;

/// Into at most so many blocks a text is cut.
const BLOCKS: usize = 2048;
const WORDS: usize = BLOCKS / 64;
/// The smallest block has 2 to the power of this many bytes.
const MIN_SHIFT: u32 = 6;

/// One bit for each block of the text and each need.
#[derive(Clone, Debug)]
pub struct Spots {
    /// A block has 2 to the power of this many bytes; 0 if the text is short and nothing is noted.
    shift: u32,
    blocks: Vec<[u64; WORDS]>,
}

impl Spots {
    /// Room for so many needs.
    #[must_use]
    pub fn new(needs: usize) -> Self {
        Self { shift: 0, blocks: vec![[0; WORDS]; needs] }
    }

    /// Begins anew with a text of so many bytes.
    pub fn begin(&mut self, length: usize) {
        if self.shift != 0 {
            self.blocks.fill([0; WORDS]);
        }
        let blocks_at = |shift: u32| length >> shift;
        self.shift =
            if length < LONG { 0 } else { (MIN_SHIFT..usize::BITS).find(|s| blocks_at(*s) <= BLOCKS).unwrap_or(0) };
    }

    /// Whether anything is noted of this text.
    #[must_use]
    pub fn are_noted(&self) -> bool {
        self.shift != 0
    }

    /// Notes that `need` was met by what begins at `place`.
    pub fn note(&mut self, need: usize, place: usize) {
        let block = place >> self.shift;
        if let Some(word) = self.blocks.get_mut(need).and_then(|blocks| blocks.get_mut(block / 64)) {
            *word |= 1 << (block % 64);
        }
    }

    /// Notes that `need` may be met anywhere.
    pub fn note_everywhere(&mut self, need: usize) {
        self.blocks.get_mut(need).into_iter().for_each(|blocks| blocks.fill(u64::MAX));
    }

    /// Where `need` was met: beginning and end of each run of neighbouring blocks, in order.
    pub fn runs(&self, need: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let blocks = self.blocks.get(need).into_iter().flatten();
        let mut bits = blocks.zip(0_usize..).flat_map(|(word, at)| {
            (0..64_usize)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| at.saturating_mul(64).saturating_add(bit))
        });
        let mut next = bits.next();
        std::iter::from_fn(move || {
            let first = next?;
            let mut end = first.saturating_add(1);
            next = bits.next();
            while next == Some(end) {
                end = end.saturating_add(1);
                next = bits.next();
            }
            Some((first << self.shift, end << self.shift))
        })
    }
}
