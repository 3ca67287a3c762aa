"""Predictions: $predict, CDS Hooks, Open Inference Protocol."""
import base64
import json
import uuid

from checks import PROGRAM, check, condition, lab, main_resource, parameters, patient
from client import run


def check_predictions(s, t):
    w = t["integrator"]
    for day in range(1, 12):
        s.ask("POST", "/fhir/Encounter", {
            "resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"},
            "subject": {"reference": "Patient/own"},
            "period": {"start": f"2019-{day:02}-01T08:00:00Z", "end": f"2019-{day:02}-01T09:00:00Z"}},
            token=w)
    s.ask("POST", "/fhir/Condition", condition("own", "2019-06-01T00:00:00Z"), token=w)
    s.ask("PUT", "/fhir/Observation/cr", lab("own", 1.4, "2019-07-01T00:00:00Z", "cr"), token=w)
    ask = lambda **more: s.ask("POST", "/fhir/Patient/own/$predict", parameters(**more), token=w)
    at = {"valueInstant": "2020-01-01T00:00:00Z"}
    answer = ask(asOf=at, explain={"valueBoolean": True})
    check("$predict", answer.status == 200, answer)
    risk = main_resource(answer)
    p = risk["prediction"][0]
    check("a RiskAssessment, preliminary, labelled as AI's", risk["resourceType"] == "RiskAssessment"
          and risk["status"] == "preliminary" and risk["meta"]["security"][0]["code"] == "AIAST", risk)
    low = p["_probabilityDecimal"]["extension"][0]["valueRange"]
    check("per cent beside a share", 0 < p["probabilityDecimal"] <= 100 and
          low["low"]["value"] * 100 <= p["probabilityDecimal"] + 0.01 and
          p["probabilityDecimal"] <= low["high"]["value"] * 100 + 0.01, p)
    parts = p["extension"][0]["extension"]
    number = lambda name: next(x["valueDecimal"] for x in parts if x["url"] == name)
    terms = [x["extension"] for x in parts if x["url"] == "term"]
    total = number("base") + sum(y["valueDecimal"] for x in terms for y in x
                                 if y["url"] == "contribution")
    check("reasons add up", abs(total - number("margin")) < 1e-6, (total, number("margin")))
    sources = [y["valueReference"]["reference"] for x in terms for y in x if y["url"] == "source"]
    check("and name their resources", "Observation/cr" in sources, sources)
    check("synthetic is said", "synthetic" in risk["note"][0]["text"])
    kinds = [e["resource"]["resourceType"] for e in answer.json()["entry"]]
    check("Device and Provenance", kinds == ["RiskAssessment", "Device", "Provenance"], kinds)
    origin = answer.json()["entry"][2]["resource"]["entity"][0]["what"]["reference"]
    card = s.ask("GET", "/fhir/" + origin, token=w)
    text = base64.b64decode(card.json()["content"][0]["attachment"]["data"]).decode()
    check("and the model's card, a DocumentReference", card.status == 200 and "# Model card: heart@champion"
          in text and "Nobody has said:" in text, card)
    device = s.ask("GET", "/fhir/" + risk["performer"]["reference"], token=w)
    check("a Device that nobody kept can be read", device.status == 200 and
          device.json()["version"][0]["value"] in text, device)
    check("another model's card is none", s.ask(
        "GET", "/fhir/DocumentReference/model-" + "0" * 32 + "-card", token=w).status == 404)
    again = main_resource(ask(asOf=at))["prediction"][0]["probabilityDecimal"]
    check("the same again", again == p["probabilityDecimal"])
    s.ask("PUT", "/fhir/Observation/cr", lab("own", 9.9, "2019-07-01T00:00:00Z", "cr"), token=w)
    s.ask("POST", "/fhir/Condition", condition("own", "2020-06-01T00:00:00Z"), token=w)
    late = main_resource(ask(asOf=at))["prediction"][0]["probabilityDecimal"]
    check("what became known later changes nothing", late == p["probabilityDecimal"], (late, p))
    changed = main_resource(ask())
    check("but it does for an answer of today", changed["resourceType"] == "GuidanceResponse" or
          changed["prediction"][0]["probabilityDecimal"] != p["probabilityDecimal"])
    everything = s.ask("GET", "/fhir/Patient/own/$everything", token=w).json()
    inline = s.ask("POST", "/fhir/$predict", parameters(
        asOf=at, data={"resource": {**everything, "type": "collection"}}), token=w)
    check("data at hand", inline.status == 200, inline)
    none = s.ask("POST", "/fhir/Patient/empty/$predict", parameters(asOf=at), token=w)
    guidance = main_resource(none)
    check("no data: a GuidanceResponse that says what is missing",
          guidance["resourceType"] == "GuidanceResponse" and guidance["status"] == "data-required" and
          guidance["dataRequirement"], guidance)
    wanted = json.dumps(guidance["dataRequirement"])
    check("in FHIR's own words", "http://loinc.org" in wanted and " | " not in wanted and
          '"AGE"' not in wanted, wanted)
    for name, body in {"no model": {"resourceType": "Parameters", "parameter": []},
                       "no Parameters": {}, "an unknown parameter": parameters(x={"valueUri": "y"}),
                       "a moment that is none": parameters(asOf={"valueInstant": "soon"})}.items():
        check(f"$predict refuses {name}", s.ask("POST", "/fhir/Patient/own/$predict", body,
                                                token=w).status == 400)
    check("an unknown model", s.ask("POST", "/fhir/Patient/own/$predict", parameters(
        model={"valueUri": "none"}), token=w).status == 404)
    bulk = s.ask("POST", "/fhir/Patient/12/$predict", parameters(asOf={
        "valueInstant": "2015-01-01T00:00:00Z"}), token=w)
    by_hand = json.loads(run(PROGRAM, "predict", s.home / "models" / "heart", "--store", s.home / "store",
                             "--subject", "12", "--as-of", "2015-01-01T00:00:00Z", "--json"))
    resource = main_resource(bulk)
    if by_hand["answer"] == "prediction":
        check("the service says what the command line says", resource["prediction"][0][
            "probabilityDecimal"] == round(by_hand["value"] * 100, 2), (resource, by_hand["value"]))
    else:
        check("the service refuses as the command line does",
              resource["resourceType"] == "GuidanceResponse", resource)


def check_hooks(s, t):
    w = t["integrator"]
    listed = s.ask("GET", "/cds-services", token=w)
    service = listed.json()["services"][0]
    check("discovery", service["id"] == "heart" and service["hook"] == "patient-view" and
          service["prefetch"]["patient"] == "Patient/{{context.patientId}}", service)
    check("prefetch comes from the features", any("code=http" in q for q in service[
        "prefetch"].values()), service)
    same = s.ask("GET", "/cds-services", token=w, headers={"If-None-Match": listed.headers["ETag"]})
    check("discovery has an ETag", same.status == 304)
    request = {"hook": "patient-view", "hookInstance": str(uuid.uuid4()),
               "context": {"userId": "Practitioner/1", "patientId": "own"}}
    post = lambda body, id="heart": s.ask("POST", "/cds-services/" + id, body, token=w)
    plain = post(request)
    check("cards from the record", plain.status == 200 and len(plain.json()["cards"]) == 1, plain)
    check("cards are not stored by others", plain.headers["Cache-Control"] == "no-store")
    bundle = lambda *resources: {"resourceType": "Bundle", "type": "searchset", "entry": [
        {"resource": r} for r in resources]}
    markup = {**patient("p9"), "name": [{"text": "<b>[x](http://evil)</b>"}]}
    visits = [{"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"},
               "subject": {"reference": "Patient/p9"}, "period": {
                   "start": f"2026-0{m}-01T08:00:00Z", "end": f"2026-0{m}-01T09:00:00Z"}}
              for m in range(1, 9)]
    prefetch = {"patient": markup, "observations": bundle(lab("p9", 1.0, "2026-05-01")),
                "conditions": bundle(condition("p9", "2026-03-01"), *visits)}
    request = {**request, "context": {"userId": "Practitioner/1", "patientId": "p9"}}
    fed = post({**request, "prefetch": prefetch})
    check("cards from prefetch", fed.status == 200 and len(fed.json()["cards"]) == 1, fed)
    card = fed.json()["cards"][0]
    check("a card has what it must", len(card["summary"]) < 140 and card["indicator"] in (
        "info", "warning", "critical") and card["source"]["label"] and uuid.UUID(card["uuid"]), card)
    check("every override reason has words", all(r["display"] for r in card.get(
        "overrideReasons", [])), card)
    chinese, english = [s.ask("POST", "/cds-services/heart", {**request, "prefetch": prefetch}, token=w,
                              headers={"Accept-Language": language}).json()["cards"][0]
                        for language in ("fr, zh-CN;q=0.9, en;q=0.5", "zh;q=0, en")]
    check("a card in Chinese", "为平均的" in chinese["summary"] and "数据截至" in chinese["detail"] and
          "raises" not in chinese["detail"] and len(chinese["summary"]) < 140 and
          chinese["overrideReasons"][0]["display"] == "已知晓", chinese)
    bullets = [line for line in english["detail"].splitlines() if line.startswith("- ")]
    check("and in English, each reason once", "data to" in english["detail"] and bullets and
          len(set(bullets)) == len(bullets), english)
    check("null is no data, not an error", post({**request, "prefetch": {
        **prefetch, "observations": None}}).status == 200)
    failed = post({**request, "prefetch": {**prefetch, "conditions": {
        "resourceType": "OperationOutcome"}}})
    check("what could not be fetched is not known: 412, with its name", failed.status == 412 and
          "conditions" in failed.json()["detail"], failed)
    lacking = post({**request, "prefetch": {"patient": markup}})
    check("nor is what was not sent", lacking.status == 412, lacking)
    check("another patient's prefetch is refused", post({**request, "context": {
        "userId": "x", "patientId": "own"}, "prefetch": prefetch}).status == 400)
    check("nothing at all is 412", post({**request, "prefetch": {"patient": None}}).status == 412)
    unknown = {**request, "context": {"userId": "Practitioner/1", "patientId": "not-here"}}
    check("an unknown patient without data is 412", post(unknown).status == 412)
    for name, body in {
            "another hook": {**request, "hook": "order-sign"},
            "no UUID": {**request, "hookInstance": "1"},
            "no context": {k: v for k, v in request.items() if k != "context"},
            "no patient": {**request, "context": {"userId": "x"}},
            "authorization without a server": {**request, "fhirAuthorization": {}},
            "two patients": {**request, "prefetch": {**prefetch, "observations": bundle(
                lab("p8", 1, "2026-05-01"))}}}.items():
        check(f"hooks refuse {name}", post(body).status == 400)
    check("an unknown service is 404", post(request, "none").status == 404)
    feedback = {"feedback": [{"card": card["uuid"], "outcome": "overridden",
                              "outcomeTimestamp": "2026-11-22T10:00:00Z"}]}
    for _ in range(2):
        sent = s.ask("POST", "/cds-services/heart/feedback", feedback, token=w)
        check("feedback, also twice", sent.status == 200, sent)
    check("feedback that is none", s.ask("POST", "/cds-services/heart/feedback", {"feedback": [{}]},
                                         token=w).status == 400)


def check_inference(s, t):
    w = t["integrator"]
    about = s.ask("GET", "/v2/models/heart", token=w).json()
    check("v2 metadata", about["name"] == "heart@champion" and len(about["versions"]) == 1, about)
    body = {"id": "42", "parameters": {"as_of": "2020-01-01T00:00:00Z", "explain": True},
            "inputs": [{"name": "patient", "datatype": "BYTES", "shape": [1], "data": ["own"]}]}
    got = s.ask("POST", f"/v2/models/heart/versions/{about['versions'][0]}/infer", body, token=w)
    check("infer", got.status == 200 and got.json()["id"] == "42" and got.json()["outputs"][0][
        "datatype"] == "FP64", got)
    check("infer refuses other inputs", s.ask("POST", "/v2/models/heart/infer", {"inputs": []},
                                              token=w).status == 400)
    for what, more in (("a shape of two", {"inputs": [{**body["inputs"][0], "shape": [2]}]}),
                       ("a shape that is none", {"inputs": [{**body["inputs"][0], "shape": "1"}]}),
                       ("an unknown output", {"outputs": [{"name": "colour"}]}),
                       ("an output twice", {"outputs": [{"name": "value"}] * 2}),
                       ("two inputs", {"inputs": body["inputs"] * 2})):
        got = s.ask("POST", "/v2/models/heart/infer", {**body, **more}, token=w)
        check("infer refuses " + what, got.status == 400 and got.json()["error"], got)
    got = s.ask("POST", "/v2/models/heart/infer", {**body, "outputs": [{"name": "interval"}]}, token=w)
    check("infer gives the outputs that were asked for", [o["name"] for o in got.json()["outputs"]] ==
          ["interval"], got)
    check("another version", s.ask("GET", "/v2/models/heart/versions/00", token=w).status == 404)
