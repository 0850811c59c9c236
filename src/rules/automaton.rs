//! An automaton that is built state by state as texts ask for it (regex-automata's lazy DFA), with what it costs counted.

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{Compiler, Config, WhichCaptures};
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;

use super::effort::Effort;
use super::pattern;

/// The states of one automaton take at most about this much; then it begins anew.
const CACHE_BYTES: usize = 128 * 1024;

/// What a byte read costs.
const UNITS_OF_BYTE: u64 = 20;
/// What a byte of new states costs; a state takes some hundreds.
const UNITS_OF_STATE_BYTE: u64 = 80;

/// The automaton of an expression: it knows every match, wherever it ends, and not only the first.
#[derive(Debug)]
pub struct Automaton {
    dfa: DFA,
    /// Whether it reads capitals as small letters.
    folds: bool,
}

/// What an automaton has built so far.
#[derive(Debug)]
pub struct States {
    cache: Cache,
    /// So many bytes of it have been counted.
    counted: usize,
}

impl States {
    /// How much memory they take, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.cache.memory_usage()
    }

    /// How often they began anew.
    #[must_use]
    pub fn clears(&self) -> usize {
        self.cache.clear_count()
    }

    /// Counts so many bytes that were read, and the states that they made necessary, of which so many bytes are `free`.
    pub fn settle(&mut self, bytes: usize, free: &mut usize, effort: &mut Effort) {
        effort.spend_on(bytes, UNITS_OF_BYTE);
        let built = self.bytes();
        if built != self.counted {
            // Less than before: they were too many, and began anew.
            let rebuilt = if built < self.counted { CACHE_BYTES } else { 0 };
            let grown = built.saturating_add(rebuilt).saturating_sub(self.counted);
            let spared = grown.min(*free);
            *free = free.saturating_sub(spared);
            effort.spend_on(grown.saturating_sub(spared), UNITS_OF_STATE_BYTE);
            self.counted = built;
        }
    }
}

/// A state of an automaton, good until its states begin anew.
pub type State = LazyStateID;

impl Automaton {
    /// The automaton of `hir`, which ignores case or not; nothing if it would be too large.
    #[must_use]
    pub fn new(hir: &Hir, ignore_case: bool) -> Option<Self> {
        let folded = ignore_case.then(|| pattern::folded(hir));
        let config = Config::new().utf8(false).which_captures(WhichCaptures::None);
        let config = config.nfa_size_limit(Some(pattern::SIZE_LIMIT_BYTES));
        let nfa = Compiler::new().configure(config).build_from_hir(folded.as_ref().unwrap_or(hir)).ok()?;
        let config = DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE_BYTES);
        DFA::builder()
            .configure(config.skip_cache_capacity_check(true))
            .build_from_nfa(nfa)
            .ok()
            .map(|dfa| Self { dfa, folds: ignore_case })
    }

    /// Nothing built yet.
    #[must_use]
    pub fn states(&self) -> States {
        States { cache: self.dfa.create_cache(), counted: 0 }
    }

    /// The state before anything is read, behind the byte `last`; of matches that begin just here, or anywhere.
    pub fn start(&self, states: &mut States, last: Option<u8>, here_only: bool) -> Option<State> {
        let anchored = if here_only { Anchored::Yes } else { Anchored::No };
        let config = start::Config::new().anchored(anchored).look_behind(last);
        self.dfa.start_state(&mut states.cache, &config).ok()
    }

    /// The state behind one more byte, or behind the end of the text. One in which a match ends says so only now.
    #[inline]
    pub fn next(&self, states: &mut States, state: State, byte: Option<u8>) -> Option<State> {
        match byte {
            Some(byte) => {
                let byte = if self.folds { byte.to_ascii_lowercase() } else { byte };
                self.dfa.next_state(&mut states.cache, state, byte).ok()
            }
            None => self.dfa.next_eoi_state(&mut states.cache, state).ok(),
        }
    }
}

/// The states of an automaton in which no match is under way: those that it begins with behind each kind of byte.
#[derive(Default)]
pub struct Idle {
    states: [Option<State>; 4],
    /// Numbers of states are good until they begin anew.
    clears: Option<usize>,
}

impl Idle {
    /// Whether no match is under way in `state`, behind the byte `last`.
    pub fn holds(&mut self, automaton: &Automaton, states: &mut States, state: State, last: Option<u8>) -> bool {
        const KINDS: [u8; 4] = [b'a', b' ', b'\n', b'\r'];
        if self.clears != Some(states.clears()) {
            let clears = states.clears();
            self.states = KINDS.map(|byte| automaton.start(states, Some(byte), false));
            self.clears = Some(clears);
            if clears != states.clears() {
                // That made them begin anew, so that `state` says nothing any more.
                return false;
            }
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
