"""Memory of an Envoy process, and of the Wasm VMs in it."""

import pathlib
import re

# V8 reserves 8 GiB of address space for a linear memory, of which only what the module has grown to can be written.
RESERVED_AT_LEAST = 4 << 30
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ")


def resident_bytes(pid):
    """What the process holds in physical memory."""
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def linear_bytes(pid):
    """The size of the largest linear memory of a VM in the process, as `memory.size` would give it there.

    Read off the address space: a mapping that can be written, with a reservation of gigabytes right behind it.
    """
    mappings = [(int(a, 16), int(b, 16), mode) for a, b, mode in MAPPING.findall(pathlib.Path(f"/proc/{pid}/maps").read_text())]
    pairs = zip(mappings, mappings[1:])
    sizes = [
        end - start
        for (start, end, mode), (behind, far, protected) in pairs
        if mode.startswith("rw-") and protected.startswith("---") and behind == end and far - behind > RESERVED_AT_LEAST
    ]
    return max(sizes, default=0)
