//! One plugin config: it is compiled once, and every stream runs under it.

use std::cell::Cell;
use std::rc::Rc;

use super::abi;
use super::codes::BufferType;
use super::stream::HttpStream;
use super::world::{self, HostWorld};
use crate::engine::Engine;
use crate::host::{Clock, Sink};
use crate::telemetry::{Gauge, Metric};

const NS_PER_S: u64 = 1_000_000_000;

/// The root context. A new config gets a new one in the same VM; the old one goes when its last stream has.
#[derive(Default)]
pub struct Plugin {
    running: Option<(Rc<Engine>, Rc<HostWorld>)>,
    /// How many streams there were.
    streams: Cell<u64>,
}

impl Plugin {
    /// Compiles the config and says everything about it in the log, a line each.
    fn load() -> Option<(Rc<Engine>, Rc<HostWorld>)> {
        let config = abi::buffer(BufferType::PluginConfiguration, usize::MAX)
            .inspect_err(|error| log::error!("backstop config: {error}"))
            .ok()?;
        let mut world = HostWorld::new();
        let unix_s = world.unix_ns() / NS_PER_S;
        match Engine::configure(&config, unix_s) {
            Ok((engine, warnings)) => {
                for warning in warnings {
                    log::warn!("backstop config: {warning}");
                }
                log::info!("backstop: {}", engine.summary());
                world.define_metrics(engine.metric_names());
                let (blocking, detecting) = engine.rules_by_mode();
                world::set(Gauge::RulesBlocking, blocking);
                world::set(Gauge::RulesDetecting, detecting);
                world.count(Metric::ExclusionsExpired.index(), engine.expired_exclusions(unix_s));
                Some((Rc::new(engine), Rc::new(world)))
            }
            Err(errors) => {
                for error in errors {
                    log::error!("backstop config: {error}");
                }
                None
            }
        }
    }

    /// False refuses the config: Envoy keeps the one before, or answers 500 where there is none.
    pub fn configure(&mut self) -> bool {
        // Both are defined before the config is read, so that each is there with a zero.
        let accepted = world::counter("backstop_config_loads_accepted");
        let rejected = world::counter("backstop_config_loads_rejected");
        self.running = Self::load();
        world::tell_memory();
        world::increment(if self.running.is_some() { accepted } else { rejected }, 1);
        self.running.is_some()
    }

    /// A stream under this config.
    pub fn stream(&self) -> HttpStream {
        let before = self.streams.replace(self.streams.get().wrapping_add(1));
        let every = self.running.as_ref().map_or(0, |(engine, _)| engine.config.telemetry.time_every);
        HttpStream::new(self.running.clone(), before.checked_rem(every) == Some(0))
    }
}
