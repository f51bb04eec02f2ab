"""A real process, really killed, on both databases; and PostgreSQL restarted under a running engine."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rig.eventually import eventually
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.definitions import Definition, Step
from secondsite.jobs.model.outcomes import Done
from secondsite.jobs.storage.database import connect
from tests.jobs.support_jobs import JournalSpace, enter

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("killed_program.py")
JOBS = 5


def run_program(url, seam_file):
    environment = {**os.environ, "SECONDSITE_SEAM_FILE": str(seam_file), "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, str(PROGRAM), url, str(JOBS)]
    return subprocess.run(command, env=environment, capture_output=True, timeout=90)


@pytest.mark.slow
def test_kill_9_at_any_seam_loses_nothing_and_repeats_no_commit(database, database_url, tmp_path):
    seam_file, hits = tmp_path / "seam", []
    chance = random.Random(7)
    for _ in range(3):
        seam_file.write_text(str(chance.randint(5, 35)))
        done = run_program(database_url, seam_file)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        hits.append((tmp_path / "seam.hit").read_text())
    seam_file.unlink(missing_ok=True)
    last = run_program(database_url, seam_file)
    assert last.returncode == 0, last.stderr.decode()
    assert len(hits) >= 2
    room = JournalSpace(database)
    for number in range(JOBS):
        job_id = f"job-{number}"
        assert room.job(job_id).state is JobState.SUCCEEDED, hits
    expected = [f"job-{number} {what}" for number in range(JOBS) for what in ("a", "b", "end")]
    assert sorted(room.entries()) == sorted(expected), hits


def test_sigkill_in_the_middle_of_a_step_runs_it_again_at_once(database, database_url, tmp_path):
    """The same owner comes back: no lease has to run out."""
    (tmp_path / "seam").write_text("7")
    assert run_program(database_url, tmp_path / "seam").returncode == -signal.SIGKILL
    assert run_program(database_url, tmp_path / "seam").returncode == 0
    assert len(JournalSpace(database).entries()) == JOBS * 3


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
def test_postgresql_restarts_under_load_and_no_result_is_lost(postgres, postgres_url, how):
    db = connect(postgres_url)
    room, ran, lock = JournalSpace(db), [], threading.Lock()

    def run(context):
        with lock:
            ran.append(context.order_id)
        return Done("ran", commit=lambda session: enter(session, context.order_id))

    engine = room.engine(Definition("v", tuple(Step(name, run) for name in "abcd")), lease_seconds=2)
    engine.start()
    ids = []
    for _ in range(3):  # work for each round: all that there is may be done before the server stops
        count = len(ran)
        ids += [room.submit(engine, "v") for _ in range(20)]
        eventually(lambda before=count: len(ran) > before + 10, 20)
        postgres.stop(how)
        postgres.start()
    for job_id in ids:
        assert room.ended(job_id, 40).state is JobState.SUCCEEDED
    assert sorted(room.entries()) == sorted(f"{job_id}/{n}/1" for job_id in ids for n in range(4))
    room.close()
    db.dispose()
