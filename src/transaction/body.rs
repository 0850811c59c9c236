//! How a body is held until enough of it is there to be inspected.
//!
//! A body that says it is small is held by the host, which costs no memory here. Any other is gathered here while the host
//! holds it back under back-pressure: were the host to buffer it, one large chunk behind a small one could pass the
//! host's buffer limit, and the host would answer 413 to an upload that is perfectly welcome.

use crate::config::BodyLimits;
use crate::engine::{Engine, GatheringPlace};
use crate::host::{HostError, World};
use crate::verdict::Action;

/// A body on its way.
#[derive(Debug)]
pub struct Body {
    pub limits: BodyLimits,
    declared_bytes: Option<usize>,
    gathered: Option<Gathered>,
}

#[derive(Debug)]
struct Gathered {
    bytes: Vec<u8>,
    seen_bytes: usize,
    _place: GatheringPlace,
}

/// What is known after a chunk.
pub enum Progress {
    /// The host is to do this and to call again.
    More(Action),
    /// The prefix that is inspected, and whether the body goes on past it.
    Enough { prefix: Vec<u8>, goes_on: bool },
}

impl Body {
    /// A body of which the head says that it is `declared_bytes` long, if it says so.
    pub fn new(limits: BodyLimits, declared_bytes: Option<usize>) -> Self {
        Self { limits, declared_bytes, gathered: None }
    }

    /// Whether the head alone says that it is longer than what is inspected.
    pub fn is_declared_too_large(&self) -> bool {
        self.declared_bytes.is_some_and(|bytes| bytes > self.limits.inspect_bytes)
    }

    /// A chunk has come; `came_bytes` counts all that the host has at hand: everything it holds, or what is new to a
    /// body that is gathered.
    pub fn on_data(
        &mut self,
        came_bytes: usize,
        end: bool,
        engine: &Engine,
        world: &dyn World,
    ) -> Result<Progress, HostError> {
        let limit = self.limits.inspect_bytes;
        if let Some(gathered) = &mut self.gathered {
            gathered.bytes.extend(world.body(limit.saturating_sub(gathered.bytes.len()))?);
            gathered.seen_bytes = gathered.seen_bytes.saturating_add(came_bytes);
            let goes_on = gathered.seen_bytes > limit;
            if !goes_on && !end {
                return Ok(Progress::More(Action::Gather));
            }
            let prefix = std::mem::take(&mut gathered.bytes);
            return Ok(Progress::Enough { prefix, goes_on });
        }
        let goes_on = came_bytes > limit;
        if goes_on || end {
            return Ok(Progress::Enough { prefix: world.body(limit)?, goes_on });
        }
        let is_small = self.declared_bytes.is_some_and(|bytes| bytes <= limit);
        let Some(place) = (if is_small { None } else { engine.gathering_place() }) else {
            return Ok(Progress::More(Action::Hold));
        };
        self.gathered = Some(Gathered { bytes: world.body(limit)?, seen_bytes: came_bytes, _place: place });
        Ok(Progress::More(Action::Gather))
    }

    /// Trailers have come, so the body is whole: what there is of it.
    pub fn on_trailers(&mut self, world: &dyn World) -> Result<Vec<u8>, HostError> {
        match &mut self.gathered {
            Some(gathered) => Ok(std::mem::take(&mut gathered.bytes)),
            None => world.body(self.limits.inspect_bytes),
        }
    }

    /// Gives the memory back; what comes from now on is not inspected.
    pub fn release(&mut self) {
        self.gathered = None;
    }
}
