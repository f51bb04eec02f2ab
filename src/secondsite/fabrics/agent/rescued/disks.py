"""The disks of all rescued machines as files: attached, watched, detached.

A path is the same for each machine and key for ever, and there is a file only while the disk is attached.
What is to be attached is kept: the next process of this appliance attaches it again, once the machine
calls."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import Field, ValidationError

from ....domain import errors
from ....domain.amounts import exact_size
from ....ground import durable, real_files
from ....ground.periodic import Every
from ....wire.common.base import Shape
from ..conversation import Agents
from . import half_written, told
from .exports import Exports

QUICK_SECONDS: Final = 15.0
ENDING_SECONDS: Final = 120.0
"""Disks may have much in their caches."""
LOOK_SECONDS: Final = 2.0
AWAY_SECONDS: Final = 30.0
"""After so long without the machine, what waits for its disks fails."""
AGAIN_SECONDS: Final = 10.0
COMING_SECONDS: Final = 120.0
"""So long a rescue system is taken to come back, after it left or this process was started."""
FOLDER_MODE: Final = 0o700

RESCUE_AWAY_DO: Final = (
    "Wait for its rescue system: it dials again by itself. If the machine does not run from the rescue image "
    "any more, start it from that again."
)
STARTED_ANEW: Final = "The rescue system was started anew while its disks were written: the end may be lost."

log = structlog.get_logger(__name__)


class Attached(Shape):
    """What is kept of a machine: the agent's keys of its disks by their keys here."""

    disks: dict[str, str]
    sizes: dict[str, int] = Field(default_factory=dict)
    """How much of a disk is a file, where that is not all."""
    loan: str = Field(default_factory=lambda: secrets.token_hex(8))
    """Another one each time the disks may have got another content than what stands on them was made for."""


@dataclass(slots=True)
class _Machine:
    """`lock` is held by whoever attaches or detaches; `here_at` is when the machine was here last, `tried_at`
    when it was attached, or that was tried; `boot` is the start of its rescue system that has the disks."""

    folder: Path
    lock: threading.RLock = field(default_factory=threading.RLock)
    exports: Exports | None = None
    stack: ExitStack = field(default_factory=ExitStack)
    here_at: float = field(default_factory=time.monotonic)
    tried_at: float = -AGAIN_SECONDS
    boot: str = ""


class RescuedDisks:
    """Works from `start` to `stop`. Thread-safe."""

    def __init__(self, folder: Path, agents: Agents) -> None:
        """`folder` is ours alone."""
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        self._folder = folder
        self._agents = agents
        self._lock = threading.Lock()
        self._machines: dict[str, _Machine] = {}
        self._looking = Every("rescued-disks", LOOK_SECONDS, self.look, _tell_failure)

    def start(self) -> None:
        self._looking.start()

    def stop(self, within_seconds: float = LOOK_SECONDS) -> None:
        """Files go away; what is to be attached stays kept."""
        self._looking.stop(within_seconds)
        with self._lock:
            found = dict(self._machines)
        for agent_id, machine in found.items():
            with machine.lock:
                self._end(machine, self._kept(agent_id).disks)

    def path(self, agent_id: str, key: str) -> Path:
        """Where the file is while the disk is attached."""
        if not re.fullmatch(r"[a-z]{1,10}", key):
            raise errors.InvalidArgument(f"'{key}' is no key of a disk.", do="Use those of the machine.")
        return self._machine(agent_id).folder / key

    def attach(
        self, agent_id: str, disks: Mapping[str, str], sizes: Mapping[str, int] | None = None
    ) -> Mapping[str, Path]:
        """The paths of these disks, by keys here, once they are files; `disks` are the agent's keys, and only
        the beginning of those in `sizes` is a file. Harmless when repeated; other disks of the machine are
        detached, and a machine that was started anew is attached anew. Raises FabricError if it is away, runs
        its own system, or offers one of them not."""
        paths = {key: self.path(agent_id, key) for key in disks}
        machine = self._machine(agent_id)
        with machine.lock:
            kept = self._kept(agent_id)
            if (kept.disks, kept.sizes) != (disks, sizes or {}):
                self._end(machine, kept.disks)
                kept = Attached(disks=dict(disks), sizes=dict(sizes or {}))
                self._keep(agent_id, kept)
            if not _serves(machine) or self._boot(agent_id) != machine.boot:
                self._begin(agent_id, machine, kept)
        return paths

    def lends(self, agent_id: str) -> bool:
        """Whether disks of the machine are to be files here: it is to run from the rescue image."""
        return bool(self._kept(agent_id).disks)

    def is_coming(self, agent_id: str) -> bool:
        """Whether its rescue system, which is away, has had no time yet to come back."""
        since = time.monotonic() - self._machine(agent_id).here_at
        return self.lends(agent_id) and since < COMING_SECONDS

    def detach(self, agent_id: str) -> None:
        """Flush the disks and take the files away; harmless when repeated. What whoever writes them
        half keeps stays. Raises OSError."""
        machine = self._machine(agent_id)
        with machine.lock:
            self._end(machine, self._kept(agent_id).disks)
            self._record(agent_id).unlink(missing_ok=True)
            if not half_written.found(machine.folder):
                shutil.rmtree(machine.folder, ignore_errors=True)

    def half_written(self, agent_id: str, key: str) -> Path:
        """Where a file lies while the disk is half written, so that the machine is not restarted; whoever
        writes the disk keeps there what it needs."""
        return half_written.file(self.path(agent_id, key))

    def say_changed(self, agent_id: str) -> None:
        """Note that the disks have another content than what stands on them was made for: a merge was begun
        and given up. What stands on them is damaged until all blocks were compared."""
        machine = self._machine(agent_id)
        with machine.lock:
            half_written.forget(machine.folder)
            kept = self._kept(agent_id)
            if kept.disks:
                self._keep(agent_id, Attached(disks=kept.disks, sizes=kept.sizes))
                self._say_loans(machine, self._kept(agent_id))

    def require_same_start(self, agent_id: str) -> None:
        """Raises FabricError if the rescue system was started anew since the disks were attached: what a
        disk had not flushed before may be lost, although it was flushed afterwards."""
        if self._boot(agent_id) != self._machine(agent_id).boot:
            raise errors.FabricError(STARTED_ANEW, do="Write them again; the machine was not restarted.")

    def restart(self, agent_id: str) -> None:
        """Detach, and let the machine start from its own disk. Raises FabricError, also if it was started
        anew since its disks were attached."""
        machine = self._machine(agent_id)
        if half_written.found(machine.folder):
            raise errors.FabricError(
                "The disks of the rescued machine are half written, so it cannot start from them.",
                do="Write them to the end: retry the job that began it.",
            )
        with machine.lock:  # who attaches them meanwhile would be a writer
            if _serves(machine):
                self.require_same_start(agent_id)
            self.detach(agent_id)
            self._ask(agent_id, "restart", ENDING_SECONDS)

    def look(self) -> None:
        """One round: end what waits for machines that are away, and attach again what has come back."""
        here = {each.agent_id for each in self._agents.known() if each.connected}
        for record in self._folder.glob("*/attached.json"):
            agent_id = record.parent.name
            try:
                self._look_at(agent_id, agent_id in here)
            except (errors.SecondsiteError, OSError) as problem:
                log.warning("rescued-disks.not-attached", agent_id=agent_id, problem=str(problem))

    def _look_at(self, agent_id: str, is_here: bool) -> None:
        machine = self._machine(agent_id)
        if is_here:
            machine.here_at = time.monotonic()
        now, exports = time.monotonic(), machine.exports
        if exports is not None and exports.alive:
            if now - machine.here_at > AWAY_SECONDS:
                log.warning("rescued-disks.away", agent_id=agent_id)
                exports.cut()
        elif is_here and now - machine.tried_at >= AGAIN_SECONDS and machine.lock.acquire(blocking=False):
            try:
                kept = self._kept(agent_id)
                if kept.disks:
                    self._begin(agent_id, machine, kept)
            finally:
                machine.lock.release()

    def _begin(self, agent_id: str, machine: _Machine, kept: Attached) -> None:
        machine.tried_at, disks = time.monotonic(), kept.disks
        self._end(machine, disks)
        machine.boot = self._boot(agent_id)
        offered = told.disks(self._ask(agent_id, "disks"))
        for key, theirs in disks.items():
            _require_offered(key, theirs, offered.get(theirs))
        socket = machine.stack.enter_context(self._agents.readers(agent_id))
        exports = Exports(machine.folder)
        exports.begin(socket, disks, kept.sizes)
        machine.exports = exports
        for key, theirs in disks.items():
            _require_whole(machine.folder / key, kept.sizes.get(key, offered[theirs].size_bytes))
        self._say_loans(machine, kept)
        machine.here_at = time.monotonic()
        log.info("rescued-disks.attached", agent_id=agent_id, disks=sorted(disks))

    def _end(self, machine: _Machine, disks: Mapping[str, str]) -> None:
        """Of a machine that has none open it clears what another process left."""
        exports, machine.exports = machine.exports or Exports(machine.folder), None
        exports.end(disks)
        machine.stack.close()

    def _boot(self, agent_id: str) -> str:
        """Which start of its rescue system the machine is in. Raises FabricError if it is in none."""
        return told.start(self._ask(agent_id, "status")).boot

    def _ask(self, agent_id: str, do: str, seconds: float = QUICK_SECONDS) -> Mapping[str, Any]:
        try:
            return self._agents.ask(agent_id, do, seconds)
        except errors.MachineAway as away:
            raise errors.MachineAway(away.message, do=RESCUE_AWAY_DO) from away

    def _machine(self, agent_id: str) -> _Machine:
        if not re.fullmatch(r"[0-9a-f-]{36}", agent_id):
            raise errors.NotFound(f"'{agent_id}' names no machine with an agent.")
        with self._lock:
            return self._machines.setdefault(agent_id, _Machine(self._folder / agent_id))

    def _record(self, agent_id: str) -> Path:
        folder = self._machine(agent_id).folder
        folder.mkdir(FOLDER_MODE, exist_ok=True)
        return folder / "attached.json"

    def _kept(self, agent_id: str) -> Attached:
        with contextlib.suppress(OSError, ValidationError):
            return Attached.model_validate_json(self._record(agent_id).read_bytes())
        return Attached(disks={})

    def _keep(self, agent_id: str, attached: Attached) -> None:
        durable.write(self._record(agent_id), attached.model_dump_json().encode())

    def _say_loans(self, machine: _Machine, attached: Attached) -> None:
        number = zlib.crc32(f"{machine.boot}/{attached.loan}".encode()) or 1
        for key in attached.disks:
            real_files.say_loan(machine.folder / key, number)


def _serves(machine: _Machine) -> bool:
    return machine.exports is not None and machine.exports.alive


def _require_offered(key: str, theirs: str, offered: told.OfferedDisk | None) -> None:
    if offered is None:
        raise errors.FabricError(
            f"The rescued machine has no disk {theirs}, which is {key}.",
            do="Look at its console, which names its disks: was one replaced, or does its controller lack a "
            "driver?",
        )
    if offered.refused:
        raise errors.FabricError(
            f"The rescued machine does not offer its disk {key} ({offered.name}): {offered.refused}.",
            do="Mend that at the machine, and start it from the rescue image again.",
        )


def _require_whole(path: Path, size_bytes: int) -> None:
    found = path.stat().st_size
    if found != size_bytes:
        raise errors.FabricError(
            f"The disk at {path} has {exact_size(found)}, and the rescued machine told "
            f"{exact_size(size_bytes)}.",
            do="Start the machine from the rescue image again.",
        )


def _tell_failure(problem: Exception) -> None:
    log.warning("rescued-disks.look-failed", problem=str(problem))
