//! The host calls of Proxy-Wasm (ABI 0.2.1): around each raw import a function that returns `Result` and cannot panic.
//!
//! Every call acts on the stream whose callback runs, as Envoy sets it before it enters the module, or on what
//! [`act_as`] names.
#![allow(unsafe_code, reason = "the one file that hands pointers to the host and takes memory from it")]

use std::ptr;

use super::codes::{BufferType, CAS_MISMATCH, CLOCK_MONOTONIC, LogLevel, MapType, MetricKind, NOT_FOUND, OK};
use super::pairs;
use crate::host::{HostError, Message, Stored};
use crate::verdict::Reply;

/// Statuses are plain numbers here: as an enum, one that the enum does not know would be undefined behaviour.
mod raw {
    use crate::filter::codes::{BufferType, LogLevel, MapType, MetricKind};

    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub fn proxy_log(level: LogLevel, line: *const u8, line_size: usize) -> u32;
        pub fn proxy_get_log_level(level: *mut u32) -> u32;
        pub fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub fn proxy_get_property(path: *const u8, path_size: usize, value: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
        pub fn proxy_get_buffer_bytes(
            buffer: BufferType,
            start: usize,
            max: usize,
            bytes: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub fn proxy_get_header_map_pairs(map: MapType, bytes: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_add_header_map_value(
            map: MapType,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub fn proxy_remove_header_map_value(map: MapType, name: *const u8, name_size: usize) -> u32;
        pub fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            value: *mut *mut u8,
            size: *mut usize,
            cas: *mut u32,
        ) -> u32;
        pub fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            cas: u32,
        ) -> u32;
        pub fn proxy_http_call(
            cluster: *const u8,
            cluster_size: usize,
            headers: *const u8,
            headers_size: usize,
            body: *const u8,
            body_size: usize,
            trailers: *const u8,
            trailers_size: usize,
            timeout_ms: u32,
            call: *mut u32,
        ) -> u32;
        pub fn proxy_set_effective_context(context: u32) -> u32;
        pub fn proxy_define_metric(kind: MetricKind, name: *const u8, name_size: usize, id: *mut u32) -> u32;
        pub fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub fn proxy_increment_metric(id: u32, by: i64) -> u32;
        pub fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
    }

    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
    }
}

/// What a status means for the call that gave it.
fn done(call: &'static str, status: u32) -> Result<(), HostError> {
    if status == OK { Ok(()) } else { Err(HostError { call, status }) }
}

/// Runs a call that returns bytes, and takes them over; an answer without a pointer is no bytes.
fn bytes(call: &'static str, ask: impl FnOnce(&mut *mut u8, &mut usize) -> u32) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (ptr::null_mut(), 0);
    done(call, ask(&mut data, &mut size))?;
    if data.is_null() || size == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: what a host returns, it has put into memory that it got from `proxy_on_memory_allocate(size)`: a
    // boxed slice of exactly `size` bytes of our allocator, which from here on is ours alone.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

// SAFETY of every call below: the pointers and sizes are those of slices, or of variables on our stack, that live until
// the call returns; a host reads and writes only within those sizes and keeps none of the pointers.

/// Prints a line.
pub fn log(level: LogLevel, line: &str) -> Result<(), HostError> {
    done("log", unsafe { raw::proxy_log(level, line.as_ptr(), line.len()) })
}

/// The least level that is printed, as the number of a `LogLevel`.
pub fn log_level() -> Result<u32, HostError> {
    let mut level = 0;
    done("get-log-level", unsafe { raw::proxy_get_log_level(&mut level) })?;
    Ok(level)
}

/// Nanoseconds since 1970-01-01 UTC.
pub fn unix_time_ns() -> Result<u64, HostError> {
    let mut time = 0;
    done("get-current-time", unsafe { raw::proxy_get_current_time_nanoseconds(&mut time) })?;
    Ok(time)
}

/// Nanoseconds of the monotonic clock, which a step of the wall clock does not move.
pub fn monotonic_time_ns() -> Result<u64, HostError> {
    let mut time = 0;
    done("clock-time-get", unsafe { raw::clock_time_get(CLOCK_MONOTONIC, 0, &mut time) })?;
    Ok(time)
}

/// The attribute at `path`, its segments joined by NUL; one that is not there is an error with the status 1.
pub fn property(path: &str) -> Result<Vec<u8>, HostError> {
    bytes("get-property", |data, size| unsafe { raw::proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// Sets the attribute at `path`, which Envoy keeps as filter state `wasm.<path>`.
pub fn set_property(path: &str, value: &[u8]) -> Result<(), HostError> {
    done("set-property", unsafe { raw::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// At most `max` bytes of a buffer, from its start.
pub fn buffer(buffer: BufferType, max: usize) -> Result<Vec<u8>, HostError> {
    bytes("get-buffer-bytes", |data, size| unsafe { raw::proxy_get_buffer_bytes(buffer, 0, max, data, size) })
}

/// A header map in the form that [`pairs::parse`] reads.
pub fn header_map(map: MapType) -> Result<Vec<u8>, HostError> {
    bytes("get-header-map-pairs", |data, size| unsafe { raw::proxy_get_header_map_pairs(map, data, size) })
}

/// Adds a header beside those of the same name.
pub fn add_header(map: MapType, name: &str, value: &str) -> Result<(), HostError> {
    done("add-header-map-value", unsafe {
        raw::proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Removes every value of a header.
pub fn remove_header(map: MapType, name: &str) -> Result<(), HostError> {
    done("remove-header-map-value", unsafe { raw::proxy_remove_header_map_value(map, name.as_ptr(), name.len()) })
}

/// Answers in place of the application, once the running callback has returned.
pub fn send_local_response(reply: &Reply) -> Result<(), HostError> {
    let headers = pairs::serialize(reply.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let grpc_status = reply.grpc_status.and_then(|status| i32::try_from(status).ok()).unwrap_or(-1);
    done("send-local-response", unsafe {
        raw::proxy_send_local_response(
            reply.status,
            reply.details.as_ptr(),
            reply.details.len(),
            reply.body.as_ptr(),
            reply.body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    })
}

/// The value under `key` in the memory that all workers share, and the number that a conditional write must name.
pub fn shared_data(key: &[u8]) -> Result<Option<Stored>, HostError> {
    let mut cas = 0;
    let value = bytes("get-shared-data", |data, size| unsafe {
        raw::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &mut cas)
    });
    match value {
        Ok(value) => Ok(Some((value, cas))),
        Err(HostError { status: NOT_FOUND, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Stores `value` if `cas` is the number of the stored one, or 0, or nothing is stored; says whether it did.
pub fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Result<bool, HostError> {
    match unsafe { raw::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) } {
        CAS_MISMATCH => Ok(false),
        status => done("set-shared-data", status).map(|()| true),
    }
}

/// Sends a POST with a JSON body; its answer comes to the context that acts.
pub fn http_call(message: &Message<'_>) -> Result<(), HostError> {
    let headers = [
        (":method", "POST"),
        (":path", message.path),
        (":authority", message.authority),
        ("content-type", "application/json"),
    ];
    let headers = pairs::serialize(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let trailers = pairs::serialize(std::iter::empty());
    let mut call = 0;
    done("http-call", unsafe {
        raw::proxy_http_call(
            message.cluster.as_ptr(),
            message.cluster.len(),
            headers.as_ptr(),
            headers.len(),
            message.json.as_ptr(),
            message.json.len(),
            trailers.as_ptr(),
            trailers.len(),
            message.timeout_ms,
            &mut call,
        )
    })
}

/// Makes host calls act on another context, until the running callback returns.
pub fn act_as(context: u32) -> Result<(), HostError> {
    done("set-effective-context", unsafe { raw::proxy_set_effective_context(context) })
}

/// Asks for a call of `proxy_on_tick` so often, on the context of the plugin that acts.
pub fn set_tick_period_ms(period: u32) -> Result<(), HostError> {
    done("set-tick-period", unsafe { raw::proxy_set_tick_period_milliseconds(period) })
}

/// A new id for the metric of that name. Ids are never given back: ask once for each name.
pub fn define_metric(kind: MetricKind, name: &str) -> Result<u32, HostError> {
    let mut id = 0;
    done("define-metric", unsafe { raw::proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) })?;
    Ok(id)
}

/// Adds to a counter, or to a gauge, from which it may take as well.
pub fn increment_metric(id: u32, by: i64) -> Result<(), HostError> {
    done("increment-metric", unsafe { raw::proxy_increment_metric(id, by) })
}

/// Sets a gauge, or adds a value to a histogram.
pub fn record_metric(id: u32, value: u64) -> Result<(), HostError> {
    done("record-metric", unsafe { raw::proxy_record_metric(id, value) })
}

/// What a counter or a gauge says now.
pub fn metric(id: u32) -> Result<u64, HostError> {
    let mut value = 0;
    done("get-metric", unsafe { raw::proxy_get_metric(id, &mut value) })?;
    Ok(value)
}
