"""Envoy's configuration as data: listeners with the filter, one upstream cluster, access logs as JSON."""

import dataclasses
import json

from harness import HOST, MODULE

TYPE = "type.googleapis.com/"
HCM = TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
WASM = TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm"
ROUTER = TYPE + "envoy.extensions.filters.http.router.v3.Router"
FILE_LOG = TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog"

ACCESS_LOG_FIELDS = {
    "start": "%START_TIME(%s.%6f)%",
    "peer": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "method": "%REQ(:METHOD)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "cost": "%REQ(X-BACKSTOP-COST)%",  # with a handover block: what backstop has let go on
    **{name: f"%FILTER_STATE(wasm.backstop.{name}:PLAIN)%" for name in ("verdict", "rule", "family", "score", "limit")},
}


@dataclasses.dataclass
class Listener:
    """One port of Envoy, and the filter in it."""

    config: object = dataclasses.field(default_factory=dict)  # a dict, the text of a config, or None: no filter at all
    port: int = 0  # 0: the system chooses
    dynamic: bool = False  # the filter comes from a file that can be replaced while Envoy runs
    hold_headers: bool = False  # PluginConfig.allow_on_headers_stop_iteration
    use_remote_address: bool = False
    normalize_path: bool = False  # off, so that the filter sees `../` as it was sent
    answer: str = ""  # if set, Envoy answers with this itself and there is no upstream
    module: object = MODULE
    filters: list = dataclasses.field(default_factory=list)  # Envoy's own HTTP filters behind this one
    access_log: bool = True
    failure_policy: str = "UNSPECIFIED"  # what Envoy does once the VM has trapped
    capabilities: tuple = ()  # names of the ABI's functions that the module may call and have; none: all


def wasm(name, listener, config):
    """The typed config of the filter, as istiod makes it from a WasmPlugin."""
    plugin = {
        "name": f"harness.{name}",
        "root_id": "backstop",
        "configuration": {
            "@type": TYPE + "google.protobuf.StringValue",
            "value": config if isinstance(config, str) else json.dumps(config),
        },
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(listener.module)}},
        },
    }
    if listener.failure_policy != "UNSPECIFIED":
        plugin["failure_policy"] = listener.failure_policy
    if listener.capabilities:
        plugin["capability_restriction_config"] = {"allowed_capabilities": {name: {} for name in listener.capabilities}}
    if listener.hold_headers:
        plugin["allow_on_headers_stop_iteration"] = True
    return {"@type": WASM, "config": plugin}


def discovery(name, listener, config, version):
    """The file that a dynamic listener's filter is read from."""
    extension = {
        "@type": TYPE + "envoy.config.core.v3.TypedExtensionConfig",
        "name": name,
        "typed_config": wasm(name, listener, config),
    }
    return {"version_info": str(version), "resources": [extension]}


def bootstrap(listeners, upstream_port, folder, more_clusters=()):
    """The whole bootstrap. `folder` takes the access logs and holds the files of dynamic listeners."""
    return {
        "node": {"id": "harness", "cluster": "harness"},
        "admin": {"address": _address(0)},
        "static_resources": {
            "listeners": [_listener(name, listener, folder) for name, listener in listeners.items()],
            "clusters": [_cluster(upstream_port), *more_clusters],
        },
    }


def _address(port):
    return {"socket_address": {"address": HOST, "port_value": port}}


def _listener(name, listener, folder):
    manager = {
        "@type": HCM,
        "stat_prefix": name,
        "codec_type": "AUTO",
        "normalize_path": listener.normalize_path,
        "use_remote_address": listener.use_remote_address,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "access_log": [_access_log(folder / f"{name}.access.json")] if listener.access_log and not listener.answer else [],
        "http_filters": [*_filter(name, listener, folder), *listener.filters, {"name": "router", "typed_config": {"@type": ROUTER}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [_route(listener)]}]},
    }
    return {
        "name": name,
        "stat_prefix": name,
        "address": _address(listener.port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def _filter(name, listener, folder):
    if listener.config is None:
        return []
    if not listener.dynamic:
        return [{"name": name, "typed_config": wasm(name, listener, listener.config)}]
    source = {"path_config_source": {"path": str(folder / f"{name}.discovery.json")}, "resource_api_version": "V3"}
    return [{"name": name, "config_discovery": {"config_source": source, "type_urls": [WASM]}}]


def _access_log(path):
    fields = {"json_format": ACCESS_LOG_FIELDS}
    return {"name": "file", "typed_config": {"@type": FILE_LOG, "path": str(path), "log_format": fields}}


def _route(listener):
    if listener.answer:
        return {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": listener.answer}}}
    return {"match": {"prefix": "/"}, "route": {"cluster": "application", "timeout": "30s"}}


def _cluster(port):
    endpoint = {"endpoint": {"address": _address(port)}}
    return {
        "name": "application",
        "type": "STATIC",
        "connect_timeout": "2s",
        "circuit_breakers": {"thresholds": [{"max_connections": 4096, "max_requests": 4096, "max_pending_requests": 4096}]},
        "load_assignment": {"cluster_name": "application", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def cluster(name, port):
    """A service on this machine besides the application."""
    return {**_cluster(port), "name": name}
