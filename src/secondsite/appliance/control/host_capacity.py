"""What the host of this appliance's machines has: looked at now and then, so that no report waits for the
hypervisor."""

import os
from pathlib import Path

import structlog

from ...domain import errors
from ...fabrics.interface import Fabric
from ...ground.periodic import Every
from ...wire.common.hosts import MOST_NETWORKS, DrillSegment, HostCapacity
from ..target import SharedStoresWatch

EVERY_SECONDS = 30.0

log = structlog.get_logger(__name__)


class HostCapacityWatch(Every):
    """Looks every half a minute."""

    def __init__(
        self, fabric: Fabric, shared: SharedStoresWatch, scratch: Path, segment: str | None = None
    ) -> None:
        """`scratch`: the folder of scratch space. `segment`: the host's address on its drill segment."""
        super().__init__("host-capacity", EVERY_SECONDS, self._look, self._failed)
        self._fabric, self._shared, self._scratch, self._segment = fabric, shared, scratch, segment
        self._seen: HostCapacity | None = None

    @property
    def latest(self) -> HostCapacity | None:
        """None before the first look, and while the hypervisor does not answer."""
        now = {"signs": self._shared.signs, "proven": self._shared.proven}
        return None if self._seen is None else self._seen.model_copy(update=now)

    def start(self) -> None:
        super().start()
        self.wake()

    def _look(self) -> None:
        hosting = self._fabric.hosting
        has, has_networks = hosting.capacity(), self._fabric.properties.networks
        found = self._fabric.networks.list() if has_networks else ()
        names = sorted(each.name for each in found if each.problem is None)
        free, size = self._scratch_space()
        self._seen = HostCapacity(
            vcpus=has.vcpus,
            memory_bytes=has.memory_bytes,
            free_bytes=has.free_bytes,
            cpu_model=hosting.cpu_model(),
            networks=tuple(names[:MOST_NETWORKS]),
            segment=self._drill_segment(self._segment) if self._segment and has_networks else None,
            scratch_free_bytes=free,
            scratch_size_bytes=size,
        )

    def _scratch_space(self) -> tuple[int | None, int | None]:
        """Of its file system, in bytes: what is free, and all."""
        try:
            seen = os.statvfs(self._scratch)
        except OSError:
            return None, None
        return seen.f_bavail * seen.f_frsize, seen.f_blocks * seen.f_frsize

    def _drill_segment(self, address: str) -> DrillSegment:
        try:
            return DrillSegment(address=address, mtu=self._fabric.networks.segment_mtu(address))
        except errors.SecondsiteError as problem:
            return DrillSegment(address=address, problem=f"{problem.message} {problem.do}".rstrip())

    def _failed(self, error: Exception) -> None:
        self._seen = None
        log.warning("host.not-looked", problem=str(error))
