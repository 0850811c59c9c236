"""What every end-to-end test class has: one Envoy, one application, and words to say what should happen."""

import unittest

from harness import HOST, client
from harness.bootstrap import Listener
from harness.envoy import Envoy
from harness.http2 import Stream
from harness.upstream import Upstream

# Tests look at every event, so none may be dropped.
ALL_EVENTS = {"log": {"perSecond": 10000}}
# Many clients from one machine: the harness is the one trusted proxy, and says who the client is.
FORWARDED = {"from": [{"forwardedFor": {"trustedHops": 1}}, "peer"]}


def config(**sections):
    """A config document with every event logged."""
    return {"telemetry": ALL_EVENTS, **sections}


class Case(unittest.TestCase):
    """A test class. `listeners` are the ports of its Envoy; the first one is where requests go unless told."""

    binary = None
    listeners = {"main": Listener(config())}
    clusters = ()  # those that the listeners need besides the application

    @classmethod
    def setUpClass(cls):
        upstream = Upstream()
        cls.upstream = upstream.__enter__()
        cls.addClassCleanup(upstream.__exit__)
        envoy = Envoy(cls.binary, cls.listeners, cls.upstream.port, more_clusters=cls.clusters)
        cls.addClassCleanup(envoy.__exit__)
        cls.envoy = envoy.__enter__()

    def setUp(self):
        self._failures_before = len(self.envoy.vm_failures())

    def tearDown(self):
        self.assertTrue(self.envoy.is_running(), "Envoy has ended")
        self.assertEqual(self.envoy.vm_failures()[self._failures_before :], [], "the VM trapped")

    def port(self, on="main"):
        """The port of a listener."""
        return self.envoy.ports[on]

    def send(self, method="GET", target="/", headers=(), body=None, *, chunks=None, on="main", **how):
        """One request on a connection of its own."""
        return self.send_raw(client.request(method, target, headers, body, chunks=chunks), on=on, **how)

    def send_raw(self, pieces, *, on="main", port=None, pause_s=0.0, source=HOST):
        """The same, of pieces that go out as they are; to another Envoy if `port` is given."""
        self.upstream.take()
        return client.send(port or self.port(on), pieces, pause_s=pause_s, source=source)

    def stream(self, headers, *, on="main", **how):
        """One request over HTTP/2, of which the caller sends the rest."""
        self.upstream.take()
        return Stream(self.port(on), headers, **how)

    def assert_passes(self, response, what=""):
        """The application has answered."""
        if response.status != 200:
            self.fail(f"{what}: status {response.status} instead of 200, {response.body[:200]!r}")
        return response

    def assert_refused(self, response, reason, *, status=403, on="main"):
        """backstop has answered. `reason` is a family, or the whole text between the braces of the details."""
        self.assertEqual(response.status, status, f"expected a refusal for {reason}")
        entry = self.envoy.access(response, on)
        wanted = rf"^backstop\{{{reason}\}}$" if ":" in reason else rf"^backstop\{{{reason}:{reason}-[a-z0-9-]+\}}$"
        self.assertRegex(entry["details"] or "", wanted)
        return entry

    def assert_vm_alive(self, on="main", rounds=6):
        """A harmless request passes on every worker, and nothing in the log says otherwise."""
        for _ in range(rounds):
            self.assert_passes(self.send("GET", "/alive", on=on), "a harmless request afterwards")
        self.assertEqual(self.envoy.vm_failures()[self._failures_before :], [], "the VM trapped")
