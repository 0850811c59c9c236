//! What an attack looks like: rules as data, and the machinery that finds them in a value.
//!
//! `rules/<family>.yaml` is checked by [`source`] and made into a const table at build time; at start a [`Ruleset`]
//! takes the rules that the settings leave on. A value then passes one [`prefilter`] over the literals of all rules,
//! and only the rules whose literal was seen confirm with their regular expression or detector.
//!
//! An expression ([`pattern`]) becomes an automaton of positions ([`glushkov`]), const data ([`packed`]) for embedded rules; at run time that
//! is unpacked ([`nfa`]), stepped ([`dfa`]), and led to where a match may be ([`expression`]).

mod bits;
pub mod detector;
pub mod dfa;
pub mod effort;
mod embedded;
pub mod examples;
pub mod exclusion;
pub mod expression;
pub mod glushkov;
pub mod grams;
pub mod need;
pub mod nfa;
pub mod packed;
pub mod pattern;
pub mod prefilter;
pub mod reach;
pub mod required;
pub mod rule;
mod scan;
pub mod seen;
mod settings;
pub mod source;
pub mod spots;
mod trigrams;

pub use embedded::EMBEDDED;
pub use rule::{Matcher, Rule, Targets};
pub use scan::{Match, Observer, Ruleset, Scratch};
pub use settings::{FamilyMode, Referer, Settings};

pub use crate::verdict::Span;
