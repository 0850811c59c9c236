"""The limit of a whole mesh: Redis, Envoy's rate limit service, and Envoy's own filter, which asks it after backstop."""

import json
import os
import shutil

from harness import HOST, ROOT, Problem, bootstrap
from harness.bootstrap import TYPE
from harness.server import Server, free_port

SERVICE = ROOT / ".tools" / "ratelimit" / "service"
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


class Redis(Server):
    """Redis, keeping nothing on disk."""

    def __init__(self):
        if not shutil.which("redis-server"):
            raise Problem("there is no redis-server: run 'tests/setup/redis.sh' first")
        super().__init__("redis")

    def _words(self):
        return ["redis-server", "--bind", HOST, "--port", str(self.port), "--save", "", "--appendonly", "no"]


class RateLimitService(Server):
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
            "HOST": HOST, "PORT": free_port(), "GRPC_HOST": HOST, "GRPC_PORT": self.port,
            "DEBUG_HOST": HOST, "DEBUG_PORT": free_port(), "LOG_LEVEL": "warn", "DISABLE_STATS": "true",
            "BACKEND_TYPE": "redis", "REDIS_TYPE": "SINGLE", "REDIS_SOCKET_TYPE": "tcp", "REDIS_URL": f"{HOST}:{self._redis.port}",
            "RUNTIME_ROOT": self.folder, "RUNTIME_SUBDIRECTORY": "", "RUNTIME_APPDIRECTORY": "config",
            "RUNTIME_WATCH_ROOT": "false", "RUNTIME_IGNOREDOTFILES": "true", "LIMIT_RESPONSE_HEADERS_ENABLED": "true",
        }  # fmt: skip
        return {**os.environ, **{name: str(value) for name, value in ours.items()}}
