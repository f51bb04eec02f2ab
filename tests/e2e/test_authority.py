"""A real vault and two appliances: jobs that are out of date start nothing, and nobody waits for a site
that is gone."""

import shutil

import pytest

from rig.eventually import eventually
from secondsite.fabrics import simulated
from tests.e2e.support_simulated_sites import PROTECT, copies, host, simulated_sites, store
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(400)]


@pytest.fixture
def rig():
    with simulated_sites() as rig:
        command_line.told(rig, "machine", *PROTECT)
        yield rig


def at_rest(rig, state):
    return eventually(lambda: rig.machine("web01").state == state, 60)


def test_a_late_retry_is_refused_and_one_copy_runs(rig):
    fault = simulated.Fault(method="power.start", nth=1, code="fabric-error")
    simulated.dial(host(rig, "b"), [fault])
    job = command_line.told(rig, "machine", "planned-failover", "web01", exit_code=1)
    at_rest(rig, "protected")
    eventually(lambda: copies(rig) == ["a"])
    error = command_line.refused(rig, "job", "retry", job["id"], exit_code=4)
    assert "(cancel-failover) came later" in error["message"]
    assert "secondsite machine planned-failover web01" in error["do"]
    assert copies(rig) == ["a"]
    command_line.told(rig, "machine", "planned-failover", "web01")
    assert copies(rig) == ["b"]


def test_a_vault_that_is_put_back_holds_its_job_and_the_appliances_refuse_it(rig):
    slow = simulated.Fault(method="power.shut_down", nth=1, delay_seconds=8)
    simulated.dial(host(rig, "a"), [slow])
    job = command_line.told(rig, "machine", "planned-failover", "web01", "--no-wait")["job_id"]
    eventually(lambda: [each for each in command_line.told(rig, "job", "show", job)["tasks"] if each["name"] == "Shut down" and each["started_at"]], 30)  # fmt: skip  # noqa: E501
    rig.vault.stop()
    home, backup = rig.home("vault"), rig.folder / "backup"
    shutil.copytree(home, backup)
    rig.vault.start()
    command_line.told(rig, "job", "follow", job)
    command_line.told(rig, "machine", "cancel-failover", "web01")
    assert copies(rig) == ["a"]
    rig.vault.stop()
    shutil.rmtree(home)
    shutil.copytree(backup, home)
    rig.vault.start()
    rig.wait_connected()
    assert [each["id"] for each in command_line.told(rig, "job", "list", "--state", "held")] == [job]
    assert copies(rig) == ["a"]
    command_line.told(rig, "job", "resume", job)
    ended = command_line.told(rig, "job", "follow", job, exit_code=1)
    assert ended["problem"]["code"] == "stale-order"
    assert copies(rig) == ["a"]


def test_a_machine_whose_target_died_while_it_was_shut_down_runs_again_by_itself(rig):
    slow = simulated.Fault(method="power.shut_down", nth=1, when="after", delay_seconds=3)
    simulated.dial(host(rig, "a"), [slow])
    job = command_line.told(rig, "machine", "planned-failover", "web01", "--no-wait")["job_id"]
    eventually(lambda: copies(rig) == [], 60)
    rig.appliances["b"].kill()
    eventually(lambda: command_line.told(rig, "job", "show", job)["state"] == "failed", 100)
    eventually(lambda: copies(rig) == ["a"], 25)
    at_rest(rig, "protected")
    rig.appliances["b"].start()
    eventually(lambda: rig.codes("web01") == {}, 60)


def test_protection_ends_without_a_target_that_is_gone_and_is_tidied_up_when_it_returns(rig):
    machine_id = rig.machine("web01").id
    words = ("machine", "disable-protection", "web01", "--without-site", "b")
    assert "is connected" in command_line.refused(rig, *words, exit_code=4)["message"]
    rig.appliances["b"].kill()
    eventually(lambda: not _connected(rig, "b"), 60)
    ended = command_line.told(rig, *words)
    assert any("recovery points there are lost" in task["sentence"] for task in ended["tasks"])
    assert copies(rig) == ["a"]
    replica = store(rig) / "replicas" / machine_id
    assert replica.exists()
    rig.appliances["b"].start()
    eventually(lambda: not replica.exists(), 60)
    eventually(lambda: _finished(rig, machine_id), 30)


def _connected(rig, site):
    found = command_line.told(rig, "appliance", "list")
    return any(each["connected"] for each in found if each["site"] == site)


def _finished(rig, machine_id):
    jobs = command_line.told(rig, "job", "list", "--machine", machine_id)
    return [each["state"] for each in jobs if each["verb"] == "finish_later"] == ["succeeded"]
