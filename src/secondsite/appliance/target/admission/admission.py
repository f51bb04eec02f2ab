"""Decides which cycles are taken: the data port asks it before and while it receives one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import structlog
from pydantic import ValidationError

from ....datapath.cycles import CycleHeader, MissedSince
from ....datapath.digests import hashes, zero_digests
from ....datapath.errors import DatapathError, ProtocolViolated, tells_of_another_program, tells_of_damage
from ....datapath.extents import BLOCK_BYTES, PAGE_BYTES, Extent
from ....datapath.replica import Replica
from ....datapath.transfer import FULL, Accept, CycleRefused, UnchangedState, Write
from ....domain import shell
from ....domain.amounts import size
from ....domain.errors import DeadlineExceeded, SecondsiteError
from ....domain.machines.rolling_scan import is_doubtful
from ....ground import seams
from ....ground.plural import counted
from ....wire.common.machines import MachineDefinition
from ...shared import State
from .. import old_disks
from ..apply import Applier
from ..replica import IN_USE, HostedReplica
from ..replicas import ReplicaHost, StoreAway
from ..stores import Store
from . import direct, refusals

DIGESTS_WAIT_SECONDS = 25.0

log = structlog.get_logger(__name__)

TO_AN_OLD_SOURCE = (
    "Nothing, if the machine was failed over: its old source must not overwrite it. Else resynchronize."
)


class Admission:
    """Decides which cycles are taken: the data path's CycleAdmission."""

    def __init__(self, host: ReplicaHost, work: Applier, inbox_budget_bytes: int, state: State) -> None:
        self._host = host
        self._work = work
        self._state = state
        self._inbox_budget_bytes = inbox_budget_bytes

    def accept(self, peer_name: str, header: CycleHeader) -> Accept:
        """Take a cycle that is offered: returns where it goes. Raises CycleRefused with what to do."""
        hosted = self._find(header.machine_id)
        setup = hosted.setup
        if peer_name != setup.source_appliance_id:
            raise _foreign(peer_name, header, header.epoch < setup.epoch)
        if hosted.accepting:
            self._look_at_old_disks(hosted)
        place = self._admit(hosted, header)
        if not place.already:
            self._void_note(hosted, header)
        if header.missed is not None and header.missed.found_at != hosted.verdicts.missed:
            _unprove(hosted, header.epoch, header.missed)
        _check_definition(header)
        hosted.findings.clear("cycle-not-understood")
        return place

    def not_understood(self, peer_name: str, said: object, problem: ProtocolViolated) -> None:
        """Add a finding to the machine, if the peer that sent this replicates it."""
        machine_id = said.get("machine_id") if isinstance(said, dict) else None
        hosted = self._host.find(machine_id) if isinstance(machine_id, str) else None
        if hosted is not None and hosted.setup.source_appliance_id == peer_name:
            hosted.findings.add("cycle-not-understood", f"{problem.message}.")
            log.warning("cycle.not-understood", peer=peer_name, machine=machine_id, problem=problem.message)
        else:
            log.info("cycle.not-understood", peer=peer_name, problem=problem.message)

    def _admit(self, hosted: HostedReplica, header: CycleHeader) -> Accept:
        """Where a cycle of the machine's own source goes; raises CycleRefused."""
        setup = hosted.setup
        if header.epoch > setup.epoch:  # "wrong-epoch" forbids a machine in production to start
            raise CycleRefused(
                "records-behind",
                (
                    f"The cycle is of epoch {header.epoch}, and this appliance's record of the replica of "
                    f"{setup.machine_name} is of epoch {setup.epoch}: its database is from before that."
                ),
                do="Have it compared: 'secondsite machine resynchronize "
                f"{shell.arguments(setup.machine_name)}'.",
            )
        if header.epoch < setup.epoch:
            raise CycleRefused(
                "wrong-epoch",
                (
                    f"The cycle is of epoch {header.epoch}, the replica of {setup.machine_name} of epoch "
                    f"{setup.epoch}."
                ),
                do=TO_AN_OLD_SOURCE,
            )
        if not hosted.accepting:
            raise CycleRefused(
                "not-accepting",
                f"The replica of {setup.machine_name} is closed: a failover is under way or done.",
                do="Finish or cancel the failover; the replica is then opened again.",
            )
        return self._place(hosted, header)

    def _look_at_old_disks(self, hosted: HostedReplica) -> None:
        if hosted.replica.changed_bases() or hosted.replica.bases_made_anew():
            try:
                with hosted.lock("looking at the old disks", DIGESTS_WAIT_SECONDS):
                    old_disks.look(hosted)
            except SecondsiteError as error:
                raise refusals.refused(old_disks.waited_for(hosted, error)) from error

    def _place(self, hosted: HostedReplica, header: CycleHeader) -> Accept:
        received = hosted.received_seq()
        if hosted.replica.looks_exchanged():
            _doubt(hosted)
        if header.base_seq is not None and header.base_seq > received:
            _doubt(hosted)
            raise CycleRefused(
                "out-of-order",
                f"The cycle builds on cycle {header.base_seq}, but the replica has {received}.",
                do="Nothing: the source compares all blocks and sends what differs.",
            )
        if header.base_seq is not None and hosted.verdicts.wants_comparison:
            raise CycleRefused(
                "out-of-order",
                (
                    f"A recovery point of {hosted.setup.machine_name} is damaged at the target, or its store "
                    "was copied."
                ),
                do="Nothing: the source compares all blocks and sends what differs.",
            )
        if {disk.key for disk in header.disks} - set(hosted.setup.disks):
            raise CycleRefused(
                "wrong-disks", "The cycle has disks that the replica lacks.", do="Enable protection again."
            )
        self._check_growth(hosted, header)
        if hosted.lacks_firmware(header):
            raise CycleRefused(
                "firmware-missing",
                f"The replica of {hosted.setup.machine_name} lacks the firmware state that the cycle names.",
                do="Nothing: the next cycle carries it.",
            )
        state = hosted.replica.state
        already = header.seq <= max(state.processed_seq, state.begun_seq)
        in_parts = hosted.replica.takes_parts(header)
        store = self._host.stores.of(hosted)
        store.space.free_if_short()
        if not already:
            _require_reserve(store)
        return Accept(
            hosted.replica.files.inbox,
            already,
            self._inbox_budget_bytes,
            in_parts,
            store.space.free,
            hosted.replica.file_key,
            hosted.committing,
        )

    def _check_growth(self, hosted: HostedReplica, header: CycleHeader) -> None:
        """Raises CycleRefused for disks that have grown by more than the store has free: large disks cost
        time and memory even before they take space."""
        have = {disk.key: disk.size_bytes for disk in hosted.replica.state.disks}
        named = {disk.key: disk.size_bytes for disk in hosted.setup.definition.disks}
        grown = [disk for disk in header.disks if disk.size_bytes > have.get(disk.key, 0)]
        beyond = sum(max(0, disk.size_bytes - named.get(disk.key, 0)) for disk in grown)
        if grown and beyond > (free := self._host.stores.of(hosted).free_bytes()):
            raise CycleRefused(
                "disk-too-large",
                f"The disks of {hosted.setup.machine_name} ({', '.join(disk.key for disk in grown)}) grew "
                f"by {size(beyond)}, and the target's store has {size(free)} free.",
                do=(
                    "Add space to the store, or protect the machine anew if its disks are meant to be that "
                    "large."
                ),
            )

    def digests(self, machine_id: str, disk_key: str, offset: int, length: int, block_bytes: int) -> bytes:
        """Digests of the replica with all received cycles applied; those of zeros beyond the disk's end."""
        assert block_bytes == BLOCK_BYTES
        with self._compared(machine_id) as replica:
            here = max(0, min(length, replica.state.disk(disk_key).size_bytes - offset))
            found = replica.region(disk_key, offset, here) if here else b""
        blocks = -(-length // BLOCK_BYTES)
        known = -(-here // BLOCK_BYTES)
        return found + zero_digests((blocks - known) * BLOCK_BYTES)

    def held(self, machine_id: str, disk_key: str, offset: int, length: int) -> list[Extent]:
        """The blocks that are not zeros, as extents; beyond the disk's end there are none."""
        with self._compared(machine_id) as replica:
            here = max(0, min(length, replica.state.disk(disk_key).size_bytes - offset))
            return replica.held(disk_key, offset, here) if here else []

    def pages(self, machine_id: str, disk_key: str, blocks: Sequence[Extent]) -> bytes:
        """Digests of the pages of these blocks, which are in disk order."""
        with self._compared(machine_id) as replica:
            size_bytes = replica.state.disk(disk_key).size_bytes
            here = [block for block in blocks if block.end <= size_bytes]
            found = replica.pages(disk_key, here) if here else b""
        # A block beyond the disk's end counts as unknown, not as zeros: the old end may have data.
        beyond = sum(-(-block.length // PAGE_BYTES) for block in blocks if block.end > size_bytes)
        return found + hashes.UNKNOWN * beyond

    @contextmanager
    def _compared(self, machine_id: str) -> Iterator[Replica]:
        """The replica with all received cycles applied, while nothing changes it. Raises CycleRefused."""
        hosted = self._find(machine_id)
        try:
            with hosted.lock("comparing", DIGESTS_WAIT_SECONDS):
                self._work.apply_all(hosted, DIGESTS_WAIT_SECONDS)
                yield hosted.replica
                hosted.findings.clear(IN_USE)
        except SecondsiteError as error:
            if isinstance(error, DeadlineExceeded):
                _require_read(hosted)
            if tells_of_damage(error):
                if (away := old_disks.away(hosted)) is not None:
                    raise refusals.refused(old_disks.waited_for(hosted, away)) from error
                hosted.findings.add("replica-damaged", error.message)
            elif tells_of_another_program(error):
                hosted.in_use(error.message)
            raise refusals.refused(error) from error

    def direct_write(
        self, header: CycleHeader, cut: Callable[[], None]
    ) -> AbstractContextManager[Write | None]:
        """A function, as a context, that writes a cycle of a pass to the head as it arrives; None if the
        cycle must go through the inbox. Raises CycleRefused."""
        hosted = self._find(header.machine_id)
        return direct.writing(hosted, self._work, header, lambda: self._check(hosted, header), cut)

    def _check(self, hosted: HostedReplica, header: CycleHeader) -> None:
        if self._admit(hosted, header).already:
            raise CycleRefused(
                "out-of-order", f"Cycle {header.seq} came meanwhile.", do="Nothing: all is compared."
            )

    def arrived(self, header: CycleHeader, path: Path) -> None:
        """Note that the cycle is durable here: it is *sent*."""
        seams.reach("appliance.inbox.arrived")
        hosted = self._host.find(header.machine_id)
        if hosted is not None:
            log.debug(
                "cycle.arrived", machine=header.machine_id, seq=header.seq, file_bytes=path.stat().st_size
            )
            if header.base_seq is None:
                hosted.verdicts.compared(header.epoch, header.seq)
            self._work.wanted(hosted)

    def unchanged(self, peer_name: str, said: Sequence[UnchangedState]) -> Sequence[str]:
        """Note which of these machines wrote nothing, in one transaction; returns the ids of those noted. A
        note is valid only for the cycle that it names: after a later cycle, another epoch or a restored
        database it is void, never wrong."""
        found = [(self._host.find(each.machine_id), each) for each in said]
        fitting = [(hosted, each) for hosted, each in found if hosted and _may_note(hosted, peer_name, each)]
        if fitting:
            self._state.put_unchanged([each for _hosted, each in fitting])
        seams.reach("appliance.unchanged.noted")
        for hosted, each in fitting:
            hosted.unchanged = each
        return [each.machine_id for _hosted, each in fitting]

    def _void_note(self, hosted: HostedReplica, header: CycleHeader) -> None:
        """Forget a note about a cycle of the same number: after both sites were restored a number comes
        again, and the note was about another cycle."""
        noted = hosted.unchanged
        if noted is not None and noted.epoch == header.epoch and header.seq <= noted.seq:
            self._state.remove_unchanged(hosted.machine_id)
            hosted.unchanged = None

    def _find(self, machine_id: str) -> HostedReplica:
        try:
            return self._host.get(machine_id)
        except SecondsiteError as problem:
            code = "store-away" if isinstance(problem, StoreAway) else "no-replica"
            raise CycleRefused(code, problem.message, do=problem.do) from problem


def _require_reserve(store: Store) -> None:
    """Raises CycleRefused if the store has only the space left that is reserved for starts."""
    if store.reserve.lacks_bytes() > 0:
        has, keeps = store.reserve.free_bytes(), store.reserve.size_bytes()
        raise CycleRefused(
            "target-disk-full",
            (
                f"{store} at the target has {size(has)} left, of which {size(keeps)} are kept for the start "
                "of its machines"
            ),
            do=FULL,
        )


def _unprove(hosted: HostedReplica, epoch: int, missed: MissedSince) -> None:
    """Points that may lack what the source's tracking missed are not proven any more. Only once: what a later
    start proves, counts."""
    points = hosted.refresh(only_new=True)
    lost = [each.id for each in points if is_doubtful(each.epoch, each.seq, epoch, missed.seq)]
    hosted.verdicts.unprove(missed.found_at, lost)
    hosted.refresh(only_new=True)


def _require_read(hosted: HostedReplica) -> None:
    """Raises CycleRefused while its disks are read for the first time, which nobody can wait for."""
    if hosted.read_fraction is not None:
        raise CycleRefused(
            "replica-busy",
            f"The disks that the replica of {hosted.setup.machine_name} stands on are read, to compare with "
            f"them: {hosted.read_fraction:.0%} is done.",
            do="Nothing: what differs is sent once that has ended.",
        )


def _doubt(hosted: HostedReplica) -> None:
    """Distrust a replica that lacks cycles it had acknowledged: an older state was put back in its place,
    perhaps a copy whose files are not all of one instant. Nothing of it is trusted before it is read
    again."""
    if hosted.verdicts.wants_comparison and not hosted.replica.lost_head:
        return
    try:
        with hosted.lock("forgetting digests", DIGESTS_WAIT_SECONDS):
            hosted.replica.forget_digests()
            hosted.verdicts.distrust()
    except SecondsiteError as error:
        raise refusals.refused(error) from error
    log.warning("cycles.lost", machine=hosted.machine_id)


def _foreign(peer_name: str, header: CycleHeader, is_older: bool) -> CycleRefused:
    """The refusal for a peer that is not, or no longer, the machine's source: it contains nothing about the
    machine but what the peer has said itself."""
    if is_older:
        what = f"The cycle is of epoch {header.epoch}, an earlier one than the replica's."
        return CycleRefused("wrong-epoch", what, do=TO_AN_OLD_SOURCE)
    what = f"Cycles of machine {header.machine_id} are not taken from {peer_name}."
    return CycleRefused(
        "wrong-source", what, do="Check which appliance replicates the machine; reprotect sets it."
    )


def _check_definition(header: CycleHeader) -> None:
    """Raises CycleRefused for a point whose definition is invalid: a drill or a failover would find out too
    late."""
    definition = (header.point or {}).get("definition")
    try:
        if definition:
            MachineDefinition.model_validate(definition)
    except ValidationError as problem:
        raise CycleRefused(
            "wrong-definition",
            f"The cycle's point has an invalid definition: {counted(problem.error_count(), 'error')}.",
            do="Bring both appliances to the same release.",
        ) from problem


def _may_note(hosted: HostedReplica, peer_name: str, said: UnchangedState) -> bool:
    """Whether the note may be made. An error means no: a cycle will meet it and report it."""
    try:
        return _fits(hosted, peer_name, said)
    except (DatapathError, OSError) as problem:
        log.debug("unchanged.not-noted", machine=said.machine_id, problem=str(problem))
        return False


def _fits(hosted: HostedReplica, peer_name: str, said: UnchangedState) -> bool:
    """Whether the named cycle is the newest one that arrived, and no comparison is wanted."""
    setup, state = hosted.setup, hosted.replica.state
    return (
        (setup.source_appliance_id, setup.epoch) == (peer_name, said.epoch)
        and hosted.accepting
        and state.epoch == said.epoch
        and hosted.received_seq() == said.seq >= state.begun_seq
        and (state.whole or state.processed_seq < said.seq)
        and not hosted.verdicts.wants_comparison
        and not hosted.replica.looks_exchanged()
        and not hosted.replica.changed_bases()
        and not hosted.replica.lacks_firmware(state.firmware)
    )
