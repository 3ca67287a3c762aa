"""Who may do what: every role at every address, of own and other patients."""
import base64
import hashlib
import hmac
import time

from checks import check, lab, parameters, patient

# What each role may do, by hand: the service's own table is not asked.
ALLOWED = {
    ("GET", "/version"): {"clinician", "scientist", "integrator", "admin", "auditor"},
    ("GET", "/metrics"): {"integrator", "admin", "auditor"},
    ("GET", "/auth/me"): {"clinician", "scientist", "integrator", "admin", "auditor"},
    ("GET", "/admin/accounts"): {"admin"},
    ("POST", "/admin/accounts"): {"admin"},
    ("DELETE", "/admin/accounts/nobody"): {"admin"},
    ("DELETE", "/admin/accounts/nobody/second-factor"): {"admin"},
    ("POST", "/admin/accounts/nobody/tokens"): {"admin"},
    ("PUT", "/admin/accounts/nobody/patients/own"): {"admin"},
    ("DELETE", "/admin/accounts/nobody/patients/own"): {"admin"},
    ("POST", "/admin/outbound/trial"): {"admin"},
    ("GET", "/api/models"): {"clinician", "scientist", "integrator", "admin", "auditor"},
    ("GET", "/api/models/heart"): {"clinician", "scientist", "integrator", "admin", "auditor"},
    ("GET", "/api/models/proposals"): {"clinician", "scientist", "integrator", "admin", "auditor"},
    ("POST", "/api/models/proposals"): {"scientist", "admin"},
    ("POST", "/api/models/proposals/x/decision"): {"admin"},
    ("POST", "/api/models/none/withdraw"): {"admin"},
    ("POST", "/api/models/none/rollback"): {"admin"},
    ("GET", "/api/reports"): {"clinician", "scientist", "integrator", "admin", "auditor"},
    ("GET", "/reports/none/index.html"): {"clinician", "scientist", "integrator", "admin",
                                          "auditor"},
    ("GET", "/api/monitoring"): {"integrator", "admin", "auditor"},
    ("GET", "/api/alerts"): {"integrator", "admin", "auditor"},
    ("POST", "/api/alerts/look"): {"admin"},
    ("GET", "/api/patients"): {"clinician", "integrator"},
    ("PUT", "/api/answers/x/opinion"): {"clinician", "integrator"},
    ("GET", "/api/jobs"): {"scientist", "integrator", "admin"},
    ("POST", "/api/jobs"): {"scientist", "integrator", "admin"},
    ("GET", "/api/jobs/x"): {"scientist", "integrator", "admin"},
    ("DELETE", "/api/jobs/x"): {"scientist", "integrator", "admin"},
    ("GET", "/api/inbox"): {"integrator"},
    ("PUT", "/api/inbox/x"): {"integrator"},
    ("DELETE", "/api/inbox/x"): {"integrator"},
    ("POST", "/fhir/Group/x/$predict"): {"integrator"},
    ("GET", "/fhir/$export"): {"integrator"},
    ("POST", "/fhir/$export"): {"integrator"},
    ("GET", "/fhir/Patient/$export"): {"integrator"},
    ("POST", "/fhir/Patient/$export"): {"integrator"},
    ("GET", "/fhir/Group/x/$export"): {"integrator"},
    ("POST", "/fhir/Group/x/$export"): {"integrator"},
    ("POST", "/fhir/$import"): {"integrator"},
    ("GET", "/fhir/$job/x"): {"integrator"},
    ("DELETE", "/fhir/$job/x"): {"integrator"},
    ("GET", "/fhir/$job/x/y"): {"integrator"},
    ("GET", "/api/audit"): {"admin", "auditor"},
    ("POST", "/api/audit/verify"): {"admin", "auditor"},
    ("GET", "/fhir/AuditEvent"): {"admin", "auditor"},
    ("GET", "/fhir/Subscription"): {"integrator"},
    ("POST", "/fhir/Subscription"): {"integrator"},
    ("GET", "/fhir/Subscription/x"): {"integrator"},
    ("DELETE", "/fhir/Subscription/x"): {"integrator"},
    ("POST", "/fhir"): {"integrator"},
    ("POST", "/fhir/$predict"): {"clinician", "integrator"},
    ("POST", "/fhir/Observation"): {"integrator"},
    ("POST", "/fhir/Observation/_search"): {"clinician", "integrator"},
    ("PUT", "/fhir/Observation/x"): {"integrator"},
    ("DELETE", "/fhir/Observation/x"): {"integrator"},
    ("POST", "/auth/break-glass"): {"clinician", "integrator"},
    ("GET", "/cds-services"): {"integrator"},
    ("POST", "/cds-services/heart"): {"integrator"},
    ("POST", "/cds-services/heart/feedback"): {"integrator"},
    ("GET", "/v2"): {"clinician", "integrator"},
    ("GET", "/v2/models/heart"): {"clinician", "integrator"},
    ("GET", "/v2/models/heart/ready"): {"clinician", "integrator"},
    ("POST", "/v2/models/heart/infer"): {"clinician", "integrator"},
    ("GET", "/v2/models/heart/versions/0"): {"clinician", "integrator"},
    ("GET", "/v2/models/heart/versions/0/ready"): {"clinician", "integrator"},
    ("POST", "/v2/models/heart/versions/0/infer"): {"clinician", "integrator"},
}

# Of a patient's data: whose. Clinicians see "own", not "other".
OF_PATIENT = [("GET", "/fhir/Patient/{p}"), ("GET", "/fhir/Patient/{p}/_history"),
              ("GET", "/fhir/Patient/{p}/_history/1"), ("GET", "/fhir/Patient/{p}/$everything"),
              ("POST", "/fhir/Patient/{p}/$predict"), ("GET", "/fhir/Observation?patient={p}"),
              ("GET", "/fhir/Observation/lab-{p}"), ("GET", "/api/patients/{p}/timeline"),
              ("POST", "/api/patients/{p}/predict"), ("POST", "/api/patients/{p}/coming-years"),
              ("POST", "/api/patients/{p}/drivers"),
              ("GET", "/api/patients/{p}/trend?model=heart")]

OF_TIMELINES = {"/api/patients/{p}/coming-years": {"model": "coming", "years": 1, "futures": 10},
                "/api/patients/{p}/drivers": {"model": "coming", "code": "MEDS_DEATH"}}

OPEN = {"/", "/assets/x", "/livez", "/readyz", "/openapi.json", "/auth/sign-in", "/fhir/metadata",
        "/fhir/OperationDefinition/predict", "/v2/health/live", "/v2/health/ready", "/auth/token",
        "/.well-known/jwks.json", "/auth/sign-on", "/auth/sign-on/names", "/auth/sign-on/with/x", "/launch",
        "/fhir/.well-known/smart-configuration"}


def check_care(s, t):
    for who in ("own", "other", "empty", "emergency"):
        s.ask("PUT", "/fhir/Patient/" + who, patient(who), token=t["integrator"])
        if who != "empty":
            s.ask("PUT", f"/fhir/Observation/lab-{who}", lab(who, 1, "2018-01-01", "lab-" + who),
                  token=t["integrator"])
    s.ask("PUT", "/fhir/Patient/search", patient("search", "SearchFam"), token=t["integrator"])
    made = s.ask("PUT", "/admin/accounts/a-clinician/patients/own", {}, token=t["admin"])
    check("a care team", made.status == 204, made)


def check_matrix(s, t):
    for (method, path), roles in ALLOWED.items():
        body = {} if method in ("POST", "PUT") else None
        nobody = s.ask(method, path, body)
        check(f"{method} {path} needs signing in", nobody.status == 401, nobody)
        bad = s.ask(method, path, body, token="cgt_" + "0" * 64)
        check(f"{method} {path} with an unknown token", bad.status == 401, bad)
        for role, token in t.items():
            status = s.ask(method, path, body, token=token).status
            check(f"{method} {path} as {role}", (status != 403) == (role in roles) and status != 401
                  and status < 500, status)
    for method, pattern in OF_PATIENT:
        for who in ("own", "other"):
            body = None
            if method == "POST":
                body = OF_TIMELINES.get(pattern) or (
                    {"model": "heart"} if pattern.startswith("/api") else parameters())
            for role, token in t.items():
                status = s.ask(method, pattern.format(p=who), body, token=token).status
                may = role == "integrator" or (role == "clinician" and who == "own")
                check(f"{method} {pattern} of {who} as {role}", (status == 200) if may else
                      status == 403, status)
    listed = s.ask("GET", "/openapi.json").json()["paths"]
    known = {path.split("?")[0] for _, path in ALLOWED} | OPEN
    asked = {p.replace("{p}", "x").split("?")[0] for _, p in OF_PATIENT}
    for path in listed:
        shape = [part for part in path.split("/")]
        fits = any(len(shape) == len(k.split("/")) and all(
            a == b or a.startswith("{") for a, b in zip(shape, k.split("/"))) for k in known | asked)
        check(f"the matrix knows {path}", fits or path in (
            "/auth/sign-out", "/auth/second-factor", "/fhir/{type}"), path)


def check_sign_in(s, t):
    code = s.about["first_code"]
    once = s.ask("POST", "/auth/sign-in", {"name": "admin", "password": code})
    check("the first code asks for a new password", once.status == 401, once)
    first = s.ask("POST", "/auth/sign-in", {"name": "admin", "password": code,
                                            "new_password": "a better password"})
    check("first sign-in", first.status == 200 and first.json()["roles"] == ["admin"], first)
    cookie = first.headers["Set-Cookie"]
    for word in ("__Host-", "Secure", "HttpOnly", "SameSite=Strict"):
        check(f"the cookie is {word}", word in cookie)
    session = {"Cookie": cookie.split(";")[0]}
    check("the session reads", s.ask("GET", "/admin/accounts", headers=session).status == 200)
    body = {"name": "b-new", "password": "some good words", "roles": ["auditor"]}
    check("a change without the token against forgery is refused",
          s.ask("POST", "/admin/accounts", body, headers=session).status == 403)
    good = {**session, "X-CSRF-Token": first.json()["csrf"]}
    made = s.ask("POST", "/admin/accounts", body, headers=good)
    check("with it, it is done", made.status == 201, made)
    check("a weak password is refused", s.ask("POST", "/admin/accounts", {
        **body, "name": "b-weak", "password": "short"}, headers=good).status == 400)
    check("an unknown role is refused", s.ask("POST", "/admin/accounts", {
        **body, "name": "b-role", "roles": ["god"]}, headers=good).status == 400)
    check("an unknown field is refused", s.ask("POST", "/admin/accounts", {
        **body, "name": "b-field", "is_admin": True}, headers=good).status == 400)
    check_second_factor(s, session, good)
    for _ in range(5):
        s.ask("POST", "/auth/sign-in", {"name": "b-new", "password": "wrong"})
    locked = s.ask("POST", "/auth/sign-in", {"name": "b-new", "password": "some good words"})
    check("five failures lock", locked.status == 401 and "locked" in locked.json()["detail"], locked)
    check("signing out", s.ask("POST", "/auth/sign-out", {}, headers=good).status == 200)
    check("ends the session", s.ask("GET", "/admin/accounts", headers=session).status == 401)


def code_of(secret, later=0):
    """RFC 6238, as an authenticator app does it."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int(time.time()) // 30 + later
    mac = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7fffffff) % 10**6:06d}"


def check_second_factor(s, session, good):
    check("a second factor needs the password", s.ask("POST", "/auth/second-factor", {
        "password": "of somebody else"}, headers=good).status == 403)
    begun = s.ask("POST", "/auth/second-factor", {"password": "a better password"}, headers=good)
    check("a second factor begins", begun.status == 201, begun)
    secret = begun.json()["secret"]
    check("a wrong code does not confirm it", s.ask("PUT", "/auth/second-factor", {"code": "000000"},
                                                    headers=good).status == 403)
    check("a right one does", s.ask("PUT", "/auth/second-factor", {"code": code_of(secret)},
                                    headers=good).status == 204)
    who = {"name": "admin", "password": "a better password"}
    check("then the password alone does not sign in",
          "(code)" in s.ask("POST", "/auth/sign-in", who).json()["detail"])
    check("nor a code that was used", s.ask("POST", "/auth/sign-in", {
        **who, "code": code_of(secret)}).status == 401)
    check("a fresh one does", s.ask("POST", "/auth/sign-in", {
        **who, "code": code_of(secret, 1)}).status == 200)
    check("it is told", s.ask("GET", "/auth/me", headers=session).json()["second_factor"] is True)
    check("an administrator takes it away", s.ask(
        "DELETE", "/admin/accounts/admin/second-factor", headers=good).status == 204 and
        s.ask("POST", "/auth/sign-in", who).status == 200)


def check_break_glass(s, t):
    ask = lambda: s.ask("GET", "/fhir/Patient/emergency", token=t["clinician"]).status
    check("no care, no record", ask() == 403)
    check("a reason is needed", s.ask("POST", "/auth/break-glass", {
        "patient": "emergency", "reason": "x"}, token=t["clinician"]).status == 400)
    done = s.ask("POST", "/auth/break-glass", {
        "patient": "emergency", "reason": "unconscious in the emergency room"}, token=t["clinician"])
    check("glass can be broken", done.status == 200 and ask() == 200, done)
    events = s.ask("GET", "/api/audit?what=break_glass", token=t["auditor"]).json()["events"]
    check("which the trail tells, with the reason", events and events[0]["subject"] == "emergency" and
          "unconscious" in events[0]["reason"], events)
