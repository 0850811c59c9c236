//! The narrowest exclusions that let wanted traffic pass, proved by replaying it with them.

use backstop::document::{Item, Report, from_yaml};
use backstop::engine::Engine;
use backstop::rules::exclusion::Exclusion;
use serde_json::{Value as Json, json};

use super::super::args::{Format, ReplayRequest, Usage};
use super::super::{Found, unix_s};
use super::compare::Comparison;
use super::input::Input;
use super::narrow::{self, Narrow};
use super::refused::{Model, Refused};
use super::{DEFAULT_SAMPLES, Sender, engine, pass};

/// A proposal ends after so many days, so that somebody looks again.
const DAYS: u64 = 90;

const SECONDS_A_DAY: u64 = 86_400;

/// What was spared may bring other rules to light; each round adds what the one before did not see.
const MAX_ROUNDS: usize = 4;

/// Prints exclusions for the harmless requests of `inputs`, and what they do to them and to `attacks`; finds something
/// if a harmless request is refused all the same, or an attack is let in.
pub fn run(
    base: &Sender,
    inputs: &[Input],
    attacks: &[Input],
    request: &ReplayRequest,
    format: Format,
) -> Result<Found, Usage> {
    let fresh = || engine(request.config.as_deref());
    let mut model = Model::new(base.engine.config.threshold);
    let mut proposal = Proposal::new(&model);
    let mut sender = Sender::new(fresh()?);
    for _ in 0..MAX_ROUNDS {
        let known = model.len();
        pass::over(inputs, &request.flags, "looking for what is refused", &mut |record| {
            if !record.is_attack
                && !record.is_doubted
                && let Some(details) = sender.send(record)
            {
                model.add(Refused::of(&base.engine, record, details));
            }
        })?;
        if model.len() == known {
            break;
        }
        proposal = Proposal::new(&model);
        sender = Sender::new(proposal.apply(fresh()?)?);
    }
    let mut comparison = Comparison::new(request.samples.unwrap_or(DEFAULT_SAMPLES));
    let mut aim = Aim { would_pass: vec![0; proposal.exclusions.len()], attacks: 0 };
    for (inputs, doing) in [(inputs, "proving"), (attacks, "attacking")] {
        pass::over(inputs, &request.flags, doing, &mut |record| {
            let details = comparison.add(record, base, &sender);
            if let Some(details) = details.filter(|_| record.is_attack && !record.is_doubted) {
                aim.add(&Refused::of(&base.engine, record, details), &proposal, model.threshold);
            }
        })?;
    }
    match format {
        Format::Text => {
            print!("{}", proposal.to_yaml());
            eprint!("{comparison}");
            eprint!("{}", summary(&comparison, &model, &proposal, &aim));
        }
        Format::Json => {
            let json = json!({
                "exclusions": proposal.to_json(),
                "harmless": comparison.harmless.to_json(),
                "attacks": comparison.attacks.to_json(),
                "hopeless": model.hopeless(),
                "aimed": {"attacks": aim.attacks, "would_pass": aim.would_pass},
                "proof": comparison.to_json(),
            });
            println!("{json}");
        }
    }
    let clean = comparison.harmless.after == 0 && comparison.attacks.newly_passed == 0;
    Ok(if clean { Found::Clean } else { Found::Something })
}

/// What the exclusions do, in sentences.
fn summary(comparison: &Comparison, model: &Model, proposal: &Proposal, aim: &Aim) -> String {
    let (harmless, attacks) = (comparison.harmless, comparison.attacks);
    let mut text = format!(
        "\nof {} harmless requests {} are refused, with these exclusions {}\n\
         of {} attacks {} are refused, with these exclusions {}: {} let in\n",
        harmless.requests,
        harmless.before,
        harmless.after,
        attacks.requests,
        attacks.before,
        attacks.after,
        attacks.newly_passed,
    );
    for (why, requests) in model.hopeless() {
        text.push_str(&format!("no exclusion helps {requests} requests {why}\n"));
    }
    if aim.attacks > 0 {
        text.push_str(&format!(
            "if sent to the very place, of these {} refused attacks at most so many would pass:\n",
            aim.attacks
        ));
        for ((exclusion, _), count) in proposal.exclusions.iter().zip(&aim.would_pass) {
            text.push_str(&format!("{count:8}  {}\n", exclusion.title()));
        }
    }
    text
}

/// Exclusions with the number of requests that each is for.
struct Proposal {
    exclusions: Vec<(Narrow, u64)>,
    unix_day: u64,
}

impl Proposal {
    fn new(model: &Model) -> Self {
        let exclusions = narrow::exclusions(&model.spots());
        let exclusions = exclusions.into_iter().map(|e| (model.helped_by(&e), e)).map(|(n, e)| (e, n)).collect();
        Self { exclusions, unix_day: unix_s() / SECONDS_A_DAY }
    }

    fn reason(&self, requests: u64) -> String {
        format!("proposed by replay from {requests} requests, {}", date(self.unix_day))
    }

    fn until(&self) -> String {
        date(self.unix_day.saturating_add(DAYS))
    }

    fn to_yaml(&self) -> String {
        if self.exclusions.is_empty() {
            return "exclusions: []\n".to_owned();
        }
        let one = |(exclusion, requests): &(Narrow, u64)| exclusion.to_yaml(&self.reason(*requests), &self.until());
        format!("exclusions:\n{}", self.exclusions.iter().map(one).collect::<String>())
    }

    fn to_json(&self) -> Json {
        let one = |(exclusion, requests): &(Narrow, u64)| exclusion.to_json(&self.reason(*requests), &self.until());
        self.exclusions.iter().map(one).collect()
    }

    /// Adds the exclusions to an engine by the very text that is printed.
    fn apply(&self, mut engine: Engine) -> Result<Engine, Usage> {
        let unusable = |what: String| Usage(format!("the proposed exclusions are no valid config: {what}"));
        let documents = from_yaml(&self.to_yaml()).map_err(|d| unusable(d.to_string()))?;
        let mut report = Report::default();
        if let Some(list) = documents.first().and_then(|document| document.get("exclusions")) {
            let item = Item { path: "exclusions".to_owned(), ..Item::root(list) };
            let list = Exclusion::read_list(&item, &engine.config.rules, unix_s(), &mut report);
            engine.config.exclusions.extend(list);
        }
        match report.diagnostics.first() {
            Some(diagnostic) => Err(unusable(diagnostic.to_string())),
            None => Ok(engine),
        }
    }
}

/// What each exclusion would be worth to somebody who knows of it.
struct Aim {
    would_pass: Vec<u64>,
    attacks: u64,
}

impl Aim {
    /// Adds a refused attack.
    fn add(&mut self, attack: &Refused, proposal: &Proposal, threshold: u64) {
        self.attacks = self.attacks.saturating_add(1);
        for ((exclusion, _), count) in proposal.exclusions.iter().zip(&mut self.would_pass) {
            *count = count.saturating_add(u64::from(attack.passes_without(&exclusion.rules, threshold)));
        }
    }
}

/// A day since 1970-01-01 as `2027-03-31`.
fn date(unix_day: u64) -> String {
    let is_leap = |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let (mut year, mut day) = (1970_u64, unix_day);
    while day >= 365_u64.saturating_add(u64::from(is_leap(year))) {
        day = day.saturating_sub(365_u64.saturating_add(u64::from(is_leap(year))));
        year = year.saturating_add(1);
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1_u64;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day = day.saturating_sub(length);
        month = month.saturating_add(1);
    }
    format!("{year}-{month:02}-{:02}", day.saturating_add(1))
}
