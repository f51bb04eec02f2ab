"""Two sites on simulated fabrics, each with an appliance, and hands to play guest, operator and vault."""

import os
import random
import socket
import subprocess
import uuid
from pathlib import Path

import trustme

from secondsite.appliance import custody
from secondsite.appliance.appliance import Appliance
from secondsite.appliance.config import ApplianceConfig
from secondsite.appliance.custody import Custody
from secondsite.domain.units import MiB
from secondsite.fabrics import simulated
from secondsite.wire.bandwidth import BandwidthShape
from secondsite.wire.control import Order
from secondsite.wire.orders import Drain, Kind, RunCycle
from secondsite.wire.replication import PolicyShape, ReplicaSetup, SourceSetup, SyncMode
from tests.support.eventually import eventually

DISK_BYTES = 8 * MiB


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def policy(**changes):
    values = {
        "name": "test",
        "rpo_threshold_seconds": 60,
        "retention_seconds": 3600,
        "crash_consistent_every_seconds": 3600,
        "app_consistent_every_seconds": 0,
        "cycle_seconds": 0.3,
    }
    return PolicyShape(**{**values, **changes})


class Site:
    """One site: a folder, a fabric, an appliance that can be stopped and started again."""

    def __init__(self, folder: Path, name: str, ca: trustme.CA, **limits):
        self.folder, self.name, self.limits = folder / name, name, limits
        self.appliance_id = f"appliance-{name}"
        self.port = free_port()
        self.root = self.folder / "host"
        self.fabric = simulated.open_fabric(self.root)
        self.custody = Custody()
        self.appliance = None
        self.config = self._config()
        tls = self.config.home / "tls"
        tls.mkdir(parents=True, exist_ok=True)
        issued = ca.issue_cert(f"{name}.test", common_name=self.appliance_id)
        ca.cert_pem.write_to_path(str(self.config.ca))
        issued.private_key_pem.write_to_path(str(self.config.key))
        self.config.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))

    def _config(self):
        values = {"store": self.folder / "store", "scratch": self.folder / "scratch", **self.limits}
        return ApplianceConfig(
            appliance_id=self.appliance_id, name=self.name, site=self.name, home=self.folder / "home",
            listen_host="127.0.0.1", listen_port=self.port, peer_idle_seconds=5, **values,
        )  # fmt: skip

    def start(self, **changes):
        self.config = self.config.model_copy(update=changes)
        self.appliance = Appliance(self.config, self.fabric, self.custody)
        self.appliance.start()
        return self

    def keep_key(self, path):
        """From the next start on the site has this key, or none if there is no such file."""
        self.custody = custody.take(path)
        self.fabric = simulated.open_fabric(self.root, key=self.custody.key)

    def stop(self):
        if self.appliance is not None:
            self.appliance.stop(10)
            self.appliance = None

    def end(self):
        """Nothing of the site stays behind."""
        self.stop()
        self.fabric.close()
        simulated.demolish(self.root)

    def limit(self, bytes_per_second):
        """The site sends no faster from now on; None: without a limit."""
        self.appliance.bandwidth.set(BandwidthShape(bytes_per_second=bytes_per_second))

    # -- the vault's hand ------------------------------------------------------------------------------

    def order(self, kind: Kind, payload=None, machine_id=None, order_id=None, deadline_seconds=30):
        """Gives the report, whatever it says."""
        body = payload.model_dump(mode="json") if payload is not None else {}
        return self.appliance.perform(
            Order(
                order_id=order_id or uuid.uuid4().hex, kind=kind, machine_id=machine_id, payload=body,
                deadline_seconds=deadline_seconds,
            )
        )  # fmt: skip

    def do(self, kind: Kind, payload=None, machine_id=None, **more):
        """Gives the facts; fails on a problem."""
        report = self.order(kind, payload, machine_id, **more)
        assert report.problem is None, report.problem
        return report.facts

    # -- the owner's and the guest's hands -------------------------------------------------------------

    def make_machine(self, name="web01", disks=1, size_bytes=DISK_BYTES, running=True, **traits):
        fabric_id = simulated.make_machine(self.root, name, [size_bytes] * disks, networks=["lan"], **traits)
        if running:
            self.fabric.power.start(fabric_id)
        return fabric_id

    def write(self, fabric_id, offset, data, key="vda"):
        with simulated.Guest(self.root, fabric_id) as guest:
            for at in range(0, len(data), 4 * MiB):
                guest.write(key, offset + at, data[at : at + 4 * MiB])
            guest.flush(key)

    def read(self, fabric_id, key="vda"):
        """The whole disk as the guest of a running machine sees it."""
        with simulated.Guest(self.root, fabric_id) as guest:
            size_bytes = guest.size_bytes(key)
            return b"".join(
                guest.read(key, at, min(4 * MiB, size_bytes - at)) for at in range(0, size_bytes, 4 * MiB)
            )

    def disk_path(self, fabric_id, key="vda"):
        disks = self.fabric.inventory.get(fabric_id).definition.disks
        return next(Path(disk.path) for disk in disks if disk.key == key)

    # -- what the replica holds ------------------------------------------------------------------------

    def replica(self, machine_id):
        return self.appliance.host.get(machine_id)

    def point_bytes(self, machine_id, point_id, key="vda"):
        """The disk at a point, read by plain qemu-img."""
        folder = self.config.store / "replicas" / machine_id
        record = self.replica(machine_id).record(point_id)
        file = next(disk.file for disk in record.manifest.disks if disk.key == key)
        return raw(folder / file)


def raw(path):
    out = Path(path).with_name(f"raw-{uuid.uuid4().hex}")
    command = ["qemu-img", "convert", "-U", "-O", "raw", str(path), str(out)]
    subprocess.run(command, check=True, timeout=60)
    try:
        return out.read_bytes()
    finally:
        out.unlink()


def noise(count, seed=None):
    return random.Random(seed).randbytes(count) if seed is not None else os.urandom(count)


class Pair:
    """A machine that is protected from one site to the other."""

    def __init__(self, source: Site, target: Site, fabric_id, machine_id=None, name="web01"):
        self.source, self.target = source, target
        self.fabric_id, self.name = fabric_id, name
        self.machine_id = machine_id or uuid.uuid4().hex
        self.epoch = 1

    def definition(self):
        return self.source.fabric.inventory.get(self.fabric_id).definition

    def replica_setup(self, **changes):
        definition = changes.pop("definition", None) or self.definition()
        values = {
            "machine_id": self.machine_id, "machine_name": self.name, "epoch": self.epoch, "definition": definition,
            "disks": tuple(disk.key for disk in definition.disks), "source_appliance_id": self.source.appliance_id,
            "policy": policy(),
        }  # fmt: skip
        return ReplicaSetup(**{**values, **changes})

    def source_setup(self, **changes):
        values = {
            "machine_id": self.machine_id, "machine_name": self.name, "fabric_id": self.fabric_id,
            "epoch": self.epoch, "disks": tuple(disk.key for disk in self.definition().disks),
            "target_appliance_id": self.target.appliance_id, "target_addresses": (f"127.0.0.1:{self.target.port}",),
            "policy": policy(), "sync": SyncMode.COPY,
        }  # fmt: skip
        return SourceSetup(**{**values, **changes})

    def protect(self, **changes):
        self.target.do(Kind.PREPARE_REPLICA, self.replica_setup(), self.machine_id)
        self.source.do(Kind.START_REPLICATION, self.source_setup(**changes), self.machine_id)
        return self

    def synchronized(self, within_seconds=20):
        """The target has a point, and the source knows that it has."""
        eventually(lambda: self.status().synchronized and self.source_status().last_seq, within_seconds)
        return self

    def status(self):
        return self.target.replica(self.machine_id).status()

    def source_status(self):
        return self.source.appliance.replication.get(self.machine_id).status()

    def point_now(self, **wish):
        """A cycle with a point, processed at the target; its id."""
        fact = self.source.do(Kind.RUN_CYCLE, RunCycle(**wish), self.machine_id)
        self.target.do(Kind.DRAIN, Drain(seal=False, at_least_seq=fact["seq"]), self.machine_id)
        assert fact["point_id"] in [point.id for point in self.status().points]
        return fact["point_id"]
