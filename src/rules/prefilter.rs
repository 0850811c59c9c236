//! One pass over a value that says which rules could match it: false alarms allowed, misses never.
//!
//! All literals of all rules stand in one Aho-Corasick automaton (Aho and Corasick, 1975) that ignores ASCII case. Literals
//! of one byte, which would stop the automaton at every other byte, are looked up in the set of bytes that occur.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::bits::Bits;
use super::rule::Rule;

/// The automaton, and for each literal the rules that need it.
#[derive(Debug)]
pub struct Prefilter {
    automaton: Option<NFA>,
    rules_of: Vec<Bits>,
    bytes: Vec<(u8, Bits)>,
    always: Bits,
}

impl Prefilter {
    /// Takes the literals of `rules`; a rule's place in the slice is its index from here on.
    ///
    /// # Errors
    /// When the automaton would be too large, which needs gigabytes of literals.
    pub fn new(rules: &[Rule]) -> Result<Self, aho_corasick::BuildError> {
        let mut literals: Vec<(&str, Bits)> = Vec::new();
        let mut always = Bits::new(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            if rule.needs.is_empty() {
                always.insert(index);
            }
            for need in rule.needs.iter() {
                let mut bits = Bits::new(rules.len());
                bits.insert(index);
                literals.push((need, bits));
            }
        }
        literals.sort_unstable_by_key(|(literal, _)| *literal);
        literals.dedup_by(|(literal, bits), (kept, all)| {
            let same = literal == kept;
            if same {
                all.insert_all(bits);
            }
            same
        });
        let (short, long): (Vec<_>, Vec<_>) = literals.into_iter().partition(|(literal, _)| literal.len() == 1);
        let bytes = short.into_iter().filter_map(|(literal, bits)| Some((*literal.as_bytes().first()?, bits)));
        let (texts, rules_of): (Vec<&str>, Vec<Bits>) = long.into_iter().unzip();
        let automaton = if texts.is_empty() {
            None
        } else {
            // A DFA would be twice as fast and twenty times as large: 18 MB in every worker's VM.
            let mut builder = NFA::builder();
            Some(builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true).build(&texts)?)
        };
        Ok(Self { automaton, rules_of, bytes: bytes.collect(), always })
    }

    /// Sets `candidates` to the rules that could match `text`.
    pub fn candidates(&self, text: &[u8], candidates: &mut Bits) {
        candidates.clear();
        candidates.insert_all(&self.always);
        let mut present = [0_u64; 4];
        // The automaton is walked by hand: its own search starts anew after every match.
        let mut walk = self.automaton.as_ref().and_then(|nfa| Some((nfa, nfa.start_state(Anchored::No).ok()?)));
        for byte in text {
            if let Some(word) = present.get_mut(usize::from(byte >> 6)) {
                *word |= 1 << (byte & 63);
            }
            if let Some((nfa, state)) = &mut walk {
                *state = nfa.next_state(Anchored::No, *state, *byte);
                if nfa.is_special(*state) && nfa.is_match(*state) {
                    self.insert_rules(nfa, *state, candidates);
                }
            }
        }
        for (byte, rules) in &self.bytes {
            if present.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1) {
                candidates.insert_all(rules);
            }
        }
    }

    fn insert_rules(&self, nfa: &NFA, state: StateID, candidates: &mut Bits) {
        for index in 0..nfa.match_len(state) {
            if let Some(rules) = self.rules_of.get(nfa.match_pattern(state, index).as_usize()) {
                candidates.insert_all(rules);
            }
        }
    }
}
