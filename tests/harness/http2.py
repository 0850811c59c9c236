"""Requests over HTTP/2 without TLS: bodies in frames of one's choice, trailers, streams that stay open."""

import time

import h2.config
import h2.connection
import h2.events

from harness.client import Response, connect, receive


class Stream:
    """One request on a connection of its own: `with Stream(port, headers) as stream:`, then data, trailers, answer."""

    def __init__(self, port, headers, *, method="POST", path="/", end=False, whole=False):
        """`whole` says that the pseudo-headers are among the headers."""
        self._began = time.time()
        self._link = connect(port)
        self.local = self._link.getsockname()
        as_it_is = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self._h2 = h2.connection.H2Connection(as_it_is)
        self._h2.initiate_connection()
        self._id = self._h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", "shop.example"), (":path", path)]
        self._h2.send_headers(self._id, headers if whole else [*pseudo, *headers], end_stream=end)
        self._flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._link.close()

    def data(self, data, end=False):
        """Sends data, at most a frame of it."""
        self._h2.send_data(self._id, data, end_stream=end)
        self._flush()

    def trailers(self, trailers):
        """Ends the request with trailers."""
        self._h2.send_headers(self._id, trailers, end_stream=True)
        self._flush()

    def answer(self):
        """Reads until the stream or the connection ends."""
        result = Response(0, [], b"", self.local)
        self._read(result)
        result.held = (self._began, time.time())
        return result

    def _read(self, result):
        while data := receive(self._link):
            for event in self._h2.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    result.headers = [(_text(name), _text(value)) for name, value in event.headers]
                    result.status = int(result.value(":status"))
                elif isinstance(event, h2.events.TrailersReceived):
                    result.headers += [(_text(name), _text(value)) for name, value in event.headers]
                elif isinstance(event, h2.events.DataReceived):
                    result.body += event.data
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    return
            self._flush()

    def _flush(self):
        self._link.sendall(self._h2.data_to_send())


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value
