"""The service under wrk on loopback: `python serve.py NAME WORK` prints one JSON line.

serve-explain   CDS Hooks patient-view with reasons: MLP 64-64, 35 features, 100 background rows
serve-trees     the same with boosted trees and TreeSHAP
serve           the same model as serve-explain without reasons (Open Inference Protocol); the peer has the same model
fhir-create     Observations, acknowledged durable
fhir-transaction  the same, 500 in a bundle
audit-verify    a trail of a million records
pages           every page's requests over 100,000 patients: the slowest of 20
"""
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

CANGONG = os.environ["CANGONG"]
FEATURES, ROWS = 35, 3000
CONNECTIONS = 32  # of both sides


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
  return wrk.format(nil,path,nil,(string.gsub(body,"@N@",tostring(n))))
end
"""


def load(folder, url, path, token, body, connections):
    text = body if isinstance(body, str) else json.dumps(body)
    script = folder / "load.lua"
    script.write_text(LUA % (token, "[==[" + text + "]==]", path))
    out = run("wrk", "-t1", f"-c{connections}", "-d5", "--latency", "-s", script, url)
    if "Non-2xx" in out:
        sys.exit("the server refused:\n" + out)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    return rate, float(tail[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[tail[2]]


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
    "subject": {"reference": "Patient/w"}, "issued": "2021-01-01T00:00:00Z",
    "valueQuantity": {"value": 0, "unit": "mg/dL", "code": "mg/dL"}}).replace(
        '"value": 0', '"value": @N@')


def create(folder):
    service = Ours(make_home(folder, "trees"))
    home = folder / "home-trees"
    try:
        run("curl", "-sf", "--cacert", home / "keys" / "tls.crt", "-X", "PUT", "-H",
            "Authorization: Bearer " + service.token, "-d", '{"resourceType":"Patient","id":"w"}',
            service.url + "/fhir/Patient/w")
        rate, tail = load(folder, service.url, "/fhir/Observation", service.token, OBSERVATION, CONNECTIONS)
        return {"rate": rate, "p99_ms": tail, "rss_mb": service.rss()}
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
        ask(home, service, "PUT", "/fhir/Patient/w", {"resourceType": "Patient", "id": "w"})
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


ALONE = {"fhir-create": create, "fhir-transaction": transaction, "audit-verify": verify, "pages": pages}


def main(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    if name in ALONE:
        return ALONE[name](folder)
    body, path = (infer(), "/v2/models/m/infer") if name == "serve" else (hook(), "/cds-services/m")
    service = Ours(make_home(folder, "trees" if name == "serve-trees" else "mlp"))
    try:
        rate, tail = load(folder, service.url, path, service.token, body, CONNECTIONS)
        rss = service.rss()
    finally:
        service.stop()
    theirs, their_tail = peer(folder, name, body, path)
    return {"rate": rate, "peer_rate": theirs, "p99_ms": tail, "peer_p99_ms": their_tail,
            "start_s": service.start_s, "idle_mb": service.idle_mb, "rss_mb": rss}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], pathlib.Path(sys.argv[2]))))
