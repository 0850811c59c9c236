//! A proxy without Envoy: requests through a transaction, against a fake world.

use std::rc::Rc;

use backstop::engine::Engine;
use backstop::http::Header;
use backstop::transaction::Transaction;
use backstop::verdict::{Action, Reply};

use crate::fake::Fake;

/// A proxy with a config, and the requests sent through it.
pub struct Proxy {
    pub engine: Rc<Engine>,
    pub world: Fake,
}

impl Proxy {
    /// A proxy with a config without mistakes, as YAML.
    pub fn new(config: &str) -> Self {
        let documents = backstop::document::from_yaml(config).unwrap();
        let empty = backstop::document::Node::empty_map();
        let (engine, _) = Engine::compile(documents.first().unwrap_or(&empty), 0).unwrap_or_else(|d| panic!("{d:?}"));
        Self { engine: Rc::new(engine), world: Fake::new() }
    }

    /// Sends a head without a body.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Action {
        let (transaction, action) = self.begin("GET", path, headers, true);
        transaction.on_end(&self.world);
        action
    }

    /// Sends a head; `end` says that there is no body.
    pub fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], end: bool) -> (Transaction, Action) {
        let mut all: Vec<Header<'_>> = vec![
            (b":method", method.as_bytes()),
            (b":path", path.as_bytes()),
            (b":authority", b"tickets.example"),
            (b"x-request-id", b"7e1c-01"),
        ];
        all.extend(headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
        let mut transaction = Transaction::new(Rc::clone(&self.engine));
        let action = transaction.on_request_headers(Ok(&all), end, &self.world);
        (transaction, action)
    }

    /// Sends a body in chunks of `size` and shows as much of it as a host does: all that it holds, or what is new.
    pub fn post(&self, headers: &[(&str, &str)], body: &[u8], size: usize) -> Action {
        let (mut transaction, mut action) = self.begin("POST", "/orders", headers, false);
        let (mut shown, mut sent) = (0, 0);
        while matches!(action, Action::Continue | Action::Hold | Action::Gather) && sent < body.len() {
            if action != Action::Hold {
                shown = sent;
            }
            sent = (sent + size).min(body.len());
            self.world.body.replace(body[shown..sent].to_vec());
            action = transaction.on_request_body(sent - shown, sent == body.len(), &self.world);
        }
        assert!(!matches!(action, Action::Hold | Action::Gather), "held for ever");
        transaction.on_end(&self.world);
        action
    }

    /// The value of a counter, which must exist.
    pub fn counted(&self, name: &str) -> u64 {
        let index = self.engine.metric_names().iter().position(|n| n == name).unwrap_or_else(|| panic!("no {name}"));
        self.world.counts.borrow().get(&index).copied().unwrap_or(0)
    }

    /// What was noted for access logs under a name.
    pub fn note(&self, name: &str) -> String {
        String::from_utf8(self.world.notes.borrow().get(name).cloned().unwrap_or_default()).unwrap()
    }
}

/// The answer to a request that must have been refused.
pub fn reply(action: Action) -> Reply {
    match action {
        Action::Deny(reply) => reply,
        other => panic!("not refused: {other:?}"),
    }
}
