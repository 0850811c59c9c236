//! The config document: refused with a reason, or taken and then able to serve; as JSON and as YAML.

use std::rc::Rc;

use backstop::diagnostic::{Diagnostic, Level};
use backstop::document::{Node, Value, from_json, from_kubernetes_yaml, from_yaml};
use backstop::engine::Engine;
use backstop::http::Header;
use backstop::transaction::Transaction;

use crate::cases;
use crate::fake::Fake;

/// Every kind of value that the document may hold, most of them right.
const SECTIONS: &[&str] = &[
    "mode: detect\nthreshold: 7\nlevel: 2\ndetectLevel: 3\nonFailure: allow",
    "rules: {families: {bot-scanner: detect, xss: off}, referer: block, disable: ['sqli-comment-*'], custom: [{id: sqli-own, \
     severity: notice, level: 2, targets: [query, 'json:a.*'], transforms: [percent, lowercase], match: {words: [ab, cd]}, why: x, \
     hits: [ab], passes: [xaby]}]}",
    "exclusions: [{name: editor, rules: ['sqli-*'], paths: [{prefix: /api/}], targets: ['json:q'], reason: r, until: 2027-03-31}]",
    "exempt: [{exact: /healthz}, {prefix: /static/}]\nresponse: {status: 404}\ntelemetry: {log: {perSecond: 1}, timeEvery: 2}",
    "origin: {header: x-origin-verify, sha256: ['41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb'], exempt: []}\n\
     client: {from: [cloudfront, {forwardedFor: {trustedRanges: ['10.0.0.0/8']}}, peer], ipv6Prefix: 56, allow: ['::1']}",
    "limits: [{name: a, key: [client, 'header:x', 'cookie:c', method], rate: 10/m, burst: 3, mode: detect, paths: [{prefix: /a/}]}]\n\
     limitHeaders: draft03",
    "penalty: {denials: 2, window: 60s, for: 10m, weights: {sqli: 2}, mode: block, report: {cluster: c, authority: a, path: /p, \
     timeout: 500ms}}",
    "handover: {groups: [{name: g, paths: [{exact: /a}]}], critical: [{name: p, methods: [POST], paths: [{prefix: /p}]}], cost: \
     {score: 3, hits: 5}}",
    "body: {inspect: 1000, oversize: deny, encoded: deny, holdHeaders: true, paths: [{prefix: /u/, inspect: 0}]}",
    "limits: [{key: [], rate: 1/h}]\nclient: {from: [{forwardedFor: {}}], allow: [1.2.3.4/33]}\nbody: {inspect: 1e9}\nunknown: ~",
];

pub fn seeds() -> Vec<Vec<u8>> {
    let yaml = SECTIONS.iter().map(|section| (*section).to_owned());
    let json = SECTIONS.iter().filter_map(|section| Some(json(from_yaml(section).ok()?.first()?).to_string()));
    yaml.chain(json).map(String::into_bytes).collect()
}

fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(nodes) => nodes.iter().map(json).collect(),
        Value::Map(entries) => entries.iter().map(|e| (e.key.clone(), json(&e.node))).collect(),
    }
}

pub fn run(text: &[u8]) {
    let _ = str::from_utf8(text).map(from_kubernetes_yaml);
    let from_yaml = str::from_utf8(text).ok().and_then(|text| from_yaml(text).ok());
    for node in from_yaml.unwrap_or_default().into_iter().chain(from_json(text).ok()) {
        let way = compile(&node);
        // As Istio hands over what somebody wrote.
        let as_json = json(&node);
        let Ok(again) = from_json(as_json.to_string().as_bytes()) else { continue };
        if !has_duplicates(&node) {
            assert_eq!(compile(&again), way, "the same as JSON: {as_json}");
        }
    }
}

fn has_duplicates(node: &Node) -> bool {
    match &node.value {
        Value::List(nodes) => nodes.iter().any(has_duplicates),
        Value::Map(entries) => {
            let repeats =
                |(n, e): (usize, &backstop::document::Entry)| entries[..n].iter().any(|other| other.key == e.key);
            entries.iter().enumerate().any(repeats) || entries.iter().any(|e| has_duplicates(&e.node))
        }
        _ => false,
    }
}

/// Whether a document is taken, after all that must hold either way.
fn compile(node: &Node) -> bool {
    const NOW_S: u64 = 1_790_000_000;
    let shown = |diagnostics: &[Diagnostic]| {
        for diagnostic in diagnostics {
            let line = diagnostic.to_string();
            assert!(!line.is_empty() && !line.contains(['\n', '\r', '\u{1b}']), "one line: {line:?}");
        }
    };
    match Engine::compile(node, NOW_S) {
        Ok((engine, warnings)) => {
            assert!(warnings.iter().all(|d| d.level == Level::Warning), "{warnings:?}");
            shown(&warnings);
            serve(&Rc::new(engine));
            true
        }
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(|d| d.level == Level::Error), "refused without a reason");
            shown(&diagnostics);
            false
        }
    }
}

fn serve(engine: &Rc<Engine>) {
    let world = Fake::new();
    let headers: [Header<'_>; 5] = [
        (b":method", b"POST"),
        (b":path", b"/a/b?q=1%20union%20select%20a%20from%20b"),
        (b":authority", b"shop.example"),
        (b"x-forwarded-for", b"203.0.113.9"),
        (b"x-origin-verify", b"open sesame"),
    ];
    for _ in 0..3 {
        let mut transaction = Transaction::new(Rc::clone(engine));
        let _ = transaction.on_request_headers(Ok(&headers), false, &world);
        world.body.replace(b"{\"q\":\"a\"}".to_vec());
        let _ = transaction.on_request_body(9, true, &world);
        let _ = transaction.on_response_headers();
    }
    let names = engine.metric_names();
    assert!(world.counts.borrow().keys().all(|index| *index < names.len()), "each counter has a name");
}

/// What stands in configs and is worth inserting.
pub fn words() -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    for text in SECTIONS.iter().map(|s| s.as_bytes().to_vec()).chain(cases::texts("tests/data/diagnostics")) {
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'.');
        for word in text.split(|b| !is_word(b)).filter(|word| (2..=24).contains(&word.len())) {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_vec());
            }
        }
    }
    words
}
