//! A rule's expression at work: first by an automaton that finds every match and now and then what is none, then exactly.
//!
//! The first automaton is that of the [`relaxed`](pattern::relaxed) expression, so that it stays small whatever it reads. Of a long
//! text it reads what lies around the literals that brought the rule up: from where a match with such a literal may begin at the
//! earliest, until no match is under way. Where it found something, and the expression counts further than it does, the
//! expression's own automaton reads that part again.

use std::borrow::Cow;
use std::ops::Range;

use super::automaton::{Automaton, Idle, States};
use super::effort::Effort;
use super::pattern;
use super::reach::Lead;
use super::spots::{LONG, Spots};
use crate::verdict::{Finding, Span};

/// The states of all automata of a VM take at most about this much; then those are dropped that were not used for the longest time.
const ALL_STATES_BYTES: usize = 6 * 256 * 1024;
/// So many automata of exact expressions are kept.
const MAX_EXACT: usize = 32;
/// What a VM builds at first is what any traffic needs; no request is blamed for it.
const FREE_BYTES: usize = 512 * 1024;
/// Every so many bytes of a long text it is asked whether a match is under way.
const STEP: usize = 32;
/// So many bytes are read at most to say where a match begins.
const MAX_SOUGHT: usize = 16 * 1024;
/// What it costs to compile an exact expression.
const UNITS_OF_COMPILING: u64 = 2_000_000;

/// An expression, ready to look for.
#[derive(Debug)]
pub struct Expression {
    source: Cow<'static, str>,
    ignore_case: bool,
    relaxed: Option<Automaton>,
    /// Whether the relaxed expression is the expression itself.
    is_exact: bool,
}

/// What was made for expressions so far, one for each rule.
#[derive(Debug)]
pub struct Caches {
    of_rules: Vec<Slot>,
    /// How much all states take, about.
    bytes: usize,
    /// How many automata of exact expressions there are.
    exact: usize,
    /// How often any expression was looked for.
    looks: usize,
    /// So much may still be built without being counted.
    free: usize,
}

#[derive(Debug, Default)]
struct Slot {
    relaxed: Option<States>,
    /// Compiled when the relaxed one first finds something: on harmless traffic that is hardly ever.
    exact: Option<(Automaton, States)>,
    /// When it was last looked for, by [`Caches::looks`].
    looked: usize,
}

impl Slot {
    fn bytes(&self) -> usize {
        let relaxed = self.relaxed.as_ref().map_or(0, States::bytes);
        relaxed.saturating_add(self.exact.as_ref().map_or(0, |(_, states)| states.bytes()))
    }
}

impl Caches {
    /// Room for so many rules.
    #[must_use]
    pub fn new(rules: usize) -> Self {
        let of_rules = (0..rules).map(|_| Slot::default()).collect();
        Self { of_rules, bytes: 0, exact: 0, looks: 0, free: FREE_BYTES }
    }

    /// How much memory all states take, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops what has become too much.
    fn forget(&mut self) {
        while self.bytes > ALL_STATES_BYTES {
            let built = self.of_rules.iter_mut().filter(|slot| slot.relaxed.is_some());
            let Some(oldest) = built.min_by_key(|slot| slot.looked) else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
            self.exact = self.exact.saturating_sub(usize::from(oldest.exact.is_some()));
            (oldest.relaxed, oldest.exact) = (None, None);
        }
        if self.exact > MAX_EXACT {
            // Any: who goes through all rules in turn would always want the one that was dropped last.
            let any = self.looks.checked_rem(self.exact).unwrap_or_default();
            if let Some(slot) = self.of_rules.iter_mut().filter(|slot| slot.exact.is_some()).nth(any) {
                let before = slot.bytes();
                slot.exact = None;
                self.exact = self.exact.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(before.saturating_sub(slot.bytes()));
            }
        }
    }
}

/// What of a text is worth a look.
#[derive(Clone, Copy, Debug)]
pub struct Near<'s> {
    /// Where needs are met.
    pub spots: &'s Spots,
    /// The rule's need.
    pub need: usize,
    /// Where a match may begin that has one of its texts.
    pub lead: Lead,
}

impl Expression {
    /// Makes `source` ready, case ignored or not. It must have compiled when its rule was read.
    #[must_use]
    pub fn new(source: Cow<'static, str>, ignore_case: bool) -> Self {
        let hir = pattern::parse(&source, ignore_case).ok();
        let relaxed = hir.as_ref().map(pattern::relaxed);
        let is_exact = relaxed == hir;
        let relaxed = relaxed.and_then(|hir| Automaton::new(&hir, ignore_case));
        Self { relaxed, source, ignore_case, is_exact }
    }

    /// A match in `text`, or near those places of it: of those that end first, the shortest, and as much behind its end as
    /// belongs to it. Nothing if `effort` is spent first. `rule` is whose states among `caches` these are.
    pub fn find(
        &self,
        text: &[u8],
        near: Option<Near<'_>>,
        (caches, rule): (&mut Caches, usize),
        effort: &mut Effort,
    ) -> Option<Span> {
        caches.looks = caches.looks.wrapping_add(1);
        let slot = caches.of_rules.get_mut(rule)?;
        slot.looked = caches.looks;
        let (before, had_exact) = (slot.bytes(), slot.exact.is_some());
        let automaton = self.relaxed.as_ref()?;
        let states = slot.relaxed.get_or_insert_with(|| automaton.states());
        let (exact, free) = (&mut slot.exact, &mut caches.free);
        let mut search = Search { expression: self, automaton, states, exact, text, effort, free };
        let found = match near {
            None => search.whole(),
            Some(near) => search.near(near),
        };
        caches.bytes = caches.bytes.saturating_sub(before).saturating_add(slot.bytes());
        caches.exact = caches.exact.saturating_add(usize::from(slot.exact.is_some() && !had_exact));
        caches.forget();
        found
    }
}

/// One expression in one text.
struct Search<'s> {
    expression: &'s Expression,
    automaton: &'s Automaton,
    states: &'s mut States,
    exact: &'s mut Option<(Automaton, States)>,
    text: &'s [u8],
    effort: &'s mut Effort,
    /// See [`Caches::free`].
    free: &'s mut usize,
}

/// How reading a part of the text ended.
enum End {
    /// At this place no match is under way.
    Idle(usize),
    /// A match was found.
    Found(Span),
    /// The text has ended, or no match can begin any more.
    Text,
}

impl Search<'_> {
    /// Reads all of the text.
    fn whole(&mut self) -> Option<Span> {
        match self.read(0, self.text.len()) {
            End::Found(span) => Some(span),
            End::Idle(_) | End::Text => None,
        }
    }

    /// Reads what is near the places where the rule's need was met.
    fn near(&mut self, near: Near<'_>) -> Option<Span> {
        let mut done = 0;
        for (place, end) in near.spots.runs(near.need) {
            if end <= done {
                continue;
            }
            let Some(from) = near.lead.begin(self.text, place.max(done).min(self.text.len()), end, done, self.effort)
            else {
                done = end;
                continue;
            };
            // What begins at the start only is not waited for any longer once it is not under way.
            let due = if near.lead.at_start { 0 } else { end };
            match self.read(from, due) {
                End::Found(span) => return Some(span),
                End::Idle(at) if !near.lead.at_start && !self.effort.is_spent() => done = at,
                End::Idle(_) | End::Text => return None,
            }
        }
        None
    }

    /// Reads from `from` until a match is found, or until `due` is reached and no match is under way.
    fn read(&mut self, from: usize, due: usize) -> End {
        let mut last = byte_before(self.text, from);
        let Some(mut state) = self.automaton.start(self.states, last, false) else { return End::Text };
        let mut idle = Idle::default();
        // Where a match that is under way may have begun at the earliest, and where the first one ended.
        let (mut begin, mut at, mut hit) = (from, from, None);
        let is_long = self.text.len() >= LONG;
        let rest = self.text.get(from..).unwrap_or_default();
        for step in rest.chunks(if is_long { STEP } else { usize::MAX }) {
            for (byte, offset) in step.iter().zip(0_usize..) {
                let Some(next) = self.automaton.next(self.states, state, Some(*byte)) else { return End::Text };
                state = next;
                if state.is_tagged() {
                    if state.is_match() && hit.is_none() {
                        hit = Some(at.saturating_add(offset));
                    }
                    if state.is_dead() {
                        self.states.settle(offset, self.free, self.effort);
                        return self.confirm(begin, hit, at.saturating_add(offset));
                    }
                }
            }
            at = at.saturating_add(step.len());
            last = step.last().copied();
            self.states.settle(step.len(), self.free, self.effort);
            if is_long && idle.holds(self.automaton, self.states, state, last) {
                if let found @ End::Found(_) = self.confirm(begin, hit, at) {
                    return found;
                }
                (begin, hit) = (at, None);
                if at >= due {
                    return End::Idle(at);
                }
            }
            if is_long && self.effort.is_spent() {
                return End::Text;
            }
        }
        let ends = self.automaton.next(self.states, state, None).is_some_and(|state| state.is_match());
        self.confirm(begin, hit.or(ends.then_some(at)), at)
    }

    /// The match that the automaton says ends at `hit`, or whichever the expression itself has from `begin` to `end`.
    fn confirm(&mut self, begin: usize, hit: Option<usize>, end: usize) -> End {
        let Some(hit) = hit else { return End::Text };
        let mut part = Part { text: self.text, effort: self.effort, free: self.free };
        if self.expression.is_exact {
            return End::Found(part.span(self.automaton, self.states, begin..hit));
        }
        if self.exact.is_none() {
            part.effort.spend(UNITS_OF_COMPILING);
            let hir = pattern::parse(&self.expression.source, self.expression.ignore_case).ok();
            *self.exact = hir.and_then(|hir| {
                let automaton = Automaton::new(&hir, self.expression.ignore_case)?;
                let states = automaton.states();
                Some((automaton, states))
            });
        }
        let Some((automaton, states)) = self.exact else { return End::Text };
        match part.first_end(automaton, states, begin..end) {
            Some(hit) => End::Found(part.span(automaton, states, begin..hit)),
            None => End::Text,
        }
    }
}

/// A part of a text in which an automaton has found something.
struct Part<'s> {
    text: &'s [u8],
    effort: &'s mut Effort,
    free: &'s mut usize,
}

impl Part<'_> {
    /// Where the first match ends that begins and ends in `range`.
    fn first_end(&mut self, automaton: &Automaton, states: &mut States, range: Range<usize>) -> Option<usize> {
        let mut state = automaton.start(states, byte_before(self.text, range.start), false)?;
        // What a match ends before has to be read as well.
        for at in range.start..=range.end {
            state = automaton.next(states, state, self.text.get(at).copied())?;
            if state.is_match() {
                return Some(at);
            }
            if at.is_multiple_of(STEP) {
                states.settle(STEP, self.free, self.effort);
                if self.effort.is_spent() {
                    return None;
                }
            }
        }
        None
    }

    /// The shortest match that ends where `range` does, and what behind it still belongs to it.
    fn span(&mut self, automaton: &Automaton, states: &mut States, range: Range<usize>) -> Span {
        let hit = range.end;
        let mut sought = 0_usize;
        let mut start = range.start.max(hit.saturating_sub(Finding::SNIPPET_BYTES));
        for begin in range.rev() {
            let (read, end) = self.last_end(automaton, states, begin, hit);
            sought = sought.saturating_add(read);
            if end == Some(hit) {
                start = begin;
                break;
            }
            if sought > MAX_SOUGHT {
                break;
            }
        }
        states.settle(sought, self.free, self.effort);
        let (_, end) = self.last_end(automaton, states, start, start.saturating_add(Finding::SNIPPET_BYTES).max(hit));
        Span { start, end: end.unwrap_or(hit).max(hit) }
    }

    /// How far a match is under way that begins at `begin`, to `most` at most; and where the longest of them ends.
    fn last_end(
        &self,
        automaton: &Automaton,
        states: &mut States,
        begin: usize,
        most: usize,
    ) -> (usize, Option<usize>) {
        let mut end = None;
        let Some(mut state) = automaton.start(states, byte_before(self.text, begin), true) else { return (0, None) };
        for at in begin..=most.min(self.text.len()) {
            match automaton.next(states, state, self.text.get(at).copied()) {
                Some(next) if !next.is_dead() => state = next,
                _ => return (at.saturating_sub(begin), end),
            }
            if state.is_match() {
                end = Some(at);
            }
        }
        (most.saturating_sub(begin), end)
    }
}

fn byte_before(text: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|before| text.get(before)).copied()
}
