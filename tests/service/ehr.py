"""The service beside an EHR: its FHIR server, its signatures, its sign-in, and who hears alerts.
All of them play on loopback."""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import time
import urllib.parse
import uuid

from checks import PROGRAM, check, condition, lab, patient
from client import Service, run, wait_until
from outbound import Quiet, certificate, peer
from signer import Signer, b64, jwks

STUDY = pathlib.Path(__file__).resolve().parents[2] / "studies" / "synthetic-heart"
TOKEN = "ehr-token-1"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def searchset(*resources, following=None):
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [
        {"resource": r} for r in resources]}
    if following:
        bundle["link"] = [{"relation": "next", "url": following}]
    return bundle


def visits(who):
    return [{"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"},
             "subject": {"reference": "Patient/" + who}, "period": {
                 "start": f"2026-0{m}-01T08:00:00Z", "end": f"2026-0{m}-01T09:00:00Z"}}
            for m in range(1, 9)]


class Ehr(http.server.BaseHTTPRequestHandler):
    """FHIR server, OpenID provider and receiver of alerts at once."""
    protocol_version = "HTTP/1.1"
    asked, letters, told, signed_in = [], [], [], {}
    refuses = False
    base, keys, signer, says, next_url, status = "", "", None, {}, None, 200

    def log_message(self, *ignored):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        self.asked.append((self.path, self.headers.get("Authorization")))
        if url.path == "/jwks.json":
            return self.answer(200, self.keys, {"Cache-Control": "max-age=30"})
        if url.path.endswith("/.well-known/openid-configuration") or url.path.endswith(
                "/.well-known/smart-configuration"):
            return self.answer(200, {
                "issuer": self.says.get("issuer", self.base), "jwks_uri": self.base + "/jwks.json",
                "authorization_endpoint": self.base + "/authorize",
                "token_endpoint": self.base + "/token"})
        if url.path.startswith("/fhir/"):
            if self.headers.get("Authorization") != "Bearer " + TOKEN:
                return self.answer(401, {"resourceType": "OperationOutcome"})
            return self.answer(Ehr.status, self.resource(url))
        self.answer(404, {})

    def resource(self, url):
        kind = url.path.split("/")[2]
        if kind == "Patient":
            return patient("p9")
        if kind == "Observation":
            if "page=2" in url.query:
                return searchset(lab("p9", 1.1, "2026-06-01"))
            return searchset(lab("p9", 1.0, "2026-05-01"), following=Ehr.next_url or
                             f"{self.base}/fhir/Observation?page=2")
        if kind == "Encounter":
            return searchset(*visits("p9"))
        return searchset(condition("p9", "2026-03-01"), following=None) if kind == "Condition" else (
            searchset())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/hook":
            self.letters.append((json.loads(body), body, self.headers.get("X-Cangong-Signature")))
            return self.answer(204, None)
        if self.path != "/token":
            return self.hear("POST", body)
        form = dict(urllib.parse.parse_qsl(body.decode()))
        begun = self.signed_in.pop(form.get("code"), None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        secret = "Basic " + base64.b64encode(b"cangong:its%20secret").decode()
        if not begun or begun["code_challenge"] != challenge or self.headers.get(
                "Authorization") not in (secret, None) or begun["redirect_uri"] != form["redirect_uri"]:
            return self.answer(400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {"iss": self.base, "aud": "cangong", "sub": "7", "iat": now, "exp": now + 60,
                  "nonce": begun["nonce"], "preferred_username": "A-Clinician", **self.says.get(
                      "claims", {})}
        self.answer(200, {"access_token": "x", "token_type": "Bearer", "patient": self.says.get(
            "patient", ""), "id_token": self.signer.sign(claims)})

    def do_PUT(self):
        self.hear("PUT", self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def hear(self, method, body):
        self.told.append((method, self.path, json.loads(body) if body else None, self.headers.get(
            "X-Key")))
        self.answer(503 if Ehr.refuses else 200, None)

    def answer(self, status, body, headers=()):
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(
            body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **dict(headers)}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def check_ehr(home, t):
    folder = home.parent
    server, port = peer(certificate(folder, "ehr", "IP:127.0.0.1"), Ehr)
    Ehr.base = f"https://127.0.0.1:{port}"
    rsa, ec = Signer(folder, "one"), Signer(folder, "two", "ES384")
    stranger = Signer(folder, "strange")
    Ehr.signer, Ehr.keys = Signer(folder, "idp", "RS256"), None
    Ehr.keys = jwks(Ehr.signer, ec)
    (home / "lab.jwks").write_text(jwks(rsa))
    for name, text in (("idp.secret", "its secret\n"), ("hook.secret", "hook secret\n")):
        (home / name).write_text(text)
        (home / name).chmod(0o600)
    train_on_orders(home)
    config = home / "config.yaml"
    before = config.read_text()
    config.write_text(before + f"""
outbound:
  - {{host: "127.0.0.1:{port}", ca: {folder / 'ehr.crt'}}}
clients:
  - {{id: lab, keys: lab.jwks, account: a-integrator, scopes: system/Observation.crs system/Patient.rs}}
  - {{id: "{Ehr.base}", keys: "{Ehr.base}/jwks.json", account: a-integrator}}
  - {{id: nobody, keys: lab.jwks, account: gone, scopes: system/*.rs}}
origins: ["https://sandbox.example.org"]
sign_on:
  - {{name: hospital, issuer: "{Ehr.base}", client_id: cangong, client_secret_file: idp.secret}}
  - {{name: ward, kind: smart, issuer: "{Ehr.base}/fhir", client_id: cangong}}
alerts:
  - {{url: "{Ehr.base}/hook", secret_file: hook.secret}}
cards:
  - {{model: heart, warning: 0, critical: 1, reason: a test, suggestions: [{{
      label: Measure LDL cholesterol, system: "http://loinc.org", code: "2089-1"}}]}}
""")
    try:
        with Service(PROGRAM, home) as s:
            check_fetching(s, t)
            check_orders(s, t)
            check_backend(s, t, rsa, stranger)
            check_signed_calls(s, ec, stranger)
            check_origins(s, t)
            check_sign_on(s, t)
            check_launch(s, t)
            check_alerts(s, t)
            check_subscriptions(s, t)
    finally:
        config.write_text(before)
        server.shutdown()
        server.server_close()
        run(PROGRAM, "approve", home / "models", "--as", "drugs@champion", "--withdraw")
    check_wrong_configurations(home, before, port, folder)


def hook_request(kind="patient-view", who="p9", **more):
    return {"hook": kind, "hookInstance": str(uuid.uuid4()),
            "context": {"userId": "Practitioner/1", "patientId": who}, **more}


def check_fetching(s, t):
    w = t["integrator"]
    post = lambda body: s.ask("POST", "/cds-services/heart", body, token=w)
    offer = {"fhirServer": Ehr.base + "/fhir", "fhirAuthorization": {
        "access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs",
        "subject": "cangong"}}
    Ehr.asked.clear()
    got = post(hook_request(**offer))
    check("what is not sent is fetched from the EHR", got.status == 200 and len(
        got.json()["cards"]) == 1, got)
    check("every page of it", any("page=2" in path for path, _ in Ehr.asked), Ehr.asked)
    check("with its token", {token for path, token in Ehr.asked} == {"Bearer " + TOKEN}, Ehr.asked)
    check("for the patient asked about", any("patient=p9" in path for path, _ in Ehr.asked))
    card = got.json()["cards"][0]
    check("a card that warns offers what to order", card["suggestions"][0]["actions"][0]["resource"][
        "code"]["coding"][0]["code"] == "2089-1" and card["selectionBehavior"] == "any" and
          uuid.UUID(card["suggestions"][0]["uuid"]) and card["indicator"] == "warning", card)
    check("for the EHR's patient", card["suggestions"][0]["actions"][0]["resource"]["subject"] ==
          {"reference": "Patient/p9"}, card)
    check("and leads on", all(link["type"] == "absolute" and link["url"].startswith("https://")
                              for link in card["links"]) and card["source"]["url"], card)
    fetched = {"patient": patient("p9"), "conditions": searchset(condition("p9", "2026-03-01"))}
    Ehr.asked.clear()
    part = post(hook_request(prefetch=fetched, **offer))
    check("what was sent is not asked for again", part.status == 200 and not any(
        "/Patient" in path or "/Condition" in path for path, _ in Ehr.asked), (part, Ehr.asked))
    for name, change in {
            "a wrong token": {"fhirAuthorization": {"access_token": "other", "token_type": "Bearer"}},
            "no token": {"fhirAuthorization": None}}.items():
        body = hook_request(**{**offer, **change})
        body = {k: v for k, v in body.items() if v is not None}
        refused = post(body)
        check(f"412 with {name}, naming what is lacking", refused.status == 412 and
              "patient (" in refused.json()["detail"] and TOKEN not in refused.body.decode(), refused)
    Ehr.next_url = "https://127.0.0.1:1/fhir/Observation?page=2"
    check("pages elsewhere are not followed", post(hook_request(**offer)).status == 412)
    Ehr.next_url = None
    Ehr.status = 503
    check("412 where the EHR is ill", post(hook_request(**offer)).status == 412)
    Ehr.status = 200
    unlisted = post(hook_request(**{**offer, "fhirServer": "https://127.0.0.1:1/fhir"}))
    check("a host that nobody listed is not asked", unlisted.status == 412, unlisted)
    check("http is refused", post(hook_request(**{**offer, "fhirServer": "http://x/fhir"})
                                  ).status == 400)
    paged = {**fetched, "observations": searchset(lab("p9", 1, "2026-05-01"), following="x")}
    check("a prefetch with further pages alone is not whole", post(hook_request(
        prefetch=paged)).status == 412)


def train_on_orders(home):
    """A model that counts what was ordered: nothing is penalised away."""
    recipe = home.parent / "orders.yaml"
    recipe.write_text((STUDY / "recipe.yaml").read_text().replace("l1_share: 0.9", "l1_share: 0"))
    run(PROGRAM, "train", recipe, "--store", home / "store", "--labels", home.parent / "labels",
        "--out", home / "models" / "drugs", "-q")
    run(PROGRAM, "approve", home / "models" / "drugs", "--as", "drugs@champion")


def draft(who, id="d1"):
    return {"resourceType": "MedicationRequest", "id": id, "status": "draft", "intent": "proposal",
            "subject": {"reference": "Patient/" + who}, "medicationCodeableConcept": {
                "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "29046"}]}}


def check_orders(s, t):
    w = t["integrator"]
    services = s.ask("GET", "/cds-services", token=w).json()["services"]
    hooks = lambda id: [service["hook"] for service in services if service["id"] == id]
    check("the hooks about orders are offered where orders count", hooks("drugs") == [
        "patient-view", "order-select", "order-sign"] and hooks("heart") == ["patient-view"], services)

    def post(kind, who, drafts, **context):
        body = hook_request(kind, who)
        body["context"].update(draftOrders=searchset(*drafts), **context)
        return s.ask("POST", "/cds-services/drugs", body, token=w)

    counted = lambda: sum(day["answers"] for m in s.ask("GET", "/api/monitoring", token=w).json()[
        "models"] if m["model"] == "drugs@champion" for day in m["days"])
    many = lambda who: [draft(who, f"d{k}") for k in range(20)]
    cards = {}
    for number in range(1, 41):
        who = str(number)
        signed = post("order-sign", who, many(who))
        check("orders are looked at", signed.status == 200 and len(signed.json()["cards"]) <= 1, signed)
        cards.update({who: card for card in signed.json()["cards"]})
    check("some change an answer", 0 < len(cards), len(cards))
    for card in cards.values():
        check("a card about orders claims no effect", "Association, not effect" in card["detail"] and
              "without" in card["summary"] and len(card["summary"]) < 140, card)
    who = next(iter(cards), "1")
    both = cards.get(who, {}).get("summary")
    chosen = post("order-select", who, many(who), selections=["MedicationRequest/d2"])
    check("of order-select those selected", chosen.status == 200 and both not in [
        card["summary"] for card in chosen.json()["cards"]], chosen)
    check("the answer with orders is not counted", counted() <= 41, counted())
    kept = s.ask("GET", f"/fhir/MedicationRequest?patient={who}", token=w).json()
    check("and no draft is kept", not kept.get("entry"), kept)
    keys = next(service["prefetch"] for service in services if service["id"] == "drugs")
    data = {**{key: None for key in keys}, "patient": patient("p9"), "encounters": searchset(
        *visits("p9")), "observations": searchset(lab("p9", 1.0, "2026-05-01"))}
    body = hook_request("order-sign", prefetch=data)
    body["context"]["draftOrders"] = searchset(draft("p9"))
    sent = s.ask("POST", "/cds-services/drugs", body, token=w)
    check("beside what was sent, too", sent.status == 200, sent)
    check("no order that counts, no card", post("order-sign", who, [{
        "resourceType": "ServiceRequest", "status": "draft"}]).json() == {"cards": []})
    for name, made in {
            "another patient's order": post("order-sign", who, [draft("p8")]),
            "no selections": post("order-select", who, [draft(who)]),
            "an order that is none": post("order-sign", who, [{
                "resourceType": "MedicationRequest", "id": "d1"}]),
            "no drafts": s.ask("POST", "/cds-services/drugs", hook_request("order-sign", who), token=w),
            "a hook that is not offered": s.ask("POST", "/cds-services/heart", hook_request(
                "order-sign", who), token=w)}.items():
        check(f"{name} is refused", made.status == 400, made)


def token_for(s, assertion, scope="system/Observation.rs", **more):
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION,
            "client_assertion": assertion, "scope": scope, **more}
    return s.ask("POST", "/auth/token", urllib.parse.urlencode(form), headers={
        "Content-Type": "application/x-www-form-urlencoded"})


def check_backend(s, t, rsa, stranger):
    url = s.ask("GET", "/fhir/.well-known/smart-configuration").json()["token_endpoint"]
    check("the token endpoint is told", url.startswith("https://") and url.endswith("/auth/token"), url)
    once = rsa.sign(rsa.claims("lab", url))
    got = token_for(s, once)
    check("a token for an assertion", got.status == 200 and got.json()["expires_in"] <= 300 and
          got.json()["token_type"] == "bearer" and got.headers["Cache-Control"] == "no-store", got)
    token = got.json()["access_token"]
    check("the same assertion is good once", token_for(s, once).json()["error"] == "invalid_client")
    search = s.ask("GET", "/fhir/Observation?patient=own", token=token)
    check("it reads what its scope says", search.status == 200, search)
    for method, path, body in (("GET", "/fhir/Condition?patient=own", None),
                               ("POST", "/fhir/Observation", lab("own", 1.0, "2026-05-02")),
                               ("GET", "/fhir/Patient/own/$everything", None),
                               ("GET", "/fhir/$export", None), ("GET", "/api/jobs", None),
                               ("GET", "/fhir/$export?_type=Observation&_type=Patient,Condition", None),
                               ("POST", "/fhir/Subscription", subscription("Observation", "/x", "heart")),
                               ("GET", "/cds-services", None),
                               ("POST", "/fhir", {"resourceType": "Bundle", "type": "batch"})):
        refused = s.ask(method, path, body, token=token)
        check(f"but not {method} {path}", refused.status == 403, refused)
    begun = s.ask("GET", "/fhir/$export?_type=Observation", token=token,
                  headers={"Prefer": "respond-async", "Accept": "application/fhir+json"})
    check("an export of what it may read", begun.status == 202, begun)
    writes = token_for(s, rsa.sign(rsa.claims("lab", url)), "system/Observation.c").json()
    made = s.ask("POST", "/fhir/Observation", lab("own", 1.0, "2026-05-02"),
                 token=writes["access_token"])
    check("it writes where the scope says so", made.status == 201, made)
    check("who may only write is not told what is there", s.ask(
        "POST", "/fhir/Observation", lab("own", 1.0, "2026-05-02"), token=writes["access_token"],
        headers={"If-None-Exist": "identifier=urn:mrn|M-own"}).status == 403)
    check("a scope beyond the registration", token_for(s, rsa.sign(rsa.claims(
        "lab", url)), "system/Condition.rs").json()["error"] == "invalid_scope")
    check("a scope that is none", token_for(s, rsa.sign(rsa.claims(
        "lab", url)), "patient/*.rs").json()["error"] == "invalid_scope")
    claims = rsa.claims("lab", url)
    now = int(time.time())
    for name, assertion in {
            "another's key": stranger.sign(claims, kid="one"),
            "an unknown key": stranger.sign(claims),
            "an unknown client": rsa.sign({**claims, "iss": "else", "sub": "else"}),
            "another sub": rsa.sign({**claims, "sub": "x"}),
            "another audience": rsa.sign({**claims, "aud": url + "/"}),
            "one that is over": rsa.sign({**claims, "exp": now - 120}),
            "one good too long": rsa.sign({**claims, "exp": now + 3600}),
            "no jti": rsa.sign({k: v for k, v in claims.items() if k != "jti"}),
            "another typ": rsa.sign(claims, typ="at+jwt"),
            "a jku that nobody registered": rsa.sign(claims, jku="https://evil.example/jwks"),
            "an account that is gone": rsa.sign(rsa.claims("nobody", url)),
            "no signature": b64(json.dumps({"alg": "none"}).encode()) + "." + b64(json.dumps(
                claims).encode()) + ".", "no token": "a.b.c", "nothing": ""}.items():
        refused = token_for(s, assertion)
        check(f"no token for {name}", refused.status == 401 and refused.json()[
            "error"] == "invalid_client", refused)
    check("no other grant", token_for(s, once, grant_type="password").json()[
        "error"] == "unsupported_grant_type")
    check("no other form", s.ask("POST", "/auth/token", {"grant_type": "client_credentials"}).json()[
        "error"] == "invalid_request")
    what = [e["what"] for e in s.ask("GET", "/api/audit?_count=200", token=t["auditor"]).json()["events"]]
    check("tokens are in the trail, and those refused", {"token", "token_refused"} <= set(what))


def check_signed_calls(s, ec, stranger):
    url = s.about["url"] + "/cds-services"
    ask = lambda method, path, token, body=None: s.ask(method, path, body, token=token)
    good = ec.sign(ec.claims(Ehr.base, url))
    found = ask("GET", "/cds-services", good)
    check("an EHR signs its call", found.status == 200, found)
    check("once", ask("GET", "/cds-services", good).status == 401)
    call = ec.sign(ec.claims(Ehr.base, [url + "/heart", "other"]))
    check("each address has its own", ask("POST", "/cds-services/heart", call, hook_request(
        who="own")).status == 200)
    for name, token in {
            "signed for another address": ec.sign(ec.claims(Ehr.base, url + "/heart")),
            "signed by another": stranger.sign(ec.claims(Ehr.base, url)),
            "of another issuer": ec.sign(ec.claims("https://else.example", url))}.items():
        refused = ask("GET", "/cds-services", token)
        check(f"a call {name} is refused", refused.status == 401, refused)
    check("such a token opens nothing else", ask("GET", "/fhir/Patient/own", ec.sign(
        ec.claims(Ehr.base, s.about["url"] + "/fhir/Patient/own"))).status == 401)
    fresh = Signer(s.home.parent, "three", "ES384")
    Ehr.keys = jwks(Ehr.signer, fresh)
    late = ask("GET", "/cds-services", fresh.sign(fresh.claims(Ehr.base, url)))
    check("new keys are fetched, but not at each call", late.status == 401, late)
    Ehr.keys = jwks(Ehr.signer, ec)


def check_origins(s, t):
    listed = {"Origin": "https://sandbox.example.org", "Access-Control-Request-Method": "POST"}
    flight = s.ask("OPTIONS", "/cds-services/heart", headers=listed)
    check("a listed origin may ask", flight.status == 204 and flight.headers[
        "Access-Control-Allow-Origin"] == listed["Origin"], flight)
    check("its answer can be read", s.ask("GET", "/cds-services", token=t["integrator"], headers={
        "Origin": listed["Origin"]}).headers["Access-Control-Allow-Origin"] == listed["Origin"])
    other = {**listed, "Origin": "https://evil.example"}
    check("another may not", s.ask("OPTIONS", "/cds-services/heart", headers=other).headers[
        "Access-Control-Allow-Origin"] is None)
    check("nor elsewhere", s.ask("OPTIONS", "/fhir/Patient/own", headers=listed).headers[
        "Access-Control-Allow-Origin"] is None)


def begin(s, path):
    """As a browser: where it is sent, what that asks, and the cookie it was given."""
    sent = s.ask("GET", path)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sent.headers["Location"] or "").query))
    return sent, query, (sent.headers["Set-Cookie"] or "").split(";")[0]


def come_back(s, query, cookie, code="c1", **more):
    Ehr.signed_in[code] = query
    back = urllib.parse.urlencode({"state": query["state"], "code": code, **more})
    return s.ask("GET", "/auth/sign-on?" + back, headers={"Cookie": cookie})


def session_of(answer):
    return next(v.split(";")[0] for k, v in answer.headers.items()
                if k == "Set-Cookie" and v.startswith("__Host-cangong="))


def check_sign_on(s, t):
    check("whom to sign in with", s.ask("GET", "/auth/sign-on/names").json() == {"names": ["hospital"]})
    sent, query, cookie = begin(s, "/auth/sign-on/with/hospital")
    check("the browser is sent there", sent.status == 302 and sent.headers["Location"].startswith(
        Ehr.base + "/authorize?") and query["code_challenge_method"] == "S256" and
          query["client_id"] == "cangong" and query["scope"] == "openid profile", query)
    done = come_back(s, query, cookie)
    check("and is signed in when it comes back", done.status == 302 and done.headers[
        "Location"] == "/", done)
    me = s.ask("GET", "/auth/me", headers={"Cookie": session_of(done)}).json()
    check("as the account of that name here", me["name"] == "a-clinician" and me["roles"] == [
        "clinician"], me)
    check("once", come_back(s, query, cookie).status == 401)
    sent, query, cookie = begin(s, "/auth/sign-on/with/hospital")
    check("in the same browser alone", come_back(s, query, "__Host-cangong-sign-on=x").status == 401)
    now = int(time.time())
    for name, claims in {"another nonce": {"nonce": "x"}, "another audience": {"aud": "x"},
                         "another issuer": {"iss": "https://else.example"},
                         "several audiences without azp": {"aud": ["cangong", "x"]},
                         "an old one": {"exp": now - 120},
                         "nobody's name": {"preferred_username": ""},
                         "who has no account": {"preferred_username": "stranger"}}.items():
        Ehr.says = {"claims": claims}
        sent, query, cookie = begin(s, "/auth/sign-on/with/hospital")
        refused = come_back(s, query, cookie)
        check(f"an identity with {name} is refused", refused.status == 401 and not any(
            v.startswith("__Host-cangong=") for v in refused.headers.get_all("Set-Cookie") or []),
            refused)
    Ehr.says = {}
    sent, query, cookie = begin(s, "/auth/sign-on/with/hospital")
    check("a wrong code", s.ask("GET", "/auth/sign-on?" + urllib.parse.urlencode(
        {"state": query["state"], "code": "none"}), headers={"Cookie": cookie}).status == 401)
    check("an unknown name", s.ask("GET", "/auth/sign-on/with/ward").status == 404)
    check("an error that ends inside a letter", s.ask("GET", "/auth/sign-on?error=" + "a" * 39 + "%C3%A9"
                                                      ).status == 401)
    check("an error of the other side", s.ask("GET", "/auth/sign-on?error=access_denied&state=x"
                                              ).status == 401)


def check_launch(s, t):
    launch = "/launch?" + urllib.parse.urlencode({"iss": Ehr.base + "/fhir", "launch": "l-1"})
    sent, query, cookie = begin(s, launch)
    check("an EHR launches", sent.status == 302 and query["aud"] == Ehr.base + "/fhir" and
          query["launch"] == "l-1" and "launch" in query["scope"], query)
    clinician = {"Cookie": ""}
    Ehr.says = {"patient": "other"}
    done = come_back(s, query, cookie)
    Ehr.says = {}
    check("and leads to its patient's page", done.headers["Location"] == "/#/patient/other", done)
    clinician["Cookie"] = session_of(done)
    check("whom the clinician may see then", s.ask("GET", "/api/patients/other/timeline",
                                                   headers=clinician).status == 200)
    what = s.ask("GET", "/api/audit?what=launch", token=t["auditor"]).json()["events"]
    check("which is recorded", what and what[0]["subject"] == "other" and what[0]["who"] ==
          "a-clinician", what)
    stranger = "/launch?" + urllib.parse.urlencode({"iss": "https://else.example/fhir", "launch": "x"})
    check("no other server launches", s.ask("GET", stranger).status == 403)
    check("nor without its words", s.ask("GET", "/launch").status == 400)


def check_alerts(s, t):
    look = lambda: s.ask("POST", "/api/alerts/look", {}, token=t["admin"]).json()
    look()
    Ehr.letters.clear()
    failing = s.ask("POST", "/api/jobs", {
        "kind": "train", "name": "never", "task": (STUDY / "task.yaml").read_text(),
        "recipe": "model: {kind: linear, colour: red}"}, token=t["scientist"]).json()
    for _ in range(600):
        state = s.ask("GET", "/api/jobs/" + failing["id"], token=t["scientist"]).json()["state"]
        if state == "failed":
            break
        time.sleep(0.1)
    first = look()
    check("a failed job is told", first["begun"] == 1 and first["sent"] == 1 and len(
        Ehr.letters) == 1, (first, Ehr.letters))
    told, body, signature = Ehr.letters[0]
    check("in words, without more", told["alert"] == "job" and told["state"] == "begun" and
          told["about"] == "train", told)
    check("signed", signature == "sha256=" + hmac.new(b"hook secret", body, hashlib.sha256
                                                      ).hexdigest(), signature)
    check("and told once", look() == {"begun": 0, "over": 0, "sent": 0, "waiting": 0})
    listed = s.ask("GET", "/api/alerts", token=t["auditor"]).json()
    check("it is listed", any(a["kind"] == "job" for a in listed["alerts"]) and listed["told"] == 1,
          listed)
    check("and counted", "cangong_alerts " in s.ask("GET", "/metrics", token=t["auditor"]
                                                    ).body.decode())


def check_wrong_configurations(home, before, port, folder):
    import subprocess
    config = home / "config.yaml"
    listed = f'outbound:\n  - {{host: "127.0.0.1:{port}", ca: {folder / "ehr.crt"}}}\n'
    (home / "open.secret").write_text("x")
    (home / "open.secret").chmod(0o644)
    for name, more in {
            "a client without keys": "clients:\n  - {id: a, account: b}\n",
            "keys that are none": "clients:\n  - {id: a, account: b, keys: config.yaml}\n",
            "keys of an unlisted host": 'clients:\n  - {id: a, account: b, keys: "https://x.y/k"}\n',
            "scopes that are none": "clients:\n  - {id: a, account: b, keys: lab.jwks, scopes: all}\n",
            "an unlisted issuer": 'sign_on:\n  - {name: a, client_id: b, issuer: "https://x.y"}\n',
            "a secret that others read": listed + f'alerts:\n  - {{url: "https://127.0.0.1:{port}/",'
                                                  ' secret_file: open.secret}\n',
            "an origin with a path": 'origins: ["https://a/b"]\n'}.items():
        config.write_text(before + "\n" + more)
        wrong = subprocess.run([PROGRAM, "serve", str(home), "--port", "0"], capture_output=True,
                               text=True, timeout=60)
        check(f"{name} ends the start, with its place", wrong.returncode != 0 and
              "config.yaml" in wrong.stderr, wrong.stderr)
    config.write_text(before)


def check_pull(home, t):
    """One service pulls from another: both ends of Bulk Data and of SMART Backend Services."""
    folder = home.parent
    far = folder / "far"
    far.mkdir()
    with Service(PROGRAM, far):
        pass
    run(PROGRAM, "account", "add", far, "a-puller", "--roles", "integrator",
        stdin="correct horse battery\n")
    far_token = run(PROGRAM, "account", "token", far, "a-puller").strip()
    config = home / "config.yaml"
    before = config.read_text()
    with Service(PROGRAM, home) as s:
        keys = s.ask("GET", "/.well-known/jwks.json")
    check("the public key is told, and it alone", keys.status == 200 and keys.json()["keys"][0][
        "kty"] == "EC" and "d" not in keys.json()["keys"][0], keys)
    (far / "puller.jwks").write_text(keys.body.decode())
    (far / "config.yaml").write_text(
        'clients:\n  - {id: puller, keys: puller.jwks, account: a-puller, scopes: system/*.rs}\n')
    try:
        with Service(PROGRAM, far) as other:
            config.write_text(before + f"""
outbound:
  - {{host: "127.0.0.1:{other.port}", ca: {far / 'keys' / 'tls.crt'}}}
sources:
  - {{name: far, url: "{other.about['url']}/fhir", client_id: puller}}
  - {{name: stranger, url: "{other.about['url']}/fhir", client_id: nobody}}
  - {{name: unlisted, url: "https://127.0.0.1:1/fhir"}}
""")
            fill(other, far_token)
            check_pulled(home, t, other, far_token)
            check_pull_by_hand(home, other, far_token)
    finally:
        config.write_text(before)


def fill(other, token):
    for who in ("far-1", "far-2"):
        other.ask("PUT", "/fhir/Patient/" + who, patient(who, "Elsewhere"), token=token)
        for k in range(30):
            id = f"{who}-lab-{k}"
            other.ask("PUT", "/fhir/Observation/" + id, lab(who, 1 + k / 100, "2024-01-01", id),
                      token=token)


def check_pulled(home, t, other, far_token):
    w = t["integrator"]
    with Service(PROGRAM, home) as s:
        def pull(source="far"):
            begun = s.ask("POST", "/api/jobs", {"kind": "pull", "source": source}, token=w)
            check(f"a pull from {source} begins", begun.status == 201, begun)
            for _ in range(600):
                job = s.ask("GET", "/api/jobs/" + begun.json()["id"], token=w).json()
                if job["state"] in ("done", "failed"):
                    return job
                time.sleep(0.1)
            return job

        first = pull()
        check("all of it comes", first["state"] == "done" and first["result"]["created"] == 62 and
              first["result"]["rejected"] == 0 and not first["result"]["since"], first)
        found = s.ask("GET", "/fhir/Observation?patient=far-1&_count=100", token=w).json()
        check("and is here", len(found["entry"]) == 30, found)
        other.ask("PUT", "/fhir/Observation/far-1-lab-0", lab("far-1", 9.0, "2024-01-01", "far-1-lab-0"),
                  token=far_token)
        other.ask("DELETE", "/fhir/Observation/far-1-lab-1", token=far_token)
        second = pull()
        check("then what has changed alone", second["state"] == "done" and second["result"][
            "updated"] == 1 and second["result"]["created"] == 0 and second["result"]["since"] == first[
            "result"]["until"], second)
        check("and what was deleted", second["result"]["deleted"] == 1 and s.ask(
            "GET", "/fhir/Observation/far-1-lab-1", token=w).status == 410, second)
        check("the value is the new one", s.ask("GET", "/fhir/Observation/far-1-lab-0", token=w).json()[
            "valueQuantity"]["value"] == 9.0)
        for source, why in (("stranger", "token"), ("unlisted", "outbound")):
            failed = pull(source)
            check(f"a pull from {source} says why not", failed["state"] == "failed" and why in failed[
                "problem"], failed)
        check("no source of that name", s.ask("POST", "/api/jobs", {"kind": "pull", "source": "x"},
                                              token=w).status == 400)
        check("who writes no records does not pull", s.ask(
            "POST", "/api/jobs", {"kind": "pull", "source": "far"}, token=t["scientist"]).status == 403)


def check_pull_by_hand(home, other, far_token):
    other.ask("PUT", "/fhir/Observation/far-2-new", lab("far-2", 1, "2024-02-01", "far-2-new"),
              token=far_token)
    told = json.loads(run(PROGRAM, "pull", home, "far", "--json"))
    check("pulled by hand while nobody serves", told["created"] == 1, told)
    again = json.loads(run(PROGRAM, "pull", home, "far", "--json"))
    check("and nothing then", again["created"] == again["updated"] == again["deleted"] == 0, again)


def subscription(criteria, path, model=None, **channel):
    made = {"resourceType": "Subscription", "status": "requested", "reason": "a test",
            "criteria": criteria, "channel": {"type": "rest-hook", "endpoint": Ehr.base + path,
                                              "header": ["X-Key: a secret"], **channel}}
    if model:
        made["extension"] = [{"url": "https://x.y/StructureDefinition/predict-model",
                              "valueString": model}]
    return made


def check_subscriptions(s, t):
    w = t["integrator"]
    add = lambda body: s.ask("POST", "/fhir/Subscription", body, token=w)
    Ehr.told.clear()
    answers = add(subscription("Observation?code=http://loinc.org|2160-0", "/risk", "heart"))
    check("a subscription", answers.status == 201 and answers.json()["status"] == "active" and
          answers.headers["Location"].endswith(answers.json()["id"]), answers)
    check("which tells no secret", "a secret" not in answers.body.decode(), answers)
    whole = add(subscription("Observation", "/copy", payload="application/fhir+json"))
    empty = add(subscription("Condition", "/ping"))
    ids = [one.json()["id"] for one in (answers, whole, empty)]
    for id, value in (("sub-1", 1.1), ("sub-2", 1.2)):
        s.ask("PUT", "/fhir/Observation/" + id, lab("own", value, "2026-05-01", id), token=w)
    s.ask("PUT", "/fhir/Observation/sub-3", lab("own", 5, "2026-05-01", "sub-3", "2345-7"), token=w)
    arrived = lambda: {path for _, path, _, _ in Ehr.told}
    check("each is called", wait_until(lambda: {"/risk", "/copy/Observation/sub-1",
                                                "/copy/Observation/sub-3"} <= arrived(), 20), arrived())
    told = [one for one in Ehr.told if one[1] == "/risk"]
    check("with the model's answer", 1 <= len(told) <= 2 and all(
        one[0] == "POST" and one[3] == "a secret" and one[2]["entry"][0]["resource"]["resourceType"] in (
            "RiskAssessment", "GuidanceResponse") and one[2]["entry"][0]["resource"]["subject"] == {
                "reference": "Patient/own"} for one in told), told)
    copies = [one[1][-1] for one in Ehr.told if one[1].startswith("/copy/Observation/sub-")]
    check("resources come in their order", copies == ["1", "2", "3"], copies)
    check("and nobody is called about others", "/ping" not in arrived())
    s.ask("POST", "/fhir/Condition", condition("own", "2026-05-01"), token=w)
    check("until such a one comes", wait_until(lambda: "/ping" in arrived(), 20))
    Ehr.refuses = True
    s.ask("PUT", "/fhir/Observation/sub-4", lab("own", 6, "2026-05-01", "sub-4", "2345-7"), token=w)
    wait_until(lambda: "/copy/Observation/sub-4" in arrived(), 20)
    Ehr.refuses = False
    before = len(Ehr.told)
    check("who refused is called again", wait_until(lambda: any(
        path == "/copy/Observation/sub-4" for _, path, _, _ in Ehr.told[before:]), 20))
    listed = s.ask("GET", "/fhir/Subscription", token=w).json()
    check("they are listed", listed["total"] == 3 and "a secret" not in json.dumps(listed), listed)
    for id in ids:
        check("one can be ended", s.ask("DELETE", "/fhir/Subscription/" + id, token=w).status == 204)
    check("and is gone then", s.ask("GET", "/fhir/Subscription/" + ids[0], token=w).status == 404)
    for name, body in {
            "an unlisted host": subscription("Observation", "", endpoint="https://127.0.0.1:1/x"),
            "http": subscription("Observation", "", endpoint="http://127.0.0.1/x"),
            "an unknown type": subscription("Basket", "/x"),
            "another search": subscription("Observation?status=final", "/x"),
            "another channel": subscription("Observation", "/x", type="email"),
            "another payload": subscription("Observation", "/x", payload="text/plain"),
            "a header that is none": subscription("Observation", "/x", header=["a\r\nb: c"]),
            "an unknown model": subscription("Observation", "/x", "none"),
            "no subscription": {"resourceType": "Observation"}}.items():
        refused = add(body)
        check(f"{name} is refused", refused.status in (400, 403, 404), refused)
