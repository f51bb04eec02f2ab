"""A machine of site a that is measured while it is replicated to site b."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.errors import NotMeasured
from rig.appliances import Pair, SiteProcess, TwoSites
from secondsite.fabrics import simulated
from secondsite.wire.common.policies import PolicyShape

POLL_SECONDS = 0.02


class Machine(Pair[SiteProcess]):
    """A Pair that has a new id each time it is protected."""

    def __init__(
        self, sites: TwoSites, name: str, disks_bytes: Sequence[int],
        content: Callable[[Path], None] | None = None
    ) -> None:  # fmt: skip
        """`content` gets the path of the first disk while the machine is off."""
        fabric_id = simulated.make_machine(sites.a.root, name, disks_bytes)
        super().__init__(sites.a, sites.b, fabric_id, name=name)
        if content is not None:
            content(self.disk)
        sites.a.fabric.power.start(fabric_id)

    @property
    def disk(self) -> Path:
        return self.source.disk_path(self.fabric_id)

    def replicate(self, policy: PolicyShape) -> None:
        """Prepare a new replica and begin; `wait_for_point` waits for the end of initial replication."""
        self.machine_id = uuid.uuid4().hex
        self.protect(policy=policy)

    def cycle_with_point(self) -> dict[str, Any]:
        """One cycle, applied and its point sealed; the cycle's facts."""
        return self.cycle_now(seal=True)

    def wait_for_point(self, within_seconds: float = 90) -> None:
        """Return when the first point is sealed at the target."""
        deadline = time.monotonic() + within_seconds
        while not self.status().synchronized:
            if time.monotonic() > deadline:
                raise NotMeasured(
                    f"{self.name} was not synchronized in {within_seconds} s: {self.source_status()}"
                )
            time.sleep(POLL_SECONDS)
