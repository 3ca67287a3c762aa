"""Health, trail, kills, backup, approvals."""
import hashlib
import json
import pathlib
import re
import shutil
import subprocess

from checks import PROGRAM, check
from client import Service, run


def check_health(s, t):
    check("lives without signing in", s.ask("GET", "/livez").status == 200)
    ready = s.ask("GET", "/readyz?verbose")
    check("ready, two models", ready.status == 200 and ready.json()["parts"]["models"] == 2, ready)
    told = s.ask("GET", "/fhir/metadata").json()
    check("CapabilityStatement of this very server", told["fhirVersion"] == "4.0.1" and
          any(r["type"] == "Observation" for r in told["rest"][0]["resource"]), told)
    defined = s.ask("GET", "/fhir/OperationDefinition/predict").json()
    check("$predict is defined", {p["name"] for p in defined["parameter"]} >= {"model", "asOf", "data"})
    document = s.ask("GET", "/openapi.json").json()
    check("OpenAPI lists the routes", "/fhir/{type}/{id}" in document["paths"])
    metrics = s.ask("GET", "/metrics", token=t["admin"])
    check("metrics", metrics.status == 200 and b"cangong_http_request_duration_seconds_bucket" in
          metrics.body, metrics)
    known = set(re.findall(r"^# TYPE (\S+)", metrics.body.decode(), re.M))
    deploy = pathlib.Path(__file__).resolve().parents[2] / "deploy"
    for file in ("alerts.yaml", "grafana.json"):
        used = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(
            r"\b(?:cangong|process)_[a-z_]+", (deploy / file).read_text())}
        # Drift is told from 100 answers on.
        check(f"deploy/{file} asks for metrics that there are", used and
              used <= known | {"cangong_answers_psi"}, used - known)
    head = s.ask("HEAD", "/livez")
    check("HEAD has no body", head.status == 200 and head.body == b"")
    for name in ("Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options",
                 "X-Trace-Id"):
        check("header " + name, head.headers.get(name))
    trace = s.ask("GET", "/livez", headers={"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"})
    check("the caller's trace goes on", trace.headers["X-Trace-Id"] == "ab" * 16)
    wrong = s.ask("PATCH", "/livez")
    check("405 says what is allowed", wrong.status == 405 and wrong.headers["Allow"] == "GET", wrong)


def check_trail(s, t):
    told = s.ask("POST", "/api/audit/verify", {}, token=t["auditor"]).json()
    check("the trail holds and is signed", told["holds"] and told["checkpoints"] > 0, told)
    events = s.ask("GET", "/api/audit?subject=own&what=predict", token=t["auditor"]).json()["events"]
    check("predictions are in it: who, whom, which model", events and events[0]["who"] ==
          "a-integrator" and len(events[0]["model"]) == 64, events[:1])
    fhir = s.ask("GET", "/fhir/AuditEvent?subject=own", token=t["auditor"]).json()
    check("as AuditEvents", fhir["entry"][0]["resource"]["resourceType"] == "AuditEvent")
    copy = s.home.parent / "trail.ndjson"
    shutil.copy(s.home / "audit.ndjson", copy)
    run(PROGRAM, "audit", "verify", copy, "--key", told["key"], "--contains", told["head"])
    lines = copy.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if i > 20 and '"who":"' in line)
    lines[at] = lines[at].replace('"who":"', '"who":"x')
    copy.write_text("\n".join(lines) + "\n")
    bad = subprocess.run([PROGRAM, "audit", "verify", str(copy), "--json"], capture_output=True)
    check("a changed record is named", bad.returncode == 1 and json.loads(bad.stdout)[
        "first_bad_line"] == at + 1, bad.stdout)


def check_key_of_trail(home):
    """A trail without the key that signed it, or made anew without one."""
    well = subprocess.run([PROGRAM, "doctor", str(home), "--json"], capture_output=True)
    check("the doctor knows a home", well.returncode == 0 and json.loads(well.stdout)["well"], well.stdout)
    forged = home.parent / "forged"
    shutil.copytree(home / "keys", forged / "keys")
    previous, lines = "0" * 64, []
    for line in (home / "audit.ndjson").read_text().splitlines():
        record = json.loads(line)
        if record["what"] == "checkpoint":
            continue
        rest = {k: v for k, v in record.items() if k not in ("n", "at", "previous", "digest")}
        text = json.dumps({"n": len(lines) + 1, "at": record["at"], "previous": previous, **rest},
                          separators=(",", ":"), ensure_ascii=False)
        previous = hashlib.sha256(text.encode()).hexdigest()
        lines.append(text[:-1] + f',"digest":"{previous}"' + "}")
    (forged / "audit.ndjson").write_text("\n".join(lines) + "\n")
    chain = subprocess.run([PROGRAM, "audit", "verify", str(forged / "audit.ndjson"), "--json"],
                           capture_output=True)
    told = subprocess.run([PROGRAM, "audit", "verify", str(forged)], capture_output=True, text=True)
    check("a trail made anew is a chain", json.loads(chain.stdout)["holds"], chain.stdout)
    check("but not that of the home, whose key signed nothing of it", told.returncode == 1 and
          "nothing is signed" in told.stdout, told.stdout)
    (home / "keys" / "audit.key").rename(home.parent / "audit.key")
    refused = subprocess.run([PROGRAM, "serve", str(home), "--port", "0"], capture_output=True, text=True,
                             timeout=60)
    (home.parent / "audit.key").rename(home / "keys" / "audit.key")
    check("no new key signs on", refused.returncode != 0 and "audit.key" in refused.stderr, refused.stderr)


def check_backup(home, t):
    (home / "reports" / "kept").mkdir(parents=True, exist_ok=True)
    (home / "reports" / "kept" / "index.html").write_text("<p>kept</p>")
    with Service(PROGRAM, home) as s:
        run(PROGRAM, "backup", home, home.parent / "home.zip")
        before = s.ask("GET", "/fhir/Patient/own", token=t["integrator"]).body
    again = subprocess.run([PROGRAM, "backup", str(home), str(home.parent / "home.zip")],
                           capture_output=True, text=True)
    check("a backup overwrites nothing", again.returncode == 1, again.stderr)
    run(PROGRAM, "restore", home.parent / "home.zip", home.parent / "home2")
    check("its reports are in it", (home.parent / "home2" / "reports" / "kept" / "index.html").exists())
    with Service(PROGRAM, home.parent / "home2") as s:
        read = s.ask("GET", "/fhir/Patient/own", token=t["integrator"])
        check("a restored home answers", read.status == 200 and read.body == before, read)
        check("with its model", s.about["models"] == ["heart@champion"], s.about)
        told = s.ask("POST", "/api/audit/verify", {}, token=t["auditor"]).json()
        check("and its trail", told["holds"], told)
    data = bytearray((home.parent / "home.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (home.parent / "bad.zip").write_bytes(data)
    bad = subprocess.run([PROGRAM, "restore", str(home.parent / "bad.zip"), str(home.parent / "home3")],
                         capture_output=True, text=True)
    check("a damaged backup is refused, nothing half-made stays", bad.returncode == 1 and
          not (home.parent / "home3").exists(), bad.stderr)


def check_approvals(home, t):
    with Service(PROGRAM, home) as s:
        models = lambda: [m["name"] + "@" + m["alias"] for m in s.ask(
            "GET", "/api/models", token=t["scientist"]).json()["models"]]
        run(PROGRAM, "approve", home / "models" / "heart", "--as", "heart@challenger")
        check("an approval is seen at once", models() == ["heart@challenger", "heart@champion"], models())
        run(PROGRAM, "approve", home / "models", "--as", "heart@challenger", "--withdraw")
        check("and a withdrawal", models() == ["heart@champion"], models())


def check_alone(home):
    second = subprocess.run([PROGRAM, "serve", str(home), "--port", "0"], capture_output=True, text=True)
    check("a home is served once", second.returncode == 4 and "another process" in second.stderr,
          second.stderr)
