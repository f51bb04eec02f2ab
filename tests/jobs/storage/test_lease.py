"""From when a lease runs: what was tried in vain before counts for nothing."""

import sqlite3
import time

import pytest
from sqlalchemy import exc

from secondsite.jobs.running.lease_state import LeaseState
from secondsite.jobs.storage.database import connect
from secondsite.jobs.storage.lease import Membership
from secondsite.jobs.storage.tables import metadata
from secondsite.jobs.storage.transactions import Transactions

LEASE_SECONDS = 5.0


@pytest.fixture
def db(tmp_path):
    db = connect(f"sqlite:///{tmp_path / 'jobs.db'}")
    metadata.create_all(db)
    yield db
    db.dispose()


def test_a_lease_runs_since_the_try_that_was_committed(db):
    membership = Membership(db, Transactions(db), "one", LEASE_SECONDS)
    membership.join()
    tried = []

    def look(_session, _is_behind):
        tried.append(time.monotonic())
        if len(tried) < 3:
            raise exc.OperationalError("", {}, sqlite3.OperationalError("database is locked"))

    membership.join_again(look)
    assert tried[1] < membership.runs_since <= time.monotonic()
    membership.leave()


def test_a_lease_that_is_over_by_the_time_it_was_written_is_not_regained(db):
    standing, told = LeaseState(db, LEASE_SECONDS), []
    standing.follow(lambda: told.append("lost"), lambda: told.append("regained"))
    standing.lose()
    standing.renewed(time.monotonic() - LEASE_SECONDS)
    assert standing.lost_for_seconds is not None
    standing.renewed(time.monotonic())
    assert told == ["lost", "regained"]
