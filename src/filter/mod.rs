//! The Envoy skin: Proxy-Wasm callbacks are forwarded to the transaction, and its answer is obeyed.
//!
//! Exports and host calls are our own. Those of the Rust SDK panic on a context, a status or a byte that they do not
//! expect, and a panic takes down every request of a worker; here every host call returns `Result`.

pub mod codes;
pub mod pairs;

#[cfg(target_arch = "wasm32")]
mod abi;
#[cfg(target_arch = "wasm32")]
mod exports;
#[cfg(target_arch = "wasm32")]
mod logger;
#[cfg(target_arch = "wasm32")]
mod plugin;
#[cfg(target_arch = "wasm32")]
mod stream;
#[cfg(target_arch = "wasm32")]
mod world;
