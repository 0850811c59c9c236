"""The limit of a whole mesh: Redis, Envoy's rate limit service, and Envoy's own filter, which asks it after backstop."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import HOST, ROOT, Problem, bootstrap
from harness.bootstrap import TYPE
from harness.envoy import end_with_parent, eventually

SERVICE = ROOT / ".tools" / "ratelimit" / "service"
SCRATCH = ROOT / "target" / "ratelimit"
FILTER = TYPE + "envoy.extensions.filters.http.ratelimit.v3.RateLimit"
HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
CLUSTER = "rate-limit-service"
DOMAIN = "backstop"

# The names of descriptors, and the headers of backstop's hand-over that they are read from. A request that lacks one of
# the headers, because it is exempt say, is not counted.
DESCRIPTOR = {"group": "x-backstop-group", "client": "x-backstop-client"}


def http_filter(*, deny_on_failure=False, timeout_s=0.25):
    """Envoy's filter: each request counts as many hits as backstop says, in the bucket of its path group and client."""
    actions = [{"request_headers": {"header_name": header, "descriptor_key": key}} for key, header in DESCRIPTOR.items()]
    config = {
        "@type": FILTER,
        "domain": DOMAIN,
        "failure_mode_deny": deny_on_failure,
        "status_on_error": {"code": "ServiceUnavailable"},
        "timeout": f"{timeout_s}s",
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        "rate_limited_as_resource_exhausted": True,
        "rate_limit_service": {"transport_api_version": "V3", "grpc_service": {"envoy_grpc": {"cluster_name": CLUSTER}}},
        "rate_limits": [{"actions": actions, "hits_addend": {"format": "%REQ(x-backstop-cost)%"}}],
    }
    return {"name": "envoy.filters.http.ratelimit", "typed_config": config}


def cluster(port):
    """The service as Envoy reaches it, which must be by HTTP/2."""
    http2 = {"@type": TYPE + HTTP2, "explicit_http_config": {"http2_protocol_options": {}}}
    return {**bootstrap.cluster(CLUSTER, port), "typed_extension_protocol_options": {HTTP2: http2}}


def limits(**groups):
    """The config of the service: `limits(tickets=(10, "minute"))` gives each client 10 hits a minute for that group."""

    def per_client(count, unit):
        return [{"key": "client", "rate_limit": {"unit": unit, "requests_per_unit": count}}]

    described = [{"key": "group", "value": name, "descriptors": per_client(*rate)} for name, rate in groups.items()]
    return {"domain": DOMAIN, "descriptors": described}


class _Server:
    """A process that listens on one port, which it keeps when it is started again."""

    def __init__(self, name):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=name + "-", dir=SCRATCH))
        self.port = _free_port()
        self._process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Starts the process and returns when it listens."""
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                self._words(), env=self._environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                cwd=self.folder, start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        if not eventually(lambda: _listens(self.port) or self._process.poll() is not None, 20) or self._process.poll():
            words = (self.folder / "log").read_text(errors="replace").splitlines()[-8:]
            raise Problem(f"{self._words()[0]} did not start; its last words:\n" + "\n".join(words))

    def pid(self):
        """The process, for those who want to send it signals."""
        return self._process.pid

    def kill(self):
        """Ends the process as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def pause(self):
        """Freezes the process: it keeps its connections and answers nothing, like a machine that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        """Ends a pause."""
        self._process.send_signal(signal.SIGCONT)

    def _environment(self):
        return None


class Redis(_Server):
    """Redis, keeping nothing on disk."""

    def __init__(self):
        if not shutil.which("redis-server"):
            raise Problem("there is no redis-server: run 'tests/setup/redis.sh' first")
        super().__init__("redis")

    def _words(self):
        return ["redis-server", "--bind", HOST, "--port", str(self.port), "--save", "", "--appendonly", "no"]


class RateLimitService(_Server):
    """Envoy's rate limit service (github.com/envoyproxy/ratelimit), which counts in Redis. `port` is that of gRPC."""

    def __init__(self, redis, config):
        if not SERVICE.exists():
            raise Problem("there is no rate limit service: run 'tests/setup/ratelimit.sh' first")
        super().__init__("service")
        self._redis = redis
        (self.folder / "config").mkdir()
        (self.folder / "config" / "limits.yaml").write_text(json.dumps(config))  # JSON is YAML

    def _words(self):
        return [str(SERVICE)]

    def _environment(self):
        ours = {
            "HOST": HOST, "PORT": _free_port(), "GRPC_HOST": HOST, "GRPC_PORT": self.port,
            "DEBUG_HOST": HOST, "DEBUG_PORT": _free_port(), "LOG_LEVEL": "warn", "DISABLE_STATS": "true",
            "BACKEND_TYPE": "redis", "REDIS_TYPE": "SINGLE", "REDIS_SOCKET_TYPE": "tcp", "REDIS_URL": f"{HOST}:{self._redis.port}",
            "RUNTIME_ROOT": self.folder, "RUNTIME_SUBDIRECTORY": "", "RUNTIME_APPDIRECTORY": "config",
            "RUNTIME_WATCH_ROOT": "false", "RUNTIME_IGNOREDOTFILES": "true", "LIMIT_RESPONSE_HEADERS_ENABLED": "true",
        }  # fmt: skip
        return {**os.environ, **{name: str(value) for name, value in ours.items()}}


def _free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
