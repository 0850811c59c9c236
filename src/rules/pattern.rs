//! Regular expressions of rules: how they are parsed and checked, and made into automata.

use std::borrow::Cow;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, HirKind, Repetition};

use super::glushkov::{TooLarge, automaton};
use super::packed::Packed;

/// A rule's expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// As it was written.
    pub source: Cow<'static, str>,
    /// The automaton of what it is [`relaxed`] to.
    pub relaxed: Packed,
    /// Its own automaton, if that is another one.
    pub exact: Option<Packed>,
}

impl Pattern {
    /// `source`, which was parsed into `hir`, with case ignored or not.
    ///
    /// # Errors
    /// When one of its automata would be too large.
    pub fn new(source: String, hir: &Hir, ignore_case: bool) -> Result<Self, TooLarge> {
        let packed = |hir: &Hir| {
            let folded = ignore_case.then(|| folded(hir));
            automaton(folded.as_ref().unwrap_or(hir), ignore_case)
        };
        let relaxed = relaxed(hir);
        let exact = if relaxed == *hir { None } else { Some(packed(hir)?) };
        Ok(Self { source: Cow::Owned(source), relaxed: packed(&relaxed)?, exact })
    }
}

/// `pattern` as the `regex` crate understands it, over bytes, with ASCII classes, case ignored or not: what our automata are held
/// to. The module does not need it, and leaves it out.
///
/// # Errors
/// When it is no regular expression of that crate, or larger than it allows.
pub fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).case_insensitive(ignore_case).build()
}

/// Parses `pattern` the way [`compile`] does.
///
/// # Errors
/// The parser's message.
pub fn parse(pattern: &str, ignore_case: bool) -> Result<Hir, String> {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).case_insensitive(ignore_case).build();
    parser.parse(pattern).map_err(|e| {
        // The first lines of the message draw the place; the last one says what is wrong.
        e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}

/// An automaton counts so far.
const MAX_COUNT: u32 = 4;

/// `hir` with what it repeats more than a few times repeated without end: it matches all that `hir` does and more, but an
/// automaton for it needs no states to count in.
#[must_use]
pub fn relaxed(hir: &Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(relaxed).collect();
    match hir.kind() {
        HirKind::Capture(capture) => relaxed(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
        HirKind::Repetition(repetition) => {
            let Repetition { min, max, greedy, ref sub } = *repetition;
            let of_one = sub.properties().minimum_len() == Some(1) && sub.properties().maximum_len() == Some(1);
            let counts = of_one && max.is_none_or(|max| max > MAX_COUNT);
            let (min, max) = if counts { (min.min(1), None) } else { (min, max) };
            Hir::repetition(Repetition { min, max, greedy, sub: Box::new(relaxed(sub)) })
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}

/// `hir`, which ignores case, for texts in lower case only: it has half the states, since no letter is two.
#[must_use]
pub fn folded(hir: &Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(folded).collect();
    match hir.kind() {
        HirKind::Class(Class::Bytes(class)) => {
            let mut capitals = ClassBytes::new([ClassBytesRange::new(b'A', b'Z')]);
            capitals.negate();
            let mut class = class.clone();
            class.intersect(&capitals);
            match class.ranges() {
                [range] if range.start() == range.end() => Hir::literal([range.start()]),
                _ => Hir::class(Class::Bytes(class)),
            }
        }
        HirKind::Capture(capture) => folded(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
        HirKind::Repetition(repetition) => {
            Hir::repetition(Repetition { sub: Box::new(folded(&repetition.sub)), ..repetition.clone() })
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}
