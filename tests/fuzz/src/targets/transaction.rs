//! Whole requests: the verdict does not depend on chunks, on the mode, on what came before or on the prefilter; and any order of calls
//! with any failures is survived.

use std::rc::Rc;

use backstop::document::{Node, from_yaml};
use backstop::engine::Engine;
use backstop::extract::{self, Value};
use backstop::http::{Header, Request};
use backstop::reply::Form;
use backstop::transaction::Transaction;
use backstop::transaction::inflate::{Encoded, inflate};
use backstop::verdict::{Action, Reply};

use super::input::{Input, joined};
use super::rules::{Found, Pair};
use crate::fake::Fake;

/// All but the mode, which is tried both ways.
const CONFIGS: &[&str] = &[
    "{rules: {referer: block}, telemetry: {timeEvery: 0}}",
    "{rules: {referer: block}, body: {inspect: 40}, threshold: 9, level: 4}",
    "{body: {inspect: 60, oversize: deny, encoded: deny, holdHeaders: true}, detectLevel: 4, response: {status: 404}}",
    "{origin: {sha256: ['41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb'], exempt: [{exact: /healthz}]}, client: \
     {from: [cloudfront, {forwardedFor: {trustedHops: 1}}, peer], allow: [198.51.100.0/24]}, exempt: [{prefix: /static/}]}",
    "{limits: [{name: one, key: [client, method], rate: 2/m, burst: 2}, {name: two, key: ['header:x-id', 'cookie:c'], rate: 1/h, burst: 1}, {name: all, \
     key: [], rate: 5/s, burst: 4, mode: detect, paths: [{prefix: /a}]}], limitHeaders: draft03}",
    "{penalty: {denials: 1, window: 1s, for: 1m, report: {cluster: c, authority: a, path: /p, timeout: 5ms}}, handover: {groups: [{name: g, \
     paths: [{prefix: /a}]}], critical: [{name: pay, methods: [POST], paths: [{prefix: /pay}]}], cost: {score: 3, hits: 5}}}",
    "{exclusions: [{rules: ['sqli-*'], paths: [{prefix: /a}], reason: r}, {rules: ['xss-*'], targets: ['query:q'], reason: r, until: \
     2026-10-01}], rules: {families: {php: detect, java: off}}, onFailure: allow}",
];
/// So many of [`CONFIGS`], the first ones, leave everything to the rules.
const BY_RULES: usize = 2;

const METHODS: &[&[u8]] = &[b"GET", b"POST", b"CONNECT", b"OPTIONS", b""];
const NAMES: &[&[u8]] = &[
    b"x-note",
    b"cookie",
    b"user-agent",
    b"referer",
    b"content-type",
    b"content-encoding",
    b"content-length",
    b"accept",
    b"x-forwarded-for",
    b"cloudfront-viewer-address",
    b"x-origin-verify",
    b"x-backstop-cost",
    b"x-id",
    b"upgrade",
    b"traceparent",
    b":protocol",
];

struct Setup {
    block: Rc<Engine>,
    detect: Rc<Engine>,
    rules: Pair,
}

thread_local! {
    static SETUPS: Vec<Setup> = CONFIGS.iter().map(|config| {
        let engine = |mode: &str| {
            let documents = from_yaml(&config.replacen('{', &format!("{{mode: {mode}, "), 1)).unwrap();
            let node: &Node = documents.first().unwrap();
            Rc::new(Engine::compile(node, 1_790_000_000).unwrap_or_else(|d| panic!("{config}: {d:?}")).0)
        };
        let block = engine("block");
        let rules: Vec<_> = block.config.rules.select(block.config.level, block.config.detect_level).collect();
        Setup { rules: Pair::new(&rules), detect: engine("detect"), block }
    }).collect();
}

/// One request, cut out of the fuzzer's bytes.
struct Sent<'i> {
    config: usize,
    headers: Vec<Header<'i>>,
    trailers: Option<Vec<Header<'i>>>,
    body: &'i [u8],
    /// Where the body is cut into chunks, in turn; 0 is an empty one.
    sizes: &'i [u8],
}

impl<'i> Sent<'i> {
    fn of(input: &mut Input<'i>) -> Self {
        let (config, method) = (input.below(CONFIGS.len()), input.choice(METHODS));
        let (names, trailers) = (input.text(), input.flag());
        let mut headers: Vec<Header<'i>> =
            vec![(b":method", method), (b":path", input.text()), (b":authority", b"a.example")];
        let (in_head, in_trailers) = names.split_at(names.len() - usize::from(trailers && !names.is_empty()));
        let mut named = |bytes: &[u8]| -> Vec<Header<'i>> {
            bytes.iter().take(12).map(|n| (NAMES[usize::from(*n) % NAMES.len()], input.text())).collect()
        };
        headers.extend(named(in_head));
        let trailers = trailers.then(|| named(in_trailers));
        let sizes = input.text();
        Self { config, headers, trailers, body: input.text(), sizes }
    }

    /// Sends it through all phases, the body as a host shows it: all that it holds, or what is new.
    fn send(&self, engine: &Rc<Engine>, world: &Fake, sizes: &[u8]) -> Action {
        let mut transaction = Transaction::new(Rc::clone(engine));
        let is_last = self.body.is_empty() && self.trailers.is_none();
        let mut action = transaction.on_request_headers(Ok(&self.headers), is_last, world);
        if is_last {
            return action;
        }
        let (mut shown, mut sent) = (0, 0);
        let mut sizes = sizes.iter().chain(&[u8::MAX]).cycle().map(|size| usize::from(*size));
        while !matches!(action, Action::Deny(_)) && sent < self.body.len() {
            if matches!(action, Action::Continue | Action::Gather) {
                shown = sent;
            }
            let size = sizes.next().unwrap_or(1);
            sent = if size == 255 { self.body.len() } else { (sent + size).min(self.body.len()) };
            world.body.replace(self.body[shown..sent].to_vec());
            let is_last = sent == self.body.len() && self.trailers.is_none();
            action = transaction.on_request_body(sent - shown, is_last, world);
        }
        if let (Some(trailers), false) = (&self.trailers, matches!(action, Action::Deny(_))) {
            // What is gathered has been taken; what is held is still there.
            action = transaction.on_request_trailers(Ok(trailers), world);
        }
        assert!(!matches!(action, Action::Hold | Action::Gather), "held for ever");
        action
    }

    /// The score that the request has by rules alone, none of them spared, and each counted once.
    fn score(&self, setup: &Setup) -> u32 {
        let mut found: Vec<Found> = Vec::new();
        let mut look = |value: &Value<'_>| found.extend(setup.rules.scan(value));
        let request = Request { headers: &self.headers };
        extract::head(&request, &mut look);
        let limit = setup.block.config.body.limits.inspect_bytes;
        let (body, complete) =
            self.body.get(..limit).map_or((self.body, true), |start| (start, self.body.len() == limit));
        let content_type = request.joined("content-type");
        // What is no document passes, and so does gRPC that begins as such; trailers are looked at all the same.
        let is_endless = request.method() == b"CONNECT"
            || request.first("upgrade").is_some()
            || request.first(":protocol").is_some()
            || Form::of(request.first("accept"), request.first("content-type")) == Form::Grpc
                && matches!(self.body, [0 | 1, ..]);
        if !is_endless && (!self.body.is_empty() || self.trailers.is_some()) {
            if let Encoded::Inflated { text, whole } = inflate(&request.joined("content-encoding"), body, limit) {
                extract::body(&content_type, &text, whole, &mut look);
            }
            extract::body(&content_type, body, complete, &mut look);
        }
        if let Some(trailers) = &self.trailers {
            extract::head(&Request { headers: trailers }, &mut look);
        }
        found.sort();
        found.dedup();
        found.iter().map(|(_, score)| score).sum()
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let attack: &[u8] = b"/a?q=1'+union+select+a,b+from+c--+";
    let requests: [(&[u8], Vec<&[u8]>); 7] = [
        (&[0, 0], vec![&[0, 2], b"\0/a?b=c", b"two words", b"Mozilla/5.0", b"", b""]),
        (
            &[0, 1],
            vec![&[4], b"\0/a", b"application/json", b"\x01\x02\x03", b"{\"a\":\"<script>alert(1)</script>\",\"b\":1}"],
        ),
        (
            &[1, 1],
            vec![
                &[4, 0],
                b"\x01/",
                b"text/plain",
                b"${jndi:ldap://x/y}",
                b"\x05",
                b"a=1; cat /etc/passwd&b=/../../etc/passwd",
            ],
        ),
        (&[2, 1], vec![&[4, 6], b"\0/u", b"application/x-www-form-urlencoded", b"11", b"\0\x01", b"a=%27+or+1=1"]),
        (&[3, 0], vec![&[10, 8, 9], b"\0/static/../x", b"open sesame", b"203.0.113.9", b"198.51.100.7:1", b"", b""]),
        (&[4, 0], vec![&[12, 1], b"\0/a", b"7", b"c=8", b"", b""]),
        (&[5, 1], vec![&[11], b"\0/pay", b"9", b"", b"a"]),
    ];
    let mut seeds: Vec<Vec<u8>> = requests.iter().map(|(choices, texts)| joined(choices, texts)).collect();
    seeds.extend((0..7).map(|config| joined(&[config, 0], &[b"", &[b"\0", attack].concat(), b"", b""])));
    seeds
}

/// What a client and the application get to see of a verdict.
fn verdict(action: &Action) -> Option<(u32, &str)> {
    match action {
        Action::Deny(Reply { status, details, .. }) => Some((*status, details)),
        _ => None,
    }
}

/// The verdict, however the request is cut up and whatever was asked before.
pub fn verdicts(bytes: &[u8]) {
    let sent = Sent::of(&mut Input::new(bytes));
    SETUPS.with(|setups| {
        let setup = &setups[sent.config];
        let (whole, cut, again, detected) = (Fake::new(), Fake::new(), Fake::new(), Fake::new());
        let action = sent.send(&setup.block, &whole, &[]);
        let expected = verdict(&action);
        assert_eq!(verdict(&sent.send(&setup.block, &cut, sent.sizes)), expected, "in chunks");
        assert_eq!(verdict(&sent.send(&setup.block, &again, &[])), expected, "asked again");
        assert_eq!(sent.send(&setup.detect, &detected, sent.sizes), Action::Continue, "detect mode lets all pass");
        let note = |world: &Fake, name: &str| world.notes.borrow().get(name).cloned().unwrap_or_default();
        let is_detected = note(&detected, "verdict") == b"detected";
        assert_eq!(is_detected, expected.is_some(), "{expected:?} in detect mode");
        if let Some((_, details)) = expected {
            assert!(details.starts_with("backstop{") && details.ends_with('}') && !details.contains(' '), "{details}");
            assert_eq!(note(&whole, "verdict"), b"denied");
        }
        if sent.config < BY_RULES {
            let score = sent.score(setup);
            let reaches = u64::from(score) >= setup.block.config.threshold;
            assert_eq!(expected.is_some(), reaches, "score {score} by rules without a prefilter, and {expected:?}");
        }
        for line in whole.lines.borrow().iter().chain(detected.lines.borrow().iter()) {
            let event: serde_json::Value = serde_json::from_str(line).expect("one JSON object");
            assert!(event.is_object() && line.len() < 16_384 + 8 * bytes.len() && !line.contains('\n'));
            assert!(!line.contains("open sesame"), "{line}");
        }
    });
}

pub fn phases_seeds() -> Vec<Vec<u8>> {
    let calls: [&[u8]; 5] = [
        &[0, 1, 2, 3],
        &[4, 0, 0, 1, 1, 2, 3],
        &[5, 0, 0, 6, 200, 0, 1, 3],
        &[7, 9, 0, 1, 8, 2, 0, 3, 3],
        &[4, 1, 4, 2, 4, 3, 0, 1, 2],
    ];
    let requests = seeds();
    calls.iter().zip(requests).map(|(calls, request)| joined(&[], &[calls, &request])).collect()
}

/// Any order of calls, with failures, clocks that jump, and shared memory in which somebody wrote.
pub fn phases(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut calls = Input::new(input.text());
    let sent = Sent::of(&mut input);
    let world = Fake::new();
    SETUPS.with(|setups| {
        let setup = &setups[sent.config];
        let engine = if calls.flag() { &setup.block } else { &setup.detect };
        let mut transaction = Transaction::new(Rc::clone(engine));
        let mut is_over = false;
        let mut steps = 0;
        while !calls.is_empty() && steps < 64 {
            steps += 1;
            let action = match calls.below(10) {
                0 => {
                    // A second head is a second request.
                    is_over = false;
                    transaction.on_request_headers(Ok(&sent.headers), calls.flag(), &world)
                }
                1 => {
                    let size = calls.below(256) * sent.body.len().max(1) / 128;
                    world.body.replace(sent.body.get(..size).unwrap_or(sent.body).to_vec());
                    transaction.on_request_body(size, calls.flag(), &world)
                }
                2 => transaction.on_request_trailers(Ok(sent.trailers.as_deref().unwrap_or_default()), &world),
                3 => {
                    let headers = transaction.on_response_headers();
                    assert!(headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])), "{headers:?}");
                    continue;
                }
                4 => {
                    let call: &'static str = calls.choice(Fake::CALLS);
                    world.fail(call);
                    world.fail("http-call");
                    continue;
                }
                5 => {
                    world.failing.borrow_mut().clear();
                    world.rivals.set(u32::from(calls.byte()) % 20);
                    continue;
                }
                6 => {
                    world.monotonic.set(calls.number());
                    world.unix.set(calls.number());
                    continue;
                }
                7 => {
                    let (at, byte) = (calls.byte(), calls.byte());
                    for (value, _) in world.shared.borrow_mut().values_mut() {
                        let length = value.len().max(1);
                        match value.get_mut(usize::from(at) % length) {
                            Some(place) if byte != 0 => *place = byte,
                            _ => value.truncate(usize::from(at)),
                        }
                    }
                    continue;
                }
                8 => transaction.on_request_headers(Err(failed()), false, &world),
                _ => {
                    transaction = Transaction::new(Rc::clone(engine));
                    is_over = false;
                    continue;
                }
            };
            match action {
                Action::Deny(reply) => {
                    let is_failure = reply.details.starts_with("backstop{failure");
                    let spares = engine.config.on_failure == backstop::config::OnFailure::Allow;
                    assert!(!(is_failure && spares), "onFailure: allow, and {}", reply.details);
                    let is_enforced = engine.config.mode == backstop::config::Mode::Block;
                    assert!(is_failure || is_enforced, "detect mode, and {}", reply.details);
                    assert!((400..600).contains(&reply.status), "{}", reply.status);
                    assert!(
                        reply.headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])),
                        "{:?}",
                        reply.headers
                    );
                    is_over = true;
                }
                Action::Hold | Action::Gather => assert!(!is_over, "nothing is held once it is over"),
                Action::Continue => {}
            }
        }
        let names = engine.metric_names();
        assert!(world.counts.borrow().keys().all(|index| *index < names.len()), "each counter has a name");
    });
}

fn failed() -> backstop::host::HostError {
    backstop::host::HostError { call: "get-header-map", status: 10 }
}
