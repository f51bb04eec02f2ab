"""Rereads the journal as points are reread, so that a damaged cycle is a known gap before it is needed.

Cycles are read once after they arrive, oldest first, and all again after a while. A turn reads a portion
of one machine's journal, so that points and journals of all machines get their share of the rate. The
position is not kept over a restart: a journal lives only for hours."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ...datapath import errors as datapath_errors
from ...datapath.cycles import Entry
from ...datapath.digests import Asked
from ...ground.units import MiB
from .replica import HostedReplica
from .replicas import ReplicaHost

PORTION_BYTES = 64 * MiB
PACED_BYTES = 1 * MiB
"""Bytes that are read between rests: resting after each small cycle would take longer than cycles are
kept."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Round:
    """One round over a journal. Cycles up to `through` have been read, those up to `until` are due; both are
    (epoch, seq)."""

    began_at: float
    through: tuple[int, int] = (0, 0)
    until: tuple[int, int] = (0, 0)
    served_at: float = 0.0


class JournalScrub:
    """Reads the journals of all replicas again; used only by the scrubber's thread."""

    def __init__(
        self,
        host: ReplicaHost,
        again_seconds: float,
        unwanted: Callable[[HostedReplica], bool],
        rest: Callable[[int, Asked], None],
    ) -> None:
        """`unwanted` tells whether to stop reading a machine's journal; `rest` sleeps for the bytes that were
        read."""
        self._host = host
        self._again_seconds = again_seconds
        self._unwanted = unwanted
        self._rest = rest
        self._owed = 0
        self._rounds: dict[str, _Round] = {}

    def begin_round(self) -> None:
        """Make all present cycles due that were not read."""
        now, all_hosted = time.monotonic(), self._host.all()
        known = self._rounds
        self._rounds = {each.machine_id: known.get(each.machine_id, _Round(now)) for each in all_hosted}
        for hosted in all_hosted:
            entries, this = hosted.replica.journal.entries(), self._rounds[hosted.machine_id]
            this.until = entries[-1].place if entries else this.through
            if now - this.began_at > self._again_seconds:
                this.began_at, this.through = now, (0, 0)

    def serve_one(self) -> bool:
        """Read a portion of the journal that was served longest ago; False if all is read."""
        unread = [(this.served_at, machine_id) for machine_id, this in self._rounds.items() if _is_due(this)]
        if not unread:
            return False
        machine_id = min(unread)[1]
        hosted = self._host.find(machine_id)
        if hosted is None:
            del self._rounds[machine_id]
        else:
            self._portion(hosted, self._rounds[machine_id])
        return True

    def _portion(self, hosted: HostedReplica, this: _Round) -> None:
        this.served_at, left = time.monotonic(), PORTION_BYTES
        for entry in hosted.replica.journal.entries():
            if left > 0 and this.through < entry.place <= this.until:
                if not self._read(hosted, entry):
                    this.until = this.through  # the next round tries again
                    return
                this.through = entry.place
                left -= entry.file_bytes
        if left > 0:
            this.through = this.until

    def _read(self, hosted: HostedReplica, entry: Entry) -> bool:
        """Read a cycle; returns whether it could be judged, as whole or as damaged."""

        def told(_through: int, read: int) -> None:
            self._owed += read
            if self._owed >= PACED_BYTES:
                owed, self._owed = self._owed, 0
                self._rest(owed, cancelled)

        def cancelled() -> bool:
            return self._unwanted(hosted)

        if cancelled():
            return False
        try:
            whole = hosted.replica.verify_cycle(entry, cancelled, told)
        except datapath_errors.DatapathError as error:
            log.info("scrub.postponed", machine=hosted.machine_id, cycle=entry.name, problem=error.message)
            return False
        if not whole:
            log.error("journal.damaged", machine=hosted.machine_id, cycle=entry.name)
        return True


def _is_due(this: _Round) -> bool:
    return this.through < this.until
