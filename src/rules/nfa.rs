//! An expression as an automaton of positions: it steps by bytes only, so that what may be under way is a plain set of positions.

use std::collections::BTreeMap;

use super::packed::{Packed, Range};

/// An automaton after Glushkov (The abstract theory of automata, 1961): one position for each byte or class that stands in the
/// expression, and edges to the positions that may come next. What an expression asks of the place between two bytes (a word's
/// edge, the start of the text) stands at the edge.
#[derive(Clone, Debug)]
pub struct Nfa {
    /// Bytes that no position tells apart are of one class.
    classes: [u8; 256],
    /// What the bytes of each class are to a [`look`], by its bits.
    kinds: Vec<u8>,
    /// For each class so many words as there are 32 sets of bytes, with a bit for each set that the class belongs to.
    accepts: Vec<u32>,
    /// The set of bytes that each position stands for.
    set_of: Vec<u8>,
    /// Where the edges of each position begin, and where the last one's end.
    from: Vec<u16>,
    /// Where each edge leads.
    edges: Vec<u16>,
    /// What must hold where an edge is taken, as bits of [`look`]; empty if nothing ever must.
    looks: Vec<u16>,
}

/// Where a search stands that looks for matches which begin just here.
pub const HERE: u16 = 0;
/// Where a search stands that looks for matches which begin anywhere from here on.
pub const ANYWHERE: u16 = 1;
/// Reached once a match has ended: with the byte behind it, or with the end of the text.
pub const MATCH: u16 = 2;

impl Nfa {
    /// The automaton that was packed.
    #[must_use]
    pub fn new(packed: &Packed) -> Self {
        // Most positions take two bytes packed and have one edge.
        let room = packed.as_bytes().len();
        let (mut set_of, mut from) = (Vec::with_capacity(room / 2), Vec::with_capacity(room / 2));
        let (mut edges, mut looks) = (Vec::with_capacity(room / 2), Vec::with_capacity(room / 2));
        let mut sets = Vec::new();
        let ignore_case = packed.read(&mut |range| sets.push(range), &mut |set, next| {
            set_of.push(set);
            from.push(count(&edges));
            edges.extend(next.iter().map(|(to, _)| to));
            looks.extend(next.iter().map(|(_, asked)| asked));
        });
        from.push(count(&edges));
        let asked = looks.iter().fold(0, |all, looks| all | looks);
        if asked == 0 {
            looks.clear();
        }
        let Classes { classes, kinds, accepts } = Classes::new(&sets, look::told_apart(asked), ignore_case);
        [&mut from, &mut edges, &mut looks].into_iter().for_each(Vec::shrink_to_fit);
        set_of.shrink_to_fit();
        Self { classes, kinds, accepts, set_of, from, edges, looks }
    }

    /// How much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let two =
            [&self.from, &self.edges, &self.looks].iter().fold(0_usize, |all, of| all.saturating_add(of.capacity()));
        let one = self.set_of.capacity().saturating_add(self.kinds.capacity()).saturating_add(size_of::<Self>());
        two.saturating_mul(2).saturating_add(self.accepts.capacity().saturating_mul(4)).saturating_add(one)
    }

    /// Whether an edge asks for anything.
    #[must_use]
    pub fn has_looks(&self) -> bool {
        !self.looks.is_empty()
    }

    /// How many classes of bytes there are.
    #[must_use]
    pub fn class_count(&self) -> usize {
        self.kinds.len()
    }

    /// How many positions there are.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.set_of.len()
    }

    /// The class of `byte`.
    #[inline]
    #[must_use]
    pub fn class(&self, byte: u8) -> usize {
        self.classes.get(usize::from(byte)).copied().unwrap_or_default().into()
    }

    /// What bytes of `class` are to looks.
    #[must_use]
    pub fn kind(&self, class: usize) -> u8 {
        self.kinds.get(class).copied().unwrap_or_default()
    }

    /// The edges of `position`: where each leads, and what it asks for.
    pub fn edges(&self, position: u16) -> impl Iterator<Item = (u16, u16)> + '_ {
        let at = usize::from(position);
        let begin = self.from.get(at).copied().unwrap_or_default().into();
        let end = self.from.get(at.saturating_add(1)).copied().unwrap_or_default().into();
        let looks = self.looks.get(begin..end).unwrap_or_default();
        let edges = self.edges.get(begin..end).unwrap_or_default();
        edges.iter().enumerate().map(move |(i, to)| (*to, looks.get(i).copied().unwrap_or_default()))
    }

    /// The sets of bytes that `class` belongs to.
    #[must_use]
    pub fn accepted(&self, class: usize) -> &[u32] {
        let words = self.accepts.len().checked_div(self.kinds.len()).unwrap_or_default();
        let begin = class.saturating_mul(words);
        self.accepts.get(begin..begin.saturating_add(words)).unwrap_or_default()
    }

    /// Whether `position` stands for a byte of the sets of [`Nfa::accepted`].
    #[inline]
    #[must_use]
    pub fn stands(&self, position: u16, accepted: &[u32]) -> bool {
        let set = self.set_of.get(usize::from(position)).copied().unwrap_or_default();
        accepted.get(usize::from(set / 32)).is_some_and(|word| word >> (set % 32) & 1 == 1)
    }
}

/// The classes of bytes of an automaton: see [`Nfa`].
struct Classes {
    classes: [u8; 256],
    kinds: Vec<u8>,
    accepts: Vec<u32>,
}

impl Classes {
    /// Those that ranges of bytes make, given in the order of their sets, and the kinds of bytes that are `told_apart`.
    fn new(sets: &[Range], told_apart: u8, ignore_case: bool) -> Self {
        let words = sets.last().map_or(0, |(set, _)| usize::from(set / 32)).saturating_add(1);
        // For each byte, the sets that it belongs to.
        let mut rows = vec![0_u32; words.saturating_mul(256)];
        for (set, bytes) in sets {
            for row in
                rows.chunks_mut(words).take(usize::from(*bytes.end()).saturating_add(1)).skip((*bytes.start()).into())
            {
                if let Some(word) = row.get_mut(usize::from(set / 32)) {
                    *word |= 1 << (set % 32);
                }
            }
        }
        let (mut kinds, mut accepts, mut classes) = (Vec::new(), Vec::new(), [0; 256]);
        let mut numbers: BTreeMap<(&[u32], u8), u8> = BTreeMap::new();
        let mut before = None;
        for ((byte, class), row) in (0..=u8::MAX).zip(&mut classes).zip(rows.chunks(words)) {
            let bytes = (row, look::kind(byte) & told_apart);
            let number = before.filter(|(like, _)| *like == bytes).map(|(_, number)| number);
            *class = number.unwrap_or_else(|| {
                *numbers.entry(bytes).or_insert_with(|| {
                    kinds.push(bytes.1);
                    accepts.extend_from_slice(row);
                    // There are no more than bytes.
                    u8::try_from(kinds.len().saturating_sub(1)).unwrap_or(u8::MAX)
                })
            });
            before = Some((bytes, *class));
        }
        if ignore_case {
            for capital in b'A'..=b'Z' {
                let small = classes.get(usize::from(capital.to_ascii_lowercase())).copied().unwrap_or_default();
                if let Some(class) = classes.get_mut(usize::from(capital)) {
                    *class = small;
                }
            }
        }
        Self { classes, kinds, accepts }
    }
}

/// How many edges there are so far; nothing is packed that has more than can be told.
fn count(edges: &[u16]) -> u16 {
    u16::try_from(edges.len()).unwrap_or(u16::MAX)
}

/// What an expression may ask of the place between two bytes: the ASCII ones of the regex crate's look-arounds, by its own bits.
pub mod look {
    /// That the text begins there.
    pub const START: u16 = 1;

    /// The byte belongs to a word.
    pub const WORD: u8 = 1;
    /// The byte is a line feed.
    pub const LF: u8 = 2;
    /// The byte is a carriage return.
    pub const CR: u8 = 4;
    /// It is no byte but the text's start or end.
    pub const EDGE: u8 = 8;

    /// What a byte is.
    #[must_use]
    pub const fn kind(byte: u8) -> u8 {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => WORD,
            b'\n' => LF,
            b'\r' => CR,
            _ => 0,
        }
    }

    /// Whether all of `looks` hold between a byte of the kind `before` and one of the kind `behind`.
    #[must_use]
    pub fn hold(looks: u16, before: u8, behind: u8) -> bool {
        bits(looks).all(|bit| holds(bit, before, behind))
    }

    /// The numbers of the bits that are set.
    fn bits(looks: u16) -> impl Iterator<Item = u32> {
        let rest = std::iter::successors(Some(looks), |rest| Some(rest & rest.wrapping_sub(1)));
        rest.take_while(|rest| *rest != 0).map(u16::trailing_zeros)
    }

    fn holds(bit: u32, before: u8, behind: u8) -> bool {
        let is = |kind: u8, of: u8| kind & of != 0;
        match bit {
            0 => is(before, EDGE),
            1 => is(behind, EDGE),
            2 => is(before, EDGE | LF),
            3 => is(behind, EDGE | LF),
            4 => is(before, EDGE | LF) || is(before, CR) && !is(behind, LF),
            5 => is(behind, EDGE | CR) || is(behind, LF) && !is(before, CR),
            6 => is(before, WORD) != is(behind, WORD),
            7 => is(before, WORD) == is(behind, WORD),
            10 => !is(before, WORD) && is(behind, WORD),
            11 => is(before, WORD) && !is(behind, WORD),
            14 => !is(before, WORD),
            15 => !is(behind, WORD),
            // Those of Unicode; no expression here has them.
            _ => false,
        }
    }

    /// What of the kind of the byte before is of interest to `looks`.
    #[must_use]
    pub fn before(looks: u16) -> u8 {
        let of = |bit: u32| match bit {
            0 => EDGE,
            2 => EDGE | LF,
            4 => EDGE | LF | CR,
            5 => CR,
            6 | 7 | 10 | 11 | 14 => WORD,
            _ => 0,
        };
        bits(looks).fold(0, |all, bit| all | of(bit))
    }

    /// What of the kinds of bytes `looks` tell apart.
    #[must_use]
    pub fn told_apart(looks: u16) -> u8 {
        let of = |bit: u32| match bit {
            2 | 3 => LF,
            4 | 5 => LF | CR,
            6 | 7 | 10 | 11 | 14 | 15 => WORD,
            _ => 0,
        };
        bits(looks).fold(0, |all, bit| all | of(bit))
    }
}
