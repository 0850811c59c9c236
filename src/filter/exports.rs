//! The functions that a Proxy-Wasm host calls (ABI 0.2.1), and the contexts that they are for.
//!
//! Only the callbacks that backstop has a use for are here: a host crosses into the module for every one that exists,
//! response bodies included, and takes a missing one as "go on". A context that is not known is the host's mistake; it is
//! answered with what lets nothing pass.
#![allow(unsafe_code, reason = "unmangled names, and the constructors of the C library")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::MaybeUninit;

use super::codes::Action;
use super::logger;
use super::plugin::Plugin;
use super::stream::HttpStream;
use super::world;

#[derive(Default)]
struct Contexts {
    plugins: BTreeMap<u32, Plugin>,
    streams: BTreeMap<u32, HttpStream>,
}

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::default();
}

/// Runs `then` on the contexts; `otherwise` is for a callback inside a callback, which a host never makes.
fn with_contexts<T>(otherwise: T, then: impl FnOnce(&mut Contexts) -> T) -> T {
    CONTEXTS.with(|contexts| match contexts.try_borrow_mut() {
        Ok(mut contexts) => then(&mut contexts),
        Err(_) => otherwise,
    })
}

fn with_stream(id: u32, then: impl FnOnce(&mut HttpStream) -> Action) -> Action {
    with_contexts(Action::Pause, |contexts| contexts.streams.get_mut(&id).map_or(Action::Pause, then))
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Runs first. No host call here: a host allows few of them while a module initializes.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker's list of constructors, run once and before anything else, as the WASI ABI has it for reactors.
    unsafe { __wasm_call_ctors() };
    logger::install();
}

/// Says which version of the ABI this module speaks; never called.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Memory for what a host call returns: a boxed slice that `abi` takes over.
///
/// Null if there is none, which the host reports as the status of the call, where a panic would end the VM.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut bytes = Vec::<MaybeUninit<u8>>::new();
    if bytes.try_reserve_exact(size).is_err() {
        return std::ptr::null_mut();
    }
    bytes.resize(size, MaybeUninit::uninit());
    Box::into_raw(bytes.into_boxed_slice()).cast()
}

/// A new plugin config if `plugin` is 0, else a new stream under that one.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, plugin: u32) {
    with_contexts((), |contexts| {
        if plugin == 0 {
            contexts.plugins.insert(id, Plugin::default());
        } else if let Some(plugin) = contexts.plugins.get(&plugin) {
            contexts.streams.insert(id, plugin.stream(id));
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(plugin: u32, _size: usize) -> bool {
    with_contexts(false, |contexts| contexts.plugins.get_mut(&plugin).is_some_and(|p| p.configure(plugin)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _count: usize, end_of_stream: u32) -> Action {
    with_stream(id, |stream| stream.on_request_headers(end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(id: u32, held_bytes: usize, end_of_stream: u32) -> Action {
    with_stream(id, |stream| stream.on_request_body(held_bytes, end_of_stream != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(id: u32, _count: usize) -> Action {
    with_stream(id, HttpStream::on_request_trailers)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(id: u32, _count: usize, _end_of_stream: u32) -> Action {
    with_contexts((), |contexts| {
        if let Some(stream) = contexts.streams.get_mut(&id) {
            stream.on_response_headers();
        }
    });
    Action::Continue
}

/// Time to tell the host what was counted.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(plugin: u32) {
    with_contexts((), |contexts| {
        if let Some(plugin) = contexts.plugins.get(&plugin) {
            plugin.on_tick();
        }
        world::tell_streams(contexts.streams.len());
    });
}

/// A call that a plugin made is answered; one that failed has no headers.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(plugin: u32, _call: u32, headers: usize, _body: usize, _trailers: usize) {
    with_contexts((), |contexts| {
        if let Some(plugin) = contexts.plugins.get(&plugin) {
            plugin.on_http_call_response(headers > 0);
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(id: u32) {
    with_contexts((), |contexts| {
        world::tell_memory();
        if let Some(stream) = contexts.streams.remove(&id) {
            stream.on_delete();
        }
        if contexts.plugins.remove(&id).is_some() {
            world::tell_streams(contexts.streams.len());
        }
    });
}
