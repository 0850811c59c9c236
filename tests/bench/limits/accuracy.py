"""How near to its rate a limit admits, and what that costs, beside Envoy's own local rate limit."""

import statistics

from bench.limits.steady import Load
from bench.load import cpu_seconds
from bench.scenarios import recorded
from harness.bootstrap import TYPE, Listener
from harness.envoy import Envoy

RATE = BURST = 200
TIMES, WORKERS = (2, 10), (1, 4)
LOCAL = TYPE + "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
FAMILIES = (
    "sqli xss path-traversal command-injection ldap-injection xxe ssrf log4shell header-injection bot-scanner "
    "php java node template nosql rfi"
).split()
LIMITS = {"limits": [{"name": "whole-proxy", "key": [], "rate": f"{RATE}/s", "burst": BURST}]}
PER_CLIENT = {"limits": [{"name": "per-client", "key": ["client"], "rate": f"{RATE}/s", "burst": BURST}]}


def local_ratelimit():
    """Envoy's own filter, with the same bucket."""
    always = {"runtime_key": "always", "default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    bucket = {"max_tokens": BURST, "tokens_per_fill": RATE, "fill_interval": "1s"}
    config = {"@type": LOCAL, "stat_prefix": "local", "token_bucket": bucket, "filter_enabled": always, "filter_enforced": always}
    return {"name": "envoy.filters.http.local_ratelimit", "typed_config": config}


VARIANTS = {
    "Envoy's local_ratelimit": Listener(None, filters=[local_ratelimit()]),
    "backstop, limit alone": Listener({**LIMITS, "rules": {"families": {name: "off" for name in FAMILIES}}}),
    "backstop, limit by client, all rules": Listener(PER_CLIENT),
}


def measure(binary, seconds, say):
    """The section of the report, as lines."""
    rows, costs = [], {}
    with Envoy(binary, {"main": Listener(None, answer="ok")}, 9) as application:
        for workers in WORKERS:
            for times in TIMES:
                for name, listener in VARIANTS.items():
                    with Envoy(binary, {"main": listener}, application.ports["main"], concurrency=workers) as envoy:
                        row = run(envoy, times, seconds)
                    costs.setdefault((workers, times), []).append(row["cpu_us"])
                    ratio = row["cpu_us"] / costs[workers, times][0]
                    rows.append(
                        f"| {workers} | {times} x | {name} | {row['offered']:,} | {row['admitted']:,} | {row['expected']:,.0f} "
                        f"| {row['error']:+.2%} | {row['cpu_us']:.0f} us | {ratio:.2f} |"
                    )
                    say(f"accuracy {len(rows)}/{len(VARIANTS) * len(WORKERS) * len(TIMES)}: {rows[-1]}")
    ratios = [values[2] / values[0] for values in costs.values()]
    return [
        f"A bucket of {RATE} a second and a burst of {BURST}, {seconds} s of browser-like requests from one client at a steady rate.",
        "Promised is rate x time + burst. CPU is that of the Envoy process for each request, admitted or refused. Requests are those",
        "that were really offered: a machine that is busy makes fewer.",
        "",
        "| workers | offered | limit | requests | admitted | promised | off by | CPU a request | x local_ratelimit |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        f"backstop with all its rules costs {statistics.median(ratios):.2f} x Envoy's own limit a request (median of the above).",
    ]


def run(envoy, times, seconds):
    """One run: the answers, against what was promised in the time that they took."""
    _, target, headers, _ = recorded("browser-get")
    before = cpu_seconds(envoy.pid())
    answers = Load(envoy.ports["main"], RATE * times, seconds, headers, target).answers()
    spent = cpu_seconds(envoy.pid()) - before
    admitted = sum(status == 200 for _, status in answers)
    expected = BURST + RATE * (answers[-1][0] - answers[0][0])
    return {
        "offered": len(answers),
        "admitted": admitted,
        "expected": expected,
        "error": admitted / expected - 1,
        "cpu_us": spent / len(answers) * 1e6,
    }
