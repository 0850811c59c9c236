"""Memory over a run: samples, and whether they stay where they are."""

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

    def require_flat(self, allowed_resident, require):
        """Requires that linear memory does not grow in the second half, and resident memory by at most so many bytes."""
        for name, sizes, allowed in (("linear", self.linear, 0), ("resident", self.resident, allowed_resident)):
            warm = sizes[len(sizes) // 5 :]
            first, second = warm[: len(warm) // 2], warm[len(warm) // 2 :]
            require(first and max(second) <= max(first) + allowed, f"{name} memory grows: {max(first)} bytes, then {max(second)}")
