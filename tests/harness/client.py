"""Requests over plain sockets, so that odd bytes go out as they are, and the answers to them."""

import dataclasses
import json
import math
import socket
import struct
import time

from harness import HOST

LINGER_RESET = struct.pack("ii", 1, 0)


@dataclasses.dataclass
class Response:
    """An answer. Status 0 says that the connection ended without one."""

    status: int
    headers: list  # of (name in lower case, value)
    body: bytes
    local: tuple  # the address and port that the request came from
    held: tuple = (0.0, math.inf)  # seconds since 1970 between which that port was the request's for certain

    def value(self, name):
        """The value of the header `name` (lower case), or None."""
        return next((value for each, value in self.headers if each == name), None)

    def json(self):
        """The body, read as JSON."""
        return json.loads(self.body)


def request(method="GET", target="/", headers=(), body=None, *, chunks=None, host=b"shop.example"):
    """The pieces of a request, each to be sent on its own. A header list is taken as it is, after Host."""
    lines = [b"%s %s HTTP/1.1" % (_bytes(method), _bytes(target))]
    if host is not None:
        lines.append(b"Host: " + host)
    lines += [_bytes(name) + b": " + _bytes(value) for name, value in headers]
    if chunks is not None:
        lines.append(b"Transfer-Encoding: chunked")
        return [_head(lines), *(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in map(_bytes, chunks)), b"0\r\n\r\n"]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(_bytes(body)))
        return [_head(lines) + _bytes(body)]
    return [_head(lines)]


def send(port, pieces, *, pause_s=0.0, source=HOST, timeout_s=15.0):
    """Sends the pieces on a connection of their own, and reads one answer."""
    began = time.time()
    with connect(port, source, timeout_s) as link:
        local = link.getsockname()
        try:
            for i, piece in enumerate(pieces):
                if i and pause_s:
                    time.sleep(pause_s)
                link.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # an early refusal; the answer is there to be read
        response = read_response(link, local)
        response.held = (began, time.time())
        return response


def abandon(port, pieces, *, reset=False, wait_s=0.05):
    """Sends the pieces and leaves without reading: by a plain close, or by a reset."""
    with connect(port) as link:
        for piece in pieces:
            link.sendall(piece)
        time.sleep(wait_s)
        if reset:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)


def connect(port, source=HOST, timeout_s=15.0):
    """A connection whose small writes go out at once."""
    link = socket.create_connection((HOST, port), timeout=timeout_s, source_address=(source, 0))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def read_response(link, local=None):
    """One answer from an open connection."""
    local = local or link.getsockname()
    data = b""
    while True:
        data = _fill(link, data, b"\r\n\r\n")
        if b"\r\n\r\n" not in data:
            return Response(0, [], data, local)
        head, data = data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        if status != 100:
            break
    headers = [(name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines)]
    answer = Response(status, headers, b"", local)
    if answer.value("transfer-encoding") == "chunked":
        answer.body = _chunks(link, data)
    elif answer.value("content-length") is not None:
        wanted = int(answer.value("content-length"))
        while len(data) < wanted and (more := receive(link)):
            data += more
        answer.body = data[:wanted]
    elif status != 101:
        while more := receive(link):
            data += more
        answer.body = data
    return answer


def _head(lines):
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def _fill(link, data, until):
    while until not in data and (more := receive(link)):
        data += more
    return data


def receive(link):
    """What has come, or nothing once the connection has ended or was reset."""
    try:
        return link.recv(65536)
    except ConnectionResetError:
        return b""


def _chunks(link, data):
    body = b""
    while True:
        data = _fill(link, data, b"\r\n")
        if b"\r\n" not in data:
            return body
        size, data = data.split(b"\r\n", 1)
        count = int(size.split(b";")[0], 16)
        while len(data) < count + 2 and (more := receive(link)):
            data += more
        body, data = body + data[:count], data[count + 2 :]
        if count == 0:
            return body
