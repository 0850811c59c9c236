"""Fuzzing: libFuzzer over the targets of src/targets, and the dearest inputs."""

import pathlib

from harness import ROOT

HERE = pathlib.Path(__file__).parent
TARGET_DIR = ROOT / "target" / "fuzz"
