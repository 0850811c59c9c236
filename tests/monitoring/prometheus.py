"""A Prometheus process that scrapes an Envoy, and questions to it."""

import contextlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.parse
import urllib.request

import yaml

from harness import HOST, ROOT, Problem
from harness.envoy import end_with_parent, eventually

RULES = ROOT / "istio" / "monitoring" / "rules.yaml"
UNPACKED = ROOT / ".tools" / "prometheus" / "usr" / "bin"
SCRATCH = ROOT / "target" / "prometheus"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def program(name):
    """`prometheus` or `promtool`: what is on PATH, or what set-up unpacked."""
    found = shutil.which(name) or shutil.which(name, path=UNPACKED)
    if not found:
        raise Problem(f"there is no {name}: run tests/setup/prometheus.sh first")
    return found


def hurried(text, factor):
    """PromQL or rules in which every duration is `factor` times shorter, but not below four seconds."""

    def shorter(found):
        seconds = int(found[1]) * SECONDS[found[2]]
        return f"{max(4, round(seconds / factor))}s"

    return re.sub(r"(?<=[\[ ])(\d+)([smhd])(?=[\]\s)])", shorter, text)


def scrape_job():
    """The job that users put into their own Prometheus."""
    return yaml.safe_load((RULES.parent / "scrape.yaml").read_text())["scrape_configs"][0]


class Prometheus:
    """`with Prometheus({"edge-0": "127.0.0.1:1234"}, rules) as prometheus:`; scrapes and evaluates once a second."""

    def __init__(self, targets, rules=None):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))
        self.port = _free_port()
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"},
            "scrape_configs": [
                {
                    "job_name": "envoy",
                    "metrics_path": "/stats/prometheus",
                    "static_configs": [{"targets": [address], "labels": _discovered(pod)} for pod, address in targets.items()],
                    "relabel_configs": scrape_job()["relabel_configs"],
                }
            ],
        }
        if rules:
            (self.folder / "rules.yaml").write_text(rules)
            config["rule_files"] = ["rules.yaml"]
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self._process = None

    def __enter__(self):
        words = [
            program("prometheus"), "--config.file", str(self.folder / "prometheus.yaml"), "--storage.tsdb.path", str(self.folder / "data"),
            "--web.listen-address", f"{HOST}:{self.port}", "--log.level", "warn",
        ]  # fmt: skip
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
        if not eventually(self._is_ready, 30, 0.1):
            said = (self.folder / "log").read_text()[-2000:]
            self.__exit__()
            raise Problem(f"Prometheus did not get ready; it said: {said}")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, text):
        """An instant vector: pairs of labels and value."""
        return [(each["metric"], float(each["value"][1])) for each in self._get("query", query=text)["result"]]

    def range(self, text, start, end, step):
        """A range vector: pairs of labels and a list of (time, value)."""
        found = self._get("query_range", query=text, start=start, end=end, step=step)["result"]
        return [(each["metric"], [(float(t), float(v)) for t, v in each["values"]]) for each in found]

    def alerts(self):
        """Names of the alerts that fire now, each with its labels and annotations."""
        return {a["labels"]["alertname"]: a for a in self._get("alerts")["alerts"] if a["state"] == "firing"}

    def rule_errors(self):
        """Rules that could not be evaluated, with why."""
        groups = self._get("rules")["groups"]
        return {rule["name"]: rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")}

    def _get(self, path, **parameters):
        url = f"http://{HOST}:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"Prometheus refuses {parameters}: {error.read().decode()[:500]}") from None

    def _is_ready(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://{HOST}:{self.port}/-/ready", timeout=2).status == 200


def _discovered(pod):
    """What Kubernetes would say of the pod, apart from its address."""
    meta = "__meta_kubernetes_"
    return {
        meta + "namespace": "shop",
        meta + "pod_name": pod,
        meta + "pod_container_name": "istio-proxy",
        meta + "pod_container_port_name": "http-envoy-prom",
    }


def _free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
