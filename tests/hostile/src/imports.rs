//! Every import of the module: a call answered from memory, or with the status that the plan has for it.

use std::rc::Rc;

use wasmtime::{Caller, Error, Linker, Result};

use crate::faults::{CAS_MISMATCH, Call, NOT_FOUND};
use crate::host::{Host, PAUSE};
use crate::module::{Callback, Exports};
use crate::pairs;

/// When it was started, after 1970-01-01.
const STARTED_NS: u64 = 1_790_000_000_000_000_000;
const OK: u32 = 0;
const BAD_ARGUMENT: u32 = 2;
const INVALID_MEMORY_ACCESS: u32 = 6;
const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const REQUEST_BODY: u32 = 0;
const PLUGIN_CONFIG: u32 = 7;

/// Begins a host call; a status if it is to fail. Sometimes a wild host enters the module again.
fn enter(caller: &mut Caller<'_, Host>, call: Call, counts: bool) -> Result<Option<u32>> {
    let host = caller.data_mut();
    host.calls += 1;
    host.seen.made.push(call);
    if host.is_wild && !host.inside && host.random.u32(..500) == 0 {
        reenter(caller)?;
    }
    Ok(caller.data_mut().fault(call, counts))
}

/// A callback amid a host call, which no host makes: it must be answered with what lets nothing pass.
fn reenter(caller: &mut Caller<'_, Host>) -> Result<()> {
    let host = caller.data_mut();
    let Some(exports) = host.exports.clone() else { return Ok(()) };
    let (id, plugin) = (host.random.u32(..400), host.random.u32(..8));
    let callback = match host.random.u32(..9) {
        0 => Callback::Create { id, plugin },
        1 => Callback::Configure { plugin, bytes: 10 },
        2 => Callback::RequestHeaders { id, count: 3, end: 1 },
        3 => Callback::RequestBody { id, bytes: 10, end: 1 },
        4 => Callback::RequestTrailers { id, count: 3 },
        5 => Callback::ResponseHeaders { id, count: 3, end: 1 },
        6 => Callback::Tick { plugin },
        7 => Callback::CallResponse { plugin, call: 1, headers: 3, body: 0, trailers: 0 },
        _ => Callback::Delete { id },
    };
    host.inside = true;
    let answer = exports.call(&mut *caller, callback)?;
    let host = caller.data_mut();
    host.inside = false;
    if (callback.is_of_request() && answer != PAUSE) || (matches!(callback, Callback::Configure { .. }) && answer != 0)
    {
        host.complain(format!("{callback:?} amid a host call was answered with {answer}"));
    }
    Ok(())
}

fn exports(caller: &Caller<'_, Host>) -> Result<Exports> {
    caller.data().exports.clone().ok_or_else(|| Error::msg("a host call while the module is instantiated"))
}

fn read(caller: &mut Caller<'_, Host>, at: u32, size: u32) -> Result<Vec<u8>> {
    let memory = exports(caller)?.memory.data(&*caller);
    let (at, size) = (at as usize, size as usize);
    let bytes = at.checked_add(size).and_then(|end| memory.get(at..end));
    bytes.map(<[u8]>::to_vec).ok_or_else(|| Error::msg(format!("the module names {size} bytes at {at}")))
}

fn write(caller: &mut Caller<'_, Host>, at: u32, bytes: &[u8]) -> Result<()> {
    let memory = exports(caller)?.memory;
    memory.write(&mut *caller, at as usize, bytes).map_err(|_| Error::msg(format!("the module wants bytes at {at}")))
}

/// Hands bytes over in memory that the module gives for them.
fn give(caller: &mut Caller<'_, Host>, bytes: &[u8], to: u32, size_to: u32, counts: bool) -> Result<u32> {
    let size = u32::try_from(bytes.len())?;
    let mut place = 0;
    // Both are within the ABI: no pointer for nothing, or one to no bytes.
    if size > 0 || caller.data_mut().random.bool() {
        place = exports(caller)?.allocate.call(&mut *caller, size)?;
        if place == 0 {
            caller.data_mut().has_failed(counts);
            return Ok(INVALID_MEMORY_ACCESS);
        }
        if size > 0 {
            write(caller, place, bytes)?;
        }
    }
    write(caller, to, &place.to_le_bytes())?;
    write(caller, size_to, &size.to_le_bytes())?;
    Ok(OK)
}

/// Gives the linker every import of the module.
pub fn link(linker: &mut Linker<Host>) -> Result<()> {
    type C<'a> = Caller<'a, Host>;
    // Leaves the host call with the status that the plan has for it.
    macro_rules! begin {
        ($caller:ident, $call:ident) => {
            begin!($caller, $call, false)
        };
        ($caller:ident, $call:ident, $counts:expr) => {
            if let Some(status) = enter(&mut $caller, Call::$call, $counts)? {
                return Ok(status);
            }
        };
    }
    linker.func_wrap("env", Call::Log.name(), |mut c: C<'_>, level: u32, at: u32, size: u32| -> Result<u32> {
        begin!(c, Log);
        let line = read(&mut c, at, size)?;
        c.data_mut().look_for_controls("a line of the log", &line);
        if level >= 5 {
            return Err(Error::msg(format!("critical: {}", line.escape_ascii())));
        }
        Ok(OK)
    })?;
    linker.func_wrap("env", Call::GetLogLevel.name(), |mut c: C<'_>, to: u32| -> Result<u32> {
        begin!(c, GetLogLevel);
        let level = if c.data().is_wild { c.data_mut().random.u32(..8) } else { 2 };
        write(&mut c, to, &level.to_le_bytes())?;
        Ok(OK)
    })?;
    linker.func_wrap("env", Call::GetTime.name(), |mut c: C<'_>, to: u32| -> Result<u32> {
        begin!(c, GetTime);
        let now = c.data_mut().now().wrapping_add(STARTED_NS);
        write(&mut c, to, &now.to_le_bytes())?;
        Ok(OK)
    })?;
    linker.func_wrap(
        "env",
        Call::GetProperty.name(),
        |mut c: C<'_>, at: u32, size: u32, to: u32, size_to: u32| -> Result<u32> {
            let path = read(&mut c, at, size)?;
            let of_peer = path == b"source\0address";
            begin!(c, GetProperty, of_peer);
            let value: Rc<[u8]> = if of_peer { c.data().brought.peer.clone() } else { Rc::from(*b"namespace.name") };
            give(&mut c, &value, to, size_to, of_peer)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::SetProperty.name(),
        |mut c: C<'_>, at: u32, size: u32, value: u32, value_size: u32| -> Result<u32> {
            begin!(c, SetProperty);
            let (path, value) = (read(&mut c, at, size)?, read(&mut c, value, value_size)?);
            c.data_mut().look_for_controls("a property", &path);
            c.data_mut().look_for_controls("the value of a property", &value);
            Ok(OK)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::GetBuffer.name(),
        |mut c: C<'_>, buffer: u32, start: u32, max: u32, to: u32, size_to: u32| -> Result<u32> {
            begin!(c, GetBuffer, buffer == REQUEST_BODY);
            let bytes = match buffer {
                REQUEST_BODY => c.data().brought.body.clone(),
                PLUGIN_CONFIG => c.data().brought.config.clone(),
                _ => return Ok(BAD_ARGUMENT),
            };
            let bytes = bytes.get(start as usize..).unwrap_or_default();
            let gives_all = c.data().gives_all || (c.data().is_wild && c.data_mut().random.u32(..50) == 0);
            let max = if gives_all { u32::MAX } else { max };
            let bytes = bytes.get(..max as usize).unwrap_or(bytes);
            give(&mut c, bytes, to, size_to, buffer == REQUEST_BODY)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::GetHeaders.name(),
        |mut c: C<'_>, map: u32, to: u32, size_to: u32| -> Result<u32> {
            let of_request = map == REQUEST_HEADERS || map == REQUEST_TRAILERS;
            begin!(c, GetHeaders, of_request);
            let bytes = match map {
                REQUEST_HEADERS => c.data().brought.headers.clone(),
                REQUEST_TRAILERS => c.data().brought.trailers.clone(),
                _ => c.data().brought.call_headers.clone(),
            };
            let status = give(&mut c, &bytes, to, size_to, of_request)?;
            if status == OK && !pairs::is_well_formed(&bytes) {
                c.data_mut().has_failed(of_request);
            }
            Ok(status)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::AddHeader.name(),
        |mut c: C<'_>, map: u32, name: u32, name_size: u32, value: u32, value_size: u32| -> Result<u32> {
            begin!(c, AddHeader, map == REQUEST_HEADERS);
            let (name, value) = (read(&mut c, name, name_size)?, read(&mut c, value, value_size)?);
            c.data_mut().look_for_controls("the name of a header", &name);
            c.data_mut().look_for_controls("the value of a header", &value);
            Ok(OK)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::RemoveHeader.name(),
        |mut c: C<'_>, _map: u32, name: u32, name_size: u32| -> Result<u32> {
            begin!(c, RemoveHeader, true);
            read(&mut c, name, name_size)?;
            Ok(OK)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::SendResponse.name(),
        |mut c: C<'_>,
         status: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         _grpc: i32|
         -> Result<u32> {
            if let Some(status) = enter(&mut c, Call::SendResponse, false)? {
                c.data_mut().seen.replies_not_taken += 1;
                return Ok(status);
            }
            let details = String::from_utf8(read(&mut c, details, details_size)?)?;
            read(&mut c, body, body_size)?;
            let headers = read(&mut c, headers, headers_size)?;
            let host = c.data_mut();
            host.look_for_controls("details", details.as_bytes());
            if !(200..600).contains(&status) || !pairs::is_well_formed(&headers) {
                host.complain(format!("an answer with the status {status} and the headers {}", headers.escape_ascii()));
            }
            host.seen.replies.push((status, details));
            Ok(OK)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::GetShared.name(),
        |mut c: C<'_>, key: u32, key_size: u32, to: u32, size_to: u32, cas_to: u32| -> Result<u32> {
            begin!(c, GetShared, true);
            let key = read(&mut c, key, key_size)?;
            let Some((value, cas)) = c.data().shared.get(&key).cloned() else { return Ok(NOT_FOUND) };
            let status = give(&mut c, &value, to, size_to, true)?;
            if status == OK {
                write(&mut c, cas_to, &cas.to_le_bytes())?;
            }
            Ok(status)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::SetShared.name(),
        |mut c: C<'_>, key: u32, key_size: u32, value: u32, value_size: u32, cas: u32| -> Result<u32> {
            begin!(c, SetShared, true);
            let (key, mut value) = (read(&mut c, key, key_size)?, read(&mut c, value, value_size)?);
            let host = c.data_mut();
            host.cas = host.cas.wrapping_add(1).max(1);
            let new = host.cas;
            if host.is_wild && host.random.u32(..20) == 0 {
                // Another worker, or something that is not ours at all, was there first.
                let size = host.random.usize(..40);
                value = if host.random.bool() { (0..size).map(|_| host.random.u8(..)).collect() } else { value };
                host.shared.insert(key, (value, new));
                return Ok(CAS_MISMATCH);
            }
            if cas != 0 && host.shared.get(&key).is_some_and(|(_, stored)| *stored != cas) {
                return Ok(CAS_MISMATCH);
            }
            host.shared.insert(key, (value, new));
            Ok(OK)
        },
    )?;
    linker.func_wrap(
        "env",
        Call::HttpCall.name(),
        |mut c: C<'_>,
         cluster: u32,
         cluster_size: u32,
         headers: u32,
         headers_size: u32,
         body: u32,
         body_size: u32,
         trailers: u32,
         trailers_size: u32,
         _timeout: u32,
         to: u32|
         -> Result<u32> {
            begin!(c, HttpCall);
            read(&mut c, cluster, cluster_size)?;
            read(&mut c, body, body_size)?;
            for map in [read(&mut c, headers, headers_size)?, read(&mut c, trailers, trailers_size)?] {
                if !pairs::is_well_formed(&map) {
                    c.data_mut().complain(format!("a call with the headers {}", map.escape_ascii()));
                }
            }
            let call = c.data_mut().random.u32(..);
            write(&mut c, to, &call.to_le_bytes())?;
            Ok(OK)
        },
    )?;
    linker.func_wrap("env", Call::ActAs.name(), |mut c: C<'_>, _context: u32| -> Result<u32> {
        begin!(c, ActAs);
        Ok(OK)
    })?;
    linker.func_wrap(
        "env",
        Call::DefineMetric.name(),
        |mut c: C<'_>, _kind: u32, name: u32, name_size: u32, to: u32| -> Result<u32> {
            begin!(c, DefineMetric);
            let name = String::from_utf8(read(&mut c, name, name_size)?)?;
            let host = c.data_mut();
            host.metrics.push(Rc::from(name));
            let id = u32::try_from(host.metrics.len())?;
            write(&mut c, to, &id.to_le_bytes())?;
            Ok(OK)
        },
    )?;
    linker.func_wrap("env", Call::SetTick.name(), |mut c: C<'_>, _period: u32| -> Result<u32> {
        begin!(c, SetTick);
        Ok(OK)
    })?;
    linker.func_wrap("env", Call::Increment.name(), |mut c: C<'_>, id: u32, by: i64| -> Result<u32> {
        begin!(c, Increment);
        change(&mut c, id, |value| value.saturating_add_signed(by))
    })?;
    linker.func_wrap("env", Call::Record.name(), |mut c: C<'_>, id: u32, value: u64| -> Result<u32> {
        begin!(c, Record);
        change(&mut c, id, |_| value)
    })?;
    linker.func_wrap("env", Call::GetMetric.name(), |mut c: C<'_>, id: u32, to: u32| -> Result<u32> {
        begin!(c, GetMetric);
        let mut now = 0;
        let status = change(&mut c, id, |value| {
            now = value;
            value
        })?;
        write(&mut c, to, &now.to_le_bytes())?;
        Ok(status)
    })?;
    link_wasi(linker)
}

fn change(caller: &mut Caller<'_, Host>, id: u32, how: impl FnOnce(u64) -> u64) -> Result<u32> {
    let host = caller.data_mut();
    let Some(name) = (id as usize).checked_sub(1).and_then(|index| host.metrics.get(index)).cloned() else {
        host.complain(format!("a metric with the id {id}, which was never given"));
        return Ok(BAD_ARGUMENT);
    };
    let value = host.counted.entry(name).or_default();
    *value = how(*value);
    Ok(OK)
}

fn link_wasi(linker: &mut Linker<Host>) -> Result<()> {
    const WASI: &str = "wasi_snapshot_preview1";
    type C<'a> = Caller<'a, Host>;
    macro_rules! begin {
        ($caller:ident, $call:ident) => {
            if let Some(status) = enter(&mut $caller, Call::$call, false)? {
                return Ok(status);
            }
        };
    }
    linker.func_wrap(
        WASI,
        Call::Clock.name(),
        |mut c: C<'_>, _clock: u32, _precision: u64, to: u32| -> Result<u32> {
            begin!(c, Clock);
            let now = c.data_mut().now();
            write(&mut c, to, &now.to_le_bytes())?;
            Ok(OK)
        },
    )?;
    linker.func_wrap(WASI, Call::Environ.name(), |mut c: C<'_>, _environ: u32, _text: u32| -> Result<u32> {
        begin!(c, Environ);
        Ok(OK)
    })?;
    linker.func_wrap(WASI, Call::EnvironSizes.name(), |mut c: C<'_>, count_to: u32, size_to: u32| -> Result<u32> {
        begin!(c, EnvironSizes);
        write(&mut c, count_to, &0_u32.to_le_bytes())?;
        write(&mut c, size_to, &0_u32.to_le_bytes())?;
        Ok(OK)
    })?;
    linker.func_wrap(
        WASI,
        Call::Write.name(),
        |mut c: C<'_>, _file: u32, _texts: u32, _count: u32, to: u32| -> Result<u32> {
            begin!(c, Write);
            write(&mut c, to, &0_u32.to_le_bytes())?;
            Ok(OK)
        },
    )?;
    linker.func_wrap(WASI, "proc_exit", |_: C<'_>, code: u32| -> Result<()> {
        Err(Error::msg(format!("the module ends itself with the code {code}")))
    })?;
    Ok(())
}
