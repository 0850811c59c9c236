"""WebAssembly instructions of a request: the module itself in wasmtime, whose fuel is one instruction each.

Native code (`bench.native`) has other words, another allocator and another compiler; what is only slow in the module
shows here. Like callgrind's, the figures are the same on a noisy machine as on a quiet one.
"""

import struct

import wasmtime

from bench.contestants import CONFIG
from bench.scenarios import SCENARIOS
from harness import MODULE, Problem

PLENTY = 1 << 60
ROOT, OK, NOT_FOUND, CONTINUE = 1, 0, 1, 0
CONFIGURATION, BODY = 7, 0
I32, I64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()


class Host:
    """A Proxy-Wasm host (ABI 0.2.1) that knows one request at a time and does nothing else."""

    def __init__(self, module_path=MODULE, config=CONFIG):
        import json

        settings = wasmtime.Config()
        settings.consume_fuel = True
        engine = wasmtime.Engine(settings)
        self.store = wasmtime.Store(engine)
        self.store.set_fuel(PLENTY)
        module = wasmtime.Module.from_file(engine, str(module_path))
        self.config, self.shared, self.cas = json.dumps(config).encode(), {}, 0
        self.headers, self.body, self.refused, self.calls, self.now = b"", b"", False, 0, 10**15
        imports = [wasmtime.Func(self.store, each.type, self.answer(each.name), access_caller=True) for each in module.imports]
        self.exports = wasmtime.Instance(self.store, module, imports).exports(self.store)
        self.call("_initialize")
        self.call("proxy_on_context_create", ROOT, 0)
        if not self.call("proxy_on_configure", ROOT, len(self.config)):
            raise Problem("the module refused the configuration of the benchmark")

    def call(self, name, *values):
        """Runs a callback of the module."""
        return self.exports[name](self.store, *values)

    def answer(self, name):
        """The function behind an import; one that is not here does nothing and says OK."""
        known = getattr(self, name, None)

        def counted(caller, *values):
            self.calls += 1
            return known(caller, *values) if known else OK

        return counted

    def read(self, caller, at, size):
        """So many bytes of the module's memory."""
        return bytes(caller["memory"].read(caller, at, at + size))

    def write(self, caller, at, data):
        """Puts bytes into the module's memory."""
        caller["memory"].write(caller, data, at)

    def give(self, caller, data, data_at, size_at):
        """Hands bytes over in memory that the module is asked for."""
        at = caller["proxy_on_memory_allocate"](caller, len(data)) if data else 0
        if data:
            self.write(caller, at, data)
        self.write(caller, data_at, struct.pack("<I", at))
        self.write(caller, size_at, struct.pack("<I", len(data)))
        return OK

    def proxy_get_log_level(self, caller, at):
        self.write(caller, at, struct.pack("<I", 3))
        return OK

    def proxy_get_buffer_bytes(self, caller, kind, start, most, data_at, size_at):
        data = self.config if kind == CONFIGURATION else self.body
        return self.give(caller, data[start : start + (most & 0xFFFFFFFF)], data_at, size_at)

    def proxy_get_header_map_pairs(self, caller, _kind, data_at, size_at):
        return self.give(caller, self.headers, data_at, size_at)

    def proxy_get_property(self, caller, _path, _path_size, data_at, size_at):
        return self.give(caller, b"192.0.2.7:40000", data_at, size_at)

    def proxy_get_shared_data(self, caller, key, key_size, data_at, size_at, cas_at):
        value, cas = self.shared.get(self.read(caller, key, key_size), (None, 0))
        if value is None:
            return NOT_FOUND
        self.write(caller, cas_at, struct.pack("<I", cas))
        return self.give(caller, value, data_at, size_at)

    def proxy_set_shared_data(self, caller, key, key_size, value, value_size, _cas):
        self.cas += 1
        self.shared[self.read(caller, key, key_size)] = self.read(caller, value, value_size), self.cas
        return OK

    def proxy_send_local_response(self, *_):
        self.refused = True
        return OK

    def proxy_define_metric(self, caller, _kind, _name, _name_size, at):
        self.cas += 1
        self.write(caller, at, struct.pack("<I", self.cas))
        return OK

    def proxy_get_current_time_nanoseconds(self, caller, at):
        return self.clock_time_get(caller, 0, 0, at)

    def clock_time_get(self, caller, _clock, _precision, at):
        self.now += 1_000_000
        self.write(caller, at, struct.pack("<Q", self.now))
        return OK

    def serve(self, number, headers, body):
        """Sends one request through the module; its fuel by callback, and how often the host was called."""
        self.headers, self.body, self.refused, self.calls = headers, body, False, 0
        fuel = {}

        def run(name, *values):
            self.store.set_fuel(PLENTY)
            self.call(name, *values)
            fuel[name] = fuel.get(name, 0) + PLENTY - self.store.get_fuel()

        run("proxy_on_context_create", number, ROOT)
        run("proxy_on_request_headers", number, 0, int(not body))
        if body and not self.refused:
            run("proxy_on_request_body", number, len(body), 1)
        if not self.refused:
            run("proxy_on_response_headers", number, 0, 0)
        run("proxy_on_delete", number)
        return fuel, self.calls, self.refused


def pairs(request):
    """A request as Envoy would hand it over: a serialized map, and the body."""
    head, body = request.split(b"\r\n\r\n", 1)
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.split(b" ", 2)
    fields = [tuple(line.split(b": ", 1)) for line in lines]
    host = next(value for name, value in fields if name.lower() == b"host")
    headers = [(b":authority", host), (b":path", target), (b":method", method), (b":scheme", b"http")]
    headers += [(name.lower(), value) for name, value in fields if name.lower() != b"host"]
    headers += [(b"x-forwarded-proto", b"http"), (b"x-request-id", b"8f2b4c1e-6a3d-4f5b-9c7e-0d1a2b3c4d5e")]
    sizes = b"".join(struct.pack("<II", len(name), len(value)) for name, value in headers)
    text = b"".join(name + b"\0" + value + b"\0" for name, value in headers)
    return struct.pack("<I", len(headers)) + sizes + text, body


def measure(name, host, count=100):
    """Mean fuel by callback and host calls of a scenario's requests, after as many that are not counted."""
    requests = SCENARIOS[name].requests[: 2 * count]
    total, calls = {}, 0
    for number in range(2 * count):
        fuel, called, _ = host.serve(number + 100, *pairs(requests[number % len(requests)]))
        if number >= count:
            calls += called
            for callback, spent in fuel.items():
                total[callback] = total.get(callback, 0) + spent
    return {callback: round(spent / count) for callback, spent in total.items()}, calls / count


if __name__ == "__main__":
    import sys

    host = Host(sys.argv[2] if len(sys.argv) > 2 else MODULE)
    for name in (sys.argv[1] if len(sys.argv) > 1 else "get,fresh,json,jsonfresh,json64k,blocked").split(","):
        fuel, calls = measure(name, host, 4 if name == "json64k" else 100)
        print(f"{name:10} {sum(fuel.values()):>10,} {calls:5.1f} calls  {fuel}", flush=True)
