"""Long work over FHIR: $import, $export, $predict for a Group, answers kept; jobs that import, train
and judge."""
import json
import pathlib
import signal

from checks import PROGRAM, check, condition, lab, main_resource, parameters, patient
from client import Service, run, wait_until

ASYNC = {"Prefer": "respond-async"}
STUDY = pathlib.Path(__file__).resolve().parents[2] / "studies" / "synthetic-heart"


def path_of(s, url):
    """Our addresses name the service as others reach it."""
    return "/" + url.split("/", 3)[3]


def begin(s, token, method, path, body=None):
    begun = s.ask(method, path, body, token=token, headers=ASYNC)
    check(f"{method} {path} begins", begun.status == 202 and begun.headers["Content-Location"], begun)
    return path_of(s, begun.headers["Content-Location"])


def finished(s, token, where, seconds=300):
    last = []

    def over():
        last[:] = [s.ask("GET", where, token=token)]
        return last[0].status != 202
    wait_until(over, seconds)
    return last[0]


def lines_of(s, token, files):
    all = []
    for file in files:
        got = s.ask("GET", path_of(s, file["url"]), token=token)
        part = [json.loads(line) for line in got.body.decode().splitlines()]
        check("a file is NDJSON and has as many lines as it says", got.status == 200 and
              got.headers["Content-Type"] == "application/fhir+ndjson" and
              len(part) == file["count"] and all_of(file["type"], part), (file, got))
        all += part
    return all


def all_of(kind, resources):
    return all(r["resourceType"] == kind for r in resources)


def ndjson(resources):
    return "".join(json.dumps(r) + "\n" for r in resources)


def check_import(s, t):
    w = t["integrator"]
    who = [f"imp-{n}" for n in range(30)]
    # Out of order: what refers to patients stands before them.
    resources = [lab(p, 1 + n, f"2021-01-{n % 28 + 1:02}", f"{p}-{n}") for p in who for n in range(20)]
    resources += [patient(p, "Importfam") for p in who]
    bad = ["{\"resourceType\": \"Observation\"", json.dumps(lab("nobody-there", 1, "2021-01-01")),
           json.dumps({"resourceType": "Spaceship"})]
    text = ndjson(resources[:100]) + "\n".join(bad) + "\n\n" + ndjson(resources[100:])
    end = finished(s, w, begin(s, w, "POST", "/fhir/$import", text))
    told = end.json()
    check("$import keeps what it understands", end.status == 200 and
          told["extension"]["created"] == len(resources) and told["extension"]["rejected"] == 3, end)
    problems = lines_of(s, w, told["error"])
    check("and names the lines that it does not", sorted(
        p["issue"][0]["diagnostics"].split(":")[0] for p in problems) ==
        ["line 101", "line 102", "line 103"], problems)
    check("no content in a problem", "nobody-there" not in json.dumps(problems), problems)
    read = s.ask("GET", "/fhir/Observation/imp-3-7", token=w)
    check("what it kept can be read", read.status == 200 and read.json()["valueQuantity"]["value"] == 8,
          read)
    again = finished(s, w, begin(s, w, "POST", "/fhir/$import", ndjson(resources))).json()
    check("again changes nothing", again["extension"] == {
        "created": 0, "updated": 0, "unchanged": len(resources), "rejected": 0}, again)
    changed = {**resources[0], "status": "amended"}
    end = finished(s, w, begin(s, w, "POST", "/fhir/$import", ndjson([changed]))).json()
    check("a change is a version", end["extension"]["updated"] == 1 and s.ask(
        "GET", "/fhir/Observation/" + changed["id"], token=w).json()["meta"]["versionId"] == "2", end)
    check("an empty body is refused", s.ask("POST", "/fhir/$import", "\n", token=w).status == 400)
    events = s.ask("GET", "/api/audit?what=load", token=t["auditor"]).json()["events"]
    check("the trail names patients and resources", events and events[0]["subjects"] and
          events[0]["resources"], events[:1])


def check_export(s, t):
    w = t["integrator"]
    check("$export is asynchronous", s.ask("GET", "/fhir/$export", token=w).status == 400)
    for bad in ("_type=Spaceship", "_since=soon", "_outputFormat=csv", "_colour=red"):
        check(f"$export refuses {bad}", s.ask("GET", "/fhir/$export?" + bad, token=w,
                                              headers=ASYNC).status == 400)
    where = begin(s, w, "GET", "/fhir/$export?_type=Patient,Observation")
    end = finished(s, w, where)
    told = end.json()
    check("a manifest", end.status == 200 and told["requiresAccessToken"] is True and
          told["transactionTime"] and "$export" in told["request"] and end.headers["Expires"], end)
    got = lines_of(s, w, told["output"])
    for kind in ("Patient", "Observation"):
        listed = s.ask("GET", f"/fhir/{kind}?_count=0", token=w).json()["total"]
        check(f"every {kind} once", len({r["id"] for r in got if r["resourceType"] == kind}) == listed ==
              sum(r["resourceType"] == kind for r in got), listed)
    file = path_of(s, told["output"][0]["url"])
    check("a file needs a token", s.ask("GET", file).status == 401)
    check("and is of who asked", s.ask("GET", file, token=t["admin"]).status == 403)
    check("no other file can be had", s.ask("GET", where + "/..%2F..%2Fconfig.yaml",
                                            token=w).status in (400, 404))
    s.ask("PUT", "/fhir/Observation/since-1", lab("imp-1", 2, "2021-05-05", "since-1"), token=w)
    s.ask("DELETE", "/fhir/Observation/imp-1-3", token=w)
    since = finished(s, w, begin(s, w, "POST", "/fhir/Patient/$export", {
        "resourceType": "Parameters", "parameter": [
            {"name": "_since", "valueInstant": told["transactionTime"]}]})).json()
    new = lines_of(s, w, since["output"])
    check("_since gives what came since", [r["id"] for r in new] == ["since-1"], new)
    gone = lines_of(s, w, since["deleted"])
    check("and what was deleted", gone[0]["entry"][0]["request"] == {
        "method": "DELETE", "url": "Observation/imp-1-3"}, gone)
    s.ask("PUT", "/fhir/Group/ward", group("ward", ["imp-1", "imp-2", "not-here"]), token=w)
    ward = finished(s, w, begin(s, w, "GET", "/fhir/Group/ward/$export?_type=Patient,Observation")).json()
    of = lines_of(s, w, ward["output"])
    check("a Group's export has its members alone", {r["id"] for r in of if r["resourceType"] ==
          "Patient"} == {"imp-1", "imp-2"} and {r["subject"]["reference"] for r in of if
          r["resourceType"] == "Observation"} == {"Patient/imp-1", "Patient/imp-2"}, len(of))
    check("a Group names patients: who cares for some of them only does not read it", all(
        s.ask("GET", "/fhir/Group/ward" + more, token=t["clinician"]).status == 403
        for more in ("", "/_history", "/_history/1")))
    check("it can be deleted", s.ask("DELETE", where, token=w).status == 202 and
          s.ask("GET", file, token=w).status == 404)
    check("an unknown Group", s.ask("GET", "/fhir/Group/none/$export", token=w,
                                    headers=ASYNC).status == 404)


def group(id, members):
    return {"resourceType": "Group", "id": id, "type": "person", "actual": True,
            "member": [{"entity": {"reference": "Patient/" + m}} for m in members]}


def check_group(s, t):
    w = t["integrator"]
    s.ask("PUT", "/fhir/Group/some", group("some", [str(n) for n in range(1, 41)] + ["empty"]), token=w)
    at = {"valueInstant": "2015-01-01T00:00:00Z"}
    body = parameters(asOf=at)
    check("Group/$predict is asynchronous", s.ask("POST", "/fhir/Group/some/$predict", body,
                                                  token=w).status == 400)
    end = finished(s, w, begin(s, w, "POST", "/fhir/Group/some/$predict", body))
    told = end.json()
    got = lines_of(s, w, told["output"])
    answers = [r for r in got if r["resourceType"] in ("RiskAssessment", "GuidanceResponse")]
    check("an answer for each member", end.status == 200 and told["extension"]["answers"] ==
          len(answers) == 41, end)
    check("one Device, a Provenance for each", sum(r["resourceType"] == "Device" for r in got) == 1 and
          sum(r["resourceType"] == "Provenance" for r in got) == 41)
    one = next(r for r in answers if r["resourceType"] == "RiskAssessment")
    alone = main_resource(s.ask("POST", f"/fhir/{one['subject']['reference']}/$predict", body, token=w))
    check("the answer is that of the patient's own $predict",
          alone["prediction"] == one["prediction"], (alone, one))
    s.ask("PUT", "/fhir/Group/nobody", group("nobody", ["not-here"]), token=w)
    check("a Group of nobody is refused", s.ask("POST", "/fhir/Group/nobody/$predict", body, token=w,
                                                headers=ASYNC).status == 400)


def check_persist(s, t):
    w = t["integrator"]
    ask = lambda **more: s.ask("POST", "/fhir/Patient/own/$predict", parameters(
        asOf={"valueInstant": "2020-01-01T00:00:00Z"}, **more), token=w)
    before = main_resource(ask())
    kept = ask(persist={"valueBoolean": True})
    risk = main_resource(kept)
    read = s.ask("GET", "/fhir/RiskAssessment/" + risk["id"], token=w)
    check("persist keeps the answer", kept.status == 200 and read.status == 200 and
          read.json()["prediction"] == risk["prediction"] and read.json()["status"] == "preliminary",
          read)
    for entry in kept.json()["entry"][1:]:
        name = entry["resource"]["resourceType"] + "/" + entry["resource"]["id"]
        check(f"and its {entry['resource']['resourceType']}",
              s.ask("GET", "/fhir/" + name, token=w).status == 200, name)
    found = s.ask("GET", "/fhir/RiskAssessment?patient=own", token=w).json()
    check("it is found by patient", risk["id"] in [e["resource"]["id"] for e in found["entry"]], found)
    check("a clinician of others does not see it", s.ask(
        "GET", f"/fhir/RiskAssessment?patient=other", token=t["clinician"]).status == 403)
    after = main_resource(ask())
    check("no model learns from it", after["prediction"] == before["prediction"])
    ai = {**lab("own", 99, "2019-08-01T00:00:00Z", "ai-says"), "meta": {"security": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}]}}
    made = s.ask("PUT", "/fhir/Observation/ai-says", ai, token=w)
    told = main_resource(ask())
    check("nor from what is labelled as an AI's", made.status == 201 and
          told["prediction"] == before["prediction"], told)
    bulk = s.ask("POST", "/fhir/Patient/17/$predict", parameters(persist={"valueBoolean": True}), token=w)
    risk_of_bulk = main_resource(bulk)
    found = s.ask("GET", f"/fhir/{risk_of_bulk['resourceType']}?patient=17", token=w).json()
    check("a bulk patient's answer is kept as well", bulk.status == 200 and risk_of_bulk["id"] in [
        e["resource"]["id"] for e in found["entry"]], (bulk, found))
    check("and of nobody else's clinician", s.ask(
        "GET", f"/fhir/{risk_of_bulk['resourceType']}/{risk_of_bulk['id']}",
        token=t["clinician"]).status == 403)
    events = s.ask("GET", "/api/audit?what=persist&subject=own", token=t["auditor"]).json()["events"]
    check("the trail tells what was kept", events and events[0]["id"] == risk["id"] and
          len(events[0]["resources"]) >= 2, events[:1])
    at_hand = s.ask("POST", "/fhir/$predict", parameters(persist={"valueBoolean": True}, data={
        "resource": {"resourceType": "Bundle", "type": "collection", "entry": [
            {"resource": patient("x")}, {"resource": condition("x", "2019-01-01")}]}}), token=w)
    check("data at hand are never kept", at_hand.status == 400, at_hand)


def job(s, token, body):
    return s.ask("POST", "/api/jobs", body, token=token)


def check_training(home, t):
    """A CSV into the store, a model trained on it and judged, all from the service; killed between."""
    table = "patient,born,when,creatinine\n" + "".join(
        f"c{n},1950-01-01,2015-03-{n % 27 + 1:02},{0.8 + n % 9 / 10}\n" for n in range(60))
    mapping = """tables:
  - files: visits.csv
    subject: {column: patient}
    time: {column: when}
    events:
      - {code: "LOINC//2160-0", value: creatinine, unit: mg/dL}
    ignore: [born]
"""
    with Service(PROGRAM, home) as s:
        w, sci = t["integrator"], t["scientist"]
        refused = job(s, w, {"kind": "train", "name": "x", "task": "a", "recipe": "b"})
        check("who writes records does not train", refused.status == 403, refused)
        check("who trains does not import", job(s, sci, {
            "kind": "import", "format": "csv", "path": "x.csv"}).status == 403)
        for kind in ("export", "load", "predict_group"):
            check(f"{kind} begins below /fhir alone", job(s, w, {"kind": kind}).status == 403)
        check("a file into the inbox", s.ask("PUT", "/api/inbox/visits.csv", table,
                                             token=w).status == 204)
        check("a bad name is refused", s.ask("PUT", "/api/inbox/.hidden", table, token=w).status == 400)
        for path in ("../config.yaml", "/etc/passwd", "none.csv", "."):
            check(f"no import from {path}", job(s, w, {"kind": "import", "format": "csv",
                                                       "path": path}).status == 400)
        listed = s.ask("GET", "/api/inbox", token=w).json()["files"]
        check("the inbox lists it", listed == [{"name": "visits.csv", "bytes": len(table)}], listed)
        bad = job(s, w, {"kind": "import", "format": "csv", "path": "visits.csv", "mapping": "tables: 7"})
        check("a bad mapping is refused with its place", bad.status == 400 and
              "mapping.yaml:1" in bad.json()["detail"], bad)
        real = job(s, w, {"kind": "import", "format": "csv", "path": "visits.csv", "mapping": mapping})
        check("an import begins", real.status == 201, real)
        id = real.json()["id"]
        wait_until(lambda: state(s, w, id)["state"] in ("done", "failed"), 600)
        told = state(s, w, id)
        # The home's store is synthetic: a real table must not be mixed with it.
        check("real patients are not mixed with synthetic ones", told["state"] == "failed" and
              "never mixed" in told["problem"], told)
        check("it left nothing half-made", s.ask("GET", "/readyz").status == 200)
        check("the file can be taken away", s.ask("DELETE", "/api/inbox/visits.csv",
                                                  token=w).status == 204)
        texts = {"task": (STUDY / "task.yaml").read_text(), "recipe": (STUDY / "recipe.yaml").read_text()}
        bad = job(s, sci, {"kind": "train", "name": "bad", **texts, "recipe": "model: {kind: magic}\n"})
        check("a bad recipe is refused with its place", bad.status == 400 and
              "recipe.yaml:1" in bad.json()["detail"], bad)
        bad = job(s, sci, {"kind": "train", "name": "bad", **texts, "task": "trigger: x\ncolour: red\n"})
        check("so is a bad task", bad.status == 400 and "task.yaml:" in bad.json()["detail"], bad)
        (s.home / "inbox" / "elsewhere.onnx").write_text("no model")
        for name, word in (("elsewhere.onnx", "no ONNX model"), ("other.onnx", "no file inbox/other.onnx")):
            foreign = job(s, sci, {"kind": "train", "name": "foreign", **texts, "recipe":
                                   f"model: {{kind: onnx, file: inbox/{name}}}\n"}).json()
            wait_until(lambda: state(s, sci, foreign["id"])["state"] == "failed", 600)
            problem = state(s, sci, foreign["id"]).get("problem", "")
            check(f"a recipe's model is sought in the inbox: {name}", word in problem, problem)
        check("a CSV import needs a mapping", job(s, w, {
            "kind": "import", "format": "csv", "path": "elsewhere.onnx"}).status == 400)
        network = texts["recipe"].replace("{kind: linear, l1_share: 0.9}",
                                          "{kind: mlp, hidden: [8], epochs: 150, patience: 150}")
        curve = job(s, sci, {"kind": "train", "name": "net", **texts, "recipe": network}).json()
        wait_until(lambda: len(state(s, sci, curve["id"])["curve"]) >= 6 or
                   state(s, sci, curve["id"])["state"] in ("done", "failed"), 600)
        before = state(s, sci, curve["id"])
        s.stop(signal.SIGKILL)
    with Service(PROGRAM, home) as s:
        wait_until(lambda: state(s, sci, curve["id"])["state"] in ("done", "failed"), 600)
        told = state(s, sci, curve["id"])
        if "cannot train networks" not in told.get("problem", ""):
            check("it was killed while it learnt", before["state"] == "running", before)
            for series in ("loss of training patients", "loss of tuning patients"):
                steps = [p["step"] for p in told["curve"] if p["series"] == series][:150]  # then baselines'
                check("a killed network's curve has every epoch once: " + series, told["state"] == "done"
                      and steps == list(range(1, 151)), told)
        gone = job(s, sci, {"kind": "train", "name": "again", **texts}).json()
        wait_until(lambda: len(state(s, sci, gone["id"])["log"]) >= 2, 30)
        s.stop(signal.SIGKILL)
    with Service(PROGRAM, home) as s:
        check("training goes on after a kill", wait_until(
            lambda: state(s, sci, gone["id"])["state"] in ("done", "failed"), 600))
        told = state(s, sci, gone["id"])
        check("and ends", told["state"] == "done" and len(told["result"]["bundle"]) == 64, told)
        check("it made a bundle", (home / "models" / "again" / "manifest.json").exists())
        reports = s.ask("GET", "/api/reports", token=sci).json()
        check("and a report", "again" in json.dumps(reports), reports)
        trees = texts["recipe"].replace("{kind: linear, l1_share: 0.9}", "{kind: trees, rounds: 30}")
        curve = job(s, sci, {"kind": "train", "name": "trees", **texts, "recipe": trees}).json()
        wait_until(lambda: state(s, sci, curve["id"])["state"] in ("done", "failed"), 600)
        told = state(s, sci, curve["id"])
        steps = [p["step"] for p in told["curve"]]
        check("a learning curve", told["state"] == "done" and len(steps) > 5 and
              steps == sorted(steps) and all(p["value"] > 0 for p in told["curve"]), told)
        now = job(s, sci, {"kind": "evaluate", "model": "heart"}).json()
        wait_until(lambda: state(s, sci, now["id"])["state"] in ("done", "failed"), 600)
        told = state(s, sci, now["id"])
        check("an approved model is judged again", told["state"] == "done" and
              told["result"]["report"] == "heart-now", told)
        made = job(s, w, {"kind": "export_meds", "name": "all"}).json()
        wait_until(lambda: state(s, w, made["id"])["state"] in ("done", "failed"), 600)
        told = state(s, w, made["id"])
        counted = json.loads(run(PROGRAM, "check", home / "exports" / "all", "--json"))
        bulk = json.loads(run(PROGRAM, "check", home / "store", "--json"))
        check("bulk and live record as one MEDS data set", told["state"] == "done" and
              told["result"]["patients"] == counted["subjects"] > bulk["subjects"] and
              told["result"]["events"] == counted["rows"] > bulk["rows"], (told, counted["rows"]))
        check("whose name is taken then", job(s, w, {"kind": "export_meds", "name": "all"}).status == 400)
        long = job(s, sci, {"kind": "train", "name": "long", **texts}).json()
        wait_until(lambda: state(s, sci, long["id"])["state"] == "running", 10)
        s.ask("DELETE", "/api/jobs/" + long["id"], token=sci)
        check("training can be cancelled", wait_until(
            lambda: state(s, sci, long["id"])["state"] == "cancelled", 30), state(s, sci, long["id"]))


def state(s, token, id):
    return s.ask("GET", "/api/jobs/" + id, token=token).json()
