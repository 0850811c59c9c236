"""The requests of each scenario, as bytes for the wire; random ones are the same in every run."""

import dataclasses
import functools
import json
import random
from urllib.parse import quote_plus

from bench import HERE
from e2e.attacks import ATTACKS, BOUNDARY, PLACES, STANDS
from harness.client import request

INSPECTED = 131_072  # the default of `body.inspect`
LARGE_JSON = 65_400
LARGE_ONES = 50  # distinct ones of that size, with some 30,000 values
FRESH = 20_000  # distinct requests, more than any filter is likely to remember
ATTACK_SHARE = 0.05

WORDS = "amber bright calm dawn early field garden harbour island july kind lantern meadow north ocean quiet river stone tide under violet winter yellow".split()
CITIES = "Rotterdam Gent Lyon Porto Bergen Turin Leeds Graz Aarhus Bilbao".split()
SYSTEMS = ["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 15; Pixel 9"]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Requests to be sent in turn, again and again."""

    label: str
    make: object  # a function that gives the requests, called once
    refused: float = 0.0  # the share of them that backstop must refuse
    body_bytes: int = 0
    reads: int = 0  # an empty filter that reads so much of each body takes part

    @functools.cached_property
    def requests(self):
        """The requests."""
        return self.make()


@functools.cache
def recorded(name):
    """The parts of a request in `tests/bench/requests`: method, target, headers after Host, body."""
    head, body = (HERE / "requests" / f"{name}.http").read_text().split("\n\n", 1)
    first, *lines = head.split("\n")
    headers = [tuple(line.split(": ", 1)) for line in lines]
    method, target, _ = first.split(" ")
    return method, target, [h for h in headers if h[0] not in ("Host", "Content-Length")], body or None


def wire(method, target, headers, body=None):
    """A request as it is sent."""
    return b"".join(request(method, target, headers, body))


def with_cookies(count):
    """The browser's request with so many cookies, as shops with many partners set them."""
    method, target, headers, _ = recorded("browser-get")
    rng = random.Random(30)
    more = [f"{rng.choice(WORDS)}_{n}={rng.getrandbits(80):x}" for n in range(count - 4)]
    headers = [(name, "; ".join([value, *more]) if name == "Cookie" else value) for name, value in headers]
    return wire(method, target, headers)


@functools.cache
def large_json(seed):
    """The shop's document with so many seats, each with a note of its own, that it has 64 KB."""
    method, target, headers, body = recorded("json-post")
    rng = random.Random(seed)
    document = json.loads(body)
    seats = document["seats"]
    document["seats"] = []
    while len(text := json.dumps(document)) < LARGE_JSON:
        number = len(document["seats"])
        note = " ".join(rng.choices(WORDS, k=5))
        document["seats"].append({**seats[number % len(seats)], "id": 4711 + number, "note": note})
    return wire(method, target, headers, text)


@functools.cache
def upload(size):
    """A multipart upload of about `size` bytes: two fields, and a picture's bytes."""
    method, target, headers, _ = recorded("json-post")
    headers = [h for h in headers if h[0] != "Content-Type"] + [("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")]
    field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    fields = field % ("title", "the quiet ones, live") + field % ("note", "third row, left of the stage")
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="stage.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    picture = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + random.Random(1).randbytes(size - 600)
    return wire(method, target, headers, (fields + file).encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode())


class Visitors:
    """Requests of many visitors: nothing in a header that a filter could know from the request before."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def words(self, count):
        """Some words, as people write them."""
        return " ".join(self.rng.choice(WORDS) for _ in range(count))

    def hex(self, digits):
        """So many random hexadecimal digits."""
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"

    def headers(self, *more):
        """The headers of the recorded browser, with values of this visitor."""
        rng = self.rng
        version = f"{rng.randint(120, 145)}.0.{rng.randint(1000, 9999)}.{rng.randint(0, 250)}"
        fresh = {
            "User-Agent": f"Mozilla/5.0 ({rng.choice(SYSTEMS)}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version} Safari/537.36",
            "Accept-Language": f"{rng.choice(['en-GB', 'nl-BE', 'fr-FR', 'de-AT'])},en;q=0.{rng.randint(1, 9)}",
            "Referer": f"https://shop.example/artists/{self.words(3).replace(' ', '-')}-{self.hex(6)}?tab=dates",
            "Cookie": f"theme=dark; _ga=GA1.2.{rng.randint(10**8, 10**10)}.{rng.randint(10**9, 2 * 10**9)}; session={self.hex(20)}; cart=ey{self.hex(24)}",
            "X-Forwarded-For": f"203.0.{rng.randint(0, 7)}.{rng.randint(1, 254)}",
        }
        _, _, headers, _ = recorded("browser-get")
        return [(name, fresh.get(name, value)) for name, value in headers] + list(more)

    def target(self):
        """A page, and what to show on it."""
        rng = self.rng
        query = f"artist={quote_plus(self.words(3))}&city={rng.choice(CITIES)}&from=2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        return f"/tickets/{self.hex(12)}/search?{query}&seats={rng.randint(1, 9)}&sort=-price&page={rng.randint(1, 90)}"

    def get(self):
        """A page asked for."""
        return wire("GET", self.target(), self.headers())

    def json(self):
        """An order of 2.4 KB."""
        document = json.loads(recorded("json-post")[3])
        for seat in document["seats"]:
            seat.update(id=self.rng.randint(1000, 99999), note=self.words(4))
        return wire("POST", self.target(), self.headers(("Content-Type", "application/json")), json.dumps(document))

    def form(self):
        """A form of six fields."""
        fields = [f"{name}={quote_plus(self.words(4))}" for name in ("name", "street", "city", "note", "artist", "wish")]
        return wire("POST", self.target(), self.headers(("Content-Type", "application/x-www-form-urlencoded")), "&".join(fields))

    def attack(self):
        """One of the attacks of the end-to-end tests."""
        family = self.rng.choice(list(ATTACKS))
        place = PLACES[self.rng.choice(STANDS[family])](ATTACKS[family])
        own = {name for name, _ in place["headers"]}
        headers = [h for h in self.headers() if h[0] not in own] + list(place["headers"])
        return wire(place["method"], place["target"], headers, place.get("body"))

    def large(self):
        """A document of 64 KB."""
        return large_json(self.rng.randrange(LARGE_ONES))

    def picture(self):
        """An upload of 1 MB."""
        return upload(1_000_000)

    def shuffled(self, **percent):
        """FRESH requests, so many of each kind in a hundred."""
        kinds = [kind for kind, share in percent.items() for _ in range(round(share * FRESH / 100))]
        self.rng.shuffle(kinds)
        return [getattr(self, kind)() for kind in kinds]


SCENARIOS = {
    "get": Scenario("browser-like GET", lambda: [wire(*recorded("browser-get"))]),
    "fresh": Scenario("GET, every value new", lambda: Visitors(1).shuffled(get=100)),
    "cookies": Scenario("GET with 30 cookies", lambda: [with_cookies(30)]),
    "json": Scenario("2.4 KB JSON POST", lambda: [wire(*recorded("json-post"))]),
    "jsonfresh": Scenario("JSON POST, every value new", lambda: Visitors(4).shuffled(json=100)),
    "json64k": Scenario("64 KB JSON POST", lambda: [large_json(seed) for seed in range(LARGE_ONES)], body_bytes=LARGE_JSON),
    "upload": Scenario("1 MB upload, 128 KB inspected", lambda: [upload(1_000_000)], reads=INSPECTED),
    "blocked": Scenario("blocked SQL injection", lambda: [wire(*recorded("sql-injection"))], refused=1.0),
    "mix": Scenario("95 % harmless, 5 % attacks", lambda: Visitors(2).shuffled(get=75, json=10, form=10, attack=5), refused=ATTACK_SHARE),
}

# Everything there is, for what the VM keeps in the long run.
LONG_RUN = Scenario("mixed requests", lambda: Visitors(3).shuffled(get=63.9, json=20, form=10, attack=5, large=1, picture=0.1), ATTACK_SHARE)
