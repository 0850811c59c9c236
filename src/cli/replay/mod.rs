//! `backstop replay`: recorded requests through the filter's own transaction, and what became of them.

mod record;
mod table;
mod world;

use std::io::BufRead;
use std::rc::Rc;

use backstop::diagnostic::printable;
use backstop::engine::Engine;
use backstop::http::Header;
use backstop::transaction::Transaction;
use backstop::verdict::Action;
use record::Record;
use table::Table;
use world::ReplayWorld;

use super::args::{Format, ReplayRequest, Usage};
use super::{Found, explain, unix_s};

/// Replays the files; finds something if an attack passed or something harmless was refused.
pub fn run(request: &ReplayRequest, format: Format) -> Result<Found, Usage> {
    let mut engine = explain::engine(request.config.as_deref())?;
    // Recorded requests do not come at their recorded times, and all events are wanted.
    engine.config.limits = Default::default();
    engine.config.telemetry.events_per_second = u64::MAX;
    let engine = Rc::new(engine);
    let world = ReplayWorld::default();
    world.unix_s.set(unix_s());
    let mut table = Table::default();
    for file in &request.files {
        let open = std::fs::File::open(file).map_err(|e| Usage(format!("{file}: {e}")))?;
        for (number, line) in std::io::BufReader::new(open).lines().enumerate() {
            let line = line.map_err(|e| Usage(format!("{file}: {e}")))?;
            let number = number.saturating_add(1);
            let record = Record::from_json(&line).map_err(|e| Usage(format!("{file}:{number}: {e}")))?;
            let details = send(&engine, &world, &record);
            if table.add(&record, details.as_deref()) < request.samples {
                show(&record, details.as_deref(), &world);
            }
        }
    }
    match format {
        Format::Text => print!("{table}"),
        Format::Json => println!("{}", table.to_json()),
    }
    Ok(if table.is_clean() { Found::Clean } else { Found::Something })
}

/// Sends one request; the details of its refusal, if it was refused.
fn send(engine: &Rc<Engine>, world: &ReplayWorld, record: &Record) -> Option<String> {
    world.events.borrow_mut().clear();
    let headers: Vec<Header<'_>> = record.headers.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
    let mut transaction = Transaction::new(Rc::clone(engine));
    let mut action = transaction.on_request_headers(Ok(&headers), record.body.is_empty(), world);
    if action == Action::Continue && !record.body.is_empty() {
        world.body.replace(record.body.clone());
        action = transaction.on_request_body(record.body.len(), true, world);
    }
    match action {
        Action::Deny(reply) => Some(reply.details),
        Action::Continue | Action::Hold | Action::Gather => None,
    }
}

/// Prints a request that came out wrong, and the events that it made.
fn show(record: &Record, details: Option<&str>, world: &ReplayWorld) {
    const SHOWN_CHARS: usize = 400;
    let text = |bytes: &[u8]| printable(&String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARS).collect::<String>());
    let title = if record.is_attack { "missed" } else { "refused though harmless" };
    println!("--- {title}: {} {} {} {}", record.source, record.category, record.id, details.unwrap_or_default());
    for (name, value) in &record.headers {
        if !matches!(name.as_slice(), b":authority" | b"accept" | b"accept-language" | b"accept-encoding") {
            println!("    {}: {}", text(name), text(value));
        }
    }
    if !record.body.is_empty() {
        println!("    body: {}", text(&record.body));
    }
    for event in world.events.borrow().iter() {
        println!("    {event}");
    }
}
