"""The record over FHIR REST."""
import json
import uuid

from checks import check, lab, main_resource, parameters, patient


def check_fhir(s, t):
    w = t["integrator"]
    made = s.ask("POST", "/fhir/Observation", lab("own", 1.10, "2020-01-02T00:00:00Z"), token=w)
    check("create", made.status == 201 and made.headers["ETag"] == 'W/"1"', made)
    id = made.json()["id"]
    check("a decimal keeps its digits", b'"value":1.1' in made.body, made)
    text = json.dumps(lab("own", 1, "2020-01-02T00:00:00Z")).replace('"value": 1,', '"value": 1.500,')
    kept = s.ask("POST", "/fhir/Observation", text, token=w)
    check("as it was written", b'"value":1.500' in kept.body, kept)
    read = s.ask("GET", "/fhir/Observation/" + id, token=w)
    check("read gives the same", read.body == made.body)
    changed = {**made.json(), "valueQuantity": {"value": 2}}
    put = s.ask("PUT", "/fhir/Observation/" + id, changed, token=w, headers={"If-Match": 'W/"1"'})
    check("update", put.status == 200 and put.json()["meta"]["versionId"] == "2", put)
    stale = s.ask("PUT", "/fhir/Observation/" + id, changed, token=w, headers={"If-Match": 'W/"1"'})
    check("a stale If-Match is refused", stale.status == 412, stale)
    again = s.ask("PUT", "/fhir/Observation/" + id, put.json(), token=w)
    check("the same again makes no version", again.json()["meta"]["versionId"] == "2", again)
    old = s.ask("GET", f"/fhir/Observation/{id}/_history/1", token=w)
    check("vread", old.status == 200 and old.body == made.body)
    check("delete", s.ask("DELETE", "/fhir/Observation/" + id, token=w).status == 204)
    check("and it is gone", s.ask("GET", "/fhir/Observation/" + id, token=w).status == 410)
    history = s.ask("GET", f"/fhir/Observation/{id}/_history", token=w).json()
    check("but not its history", [e["request"]["method"] for e in history["entry"]] ==
          ["DELETE", "PUT", "POST"] and [e["response"]["status"] for e in history["entry"]] ==
          ["204", "200", "201"] and history["entry"][-1]["request"]["url"] == "Observation", history)
    for name, resource, path in [
            ("an unknown patient", lab("nobody-knows", 1, "2020-01-01"), "/fhir/Observation"),
            ("another type than the address", lab("own", 1, "2020-01-01"), "/fhir/Condition"),
            ("no code", {**lab("own", 1, "2020-01-01"), "code": {}}, "/fhir/Observation"),
            ("a date that is none", lab("own", 1, "2020-13-45"), "/fhir/Observation"),
            ("a field twice", '{"resourceType":"Observation","status":"final","status":"x"}',
             "/fhir/Observation"),
            ("half a resource", '{"resourceType":"Observation"', "/fhir/Observation"),
            ("a list", "[]", "/fhir/Observation"), ("nothing", "", "/fhir/Observation"),
            ("a year 9999", lab("own", 1, "9999-01-01"), "/fhir/Observation")]:
        answer = s.ask("POST", path, resource, token=w)
        check(f"refused with 400: {name}", answer.status == 400 and
              answer.json()["issue"][0]["diagnostics"], answer)
    check("an id of another form", s.ask("PUT", "/fhir/Observation/a%20b", lab(
        "own", 1, "2020-01-01"), token=w).status == 400)
    check("a type that is not kept", s.ask("GET", "/fhir/Basic/1", token=w).status == 404)
    key = {"If-None-Exist": "identifier=urn:mrn|M-own"}
    same = s.ask("POST", "/fhir/Patient", patient("own"), token=w, headers=key)
    check("conditional create finds", same.status == 200 and same.json()["id"] == "own", same)


def check_search(s, t):
    w = t["integrator"]
    for day in range(1, 8):
        s.ask("PUT", f"/fhir/Observation/s-{day}", lab("search", day, f"2021-01-0{day}T00:00:00Z",
                                                       f"s-{day}", "718-7"), token=w)
    def found(query):
        answer = s.ask("GET", "/fhir/Observation?patient=search&" + query, token=w)
        return [e["resource"]["id"] for e in answer.json().get("entry", [])], answer
    check("newest first", found("_count=3")[0] == ["s-7", "s-6", "s-5"], found("_count=3"))
    check("oldest first", found("_sort=date&_count=2")[0] == ["s-1", "s-2"])
    check("by date", found("date=ge2021-01-03&date=lt2021-01-05")[0] == ["s-4", "s-3"])
    check("by code", found("code=http://loinc.org|718-7")[1].json()["total"] == 7)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = s.ask("POST", "/fhir/Observation/_search", "patient=search&_count=3", token=w, headers=form)
    check("search by a form is the same search", posted.status == 200 and
          posted.json()["entry"] == found("_count=3")[1].json()["entry"] and
          posted.json()["link"] == found("_count=3")[1].json()["link"], posted)
    check("a form is said to be one", s.ask("POST", "/fhir/Observation/_search", {}, token=w).status == 415)
    check("what is packed, or XML, is said to be so", all(
        s.ask("POST", "/fhir/Observation", "<x/>", token=w, headers=h).status == 415 for h in (
            {"Content-Encoding": "gzip"}, {"Content-Type": "application/fhir+xml"})) and
          found("_format=xml")[1].status == 406 and found("_format=json")[1].status == 200 and
          found("_format=application/fhir+json;charset=utf-8")[1].status == 200)
    check("also of what is wanted", s.ask("GET", "/fhir/Patient/search", token=w, headers={
        "Accept": "application/fhir+xml"}).status == 406 and s.ask(
        "POST", "/fhir/Observation/_search", "patient=search&_format=xml", token=w, headers=form).status == 406
        and s.ask("PUT", "/api/inbox/a.csv", "<a/>", token=w, headers={"Content-Type": "text/xml"}).status == 204
        and s.ask("DELETE", "/api/inbox/a.csv", token=w).status == 204)
    check("by code alone", found("code=718-7&_count=0")[1].json()["total"] == 7)
    check("another code", found("code=http://loinc.org|1")[0] == [])
    check("a parameter that is not known", found("colour=red")[1].status == 400)
    seen, path = [], "/fhir/Observation?patient=search&_count=2"
    for _ in range(10):
        page = s.ask("GET", path, token=w).json()
        seen += [e["resource"]["id"] for e in page.get("entry", [])]
        following = [l["url"] for l in page["link"] if l["relation"] == "next"]
        if not following:
            break
        path = following[0].split("/", 3)[3].join(["/", ""])
    check("pages hold each once", seen == [f"s-{d}" for d in range(7, 0, -1)], seen)
    names = s.ask("GET", "/fhir/Patient?name=searchfam", token=w).json()
    check("patients by the beginning of a name", [e["resource"]["id"] for e in names["entry"]] ==
          ["search"], names)
    own = s.ask("GET", "/fhir/Patient", token=t["clinician"]).json()
    check("clinicians find their own", {e["resource"]["id"] for e in own["entry"]} <=
          {"own", "emergency"} and own["entry"], own)
    check("and search within them", s.ask("GET", "/fhir/Observation", token=t["clinician"]).status == 403)
    everything = s.ask("GET", "/fhir/Patient/search/$everything", token=w).json()
    check("$everything", len(everything["entry"]) == 8, len(everything["entry"]))
    check("but not less than everything without a word", s.ask(
        "GET", "/fhir/Patient/search/$everything?_type=Observation", token=w).status == 400)
    told = [s.ask("GET", f"/fhir/Patient/{who}{more}", token=t["clinician"]) for more in ("", "/_history")
            for who in ("search", "nobody-at-all")]
    check("who is another's and who is nobody are told alike", {(a.status, a.json()["issue"][0]["diagnostics"])
          for a in told} == {(403, told[0].json()["issue"][0]["diagnostics"])}, told)
    first = s.ask("GET", "/fhir/Patient/search/$everything?_count=5", token=w).json()
    rest = s.ask("GET", "/fhir/" + first["link"][0]["url"].split("/fhir/")[1], token=w).json()
    check("and in pages", first["entry"] + rest["entry"] == everything["entry"] and
          len(first["entry"]) == 5, (first, rest))
    named = s.ask("GET", "/fhir/Patient/search/_history", token=w).json()["entry"][-1]
    check("a history says PUT of what was put", named["request"]["method"] == "PUT", named)


def check_transactions(s, t):
    w = t["integrator"]
    urn = "urn:uuid:" + str(uuid.uuid4())
    who = {**patient("x"), "identifier": [{"system": "urn:mrn", "value": "T-1"}]}
    del who["id"]
    entry = lambda resource, url=None: {"resource": resource, "request": {
        "method": "POST", "url": resource["resourceType"]}, **({"fullUrl": url} if url else {})}
    about = {**lab("x", 3, "2021-05-05"), "subject": {"reference": urn}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry(about), entry(who, urn)]}
    done = s.ask("POST", "/fhir", bundle, token=w)
    check("a transaction, its references made real", done.status == 200 and
          [e["response"]["status"] for e in done.json()["entry"]] == ["201", "201"], done)
    places = [e["response"]["location"] for e in done.json()["entry"]]
    one = s.ask("GET", "/fhir/" + places[0].split("/_history")[0], token=w).json()
    check("the lab names its patient", one["subject"]["reference"] in places[1], one)
    before = s.ask("GET", "/fhir/Observation?patient=own&_count=0", token=w).json()["total"]
    broken = {"resourceType": "Bundle", "type": "transaction", "entry": [
        entry(lab("own", 1, "2021-01-01")), entry(lab("own", 1, "not a date"))]}
    refused = s.ask("POST", "/fhir", broken, token=w)
    check("a broken entry refuses all, and is named", refused.status == 400 and
          refused.json()["issue"][0]["expression"] == ["Bundle.entry[1]"], refused)
    after = s.ask("GET", "/fhir/Observation?patient=own&_count=0", token=w).json()["total"]
    check("nothing of it was kept", before == after)
    batch = s.ask("POST", "/fhir", {**broken, "type": "batch"}, token=w).json()
    check("a batch keeps what is good", [e["response"]["status"] for e in batch["entry"]] ==
          ["201", "400"], batch)


def check_disguises(s, t):
    """Whose a resource is, is decided once, when it comes; no way of writing it hides it."""
    w, c = t["integrator"], t["clinician"]
    subjects = {"by identifier": {"identifier": {"system": "urn:mrn", "value": "M-other"}},
                "by two names": {"reference": "Patient/other", "display": "Patient/own"}}
    for n, (name, subject) in enumerate(subjects.items()):
        made = s.ask("PUT", f"/fhir/Observation/d{n}", {**lab("other", 1, "2018-01-01", f"d{n}"),
                                                        "subject": subject}, token=w)
        check(f"a subject {name}", made.status == 201, made)
        for path in (f"/fhir/Observation/d{n}", f"/fhir/Observation/d{n}/_history",
                     f"/fhir/Observation/d{n}/_history/1"):
            check(f"{path} is not shown to others", s.ask("GET", path, token=c).status == 403)
    allergy = {"resourceType": "AllergyIntolerance", "id": "d9", "recordedDate": "2018-01-01",
               "patient": {"reference": "Patient/other"}, "subject": {"reference": "Patient/own"},
               "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}}
    made = s.ask("PUT", "/fhir/AllergyIntolerance/d9", allergy, token=w)
    check("a stray field decides nothing", made.status == 201 and s.ask(
        "GET", "/fhir/AllergyIntolerance/d9", token=c).status == 403, made)
    s.ask("PUT", "/fhir/Observation/moved", lab("other", 1, "2018-01-01", "moved"), token=w)
    s.ask("PUT", "/fhir/Observation/moved", lab("own", 1, "2018-01-01", "moved"), token=w)
    check("nor does a move show the time before", s.ask(
        "GET", "/fhir/Observation/moved/_history", token=c).status == 403)
    check("but the resource itself", s.ask("GET", "/fhir/Observation/moved", token=c).status == 200)
    for path in ("/fhir/Patient/unheard-of", "/fhir/Observation/unheard-of",
                 "/fhir/Patient/" + "A" * 5000):
        check("who is not there is not told either", s.ask("GET", path, token=c).status == 403)
    two = s.ask("GET", "/fhir/Observation?patient=own&subject=other", token=w)
    check("two patients in one search are refused", two.status == 400, two)
    number = s.ask("PUT", "/fhir/Patient/12", patient("12"), token=w)
    check("the number of a bulk patient is no new patient's id", number.status == 400, number)
    for who in ("ta", "tb"):
        twin = {**patient(who), "identifier": [{"system": "urn:mrn", "value": "SAME"}]}
        s.ask("PUT", "/fhir/Patient/" + who, twin, token=w)
        s.ask("PUT", "/fhir/Observation/of-" + who, lab(who, 1, "2018-01-01", "of-" + who), token=w)
    all_of = lambda who: {e["resource"]["id"] for e in s.ask(
        "GET", f"/fhir/Patient/{who}/$everything", token=w).json()["entry"]}
    check("a shared identifier joins no two patients", all_of("ta") == {"ta", "of-ta"} and
          all_of("tb") == {"tb", "of-tb"}, (all_of("ta"), all_of("tb")))
    trail = s.ask("GET", "/api/audit?subject=other&what=denied", token=t["auditor"]).json()["events"]
    check("refusals are in the trail", trail, trail)


def check_units(s, t):
    """A number in another unit is no number of the model's."""
    w, at = t["integrator"], {"valueInstant": "2020-01-01T00:00:00Z"}
    def risk(quantity):
        resource = {**lab("own", 1, "2019-07-01T00:00:00Z", "cr"), "valueQuantity": quantity}
        s.ask("PUT", "/fhir/Observation/cr", resource, token=w)
        bundle = s.ask("GET", "/fhir/Patient/own/$everything", token=w).json()
        answer = s.ask("POST", "/fhir/$predict", parameters(asOf=at, data={"resource": {
            **bundle, "type": "collection"}}), token=w)
        resource = main_resource(answer)
        return resource.get("prediction", [{}])[0].get("probabilityDecimal")
    ucum = {"system": "http://unitsofmeasure.org"}
    known = risk({"value": 1.0, "unit": "mg/dL", "code": "mg/dL", **ucum})
    missing = risk({"value": 1.0, "unit": "furlong", "code": "furlong", **ucum})
    check("a risk in the model's unit", known is not None)
    for value, unit in ((88.4, "umol/L"), (0.01, "g/L"), (500, "furlong")):
        got = risk({"value": value, "unit": unit, "code": unit, **ucum})
        check(f"{value} {unit} is as good as missing", got == missing, (got, missing, known))
