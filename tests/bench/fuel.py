"""WebAssembly instructions of a request: the module itself in wasmtime, whose fuel is one instruction each.

Native code (`bench.native`) has other words, another allocator and another compiler; what is only slow in the module
shows here. Like callgrind's, the figures are the same on a noisy machine as on a quiet one.
"""

import json
import random
import struct
import uuid

import wasmtime

from bench.contestants import CONFIG
from harness import MODULE, Problem

PLENTY = 1 << 60
ROOT, FIRST_STREAM = 1, 100
OK, NOT_FOUND = 0, 1  # statuses of the ABI
CONFIGURATION = 7  # a buffer of the ABI
WARN = 3


class Host:
    """A Proxy-Wasm host (ABI 0.2.1) that knows one request at a time and does nothing else."""

    def __init__(self):
        settings = wasmtime.Config()
        settings.consume_fuel = True
        engine = wasmtime.Engine(settings)
        self.store = wasmtime.Store(engine)
        self.store.set_fuel(PLENTY)
        module = wasmtime.Module.from_file(engine, str(MODULE))
        self.config, self.shared, self.last_number = json.dumps(CONFIG).encode(), {}, 0
        self.headers, self.body, self.refused, self.now = b"", b"", False, 10**15
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
        return getattr(self, name, lambda *_: OK)

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
        self.write(caller, at, struct.pack("<I", WARN))
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
        self.last_number += 1
        self.shared[self.read(caller, key, key_size)] = self.read(caller, value, value_size), self.last_number
        return OK

    def proxy_send_local_response(self, *_):
        self.refused = True
        return OK

    def proxy_define_metric(self, caller, _kind, _name, _name_size, at):
        self.last_number += 1
        self.write(caller, at, struct.pack("<I", self.last_number))
        return OK

    def proxy_get_current_time_nanoseconds(self, caller, at):
        return self.clock_time_get(caller, 0, 0, at)

    def clock_time_get(self, caller, _clock, _precision, at):
        self.now += 1_000_000
        self.write(caller, at, struct.pack("<Q", self.now))
        return OK

    def serve(self, number, headers, body):
        """Sends one request through the module and gives its fuel."""
        self.headers, self.body, self.refused = headers, body, False
        stream = FIRST_STREAM + number
        self.store.set_fuel(PLENTY)
        self.call("proxy_on_context_create", stream, ROOT)
        self.call("proxy_on_request_headers", stream, 0, int(not body))
        if body and not self.refused:
            self.call("proxy_on_request_body", stream, len(body), 1)
        if not self.refused:
            self.call("proxy_on_response_headers", stream, 0, 0)
        self.call("proxy_on_delete", stream)
        return PLENTY - self.store.get_fuel()


def pairs(request, number):
    """A request as Envoy would hand it over, with an id that no other has: a serialized map, and the body."""
    head, body = request.split(b"\r\n\r\n", 1)
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.split(b" ", 2)
    fields = [tuple(line.split(b": ", 1)) for line in lines]
    host = next(value for name, value in fields if name.lower() == b"host")
    headers = [(b":authority", host), (b":path", target), (b":method", method), (b":scheme", b"http")]
    headers += [(name.lower(), value) for name, value in fields if name.lower() != b"host"]
    identity = uuid.UUID(int=random.Random(number).getrandbits(128), version=4)
    headers += [(b"x-forwarded-proto", b"http"), (b"x-request-id", str(identity).encode())]
    sizes = b"".join(struct.pack("<II", len(name), len(value)) for name, value in headers)
    text = b"".join(name + b"\0" + value + b"\0" for name, value in headers)
    return struct.pack("<I", len(headers)) + sizes + text, body


def measure(host, requests, count=100):
    """Mean fuel of so many requests, after as many that are not counted."""
    spent = [host.serve(number, *pairs(requests[number % len(requests)], number)) for number in range(2 * count)]
    return round(sum(spent[count:]) / count)
