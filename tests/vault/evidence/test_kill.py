"""A vault that is killed between the end of a job and its evidence keeps it after it is started again,
once."""

import contextlib
import json
import signal
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from rig.eventually import eventually
from secondsite.domain.access import evidence
from secondsite.ground import seams
from secondsite.ground.job_states import JobState
from secondsite.jobs.storage import database
from secondsite.jobs.storage.tables import jobs
from secondsite.vault.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def store(made):
    engine = database.connect(made.settings.database_url)
    yield Store(engine)
    engine.dispose()


def end(store, job_id):
    ended = datetime.now(UTC)
    with store.transaction() as tx:
        tx.session.execute(
            insert(jobs).values(
                id=job_id, name="test_failover", subject="m1", subject_name="web01", arguments={},
                state=JobState.SUCCEEDED,
                attempt=1, requested_by="anna", created_at=ended - timedelta(minutes=2), started_at=ended,
                ended_at=ended, ready_at=ended, cancel_requested=False, claim_epoch=0,
            )
        )  # fmt: skip


def kept(store):
    with store.reading() as tx:
        found, log = tx.evidence.find(100, None), list(tx.audit.chain())
    named = [json.loads(each.details)["sha256"] for each in log if each.verb == evidence.RECORDED]
    assert [each.sha256 for each in reversed(found)] == named
    return [each.job_id for each in found]


def test_what_ended_before_a_kill_is_kept_after_the_start_and_stays_one(store, start):
    vault = start()
    end(store, "j1")
    vault.end(signal.SIGKILL)
    assert kept(store) == []
    for _ in range(2):
        vault = start()
        eventually(lambda: kept(store) == ["j1"], 30)
        vault.end(signal.SIGKILL)
    assert kept(store) == ["j1"]


@pytest.mark.parametrize(("reaches", "seam"), [(1, "vault.evidence.drafted"), (2, "vault.evidence.written")])
def test_a_kill_before_or_inside_the_transaction_that_keeps_it_leaves_nothing_half(
    store, start, tmp_path, monkeypatch, reaches, seam
):
    file = tmp_path / "seam"
    end(store, "j1")
    monkeypatch.setenv(seams.ENVIRONMENT, str(file))
    seams.order(file, reaches)
    with contextlib.suppress(AssertionError):  # it may die before it says that it is ready
        start()
    eventually((tmp_path / "seam.hit").exists, 30)
    assert (tmp_path / "seam.hit").read_text() == seam
    assert kept(store) == []
    start()
    eventually(lambda: kept(store) == ["j1"], 30)
