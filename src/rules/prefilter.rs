//! One pass over a value that says which rules could match it: false alarms allowed, misses never.
//!
//! All literals of all rules stand in one Aho-Corasick automaton (Aho and Corasick, 1975) that ignores ASCII case.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use super::bits::Bits;
use super::rule::Rule;

/// The automaton, and for each literal the rules that need it.
#[derive(Debug)]
pub struct Prefilter {
    automaton: Option<AhoCorasick>,
    rules_of: Vec<Bits>,
    always: Bits,
}

impl Prefilter {
    /// Takes the literals of `rules`; a rule's place in the slice is its index from here on.
    ///
    /// # Errors
    /// When the automaton would be too large, which needs gigabytes of literals.
    pub fn new(rules: &[Rule]) -> Result<Self, aho_corasick::BuildError> {
        let mut literals: Vec<&str> = rules.iter().flat_map(|r| r.needs.iter().map(AsRef::as_ref)).collect();
        literals.sort_unstable();
        literals.dedup();
        let mut rules_of = vec![Bits::new(rules.len()); literals.len()];
        let mut always = Bits::new(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            if rule.needs.is_empty() {
                always.insert(index);
            }
            for need in rule.needs.iter() {
                if let Ok(i) = literals.binary_search(&need.as_ref())
                    && let Some(bits) = rules_of.get_mut(i)
                {
                    bits.insert(index);
                }
            }
        }
        let automaton = if literals.is_empty() {
            None
        } else {
            let mut builder = AhoCorasickBuilder::new();
            builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
            Some(builder.build(&literals)?)
        };
        Ok(Self { automaton, rules_of, always })
    }

    /// Sets `candidates` to the rules that could match `text`.
    pub fn candidates(&self, text: &[u8], candidates: &mut Bits) {
        candidates.clear();
        candidates.insert_all(&self.always);
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_overlapping_iter(text) {
            if let Some(rules) = self.rules_of.get(found.pattern().as_usize()) {
                candidates.insert_all(rules);
            }
        }
    }

    /// How many literals it holds.
    #[must_use]
    pub fn literals(&self) -> usize {
        self.rules_of.len()
    }
}
