"""A simulated site whose appliance runs in this process: seams can be armed, parts looked at, clocks
given."""

from pathlib import Path
from typing import Any, Self

import trustme

from rig.appliances import identity
from rig.appliances.simulated_site import SimulatedSite
from secondsite.appliance.process import Appliance
from secondsite.appliance.shared.config import ApplianceConfig
from secondsite.appliance.target import key_change
from secondsite.appliance.target.key_change import Custody
from secondsite.appliance.target.replica import HostedReplica
from secondsite.datapath.errors import StorageDaemonGone
from secondsite.fabrics import simulated
from secondsite.wire.common.bandwidth import BandwidthShape
from secondsite.wire.control import Order, Report
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus

PEER_IDLE_SECONDS = 5
STOP_SECONDS = 10
DROP_SECONDS = 60


class Site(SimulatedSite):
    """`start` and `stop` the appliance at will; `end` leaves nothing behind but files."""

    def __init__(self, folder: Path, config: ApplianceConfig) -> None:
        super().__init__(folder, config)
        self.custody = Custody()
        self._appliance: Appliance | None = None

    @classmethod
    def issued(cls, folder: Path, name: str, ca: trustme.CA, **limits: Any) -> Self:
        """Site `name` in a folder of its own below this one; `limits` are settings of its appliance."""
        values = {"peer_idle_seconds": PEER_IDLE_SECONDS, **limits}
        config = identity.settings(folder / name, name, **values)
        identity.issue(ca, config)
        return cls(folder / name, config)

    @property
    def appliance(self) -> Appliance:
        """The one that runs."""
        assert self._appliance is not None, f"{self.appliance_id} is not started"
        return self._appliance

    def start(self, **changes: Any) -> Self:
        """With these settings changed, from now on."""
        self.config = self.config.model_copy(update=changes)
        self._appliance = Appliance(self.config, self.fabric, self.custody)
        self._appliance.start()
        return self

    def stop(self) -> None:
        """Harmless when repeated."""
        if self._appliance is not None:
            self._appliance.stop(STOP_SECONDS)
            self._appliance = None

    def restart(self, **changes: Any) -> Self:
        """With these settings changed, from now on."""
        self.stop()
        return self.start(**changes)

    def end(self) -> None:
        self.stop()
        self._demolish()

    def keep_key(self, path: Path) -> None:
        """From the next start on the site has this key, or none if there is no such file."""
        self.custody = key_change.take(path)
        self.fabric = simulated.open_fabric(self.root, key=self.custody.key)

    def limit(self, bytes_per_second: int | None) -> None:
        """The site sends no faster from now on; None: without a limit."""
        self.appliance.bandwidth.set(BandwidthShape(bytes_per_second=bytes_per_second))

    @property
    def connected(self) -> bool:
        """Whether a vault has welcomed the appliance, and the connection stands."""
        return self.appliance.control is not None and self.appliance.control.connected.is_set()

    def perform(self, order: Order) -> Report:
        return self.appliance.perform(order)

    def source_status(self, machine_id: str) -> SourceStatus:
        return self.appliance.replication.get(machine_id).status()

    def replica_status(self, machine_id: str) -> ReplicaStatus:
        return self.replica(machine_id).status()

    def replica(self, machine_id: str) -> HostedReplica:
        """What the appliance holds of a machine; raises NotFound."""
        return self.appliance.host.get(machine_id)

    def drop(self, machine_id: str, point_id: str) -> None:
        """Drop a point as retention does it: again when the storage daemon died meanwhile."""
        hosted = self.replica(machine_id)
        with hosted.lock("dropping a point", DROP_SECONDS):
            try:
                hosted.replica.drop(point_id)
            except StorageDaemonGone:
                hosted.replica.drop(point_id)
            hosted.refresh()
