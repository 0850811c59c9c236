"""Strict validation of manifests: Kubernetes' own kinds by its own schemas, others by their custom resource definitions."""

import copy
import functools

import jsonschema
import kubernetes_validate
import yaml
from harness import ROOT, Problem

SCHEMAS = ROOT / ".tools" / "schemas"
# The oldest that has image volumes, and the newest that is to be had.
KUBERNETES = ("1.33", "1.37")


def violations(manifest):
    """Sentences that say what a cluster would refuse, or would drop: an unknown field counts as wrong."""
    group = manifest["apiVersion"].rpartition("/")[0]
    if "." not in group or group.endswith(".k8s.io"):
        return [sentence for version in KUBERNETES for sentence in _kubernetes(manifest, version)]
    definitions = _definitions().get((manifest["apiVersion"], manifest["kind"]))
    if not definitions:
        return [f"no definition of {manifest['apiVersion']} {manifest['kind']} in {SCHEMAS}"]
    found = []
    for name, validator in definitions:
        found += [f"{name}: {error.json_path}: {error.message[:300]}" for error in validator.iter_errors(manifest)]
    return found


def definitions_of(kind):
    """The names of the sets that define a kind."""
    return [name for (_, k), found in _definitions().items() if k == kind for name, _ in found]


def _kubernetes(manifest, version):
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"Kubernetes {version}: {error}"[:500]]
    return []


@functools.cache
def _definitions():
    """By apiVersion and kind: name of the set, and validator."""
    found = {}
    files = sorted(SCHEMAS.glob("*.yaml"))
    if not files:
        raise Problem("no definitions of custom resources: run 'tests/setup/schemas.sh' first")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in files:
        for definition in yaml.load_all(file.read_text(), loader):
            for version in (definition or {}).get("spec", {}).get("versions", []):
                names = f"{definition['spec']['group']}/{version['name']}", definition["spec"]["names"]["kind"]
                root = dict(version["schema"]["openAPIV3Schema"])
                root["properties"] = {"apiVersion": {}, "kind": {}, "metadata": {}, **root["properties"]}
                validator = jsonschema.Draft7Validator(_strict(root))
                found.setdefault(names, []).append((file.stem, validator))
    return found


def _strict(schema):
    """A structural schema (Kubernetes' dialect of OpenAPI 3) as JSON Schema that takes no unknown field."""
    schema = copy.copy(schema)
    if "properties" in schema:
        schema["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = _strict(schema["additionalProperties"])
    if isinstance(schema.get("items"), dict):
        schema["items"] = _strict(schema["items"])
    if schema.get("x-kubernetes-int-or-string"):
        schema.pop("type", None)
    if schema.get("nullable") and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    return schema
