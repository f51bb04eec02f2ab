"""An appliance is not deleted while something has to be done there: the copy that its host starts would
run unseen."""

import pytest

from rig.eventually import eventually
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, VaultInProcess, machine

pytestmark = pytest.mark.slow


@pytest.fixture
def vault(tmp_path):
    vault = VaultInProcess(tmp_path / "vault")
    yield vault
    vault.close()


def test_an_appliance_that_a_job_waits_for_is_deleted_once_that_is_given_up(vault):
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
    done = {Kind.STOP_REPLICATION.value: lambda _order: {"sentence": "done"}}
    with Dialler(source, done):
        body = {"machines": ["web01"], "without_site": "b"}
        ended = vault.rest.post("/api/machines/disable-protection", json=body)
        assert ended.status_code == 202, ended.text
        eventually(lambda: vault.rest.get("/api/machines/web01").status_code == 404)
    refused = vault.rest.delete(f"/api/appliances/{target.id}")
    assert refused.status_code == 409
    [job] = vault.rest.get("/api/jobs", params={"verb": "finish_later"}).json()["items"]
    assert job["id"][:10] in refused.json()["error"]["do"]
    body = {"name": "night-shift", "roles": ["operator"]}
    operator = {"Authorization": f"Bearer {vault.rest.post('/api/tokens', json=body).json()['token']}"}
    # or an operator would leave, for good, what a contributor's decision left for later
    forbidden = vault.rest.post(f"/api/jobs/{job['id']}/cancel", headers=operator)
    assert (forbidden.status_code, "give_up" in forbidden.text) == (403, True)
    assert vault.rest.post(f"/api/jobs/{job['id']}/cancel").status_code < 300
    eventually(lambda: vault.rest.delete(f"/api/appliances/{target.id}").status_code == 204)
