"""A run's figures as a Markdown page, and what they say about each budget."""

import dataclasses
import statistics

from bench.contestants import CONTESTANTS
from bench.scenarios import SCENARIOS

MB = 1e6
BUSY = 0.7  # a load average before the run at which others took part in it
BEGIN, END = "<!-- written by make bench -->\n", "<!-- end -->\n"
MAX_LINEAR_BYTES = 8 << 20


@dataclasses.dataclass
class Budget:
    """A promise, and what was measured."""

    promise: str
    measured: str
    value: float
    limit: float
    at_least: bool = False

    def verdict(self):
        """`met` or `missed`, and by how much."""
        met = self.value >= self.limit if self.at_least else self.value <= self.limit
        off = abs(self.value - self.limit) / self.limit * 100
        if met:
            return f"met, {off:.0f} % to spare" if off >= 0.5 else "met"
        return f"**missed** by {off:.0f} %"


class Figures:
    """Medians of a run."""

    def __init__(self, results):
        self.results = results
        self.samples = results["samples"]

    def of(self, scenario, who, what="cpu_us"):
        """The median of one figure, or None if it was not measured."""
        taken = self.samples.get(scenario, {}).get(who)
        return statistics.median(sample[what] for sample in taken) if taken else None

    def spread(self, scenario, who):
        """Smallest and largest CPU time of the rounds."""
        taken = [sample["cpu_us"] for sample in self.samples[scenario][who]]
        return min(taken), max(taken)

    def added(self, scenario, who):
        """CPU over a bare Envoy in the same round: what else the machine does changes from round to round."""
        pairs = self._rounds(scenario, who)
        return statistics.median(own - bare for own, bare in pairs) if pairs else None

    def added_ratio(self, scenario, who):
        """The same as a multiple of what the bare Envoy used in that round."""
        return statistics.median(own / bare - 1 for own, bare in self._rounds(scenario, who))

    def _rounds(self, scenario, who):
        taken = self.samples.get(scenario, {})
        return [(own["cpu_us"], bare["cpu_us"]) for own, bare in zip(taken.get(who, ()), taken.get("bare", ()))]

    def start(self, who, what="ready_ms"):
        """The median of starts, or None."""
        taken = self.results["starts"].get(who)
        return statistics.median(taken[what]) if taken else None


def budgets(results):
    """Every budget that this run can tell about."""
    figures = Figures(results)
    return [budget for budget in _budgets(figures) if budget]


def _budgets(figures):
    for scenario, limit in (("get", 0.33), ("fresh", 0.33), ("json", 0.8), ("jsonfresh", 0.8)):
        if (added := figures.added(scenario, "backstop")) is not None:
            times = figures.added_ratio(scenario, "backstop")
            yield Budget(f"{SCENARIOS[scenario].label}: adds at most {limit} x bare", f"{times:.2f} x ({added:.1f} us)", times, limit)
    added, lua = figures.added("get", "backstop"), figures.added("get", "lua")
    if added is not None and lua is not None:
        times = lua / max(added, 0.1)
        yield Budget("GET: at least 15 x cheaper than the Lua filter", f"{times:.1f} x", times, 15, at_least=True)
    if (added := figures.added("json64k", "backstop")) is not None:
        speed = SCENARIOS["json64k"].body_bytes / max(added, 0.1)  # bytes per us are MB per s
        yield Budget("64 KB JSON POST: at least 100 MB/s through the VM", f"{speed:.0f} MB/s", speed, 100, at_least=True)
    own, reading = figures.of("upload", "backstop"), figures.of("upload", "reading")
    if own and reading:
        yield Budget("1 MB upload: at most 1.2 x an empty filter that reads the same 128 KB", f"{own / reading:.2f} x", own / reading, 1.2)
    blocked, passed = figures.of("blocked", "backstop"), figures.of("get", "backstop")
    if blocked and passed:
        yield Budget("a blocked request is cheaper than the same one passed", f"{blocked:.1f} us against {passed:.1f} us", blocked, passed)
    if size := figures.results["modules"].get("backstop"):
        yield Budget("module of at most 1.5 MB", f"{size / MB:.2f} MB", size, 1.5 * MB)
    ready, empty = figures.start("backstop"), figures.start("empty")
    if ready and empty:
        yield Budget("ready at most 150 ms after the empty filter", f"{ready - empty:.0f} ms", ready - empty, 150)
    if linear := figures.results.get("linear"):
        (_, before), *_, (requests, after) = linear
        halfway = linear[len(linear) // 2][1]
        grown = "flat" if after == halfway else f"grew by {(after - halfway) >> 10} KB"
        measured = f"{after / (1 << 20):.2f} MiB after {requests:,} requests, {before / (1 << 20):.2f} before; {grown} in the second half"
        yield Budget("linear memory of at most 8 MiB (128 pages) after 1e6 mixed requests", measured, after, MAX_LINEAR_BYTES)
        yield Budget("and flat: nothing gained in the second half", grown, max(after, halfway), halfway)


def page(results):
    """The whole page."""
    figures = Figures(results)
    parts = [
        "# What backstop costs\n\nWritten by `make bench`; `raw.json` has every round.\n",
        _conditions(results),
        "## Budgets\n\n" + _verdicts(results),
    ]
    if figures.samples:
        parts += [
            "![CPU for each request](cost.svg)\n",
            "## CPU of the Envoy process for each request, us (smallest to largest round)\n\n" + _costs(figures),
            "## Added to a bare Envoy, as a multiple of it; and of what the empty filter adds\n\n" + _ratios(figures),
            "## Answer times, p50 / p99 in us, eight connections as fast as they can\n\n" + _latencies(figures),
        ]
    parts.append("## The rest\n\n" + _rest(figures))
    return "\n".join(parts)


def with_budgets(text, results):
    """The project's README with this run's verdicts between its two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{results['date']}, {results['machine']}{_busy(results)}:\n\n{_verdicts(results)}\n{END}{after}"


def table(head, rows):
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _verdicts(results):
    return table(["budget", "measured", ""], [[b.promise, b.measured, b.verdict()] for b in budgets(results)])


def _busy(results):
    return f", **busy with other work** (load average {results['busy']} before the run)" if results["busy"] > BUSY else ""


def _conditions(results):
    return (
        f"{results['date']}, commit {results['commit']}, {results['envoy']} with one worker and no access log, {results['rustc']}. "
        f"Machine: {results['machine']}{_busy(results)}; load, upstream and contestant share it. "
        f"Runs: {results['runs']}, each with contestants started anew and {results['rounds']} rounds of {results['seconds']} s in turns; medians of all rounds.\n\n"
        "backstop runs with everything on: all families, the origin check, three limits, the client from X-Forwarded-For "
        "(`tests/bench/everything-on.json`). The Lua filter is `tests/bench/waf.lua`; it looks at path, User-Agent and Referer only.\n"
    )


def _columns(figures):
    return [who for who in CONTESTANTS if any(who in taken for taken in figures.samples.values())]


def _by_scenario(figures, cell, columns=None):
    columns = columns or _columns(figures)
    rows = [[SCENARIOS[name].label, *(cell(name, who) if who in taken else "" for who in columns)] for name, taken in figures.samples.items()]
    return table(["", *(CONTESTANTS[who].label for who in columns)], rows)


def _costs(figures):
    def cell(name, who):
        low, high = figures.spread(name, who)
        return f"{figures.of(name, who):.1f} ({low:.1f} to {high:.1f})"

    return _by_scenario(figures, cell)


def _ratios(figures):
    def cell(name, who):
        added, empty = figures.added(name, who), figures.added(name, "empty")
        if added is None:
            return ""
        text = f"{figures.added_ratio(name, who):.2f} x"
        # A multiple of next to nothing says nothing.
        return text if who == "empty" or not empty or figures.added_ratio(name, "empty") < 0.03 else f"{text}, {added / empty:.1f} x empty"

    return _by_scenario(figures, cell, [who for who in _columns(figures) if who != "bare"])


def _latencies(figures):
    return _by_scenario(figures, lambda name, who: f"{figures.of(name, who, 'p50_us'):.0f} / {figures.of(name, who, 'p99_us'):.0f}")


def _rest(figures):
    results = figures.results
    rows = []
    for who, starts in results["starts"].items():
        size = results["modules"].get(who)
        rows.append([
            CONTESTANTS[who].label,
            f"{statistics.median(starts['ready_ms']):.0f} ms",
            f"{statistics.median(starts['cpu_ms']):.0f} ms",
            f"{results['resident'][who] / MB:.0f} MB",
            f"{size / MB:.2f} MB" if size else "",
        ])  # fmt: skip
    return table(["", "start to ready", "CPU of that", "resident after all load", "module"], rows)
