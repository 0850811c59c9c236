"""What the manifests put into Envoy's own configuration, read by the oldest and the newest real Envoy."""

import json
import subprocess
import unittest

import yaml
from harness import MODULE, bootstrap
from harness.binaries import all_to_test
from manifests.render import ISTIO, SCRATCH, compose, fill_in, only


def patches(envoy_filter, apply_to):
    """The values that an EnvoyFilter adds somewhere."""
    return [p["patch"]["value"] for p in envoy_filter["spec"]["configPatches"] if p["applyTo"] == apply_to]


class Envoy(unittest.TestCase):
    def validate(self, binary, *, clusters=(), filters=(), access_log=None):
        """What Envoy says of a listener with these; empty if it would start."""
        SCRATCH.mkdir(parents=True, exist_ok=True)
        config = bootstrap.bootstrap({"main": bootstrap.Listener(config=None)}, 9, SCRATCH)
        resources = config["static_resources"]
        resources["clusters"] += clusters
        manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        manager["http_filters"][:0] = filters
        if access_log:
            manager["access_log"] = [access_log]
        file = SCRATCH / "envoy.json"
        file.write_text(json.dumps(config))
        words = [*binary.command, "--mode", "validate", "--config-path", str(file), "--log-level", "warning"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def test_global_limit(self):
        envoy_filter = only(compose("prod", ["global-limit"]), "EnvoyFilter")
        clusters, filters = patches(envoy_filter, "CLUSTER"), patches(envoy_filter, "HTTP_FILTER")
        self.assertEqual((len(clusters), len(filters)), (1, 1))
        wrong = json.loads(json.dumps(filters))
        wrong[0]["typed_config"]["rate_limits"][0]["actions"][0]["request_headers"]["header"] = "x"
        for binary in all_to_test():
            with self.subTest(binary.label):
                self.assertEqual(self.validate(binary, clusters=clusters, filters=filters), "")
                self.assertIn("header", self.validate(binary, clusters=clusters, filters=wrong), "a wrong field passes")

    def test_held_headers(self):
        envoy_filter = only(fill_in(compose("prod", ["hold-headers"])), "EnvoyFilter")
        (discovery,), (extension,) = patches(envoy_filter, "HTTP_FILTER"), patches(envoy_filter, "EXTENSION_CONFIG")
        config = extension["typed_config"]["config"]
        self.assertEqual(discovery["name"], extension["name"])
        self.assertEqual(discovery["config_discovery"]["type_urls"], [extension["typed_config"]["@type"]])
        config["vm_config"]["code"]["local"]["filename"] = str(MODULE)
        wrong = json.loads(json.dumps(extension))
        configuration = wrong["typed_config"]["config"]["configuration"]
        configuration["value"] = configuration["value"].replace("holdHeaders", "holdHeader")
        for binary in all_to_test():
            with self.subTest(binary.label):
                self.assertEqual(self.validate(binary, filters=[extension]), "")
                self.assertIn("body.holdHeader: no such field", self.validate(binary, filters=[wrong]))

    def test_access_log_has_every_field_that_the_filter_sets(self):
        values = yaml.safe_load((ISTIO / "istiod-values.yaml").read_text())
        (provider,) = values["meshConfig"]["extensionProviders"]
        telemetry = only(compose("prod", []), "Telemetry")
        self.assertEqual(telemetry["spec"]["accessLogging"][0]["providers"], [{"name": provider["name"]}])
        labels = provider["envoyFileAccessLog"]["logFormat"]["labels"]
        # Those of the harness are seen to hold what they should by the end-to-end tests.
        known = {field for field in bootstrap.ACCESS_LOG_FIELDS.values() if "wasm.backstop" in field}
        self.assertEqual({field for field in labels.values() if "wasm.backstop" in field}, known)
        log = {"@type": bootstrap.FILE_LOG, "path": "/dev/null", "log_format": {"json_format": labels}}
        for binary in all_to_test():
            with self.subTest(binary.label):
                self.assertEqual(self.validate(binary, access_log={"name": "file", "typed_config": log}), "")
