//! The numbers of the Proxy-Wasm ABI 0.2.1 that backstop uses; a test holds them against the Rust SDK's.

/// What a callback tells the host to do with what it brought.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on with it.
    Continue = 0,
    /// Stop; of a body, hold all of it in one buffer, up to the host's limit.
    Pause = 1,
    /// Of a body only: hold it under back-pressure, and show no more than what is new.
    PauseUnderPressure = 2,
}

/// How urgent a line of the log is.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `trace`
    Trace = 0,
    /// `debug`
    Debug = 1,
    /// `info`
    Info = 2,
    /// `warn`
    Warn = 3,
    /// `error`
    Error = 4,
    /// `critical`
    Critical = 5,
}

/// The header maps that are read or changed here.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapType {
    /// Of the request.
    RequestHeaders = 0,
    /// After its body.
    RequestTrailers = 1,
    /// Of the answer.
    ResponseHeaders = 2,
    /// Of the answer to a call of our own.
    CallResponseHeaders = 6,
}

/// The buffers that are read here.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferType {
    /// What is held of it, or its newest part.
    RequestBody = 0,
    /// The config document.
    PluginConfiguration = 7,
}

/// The kind of metric that only grows.
pub const COUNTER: u32 = 0;

/// The call did what it was asked to.
pub const OK: u32 = 0;
/// There is nothing of that name.
pub const NOT_FOUND: u32 = 1;
/// Somebody else wrote in between.
pub const CAS_MISMATCH: u32 = 8;

/// The id of the WASI clock that never runs backwards.
pub const CLOCK_MONOTONIC: u32 = 1;
