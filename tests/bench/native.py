"""Instructions of a request, natively and in the module: `make bench-instructions` compares them with a baseline, `make
profile` says where the native ones are spent. Callgrind and fuel count, so that a noisy machine gives the same figures as a quiet one.
"""

import collections
import datetime
import json
import re
import subprocess
import sys

from bench import HERE, RESULTS, SCRATCH, commit, fuel
from bench.load import write_requests
from bench.report import table
from bench.scenarios import SCENARIOS
from harness import ROOT, Problem

TARGET = ROOT / "target" / "micro"
BASELINE = HERE / "instructions.json"
COUNTED = ("get", "fresh", "json", "jsonfresh", "blocked")
PROFILED = ("fresh", "jsonfresh")
REQUESTS = 400  # of a scenario that has more
FUNCTIONS = 24

ALLOWED = 0.15
ALLOWED_ELSEWHERE = 0.5  # another compiler inlines otherwise
RENEW = "make bench-instructions RENEW=1"
ANNOTATED = re.compile(r"^\s*([\d,]+)(?: \([ \d.]+%\))?\s+(\S[^:]*):(.+?)(?: \[\S+\])?$")


def main(words):
    build()
    if words == ["profile"]:
        profile()
    elif words == ["renew"]:
        BASELINE.write_text(json.dumps({"rustc": rustc(), "instructions": counted()}, indent=2) + "\n")
        print(f"written: {BASELINE.relative_to(ROOT)}")
    elif words:
        raise Problem(f"{' '.join(words)} is neither 'profile' nor 'renew'")
    else:
        compare()


def build():
    cargo = ["cargo", "build", "--locked", "--release", "--quiet", "--bin", "micro", "--target-dir", str(TARGET)]
    if subprocess.run(cargo, cwd=HERE / "micro").returncode != 0:
        raise Problem("tests/bench/micro does not build: see above")


def rustc():
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def counted():
    """Instructions for one request of each scenario, all phases: of native code, and of the module."""
    counts, host = {}, fuel.Host()
    for name in COUNTED:
        in_module = fuel.measure(host, SCENARIOS[name].requests)
        counts[name] = {"native": served(name)[0], "module": in_module}
        print(f"  {SCENARIOS[name].label:<28}{counts[name]['native']:>10,} native instructions {in_module:>10,} of WebAssembly", flush=True)
    return counts


def served(name):
    """Instructions for one request, callgrind's file, and how many requests it counted."""
    requests = write_requests(f"{name}-native", SCENARIOS[name].requests[:REQUESTS])
    file = SCRATCH / f"{name}.callgrind"
    words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={file}", "--toggle-collect=micro::served*", TARGET / "release" / "micro", requests]
    run = subprocess.run(words, capture_output=True, text=True)
    times = re.search(r"^(\d+) served", run.stdout)
    total = re.search(r"Collected : (\d+)", run.stderr)
    if not (times and total and int(total[1])):
        raise Problem(f"callgrind counted nothing of {name}: {run.stderr[-800:]}")
    return round(int(total[1]) / int(times[1])), file, int(times[1])


def compare():
    baseline = json.loads(BASELINE.read_text())
    allowed = ALLOWED
    if rustc() != baseline["rustc"]:
        allowed = ALLOWED_ELSEWHERE
        print(f"the baseline is of {baseline['rustc']} and this is {rustc()}: {allowed:.0%} more is allowed instead of {ALLOWED:.0%}")
    failed = 0
    for name, counts in counted().items():
        for kind, now in counts.items():
            before = baseline["instructions"][name][kind]
            change = now / before - 1
            if change > allowed:
                failed += 1
                print(f"  FAILED {name}, {kind}: {change:+.1%} over the baseline of {before:,}, and {allowed:.0%} is allowed")
            elif abs(change) > ALLOWED / 3:
                print(f"  {name}, {kind}: {change:+.1%}; '{RENEW}' makes this the baseline")
    print(f"{2 * len(COUNTED) - failed} passed, {failed} failed")
    if failed:
        raise Problem(f"requests cost more instructions than before: 'make profile' says where; if it is meant, '{RENEW}' and commit {BASELINE.relative_to(ROOT)}")


def profile():
    parts = [
        "# Where the instructions of a request go\n",
        f"Written by `make profile`: {datetime.date.today().isoformat()}, commit {commit()}, {rustc()}, native code, everything on, a world "
        "without Envoy. Callgrind's instructions for one request, by function without what it calls; what is inlined counts for the function "
        "that it is in, and the last column says from which files that comes.\n",
    ]
    for name in PROFILED:
        total, file, times = served(name)
        parts.append(f"## {SCENARIOS[name].label}: {total:,} instructions\n\n" + functions(annotated(file), total, times))
    page = "\n".join(parts)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "profile.md").write_text(page)
    print(page)


def annotated(file):
    """Instructions by function, and in it by file."""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", file], capture_output=True, text=True, check=True).stdout
    found = collections.defaultdict(collections.Counter)
    for line in text.split("file:function", 1)[1].splitlines():
        if match := ANNOTATED.match(line):
            function = re.sub(r"::h[0-9a-f]{16}|'\d+$", "", match[3])
            found[function][origin(match[2])] += int(match[1].replace(",", ""))
    return found


def origin(file):
    """The file as a newcomer can find it, without what is only so on this machine."""
    if file.startswith("src/"):
        return file
    if library := re.search(r"/library/(\w+)/", file):
        return library[1]
    if crate := re.search(r"/registry/src/[^/]+/([^/]+)-\d", file):
        return crate[1]
    return "libc"


def functions(found, total, times):
    rows = []
    for function, files in sorted(found.items(), key=lambda item: -item[1].total())[:FUNCTIONS]:
        count = files.total() / times
        where = ", ".join(name for name, _ in files.most_common(3))
        rows.append([f"{count:,.0f}", f"{count / total:.1%}", f"`{function[:90]}`", where])
    return table(["instructions", "share", "function", "code from"], rows)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Problem as problem:
        sys.exit(f"instructions: {problem}")
