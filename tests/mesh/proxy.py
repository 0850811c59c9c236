"""Istio's agent with Envoy, as it is in a gateway's pod and beside an application; each with a /var/lib of its own."""

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

import yaml

from harness import HOST, Problem
from harness.envoy import eventually
from harness.server import Server
from mesh.control import BIN, HOME

ISTIO_UID = 1337  # the user and group of Istio's own containers


class Proxy(Server):
    """One pod's istio-proxy. `ports` is the first of its own ports: status, readiness, Prometheus, admin."""

    wait_s = 60

    def __init__(self, role, binary, *, name, namespace, labels, address, ports, registry):
        super().__init__(name, ports)
        self._role, self._binary, self._address, self._registry = role, binary, address, registry
        self._name, self._namespace, self._labels = name, namespace, labels
        self.ready, self.prometheus, self.admin = ports + 1, ports + 2, ports + 3

    def _words(self):
        agent = f"{BIN}/pilot-agent proxy {self._role} --domain={self._namespace}.svc.cluster.local --proxyLogLevel=warning,wasm:info --log_output_level=default:info,wasm:debug"
        # The agent keeps modules in /var/lib/istio/data, wherever it runs.
        script = f"mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/istio/data && exec setpriv --regid {ISTIO_UID} --clear-groups {agent}"
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]

    def _environment(self):
        config = {
            "configPath": "./etc/istio/proxy",
            "binaryPath": self._binary.command[0],
            "discoveryAddress": f"{HOST}:15010",
            "controlPlaneAuthPolicy": "NONE",
            "proxyAdminPort": self.admin,
            "statusPort": self.port,
            "concurrency": 1,
            "drainDuration": "2s",
            "terminationDrainDuration": "1s",
        }
        ours = {
            "POD_NAME": f"{self._name}-0", "POD_NAMESPACE": self._namespace, "INSTANCE_IP": self._address, "HOST_IP": HOST,
            "SERVICE_ACCOUNT": self._name, "ISTIO_META_CLUSTER_ID": "Kubernetes", "ISTIO_META_NAMESPACE": self._namespace,
            "ISTIO_META_WORKLOAD_NAME": self._name, "ISTIO_METAJSON_LABELS": json.dumps(self._labels), "CLOUD_PLATFORM": "none",
            "CA_ADDR": f"{HOST}:15010", "FILE_MOUNTED_CERTS": "true", "ENVOY_STATUS_PORT": str(self.ready),
            "ENVOY_PROMETHEUS_PORT": str(self.prometheus), "WASM_INSECURE_REGISTRIES": self._registry,
            "ISTIO_BOOTSTRAP": str(HOME / "envoy_bootstrap.json"), "PROXY_CONFIG": yaml.safe_dump(config),
        }  # fmt: skip
        return {**os.environ, **ours}

    def start(self):
        """Starts the pod, and returns when it is ready by its own account."""
        super().start()
        if not eventually(self.is_ready, self.wait_s, 0.1):
            raise Problem(f"{self._name} did not get ready; its last words:\n" + "\n".join(self.log_lines()[-8:]))

    def kill(self):
        """Ends agent and Envoy at once."""
        if self._process:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()

    def replace(self):
        """A new pod in place of this one: it has fetched nothing yet."""
        self.kill()
        subprocess.run(["rm", "-rf", self.folder / "etc"], check=True)
        self.start()

    def is_ready(self):
        """What a kubelet is told."""
        return self._ask(self.ready, "/healthz/ready") is not None

    def failed_fetches(self):
        """How often the agent could not fetch a module, by what was wrong."""
        text = self._ask(self.port, "/stats/prometheus") or ""
        found = dict(re.findall(r'^istio_agent_wasm_remote_fetch_count\{result="(\w+)"\} (\d+)$', text, re.M))
        return {name: int(count) for name, count in found.items() if name != "success"}

    def counter(self, name):
        """The sum of a counter of the filter's."""
        text = self._ask(self.port, "/stats/prometheus") or ""
        return sum(int(float(count)) for count in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.M))

    def modules(self):
        """The digests of the images whose modules Envoy runs: the agent names files by them."""
        text = self._ask(self.admin, "/config_dump?resource=ecds_filters") or ""
        return set(re.findall(r"/var/lib/istio/data/\w+/(\w+)\.wasm", text))

    @staticmethod
    def _ask(port, path):
        try:
            return urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5).read().decode()
        except (urllib.error.URLError, OSError):
            return None
