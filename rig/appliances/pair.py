"""A machine that is protected from one site to another by orders alone, as the vault would give them."""

import uuid
from typing import Any, Generic, Self, TypeVar

from rig.appliances.simulated_site import SimulatedSite
from rig.eventually import eventually
from secondsite.wire.common.machines import MachineDefinition
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import Drain, Kind, RemoveReplica, RunCycle, StopReplication
from secondsite.wire.control.setups import ReplicaSetup, SourceSetup
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus

AnySite = TypeVar("AnySite", bound=SimulatedSite)
SYNCHRONIZED_SECONDS = 20


def policy(**changes: Any) -> PolicyShape:
    """Cycles three times a second; points on order only, kept for an hour."""
    values = {
        "name": "test",
        "rpo_threshold_seconds": 60,
        "retention_seconds": 3600,
        "crash_consistent_every_seconds": 3600,
        "app_consistent_every_seconds": 0,
        "cycle_seconds": 0.3,
    }
    return PolicyShape(**{**values, **changes})


class Pair(Generic[AnySite]):
    """The machine `fabric_id` of the site `source`, and its replica at `target`."""

    def __init__(
        self, source: AnySite, target: AnySite, fabric_id: str, machine_id: str | None = None,
        name: str = "web01"
    ) -> None:  # fmt: skip
        self.source, self.target = source, target
        self.fabric_id, self.name = fabric_id, name
        self.machine_id = machine_id or uuid.uuid4().hex
        self.epoch = 1

    # -- protection ------------------------------------------------------------------------------------

    def definition(self) -> MachineDefinition:
        return self.source.definition(self.fabric_id)

    def replica_setup(self, **changes: Any) -> ReplicaSetup:
        definition = changes.pop("definition", None) or self.definition()
        values = {
            "machine_id": self.machine_id, "machine_name": self.name, "epoch": self.epoch,
            "definition": definition,
            "disks": tuple(disk.key for disk in definition.disks),
            "source_appliance_id": self.source.appliance_id,
            "policy": policy(),
        }  # fmt: skip
        return ReplicaSetup(**{**values, **changes})

    def source_setup(self, **changes: Any) -> SourceSetup:
        values = {
            "machine_id": self.machine_id, "machine_name": self.name, "fabric_id": self.fabric_id,
            "epoch": self.epoch, "disks": tuple(disk.key for disk in self.definition().disks),
            "target_appliance_id": self.target.appliance_id, "target_addresses": (self.target.data_address,),
            "policy": policy(), "sync": SyncMode.COPY,
        }  # fmt: skip
        return SourceSetup(**{**values, **changes})

    def protect(self, **changes: Any) -> Self:
        """Prepare the replica and begin; `changes` are of the source's setup."""
        self.target.do(Kind.PREPARE_REPLICA, self.replica_setup(), self.machine_id)
        self.source.do(Kind.START_REPLICATION, self.source_setup(**changes), self.machine_id)
        return self

    def synchronized(self, within_seconds: float = SYNCHRONIZED_SECONDS) -> Self:
        """The target has a point, and the source knows that it has."""
        eventually(lambda: self.status().synchronized and self.source_status().last_seq, within_seconds)
        return self

    def pause(self) -> None:
        """The loop rests; what comes are the cycles that are ordered."""
        self.source.do(Kind.PAUSE_REPLICATION, None, self.machine_id)

    def forget(self) -> None:
        """End the protection; the replica's files go."""
        self.source.do(Kind.STOP_REPLICATION, StopReplication(forget=True), self.machine_id)
        self.target.do(Kind.REMOVE_REPLICA, RemoveReplica(), self.machine_id)

    # -- what came of it -------------------------------------------------------------------------------

    def status(self) -> ReplicaStatus:
        return self.target.replica_status(self.machine_id)

    def source_status(self) -> SourceStatus:
        return self.source.source_status(self.machine_id)

    def cycle_now(self, seal: bool = False, **wish: Any) -> dict[str, Any]:
        """One cycle, processed at the target; its facts. `seal`: whatever was processed has its point
        then."""
        facts = self.source.do(Kind.RUN_CYCLE, RunCycle(**wish), self.machine_id, deadline_seconds=60)
        drain = Drain(seal=seal, at_least_seq=facts["seq"])
        self.target.do(Kind.DRAIN, drain, self.machine_id, deadline_seconds=60)
        return facts

    def point_now(self, **wish: Any) -> str:
        """A cycle with a point, processed at the target; the point's id."""
        point_id: str = self.cycle_now(**wish)["point_id"]
        assert point_id in [point.id for point in self.status().points]
        return point_id

    def point_bytes(self, point_id: str, key: str = "vda") -> bytes:
        """A disk at a point, read by plain qemu-img."""
        return self.target.point_bytes(self.machine_id, point_id, key)


class EncryptedPair(Pair[AnySite]):
    """Its replica is encrypted with the key that the target has."""

    def replica_setup(self, **changes: Any) -> ReplicaSetup:
        return super().replica_setup(**{"encrypted": True, **changes})
