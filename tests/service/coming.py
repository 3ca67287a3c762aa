"""A model of whole timelines under service: the years to come, what they hang on, what if."""
from checks import PROGRAM, check, condition, lab, main_resource, parameters, patient
from client import run

DIABETES = "ICD10CM//E11.9"


def check_coming(s, t):
    w, mine = t["integrator"], t["clinician"]
    none = s.ask("POST", "/api/patients/own/coming-years", {"model": "heart"}, token=w)
    check("another kind of model foretells no years", none.status == 404 and b"timelines" in none.body, none)
    listed = s.ask("GET", "/api/models", token=mine).json()
    check("it stands beside the others", [m["name"] for m in listed["timelines"]] == ["coming"] and
          all(m["name"] != "coming" for m in listed["models"]), listed)
    s.ask("PUT", "/fhir/Patient/years", patient("years"), token=w)
    s.ask("PUT", "/admin/accounts/a-clinician/patients/years", {}, token=t["admin"])
    s.ask("POST", "/fhir/Condition", condition("years", "2016-01-01"), token=w)
    s.ask("PUT", "/fhir/Observation/years-cr", lab("years", 1.1, "2017-01-01", "years-cr"), token=w)
    at = {"model": "coming", "as_of": "2018-01-01T00:00:00Z"}
    ask = lambda token=mine, **more: s.ask("POST", "/api/patients/years/coming-years", {**at, **more}, token=token)
    answer = ask()
    check("the years to come", answer.status == 200, answer)
    told = answer.json()
    years, codes = told["years"], told["as_recorded"]["codes"]
    check("year by year", years == list(range(11)) and abs(told["age_years"] - 57.7) < 0.1, (years, told["age_years"]))
    check("shares that only rise, within their ranges", codes and all(
        c["by"][0] == 0 and c["by"] == sorted(c["by"]) and abs(c["by"][-1] - c["share"]) < 1e-9 and
        c["low"] <= c["share"] <= c["high"] for c in codes), codes[:2])
    check("the likeliest first", [c["share"] for c in codes] == sorted((c["share"] for c in codes), reverse=True))
    alive, fan = told["as_recorded"]["alive"], told["as_recorded"]["events"]
    check("the living only fall", alive[0] == 1 and alive == sorted(alive, reverse=True), alive)
    check("a fan whose quantiles are in order", len(fan) == 11 and all(q == sorted(q) for q in fan), fan)
    check("the same question, the same answer", {**ask().json(), "id": ""} == {**told, "id": ""})
    check("somebody does not exist", told["synthetic"] is True)
    supposed = ask(**{"with": ["ICD10CM//I10"], "without": [DIABETES]}).json()
    check("under another record it is another answer, beside that of this one",
          supposed["as_recorded"] == told["as_recorded"] and supposed["supposed"] != told["as_recorded"], supposed)
    check("association, not effect", any("association, not effect" in one for one in supposed["warnings"]), supposed["warnings"])
    for name, more in (("a code that nobody knows", {"with": ["NONE//1"]}), ("one that is not recorded", {"without": ["ICD10CM//I21.9"]}),
                       ("days that are none", {"shift": [DIABETES]}), ("a time before birth", {"shift": [DIABETES + "=-999999"]}),
                       ("half a future", {"futures": 2.5}), ("no years", {"years": 0}), ("too many futures", {"futures": 1001}),
                       ("a measurement without a number", {"with": ["LOINC//2160-0"]}),
                       ("a moment before birth", {"as_of": "1950-01-01"}), ("a text for a list", {"with": "x"})):
        refused = ask(**more)
        check("refused: " + name, refused.status in (400, 422), refused)
    check("a shifted event", ask(shift=[DIABETES + "=-365"]).json()["supposed"] != told["as_recorded"])
    hidden = s.ask("POST", "/api/patients/other/coming-years", at, token=mine)
    check("nobody's patient", hidden.status == 403, hidden)
    valued = ask(**{"with": ["LOINC//2160-0=2.4"]}).json()
    check("a value in the model's unit, which is told", any("mg/dL" in one for one in valued["warnings"]), valued["warnings"])
    drivers = s.ask("POST", "/api/patients/years/drivers", {**at, "code": codes[0]["code"]}, token=mine)
    check("what it hangs on", drivers.status == 200 and {e["code"].split("//Q")[0] for e in drivers.json()["events"]} ==
          {DIABETES, "LOINC//2160-0"}, drivers)
    check("a code that is never foretold", s.ask("POST", "/api/patients/years/drivers", {
        **at, "code": "GENDER//female"}, token=mine).status == 400)
    check_predict(s, w, mine, told)
    trail = s.ask("GET", "/api/audit?what=predict&subject=years", token=t["auditor"]).json()["events"]
    check("all of it is in the trail, refusals too", {"futures", "drivers", "refusal"} <= {e.get("answer") for e in trail} and
          any(e.get("id") == told["id"] and e["name"] == "coming@champion" for e in trail) and
          any(e.get("without") == [DIABETES] for e in trail), trail[:2])
    check("it is no model for cards", s.ask("POST", "/cds-services/coming", {}, token=w).status == 404)
    run(PROGRAM, "approve", s.home / "models" / "coming", "--as", "quiet@shadow")
    shadow = s.ask("POST", "/api/patients/years/coming-years", {"model": "quiet@shadow"}, token=mine)
    check("a shadow answers nobody, and clinicians do not hear of it", shadow.status == 404 and
          "quiet" not in str(s.ask("GET", "/api/models", token=mine).json()) and s.ask(
              "POST", "/fhir/Patient/years/$predict", parameters(model={"valueUri": "quiet@shadow"}), token=w).status == 404, shadow)
    s.ask("POST", "/api/models/quiet@shadow/withdraw", {"note": "seen"}, token=t["admin"])
    gone = s.ask("POST", "/api/models/coming@champion/withdraw", {"note": "small"}, token=t["admin"])
    check("it is withdrawn", gone.status == 204 and ask().status == 404, gone)
    run(PROGRAM, "approve", s.home / "models" / "coming", "--as", "coming@champion")


def check_predict(s, w, mine, told):
    at = {"model": {"valueUri": "coming"}, "asOf": {"valueInstant": "2018-01-01T00:00:00Z"}}
    ask = lambda **more: s.ask("POST", "/fhir/Patient/years/$predict", parameters(**at, **more), token=w)
    answer = ask()
    risk = main_resource(answer)
    shares = {c["code"]: c["share"] for c in told["as_recorded"]["codes"]}
    first = risk["prediction"][0]
    check("$predict is the same answer", risk["resourceType"] == "RiskAssessment" and
          abs(first["probabilityDecimal"] / 100 - max(shares.values())) < 1e-3, first)
    check("an outcome for each code, within ten years", len(risk["prediction"]) == min(40, len(shares)) and
          all(p["outcome"]["coding"][0]["code"] and p["whenRange"]["high"]["value"] == 3652.5 for p in risk["prediction"]), first)
    short = main_resource(ask(years={"valueDecimal": 2}))
    check("or within two", short["prediction"][0]["whenRange"]["high"]["value"] == 730.5, short["prediction"][0])
    card = s.ask("GET", "/fhir/" + answer.json()["entry"][2]["resource"]["entity"][0]["what"]["reference"], token=w)
    check("its card", card.status == 200, card)
    device = s.ask("GET", "/fhir/" + risk["performer"]["reference"], token=w)
    check("its Device, active", device.status == 200 and device.json()["status"] == "active", device)
    check("reasons are asked for elsewhere", ask(explain={"valueBoolean": True}).status == 400)
    check("years are not for other models", s.ask("POST", "/fhir/Patient/years/$predict", parameters(
        years={"valueDecimal": 2}), token=w).status == 400)
    kept = ask(persist={"valueBoolean": True}).json()["entry"][0]["resource"]["id"]
    check("it is kept where that is asked", s.ask("GET", "/fhir/RiskAssessment/" + kept, token=w).status == 200)
    at_hand = s.ask("POST", "/fhir/$predict", parameters(**at, data={"resource": {
        "resourceType": "Bundle", "type": "collection", "entry": [
            {"resource": patient("hand")}, {"resource": condition("hand", "2016-01-01")}]}}), token=mine)
    check("data at hand", at_hand.status == 200 and main_resource(at_hand)["prediction"], at_hand)
