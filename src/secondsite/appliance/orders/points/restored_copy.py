"""A machine of its own from a recovery point, beside the protected one, which runs on.

What is made is on record before it is made, and the record goes with the last act: from then on the machine
is nobody's but its owner's. Until then its tag is its own id: nobody takes it for the protected machine."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from pydantic import Field

from ....datapath import errors as datapath_errors
from ....datapath.replica import PointRecord
from ....domain import errors
from ....domain.networks import macs
from ....fabrics.interface import HostRequest, MachineSummary
from ....ground import seams
from ....ground.durable import sync_folder
from ....wire.common.base import Shape
from ....wire.common.machines import MachineDefinition
from ....wire.control.copies import RestoreCopy, RestoredCopy
from ....wire.control.orders import FabricMachine, Nothing
from ...target import HostedReplica, scrub
from .. import stand_ins
from ..context import ApplianceParts, Context
from . import copy_checks

KEY, GIVEN_UP = "restored-copy/", "given-up-copy/"
WAITS_SECONDS = 120.0
"""So long a copy that is given up may take to see that, and to remove what it made."""
log = structlog.get_logger(__name__)
_changing = threading.Condition()
"""Of two with one name the second one finds the first one's record."""
_under_way: set[str] = set()


class Note(Shape):
    """A copy under way: the files of its disks, by disk key, and the inode of each once it was made: who has
    the name now may be somebody else's."""

    name: str
    files: dict[str, str]
    inodes: dict[str, int] = Field(default_factory=dict)

    @property
    def goals(self) -> dict[str, Path]:
        return {key: Path(file) for key, file in self.files.items()}

    @property
    def parts(self) -> dict[str, Path]:
        """The files as long as they are not whole."""
        return {key: goal.with_name(f".{goal.name}.part") for key, goal in self.goals.items()}


def restore(context: Context, payload: RestoreCopy) -> tuple[str, RestoredCopy]:
    """Copy the point's disks, make the machine, and start it if that was asked for. After an error nothing is
    left of it. Raises NotFound, NotPossibleNow, AlreadyExists, PointDamaged."""
    hosted = context.hosted()
    _end_cut_off(context.parts, payload.fabric_id)
    found = context.fabric.inventory.get(payload.fabric_id)
    if found is not None:
        return f"{found.name} was restored before{_start(context, payload)}", _fact(found)
    record = hosted.record(payload.point_id)
    definition, firmware = hosted.definition(record), _firmware(hosted, payload)
    copy_checks.require_possible(context, hosted, payload, definition)
    standing = [each for each in stand_ins.planned(definition, payload.stand_in) if each.is_there]
    with _noted(context, payload, record, standing) as note:
        said = _stood_in(payload, standing, note)
        _copied(context, hosted, payload, record, note)
        seams.reach("appliance.copy.written")
        _require_wanted(context, payload)
        _made(context, payload, stand_ins.beside(definition, standing), firmware, note)
    unstarted = _start(context, payload)
    made = context.fabric.inventory.get(payload.fabric_id)
    if made is None:
        raise errors.NotPossibleNow(f"{payload.name} was removed while it was made.", do="Ask for it anew.")
    what = "is off" if unstarted or not payload.start else "runs"
    return (
        f"{payload.name} was made from {payload.point_id}, and {what}; its disks lie in {payload.folder}"
        f"{said}{_connected(payload)}{unstarted}"
    ), _fact(made)


def end(context: Context, payload: FabricMachine) -> tuple[str, Nothing]:
    """Give up a copy that is being made, was cut off, or waits for its turn. One that was made is its
    owner's, and stays."""
    context.state.put_fact(GIVEN_UP + payload.fabric_id, "")
    with _changing:
        was_begun = payload.fabric_id in _under_way or context.state.fact(KEY + payload.fabric_id) is not None
        if not _changing.wait_for(lambda: payload.fabric_id not in _under_way, WAITS_SECONDS):
            raise errors.NotPossibleNow(
                f"The copy did not end within {WAITS_SECONDS:.0f} s.", do="Retry: it is told to."
            )
    found = context.fabric.inventory.get(payload.fabric_id)
    if found is not None and found.tag is None:
        return f"{found.name} was made already, and stays", Nothing()
    _end_cut_off(context.parts, payload.fabric_id)
    if not was_begun:
        return "it was not begun here, and will not be", Nothing()
    return "it is given up, and nothing of the copy stays", Nothing()


def _end_cut_off(parts: ApplianceParts, fabric_id: str) -> None:
    """Remove what is on record of a copy."""
    text = parts.state.fact(KEY + fabric_id)
    if text is not None:
        _remove(parts, fabric_id, Note.model_validate_json(text))
        parts.state.remove_fact(KEY + fabric_id)


def remove_left_over(parts: ApplianceParts) -> None:
    """Remove what a killed process left of copies; one whose order comes again is begun anew. One that cannot
    be removed does not keep the others."""
    for fabric_id in [key.removeprefix(KEY) for key in parts.state.facts(KEY)]:
        with _changing:
            if fabric_id not in _under_way:
                _end_unless_kept(parts, fabric_id)


def _end_unless_kept(parts: ApplianceParts, fabric_id: str) -> None:
    try:
        _end_cut_off(parts, fabric_id)
    except Exception as problem:
        log.warning("copy.not-removed", fabric_id=fabric_id, problem=repr(problem))
    else:
        log.info("copy.left-over-removed", fabric_id=fabric_id)


def _remove(parts: ApplianceParts, fabric_id: str, note: Note) -> None:
    """Remove the machine and its files; harmless if they are gone. One that carries no tag of ours any more
    is its owner's."""
    found = parts.fabric.inventory.get(fabric_id)
    if found is not None and found.tag is None:
        return
    parts.fabric.hosting.remove(fabric_id, fabric_id)
    for key, part in note.parts.items():
        inode = note.inodes.get(key) or _inode_of_empty(part)
        for file in (note.goals[key], part):
            with suppress(FileNotFoundError):
                if file.lstat().st_ino == inode:
                    file.unlink()


def _inode_of_empty(part: Path) -> int | None:
    """That of a file that was made, and not noted yet, as its process was killed."""
    with suppress(FileNotFoundError):
        seen = part.lstat()
        return seen.st_ino if seen.st_size == 0 else None
    return None


@contextmanager
def _noted(
    context: Context, payload: RestoreCopy, record: PointRecord, standing: Sequence[stand_ins.Planned]
) -> Iterator[Note]:
    """Inside, what is made of it is on record, with its files. After an error nothing of it is left."""
    key = KEY + payload.fabric_id
    goals = _goals(
        payload, [disk.key for disk in record.manifest.disks] + [each.disk.key for each in standing]
    )
    with _changing:
        _require_wanted(context, payload)
        _require_new(context, payload, goals)
        note = Note(name=payload.name, files={disk: str(goal) for disk, goal in goals.items()})
        context.state.put_fact(key, note.model_dump_json())
        _under_way.add(payload.fabric_id)
    try:
        note = note.model_copy(update={"inodes": _begun(payload, note)})
        context.state.put_fact(key, note.model_dump_json())
        seams.reach("appliance.copy.noted")
        yield note
    except Exception:
        with suppress(errors.SecondsiteError, OSError):  # then the record stays, for whoever ends it
            _remove(context.parts, payload.fabric_id, note)
            context.state.remove_fact(key)
        raise
    else:
        context.state.remove_fact(key)
    finally:
        with _changing:
            _under_way.discard(payload.fabric_id)
            _changing.notify_all()


def _begun(payload: RestoreCopy, note: Note) -> dict[str, int]:
    """Make the files, empty; gives their inodes. Raises NotPossibleNow."""
    found: dict[str, int] = {}
    try:
        for key, part in note.parts.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(part, flags, 0o600)
            found[key] = os.fstat(file).st_ino
            os.close(file)
            note.goals[key].hardlink_to(part)  # as it gets its name in the end
            note.goals[key].unlink()
    except OSError as problem:
        for key in found:
            note.parts[key].unlink(missing_ok=True)
        raise errors.NotPossibleNow(
            f"No file can be made in {payload.folder}: {problem.strerror}.", do="Give another folder."
        ) from problem
    return found


def _require_wanted(context: Context, payload: RestoreCopy) -> None:
    if _is_given_up(context, payload):
        raise errors.NotPossibleNow(f"{payload.name} was given up while it was made.", do="Ask for it anew.")


def _is_given_up(context: Context, payload: RestoreCopy) -> bool:
    return context.state.fact(GIVEN_UP + payload.fabric_id) is not None


def _goals(payload: RestoreCopy, keys: Sequence[str]) -> dict[str, Path]:
    """Where the disks will lie, by their keys."""
    return {key: Path(payload.folder) / f"{payload.name}-{key}.qcow2" for key in keys}


def _require_new(context: Context, payload: RestoreCopy, goals: Mapping[str, Path]) -> None:
    """Raises AlreadyExists for a name, or a file, that somebody has, or that another copy under way is to
    have."""
    for text in context.state.facts(KEY).values():
        other = Note.model_validate_json(text)
        if other.name.lower() == payload.name.lower() or set(other.goals.values()) & set(goals.values()):
            raise errors.AlreadyExists(
                f"A copy that is named '{other.name}' is being made.", do="Give this one another name."
            )
    for each in context.fabric.inventory.list():
        if each.name.lower() == payload.name.lower():
            raise errors.AlreadyExists(
                f"A machine at this site is named '{each.name}'.", do="Give the copy another name."
            )
    for goal in goals.values():
        if os.path.lexists(goal):
            raise _is_there(goal)


def _is_there(goal: Path) -> errors.AlreadyExists:
    return errors.AlreadyExists(
        f"{goal} is there already, and is not overwritten.",
        do="Give another name or folder, or remove it if nobody needs it.",
    )


# -- the copy ------------------------------------------------------------------------------------------


def _stood_in(payload: RestoreCopy, standing: Sequence[stand_ins.Planned], note: Note) -> str:
    """Make what stands in for disks that were left out; the end of a sentence."""
    try:
        return "".join(f"; {stand_ins.copied(each, note.parts[each.disk.key])}" for each in standing)
    except (datapath_errors.DatapathError, OSError) as problem:
        raise errors.NotPossibleNow(
            f"What stands in for a disk of {payload.name} that was left out cannot be made: {problem}.",
            do="Make room there, or give another folder.",
        ) from problem


def _copied(
    context: Context,
    hosted: HostedReplica,
    payload: RestoreCopy,
    record: PointRecord,
    note: Note,
) -> None:
    whole = sum(disk.size_bytes for disk in record.manifest.disks)
    told = scrub.teller(whole, context.progress)

    def given_up() -> bool:
        return context.left_seconds() <= 0 or _is_given_up(context, payload)

    try:
        hosted.replica.copy_out(payload.point_id, note.parts, given_up, told)
    except datapath_errors.ImageProblem as problem:
        raise errors.PointDamaged(problem.message, do=problem.do) from problem
    except datapath_errors.Cancelled as problem:
        _require_wanted(context, payload)
        raise errors.NotPossibleNow(
            f"{payload.name} was not copied to its end: the failover of {hosted.setup.machine_name} was "
            "committed, which removes its points, or the time was over.",
            do="Ask for it anew, from a point that there is.",
        ) from problem
    except datapath_errors.DiskUnreadable as problem:
        if copy_checks.free_bytes(payload.folder) > copy_checks.SPARE_BYTES:
            raise
        raise errors.NotPossibleNow(
            f"{payload.folder} became full while {payload.name} was copied.",
            do="Make room there, or give another folder; nothing is left of the copy.",
        ) from problem
    for key, part in note.parts.items():
        _named(part, note.goals[key])
    sync_folder(Path(payload.folder))


def _named(part: Path, goal: Path) -> None:
    """A link, and no renaming: that would replace what somebody else put there meanwhile."""
    try:
        goal.hardlink_to(part)
    except FileExistsError as problem:
        raise _is_there(goal) from problem
    part.unlink()


def _firmware(hosted: HostedReplica, payload: RestoreCopy) -> dict[str, bytes]:
    """Raises PointDamaged: without it the copy would be another machine."""
    found = hosted.replica.firmware(payload.point_id)
    damaged = sorted(name for name, data in found.items() if data is None)
    if damaged:
        raise errors.PointDamaged(
            f"{', '.join(damaged)} of point {payload.point_id} is not what was sealed with it.",
            do="Choose another point.",
        )
    return {name: data for name, data in found.items() if data is not None}


def _made(
    context: Context,
    payload: RestoreCopy,
    definition: MachineDefinition,
    firmware: Mapping[str, bytes],
    note: Note,
) -> None:
    request = HostRequest(
        fabric_id=payload.fabric_id,
        name=payload.name,
        definition=definition,
        disks=note.goals,
        networks={nic.key: payload.network for nic in definition.nics},
        macs={nic.key: macs.made_of(f"{payload.fabric_id}/{nic.mac.lower()}") for nic in definition.nics},
        tag=payload.fabric_id,
        firmware=firmware,
        sizing=payload.sizing,
        goes_back=payload.fabric_id,
    )
    context.fabric.hosting.create(request)
    seams.reach("appliance.copy.made")
    _require_wanted(context, payload)
    context.fabric.tracking.disable(payload.fabric_id)  # and its tag: it is its owner's now
    seams.reach("appliance.copy.released")


def _start(context: Context, payload: RestoreCopy) -> str:
    """Start it, if that was asked for; what is in the way, as a part of a sentence: it took hours to copy."""
    if not payload.start:
        return ""
    try:
        context.fabric.power.start(payload.fabric_id)
    except errors.SecondsiteError as problem:
        return f"; it could not be started: {problem.message}"
    return ""


def _connected(payload: RestoreCopy) -> str:
    return "; it has no network card" if payload.network is None else f"; its cards are on {payload.network}"


def _fact(found: MachineSummary) -> RestoredCopy:
    files = {disk.key: disk.path for disk in found.definition.disks if disk.path}
    return RestoredCopy(fabric_id=found.fabric_id, name=found.name, files=files)
