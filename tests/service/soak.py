#!/usr/bin/env python3
"""Mixed load for a while, with flat memory: `soak.py PROGRAM SECONDS [REQUESTS_A_SECOND]`.

Eight callers write, correct, delete, read, search, predict, explain, export and make mistakes, while
the service's memory is looked at. At its end every acknowledged resource is there in the version that
was last acknowledged, no answer was a 5xx, and the trail is whole. Prints one JSON line."""
import json
import pathlib
import random
import re
import statistics
import sys
import tempfile
import threading
import time
import uuid

import access
from checks import check, condition, failures, lab, parameters, patient
from client import Service, make_accounts, make_home, run

CALLERS, PATIENTS = 8, 400


class Caller(threading.Thread):
    """One keep-alive connection; `pause` between requests."""

    def __init__(self, service, tokens, number, until, pause):
        super().__init__()
        self.s, self.t, self.number, self.until, self.pause = service, tokens, number, until, pause
        self.random = random.Random(number)
        self.kept, self.seconds, self.wrong, self.error = {}, [], [], None

    def ask(self, method, path, body=None, role="integrator", expect=(200, 201)):
        start = time.monotonic()
        token = self.t[role] if role else "cgt_" + "0" * 64
        got = self.s.ask(method, path, body, token=token, connection=self.connection)
        self.seconds.append(time.monotonic() - start)
        if got.status not in expect:
            self.wrong.append((method, path, got.status, got.body[:200]))
        return got

    def keep(self, got):
        if got.status in (200, 201):
            resource = got.json()
            self.kept[resource["resourceType"] + "/" + resource["id"]] = resource["meta"]["versionId"]

    def who(self):
        return f"soak-{self.random.randrange(PATIENTS)}"

    def when(self):
        return f"20{self.random.randrange(10, 20)}-0{self.random.randrange(1, 10)}-11T08:00:00Z"

    def create(self):
        self.keep(self.ask("POST", "/fhir/Observation", lab(self.who(), self.random.random(), self.when())))

    def diagnose(self):
        self.keep(self.ask("POST", "/fhir/Condition", condition(self.who(), self.when())))

    # The same ids again and again: the history grows, not the list.
    def correct(self):
        id = f"c-{self.number}-{self.random.randrange(50)}"
        self.keep(self.ask("PUT", "/fhir/Observation/" + id, lab(
            f"soak-{self.number}", self.random.random(), self.when(), id)))

    def remove(self):
        id = f"c-{self.number}-{self.random.randrange(50)}"
        if self.ask("DELETE", "/fhir/Observation/" + id, expect=(204, 404)).status == 204:
            self.kept.pop("Observation/" + id, None)

    def transaction(self):
        entries = [{"request": {"method": "POST", "url": "Observation"},
                    "resource": lab(self.who(), self.random.random(), self.when())} for _ in range(20)]
        got = self.ask("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
        for entry in got.json().get("entry", []):
            type, id, _, version = entry["response"]["location"].split("/")[-4:]
            self.kept[type + "/" + id] = version

    def predict(self):
        number = self.random.randrange(1, 8000)
        self.ask("POST", f"/fhir/Patient/{number}/$predict", parameters(
            asOf={"valueInstant": "2016-01-01T00:00:00Z"},
            explain={"valueBoolean": self.random.random() < 0.5}))

    def hook(self):
        self.ask("POST", "/cds-services/heart", {
            "hook": "patient-view", "hookInstance": str(uuid.uuid4()),
            "context": {"userId": "Practitioner/1", "patientId": self.who()}})

    def search(self):
        self.ask("GET", f"/fhir/Observation?patient={self.who()}&_count=20")

    def everything(self):
        self.ask("GET", f"/fhir/Patient/{self.who()}/$everything")

    def page(self):
        path = self.random.choice(["/", "/api/monitoring", "/api/jobs", "/api/models/heart",
                                   "/api/patients?model=heart", f"/api/patients/{self.who()}/timeline"])
        self.ask("GET", path, role="admin" if "monitoring" in path else "integrator",
                 expect=(200, 403))

    def mistake(self):
        kind = self.random.randrange(4)
        if kind == 0:
            self.ask("GET", "/fhir/Patient/soak-1", role=None, expect=(401,))
        elif kind == 1:
            self.ask("POST", "/fhir/Observation", '{"resourceType":', expect=(400,))
        elif kind == 2:
            self.ask("POST", "/fhir/Observation", "[" * 5000, expect=(400,))
        else:
            self.ask("GET", "/no/such/" + str(uuid.uuid4()), expect=(404,))

    def export(self):
        got = self.s.ask("GET", "/fhir/$export?_type=Condition", token=self.t["integrator"],
                         headers={"Prefer": "respond-async"}, connection=self.connection)
        if got.status != 202:
            self.wrong.append(("GET", "/fhir/$export", got.status, got.body[:200]))

    MIX = [(create, 20), (diagnose, 6), (correct, 10), (remove, 3), (transaction, 4), (predict, 20),
           (hook, 15), (search, 8), (everything, 3), (page, 8), (mistake, 4)]

    def run(self):
        doings, weights = zip(*self.MIX)
        exported = 0
        try:
            self.connection = self.s.connect()
            while time.monotonic() < self.until:
                self.random.choices(doings, weights)[0](self)
                if self.number == 0 and time.monotonic() > exported + 60:
                    exported = time.monotonic()
                    self.export()
                time.sleep(self.pause)
            self.connection.close()
        except Exception as error:  # told by the main thread
            self.error = error


def memory(process, samples, until):
    status = pathlib.Path(f"/proc/{process.pid}/status")
    while time.monotonic() < until and process.poll() is None:
        samples.append(int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1]) / 1024)
        time.sleep(1)


def check_kept(s, t, callers):
    kept = [item for c in callers for item in c.kept.items()]
    connection, lost = s.connect(), []
    for name, version in random.Random(1).sample(kept, min(len(kept), 3000)):
        got = s.ask("GET", "/fhir/" + name, token=t["integrator"], connection=connection)
        if got.status != 200 or got.json()["meta"]["versionId"] != version:
            lost.append((name, version, got))
    check(f"what was acknowledged ({len(kept)}) is there", kept and not lost, lost[:3])
    return len(kept)


def soak(program, seconds, rate):
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(program, folder)
        with Service(program, home) as s:
            t = make_accounts(program, home)
            access.check_care(s, t)
            for n in range(PATIENTS):
                s.ask("PUT", f"/fhir/Patient/soak-{n}", patient(f"soak-{n}"), token=t["integrator"])
            until, samples = time.monotonic() + seconds, []
            pause = CALLERS / rate if rate else 0
            callers = [Caller(s, t, n, until, pause) for n in range(CALLERS)]
            for caller in callers:
                caller.start()
            memory(s.process, samples, until)
            for caller in callers:
                caller.join(timeout=60)
            check("no caller failed", not any(c.error or c.is_alive() for c in callers),
                  [c.error for c in callers])
            wrong = [w for c in callers for w in c.wrong]
            check("every answer was the expected one", not wrong, wrong[:3])
            count = check_kept(s, t, callers)
            check("SIGTERM ends it in order", s.stop() == 0)
        run(program, "audit", "verify", home)
        quarter = len(samples) // 4
        early = statistics.median(samples[quarter:2 * quarter])
        late = statistics.median(samples[-quarter:])
        check("memory is flat", late <= 1.1 * early + 16, (early, late, max(samples)))
        took = sorted(x for c in callers for x in c.seconds)
        return {"seconds": seconds, "requests": len(took), "acknowledged": count,
                "rss_early_mb": round(early), "rss_late_mb": round(late), "rss_most_mb": round(max(samples)),
                "p50_ms": round(1000 * took[len(took) // 2], 1),
                "p99_ms": round(1000 * took[int(0.99 * len(took))], 1), "failures": failures}


if __name__ == "__main__":
    told = soak(str(pathlib.Path(sys.argv[1]).resolve()), float(sys.argv[2]),
                float(sys.argv[3]) if len(sys.argv) > 3 else 0)
    print(json.dumps(told))
    sys.exit(bool(failures))
