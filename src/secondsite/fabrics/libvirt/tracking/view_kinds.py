"""The ways to freeze a view of a running machine, and which one a machine gets: libvirt's backup job, or a
filter, which cannot hurt the guest. A filter needs a newer QEMU, and plain disks: only libvirt gives QEMU the
secrets for scratch files of encrypted ones. A live migration waits for a backup job, but runs in vain while
there is a filter; so machines whose disks other hosts reach get backup jobs, unless filters are wanted."""

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ....domain import errors
from ..host import connection, domain_xml, monitor
from . import (
    AUTOMATIC,
    BACKUP_JOB,
    backup_job,
    filter_view,
    filters,
    iothreads,
    shared_storage,
    view_plan,
)
from .job_lifeline import Rescue
from .scratch_folders import ScratchFolders
from .view_plan import ViewPlan

FILTER = "filter"


class Ending(Protocol):
    """The end of one view, by whichever thread comes first."""

    def end(self) -> None: ...


class ViewKind(Protocol):
    """How a view is opened and ended. `changed` names the bitmap in its exports of what changed since the
    base."""

    name: str
    changed: str
    most_connections: int
    needs_checkpoints: bool
    """Whether libvirt must know the checkpoint of the base."""

    def socket(self, fabric_id: str) -> Path: ...

    def begin(self, plan: ViewPlan) -> tuple[datetime, float]:
        """Opens the view: its instant, and the seconds for which the guest's disks may have paused."""

    def ending(self, domain: Any) -> Ending: ...

    def rescue(self, domain: Any) -> Rescue:
        """How a process without a driver ends the view; raises FabricError if it could not."""


class BackupJobs:
    name, changed, needs_checkpoints = BACKUP_JOB, backup_job.CHANGED, True
    most_connections = backup_job.MOST_CONNECTIONS

    def __init__(self, hypervisor: connection.Hypervisor, sockets: Callable[[], Path]) -> None:
        self._hypervisor, self._sockets = hypervisor, sockets

    def socket(self, fabric_id: str) -> Path:
        return self._sockets() / f"{fabric_id}.sock"

    def begin(self, plan: ViewPlan) -> tuple[datetime, float]:
        return backup_job.begin(plan)

    def ending(self, domain: Any) -> Ending:
        return backup_job.JobEnd(domain, self._sockets())

    def rescue(self, domain: Any) -> Rescue:
        return backup_job.rescue(self._hypervisor, domain, self._sockets())


class FilterViews:
    name, changed, needs_checkpoints = FILTER, filters.DELTA, False
    most_connections = filter_view.MOST_CONNECTIONS

    def __init__(
        self,
        hypervisor: connection.Hypervisor,
        sockets: Callable[[], Path],
        notes: Path,
        leading: Path,
    ) -> None:
        self._hypervisor, self._sockets = hypervisor, sockets
        self._notes, self._folders, self._leading = notes, ScratchFolders(), leading

    def socket(self, fabric_id: str) -> Path:
        return self._sockets() / f"{fabric_id}.view"

    def begin(self, plan: ViewPlan) -> tuple[datetime, float]:
        return filter_view.begin(plan, self._leading / plan.request.fabric_id)

    def ending(self, domain: Any) -> Ending:
        fabric_id = domain.UUIDString()
        return filter_view.FilterEnd(domain, self._leading / fabric_id, lambda: self._answers(fabric_id))

    def _answers(self, fabric_id: str) -> bool:
        folder = view_plan.noted_scratch(self._notes, fabric_id)
        return folder is None or self._folders.answers(folder)

    def rescue(self, domain: Any) -> Rescue:
        return filter_view.rescue(self._hypervisor, domain, self._leading / domain.UUIDString())


class ViewKinds:
    """Which kind of view a machine gets: the `preferred` one wherever that is possible, automatic: whichever
    suits it. `notes` is the folder where the folders of scratch files are noted, `leading` that for places of
    `filters.alone`."""

    def __init__(
        self,
        hypervisor: connection.Hypervisor,
        sockets: Callable[[], Path],
        preferred: str,
        notes: Path,
        leading: Path,
    ) -> None:
        self._hypervisor = hypervisor
        self._jobs = BackupJobs(hypervisor, sockets)
        self._filters = FilterViews(hypervisor, sockets, notes, leading)
        self._preferred = preferred
        self._versions: dict[tuple[str, int], tuple[int, int]] = {}
        self._looked_at: set[tuple[str, int]] = set()

    def of(self, domain: Any, disks: Sequence[domain_xml.Disk]) -> tuple[ViewKind, str | None]:
        """The kind for these disks of a running machine, and why it is not the preferred one. Raises
        FabricError if there is none."""
        if unkept := [disk.key for disk in disks if not disk.keeps_bitmaps]:
            self._require_filters(domain)
            forced = f"{', '.join(unkept)}: no bitmap is kept in such a disk"
            return self._filters, forced if self._preferred == BACKUP_JOB else None
        if self._preferred == BACKUP_JOB:
            return self._jobs, None
        against = self._against_filters(domain, disks)
        return (self._filters, None) if against is None else (self._jobs, against)

    def _require_filters(self, domain: Any) -> None:
        if self._version(domain) < filter_view.SINCE:
            raise errors.FabricError(
                f"'{domain.name()}' has disks that keep no bitmaps (raw, qcow2 version 2), and its QEMU is "
                "too old to freeze these.",
                do="Shut it down and start it, if a newer QEMU is installed; or convert the disks to qcow2 "
                "version 3.",
            )

    def _against_filters(self, domain: Any, disks: Sequence[domain_xml.Disk]) -> str | None:
        """Why filters cannot view disks that keep bitmaps; None if they can."""
        if encrypted := [disk.key for disk in disks if disk.encrypted]:
            return f"{', '.join(encrypted)}: only libvirt gives QEMU the secrets of encrypted disks"
        if self._version(domain) < filter_view.SINCE:
            return f"its QEMU is older than {'.'.join(map(str, filter_view.SINCE))}"
        return self._against_automatic(disks) if self._preferred == AUTOMATIC else None

    def _against_automatic(self, disks: Sequence[domain_xml.Disk]) -> str | None:
        """Why a filter does not suit these disks."""
        shared = [disk.key for disk in disks if shared_storage.is_shared(Path(disk.path))]
        return f"{shared[0]}: other hosts reach it, and a live migration waits for this" if shared else None

    def follow_unkept(self, disks: Sequence[domain_xml.Disk]) -> bool:
        """Whether disks of one machine may be such as keep no bitmaps, which a backup job needs; `disks` are
        all that are asked about."""
        if any(disk.encrypted for disk in disks):
            return False
        return iothreads.version_of_host(self._hypervisor.handle) >= filter_view.SINCE

    def end_left_over(self, domain: Any, *, surely: bool = False) -> None:
        """Ends a filter view that another process of ours left in this QEMU; looks once for each QEMU, or
        `surely`."""
        process = (domain.UUIDString(), domain.ID())
        if surely or process not in self._looked_at:
            self._filters.ending(domain).end()
            self._looked_at.add(process)

    def _version(self, domain: Any) -> tuple[int, int]:
        process = (domain.UUIDString(), domain.ID())
        if process not in self._versions:
            with contextlib.suppress(errors.FabricError):
                told = monitor.execute(domain, "query-version")["qemu"]
                self._versions[process] = (told["major"], told["minor"])
        return self._versions.get(process, (0, 0))
