"""The bill of materials of the module, in CycloneDX 1.6: the crates that are linked into it, by Cargo's own account."""

import functools
import hashlib
import json
import re
import subprocess
import sys
import uuid

MEDIA_TYPE = "application/vnd.cyclonedx+json"
TARGET = "wasm32-wasip1"


def package():
    """What Cargo.toml says of backstop itself."""
    return crates()[linked()[0][1]]


def bill_of_materials(code, annotations):
    """The document, of the module `code` and the annotations of its image."""
    sums, tree = checksums(), linked()
    image = {name.rpartition(".")[2]: value for name, value in annotations.items()}
    needs = {name: set() for _, name in tree}
    above = []
    for depth, name in tree:
        above[depth:] = [name]
        if depth:
            needs[above[depth - 1]].add(name)
    root = tree[0][1]
    whole = component(crates()[root], "application", hashlib.sha256(code).hexdigest())
    if "source" in image:
        whole["externalReferences"] = [{"type": "vcs", "url": image["source"]}]
    if "revision" in image:
        whole["properties"] = [{"name": "git:revision", "value": image["revision"]}]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(whole) + image['created'])}",
        "version": 1,
        "metadata": {"timestamp": image["created"], "component": whole},
        "components": [component(crates()[name], "library", sums.get(name)) for name in sorted(needs) if name != root],
        "dependencies": [{"ref": purl(name), "dependsOn": sorted(map(purl, below))} for name, below in sorted(needs.items())],
    }


def component(crate, kind, checksum):
    """A crate as CycloneDX writes it."""
    reference = purl((crate["name"], crate["version"]))
    found = {
        "type": kind,
        "bom-ref": reference,
        "name": crate["name"],
        "version": crate["version"],
        "description": " ".join((crate["description"] or "").split()),
        "purl": reference,
        "hashes": [{"alg": "SHA-256", "content": checksum}] if checksum else [],
        # Some crates still write MIT/Apache-2.0, which is no expression of SPDX's.
        "licenses": [{"expression": crate["license"].replace("/", " OR ")}] if crate["license"] else [],
    }
    return {name: value for name, value in found.items() if value}


def purl(name):
    """What tools call a crate (package-url, type cargo)."""
    return f"pkg:cargo/{name[0]}@{name[1]}"


@functools.cache
def linked():
    """The tree of what is in the module, as pairs of depth and (name, version). Crates that only build or test are not in it."""
    words = ["tree", "--edges", "normal", "--target", TARGET, "--prefix", "depth", "--no-dedupe", "--format", " {p}"]
    lines = [line.split() for line in cargo(*words).splitlines()]
    return [(int(depth), (name, version.removeprefix("v"))) for depth, name, version, *_ in lines]


@functools.cache
def crates():
    """What each crate says of itself, by name and version."""
    found = json.loads(cargo("metadata", "--format-version", "1"))
    return {(each["name"], each["version"]): each for each in found["packages"]}


def checksums():
    """What Cargo.lock says that the package of each crate must be, by name and version."""
    with open("Cargo.lock", encoding="utf-8") as lock:
        entries = re.findall(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "([0-9a-f]{64})"', lock.read())
    return {(name, version): checksum for name, version, checksum in entries}


def cargo(*words):
    """What Cargo prints; it ends the program where Cargo cannot."""
    done = subprocess.run(["cargo", *words, "--locked"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"image: cargo cannot say what the module is made of: {done.stderr.strip()}")
    return done.stdout
