"""A vault whose database was restored from a backup, through its faces."""

import contextlib
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from rig.eventually import eventually
from secondsite.entry import settings
from secondsite.entry.restored_vault import FILE
from secondsite.entry.vault_wiring import RunningVault
from tests.support.vault import Dialler, VaultInProcess, machine

pytestmark = pytest.mark.slow


@pytest.fixture
def backup(tmp_path):
    """A vault that a failover waits in for its target; its database is restored from a backup."""
    vault = VaultInProcess(tmp_path / "vault")
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine("m1", "web01", source_appliance_id=source.id, target_appliance_id=target.id))
    job_id = vault.rest.post("/api/machines/web01/failover").json()["job_id"]
    eventually(lambda: vault.rest.get(f"/api/jobs/{job_id}").json()["state"] == "waiting")
    with (
        contextlib.closing(sqlite3.connect(vault.home / "vault.db")) as now,
        contextlib.closing(sqlite3.connect(tmp_path / "backup")) as copy,
    ):
        now.backup(copy)
    vault.close()
    assert (vault.home / FILE).exists()
    for path in vault.home.glob("vault.db-*"):
        path.unlink()
    (tmp_path / "backup").replace(vault.home / "vault.db")
    return vault, job_id


def test_a_vault_that_was_restored_with_all_its_home_is_told_so_by_an_appliance(tmp_path):
    """As by a snapshot of its machine: nothing beside the database differs. The job was about to give its
    next order."""
    vault = VaultInProcess(tmp_path / "vault")
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine("m1", "web01", source_appliance_id=source.id, target_appliance_id=target.id))
    with Dialler(target) as dialler:
        told = dialler.greeting.vault_number
        job_id = vault.rest.post("/api/machines/web01/failover").json()["job_id"]
        order = eventually(lambda: dialler.orders)[0]
        assert order.vault_number == told > 0

    def state():
        return vault.rest.get(f"/api/jobs/{job_id}").json()["state"]

    eventually(lambda: state() == "waiting")
    with Dialler(target, hello=target.hello(vault_number=told)):
        assert state() != "held"
    connects_at = datetime.now(UTC)
    with Dialler(target, hello=target.hello(vault_number=told + 7)) as dialler:
        assert state() == "held"
        # one that was being given as the appliance came is of before, and an appliance refuses it for its
        # vault's number
        assert all(order.given_at < connects_at for order in dialler.orders)
    assert vault.rest.post(f"/api/jobs/{job_id}/resume").json()["state"] != "held"
    with Dialler(target, hello=target.hello(vault_number=told + 7)):
        assert state() != "held", "once is enough"
    vault.close()


def test_a_program_that_is_done_with_the_database_leaves_the_log_to_the_vault_that_runs(tmp_path):
    """Whoever closes a file releases his process's locks on it: had the vault looked at its own file so,
    SQLite would take nobody for there."""
    vault = VaultInProcess(tmp_path / "vault")
    file = str(vault.home / "vault.db")
    reads = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM sites').fetchall(); "
        "c.close()"
    )
    subprocess.run([sys.executable, "-c", reads, file], check=True)
    assert Path(f"{file}-wal").exists()
    assert vault.rest.get("/api/sites").status_code == 200
    vault.close()


@pytest.fixture
def rest(backup):
    vault, _ = backup
    running = RunningVault(vault.home, settings.read(vault.home))
    with TestClient(running.start(), headers={"Authorization": f"Bearer {vault.made.token}"}) as client:
        yield client
    running.stop()


def test_it_lists_its_held_jobs_and_what_to_type(backup, rest):
    _, job_id = backup
    (held,) = rest.get("/api/jobs?state=held").json()["items"]
    assert (held["id"], held["cancelable"]) == (job_id, True)
    assert f"secondsite job resume {job_id[:10]}" in held["sentence"]
    assert rest.get("/api/machines/web01").json()["allowed_operations"] == []
    assert rest.post(f"/api/jobs/{job_id}/resume").json()["state"] != "held"
    again = rest.post(f"/api/jobs/{job_id}/resume")
    assert again.status_code == 409
    assert "Only a held job" in again.json()["error"]["do"]


def test_a_held_job_that_is_given_up_leaves_its_machine_to_people(backup, rest):
    _, job_id = backup
    assert rest.post(f"/api/jobs/{job_id}/cancel").status_code == 200
    assert eventually(lambda: rest.get(f"/api/jobs/{job_id}").json()["state"] == "failed")
    assert rest.get("/api/machines/web01").json()["state"] == "protected"
