"""The image is built, pushed to a real registry as users do it, and pulled from there as Istio's agent does it."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from harness import MODULE, ROOT
from harness.registry import MANIFEST, Registry, build_image

COMMIT = {"SOURCE_DATE_EPOCH": "1790000000", "REVISION": "c0ffee", "SOURCE": "https://git.example.com/waf"}
PUSH = ROOT / "istio" / "image" / "push.sh"


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = Registry().__enter__()
        cls.addClassCleanup(cls.registry.__exit__)
        cls.digest = build_image(ROOT / "target", MODULE, **COMMIT)
        cls.said = cls.push(cls.registry.address, "team/backstop", "1.2.3").stdout

    @staticmethod
    def push(registry, repository, tag, **environment):
        words = [PUSH, registry, repository, tag]
        return subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, check=True)

    def test_the_same_commit_gives_the_same_digests(self):
        with tempfile.TemporaryDirectory() as folder:
            again = pathlib.Path(folder)
            copy = again / "elsewhere.wasm"
            shutil.copyfile(MODULE, copy)  # another name, another time
            self.assertEqual(build_image(again, copy, **COMMIT, TZ="Asia/Tokyo"), self.digest)
            for name in ("image/index.json", "sbom/index.json", "backstop.cdx.json"):
                self.assertEqual((again / name).read_bytes(), (ROOT / "target" / name).read_bytes(), name)
            self.assertNotEqual(build_image(again, copy, **{**COMMIT, "REVISION": "other"}), self.digest)

    def test_the_agent_would_take_it(self):
        """What Istio's agent asks of an image: one manifest, whose last layer is a zipped archive with plugin.wasm in it."""
        media_type, digest, manifest = self.registry.manifest("team/backstop", self.digest)
        self.assertEqual((media_type, digest, manifest["mediaType"]), (MANIFEST, self.digest, MANIFEST))
        last = manifest["layers"][-1]
        self.assertEqual(last["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip")
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.registry.blob("team/backstop", last["digest"])))) as archive:
            self.assertEqual([os.path.basename(name) for name in archive.getnames()], ["plugin.wasm"])
            self.assertEqual(archive.extractfile("plugin.wasm").read(), MODULE.read_bytes())

    def test_the_tag_is_the_manifest_and_no_index(self):
        self.assertEqual(self.registry.manifest("team/backstop", "1.2.3")[:2], (MANIFEST, self.digest))

    def test_annotations(self):
        _, _, manifest = self.registry.manifest("team/backstop", self.digest)
        found = {name.removeprefix("org.opencontainers.image."): value for name, value in manifest["annotations"].items()}
        self.assertEqual(
            found,
            {
                "title": "backstop",
                "description": re.search(r'^description = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1],
                "version": re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1],
                "licenses": "Apache-2.0",
                "created": "2026-09-21T14:13:20Z",
                "revision": "c0ffee",
                "source": "https://git.example.com/waf",
            },
        )

    def test_the_bill_of_materials_is_a_referrer(self):
        (referrer,) = self.registry.referrers("team/backstop", self.digest)
        self.assertEqual(referrer["artifactType"], "application/vnd.cyclonedx+json")
        _, _, manifest = self.registry.manifest("team/backstop", referrer["digest"])
        self.assertEqual(manifest["subject"]["digest"], self.digest)
        text = self.registry.blob("team/backstop", manifest["layers"][0]["digest"])
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.decode()))
        bill = json.loads(text)
        self.assertEqual(bill["metadata"]["component"]["hashes"][0]["content"], hashlib.sha256(MODULE.read_bytes()).hexdigest())
        names = {part["name"] for part in bill["components"]}
        self.assertLessEqual({"regex", "serde_json", "sha2"}, names)
        self.assertFalse({"saphyr-parser", "lexopt", "proxy-wasm"} & names, "these are not in the module")
        parts = [bill["metadata"]["component"], *bill["components"]]
        self.assertEqual({each["ref"] for each in bill["dependencies"]}, {part["bom-ref"] for part in parts})
        wrong = text.decode().replace('"type":"library"', '"type":"shelf"')
        self.assertIsNotNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(wrong), "the schema lets everything pass")

    def test_push_prints_what_goes_into_the_overlay(self):
        address = self.registry.address
        self.assertIn(f"url: oci://{address}/team/backstop:1.2.3\n", self.said)
        self.assertIn(f'sha256: "{self.digest.removeprefix("sha256:")}"\n', self.said)
        plugin = (ROOT / "istio" / "overlays" / "prod" / "plugin.yaml").read_text()
        for line in self.said.splitlines()[-2:]:  # the lines are to replace ones that look like them
            self.assertIn(line.split(":")[0] + ":", plugin)

    def test_a_dry_run_shows_every_step_for_ecr_and_does_none(self):
        ecr = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
        said = self.push(ecr, "backstop", "0.1.0", DRYRUN="1").stdout
        steps = [line for line in said.splitlines() if line.startswith("+ ")]
        self.assertEqual(
            [step.split(" --")[0].split(" target/")[0] for step in steps], ["+ aws ecr get-login-password", "+ crane push", "+ crane push"]
        )
        self.assertIn(f"--region eu-central-1 | crane auth login --username AWS --password-stdin {ecr}", steps[0])
        self.push(self.registry.address, "nowhere", "0.1.0", DRYRUN="1")
        self.assertEqual(self.registry.referrers("nowhere", self.digest), [])
