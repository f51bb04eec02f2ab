"""From when a lease runs: what was tried in vain before counts for nothing."""

import sqlite3
import time
from datetime import timedelta

import pytest
from sqlalchemy import exc, select, update

from secondsite.jobs.model.failures import LeaseOver
from secondsite.jobs.running.lease_state import LeaseState
from secondsite.jobs.storage.database import connect
from secondsite.jobs.storage.lease import Membership
from secondsite.jobs.storage.tables import engines, metadata
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


@pytest.fixture
def shared_db(postgres_url):
    db = connect(postgres_url)
    metadata.create_all(db)
    yield db
    db.dispose()


@pytest.mark.always
@pytest.mark.postgresql
@pytest.mark.parametrize(
    "seconds", [pytest.param(-60, id="over"), pytest.param(-2, id="of a standby that lacks the last one")]
)
def test_a_lease_that_is_over_is_not_prolonged_and_its_next_epoch_is_a_higher_one(shared_db, seconds):
    membership = Membership(shared_db, Transactions(shared_db), "one", LEASE_SECONDS)
    membership.join()
    before = membership.member
    membership.renew()
    with shared_db.begin() as session:
        until = session.execute(select(engines.c.expires_at)).scalar_one()
        session.execute(update(engines).values(expires_at=until + timedelta(seconds=seconds)))
    with pytest.raises(LeaseOver):
        membership.renew()
    membership.join_again(lambda _session, _is_behind: None)
    assert (before, membership.member) == (("one", 1), ("one", 2))
    membership.leave()
