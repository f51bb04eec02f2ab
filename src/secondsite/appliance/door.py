"""Who may send which cycle: what the data port asks before and while it receives."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import structlog

from ..datapath import errors as datapath_errors
from ..datapath import sift
from ..datapath.compare import zero_digests
from ..datapath.cycle_file import CycleHeader
from ..datapath.extents import Extent
from ..datapath.receiver_door import Accept, Refused, Write
from ..datapath.units import BLOCK_BYTES, PAGE_BYTES
from ..domain.errors import SecondsiteError
from ..jobs import seams
from . import straight
from .hosted import Hosted
from .inbox_work import InboxWork
from .replica_host import ReplicaHost

DIGESTS_WAIT_SECONDS = 25.0

log = structlog.get_logger(__name__)


class Door:
    """The datapath's ReplicaDoor."""

    def __init__(self, host: ReplicaHost, work: InboxWork, inbox_budget_bytes: int) -> None:
        self._host = host
        self._work = work
        self._inbox_budget_bytes = inbox_budget_bytes

    def accept(self, peer_name: str, header: CycleHeader) -> Accept:
        """Where this cycle goes; raises Refused with what to do."""
        hosted = self._find(header.machine_id)
        setup = hosted.setup
        if peer_name != setup.source_appliance_id:
            raise Refused(
                "wrong-source",
                f"Cycles of {setup.machine_name} are taken from {setup.source_appliance_id}, not from {peer_name}.",
                do="Check which appliance replicates the machine; reprotect sets it.",
            )
        return self._admit(hosted, header)

    def _admit(self, hosted: Hosted, header: CycleHeader) -> Accept:
        """Where a cycle of the right peer goes; raises Refused."""
        setup = hosted.setup
        if header.epoch != setup.epoch:
            raise Refused(
                "wrong-epoch",
                f"The cycle is of epoch {header.epoch}, the replica of {setup.machine_name} of epoch {setup.epoch}.",
                do="Nothing, if the machine was failed over: its old source must not overwrite it. Else resynchronize.",
            )
        if not hosted.accepting:
            raise Refused(
                "not-accepting",
                f"The replica of {setup.machine_name} is closed: a failover is under way or done.",
                do="Finish or cancel the failover; the replica is then opened again.",
            )
        return self._place(hosted, header)

    def _place(self, hosted: Hosted, header: CycleHeader) -> Accept:
        received = hosted.received_seq()
        if header.base_seq is not None and header.base_seq > received:
            raise Refused(
                "out-of-order",
                f"The cycle builds on cycle {header.base_seq}, but the replica has {received}.",
                do="Nothing: the source compares all blocks and sends what differs.",
            )
        if header.base_seq is not None and hosted.verdicts.wants_comparison:
            raise Refused(
                "out-of-order",
                f"A recovery point of {hosted.setup.machine_name} rotted at the target.",
                do="Nothing: the source compares all blocks and sends what differs.",
            )
        if {disk.key for disk in header.disks} - set(hosted.setup.disks):
            raise Refused(
                "wrong-disks", "The cycle has disks that the replica has not.", do="Enable protection again."
            )
        if hosted.lacks_firmware(header):
            raise Refused(
                "firmware-missing",
                f"The replica of {hosted.setup.machine_name} has not the firmware state that the cycle names.",
                do="Nothing: the next cycle carries it.",
            )
        state = hosted.replica.state
        already = header.seq <= max(state.processed_seq, state.begun_seq)
        in_parts = hosted.replica.takes_parts(header)
        self._host.room.look()
        return Accept(
            hosted.replica.inbox,
            already,
            self._inbox_budget_bytes,
            in_parts,
            self._host.room.make,
            hosted.replica.sealing,
        )

    def digests(self, machine_id: str, disk_key: str, offset: int, length: int, block_bytes: int) -> bytes:
        """Digests of the replica as it is once everything received is applied; zeros beyond its disk's end."""
        assert block_bytes == BLOCK_BYTES
        hosted = self._find(machine_id)
        try:
            with hosted.hold("comparing", DIGESTS_WAIT_SECONDS):
                self._work.apply_all(hosted, DIGESTS_WAIT_SECONDS)
                size_bytes = hosted.replica.state.disk(disk_key).size_bytes
                here = max(0, min(length, size_bytes - offset))
                found = hosted.replica.region(disk_key, offset, here) if here else b""
        except (SecondsiteError, datapath_errors.DatapathError) as error:
            raise Refused("replica-busy", error.message, do=error.do) from error
        blocks = -(-length // BLOCK_BYTES)
        known = -(-here // BLOCK_BYTES)
        return found + zero_digests((blocks - known) * BLOCK_BYTES)

    def pages(self, machine_id: str, disk_key: str, blocks: Sequence[Extent]) -> bytes:
        """Digests of the pages of these blocks, which come in the order of the disk."""
        hosted = self._find(machine_id)
        try:
            with hosted.hold("comparing", DIGESTS_WAIT_SECONDS):
                self._work.apply_all(hosted, DIGESTS_WAIT_SECONDS)
                size_bytes = hosted.replica.state.disk(disk_key).size_bytes
                here = [block for block in blocks if block.end <= size_bytes]
                found = hosted.replica.pages(disk_key, here) if here else b""
        except (SecondsiteError, datapath_errors.DatapathError) as error:
            raise Refused("replica-busy", error.message, do=error.do) from error
        # what the disk does not wholly have yet equals nothing, zeros neither: its old end may hold data
        beyond = sum(-(-block.length // PAGE_BYTES) for block in blocks if block.end > size_bytes)
        return found + sift.UNKNOWN * beyond

    def straight(self, header: CycleHeader, cut: Callable[[], None]) -> AbstractContextManager[Write | None]:
        """How a cycle of a pass over whole disks is written to the head as it comes; raises Refused."""
        hosted = self._find(header.machine_id)
        return straight.writing(hosted, self._work, header, lambda: self._check(hosted, header), cut)

    def _check(self, hosted: Hosted, header: CycleHeader) -> None:
        if self._admit(hosted, header).already:
            raise Refused(
                "out-of-order", f"Cycle {header.seq} came meanwhile.", do="Nothing: all is compared."
            )

    def arrived(self, header: CycleHeader, path: Path) -> None:
        """The cycle is durable here: **sent**."""
        seams.reach("appliance.inbox.arrived")
        hosted = self._host.find(header.machine_id)
        if hosted is not None:
            log.debug(
                "cycle.arrived", machine=header.machine_id, seq=header.seq, file_bytes=path.stat().st_size
            )
            if header.base_seq is None:
                hosted.verdicts.compared(header.epoch, header.seq)
            self._work.wanted(hosted)

    def _find(self, machine_id: str) -> Hosted:
        hosted = self._host.find(machine_id)
        if hosted is None:
            raise Refused(
                "no-replica",
                f"There is no replica of machine {machine_id} here.",
                do="Enable or reprotect it again.",
            )
        return hosted
