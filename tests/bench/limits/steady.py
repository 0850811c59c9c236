"""Load at a steady rate, by h2load, with the moment and the status of each answer."""

import pathlib
import subprocess
import tempfile

from harness import HOST, Problem

CONNECTIONS = 20  # enough for each worker to get some, and for answers within 50 ms at 400 a second


class Load:
    """h2load in the background, from its making on; `answers` waits for its end."""

    def __init__(self, port, per_second, seconds, headers=(), path="/", connections=CONNECTIONS):
        self._log = tempfile.NamedTemporaryFile(prefix="h2load-", suffix=".log")
        words = ["h2load", "--h1", f"-c{connections}", f"--rps={per_second / connections:g}", f"-D{seconds}"]
        words += [f"--header={name}: {value}" for name, value in headers]
        words += [f"--log-file={self._log.name}", f"http://{HOST}:{port}{path}"]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def answers(self):
        """Pairs of seconds since the epoch, when the request was sent, and status; in order of time."""
        said = self._process.communicate()[0]
        lines = [line.split("\t") for line in pathlib.Path(self._log.name).read_text().splitlines()]
        self._log.close()
        if self._process.returncode or not lines:
            raise Problem(f"h2load did not run as it should: {said}")
        return sorted((int(at) / 1e6, int(status)) for at, status, *_ in lines)
