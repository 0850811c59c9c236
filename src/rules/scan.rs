//! A value against a ruleset: transform, prefilter, confirm.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use regex::bytes::Regex;

use super::bits::Bits;
use super::pattern;
use super::prefilter::{Hits, Prefilter};
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
    regex: OnceLock<Option<Regex>>,
}

#[derive(Debug)]
struct Pipeline {
    transforms: TransformSet,
    decoders: TransformSet,
    normalisers: TransformSet,
    /// The needs of its rules.
    needs: Bits,
}

/// Room that a scan reuses from value to value: what the value holds as it is, decoded, and normalised as well.
#[derive(Debug)]
pub struct Scratch {
    plain: Hits,
    decoded: Hits,
    normalised: Hits,
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
                    pipelines.push(Pipeline { transforms, decoders, normalisers, needs });
                }
            }
            for (bits, target) in by_target.iter_mut().zip(Target::ALL) {
                if rule.targets.may_include(*target) {
                    bits.insert(need);
                }
            }
        }
        // Neighbours with the same decoders share what they decoded.
        pipelines.sort_by_key(|pipeline| pipeline.decoders.bits());
        let active = rules.into_iter().zip(counts);
        let active = active.map(|(rule, counts)| Active { rule, counts, regex: OnceLock::new() }).collect();
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
        Scratch { plain: hits(), decoded: hits(), normalised: hits() }
    }

    /// Looks at one value; breaks off when the observer says so.
    pub fn scan(&self, value: &Value<'_>, scratch: &mut Scratch, observer: &mut impl Observer) -> ControlFlow<()> {
        let Some(of_target) = self.by_target.get(value.target as usize) else { return ControlFlow::Continue(()) };
        self.prefilter.pass(value.bytes, &mut scratch.plain);
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
                    decoded = decoders.apply(value.bytes, traits);
                    (normalisers, meets) = if matches!(decoded, Cow::Owned(_)) {
                        self.prefilter.pass(&decoded, &mut scratch.decoded);
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
                pipeline.normalisers.apply(&decoded, hits.traits)
            };
            observer.text(pipeline.transforms, &text);
            let hits = match text {
                Cow::Borrowed(_) if !meets => continue,
                Cow::Borrowed(_) => hits,
                Cow::Owned(_) => {
                    self.prefilter.pass(&text, &mut scratch.normalised);
                    &scratch.normalised
                }
            };
            let mut last = None;
            for index in self.prefilter.candidates(hits, &pipeline.needs, of_target) {
                let Some(active) = self.active.get(index).filter(|_| last != Some(index)) else { continue };
                last = Some(index);
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
