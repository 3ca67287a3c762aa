#!/usr/bin/env python3
"""Every promise of the service that a client can see. Data are synthetic; loopback alone."""
import os
import random
import sys
import tempfile
import traceback

import access
import bulk
import checks
import coming
import crash
import ehr
import fhir
import hostile
import life
import operations
import outbound
import pages
import postgres
import predict
from checks import PROGRAM, check
from client import Service, make_accounts, make_home, train_timelines

WHILE_SERVED = [
    access.check_care, operations.check_health, hostile.check_errors, access.check_matrix,
    access.check_sign_in, access.check_break_glass, fhir.check_fhir, fhir.check_search,
    fhir.check_transactions, predict.check_predictions, predict.check_hooks,
    predict.check_inference, pages.check_pages, pages.check_reports, pages.check_lists,
    pages.check_timeline,
    pages.check_words_of_others, pages.check_search_pages, pages.check_answers, pages.check_jobs, pages.check_monitoring,
    coming.check_coming, bulk.check_import, bulk.check_export, bulk.check_group, bulk.check_persist,
    fhir.check_disguises, fhir.check_units, hostile.check_hostile, hostile.check_depth,
    operations.check_trail, hostile.check_canaries]


def main():
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(PROGRAM, folder)
        train_timelines(PROGRAM, home)
        if postgres.CLUSTER:
            postgres.configure(home, "live")
        with Service(PROGRAM, home) as s:
            first = s.about
            t = make_accounts(PROGRAM, home)
            operations.check_alone(home)
            if postgres.CLUSTER:
                postgres.check_one_service(home)
            for part in WHILE_SERVED:
                try:
                    part(s, t)
                except Exception:
                    check(part.__name__ + " ran to its end", False, traceback.format_exc()[-900:])
            check("SIGTERM ends it in order", s.stop() == 0)
        check("the first code is told once", first["first_code"])
        pages.check_jobs_go_on(home, t)
        pages.check_withdrawn_in_a_job(home, t)
        bulk.check_training(home, t)
        outbound.check_outbound(home, t)
        ehr.check_ehr(home, t)
        ehr.check_pull(home, t)
        operations.check_approvals(home, t)
        operations.check_key_of_trail(home)
        life.check_life(home, t)
        if postgres.CLUSTER:
            check_postgres(home, t)
        else:
            operations.check_backup(home, t)
        crash.check_full(home, t)
        crash.check_killed(home, t, int(os.environ.get("CANGONG_KILLS", "50")))
    print(f"{checks.passed} passed, {len(checks.failures)} failed")
    return 1 if checks.failures else 0


def check_postgres(home, t):
    with Service(PROGRAM, home) as s:
        postgres.check_restarts(s, t)
    postgres.check_configuration(home)
    postgres.check_backup(home, t)
    postgres.check_migrate(home, t)


if __name__ == "__main__":
    random.seed(1)
    sys.exit(main())
