"""The pushed image and its bill of materials are signed by cosign with a key, offline, and only that key verifies them.

`make test` does not build cosign, which takes a quarter of an hour; `tests/setup/cosign.sh` does.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import MODULE, ROOT
from harness.registry import Registry, build_image

PATH = f"{os.environ['PATH']}:{ROOT / '.tools' / 'bin'}"
COSIGN = shutil.which("cosign", path=PATH)
VERIFY = ["verify", "--experimental-oci11", "--private-infrastructure", "--key"]
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"


def setUpModule():
    if not COSIGN:
        print("signature: left out, since there is no cosign; 'tests/setup/cosign.sh' builds it in a quarter of an hour")
        raise unittest.SkipTest("no cosign")


class Signature(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.environment = {**os.environ, "PATH": PATH, "COSIGN_PASSWORD": "open sesame", "COSIGN_EXPERIMENTAL": "1", "HOME": str(self.folder)}
        self.registry = stack.enter_context(Registry())
        self.image = build_image(ROOT / "target", MODULE, SOURCE_DATE_EPOCH="1790000000")
        self.run_here([ROOT / "istio" / "image" / "push.sh", self.registry.address, "team/backstop", "1.2.3"])
        self.key = self.new_key("ours")

    def new_key(self, name):
        self.run_here([COSIGN, "generate-key-pair", "--output-key-prefix", name])
        return self.folder / f"{name}.key"

    def run_here(self, words, check=True, **environment):
        return subprocess.run(words, cwd=self.folder, env={**self.environment, **environment}, capture_output=True, text=True, check=check)

    def verify(self, key, digest):
        return self.run_here([COSIGN, *VERIFY, key.with_suffix(".pub"), f"{self.registry.address}/team/backstop@{digest}"], check=False)

    def test_signed_by_a_key(self):
        (bill,) = self.registry.referrers("team/backstop", self.image)
        self.assertNotEqual(self.verify(self.key, self.image).returncode, 0, "nothing is signed yet")
        said = self.run_here([ROOT / "istio" / "image" / "sign.sh", self.registry.address, "team/backstop"], KEY=str(self.key)).stdout
        self.assertIn(f"team/backstop@{self.image}", said)
        for digest in (self.image, bill["digest"]):
            verified = self.verify(self.key, digest)
            self.assertEqual(verified.returncode, 0, verified.stderr)
            kinds = [referrer["artifactType"] for referrer in self.registry.referrers("team/backstop", digest)]
            self.assertIn(SIGNATURE, kinds, "the signature is a referrer")
        self.assertNotEqual(self.verify(self.new_key("theirs"), self.image).returncode, 0, "another key verifies it as well")
