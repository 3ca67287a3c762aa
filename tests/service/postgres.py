"""The record in PostgreSQL: moved there, served from there, lost and found. tests/postgres/run."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

from checks import PROGRAM, check, lab
from client import Service, run, wait_until

CLUSTER = os.environ.get("CANGONG_TEST_CLUSTER", "")


def sql(words, database="postgres"):
    server = os.environ["CANGONG_TEST_POSTGRES"].replace("dbname=postgres", f"dbname={database}")
    return subprocess.run(["psql", server, "-Atqc", words], check=True, capture_output=True,
                          text=True).stdout.strip()


def configure(home, database):
    """config.yaml names the database; its password lies beside it."""
    sql(f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'")
    secret = home / "keys" / "database"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("a password of the tests\n")
    secret.chmod(0o600)
    (home / "config.yaml").write_text(
        f"database: host={CLUSTER} dbname={database} user=cangong\n"
        "database_password_file: keys/database\n")


def restart(how):
    """The server of the tests, ended and begun again."""
    word = ["pg_ctl", "-D", f"{CLUSTER}/pg", "-l", f"{CLUSTER}/pg.log", "-w", "-m", how, "restart"]
    word[0] = os.path.join(os.environ["CANGONG_TEST_BIN"], word[0])
    if os.geteuid() == 0:
        word = ["runuser", "-u", "postgres", "--", *word]
    subprocess.run(word, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def refused(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def counts(database):
    return {t: int(sql(f'SELECT count(*) FROM "{t}"', database)) for t in sql(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        "AND relname <> 'moved_here'", database).split()}


def everything(s, t):
    """All that is known of a patient, without the addresses of the service that tells it."""
    told = s.ask("GET", "/fhir/Patient/own/$everything", token=t["integrator"]).json()
    return [entry["resource"] for entry in told["entry"]]


def check_migrate(home, t):
    """A copy of a home with a file goes into PostgreSQL, also where it is killed on the way."""
    copy = home.parent / "moving"
    run(PROGRAM, "restore", home.parent / "hot.zip", copy)
    (copy / "config.yaml").unlink()
    with Service(PROGRAM, copy) as s:
        before = everything(s, t)
    configure(copy, "moved")
    check("serve says what to do first", "cangong migrate" in refused("serve", copy, "--port", "0"))
    told = json.loads(run(PROGRAM, "migrate", copy, "--dry-run", "--json"))
    check("a dry run tells rows and changes nothing", told["tables"].get("resource", 0) > 0 and
          (copy / "live.db").exists() and not counts("moved"), told)
    for delay in (0.01, 0.03, 0.06, 0.1, 0.15):
        process = subprocess.Popen([PROGRAM, "migrate", str(copy)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait()
        at_server = counts("moved")
        check("killed on the way, one side is whole", (copy / "live.db").exists() or
              at_server == told["tables"], at_server)
        check("and the server holds all or nothing", not at_server or at_server == told["tables"])
        if not (copy / "live.db").exists():
            break
    if (copy / "live.db").exists():
        done = json.loads(run(PROGRAM, "migrate", copy, "--json"))
        check("it tells what it moved", done["tables"] == told["tables"], done)
    check("all rows are there, the file is kept", counts("moved") == told["tables"] and
          (copy / "live.db.moved").exists() and not (copy / "live.db").exists())
    with Service(PROGRAM, copy) as s:
        after = everything(s, t)
        check("the moved record answers the same", before and after == before, after[:1])
        new = s.ask("POST", "/fhir/Observation", lab("own", 5, "2022-01-01"), token=t["integrator"])
        check("and is written", new.status == 201, new)
    shutil.copy(copy / "live.db.moved", copy / "live.db")
    (copy / "live.db.moved").rename(copy / "aside")
    config = (copy / "config.yaml").read_text()
    (copy / "config.yaml").unlink()
    with Service(PROGRAM, copy) as s:
        s.ask("POST", "/fhir/Observation", lab("own", 6, "2022-01-01"), token=t["integrator"])
    (copy / "config.yaml").write_text(config)
    check("another record is not put over it", "another record" in refused("migrate", copy))
    (copy / "live.db").unlink()
    (copy / "config.yaml").write_text("port: 8443\n")
    (copy / "aside").rename(copy / "live.db.moved")
    check("no empty record begins where one was moved away",
          "was moved into PostgreSQL" in refused("serve", copy, "--port", "0"))


def check_configuration(home):
    config = home / "config.yaml"
    good = config.read_text()
    config.write_text("database: host=/tmp password=canary-secret\n")
    said = refused("serve", home, "--port", "0")
    check("a password in the configuration is refused, and not repeated",
          "database_password_file" in said and "canary-secret" not in said, said)
    config.write_text(good)
    (home / "keys" / "database").chmod(0o640)
    check("a password that others may read is refused", "chmod 600" in refused(
        "serve", home, "--port", "0"))
    (home / "keys" / "database").chmod(0o600)


def check_one_service(home):
    other = home.parent / "other"
    other.mkdir()
    (other / "config.yaml").write_text((home / "config.yaml").read_text())
    shutil.copytree(home / "keys", other / "keys")
    said = refused("serve", other, "--port", "0")
    check("a database serves one service", "another service" in said, said)


def check_restarts(s, t):
    """The server is ended while four clients write: what was acknowledged stays."""
    kept, stop = set(), threading.Event()

    def write(k):
        for n in range(100000):
            if stop.is_set():
                return
            id = f"r-{k}-{n}"
            try:
                done = s.ask("PUT", "/fhir/Observation/" + id, lab("own", n, "2022-01-01", id),
                             token=t["integrator"])
            except Exception:
                continue
            if done.status == 201:
                kept.add(id)
            elif n % 20 == 0:
                time.sleep(0.02)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for how in ("fast", "immediate"):
        time.sleep(0.4)
        restart(how)
    back = wait_until(lambda: s.ask("GET", "/readyz").status == 200)
    time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join()
    check("ready again after the server's restart", back)
    lost = [id for id in kept if s.ask("GET", "/fhir/Observation/" + id,
                                       token=t["integrator"]).status != 200]
    check(f"of {len(kept)} acknowledged none is lost with the server", kept and not lost, lost[:3])


def check_backup(home, t):
    """A backup is one moment; it comes back as a file, and into a database again."""
    stop = threading.Event()
    with Service(PROGRAM, home) as s:
        def write():
            for n in range(100000):
                if stop.is_set():
                    return
                s.ask("PUT", f"/fhir/Observation/b-{n}", lab("own", n, "2022-01-01", f"b-{n}"),
                      token=t["integrator"])
        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.3)
        run(PROGRAM, "backup", home, home.parent / "hot.zip")
        stop.set()
        writer.join()
    again = home.parent / "again"
    run(PROGRAM, "restore", home.parent / "hot.zip", again)
    check("a restored home does not touch the database that it names",
          "cangong migrate" in refused("serve", again, "--port", "0") and
          "not empty" in refused("migrate", again))
    (again / "config.yaml").unlink()
    with Service(PROGRAM, again) as s:
        read = lambda n: s.ask("GET", f"/fhir/Observation/b-{n}", token=t["integrator"]).status
        last = next(n for n in range(100000) if read(n) != 200)
        check("a hot backup is one moment", last > 0 and all(
            read(n) == 404 for n in range(last, last + 50)), last)
        new = s.ask("POST", "/fhir/Observation", lab("own", 5, "2022-01-01"), token=t["integrator"])
        check("and goes on as a file", new.status == 201, new)
    configure(again, "again")
    run(PROGRAM, "migrate", again)
    with Service(PROGRAM, again) as s:
        check("and in a database again", s.ask("GET", "/fhir/Observation/b-0",
                                               token=t["integrator"]).status == 200)
