"""The one way out: listed hosts alone, verified, in bounded time. Its peers are servers on loopback."""
import http.server
import socket
import ssl
import subprocess
import threading
import time

from checks import PROGRAM, check
from client import Service


def certificate(folder, name, alternative):
    """Self-signed, for one name or address."""
    key, crt = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=" + name,
                    "-addext", "subjectAltName=" + alternative], check=True, capture_output=True)
    return crt, key


class Peer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    elsewhere, seen, stop = "", [], threading.Event()

    def log_message(self, *ignored):
        pass

    def do_GET(self):
        self.seen.append((self.path, dict(self.headers)))
        if self.path == "/elsewhere":
            self.answer(302, b"", {"Location": self.elsewhere})
        elif self.path == "/round":
            self.answer(302, b"", {"Location": "/round"})
        elif self.path == "/near":
            self.answer(302, b"", {"Location": "/fine"})
        elif self.path == "/endless":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
            for _ in range(1000):  # 64 MB: more than anyone takes
                self.wfile.write(chunk)
        elif self.path == "/header":
            self.answer(200, b"", {f"X-{n}": "a" * 1000 for n in range(100)})
        elif self.path == "/silent":
            self.stop.wait(30)
        elif self.path == "/drips":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            while not self.stop.wait(0.2):
                self.wfile.write(b"a")
        else:
            self.answer(200, b"fine", {"Content-Type": "text/plain"})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *ignored):
        pass  # the other side left, as it should


def peer(pair, handler=Peer):
    server = Quiet(("127.0.0.1", 0), handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pair)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, server.server_address[1]


def listed(home, *hosts):
    """The configuration with these hosts; what stood there before."""
    config = home / "config.yaml"
    before = config.read_text()
    lines = "".join(f'  - {{host: "{host}", ca: {ca}}}\n' for host, ca in hosts)
    config.write_text(before + "\noutbound:\n" + lines)
    return before


def check_outbound(home, t):
    folder = home.parent
    good = certificate(folder, "peer", "IP:127.0.0.1,DNS:localhost")
    other = certificate(folder, "stranger", "IP:127.0.0.1")
    named = certificate(folder, "elsewhere", "DNS:ehr.example.org")
    servers = [peer(pair) for pair in (good, good, other, named)]
    port, unlisted, strange, misnamed = (p for _, p in servers)
    mute = socket.create_server(("127.0.0.1", 0))  # accepts, and says nothing
    Peer.elsewhere = f"https://127.0.0.1:{unlisted}/fine"
    before = listed(home, (f"127.0.0.1:{port}", good[0]), (f"localhost:{port}", good[0]),
                    (f"127.0.0.1:{strange}", good[0]), (f"127.0.0.1:{misnamed}", named[0]),
                    (f"127.0.0.1:{mute.getsockname()[1]}", good[0]))
    try:
        with Service(PROGRAM, home) as s:
            check_peers(s, t, port, unlisted, strange, misnamed, mute.getsockname()[1])
            check_recorded(s, t, port)
    finally:
        Peer.stop.set()
        (home / "config.yaml").write_text(before)
        mute.close()
        for server, _ in servers:
            server.shutdown()
            server.server_close()
    (home / "config.yaml").write_text(before + "\noutbound:\n  - {host: \"http://x\"}\n")
    wrong = subprocess.run([PROGRAM, "serve", str(home), "--port", "0"], capture_output=True, text=True)
    check("what is no host is refused at the start, with its place", wrong.returncode != 0 and
          "config.yaml:" in wrong.stderr, wrong.stderr)
    (home / "config.yaml").write_text(before)


def check_peers(s, t, port, unlisted, strange, misnamed, mute):
    def ask(url, **more):
        start = time.monotonic()
        got = s.ask("POST", "/admin/outbound/trial", {"url": url, "seconds": 2, **more}, token=t["admin"])
        check(f"{url.split('/', 3)[-1]} in bounded time", time.monotonic() - start < 4,
              time.monotonic() - start)
        return got

    here = f"https://127.0.0.1:{port}"
    fine = ask(here + "/fine")
    check("a listed host is asked", fine.status == 200 and fine.json() == {
        "status": 200, "type": "text/plain", "bytes": 4}, fine)
    check("by its name too", ask(f"https://LOCALHOST:{port}/fine").status == 200)
    no = ask(f"https://127.0.0.1:{unlisted}/fine")
    check("an unlisted one is refused, and how to list it said", no.status == 403 and
          "outbound:" in no.json()["detail"], no)
    for url in (f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{port}@evil.example/",
                "https://[::1/", "https:///x", f"https://127.0.0.1:{port}/a b", "file:///etc/passwd",
                f"https://127.0.0.1:{port}/\r\nX: y", "https://a:0/", "https://a:99999/"):
        check(f"no address: {url!r}", ask(url).status in (400, 403))
    for what, where in {"an authority that is not the listed one": strange,
                        "a certificate for another name": misnamed}.items():
        got = ask(f"https://127.0.0.1:{where}/fine")
        check(what + " is refused", got.status == 502 and "TLS" in got.json()["detail"], got)
    check("no redirect is followed unless asked", ask(here + "/elsewhere").json()["status"] == 302)
    got = ask(here + "/elsewhere", follow=True)
    check("nor to a host that is not listed", got.status == 403, got)
    check("to the same it is", ask(here + "/near", follow=True).json()["bytes"] == 4)
    check("but not in circles", ask(here + "/round", follow=True).status == 502)
    for path in ("/endless", "/header", "/silent", "/drips"):
        check(f"{path} is refused", ask(here + path).status == 502)
    check("silence before TLS is", ask(f"https://127.0.0.1:{mute}/").status == 502)
    check("and a port where nobody listens", ask("https://127.0.0.1:1/").status == 403)


def check_recorded(s, t, port):
    events = s.ask("GET", "/api/audit?what=outbound", token=t["auditor"]).json()["events"]
    check("each way out is in the trail, without its address", events and all(
        e["host"].endswith(f"{port}") or ":" in e["host"] for e in events) and
        "/fine" not in str(events), events[:1])
