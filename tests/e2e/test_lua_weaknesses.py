"""Each weakness of the Lua filters that backstop replaces, as a test that backstop passes."""

import hashlib
import itertools
import json
import time
from urllib.parse import quote

from e2e.attacks import ATTACKS, PLACES
from e2e.case import FORWARDED, Case, config
from harness.bootstrap import Listener

SECRETS = ["a-secret-of-last-month", "a-secret-of-this-month"]
SQLI = ATTACKS["sqli"]
_numbers = itertools.count(1)


def digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


def new_client():
    return f"192.0.2.{next(_numbers)}"


class LuaWeaknesses(Case):
    listeners = {
        "main": Listener(
            config(
                client={**FORWARDED, "allow": ["198.51.100.0/24"]},
                exempt=[{"exact": "/health"}],
                limits=[{"name": "api", "paths": [{"prefix": "/api/orders"}], "key": ["client"], "rate": "2/s", "burst": 6}],
            )
        ),
        "origin": Listener(
            config(client=FORWARDED, origin={"sha256": [digest(s) for s in SECRETS], "exempt": [{"exact": "/health"}]})
        ),
    }

    def ask(self, target, client, **how):
        return self.send("GET", target, [("X-Forwarded-For", client)], **how)

    def passed_of(self, targets, client):
        """How many of these requests in a row pass, beside how many the bucket may let through at most."""
        began = time.monotonic()
        passed = sum(self.ask(target, client).status == 200 for target in targets)
        return passed, 6 + int((time.monotonic() - began) * 2) + 1

    def test_1_the_leftmost_forwarded_address_allows_nobody(self):
        attack = "/?q=" + quote(SQLI)
        self.assert_passes(self.ask(attack, "198.51.100.7"), "an allowed client")
        self.assert_refused(self.ask(attack, "198.51.100.7, 203.0.113.9"), "sqli")
        self.assert_refused(self.ask(attack, "198.51.100.7,198.51.100.8,203.0.113.9"), "sqli")

    def test_2_an_exempt_path_in_the_query_exempts_nothing(self):
        self.assert_refused(self.ask("/?x=/health&q=" + quote(SQLI), new_client()), "sqli")
        self.assert_refused(self.ask("/?x=/health", new_client(), on="origin"), "origin:missing", on="origin")
        passed, most = self.passed_of(["/api/orders?x=/health"] * 20, new_client())
        self.assertLessEqual(passed, most)

    def test_3_a_changing_query_gives_no_new_bucket(self):
        passed, most = self.passed_of([f"/api/orders?page={i}" for i in range(20)], new_client())
        self.assertTrue(6 <= passed <= most, passed)

    def test_4_workers_share_the_buckets_and_rate_and_burst_are_obeyed(self):
        client = new_client()
        passed, most = self.passed_of(["/api/orders"] * 40, client)
        self.assertTrue(6 <= passed <= most, passed)
        time.sleep(1.05)
        passed, most = self.passed_of(["/api/orders"] * 20, client)
        self.assertTrue(2 <= passed <= most - 6 + 2, f"{passed} passed after one second at 2/s")

    def test_5_encodings_hide_nothing_and_every_part_is_read(self):
        once = quote(SQLI, safe="")
        spellings = {
            "percent, twice": "/?q=" + quote(once, safe=""),
            "percent, three times": "/?q=" + quote(quote(once, safe=""), safe=""),
            "comments": "/?q=" + quote("1'/**/UNION/**/SELECT/**/username,password/**/FROM/**/users-- -"),
            "tabs and lines": "/?q=" + quote("1'\tUNION\nSELECT\tusername,password\r\nFROM\tusers-- -"),
            "mixed case": "/?q=" + quote("1' uNiOn SeLeCt username, password fRoM users-- -"),
            "%u": "/?q=" + "".join(f"%u{ord(c):04x}" for c in SQLI),
            "full-width": "/?q=" + quote("1\uff07 \uff35\uff2e\uff29\uff2f\uff2e \uff33\uff25\uff2c\uff25\uff23\uff34 username, password FROM users-- -"),
            "plus": "/?q=" + SQLI.replace(" ", "+").replace("'", "%27"),
        }  # fmt: skip
        for name, target in spellings.items():
            with self.subTest(name):
                self.assert_refused(self.ask(target, new_client()), "sqli")
        for place in ("JSON value", "form value", "multipart text", "XML text", "cookie", "header"):
            with self.subTest(place):
                self.assert_refused(self.send(**PLACES[place](SQLI)), "sqli")
        for name in ("X-Api-Version", "Authorization", "Accept-Language", "X-Forwarded-Host", "True-Client-Ip"):
            with self.subTest(name):
                self.assert_refused(self.send("GET", "/", [(name, ATTACKS["log4shell"])]), "log4shell")

    def test_6_every_value_of_a_repeated_header_is_read(self):
        for at in range(4):
            headers = [("X-Note", "fine")] * 4
            headers[at] = ("X-Note", ATTACKS["log4shell"])
            with self.subTest(at=at):
                self.assert_refused(self.send("GET", "/", headers), "log4shell")

    def test_7_quotes_and_dashes_alone_are_no_attack(self):
        for text in ("O'Brien", "it's 5 o'clock; isn't it?", "seats -- aisle, please", "rock 'n' roll; 'live' at \"The Hall\"", "a--b"):
            with self.subTest(text):
                self.assert_passes(self.ask("/?q=" + quote(text), new_client()))
                self.assert_passes(self.send("POST", "/n", [("Content-Type", "application/json")], json.dumps({"note": text})))

    def test_8_the_secret_is_a_digest_two_may_live_and_failures_log_nothing_unescaped(self):
        for secret in SECRETS:
            self.assert_passes(self.send("GET", "/", [("X-Origin-Verify", secret)], on="origin"))
        dump = self.envoy.get("/config_dump")
        self.assertIn(digest(SECRETS[0]), dump)
        for secret in SECRETS:
            self.assertNotIn(secret, dump)
        before = len(self.envoy.log_lines())
        forged = '203.0.113.9"}, {"blocked": false, "x": "'
        self.assert_refused(self.ask("/", forged, on="origin"), "origin:missing", on="origin")
        for line in self.envoy.log_lines()[before:]:
            self.assertNotIn('{"blocked": false', line)

    def test_9_spellings_of_a_path_share_its_limit(self):
        spellings = ["/api/orders", "//api/orders", "/api//orders", "/api%2forders", "/api/%6frders", "/api/./orders", "/./api/orders"]
        passed, most = self.passed_of([spellings[i % len(spellings)] for i in range(21)], new_client())
        self.assertTrue(6 <= passed <= most, passed)
