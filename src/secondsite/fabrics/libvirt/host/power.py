"""Starts, shuts down and stops machines. Each act looks first, so it can be repeated."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import libvirt

from ....datapath.disks import image_locks
from ....domain import errors, shell
from ...interface import PowerState, Progress, untold
from . import connection, domain_xml, emulator, inventory, migration_marks, saved_memory, states, tagging

POLL_SECONDS = 0.1
ASK_AGAIN_SECONDS = 10.0
START_SECONDS = 120.0
HALFWAY_SECONDS = 8.0
STOP_SECONDS = 11.0  # libvirt itself kills an unresponsive QEMU after ten
CUT_SECONDS = 8.0
BITMAP_SECONDS = 1.0


class Power:
    def __init__(self, hypervisor: connection.Hypervisor, away: migration_marks.MigrationMarks) -> None:
        self._hypervisor = hypervisor
        self._away = away
        self._starting: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def state(self, fabric_id: str) -> PowerState:
        domain = self._hypervisor.find(fabric_id)
        found = PowerState.MISSING
        with contextlib.suppress(errors.NotFound):
            if domain is not None:
                found = inventory.power_of(domain)
            if found is PowerState.OFF:
                return _at_rest(domain, self._away)
        self._away.returned(fabric_id)
        return found

    def cannot_start(self, fabric_id: str) -> None:
        """It can be tried."""

    def starts_with_host(self, fabric_id: str) -> bool:
        domain = self._hypervisor.domain(fabric_id)
        return bool(connection.call("reading autostart", domain.autostart))

    def forbid_start(self, fabric_id: str, tag: str) -> None:
        tagging.forbid_start(self._hypervisor.domain(fabric_id), tag)

    def allow_start(self, fabric_id: str, tag: str, *, with_host: bool) -> None:
        tagging.allow_start(self._hypervisor.domain(fabric_id), tag, with_host=with_host)

    def stays_defined(self, fabric_id: str) -> bool:
        domain = self._hypervisor.find(fabric_id)
        return domain is None or bool(connection.call("reading a machine", domain.isPersistent))

    def start(self, fabric_id: str, progress: Progress = untold) -> None:
        """Starts an off machine, unless its start is forbidden; one that its owner paused stays as it is.
        Raises NotFound, FabricError, DeadlineExceeded.

        Just after a driver was opened, libvirt's state of a machine can be outdated, so only a successful
        act or a running machine ends the attempt. A machine stuck in the middle of its start gets some
        time; then, if it is ours, its QEMU is killed and started again, because its guest never ran."""
        with self._alone(fabric_id):
            domain = self._hypervisor.domain(fabric_id)
            _require_allowed(domain)
            deadline = time.monotonic() + START_SECONDS
            patience = time.monotonic() + HALFWAY_SECONDS
            while not _tried_to_run(domain):
                now = time.monotonic()
                if now > patience and _is_halfway(domain):
                    self._start_over(domain)
                elif now > deadline:
                    raise errors.DeadlineExceeded(
                        f"The machine '{domain.name()}' did not start within {START_SECONDS:.0f} s.",
                        do=(
                            "Look at its state with 'virsh domstate --reason' and at its QEMU log, then "
                            "retry."
                        ),
                    )
                time.sleep(POLL_SECONDS)

    def shut_down(self, fabric_id: str, grace_seconds: float) -> bool:
        """Presses the power button, again every ten seconds, because a booting guest misses it. A machine
        that somebody paused meanwhile is not resumed."""
        domain = self._hypervisor.domain(fabric_id)
        deadline = time.monotonic() + grace_seconds
        ask_at = 0.0
        while inventory.power_of(domain) is not PowerState.OFF:
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= ask_at:
                _unless_pointless(f"shutting down '{domain.name()}'", domain.shutdown)
                ask_at = now + ASK_AGAIN_SECONDS
            time.sleep(min(POLL_SECONDS, max(0.0, deadline - now)))
        return True

    def stop(self, fabric_id: str) -> None:
        """Cuts the power. A QEMU of ours that does not end, or whose machine stays locked, is killed after
        some seconds."""
        domain = self._hypervisor.find(fabric_id)
        if domain is None or inventory.power_of(domain) is PowerState.OFF:
            return
        root = self._root_of_ours(domain)
        seconds = connection.CALL_SECONDS if root is None else STOP_SECONDS
        try:
            _unless_pointless(f"stopping '{domain.name()}'", domain.destroy, seconds)
        except errors.DeadlineExceeded:
            if root is None:
                raise
            _cut(root, domain)

    @contextlib.contextmanager
    def _alone(self, fabric_id: str) -> Iterator[None]:
        """Allow one start of a machine at a time: a second one would mistake the first for a stuck start."""
        with self._lock:
            lock = self._starting.setdefault(fabric_id, threading.Lock())
        if not lock.acquire(timeout=START_SECONDS):
            raise errors.DeadlineExceeded(
                f"The machine {fabric_id} has been starting for {START_SECONDS:.0f} s.",
                do="Look at its QEMU log and at the load of the host, then retry.",
            )
        try:
            yield
        finally:
            lock.release()

    def _root_of_ours(self, domain: Any) -> Path | None:
        """The embedded root, if the machine carries our tag: only then may its QEMU be killed."""
        root = self._hypervisor.embedded_root
        return root if root is not None and inventory.tag_of(domain) is not None else None

    def _start_over(self, domain: Any) -> None:
        root = self._root_of_ours(domain)
        if root is None:
            raise errors.DeadlineExceeded(
                f"The machine '{domain.name()}' is stuck in the middle of its start.",
                do="End it with 'virsh destroy', then retry.",
            )
        _cut(root, domain)


def _at_rest(domain: Any, away: migration_marks.MigrationMarks) -> PowerState:
    """The state of a machine that does not run here. If somebody writes to its disks it is not off, whatever
    this hypervisor says: it was live-migrated, or another host runs it from the same storage."""
    fabric_id = domain.UUIDString()
    told = states.told(domain)
    if told == (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED):
        away.left(fabric_id)
    disks = domain_xml.disks(domain_xml.parse(inventory.definition_xml(domain)))
    files = [disk.location for disk in disks if disk.path and not disk.shared]
    written = _are_written([path for path in files if isinstance(path, Path)])
    now = inventory.power_of(domain)
    if now is not PowerState.OFF:  # it was started meanwhile
        return now
    if written or away.is_away(fabric_id):
        return PowerState.ELSEWHERE
    in_a_file = told == (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED)
    return PowerState.SAVED if in_a_file or saved_memory.is_there(domain) else PowerState.OFF


def _are_written(paths: Sequence[Path]) -> bool:
    """Whether somebody writes to one of the images for longer than a bitmap takes to be made or removed."""
    deadline = time.monotonic() + BITMAP_SECONDS
    while any(image_locks.is_written(path) for path in paths):
        if time.monotonic() > deadline:
            return True
        time.sleep(POLL_SECONDS)
    return False


def _cut(root: Path, domain: Any) -> None:
    """Kills the machine's QEMU process and waits until libvirt has noticed. libvirt is not asked before
    that: it may keep the machine locked while it waits for QEMU."""
    emulator.kill(root, domain.UUIDString())
    deadline = time.monotonic() + CUT_SECONDS
    while inventory.power_of(domain) is not PowerState.OFF:
        if time.monotonic() > deadline:
            raise errors.DeadlineExceeded(
                f"The QEMU of '{domain.name()}' is gone, and libvirt still holds the machine.",
                do="Restart the appliance, which opens the hypervisor anew; machines run on.",
            )
        time.sleep(POLL_SECONDS)


def _require_allowed(domain: Any) -> None:
    if inventory.is_start_forbidden(domain) and inventory.power_of(domain) is PowerState.OFF:
        raise errors.FabricError(
            f"The machine '{domain.name()}' was failed over, so its start here is forbidden.",
            do="Cancel the failover or fail back. If it must run here: "
            f"'secondsite machine start-anyway {shell.arguments(domain.name(), options='--site SITE')}'.",
        )


def _tried_to_run(domain: Any) -> bool:
    """True if the machine runs, or is paused as its owner left it. Otherwise takes the next step towards
    running, if there is one."""
    found = states.of(domain)
    if found.power is PowerState.OFF:
        return _unless_pointless(f"starting '{domain.name()}'", domain.create, 120.0)
    return not found.ours


def _is_halfway(domain: Any) -> bool:
    """Whether QEMU was started but its guest has not run yet."""
    return states.of(domain).ours


def resume(domain: Any) -> None:
    """Resumes a paused machine; harmless if it is off or runs.

    A driver that was just opened shows a machine's old state for some milliseconds, so the result of the act
    counts, not the state."""
    if inventory.power_of(domain) is PowerState.PAUSED:
        _unless_pointless(f"resuming '{domain.name()}'", domain.resume)


def _unless_pointless(
    doing: str, function: Callable[[], Any], seconds: float = connection.CALL_SECONDS
) -> bool:
    """Acts, unless libvirt says that the machine's state no longer allows it; returns whether it acted."""
    try:
        connection.call(doing, function, seconds=seconds)
    except errors.FabricError as error:
        if connection.code_of(error) != libvirt.VIR_ERR_OPERATION_INVALID:
            raise
        return False
    return True
