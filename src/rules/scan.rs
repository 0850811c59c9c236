//! A value against a ruleset: transform, prefilter, confirm.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::bits::Bits;
use super::effort::Effort;
use super::expression::{Caches, Near};
use super::grams::Map;
use super::prefilter::{Candidate, Hits, Prefilter};
use super::rule::{Matcher, Rule};
use super::spots::LONG;
use crate::decode::{Traits, Transform, TransformSet, Work};
use crate::extract::{Target, Value};
use crate::verdict::Span;

/// Rules made ready to run.
#[derive(Debug)]
pub struct Ruleset {
    active: Vec<Active>,
    groups: Vec<Group>,
    /// The grams of all groups but the one with the most rules.
    light: Map,
    /// All that any rule wants.
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
}

/// Pipelines with the same decoders share what these make of a text.
#[derive(Debug)]
struct Group {
    decoders: TransformSet,
    pipelines: Vec<Pipeline>,
    /// Whether another one has more rules.
    is_light: bool,
}

/// Rules that want the same transforms see the same text, made once.
#[derive(Debug)]
struct Pipeline {
    transforms: TransformSet,
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
        let mut groups: Vec<Group> = Vec::new();
        let mut by_target = vec![prefilter.no_needs(); Target::ALL.len()];
        let needs = rules.iter().flat_map(|rule| rule.needs.iter().map(move |_| rule));
        for (need, rule) in needs.enumerate() {
            // Patterns ignore case by themselves, so a lower-case copy would change nothing.
            let transforms = rule.transforms.without(Transform::Lowercase);
            let decoders = transforms.decoders();
            let none = || Group { decoders, pipelines: Vec::new(), is_light: true };
            let group = find_or_push(&mut groups, |group| group.decoders == decoders, none);
            let (normalisers, no_needs) = (transforms.normalisers(), || prefilter.no_needs());
            let none = || Pipeline { transforms, normalisers, needs: no_needs(), map: None };
            let pipeline = group.and_then(|g| find_or_push(&mut g.pipelines, |p| p.transforms == transforms, none));
            pipeline.into_iter().for_each(|pipeline| pipeline.needs.insert(need));
            for (bits, target) in by_target.iter_mut().zip(Target::ALL) {
                if rule.targets.may_include(*target) {
                    bits.insert(need);
                }
            }
        }
        groups.sort_by_key(|group| group.decoders.bits());
        if let Some(heaviest) = groups.iter_mut().max_by_key(|group| group.needs(&prefilter).len()) {
            heaviest.is_light = false;
        }
        let pipelines = groups.iter_mut().flat_map(|group| &mut group.pipelines);
        for pipeline in pipelines.filter(|pipeline| pipeline.normalisers != TransformSet::EMPTY) {
            pipeline.map = Some(prefilter.narrowed(&pipeline.needs));
        }
        let mut light = prefilter.no_needs();
        groups.iter().filter(|group| group.is_light).for_each(|group| light.insert_all(&group.needs(&prefilter)));
        let light = prefilter.narrowed(&light);
        let active = rules.into_iter().zip(counts);
        let active: Vec<Active> = active.map(|(rule, counts)| Active { rule, counts }).collect();
        let of_rules = active.iter().map(|active| active.rule.transforms.without(Transform::Lowercase));
        let transforms = of_rules.fold(TransformSet::EMPTY, TransformSet::union);
        Self { active, groups, light, transforms, gate: transforms.gate(), by_target, prefilter }
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
        let Scratch { plain, decoded: room, normalised, caches } = scratch;
        // Where decoders change a long text, only the few rules that want it as it came need to know what that holds.
        let is_long = value.bytes.len() >= LONG;
        let changes = if is_long { self.at_work(value.bytes, Traits::of(value.bytes)) } else { TransformSet::EMPTY };
        let mut is_light = self.groups.iter().any(|group| !group.is_light && !group.decoders.is_disjoint(changes));
        self.pass(is_light.then_some(&self.light), value.bytes, plain, effort);
        let at_work = self.at_work(value.bytes, plain.traits);
        // Most values look the same to all rules, and hold nothing that any needs.
        if at_work == TransformSet::EMPTY && !plain.meets(of_target) {
            observer.text(TransformSet::EMPTY, value.bytes);
            return ControlFlow::Continue(());
        }
        for group in &self.groups {
            let decoded = if group.decoders.is_disjoint(at_work) {
                Cow::Borrowed(value.bytes)
            } else {
                transformed(group.decoders, value.bytes, plain.traits, effort)
            };
            // What may still change the decoded text.
            let (hits, normalisers) = if let Cow::Owned(decoded) = &decoded {
                self.pass(group.is_light.then_some(&self.light), decoded, room, effort);
                (&*room, self.transforms.at_work(decoded, room.traits))
            } else {
                if is_light && !group.is_light {
                    self.pass(None, value.bytes, plain, effort);
                    is_light = false;
                }
                (&*plain, at_work)
            };
            let meets = hits.meets(of_target);
            for pipeline in &group.pipelines {
                let text = if pipeline.normalisers.is_disjoint(normalisers) {
                    Cow::Borrowed(decoded.as_ref())
                } else {
                    transformed(pipeline.normalisers, &decoded, hits.traits, effort)
                };
                observer.text(pipeline.transforms, &text);
                let hits = match text {
                    Cow::Borrowed(_) if !meets => continue,
                    Cow::Borrowed(_) => hits,
                    Cow::Owned(_) => {
                        self.pass(pipeline.map.as_ref(), &text, normalised, effort);
                        &*normalised
                    }
                };
                effort.spend(UNITS_OF_PIPELINE);
                // The rule that was looked at last, if it needs no other look.
                let mut done = None;
                for candidate in self.prefilter.candidates(hits, &pipeline.needs, of_target) {
                    let Some(active) = self.active.get(candidate.rule) else { continue };
                    if done == Some(candidate.rule) || !active.rule.targets.include(value) {
                        continue;
                    }
                    effort.spend(UNITS_OF_CANDIDATE);
                    let near = active.near(candidate, hits);
                    observer.candidate(&active.rule);
                    let found = active.confirm(&text, near, (caches, candidate.rule), effort);
                    if near.is_none() || found.is_some() {
                        done = Some(candidate.rule);
                    }
                    if let Some(span) = found {
                        let (rule, counts) = (&active.rule, active.counts);
                        observer.matched(&Match { rule, counts, value, text: &text, span })?;
                    }
                    if effort.is_spent() {
                        return ControlFlow::Break(());
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// The transforms that may change `value`, whose symbols are `traits`.
    fn at_work(&self, value: &[u8], traits: Traits) -> TransformSet {
        if traits.any(self.gate) || traits.may_be_base64(value) {
            self.transforms.at_work(value, traits)
        } else {
            TransformSet::EMPTY
        }
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
const UNITS_OF_BYTE: u64 = 13;
const UNITS_OF_LITERAL: u64 = 62;
/// What it costs to go through the rules of a pipeline whose literals a text may hold, and to look at one of them.
const UNITS_OF_PIPELINE: u64 = 300;
const UNITS_OF_CANDIDATE: u64 = 500;
/// What a byte costs that a transform reads, and what more if it changes what it reads.
const UNITS_OF_READING: u64 = 1;
const UNITS_OF_CHANGING: u64 = 15;

/// `text`, whose symbols are `traits`, with all of the set applied.
fn transformed<'t>(set: TransformSet, text: &'t [u8], traits: Traits, effort: &mut Effort) -> Cow<'t, [u8]> {
    let mut work = Work::default();
    let text = set.apply_counted(text, traits, &mut work);
    effort.spend_on(work.read, UNITS_OF_READING);
    effort.spend_on(work.changed, UNITS_OF_CHANGING);
    text
}

impl Group {
    /// The needs of its rules.
    fn needs(&self, prefilter: &Prefilter) -> Bits {
        let mut needs = prefilter.no_needs();
        self.pipelines.iter().for_each(|pipeline| needs.insert_all(&pipeline.needs));
        needs
    }
}

/// The first of `items` that `is_it` accepts, added if there is none.
fn find_or_push<T>(items: &mut Vec<T>, is_it: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> Option<&mut T> {
    if !items.iter().any(&is_it) {
        items.push(new());
    }
    items.iter_mut().find(|item| is_it(item))
}

impl Active {
    /// What of a text is worth a look if `candidate` is met by `hits`, unless it is all of it.
    fn near<'h>(&self, candidate: Candidate, hits: &'h Hits) -> Option<Near<'h>> {
        let Candidate { need, lead, .. } = candidate;
        let is_near = hits.spots.are_noted() && !lead.is_anywhere() && matches!(self.rule.matcher, Matcher::Regex(_));
        is_near.then_some(Near { spots: &hits.spots, need, lead })
    }

    fn confirm(
        &self,
        text: &[u8],
        near: Option<Near<'_>>,
        (caches, rule): (&mut Caches, usize),
        effort: &mut Effort,
    ) -> Option<Span> {
        match &self.rule.matcher {
            Matcher::Detector(detector) => detector.detect(text, effort),
            Matcher::Regex(pattern) => caches.find((rule, pattern), text, near, effort),
        }
    }
}
