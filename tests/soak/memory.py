"""Memory over a run: samples, and whether they stay where they are."""

import statistics

from bench.memory import linear_bytes, resident_bytes
from soak import MIB


class Memory:
    """Samples of the memory of an Envoy: linear, of its largest VM, and resident, of the process."""

    def __init__(self, pid):
        self.linear, self.resident, self._pid = [], [], pid

    def take(self):
        """Takes a sample of both."""
        self.linear.append(linear_bytes(self._pid))
        self.resident.append(resident_bytes(self._pid))

    def last(self):
        """The last sample in words."""
        return f"linear {self.linear[-1] / MIB:.2f} MiB, resident {self.resident[-1] / MIB:.0f} MiB"

    def text(self):
        """Beginning, end and peak of both."""
        both = (("linear", self.linear), ("resident", self.resident))
        return "\n".join(f"{name} memory: {kept[0] / MIB:.2f} -> {kept[-1] / MIB:.2f} MiB, at most {max(kept) / MIB:.2f}" for name, kept in both)

    def require_flat(self, require, *, linear, resident):
        """Requires that the second half of the run needs at most so many bytes more than the first: of linear memory at
        its peak, of resident memory in the middle, since both builds are there for a while when a module is replaced.
        The beginning is left out."""
        for name, sizes, allowed, of in (("linear", self.linear, linear, max), ("resident", self.resident, resident, statistics.median)):
            warm = sizes[len(sizes) // 5 :]
            first, second = warm[: len(warm) // 2], warm[len(warm) // 2 :]
            require(first, "too few samples")
            require(of(second) <= of(first) + allowed, f"{name} memory grows: {of(first)} bytes, then {of(second)}")
