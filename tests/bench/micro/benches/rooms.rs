//! `make bench-micro`: each room by itself, on the texts of the requests that are measured whole.

use std::hint::black_box;
use std::ops::ControlFlow;

use backstop::decode::{Traits, Transform, TransformSet};
use backstop::engine::{Engine, Inspection};
use backstop::extract::{self, Target, Value};
use backstop::http::Request;
use backstop::path::Path;
use backstop::rules::effort::Effort;
use backstop::rules::{Match, Observer, Scratch};
use divan::Bencher;
use divan::counter::BytesCount;
use micro::dear::DEAR;
use micro::{REQUESTS, Recorded, World, engine, is_refused};

fn main() {
    divan::main();
}

/// What is decoded and scanned: nothing to undo, nothing found; the same encoded; candidates that no rule confirms; an attack.
const TEXTS: &[&str] = &["plain", "encoded", "suspicious", "attack"];

fn text(name: &str) -> &'static [u8] {
    match name {
        "plain" => b"the quiet ones live at the old harbour on the second of november third row left of the stage",
        "encoded" => b"the%20quiet%20ones%20live%20at%20the%20old%20harbour%2C%20on%20the%20second%20of%20november%21",
        "suspicious" => {
            b"select two seats from the left side, or 1 if there is only one; union jack and script \"a\" = b"
        }
        _ => b"1'%20UNION%20SELECT%20username,%20password%20FROM%20users--%20-",
    }
}

struct Ignored;

impl Observer for Ignored {
    fn matched(&mut self, found: &Match<'_>) -> ControlFlow<()> {
        black_box(found.span);
        ControlFlow::Continue(())
    }
}

fn scan(engine: &Engine, scratch: &mut Scratch, bytes: &[u8]) {
    let value = Value { target: Target::Query, name: b"q", bytes, is_name: false };
    let _ = engine.ruleset.scan(black_box(&value), scratch, &mut Effort::unlimited(), &mut Ignored);
}

/// A config made ready, which every VM does at start.
#[divan::bench(sample_count = 20)]
fn configure() {
    black_box(engine());
}

/// The kinds of byte of a value, which decide what is decoded at all.
#[divan::bench(args = TEXTS)]
fn traits(bencher: Bencher, name: &str) {
    let text = text(name);
    bencher.counter(BytesCount::of_slice(text)).bench(|| Traits::of(black_box(text)));
}

/// All transforms at once.
#[divan::bench(args = TEXTS)]
fn decode(bencher: Bencher, name: &str) {
    let text = text(name);
    let all = Transform::ALL.iter().fold(TransformSet::EMPTY, |set, transform| set.with(*transform));
    bencher.counter(BytesCount::of_slice(text)).bench(|| all.apply(black_box(text), Traits::of(text)).len());
}

/// A long value that ends right after the prefilter, as most do.
#[divan::bench]
fn prefilter(bencher: Bencher) {
    let engine = engine();
    let mut scratch = engine.ruleset.scratch();
    let text = b"thequietonesliveattheoldharbour".repeat(132);
    bencher.counter(BytesCount::of_slice(&text)).bench_local(|| scan(&engine, &mut scratch, &text));
}

/// One value against all rules.
#[divan::bench(args = TEXTS)]
fn scan_value(bencher: Bencher, name: &str) {
    let engine = engine();
    let mut scratch = engine.ruleset.scratch();
    let text = text(name);
    scan(&engine, &mut scratch, text); // the first time compiles what it needs
    bencher.counter(BytesCount::of_slice(text)).bench_local(|| scan(&engine, &mut scratch, text));
}

/// The head of a request to its values.
#[divan::bench]
fn extract_head(bencher: Bencher) {
    let recorded = Recorded::named("browser-get");
    let headers = recorded.headers();
    let request = Request { headers: &headers };
    bencher.bench_local(|| extract::head(black_box(&request), &mut |value| _ = black_box(value.bytes.len())));
}

/// A JSON body to its values.
#[divan::bench]
fn extract_json(bencher: Bencher) {
    let recorded = Recorded::named("json-post");
    bencher.counter(BytesCount::of_slice(&recorded.body)).bench_local(|| {
        extract::body(b"application/json", black_box(&recorded.body), true, &mut |value| {
            _ = black_box(value.bytes.len())
        });
    });
}

/// A request through all phases.
#[divan::bench(args = REQUESTS.iter().map(|(name, _)| *name))]
fn whole_request(bencher: Bencher, name: &str) {
    let (engine, recorded) = (engine(), Recorded::named(name));
    let world = World::new(&recorded.body);
    let _ = is_refused(&engine, &recorded, &world); // the first time compiles what it needs
    bencher.bench_local(|| is_refused(&engine, black_box(&recorded), &world));
}

/// A body of the dearest inputs that were found, as much of it as is inspected.
#[divan::bench(args = DEAR.iter().map(|dear| dear.name), sample_count = 20)]
fn dear_body(bencher: Bencher, name: &str) {
    let engine = engine();
    let dear = DEAR.iter().find(|dear| dear.name == name).expect("one of them");
    let text = dear.text(131_072);
    let path = Path::normalise(b"/");
    bencher.counter(BytesCount::of_slice(&text)).bench_local(|| {
        let mut inspection = Inspection::new(&path, &|| 1_790_000_000);
        engine.inspect_body(dear.content_type.as_bytes(), black_box(&text), true, &mut inspection);
        inspection.score
    });
}
