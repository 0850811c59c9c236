"""Bodies: held until judged, however they arrive, and let through whole when they are harmless."""

import hashlib
import json
import os
import signal
import threading
import time

from e2e.attacks import ATTACKS
from e2e.case import Case, config
from harness import client
from harness.bootstrap import Listener

INSPECTED = 131072
SQLI = ATTACKS["sqli"]
JSON = [("Content-Type", "application/json")]
TEXT = [("Content-Type", "text/plain")]


def harmless(size):
    """Text of that length, different in every line."""
    lines = b"".join(b"line %08d of a long and harmless text\n" % i for i in range(size // 40 + 1))
    return lines[:size]


class Bodies(Case):
    listeners = {
        "main": Listener(config()),
        "deny": Listener(config(body={"inspect": INSPECTED, "oversize": "deny"})),
        "small": Listener(config(body={"inspect": 1024, "oversize": "prefix"})),
        "hold": Listener(config(), hold_headers=True),
        "held": Listener(config(body={"holdHeaders": True}), hold_headers=True),
    }

    def assert_nothing_arrived(self):
        self.assertEqual([seen.body_bytes for seen in self.upstream.take() if seen.body_bytes], [])

    def assert_arrived_whole(self, body):
        (seen,) = self.upstream.take()
        self.assertTrue(seen.complete)
        self.assertEqual((seen.body_bytes, seen.body_sha256), (len(body), hashlib.sha256(body).hexdigest()))

    def test_chunked(self):
        response = self.send("POST", "/n", JSON, chunks=['{"note": "', SQLI, '"}'])
        self.assert_refused(response, "sqli")
        self.assert_nothing_arrived()

    def test_attack_split_over_chunks_at_every_place(self):
        body = json.dumps({"note": SQLI})
        for cut in range(11, 11 + len(SQLI), 5):
            with self.subTest(cut=cut):
                response = self.send("POST", "/n", JSON, chunks=[body[:cut], body[cut:]], pause_s=0.01)
                self.assert_refused(response, "sqli")
                self.assert_nothing_arrived()

    def test_body_that_dribbles_in(self):
        pieces = client.request("POST", "/n", JSON, json.dumps({"note": SQLI}))
        data = b"".join(pieces)
        response = self.send_raw([data[i : i + 7] for i in range(0, len(data), 7)], pause_s=0.002)
        self.assert_refused(response, "sqli")
        self.assert_nothing_arrived()

    def test_attack_at_the_end_of_100_kib(self):
        for name, headers, body in (
            ("text", TEXT, harmless(100 * 1024) + SQLI.encode()),
            ("JSON", JSON, json.dumps({"a": harmless(100 * 1024).decode(), "b": SQLI}).encode()),
        ):
            with self.subTest(name):
                self.assert_refused(self.send("POST", "/n", headers, body), "sqli")
                self.assert_nothing_arrived()

    def test_attack_right_before_the_end_of_what_is_inspected(self):
        body = harmless(INSPECTED - len(SQLI) - 1) + b" " + SQLI.encode() + harmless(200_000)
        self.assert_refused(self.send("POST", "/n", TEXT, body), "sqli")
        self.assert_nothing_arrived()

    def test_uploads_beyond_what_is_inspected_arrive_whole(self):
        for size in (INSPECTED - 1, INSPECTED, INSPECTED + 1, 1 << 20, 5 << 20):
            with self.subTest(size=size):
                body = harmless(size)
                self.assert_passes(self.send("PUT", "/upload", TEXT, body))
                self.assert_arrived_whole(body)

    def test_upload_that_comes_in_a_burst_after_a_held_piece_arrives_whole(self):
        """Envoy reads up to 1 MiB at once. With what is held already that is more than its buffer takes, and it would
        answer 413 by itself; here it is made to read that much by being stopped for a moment."""
        body = harmless(3 << 20)
        head = client.request("PUT", "/upload", [*TEXT, ("Content-Length", str(len(body)))])[0]
        self.upstream.take()
        with client.connect(self.port()) as link:
            link.sendall(head + body[:100_000])
            time.sleep(0.1)
            os.kill(self.envoy.pid(), signal.SIGSTOP)
            try:
                rest = threading.Thread(target=link.sendall, args=[body[100_000:]])
                rest.start()
                rest.join(0.3)  # what does not fit into the socket follows later
            finally:
                os.kill(self.envoy.pid(), signal.SIGCONT)
            rest.join()
            self.assert_passes(client.read_response(link))
        self.assert_arrived_whole(body)

    def test_chunked_upload_arrives_whole(self):
        body = harmless(1 << 20)
        chunks = [body[i : i + 60_000] for i in range(0, len(body), 60_000)]
        self.assert_passes(self.send("PUT", "/upload", TEXT, chunks=chunks))
        self.assert_arrived_whole(body)

    def test_beyond_the_prefix_nothing_is_held(self):
        body = harmless(4096)
        with client.connect(self.port("small")) as link:
            self.upstream.take()
            head = client.request("PUT", "/upload", [*TEXT, ("Content-Length", str(len(body)))])[0]
            link.sendall(head + body[:2048])
            self.assertTrue(self.upstream.wait_for_body(2048), "what was inspected is still held")
            link.sendall(body[2048:])
            self.assert_passes(client.read_response(link))
        self.assert_arrived_whole(body)

    def test_oversize_deny(self):
        for name, how in (
            ("announced", {"body": harmless(INSPECTED + 1)}),
            ("chunked", {"chunks": [harmless(50_000)] * 3}),
        ):
            with self.subTest(name):
                response = self.send("PUT", "/upload", TEXT, on="deny", **how)
                self.assert_refused(response, "body:too-large", status=413, on="deny")
                self.assert_nothing_arrived()
        body = harmless(INSPECTED)
        self.assert_passes(self.send("PUT", "/upload", TEXT, body, on="deny"), "a body of just that size")
        self.assert_arrived_whole(body)

    def test_expect_100_continue(self):
        for body, is_attack in ((b"plain words", False), (SQLI.encode(), True)):
            head = [*TEXT, ("Content-Length", str(len(body))), ("Expect", "100-continue")]
            response = self.send_raw([client.request("POST", "/n", head)[0], body], pause_s=0.1)
            if is_attack:
                self.assert_refused(response, "sqli")
                self.assert_nothing_arrived()
            else:
                self.assert_passes(response)
                self.assert_arrived_whole(body)

    def test_http2(self):
        body = json.dumps({"note": SQLI}).encode()
        for name, cut in (("one frame", len(body)), ("two frames", 20)):
            for trailers in (None, [("x-checksum", "17")]):
                with self.subTest(name, trailers=trailers), self.stream([("content-type", "application/json")]) as stream:
                    stream.data(body[:cut], end=cut == len(body) and not trailers)
                    if cut < len(body):
                        time.sleep(0.02)
                        stream.data(body[cut:], end=not trailers)
                    if trailers:
                        stream.trailers(trailers)
                    self.assert_refused(stream.answer(), "sqli")
                    self.assert_nothing_arrived()

    def test_http2_harmless_with_trailers_arrives_whole(self):
        with self.stream([("content-type", "text/plain")]) as stream:
            stream.data(b"plain ")
            stream.data(b"words")
            stream.trailers([("x-checksum", "17")])
            self.assert_passes(stream.answer())
        self.assert_arrived_whole(b"plain words")

    def test_http2_attack_in_a_trailer(self):
        with self.stream([("content-type", "text/plain")]) as stream:
            stream.data(b"plain words")
            stream.trailers([("x-note", ATTACKS["log4shell"])])
            self.assert_refused(stream.answer(), "log4shell")
        self.assert_nothing_arrived()

    def test_attack_in_headers_is_refused_before_the_body_came(self):
        head = client.request("POST", "/n", [("Content-Length", "1000"), ("X-Note", ATTACKS["log4shell"])])
        self.assert_refused(self.send_raw(head), "log4shell")
        self.assertEqual(self.upstream.take(), [], "the application saw the request")

    def test_with_the_hosts_switch_headers_are_not_stuck(self):
        body = b"plain words"
        self.assert_passes(self.send("POST", "/n", TEXT, body, on="hold"))
        self.assert_arrived_whole(body)
        self.assert_refused(self.send("POST", "/n", TEXT, SQLI, on="hold"), "sqli", on="hold")
        self.assert_nothing_arrived()

    def test_with_held_headers_the_application_sees_nothing_of_a_refused_request(self):
        body = json.dumps({"note": SQLI})
        for name, how in (("whole", {"body": body}), ("chunked", {"chunks": [body[:20], body[20:]], "pause_s": 0.01})):
            with self.subTest(name):
                self.assert_refused(self.send("POST", "/n", JSON, on="held", **how), "sqli", on="held")
                self.assertEqual(self.upstream.take(), [], "the application saw the request")
        with self.stream([("content-type", "text/plain")], on="held") as stream:
            stream.data(b"plain words")
            stream.trailers([("x-note", ATTACKS["log4shell"])])
            self.assert_refused(stream.answer(), "log4shell", on="held")
        self.assertEqual(self.upstream.take(), [], "the application saw the request")

    def test_with_held_headers_all_else_arrives_whole(self):
        for size in (0, 11, INSPECTED, INSPECTED + 1, 3 << 20):
            body = harmless(size)
            for name, how in (("declared", {"body": body}), ("chunked", {"chunks": [body[i : i + 60_000] for i in range(0, size, 60_000)]})):
                with self.subTest(name, size=size):
                    self.assert_passes(self.send("PUT", "/upload", TEXT, on="held", **how))
                    self.assert_arrived_whole(body)
        self.assert_passes(self.send("GET", "/", on="held"))
        response = self.send_raw([client.request("POST", "/n", [*TEXT, ("Content-Length", "5"), ("Expect", "100-continue")])[0], b"plain"], on="held", pause_s=0.1)
        self.assert_passes(response)
        self.assert_arrived_whole(b"plain")
