"""The mesh of the tour: a gateway and a sidecar with an application behind each, and images of the filter in a registry."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

from harness import HOST, MODULE, ROOT
from harness.registry import Registry, build_image
from harness.upstream import Upstream
from manifests.render import render
from mesh.control import ApiServer, Etcd, Istiod
from mesh.proxy import ISTIO_UID, Proxy

SCRATCH = ROOT / "target" / "mesh"
GATEWAY_PORT = 18080
SIDECAR_ADDRESS, APPLICATION_PORT = "127.0.0.2", 8080
VOLUME = pathlib.Path("/var/local/lib/backstop/plugin.wasm")  # where gateway-values.yaml mounts the image
HARMLESS, ATTACK = "/tickets?q=concert", "/tickets?q=1+union+select+password+from+users"

# Routes to the application behind the gateway, and the pod that the sidecar is in: what a user has already.
APPLICATIONS = """
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: tickets, namespace: istio-ingress}, spec: {
  hosts: [tickets.internal], resolution: STATIC, location: MESH_EXTERNAL, ports: [{number: 80, name: http, protocol: HTTP}],
  endpoints: [{address: 127.0.0.1, ports: {http: %(upstream)d}}]}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: edge, namespace: istio-ingress}, spec: {
  selector: {istio: ingressgateway}, servers: [{hosts: ["*"], bind: 127.0.0.1, port: {number: %(gateway)d, name: http, protocol: HTTP}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: tickets, namespace: istio-ingress}, spec: {
  hosts: ["*"], gateways: [edge], http: [{route: [{destination: {host: tickets.internal, port: {number: 80}}}]}]}}
---
{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: shop, namespace: shop}, spec: {
  address: %(pod)s, labels: {app.kubernetes.io/name: shop}, serviceAccount: shop}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: shop, namespace: shop}, spec: {
  hosts: [shop.internal], resolution: STATIC, location: MESH_INTERNAL, workloadSelector: {labels: {app.kubernetes.io/name: shop}},
  ports: [{number: 8080, name: http, protocol: HTTP}]}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: shop}, spec: {mtls: {mode: DISABLE}}}
"""


class Scene:
    """`with Scene(binary) as scene:` everything runs, and no plugin is applied yet."""

    def __init__(self, binary):
        self.binary = binary

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        with self._stack:
            enter = self._stack.enter_context
            self.upstream = enter(Upstream())
            enter(Upstream(host=SIDECAR_ADDRESS, port=APPLICATION_PORT))
            self.registry = enter(Registry(port=80))  # an address without a port means this one
            self._mount_volume()
            self.digests = {tag: self._push(tag) for tag in ("first", "second")}
            print("  etcd and the API server", flush=True)
            self.api = enter(ApiServer(enter(Etcd())))
            print("  istiod", flush=True)
            self.istiod = enter(Istiod(self.api))
            self.api.apply(
                APPLICATIONS % {"upstream": self.upstream.port, "gateway": GATEWAY_PORT, "pod": SIDECAR_ADDRESS}
            )
            print("  a gateway", flush=True)
            common = {"binary": self.binary, "registry": self.registry.address}
            self.gateway = enter(
                Proxy("router", name="edge", namespace="istio-ingress", labels={"istio": "ingressgateway"}, address=HOST, ports=15020, **common)
            )
            print("  a sidecar, behind iptables", flush=True)
            # As istio-init does in a pod: what comes for the application goes to Envoy, but not what Envoy sends on.
            subprocess.run(
                f"iptables -t nat -A OUTPUT -o lo -p tcp -d {SIDECAR_ADDRESS} --dport {APPLICATION_PORT} "
                f"-m owner ! --gid-owner {ISTIO_UID} -j REDIRECT --to-ports 15006".split(),
                check=True,
            )
            labels = {"app.kubernetes.io/name": "shop", "app": "shop"}
            self.sidecar = enter(
                Proxy("sidecar", name="shop", namespace="shop", labels=labels, address=SIDECAR_ADDRESS, ports=15120, **common)
            )
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    @staticmethod
    def _mount_volume():
        """What the kubelet does with an image volume, for this program and its children only."""
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", VOLUME.parents[2]], check=True)
        VOLUME.parent.mkdir(parents=True)
        shutil.copy(MODULE, VOLUME)

    def _push(self, tag):
        """An image of the module under a tag, pushed as users do it. The second module differs from the first by a custom section,
        which does nothing."""
        folder = SCRATCH / tag
        folder.mkdir(parents=True, exist_ok=True)
        module = folder / "backstop.wasm"
        module.write_bytes(MODULE.read_bytes() + (b"" if tag == "first" else b"\0\x08\x07release"))
        digest = build_image(folder, module, SOURCE_DATE_EPOCH="1790000000")
        self.push(tag, tag)
        return digest.removeprefix("sha256:")

    def push(self, which, tag):
        """Puts an image under a tag."""
        words = ["crane", "push", SCRATCH / which / "image", f"{self.registry.address}/backstop:{tag}"]
        path = f"{ROOT / '.tools' / 'bin'}:{os.environ['PATH']}"
        subprocess.run(words, check=True, capture_output=True, env={**os.environ, "PATH": path})

    def url(self, tag):
        """Where the image of a tag is."""
        return f"oci://{self.registry.address}/backstop:{tag}"

    def manifest(self, tag="first", *, sha256=None, url=None, overlay="prod", components=(), namespace="istio-ingress", config=None, **spec):
        """An overlay with one's own address and digest, as somebody would compose it in a repository of their own."""
        spec = {"url": url or self.url(tag), **spec}
        if overlay == "prod":
            spec["sha256"] = self.digests[tag] if sha256 is None else sha256
        changes = [{"op": "add", "path": f"/spec/{name}", "value": value} for name, value in spec.items()]
        changes += [{"op": "add", "path": f"/spec/pluginConfig/{name}", "value": value} for name, value in (config or {}).items()]
        moved = [change | {"path": change["path"].replace("/spec", "/spec/wasm", 1)} for change in changes]
        folder = SCRATCH / "composed"
        folder.mkdir(parents=True, exist_ok=True)
        top = os.path.relpath(ROOT / "istio", folder)
        kustomization = {
            "namespace": namespace,
            "resources": [f"{top}/overlays/{overlay}"],
            "components": [f"{top}/components/{name}" for name in components],
            "patches": [
                {"target": {"kind": "WasmPlugin"}, "patch": json.dumps(changes)},
                {"target": {"kind": "TrafficExtension"}, "patch": json.dumps(moved)},
            ],
        }
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization))  # JSON is YAML
        return render(folder)

    def apply(self, tag="first", **change):
        """Applies that to the gateway. Returns the text."""
        text = self.manifest(tag, **change)
        self.api.apply(text)
        return text

    def check(self, text, *options):
        """Whether `backstop check` would have let it through."""
        program = ROOT / "target" / "debug" / "backstop"
        return subprocess.run([program, "check", *options, "-"], input=text, capture_output=True, text=True, check=False).returncode == 0

    def refusals(self):
        """How often a proxy has refused a filter's config, by istiod's account."""
        return sum("ADS:ECDS: ACK ERROR" in line for line in self.istiod.log_lines())


def ask(target, *, address=HOST, port=GATEWAY_PORT, headers=None, form=None):
    """Who answered a request, and how. With a form it is a POST, whose body comes a little after its headers."""
    link = http.client.HTTPConnection(address, port, timeout=10)
    try:
        of_form = {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(form))} if form else {}
        link.request("POST" if form else "GET", target, headers={**of_form, **(headers or {})})
        if form:
            time.sleep(0.2)
            link.send(form.encode())
        answer = link.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        link.close()
    if answer.status == 403:
        return "403 by backstop" if b"Request blocked" in body else "403 by Istio" if body.startswith(b"RBAC") else "403"
    return str(answer.status)


def behaviour(**where):
    """What a harmless request and an attack get."""
    return f"harmless {ask(HARMLESS, **where)}, attack {ask(ATTACK, **where)}"


class Traffic:
    """`with Traffic() as traffic:` harmless requests all the while, and a count of those that were not answered with 200."""

    def __init__(self, headers=None):
        self.headers, self.sent, self.failed = headers, 0, []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(0.025):  # below the overlay's limit of 50 a second
            answer = ask(HARMLESS, headers=self.headers)
            self.sent += 1
            if answer != "200":
                self.failed.append(answer)
