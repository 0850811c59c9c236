//! What refuses wanted requests, and the fewest places that must be spared for them to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use backstop::engine::Engine;
use backstop::extract::{self, Value};
use backstop::http::{Header, Request};
use backstop::path::Path;
use backstop::rules::effort::Effort;
use backstop::rules::{Match, Observer};

use super::narrow::{Narrow, Spot};
use super::record::Record;

/// A refused request: every rule that counts, with its score and all the places where it matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    path: String,
    rules: BTreeMap<String, (u32, BTreeSet<String>)>,
    /// Why no exclusion can help, whatever the rules say; empty if one can.
    hopeless: String,
}

impl Refused {
    /// What refused `record`, which the engine refused for `details`.
    pub fn of(engine: &Engine, record: &Record, details: String) -> Self {
        let headers: Vec<Header<'_>> = record.headers.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
        let request = Request { headers: &headers };
        let path = Path::normalise(request.path());
        let mut refused = Self { path: String::from_utf8_lossy(path.as_bytes()).into_owned(), ..Self::default() };
        let mut scratch = engine.ruleset.scratch();
        let mut visit = |value: &Value<'_>| {
            let _ = engine.ruleset.scan(value, &mut scratch, &mut Effort::unlimited(), &mut refused);
        };
        extract::head(&request, &mut visit);
        let limit = engine.body_limits(&path).inspect_bytes;
        let body = record.body.get(..limit).unwrap_or(&record.body);
        let content_type = request.joined("content-type");
        extract::body(&content_type, body, body.len() == record.body.len(), &mut visit);
        let names_itself = Path::normalise(refused.path.as_bytes()).as_bytes() == path.as_bytes();
        if refused.score(|_, _| false) < engine.config.threshold {
            refused.hopeless = format!("refused for something other than rules: {details}");
        } else if path.is_ambiguous() {
            refused.hopeless = "on a path that applications may read in two ways".to_owned();
        } else if !names_itself || refused.path.contains('?') || !refused.path.starts_with('/') {
            refused.hopeless = "on a path that no pattern can name".to_owned();
        }
        refused
    }

    /// The score of the rules that are not spared in every place where they match.
    fn score(&self, is_spared: impl Fn(&str, &str) -> bool) -> u64 {
        let counts =
            |(rule, (_, places)): &(&String, &(u32, BTreeSet<String>))| !places.iter().all(|p| is_spared(rule, p));
        self.rules.iter().filter(counts).fold(0_u64, |sum, (_, (score, _))| sum.saturating_add(u64::from(*score)))
    }

    /// Whether it would pass if these rules were not there.
    pub fn passes_without(&self, rules: &BTreeSet<String>, threshold: u64) -> bool {
        self.score(|rule, _| rules.contains(rule)) < threshold
    }

    fn spot(&self, rule: &str, place: &str) -> Spot {
        Spot { path: self.path.clone(), rule: rule.to_owned(), place: place.to_owned() }
    }

    fn spots(&self) -> impl Iterator<Item = Spot> {
        self.rules.iter().flat_map(|(rule, (_, places))| places.iter().map(|place| self.spot(rule, place)))
    }
}

impl Observer for Refused {
    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()> {
        if found.counts {
            let rule = self.rules.entry(found.rule.id.to_string()).or_default();
            rule.0 = found.rule.severity.score();
            rule.1.insert(target(found.value));
        }
        ControlFlow::Continue(())
    }
}

/// The place of a value as exclusions name it. Names that are no UTF-8 are named by how they begin.
fn target(value: &Value<'_>) -> String {
    let kind = value.target.as_str();
    match std::str::from_utf8(value.name) {
        Ok("") => kind.to_owned(),
        Ok(name) => format!("{kind}:{name}"),
        Err(e) => {
            let begin = value.name.get(..e.valid_up_to()).unwrap_or_default();
            format!("{kind}:{}*", String::from_utf8_lossy(begin))
        }
    }
}

/// All refused requests, those alike counted together.
#[derive(Debug)]
pub struct Model {
    /// The score at which a request is refused.
    pub threshold: u64,
    seen: BTreeMap<Refused, u64>,
}

impl Model {
    /// Nothing refused yet.
    pub fn new(threshold: u64) -> Self {
        Self { threshold, seen: BTreeMap::new() }
    }

    /// Adds one.
    pub fn add(&mut self, refused: Refused) {
        let count = self.seen.entry(refused).or_default();
        *count = count.saturating_add(1);
    }

    /// How many different ones there are.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Why no exclusion helps, and how many requests.
    pub fn hopeless(&self) -> BTreeMap<&str, u64> {
        let mut reasons = BTreeMap::<&str, u64>::new();
        for (refused, requests) in self.seen.iter().filter(|(refused, _)| !refused.hopeless.is_empty()) {
            let count = reasons.entry(&refused.hopeless).or_default();
            *count = count.saturating_add(*requests);
        }
        reasons
    }

    /// How many requests an exclusion has a part in letting pass.
    pub fn helped_by(&self, exclusion: &Narrow) -> u64 {
        let helped = self.seen.iter().filter(|(refused, _)| refused.spots().any(|spot| exclusion.spares(&spot)));
        helped.fold(0, |sum, (_, requests)| sum.saturating_add(*requests))
    }

    /// Spots that, once spared, bring every request below the threshold; none of them can be left out.
    pub fn spots(&self) -> BTreeSet<Spot> {
        let mut by_path = BTreeMap::<&str, Vec<&Refused>>::new();
        for refused in self.seen.keys().filter(|refused| refused.hopeless.is_empty()) {
            by_path.entry(&refused.path).or_default().push(refused);
        }
        by_path.into_values().flat_map(|refused| self.spots_of_path(&refused)).collect()
    }

    fn spots_of_path(&self, all: &[&Refused]) -> BTreeSet<Spot> {
        let mut spots = BTreeSet::new();
        let passes = |refused: &Refused, spots: &BTreeSet<Spot>| {
            refused.score(|rule, place| spots.contains(&refused.spot(rule, place))) < self.threshold
        };
        for refused in all {
            // The weightiest rules first: sparing them takes the fewest.
            let mut rules: Vec<_> = refused.rules.iter().collect();
            rules.sort_by_key(|(_, (score, places))| (std::cmp::Reverse(*score), places.len()));
            for (rule, (_, places)) in rules {
                if passes(refused, &spots) {
                    break;
                }
                spots.extend(places.iter().map(|place| refused.spot(rule, place)));
            }
        }
        // What was spared for one request may be needless after what was spared for another.
        for spot in spots.clone() {
            spots.remove(&spot);
            if !all.iter().all(|refused| passes(refused, &spots)) {
                spots.insert(spot);
            }
        }
        spots
    }
}
