"""What is harmless passes, and reaches the application as it was sent."""

import hashlib
import json
import random

from e2e.attacks import BOUNDARY
from e2e.case import Case
from harness import client

BROWSER = [
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.7,nl;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "https://shop.example/artists/guns-n-roses?tab=dates&sort=-price"),
    ("Cookie", "theme=dark; _ga=GA1.2.1234567890.1700000000; cart=eyJpdGVtcyI6W119; consent={\"ads\":false}"),
    ("If-None-Match", 'W/"5f-ab"'),
    ("Sec-Fetch-Site", "same-origin"),
]
PICTURE = bytes(range(256)) * 40
FORM = "application/x-www-form-urlencoded"

HARMLESS = {
    "a browser's GET": ("GET", "/tickets?artist=Guns%20N%27%20Roses&date=2026-11-22&seats=2&sort=-price", BROWSER, None),
    "an apostrophe": ("GET", "/people?name=O%27Brien&note=it%27s+5+o%27clock", [], None),
    "words of SQL in a sentence": ("GET", "/search?q=select+the+best+seats+from+the+union+square+hall", [], None),
    "a formula": ("GET", "/search?q=a+%3C+b+and+b+%3E+c", [], None),
    "a URL of the world": ("GET", "/share?url=https%3A%2F%2Fwww.example.org%2Fa%2Fb%3Fc%3Dd", [], None),
    "a path with dots": ("GET", "/files/report..final.v1.2.pdf", [], None),
    "a token": ("GET", "/", [("Authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl")], None),
    "a form": ("POST", "/login", [("Content-Type", FORM)], "user=anna&password=c%26rr%27e%3Bct+horse&next=%2Fcart"),
    "JSON": (
        "POST", "/orders", [("Content-Type", "application/json")],
        json.dumps({"items": [{"id": 17, "note": "row 3; seat 4 -- aisle, please"}], "total": 99.5, "gift": None}),
    ),
    "an upload": (
        "POST", "/avatar", [("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")],
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="me.png"\r\nContent-Type: image/png\r\n\r\n'.encode()
        + PICTURE + f"\r\n--{BOUNDARY}--\r\n".encode(),
    ),
    "XML": ("POST", "/feed", [("Content-Type", "application/xml")], "<?xml version='1.0'?><a b='c'>5 &lt; 6 &amp; 7</a>"),
    "HEAD": ("HEAD", "/", [], None),
    "DELETE": ("DELETE", "/cart/17", [], None),
    "an empty body": ("POST", "/ping", [("Content-Type", "application/json")], ""),
    "other scripts": ("GET", "/search?q=%E6%9D%B1%E4%BA%AC+%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0+caf%C3%A9+%F0%9F%8E%AB", [], None),
}  # fmt: skip
# What Envoy adds or changes on its own.
ENVOYS_OWN = {"host", "content-length", "x-forwarded-proto", "x-request-id", "x-envoy-expected-rq-timeout-ms"}


class Harmless(Case):
    """Requests of a ticket shop."""

    def test_passes_and_arrives_unchanged(self):
        for name, (method, target, headers, body) in HARMLESS.items():
            with self.subTest(name):
                self.assert_passes(self.send(method, target, headers, body), name)
                (seen,) = self.upstream.take()
                self.assertEqual((seen.method, seen.target), (method, target))
                arrived = [pair for pair in seen.headers if pair[0] not in ENVOYS_OWN]
                self.assertEqual(arrived, [(name.lower(), value) for name, value in headers])
                sent = body.encode() if isinstance(body, str) else body or b""
                self.assertEqual((seen.body_bytes, seen.body_sha256), (len(sent), hashlib.sha256(sent).hexdigest()))

    def test_random_bytes_pass(self):
        for size in (1, 1000, 60_000):
            body = random.Random(size).randbytes(size)  # the same bytes in every run
            self.assert_passes(self.send("PUT", "/blob", [("Content-Type", "application/octet-stream")], body))
            (seen,) = self.upstream.take()
            self.assertEqual(seen.body_sha256, hashlib.sha256(body).hexdigest())

    def test_one_connection_serves_many_requests(self):
        with client.connect(self.port()) as link:
            for i in range(20):
                for piece in client.request("POST", f"/n/{i}", [("Content-Type", FORM)], f"n={i}"):
                    link.sendall(piece)
                self.assert_passes(client.read_response(link))
