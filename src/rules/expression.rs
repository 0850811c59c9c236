//! A rule's expression at work: first by an automaton that finds every match and now and then what is none, then by itself.
//!
//! The automaton is that of the [`relaxed`](pattern::relaxed) expression, so that it stays small whatever it reads; it is built
//! state by state as texts ask for it (regex-automata's lazy DFA). Of a long text it reads what lies around the literals that
//! brought the rule up: from where a match with that literal may begin at the earliest, until no match is under way.

use std::borrow::Cow;
use std::ops::Range;

use regex::bytes::Regex;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{Compiler, Config, WhichCaptures};
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

use super::effort::Effort;
use super::pattern;
use super::reach::Lead;
use super::spots::Spots;
use crate::verdict::Span;

/// The states of one automaton take at most about this much; then it begins anew.
const CACHE_BYTES: usize = 256 * 1024;
/// The states of all automata of a VM take at most about this much; then all begin anew.
const ALL_CACHES_BYTES: usize = 2 * 1024 * 1024;
/// So many expressions are kept compiled; then all are forgotten.
const MAX_COMPILED: usize = 32;
/// What a VM builds at first is what any traffic needs; no request is blamed for it.
const FREE_BYTES: usize = 512 * 1024;
/// Every so many bytes of a long text it is asked whether a match is under way.
const STEP: usize = 32;

/// What a byte read by an automaton costs.
const UNITS_OF_BYTE: u64 = 18;
/// What a byte of new states costs; a state takes some hundreds.
const UNITS_OF_STATE_BYTE: u64 = 37;
/// What a byte read by the expression itself costs at the worst, when it has to try all ways at once; it is asked only where the
/// automaton found something.
const UNITS_OF_EXACT_BYTE: u64 = 3_350;
/// What it costs to compile it and to read with it for the first time, once in the life of a VM.
const UNITS_OF_COMPILING: u64 = 9_000_000;

/// An expression, ready to look for.
#[derive(Debug)]
pub struct Expression {
    source: Cow<'static, str>,
    ignore_case: bool,
    /// None if it cannot be built; then the expression itself does all the work.
    automaton: Option<DFA>,
}

/// What was made for expressions so far, one for each rule.
#[derive(Debug)]
pub struct Caches {
    of_rules: Vec<Slot>,
    /// How much the states of all automata take, about.
    bytes: usize,
    /// How many expressions are compiled.
    compiled: usize,
    /// So much may still be built without being counted.
    free: usize,
}

#[derive(Debug, Default)]
struct Slot {
    /// The states of the automaton.
    states: Option<Cache>,
    /// The expression itself, compiled when the automaton first finds something: on harmless traffic that is hardly ever.
    exact: Option<Regex>,
}

impl Caches {
    /// Room for so many rules.
    #[must_use]
    pub fn new(rules: usize) -> Self {
        Self { of_rules: (0..rules).map(|_| Slot::default()).collect(), bytes: 0, compiled: 0, free: FREE_BYTES }
    }

    /// Drops what has become too much.
    fn forget(&mut self) {
        if self.bytes > ALL_CACHES_BYTES {
            self.bytes = 0;
            self.of_rules.iter_mut().for_each(|slot| slot.states = None);
        }
        if self.compiled > MAX_COMPILED {
            self.compiled = 0;
            self.of_rules.iter_mut().for_each(|slot| slot.exact = None);
        }
    }

    /// About how much memory the states of all automata take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
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
    /// Makes `source` ready, case ignored or not.
    #[must_use]
    pub fn new(source: Cow<'static, str>, ignore_case: bool) -> Self {
        let automaton = pattern::parse(&source, ignore_case).ok().and_then(|hir| {
            let config = Config::new().utf8(false).which_captures(WhichCaptures::None);
            let config = config.nfa_size_limit(Some(pattern::SIZE_LIMIT_BYTES));
            let nfa = Compiler::new().configure(config).build_from_hir(&pattern::relaxed(&hir)).ok()?;
            let config = DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE_BYTES);
            DFA::builder().configure(config.skip_cache_capacity_check(true)).build_from_nfa(nfa).ok()
        });
        Self { source, ignore_case, automaton }
    }

    /// The first match in `text`, or near those places of it; nothing if `effort` is spent first. `rule` is whose states
    /// among `caches` these are.
    pub fn find(
        &self,
        text: &[u8],
        near: Option<Near<'_>>,
        (caches, rule): (&mut Caches, usize),
        effort: &mut Effort,
    ) -> Option<Span> {
        let Slot { states, exact } = caches.of_rules.get_mut(rule)?;
        let was_compiled = exact.is_some();
        let found = match &self.automaton {
            None => self.exactly(text, 0..text.len(), exact, effort),
            Some(automaton) => {
                let before = states.as_ref().map_or(0, Cache::memory_usage);
                let cache = states.get_or_insert_with(|| automaton.create_cache());
                let free = &mut caches.free;
                let mut search =
                    Search { expression: self, automaton, cache, exact, text, effort, free, known: before };
                let found = match near {
                    None => search.whole(),
                    Some(near) => search.near(near),
                };
                search.settle(0);
                caches.bytes = caches.bytes.saturating_sub(before).saturating_add(search.known);
                found
            }
        };
        caches.compiled = caches.compiled.saturating_add(usize::from(exact.is_some() && !was_compiled));
        caches.forget();
        found
    }

    /// The first match in this part of `text`, which no match begins before or ends behind.
    fn exactly(&self, text: &[u8], part: Range<usize>, exact: &mut Option<Regex>, effort: &mut Effort) -> Option<Span> {
        if exact.is_none() {
            effort.spend(UNITS_OF_COMPILING);
            // It compiled when the rule was read, so it compiles here.
            *exact = pattern::compile(&self.source, self.ignore_case).ok();
        }
        let exact = exact.as_ref()?;
        // A byte more on either side, so that no edge is seen where there is none.
        let begin = part.start.saturating_sub(1);
        let end = part.end.saturating_add(1).min(text.len());
        let slice = text.get(begin..end)?;
        effort.spend_on(slice.len(), UNITS_OF_EXACT_BYTE);
        if effort.is_spent() {
            return None;
        }
        let found = exact.find_at(slice, part.start.saturating_sub(begin))?;
        let span = |m: regex::bytes::Match<'_>, offset: usize| Span {
            start: m.start().saturating_add(offset),
            end: m.end().saturating_add(offset),
        };
        if found.end() < slice.len() || end == text.len() {
            return Some(span(found, begin));
        }
        // It may end there only because the slice does.
        effort.spend_on(text.len().saturating_sub(begin), UNITS_OF_EXACT_BYTE);
        if effort.is_spent() {
            return None;
        }
        exact.find_at(text, part.start).map(|m| span(m, 0))
    }
}

/// One expression in one text.
struct Search<'s> {
    expression: &'s Expression,
    automaton: &'s DFA,
    cache: &'s mut Cache,
    exact: &'s mut Option<Regex>,
    text: &'s [u8],
    effort: &'s mut Effort,
    /// See [`Caches::free`].
    free: &'s mut usize,
    /// So much of the cache has been counted.
    known: usize,
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

    /// Counts so many bytes that were read, and the states that they made necessary.
    fn settle(&mut self, bytes: usize) {
        self.effort.spend_on(bytes, UNITS_OF_BYTE);
        let built = self.cache.memory_usage();
        if built != self.known {
            // Less than before: it was full, and began anew.
            let rebuilt = if built < self.known { CACHE_BYTES } else { 0 };
            let grown = built.saturating_add(rebuilt).saturating_sub(self.known);
            let free = grown.min(*self.free);
            *self.free = self.free.saturating_sub(free);
            self.effort.spend_on(grown.saturating_sub(free), UNITS_OF_STATE_BYTE);
            self.known = built;
        }
    }

    /// Reads from `from` until a match is found, or until `due` is reached and no match is under way.
    fn read(&mut self, from: usize, due: usize) -> End {
        let mut last = from.checked_sub(1).and_then(|at| self.text.get(at)).copied();
        let Some(mut state) = self.start(last) else { return self.confirm(from, self.text.len()) };
        let mut idle = Idle::default();
        // Where a match that is under way may have begun at the earliest, and whether one was completed.
        let (mut begin, mut at, mut hit) = (from, from, false);
        let is_long = self.text.len() >= super::spots::LONG;
        let rest = self.text.get(from..).unwrap_or_default();
        for step in rest.chunks(if is_long { STEP } else { usize::MAX }) {
            for byte in step {
                match self.automaton.next_state(self.cache, state, *byte) {
                    Ok(next) => state = next,
                    Err(_) => return self.confirm(begin, self.text.len()),
                }
                if state.is_tagged() {
                    hit |= state.is_match();
                    if state.is_dead() || state.is_quit() {
                        return if hit || state.is_quit() { self.confirm(begin, self.text.len()) } else { End::Text };
                    }
                }
            }
            self.settle(step.len());
            at = at.saturating_add(step.len());
            last = step.last().copied();
            if is_long && idle.holds(self.automaton, self.cache, state, last) {
                if hit && let found @ End::Found(_) = self.confirm(begin, at) {
                    return found;
                }
                (begin, hit) = (at, false);
                if at >= due {
                    return End::Idle(at);
                }
            }
            if is_long && self.effort.is_spent() {
                return End::Text;
            }
        }
        match self.automaton.next_eoi_state(self.cache, state) {
            Ok(state) if !hit && !state.is_match() => End::Text,
            _ => self.confirm(begin, self.text.len()),
        }
    }

    /// The state before anything is read, behind `last`.
    fn start(&mut self, last: Option<u8>) -> Option<LazyStateID> {
        let config = start::Config::new().anchored(Anchored::No).look_behind(last);
        self.automaton.start_state(self.cache, &config).ok()
    }

    /// Asks the expression itself about a part of the text in which the automaton found something.
    fn confirm(&mut self, begin: usize, end: usize) -> End {
        let found = self.expression.exactly(self.text, begin..end, self.exact, self.effort);
        found.map_or(End::Text, End::Found)
    }
}

/// The states of an automaton in which no match is under way: those that it begins with behind each kind of byte.
#[derive(Default)]
struct Idle {
    states: [Option<LazyStateID>; 4],
    /// Numbers of states are good until the cache begins anew.
    clears: Option<usize>,
}

impl Idle {
    fn holds(&mut self, automaton: &DFA, cache: &mut Cache, state: LazyStateID, last: Option<u8>) -> bool {
        const KINDS: [u8; 4] = [b'a', b' ', b'\n', b'\r'];
        if self.clears != Some(cache.clear_count()) {
            // If this makes the cache begin anew, so that `state` says nothing any more, it is known below.
            let config = |byte| start::Config::new().anchored(Anchored::No).look_behind(Some(byte));
            let clears = cache.clear_count();
            self.states = KINDS.map(|byte| automaton.start_state(cache, &config(byte)).ok());
            self.clears = Some(clears);
        }
        if self.clears != Some(cache.clear_count()) {
            return false;
        }
        let kind = match last {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_') => 0,
            Some(b'\n') => 2,
            Some(b'\r') => 3,
            _ => 1,
        };
        self.states.get(kind).is_some_and(|idle| *idle == Some(state))
    }
}
