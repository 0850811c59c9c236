"""Runs the checks of istio/: `python -m manifests`."""

import pathlib
import sys
import unittest


def main():
    here = pathlib.Path(__file__).parent
    suite = unittest.defaultTestLoader.discover(str(here), top_level_dir=str(here.parent))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(suite)
    for test, reason in result.skipped:
        print(f"left out: {test.id().rsplit('.', 1)[1]}: {reason}")
    # A test may fail in several of its cases.
    failed = len({test.id().partition(" ")[0] for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
