"""A vault whose database was restored from a backup, through its faces."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from rig.eventually import eventually
from secondsite.entry import settings
from secondsite.entry.restored import FILE
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
    """As by a snapshot of its machine: nothing beside the database differs. The job was about to give its next order."""
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
        # one that was being given as the appliance came is of before, and an appliance refuses it for its vault's number
        assert all(order.given_at < connects_at for order in dialler.orders)
    assert vault.rest.post(f"/api/jobs/{job_id}/resume").json()["state"] != "held"
    with Dialler(target, hello=target.hello(vault_number=told + 7)):
        assert state() != "held", "once is enough"
    vault.close()


@pytest.mark.parametrize("former", [True, False])
def test_a_database_in_a_file_that_got_the_number_of_the_former_one_is_another(tmp_path, former):
    """ext4 gives the number of a removed file to the next one. A former release noted nothing but the number."""
    vault = VaultInProcess(tmp_path / "vault")
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine("m1", "web01", source_appliance_id=source.id, target_appliance_id=target.id))
    job_id = vault.rest.post("/api/machines/web01/failover").json()["job_id"]
    eventually(lambda: vault.rest.get(f"/api/jobs/{job_id}").json()["state"] == "waiting")
    vault.close()
    said = json.loads((vault.home / FILE).read_text())
    if (generation := said.pop("generation")) is None:
        pytest.skip("this file system does not tell a file from the one that had its number before")
    said = said if former else {**said, "generation": generation ^ 1}
    (vault.home / FILE).write_text(json.dumps(said))
    running = RunningVault(vault.home, settings.read(vault.home))
    with TestClient(running.start(), headers={"Authorization": f"Bearer {vault.made.token}"}) as client:
        assert (client.get(f"/api/jobs/{job_id}").json()["state"] == "held") == (not former)
    running.stop()


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
