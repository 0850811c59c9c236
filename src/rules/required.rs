//! What every match of an expression must contain, and where it may begin.
//!
//! That is taken from the syntax tree. Each part of an expression has either a small finite set of texts that it can match (`exact`), or a set of texts of
//! which any match contains one (`needed`), or neither. In a sequence, exact neighbours are multiplied out and the most
//! telling set wins. Texts are lower case, since the prefilter ignores case.

use std::collections::BinaryHeap;

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::need::{EDGE_FREQUENCY, Literal, Literals, Need, frequency, text_frequency};
use super::reach::{Lead, Reach};
use crate::decode::Traits;

/// More texts than this make no good filter.
const MAX_TEXTS: usize = 256;
/// Nor do more than this of all branches of an alternation together.
const MAX_OF_BRANCHES: usize = 1024;
/// Nor are more than this multiplied out once each has two bytes.
const MAX_TELLING_TEXTS: usize = 24;
/// A byte class with more members than this counts as unknown.
const MAX_CLASS: usize = 8;
/// So many copies of a repeated part are looked at.
const MAX_COPIES: u32 = 4;
/// Longer texts do not filter better.
const MAX_BYTES: usize = 24;

/// What a value must hold to match `hir`, one need or the other; nothing if there is no set of texts of two bytes or more of
/// which every match contains one.
///
/// The branches of an alternation are parted by where their matches begin: at the start only, not far before their texts, or
/// anywhere.
#[must_use]
pub fn needs(hir: &Hir) -> Option<Vec<Need>> {
    let branches = match hir.kind() {
        HirKind::Alternation(branches) => branches.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    let mut kinds: [Vec<(&Hir, Needed)>; 3] = Default::default();
    for branch in branches {
        let needed = Texts::of(branch).best()?;
        let [at_start, near, far] = &mut kinds;
        let kind = match branch.properties().look_set_prefix().contains(Look::Start) {
            true => at_start,
            false if needed.lead.is_wide() => far,
            false => near,
        };
        kind.push((branch, needed));
    }
    kinds.iter().filter(|kind| !kind.is_empty()).map(|kind| need(kind)).collect()
}

/// What a value must hold to match one of these branches.
fn need(branches: &[(&Hir, Needed)]) -> Option<Need> {
    let texts = union(branches.iter().map(|(_, needed)| Some(needed.texts.clone())))?;
    let texts: Vec<Text> = texts.iter().map(|text| Text::of(text)).collect();
    if texts.iter().any(|t| t.bytes.len() < 2) {
        return None;
    }
    // A text that contains another one adds nothing; the other may stand further behind the beginning of the match.
    let mut kept: Vec<&Text> = Vec::new();
    let mut further = 0;
    for text in &texts {
        let places = texts.iter().filter(|other| *other != text).filter_map(|other| other.place_in(text));
        match places.max() {
            Some(place) => further = further.max(place),
            None if kept.contains(&text) => {}
            None => kept.push(text),
        }
    }
    let literals: Option<Literals> = kept.into_iter().map(Text::as_literal).collect();
    let lead = branches.iter().map(|(branch, needed)| {
        let reach = needed.lead.then(Reach::of_bytes(further));
        let at_start = branch.properties().look_set_prefix().contains(Look::Start);
        Lead { reach, first: first(branch), at_start }
    });
    let with = signs(&Hir::alternation(branches.iter().map(|(branch, _)| (*branch).clone()).collect()));
    Some(Need { with, lead: lead.reduce(Lead::or)?, ..Need::texts(literals?) })
}

/// The symbols that a match of `hir` may begin with; all if it may match nothing.
fn first(hir: &Hir) -> Traits {
    // Where the part may match nothing, what follows it may come first.
    fn of(hir: &Hir) -> (Traits, bool) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => (Traits::default(), true),
            HirKind::Literal(literal) => (Traits::of_bytes(literal.0.get(..1).unwrap_or_default()), false),
            HirKind::Class(class) => (symbols(class), false),
            HirKind::Capture(capture) => of(&capture.sub),
            HirKind::Repetition(repetition) => {
                let (first, nothing) = of(&repetition.sub);
                (first, nothing || repetition.min == 0)
            }
            HirKind::Concat(parts) => {
                let mut all = Traits::default();
                for part in parts {
                    let (first, nothing) = of(part);
                    all = all.with(first);
                    if !nothing {
                        return (all, false);
                    }
                }
                (all, true)
            }
            HirKind::Alternation(branches) => branches
                .iter()
                .map(of)
                .fold((Traits::default(), false), |all, branch| (all.0.with(branch.0), all.1 || branch.1)),
        }
    }
    match of(hir) {
        (first, false) => first,
        (_, true) => Traits::ALL,
    }
}

/// Stands in a text where no part of a word may stand beside it. No literal with this byte counts as known.
const EDGE: u8 = 0xff;

/// A text without its edges.
#[derive(Debug, PartialEq, Eq)]
struct Text {
    bytes: Vec<u8>,
    left: bool,
    right: bool,
}

impl Text {
    fn of(marked: &[u8]) -> Self {
        let bytes: Vec<u8> = marked.iter().copied().filter(|b| *b != EDGE).collect();
        // Beside a sign, `\b` asks for a word.
        let is_word = |byte: Option<&u8>| byte.is_some_and(|b| is_word(*b));
        let left = marked.first() == Some(&EDGE) && is_word(bytes.first());
        let right = marked.last() == Some(&EDGE) && is_word(bytes.last());
        match bytes.get(..MAX_BYTES) {
            Some(start) => Self { bytes: start.to_vec(), left, right: right && start.len() == bytes.len() },
            None => Self { bytes, left, right },
        }
    }

    /// Where in `text` this one stands whatever stands beside it, if it does.
    fn place_in(&self, text: &Self) -> Option<usize> {
        let mut windows = text.bytes.windows(self.bytes.len().max(1));
        if self.left || self.right { None } else { windows.position(|window| window == self.bytes) }
    }

    fn as_literal(&self) -> Option<Literal<'_>> {
        Some(Literal { text: str::from_utf8(&self.bytes).ok()?, left: self.left, right: self.right })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Two sets of symbols, one of each of which stands in every match of `hir`: the two that are the rarest.
#[must_use]
pub fn signs(hir: &Hir) -> [Traits; 2] {
    let mut rarest = sets(hir).into_iter().filter(|set| frequency(*set) < MAX_FREQUENCY);
    [rarest.next().unwrap_or(Traits::ALL), rarest.next().unwrap_or(Traits::ALL)]
}

/// Nearly every value has one of the symbols in a set as frequent as this.
const MAX_FREQUENCY: f64 = 0.3;

/// Sets of symbols, one of each of which stands in every match, the rarest first.
fn sets(hir: &Hir) -> Vec<Traits> {
    rarest(match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Vec::new(),
        HirKind::Literal(literal) => literal.0.iter().map(|byte| Traits::of_bytes(&[*byte])).collect(),
        HirKind::Class(class) => vec![symbols(class)],
        HirKind::Capture(capture) => self::sets(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => self::sets(&repetition.sub),
        HirKind::Repetition(_) => Vec::new(),
        HirKind::Concat(parts) => parts.iter().flat_map(self::sets).collect(),
        HirKind::Alternation(branches) => {
            let branches = branches.iter().map(self::sets);
            let both = |a: Vec<Traits>, b: Vec<Traits>| {
                let pairs = a.iter().flat_map(|a| b.iter().map(|b| a.with(*b)));
                rarest(pairs.collect())
            };
            branches.reduce(both).unwrap_or_default()
        }
    })
}

/// The rarest few of `sets`.
fn rarest(sets: Vec<Traits>) -> Vec<Traits> {
    // As bits, floats that are not negative have the same order.
    let keys = sets.into_iter().map(|set| (frequency(set).to_bits(), set.bits())).collect();
    sorted(keys).into_iter().map(|(_, bits)| Traits::from_bits(bits)).take(4).collect()
}

/// In order, each once. By a heap: each other sort of the standard library would be a fiftieth of the module, which the
/// proxy compiles before its first request.
fn sorted<T: Ord>(items: Vec<T>) -> Vec<T> {
    let mut items = BinaryHeap::from(items).into_sorted_vec();
    items.dedup();
    items
}

/// What is known of the texts that a part of an expression matches. A text may have an [`EDGE`] before or after it.
#[derive(Clone, Debug, Default)]
struct Texts {
    /// All that this part can match.
    exact: Option<Vec<Vec<u8>>>,
    /// One of these is in whatever it matches.
    needed: Option<Needed>,
    ends: Ends,
    /// How much it may match.
    span: Reach,
}

/// Texts of which one stands in every match, and what of the match may stand before it.
#[derive(Clone, Debug)]
struct Needed {
    texts: Vec<Vec<u8>>,
    lead: Reach,
}

/// What a match of a part begins and ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ends {
    /// Nobody knows.
    #[default]
    Any,
    /// A byte that is no part of a word, or the start or end of the value.
    Sign,
    /// The same, or it matches nothing.
    SignOrNothing,
}

impl Ends {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Sign, _) | (_, Self::Sign) => Self::Sign,
            _ => Self::SignOrNothing,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Sign, Self::Sign) => Self::Sign,
            _ => Self::SignOrNothing,
        }
    }
}

impl Texts {
    fn exactly(texts: Vec<Vec<u8>>) -> Self {
        let is_sign = |byte: Option<&u8>| byte.is_some_and(|byte| !is_word(*byte));
        let of = |text: &Vec<u8>| match (text.is_empty(), is_sign(text.first()) && is_sign(text.last())) {
            (true, _) => Ends::SignOrNothing,
            (false, true) => Ends::Sign,
            (false, false) => Ends::Any,
        };
        let ends = texts.iter().map(of).reduce(Ends::or).unwrap_or_default();
        let span = Reach::of_bytes(texts.iter().map(Vec::len).max().unwrap_or_default());
        Self { exact: Some(texts), needed: None, ends, span }
    }

    /// A part of which only this much is known.
    fn unknown(ends: Ends, span: Reach) -> Self {
        Self { exact: None, needed: None, ends, span }
    }

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty => Self::exactly(vec![Vec::new()]),
            HirKind::Look(look) if is_edge(*look) => Self::exactly(vec![vec![EDGE]]),
            HirKind::Look(_) => Self::exactly(vec![Vec::new()]),
            HirKind::Literal(literal) if literal.0.contains(&EDGE) => {
                Self::unknown(Ends::Any, Reach::of_bytes(literal.0.len()))
            }
            HirKind::Literal(literal) => Self::exactly(vec![literal.0.to_ascii_lowercase()]),
            HirKind::Class(class) => match members(class) {
                Some(texts) => Self::exactly(texts),
                None => Self::unknown(if is_signs(class) { Ends::Sign } else { Ends::Any }, Reach::of_bytes(1)),
            },
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => {
                let sub = Self::of(&repetition.sub);
                match (repetition.min, repetition.max) {
                    (1, Some(1)) => sub,
                    (0, max) => match sub.exact {
                        Some(mut texts) if max == Some(1) && texts.len() < MAX_TEXTS => {
                            texts.push(Vec::new());
                            Self::exactly(texts)
                        }
                        _ => Self::unknown(sub.ends.or(Ends::SignOrNothing), repeated(repetition, 0, sub.span)),
                    },
                    _ => Self::sequence(Self::copies(repetition)),
                }
            }
            HirKind::Alternation(branches) => {
                let branches: Vec<Self> = branches.iter().map(Self::of).collect();
                let ends = branches.iter().map(|branch| branch.ends).reduce(Ends::or).unwrap_or_default();
                let exact = union(branches.iter().map(|b| b.exact.clone()));
                let span = branches.iter().fold(Reach::default(), |span, branch| span.or(branch.span));
                let best: Option<Vec<Needed>> = branches.into_iter().map(Self::best).collect();
                let needed = best.and_then(|best| {
                    let lead = best.iter().fold(Reach::default(), |lead, needed| lead.or(needed.lead));
                    let texts = union(best.into_iter().map(|needed| Some(needed.texts)))?;
                    Some(Needed { texts, lead })
                });
                Self { exact, needed, ends, span }
            }
            // A repetition's first copies are neighbours of what stands before them.
            HirKind::Concat(parts) => Self::sequence(parts.iter().flat_map(|part| match part.kind() {
                HirKind::Repetition(repetition) if repetition.min > 0 => Self::copies(repetition),
                _ => vec![Self::of(part)],
            })),
        }
    }

    /// What a repetition of at least one begins with, and whatever may follow.
    fn copies(repetition: &Repetition) -> Vec<Self> {
        let sub = Self::of(&repetition.sub);
        let copies = repetition.min.min(MAX_COPIES);
        let more = repetition.max.is_none_or(|max| max > copies);
        let rest = Self::unknown(sub.ends.or(Ends::SignOrNothing), repeated(repetition, copies, sub.span));
        let first = vec![sub; copies as usize];
        first.into_iter().chain(more.then_some(rest)).collect()
    }

    fn sequence(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut best: Option<Needed> = None;
        // What stands before the run, then the run.
        let (mut before, mut span) = (Reach::default(), Reach::default());
        let mut run = vec![Vec::new()];
        let mut all_exact = true;
        let mut ends = Ends::SignOrNothing;
        // Whether what stands before the run is no part of a word.
        let mut after_sign = false;
        for part in parts {
            ends = ends.and(part.ends);
            let longer = part.exact.as_ref().and_then(|texts| product(&run, texts));
            if let Some(longer) = longer {
                run = longer;
                span = span.then(part.span);
                continue;
            }
            all_exact = false;
            let ended = run.iter().all(|text| text.last().is_some_and(|byte| !is_word(*byte)));
            after_sign = ended || after_sign && run.iter().all(Vec::is_empty);
            let mark = |yes: bool| if yes { vec![vec![EDGE]] } else { vec![Vec::new()] };
            let done = match part.exact {
                Some(_) => run,
                None => product(&run, &mark(part.ends == Ends::Sign)).unwrap_or(run),
            };
            best = better(best, Some(Needed { texts: done, lead: before }));
            before = before.then(span);
            match part.exact {
                // Too many together: begin anew with this part alone.
                Some(texts) => {
                    run = product(&mark(after_sign), &texts).unwrap_or(texts);
                    span = part.span;
                }
                None => {
                    let lead = |needed: Needed| Needed { lead: before.then(needed.lead), ..needed };
                    best = better(best, part.needed.map(lead));
                    before = before.then(part.span);
                    span = Reach::default();
                    after_sign = part.ends == Ends::Sign || part.ends == Ends::SignOrNothing && after_sign;
                    run = mark(after_sign);
                }
            }
        }
        if all_exact {
            return Self::exactly(run);
        }
        let needed = better(best, Some(Needed { texts: run, lead: before }));
        Self { exact: None, needed, ends, span: before.then(span) }
    }

    fn best(self) -> Option<Needed> {
        better(self.exact.map(|texts| Needed { texts, lead: Reach::default() }), self.needed)
    }
}

/// Whether a match of `look` has no part of a word on one side.
fn is_edge(look: Look) -> bool {
    !matches!(look, Look::WordAsciiNegate | Look::WordUnicode | Look::WordUnicodeNegate)
}

/// The ranges of bytes with which the members of `class` begin; above ASCII, those of UTF-8.
fn ranges(class: &Class) -> impl Iterator<Item = (u8, u8)> + '_ {
    let (bytes, chars) = match class {
        Class::Bytes(class) => (class.ranges(), &[][..]),
        Class::Unicode(class) => (&[][..], class.ranges()),
    };
    let byte = |c: char| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(u8::MAX);
    bytes
        .iter()
        .map(|range| (range.start(), range.end()))
        .chain(chars.iter().map(move |r| (byte(r.start()), byte(r.end()))))
}

/// How much the copies of `repetition` after the first `copies` may match, if one matches as much as `sub`.
fn repeated(repetition: &Repetition, copies: u32, sub: Reach) -> Reach {
    match repetition.max {
        Some(max) => sub.times(max.saturating_sub(copies)),
        None => Reach::of_kinds(kinds(&repetition.sub)),
    }
}

/// All symbols that may stand in a match of `hir`.
fn kinds(hir: &Hir) -> Traits {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Traits::default(),
        HirKind::Literal(literal) => Traits::of_bytes(&literal.0),
        HirKind::Class(class) => symbols(class),
        HirKind::Capture(capture) => kinds(&capture.sub),
        HirKind::Repetition(repetition) => kinds(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(Traits::default(), |all, part| all.with(kinds(part)))
        }
    }
}

/// The symbols of the members of `class`.
fn symbols(class: &Class) -> Traits {
    ranges(class)
        .flat_map(|(first, last)| first..=last)
        .fold(Traits::default(), |all, byte| all.with(Traits::of_bytes(&[byte])))
}

/// Whether no member of `class` is part of a word.
fn is_signs(class: &Class) -> bool {
    ranges(class).all(|(first, last)| (first..=last).all(|byte| !is_word(byte)))
}

fn members(class: &Class) -> Option<Vec<Vec<u8>>> {
    let mut bytes: Vec<u8> = Vec::new();
    for byte in ranges(class).flat_map(|(first, last)| first..=last) {
        let lower = byte.to_ascii_lowercase();
        if !bytes.contains(&lower) {
            bytes.push(lower);
        }
        if bytes.len() > MAX_CLASS || byte == EDGE {
            return None;
        }
    }
    Some(bytes.into_iter().map(|b| vec![b]).collect())
}

fn union(sets: impl Iterator<Item = Option<Vec<Vec<u8>>>>) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for set in sets {
        all.extend(set?);
    }
    let all = sorted(all);
    (all.len() <= MAX_OF_BRANCHES).then_some(all)
}

fn product(left: &[Vec<u8>], right: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    // Longer texts are worth many of them only while they are too short to tell anything.
    let telling = left.iter().all(|text| text.iter().filter(|b| **b != EDGE).count() > 1);
    if left.len().saturating_mul(right.len()) > if telling { MAX_TELLING_TEXTS } else { MAX_TEXTS } {
        return None;
    }
    let all: Vec<Vec<u8>> = left.iter().flat_map(|l| right.iter().map(move |r| [l.as_slice(), r].concat())).collect();
    if all.iter().any(|text| text.len() > MAX_BYTES) {
        return None;
    }
    Some(sorted(all))
}

/// The more telling of two sets: the one that harmless traffic has less often. A text of less than two bytes, its edges
/// apart, tells nothing.
fn better(a: Option<Needed>, b: Option<Needed>) -> Option<Needed> {
    let cost = |needed: &Needed| {
        let of = |marked: &Vec<u8>| {
            let text = Text::of(marked);
            let edge = |yes| if yes { EDGE_FREQUENCY } else { 1.0 };
            let once = text_frequency(&text.bytes) * edge(text.left) * edge(text.right);
            if text.bytes.len() < 2 { 1.0 } else { once }
        };
        needed.texts.iter().map(of).sum::<f64>() + needed.texts.len() as f64 * PER_TEXT
    };
    match (a, b) {
        (Some(a), Some(b)) => Some(if cost(&a) <= cost(&b) { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// What a text costs though nobody sends it: its place in memory.
const PER_TEXT: f64 = 1e-7;
