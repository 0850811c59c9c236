//! What became of the requests of each source, label and category.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value as Json, json};

use super::record::Record;

/// Source, whether attack, category and flag.
type Group = (String, bool, String, String);

/// Requests and refusals.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    requests: u64,
    refused: u64,
}

/// The counts of a replay.
#[derive(Debug, Default)]
pub struct Table {
    cells: BTreeMap<Group, Cell>,
    wrong: BTreeMap<(String, bool, String), u64>,
    blamed: BTreeMap<(bool, String), u64>,
}

impl Table {
    /// Counts a request; how many of its kind came out wrong before it, or `u64::MAX` if it came out right or is in doubt.
    pub fn add(&mut self, record: &Record, details: Option<&str>) -> u64 {
        let group = (record.source.clone(), record.is_attack, record.category.clone(), record.flag.clone());
        let cell = self.cells.entry(group).or_default();
        cell.requests = cell.requests.saturating_add(1);
        if let Some(details) = details {
            cell.refused = cell.refused.saturating_add(1);
            let count = self.blamed.entry((record.is_attack, details.to_owned())).or_default();
            *count = count.saturating_add(1);
        }
        if details.is_some() == record.is_attack || !record.flag.is_empty() {
            return u64::MAX;
        }
        let before = self.wrong.entry((record.source.clone(), record.is_attack, record.category.clone())).or_default();
        *before = before.saturating_add(1);
        before.saturating_sub(1)
    }

    /// Whether every request came out right, those in doubt apart.
    pub fn is_clean(&self) -> bool {
        self.wrong.is_empty()
    }

    /// The counts as JSON.
    pub fn to_json(&self) -> Json {
        let rows: Vec<Json> = self
            .cells
            .iter()
            .map(|((source, is_attack, category, flag), cell)| {
                json!({"source": source, "label": label(*is_attack), "category": category, "flag": flag,
                       "requests": cell.requests, "refused": cell.refused})
            })
            .collect();
        let blamed: Vec<Json> = self
            .blamed
            .iter()
            .map(|((is_attack, details), count)| json!({"label": label(*is_attack), "details": details, "requests": count}))
            .collect();
        json!({"rows": rows, "blamed": blamed})
    }
}

fn label(is_attack: bool) -> &'static str {
    if is_attack { "attack" } else { "harmless" }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sums: BTreeMap<(&str, bool), Cell> = BTreeMap::new();
        for ((source, is_attack, _, flag), cell) in &self.cells {
            if flag.is_empty() {
                let sum = sums.entry((source, *is_attack)).or_default();
                sum.requests = sum.requests.saturating_add(cell.requests);
                sum.refused = sum.refused.saturating_add(cell.refused);
            }
        }
        writeln!(f, "{:44} {:>8} {:>8} {:>8}", "", "requests", "refused", "")?;
        for ((source, is_attack), sum) in &sums {
            row(f, &format!("{source} {}", label(*is_attack)), *sum)?;
            for ((s, a, category, flag), cell) in &self.cells {
                if s == source && a == is_attack {
                    row(f, &format!("    {category} {flag}"), *cell)?;
                }
            }
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, cell: Cell) -> fmt::Result {
    #[expect(clippy::cast_precision_loss, reason = "a share for people to read")]
    let share = 100.0 * cell.refused as f64 / cell.requests.max(1) as f64;
    writeln!(f, "{name:44} {:8} {:8} {share:7.2}%", cell.requests, cell.refused)
}
