"""Crashes and full disks: what was acknowledged is kept, the rest refused, the trail whole."""
import random
import signal
import threading
import time

from bulk import finished
from checks import PROGRAM, check, lab
from client import Service


def write_labs(s, token, kept, stop, prefix):
    """Until told to stop, or the service is gone."""
    connection = s.connect()
    for n in range(100000):
        if stop.is_set():
            return
        id = f"{prefix}-{n}"
        try:
            done = s.ask("PUT", "/fhir/Observation/" + id, lab("own", n, "2022-01-01", id), token=token,
                         connection=connection)
        except Exception:
            return
        if done.status == 201:
            kept.append(id)


def roll_back(s, token, bundles, acknowledged, stop):
    """One bundle and the other in turn."""
    while not stop.is_set():
        bundle = bundles[len(acknowledged) % 2]
        try:
            done = s.ask("POST", "/api/models/heart/rollback", {"bundle": bundle, "note": "-"}, token=token)
        except Exception:
            return
        if done.status == 204:
            acknowledged.append(bundle)


def history_of(s, token):
    """The bundles that were approved, the first one first."""
    model = s.ask("GET", "/api/models/heart", token=token).json()
    return model["bundle"], [one["bundle"] for one in model["history"]][::-1]


def start_job(s, token, jobs):
    try:
        done = s.ask("GET", "/fhir/$export?_type=Condition", token=token, headers={"Prefer": "respond-async"})
    except Exception:
        return
    if done.status == 202:
        jobs.append("/" + done.headers["Content-Location"].split("/", 3)[3])


def missing(s, token, ids):
    connection = s.connect()
    return [id for id in ids if s.ask("GET", "/fhir/Observation/" + id, token=token,
                                      connection=connection).status != 200]


def check_killed(home, t, rounds):
    """kill -9 at random moments during writes, jobs and approvals."""
    kept, jobs, slowest, unlike, approved = [], [], 0.0, [], 0
    with Service(PROGRAM, home) as s:
        answers, history = history_of(s, t["scientist"])
    bundles = [answers, next(bundle for bundle in history if bundle and bundle != answers)]
    acknowledged = []
    for round in range(rounds):
        start = time.monotonic()
        s = Service(PROGRAM, home).__enter__()
        slowest = max(slowest, time.monotonic() - start)
        answers, now = history_of(s, t["scientist"])
        new = now[len(history):]  # the last one may not have been acknowledged
        if new[:len(acknowledged)] != acknowledged or len(new) > len(acknowledged) + 1 or answers != now[-1]:
            unlike.append((round, answers, new, acknowledged))
        approved += len(acknowledged)
        history, acknowledged = now, []
        bundles.sort(key=lambda bundle: bundle == answers)  # the other one next
        stop = threading.Event()
        threads = [threading.Thread(target=write_labs, args=(s, t["integrator"], kept, stop, f"k-{round}-{k}"))
                   for k in range(4)]
        threads.append(threading.Thread(target=roll_back, args=(s, t["admin"], list(bundles), acknowledged, stop)))
        threads.append(threading.Thread(target=start_job, args=(s, t["integrator"], jobs)))
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.02, 0.3))
        s.stop(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
    with Service(PROGRAM, home) as s:
        lost = missing(s, t["integrator"], kept)
        check(f"{rounds} kills lose nothing of {len(kept)} acknowledged", kept and not lost, lost[:3])
        check(f"of {approved} approvals none, and the last one answers", approved > 0 and not unlike, unlike[:3])
        ends = {where: finished(s, t["integrator"], where).status for where in jobs}
        check(f"{len(jobs)} jobs that were begun come to their end", jobs and set(ends.values()) == {200}, ends)
        verified = s.ask("POST", "/api/audit/verify", {}, token=t["auditor"]).json()
        check("the chain is whole after them", verified["holds"], verified)
    check("ready again within 2 s", slowest < 2, slowest)


def check_full(home, t):
    """No file can grow: refused with 503, and kept what was acknowledged before."""
    largest = max(file.stat().st_size for file in home.iterdir() if file.is_file())
    kept, refused, strange = [], [], []
    with Service(PROGRAM, home, largest + 300_000) as s:
        def write(k):
            connection = s.connect()
            for n in range(20000):
                id = f"full-{k}-{n}"
                got = s.ask("PUT", "/fhir/Observation/" + id, lab("own", n, "2022-01-01", id),
                            token=t["integrator"], connection=connection)
                (kept if got.status == 201 else refused if got.status == 503 else strange).append(id)
                if got.status != 201 and (strange or str(home).encode() in got.body or len(refused) >= 20):
                    return
        threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check("a full disk: refused with 503", len(kept) > 20 and len(refused) >= 20 and not strange,
              (len(kept), len(refused), strange[:3]))
        got = s.ask("PUT", "/fhir/Observation/full", lab("own", 1, "2022-01-01", "full"), token=t["integrator"])
        check("in words that tell nothing of the machine", got.status == 503 and
              str(home).encode() not in got.body, got)
        check("it lives", s.ask("GET", "/livez").status == 200)
        code = s.stop()
        check("and ends by itself, telling it where its end cannot be recorded", code == 0 or (
            code in (1, 130) and "cannot write the audit trail" in s.log_text()), code)
    with Service(PROGRAM, home) as s:
        check("with room again: all that was acknowledged is there", not missing(s, t["integrator"], kept))
        check("nothing that was refused", set(missing(s, t["integrator"], refused)) == set(refused))
        got = s.ask("PUT", "/fhir/Observation/full-again", lab("own", 1, "2022-01-01", "full-again"),
                    token=t["integrator"])
        check("it writes again", got.status == 201, got)
        told = s.ask("POST", "/api/audit/verify", {}, token=t["auditor"]).json()
        check("and the trail is whole", told["holds"], told)
