//! The module as a host sees it: compiled once, instantiated often, entered through its callbacks.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use wasmtime::{AsContextMut, Config, Engine, Error, Instance, Linker, Memory, Result, Store, TypedFunc};

use crate::faults::Call;
use crate::host::Host;
use crate::imports;

/// One turn of the clock that ends a callback which does not come back.
const TURN: Duration = Duration::from_secs(1);
/// So many turns a callback may take: far more than any needs, on a busy machine, too.
const MAX_TURNS: u64 = 20;
/// So many steps are told when one fails.
const REMEMBERED: usize = 40;

/// The compiled module, with the host linked to it.
pub struct Module {
    engine: Engine,
    linker: Linker<Host>,
    module: wasmtime::Module,
}

impl Module {
    /// Compiles the file. It must import nothing but what this host has.
    pub fn compile(path: &Path) -> Result<Self> {
        let engine = Engine::new(Config::new().epoch_interruption(true))?;
        let module = wasmtime::Module::from_file(&engine, path)?;
        let known = |name: &str| name == "proc_exit" || Call::ALL.iter().any(|call| call.name() == name);
        if let Some(import) = module.imports().find(|import| !known(import.name())) {
            return Err(Error::msg(format!("the module imports {}, which this host does not have", import.name())));
        }
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker)?;
        let clock = engine.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(TURN);
                clock.increment_epoch();
            }
        });
        Ok(Self { engine, linker, module })
    }

    /// A new VM whose `_initialize` has run.
    pub fn start(&self, host: Host) -> Result<Vm> {
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.memory_limit);
        store.set_epoch_deadline(MAX_TURNS);
        let instance = self.linker.instantiate(&mut store, &self.module)?;
        let exports = Exports::of(&instance, &mut store)?;
        store.data_mut().exports = Some(exports.clone());
        exports.initialize.call(&mut store, ())?;
        Ok(Vm { store, exports, callbacks: 0, steps: VecDeque::with_capacity(REMEMBERED) })
    }
}

/// A call into the module, with the arguments that the ABI gives it.
#[derive(Clone, Copy, Debug)]
pub enum Callback {
    Create { id: u32, plugin: u32 },
    Configure { plugin: u32, bytes: u32 },
    RequestHeaders { id: u32, count: u32, end: u32 },
    RequestBody { id: u32, bytes: u32, end: u32 },
    RequestTrailers { id: u32, count: u32 },
    ResponseHeaders { id: u32, count: u32, end: u32 },
    Tick { plugin: u32 },
    CallResponse { plugin: u32, call: u32, headers: u32, body: u32, trailers: u32 },
    Delete { id: u32 },
    Allocate { bytes: u32 },
}

impl Callback {
    /// Whether its answer says if the stream goes on.
    pub fn is_of_request(self) -> bool {
        matches!(self, Self::RequestHeaders { .. } | Self::RequestBody { .. } | Self::RequestTrailers { .. })
    }
}

/// The module's functions.
#[derive(Clone)]
pub struct Exports {
    pub memory: Memory,
    pub allocate: TypedFunc<u32, u32>,
    initialize: TypedFunc<(), ()>,
    create: TypedFunc<(u32, u32), ()>,
    configure: TypedFunc<(u32, u32), u32>,
    request_headers: TypedFunc<(u32, u32, u32), u32>,
    request_body: TypedFunc<(u32, u32, u32), u32>,
    request_trailers: TypedFunc<(u32, u32), u32>,
    response_headers: TypedFunc<(u32, u32, u32), u32>,
    tick: TypedFunc<u32, ()>,
    call_response: TypedFunc<(u32, u32, u32, u32, u32), ()>,
    delete: TypedFunc<u32, ()>,
}

impl Exports {
    fn of(instance: &Instance, store: &mut Store<Host>) -> Result<Self> {
        let memory = instance.get_memory(&mut *store, "memory").ok_or_else(|| Error::msg("there is no memory"))?;
        Ok(Self {
            memory,
            allocate: instance.get_typed_func(&mut *store, "proxy_on_memory_allocate")?,
            initialize: instance.get_typed_func(&mut *store, "_initialize")?,
            create: instance.get_typed_func(&mut *store, "proxy_on_context_create")?,
            configure: instance.get_typed_func(&mut *store, "proxy_on_configure")?,
            request_headers: instance.get_typed_func(&mut *store, "proxy_on_request_headers")?,
            request_body: instance.get_typed_func(&mut *store, "proxy_on_request_body")?,
            request_trailers: instance.get_typed_func(&mut *store, "proxy_on_request_trailers")?,
            response_headers: instance.get_typed_func(&mut *store, "proxy_on_response_headers")?,
            tick: instance.get_typed_func(&mut *store, "proxy_on_tick")?,
            call_response: instance.get_typed_func(&mut *store, "proxy_on_http_call_response")?,
            delete: instance.get_typed_func(&mut *store, "proxy_on_delete")?,
        })
    }

    /// Makes the call; 0 comes back from what returns nothing.
    pub fn call(&self, store: impl AsContextMut<Data = Host>, callback: Callback) -> Result<u32> {
        match callback {
            Callback::Create { id, plugin } => self.create.call(store, (id, plugin)).map(|()| 0),
            Callback::Configure { plugin, bytes } => self.configure.call(store, (plugin, bytes)),
            Callback::RequestHeaders { id, count, end } => self.request_headers.call(store, (id, count, end)),
            Callback::RequestBody { id, bytes, end } => self.request_body.call(store, (id, bytes, end)),
            Callback::RequestTrailers { id, count } => self.request_trailers.call(store, (id, count)),
            Callback::ResponseHeaders { id, count, end } => self.response_headers.call(store, (id, count, end)),
            Callback::Tick { plugin } => self.tick.call(store, plugin).map(|()| 0),
            Callback::CallResponse { plugin, call, headers, body, trailers } => {
                self.call_response.call(store, (plugin, call, headers, body, trailers)).map(|()| 0)
            }
            Callback::Delete { id } => self.delete.call(store, id).map(|()| 0),
            Callback::Allocate { bytes } => self.allocate.call(store, bytes),
        }
    }
}

/// One running instance.
pub struct Vm {
    pub store: Store<Host>,
    exports: Exports,
    /// How many calls were made into the module.
    pub callbacks: u64,
    steps: VecDeque<(u64, Callback)>,
}

impl Vm {
    /// Calls the module; an error is a trap, or a callback that did not come back.
    pub fn call(&mut self, callback: Callback) -> Result<u32> {
        self.callbacks += 1;
        if self.steps.len() == REMEMBERED {
            self.steps.pop_front();
        }
        self.steps.push_back((self.callbacks, callback));
        self.store.set_epoch_deadline(MAX_TURNS);
        self.store.data_mut().begin();
        self.exports.call(&mut self.store, callback)
    }

    /// The host's side.
    pub fn host(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    /// Random numbers, which the host and whoever drives it draw from in turn.
    pub fn random(&mut self) -> &mut Rng {
        &mut self.store.data_mut().random
    }

    /// Bytes of linear memory.
    pub fn memory_bytes(&self) -> usize {
        self.exports.memory.data_size(&self.store)
    }

    /// The last steps, a line each.
    pub fn told(&self) -> String {
        self.steps.iter().map(|(number, callback)| format!("  {number}: {callback:?}\n")).collect()
    }
}
