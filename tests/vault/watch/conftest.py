"""What the vault hears is noted in a store of its own."""

import pytest

from secondsite.domain.policies import ReplicationPolicy
from secondsite.jobs.storage import database
from secondsite.vault import ports
from secondsite.vault.store import SqlStore, migrate
from tests.support.vault import NOW, machine


@pytest.fixture
def store(tmp_path):
    """Of a vault with three sites, and a machine of the first that is protected to the second."""
    url = f"sqlite:///{tmp_path / 'vault.db'}"
    migrate(url)
    db = database.connect(url)
    store = SqlStore(db)
    with store.transaction() as tx:
        for site in ("a", "b", "c"):
            tx.sites.add(ports.SiteRecord(site, NOW))
            tx.appliances.put(
                ports.ApplianceRecord(f"appliance-{site}", site, site, NOW, NOW, connected=True)
            )
        tx.policies.put(ReplicationPolicy("default"))
        tx.machines.add(machine())
    yield store
    db.dispose()
