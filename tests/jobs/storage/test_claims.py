"""Which jobs an engine takes next."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from secondsite.jobs.model.definitions import Definition
from secondsite.jobs.model.failures import LeaseLost
from secondsite.jobs.storage import journal
from secondsite.jobs.storage.claims import Claims
from secondsite.jobs.storage.lease import Membership
from secondsite.jobs.storage.prepared import PreparedStatement
from secondsite.jobs.storage.tables import jobs
from secondsite.jobs.storage.transactions import Transactions

SLEEP = timedelta(seconds=60)


def test_a_job_that_is_put_down_while_others_are_looked_for_is_not_taken_again_before_its_time(
    room, monkeypatch
):
    transactions = Transactions(room.db)
    membership = Membership(room.db, transactions, "here", 5.0)
    membership.join()
    room.submit(room.engine(Definition("one", (room.does("Only"),))), "one")
    taking = Claims(transactions, "here", room.clock)
    claim = taking.next()
    assert claim is not None
    room.clock.advance(1)

    def goes_to_sleep():
        later = {"claim_owner": None, "ready_at": room.clock() + SLEEP}
        with room.db.begin() as connection:
            connection.execute(update(jobs).values(**later))
        taking.put_down(claim)

    def answered_late(question, session, values):
        found = answered(question, session, values)
        if found:
            goes_to_sleep()
        return found

    answered = PreparedStatement.all
    monkeypatch.setattr(PreparedStatement, "all", answered_late)
    assert taking.next() is None
    membership.drop()


def test_whoever_has_a_claim_of_before_writes_nothing_more_to_the_job(room):
    """A thread of before the restart of an engine that has the same name."""
    transactions = Transactions(room.db)
    membership = Membership(room.db, transactions, "here", 5.0)
    membership.join()
    room.submit(room.engine(Definition("one", (room.does("Only"),))), "one")
    before, now = (Claims(transactions, "here", room.clock).next() for _ in range(2))
    assert before is not None
    assert now == replace(before, epoch=before.epoch + 1)
    assert transactions.write(lambda session: journal.fence(session, now)).id == before.job_id
    with pytest.raises(LeaseLost):
        transactions.write(lambda session: journal.fence(session, before))
    membership.drop()
