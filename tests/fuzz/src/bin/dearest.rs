//! `dearest kept | restless | rules | bricks | mixes SECONDS | longest SECONDS | inspect NAME BYTES`: what costs the most CPU time for each byte.
//!
//! `kept`: what the inputs cost that are kept in tests/bench/dear. `restless`: what bodies cost that never repeat themselves.
//! `inspect`: one of them, for callgrind. `rules`: each rule's expression over texts made of what it nearly matches. `bricks`: each
//! decoder, parser and the whole inspection over one piece repeated. `mixes`: bricks bred with each other. `longest`: the same for whole requests, which
//! `effort` ends.
#![allow(clippy::disallowed_methods, clippy::type_complexity, reason = "a command line for developers")]

#[path = "../../../bench/micro/src/dear.rs"]
mod dear;
#[path = "../../../suite/fake.rs"]
mod fake;
#[path = "../pieces.rs"]
mod pieces;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use backstop::decode::{Traits, Transform, TransformSet};
use backstop::engine::{Engine, Inspection};
use backstop::extract;
use backstop::http::Header;
use backstop::path::Path;
use backstop::rules::detector::Detector;
use backstop::rules::effort::Effort;
use backstop::rules::expression::Caches;
use backstop::rules::{EMBEDDED, Matcher};
use backstop::transaction::Transaction;
use backstop::verdict::Action;
use cpu_time::ThreadTime;

use dear::{DEAR, PROSE, Random, restless as restless_text};
use fake::Fake;

const SIZE: usize = 16 * 1024;
/// What of a body is inspected.
const BODY_BYTES: usize = 131_072;

/// CPU time of the quickest of three runs, after one that does not count.
fn cost(mut run: impl FnMut()) -> Duration {
    run();
    let timed = |run: &mut dyn FnMut()| {
        let begin = ThreadTime::now();
        run();
        begin.elapsed()
    };
    (0..3).map(|_| timed(&mut run)).min().unwrap_or_default()
}

fn ns_per_byte(text: &[u8], run: impl FnMut()) -> f64 {
    cost(run).as_secs_f64() * 1e9 / text.len().max(1) as f64
}

fn repeated(brick: &[u8], size: usize) -> Vec<u8> {
    brick.iter().copied().cycle().take(size).collect()
}

/// Pieces to build with: the texts that rules look for, whole and but for their last byte, and what parsers and decoders look for.
fn bricks() -> Vec<Vec<u8>> {
    let mut bricks: Vec<Vec<u8>> = (0..=255).map(|b| vec![b]).collect();
    for rule in EMBEDDED {
        for literal in rule.needs.iter().flat_map(|need| need.texts.iter()) {
            let text = literal.text.as_bytes();
            bricks.extend([
                text.to_vec(),
                text.split_last().map(|(_, t)| t.to_vec()).unwrap_or_default(),
                [text, b" "].concat(),
            ]);
        }
    }
    bricks.extend(pieces::PIECES.iter().map(|p| p.as_bytes().to_vec()));
    bricks.retain(|b| !b.is_empty());
    bricks.sort();
    bricks.dedup();
    bricks
}

struct Worst(BTreeMap<String, Vec<(f64, Vec<u8>)>>);

impl Worst {
    fn note(&mut self, what: &str, cost: f64, input: &[u8]) {
        let list = self.0.entry(what.to_owned()).or_default();
        list.push((cost, input.to_vec()));
        list.sort_by(|a, b| b.0.total_cmp(&a.0));
        list.truncate(5);
    }

    fn print(&self, most: usize) {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by(|a, b| b.1[0].0.total_cmp(&a.1[0].0));
        for (what, list) in all.into_iter().take(most) {
            let inputs: Vec<String> =
                list.iter().map(|(cost, input)| format!("{cost:.1} {:?}", String::from_utf8_lossy(input))).collect();
            println!("{what}: {}", inputs.join("; "));
        }
    }
}

fn rules() {
    let bricks = bricks();
    let mut worst = Worst(BTreeMap::new());
    for rule in EMBEDDED {
        let Matcher::Regex(pattern) = &rule.matcher else { continue };
        let mut caches = Caches::new(1);
        let mut find = |text: &[u8]| caches.find((0, pattern), text, None, &mut Effort::unlimited()).is_some();
        // What the rule looks for, twice as it is and with each single byte.
        let own: Vec<Vec<u8>> =
            rule.needs.iter().flat_map(|n| n.texts.iter().map(|l| l.text.as_bytes().to_vec())).collect();
        let with_bytes = own.iter().take(6).flat_map(|o| (b' '..=b'~').map(move |b| [&o[..], &[b]].concat()));
        for brick in bricks.iter().cloned().chain(with_bytes) {
            let text = repeated(&brick, 2048);
            if find(&text) {
                continue;
            }
            let begin = ThreadTime::now();
            black_box(find(&text));
            let first = begin.elapsed().as_secs_f64() * 1e9 / text.len() as f64;
            if first > 3.0 {
                worst.note(&rule.id, ns_per_byte(&text, || _ = black_box(find(&text))), &brick);
            }
        }
    }
    worst.print(40);
}

fn parts() -> Vec<(String, Box<dyn Fn(&[u8])>)> {
    let mut parts: Vec<(String, Box<dyn Fn(&[u8])>)> = Vec::new();
    for transform in Transform::ALL {
        parts.push((format!("decode {}", transform.as_str()), Box::new(|text| _ = black_box(transform.apply(text)))));
    }
    let all = Transform::ALL.iter().fold(TransformSet::EMPTY, |set, t| set.with(*t));
    parts.push(("decode all".into(), Box::new(move |text| _ = black_box(all.apply(text, Traits::of(text)).len()))));
    for (name, detector) in Detector::NAMES {
        parts.push((
            format!("detector {name}"),
            Box::new(|text| _ = black_box(detector.detect(text, &mut Effort::unlimited()))),
        ));
    }
    for kind in DEAR.iter().map(|dear| dear.content_type) {
        parts.push((
            format!("parse {kind}"),
            Box::new(|text| {
                extract::body(kind.as_bytes(), text, true, &mut |value| _ = black_box(value.bytes.len()));
            }),
        ));
    }
    for kind in DEAR.iter().map(|dear| dear.content_type) {
        let engine = engine();
        parts.push((format!("inspect {kind}"), Box::new(move |text| inspect(&engine, kind, text))));
    }
    parts
}

fn engine() -> Engine {
    // With the default threshold: what is caught early is cheap.
    Engine::configure(b"{}", 1_790_000_000).expect("a config without a mistake").0
}

fn inspect(engine: &Engine, kind: &str, text: &[u8]) {
    let path = Path::normalise(b"/");
    let mut inspection = Inspection::new(&path, &|| 1_790_000_000);
    engine.inspect_body(kind.as_bytes(), text, true, &mut inspection);
    black_box(inspection.score);
}

fn search_bricks() {
    let bricks = bricks();
    let mut worst = Worst(BTreeMap::new());
    for (name, run) in parts() {
        for brick in &bricks {
            let text = repeated(brick, SIZE / 4);
            run(&text);
            let begin = ThreadTime::now();
            run(&text);
            worst.note(&name, begin.elapsed().as_secs_f64() * 1e9 / text.len() as f64, brick);
        }
        for (_, input) in std::mem::take(worst.0.get_mut(&name).expect("noted")) {
            let text = repeated(&input, SIZE);
            worst.note(&name, ns_per_byte(&text, || run(&text)), &input);
        }
    }
    worst.print(100);
}

/// What callgrind counts.
#[inline(never)]
fn counted(engine: &Engine, kind: &str, text: &[u8]) {
    inspect(engine, kind, text);
}

/// What requests of each kept input cost: one with as much of it in its headers as Envoy takes, and one with as much in its body as is
/// inspected. The first of a VM unpacks the automata that it needs, and builds their states.
fn kept() {
    const HEADER_BYTES: usize = 60 * 1024;
    println!("| input | headers, first | warm | body, first | warm | a tenth of the body |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for dear in DEAR.iter().chain([&PROSE]) {
        // No header holds these.
        let clean = |byte: u8| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { byte };
        let value: Vec<u8> = dear.text(HEADER_BYTES).into_iter().map(clean).collect();
        let body = dear.text(BODY_BYTES);
        let head = measured(dear.content_type, &value, b"");
        let whole = measured(dear.content_type, b"", &body);
        let tenth = measured(dear.content_type, b"", &body[..BODY_BYTES / 10]);
        println!("| {} | {} | {} | {} |", dear.name, head.shown(), whole.shown(), ms(tenth.warm));
    }
}

struct Cost {
    first: Duration,
    warm: Duration,
    refused: bool,
}

impl Cost {
    fn shown(&self) -> String {
        let refused = if self.refused { ", refused" } else { "" };
        format!("{} | {}{refused}", ms(self.first), ms(self.warm))
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// What one request takes, all phases, and whether it is refused.
fn request(engine: &Rc<Engine>, content_type: &str, value: &[u8], body: &[u8]) -> (Duration, bool) {
    let headers: [Header<'_>; 5] = [
        (b":method", b"POST"),
        (b":path", b"/orders"),
        (b":authority", b"shop.example"),
        (b"content-type", content_type.as_bytes()),
        (b"x-note", value),
    ];
    let world = Fake::new();
    world.body.replace(body.to_vec());
    let begin = ThreadTime::now();
    let mut transaction = Transaction::new(Rc::clone(engine));
    let mut action = transaction.on_request_headers(Ok(&headers), body.is_empty(), &world);
    if action == Action::Continue && !body.is_empty() {
        action = transaction.on_request_body(body.len(), true, &world);
    }
    (begin.elapsed(), matches!(action, Action::Deny(_)))
}

/// What a request costs as the first of a VM, the least of three, and on one that knows it, the least of five.
fn measured(content_type: &str, value: &[u8], body: &[u8]) -> Cost {
    let engines: Vec<Rc<Engine>> = (0..3).map(|_| Rc::new(engine())).collect();
    let send = |engine| request(engine, content_type, value, body);
    let first = engines.iter().map(|engine| send(engine).0).min().unwrap_or_default();
    let warm = (0..5).filter_map(|_| engines.first().map(send)).min().unwrap_or_default();
    Cost { first, warm: warm.0, refused: warm.1 }
}

/// The dearest requests with a body made of one rule's words, or of two rules', that never repeats itself.
fn restless() {
    let mut random = Random(0x5eed);
    let mut rows: Vec<(Cost, String, &str, Vec<u8>)> = Vec::new();
    for (i, rule) in EMBEDDED.iter().enumerate() {
        let other = &EMBEDDED[(i * 7 + 1) % EMBEDDED.len()];
        let alone = restless_text(rule, BODY_BYTES, &mut random);
        let mut both = restless_text(rule, BODY_BYTES / 2, &mut random);
        both.extend(restless_text(other, BODY_BYTES / 2, &mut random));
        for (name, body) in [(rule.id.to_string(), alone), (format!("{} and {}", rule.id, other.id), both)] {
            for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
                rows.push((measured(content_type, b"", &body), name.clone(), content_type, body.clone()));
            }
        }
    }
    // The dearest are often those that were measured while something else took the core: once more, and the least counts.
    let dearest = |rows: &mut Vec<(Cost, String, &str, Vec<u8>)>| {
        rows.sort_by_key(|row| std::cmp::Reverse(row.0.first.max(row.0.warm)))
    };
    for _ in 0..3 {
        dearest(&mut rows);
        for (cost, _, content_type, body) in rows.iter_mut().take(60) {
            let again = measured(content_type, b"", body);
            (cost.first, cost.warm) = (cost.first.min(again.first), cost.warm.min(again.warm));
        }
    }
    dearest(&mut rows);
    println!("| words of | sent as | first | warm |\n| --- | --- | ---: | ---: |");
    rows.iter()
        .take(10)
        .for_each(|(cost, name, content_type, _)| println!("| {name} | {content_type} | {} |", cost.shown()));
    println!("\nNone of all {} takes more.", rows.len());
}

/// The list of bricks with the highest `fitness` that so many seconds of breeding lead to.
fn bred(seconds: u64, bricks: &[Vec<u8>], random: &mut Random, fitness: impl Fn(&[usize]) -> f64) -> Vec<usize> {
    const CROWD: usize = 24;
    let mut crowd: Vec<(f64, Vec<usize>)> = Vec::new();
    let begin = ThreadTime::now();
    while begin.elapsed() < Duration::from_secs(seconds) {
        let mut child: Vec<usize> = if crowd.len() < CROWD {
            (0..1 + random.below(8)).map(|_| random.below(bricks.len())).collect()
        } else {
            let (a, b) = (&crowd[random.below(CROWD)].1, &crowd[random.below(CROWD)].1);
            let (i, j) = (random.below(a.len() + 1), random.below(b.len() + 1));
            a[..i].iter().chain(&b[j..]).copied().take(200).collect()
        };
        for _ in 0..random.below(3) {
            let at = random.below(child.len() + 1);
            match random.below(3) {
                0 if child.len() > 1 => _ = child.remove(at.min(child.len() - 1)),
                1 if !child.is_empty() => {
                    let at = at.min(child.len() - 1);
                    child[at] = random.below(bricks.len());
                }
                _ => child.insert(at, random.below(bricks.len())),
            }
        }
        if !child.is_empty() {
            crowd.push((fitness(&child), child));
            crowd.sort_by(|a, b| b.0.total_cmp(&a.0));
            crowd.truncate(CROWD);
        }
    }
    crowd.swap_remove(0).1
}

/// What costs the most for each byte, if nothing ends it.
fn mixes(seconds: u64) {
    let bricks = bricks();
    for kind in DEAR.iter().map(|dear| dear.content_type) {
        let engine = engine();
        let brick = |parts: &[usize]| parts.iter().flat_map(|i| bricks[*i].iter().copied()).collect::<Vec<u8>>();
        let fitness = |parts: &[usize]| {
            let text = repeated(&brick(parts), SIZE);
            ns_per_byte(&text, || inspect(&engine, kind, &text))
        };
        let best = bred(seconds, &bricks, &mut Random(0x5eed), fitness);
        println!("{kind}: {:.1} ns/byte {:?}", fitness(&best), String::from_utf8_lossy(&brick(&best)));
    }
}

/// Which body takes longest although `effort` ends it: bricks in no order, so that they hardly ever repeat themselves.
fn longest(seconds: u64) {
    let bricks = bricks();
    for kind in DEAR.iter().map(|dear| dear.content_type) {
        let body = |parts: &[usize]| {
            let opening = match kind {
                "application/json" => "{\"a\":\"",
                "application/xml" => "<a>",
                kind if kind.starts_with("multipart") => "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n",
                _ => "",
            };
            let mut body = opening.as_bytes().to_vec();
            let mut order = Random(parts.iter().fold(1, |seed, part| seed * 31 + *part as u64) | 1);
            while body.len() < BODY_BYTES {
                body.extend(&bricks[parts[order.below(parts.len())]]);
            }
            body.truncate(BODY_BYTES);
            body
        };
        let engine = Rc::new(engine());
        let fitness = |parts: &[usize]| {
            let body = body(parts);
            let warm = (0..3).map(|_| request(&engine, kind, b"", &body).0).min().unwrap_or_default();
            warm.as_secs_f64()
        };
        let best = bred(seconds, &bricks, &mut Random(0x5eed), fitness);
        // It may have won because something else took the core.
        let again: Vec<Cost> = (0..5).map(|_| measured(kind, b"", &body(&best))).collect();
        let least = |of: fn(&Cost) -> Duration| ms(again.iter().map(of).min().unwrap_or_default());
        let text: Vec<u8> = best.iter().flat_map(|i| bricks[*i].iter().copied()).collect();
        let (first, warm) = (least(|cost| cost.first), least(|cost| cost.warm));
        let text: String = String::from_utf8_lossy(&text).chars().take(80).collect();
        println!("| {kind} | {first} | {warm} | {text:?} |");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["kept"] => kept(),
        ["inspect", name, bytes] => {
            let dear = DEAR.iter().find(|dear| dear.name == name).expect("the name of a dear input");
            let (engine, text) = (engine(), dear.text(bytes.parse().expect("a number of bytes")));
            inspect(&engine, dear.content_type, &text);
            counted(&engine, dear.content_type, &text);
        }
        ["restless"] => restless(),
        ["rules"] => rules(),
        ["bricks"] => search_bricks(),
        ["mixes", seconds] => mixes(seconds.parse().expect("seconds")),
        ["longest", seconds] => longest(seconds.parse().expect("seconds")),
        _ => {
            eprintln!("dearest kept | restless | rules | bricks | mixes SECONDS | longest SECONDS | inspect NAME BYTES")
        }
    }
}
