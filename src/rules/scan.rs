//! A value against a ruleset: transform, prefilter, confirm.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use super::bits::Bits;
use super::effort::Effort;
use super::expression::{Caches, Expression, Near};
use super::grams::Map;
use super::prefilter::{Candidate, Hits, Prefilter};
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
    /// All that any pipeline does.
    transforms: TransformSet,
    /// What a value must hold to be changed by any of it, unless it is base64.
    gate: Traits,
    /// The needs of rules that look at each target, in the order of [`Target::ALL`].
    by_target: Vec<Bits>,
    prefilter: Prefilter,
}

#[derive(Debug)]
struct Active {
    rule: Rule,
    counts: bool,
    /// Compiled when first needed: on harmless traffic most never are.
    expression: OnceLock<Expression>,
}

#[derive(Debug)]
struct Pipeline {
    transforms: TransformSet,
    decoders: TransformSet,
    normalisers: TransformSet,
    /// The needs of its rules.
    needs: Bits,
    /// Their grams, for the texts that only these rules see.
    map: Option<Map>,
}

/// Room that a scan reuses from value to value: what the value holds as it is, decoded, and normalised as well, and what the
/// rules' automata have built.
#[derive(Debug)]
pub struct Scratch {
    plain: Hits,
    decoded: Hits,
    normalised: Hits,
    caches: Caches,
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
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = (Rule, bool)>) -> Self {
        let (rules, counts): (Vec<Rule>, Vec<bool>) = rules.into_iter().unzip();
        let prefilter = Prefilter::new(&rules);
        let mut pipelines: Vec<Pipeline> = Vec::new();
        let mut by_target = vec![prefilter.no_needs(); Target::ALL.len()];
        let needs = rules.iter().flat_map(|rule| rule.needs.iter().map(move |_| rule));
        for (need, rule) in needs.enumerate() {
            // Patterns ignore case by themselves, so a lower-case copy would change nothing.
            let transforms = rule.transforms.without(Transform::Lowercase);
            match pipelines.iter_mut().find(|p| p.transforms == transforms) {
                Some(pipeline) => pipeline.needs.insert(need),
                None => {
                    let (decoders, normalisers) = (transforms.decoders(), transforms.normalisers());
                    let mut needs = prefilter.no_needs();
                    needs.insert(need);
                    pipelines.push(Pipeline { transforms, decoders, normalisers, needs, map: None });
                }
            }
            for (bits, target) in by_target.iter_mut().zip(Target::ALL) {
                if rule.targets.may_include(*target) {
                    bits.insert(need);
                }
            }
        }
        for pipeline in pipelines.iter_mut().filter(|pipeline| pipeline.normalisers != TransformSet::EMPTY) {
            pipeline.map = Some(prefilter.narrowed(&pipeline.needs));
        }
        // Neighbours with the same decoders share what they decoded.
        pipelines.sort_by_key(|pipeline| pipeline.decoders.bits());
        let active = rules.into_iter().zip(counts);
        let active = active.map(|(rule, counts)| Active { rule, counts, expression: OnceLock::new() }).collect();
        let transforms = pipelines.iter().fold(TransformSet::EMPTY, |all, pipeline| all.union(pipeline.transforms));
        Self { active, pipelines, transforms, gate: transforms.gate(), by_target, prefilter }
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

    /// Room of the right size for [`Ruleset::scan`].
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        let hits = || self.prefilter.hits();
        Scratch { plain: hits(), decoded: hits(), normalised: hits(), caches: Caches::new(self.active.len()) }
    }

    /// Looks at one value; breaks off when the observer says so, or when `effort` is spent.
    pub fn scan(
        &self,
        value: &Value<'_>,
        scratch: &mut Scratch,
        effort: &mut Effort,
        observer: &mut impl Observer,
    ) -> ControlFlow<()> {
        let Some(of_target) = self.by_target.get(value.target as usize) else { return ControlFlow::Continue(()) };
        self.pass(None, value.bytes, &mut scratch.plain, effort);
        let traits = scratch.plain.traits;
        let at_work = if traits.any(self.gate) || traits.may_be_base64(value.bytes) {
            self.transforms.at_work(value.bytes, traits)
        } else {
            TransformSet::EMPTY
        };
        // Most values look the same to all rules, and hold nothing that any needs.
        if at_work == TransformSet::EMPTY && !scratch.plain.meets(of_target) {
            observer.text(TransformSet::EMPTY, value.bytes);
            return ControlFlow::Continue(());
        }
        let mut decoded = Cow::Borrowed(value.bytes);
        let mut decoders = TransformSet::EMPTY;
        // What may still change the decoded text, and whether it holds what any rule needs as it is.
        let mut normalisers = at_work;
        let mut meets = scratch.plain.meets(of_target);
        for pipeline in &self.pipelines {
            if pipeline.decoders != decoders {
                decoders = pipeline.decoders;
                if !decoders.is_disjoint(at_work) {
                    effort.spend_on(value.bytes.len(), UNITS_OF_DECODERS);
                    decoded = decoders.apply(value.bytes, traits);
                    (normalisers, meets) = if matches!(decoded, Cow::Owned(_)) {
                        self.pass(None, &decoded, &mut scratch.decoded, effort);
                        let hits = &scratch.decoded;
                        (self.transforms.at_work(&decoded, hits.traits), hits.meets(of_target))
                    } else {
                        (at_work, scratch.plain.meets(of_target))
                    };
                }
            }
            let hits = if matches!(decoded, Cow::Owned(_)) { &scratch.decoded } else { &scratch.plain };
            let text = if pipeline.normalisers.is_disjoint(normalisers) {
                Cow::Borrowed(decoded.as_ref())
            } else {
                effort.spend_on(decoded.len(), UNITS_OF_NORMALISERS);
                pipeline.normalisers.apply(&decoded, hits.traits)
            };
            observer.text(pipeline.transforms, &text);
            let hits = match text {
                Cow::Borrowed(_) if !meets => continue,
                Cow::Borrowed(_) => hits,
                Cow::Owned(_) => {
                    self.pass(pipeline.map.as_ref(), &text, &mut scratch.normalised, effort);
                    &scratch.normalised
                }
            };
            let mut last = None;
            for candidate in self.prefilter.candidates(hits, &pipeline.needs, of_target) {
                // Rules of several needs look at the whole text.
                let is_new = last.replace(candidate.rule) != Some(candidate.rule);
                let Some(active) = self.active.get(candidate.rule).filter(|_| is_new) else { continue };
                if active.rule.targets.include(value) {
                    observer.candidate(&active.rule);
                    let found = active.confirm(&text, candidate, hits, &mut scratch.caches, effort);
                    if effort.is_spent() {
                        return ControlFlow::Break(());
                    }
                    if let Some(span) = found {
                        let (rule, counts) = (&active.rule, active.counts);
                        observer.matched(&Match { rule, counts, value, text: &text, span })?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// What of `text` the rules need.
    fn pass(&self, map: Option<&Map>, text: &[u8], hits: &mut Hits, effort: &mut Effort) {
        match map {
            Some(map) => self.prefilter.pass_by(map, text, hits),
            None => self.prefilter.pass(text, hits),
        }
        effort.spend_on(text.len(), UNITS_OF_BYTE);
        effort.spend_on(hits.compared, UNITS_OF_LITERAL);
    }
}

/// What a byte costs that the prefilter passes over, and a literal that it compares.
const UNITS_OF_BYTE: u64 = 2;
const UNITS_OF_LITERAL: u64 = 4;
/// What a byte costs that the decoders look at, and one that the normalisers do.
const UNITS_OF_DECODERS: u64 = 20;
const UNITS_OF_NORMALISERS: u64 = 4;
/// What a byte costs that a detector looks at, whatever it is.
const UNITS_OF_DETECTOR: u64 = 8;

impl Active {
    fn confirm(
        &self,
        text: &[u8],
        candidate: Candidate,
        hits: &Hits,
        caches: &mut Caches,
        effort: &mut Effort,
    ) -> Option<Span> {
        match &self.rule.matcher {
            Matcher::Detector(detector) => {
                effort.spend_on(text.len(), UNITS_OF_DETECTOR);
                detector.detect(text)
            }
            Matcher::Regex(source) => {
                let ignore_case = self.rule.transforms.contains(Transform::Lowercase);
                let expression = self.expression.get_or_init(|| Expression::new(source, ignore_case));
                let Candidate { rule, need, lead } = candidate;
                let is_near = hits.spots.are_noted() && !lead.is_anywhere();
                let near = is_near.then_some(Near { spots: &hits.spots, need, lead });
                expression.find(text, near, (caches, rule), effort)
            }
        }
    }
}
