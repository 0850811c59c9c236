"""What backstop costs: contestants, scenarios, load, and where the results go."""

import os
import pathlib
import subprocess

from harness import ROOT

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results"
SCRATCH = ROOT / "target" / "bench"


def machine():
    """The machine kind, as far as it matters for a figure."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")), "unknown")
    shared = ", virtual" if "hypervisor" in info else ""
    return f"{os.cpu_count()} cores, {model}{shared}"


def commit():
    """The commit that is measured, with a `+` if files have changed since."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True).stdout
    return (name or "unknown") + ("+" if changed.strip() else "")
