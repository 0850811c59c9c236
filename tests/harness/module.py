"""The functions that a WebAssembly module imports and exports, read from its own bytes (core specification 2.0, section 5.5)."""

import pathlib

IMPORTS, EXPORTS = 2, 7
FUNCTION = 0


class _Reader:
    def __init__(self, data, place):
        self.data, self.place = data, place

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.place]
            self.place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def name(self):
        size = self.number()
        self.place += size
        return self.data[self.place - size : self.place].decode()

    def imported(self):
        _, name, kind, _ = self.name(), self.name(), self.number(), self.number()
        if kind != FUNCTION:
            raise ValueError(f"the module imports {name}, which is no function")
        return name, kind

    def exported(self):
        name, kind, _ = self.name(), self.number(), self.number()
        return name, kind


def functions(path):
    """The names of the functions that the module at `path` imports, and of those that it exports."""
    data = pathlib.Path(path).read_bytes()
    if data[:8] != b"\0asm\1\0\0\0":
        raise ValueError(f"{path} is no WebAssembly module")
    found = {IMPORTS: [], EXPORTS: []}
    reader = _Reader(data, 8)
    while reader.place < len(data):
        section, size = reader.number(), reader.number()
        end = reader.place + size
        if section in found:
            read = reader.imported if section == IMPORTS else reader.exported
            found[section] = [read() for _ in range(reader.number())]
        reader.place = end
    return tuple({name for name, kind in found[section] if kind == FUNCTION} for section in (IMPORTS, EXPORTS))
