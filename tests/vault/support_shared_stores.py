"""Three hosts of a site whose stores lie side by side on one file system, without their faces."""

import contextlib
import dataclasses
from types import SimpleNamespace
from typing import Any

from secondsite.domain.lifecycle import Verb
from secondsite.ground.units import GiB
from secondsite.vault import operations
from secondsite.wire.common.hosts import HostCapacity, StoreSign
from tests.vault.support_appliances import B
from tests.vault.support_operations import OTHER_B, Verbs, add_host, folder_in_memory

NAMES = tuple(f"m{number:02d}" for number in range(10))
THIRD_B = "third-b"
TOKENS = {B: "b" * 32, OTHER_B: "c" * 32, THIRD_B: "d" * 32}
ALL = tuple(TOKENS.values())


@contextlib.contextmanager
def shared_stores():
    """Ten machines, whose replicas are at B."""
    with folder_in_memory() as folder:
        verbs = Verbs(folder, NAMES)
        for other in (OTHER_B, THIRD_B):
            add_host(verbs, B, other, 5)
        for each in TOKENS:
            has(verbs, each)
        verbs.run(Verb.ENABLE_PROTECTION, *NAMES, target_appliance=B)
        verbs.appliances.given.clear()
        yield verbs
        verbs.close()


def has(verbs, appliance, free=8 * GiB, proven=ALL):
    """What the host has, and of which stores it has read the token."""
    with verbs.store.transaction() as tx:
        capacity = HostCapacity(
            vcpus=2, memory_bytes=8 * GiB, free_bytes=free, networks=("lan",),
            signs=(StoreSign(store="default", token=TOKENS[appliance]),), proven=proven,
        )  # fmt: skip
        found = tx.appliances.find(appliance)
        tx.appliances.put(dataclasses.replace(found, capacity=capacity, store_free_bytes=5 * GiB))


def at(verbs, name):
    """The appliance that has the machine's replica."""
    return verbs.machine(name).target_appliance_id


def parts(verbs) -> Any:
    """What a noun of the facade is built on, for somebody who may do all."""
    return SimpleNamespace(
        store=verbs.store,
        gateway=verbs.appliances,
        deps=verbs.deps,
        jobs=verbs.engine,
        operations=operations.operations(verbs.deps),
        caller=SimpleNamespace(name="tester", grant=SimpleNamespace(site=None)),
        now=verbs.clock.now,
        changing=verbs.store.transaction,
        sees=lambda *_: True,
        understood=lambda *_: None,
        note=lambda *_, **__: None,
        names=lambda *_: None,
    )
