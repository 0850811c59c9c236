//! The ports of `host` over host calls.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::abi;
use super::codes::{BufferType, LogLevel, MapType, MetricKind};
use crate::host::{Clock, HostError, Message, Post, SharedData, Sink, Stored, Stream};
use crate::telemetry::{Gauge, Histogram};

thread_local! {
    /// Ids of all metrics of this VM, which outlives a config: the host gives a new id at each definition, and keeps it.
    static METRICS: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
    /// The linear memory of this VM when it was last told.
    static TOLD_PAGES: Cell<usize> = const { Cell::new(0) };
    /// How many streams this VM had when that was last told.
    static TOLD_STREAMS: Cell<i64> = const { Cell::new(0) };
}

/// The id of the metric of that name, defined if it is new to this VM; nothing if the host refuses it.
fn metric(kind: MetricKind, name: &str) -> Option<u32> {
    METRICS.with(|metrics| {
        let mut metrics = metrics.try_borrow_mut().ok()?;
        if let Some(id) = metrics.get(name) {
            return Some(*id);
        }
        let id = abi::define_metric(kind, name)
            .inspect_err(|error| log::warn!("backstop: no metric {name}: {error}"))
            .ok()?;
        metrics.insert(name.to_owned(), id);
        Some(id)
    })
}

/// The id of a counter, as [`increment`] takes it.
pub fn counter(name: &str) -> Option<u32> {
    metric(MetricKind::Counter, name)
}

/// Sets a gauge, which the VMs of all workers share.
pub fn set(gauge: Gauge, value: u64) {
    if let Some(id) = metric(MetricKind::Gauge, gauge.name()) {
        let _ = abi::record_metric(id, value);
    }
}

/// Keeps [`Gauge::MemoryBytes`] at the largest memory that any worker's VM has had. The host is asked only after this
/// VM's memory grew; it never shrinks.
pub fn tell_memory() {
    let pages = core::arch::wasm32::memory_size::<0>();
    if pages <= TOLD_PAGES.replace(pages) {
        return;
    }
    let bytes = u64::try_from(pages).unwrap_or(u64::MAX).saturating_mul(PAGE_BYTES);
    if let Some(id) = metric(MetricKind::Gauge, Gauge::MemoryBytes.name())
        && abi::metric(id).is_ok_and(|largest| bytes > largest)
    {
        let _ = abi::record_metric(id, bytes);
    }
}

/// Keeps [`Gauge::StreamsOpen`] at the sum over the VMs of all workers; `open` is how many streams this one has.
pub fn tell_streams(open: usize) {
    let open = i64::try_from(open).unwrap_or(i64::MAX);
    let Some(id) = metric(MetricKind::Gauge, Gauge::StreamsOpen.name()) else { return };
    let change = open.saturating_sub(TOLD_STREAMS.replace(open));
    if change != 0 {
        let _ = abi::increment_metric(id, change);
    }
}

/// Adds to a counter; one that could not be defined loses it.
pub fn increment(counter: Option<u32>, by: u64) {
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    // The host calls an addition of nothing a bad argument.
    if let Some(id) = counter.filter(|_| by > 0) {
        let _ = abi::increment_metric(id, by);
    }
}

/// So often the host is told what was counted: a call for each counter and request would cost more than the request.
const TICK_MS: u32 = 200;
/// So many calls of our own may be open at once in one worker, so that a service that hangs takes little memory.
const MAX_OPEN_CALLS: usize = 64;
/// Size of a page of linear memory (WebAssembly core specification 2.0, 4.2.8).
const PAGE_BYTES: u64 = 65536;

/// All ports, for every stream of one plugin config.
pub struct HostWorld {
    /// The last key in shared data, of which the first bytes are the same for all: other plugins have theirs there, too.
    key: RefCell<Vec<u8>>,
    prefix_bytes: usize,
    /// Ids of the counters by their index, and what each has counted that the host has not been told.
    counters: Vec<(Option<u32>, Cell<u64>)>,
    /// Whether the host will ask for what was counted, so that requests need not tell it one by one.
    ticks: bool,
    /// The context of the plugin, to which answers to our own calls come: a stream may be over by then.
    root: u32,
    /// The context of the stream whose callback runs.
    stream: Cell<u32>,
    /// How many of our own calls have no answer yet.
    open_calls: Cell<usize>,
    /// Ids of the histograms by their index.
    histograms: Vec<Option<u32>>,
    monotonic_ns: Cell<u64>,
    unix_ns: Cell<u64>,
}

impl HostWorld {
    /// A world of the plugin with the context `root`, in which [`Sink::count`] knows no counter yet.
    pub fn new(root: u32) -> Self {
        let plugin = abi::property("plugin_name").unwrap_or_default();
        let prefix = [b"backstop/", plugin.as_slice(), b"/"].concat();
        Self {
            prefix_bytes: prefix.len(),
            key: RefCell::new(prefix),
            counters: Vec::new(),
            ticks: false,
            root,
            stream: Cell::new(root),
            open_calls: Cell::new(0),
            histograms: Vec::new(),
            monotonic_ns: Cell::new(0),
            unix_ns: Cell::new(0),
        }
    }

    /// Defines the histograms, and the counters, whose indices are those of `names`.
    pub fn define_metrics(&mut self, names: &[String]) {
        self.counters = names.iter().map(|name| (counter(name), Cell::new(0))).collect();
        self.ticks = abi::set_tick_period_ms(TICK_MS).is_ok();
        self.histograms = Histogram::ALL.iter().map(|each| metric(MetricKind::Histogram, each.name())).collect();
    }

    /// Tells the host what was counted since it was last told.
    pub fn tell_counts(&self) {
        for (counter, counted) in &self.counters {
            increment(*counter, counted.take());
        }
    }

    /// Says whose callback runs.
    pub fn enter(&self, stream: u32) {
        self.stream.set(stream);
    }

    /// One of our own calls has come to an end.
    pub fn call_ended(&self) {
        self.open_calls.set(self.open_calls.get().saturating_sub(1));
    }

    /// Hands the key of a slot to `then`: the number of the slot is two bytes, the higher one first.
    fn with_key<T>(
        &self,
        table: &str,
        slot: u16,
        then: impl FnOnce(&[u8]) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let busy = HostError { call: "shared-data", status: 0 };
        let mut buffer = self.key.try_borrow_mut().map_err(|_| busy)?;
        buffer.truncate(self.prefix_bytes);
        buffer.extend_from_slice(table.as_bytes());
        buffer.extend(slot.to_be_bytes());
        then(&buffer)
    }
}

impl Drop for HostWorld {
    fn drop(&mut self) {
        self.tell_counts();
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
    fn load(&self, table: &str, slot: u16) -> Result<Option<Stored>, HostError> {
        self.with_key(table, slot, abi::shared_data)
    }

    fn store(&self, table: &str, slot: u16, value: &[u8], expected: Option<u32>) -> Result<bool, HostError> {
        self.with_key(table, slot, |key| abi::set_shared_data(key, value, expected.unwrap_or(0)))
    }
}

impl Sink for HostWorld {
    fn count(&self, index: usize, by: u64) {
        let Some((counter, counted)) = self.counters.get(index) else { return };
        if self.ticks {
            counted.set(counted.get().saturating_add(by));
        } else {
            increment(*counter, by);
        }
    }

    fn observe(&self, index: usize, value: u64) {
        if let Some(id) = self.histograms.get(index).copied().flatten() {
            let _ = abi::record_metric(id, value);
        }
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
