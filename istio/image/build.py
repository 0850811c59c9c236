#!/usr/bin/env python3
"""Writes the module as an OCI image that Istio's agent takes, and its bill of materials as an artifact that refers to it.

usage: build.py MODULE FOLDER makes FOLDER/image and FOLDER/sbom, both in OCI layout, and FOLDER/backstop.cdx.json. The same
commit gives the same digests: every time in them is the commit's. SOURCE_DATE_EPOCH (seconds), REVISION and SOURCE (an
address) say what git does not know, and ARCHITECTURE is that of the nodes, which only the kubelet looks at.
"""

import datetime
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import sbom

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"  # with one manifest, and not an index, what the agent reads
EMPTY = "application/vnd.oci.empty.v1+json"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    module, folder = map(pathlib.Path, sys.argv[1:])
    if not module.is_file():
        sys.exit(f"image: there is no {module}: run 'make wasm' first")
    code, epoch = module.read_bytes(), commit_time()
    annotations = describe(sbom.package(), epoch)
    bill = dump(sbom.bill_of_materials(code, annotations))
    image = write_image(folder / "image", code, annotations, epoch)
    reference = write_sbom(folder / "sbom", bill, image, annotations)
    (folder / "backstop.cdx.json").write_bytes(bill)
    print(f"image: {folder}/image is {image['digest']}")
    print(f"image: {folder}/sbom is {reference['digest']}")


def describe(package, epoch):
    """The annotations that the specification of images has names for (image-spec, annotations.md)."""
    found = {
        "title": package["name"],
        "description": package["description"],
        "version": package["version"],
        "licenses": package["license"],
        "created": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "revision": os.environ.get("REVISION") or revision(),
        "source": os.environ.get("SOURCE") or source(),
    }
    return {f"org.opencontainers.image.{name}": value for name, value in sorted(found.items()) if value}


def write_image(folder, code, annotations, epoch):
    """One manifest with one layer, which holds plugin.wasm. Returns the manifest's descriptor."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo("plugin.wasm")
        entry.size, entry.mode, entry.mtime = len(code), 0o644, epoch
        archive.addfile(entry, io.BytesIO(code))
    zipped = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=zipped, mode="wb", compresslevel=9, mtime=0) as stream:
        stream.write(packed.getvalue())
    created = annotations["org.opencontainers.image.created"]
    config = {
        "created": created,
        "architecture": os.environ.get("ARCHITECTURE") or "amd64",
        "os": "linux",
        "config": {"Labels": annotations},
        "rootfs": {"type": "layers", "diff_ids": [digest(packed.getvalue())]},
        "history": [{"created": created, "created_by": "make image"}],
    }
    begin(folder)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": store(folder, CONFIG, dump(config)),
        "layers": [store(folder, LAYER, zipped.getvalue())],
        "annotations": annotations,
    }
    return finish(folder, manifest)


def write_sbom(folder, text, subject, annotations):
    """The bill of materials as an artifact whose subject is the image, so that registries list it as a referrer."""
    begin(folder)
    created = "org.opencontainers.image.created"
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": sbom.MEDIA_TYPE,
        "config": store(folder, EMPTY, b"{}"),
        "layers": [store(folder, sbom.MEDIA_TYPE, text, annotations={"org.opencontainers.image.title": "backstop.cdx.json"})],
        "subject": {name: subject[name] for name in ("mediaType", "digest", "size")},
        "annotations": {created: annotations[created]},
    }
    return finish(folder, manifest)


def begin(folder):
    """An empty layout."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "blobs" / "sha256").mkdir(parents=True)


def finish(folder, manifest):
    """A layout whose only manifest is this one."""
    descriptor = store(folder, MANIFEST, dump(manifest))
    (folder / "oci-layout").write_bytes(dump({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(dump({"schemaVersion": 2, "manifests": [descriptor]}))
    return descriptor


def store(folder, media_type, data, **more):
    """Puts a blob into a layout. Returns its descriptor."""
    name = digest(data)
    (folder / "blobs" / name.replace(":", "/")).write_bytes(data)
    return {"mediaType": media_type, "digest": name, "size": len(data), **more}


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


def commit_time():
    """The time of the commit, in seconds since 1970."""
    told = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")
    if not re.fullmatch(r"\d{1,11}", told):
        sys.exit("image: no commit to take the time from: set SOURCE_DATE_EPOCH to seconds since 1970")
    return int(told)


def revision():
    """The commit, and whether anything was changed since."""
    commit = git("rev-parse", "HEAD")
    if commit and git("status", "--porcelain"):
        print("image: there are changes that are not committed, so that the revision ends in -dirty", file=sys.stderr)
        return commit + "-dirty"
    return commit


def source():
    """The address of the repository: the same for those who cloned it by SSH, and without anybody's password."""
    remote = git("config", "--get", "remote.origin.url")
    found = re.fullmatch(r"(?:(?:https?|ssh|git)://)?(?:[^@/]*@)?([\w.-]+)(?::\d+(?=/))?[:/]+(.+?)(?:\.git)?/?", remote)
    return f"https://{found[1]}/{found[2]}" if found and "." in found[1] else None


def git(*words):
    """What git says in this folder; nothing if it cannot."""
    try:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
