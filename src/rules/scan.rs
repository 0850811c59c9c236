//! A value against a ruleset: transform, prefilter, confirm.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use regex::bytes::Regex;

use super::bits::Bits;
use super::pattern;
use super::prefilter::Prefilter;
use super::rule::{Matcher, Rule};
use crate::decode::{Traits, Transform, TransformSet};
use crate::extract::{Target, Value};
use crate::verdict::Span;

/// Rules made ready to run.
#[derive(Debug)]
pub struct Ruleset {
    active: Vec<Active>,
    /// Rules that want the same transforms see the same text, made once.
    pipelines: Vec<Pipeline>,
    /// What a value must hold for any pipeline to change it.
    gate: Traits,
    /// The rules that look at each target, in the order of [`Target::ALL`].
    by_target: Vec<Bits>,
    prefilter: Prefilter,
}

#[derive(Debug)]
struct Active {
    rule: Rule,
    counts: bool,
    /// Compiled when first needed: on harmless traffic most never are.
    regex: OnceLock<Option<Regex>>,
}

#[derive(Debug)]
struct Pipeline {
    transforms: TransformSet,
    decoders: Gated,
    normalisers: Gated,
    rules: Bits,
}

/// Transforms, and what a value must hold for them to have anything to do.
#[derive(Clone, Copy, Debug)]
struct Gated {
    transforms: TransformSet,
    gate: Traits,
}

impl Gated {
    fn new(transforms: TransformSet) -> Self {
        Self { transforms, gate: transforms.gate() }
    }

    fn apply<'v>(&self, value: &'v [u8], traits: Traits) -> Cow<'v, [u8]> {
        if traits.any(self.gate) { self.transforms.apply(value, traits) } else { Cow::Borrowed(value) }
    }
}

/// Buffers that a scan reuses from value to value: candidates for the value as it is, decoded, and normalised as well.
#[derive(Debug)]
pub struct Scratch {
    plain: Candidates,
    decoded: Candidates,
    normalised: Bits,
}

/// The rules that could match a text, found when first asked for.
#[derive(Debug)]
struct Candidates {
    rules: Bits,
    known: bool,
}

impl Candidates {
    fn new(size: usize) -> Self {
        Self { rules: Bits::new(size), known: false }
    }

    fn of(&mut self, text: &[u8], prefilter: &Prefilter) -> &Bits {
        if !self.known {
            prefilter.candidates(text, &mut self.rules);
            self.known = true;
        }
        &self.rules
    }
}

/// A rule that matched.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Whether it adds to the score.
    pub counts: bool,
    /// The value as it was extracted.
    pub value: &'a Value<'a>,
    /// The value as the rule saw it.
    pub text: &'a [u8],
    /// Where in `text`.
    pub span: Span,
}

/// Who watches a scan. Only matches must be dealt with; the rest is for those who explain.
pub trait Observer {
    /// A text is about to be looked at by the rules that want `transforms`.
    fn text(&mut self, _transforms: TransformSet, _text: &[u8]) {}
    /// The prefilter let this rule through.
    fn candidate(&mut self, _rule: &Rule) {}
    /// A rule matched; the answer says whether to go on.
    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()>;
}

impl Ruleset {
    /// Makes rules ready; each comes with whether it counts towards the score.
    ///
    /// # Errors
    /// When the literals of all rules together are too many for one automaton.
    pub fn new(rules: impl IntoIterator<Item = (Rule, bool)>) -> Result<Self, aho_corasick::BuildError> {
        let (rules, counts): (Vec<Rule>, Vec<bool>) = rules.into_iter().unzip();
        let prefilter = Prefilter::new(&rules)?;
        let size = rules.len();
        let mut pipelines: Vec<Pipeline> = Vec::new();
        let mut by_target = vec![Bits::new(size); Target::ALL.len()];
        for (index, rule) in rules.iter().enumerate() {
            // Patterns ignore case by themselves, so a lower-case copy would change nothing.
            let transforms = rule.transforms.without(Transform::Lowercase);
            match pipelines.iter_mut().find(|p| p.transforms == transforms) {
                Some(pipeline) => pipeline.rules.insert(index),
                None => {
                    let (decoders, normalisers) = (transforms.decoders(), transforms.normalisers());
                    let (decoders, normalisers) = (Gated::new(decoders), Gated::new(normalisers));
                    let mut rules = Bits::new(size);
                    rules.insert(index);
                    pipelines.push(Pipeline { transforms, decoders, normalisers, rules });
                }
            }
            for (bits, target) in by_target.iter_mut().zip(Target::ALL) {
                if rule.targets.may_include(*target) {
                    bits.insert(index);
                }
            }
        }
        // Neighbours with the same decoders share what they decoded.
        pipelines.sort_by_key(|pipeline| pipeline.decoders.transforms.bits());
        let active = rules.into_iter().zip(counts);
        let active = active.map(|(rule, counts)| Active { rule, counts, regex: OnceLock::new() }).collect();
        let gates = pipelines.iter().map(|pipeline| pipeline.decoders.gate.with(pipeline.normalisers.gate));
        let gate = gates.fold(Traits::default(), Traits::with);
        Ok(Self { active, pipelines, gate, by_target, prefilter })
    }

    /// How many rules are on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.active.len()
    }

    /// Whether no rule is on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// Buffers of the right size for [`Ruleset::scan`].
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        let candidates = || Candidates::new(self.len());
        Scratch { plain: candidates(), decoded: candidates(), normalised: Bits::new(self.len()) }
    }

    /// Looks at one value; breaks off when the observer says so.
    pub fn scan(&self, value: &Value<'_>, scratch: &mut Scratch, observer: &mut impl Observer) -> ControlFlow<()> {
        let Some(of_target) = self.by_target.get(value.target as usize) else { return ControlFlow::Continue(()) };
        let mut traits = Traits::of(value.bytes);
        let plain_traits = traits;
        let mut decoded = Cow::Borrowed(value.bytes);
        let mut decoders = TransformSet::EMPTY;
        scratch.plain.known = false;
        // Most values look the same to all rules, and have no candidate.
        if !traits.any(self.gate) && !scratch.plain.of(value.bytes, &self.prefilter).meets(of_target) {
            observer.text(TransformSet::EMPTY, value.bytes);
            return ControlFlow::Continue(());
        }
        for pipeline in &self.pipelines {
            if pipeline.decoders.transforms != decoders {
                decoders = pipeline.decoders.transforms;
                decoded = pipeline.decoders.apply(value.bytes, plain_traits);
                traits = if matches!(decoded, Cow::Owned(_)) { Traits::of(&decoded) } else { plain_traits };
                scratch.decoded.known = false;
            }
            let text = pipeline.normalisers.apply(&decoded, traits);
            observer.text(pipeline.transforms, &text);
            let candidates = match (&text, &decoded) {
                (Cow::Owned(_), _) => {
                    self.prefilter.candidates(&text, &mut scratch.normalised);
                    &scratch.normalised
                }
                (Cow::Borrowed(_), Cow::Owned(_)) => scratch.decoded.of(&text, &self.prefilter),
                (Cow::Borrowed(_), Cow::Borrowed(_)) => scratch.plain.of(&text, &self.prefilter),
            };
            for index in candidates.and(&pipeline.rules, of_target) {
                let Some(active) = self.active.get(index) else { continue };
                if active.rule.targets.include(value) {
                    observer.candidate(&active.rule);
                    if let Some(span) = active.confirm(&text) {
                        let (rule, counts) = (&active.rule, active.counts);
                        observer.matched(&Match { rule, counts, value, text: &text, span })?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
}

impl Active {
    fn confirm(&self, text: &[u8]) -> Option<Span> {
        match &self.rule.matcher {
            Matcher::Detector(detector) => detector.detect(text),
            Matcher::Regex(source) => {
                let ignore_case = self.rule.transforms.contains(Transform::Lowercase);
                // It compiled when the rule was read, so it compiles here.
                let regex = self.regex.get_or_init(|| pattern::compile(source, ignore_case).ok());
                regex.as_ref()?.find(text).map(|m| Span { start: m.start(), end: m.end() })
            }
        }
    }
}
