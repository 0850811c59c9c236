"""`make fuzz`: every target under libFuzzer for its share of the time, progress, and a table of what came of it.

MINUTES is the time for all targets together, TARGETS the names of those to run. Every input that breaks a target is made as
small as possible and kept in tests/fuzz/cases, which `cargo test` replays; what reaches new code is kept in target/fuzz/corpus.
"""

import os
import re
import subprocess
import sys
import time

from fuzz import HERE, TARGET_DIR
from harness import ROOT, Problem

CASES = HERE / "cases"
# As `cargo fuzz --sanitizer none` has it, all of it stable: edges counted, comparisons told to the fuzzer.
FLAGS = (
    "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters "
    "-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 "
    "-Cdebug-assertions -Coverflow-checks"
)
MAX_BYTES = 4096
SLOW_S = 60  # an input that takes longer is a finding; by the clock on the wall, so that a busy machine needs room
MINIMISE_S = 15
TICK_S = 10
SEEN = re.compile(r"^#(\d+)\s.*cov: (\d+).*corp: (\d+)")


class Run:
    """One target at work, and what it came to."""

    def __init__(self, binary, target):
        self.binary, self.target = binary, target
        self.executions = self.coverage = self.corpus = 0
        self.seconds, self.found, self.why = 0.0, [], ""
        self.folder = CASES / target
        self.kept = TARGET_DIR / "corpus" / target
        self.seeds = TARGET_DIR / "seeds" / target

    def libfuzzer(self, *words, **more):
        environment = {**os.environ, "FUZZ_TARGET": self.target, "RUST_BACKTRACE": "0", **more}
        return subprocess.Popen([self.binary, *map(str, words)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")

    def prepare(self):
        self.kept.mkdir(parents=True, exist_ok=True)
        writing = self.libfuzzer(FUZZ_SEEDS=str(self.seeds))
        if writing.communicate() and writing.returncode:
            raise Problem(f"{self.target} wrote no seeds")

    def work(self, seconds):
        self.folder.mkdir(exist_ok=True)
        before = set(self.folder.iterdir())
        begin = last = time.monotonic()
        words = [
            self.kept, self.seeds, self.folder, f"-dict={TARGET_DIR / 'seeds' / 'dictionary'}", f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}",
            f"-timeout={SLOW_S}", "-rss_limit_mb=2048", f"-report_slow_units={SLOW_S}", "-reload=0", f"-artifact_prefix={self.folder}/", "-print_final_stats=1",
        ]  # fmt: skip
        fuzzer, previous = self.libfuzzer(*words), ""
        for line in fuzzer.stderr:
            self.read(line.rstrip(), previous)
            previous = line
            if time.monotonic() - last > TICK_S:
                last = time.monotonic()
                print(f"  {self.target:<10} {last - begin:>4.0f} of {seconds} s  {self}", flush=True)
        fuzzer.wait()
        self.seconds = time.monotonic() - begin
        self.found = [self.minimised(file) for file in sorted(set(self.folder.iterdir()) - before)]
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
        if fuzzer.returncode and not self.found:
            raise Problem(f"{self.target} ended with {fuzzer.returncode} and no input to show for it: {previous}")

    def read(self, line, previous):
        if seen := SEEN.match(line):
            self.executions, self.coverage, self.corpus = map(int, seen.groups())
        elif line.startswith("stat::number_of_executed_units:"):
            self.executions = int(line.split()[1])
        elif "panicked at" in previous or line.startswith("ERROR: libFuzzer: timeout"):
            self.why = line[:300]

    def minimised(self, file):
        """The same finding in fewer bytes, under the same name."""
        smaller = file.with_name("smaller")
        words = [file, "-minimize_crash=1", f"-max_total_time={MINIMISE_S}", f"-exact_artifact_path={smaller}", f"-timeout={SLOW_S}"]
        self.libfuzzer(*words).communicate()
        if smaller.exists():
            smaller.replace(file)
        return file

    def __str__(self):
        return f"{self.executions:>10,} executions  {self.coverage:>6,} edges  {self.corpus:>5,} inputs"


def build():
    host = re.search(r"host: (\S+)", subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout)[1]
    # Named, so that the flags are for what is fuzzed and not for build scripts.
    cargo = ["cargo", "build", "--locked", "--release", "--quiet", "--bin", "fuzz", "--features", "guided", "--target", host, "--target-dir", str(TARGET_DIR)]
    if subprocess.run(cargo, cwd=HERE, env={**os.environ, "RUSTFLAGS": FLAGS}).returncode != 0:
        raise Problem("tests/fuzz does not build: see above")
    return TARGET_DIR / host / "release" / "fuzz"


def names(binary):
    """Every target, as the binary knows them."""
    said = subprocess.run([binary], env={**os.environ, "FUZZ_TARGET": ""}, capture_output=True, text=True).stderr
    return said.partition("FUZZ_TARGET is one of: ")[2].split()


def main(minutes, wanted):
    binary = build()
    known = names(binary)
    if unknown := [name for name in wanted if name not in known]:
        raise Problem(f"no target is called {' '.join(unknown)}; there are {' '.join(known)}")
    chosen = wanted or known
    seconds = max(1, round(minutes * 60 / len(chosen)))
    print(f"{len(chosen)} targets, {seconds} s each", flush=True)
    CASES.mkdir(exist_ok=True)
    runs = []
    for name in chosen:
        run = Run(binary, name)
        run.prepare()
        run.work(seconds)
        runs.append(run)
        print(f"  {name:<10} {'FOUND ' + run.why if run.found else 'done'}", flush=True)
    report(runs)
    return 1 if any(run.found for run in runs) else 0


def report(runs):
    print("\n| target | seconds | executions | edges | inputs kept | findings |\n| --- | ---: | ---: | ---: | ---: | --- |")
    for run in runs:
        found = ", ".join(str(file.relative_to(ROOT)) for file in run.found) or "none"
        print(f"| {run.target} | {run.seconds:.0f} | {run.executions:,} | {run.coverage:,} | {run.corpus:,} | {found} |")
    failed = sum(bool(run.found) for run in runs)
    print(f"\n{sum(run.executions for run in runs):,} executions\n{len(runs) - failed} passed, {failed} failed")


if __name__ == "__main__":
    try:
        sys.exit(main(float(os.environ.get("MINUTES") or 5), os.environ.get("TARGETS", "").split()))
    except Problem as problem:
        sys.exit(f"fuzz: {problem}")
