//! The `log` facade over the host's log, for start-up messages; what the host would drop is not even formatted.

use std::panic;

use super::abi;
use super::codes::LogLevel;
use crate::diagnostic::printable;
use log::{Level, LevelFilter, Log, Metadata, Record};

struct HostLog;

/// Makes the `log` macros print to the host, and a panic print one line there before it ends the VM.
pub fn install() {
    panic::set_hook(Box::new(|panic| {
        let _ = abi::log(LogLevel::Critical, &printable(&format!("backstop: {panic}")));
    }));
    // An error means that a logger is installed already, and there is no other one than this.
    if log::set_logger(&HostLog).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::Error => LogLevel::Error,
        Level::Warn => LogLevel::Warn,
        Level::Info => LogLevel::Info,
        Level::Debug => LogLevel::Debug,
        Level::Trace => LogLevel::Trace,
    }
}

impl Log for HostLog {
    // Asked each time, because the level of a running Envoy can be changed.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        abi::log_level().map_or(true, |least| level(metadata.level()) as u32 >= least)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // A line that cannot be printed has nowhere else to go.
            let _ = abi::log(level(record.level()), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}
