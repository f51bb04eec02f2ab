"""Machines of a cluster for tests."""

import uuid
from pathlib import Path

from secondsite.fabrics.pve.machines import Machines

GiB = 2**30


def config(number, **more):
    """A plain machine's definition."""
    found = {
        "smbios1": f"uuid={identity(number)}",
        "vmgenid": str(uuid.uuid4()),
        "memory": "2048",
        "cores": "2",
        "scsihw": "virtio-scsi-single",
        "scsi0": f"local-lvm:vm-{number}-disk-0,iothread=1,size=4G",
        "net0": f"virtio=BC:24:11:00:00:{number % 256:02X},bridge=vmbr0",
        "boot": "order=scsi0;net0",
    }
    found.update({key: value for key, value in more.items() if value is not None})
    return {key: value for key, value in found.items() if more.get(key, "") is not None}


def identity(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def add(cluster, number, name="web01", node="pve1", status="stopped", **more):
    """A machine with this number; its fabric id."""
    cluster.pve.add_vm(number, name, node=node, status=status, config=config(number, **more))
    return identity(number)


class Time:
    """A clock that a test sets."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


class Ticking(Time):
    """A clock by which nothing is of a moment ago."""

    def __call__(self):
        self.seconds += 6.0
        return self.seconds


def by_hand(connection):
    """Machines, and the clock by which they are looked at again."""
    clock = Time()
    return Machines(connection, clock), clock


def asked(cluster, what):
    """How often something was asked that ends so."""
    return sum(Path(path).match(f"*/{what}") for _, path, _ in cluster.pve.requests)
