"""The four promises, as they can be asked at any moment, whatever was done before: no two copies, no hurt
guest, no missing write, no dead end. What runs is looked up in the fabrics, what is held in the stores; our
own records are never asked.

Walks, the ladder and storms ask after every step.
"""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from chaos.errors import PromiseBroken
from rig import Rig, images
from rig.sites import SITES
from secondsite.client import Vault
from secondsite.domain import errors, lifecycle
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.wire import rest
from secondsite.wire.common.points import PointShape

CRITICAL_SECONDS = 30.0
SECOND_COPY = "source-running-after-failover"
POINTS_READ = 2
"""So many of the points that were not read yet are read each time, the newest first."""
FOREVER_SECONDS = 180.0


class Evidence(Protocol):
    """Who stands beside the guests: looks all the time, and remembers what was wrong even if it lasted a
    moment."""

    complaints: list[str]
    """Of two copies that ran, and of writes that failed under a running guest."""

    def running(self) -> Sequence[object]:
        """Every copy that a fabric runs now under the machine's name."""
        ...


def one_copy(seen: Evidence) -> None:
    """At most one runs now, none ran beside another, and no guest had a write that failed."""
    if seen.complaints:
        raise PromiseBroken("; ".join(seen.complaints))
    # two sites are not read at one instant
    if len(seen.running()) > 1 and len(found := seen.running()) > 1:
        raise PromiseBroken(f"two copies run: {found}")


def second_copy_is_told(seen: Evidence, told: Callable[[], Iterable[str]]) -> None:
    """A second copy that its owner runs is a critical finding in time; `told` are the codes of those that
    hold now."""
    deadline = time.monotonic() + CRITICAL_SECONDS
    while len(seen.running()) > 1 and SECOND_COPY not in told():
        if time.monotonic() > deadline:
            raise PromiseBroken(
                f"{seen.running()} run for {CRITICAL_SECONDS:.0f} s, and nothing is said of it"
            )
        time.sleep(0.1)


def leads_on(machine: rest.Machine) -> None:
    """A machine at rest offers something."""
    if machine.job_id is None and not machine.allowed_operations:
        raise PromiseBroken(f"{machine.name} is {machine.state}, has no job, and offers nothing")
    if machine.job_id is None and lifecycle.is_moving(machine.state):
        raise PromiseBroken(f"{machine.name} is {machine.state}, and has no job")


def a_way_on(offered: Callable[[], Sequence[Verb]], take: Callable[[Verb], str | None]) -> Verb | None:
    """The first of the offered verbs that succeeds; `take` gives why one did not, and may change what is
    offered. None if nothing is."""
    why: dict[Verb, str] = {}
    while left := [verb for verb in offered() if verb not in why]:
        problem = take(left[0])
        if problem is None:
            return left[0]
        why[left[0]] = problem
    if why:
        raise PromiseBroken(
            "nothing that is offered succeeds: " + "; ".join(f"{v}: {w}" for v, w in why.items())
        )
    return None


class Points:
    """Reads the points of a simulated machine, each once: every record that its source held at the instant
    is there."""

    def __init__(
        self,
        rig: Rig,
        machine: str,
        held_at: Callable[[float], int],
        key: str = "vda",
        vault: Vault | None = None,
    ) -> None:
        """`vault`: a connection that is kept, instead of one for each time."""
        self._rig = rig
        self._machine = machine
        self._held_at = held_at
        self._key = key
        self._vault = vault
        self._read: set[tuple[str, str]] = set()

    @property
    def count(self) -> int:
        """How many were read."""
        return len(self._read)

    def ask(self, within: int = POINTS_READ) -> None:
        """Raises PromiseBroken; points that retention takes meanwhile are left alone."""
        try:
            with contextlib.nullcontext(self._vault) if self._vault else self._rig.client() as vault:
                machine_id = vault.machines[self._machine].show().id
                known = list(vault.machines[self._machine].points)
        except (errors.NotFound, errors.VaultUnreachable):
            return
        fresh = [point for point in known if (machine_id, point.id) not in self._read and not point.damaged]
        for point in sorted(fresh, key=lambda each: each.taken_at)[-within:]:
            if self._ask_one(machine_id, point):
                self._read.add((machine_id, point.id))

    def _ask_one(self, machine_id: str, point: PointShape) -> bool:
        """Whether any replica has it; raises PromiseBroken."""
        wanted = self._held_at(point.taken_at.timestamp())
        replicas = [self._rig.replica_folder(site, machine_id) for site in SITES]
        have_it = [self._is_whole(replica, point.id, wanted) for replica in replicas]
        return any(have_it)

    def _is_whole(self, replica: Path, point_id: str, wanted: int) -> bool:
        """Whether the replica has it; raises PromiseBroken."""
        missing = self._missing(replica, point_id, wanted)
        if missing:  # a merge may have moved a file under the reader
            missing = self._missing(replica, point_id, wanted)
        if missing:
            raise PromiseBroken(f"point {point_id} in {replica} lacks {missing} of {wanted} records")
        return missing is not None

    def _missing(self, replica: Path, point_id: str, wanted: int) -> int | None:
        """How many of the records are not there; None where it cannot be read: retention may have taken
        it."""
        try:
            disk = images.point_disks(replica, point_id).get(self._key)
            if disk is None:
                return None
            content = images.raw(disk)
        except (OSError, subprocess.SubprocessError):
            return None
        count = min(wanted, len(content) // simulated.RECORD_BYTES)
        return count - len(simulated.records(lambda offset, length: content[offset : offset + length], count))
