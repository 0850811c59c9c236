//! What became of the requests of each source and label, and which rules refused harmless ones.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use backstop::path::Path;
use serde_json::{Value as Json, json};

use super::super::args::By;
use super::record::Record;

/// Requests and refusals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cell {
    /// Requests.
    pub requests: u64,
    /// Those of them that were refused.
    pub refused: u64,
}

impl Cell {
    /// Counts a request.
    pub fn add(&mut self, is_refused: bool) {
        self.join(Self { requests: 1, refused: u64::from(is_refused) });
    }

    fn join(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.refused = self.refused.saturating_add(other.refused);
    }

    /// The share that was refused, in percent.
    pub fn percent(self) -> f64 {
        percent(self.refused, self.requests)
    }
}

/// `part` of `whole` in percent.
#[expect(clippy::cast_precision_loss, reason = "a share for people to read")]
pub fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// A row: requests that have all of this in common.
#[derive(Clone, Debug)]
struct Row {
    source: String,
    is_attack: bool,
    group: String,
    flag: String,
    is_doubted: bool,
    cell: Cell,
}

/// The counts of a replay.
#[derive(Debug, Default)]
pub struct Table {
    by: By,
    rows: Vec<Row>,
    /// Where the row of a key is; the key is put together in a buffer, so that most requests cost no allocation.
    index: HashMap<Vec<u8>, usize>,
    key: Vec<u8>,
    wrong: HashMap<String, usize>,
    blamed: BTreeMap<(bool, String), u64>,
    suspects: BTreeMap<(String, String), u64>,
}

impl Table {
    /// An empty table with rows for each of `by`.
    pub fn new(by: By) -> Self {
        Self { by, ..Self::default() }
    }

    /// Counts a request; how many of its kind came out wrong before it, or nothing if it came out right or is in doubt.
    pub fn add(&mut self, record: &Record, details: Option<&str>, events: &[String]) -> Option<usize> {
        let position = self.position(record, details);
        if let Some(row) = self.rows.get_mut(position) {
            row.cell.add(details.is_some());
        }
        if let Some(details) = details {
            let count = self.blamed.entry((record.is_attack, details.to_owned())).or_default();
            *count = count.saturating_add(1);
        }
        if record.is_doubted || details.is_some() == record.is_attack {
            return None;
        }
        if !record.is_attack {
            for event in events {
                self.suspect(event);
            }
        }
        let kind = format!("{}\n{}\n{}", record.source, record.is_attack, record.category);
        let before = self.wrong.entry(kind).or_default();
        *before = before.saturating_add(1);
        Some(before.saturating_sub(1))
    }

    /// Where the row of this request is; made if it is the first of its kind.
    fn position(&mut self, record: &Record, details: Option<&str>) -> usize {
        let path = record.header(":path").split(|b| *b == b'?').next().unwrap_or_default();
        let path = Path::normalise(if self.by == By::Path { path } else { b"" });
        let group = match self.by {
            By::Category => record.category.as_bytes(),
            By::Where => record.location.as_bytes(),
            By::Rule => details.unwrap_or("passed").as_bytes(),
            By::Path => path.as_bytes(),
        };
        self.key.clear();
        for part in [record.source.as_bytes(), &[u8::from(record.is_attack)], record.flag.as_bytes(), group] {
            self.key.extend_from_slice(part);
            self.key.push(b'\n');
        }
        if let Some(position) = self.index.get(&self.key) {
            return *position;
        }
        let position = self.rows.len();
        self.index.insert(self.key.clone(), position);
        self.rows.push(Row {
            source: record.source.clone(),
            is_attack: record.is_attack,
            group: backstop::diagnostic::printable(&String::from_utf8_lossy(group)),
            flag: record.flag.clone(),
            is_doubted: record.is_doubted,
            cell: Cell::default(),
        });
        position
    }

    fn suspect(&mut self, event: &str) {
        let Ok(event) = serde_json::from_str::<Json>(event) else { return };
        let field = |key: &str| event.get(key).and_then(Json::as_str).map(str::to_owned);
        if let (Some(rule), Some(target)) = (field("rule"), field("target")) {
            let count = self.suspects.entry((rule, target)).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Whether every request came out right, those in doubt apart.
    pub fn is_clean(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Source, label and counts without what is in doubt.
    pub fn sums(&self) -> BTreeMap<(&str, bool), Cell> {
        let mut sums: BTreeMap<(&str, bool), Cell> = BTreeMap::new();
        for row in &self.rows {
            let sum = sums.entry((&row.source, row.is_attack)).or_default();
            if !row.is_doubted {
                sum.join(row.cell);
            }
        }
        sums
    }

    /// Why requests were refused, the most frequent first: whether they are attacks, details, requests.
    pub fn blamed(&self) -> Vec<(bool, &str, u64)> {
        let mut list: Vec<_> = self.blamed.iter().map(|((attack, text), n)| (*attack, text.as_str(), *n)).collect();
        list.sort_by_key(|(_, _, requests)| std::cmp::Reverse(*requests));
        list
    }

    /// Which rules refused harmless requests by which place: rule, target, requests; the worst first.
    pub fn suspects(&self) -> Vec<(&str, &str, u64)> {
        let mut list: Vec<_> = self.suspects.iter().map(|((r, t), n)| (r.as_str(), t.as_str(), *n)).collect();
        list.sort_by_key(|(_, _, requests)| std::cmp::Reverse(*requests));
        list
    }

    /// How many harmless requests there were.
    pub fn harmless(&self) -> u64 {
        self.sums().iter().filter(|((_, attack), _)| !attack).fold(0, |sum, (_, c)| sum.saturating_add(c.requests))
    }

    /// The counts as JSON.
    pub fn to_json(&self) -> Json {
        let row = |row: &Row| {
            json!({"source": row.source, "label": label(row.is_attack), self.by.as_str(): row.group, "flag": row.flag,
                   "requests": row.cell.requests, "refused": row.cell.refused})
        };
        let harmless = self.harmless();
        let suspect = |(rule, target, n): &(&str, &str, u64)| json!({"rule": rule, "target": target, "requests": n, "percent": percent(*n, harmless)});
        let blamed = |(attack, details, n): &(bool, &str, u64)| json!({"label": label(*attack), "details": details, "requests": n});
        json!({
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "blamed": self.blamed().iter().map(blamed).collect::<Vec<_>>(),
            "suspects": self.suspects().iter().map(suspect).collect::<Vec<_>>(),
        })
    }
}

/// The word for it.
pub fn label(is_attack: bool) -> &'static str {
    if is_attack { "attack" } else { "harmless" }
}

/// So many rows of one source are shown; there may be thousands of paths.
const MAX_SHOWN_ROWS: usize = 40;

/// So many suspects are shown.
const MAX_SHOWN_SUSPECTS: usize = 20;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:44} {:>8} {:>8}", "", "requests", "refused")?;
        for ((source, is_attack), sum) in self.sums() {
            line(f, &format!("{source} {}", label(is_attack)), sum)?;
            let of_sum = |row: &&Row| row.source == source && row.is_attack == is_attack;
            let mut rows: Vec<&Row> = self.rows.iter().filter(of_sum).collect();
            if rows.len() > MAX_SHOWN_ROWS {
                rows.sort_by_key(|row| (std::cmp::Reverse((row.cell.refused, row.cell.requests)), &row.group));
            } else {
                rows.sort_by_key(|row| (&row.group, &row.flag));
            }
            let mut rest = Cell::default();
            for (index, row) in rows.iter().enumerate() {
                match index {
                    index if index < MAX_SHOWN_ROWS => {
                        line(f, format!("    {} {}", row.group, row.flag).trim_end(), row.cell)?;
                    }
                    _ => rest.join(row.cell),
                }
            }
            if rest.requests > 0 {
                line(f, &format!("    {} more", rows.len().saturating_sub(MAX_SHOWN_ROWS)), rest)?;
            }
        }
        let suspects = self.suspects();
        if !suspects.is_empty() {
            writeln!(f, "\n{:66} {:>8}", "rules that refused harmless requests", "requests")?;
        }
        let harmless = self.harmless();
        for (rule, target, requests) in suspects.iter().take(MAX_SHOWN_SUSPECTS) {
            let name = format!("{rule} in {target}");
            writeln!(f, "    {name:62} {requests:8} {:7.2}%", percent(*requests, harmless))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, cell: Cell) -> fmt::Result {
    writeln!(f, "{name:44} {:8} {:8} {:7.2}%", cell.requests, cell.refused, cell.percent())
}
