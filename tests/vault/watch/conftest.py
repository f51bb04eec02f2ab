"""What the vault hears is noted in a store of its own."""

import shutil

import pytest
from sqlalchemy import Engine

from secondsite.domain.policies import ReplicationPolicy
from secondsite.jobs.storage import database
from secondsite.vault.store import ApplianceRecord, SiteRecord, Store, migrate
from tests.support.vault import NOW, machine


class Clock:
    """Shows what it was set to."""

    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(fresh_store):
    """Of a vault with three sites, and a machine of the first that is protected to the second."""
    return fresh_store()


@pytest.fixture
def fresh_store(tmp_path):
    """Makes as many of them as are asked for."""
    opened: list[Engine] = []
    first = tmp_path / "first.db"
    _fill(first)

    def fresh():
        path = tmp_path / ("vault.db" if not opened else f"vault-{len(opened)}.db")
        shutil.copy(first, path)
        opened.append(database.connect(f"sqlite:///{path}"))
        return Store(opened[-1])

    yield fresh
    for db in opened:
        db.dispose()


def _fill(path):
    migrate(f"sqlite:///{path}")
    db = database.connect(f"sqlite:///{path}")
    with Store(db).transaction() as tx:
        for site in ("a", "b", "c"):
            tx.sites.add(SiteRecord(site, NOW))
            tx.appliances.put(ApplianceRecord(f"appliance-{site}", site, site, NOW, NOW, connected=True))
        tx.policies.put(ReplicationPolicy("default"))
        tx.machines.add(machine())
    db.dispose()
