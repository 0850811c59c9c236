"""Renders kustomizations: overlays as they are, and variants as somebody would compose them on top."""

import json
import pathlib
import shutil
import subprocess
import sys

import yaml
from harness import ROOT

ISTIO = ROOT / "istio"
SCRATCH = ROOT / "target" / "manifests"
OVERLAYS = sorted(path.name for path in (ISTIO / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (ISTIO / "components").iterdir())
KUBECTL = pathlib.Path(sys.executable).parent / "kubectl"

# What a user fills in: a registry, the digest of an image, the digest of a secret. None of them is anybody's.
DIGEST = "5f" * 32
FILLED_IN = {"registry.example.com": "registry.test", "0" * 64: DIGEST}


def render(folder):
    """The text that `kubectl kustomize` makes of a folder."""
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{folder} does not render: {done.stderr}")
    return done.stdout


def compose(overlay, components, more=""):
    """The text of an overlay with components on top, in the way the README says, in a folder of its own."""
    folder = SCRATCH / "-".join([overlay, *components])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kustomization = {
        "namespace": "istio-ingress",
        "resources": [f"../../../istio/overlays/{overlay}"],
        "components": [f"../../../istio/components/{name}" for name in components],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization) + more)  # JSON is YAML
    return render(folder)


def fill_in(text):
    """The same with the placeholders replaced, as a user would."""
    for placeholder, value in FILLED_IN.items():
        text = text.replace(placeholder, value)
    return text


def documents(text):
    """The documents of a YAML stream."""
    return [document for document in yaml.safe_load_all(text) if document]


def only(text, kind, name=None):
    """The one document of a kind."""
    (found,) = [d for d in documents(text) if d["kind"] == kind and name in (None, d["metadata"]["name"])]
    return found
