"""An appliance whose key counts no more loses its connection to another vault process, whatever that hears
of it."""

import pytest

from secondsite.jobs.storage.lease import Member
from secondsite.vault.store import Store
from tests.support.vault import VaultInProcess, request_for

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]


@pytest.fixture
def vault(tmp_path, postgres_url):
    vault = VaultInProcess(tmp_path / "vault", postgres_url)
    yield vault
    vault.close()


@pytest.fixture
def there(vault):
    """An appliance that is connected to another process, and what is recorded of that."""
    appliance = vault.enroll("a", "one")
    lease = vault.running._engine.member  # noqa: SLF001 any lease will do
    elsewhere = Store(vault._db, lambda: lease)  # noqa: SLF001 as the other process writes
    assert isinstance(lease, Member)
    with elsewhere.transaction() as tx:
        tx.links.take(appliance.id)

    def recorded():
        with elsewhere.reading() as tx:
            return list(tx.links.mine())

    assert recorded() == [appliance.id]
    return appliance, recorded


def test_a_deleted_one(vault, there):
    appliance, recorded = there
    assert vault.rest.delete(f"/api/appliances/{appliance.id}").status_code == 204
    assert recorded() == []


def test_one_whose_key_was_refused_at_once(vault, there):
    appliance, recorded = there
    path = f"/api/appliances/{appliance.id}/registration-key"
    assert vault.rest.post(path, json={}).status_code == 201
    assert recorded() == [appliance.id]
    assert vault.rest.post(path, json={"refuse_now": True}).status_code == 201
    assert recorded() == []
    assert vault.rest.get(f"/api/appliances/{appliance.id}").json()["connected"] is False


def test_one_whose_place_was_taken(vault, there):
    appliance, recorded = there
    key = vault.rest.post(f"/api/appliances/{appliance.id}/registration-key", json={}).json()["key"]
    _, csr = request_for("one")
    answer = vault.rest.post("/api/enroll", json={"key": key, "name": "one", "csr_pem": csr})
    assert answer.json()["appliance_id"] == appliance.id
    assert recorded() == []
