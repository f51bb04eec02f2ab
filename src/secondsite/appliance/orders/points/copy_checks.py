"""What would keep a copy from being made, or started: asked before it begins, not hours later."""

import os
from pathlib import Path

from ....domain import errors
from ....domain.amounts import size
from ....wire.common.machines import MachineDefinition
from ....wire.control.copies import RestoreCopy
from ...target import HostedReplica, stores
from ..context import Context
from ..networks import network_checks
from . import mounts

SPARE_BYTES = 64 * 1024 * 1024
"""What a folder keeps beyond the copy: tables, and whatever else lies there."""
HOST, OWN = Path("/proc/1/mountinfo"), Path("/proc/self/mountinfo")
"""What is mounted where, for the host and for this process: a service has a /tmp of its own. That everybody
may read; the host's files themselves, below /proc/1/root, a service with few capabilities may not."""


def free_bytes(folder: str) -> int:
    seen = os.statvfs(folder)
    return seen.f_bavail * seen.f_frsize


def require_possible(
    context: Context,
    hosted: HostedReplica,
    payload: RestoreCopy,
    definition: MachineDefinition,
) -> None:
    """Raises for whatever would keep the machine from being made, or started: hours later that is too
    late."""
    require_folder(context, payload.folder)
    for each in context.fabric.hosting.kept_out(Path(payload.folder)):
        raise errors.NotPossibleNow(each.what, do=each.do)
    require_plain(hosted, payload.unencrypted)
    if payload.network is not None:
        network_checks.require_usable(context, payload.network)
    _require_room(hosted, payload, sum(disk.size_bytes for disk in definition.disks))
    for each in context.fabric.hosting.check(definition, payload.sizing):
        if each.blocking:
            raise errors.NotPossibleNow(each.what, do=each.do)
    wanted, free = payload.sizing.memory_bytes or definition.memory_bytes, _free_memory(context)
    if payload.start and wanted > free:
        raise errors.NotPossibleNow(
            f"{payload.name} needs {size(wanted)} of memory, and this host has {size(free)} left.",
            do="Leave '--start' out, or make room: shut a machine down here.",
        )


def _free_memory(context: Context) -> int:
    return context.fabric.hosting.capacity().free_bytes


def require_folder(context: Context, named: str) -> None:
    """Raises NotFound, NotPossibleNow unless it is a folder of the host that is nobody's of ours."""
    folder = Path(named)
    if not folder.is_absolute() or not _is_the_hosts(folder):
        raise errors.NotFound(
            f"{folder} is no folder of this host.",
            do="Give the absolute path of one that is there, such as /var/lib/libvirt/images. The service of "
            "the appliance has a /tmp and a /var/tmp of its own.",
        )
    own = {root.resolve() for root in context.parts.config.all_stores.values()}
    store = stores.around(folder / "disk", own | {context.parts.config.home.resolve()})
    if store is not None:
        raise errors.NotPossibleNow(
            f"{folder} lies in {store}, in which nothing but what is the appliance's may lie.",
            do="Give a folder outside of all stores.",
        )


def _is_the_hosts(folder: Path) -> bool:
    """Whether it is a folder, and the host's too, so that a hypervisor finds what lies in it."""
    try:
        here = folder.resolve(strict=True)
        if not here.is_dir():
            return False
    except OSError:
        return False
    try:
        return mounts.place(here, OWN.read_text()) == mounts.place(here, HOST.read_text())
    except OSError:  # a host that hides its processes: nothing can be said
        return True


def require_plain(hosted: HostedReplica, unencrypted: bool) -> None:
    """Raises NotPossibleNow for an encrypted replica, of which nobody said that its files may be plain."""
    if hosted.replica.state.key_id is not None and not unencrypted:
        raise errors.NotPossibleNow(
            f"The replica of {hosted.setup.machine_name} is encrypted, and the files of a copy are not.",
            do="Give '--unencrypted' if that may be so, and a folder that is encrypted otherwise.",
        )


def _require_room(hosted: HostedReplica, payload: RestoreCopy, whole_bytes: int) -> None:
    """The replica's files hold at least what the copy will: all points are in them."""
    needed = min(whole_bytes, hosted.status().store_bytes) + SPARE_BYTES
    free = free_bytes(payload.folder)
    if free < needed:
        raise errors.NotPossibleNow(
            f"{payload.folder} has {size(free)} left, and the copy may need {size(needed)}.",
            do="Make room there, or give another folder.",
        )
