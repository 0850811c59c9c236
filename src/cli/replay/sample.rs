//! A request that came out wrong, kept for people to look at.

use std::fmt;

use backstop::diagnostic::printable;
use backstop::http::split_target;
use backstop::mask::masked;
use serde_json::{Value as Json, json};

use super::record::Record;

/// What is shown of a request.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What is wrong with it.
    pub title: &'static str,
    /// Source, category and id.
    pub origin: String,
    /// Why it was refused; empty if it passed.
    pub details: String,
    /// Method, path, and the query with values of secret-sounding names masked.
    pub request: String,
    /// Headers as recorded.
    headers: Vec<(String, String)>,
    /// The beginning of the body.
    body: String,
    /// The events that it made, as JSON.
    pub events: Vec<Json>,
}

const SHOWN_CHARS: usize = 400;

fn text(bytes: &[u8]) -> String {
    printable(&String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARS).collect::<String>())
}

impl Sample {
    /// A sample of `record`, and the events that it made.
    pub fn new(title: &'static str, record: &Record, details: Option<&str>, events: &[String]) -> Self {
        let dull = |name: &[u8]| matches!(name, b":authority" | b"accept" | b"accept-language" | b"accept-encoding");
        let headers = record.headers.iter().filter(|(name, _)| !dull(name));
        Self {
            title,
            origin: printable(format!("{}: {} {}", record.source, record.category, record.id).trim()),
            details: details.unwrap_or_default().to_owned(),
            request: request(record),
            headers: headers.map(|(name, value)| (text(name), masked(&text(name), text(value).as_bytes()))).collect(),
            body: text(&record.body),
            events: events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect(),
        }
    }

    /// The sample as JSON.
    pub fn to_json(&self) -> Json {
        json!({"wrong": self.title, "of": self.origin, "details": self.details, "request": self.request,
               "headers": self.headers, "body": self.body, "events": self.events})
    }
}

/// Method and target, without what nobody should read in a report.
fn request(record: &Record) -> String {
    let (path, query) = split_target(record.header(":path"));
    let mut line = format!("{} {}", text(record.header(":method")), text(path));
    for (index, pair) in query.split(|b| *b == b'&').enumerate().filter(|(_, pair)| !pair.is_empty()) {
        let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
        let value = pair.get(name.len()..).unwrap_or_default();
        let value = value.strip_prefix(b"=").map(|value| format!("={}", masked(&text(name), text(value).as_bytes())));
        line.push(if index == 0 { '?' } else { '&' });
        line.push_str(&text(name));
        line.push_str(&value.unwrap_or_default());
    }
    line
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- {}: {} {}", self.title, self.origin, self.details)?;
        for (name, value) in &self.headers {
            writeln!(f, "    {name}: {value}")?;
        }
        if !self.body.is_empty() {
            writeln!(f, "    body: {}", self.body)?;
        }
        self.events.iter().try_for_each(|event| writeln!(f, "    {event}"))
    }
}
