//! The native binary `backstop`: check, test and explain, through the library's public API only.

fn main() {}
