"""The service under wrk on loopback: `python serve.py NAME WORK` prints one JSON line.

serve-explain   CDS Hooks patient-view with reasons: MLP 64-64, 35 features, 100 background rows; then
                the 99th percentile at 50 requests/s
serve-trees     the same with boosted trees and TreeSHAP
serve           the same model as serve-explain without reasons (Open Inference Protocol); the peer has the same model;
                then what the token costs, as a share of the median of one caller
fhir-create     Observations, acknowledged durable, into a record of 10^5 events, 10^6, ... CANGONG_EVENTS
                (10^5); over PostgreSQL by `tests/postgres/cluster bench/run fhir-create`
fhir-transaction  the same, 500 in a bundle
audit-verify    a trail of a million records
pages           every page's requests over 100,000 patients: the slowest of 20
hostile         what has to be refused: how long the slowest took, how much memory it cost
"""
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

CANGONG = os.environ["CANGONG"]
FEATURES, ROWS = 35, 3000
CONNECTIONS = 32  # of both sides
PATIENTS = 10_000  # whose records grow


def run(*words, stdin=None):
    done = subprocess.run([str(w) for w in words], input=stdin, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done.stdout


def table(folder):
    rng = random.Random(7)
    with open(folder / "table.csv", "w") as out:
        out.write("id,outcome," + ",".join(f"f{k}" for k in range(FEATURES)) + "\n")
        for i in range(ROWS):
            x = [rng.gauss(0, 1) for _ in range(FEATURES)]
            margin = x[0] + x[1] * x[2] - 0.5 * x[3] + 0.3 * sum(x[4:10])
            y = int(rng.random() < 1 / (1 + 2.718281828 ** -margin))
            out.write(f"{i},{y}," + ",".join(f"{v:.4f}" for v in x) + "\n")


MODELS = {"mlp": "{kind: mlp, hidden: [64, 64], epochs: 10}", "trees": "{kind: trees, rounds: 100}"}


def make_home(folder, kind):
    home = folder / f"home-{kind}"
    if (home / "models" / "m").exists():
        return home
    home.mkdir(parents=True, exist_ok=True)
    table(folder)
    (folder / "mapping.yaml").write_text(
        'tables:\n  - files: table.csv\n    subject: {column: id, keep: true}\n'
        '    time: {at: 2020-01-01}\n    events:\n'
        '      - {code: OUTCOME, value: outcome, time: {at: 2020-02-01}}\n' + "".join(
            f"      - {{code: LOINC//f{k}, value: f{k}}}\n" for k in range(FEATURES)))
    (folder / "task.yaml").write_text(
        "predicates:\n  visit: {code: LOINC//f0}\n  outcome: {code: OUTCOME}\n"
        "  bad: {code: OUTCOME, value_min: 0.5}\ntrigger: visit\nwindows:\n"
        "  target: {start: trigger, end: start + 60 days, start_inclusive: False, "
        "end_inclusive: True, index_timestamp: start, label: bad}\n")
    (folder / "recipe.yaml").write_text(
        "name: bench\nencoder: {windows: [all], aggregates: [last], min_patients: 5}\n"
        f"model: {MODELS[kind]}\nbaselines: []\nsplit: {{tuning: 0.2, held_out: 0.2}}\nseed: 1\n")
    run(CANGONG, "import", "csv", folder / "table.csv", "--mapping", folder / "mapping.yaml",
        "--into", home / "store", "-q")
    run(CANGONG, "label", folder / "task.yaml", "--store", home / "store", "--out",
        folder / "labels", "-q")
    run(CANGONG, "train", folder / "recipe.yaml", "--store", home / "store", "--labels",
        folder / "labels", "--out", home / "models" / "m", "-q")
    run(CANGONG, "approve", home / "models" / "m", "--as", "m@champion")
    return home


def hook():
    observation = lambda k, v: {"resource": {
        "resourceType": "Observation", "id": f"o{k}", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": f"f{k}"}]},
        "subject": {"reference": "Patient/1"}, "issued": "2020-01-01T00:00:00Z",
        "effectiveDateTime": "2020-01-01T00:00:00Z", "valueQuantity": {"value": v}}}
    rng = random.Random(8)
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [
        observation(k, round(rng.gauss(0, 1), 4)) for k in range(FEATURES)]}
    return {"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/1", "patientId": "1"},
            "prefetch": {"patient": {"resourceType": "Patient", "id": "1"}, "observations": bundle}}


def infer():
    bundle = hook()["prefetch"]["observations"]
    return {"inputs": [{"name": "fhir", "datatype": "BYTES", "shape": [1],
                        "data": [json.dumps(bundle)]}]}


LUA = """wrk.method="POST"
wrk.headers["Authorization"]="Bearer %s"
wrk.headers["Content-Type"]="application/json"
local n=0
local body=%s
local path="%s"
local same=not string.find(body,"@N@",1,true)
local once
request=function()
  if same then once=once or wrk.format(nil,path,nil,body) return once end
  n=n+1
  local text=string.gsub(body,"@N@",tostring(n))
  return wrk.format(nil,path,nil,(string.gsub(text,"@P@",tostring(math.random(0,@PATIENTS@-1)))))
end
"""
PAUSED = "delay=function() return math.random(0,2000) end\n"  # a request a second and connection


def wrk(folder, url, path, token, body, connections, more="", seconds=5):
    """Requests a second, and percentiles in ms."""
    text = body if isinstance(body, str) else json.dumps(body)
    script = folder / "load.lua"
    script.write_text((LUA % (token, "[==[" + text + "]==]", path)).replace("@PATIENTS@", str(PATIENTS)) + more)
    out = run("wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", script, url)
    if "Non-2xx" in out:
        sys.exit("the server refused:\n" + out)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    at = {int(share): float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit] for share, value, unit in
          re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)", out)}
    return rate, at


def load(folder, url, path, token, body, connections):
    rate, at = wrk(folder, url, path, token, body, connections)
    return rate, at[99]


class Ours:
    def __init__(self, home):
        start = time.monotonic()
        self.process = subprocess.Popen([CANGONG, "serve", str(home), "--port", "0", "--json"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.start_s = time.monotonic() - start
        self.idle_mb = self.rss()
        names = json.loads(run(CANGONG, "account", "list", home, "--json"))["accounts"]
        if "bench" not in [a["name"] for a in names]:
            run(CANGONG, "account", "add", home, "bench", "--roles", "integrator",
                stdin="long enough word\n")
        self.token = run(CANGONG, "account", "token", home, "bench").strip()

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def peer(folder, name, body, path):
    """FastAPI with one uvicorn worker, TLS, the same opaque token, the same request."""
    port = 8991
    if name == "serve":
        run(CANGONG, "onnx", folder / "home-mlp/models/m", "--out", folder / "m.onnx")
    keys = next(folder.glob("home-*")) / "keys"
    process = subprocess.Popen(
        [sys.executable, str(pathlib.Path(__file__).parent / "serve_peer.py"), name, str(port),
         str(folder / "table.csv"), str(keys / "tls.crt"), str(keys / "tls.key")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        process.stdout.readline()
        time.sleep(2)
        return load(folder, f"https://127.0.0.1:{port}", path, "token", body, CONNECTIONS)
    finally:
        process.kill()
        process.wait()


OBSERVATION = json.dumps({
    "resourceType": "Observation", "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
    "subject": {"reference": "Patient/w@P@"}, "issued": "2021-01-01T00:00:00Z",
    "valueQuantity": {"value": 0, "unit": "mg/dL", "code": "mg/dL"}}).replace(
        '"value": 0', '"value": @N@')


def lab_of(patient, n):
    return OBSERVATION.replace("@N@", str(n)).replace("@P@", str(patient))


def fill(home, service, count):
    """`count` more Observations of patients at random, by transactions of two callers."""
    rng = random.Random(count)
    entry = lambda n: ('{"request":{"method":"POST","url":"Observation"},"resource":' +
                       lab_of(rng.randrange(PATIENTS), n) + "}")
    bodies = ['{"resourceType":"Bundle","type":"transaction","entry":[' +
              ",".join(entry(500 * k + n) for n in range(500)) + "]}" for k in range(min(200, count // 500))]
    tls = ssl.create_default_context(cafile=str(home / "keys" / "tls.crt"))

    def send(times):
        caller = http.client.HTTPSConnection("127.0.0.1", int(service.url.rsplit(":", 1)[1]), context=tls)
        for k in times:
            caller.request("POST", "/fhir", bodies[k % len(bodies)],
                           {"Authorization": "Bearer " + service.token, "Content-Type": "application/json"})
            answer = caller.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"a transaction was refused: {answer.status}")

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(send, (range(k, count // 500, 2) for k in range(2))))


def people(home, service):
    entry = lambda n: json.dumps({"request": {"method": "PUT", "url": f"Patient/w{n}"},
                                  "resource": {"resourceType": "Patient", "id": f"w{n}"}})
    for first in range(0, PATIENTS, 500):
        file = home.parent / "people.json"
        file.write_text('{"resourceType":"Bundle","type":"transaction","entry":[' +
                        ",".join(entry(n) for n in range(first, first + 500)) + "]}")
        run("curl", "-sf", "--cacert", home / "keys" / "tls.crt", "-H", "Authorization: Bearer " + service.token,
            "-H", "Content-Type: application/json", "--data-binary", "@" + str(file), service.url + "/fhir")


def use_postgres(home, server):
    """The server of tests/postgres/cluster; a home of its own, whose record is empty."""
    words = dict(word.split("=", 1) for word in server.split())
    (home / "keys").mkdir(mode=0o700, exist_ok=True)
    shutil.copy(words["passfile"], home / "keys" / "database")
    (home / "keys" / "database").chmod(0o600)
    (home / "config.yaml").write_text(
        f"database: host={words['host']} dbname={words['dbname']} user={words['user']}\n"
        "database_password_file: keys/database\n")


def create(folder):
    server = os.environ.get("CANGONG_TEST_POSTGRES")
    home, most, at = make_home(folder / "pg" if server else folder, "trees"), int(
        os.environ.get("CANGONG_EVENTS", "100000")), 0
    if server:
        use_postgres(home, server)
    for file in home.glob("live.db*"):
        file.unlink()
    service, by_size = Ours(home), {}
    try:
        people(home, service)
        size = 100_000
        while size <= most:
            fill(home, service, size - at)
            rates = [load(folder, service.url, "/fhir/Observation", service.token, OBSERVATION, CONNECTIONS)
                     for _ in range(3)]
            at = size + int(5 * sum(rate for rate, _ in rates))
            by_size[size] = sorted(rates)[1]
            size *= 10
        first = by_size[100_000]
        return {"rate": first[0], "p99_ms": first[1], "rss_mb": service.rss(),
                "by_events": {n: round(rate) for n, (rate, _) in by_size.items()}}
    finally:
        service.stop()


def ask(home, service, method, path, body=None):
    words = ["curl", "-sf", "--cacert", home / "keys" / "tls.crt", "-X", method, "-H",
             "Authorization: Bearer " + service.token, "-w", "\\n%{time_total}", service.url + path]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    text, seconds = run(*words).rsplit("\n", 1)
    return text, float(seconds)


def transaction(folder):
    home = make_home(folder, "trees")
    service = Ours(home)
    try:
        people(home, service)
        entry = '{"request":{"method":"POST","url":"Observation"},"resource":' + OBSERVATION + "}"
        body = '{"resourceType":"Bundle","type":"transaction","entry":[' + ",".join([entry] * 500) + "]}"
        rate, tail = load(folder, service.url, "/fhir", service.token, body, 4)
        return {"rate": 500 * rate, "p99_ms": tail, "rss_mb": service.rss()}
    finally:
        service.stop()


def verify(folder):
    """The chain as docs/formats.md describes it."""
    file, previous, records = folder / "trail.ndjson", "0" * 64, 1_000_000
    with open(file, "w") as out:
        for n in range(1, records + 1):
            line = ('{"n":%d,"at":"2026-01-01T00:00:00Z","previous":"%s","what":"predict","subject":"%d",'
                    '"who":"ehr","from":"127.0.0.1","trace":"4bf92f3577b34da6a3ce929d0e0e4736","as_of":'
                    '"2026-01-01T00:00:00Z","model":"%s","name":"heart@champion","answer":"prediction",'
                    '"value":0.17932856}' % (n, previous, n % 9000, "a" * 64))
            previous = hashlib.sha256(line.encode()).hexdigest()
            out.write(line[:-1] + ',"digest":"' + previous + '"}\n')
    start = time.monotonic()
    run(CANGONG, "audit", "verify", file, "--contains", previous)
    return {"rate": records / (time.monotonic() - start)}


def pages(folder):
    home, study = folder / "home-pages", pathlib.Path(__file__).parents[1] / "studies/synthetic-heart"
    if not (home / "models" / "heart").exists():
        home.mkdir(parents=True)
        run(CANGONG, "synthesize", "--patients", "100000", "--into", home / "store", "-q")
        run(CANGONG, "label", study / "task.yaml", "--store", home / "store", "--out",
            folder / "labels-pages", "-q")
        run(CANGONG, "train", study / "recipe.yaml", "--store", home / "store", "--labels",
            folder / "labels-pages", "--out", home / "models" / "heart", "-q")
        run(CANGONG, "approve", home / "models" / "heart", "--as", "heart@champion")
    service = Ours(home)
    try:
        start = time.monotonic()
        job = json.loads(ask(home, service, "POST", "/api/jobs", {"kind": "predict", "model": "heart"})[0])
        while json.loads(ask(home, service, "GET", "/api/jobs/" + job["id"])[0])["state"] != "done":
            time.sleep(0.5)
        job_s = time.monotonic() - start
        slowest = {}
        for path in ("/", "/api/models", "/api/models/heart", "/api/jobs", "/api/monitoring",
                     "/api/patients?model=heart", "/api/patients?model=heart&_offset=99900",
                     "/api/patients?q=77", "/api/patients/{p}/timeline",
                     "/api/patients/{p}/trend?model=heart", "POST /api/patients/{p}/predict"):
            for k in range(20):
                words = path.replace("{p}", str(1 + 4999 * k)).split(" ")
                body = {"model": "heart"} if len(words) == 2 else None
                took = ask(home, service, words[0] if body else "GET", words[-1], body)[1]
                slowest[path] = max(slowest.get(path, 0), 1000 * took)
        return {"rate": 1000 / max(slowest.values()), "slowest_ms": slowest, "job_s": job_s,
                "rss_mb": service.rss()}
    finally:
        service.stop()


HEAD = b"POST /fhir/Observation HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"


def attacks(token):
    """Bytes that have to be refused, by name."""
    head = HEAD % token.encode()
    body = lambda text: head + b"Content-Length: %d\r\n\r\n" % len(text) + text
    return {
        "nesting": body(b"[" * 200_000),
        "gzip bomb": head + b"Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n" + b"\x1f\x8b" * 500,
        "4 GB announced": head + b"Content-Length: 4000000000\r\n\r\n",
        "huge chunk": head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "endless chunk size": head + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 200_000,
        "two lengths": head + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "long head": b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\n\r\n",
        "many headers": b"GET /livez HTTP/1.1\r\n" + b"X: a\r\n" * 9000 + b"\r\n",
        "no HTTP": b"\x00\x01\x02\r\n\r\n",
        "a field 50,000 times": body(b'{"resourceType":"Observation"' + b',"status":"final"' * 50_000 + b"}"),
        "100,000 identifiers": body(b'{"resourceType":"Patient","identifier":[' + b'{"value":"x"},' * 100_000
                                    + b"{}]}"),
        "100,000 codings": body(b'{"resourceType":"Observation","code":{"coding":[' + b'{"code":"x"},' * 100_000
                                + b"{}]}}"),
        "half a body": head + b'Content-Length: 2\r\n\r\n{"',
        "1,000 parameters": b"GET /fhir/Patient?" + b"name=a&" * 1000 + b" HTTP/1.1\r\nHost: a\r\n"
                            b"Connection: close\r\nAuthorization: Bearer " + token.encode() + b"\r\n\r\n",
        "an invalid token": b"GET /fhir/metadata HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                            b"Authorization: Bearer a.b.c\r\n\r\n"}


def hostile(folder):
    """Over a connection that stands: from the last byte sent to the status line."""
    home = make_home(folder, "trees")
    service = Ours(home)
    tls = ssl.create_default_context(cafile=str(home / "keys" / "tls.crt"))
    slowest, statuses, grew = {}, {}, {}
    try:
        for name, data in attacks(service.token).items():
            before = service.rss()
            for round in range(20):
                with socket.create_connection(("127.0.0.1", int(service.url.rsplit(":", 1)[1])), 10) as plain:
                    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    with tls.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                        start = time.monotonic()
                        try:
                            secure.sendall(data)
                        except OSError:
                            pass
                        try:
                            statuses[name] = secure.recv(100)[9:12].decode()
                        except OSError:
                            statuses[name] = "closed"
                        slowest[name] = max(slowest.get(name, 0), 1000 * (time.monotonic() - start))
                if round == 0:
                    grew[name] = service.rss() - before
        taken = {name: s for name, s in statuses.items() if not s.startswith("4") and s not in ("", "closed")}
        if taken:
            sys.exit(f"not refused: {taken}")
        return {"rate": 1000 / max(slowest.values()), "slowest_ms": slowest, "statuses": statuses,
                "grew_mb": grew}
    finally:
        service.stop()


def token_share(folder, service, body, path):
    """The median of one caller who asks for almost nothing, with and without a token, in turn."""
    livez = [[wrk(folder, service.url, "/livez", token, "", 1, GET + more, 3)[1][50] for _ in range(3)]
             for token, more in ((service.token, ""), ("", WITHOUT_TOKEN))]
    cost = sorted(livez[0])[1] - sorted(livez[1])[1]
    return cost / wrk(folder, service.url, path, service.token, body, 1)[1][50]


GET = 'wrk.method="GET"\n'
WITHOUT_TOKEN = 'wrk.headers["Authorization"]=nil\n'
ALONE = {"fhir-create": create, "fhir-transaction": transaction, "audit-verify": verify, "pages": pages,
         "hostile": hostile}


def main(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    if name in ALONE:
        return ALONE[name](folder)
    body, path = (infer(), "/v2/models/m/infer") if name == "serve" else (hook(), "/cds-services/m")
    service = Ours(make_home(folder, "trees" if name == "serve-trees" else "mlp"))
    try:
        rate, tail = load(folder, service.url, path, service.token, body, CONNECTIONS)
        more = {"rss_mb": service.rss()}
        if name == "serve":
            more["token_share"] = token_share(folder, service, body, path)
        if name == "serve-explain":
            steady, at = wrk(folder, service.url, path, service.token, body, 50, PAUSED, 20)
            more |= {"at_50_rate": steady, "at_50_p99_ms": at[99]}
    finally:
        service.stop()
    theirs, their_tail = peer(folder, name, body, path)
    return {"rate": rate, "peer_rate": theirs, "p99_ms": tail, "peer_p99_ms": their_tail,
            "start_s": service.start_s, "idle_mb": service.idle_mb, **more}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], pathlib.Path(sys.argv[2]))))
