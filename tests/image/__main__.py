"""Runs the checks of the image: `python -m image`."""

import pathlib
import sys
import unittest

from harness import MODULE, Problem
from harness.envoy import require_module


def main():
    require_module(MODULE)
    here = pathlib.Path(__file__).parent
    suite = unittest.defaultTestLoader.discover(str(here), top_level_dir=str(here.parent))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(suite)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(f"image: {problem}")
