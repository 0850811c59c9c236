//! The requests that are measured, and a world for them to run in: `tests/bench/requests`, under
//! `tests/bench/everything-on.json`.

pub mod dear;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use backstop::engine::Engine;
use backstop::host::{Clock, HostError, Message, Post, SharedData, Sink, Stored, Stream};
use backstop::http::Header;
use backstop::transaction::Transaction;
use backstop::verdict::Action;

const CONFIG: &[u8] = include_bytes!("../../everything-on.json");

/// Name and text (HTTP/1.1, RFC 9112, with bare line feeds) of each request.
pub const REQUESTS: &[(&str, &[u8])] = &[
    ("browser-get", include_bytes!("../../requests/browser-get.http")),
    ("json-post", include_bytes!("../../requests/json-post.http")),
    ("sql-injection", include_bytes!("../../requests/sql-injection.http")),
];

/// A request as the host hands it over: pseudo-headers first, names in lower case.
pub struct Recorded {
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body, empty if there is none.
    pub body: Vec<u8>,
}

impl Recorded {
    /// The request of that name.
    ///
    /// # Panics
    /// When there is none, or it is no request.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let found = REQUESTS.iter().find(|(n, _)| *n == name);
        Self::parse(found.unwrap_or_else(|| panic!("no request is called {name}")).1)
    }

    /// The requests of a file, each after its length in four bytes, the highest first.
    ///
    /// # Panics
    /// When the file holds something else.
    #[must_use]
    pub fn all(mut file: &[u8]) -> Vec<Self> {
        let mut requests = Vec::new();
        while let Some((length, rest)) = file.split_first_chunk::<4>() {
            let (request, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
            requests.push(Self::parse(request));
            file = rest;
        }
        assert!(file.is_empty() && !requests.is_empty(), "whole requests, at least one");
        requests
    }

    fn parse(text: &[u8]) -> Self {
        let text = std::str::from_utf8(text).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n")).expect("a head");
        let mut lines = head.lines();
        let mut first = lines.next().expect("a first line").split(' ');
        let mut headers: Vec<(Vec<u8>, Vec<u8>)> = [":method", ":path"]
            .iter()
            .map(|name| (name.as_bytes().to_vec(), first.next().expect("three words").as_bytes().to_vec()))
            .collect();
        headers.extend(lines.map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            let name = if name == "Host" { ":authority" } else { name };
            (name.to_ascii_lowercase().into_bytes(), value.as_bytes().to_vec())
        }));
        Self { headers, body: body.as_bytes().to_vec() }
    }

    /// Its head.
    #[must_use]
    pub fn headers(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect()
    }
}

/// An engine with everything on.
///
/// # Panics
/// When the config has a mistake.
#[must_use]
pub fn engine() -> Rc<Engine> {
    let (engine, _) = Engine::configure(CONFIG, 1_790_000_000).expect("a config without a mistake");
    Rc::new(engine)
}

/// Sends a request through all phases, and says whether it was refused.
#[must_use]
pub fn is_refused(engine: &Rc<Engine>, request: &Recorded, world: &World<'_>) -> bool {
    let mut transaction = Transaction::new(Rc::clone(engine));
    let mut action = transaction.on_request_headers(Ok(&request.headers()), request.body.is_empty(), world);
    if action == Action::Continue && !request.body.is_empty() {
        action = transaction.on_request_body(request.body.len(), true, world);
    }
    if action == Action::Continue {
        let _ = transaction.on_response_headers();
    }
    matches!(action, Action::Deny(_))
}

/// Shared data in a map, a clock that stands, and nobody who listens.
#[derive(Default)]
pub struct World<'b> {
    body: Cell<&'b [u8]>,
    shared: RefCell<BTreeMap<Vec<u8>, Stored>>,
}

impl<'b> World<'b> {
    /// A world in which `body` is held.
    #[must_use]
    pub fn new(body: &'b [u8]) -> Self {
        Self { body: Cell::new(body), shared: RefCell::default() }
    }

    /// The same world when another body is held.
    pub fn hold(&self, body: &'b [u8]) {
        self.body.set(body);
    }
}

impl Clock for World<'_> {
    fn monotonic_ns(&self) -> u64 {
        1_000_000_000
    }

    fn unix_ns(&self) -> u64 {
        1_790_000_000_000_000_000
    }
}

/// A key as the module writes it.
fn key(table: &str, slot: u16) -> Vec<u8> {
    [table.as_bytes(), &slot.to_be_bytes()].concat()
}

impl SharedData for World<'_> {
    fn load(&self, table: &str, slot: u16) -> Result<Option<Stored>, HostError> {
        Ok(self.shared.borrow().get(&key(table, slot)).cloned())
    }

    fn store(&self, table: &str, slot: u16, value: &[u8], _expected: Option<u32>) -> Result<bool, HostError> {
        self.shared.borrow_mut().insert(key(table, slot), (value.to_vec(), 1));
        Ok(true)
    }
}

impl Sink for World<'_> {
    fn count(&self, _index: usize, _by: u64) {}

    fn observe(&self, _index: usize, _value: u64) {}

    fn warn(&self, _line: &str) {}

    fn note(&self, _name: &str, _value: &[u8]) {}
}

impl Stream for World<'_> {
    fn peer(&self) -> Result<Vec<u8>, HostError> {
        Ok(b"192.0.2.1:40000".to_vec())
    }

    fn body(&self, max: usize) -> Result<Vec<u8>, HostError> {
        let body = self.body.get();
        Ok(body.get(..max).unwrap_or(body).to_vec())
    }

    fn remove_header(&self, _name: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn add_header(&self, _name: &str, _value: &str) -> Result<(), HostError> {
        Ok(())
    }
}

impl Post for World<'_> {
    fn post(&self, _message: &Message<'_>) -> Result<(), HostError> {
        Ok(())
    }
}
