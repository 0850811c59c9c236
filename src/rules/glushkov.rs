//! From an expression to its automaton of positions, with what is alike merged.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};
use regex_syntax::utf8::Utf8Sequences;

use super::nfa::{ANYWHERE, HERE, MATCH, look};
use super::packed::{Edge, Packed};

/// An automaton has at most so many edges: a byte that is read may have to look at all of them.
const MAX_EDGES: usize = 16_000;
/// And so many before what is alike is merged.
const MAX_EDGES_AT_FIRST: usize = 40_000;

/// Bytes, a bit for each.
type Bytes = [u64; 4];
/// A number of a position while there is no automaton yet.
type At = usize;
/// Where the edges of a position lead, and what they ask for.
type Edges = BTreeSet<(At, u16)>;

/// Why an expression has no automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "found an expression whose automaton is too large, expected smaller counts or fewer alternatives")
    }
}

/// The automaton of `hir`; of one that ignores case, for texts whose capitals are read as small letters.
///
/// # Errors
/// When it would have more than 16,000 edges, or 40,000 before what is alike is merged, or tell more than 255 sets of bytes apart.
pub fn automaton(hir: &Hir, ignore_case: bool) -> Result<Packed, TooLarge> {
    let mut graph = Graph::default();
    // The start, and where a match has ended.
    let (start, end) = (graph.position([0; 4])?, graph.position([0; 4])?);
    let part = graph.part(hir)?;
    graph.connect(&[(start, 0)], &part.first)?;
    graph.connect(&part.last, &[(end, 0)])?;
    let through: Vec<(At, u16)> = part.empty.iter().map(|looks| (end, *looks)).collect();
    graph.connect(&[(start, 0)], &through)?;
    graph.merge_from(start, end);
    graph.merge_towards(start, end);
    graph.finish(start, end, ignore_case)
}

/// Positions and edges while they are made.
#[derive(Default)]
struct Graph {
    bytes: Vec<Bytes>,
    next: Vec<Edges>,
    edges: usize,
}

/// A part of an expression: where its matches may begin and end, and what must hold for it to match nothing at all.
#[derive(Default)]
struct Part {
    first: Vec<(At, u16)>,
    last: Vec<(At, u16)>,
    empty: BTreeSet<u16>,
}

impl Graph {
    fn position(&mut self, bytes: Bytes) -> Result<At, TooLarge> {
        self.count(1)?;
        self.bytes.push(bytes);
        self.next.push(BTreeSet::new());
        self.bytes.len().checked_sub(1).ok_or(TooLarge)
    }

    fn count(&mut self, edges: usize) -> Result<(), TooLarge> {
        self.edges = self.edges.saturating_add(edges);
        if self.edges > MAX_EDGES_AT_FIRST { Err(TooLarge) } else { Ok(()) }
    }

    fn connect(&mut self, last: &[(At, u16)], first: &[(At, u16)]) -> Result<(), TooLarge> {
        self.count(last.len().saturating_mul(first.len()))?;
        for (from, asked) in last {
            let Some(next) = self.next.get_mut(*from) else { continue };
            next.extend(first.iter().map(|(to, more)| (*to, asked | more)));
        }
        Ok(())
    }

    fn part(&mut self, hir: &Hir) -> Result<Part, TooLarge> {
        match hir.kind() {
            HirKind::Empty => Ok(Part::nothing(0)),
            HirKind::Look(look) => Ok(Part::nothing(u16::try_from(look.as_repr()).map_err(|_| TooLarge)?)),
            HirKind::Literal(literal) => {
                let mut all = Part::nothing(0);
                for byte in &literal.0 {
                    let one = self.one([*byte..=*byte])?;
                    all = self.both(all, one)?;
                }
                Ok(all)
            }
            HirKind::Class(Class::Bytes(class)) => self.one(class.iter().map(|range| range.start()..=range.end())),
            HirKind::Class(Class::Unicode(class)) => {
                let mut any = Part::default();
                for sequence in class.iter().flat_map(|range| Utf8Sequences::new(range.start(), range.end())) {
                    let mut all = Part::nothing(0);
                    for range in sequence.as_slice() {
                        let one = self.one([range.start..=range.end])?;
                        all = self.both(all, one)?;
                    }
                    any.or(all);
                }
                Ok(any)
            }
            HirKind::Capture(capture) => self.part(&capture.sub),
            HirKind::Concat(parts) => {
                let mut all = Part::nothing(0);
                for part in parts {
                    let part = self.part(part)?;
                    all = self.both(all, part)?;
                }
                Ok(all)
            }
            HirKind::Alternation(parts) => {
                let mut any = Part::default();
                for part in parts {
                    any.or(self.part(part)?);
                }
                Ok(any)
            }
            HirKind::Repetition(repetition) => self.repeated(repetition),
        }
    }

    fn one(&mut self, ranges: impl IntoIterator<Item = RangeInclusive<u8>>) -> Result<Part, TooLarge> {
        let mut bytes = [0; 4];
        for byte in ranges.into_iter().flatten() {
            if let Some(word) = bytes.get_mut(usize::from(byte / 64)) {
                *word |= 1 << (byte % 64);
            }
        }
        if bytes == [0; 4] {
            return Ok(Part::default()); // it matches nothing
        }
        let at = self.position(bytes)?;
        Ok(Part { first: vec![(at, 0)], last: vec![(at, 0)], empty: BTreeSet::new() })
    }

    /// `one`, and then `two`.
    fn both(&mut self, one: Part, two: Part) -> Result<Part, TooLarge> {
        self.connect(&one.last, &two.first)?;
        let mut all = Part::default();
        for looks in &one.empty {
            self.count(two.first.len())?;
            all.first.extend(two.first.iter().map(|(at, more)| (*at, looks | more)));
            all.empty.extend(two.empty.iter().map(|more| looks | more));
        }
        all.first.extend(one.first);
        for looks in &two.empty {
            self.count(one.last.len())?;
            all.last.extend(one.last.iter().map(|(at, more)| (*at, looks | more)));
        }
        all.last.extend(two.last);
        Ok(all)
    }

    fn repeated(&mut self, repetition: &Repetition) -> Result<Part, TooLarge> {
        let Repetition { min, max, ref sub, .. } = *repetition;
        let mut all = match max {
            None => {
                let mut part = self.part(sub)?;
                self.connect(&part.last, &part.first)?;
                if min == 0 {
                    part.empty.insert(0);
                }
                part
            }
            Some(max) => {
                // Each time only behind the one before: what it may match besides, the one before may.
                let mut rest = Part::nothing(0);
                let mut before: Option<Vec<(At, u16)>> = None;
                for _ in min..max {
                    self.count(1)?; // or nothing would end a repetition of what takes no byte
                    let part = self.part(sub)?;
                    match &before {
                        Some(last) => self.connect(last, &part.first)?,
                        None => rest.first = part.first,
                    }
                    rest.last.extend_from_slice(&part.last);
                    before = Some(part.last);
                }
                rest
            }
        };
        // Without an end, the last time is what may repeat.
        let times = if max.is_none() { min.saturating_sub(1) } else { min };
        for _ in 0..times {
            self.count(1)?;
            let part = self.part(sub)?;
            all = self.both(part, all)?;
        }
        Ok(all)
    }

    /// Merges positions for the same bytes that are reached from one position only and the same one.
    fn merge_from(&mut self, start: At, end: At) {
        let mut reached = vec![0_usize; self.next.len()];
        let add = |reached: &mut Vec<usize>, at: At| {
            if let Some(times) = reached.get_mut(at) {
                *times = times.saturating_add(1);
            }
        };
        self.next.iter().flatten().for_each(|(to, _)| add(&mut reached, *to));
        let mut seen = BTreeSet::from([start, end]);
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            let edges: Vec<(At, u16)> = self.next.get(at).into_iter().flatten().copied().collect();
            let mut alike: BTreeMap<(Bytes, u16), At> = BTreeMap::new();
            for (to, looks) in edges {
                let is_own = reached.get(to) == Some(&1) && to != at && to != end;
                let bytes = self.bytes.get(to).copied().unwrap_or_default();
                match alike.get(&(bytes, looks)) {
                    Some(kept) if is_own => {
                        let moved = self.next.get_mut(to).map(std::mem::take).unwrap_or_default();
                        for edge in moved {
                            let is_new = self.next.get_mut(*kept).is_some_and(|next| next.insert(edge));
                            if let (false, Some(times)) = (is_new, reached.get_mut(edge.0)) {
                                *times = times.saturating_sub(1);
                            }
                        }
                        if let Some(next) = self.next.get_mut(at) {
                            next.remove(&(to, looks));
                        }
                    }
                    None if is_own => drop(alike.insert((bytes, looks), to)),
                    _ => {}
                }
            }
            let edges = self.next.get(at).into_iter().flatten();
            queue.extend(edges.map(|(to, _)| *to).filter(|to| seen.insert(*to)));
        }
    }

    /// Merges positions for the same bytes whose edges lead to the same positions, until none are left.
    fn merge_towards(&mut self, start: At, end: At) {
        loop {
            let mut alike: BTreeMap<(Bytes, &Edges), At> = BTreeMap::new();
            let mut instead: BTreeMap<At, At> = BTreeMap::new();
            for (at, (bytes, next)) in self.bytes.iter().zip(&self.next).enumerate() {
                if at == start || at == end || next.is_empty() {
                    continue;
                }
                let kept = *alike.entry((*bytes, next)).or_insert(at);
                if kept != at {
                    instead.insert(at, kept);
                }
            }
            if instead.is_empty() {
                return;
            }
            for (at, next) in self.next.iter_mut().enumerate() {
                if instead.contains_key(&at) {
                    next.clear();
                } else if next.iter().any(|(to, _)| instead.contains_key(to)) {
                    *next = next.iter().map(|(to, looks)| (*instead.get(to).unwrap_or(to), *looks)).collect();
                }
            }
        }
    }

    /// Packs what is left.
    fn finish(&self, start: At, end: At, ignore_case: bool) -> Result<Packed, TooLarge> {
        let of = |at: At| self.next.get(at).into_iter().flatten().copied();
        // Depth first, so that most edges lead to the position with the next number.
        let mut order = vec![start, start, end];
        let mut numbers = BTreeMap::from([(start, HERE), (end, MATCH)]);
        let mut stack: Vec<At> = of(start).map(|(to, _)| to).collect();
        while let Some(at) = stack.pop() {
            if let Entry::Vacant(free) = numbers.entry(at) {
                free.insert(u16::try_from(order.len()).map_err(|_| TooLarge)?);
                order.push(at);
                stack.extend(of(at).map(|(to, _)| to));
            }
        }
        let (mut sets, mut ranges) = (BTreeMap::from([([0; 4], 0)]), Vec::new());
        let mut positions = Vec::new();
        for (number, at) in order.iter().enumerate() {
            let is_anywhere = number == usize::from(ANYWHERE);
            let bytes = if is_anywhere { [u64::MAX; 4] } else { self.bytes.get(*at).copied().unwrap_or_default() };
            let set = match sets.get(&bytes) {
                Some(set) => *set,
                None => {
                    let set = u8::try_from(sets.len()).map_err(|_| TooLarge)?;
                    ranges.extend(ranges_of(bytes).map(|range| (set, range)));
                    sets.insert(bytes, set);
                    set
                }
            };
            let all: Vec<(At, u16)> = of(*at).collect();
            // An edge that asks for less does for one that asks for more.
            let is_spare = |(to, asked): &(At, u16)| all.iter().any(|(t, a)| t == to && a != asked && a & asked == *a);
            let mut edges: Vec<Edge> = Vec::new();
            for (to, asked) in all.iter().filter(|edge| !is_spare(edge)) {
                edges.push((*numbers.get(to).ok_or(TooLarge)?, *asked));
            }
            if is_anywhere && all.iter().any(|(_, asked)| asked & look::START == 0) {
                edges.push((ANYWHERE, 0));
            }
            positions.push((set, edges));
        }
        let edges = positions.iter().fold(0_usize, |all, (_, edges)| all.saturating_add(edges.len()));
        if edges > MAX_EDGES {
            return Err(TooLarge);
        }
        Ok(Packed::new(ignore_case, &ranges, &positions))
    }
}

/// The bytes of a set, as ranges in order.
fn ranges_of(bytes: Bytes) -> impl Iterator<Item = RangeInclusive<u8>> {
    let holds = move |byte: u8| bytes.get(usize::from(byte / 64)).is_some_and(|word| word >> (byte % 64) & 1 == 1);
    let starts = (0..=u8::MAX).filter(move |byte| holds(*byte) && !byte.checked_sub(1).is_some_and(holds));
    starts.map(move |start| start..=(start..=u8::MAX).take_while(|byte| holds(*byte)).last().unwrap_or(start))
}

impl Part {
    /// Matches no byte, if `looks` hold.
    fn nothing(looks: u16) -> Self {
        Self { empty: BTreeSet::from([looks]), ..Self::default() }
    }

    /// Matches what `other` does as well.
    fn or(&mut self, other: Self) {
        self.first.extend(other.first);
        self.last.extend(other.last);
        self.empty.extend(other.empty);
    }
}
