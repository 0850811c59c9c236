"""The odd part of the soak's requests, each kind by a thread of its own: what wrk and h2load cannot send."""

import collections
import itertools
import random
import threading
import time

from e2e.attacks import ATTACKS, PLACES
from harness import client
from harness.http2 import Stream

JSON = [("Content-Type", "application/json")]
WEBSOCKET = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
MESSAGE = b"\x00\x00\x00\x00\x05\x0a\x03abc"


class Unexpected(AssertionError):
    """An answer that is not the right one."""


def upload(port, rng):
    """A body that is larger than what is inspected."""
    body = b"line of a long and harmless text\n" * rng.randint(1_000, 8_000)
    return client.send(port, client.request("PUT", "/upload", [("Content-Type", "text/plain")], body)).status


def slow_body(port, rng):
    """A body that dribbles in."""
    body = b'{"note": "' + b"plain words " * rng.randint(1, 20) + b'"}'
    chunks = [body[at : at + 9] for at in range(0, len(body), 9)]
    return client.send(port, client.request("POST", "/n", JSON, chunks=chunks), pause_s=0.02).status


def slow_attack(port, rng):
    """The same with an attack in it."""
    body = b'{"note": "' + b"plain words " * rng.randint(1, 20) + ATTACKS["sqli"].encode() + b'"}'
    chunks = [body[at : at + 9] for at in range(0, len(body), 9)]
    return client.send(port, client.request("POST", "/n", JSON, chunks=chunks), pause_s=0.02).status


def attack(port, rng):
    """An attack on a connection of its own."""
    asked = PLACES[rng.choice(["query value", "header", "cookie", "JSON value", "multipart text"])](ATTACKS["log4shell"])
    return client.send(port, client.request(**asked)).status


def reset(port, rng):
    """A client that leaves in the middle of a body."""
    head = client.request("POST", "/n", [*JSON, ("Content-Length", str(rng.randint(1_000, 500_000)))])
    client.abandon(port, [*head, b'{"note": "plain'], reset=rng.random() < 0.5)
    return 0


def http2(port, rng):
    """A body in frames, and trailers."""
    with Stream(port, [("content-type", "text/plain")]) as stream:
        for _ in range(rng.randint(1, 5)):
            stream.data(b"plain words ")
        stream.trailers([("x-checksum", "17")])
        return stream.answer().status


def http2_attack(port, rng):
    """An attack in the trailers."""
    with Stream(port, [("content-type", rng.choice(["text/plain", "application/grpc-web", "application/json"]))]) as stream:
        stream.data(b"plain words")
        stream.trailers([("x-note", ATTACKS["log4shell"])])
        answer = stream.answer()
        return 403 if answer.value("grpc-status") == "7" else answer.status


def http2_reset(port, rng):
    """A stream whose client leaves."""
    with Stream(port, [("content-type", "application/json")]) as stream:
        stream.data(b'{"note": "plain')
        time.sleep(0.02)
    return 0


def grpc(port, rng):
    """Some messages on one stream."""
    with Stream(port, [("content-type", "application/grpc"), ("te", "trailers")], path="/shop.Seats/Watch") as stream:
        for _ in range(rng.randint(1, 10)):
            stream.data(MESSAGE)
            time.sleep(0.005)
        stream.data(b"", end=True)
        return stream.answer().status


def websocket(port, rng):
    """A handshake, and frames that come back."""
    with client.connect(port) as link:
        link.sendall(client.request("GET", "/live", WEBSOCKET)[0])
        status = client.read_response(link).status
        for _ in range(rng.randint(1, 10)):
            link.sendall(b"\x81\x06' OR 1")
            link.recv(4096)
        return status


# What the answer must be; 0: the client does not wait for one.
KINDS = {
    upload: 200, slow_body: 200, slow_attack: 403, attack: 403, reset: 0, http2: 200, http2_attack: 403, http2_reset: 0,
    grpc: 200, websocket: 101,
}  # fmt: skip


class Visitors:
    """`with Visitors(port) as visitors:` sends requests of all kinds until its end; `sent` counts them by kind."""

    def __init__(self, port, *, pause_s=0.02):
        self.sent, self.wrong = collections.Counter(), []
        self._port, self._pause_s, self._stop = port, pause_s, threading.Event()
        self._threads = [threading.Thread(target=self._run, args=pair) for pair in zip(KINDS, itertools.count(1))]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, kind, seed):
        rng = random.Random(seed)
        while not self._stop.wait(self._pause_s):
            try:
                status = kind(self._port, rng)
            except OSError as error:
                status = repr(error)
            self.sent[kind.__name__] += 1
            if status != KINDS[kind]:
                self.wrong.append(f"{kind.__name__}: {status} instead of {KINDS[kind]}")
