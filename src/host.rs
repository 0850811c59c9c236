//! Ports: what the inside asks of the world. `filter` answers over host calls, tests over a fake.

use std::fmt;

/// A host call that did not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError {
    /// Which call, such as `get-shared-data`.
    pub call: &'static str,
    /// The status that the host gave (Proxy-Wasm ABI 0.2.1), or 0 if its answer made no sense.
    pub status: u32,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host call {} gave status {}", self.call, self.status)
    }
}

impl std::error::Error for HostError {}

/// Time.
pub trait Clock {
    /// Nanoseconds from some fixed point, never running backwards.
    fn monotonic_ns(&self) -> u64;
    /// Nanoseconds since 1970-01-01 UTC.
    fn unix_ns(&self) -> u64;
}

/// A stored value and the number that a conditional write must name.
pub type Stored = (Vec<u8>, u32);

/// Memory shared by all workers of the proxy: tables of numbered slots.
pub trait SharedData {
    /// The value in a slot, or nothing.
    ///
    /// # Errors
    /// When the host does not answer.
    fn load(&self, table: &str, slot: u16) -> Result<Option<Stored>, HostError>;

    /// Stores `value` if the number of the stored one is still `expected` (`None`: whatever is there), and says
    /// whether it did.
    ///
    /// # Errors
    /// When the host does not answer.
    fn store(&self, table: &str, slot: u16, value: &[u8], expected: Option<u32>) -> Result<bool, HostError>;
}

/// Where numbers and lines go. Losing one is never a reason to fail a request, so nothing is returned.
pub trait Sink {
    /// Adds `by` to the counter at `index` of `telemetry::names`.
    fn count(&self, index: usize, by: u64);
    /// Adds `value` to the histogram at `index` of `telemetry::Histogram::ALL`.
    fn observe(&self, index: usize, value: u64);
    /// Prints one line at `warn`.
    fn warn(&self, line: &str);
    /// Keeps `value` for access logs and later filters as `wasm.backstop.<name>`.
    fn note(&self, name: &str, value: &[u8]);
}

/// What is known of the stream beyond its headers.
pub trait Stream {
    /// The address of the peer as Envoy sees it, `ip:port`.
    ///
    /// # Errors
    /// When the host does not answer.
    fn peer(&self) -> Result<Vec<u8>, HostError>;

    /// At most `max` bytes of the request body that is held, from its start.
    ///
    /// # Errors
    /// When the host does not answer.
    fn body(&self, max: usize) -> Result<Vec<u8>, HostError>;

    /// Removes every value of a request header before it goes to the application.
    ///
    /// # Errors
    /// When the host does not answer.
    fn remove_header(&self, name: &str) -> Result<(), HostError>;

    /// Adds a request header before it goes to later filters and the application.
    ///
    /// # Errors
    /// When the host does not answer.
    fn add_header(&self, name: &str, value: &str) -> Result<(), HostError>;
}

/// A POST to another service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'m> {
    /// The cluster that it goes to, as the proxy calls it.
    pub cluster: &'m str,
    /// The host that it is for.
    pub authority: &'m str,
    /// The request target.
    pub path: &'m str,
    /// How long an answer may take.
    pub timeout_ms: u32,
    /// The body, JSON.
    pub json: String,
}

/// Where messages go.
pub trait Post {
    /// Sends a message. Nobody waits: whether it was taken well is counted by whoever gets the answer.
    ///
    /// # Errors
    /// When the host does not send it, because it knows no such cluster, say.
    fn post(&self, message: &Message<'_>) -> Result<(), HostError>;
}

/// All ports at once, as a transaction needs them.
pub trait World: Clock + SharedData + Sink + Stream + Post {}

impl<T: Clock + SharedData + Sink + Stream + Post> World for T {}
