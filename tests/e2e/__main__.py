"""Runs the end-to-end tests in every Envoy: `python -m e2e [NAME...]`, where NAME is a file test_NAME.py."""

import pathlib
import sys
import time
import traceback
import unittest

from e2e.case import Case
from harness import MODULE, Problem
from harness.binaries import all_to_test
from harness.envoy import require_module

HERE = pathlib.Path(__file__).parent


class Outcome(unittest.TestResult):
    """Counts tests, not the cases within them; says at once what failed."""

    def __init__(self):
        super().__init__()
        self.passed, self.failed, self._bad = 0, 0, False

    def startTest(self, test):
        super().startTest(test)
        self._bad = False

    def stopTest(self, test):
        super().stopTest(test)
        self.failed += self._bad
        self.passed += not self._bad

    def addError(self, test, err):
        super().addError(test, err)
        self._show(test, err)
        if not isinstance(test, unittest.TestCase):  # setUpClass: none of its tests ran
            self.failed += 1

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._show(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self._show(subtest, err)

    def addSkip(self, test, reason):
        self._show(test, (None, f"skipped ({reason}); a test that does not run is a failure", None))

    def _show(self, test, err):
        self._bad = True
        lines = [line for frame, line in traceback.walk_tb(err[2]) if "test_" in frame.f_code.co_filename]
        place = f" (line {lines[-1]})" if lines else ""
        kind = err[0].__name__ + ": " if err[0] and not issubclass(err[0], AssertionError) else ""
        print(f"    FAILED {test}{place}\n      {kind}{str(err[1])[:1500]}", flush=True)


def main(names):
    require_module(MODULE)
    files = {file.stem.removeprefix("test_"): file.stem for file in sorted(HERE.glob("test_*.py"))}
    if unknown := [name for name in names if name not in files]:
        raise Problem(f"no tests are called {', '.join(unknown)}; there are {', '.join(files)}")
    outcome = Outcome()
    for binary in all_to_test():
        Case.binary = binary
        print(f"end-to-end tests in {binary.label}", flush=True)
        began = time.monotonic()
        for name in names or files:
            run(name, unittest.defaultTestLoader.loadTestsFromName(f"e2e.{files[name]}"), outcome)
        print(f"  {time.monotonic() - began:.1f} s\n", flush=True)
    print(f"{outcome.passed} passed, {outcome.failed} failed")
    return 1 if outcome.failed or not outcome.passed else 0


def run(name, suite, outcome):
    began, passed, failed = time.monotonic(), outcome.passed, outcome.failed
    outcome._previousTestClass = None  # else unittest takes the class for set up when it was the last one before
    suite.run(outcome)
    passed, failed = outcome.passed - passed, outcome.failed - failed
    if not passed + failed:
        raise Problem(f"test_{name}.py holds no tests")
    print(f"  {name:<16} {passed:>3} passed {failed:>3} failed {time.monotonic() - began:>6.1f} s", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Problem as problem:
        sys.exit(f"test-e2e: {problem}")
