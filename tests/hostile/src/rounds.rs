//! Rounds of random callbacks: any order, any bytes, any failures. Each round is made of its seed alone.

use std::rc::Rc;

use wasmtime::{Error, Result};

use crate::faults::Plan;
use crate::host::{Host, PAUSE};
use crate::module::{Callback, Module, Vm};
use crate::traffic::{self, Config, GOOD, Kind};

/// Callbacks of one round; a new VM for each, so that a failure is repeated in a moment.
pub const CALLBACKS: u64 = 100_000;
/// So many streams at once.
const MAX_STREAMS: usize = 250;
/// So many configs at once: Envoy keeps an old one until its last stream has ended.
const MAX_PLUGINS: usize = 4;
/// Linear memory never grows past this, whatever comes.
const MAX_MEMORY_BYTES: usize = 64 << 20;

/// Figures of a round.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub callbacks: u64,
    pub calls: u64,
    pub failed_calls: u64,
    /// Failures that backstop had to count, and did.
    pub counted: u64,
    pub contexts: u64,
    pub replies: u64,
    pub memory_bytes: usize,
}

/// What the driver knows of a plugin.
struct Plugin {
    id: u32,
    /// What it promises; nothing if it has no config, or one of nobody's making.
    config: Option<Config>,
}

/// What the driver knows of a stream.
struct Stream {
    id: u32,
    config: Option<Config>,
    /// Whether it has been refused.
    refused: bool,
    /// What its head was, as long as nothing odd has happened to it.
    head: Option<Kind>,
}

/// One round.
struct Round {
    vm: Vm,
    /// Nothing is off limits. Otherwise only calls fail whose failures are counted, and the count is compared in the end.
    is_wild: bool,
    plugins: Vec<Plugin>,
    streams: Vec<Stream>,
    next: u32,
    figures: Figures,
}

/// Plays the round of this seed. An error says what went wrong, after which steps.
pub fn run(module: &Module, seed: u64) -> Result<Figures> {
    let mut host = Host::new(seed);
    host.is_wild = seed % 2 == 1;
    let is_wild = host.is_wild;
    let vm = module.start(host)?;
    let mut round =
        Round { vm, is_wild, plugins: Vec::new(), streams: Vec::new(), next: 1, figures: Figures::default() };
    match round.play() {
        Ok(()) => Ok(round.figures),
        Err(error) => {
            let heads = round.vm.host().brought.headers.escape_ascii().to_string();
            let heads: String = heads.chars().take(2000).collect();
            Err(Error::msg(format!("{error:#}\nthe last steps:\n{}the last head: {heads}", round.vm.told())))
        }
    }
}

impl Round {
    fn play(&mut self) -> Result<()> {
        let first = self.vm.random().usize(..GOOD.len());
        self.add_plugin(GOOD[first])?;
        while self.vm.callbacks < CALLBACKS {
            self.step()?;
            if let Some(complaint) = self.vm.host().complaints.first() {
                return Err(Error::msg(complaint.clone()));
            }
        }
        self.end()
    }

    /// Ends everything, and compares what was counted with what failed.
    fn end(&mut self) -> Result<()> {
        self.vm.host().plan = Plan::Nothing;
        while let Some(stream) = self.streams.pop() {
            self.vm.call(Callback::Delete { id: stream.id })?;
        }
        while let Some(plugin) = self.plugins.pop() {
            self.vm.call(Callback::Delete { id: plugin.id })?;
        }
        let (callbacks, memory_bytes) = (self.vm.callbacks, self.vm.memory_bytes());
        let host = self.vm.store.data();
        let counted = host.counter("backstop_failures");
        if !self.is_wild && counted != host.failures {
            return Err(Error::msg(format!("{} calls failed and {counted} failures were counted", host.failures)));
        }
        if memory_bytes > MAX_MEMORY_BYTES {
            return Err(Error::msg(format!("linear memory has grown to {memory_bytes} bytes")));
        }
        let (calls, failed_calls) = (host.calls, host.failed_calls);
        let counted = if self.is_wild { 0 } else { counted };
        self.figures = Figures { callbacks, calls, failed_calls, counted, memory_bytes, ..self.figures };
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        let counted_only = !self.is_wild;
        let random = self.vm.random();
        let plan = match random.u32(..20) {
            0 => Plan::Some { per_mille: 1000, counted_only },
            1..4 => Plan::Some { per_mille: 200, counted_only },
            4..6 => Plan::Some { per_mille: 30, counted_only },
            _ => Plan::Nothing,
        };
        let choice = random.u32(..2000);
        let rare = random.u32(..20);
        self.vm.host().plan = plan;
        // Heads cost most, so that they are few: the more often everything else comes in between.
        match choice {
            0..300 => self.begin(),
            300..380 => self.headers(),
            380..620 => self.body(),
            620..670 => self.trailers(),
            670..930 => self.response_headers(),
            930..1230 => self.delete(),
            1230..1530 => self.tick(),
            1530..1600 => self.call_response(),
            1600..1999 => self.stranger(),
            _ if rare == 0 => self.change_plugins(),
            _ => self.bad_config(),
        }
    }

    fn new_id(&mut self) -> u32 {
        self.next = self.next.wrapping_add(1).max(1);
        self.next
    }

    /// A stream begins, as a rule under the newest plugin.
    fn begin(&mut self) -> Result<()> {
        if self.streams.len() >= MAX_STREAMS || self.plugins.is_empty() {
            return self.delete();
        }
        let place = match self.vm.random().u32(..10) {
            0 => self.vm.random().usize(..self.plugins.len()),
            _ => self.plugins.len() - 1,
        };
        let (plugin, config) = (self.plugins[place].id, self.plugins[place].config);
        let id = self.new_id();
        self.vm.call(Callback::Create { id, plugin })?;
        self.figures.contexts += 1;
        self.streams.push(Stream { id, config, refused: false, head: None });
        Ok(())
    }

    /// The place of a stream, if there is one.
    fn some_stream(&mut self) -> Option<usize> {
        // Mostly one of the newest, so that streams get through several phases.
        let count = self.streams.len();
        let from = if self.vm.random().bool() { count.saturating_sub(4) } else { 0 };
        (count > 0).then(|| self.vm.random().usize(from..count))
    }

    fn headers(&mut self) -> Result<()> {
        let Some(place) = self.some_stream() else { return self.begin() };
        let random = self.vm.random();
        let end = random.u32(..2);
        let kind = [Kind::Harmless, Kind::Attack, Kind::Arbitrary][random.usize(..3)];
        let pairs = match kind {
            Kind::Arbitrary => traffic::arbitrary_head(random),
            known => traffic::head(known, if end == 1 { "GET" } else { "POST" }, random),
        };
        let is_broken = random.u32(..12) == 0;
        let headers = traffic::map(&pairs, is_broken, random);
        if kind == Kind::Arbitrary && random.u32(..4) == 0 {
            let peer: Rc<[u8]> = traffic::arbitrary(random, 60).into();
            self.vm.host().brought.peer = peer;
        }
        self.vm.host().brought.headers = headers;
        let count = u32::try_from(pairs.len())?;
        let is_first = self.streams[place].head.is_none();
        self.streams[place].head = Some(if is_broken || !is_first { Kind::Arbitrary } else { kind });
        let id = self.streams[place].id;
        let entered = self.enter(place, Callback::RequestHeaders { id, count, end }, None);
        if end == 1 {
            // A body that comes all the same is the host's own.
            self.streams[place].head = Some(Kind::Arbitrary);
        }
        entered
    }

    fn body(&mut self) -> Result<()> {
        let Some(place) = self.some_stream() else { return self.begin() };
        let random = self.vm.random();
        let kind = [Kind::Harmless, Kind::Attack, Kind::Arbitrary][random.usize(..3)];
        let body = traffic::body(kind, random);
        let end = random.u32(..2);
        // The number may have nothing to do with what the buffer holds.
        let bytes = match random.u32(..8) {
            0 => 0,
            1 => random.u32(..),
            2 => u32::MAX,
            _ => u32::try_from(body.len())?,
        };
        // Known only if this is the whole body behind a head that is known.
        let is_whole = end == 1 && bytes as usize == body.len() && kind != Kind::Arbitrary;
        let known = (is_whole && self.streams[place].head == Some(Kind::Harmless)).then_some(kind);
        self.vm.host().brought.body = body;
        let id = self.streams[place].id;
        let entered = self.enter(place, Callback::RequestBody { id, bytes, end }, known);
        self.streams[place].head = Some(Kind::Arbitrary);
        entered
    }

    fn trailers(&mut self) -> Result<()> {
        let Some(place) = self.some_stream() else { return self.begin() };
        let random = self.vm.random();
        let pairs = traffic::arbitrary_head(random);
        let is_broken = random.u32(..6) == 0;
        self.vm.host().brought.trailers = traffic::map(&pairs, is_broken, self.vm.random());
        self.streams[place].head = Some(Kind::Arbitrary);
        let (id, count) = (self.streams[place].id, u32::try_from(pairs.len())?);
        self.enter(place, Callback::RequestTrailers { id, count }, None)
    }

    /// Calls the module for a stream, and holds it to what it promises. `body` is what a whole body is known to be.
    fn enter(&mut self, place: usize, callback: Callback, body: Option<Kind>) -> Result<()> {
        let answer = self.vm.call(callback)?;
        let Host { seen, .. } = self.vm.host();
        let (failures, failed, not_taken) = (seen.failures, seen.failed, seen.replies_not_taken);
        let shared_failures = seen.shared_failures;
        let reply = seen.replies.first().cloned();
        let replies = seen.replies.len();
        self.figures.replies += replies as u64;
        let is_wild = self.is_wild;
        let stream = &mut self.streams[place];
        let is_head = matches!(callback, Callback::RequestHeaders { .. });
        let wrong = |what: &str| {
            let config = stream.config.map(|config| config.json.chars().take(60).collect::<String>());
            let what = format!("{what}: {callback:?} gave {answer}, {reply:?}, {failures} failures, under {config:?}");
            Err(Error::msg(what))
        };
        if answer > 2 || (answer == 2 && !matches!(callback, Callback::RequestBody { .. })) {
            return wrong("no action of this phase");
        }
        let answers = replies + not_taken as usize;
        if stream.refused && (answer != PAUSE || answers > 0) {
            return wrong("a stream that was refused goes on, or is answered again");
        }
        if answers > 0 && answer != PAUSE {
            return wrong("a stream that is refused goes on");
        }
        if reply.as_ref().is_some_and(|(status, _)| *status < 400) {
            return wrong("a refusal that is none");
        }
        let details = reply.as_ref().map_or("", |(_, details)| details.as_str());
        let was_refused = stream.refused;
        stream.refused |= answers > 0;
        let Some(config) = stream.config.filter(|_| !was_refused) else { return Ok(()) };
        // Where nothing blocks, a denial that would have been is noted towards a penalty all the same.
        let moot = if config.blocks { 0 } else { shared_failures };
        if failures > moot && config.denies_failures && answers == 0 {
            return wrong("a failure passes under onFailure: deny");
        }
        if !config.denies_failures && details.starts_with("backstop{failure") {
            return wrong("a failure refuses under onFailure: allow");
        }
        if failed > 0 || is_wild {
            stream.head = Some(Kind::Arbitrary);
            return Ok(());
        }
        let known = if is_head { stream.head } else { body };
        match known {
            Some(Kind::Attack) if config.blocks && answers == 0 => wrong("an attack passes"),
            Some(Kind::Harmless)
                if answers > 0
                    && !details.starts_with("backstop{limit:")
                    && !details.starts_with("backstop{penalty:") =>
            {
                wrong("what is harmless is refused")
            }
            _ => Ok(()),
        }
    }

    fn response_headers(&mut self) -> Result<()> {
        let Some(place) = self.some_stream() else { return self.begin() };
        let id = self.streams[place].id;
        self.vm.call(Callback::ResponseHeaders { id, count: 3, end: 0 }).map(drop)
    }

    fn delete(&mut self) -> Result<()> {
        let Some(place) = self.some_stream() else { return Ok(()) };
        let stream = self.streams.swap_remove(place);
        self.vm.call(Callback::Delete { id: stream.id }).map(drop)
    }

    fn some_plugin(&mut self) -> u32 {
        match self.vm.random().u32(..4) {
            0 => self.vm.random().u32(..50),
            _ => self.plugins.last().map_or(0, |plugin| plugin.id),
        }
    }

    fn tick(&mut self) -> Result<()> {
        let plugin = self.some_plugin();
        self.vm.call(Callback::Tick { plugin }).map(drop)
    }

    fn call_response(&mut self) -> Result<()> {
        let plugin = self.some_plugin();
        let random = self.vm.random();
        let headers = match random.u32(..4) {
            0 => vec![(b":status".to_vec(), b"200".to_vec())],
            1 => Vec::new(),
            _ => traffic::arbitrary_head(random),
        };
        let (call, body, trailers) = (random.u32(..), random.u32(..), random.u32(..3));
        let count = if random.u32(..4) == 0 { random.u32(..) } else { u32::try_from(headers.len())? };
        let is_broken = random.u32(..4) == 0;
        self.vm.host().brought.call_headers = traffic::map(&headers, is_broken, self.vm.random());
        self.vm.call(Callback::CallResponse { plugin, call, headers: count, body, trailers }).map(drop)
    }

    /// Something for a context that was never there, or not any more.
    fn stranger(&mut self) -> Result<()> {
        let (used, random) = (self.next, self.vm.random());
        let id = if random.bool() { used.wrapping_add(random.u32(1..1_000_000)) } else { random.u32(..) | 1 << 31 };
        let (bytes, end) = (random.u32(..), random.u32(..));
        let callback = match random.u32(..10) {
            0 => Callback::RequestHeaders { id, count: bytes, end },
            1 => Callback::RequestBody { id, bytes, end },
            2 => Callback::RequestTrailers { id, count: bytes },
            3 => Callback::ResponseHeaders { id, count: bytes, end },
            4 => Callback::Create { id, plugin: id },
            5 => Callback::Configure { plugin: id, bytes },
            6 => Callback::Tick { plugin: id },
            7 => Callback::CallResponse { plugin: id, call: bytes, headers: 1, body: 0, trailers: 0 },
            8 => Callback::Delete { id },
            _ => Callback::Allocate { bytes: [0, u32::MAX, 1 << 31][end as usize % 3] },
        };
        let calls = self.vm.host().calls;
        let answer = self.vm.call(callback)?;
        let expected = if callback.is_of_request() { PAUSE } else { 0 };
        let asks = self.vm.host().calls != calls;
        let is_fair = match callback {
            // A pointer to no bytes is any number.
            Callback::Allocate { bytes } => bytes == 0 || answer == 0,
            // Gauges of the whole VM may be told.
            Callback::Delete { .. } | Callback::Tick { .. } => true,
            _ => answer == expected && !asks,
        };
        if is_fair { Ok(()) } else { Err(Error::msg(format!("{callback:?} of nobody was answered with {answer}"))) }
    }

    fn add_plugin(&mut self, config: Config) -> Result<()> {
        let id = self.new_id();
        self.vm.call(Callback::Create { id, plugin: 0 })?;
        self.plugins.push(Plugin { id, config: None });
        self.configure(self.plugins.len() - 1, config)
    }

    fn configure(&mut self, place: usize, config: Config) -> Result<()> {
        self.vm.host().brought.config = config.json.as_bytes().into();
        let id = self.plugins[place].id;
        let accepted = self.vm.call(Callback::Configure { plugin: id, bytes: u32::try_from(config.json.len())? })?;
        if accepted == 0 && self.vm.host().seen.failed == 0 {
            return Err(Error::msg(format!("a good config is refused: {}", config.json)));
        }
        self.plugins[place].config = (accepted == 1).then_some(config);
        Ok(())
    }

    /// A new config amid streams: for a new plugin as Envoy does it, or for one that has streams.
    fn change_plugins(&mut self) -> Result<()> {
        let config = GOOD[self.vm.random().usize(..GOOD.len())];
        if self.plugins.len() >= MAX_PLUGINS {
            let place = self.vm.random().usize(..self.plugins.len());
            let plugin = self.plugins.swap_remove(place);
            self.vm.call(Callback::Delete { id: plugin.id })?;
        }
        if self.plugins.is_empty() || self.vm.random().bool() {
            return self.add_plugin(config);
        }
        let place = self.vm.random().usize(..self.plugins.len());
        self.configure(place, config)
    }

    /// A config that is refused, or at least nobody's: for a plugin of its own, which goes at once, or, now and then, for the
    /// one that runs.
    fn bad_config(&mut self) -> Result<()> {
        let json = traffic::arbitrary_config(self.vm.random());
        let bytes = u32::try_from(json.len())?;
        self.vm.host().brought.config = json;
        let id = self.new_id();
        self.vm.call(Callback::Create { id, plugin: 0 })?;
        self.vm.call(Callback::Configure { plugin: id, bytes })?;
        self.vm.call(Callback::Delete { id }).map(drop)
    }
}

/// What many contexts in a row leave behind.
#[derive(Clone, Copy, Debug)]
pub struct Flatness {
    pub contexts: u64,
    pub callbacks: u64,
    pub before_bytes: usize,
    pub after_bytes: usize,
}

/// So many contexts, ended in every phase; an error if memory has grown after the first tenth of them.
pub fn contexts(module: &Module, count: u64) -> Result<Flatness> {
    let mut vm = module.start(Host::new(7))?;
    vm.host().brought.config = traffic::DENY.json.as_bytes().into();
    vm.call(Callback::Create { id: 1, plugin: 0 })?;
    vm.call(Callback::Configure { plugin: 1, bytes: 1 })?;
    let heads: Vec<Rc<[u8]>> = [Kind::Harmless, Kind::Harmless, Kind::Attack]
        .map(|kind| traffic::head(kind, "POST", vm.random()))
        .map(|pairs| traffic::map(&pairs, false, vm.random()))
        .into();
    vm.host().brought.body = traffic::body(Kind::Harmless, &mut fastrand::Rng::with_seed(1));
    let mut before_bytes = 0;
    for number in 0..count {
        if number == count / 10 {
            before_bytes = vm.memory_bytes();
        }
        let id = u32::try_from(number % (1 << 30))? + 2;
        vm.host().brought.headers = heads[usize::try_from(number)? % heads.len()].clone();
        vm.call(Callback::Create { id, plugin: 1 })?;
        // Deleted before the head, after it, amid the body, and at its end.
        if number % 4 > 0 {
            vm.call(Callback::RequestHeaders { id, count: 9, end: 0 })?;
        }
        if number % 4 > 1 {
            vm.call(Callback::RequestBody { id, bytes: 46, end: u32::from(number % 4 == 3) })?;
        }
        vm.call(Callback::Delete { id })?;
        if number % 1000 == 0 {
            vm.call(Callback::Tick { plugin: 1 })?;
            vm.host().forget_shared();
        }
    }
    let flat = Flatness { contexts: count, callbacks: vm.callbacks, before_bytes, after_bytes: vm.memory_bytes() };
    if flat.after_bytes != flat.before_bytes {
        return Err(Error::msg(format!("contexts leave memory behind: {flat:?}")));
    }
    Ok(flat)
}
