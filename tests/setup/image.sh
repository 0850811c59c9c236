#!/usr/bin/env bash
# What the test of the image needs beyond the harness: crane, a registry, and CycloneDX's own schema.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

tests/setup/crane.sh
tests/setup/registry.sh
.tools/python/bin/python -c 'import cyclonedx.validation.json, jsonschema' 2>/dev/null ||
    .tools/python/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/setup/image.txt ||
    die "pip could not install $(paste -sd ' ' tests/setup/image.txt): check the way to the package index"
