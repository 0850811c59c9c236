"""A server beside Envoy: a process that is started, waited for, and ended with whoever started it."""

import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import HOST, ROOT, Problem
from harness.envoy import end_with_parent, eventually

SCRATCH = ROOT / "target" / "servers"


class Server:
    """A process that listens on one port, which it keeps when it is started again; `_words` are those that start it."""

    wait_s = 20

    def __init__(self, name, port=None):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=name + "-", dir=SCRATCH))
        self.port = port or free_port()
        self._process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Starts the process and returns when it listens."""
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                self._words(), env=self._environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                cwd=self.folder, start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        if not eventually(lambda: listens(self.port) or self._process.poll() is not None, self.wait_s) or self._process.poll():
            raise Problem(f"{self._words()[0]} did not start; its last words:\n" + "\n".join(self.log_lines()[-8:]))

    def log_lines(self):
        """What it said so far."""
        return (self.folder / "log").read_text(errors="replace").splitlines()

    def pid(self):
        """The process, for those who want to send it signals."""
        return self._process.pid

    def kill(self):
        """Ends the process as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def pause(self):
        """Freezes the process: it keeps its connections and answers nothing, like a machine that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        """Ends a pause."""
        self._process.send_signal(signal.SIGCONT)

    def _environment(self):
        return None


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def listens(port):
    """Whether somebody does."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
