"""What the pages are made of: files, lists, timelines, answers, jobs, monitoring."""
import gzip
import re
import signal

from checks import PROGRAM, check, condition, lab, parameters, patient
from client import Service, run, wait_until


def check_pages(s, t):
    page = s.ask("GET", "/")
    policy = page.headers["Content-Security-Policy"]
    check("the pages are there without signing in", page.status == 200 and b"<html" in page.body, page)
    check("nothing from elsewhere, nothing inline", "default-src 'none'" in policy and
          "script-src 'self'" in policy and "unsafe" not in policy, policy)
    check("no address of another host", not re.findall(rb"https?://|//[a-z]", page.body), page)
    names = re.findall(r'(?:src|href)="/assets/([^"]+)"', page.body.decode())
    check("one script and one style", len(names) == 2, names)
    packed = 0
    for name in names:
        plain = s.ask("GET", "/assets/" + name)
        check(f"{name.split('-')[0]} is kept by browsers for good",
              "immutable" in plain.headers["Cache-Control"], plain.headers)
        zipped = s.ask("GET", "/assets/" + name, headers={"Accept-Encoding": "gzip"})
        check("packed and plain are the same", zipped.headers["Content-Encoding"] == "gzip" and
              gzip.decompress(zipped.body) == plain.body and "Content-Encoding" not in plain.headers)
        packed += len(zipped.body)
    check("at most 400 kB", packed < 400_000, packed)
    check("no other file", s.ask("GET", "/assets/none.js").status == 404)


def check_reports(s, t):
    folder = s.home / "reports" / "study-1"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<h1>report</h1>")
    (folder / "report.json").write_text('{"title": "A study", "patients": 12}')
    (s.home / "reports" / "empty").mkdir()
    (s.home / "secret").write_text("secret")
    listed = s.ask("GET", "/api/reports", token=t["scientist"]).json()["reports"]
    check("a report is listed", [r["title"] for r in listed] == ["A study"], listed)
    report = s.ask("GET", "/reports/study-1/index.html", token=t["scientist"])
    check("and shown, without scripts", report.status == 200 and
          "script-src" not in report.headers["Content-Security-Policy"] and
          "sandbox" in report.headers["Content-Security-Policy"], report.headers)
    for path in ("study-1/report.json", "..%2f/index.html", "%2e%2e/secret", "study-1/..%2f..%2fsecret",
                 ".hidden/index.html"):
        check("no way out: " + path, s.ask("GET", "/reports/" + path, token=t["scientist"]).status == 404)


def check_lists(s, t):
    mine = s.ask("GET", "/api/patients", token=t["clinician"]).json()
    check("a clinician's list holds the care team's patients", {p["id"] for p in mine["patients"]} <=
          {"own", "emergency"} and mine["total"] >= 1, mine)
    check("with name and birth", mine["patients"][0].get("birthDate") == "1960-05-01", mine)
    found = s.ask("GET", "/api/patients?q=searchf", token=t["integrator"]).json()
    check("found by the beginning of a name", [p["id"] for p in found["patients"]] == ["search"], found)
    found = s.ask("GET", "/api/patients?q=urn:mrn|M-search", token=t["integrator"]).json()
    check("found by identifier", [p["id"] for p in found["patients"]] == ["search"], found)
    hidden = s.ask("GET", "/api/patients?q=searchf", token=t["clinician"]).json()
    check("not by those who do not care", hidden["patients"] == [], hidden)
    check("_count has an end", s.ask("GET", "/api/patients?_count=9999", token=t["integrator"]).status == 400)
    check("an unknown model is named", s.ask("GET", "/api/patients?model=none",
                                             token=t["integrator"]).status == 404)


def check_timeline(s, t):
    w = t["integrator"]
    s.ask("PUT", "/fhir/Patient/line", patient("line"), token=w)
    for year in (2015, 2016, 2017):
        s.ask("PUT", f"/fhir/Observation/line-{year}", lab("line", year - 2000, f"{year}-06-01",
                                                           f"line-{year}"), token=w)
    s.ask("POST", "/fhir/Condition", condition("line", "2016-01-01"), token=w)
    ask = lambda as_of="": s.ask("GET", "/api/patients/line/timeline" + as_of, token=w).json()
    line = ask()
    values = [e["number"] for e in line["events"] if "number" in e]
    check("the whole record", values == [15, 16, 17], line)
    lanes = {c["code"]: c["lane"] for c in line["codes"]}
    check("in lanes", lanes.get("LOINC//2160-0") == "measurements" and
          lanes.get("ICD10CM//E11.9") == "diagnoses", lanes)
    check("facts name their resource", any(e.get("source") == "Observation/line-2017"
                                           for e in line["events"]), line["events"])
    past = ask("?as_of=2016-06-30")
    check("as-of hides the future", [e["number"] for e in past["events"] if "number" in e] == [15, 16],
          past)
    check("but not how far it goes", past["last"] == line["last"])
    s.ask("PUT", "/fhir/Observation/line-2016", lab("line", 99, "2016-06-01", "line-2016"), token=w)
    values = [e["number"] for e in ask()["events"] if "number" in e]
    check("a correction shows", sorted(values) == [15, 17, 99], values)
    line = ask()
    check("and keeps the slider's ends", line["first"] == past["first"] and
          line["last"] == past["last"], (line["first"], line["last"]))
    trend = s.ask("GET", "/api/patients/line/trend?model=heart", token=w)
    check("a trend over corrected facts", trend.status == 200, trend)
    check("nobody asks about the future", s.ask("GET", "/api/patients/line/timeline?as_of=2999-01-01",
                                                token=w).status == 400)
    check("a bad moment is refused", s.ask("GET", "/api/patients/line/timeline?as_of=soon",
                                           token=w).status == 400)


def check_words_of_others(s, t):
    """What was written of one patient describes nothing of another."""
    w = t["integrator"]
    gambling = condition("one", "2019-01-01", "F63.0")
    for who in ("one", "two"):
        s.ask("PUT", "/fhir/Patient/" + who, patient(who), token=w)
    gambling["code"]["text"] = "told by her son"
    s.ask("POST", "/fhir/Condition", gambling, token=w)
    other = condition("two", "2019-01-01", "F63.0")
    other["code"]["coding"][0]["display"] = "Pathological gambling"
    s.ask("POST", "/fhir/Condition", other, token=w)
    line = s.ask("GET", "/api/patients/two/timeline", token=w)
    check("free text stays with its patient", b"told by" not in line.body and
          b"Pathological gambling" in line.body, line)
    check("a live patient is not synthetic", line.json()["synthetic"] is False, line)
    check("birth and sex are told", line.json()["person"].get("gender") == "female", line)
    same = [lab("two", 100, "2019-05-01", "two-a"), lab("two", 7.5, "2019-05-01", "two-b")]
    same[1]["valueQuantity"]["code"] = "mmol/L"
    for one in same:
        s.ask("PUT", "/fhir/Observation/" + one["id"], one, token=w)
    rows = s.ask("GET", "/api/patients/two/timeline", token=w).json()["events"]
    sources = {e["number"]: e["source"] for e in rows if "number" in e}
    check("each fact names its own resource", sources == {100: "Observation/two-a",
                                                          7.5: "Observation/two-b"}, sources)
    odd = patient("odd")
    odd["name"] = [{"text": None, "family": "Odd"}]
    s.ask("PUT", "/fhir/Patient/odd", odd, token=w)
    check("a name that is null breaks no list", s.ask("GET", "/api/patients?q=odd", token=w).json()[
        "patients"][0].get("name") == "Odd")
    chen = patient("chen")
    chen["name"] = [{"family": "陈", "given": ["美"]}]
    s.ask("PUT", "/fhir/Patient/chen", chen, token=w)
    found = s.ask("GET", "/api/patients?q=%E9%99%88%E7%BE%8E", token=w).json()["patients"]
    check("a Chinese name is found whole, and written so", [p.get("name") for p in found] == ["陈美"], found)


def check_search_pages(s, t):
    w = t["integrator"]
    entries = [{"request": {"method": "PUT", "url": f"Patient/wang-{n}"},
                "resource": patient(f"wang-{n}", "Wang")} for n in range(60)]
    s.ask("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries}, token=w)
    first = s.ask("GET", "/api/patients?q=wang", token=w).json()
    rest = s.ask("GET", "/api/patients?q=wang&_offset=50", token=w).json()
    ids = {p["id"] for p in first["patients"]} | {p["id"] for p in rest["patients"]}
    check("a search has pages and a true total", first["total"] == 60 and len(ids) == 60,
          (first["total"], len(ids)))
    events = s.ask("GET", "/api/audit?what=list_patients&subject=wang-1", token=t["auditor"]).json()
    check("the trail tells whom a list showed", len(events["events"]) >= 1, events)
    unknown = s.ask("GET", "/api/patients/nobody-at-all/timeline", token=t["clinician"])
    events = s.ask("GET", "/api/audit?what=denied", token=t["auditor"]).json()["events"]
    check("who is not there is denied and recorded as who is", unknown.status == 403 and
          any(e.get("unknown") == "nobody-at-all" for e in events), events[:2])


def check_answers(s, t):
    w = t["integrator"]
    body = {"model": "heart", "as_of": "2015-01-01T00:00:00Z"}
    answer = s.ask("POST", "/api/patients/17/predict", body, token=w)
    check("an answer for the page", answer.status == 200 and answer.json()["reply"]["reasons"], answer)
    told = answer.json()
    fhir = s.ask("POST", "/fhir/Patient/17/$predict", parameters(
        asOf={"valueInstant": body["as_of"]}), token=w).json()["entry"][0]["resource"]
    check("is that of $predict", abs(fhir["prediction"][0]["probabilityDecimal"] -
                                     100 * told["reply"]["value"]) < 0.01, (fhir, told["reply"]["value"]))
    check("with words in both languages", set(told["reply"]["paragraphs"]["clinician"]) == {"en", "zh"})
    trend = s.ask("GET", "/api/patients/17/trend?model=heart&as_of=2015-01-01T00:00:00Z",
                  token=w).json()["trend"]
    times = [p["time"] for p in trend]
    check("a trend goes forward", len(trend) > 2 and times == sorted(set(times)), trend)
    check("and ends with the answer", trend[-1]["value"] == told["reply"]["value"], trend[-1])
    feature = next(r["feature"] for r in told["reply"]["reasons"] if r["value"] is not None)
    what_if = s.ask("POST", "/api/patients/17/predict", {**body, "explain": False, "what_if": feature},
                    token=w).json()["reply"]["what_if"]
    check("what-if has a curve", what_if["feature"] == feature and len(what_if["curve"]) > 0, what_if)
    opinion = {"patient": "17", "model": "heart", "opinion": "disagree", "seal": told["seal"]}
    path = f"/api/answers/{told['id']}/opinion"
    check("an opinion is kept", s.ask("PUT", path, opinion, token=w).status == 204)
    check("no opinion about a made-up answer", s.ask(
        "PUT", "/api/answers/" + "z" * 26 + "/opinion", opinion, token=w).status == 400)
    check("nor about another patient's answer", s.ask("PUT", path, {**opinion, "patient": "18"},
                                                      token=w).status == 400)
    check("an unknown opinion is not", s.ask("PUT", path, {**opinion, "opinion": "maybe"},
                                             token=w).status == 400)
    check("nor one about a patient of others", s.ask("PUT", path, opinion,
                                                     token=t["clinician"]).status == 403)
    events = s.ask("GET", "/api/audit?what=opinion", token=t["auditor"]).json()["events"]
    check("the trail tells it", events and events[0]["answer"] == told["id"], events)


def job_state(s, token, id):
    return s.ask("GET", "/api/jobs/" + id, token=token).json()


def check_jobs(s, t):
    w = t["integrator"]
    start = lambda: s.ask("POST", "/api/jobs", {"kind": "predict", "model": "heart"}, token=w)
    job = start()
    check("a job begins", job.status == 201, job)
    check("twice is refused", start().status == 400)
    id = job.json()["id"]
    check("and ends", wait_until(lambda: job_state(s, w, id)["state"] == "done", 120),
          job_state(s, w, id))
    state = job_state(s, w, id)
    check("a job tells what was asked and what came out", state["request"]["model"] == "heart" and
          state["result"]["answers"] == state["done"], state)
    check("having asked about everybody", state["done"] == state["total"] and state["done"] > 8000, state)
    s.ask("PUT", "/fhir/Patient/late", patient("late"), token=w)
    first = s.ask("GET", "/api/patients?model=heart&_count=100", token=w).json()
    check("who came since is counted", first["unscored"] >= 1, first["unscored"])
    values = [p["value"] for p in first["patients"] if p["value"] is not None]
    check("the list is by risk", first["total"] == state["done"] + first["unscored"] and len(values) > 50 and
          values == sorted(values, reverse=True), values[:5])
    for one in first["patients"][:3]:
        answer = s.ask("POST", f"/api/patients/{one['id']}/predict", {"model": "heart",
                       "as_of": one["as_of"], "explain": False}, token=w).json()
        check("an answer of a job is that of a request", answer["reply"]["value"] == one["value"],
              (one["value"], answer["reply"]["value"]))
    last = s.ask("GET", f"/api/patients?model=heart&_count=10&_offset={first['total'] - 10}", token=w)
    check("pages reach the end, those who came since last", len(last.json()["patients"]) == 10 and
          any(p["id"] == "late" for p in last.json()["patients"]), last)
    events = s.ask("GET", "/api/audit?subject=own&what=predict", token=t["auditor"]).json()["events"]
    check("the trail tells each answer of a job", any(e.get("why") == "job " + id for e in events), events)
    job = start().json()
    ended = s.ask("DELETE", "/api/jobs/" + job["id"], token=w)
    check("a job can be cancelled", ended.status == 200 and wait_until(
        lambda: job_state(s, w, job["id"])["state"] == "cancelled"), job_state(s, w, job["id"]))
    check("an unknown kind is refused", s.ask("POST", "/api/jobs", {"kind": "dig", "model": "heart"},
                                              token=w).status == 400)


def check_withdrawn_in_a_job(home, t):
    with Service(PROGRAM, home) as s:
        w = t["integrator"]
        models = home / "models"
        run(PROGRAM, "approve", models / "heart", "--as", "heart@trial")
        id = s.ask("POST", "/api/jobs", {"kind": "predict", "model": "heart@trial"}, token=w).json()["id"]
        wait_until(lambda: job_state(s, w, id)["done"] > 0, 30)
        run(PROGRAM, "approve", models, "--as", "heart@trial", "--withdraw")
        check("a job of a withdrawn model ends", wait_until(
            lambda: job_state(s, w, id)["state"] == "failed", 30), job_state(s, w, id))


def check_jobs_go_on(home, t):
    """Killed in the middle: the next service ends the job, and nobody is asked about twice."""
    w = t["integrator"]
    s = Service(PROGRAM, home).__enter__()
    id = s.ask("POST", "/api/jobs", {"kind": "predict", "model": "heart"}, token=w).json()["id"]
    begun = wait_until(lambda: job_state(s, w, id)["done"] > 500, 30)
    before = job_state(s, w, id)
    s.stop(signal.SIGKILL)
    check("killed in the middle", begun and before["state"] == "running", before)
    with Service(PROGRAM, home) as s:
        check("the job goes on", wait_until(lambda: job_state(s, w, id)["state"] == "done", 120),
              job_state(s, w, id))
        kept = [line for line in (home / "audit.ndjson").read_text().splitlines()
                if "job " + id in line and '"predict"' in line]
        after = job_state(s, w, id)
        # What was recorded but not kept when it was killed is asked again: one batch at most.
        check("and does not begin anew", after["done"] <= len(kept) <= after["done"] + 256,
              (len(kept), after))




def check_monitoring(s, t):
    seen = s.ask("GET", "/api/monitoring?days=7", token=t["admin"]).json()["models"]
    heart = next(m for m in seen if m["model"] == "heart@champion")
    answers = sum(d["answers"] for d in heart["days"])
    metrics = s.ask("GET", "/metrics", token=t["admin"]).body.decode()
    counted = re.search(r'cangong_inference_requests_total\{[^}]*outcome="ok"[^}]*\} (\d+)', metrics)
    check("answers are counted by day", answers > 0 and counted and answers == int(counted[1]),
          (answers, counted and counted[0]))
    check("by tenth too", sum(heart["by_tenth"]) == answers, heart["by_tenth"])
    check("the expected shares add up", abs(sum(heart["expected"]) - 1) < 1e-9, heart["expected"])
    check("opinions are counted", heart["opinions"].get("disagree") == 1, heart["opinions"])
    check("days have an end", s.ask("GET", "/api/monitoring?days=0", token=t["admin"]).status == 400)
    detail = s.ask("GET", "/api/models/heart", token=t["clinician"]).json()
    points = detail["calibration"]
    check("a model's calibration by tenth", len(points) == 10 and all(
        p["low"] <= p["seen"] <= p["high"] for p in points), points)
    check("its features, the weightiest first", detail["features"][0]["share"] >=
          detail["features"][1]["share"] > 0, detail["features"][:2])
    check("its approvals", detail["history"][0]["bundle"] == detail["bundle"], detail["history"])
