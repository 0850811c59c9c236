"""A real Envoy on this machine, with the filter in it and an application behind it."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE = ROOT / "target" / "backstop.wasm"
HOST = "127.0.0.1"


class Problem(Exception):
    """Something a person can put right; the message is one sentence that says how."""
