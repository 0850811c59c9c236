"""Long runs in a real Envoy: config updates and module upgrades under load, and a soak of mixed requests."""

import pathlib

from harness import ROOT

HERE = pathlib.Path(__file__).parent
SCRATCH = ROOT / "target" / "soak"
MIB = 1 << 20
