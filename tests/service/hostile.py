"""What a client should not send, and what must not come back."""
import json
import time

from checks import check, parameters, patient


def check_errors(s, t):
    fhir = s.ask("GET", "/fhir/Patient/none", token=t["integrator"])
    check("FHIR errors are OperationOutcomes", fhir.status == 404 and
          fhir.json()["resourceType"] == "OperationOutcome", fhir)
    v2 = s.ask("GET", "/v2/models/none", token=t["integrator"])
    check("v2 errors", v2.status == 404 and "error" in v2.json(), v2)
    other = s.ask("GET", "/nowhere")
    check("others are problem+json", other.headers["Content-Type"] == "application/problem+json" and
          other.json()["status"] == 404)


def check_hostile(s, t):
    start = time.monotonic()
    got = s.raw(b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n")
    check("a head that is too long", got.startswith(b"HTTP/1.1 431"), got[:80])
    got = s.raw(b"POST /auth/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000000\r\n\r\n")
    check("a body that is too long, before it is read", got.startswith(b"HTTP/1.1 413"), got[:80])
    got = s.raw(b"\x00\x01garbage\r\n\r\n")
    check("no HTTP", got.startswith(b"HTTP/1.1 400"), got[:80])
    for coding in (b"identity", b"xchunked", b"chunked, gzip"):
        got = s.raw(b"POST /auth/sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + coding +
                    b"\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        check(f"no request is smuggled behind {coding}", got.startswith(b"HTTP/1.1 400") and
              b"200 OK" not in got, got[:80])
    got = s.raw(b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    check("two lengths", not got.startswith(b"HTTP/1.1 200"), got[:80])
    many = b"".join(b"X-%d: a\r\n" % i for i in range(5000))
    check("too many headers", s.raw(b"GET /livez HTTP/1.1\r\n" + many + b"\r\n").startswith(
        b"HTTP/1.1 431"))
    chunks = b"1\r\na\r\n" * 70000 + b"0\r\n\r\n"
    got = s.raw(b"POST /auth/sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    check("chunks beyond the limit", got.startswith(b"HTTP/1.1 413") or got == b"", got[:80])
    start_chunk = time.monotonic()
    got = s.raw(b"POST /auth/sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 300000)
    check("a size of a chunk that does not end", (got.startswith(b"HTTP/1.1 400") or got == b"") and
          time.monotonic() - start_chunk < 5, got[:80])
    got = s.raw(b"POST /auth/sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
    check("a size that is none", got.startswith(b"HTTP/1.1 400"), got[:80])
    for path in (b"/%", b"/%zz", b"/fhir/Patient/%ff", b"/a\x00b", b"//evil", b"/fhir/../auth/me"):
        got = s.raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        check(f"address {path}", got[9:12] in (b"400", b"401", b"404"), got[:80])
    check("all of it quickly", time.monotonic() - start < 10, time.monotonic() - start)
    check("and it lives", s.ask("GET", "/livez").status == 200)


def check_depth(s, t):
    deep = '{"resourceType":"Observation","a":' + "[" * 100000 + "]" * 100000 + "}"
    got = s.ask("POST", "/fhir/Observation", deep, token=t["integrator"])
    check("nesting of 100,000", got.status == 400, got)
    got = s.ask("POST", "/fhir/$predict", "[" * 100000, token=t["integrator"])
    check("and elsewhere", got.status == 400, got)
    deep = "[" * 80000 + "]" * 80000
    for path, body in {
            "/fhir/$predict": '{"resourceType":"Parameters","parameter":[{"name":"data","resource":'
                              '{"resourceType":"Bundle","entry":[{"resource":{"x":%s}}]}}]}' % deep,
            "/v2/models/heart/infer": '{"id":%s}' % deep,
            "/cds-services/heart": '{"prefetch":{"patient":%s}}' % deep,
            "/cds-services/heart/feedback": '{"feedback":[%s]}' % deep}.items():
        got = s.ask("POST", path, body, token=t["integrator"])
        check(f"nesting at {path}", got.status == 400, got)
    inner = {"inputs": [{"name": "fhir", "datatype": "BYTES", "data": ['{"a":%s}' % deep]}]}
    got = s.ask("POST", "/v2/models/heart/infer", inner, token=t["integrator"])
    check("nesting inside a text", got.status == 400, got)
    many = s.ask("GET", "/fhir/Patient?" + "&".join(["name=a"] * 1100), token=t["clinician"])
    check("a search of 1,100 parameters", many.status in (400, 431), many)
    days = s.ask("POST", "/admin/accounts/a-admin/tokens", {"days": 4294967297}, token=t["admin"])
    check("a token of 10 million years", days.status == 400, days)


def check_canaries(s, t):
    secret = "canary-secret-91c2"
    s.ask("POST", "/auth/sign-in", {"name": "a-admin", "password": secret})
    s.ask("GET", "/livez?" + secret, headers={"Authorization": "Bearer " + secret})
    metrics = s.ask("GET", "/metrics", token=t["admin"]).body.decode()
    log = s.log_text()
    for name, text in {"log": log, "metrics": metrics}.items():
        for canary in ("Canary-7f3a", secret, "M-own", t["clinician"]):
            check(f"no {canary[:12]} in the {name}", canary not in text)
    check("the log is JSON, with route and trace", all(
        {"route", "status", "trace"} <= json.loads(l).keys() for l in log.splitlines() if l))
