#!/usr/bin/env python3
"""A synthetic hospital under service, and the browser's check beside it."""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "service"))
from client import Service, make_accounts, make_home, train_timelines, wait_until  # noqa: E402

PROGRAM = str(ROOT / sys.argv[1])


def fill(s, tokens):
    """A patient who arrived as FHIR, a care team, a report, and answers about everybody."""
    w = tokens["integrator"]
    s.ask("PUT", "/fhir/Patient/mei", {"resourceType": "Patient", "id": "mei", "gender": "female",
          "birthDate": "1958-04-02", "name": [{"family": "Chen", "given": ["Mei"]}]}, token=w)
    entries = []
    for month in range(1, 25):
        when = f"{2020 + month // 13}-{(month - 1) % 12 + 1:02d}-10T08:00:00Z"
        for code, value, unit in (("2160-0", .9 + month / 40, "mg/dL"), ("8480-6", 130 + month, "mm[Hg]"),
                                  ("4548-4", 6.5 + month / 20, "%")):
            entries.append({"request": {"method": "POST", "url": "Observation"}, "resource": {
                "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/mei"},
                "effectiveDateTime": when, "issued": when,
                "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": code}]},
                "valueQuantity": {"value": round(value, 2), "code": unit, "unit": unit,
                                  "system": "http://unitsofmeasure.org"}}})
    entries.append({"request": {"method": "POST", "url": "Condition"}, "resource": {
        "resourceType": "Condition", "subject": {"reference": "Patient/mei"}, "recordedDate": "2020-02-01",
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9",
                             "display": "Type 2 <b>diabetes</b> & more"}]}}})
    written = s.ask("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries}, token=w)
    assert written.status == 200, written
    s.ask("PUT", "/admin/accounts/a-clinician/patients/mei", {}, token=tokens["admin"])
    reports = s.home / "reports" / "heart"
    reports.mkdir(parents=True)
    (reports / "index.html").write_text("<!doctype html><html lang='en'><title>r</title><h1>A report</h1></html>")
    job = s.ask("POST", "/api/jobs", {"kind": "predict", "model": "heart"}, token=w).json()["id"]
    assert wait_until(lambda: s.ask("GET", "/api/jobs/" + job, token=w).json()["state"] == "done", 120)


def main():
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(PROGRAM, folder)
        train_timelines(PROGRAM, home)
        with Service(PROGRAM, home) as s:
            fill(s, make_accounts(PROGRAM, home))
            out = ROOT / "build" / "pages"
            out.mkdir(parents=True, exist_ok=True)
            return subprocess.run(["node", str(ROOT / "tests" / "web" / "check.mjs"), s.about["url"], str(out)],
                                  env={**os.environ, "FIRST_CODE": s.about["first_code"]},
                                  timeout=600).returncode


sys.exit(main())
