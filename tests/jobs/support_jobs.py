"""An engine room for tests: tables, a clock to turn, engines to start and drop, and a ledger.

The ledger is the "domain": rows in it are written only by what commits together with a step or an end.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue, RootModel
from sqlalchemy.orm import Session

from rig.eventually import eventually
from secondsite.jobs.model.catalogue import Catalogue
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done, Wait
from secondsite.jobs.running.engine import Engine
from secondsite.jobs.running.followed_clock import FollowedClock
from secondsite.jobs.running.lease_state import Bell
from secondsite.jobs.running.parking import ParkingLot
from secondsite.jobs.running.performing import Performer
from secondsite.jobs.running.runner import Runner
from secondsite.jobs.storage import read, tables
from secondsite.jobs.storage.lease import Membership

ledger_metadata = sa.MetaData()
ledger = sa.Table(
    "ledger",
    ledger_metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("entry", sa.Text, nullable=False),
)


class Facts(RootModel[dict[str, JsonValue]]):
    """Facts or arguments of any kind; looked into like a dictionary."""

    def __getitem__(self, name):
        return self.root[name]


class Clock:
    def __init__(self):
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)


def enter(session, entry):
    session.execute(ledger.insert().values(entry=entry))


def entries(session):
    return list(session.execute(sa.select(ledger.c.entry).order_by(ledger.c.id)).scalars())


class JournalSpace:
    def __init__(self, db, create=True):
        self.db = db
        self.clock = Clock()
        self.effects: Counter[str] = Counter()  # what steps did outside, by order id
        self.order = []
        self.commits = None  # who listens to the engine's commits
        self._engines = []
        if create:
            tables.metadata.create_all(db)
            ledger_metadata.create_all(db)

    def engine(self, *definitions, **options):
        engine = Engine(self.db, definitions, **{"clock": self.clock, "owner": "here", **options})
        self._engines.append(engine)
        return engine

    def runner(self, transactions, *definitions):
        """A runner without an engine: nobody takes its lease from it."""
        bell, membership = Bell(), Membership(self.db, transactions, "nobody", 5.0)
        clock = FollowedClock(self.clock, transactions, membership, bell)
        catalogue, lot = Catalogue(definitions), ParkingLot(bell.nudge)
        performer = Performer(transactions, catalogue, self.clock, clock, lot, bell.ring_on_commit)
        return Runner(transactions, catalogue, self.clock, performer, lambda job: None)

    def close(self):
        for engine in self._engines:
            engine.stop(5)

    def submit(self, engine, name, **options):
        with Session(self.db) as session, session.begin():
            return engine.submit(session, name, **options)

    def ask(self, request, *arguments):
        """engine.cancel or engine.retry in a transaction of its own."""
        with Session(self.db) as session, session.begin():
            request(session, *arguments)

    def look(self, function, *arguments, **options):
        with Session(self.db) as session:
            return function(session, *arguments, **options)

    def job(self, job_id):
        return self.look(read.get, job_id)

    def tasks(self, job_id):
        return self.look(read.tasks_of, job_id)

    def states(self, job_id):
        return [(task.title, str(task.state)) for task in self.tasks(job_id)]

    def entries(self):
        return self.look(entries)

    def ended(self, job_id, within_seconds=20):
        """The job once it has ended."""
        return eventually(lambda: (job := self.job(job_id)).state.ended and job, within_seconds)

    def does(self, name, *, undo=True, commit=True, **options):
        """A step that counts its effect and writes its name to the ledger."""

        def run(context):
            self.effects[context.order_id] += 1
            self.order.append(name)
            return Done(f"did {name}", Facts({"by": name}), (lambda s: enter(s, name)) if commit else None)

        def back(context):
            self.effects[context.order_id] += 1
            self.order.append(f"undo {name}")
            return Done(f"undid {name}", None, (lambda s: enter(s, f"undo {name}")) if commit else None)

        return Step(name, run, undo=back if undo else None, **options)


def hooks():
    """Hooks that write to the ledger how the job went."""
    return {
        "on_start": lambda session, job: enter(session, f"start {job.attempt}"),
        "on_success": lambda session, job: enter(session, str(job.state)),
        "on_failure": lambda session, job: enter(session, str(job.state)),
        "on_cancelled": lambda session, job: enter(session, str(job.state)),
    }


def verb(name, *steps, **options):
    return Definition(name, steps, **(hooks() | options))


class Gate:
    """Something outside that a step waits for."""

    def __init__(self, **wait):
        self.open = False
        self.answer = self.step
        self.looks = 0
        self.contexts = []
        self.wait: dict[str, Any] = {
            "signal": "gate",
            "deadline_seconds": 100,
            "why": "the gate is shut",
        } | wait

    def step(self, context):
        self.looks += 1
        self.contexts.append(context.order_id)
        if not self.open:
            raise Wait(**self.wait)
        return Done("went through")

    def opens_after_the_first_look(self, tell):
        """A step; who opened the gate tells of it before anybody is known to wait."""

        def step(context):
            try:
                return self.step(context)
            finally:
                if self.looks == 1:
                    self.open = True
                    tell()

        return step


def waiting_job(room, gate, **options):
    engine = room.engine(Definition("v", (Step("Pass", lambda context: gate.answer(context)),)), **options)
    return engine, room.submit(engine, "v")
