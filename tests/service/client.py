"""A home with a model, the service over it, and requests to it."""
import http.client
import json
import os
import pathlib
import resource
import signal
import ssl
import subprocess
import time


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def keep(asked, answer):
    """Resources for r4.py, where CANGONG_EMITTED names a file."""
    file = os.environ.get("CANGONG_EMITTED")
    kind = answer.headers.get("Content-Type", "")
    if file and answer.body and kind.startswith("application/fhir"):
        texts = answer.body.splitlines() if kind.endswith("ndjson") else [answer.body]
        with open(file, "a") as out:
            for text in texts:
                out.write(json.dumps({"asked": asked, "resource": json.loads(text)}) + "\n")


class Service:
    """`with Service(program, home) as service`: started, and ended with SIGTERM. `largest_file`: no
    file can grow beyond, as on a full disk."""

    def __init__(self, program, home, largest_file=None):
        self.program, self.home, self.largest_file = program, pathlib.Path(home), largest_file

    def limit_files(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest_file, self.largest_file))

    def __enter__(self):
        self.log = open(self.home.parent / (self.home.name + ".log"), "ab")
        self.process = subprocess.Popen(
            [self.program, "serve", str(self.home), "--port", "0", "--json"],
            stdout=subprocess.PIPE, stderr=self.log, 
            preexec_fn=self.limit_files if self.largest_file else None)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the service did not start: {self.log_text()[-500:]}")
        self.about = json.loads(line)
        self.port = int(self.about["url"].rsplit(":", 1)[1])
        self.tls = ssl.create_default_context(cafile=str(self.home / "keys" / "tls.crt"))
        return self

    def __exit__(self, *ignored):
        self.stop()

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.log.close()
        return code

    def log_text(self):
        return (self.home.parent / (self.home.name + ".log")).read_text(errors="replace")

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=30)

    def ask(self, method, path, body=None, token=None, headers=None, connection=None):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        own = connection or self.connect()
        try:
            own.request(method, path, body=body, headers=headers)
            answer = Answer(own.getresponse())
            keep(f"{method} {path}", answer)
            return answer
        finally:
            if not connection:
                own.close()

    def raw(self, data, wait=10):
        """Bytes as they are; what comes back until the connection ends."""
        import socket
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as plain:
            with self.tls.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                got = b""
                try:
                    secure.sendall(data)
                    while chunk := secure.recv(65536):
                        got += chunk
                except OSError:
                    pass
                return got


def run(program, *words, stdin=None):
    done = subprocess.run([program, *map(str, words)], input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{words}: {done.stderr[-500:]}")
    return done.stdout


def make_home(program, folder):
    """A synthetic hospital with one approved model, and accounts of every role."""
    home = pathlib.Path(folder) / "home"
    home.mkdir()
    root = pathlib.Path(__file__).resolve().parents[2] / "studies" / "synthetic-heart"
    run(program, "synthesize", "--patients", "8000", "--seed", "1", "--into", home / "store", "-q")
    run(program, "label", root / "task.yaml", "--store", home / "store", "--out",
        home.parent / "labels", "-q")
    run(program, "train", root / "recipe.yaml", "--store", home / "store", "--labels",
        home.parent / "labels", "--out", home / "models" / "heart", "-q")
    run(program, "approve", home / "models" / "heart", "--as", "heart@champion")
    return home


SMALL_TIMELINES = """name: small
description: What comes next in the records of the synthetic hospital, by a very small model.
window: {context: 48}
model: {layers: 2, heads: 2, width: 32}
training: {people: 32, steps: 60, warm_up: 10, evaluate_every: 60, judged_people: 100}
card: {%s}
"""


def train_timelines(program, home, card=""):
    """An approved model of whole timelines, "coming"."""
    recipe = home.parent / "timelines.yaml"
    recipe.write_text(SMALL_TIMELINES % card)
    run(program, "pretrain", recipe, "--store", home / "store", "--out", home / "models" / "coming", "-q")
    run(program, "approve", home / "models" / "coming", "--as", "coming@champion")


def make_accounts(program, home):
    """Tokens by role; the home must have been served once."""
    tokens = {}
    for role in ("clinician", "scientist", "integrator", "admin", "auditor"):
        run(program, "account", "add", home, "a-" + role, "--roles", role,
            stdin="correct horse battery\n")
        tokens[role] = run(program, "account", "token", home, "a-" + role).strip()
    return tokens


def wait_until(holds, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False
