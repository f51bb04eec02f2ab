"""A program that runs jobs until all have ended: `killed_program.py URL JOBS`. Tests kill it."""

import sys

import sqlalchemy as sa
from sqlalchemy.orm import Session

from rig.eventually import eventually
from secondsite.ground.job_states import MOVING
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.running.engine import Engine
from secondsite.jobs.storage import search, tables
from secondsite.jobs.storage.database import connect
from tests.jobs.support_jobs import Facts, enter, ledger_metadata


def step(name):
    def run(context):
        return Done(name, commit=lambda session: enter(session, f"{context.job_id} {name}"))

    return Step(name, run)


def pause(context):
    if context.remembered(Facts):
        return Done("waited")
    context.remember(Facts({"asked": True}))
    raise Wait("answer", 600, "for an answer", poll_seconds=0.05)


def main(url, jobs):
    db = connect(url)
    tables.metadata.create_all(db)
    ledger_metadata.create_all(db)
    verb = Definition(
        "v",
        (step("a"), Step("pause", pause), step("b")),
        on_success=lambda session, job: enter(session, f"{job.id} end"),
    )
    engine = Engine(db, [verb], owner="program", workers=3)
    with Session(db) as session, session.begin():
        for number in range(jobs):
            engine.submit(session, "v", job_id=f"job-{number}")
    engine.start()

    def idle():
        with Session(db) as session:
            return not search.find(session, search.JobQuery(states=MOVING), limit=1)

    eventually(idle, within_seconds=60)
    engine.stop()
    assert sa.inspect(db).has_table("jobs")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
