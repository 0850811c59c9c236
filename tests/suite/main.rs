//! The native test suite: one binary, a module for each room.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "tests read files and say how many cases ran")]

mod abi;
mod cases;
mod cli;
mod client;
mod corpus;
mod cost;
mod cpu;
#[path = "../bench/micro/src/dear.rs"]
mod dear;
mod decode;
mod detector;
mod diagnostics;
mod document;
mod effort;
mod ends;
mod expression;
mod extract;
mod fake;
mod fuzz;
mod handover;
mod house;
mod limit;
mod mask;
mod origin;
mod pairs;
mod penalty;
mod proxy;
mod rules;
mod seen;
mod sqli;
mod transaction;
mod unique;
mod xss;
