"""A simulated site whose appliance is a process of its own: measured alone, killed alone, in a namespace
of its own."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from rig.appliances import identity
from rig.appliances.simulated_site import SimulatedSite
from rig.asked import AskedProcess
from secondsite.wire.control import Order, Report
from secondsite.wire.control.setups import GroupShape
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus

PROGRAM = "rig.appliances.program"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site's processes run: their address, and what their commands begin with."""

    address: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()


HERE = Place()


class SiteProcess(SimulatedSite):
    """Starts at once; `close` leaves nothing behind but files."""

    def __init__(
        self, folder: Path, name: str, ca: trustme.CA, place: Place = HERE, **limits: Any
    ) -> None:  # fmt: skip
        """Site `name` in a folder of its own below this one; `limits` are settings of its appliance."""
        config = identity.settings(folder / name, name, listen_host=place.address, **limits)
        identity.issue(ca, config)
        config.save()
        super().__init__(folder / name, config)
        self._prefix = place.prefix
        try:
            self._run()
        except BaseException:
            self._demolish()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def die_and_return(self, after_seconds: float) -> None:
        """kill -9; so many seconds later it is started as an init system does, and is ready."""
        self._process.kill()
        time.sleep(after_seconds)
        self._run()

    def wait_until_dead(self, within_seconds: float = 30) -> None:
        """Raises subprocess.TimeoutExpired."""
        self._process.wait(within_seconds)

    def close(self) -> None:
        self._process.close()
        self._demolish()

    def _run(self) -> None:
        log = self.folder / "appliance.log"
        self._process = AskedProcess(PROGRAM, [self.config.home, self.root], log, prefix=self._prefix)
        self._process.wait_until_ready()

    def perform(self, order: Order) -> Report:
        return Report.model_validate(self._process.ask("perform", order=order.model_dump(mode="json")))

    def source_status(self, machine_id: str) -> SourceStatus:
        return SourceStatus.model_validate(self._process.ask("source", machine_id=machine_id))

    def replica_status(self, machine_id: str) -> ReplicaStatus:
        return ReplicaStatus.model_validate(self._process.ask("replica", machine_id=machine_id))

    def common_point(self, group: GroupShape, budget_seconds: float) -> dict[str, Any]:
        """Take a common point now; its 'set_id', the 'reason' when there is none, and 'pause_seconds'."""
        shape = group.model_dump(mode="json")
        found: dict[str, Any] = self._process.ask("common_point", group=shape, budget_seconds=budget_seconds)
        return found
