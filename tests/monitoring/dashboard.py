"""`make dashboard`: runs every query of istio/monitoring/dashboard.json against a real Prometheus that scrapes real
Envoys, and draws the panels as they answer, into target/dashboard.png.

Durations are thirty times shorter than in the file. A query that is refused, or that nobody ever answers, is a failure.
"""

import json
import sys
import time

import matplotlib

from harness import MODULE, ROOT, Problem
from harness.binaries import one_to_run
from harness.envoy import require_module
from monitoring.prometheus import RULES, Prometheus, hurried
from monitoring.scene import Scene

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402 (the line above comes first)

FILE = ROOT / "istio" / "monitoring" / "dashboard.json"
PICTURE = ROOT / "target" / "dashboard.png"
FACTOR, QUIET_S, TROUBLE_S = 30, 60, 75


def main():
    require_module(MODULE)
    panels = [panel for panel in json.loads(FILE.read_text())["panels"] if panel["type"] != "row"]
    with Scene(one_to_run()) as scene:
        scene.add_broken()
        with Prometheus(scene.targets(), hurried(RULES.read_text(), FACTOR)) as prometheus:
            began = time.time()
            time.sleep(QUIET_S)
            scene.provoke()
            time.sleep(TROUBLE_S)
            answers = [(panel, [answer(prometheus, target, began) for target in panel["targets"]]) for panel in panels]
    draw(answers, began)
    count = sum(len(targets) for _, targets in answers)
    silent = [f"{panel['title']}: {expr}" for panel, targets in answers for expr, series in targets if not series]
    for text in silent:
        print(f"  no answer to {text}")
    print(f"{count - len(silent)} passed, {len(silent)} failed; drawn into {PICTURE.relative_to(ROOT)}")
    return 1 if silent else 0


def answer(prometheus, target, began):
    """The query as it was sent, and pairs of legend and points."""
    expr = hurried(target["expr"].replace("$namespace", ".*").replace("$workload", ".*"), FACTOR)
    found = prometheus.range(expr, began, time.time(), 1)
    return expr, [(legend(target["legendFormat"], labels), points) for labels, points in found]


def legend(form, labels):
    """Grafana's legend of a series."""
    for name, value in labels.items():
        form = form.replace("{{%s}}" % name, value)
    return form


def draw(answers, began):
    rows = -(-len(answers) // 3)
    figure, axes = plot.subplots(rows, 3, figsize=(21, 3.6 * rows), constrained_layout=True)
    for place, (panel, targets) in zip(axes.flat, answers):
        for _, series in targets:
            for name, points in series:
                place.plot([(t - began) * FACTOR / 60 for t, _ in points], [value for _, value in points], label=name, linewidth=1.4)
        place.set_title(f"{panel['title']}  [{panel['fieldConfig']['defaults']['unit']}]", fontsize=10, loc="left")
        place.set_ylim(bottom=0)
        place.tick_params(labelsize=7)
        place.grid(alpha=0.3)
        if place.get_legend_handles_labels()[0]:
            place.legend(fontsize=6, loc="upper left", ncols=2)
    for place in list(axes.flat)[len(answers) :]:
        place.axis("off")
    figure.suptitle(f"backstop, {QUIET_S} s of quiet and {TROUBLE_S} s of trouble shown as minutes (x{FACTOR})", fontsize=11)
    figure.savefig(PICTURE, dpi=75)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(f"dashboard: {problem}")
