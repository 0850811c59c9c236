//! `backstop replay`: recorded requests through the filter's own transaction, and what became of them.

mod access_log;
mod compare;
mod har;
mod html;
mod input;
mod json_lines;
mod narrow;
mod pass;
mod propose;
mod raw;
mod record;
mod refused;
mod sample;
mod table;
mod world;

use std::rc::Rc;

use backstop::config::Mode;
use backstop::engine::Engine;
use backstop::http::Header;
use backstop::transaction::Transaction;
use backstop::verdict::Action;
use input::Input;
use record::Record;
use sample::Sample;
use serde_json::json;
use table::Table;
use world::ReplayWorld;

use super::args::{Format, ReplayRequest, Usage};
use super::{Found, explain, unix_s};

/// So many samples of each kind where none are asked for: in an HTML report, of a comparison.
const DEFAULT_SAMPLES: usize = 3;

/// Replays the files; finds something if an attack passed or something harmless was refused, if a change of config
/// alters anything, or if proposed exclusions do not suffice or let attacks in.
pub fn run(request: &ReplayRequest, format: Format) -> Result<Found, Usage> {
    let inputs = Input::all(&request.files, request.unlabelled_attack)?;
    let engine = Sender::new(engine(request.config.as_deref())?);
    if request.propose {
        // A file that stands in both lists would count twice.
        let attacks: Vec<String> = request.attacks.iter().filter(|f| !request.files.contains(f)).cloned().collect();
        let attacks = Input::all(&attacks, true)?;
        return propose::run(&engine, &inputs, &attacks, request, format);
    }
    if let Some(base) = &request.compare {
        let base = Sender::new(self::engine(Some(base.as_str()).filter(|base| *base != "-"))?);
        return compare::run(&base, &engine, &inputs, request, format);
    }
    let wanted = request.samples.unwrap_or(if request.html.is_some() { DEFAULT_SAMPLES } else { 0 });
    let mut table = Table::new(request.by);
    let mut samples = Vec::new();
    let pass = pass::over(&inputs, &request.flags, "replaying", &mut |record| {
        let details = engine.send(record);
        let events = engine.world.events.borrow();
        let before = table.add(record, details.as_deref(), &events);
        if before.is_some_and(|before| before < wanted) {
            let title = if record.is_attack { "missed" } else { "refused though harmless" };
            samples.push(Sample::new(title, record, details.as_deref(), &events));
        }
    })?;
    if let Some(file) = &request.html {
        let page = html::page(&table, &samples, &pass);
        std::fs::write(file, page).map_err(|e| Usage(format!("{file}: {e}")))?;
    }
    match format {
        Format::Text => {
            samples.iter().for_each(|sample| print!("{sample}"));
            print!("{table}");
            eprintln!("{pass}");
        }
        Format::Json => {
            let mut json = table.to_json();
            if let Some(fields) = json.as_object_mut() {
                fields.insert("samples".into(), samples.iter().map(Sample::to_json).collect());
                fields.insert("passed_over".into(), pass.passed_over.into());
                fields.insert("seconds".into(), json!(pass.time.as_secs_f64()));
                fields.insert("requests_per_second".into(), pass.per_second().into());
            }
            println!("{json}");
        }
    }
    Ok(if table.is_clean() { Found::Clean } else { Found::Something })
}

/// The engine for a config file, made fit for recordings: they hold no origin secret and do not come at their recorded
/// times; all events are wanted; and a config that only detects is asked what it would refuse.
fn engine(config: Option<&str>) -> Result<Engine, Usage> {
    let mut engine = explain::engine(config)?;
    engine.config.limits = Default::default();
    engine.config.penalty = None;
    engine.config.origin = Default::default();
    engine.config.telemetry.events_per_second = u64::MAX;
    if engine.config.mode == Mode::Detect {
        engine.config.mode = Mode::Block;
    }
    Ok(engine)
}

/// Sends requests through one engine.
struct Sender {
    engine: Rc<Engine>,
    world: ReplayWorld,
}

impl Sender {
    fn new(engine: Engine) -> Self {
        let world = ReplayWorld::default();
        world.unix_s.set(unix_s());
        Self { engine: Rc::new(engine), world }
    }

    /// Sends one request; the details of its refusal, if it was refused. Its events are in the world until the next.
    fn send(&self, record: &mut Record) -> Option<String> {
        let world = &self.world;
        world.events.borrow_mut().clear();
        let headers: Vec<Header<'_>> = record.headers.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
        let mut transaction = Transaction::new(Rc::clone(&self.engine));
        let mut action = transaction.on_request_headers(Ok(&headers), record.body.is_empty(), world);
        if action == Action::Continue && !record.body.is_empty() {
            let bytes = record.body.len();
            // Lent, not copied.
            std::mem::swap(&mut *world.body.borrow_mut(), &mut record.body);
            action = transaction.on_request_body(bytes, true, world);
            std::mem::swap(&mut *world.body.borrow_mut(), &mut record.body);
        }
        match action {
            Action::Deny(reply) => Some(reply.details),
            Action::Continue | Action::Hold | Action::Gather => None,
        }
    }
}
