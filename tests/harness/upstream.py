"""The application behind Envoy: answers each request with what it got, and keeps a record of it."""

import asyncio
import dataclasses
import hashlib
import json
import threading

from harness import HOST

PIECE = 65536
NO_UPGRADE = "/no-upgrade"  # the one target at which a handshake is a request like any


@dataclasses.dataclass
class Received:
    """A request as it arrived here; one whose body broke off is in the record too."""

    method: str
    target: str
    headers: list  # of (name in lower case, value), bytes 0x80-0xff as Latin-1
    body_bytes: int = 0
    body: bytes = b""  # the first PIECE of it
    body_sha256: str = ""
    trailers: list = dataclasses.field(default_factory=list)  # lines as they came
    complete: bool = False

    def values(self, name):
        """Every value of the header `name` (lower case)."""
        return [value for each, value in self.headers if each == name]


class Upstream:
    """An HTTP/1.1 server on a port of its own, in a thread of its own. A `silent` one never answers."""

    def __init__(self, *, silent=False, host=HOST, port=0):
        self.host, self.port, self._silent = host, port, silent
        self._received = []
        self._open = 0
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        server = asyncio.start_server(self._serve, self.host, self.port, limit=4 * PIECE)
        self._server = asyncio.run_coroutine_threadsafe(server, self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def take(self):
        """What was received since the last call; waits until no request is half done."""
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0, timeout=3)
            taken, self._received = self._received, []
            return taken

    def wait_for_body(self, count, seconds=5):
        """Whether `count` body bytes arrive in time, over all requests since the last `take`."""
        with self._changed:
            return self._changed.wait_for(lambda: sum(r.body_bytes for r in self._received) >= count, timeout=seconds)

    async def _close(self):
        self._server.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # the connection is over, or what came is not HTTP; the record says how far it got
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    async def _one(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.split(":", 1) for line in lines)
        request = Received(method, target, [(name.lower(), value.strip()) for name, value in pairs])
        with self._changed:
            self._received = self._received[-4095:] + [request]
            self._open += 1
        try:
            if request.values("upgrade") and target != NO_UPGRADE:
                await self._echo(reader, writer, request)
                return False
            await self._body(reader, request)
            if self._silent:
                return True
            self._answer(writer, request)
            await writer.drain()
            return "close" not in request.values("connection")
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    async def _body(self, reader, request):
        digest = hashlib.sha256()

        async def take(count):
            while count:
                piece = await reader.read(min(count, PIECE))
                if not piece:
                    raise asyncio.IncompleteReadError(b"", count)
                count -= len(piece)
                digest.update(piece)
                request.body += piece[: PIECE - len(request.body)]
                with self._changed:
                    request.body_bytes += len(piece)
                    self._changed.notify_all()

        if "chunked" in request.values("transfer-encoding"):
            while size := int((await reader.readline()).split(b";")[0], 16):
                await take(size)
                await reader.readexactly(2)
            while line := (await reader.readline()).strip():
                request.trailers.append(line)
        else:
            await take(int((request.values("content-length") or ["0"])[0]))
        request.body_sha256 = digest.hexdigest()
        request.complete = True

    async def _echo(self, reader, writer, request):
        """A WebSocket's handshake, and then every byte back."""
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n")
        request.complete = True
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()

    @staticmethod
    def _answer(writer, request):
        body = json.dumps(
            {
                "method": request.method,
                "path": request.target,
                "headers": [f"{name}: {value}" for name, value in request.headers],
                "bodyBytes": request.body_bytes,
                "bodySha256": request.body_sha256,
                "trailers": [line.decode("latin-1") for line in request.trailers],
            },
            indent=1,
        ).encode() + b"\n"
        if request.method == "HEAD":
            body = b""
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
