//! One pass over a value that says which rules could match it: false alarms allowed, misses never.
//!
//! Of each literal three neighbouring symbols that harmless traffic seldom has are its *gram*; a bit map of all grams is
//! asked at every byte, and where one stands the literals that share it are compared. (Wu and Manber, 1994, look for several
//! texts by blocks of bytes in this way; choosing the rarest block of each is what saves the time here.) At a byte, most
//! values cost two look-ups in tables of 32 KiB together, however many literals there are.

use std::cmp::Ordering;
use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::bits::Bits;
use super::need::{COMMON, EDGE_FREQUENCY, Literal, frequency};
use super::rule::Rule;
use crate::decode::{Gathering, SYMBOLS, Traits, symbol};

/// So many grams there are: three symbols of six bits.
const GRAMS: usize = 1 << 18;
/// Words of 64 bits in the map of all grams.
const WORDS: usize = GRAMS / 64;
/// What stands before and after a value: no part of a word.
const OUTSIDE: u8 = symbol(0);

/// The grams, the literals behind each, and the needs that each literal meets.
#[derive(Debug)]
pub struct Prefilter {
    map: Box<[u64; WORDS]>,
    /// How many grams stand in the words of `map` before each.
    ranks: Vec<u32>,
    /// Where the places of each gram, in order, begin.
    begins: Vec<u32>,
    places: Vec<Place>,
    literals: Vec<Entry>,
    /// All texts in one.
    texts: Vec<u8>,
    /// Needs of literals, one run for each.
    met: Vec<u16>,
    /// Needs that a sign meets as well.
    by_sign: Vec<(Traits, u16)>,
    wants: Vec<Want>,
}

/// Where a literal stands, when its gram has been seen.
#[derive(Clone, Copy, Debug)]
struct Place {
    literal: u16,
    /// How many bytes it begins before the gram's last symbol.
    back: u8,
    length: u8,
    /// One of its bytes that tells most texts from it: how far behind the gram's last symbol, and its own symbol.
    telling: (i8, u8),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Its first bytes.
    head: Folded,
    begin: u32,
    left: bool,
    right: bool,
    /// Its run in `met`.
    met: (u32, u16),
}

/// Eight bytes of which some are letters in either case and some are anything.
#[derive(Clone, Copy, Debug)]
struct Folded {
    /// What a text is after `bits` were set in it.
    text: u64,
    /// The bit that tells upper from lower case in letters, and all bits of bytes behind the end.
    bits: u64,
}

impl Folded {
    /// The beginning of `text`.
    fn of(text: &[u8]) -> Self {
        let pairs = std::array::from_fn(|at| match text.get(at) {
            Some(byte) if byte.is_ascii_alphabetic() => (byte.to_ascii_lowercase(), 0x20),
            Some(byte) => (*byte, 0),
            None => (0xff, 0xff),
        });
        Self {
            text: u64::from_le_bytes(pairs.map(|(text, _): (u8, u8)| text)),
            bits: u64::from_le_bytes(pairs.map(|(_, bits)| bits)),
        }
    }

    /// Whether `text` begins so.
    fn is(self, text: [u8; 8]) -> bool {
        u64::from_le_bytes(text) | self.bits == self.text
    }
}

/// What a need asks for besides its texts, and whose it is.
#[derive(Clone, Copy, Debug)]
struct Want {
    rule: u16,
    with: [Traits; 2],
}

/// Which needs a text meets, as far as literals and signs go, and the symbols that it has.
#[derive(Clone, Debug)]
pub struct Hits {
    needs: Bits,
    /// The symbols of the text.
    pub traits: Traits,
}

impl Hits {
    /// Whether any of `needs` is met.
    #[must_use]
    pub fn meets(&self, needs: &Bits) -> bool {
        self.needs.meets(needs)
    }
}

impl Prefilter {
    /// Takes the needs of `rules`; a rule's place in the slice is its index from here on.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Self {
        let mut found: HashMap<Literal<'_>, Vec<u16>, FxBuildHasher> = HashMap::default();
        let mut by_sign = Vec::new();
        let mut wants = Vec::new();
        let needs =
            rules.iter().zip(0_u16..).flat_map(|(rule, index)| rule.needs.iter().map(move |need| (need, index)));
        for ((need, rule), number) in needs.zip(0_u16..) {
            wants.push(Want { rule, with: need.with });
            let mut signs = need.signs;
            for literal in need.texts.iter() {
                match literal.text.as_bytes() {
                    [] => signs = Traits::ALL,
                    [byte] => signs = signs.with(Traits::of_bytes(&[*byte])),
                    _ => found.entry(literal).or_default().push(number),
                }
            }
            if signs != Traits::default() {
                by_sign.push((signs, number));
            }
        }
        let mut this = Self {
            map: Box::new([0; WORDS]),
            ranks: Vec::new(),
            begins: Vec::new(),
            places: Vec::new(),
            literals: Vec::new(),
            texts: Vec::new(),
            met: Vec::new(),
            by_sign,
            wants,
        };
        let mut grams = Grams::new();
        for (literal, needs) in &found {
            this.add(*literal, needs, &mut grams);
        }
        this.order(&grams.places);
        this
    }

    fn add(&mut self, literal: Literal<'_>, needs: &[u16], grams: &mut Grams) {
        // Far more literals than this would make no rule better.
        let (Ok(number), Ok(begin)) = (u16::try_from(self.literals.len()), u32::try_from(self.texts.len())) else {
            return self.always(needs);
        };
        let whole = literal.text.as_bytes();
        let text = whole.get(..MAX_COMPARED).unwrap_or(whole);
        let met = (u32::try_from(self.met.len()).unwrap_or(u32::MAX), u16::try_from(needs.len()).unwrap_or(u16::MAX));
        self.met.extend_from_slice(needs);
        let right = literal.right && text.len() == whole.len();
        self.literals.push(Entry { head: Folded::of(text), begin, left: literal.left, right, met });
        self.texts.extend_from_slice(text);
        let (Some((window, back)), [_, _, ..]) = (grams.rarest(text, literal.left, right), text) else {
            return self.always(needs);
        };
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let place = Place { literal: number, back, length, telling: telling(text, back) };
        each_gram(window, &mut |gram| {
            set(&mut self.map, gram);
            grams.add(gram, place);
        });
    }

    /// Needs whose literal cannot be looked for are met by any value.
    fn always(&mut self, needs: &[u16]) {
        self.by_sign.extend(needs.iter().map(|need| (Traits::ALL, *need)));
    }

    /// Sorts what was added by gram, by counting.
    fn order(&mut self, places: &[(u32, Place)]) {
        let mut rank = 0_u32;
        for word in self.map.iter() {
            self.ranks.push(rank);
            rank = rank.saturating_add(word.count_ones());
        }
        self.begins = vec![0; (rank as usize).saturating_add(1)];
        for (gram, _) in places {
            // Counted one further on, so that the sums are where each gram begins.
            let next = self.rank(*gram).saturating_add(1);
            self.begins.get_mut(next).into_iter().for_each(|count| *count = count.saturating_add(1));
        }
        let mut sum = 0_u32;
        for begin in &mut self.begins {
            sum = sum.saturating_add(*begin);
            *begin = sum;
        }
        let none = Place { literal: u16::MAX, back: u8::MAX, length: 0, telling: (0, 0) };
        self.places = vec![none; places.len()];
        let mut free = self.begins.clone();
        for (gram, place) in places {
            let at = free.get_mut(self.rank(*gram));
            let slot = at.and_then(|at| {
                let slot = self.places.get_mut(*at as usize);
                *at = at.saturating_add(1);
                slot
            });
            slot.into_iter().for_each(|slot| *slot = *place);
        }
    }

    /// How many grams of the map come before `gram`.
    fn rank(&self, gram: u32) -> usize {
        let (word, bit) = (gram as usize / 64, gram % 64);
        let below = self.map.get(word).map_or(0, |word| (word & (1_u64 << bit).wrapping_sub(1)).count_ones());
        self.ranks.get(word).map_or(0, |rank| rank.saturating_add(below) as usize)
    }

    /// Room for the hits of one text.
    #[must_use]
    pub fn hits(&self) -> Hits {
        Hits { needs: self.no_needs(), traits: Traits::default() }
    }

    /// An empty set that needs fit in.
    #[must_use]
    pub fn no_needs(&self) -> Bits {
        Bits::new(self.wants.len())
    }

    /// The needs among `these` and `those` that the text of `hits` meets, as the rules that have them; a rule may come twice.
    pub fn candidates<'p>(
        &'p self,
        hits: &'p Hits,
        these: &'p Bits,
        those: &'p Bits,
    ) -> impl Iterator<Item = usize> + 'p {
        hits.needs.and(these, those).filter_map(|need| {
            let want = self.wants.get(need)?;
            want.with.iter().all(|signs| hits.traits.any(*signs)).then_some(usize::from(want.rule))
        })
    }

    /// Looks at `text` and says in `hits` which needs it meets.
    pub fn pass(&self, text: &[u8], hits: &mut Hits) {
        hits.needs.clear();
        let mut traits = Gathering::default();
        let mut gram = u32::from(OUTSIDE) << 6 | u32::from(OUTSIDE);
        for (at, byte) in text.iter().enumerate() {
            let symbol = symbol(*byte);
            traits.add(symbol);
            gram = (gram << 6 | u32::from(symbol)) & (GRAMS as u32 - 1);
            if is_set(&self.map, gram) {
                self.compare(text, at, gram, &mut hits.needs);
            }
        }
        gram = (gram << 6 | u32::from(OUTSIDE)) & (GRAMS as u32 - 1);
        if is_set(&self.map, gram) {
            self.compare(text, text.len(), gram, &mut hits.needs);
        }
        hits.traits = traits.done();
        for (signs, need) in &self.by_sign {
            if hits.traits.any(*signs) {
                hits.needs.insert(usize::from(*need));
            }
        }
    }

    /// The literals that share `gram`, whose last symbol stands `at`.
    #[inline(never)]
    fn compare(&self, text: &[u8], at: usize, gram: u32, needs: &mut Bits) {
        let begins = self.begins.get(self.rank(gram)..).and_then(|begins| begins.first_chunk());
        let Some([begin, end]) = begins else { return };
        for place in self.places.get(*begin as usize..*end as usize).unwrap_or_default() {
            let Some(part) = place.part(text, at) else { continue };
            let Some(entry) = self.literals.get(usize::from(place.literal)) else { continue };
            let met = self.met.get(entry.met.0 as usize..).unwrap_or_default();
            let met = met.iter().take(usize::from(entry.met.1)).map(|need| usize::from(*need));
            // A word that comes again says nothing new.
            if met.clone().all(|need| needs.contains(need)) {
                continue;
            }
            if self.stands(entry, part, text, at.saturating_sub(usize::from(place.back))) {
                met.for_each(|need| needs.insert(need));
            }
        }
    }

    /// Whether `part` of `text`, which begins at `start`, is the literal of `entry`.
    fn stands(&self, entry: &Entry, part: &[u8], text: &[u8], start: usize) -> bool {
        let allows = |place: Option<usize>, edge: Traits| {
            let byte = place.and_then(|place| text.get(place));
            byte.is_none_or(|byte| Traits::of_bytes(&[*byte]).any(edge))
        };
        let is_same = || {
            let literal = self.texts.get(entry.begin as usize..).and_then(|texts| texts.get(..part.len()));
            literal.is_some_and(|literal| part.eq_ignore_ascii_case(literal))
        };
        let is_same = match text.get(start..).and_then(|text| text.first_chunk()) {
            Some(head) => entry.head.is(*head) && (part.len() <= head.len() || is_same()),
            None => is_same(),
        };
        is_same
            && (!entry.left || allows(start.checked_sub(1), LEFT))
            && (!entry.right || allows(start.checked_add(part.len()), RIGHT))
    }
}

impl Place {
    /// The part of `text` that may be the literal if its gram ends `at`.
    #[inline]
    fn part<'t>(&self, text: &'t [u8], at: usize) -> Option<&'t [u8]> {
        let (offset, telling) = self.telling;
        // What stands before the text has wrapped around to far behind it.
        let byte = text.get(at.wrapping_add_signed(isize::from(offset)))?;
        if symbol(*byte) != telling {
            return None;
        }
        let start = at.checked_sub(usize::from(self.back))?;
        text.get(start..start.checked_add(usize::from(self.length))?)
    }
}

/// The byte of `text` that harmless traffic has least often and that is no part of the gram, whose last symbol is `back`
/// bytes behind the beginning: how far behind that symbol it stands, and its own symbol.
fn telling(text: &[u8], back: u8) -> (i8, u8) {
    let distances = text.iter().zip(0_i8..).map(|(byte, at)| (at.saturating_sub_unsigned(back), symbol(*byte)));
    let cost = |(distance, symbol): &(i8, u8)| {
        let known = (-2..=0).contains(distance);
        (known, frequency(Traits::from_bits(1 << symbol)))
    };
    distances.min_by(|a, b| cost(a).partial_cmp(&cost(b)).unwrap_or(Ordering::Equal)).unwrap_or_default()
}

/// What is known of grams while literals are added.
struct Grams {
    places: Vec<(u32, Place)>,
    /// How many literals share each, the usual words of web traffic counted as some.
    shares: Vec<u16>,
}

impl Grams {
    fn new() -> Self {
        let mut this = Self { places: Vec::new(), shares: vec![0; GRAMS] };
        for window in COMMON.as_bytes().windows(3).filter(|window| !window.contains(&b' ')) {
            let sets = window.iter().map(|byte| Traits::of_bytes(&[*byte])).collect::<Vec<_>>();
            if let Some(shares) = gram_of(&sets).and_then(|gram| this.shares.get_mut(gram as usize)) {
                *shares = shares.saturating_add(COMMON_SHARES);
            }
        }
        this
    }

    fn add(&mut self, gram: u32, place: Place) {
        self.places.push((gram, place));
        if let Some(shares) = self.shares.get_mut(gram as usize) {
            *shares = shares.saturating_add(1);
        }
    }

    /// The three symbols, each one of a set, that are the best to look for, and how far before the last one the literal
    /// begins.
    fn rarest(&self, text: &[u8], left: bool, right: bool) -> Option<([Traits; 3], u8)> {
        let mut sets = vec![if left { LEFT } else { Traits::ALL }];
        sets.extend(text.iter().map(|byte| Traits::of_bytes(&[*byte])));
        sets.extend(right.then_some(RIGHT));
        // What stands before the literal is looked at where it says something or the literal has but two bytes.
        let skipped = usize::from(!left && sets.len() > 3);
        let windows = sets.windows(3).zip(2_u8..).skip(skipped);
        let cost = |window: &[Traits]| {
            let of = |set: &Traits| match *set {
                LEFT | RIGHT => EDGE_FREQUENCY,
                Traits::ALL => 1.0,
                set => frequency(set),
            };
            let shares = gram_of(window).and_then(|gram| self.shares.get(gram as usize)).map_or(0, |shares| *shares);
            window.iter().map(of).product::<f64>() * f64::from(shares.saturating_add(1))
        };
        let costs = windows.map(|(window, last)| (cost(window), window, last));
        let (_, window, last) = costs.min_by(|(a, ..), (b, ..)| a.total_cmp(b))?;
        // The first set stands before the literal, so that its byte n is set n + 1.
        Some((<[Traits; 3]>::try_from(window).ok()?, last.saturating_sub(1)))
    }
}

/// A gram of a usual word is as bad as one that so many literals share.
const COMMON_SHARES: u16 = 40;

/// So many bytes of a literal are compared.
const MAX_COMPARED: usize = 64;

/// What may stand before a literal that begins a word: `1or 1=1` is two words to a database.
const LEFT: Traits = Traits::from_bits(!Traits::WORD.bits() | Traits::of_bytes(b"09").bits());
/// What may stand after a literal that ends a word.
const RIGHT: Traits = Traits::from_bits(!Traits::WORD.bits());

#[inline]
fn is_set(map: &[u64; WORDS], gram: u32) -> bool {
    map.get(gram as usize / 64).is_some_and(|word| word >> (gram % 64) & 1 == 1)
}

fn set(map: &mut [u64; WORDS], gram: u32) {
    if let Some(word) = map.get_mut(gram as usize / 64) {
        *word |= 1 << (gram % 64);
    }
}

/// The one gram of a window whose sets have one symbol each.
fn gram_of(window: &[Traits]) -> Option<u32> {
    let one = |set: &Traits| set.bits().is_power_of_two().then(|| set.bits().trailing_zeros());
    window.iter().try_fold(0_u32, |gram, set| Some(gram << 6 | one(set)?))
}

/// Every gram of one symbol of each set.
fn each_gram(window: [Traits; 3], visit: &mut dyn FnMut(u32)) {
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
