//! A rule's expression at work: first by an automaton that finds every match and now and then what is none, then exactly.
//!
//! The first automaton is that of the [`relaxed`](pattern::relaxed) expression, so that it stays small whatever it reads. Of a long
//! text it reads what lies around the literals that brought the rule up: from where a match with such a literal may begin at the
//! earliest, until no match is under way. Where it found something, and the expression counts further than it does, the
//! expression's own automaton reads that part again.

use std::ops::Range;

use super::dfa::States;
use super::effort::Effort;
use super::nfa::Nfa;
use super::packed::Packed;
use super::pattern::Pattern;
use super::reach::Lead;
use super::spots::{LONG, Spots};
use crate::verdict::{Finding, Span};

/// The automata of a VM and their states take at most about this much; then those are dropped that were not used for the longest time.
const ALL_BYTES: usize = 2 * 1024 * 1024;
/// After every so many bytes it is asked whether effort is left and, of a long text, whether a match is under way.
const STEP: usize = 32;
/// So many bytes are read at most to say where a match begins.
const MAX_SOUGHT: usize = 16 * 1024;
/// What it costs to unpack an automaton, and each of its bytes.
const UNITS_OF_UNPACKING: u64 = 160_000;
const UNITS_OF_PACKED: u64 = 32;

/// The automata that were unpacked so far, with their states, for each rule.
#[derive(Debug)]
pub struct Caches {
    of_rules: Vec<Slot>,
    /// How much all take, about.
    bytes: usize,
    /// How often any expression was looked for.
    looks: usize,
}

#[derive(Debug, Default)]
struct Slot {
    relaxed: Option<Automaton>,
    /// Asked when the relaxed one first finds something: on harmless traffic that is hardly ever.
    exact: Option<Automaton>,
    /// When it was last looked for, by [`Caches::looks`].
    looked: usize,
}

#[derive(Debug)]
struct Automaton {
    nfa: Nfa,
    states: States,
}

impl Automaton {
    fn of<'s>(slot: &'s mut Option<Self>, packed: &Packed, effort: &mut Effort) -> &'s mut Self {
        slot.get_or_insert_with(|| {
            effort.spend(UNITS_OF_UNPACKING);
            effort.spend_on(packed.as_bytes().len(), UNITS_OF_PACKED);
            let nfa = Nfa::new(packed);
            let states = States::new(&nfa);
            Self { nfa, states }
        })
    }

    fn bytes(&self) -> usize {
        self.nfa.bytes().saturating_add(self.states.bytes())
    }
}

impl Slot {
    fn bytes(&self) -> usize {
        let both = [&self.relaxed, &self.exact].into_iter().flatten();
        both.fold(0, |all, automaton| all.saturating_add(automaton.bytes()))
    }
}

impl Caches {
    /// Room for so many rules.
    #[must_use]
    pub fn new(rules: usize) -> Self {
        Self { of_rules: (0..rules).map(|_| Slot::default()).collect(), bytes: 0, looks: 0 }
    }

    /// How much memory all automata take, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A match of rule number `rule`, whose expression is `pattern`, in `text`, or near those places of it: of those that end
    /// first, the shortest, and as much behind its end as belongs to it. Nothing if `effort` is spent first.
    pub fn find(
        &mut self,
        (rule, pattern): (usize, &Pattern),
        text: &[u8],
        near: Option<Near<'_>>,
        effort: &mut Effort,
    ) -> Option<Span> {
        self.looks = self.looks.wrapping_add(1);
        let slot = self.of_rules.get_mut(rule)?;
        slot.looked = self.looks;
        let before = slot.bytes();
        let automaton = Automaton::of(&mut slot.relaxed, &pattern.relaxed, effort);
        let exact = pattern.exact.as_ref().map(|packed| (packed, &mut slot.exact));
        let mut search = Search { automaton, exact, text, effort };
        let found = match near {
            None => search.whole(),
            Some(near) => search.near(near),
        };
        self.bytes = self.bytes.saturating_sub(before).saturating_add(slot.bytes());
        self.forget();
        found
    }

    /// Drops what has become too much.
    fn forget(&mut self) {
        while self.bytes > ALL_BYTES {
            let unpacked = self.of_rules.iter_mut().filter(|slot| slot.relaxed.is_some());
            let Some(oldest) = unpacked.min_by_key(|slot| slot.looked) else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
            (oldest.relaxed, oldest.exact) = (None, None);
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

/// One expression in one text.
struct Search<'s> {
    automaton: &'s mut Automaton,
    /// The expression's own automaton, if it is another one, and where it is once it is unpacked.
    exact: Option<(&'s Packed, &'s mut Option<Automaton>)>,
    text: &'s [u8],
    effort: &'s mut Effort,
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
        let Automaton { nfa, states } = &mut *self.automaton;
        let mut state = states.start(nfa, byte_before(self.text, from), false);
        // Where a match that is under way may have begun at the earliest, and where the first one ended.
        let (mut begin, mut at, mut hit) = (from, from, None);
        let is_long = self.text.len() >= LONG;
        let rest = self.text.get(from..).unwrap_or_default();
        for step in rest.chunks(STEP) {
            let Automaton { nfa, states } = &mut *self.automaton;
            let mut rest = step;
            while !rest.is_empty() {
                let read;
                (read, state) = states.run(nfa, state, rest);
                at = at.saturating_add(read);
                rest = rest.get(read..).unwrap_or_default();
                if !state.is_special() {
                    continue;
                }
                // What is known of it was so before the last byte.
                let known = at.saturating_sub(1);
                if states.is_match(state) && hit.is_none() {
                    hit = Some(known);
                }
                if states.is_dead(state) || hit.is_some() && self.exact.is_none() {
                    states.settle(step.len(), self.effort);
                    return self.confirm(begin, hit, known);
                }
            }
            states.settle(step.len(), self.effort);
            if is_long && states.is_idle(state) {
                if let found @ End::Found(_) = self.confirm(begin, hit, at) {
                    return found;
                }
                (begin, hit) = (at, None);
                if at >= due {
                    return End::Idle(at);
                }
            }
            if self.effort.is_spent() {
                return End::Text;
            }
        }
        let Automaton { nfa, states } = &mut *self.automaton;
        let end = states.next(nfa, state, None);
        let hit = hit.or(states.is_match(end).then_some(at));
        states.settle(0, self.effort);
        self.confirm(begin, hit, at)
    }

    /// The match that the automaton says ends at `hit`, or whichever the expression itself has from `begin` to `end`.
    fn confirm(&mut self, begin: usize, hit: Option<usize>, end: usize) -> End {
        let Some(hit) = hit else { return End::Text };
        let Self { automaton, exact, text, effort } = self;
        let Some((packed, exact)) = exact else { return End::Found(automaton.span(text, begin..hit, effort)) };
        let exact = Automaton::of(exact, packed, effort);
        match exact.first_end(text, begin..end, effort) {
            Some(hit) => End::Found(exact.span(text, begin..hit, effort)),
            None => End::Text,
        }
    }
}

/// What an automaton says of a part of a text.
impl Automaton {
    /// Where the first match ends that begins and ends in `range`.
    fn first_end(&mut self, text: &[u8], range: Range<usize>, effort: &mut Effort) -> Option<usize> {
        let Self { nfa, states } = self;
        let mut state = states.start(nfa, byte_before(text, range.start), false);
        // What a match ends before has to be read as well.
        for at in range.start..=range.end {
            state = states.next(nfa, state, text.get(at).copied());
            if state.is_special() {
                states.settle(0, effort);
                return states.is_match(state).then_some(at);
            }
            if at.is_multiple_of(STEP) {
                states.settle(STEP, effort);
                if effort.is_spent() {
                    return None;
                }
            }
        }
        None
    }

    /// The shortest match that ends where `range` does, and what behind it still belongs to it.
    fn span(&mut self, text: &[u8], range: Range<usize>, effort: &mut Effort) -> Span {
        let hit = range.end;
        let mut sought = 0_usize;
        let mut start = range.start.max(hit.saturating_sub(Finding::SNIPPET_BYTES));
        for begin in range.rev() {
            let (read, end) = self.last_end(text, begin, hit);
            sought = sought.saturating_add(read);
            if end == Some(hit) {
                start = begin;
                break;
            }
            if sought > MAX_SOUGHT {
                break;
            }
        }
        let (read, end) = self.last_end(text, start, start.saturating_add(Finding::SNIPPET_BYTES).max(hit));
        self.states.settle(sought.saturating_add(read), effort);
        Span { start, end: end.unwrap_or(hit).max(hit) }
    }

    /// How far a match is under way that begins at `begin`, to `most` at most; and where the longest of them ends.
    fn last_end(&mut self, text: &[u8], begin: usize, most: usize) -> (usize, Option<usize>) {
        let Self { nfa, states } = self;
        let mut end = None;
        let mut state = states.start(nfa, byte_before(text, begin), true);
        for at in begin..=most.min(text.len()) {
            state = states.next(nfa, state, text.get(at).copied());
            if states.is_dead(state) {
                return (at.saturating_sub(begin), end);
            }
            if states.is_match(state) {
                end = Some(at);
            }
        }
        (most.saturating_sub(begin), end)
    }
}

fn byte_before(text: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|before| text.get(before)).copied()
}
