//! The world of a replay: no shared data, a clock that stands, and the last event kept for whoever asks.

use std::cell::{Cell, RefCell};

use backstop::host::{Clock, HostError, Message, Post, SharedData, Sink, Stored, Stream};

/// A host for one request after another.
#[derive(Default)]
pub struct ReplayWorld {
    /// Seconds since 1970-01-01 UTC.
    pub unix_s: Cell<u64>,
    /// The body of the request at hand.
    pub body: RefCell<Vec<u8>>,
    /// The events of the request at hand, as they would be printed.
    pub events: RefCell<Vec<String>>,
}

impl Clock for ReplayWorld {
    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn unix_ns(&self) -> u64 {
        self.unix_s.get().saturating_mul(1_000_000_000)
    }
}

impl SharedData for ReplayWorld {
    fn load(&self, _table: &str, _slot: u16) -> Result<Option<Stored>, HostError> {
        Ok(None)
    }

    fn store(&self, _table: &str, _slot: u16, _value: &[u8], _expected: Option<u32>) -> Result<bool, HostError> {
        Ok(true)
    }
}

impl Sink for ReplayWorld {
    fn count(&self, _index: usize, _by: u64) {}

    fn observe(&self, _index: usize, _value: u64) {}

    fn warn(&self, line: &str) {
        self.events.borrow_mut().push(line.to_owned());
    }

    fn note(&self, _name: &str, _value: &[u8]) {}
}

impl Stream for ReplayWorld {
    fn peer(&self) -> Result<Vec<u8>, HostError> {
        Ok(b"192.0.2.1:1".to_vec())
    }

    fn body(&self, max: usize) -> Result<Vec<u8>, HostError> {
        let body = self.body.borrow();
        Ok(body.get(..max).unwrap_or(&body).to_vec())
    }

    fn remove_header(&self, _name: &str) -> Result<(), HostError> {
        Ok(())
    }

    fn add_header(&self, _name: &str, _value: &str) -> Result<(), HostError> {
        Ok(())
    }
}

impl Post for ReplayWorld {
    fn post(&self, _message: &Message<'_>) -> Result<(), HostError> {
        Ok(())
    }
}
