"""Tools of others, where they are there: they take long to build, so nothing installs them for these two tests."""

import shutil
import subprocess
import unittest

from harness import ROOT
from manifests.render import ISTIO, OVERLAYS, SCRATCH, compose, fill_in, render


def found(tool):
    """The path of a tool in .tools/bin or on PATH."""
    return shutil.which(tool, path=ROOT / ".tools" / "bin") or shutil.which(tool)


class Tools(unittest.TestCase):
    @unittest.skipUnless(found("istioctl"), "there is no istioctl on PATH or in .tools/bin")
    def test_istioctl_validate(self):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        texts = {overlay: render(ISTIO / "overlays" / overlay) for overlay in OVERLAYS}
        texts |= {name: compose("prod", [name]) for name in ("sidecar", "waypoint", "global-limit", "traffic-extension")}
        for name, text in texts.items():
            with self.subTest(name):
                file = SCRATCH / f"validate-{name}.yaml"
                file.write_text(fill_in(text))
                done = subprocess.run([found("istioctl"), "validate", "-f", file], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(found("kyverno"), "there is no kyverno on PATH or in .tools/bin")
    def test_kyverno_test(self):
        folder = ROOT / "tests" / "data" / "policy"
        done = subprocess.run([found("kyverno"), "test", folder], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"[1-9]\d* tests passed and 0 tests failed")
