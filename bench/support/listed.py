"""A vault with any number of machines within a minute: one is protected, and all others are its copies in the
database. Their appliances tell nothing of them."""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator

from bench.pair import at_work
from bench.pair.paired_vault import PairedVault
from secondsite.entry.settings import default_database
from secondsite.jobs.storage import database
from secondsite.vault.store import MachineRecord, Store, Transaction

AT_ONCE = 500


@contextlib.contextmanager
def listed(count: int) -> Iterator[PairedVault]:
    with PairedVault(1) as paired:
        at_work.enable(paired)
        paired.vault.stop()
        engine = database.connect(default_database(paired.home("vault")))
        store = Store(engine)
        for first in range(1, count, AT_ONCE):
            with store.transaction() as tx:
                _copy(tx, range(first, min(first + AT_ONCE, count)))
        engine.dispose()
        paired.vault.start()
        paired.say(f"{count} are listed")
        yield paired


def _copy(tx: Transaction, numbers: range) -> None:
    original = min(tx.machines.list(), key=lambda each: each.name)
    status = tx.statuses.get(original.id)
    assert status.source is not None
    assert status.source_at is not None
    assert status.replica is not None
    assert status.replica_at is not None
    copies = [_another(original, number) for number in numbers]
    for each in copies:
        tx.machines.add(each)
    sources = [
        (status.source.model_copy(update={"machine_id": each.id}), status.source_at) for each in copies
    ]
    replicas = [
        (status.replica.model_copy(update={"machine_id": each.id}), status.replica_at) for each in copies
    ]
    tx.statuses.put([*sources, *replicas])


def _another(original: MachineRecord, number: int) -> MachineRecord:
    return dataclasses.replace(
        original, id=uuid.uuid4().hex, name=f"server{number:05d}", source_fabric_id=str(uuid.uuid4()),
        target_fabric_id=str(uuid.uuid4()),
    )  # fmt: skip
