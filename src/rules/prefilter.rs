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
use super::grams::{GRAMS, Grams, LEFT, Map, RIGHT, each_gram};
use super::need::{Literal, frequency};
use super::reach::Lead;
use super::rule::Rule;
use super::spots::Spots;
use crate::decode::{Gathering, Traits, symbol};

/// What stands before and after a value: no part of a word.
const OUTSIDE: u8 = symbol(0);

/// The grams, the literals behind each, and the needs that each literal meets.
#[derive(Debug)]
pub struct Prefilter {
    map: Map,
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
    /// Needs of which it is no use to know where a text meets them.
    anywhere: Bits,
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
    lead: Lead,
}

/// Which needs a text meets, as far as literals and signs go, and the symbols that it has.
#[derive(Clone, Debug)]
pub struct Hits {
    needs: Bits,
    /// The symbols of the text.
    pub traits: Traits,
    /// Where in a long text they are met.
    pub spots: Spots,
    /// How many literals were compared with the text.
    pub compared: usize,
}

/// A rule that may match a text.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Its place among the rules.
    pub rule: usize,
    /// The need that is met.
    pub need: usize,
    /// Where a match may begin that has one of the need's texts.
    pub lead: Lead,
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
            wants.push(Want { rule, with: need.with, lead: need.lead });
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
            map: Map::default(),
            ranks: Vec::new(),
            begins: Vec::new(),
            places: Vec::new(),
            literals: Vec::new(),
            texts: Vec::new(),
            met: Vec::new(),
            by_sign,
            anywhere: Bits::new(wants.len()),
            wants,
        };
        for (want, need) in this.wants.iter().zip(0..) {
            if want.lead.is_anywhere() {
                this.anywhere.insert(need);
            }
        }
        let (mut grams, mut places) = (Grams::unshared(), Vec::new());
        for (literal, needs) in &found {
            this.add(*literal, needs, &mut grams, &mut places);
        }
        this.order(&places);
        this
    }

    fn add(&mut self, literal: Literal<'_>, needs: &[u16], grams: &mut Grams, places: &mut Vec<(u32, Place)>) {
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
            self.map.set(gram);
            grams.add(gram);
            places.push((gram, place));
        });
    }

    /// Needs whose literal cannot be looked for are met by any value.
    fn always(&mut self, needs: &[u16]) {
        self.by_sign.extend(needs.iter().map(|need| (Traits::ALL, *need)));
    }

    /// Sorts what was added by gram, by counting.
    fn order(&mut self, places: &[(u32, Place)]) {
        let mut rank = 0_u32;
        for word in self.map.words() {
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
        let (word, below) = self.map.below(gram);
        self.ranks.get(word).map_or(0, |rank| rank.saturating_add(below) as usize)
    }

    /// Where the literals of `gram` stand.
    fn places_of(&self, gram: u32) -> &[Place] {
        let begins = self.begins.get(self.rank(gram)..).and_then(|begins| begins.first_chunk());
        let places = begins.and_then(|[begin, end]| self.places.get(*begin as usize..*end as usize));
        places.unwrap_or_default()
    }

    /// The needs that the literal of `entry` meets.
    fn met_by(&self, entry: &Entry) -> impl Iterator<Item = usize> + Clone + '_ {
        let met = self.met.get(entry.met.0 as usize..).unwrap_or_default();
        met.iter().take(usize::from(entry.met.1)).map(|need| usize::from(*need))
    }

    /// Room for the hits of one text.
    #[must_use]
    pub fn hits(&self) -> Hits {
        let spots = Spots::new(self.wants.len());
        Hits { needs: self.no_needs(), traits: Traits::default(), spots, compared: 0 }
    }

    /// An empty set that needs fit in.
    #[must_use]
    pub fn no_needs(&self) -> Bits {
        Bits::new(self.wants.len())
    }

    /// The rules with a need among `these` and `those` that the text of `hits` meets; a rule may come once for each.
    pub fn candidates<'p>(
        &'p self,
        hits: &'p Hits,
        these: &'p Bits,
        those: &'p Bits,
    ) -> impl Iterator<Item = Candidate> + 'p {
        hits.needs.and(these, those).filter_map(|need| {
            let want = self.wants.get(need)?;
            let is_met = want.with.iter().all(|signs| hits.traits.any(*signs));
            is_met.then_some(Candidate { rule: usize::from(want.rule), need, lead: want.lead })
        })
    }

    /// The grams of the literals that `needs` ask for, for texts of which no other need is asked.
    #[must_use]
    pub fn narrowed(&self, needs: &Bits) -> Map {
        let mut map = Map::default();
        for gram in self.map.grams() {
            let met = |place: &Place| self.literals.get(usize::from(place.literal)).map(|entry| self.met_by(entry));
            if self.places_of(gram).iter().filter_map(met).flatten().any(|need| needs.contains(need)) {
                map.set(gram);
            }
        }
        map
    }

    /// Looks at `text` and says in `hits` which needs it meets.
    pub fn pass(&self, text: &[u8], hits: &mut Hits) {
        self.pass_by(&self.map, text, hits);
    }

    /// The same for the needs that `map` was narrowed to; of others it may or may not be said.
    pub fn pass_by(&self, map: &Map, text: &[u8], hits: &mut Hits) {
        hits.needs.clear();
        hits.spots.begin(text.len());
        hits.compared = 0;
        let mut traits = Gathering::default();
        let mut gram = u32::from(OUTSIDE) << 6 | u32::from(OUTSIDE);
        for (at, byte) in text.iter().enumerate() {
            let symbol = symbol(*byte);
            traits.add(symbol);
            gram = (gram << 6 | u32::from(symbol)) & (GRAMS as u32 - 1);
            if map.has(gram) {
                self.compare(text, at, gram, hits);
            }
        }
        gram = (gram << 6 | u32::from(OUTSIDE)) & (GRAMS as u32 - 1);
        if map.has(gram) {
            self.compare(text, text.len(), gram, hits);
        }
        hits.traits = traits.done();
        for (signs, need) in &self.by_sign {
            if hits.traits.any(*signs) {
                hits.needs.insert(usize::from(*need));
                if hits.spots.are_noted() {
                    hits.spots.note_everywhere(usize::from(*need));
                }
            }
        }
    }

    /// The literals that share `gram`, whose last symbol stands `at`.
    #[inline(never)]
    fn compare(&self, text: &[u8], at: usize, gram: u32, hits: &mut Hits) {
        let places = self.places_of(gram);
        hits.compared = hits.compared.saturating_add(places.len()).saturating_add(1);
        for place in places {
            let Some(part) = place.part(text, at) else { continue };
            let Some(entry) = self.literals.get(usize::from(place.literal)) else { continue };
            let start = at.saturating_sub(usize::from(place.back));
            // Most end here.
            let is_same = match text.get(start..).and_then(|text| text.first_chunk()) {
                Some(head) => entry.head.is(*head) && (part.len() <= head.len() || self.is_text_of(entry, part)),
                None => self.is_text_of(entry, part),
            };
            if is_same {
                self.note(entry, part, text, start, hits);
            }
        }
    }

    /// Notes the needs of the literal of `entry`, which is `part` of `text`, if it may stand at `start`.
    #[inline(never)]
    fn note(&self, entry: &Entry, part: &[u8], text: &[u8], start: usize, hits: &mut Hits) {
        let allows = |place: Option<usize>, edge: Traits| {
            let byte = place.and_then(|place| text.get(place));
            byte.is_none_or(|byte| Traits::of_bytes(&[*byte]).any(edge))
        };
        if entry.left && !allows(start.checked_sub(1), LEFT)
            || entry.right && !allows(start.checked_add(part.len()), RIGHT)
        {
            return;
        }
        let noted = hits.spots.are_noted();
        for need in self.met_by(entry) {
            hits.needs.insert(need);
            if noted && !self.anywhere.contains(need) {
                hits.spots.note(need, start);
            }
        }
    }

    /// Whether `part` is the literal of `entry`.
    fn is_text_of(&self, entry: &Entry, part: &[u8]) -> bool {
        let literal = self.texts.get(entry.begin as usize..).and_then(|texts| texts.get(..part.len()));
        literal.is_some_and(|literal| part.eq_ignore_ascii_case(literal))
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

/// So many bytes of a literal are compared.
const MAX_COMPARED: usize = 64;
