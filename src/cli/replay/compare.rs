//! What a change of config alters: the same requests through two engines.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value as Json, json};

use super::super::Found;
use super::super::args::{Format, ReplayRequest, Usage};
use super::input::Input;
use super::record::Record;
use super::sample::Sample;
use super::table::label;
use super::{DEFAULT_SAMPLES, Sender, pass};

/// Prints what `engine` does otherwise than `base`; finds something if it does.
pub fn run(
    base: &Sender,
    engine: &Sender,
    inputs: &[Input],
    request: &ReplayRequest,
    format: Format,
) -> Result<Found, Usage> {
    let mut comparison = Comparison::new(request.samples.unwrap_or(DEFAULT_SAMPLES));
    let pass = pass::over(inputs, &request.flags, "comparing", &mut |record| {
        comparison.add(record, base, engine);
    })?;
    match format {
        Format::Text => {
            print!("{comparison}");
            eprintln!("{pass}, each twice");
        }
        Format::Json => println!("{}", comparison.to_json()),
    }
    Ok(if comparison.is_empty() { Found::Clean } else { Found::Something })
}

/// Counts of one source, label and flag.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Requests.
    pub requests: u64,
    /// Refused by the config before.
    pub before: u64,
    /// Refused by the config after.
    pub after: u64,
    newly_refused: u64,
    /// Refused before and not after.
    pub newly_passed: u64,
}

impl Row {
    fn add(&mut self, before: bool, after: bool) {
        let counts = [
            (&mut self.requests, true),
            (&mut self.before, before),
            (&mut self.after, after),
            (&mut self.newly_refused, after && !before),
            (&mut self.newly_passed, before && !after),
        ];
        for (count, is_so) in counts {
            *count = count.saturating_add(u64::from(is_so));
        }
    }

    /// The counts as JSON.
    pub fn to_json(self) -> Json {
        json!({"requests": self.requests, "refused_before": self.before, "refused_after": self.after,
               "newly_refused": self.newly_refused, "newly_passed": self.newly_passed})
    }
}

/// Two verdicts on every request.
#[derive(Debug, Default)]
pub struct Comparison {
    rows: BTreeMap<(String, bool, String), Row>,
    /// Whether newly refused, whether an attack, and why it is or was refused.
    rules: BTreeMap<(bool, bool, String), u64>,
    wanted: usize,
    samples: Vec<Sample>,
    /// All harmless requests that are not in doubt.
    pub harmless: Row,
    /// All attacks that are not in doubt.
    pub attacks: Row,
}

impl Comparison {
    /// Nothing compared yet; `wanted` samples of each kind of change are kept.
    pub fn new(wanted: usize) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Sends a request through both engines; why the one before refused it comes back, if it did.
    pub fn add(&mut self, record: &mut Record, before: &Sender, after: &Sender) -> Option<String> {
        let old = before.send(record);
        let new = after.send(record);
        let row = self.rows.entry((record.source.clone(), record.is_attack, record.flag.clone())).or_default();
        row.add(old.is_some(), new.is_some());
        if !record.is_doubted {
            let sum = if record.is_attack { &mut self.attacks } else { &mut self.harmless };
            sum.add(old.is_some(), new.is_some());
        }
        let (details, sender) = match (&old, &new) {
            (None, Some(details)) => (details, after),
            (Some(details), None) => (details, before),
            _ => return old,
        };
        let count = self.rules.entry((new.is_some(), record.is_attack, details.clone())).or_default();
        *count = count.saturating_add(1);
        if usize::try_from(*count).is_ok_and(|count| count <= self.wanted) {
            let events = sender.world.events.borrow();
            self.samples.push(Sample::new(change(new.is_some()), record, Some(details), &events));
        }
        old
    }

    /// Whether both engines agree on everything.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// All of it as JSON.
    pub fn to_json(&self) -> Json {
        let row = |((source, is_attack, flag), row): (&(String, bool, String), &Row)| json!({"source": source, "label": label(*is_attack), "flag": flag, "counts": row.to_json()});
        let rule = |((refused, is_attack, details), n): (&(bool, bool, String), &u64)| json!({"change": change(*refused), "label": label(*is_attack), "details": details, "requests": n});
        json!({
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "changes": self.rules.iter().map(rule).collect::<Vec<_>>(),
            "samples": self.samples.iter().map(Sample::to_json).collect::<Vec<_>>(),
        })
    }
}

fn change(newly_refused: bool) -> &'static str {
    if newly_refused { "newly refused" } else { "newly passed" }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.samples.iter().try_for_each(|sample| write!(f, "{sample}"))?;
        let heads = ["requests", "before", "after", "+refused", "+passed"];
        writeln!(f, "{:44} {}", "", heads.map(|head| format!("{head:>8}")).join(" "))?;
        for ((source, is_attack, flag), row) in &self.rows {
            let name = format!("{source} {} {flag}", label(*is_attack));
            let counts = [row.requests, row.before, row.after, row.newly_refused, row.newly_passed];
            writeln!(f, "{name:44} {}", counts.map(|count| format!("{count:>8}")).join(" "))?;
        }
        if self.is_empty() {
            return writeln!(f, "\nno request fares otherwise");
        }
        writeln!(f)?;
        for ((refused, is_attack, details), requests) in &self.rules {
            writeln!(f, "{:14} {requests:8} {:9} {details}", change(*refused), label(*is_attack))?;
        }
        Ok(())
    }
}
