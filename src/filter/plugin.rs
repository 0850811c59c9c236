//! One plugin config: it is compiled once, and every stream runs under it.

use std::cell::Cell;
use std::rc::Rc;

use super::abi;
use super::codes::{BufferType, MapType};
use super::stream::{self, HttpStream};
use super::world::{self, HostWorld};
use crate::engine::Engine;
use crate::host::{Clock, HostError, Sink};
use crate::http::{Header, Request};
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
    fn load(id: u32) -> Option<(Rc<Engine>, Rc<HostWorld>)> {
        let config = abi::buffer(BufferType::PluginConfiguration, usize::MAX)
            .inspect_err(|error| log::error!("backstop config: {error}"))
            .ok()?;
        let mut world = HostWorld::new(id);
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

    /// Configures the plugin with this context. False refuses the config: Envoy keeps the one before, or answers 500 where there is none.
    pub fn configure(&mut self, id: u32) -> bool {
        // Both are defined before the config is read, so that each is there with a zero.
        let accepted = world::counter("backstop_config_loads_accepted");
        let rejected = world::counter("backstop_config_loads_rejected");
        self.running = Self::load(id);
        world::tell_memory();
        world::increment(if self.running.is_some() { accepted } else { rejected }, 1);
        self.running.is_some()
    }

    /// Some time has passed.
    pub fn on_tick(&self) {
        if let Some((_, world)) = &self.running {
            world.tell_counts();
        }
    }

    /// A stream under this config.
    pub fn stream(&self, id: u32) -> HttpStream {
        let before = self.streams.replace(self.streams.get().wrapping_add(1));
        let every = self.running.as_ref().map_or(0, |(engine, _)| engine.config.telemetry.time_every);
        HttpStream::new(id, self.running.clone(), before.checked_rem(every) == Some(0))
    }

    /// A call of our own has been answered, or has failed and brought no headers.
    pub fn on_http_call_response(&self, has_headers: bool) {
        let Some((_, world)) = &self.running else { return };
        world.call_ended();
        let taken_well = has_headers && stream::with_pairs(MapType::CallResponseHeaders, is_success);
        let metric = if taken_well { Metric::ReportsSent } else { Metric::ReportsFailed };
        world.count(metric.index(), 1);
    }
}

fn is_success(headers: Result<&[Header<'_>], HostError>) -> bool {
    let status = headers.ok().and_then(|headers| Request { headers }.first(":status"));
    status.is_some_and(|status| status.starts_with(b"2"))
}
