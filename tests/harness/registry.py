"""A real image registry (distribution's, as Debian has it) on loopback, and questions to it."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request

import yaml

from harness import HOST, ROOT, Problem
from harness.server import Server

UNPACKED = ROOT / ".tools" / "registry" / "usr" / "bin"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Registry(Server):
    """`with Registry() as registry:` an empty one; `registry.address` is host and port."""

    def __init__(self, port=None):
        self._program = shutil.which("docker-registry") or shutil.which("docker-registry", path=UNPACKED)
        if not self._program:
            raise Problem("there is no docker-registry: run 'tests/setup/registry.sh' first")
        super().__init__("registry", port)
        self.address = f"{HOST}:{self.port}"
        config = {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "images")}},
            "http": {"addr": self.address},
        }
        (self.folder / "config.yml").write_text(yaml.safe_dump(config))

    def _words(self):
        return [self._program, "serve", str(self.folder / "config.yml")]

    def manifest(self, repository, reference):
        """What is under a tag or digest: media type, digest and document."""
        with self._get(repository, "manifests", reference) as answer:
            return answer.headers["Content-Type"], answer.headers["Docker-Content-Digest"], json.load(answer)

    def blob(self, repository, digest):
        """The bytes of a layer."""
        with self._get(repository, "blobs", digest) as answer:
            return answer.read()

    def referrers(self, repository, digest):
        """The descriptors of what refers to a manifest, where a registry without the referrers API keeps them."""
        try:
            return self.manifest(repository, digest.replace(":", "-"))[2]["manifests"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return []

    def _get(self, repository, kind, reference):
        asked = urllib.request.Request(f"http://{self.address}/v2/{repository}/{kind}/{reference}")
        asked.add_header("Accept", f"{MANIFEST}, {INDEX}")
        return urllib.request.urlopen(asked, timeout=10)


def build_image(folder, module, **environment):
    """Runs what `make image` runs, for a module of one's own. Returns the digest of the image."""
    words = [ROOT / "istio" / "image" / "build.py", module, folder]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"the image could not be built: {done.stderr}")
    return json.loads((folder / "image" / "index.json").read_text())["manifests"][0]["digest"]
