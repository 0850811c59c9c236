"""The control plane: etcd, Kubernetes' API server and istiod, each a process on loopback, and kubectl to talk to it."""

import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import urllib.request

import yaml

from harness import HOST, ROOT, Problem
from harness.envoy import eventually
from harness.server import Server

BIN = ROOT / ".tools" / "bin"
HOME = ROOT / ".tools" / "mesh"
ETCD = HOME / "etcd" / "usr" / "bin"
KUBECTL = pathlib.Path(sys.executable).parent / "kubectl"
TOKEN = "of-nobody"  # the API server is in a network of its own
NAMESPACES = ["istio-system", "istio-ingress", "shop"]


class Etcd(Server):
    """Where the API server keeps what it knows."""

    def __init__(self):
        super().__init__("etcd")
        self._program = shutil.which("etcd") or str(ETCD / "etcd")

    def _words(self):
        client, peer = f"http://{HOST}:{self.port}", f"http://{HOST}:12380"
        return [
            self._program, "--data-dir", "data", "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            "--log-level", "error",
        ]  # fmt: skip


class ApiServer(Server):
    """Kubernetes' API server, with the custom resources of Istio."""

    wait_s = 120

    def __init__(self, etcd):
        super().__init__("apiserver")
        self._etcd = etcd
        (self.folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
        for words in (["genrsa", "-out", "sa.key", "2048"], ["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"]):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
        self.kubeconfig = self.folder / "kubeconfig"
        named = [
            ("clusters", "cluster", {"server": f"https://{HOST}:{self.port}", "insecure-skip-tls-verify": True}),
            ("users", "user", {"token": TOKEN}),
            ("contexts", "context", {"cluster": "mesh", "user": "mesh"}),
        ]
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "mesh"}
        self.kubeconfig.write_text(json.dumps(config | {plural: [{"name": "mesh", one: value}] for plural, one, value in named}))

    def _words(self):
        return [
            str(BIN / "kube-apiserver"), f"--etcd-servers=http://{HOST}:{self._etcd.port}", f"--bind-address={HOST}",
            f"--secure-port={self.port}", f"--advertise-address={HOST}", "--endpoint-reconciler-type=none", "--cert-dir=certs",
            "--service-account-key-file=sa.pub", "--service-account-signing-key-file=sa.key",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.99.0.0/24",
            "--token-auth-file=tokens.csv", "--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount",
        ]  # fmt: skip

    def start(self):
        super().start()
        if not eventually(self._is_ready, self.wait_s, 0.2):
            raise Problem("the API server did not get ready; its last words:\n" + "\n".join(self.log_lines()[-8:]))
        self.kubectl("apply", "--server-side", "--filename", HOME / "crds.yaml")
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        self.apply("\n---\n".join(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}}) for n in NAMESPACES))

    def kubectl(self, *words, text=None):
        """What kubectl prints. A refusal is a `Problem` with its words."""
        command = [KUBECTL, "--kubeconfig", self.kubeconfig, *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Problem(done.stderr.strip())
        return done.stdout

    def apply(self, text):
        """Applies manifests as Argo CD would."""
        return self.kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", text=text)

    def _is_ready(self):
        asked = urllib.request.Request(f"https://{HOST}:{self.port}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            return urllib.request.urlopen(asked, context=context, timeout=5).status == 200
        except OSError:
            return False


class Istiod(Server):
    """Istio's control plane. What is switched off needs certificates, or filters that only Istio's own Envoy has."""

    wait_s = 60

    def __init__(self, api):
        super().__init__("istiod", 15010)
        self._api = api
        ours = yaml.safe_load((ROOT / "istio" / "istiod-values.yaml").read_text())["meshConfig"]  # what users merge into theirs
        mesh = ours | {
            "trustDomain": "cluster.local",
            "rootNamespace": "istio-system",
            "enableAutoMtls": False,
            "enableTracing": False,
            "configSources": [{"address": "k8s://"}],
            "defaultConfig": {"discoveryAddress": f"{HOST}:{self.port}", "controlPlaneAuthPolicy": "NONE"},
        }
        (self.folder / "mesh.yaml").write_text(json.dumps(mesh))

    def _words(self):
        return [
            str(BIN / "pilot-discovery"), "discovery", "--registries=", f"--kubeconfig={self._api.kubeconfig}", "--meshConfig=mesh.yaml",
            f"--grpcAddr={HOST}:{self.port}", f"--httpAddr={HOST}:15080", "--httpsAddr=", "--secureGRPCAddr=",
            f"--monitoringAddr={HOST}:15014", f"--ctrlz_address={HOST}", "--ctrlz_port=0",
        ]  # fmt: skip

    def _environment(self):
        ours = {
            "POD_NAMESPACE": "istio-system", "POD_NAME": "istiod-local", "CLUSTER_ID": "Kubernetes", "ENABLE_CA_SERVER": "false",
            "PILOT_CERT_PROVIDER": "none", "PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false",
            "VALIDATION_WEBHOOK_CONFIG_NAME": "", "INJECTION_WEBHOOK_CONFIG_NAME": "",
        }  # fmt: skip
        return {**os.environ, **ours}
