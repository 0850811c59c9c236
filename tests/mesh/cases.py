"""What happens when: the cases of the tour, in their order. Each begins with the first image filtering at the gateway and leaves it so."""

import hashlib
import json

from harness import HOST, MODULE, Problem
from harness.envoy import eventually
from mesh.scene import APPLICATION_PORT, ATTACK, HARMLESS, SIDECAR_ADDRESS, VOLUME, Traffic, ask, behaviour

FILTERS = "harmless 200, attack 403 by backstop"
OPEN = "harmless 200, attack 200"
CLOSED = "harmless 403 by Istio, attack 403 by Istio"
BROKEN = "harmless 500, attack 500"
NOBODY_FAILED = "0 requests failed"
UNKNOWN_FIELD = {"limitz": []}
REJECTED = "backstop_config_loads_rejected"


def first_steps(scene, see):
    """The prod overlay, with one's own address and digest, at the gateway and beside an application."""
    text = scene.apply()
    see("prod overlay, gateway", FILTERS, behaviour)
    see("what `backstop check --prod` says of it", "accepted", lambda: verdict(scene, text, "--prod"))
    see("access log of the attack", "backstop{sqli:", lambda: logged(scene, "response_code_details"), holds=lambda seen, wanted: wanted in seen)
    scene.api.apply(scene.manifest(components=["sidecar"], namespace="shop"))
    see("prod overlay with the component sidecar", FILTERS, lambda: behaviour(address=SIDECAR_ADDRESS, port=APPLICATION_PORT))
    see("both run the image of the digest", scene.digests["first"][:12], lambda: running(scene.gateway, scene.sidecar))


def image_not_to_be_had(scene, see):
    """The agent cannot fetch what the plugin names, while a good filter runs."""
    before = scene.gateway.failed_fetches()
    scene.apply(sha256="1" * 64)
    see("wrong digest", CLOSED, behaviour)
    see("what the agent counts", "checksum_mismatched", lambda: risen(before, scene.gateway.failed_fetches()))
    see("access log of it", "rbac_access_denied_matched_policy[none]", lambda: logged(scene, "response_code_details"))
    repair(scene, see)
    text = scene.apply(sha256=hashlib.sha256(MODULE.read_bytes()).hexdigest())
    see("checksum of the wasm file instead of the manifest's digest", CLOSED, behaviour)
    see("what `backstop check --module` says of it", "refused", lambda: verdict(scene, text, "--module", str(MODULE)))
    repair(scene, see)
    before = scene.gateway.failed_fetches()
    scene.apply(url=scene.url("late"), sha256=scene.digests["second"])
    see("image that is not there", CLOSED, behaviour)
    see("what the agent counts", "manifest_failure", lambda: risen(before, scene.gateway.failed_fetches()))
    scene.push("second", "late")
    see("and pushed afterwards: nobody tries again", CLOSED, behaviour, steady_s=5)
    scene.api.kubectl("annotate", "wasmplugin", "backstop", "--namespace=istio-ingress", "backstop/touched=1")
    see("until the plugin changes, if only an annotation", FILTERS, behaviour)
    repair(scene, see)
    scene.apply(overlay="dev", url=scene.url("missing"))
    see("image that is not there, dev overlay (FAIL_OPEN)", OPEN, behaviour)
    see("and no module runs", "", lambda: running(scene.gateway))
    repair(scene, see)


def registry_down(scene, see):
    """Who needs the registry, and who does not."""
    scene.registry.kill()
    try:
        see("registry down: the running gateway", FILTERS, behaviour)
        accepted = config_loads(scene)
        scene.apply(config={"threshold": 6})
        see("and a new config for it", "taken", lambda: "taken" if config_loads(scene) > accepted else "not yet")
        see("with which it goes on", FILTERS, behaviour)
        scene.gateway.replace()
        see("and a new pod", CLOSED, behaviour)
        see("whose readiness says", "ready", lambda: readiness(scene))
    finally:
        scene.registry.start()
    see("registry back: the new pod does not try again", CLOSED, behaviour, steady_s=5)
    repair(scene, see)


def bad_config(scene, see):
    """A pluginConfig that the filter refuses, which neither the API server nor istiod looks into."""
    before, counted = scene.refusals(), scene.gateway.counter(REJECTED)
    text = scene.apply(config=UNKNOWN_FIELD)
    see("bad pluginConfig: what `backstop check` says of it", "refused", lambda: verdict(scene, text))
    see("a running gateway refuses it", "refused", lambda: "refused" if scene.refusals() > before else "not yet")
    see("and counts it", "counted", lambda: "counted" if scene.gateway.counter(REJECTED) > counted else "not yet")
    see("and goes on with the config before", FILTERS, behaviour, steady_s=2)
    scene.gateway.replace()
    see("a new pod with it", BROKEN, behaviour)
    see("access log of it", "NFCF", lambda: logged(scene, "response_flags"))
    see("whose readiness says", "ready", lambda: readiness(scene))
    scene.apply(config=UNKNOWN_FIELD, failStrategy="FAIL_OPEN")
    scene.gateway.replace()
    see("a new pod with it and FAIL_OPEN", BROKEN, behaviour)
    repair(scene, see)


def upgrade_and_roll_back(scene, see):
    """Another module, and the one before, under requests."""
    with Traffic() as traffic:
        scene.apply("second")
        see("upgrade: the gateway runs the second image", scene.digests["second"][:12], lambda: running(scene.gateway))
        see("and filters", FILTERS, behaviour)
        scene.registry.kill()
        try:
            scene.apply("first")
            see("roll back, registry down: the first image again", scene.digests["first"][:12], lambda: running(scene.gateway))
        finally:
            scene.registry.start()
        see("and filters", FILTERS, behaviour)
    see(f"harmless requests meanwhile ({traffic.sent})", NOBODY_FAILED, lambda: failures(traffic))


def pushed_again(scene, see):
    """A tag that means another image now."""
    scene.push("first", "moving")
    scene.apply("first", overlay="staging", url=scene.url("moving"))
    see("tag without a digest (staging overlay)", FILTERS, behaviour, steady_s=2)
    scene.push("second", "moving")
    scene.apply("first", overlay="staging", url=scene.url("moving"), config={"threshold": 6})
    see("re-pushed tag, IfNotPresent, new config: the module stays", scene.digests["first"][:12], lambda: running(scene.gateway), steady_s=4)
    scene.apply("first", overlay="staging", url=scene.url("moving"), config={"threshold": 6}, imagePullPolicy="Always")
    see("and with Always: the new one", scene.digests["second"][:12], lambda: running(scene.gateway))
    repair(scene, see)


def dropped_by_istiod(scene, see):
    """What istiod takes and then ignores."""
    text = scene.apply(url=scene.url("first").removeprefix("oci://"))
    see("url without oci://, host with a port", OPEN, behaviour)
    see("what `backstop check` says of it", "refused", lambda: verdict(scene, text))
    scene.apply(url=f"{HOST}/backstop:first")
    see("url without oci://, host without a port: taken as oci://", FILTERS, behaviour)
    repair(scene, see)
    text = scene.manifest(sha256="1" * 64).replace('"' + "1" * 64 + '"', "1" * 64)
    see("sha256 of digits alone without quotes: the API server", "refused", lambda: applied(scene, text))


def rotate_the_origin_secret(scene, see):
    """The two digests of a rotation, under requests that carry first the old and then the new secret."""
    old, new = "old-secret-of-the-edge", "new-secret-of-the-edge"
    digests = {secret: hashlib.sha256(secret.encode()).hexdigest() for secret in (old, new)}

    def accept(*secrets):
        accepted = config_loads(scene)
        scene.apply(components=["cloudfront"], config={"origin/sha256": [digests[secret] for secret in secrets]})
        eventually(lambda: config_loads(scene) > accepted, 20, 0.1)

    accept(old)
    see("origin check: without the secret", "403 by backstop", lambda: ask(HARMLESS))
    with Traffic({"x-origin-verify": old}) as traffic:
        see("and with it", "200", lambda: ask(HARMLESS, headers=traffic.headers))
        accept(old, new)
        see("second digest added: the new secret passes", "200", lambda: ask(HARMLESS, headers={"x-origin-verify": new}))
        traffic.headers = {"x-origin-verify": new}
        see("CloudFront sends the new one", "200", lambda: ask(HARMLESS, headers=traffic.headers), steady_s=2)
        accept(new)
        see("first digest removed: the old secret is refused", "403 by backstop", lambda: ask(HARMLESS, headers={"x-origin-verify": old}))
    see(f"harmless requests meanwhile ({traffic.sent})", NOBODY_FAILED, lambda: failures(traffic))
    repair(scene, see)


def switched_off(scene, see):
    """The two ways out."""
    scene.apply(config={"mode": "off"})
    see('mode: "off"', OPEN, behaviour)
    repair(scene, see)
    scene.api.kubectl("delete", "wasmplugin", "backstop", "--namespace=istio-ingress")
    see("plugin deleted", OPEN, behaviour)
    repair(scene, see)


def variants(scene, see):
    """Components that change how the filter gets into the gateway."""
    see("attack in a body, WasmPlugin", "403 by backstop; the application saw headers and 0 bytes", lambda: body_attack(scene))
    scene.apply(components=["image-volume"], url=f"file://{VOLUME}", sha256="")
    see("component image-volume: the agent's module runs no more", "", lambda: running(scene.gateway))
    see("but the volume's", FILTERS, behaviour)
    replaced = "wasmplugin"
    for component, kind in (("traffic-extension", "trafficextension"), ("hold-headers", "envoyfilter")):
        scene.api.kubectl("delete", replaced, "backstop", "--namespace=istio-ingress")
        see(f"{replaced} deleted", OPEN, behaviour)
        scene.apply(components=[component])
        see(f"component {component}", FILTERS, behaviour)
        replaced = kind
    see("attack in a body", "403 by backstop; the application saw nothing", lambda: body_attack(scene))
    scene.api.kubectl("delete", replaced, "backstop", "--namespace=istio-ingress")
    see(f"{replaced} deleted", OPEN, behaviour)
    repair(scene, see)


CASES = [
    first_steps, image_not_to_be_had, registry_down, bad_config, upgrade_and_roll_back, pushed_again, dropped_by_istiod,
    rotate_the_origin_secret, switched_off, variants,
]  # fmt: skip


def repair(scene, see):
    """Back to the first image."""
    scene.apply()
    see("put right", FILTERS, behaviour)


def verdict(scene, text, *options):
    return "accepted" if scene.check(text, *options) else "refused"


def readiness(scene):
    return "ready" if scene.gateway.is_ready() else "not ready"


def running(*proxies):
    """The beginnings of the digests of the images that run."""
    return " ".join(sorted({module[:12] for proxy in proxies for module in proxy.modules()}))


def config_loads(scene):
    return scene.gateway.counter("backstop_config_loads_accepted")


def failures(traffic):
    return f"{len(traffic.failed)} requests failed" + (f" ({traffic.failed[0]})" if traffic.failed else "")


def logged(scene, field):
    """What the gateway's access log says in a field of the last request, which is an attack."""
    ask(ATTACK)
    found = [line for line in scene.gateway.log_lines() if line.startswith("{") and "response_code_details" in line]
    return json.loads(found[-1])[field] if found else "nothing"


def risen(before, after):
    return " ".join(sorted(name for name, count in after.items() if count > before.get(name, 0)))


def body_attack(scene):
    """Who answers an attack in a body, and what of it went upstream."""
    scene.upstream.take()
    answer = ask("/tickets", form=ATTACK.partition("?")[2])
    got = scene.upstream.take()
    return f"{answer}; the application saw " + (f"headers and {got[0].body_bytes} bytes" if got else "nothing")


def applied(scene, text):
    try:
        scene.api.apply(text)
    except Problem as problem:
        return "refused" if "sha256" in str(problem) else str(problem)
    return "accepted"
