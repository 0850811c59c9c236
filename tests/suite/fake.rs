//! A world for tests: the ports of `backstop::host` over plain memory, with a clock that stands until it is moved.
#![allow(dead_code, reason = "each test module uses its own part")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use backstop::host::{Clock, HostError, Message, Post, SharedData, Sink, Stored, Stream};

/// The status of a call that was told to fail (`InternalFailure` of the ABI).
pub const FAILURE: u32 = 10;

/// The world. Fields may be set and read at any time.
#[derive(Default)]
pub struct Fake {
    /// What `monotonic_ns` says.
    pub monotonic: Cell<u64>,
    /// What `unix_ns` says.
    pub unix: Cell<u64>,
    /// All shared data.
    pub shared: RefCell<HashMap<String, Stored>>,
    /// So many of the next conditional writes find that another worker was faster.
    pub rivals: Cell<u32>,
    /// The peer's address.
    pub peer: RefCell<Vec<u8>>,
    /// The request body that is held.
    pub body: RefCell<Vec<u8>>,
    /// Names of the headers that were removed, in order.
    pub removed: RefCell<Vec<String>>,
    /// Names and values of the headers that were added, in order.
    pub added: RefCell<Vec<(String, String)>>,
    /// Counters by index.
    pub counts: RefCell<BTreeMap<usize, u64>>,
    /// What histograms took, by index.
    pub observed: RefCell<BTreeMap<usize, Vec<u64>>>,
    /// Lines at `warn`.
    pub lines: RefCell<Vec<String>>,
    /// What was noted for access logs, by name.
    pub notes: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Cluster, authority and path, timeout and body of the messages that were sent.
    pub posted: RefCell<Vec<String>>,
    /// Names of the calls that fail, such as `get-shared-data`.
    pub failing: RefCell<BTreeSet<&'static str>>,
    /// How often each call was made.
    pub calls: RefCell<BTreeMap<&'static str, usize>>,
    last_number: Cell<u32>,
}

impl Fake {
    /// Every call whose failure `onFailure` is about.
    pub const CALLS: &'static [&'static str] =
        &["get-shared-data", "set-shared-data", "get-property", "get-buffer", "remove-header", "add-header"];

    /// A world whose peer is `198.51.100.7:40000`, a second after the clock began.
    pub fn new() -> Self {
        let fake = Self::default();
        fake.monotonic.set(1_000_000_000);
        fake.unix.set(1_790_000_000_000_000_000);
        fake.peer.replace(b"198.51.100.7:40000".to_vec());
        fake
    }

    /// Lets time pass.
    pub fn advance_ms(&self, ms: u64) {
        self.monotonic.set(self.monotonic.get() + ms * 1_000_000);
        self.unix.set(self.unix.get() + ms * 1_000_000);
    }

    /// Makes `call` fail from now on.
    pub fn fail(&self, call: &'static str) {
        assert!(Self::CALLS.contains(&call) || call == "http-call", "no such call: {call}");
        self.failing.borrow_mut().insert(call);
    }

    /// How often `call` was made.
    pub fn calls_of(&self, call: &'static str) -> usize {
        assert!(Self::CALLS.contains(&call), "no such call: {call}");
        self.calls.borrow().get(call).copied().unwrap_or(0)
    }

    fn enter(&self, call: &'static str) -> Result<(), HostError> {
        *self.calls.borrow_mut().entry(call).or_default() += 1;
        if self.failing.borrow().contains(call) { Err(HostError { call, status: FAILURE }) } else { Ok(()) }
    }

    fn next_number(&self) -> u32 {
        self.last_number.set(self.last_number.get() + 1);
        self.last_number.get()
    }
}

impl Clock for Fake {
    fn monotonic_ns(&self) -> u64 {
        self.monotonic.get()
    }

    fn unix_ns(&self) -> u64 {
        self.unix.get()
    }
}

impl SharedData for Fake {
    fn load(&self, table: &str, slot: u16) -> Result<Option<Stored>, HostError> {
        self.enter("get-shared-data")?;
        Ok(self.shared.borrow().get(&format!("{table}/{slot}")).cloned())
    }

    /// As the Proxy-Wasm C++ host does it: the number is compared only if the key exists.
    fn store(&self, table: &str, slot: u16, value: &[u8], expected: Option<u32>) -> Result<bool, HostError> {
        self.enter("set-shared-data")?;
        let key = format!("{table}/{slot}");
        let mut shared = self.shared.borrow_mut();
        if expected.is_some() && self.rivals.get() > 0 {
            self.rivals.set(self.rivals.get() - 1);
            let number = self.next_number();
            shared.entry(key).and_modify(|stored| stored.1 = number);
            return Ok(false);
        }
        if let (Some((_, number)), Some(expected)) = (shared.get(&key), expected)
            && *number != expected
        {
            return Ok(false);
        }
        shared.insert(key, (value.to_vec(), self.next_number()));
        Ok(true)
    }
}

impl Sink for Fake {
    fn count(&self, index: usize, by: u64) {
        *self.counts.borrow_mut().entry(index).or_default() += by;
    }

    fn observe(&self, index: usize, value: u64) {
        self.observed.borrow_mut().entry(index).or_default().push(value);
    }

    fn warn(&self, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }

    fn note(&self, name: &str, value: &[u8]) {
        self.notes.borrow_mut().insert(name.to_owned(), value.to_vec());
    }
}

impl Post for Fake {
    fn post(&self, message: &Message<'_>) -> Result<(), HostError> {
        self.enter("http-call")?;
        let Message { cluster, authority, path, timeout_ms, json } = message;
        self.posted.borrow_mut().push(format!("{cluster} {authority}{path} {timeout_ms} {json}"));
        Ok(())
    }
}

impl Stream for Fake {
    fn peer(&self) -> Result<Vec<u8>, HostError> {
        self.enter("get-property")?;
        Ok(self.peer.borrow().clone())
    }

    fn body(&self, max: usize) -> Result<Vec<u8>, HostError> {
        self.enter("get-buffer")?;
        Ok(self.body.borrow().iter().take(max).copied().collect())
    }

    fn remove_header(&self, name: &str) -> Result<(), HostError> {
        self.enter("remove-header")?;
        self.removed.borrow_mut().push(name.to_owned());
        Ok(())
    }

    fn add_header(&self, name: &str, value: &str) -> Result<(), HostError> {
        self.enter("add-header")?;
        self.added.borrow_mut().push((name.to_owned(), value.to_owned()));
        Ok(())
    }
}

/// What reading `json` with `read` gives, and every diagnostic as it is printed.
pub fn read<T>(
    json: &str,
    read: impl FnOnce(&backstop::document::Item<'_>, &mut backstop::document::Report) -> Option<T>,
) -> (Option<T>, Vec<String>) {
    let node = backstop::document::from_json(json.as_bytes()).unwrap();
    let mut report = backstop::document::Report::default();
    let value = read(&backstop::document::Item::root(&node), &mut report);
    (value, report.diagnostics.iter().map(ToString::to_string).collect())
}

/// The same for a document without a mistake.
pub fn read_clean<T>(
    json: &str,
    read_fn: impl FnOnce(&backstop::document::Item<'_>, &mut backstop::document::Report) -> Option<T>,
) -> T {
    let (value, diagnostics) = read(json, read_fn);
    assert!(diagnostics.is_empty(), "{json}: {diagnostics:?}");
    value.unwrap()
}
