//! The ports of `host` over host calls.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::abi;
use super::codes::{BufferType, LogLevel, MapType};
use crate::host::{Clock, HostError, Message, Post, SharedData, Sink, Stored, Stream};

thread_local! {
    /// Ids of all counters of this VM, which outlives a config: the host gives a new id at each definition, and keeps it.
    static COUNTERS: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// The id of the counter of that name, defined if it is new to this VM; nothing if the host refuses it.
pub fn counter(name: &str) -> Option<u32> {
    COUNTERS.with(|counters| {
        let mut counters = counters.try_borrow_mut().ok()?;
        if let Some(id) = counters.get(name) {
            return Some(*id);
        }
        let id =
            abi::define_counter(name).inspect_err(|error| log::warn!("backstop: no counter {name}: {error}")).ok()?;
        counters.insert(name.to_owned(), id);
        Some(id)
    })
}

/// Adds to a counter; one that could not be defined loses it.
pub fn increment(counter: Option<u32>, by: u64) {
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    // The host calls an addition of nothing a bad argument.
    if let Some(id) = counter.filter(|_| by > 0) {
        let _ = abi::increment_counter(id, by);
    }
}

/// So many calls of our own may be open at once in one worker, so that a service that hangs takes little memory.
const MAX_OPEN_CALLS: usize = 64;

/// All ports, for every stream of one plugin config.
pub struct HostWorld {
    /// Before every key in shared data, which all plugins of the proxy have in common.
    key_prefix: Vec<u8>,
    /// Ids of the counters by their index.
    counters: Vec<Option<u32>>,
    /// The context of the plugin, to which answers to our own calls come: a stream may be over by then.
    root: u32,
    /// The context of the stream whose callback runs.
    stream: Cell<u32>,
    /// How many of our own calls have no answer yet.
    open_calls: Cell<usize>,
    monotonic_ns: Cell<u64>,
    unix_ns: Cell<u64>,
}

impl HostWorld {
    /// A world of the plugin with the context `root`, in which [`Sink::count`] knows no counter yet.
    pub fn new(root: u32) -> Self {
        let plugin = abi::property("plugin_name").unwrap_or_default();
        Self {
            key_prefix: [b"backstop/", plugin.as_slice(), b"/"].concat(),
            counters: Vec::new(),
            root,
            stream: Cell::new(root),
            open_calls: Cell::new(0),
            monotonic_ns: Cell::new(0),
            unix_ns: Cell::new(0),
        }
    }

    /// Defines the counters, whose indices are those of `names`.
    pub fn define_counters(&mut self, names: &[String]) {
        self.counters = names.iter().map(|name| counter(name)).collect();
    }

    /// Says whose callback runs.
    pub fn enter(&self, stream: u32) {
        self.stream.set(stream);
    }

    /// One of our own calls has come to an end.
    pub fn call_ended(&self) {
        self.open_calls.set(self.open_calls.get().saturating_sub(1));
    }

    fn key(&self, key: &str) -> Vec<u8> {
        [self.key_prefix.as_slice(), key.as_bytes()].concat()
    }
}

impl Clock for HostWorld {
    // A clock that does not answer stands still: neither runs backwards nor jumps to 1970.
    fn monotonic_ns(&self) -> u64 {
        let last = self.monotonic_ns.get();
        self.monotonic_ns.set(abi::monotonic_time_ns().map_or(last, |now| now.max(last)));
        self.monotonic_ns.get()
    }

    fn unix_ns(&self) -> u64 {
        self.unix_ns.set(abi::unix_time_ns().unwrap_or(self.unix_ns.get()));
        self.unix_ns.get()
    }
}

impl SharedData for HostWorld {
    fn load(&self, key: &str) -> Result<Option<Stored>, HostError> {
        abi::shared_data(&self.key(key))
    }

    fn store(&self, key: &str, value: &[u8], expected: Option<u32>) -> Result<bool, HostError> {
        abi::set_shared_data(&self.key(key), value, expected.unwrap_or(0))
    }
}

impl Sink for HostWorld {
    fn count(&self, index: usize, by: u64) {
        increment(self.counters.get(index).copied().flatten(), by);
    }

    fn warn(&self, line: &str) {
        let _ = abi::log(LogLevel::Warn, line);
    }

    // One segment with a dot: the NUL between two would stand in the key of the filter state.
    fn note(&self, name: &str, value: &[u8]) {
        let _ = abi::set_property(&format!("backstop.{name}"), value);
    }
}

impl Post for HostWorld {
    fn post(&self, message: &Message<'_>) -> Result<(), HostError> {
        if self.open_calls.get() >= MAX_OPEN_CALLS {
            return Err(HostError { call: "http-call", status: 0 });
        }
        // A call that a stream makes is cancelled when the stream ends, and this one ends with the denial.
        abi::act_as(self.root)?;
        let sent = abi::http_call(message);
        abi::act_as(self.stream.get())?;
        sent?;
        self.open_calls.set(self.open_calls.get().saturating_add(1));
        Ok(())
    }
}

impl Stream for HostWorld {
    fn peer(&self) -> Result<Vec<u8>, HostError> {
        abi::property("source\0address")
    }

    fn body(&self, max: usize) -> Result<Vec<u8>, HostError> {
        abi::buffer(BufferType::RequestBody, max)
    }

    fn remove_header(&self, name: &str) -> Result<(), HostError> {
        abi::remove_header(MapType::RequestHeaders, name)
    }

    fn add_header(&self, name: &str, value: &str) -> Result<(), HostError> {
        abi::add_header(MapType::RequestHeaders, name, value)
    }
}
