"""Hosts of the second site with a drill segment each, and machines at several of them."""

import dataclasses

from secondsite.wire.common.hosts import DrillSegment, HostCapacity
from tests.vault.support_appliances import B
from tests.vault.support_operations import OTHER_B, add_host

MEMBERS = ("10.5.0.1", "10.5.0.2")


def is_at(verbs, name, host):
    with verbs.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.find(name), target_appliance_id=host))


def has(verbs, appliance, segment):
    capacity = HostCapacity(vcpus=2, memory_bytes=2, free_bytes=1, segment=segment)
    with verbs.store.transaction() as tx:
        tx.appliances.put(dataclasses.replace(tx.appliances.find(appliance), capacity=capacity))


def share(verbs, *there):
    """Site b has a second host, at which these machines are; both have a segment."""
    add_host(verbs, B, OTHER_B, 5)
    for host, address in zip((OTHER_B, B), MEMBERS, strict=True):
        has(verbs, host, DrillSegment(address=address, mtu=1500))
    for name in there:
        is_at(verbs, name, OTHER_B)
