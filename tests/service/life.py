"""The life of a model: proposed, approved by another, in the shadow, judged, rolled back, withdrawn."""
import pathlib

from checks import PROGRAM, check, main_resource, parameters
from client import Service, run, wait_until

# What a person has to say before a model answers.
CARD = ("developer", "contact", "funding", "intended_use", "intended_users", "decision_role",
        "out_of_scope", "risks", "training_population", "fairness_approach", "bias_mitigation",
        "external_tester", "outcome_evaluations", "monitoring", "updates", "corrections")


def train_with_card(home):
    """Another bundle of the same data, whose card is complete."""
    root = pathlib.Path(__file__).resolve().parents[2] / "studies" / "synthetic-heart"
    recipe = home.parent / "with-card.yaml"
    recipe.write_text((root / "recipe.yaml").read_text() + "card: {" + ", ".join(
        f"{key}: none" for key in CARD) + "}\n")
    run(PROGRAM, "train", recipe, "--store", home / "store", "--labels", home.parent / "labels",
        "--out", home / "models" / "heart-card", "-q")
    return (home / "models" / "heart-card").resolve().name


def check_second_person(s, t, first, second):
    propose = lambda who, bundle: s.ask("POST", "/api/models/proposals", {
        "name": "heart@champion", "bundle": bundle, "note": "reads better"}, token=t[who])
    lacking = propose("scientist", first)
    check("a card that is not complete is refused, with what it lacks", lacking.status == 422 and
          all(key in lacking.json()["detail"] for key in CARD), lacking)
    check("a bundle that is none", propose("scientist", "../../etc").status == 404)
    made = propose("admin", second)
    check("a proposal", made.status == 201, made)
    decide = lambda id, who, word: s.ask("POST", f"/api/models/proposals/{id}/decision", {
        "decision": word, "note": "read"}, token=t[who])
    own = decide(made.json()["id"], "admin", "approve")
    check("nobody approves what they proposed", own.status == 403 and "another" in own.json()["detail"],
          own)
    check("who proposed may take it back", decide(made.json()["id"], "admin", "refuse").status == 204)
    again = decide(made.json()["id"], "admin", "approve")
    check("what was decided stays", again.status == 404, again)
    made = propose("scientist", second).json()
    check("another person approves", decide(made["id"], "admin", "approve").status == 204)
    model = s.ask("GET", "/api/models/heart", token=t["scientist"]).json()
    check("and the model answers at once", model["bundle"] == second and model["history"][0][
        "how"] == "second_person" and model["history"][0]["proposed_by"] == "a-scientist",
          model["history"][0])
    check("the direct way says so", model["history"][-1]["how"] == "direct", model["history"][-1])
    listed = s.ask("GET", "/api/models/proposals", token=t["scientist"]).json()
    check("proposals are listed, the last first", [p["state"] for p in listed["proposals"]] == [
        "approved", "refused"] and listed["second_approval"] is True, listed["proposals"])
    lacks = {b["bundle"]: b["card_lacks"] for b in listed["bundles"]}
    check("with what bundles lack", lacks[first] and not lacks[second], lacks)


def check_rollback(s, t, first, second):
    back = lambda bundle: s.ask("POST", "/api/models/heart/rollback", {
        "bundle": bundle, "note": "worse on the ward"}, token=t["admin"])
    check("rolled back to a bundle that answered before", back(first).status == 204)
    model = s.ask("GET", "/api/models/heart", token=t["scientist"]).json()
    check("it answers again", model["bundle"] == first and model["history"][0]["how"] == "rollback",
          model["history"][0])
    check("to no other", back("0" * 64).status == 400)
    check("and forward again", back(second).status == 204)
    check("a withdrawal", s.ask("POST", "/api/models/heart/withdraw", {"note": "wrong units"},
                                token=t["admin"]).status == 204)
    check("nobody is answered then", s.ask("GET", "/api/models/heart", token=t["admin"]).status == 404)
    check("until a rollback", back(second).status == 204)
    what = [e["what"] for e in s.ask("GET", "/api/audit?who=a-admin", token=t["auditor"]).json()[
        "events"]]
    check("all of it is in the trail", {"propose_model", "decide_proposal", "roll_back_model",
                                        "withdraw_model"} <= set(what), what)


def check_outcomes(s, t, second):
    """Answers to moments long past, about patients who did not train, are judged by what came."""
    run(PROGRAM, "approve", s.home / "models" / second, "--as", "heart@shadow")
    connection, w, asked = s.connect(), t["integrator"], 0
    for number in range(1, 3001):
        got = s.ask("POST", f"/fhir/Patient/{number}/$predict", parameters(asOf={
            "valueInstant": "2016-01-01T00:00:00Z"}), token=w, connection=connection)
        asked += got.status == 200 and main_resource(got)["resourceType"] == "RiskAssessment"
    connection.close()
    seen = lambda name: next((m for m in s.ask("GET", "/api/monitoring", token=t["admin"]).json()[
        "models"] if m["model"] == name), {})
    check("a shadow answers beside every answer, and says the same where it is the same", wait_until(
        lambda: seen("heart@shadow").get("beside", {}).get("pairs") == asked) and
        seen("heart@shadow")["beside"]["mean_difference"] == 0, (asked, seen("heart@shadow").get("beside")))
    shadows = s.ask("GET", "/api/audit?who=(service)&what=predict&_count=1", token=t["auditor"]).json()
    check("a shadow answers nobody, and clinicians do not hear of it",
          s.ask("POST", "/api/patients/17/predict", {"model": "heart@shadow"}, token=t["clinician"]).status == 404
          and s.ask("POST", "/v2/models/heart@shadow/infer", {"inputs": []}, token=t["integrator"]).status == 404
          and "shadow" not in [m["alias"] for m in s.ask("GET", "/api/models", token=t["clinician"]).json()["models"]]
          and "shadow" in [m["alias"] for m in s.ask("GET", "/api/models", token=t["scientist"]).json()["models"]])
    check("the trail is sought by what it knows",
          s.ask("GET", "/fhir/AuditEvent?patent=17", token=t["auditor"]).status == 400 and
          s.ask("GET", "/fhir/AuditEvent?patient=17", token=t["auditor"]).status == 200)
    check("which the trail tells", shadows["events"][0]["name"] == "heart@shadow" and shadows[
        "events"][0]["why"].startswith("shadow of"), shadows)
    for name in ("heart@champion", "heart@shadow"):
        job = s.ask("POST", "/api/jobs", {"kind": "judge", "model": name}, token=t["scientist"]).json()
        state = lambda: s.ask("GET", "/api/jobs/" + job["id"], token=t["scientist"]).json()
        check(f"{name} is judged", wait_until(lambda: state()["state"] == "done", 600), state())
    told = seen("heart@champion")["judgement"]
    check("some were judged, and those who trained left out", told["judged"] > 50 and
          told["trained"] > 100 and told["judged"] + told["trained"] + told["not_asked"] +
          told["waiting"] == told["answers"], {k: v for k, v in told.items() if k != "subgroups"})
    check("enough happened to say something", told["enough"] and told["events"] >= 5, told["events"])
    for name in ("c_index", "observed_to_expected"):
        m = told["metrics"][name]
        check(f"{name} with its interval", m["low"] <= m["value"] <= m["high"], m)
    check("in ten parts", sum(p["count"] for p in told["tenths"]) == told["judged"])
    check("by subgroup", {g["family"] for g in told["subgroups"]} >= {"AGE", "GENDER"})
    check("in the metrics", b'cangong_outcomes_observed_to_expected{model="heart@champion"}' in
          s.ask("GET", "/metrics", token=t["admin"]).body)
    shadow = seen("heart@shadow")["judgement"]
    check("the shadow is judged beside it", shadow["judged"] == told["judged"], shadow["judged"])
    missing = seen("heart@champion")["missing"]
    check("missing values are watched", len(missing) > 3 and any(
        m["share"] is not None and 0 <= m["share"] <= 1 for m in missing), missing[:3])
    run(PROGRAM, "approve", s.home / "models", "--as", "heart@shadow", "--withdraw")


def check_trial(home, t, second):
    run(PROGRAM, "approve", home / "models" / second, "--as", "heart@challenger")
    config = home / "config.yaml"
    before = config.read_text()
    config.write_text(before + "\ntrials: [{model: heart, share: 0.5}]\n")
    with Service(PROGRAM, home) as s:
        def who(number, model="heart"):
            got = s.ask("POST", f"/fhir/Patient/{number}/$predict", parameters(
                model={"valueUri": model}), token=t["integrator"])
            device = next(e["resource"] for e in got.json()["entry"]
                          if e["resource"]["resourceType"] == "Device")
            return device["identifier"][0]["value"]
        first = [who(n) for n in range(1, 61)]
        share = first.count("heart@challenger") / len(first)
        check("a challenger answers for its share of patients", 0.25 < share < 0.75, share)
        check("the same each time", [who(n) for n in range(1, 61)] == first)
        check("not where the champion is asked by its full name", {who(n, "heart@champion") for n in range(
            1, 21)} == {"heart@champion"})
    config.write_text(before)
    run(PROGRAM, "approve", home / "models", "--as", "heart@challenger", "--withdraw")


def check_life(home, t):
    first = (home / "models" / "heart").resolve().name
    second = train_with_card(home)
    with Service(PROGRAM, home) as s:
        check_second_person(s, t, first, second)
        check_rollback(s, t, first, second)
        check_outcomes(s, t, second)
    check_trial(home, t, second)
    run(PROGRAM, "approve", home / "models" / first, "--as", "heart@champion")
