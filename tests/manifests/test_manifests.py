"""Every overlay, every component on each of them, and the files beside them."""

import functools
import itertools
import json
import re
import subprocess
import unittest

import yaml
from harness import ROOT
from manifests import schema
from manifests.render import (
    COMPONENTS,
    DIGEST,
    ISTIO,
    OVERLAYS,
    SCRATCH,
    compose,
    documents,
    fill_in,
    only,
    render,
)

BACKSTOP = ROOT / "target" / "debug" / "backstop"
# Where to, and how; the order is the one that the README gives.
PLACES = [[], ["sidecar"], ["waypoint"]]
WAYS = [[], ["ecr-pull-secret"], ["image-volume"], ["traffic-extension"], ["ecr-pull-secret", "traffic-extension"]]


@functools.cache
def variants():
    """Every overlay by itself; production with each component, and with those that go together."""
    together = [way + place for way, place in itertools.product(WAYS, PLACES)]
    together.append(["cloudfront", "global-limit", "ecr-pull-secret", "traffic-extension"])
    chosen = {(overlay,) for overlay in OVERLAYS} | {("prod", *names) for names in [[c] for c in COMPONENTS] + together}
    return [(overlay, names, compose(overlay, names)) for overlay, *names in sorted(chosen)]


def check(text, *options):
    """What `backstop check` says of manifests."""
    words = [BACKSTOP, "check", "-", "--format", "json", *options]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class Rendered(unittest.TestCase):
    def test_each_variant_keeps_to_the_schemas(self):
        for overlay, components, text in variants():
            for manifest in documents(text):
                with self.subTest(overlay, components=components, kind=manifest["kind"]):
                    self.assertEqual(schema.violations(manifest), [])
                    self.assertEqual(manifest["metadata"].get("namespace"), "istio-ingress")

    def test_check_asks_for_what_is_to_be_filled_in_and_for_nothing_else(self):
        for overlay, components, text in variants():
            production = ["--prod"] if overlay == "prod" else []
            with self.subTest(overlay, components=components):
                asked = {d["name"] for d in check(text, *production)["diagnostics"]}
                self.assertLessEqual(asked, {"placeholder"})
                report = check(fill_in(text), *production)
                self.assertEqual((report["configs"], report["diagnostics"], report["passed_over"]), (1, [], []))

    def test_each_environment_is_what_it_says(self):
        expected = {"dev": ("detect", "FAIL_OPEN", ""), "staging": ("block", "FAIL_RELOAD", ""), "prod": ("block", "FAIL_RELOAD", DIGEST)}
        self.assertEqual(sorted(expected), OVERLAYS)
        for overlay in OVERLAYS:
            spec = only(fill_in(render(ISTIO / "overlays" / overlay)), "WasmPlugin")["spec"]
            self.assertEqual((spec["pluginConfig"]["mode"], spec["failStrategy"], spec["sha256"]), expected[overlay])

    def test_places_and_kinds(self):
        spec = only(compose("prod", ["traffic-extension", "waypoint"]), "TrafficExtension")["spec"]
        self.assertEqual(sorted(spec), ["match", "phase", "targetRefs", "wasm"])
        self.assertEqual(spec["match"], [{"mode": "SERVER"}])
        text = compose("prod", ["sidecar"])
        self.assertEqual(only(text, "WasmPlugin")["spec"]["match"], [{"mode": "SERVER"}])
        selectors = [only(text, kind)["spec"]["selector"] for kind in ("WasmPlugin", "Telemetry")]
        self.assertEqual(selectors[0], selectors[1])

    def test_the_schema_check_can_fail(self):
        plugin = only(render(ISTIO / "overlays" / "prod"), "WasmPlugin")
        for change in ({"spec": plugin["spec"] | {"failstrategy": "x"}}, {"spec": plugin["spec"] | {"failStrategy": "FAIL_CLOSED"}}):
            self.assertTrue(schema.violations(plugin | change))
        deployment = only(compose("prod", ["global-limit"]), "Deployment", "backstop-redis")
        self.assertTrue(schema.violations(deployment | {"spec": deployment["spec"] | {"replicaCount": 1}}))
        self.assertEqual(schema.definitions_of("WasmPlugin"), ["istio-1.29", "istio-1.31"])

    def test_the_image_volume_is_mounted_where_the_url_points(self):
        values = yaml.safe_load((ISTIO / "components" / "image-volume" / "gateway-values.yaml").read_text())
        (mount,), (volume,) = values["volumeMounts"], values["volumes"]
        url = only(compose("prod", ["image-volume"]), "WasmPlugin")["spec"]["url"]
        self.assertEqual((mount["name"], f"file://{mount['mountPath']}/plugin.wasm"), (volume["name"], url))
        pod = {"containers": [{"name": "istio-proxy", "image": "auto", "volumeMounts": [mount]}], "volumes": [volume]}
        self.assertEqual(schema.violations({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}), [])
        self.assertIn(url, (ISTIO / "policy" / "image.yaml").read_text())

    def test_the_service_has_a_limit_for_each_group_that_backstop_names(self):
        text = compose("prod", ["global-limit"])
        (config,) = [d for d in documents(text) if d["kind"] == "ConfigMap"]
        limits = yaml.safe_load(config["data"]["limits.yaml"])
        groups = only(text, "WasmPlugin")["spec"]["pluginConfig"]["handover"]["groups"]
        self.assertEqual([d["value"] for d in limits["descriptors"]], [group["name"] for group in groups])
        mounted = only(text, "Deployment", "backstop-ratelimit")["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
        self.assertEqual(mounted, config["metadata"]["name"])

    def test_the_pull_secret_is_a_docker_config_once_its_template_is_filled(self):
        text = compose("prod", ["ecr-pull-secret"])
        target = only(text, "ExternalSecret")["spec"]["target"]
        self.assertEqual(target["name"], only(text, "WasmPlugin")["spec"]["imagePullSecret"])
        filled = target["template"]["data"][".dockerconfigjson"]
        filled = re.sub(r"\{\{ \.(\w+)( \| trimPrefix \"https://\")?\s*\}\}", r"\1", " ".join(filled.split()))
        self.assertEqual(json.loads(filled), {"auths": {"proxy_endpoint": {"username": "username", "password": "password"}}})


class Beside(unittest.TestCase):
    def test_policies_and_application_keep_to_their_schemas(self):
        text = render(ISTIO / "policy") + "---\n" + (ISTIO / "argocd" / "application.yaml").read_text()
        self.assertEqual(len(documents(text)), 3)
        for manifest in documents(text):
            with self.subTest(manifest["kind"]):
                self.assertEqual(schema.violations(manifest), [])

    def test_the_application_points_at_an_overlay(self):
        (application,) = documents((ISTIO / "argocd" / "application.yaml").read_text())
        self.assertTrue((ROOT / application["spec"]["source"]["path"] / "kustomization.yaml").is_file())

    def test_kustomizations_of_the_readme_render(self):
        snippets = re.findall(r"```yaml\n(.*?)```", (ISTIO / "README.md").read_text(), re.DOTALL)
        snippets = [s for s in snippets if "components:" in s]
        self.assertTrue(snippets)
        for number, snippet in enumerate(snippets):
            folder = SCRATCH / f"readme-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "kustomization.yaml").write_text(snippet.replace("../backstop/", "../../../"))
            self.assertEqual(check(fill_in(render(folder)), "--prod")["diagnostics"], [])

    def test_plugins_of_others_are_passed_over_and_named(self):
        other = "\n---\n" + json.dumps(
            {"kind": "WasmPlugin", "metadata": {"name": "other"}, "spec": {"pluginName": "other", "url": "oci://x/other"}}
        )
        report = check(fill_in(render(ISTIO / "overlays" / "prod")) + other, "--prod")
        self.assertEqual((report["diagnostics"], report["passed_over"]), ([], ["WasmPlugin/other"]))


if __name__ == "__main__":
    unittest.main()
