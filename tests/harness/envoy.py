"""An Envoy process: started with listeners, watched through its logs, access logs and statistics, ended by its pid."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from harness import ROOT, Problem
from harness.bootstrap import bootstrap, discovery

SCRATCH = ROOT / "target" / "envoy"
PR_SET_PDEATHSIG = 1
TOLD_AFTER_S = 0.3  # the filter tells its counters five times a second
EVENT = re.compile(r"^\[warning\]\[wasm\].*?wasm log [^{]*(\{.*\})\s*$")
VM_FAILURE = re.compile(r"Uncaught RuntimeError|Function: \S+ failed|panicked at|in-VM backtrace|wasm_fail", re.I)


def eventually(ask, seconds=5.0, pause=0.01):
    """The first true answer of `ask`, or its last answer when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(pause)


class StartFailed(Exception):
    """Envoy ended, or did not get ready; `log` is what it said."""

    def __init__(self, what, log):
        super().__init__(f"{what}; its last words:\n" + "\n".join(log[-12:]))
        self.log = log


class Envoy:
    """`with Envoy(binary, {"main": Listener(config)}, upstream_port) as envoy:`"""

    def __init__(
        self, binary, listeners, upstream_port, *, more_clusters=(), concurrency=2, admin_port=0, folder=None, wait_s=60.0
    ):
        self.binary, self.listeners, self.concurrency, self.wait_s = binary, listeners, concurrency, wait_s
        self._kept = folder is not None
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(dir=SCRATCH))
        self.folder.mkdir(exist_ok=True)
        self._config = bootstrap(listeners, upstream_port, self.folder, more_clusters)
        self._config["admin"]["address"]["socket_address"]["port_value"] = admin_port
        self._version = {name: 0 for name in listeners}
        self._process = None
        self.admin = self.ports = self.ready_ms = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts Envoy and returns when every listener answers."""
        for old in self.folder.glob("*.access.json"):
            old.unlink()
        for name, listener in self.listeners.items():
            if listener.dynamic:
                self._write_discovery(name, listener.config)
        config, admin = self.folder / "bootstrap.json", self.folder / "admin"
        admin.unlink(missing_ok=True)
        config.write_text(json.dumps(self._config, indent=1))
        words = [
            *self.binary.command, "--config-path", str(config), "--use-dynamic-base-id",
            "--concurrency", str(self.concurrency), "--admin-address-path", str(admin),
            "--log-level", "warning", "--component-log-level", "wasm:info", "--log-format", "[%l][%n] %v",
            "--file-flush-interval-msec", "20", "--drain-time-s", "1", "--parent-shutdown-time-s", "2",
        ]  # fmt: skip
        began = time.monotonic()
        with open(self.folder / "envoy.log", "wb") as log:
            self._process = subprocess.Popen(
                words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent
            )
        self._await(lambda: admin.exists() and admin.read_text().strip(), "gave no admin address")
        self.admin = admin.read_text().strip()
        self._await(self._is_live, "did not get ready")
        self.ready_ms = (time.monotonic() - began) * 1000
        self.ports = {
            each["name"]: each["local_address"]["socket_address"]["port_value"]
            for each in json.loads(self.get("/listeners?format=json"))["listener_statuses"]
        }
        return self

    def stop(self):
        """Ends Envoy, gently and then not, and removes its folder unless that was given."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                pass
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # the session is its own; func-e may leave a child in it
            self._process.wait()
        if not self._kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def is_running(self):
        """Whether the process is still there."""
        return self._process is not None and self._process.poll() is None

    def pid(self):
        """The process that does the work; func-e's child where func-e runs it."""
        pid = self._process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children and "func-e" in self.binary.command[0] else pid

    def get(self, path):
        """An answer of the admin interface, which waits while Envoy compiles a module."""
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=60) as answer:
            return answer.read().decode()

    def stats(self, prefix=""):
        """Counters and gauges by name, those that begin with `prefix`."""
        if prefix.startswith("wasmcustom."):
            time.sleep(TOLD_AFTER_S)
        text = self.get("/stats?filter=" + urllib.request.quote("^" + re.escape(prefix)))
        pairs = (line.split(": ", 1) for line in text.splitlines() if ": " in line)
        return {name: int(value) for name, value in pairs if value.strip().isdigit()}

    def log_lines(self):
        """What Envoy and the filter said so far."""
        return (self.folder / "envoy.log").read_text(errors="replace").splitlines()

    def events(self):
        """The security events: the JSON lines of the filter at `warn`."""
        return [json.loads(found[1]) for found in map(EVENT.match, self.log_lines()) if found]

    def vm_failures(self):
        """Lines that say that the VM trapped."""
        return [line for line in self.log_lines() if VM_FAILURE.search(line)]

    def access(self, response, listener="main"):
        """The access log entry of the request that `response` answers; it must have had a connection of its own."""
        peer = f"{response.local[0]}:{response.local[1]}"
        began, ended = response.held

        def entries():  # the system gives a port to one connection after another
            mine = [entry for entry in self._access_log(listener) if entry["peer"] == peer]
            return [entry for entry in mine if began <= float(entry["start"]) <= ended]

        found = eventually(entries)
        if not found:
            raise AssertionError(f"no access log entry of {peer}")
        return found[-1]

    def replace_config(self, config, listener="main"):
        """Moves a new config into place and says what Envoy did with it: `accepted` or `rejected`. One that is equal
        to the last one is not looked at."""
        before = self.updates(listener)
        self._write_discovery(listener, config)

        def changed():
            now = self.updates(listener)
            return [outcome for outcome in now if now[outcome] > before[outcome]]

        outcome = eventually(changed, 20, 0.02)
        if not outcome:
            raise AssertionError("Envoy did not look at the new config")
        return outcome[0]

    def updates(self, listener="main"):
        """How many configs Envoy has accepted and rejected. (Its `config_reload` counts rejected ones too.)"""
        prefix = f"extension_config_discovery.http_filter.{listener}.update_"
        stats = self.stats(prefix)
        return {"accepted": stats[prefix + "success"], "rejected": stats[prefix + "rejected"]}

    def _write_discovery(self, name, config):
        self._version[name] += 1
        file = self.folder / f"{name}.discovery.json"
        new = file.with_suffix(".new")
        new.write_text(json.dumps(discovery(name, self.listeners[name], config, self._version[name])))
        new.rename(file)  # a move is what Envoy watches for

    def _access_log(self, listener):
        lines = (self.folder / f"{listener}.access.json").read_text(errors="replace").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def _is_live(self):
        try:
            return self.get("/ready").strip() == "LIVE"
        except (urllib.error.URLError, OSError):
            return False

    def _await(self, ask, otherwise):
        if not eventually(lambda: ask() or not self.is_running(), self.wait_s, 0.005):
            raise StartFailed(f"Envoy {otherwise} within {self.wait_s:.0f} s", self.log_lines())
        if not self.is_running():
            raise StartFailed(f"Envoy ended with code {self._process.returncode}", self.log_lines())


def end_with_parent():
    """For `preexec_fn`: no server may outlive the Python that started it, however that ends (Linux)."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        pass


def require_module(module):
    """Complains if the module was not built."""
    if not pathlib.Path(module).is_file():
        raise Problem(f"there is no {module}: run 'make wasm' first")
