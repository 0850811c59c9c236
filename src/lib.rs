//! backstop: a web application firewall for Istio and Envoy.
//!
//! The rooms, by layer; a file imports only from rows below its own:
//!
//! ```text
//! 6  filter (wasm32)            cli (binary crate)
//! 5  transaction
//! 4  engine
//! 3  config        telemetry <- reply
//! 2  rules   origin   client   limit   penalty   handover     never each other, never config
//! 1  extract   path -> decode   slots   mask
//! 0  http   verdict   document -> diagnostic   host
//! ```

pub mod client;
pub mod config;
pub mod decode;
pub mod diagnostic;
pub mod document;
pub mod engine;
pub mod extract;
pub mod filter;
pub mod handover;
pub mod host;
pub mod http;
pub mod limit;
pub mod mask;
pub mod origin;
pub mod path;
pub mod penalty;
pub mod reply;
pub mod rules;
pub mod slots;
pub mod telemetry;
pub mod transaction;
pub mod verdict;
