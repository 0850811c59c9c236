//! The subset construction, done state by state as texts ask for it, with the work counted.

use super::effort::Effort;
use super::nfa::{ANYWHERE, HERE, MATCH, Nfa, look};

/// The table of an automaton's states has at most so many entries; then it begins anew. More could not be numbered.
const MAX_ENTRIES: usize = 1 << 16;
/// All their sets of positions together have at most so many members.
const MAX_MEMBERS: usize = 1 << 15;

/// What a byte read costs.
const UNITS_OF_BYTE: u64 = 24;
/// What it costs to work out where a byte leads, what each edge costs that is looked at, and a state that is new.
const UNITS_OF_STEP: u64 = 400;
const UNITS_OF_EDGE: u64 = 48;
const UNITS_OF_STATE: u64 = 300;

/// A state: twice where its row begins in the table, and one more if there is something to know about it. Good until its states
/// begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(u16);

impl State {
    /// Stands where no one has worked out yet where a byte leads.
    const UNKNOWN: Self = Self(1);
    /// Stands in the row of a state that is idle.
    const IDLE: Self = Self(0);

    /// Whether a match ended before the byte that led here, or no match can end any more.
    #[inline]
    #[must_use]
    pub const fn is_special(self) -> bool {
        self.0 & 1 == 1
    }

    fn row(self) -> usize {
        usize::from(self.0 & !1)
    }
}

/// What an automaton has built so far.
#[derive(Debug)]
pub struct States {
    /// A row for each state: where each class of bytes leads, where the end of the text does, and whether the state is idle. The
    /// first row is for what is unknown, the second for what is dead.
    table: Vec<State>,
    /// Entries of a row; an even number.
    stride: usize,
    /// Where in a row stands whether it is idle.
    idle: usize,
    /// The set of each state: what it is besides, then its positions in order.
    sets: Vec<u16>,
    /// Where the set of each state begins, and where the last one's ends.
    begins: Vec<u32>,
    /// States by their sets: a hash table with open addressing, of numbers of states, or 0.
    by_set: Vec<u16>,
    /// A set in the making, and a bit for each position in it.
    set: Vec<u16>,
    members: Vec<u64>,
    /// What of the kind of the byte before matters to the edges of each position; empty if nothing ever does.
    interests: Vec<u8>,
    /// How often they began anew.
    clears: usize,
    /// Work that is not counted yet.
    work: u64,
}

/// In what a state is besides its positions: a match ended. The rest is the kind of the byte before.
const MATCHED: u16 = 0x100;

impl States {
    /// Nothing built yet.
    #[must_use]
    pub fn new(nfa: &Nfa) -> Self {
        let idle = nfa.class_count().saturating_add(1);
        let stride = idle.saturating_add(1).next_multiple_of(2);
        let members = vec![0; nfa.positions().div_ceil(64)];
        let interest = |position| nfa.edges(position).fold(0, |all, (_, looks)| all | look::before(looks));
        let positions = if nfa.has_looks() { nfa.positions() } else { 0 };
        let interests = (0..=u16::MAX).take(positions).map(interest).collect();
        let mut states = Self {
            table: Vec::new(),
            stride,
            idle,
            sets: Vec::new(),
            begins: Vec::new(),
            by_set: Vec::new(),
            set: Vec::new(),
            members,
            interests,
            clears: 0,
            work: 0,
        };
        states.clear();
        states
    }

    /// How much memory they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let two = [self.table.capacity(), self.sets.capacity(), self.by_set.capacity(), self.set.capacity()];
        let two = two.iter().fold(0_usize, |all, entries| all.saturating_add(*entries)).saturating_mul(2);
        let more = self.begins.capacity().saturating_mul(4).saturating_add(self.members.capacity().saturating_mul(8));
        two.saturating_add(more).saturating_add(self.interests.capacity())
    }

    /// Counts so many bytes that were read, and the states that they made necessary.
    pub fn settle(&mut self, bytes: usize, effort: &mut Effort) {
        effort.spend_on(bytes, UNITS_OF_BYTE);
        effort.spend(std::mem::take(&mut self.work));
    }

    /// The state before anything is read, behind the byte `last`; of matches that begin just here, or anywhere.
    pub fn start(&mut self, nfa: &Nfa, last: Option<u8>, here_only: bool) -> State {
        let kind = last.map_or(look::EDGE, |last| nfa.kind(nfa.class(last)));
        self.set.clear();
        let position = if here_only { HERE } else { ANYWHERE };
        let kind = kind & self.interests.get(usize::from(position)).copied().unwrap_or_default();
        self.set.extend([u16::from(kind), position]);
        self.state_of_set()
    }

    /// The state behind one more byte, or behind the end of the text. One in which a match ends says so only now.
    #[inline]
    pub fn next(&mut self, nfa: &Nfa, state: State, byte: Option<u8>) -> State {
        let class = byte.map_or(nfa.class_count(), |byte| nfa.class(byte));
        match self.table.get(state.row().saturating_add(class)) {
            Some(next) if *next != State::UNKNOWN => *next,
            _ => self.step(nfa, state, class),
        }
    }

    /// Reads until all is read or there is something to know about a state; says how many bytes that were, and the state.
    #[inline]
    pub fn run(&mut self, nfa: &Nfa, mut state: State, bytes: &[u8]) -> (usize, State) {
        for (byte, read) in bytes.iter().zip(1_usize..) {
            let class = nfa.class(*byte);
            let mut next = self.table.get(state.row().saturating_add(class)).copied().unwrap_or(State::UNKNOWN);
            if next.is_special() {
                if next == State::UNKNOWN {
                    next = self.step(nfa, state, class);
                }
                if next.is_special() {
                    return (read, next);
                }
            }
            state = next;
        }
        (bytes.len(), state)
    }

    /// Whether a match ended before the byte that led to `state`.
    #[must_use]
    pub fn is_match(&self, state: State) -> bool {
        state.is_special() && !self.is_dead(state)
    }

    /// Whether no match can end any more, nor has one ended just now.
    #[must_use]
    pub fn is_dead(&self, state: State) -> bool {
        state.is_special() && state.row() == self.stride
    }

    /// Whether no match is under way in `state`, though one may begin.
    #[must_use]
    pub fn is_idle(&self, state: State) -> bool {
        self.table.get(state.row().saturating_add(self.idle)) == Some(&State::IDLE)
    }

    /// Works out where a class of bytes leads, or the end of the text.
    #[cold]
    #[inline(never)]
    fn step(&mut self, nfa: &Nfa, state: State, class: usize) -> State {
        let is_end = class == nfa.class_count();
        let kind = if is_end { look::EDGE } else { nfa.kind(class) };
        let accepted = nfa.accepted(class);
        self.set.clear();
        self.set.push(0);
        let number = state.row().checked_div(self.stride).unwrap_or_default();
        let from = set_of(&self.sets, &self.begins, number);
        let before = from.first().copied().unwrap_or_default() as u8;
        let (mut matched, mut looked) = (0, 0_u64);
        for position in from.iter().skip(1) {
            for (to, looks) in nfa.edges(*position) {
                looked = looked.saturating_add(1);
                if looks != 0 && !look::hold(looks, before, kind) {
                    continue;
                }
                if to == MATCH {
                    matched = MATCHED;
                } else if nfa.stands(to, accepted)
                    && let Some(word) = self.members.get_mut(usize::from(to / 64))
                    && *word >> (to % 64) & 1 == 0
                {
                    *word |= 1 << (to % 64);
                    self.set.push(to);
                }
            }
        }
        let mut of_interest = 0;
        for position in self.set.iter().skip(1) {
            if let Some(word) = self.members.get_mut(usize::from(position / 64)) {
                *word = 0;
            }
            of_interest |= self.interests.get(usize::from(*position)).copied().unwrap_or_default();
        }
        if let Some((first, positions)) = self.set.split_first_mut() {
            *first = u16::from(kind & of_interest) | matched;
            positions.sort_unstable();
        }
        self.work = self.work.saturating_add(UNITS_OF_STEP).saturating_add(looked.saturating_mul(UNITS_OF_EDGE));
        let clears = self.clears;
        let next = self.state_of_set();
        if clears == self.clears
            && let Some(entry) = self.table.get_mut(state.row().saturating_add(class))
        {
            *entry = next;
        }
        next
    }

    /// The state of the set in the making, which is made if there is none yet.
    fn state_of_set(&mut self) -> State {
        if self.set.as_slice() == [0] || self.set.as_slice().is_empty() {
            return self.numbered(1, true);
        }
        let is_special = self.set.first().is_some_and(|besides| besides & MATCHED != 0);
        let mut slot = self.slot_of(&self.set);
        if let Some(number) = self.by_set.get(slot).copied().filter(|number| *number != 0) {
            return self.numbered(number.into(), is_special);
        }
        if self.table.len().saturating_add(self.stride) > MAX_ENTRIES
            || self.sets.len().saturating_add(self.set.len()) > MAX_MEMBERS
        {
            self.clear();
            slot = self.slot_of(&self.set);
        }
        let number = self.begins.len().saturating_sub(1);
        let entries = self.table.len().saturating_add(self.stride);
        self.sets.extend_from_slice(&self.set);
        self.begins.push(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        self.table.resize(entries, State::UNKNOWN);
        let row = entries.saturating_sub(self.stride);
        if let (&[_, ANYWHERE], Some(idle)) = (self.set.as_slice(), self.table.get_mut(row.saturating_add(self.idle))) {
            *idle = State::IDLE;
        }
        if let Some(entry) = self.by_set.get_mut(slot) {
            *entry = u16::try_from(number).unwrap_or_default();
        }
        if number.saturating_mul(2) > self.by_set.len() {
            self.grow();
        }
        self.work = self.work.saturating_add(UNITS_OF_STATE);
        self.numbered(number, is_special)
    }

    fn numbered(&self, number: usize, is_special: bool) -> State {
        let row = u16::try_from(number.saturating_mul(self.stride)).unwrap_or_default();
        State(row | u16::from(is_special))
    }

    /// Where in the hash table `set` stands, or would.
    fn slot_of(&self, set: &[u16]) -> usize {
        // As in rustc-hash: few bits are enough for so few states.
        let hash = set
            .iter()
            .fold(0_u64, |hash, x| (hash ^ u64::from(*x)).wrapping_mul(0xf135_7aea_2e62_a9c5).rotate_left(20));
        let mask = self.by_set.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        while let Some(number) = self.by_set.get(slot).copied().filter(|number| *number != 0) {
            if set_of(&self.sets, &self.begins, number.into()) == set {
                break;
            }
            slot = slot.wrapping_add(1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let size = self.by_set.len().saturating_mul(2);
        self.by_set.clear();
        self.by_set.resize(size, 0);
        for number in 2..self.begins.len().saturating_sub(1) {
            let slot = self.slot_of(set_of(&self.sets, &self.begins, number));
            if let Some(entry) = self.by_set.get_mut(slot) {
                *entry = u16::try_from(number).unwrap_or_default();
            }
        }
    }

    fn clear(&mut self) {
        self.clears = self.clears.saturating_add(1);
        self.sets.clear();
        self.begins.clear();
        // Row 0 is for what is unknown, row 1 for what is dead; neither has a set.
        self.begins.extend([0, 0, 0]);
        self.table.clear();
        self.table.resize(self.stride, State::UNKNOWN);
        let dead = self.numbered(1, true);
        self.table.resize(self.stride.saturating_mul(2), dead);
        let slots = self.by_set.len().max(16);
        self.by_set.clear();
        self.by_set.resize(slots, 0);
    }
}

/// The set of state `number`, of `sets` that begin at `begins`.
fn set_of<'s>(sets: &'s [u16], begins: &[u32], number: usize) -> &'s [u16] {
    let at = |number: usize| begins.get(number).copied().unwrap_or_default() as usize;
    sets.get(at(number)..at(number.saturating_add(1))).unwrap_or_default()
}
