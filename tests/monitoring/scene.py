"""Proxies in which something is wrong: for each alert, what really makes it fire."""

import contextlib
import hashlib
import itertools
import json
import threading

import wasmtime

from harness import MODULE, ROOT, client
from harness.bootstrap import Listener
from harness.envoy import Envoy
from harness.upstream import Upstream

TRAP = ROOT / "target" / "trap.wasm"
SECRET = "secret-of-the-edge"
GOOD = ("X-Origin-Verify", SECRET)
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()
ATTACK = "/search?q=%3Cscript%3Ealert(1)%3C/script%3E"
JSON = ("Content-Type", "application/json")

EDGE = {
    "origin": {"sha256": [DIGEST]},
    "client": {"from": ["peer"]},
    "limits": [{"name": "demo", "paths": [{"prefix": "/limited"}], "key": ["client"], "rate": "1/m", "burst": 1}],
    "body": {"inspect": 1024},
}
DETECT = {"mode": "detect"}
EXPIRED = {"rules": ["xss-*"], "reason": "no longer", "until": "2020-01-01"}
COUNTED = {"limits": [{"name": "all", "key": [], "rate": "1000/s", "burst": 1000}]}
HEAVY = {"body": {"inspect": 786432}, "telemetry": {"timeEvery": 1}}


def heavy_body():
    """700 KB of JSON that is worth a look all the way."""
    return json.dumps({"notes": [f"O'Brien <b>row {i}</b> said; select a seat from table {i}" for i in range(10_000)]})


class Scene:
    """Five proxies under a trickle of requests. `with Scene(binary) as scene: ... scene.provoke()`"""

    def __init__(self, binary):
        TRAP.write_bytes(wasmtime.wat2wasm((ROOT / "tests" / "monitoring" / "trap.wat").read_text()))
        self.listeners = {
            "edge-0": Listener(EDGE),
            "detect-0": Listener(DETECT, dynamic=True),
            "dead-0": Listener({}, dynamic=True, failure_policy="FAIL_RELOAD"),
            "fresh-0": Listener({"mod": "block"}, dynamic=True),
            "deaf-0": Listener(COUNTED, capabilities=_all_but("proxy_get_shared_data")),
            "heavy-0": Listener(HEAVY),
        }
        self._binary, self._stack, self._over, self._threads = binary, contextlib.ExitStack(), threading.Event(), []
        self.envoys = {}

    def __enter__(self):
        upstream = self._stack.enter_context(Upstream())
        for pod in ("edge-0", "detect-0", "dead-0", "heavy-0"):
            self._start(pod, upstream.port)
        self._upstream_port = upstream.port
        self._keep_asking("edge-0", itertools.repeat(("GET", "/tickets?seats=2", [GOOD])))
        for pod in ("detect-0", "dead-0", "heavy-0"):
            self._keep_asking(pod, itertools.repeat(("GET", "/tickets?seats=2", [])))
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(20)
        self._stack.close()

    def targets(self):
        """Where each pod's metrics are."""
        return {pod: envoy.admin for pod, envoy in self.envoys.items()}

    def add_broken(self):
        """Starts the proxies that are wrong from the start."""
        for pod in ("fresh-0", "deaf-0"):
            self._start(pod, self._upstream_port)
            self._keep_asking(pod, itertools.repeat(("GET", "/tickets?seats=2", [])))

    def provoke(self):
        """Does everything wrong at once."""
        body = "x=" + "a" * 5000
        self._keep_asking("edge-0", itertools.cycle([
            ("GET", "/", []), ("GET", "/", [("X-Origin-Verify", "a guess")]), ("GET", ATTACK, [GOOD]), ("GET", "/limited", [GOOD]),
            ("POST", "/orders", [GOOD], body), ("POST", "/orders", [GOOD, ("Content-Encoding", "br")], "\x0b\x02\x80hello\x03"),
        ]))  # fmt: skip
        detect, dead = self.envoys["detect-0"], self.envoys["dead-0"]
        detect.replace_config({**DETECT, "exclusions": [EXPIRED]}, "detect-0")
        detect.replace_config({"mod": "block"}, "detect-0")
        self._keep_asking("detect-0", itertools.repeat(("GET", ATTACK, [])))
        dead.listeners["dead-0"].module = TRAP
        dead.replace_config({}, "dead-0")
        heavy = heavy_body()
        for _ in range(6):
            self._keep_asking("heavy-0", itertools.repeat(("POST", "/import", [JSON], heavy)))

    def _start(self, pod, upstream_port):
        envoy = Envoy(self._binary, {pod: self.listeners[pod]}, upstream_port, concurrency=1)
        self.envoys[pod] = self._stack.enter_context(envoy)

    def _keep_asking(self, pod, requests, pause_s=0.1):
        def run():
            for method, target, headers, *body in requests:
                if self._over.wait(pause_s):
                    return
                with contextlib.suppress(OSError):
                    client.send(self.envoys[pod].ports[pod], client.request(method, target, headers, *body))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)


def _all_but(call):
    """The names of all functions that the module calls and has, without one: the host refuses that call."""
    module = wasmtime.Module.from_file(wasmtime.Engine(), str(MODULE))
    names = {each.name for each in [*module.imports, *module.exports]}
    return tuple(sorted(names - {call}))
