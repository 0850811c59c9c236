"""Who is measured: one Envoy with one worker each, in front of the same kind of upstream."""

import dataclasses
import json

from bench import HERE
from bench.scenarios import INSPECTED
from harness import MODULE, ROOT
from harness.bootstrap import TYPE, Listener

EMPTY = ROOT / "target" / "empty.wasm"
CONFIG = json.loads((HERE / "everything-on.json").read_text())

LOCAL_RATE_LIMIT = {
    "@type": TYPE + "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    "stat_prefix": "limit",
    "token_bucket": {"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"},
    "filter_enabled": {"default_value": {"numerator": 100}},
    "filter_enforced": {"default_value": {"numerator": 100}},
}
LUA = {
    "@type": TYPE + "envoy.extensions.filters.http.lua.v3.Lua",
    "default_source_code": {"filename": str(HERE / "waf.lua")},
}
BUFFER = {"@type": TYPE + "envoy.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": 8 << 20}


@dataclasses.dataclass(frozen=True)
class Contestant:
    """What stands in the Envoy, and what it is called."""

    label: str
    listener: Listener
    module: object = None  # of which the size is told
    for_reading: bool = False  # takes part only where a body is read


def _behind(*filters):
    return [{"name": config["@type"].rsplit(".", 1)[1].lower(), "typed_config": config} for config in filters]


CONTESTANTS = {
    "bare": Contestant("bare Envoy", Listener(None, access_log=False)),
    "ratelimit": Contestant("local_ratelimit", Listener(None, filters=_behind(LOCAL_RATE_LIMIT), access_log=False)),
    "empty": Contestant("empty filter", Listener("", module=EMPTY, access_log=False), EMPTY),
    "reading": Contestant("empty, reads 128 KB", Listener(str(INSPECTED), module=EMPTY, access_log=False), EMPTY, for_reading=True),
    "backstop": Contestant("backstop", Listener(CONFIG, access_log=False), MODULE),
    "lua": Contestant("Lua filter", Listener(None, filters=_behind(LUA), access_log=False)),
}

# It takes the whole request before it answers; its CPU is its own.
UPSTREAM = Listener(None, answer="ok", filters=_behind(BUFFER))
