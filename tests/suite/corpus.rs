//! The recorded corpus: what people send to a ticket shop passes, what attackers send to it is refused.

mod read;

use std::collections::BTreeMap;
use std::rc::Rc;

use backstop::document::Node;
use backstop::engine::Engine;
use backstop::http::Header;
use backstop::transaction::Transaction;
use backstop::verdict::Action;
use read::{Request, document, exceptions, requests, requests_of};

use crate::fake::Fake;

/// Fewer requests than these are no corpus.
const LEAST_HARMLESS: usize = 3000;
const LEAST_ATTACKS: usize = 3200;
/// The part of the attacks that has to be refused.
const LEAST_REFUSED: f64 = 0.985;
/// The part of the harmless requests that may be listed in `exceptions.yaml`; beyond the list nothing may be refused.
const MOST_REFUSED: f64 = 0.014;

/// A proxy with a config.
struct Proxy {
    engine: Rc<Engine>,
    world: Fake,
}

impl Proxy {
    fn new(config: &Node) -> Self {
        let (engine, warnings) = Engine::compile(config, 0).unwrap_or_else(|d| panic!("{d:?}"));
        assert!(warnings.is_empty(), "{warnings:?}");
        Self { engine: Rc::new(engine), world: Fake::new() }
    }

    /// The details of the refusal, if it is refused.
    fn send(&self, request: &Request) -> Option<String> {
        self.world.lines.borrow_mut().clear();
        self.world.advance_ms(1000); // so that no event is one too many
        let headers: Vec<Header<'_>> = request.headers.iter().map(|(n, v)| (n.as_bytes(), v.as_slice())).collect();
        let mut transaction = Transaction::new(Rc::clone(&self.engine));
        let mut action = transaction.on_request_headers(Ok(&headers), request.body.is_empty(), &self.world);
        if matches!(action, Action::Continue | Action::Hold | Action::Gather) && !request.body.is_empty() {
            self.world.body.replace(request.body.clone());
            action = transaction.on_request_body(request.body.len(), true, &self.world);
        }
        match action {
            Action::Deny(reply) => Some(reply.details),
            Action::Continue => None,
            Action::Hold | Action::Gather => panic!("{}: held for ever: {}", request.id, request.text),
        }
    }
}

/// Requests and refusals of each group and place.
#[derive(Default)]
struct Table(BTreeMap<String, (usize, usize)>);

impl Table {
    fn add(&mut self, id: &str, refused: bool) {
        let cell = self.0.entry(id.to_owned()).or_default();
        cell.0 += 1;
        cell.1 += usize::from(refused);
    }

    fn print(&self) {
        for (id, (requests, refused)) in &self.0 {
            println!("{id:50} {requests:6} {refused:6}");
        }
    }
}

/// Sends all requests of a folder; how many there are, and how many of them came out wrong. Fails if those are not
/// exactly the ones that `exceptions.yaml` lists.
fn replay(folder: &str, is_attack: bool) -> (usize, usize) {
    let proxy = Proxy::new(&Node::empty_map());
    let all = requests(folder);
    let mut known: BTreeMap<(String, String), bool> =
        exceptions().into_iter().filter(|e| e.id.starts_with(folder)).map(|e| ((e.id, e.text), false)).collect();
    let mut table = Table::default();
    let (mut wrong, mut surprises) = (0, Vec::new());
    for request in &all {
        let details = proxy.send(request);
        table.add(&request.id, details.is_some());
        if details.is_some() == is_attack {
            continue;
        }
        wrong += 1;
        match known.get_mut(&(request.id.clone(), request.text.clone())) {
            Some(seen) => *seen = true,
            None => surprises.push(format!(
                "{}: {:?}: {} {}",
                request.id,
                request.text,
                details.unwrap_or_else(|| "not refused".to_owned()),
                proxy.world.lines.borrow().join("\n    ")
            )),
        }
    }
    table.print();
    println!("{folder}: {} requests, {wrong} came out wrong", all.len());
    let stale = known.iter().filter(|(_, seen)| !**seen).map(|((id, text), _)| {
        format!("{id}: {text:?}: comes out right, so it leaves tests/data/corpus/exceptions.yaml")
    });
    surprises.extend(stale);
    assert!(surprises.is_empty(), "{} surprises\n{}", surprises.len(), surprises.join("\n"));
    (all.len(), wrong)
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[test]
fn nothing_harmless_is_refused() {
    let (requests, wrong) = replay("harmless", false);
    assert!(requests >= LEAST_HARMLESS, "{requests} requests");
    let refused = share(wrong, requests);
    println!("{:.2} % of the harmless requests refused, all of them listed", refused * 100.0);
    assert!(refused <= MOST_REFUSED, "{refused:.4}");
}

#[test]
fn attacks_are_refused() {
    let (requests, wrong) = replay("attack", true);
    assert!(requests >= LEAST_ATTACKS, "{requests} requests");
    let refused = 1.0 - share(wrong, requests);
    println!("{:.2} % of the attacks refused", refused * 100.0);
    assert!(refused >= LEAST_REFUSED, "{refused:.4}");
}

#[test]
fn exceptions_have_reasons_and_requests() {
    let all: Vec<Request> = ["harmless", "attack"].into_iter().flat_map(requests).collect();
    for exception in exceptions() {
        assert!(exception.why.len() > 10, "{}: {:?}: why?", exception.id, exception.text);
        assert!(
            all.iter().any(|r| r.id == exception.id && r.text == exception.text),
            "{}: {:?}: no such request",
            exception.id,
            exception.text
        );
    }
}

#[test]
fn no_request_is_there_twice() {
    let mut all: Vec<_> = ["harmless", "attack"].into_iter().flat_map(requests).map(|r| (r.id, r.text)).collect();
    all.sort();
    let twice: Vec<_> = all.windows(2).filter(|w| w[0] == w[1]).map(|w| &w[0]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn exclusions_let_consoles_work_and_nothing_else_through() {
    let (strict, spared) = (Proxy::new(&Node::empty_map()), Proxy::new(&document("exclusions.yaml")));
    let consoles = requests_of("console.yaml", "console");
    assert!(consoles.len() >= 20, "{} requests", consoles.len());
    for request in &consoles {
        assert!(strict.send(request).is_some(), "{}: {:?}: needs no exclusion", request.id, request.text);
        let details = spared.send(request);
        assert_eq!(details, None, "{}: {:?}: {:?}", request.id, request.text, spared.world.lines.borrow());
    }
    for request in requests("attack") {
        let without = strict.send(&request);
        assert_eq!(spared.send(&request), without, "{}: {:?}", request.id, request.text);
    }
    println!("{} requests of query consoles", consoles.len());
}
