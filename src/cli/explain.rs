//! `backstop explain`: one request step by step, as the filter sees it.

use std::ops::ControlFlow;

use backstop::decode::{Transform, TransformSet};
use backstop::diagnostic::printable;
use backstop::engine::{Engine, Inspection, place};
use backstop::extract::{self, Value};
use backstop::http::{Header, Request};
use backstop::path::{Path, Pattern};
use backstop::rules::effort::Effort;
use backstop::rules::{Match, Observer, Rule};
use backstop::transaction::inflate::{Encoded, inflate};
use backstop::verdict::Denial;
use serde_json::{Value as Json, json};

use super::args::{ExplainRequest, Format, Usage};
use super::{Found, check, read_text, unix_s};

/// Explains `request`; finds something if it would be refused.
pub fn run(request: &ExplainRequest, format: Format) -> Result<Found, Usage> {
    let engine = engine(request.config.as_deref())?;
    let owned = head(request);
    let headers: Vec<Header<'_>> = owned.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let view = Request { headers: &headers };
    let path = Path::normalise(view.path());
    let content_type = view.joined("content-type");
    let limit = engine.body_limits(&path).inspect_bytes;
    let body = request.body.as_deref().unwrap_or_default();
    let prefix = body.get(..limit).unwrap_or(body);
    let complete = prefix.len() == body.len();
    // Like the filter: inflated, and as it came.
    let encoding = view.joined("content-encoding");
    let inflated = match inflate(&encoding, prefix, limit) {
        Encoded::Inflated { text, whole } => Some((text, whole)),
        Encoded::Plain | Encoded::Unreadable | Encoded::Shredded => None,
    };
    let bodies = inflated.iter().map(|(text, whole)| (text.as_slice(), *whole)).chain([(prefix, complete)]);

    let mut steps: Vec<Step> = Vec::new();
    extract::head(&view, &mut |value| steps.push(Step::of(&engine, value)));
    for (body, complete) in bodies.clone() {
        extract::body(&content_type, body, complete, &mut |value| steps.push(Step::of(&engine, value)));
    }

    let inspect = |inspection: &mut Inspection<'_>| {
        engine.inspect_head(&view, inspection);
        for (body, complete) in bodies.clone() {
            engine.inspect_body(&content_type, body, complete, inspection);
        }
    };
    // First as the filter does, whose work ends with the effort, then to the end.
    let mut limited = Inspection::new(&path, &unix_s);
    let effort = engine.effort(&path);
    limited.effort = effort;
    inspect(&mut limited);
    let mut inspection = Inspection::new(&path, &unix_s);
    inspection.exhaustive = true;
    inspect(&mut inspection);
    let is_too_costly = limited.effort.is_spent() && engine.conclude(&limited).is_none();
    let denial = if is_too_costly { Some(Denial::TooCostly) } else { engine.conclude(&inspection) };
    let exempt = Pattern::exempts(&engine.config.exempt, &path);
    let outcome = Outcome {
        inspection: &inspection,
        exempt,
        denial: denial.filter(|_| !exempt),
        spent: 1.0 - limited.effort.left() as f64 / effort.left().max(1) as f64,
        effort_ms: effort.left() as f64 / Effort::UNITS_OF_MS as f64,
    };

    match format {
        Format::Text => print_text(request, &engine, &steps, &outcome),
        Format::Json => println!("{}", to_json(&engine, &steps, &outcome)),
    }
    Ok(if outcome.denial.is_some() { Found::Something } else { Found::Clean })
}

/// What a request comes to.
struct Outcome<'i> {
    inspection: &'i Inspection<'i>,
    exempt: bool,
    denial: Option<Denial>,
    /// The share of `effort` that a VM spends on it which has seen nothing yet.
    spent: f64,
    effort_ms: f64,
}

/// The engine for a config file, or for the defaults.
pub fn engine(config: Option<&str>) -> Result<Engine, Usage> {
    let node = match config {
        None => backstop::document::Node::empty_map(),
        Some(file) => {
            let configs = check::configs(&read_text(file)?).map_err(|d| Usage(format!("{file}: {d}")))?;
            let first = configs.into_iter().next().ok_or_else(|| Usage(format!("{file}: no config in it")))?;
            first.1
        }
    };
    let refused = |diagnostics: Vec<_>| {
        let lines: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        Usage(format!("the config is refused:\n{}", lines.join("\n")))
    };
    Engine::compile(&node, unix_s()).map(|(engine, _)| engine).map_err(refused)
}

/// The head as Envoy would hand it over.
fn head(request: &ExplainRequest) -> Vec<(String, String)> {
    let (authority, target) = match request.target.split_once("://") {
        Some((_, rest)) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        None => ("localhost", request.target.as_str()),
    };
    let slash = if target.starts_with('/') { "" } else { "/" };
    let method = match (request.method.as_str(), &request.body) {
        ("", None) => "GET",
        ("", Some(_)) => "POST",
        (method, _) => method,
    };
    let pseudo =
        [(":method", method.to_owned()), (":path", format!("{slash}{target}")), (":authority", authority.to_owned())];
    let mut head: Vec<(String, String)> = pseudo.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
    // A content type that -H names comes before the one that goes with -d or --json.
    for (name, value) in &request.headers {
        if name != "content-type" || head.iter().all(|(n, _)| n != name) {
            head.push((name.clone(), value.clone()));
        }
    }
    head
}

/// What happened to one value.
struct Step {
    place: String,
    raw: String,
    texts: Vec<(TransformSet, String)>,
    candidates: Vec<String>,
    matches: Vec<(String, String)>,
}

impl Step {
    fn of(engine: &Engine, value: &Value<'_>) -> Self {
        let mut step = Self {
            place: place(value).into_owned(),
            raw: printable(&String::from_utf8_lossy(value.bytes)),
            texts: Vec::new(),
            candidates: Vec::new(),
            matches: Vec::new(),
        };
        let mut scratch = engine.ruleset.scratch();
        let _ = engine.ruleset.scan(value, &mut scratch, &mut Effort::unlimited(), &mut step);
        step
    }

    fn is_quiet(&self) -> bool {
        self.candidates.is_empty()
    }
}

impl Observer for Step {
    fn text(&mut self, transforms: TransformSet, text: &[u8]) {
        let text = printable(&String::from_utf8_lossy(text));
        if text != self.raw && self.texts.iter().all(|(_, seen)| *seen != text) {
            self.texts.push((transforms, text));
        }
    }

    fn candidate(&mut self, rule: &Rule) {
        self.candidates.push(rule.id.to_string());
    }

    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()> {
        let shown = found.text.get(found.span.start..found.span.end).unwrap_or_default();
        self.matches.push((found.rule.id.to_string(), printable(&String::from_utf8_lossy(shown))));
        ControlFlow::Continue(())
    }
}

fn names(set: TransformSet) -> String {
    let names: Vec<&str> = Transform::ALL.iter().filter(|t| set.contains(**t)).map(|t| t.as_str()).collect();
    names.join("+")
}

fn verdict(outcome: &Outcome<'_>, engine: &Engine) -> String {
    match &outcome.denial {
        _ if outcome.exempt => "passes: the path is exempt".to_owned(),
        None => "passes".to_owned(),
        Some(denial) => match engine.config.mode {
            backstop::config::Mode::Block => {
                let status = if *denial == Denial::TooCostly { 413 } else { engine.config.response.status };
                format!("denied with {status}, {}", denial.details())
            }
            mode => format!("passes in mode {}, would be denied: {}", mode.as_str(), denial.details()),
        },
    }
}

fn print_text(request: &ExplainRequest, engine: &Engine, steps: &[Step], outcome: &Outcome<'_>) {
    let inspection = outcome.inspection;
    println!("{}", engine.summary());
    println!("path {}\n", printable(&String::from_utf8_lossy(inspection.path.as_bytes())));
    let quiet = steps.iter().filter(|s| s.is_quiet()).count();
    for step in steps.iter().filter(|s| request.all || !s.is_quiet()) {
        println!("value     {} = {}", step.place, step.raw);
        for (set, text) in &step.texts {
            println!("decoded   {text}\n          by {}", names(*set));
        }
        if !step.candidates.is_empty() {
            println!("candidate {}", step.candidates.join(", "));
        }
        for (rule, shown) in &step.matches {
            println!("match     {rule}: {shown}");
        }
        println!();
    }
    println!("{} values, {quiet} of them without a candidate rule", steps.len());
    for finding in &inspection.findings {
        let note = if finding.counts { "" } else { ", does not count" };
        println!(
            "finding   {} {} (+{}{note}) in {}",
            finding.rule,
            finding.severity.as_str(),
            finding.severity.score(),
            finding.target
        );
    }
    if !inspection.excluded.is_empty() {
        println!("excluded  {} matches by the exclusions", inspection.excluded.len());
    }
    println!("score     {} of {}", inspection.score, engine.config.threshold);
    println!("effort    {:.0} % of {} ms", (outcome.spent * 100.0).ceil(), outcome.effort_ms);
    println!("verdict   {}", verdict(outcome, engine));
}

fn to_json(engine: &Engine, steps: &[Step], outcome: &Outcome<'_>) -> Json {
    let inspection = outcome.inspection;
    let values: Vec<Json> = steps
        .iter()
        .map(|step| {
            let texts: Vec<Json> = step.texts.iter().map(|(s, t)| json!({"transforms": names(*s), "text": t})).collect();
            let matches: Vec<Json> = step.matches.iter().map(|(r, t)| json!({"rule": r, "text": t})).collect();
            json!({"target": step.place, "value": step.raw, "decoded": texts, "candidates": step.candidates, "matches": matches})
        })
        .collect();
    let findings: Vec<Json> = inspection
        .findings
        .iter()
        .map(|f| {
            json!({"rule": f.rule, "family": f.family.as_str(), "severity": f.severity.as_str(), "target": f.target,
                   "counts": f.counts})
        })
        .collect();
    json!({
        "values": values,
        "findings": findings,
        "excluded": inspection.excluded.len(),
        "score": inspection.score,
        "threshold": engine.config.threshold,
        "mode": engine.config.mode.as_str(),
        "effortSpent": outcome.spent,
        "exempt": outcome.exempt,
        "details": outcome.denial.as_ref().map(Denial::details),
        "verdict": verdict(outcome, engine),
    })
}
