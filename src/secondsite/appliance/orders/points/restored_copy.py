"""A machine of its own from a recovery point, beside the protected one, which runs on.

What is made is on record before it is made, and the record goes with the last act: from then on the machine
is nobody's but its owner's. Until then its tag is its own id: nobody takes it for the protected machine."""

import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ....datapath import errors as datapath_errors
from ....datapath.replica import PointRecord
from ....domain import errors
from ....domain.amounts import size
from ....fabrics.interface import HostRequest, MachineSummary
from ....ground import seams
from ....ground.durable import sync_folder
from ....wire.common.base import Shape
from ....wire.common.machines import MachineDefinition
from ....wire.control.copies import RestoreCopy, RestoredCopy
from ....wire.control.orders import FabricMachine, Nothing
from ...target import HostedReplica, scrub, stores
from ..context import Context

KEY = "restored-copy/"
MAC_BEGIN = "52:54:00"
SPARE_BYTES = 64 * 1024 * 1024
"""What a folder keeps beyond the copy: tables, and whatever else lies there."""


class Note(Shape):
    """A copy under way: the files of its disks, by disk key, and `mark`, by which what an order wrote is told
    from what a repeated one writes."""

    files: dict[str, str]
    mark: str

    def parts(self) -> dict[str, Path]:
        """The files as long as they are not whole."""
        named = {key: Path(goal) for key, goal in self.files.items()}
        return {key: goal.with_name(f".{goal.name}.{self.mark}.part") for key, goal in named.items()}


def restore(context: Context, payload: RestoreCopy) -> tuple[str, RestoredCopy]:
    """Copy the point's disks, make the machine, and start it if that was asked for. After an error nothing is
    left of it. Raises NotFound, NotPossibleNow, AlreadyExists, PointDamaged."""
    hosted = context.hosted()
    _end_cut_off(context, payload.fabric_id)
    found = context.fabric.inventory.get(payload.fabric_id)
    if found is not None:
        return f"{found.name} was restored before", _fact(found)
    record = hosted.record(payload.point_id)
    goals = _goals(payload, record)
    definition = hosted.definition(record)
    _require_possible(context, hosted, payload, definition, goals)
    with _noted(context, payload, goals) as note:
        _copied(context, hosted, payload, record, note)
        seams.reach("appliance.copy.written")
        _require_wanted(context, payload, note)
        _made(context, hosted, payload, definition, note)
    made = context.fabric.inventory.get(payload.fabric_id)
    if made is None:
        raise errors.NotPossibleNow(f"{payload.name} was removed while it was made.", do="Ask for it anew.")
    what = "runs" if payload.start else "is off"
    return (
        f"{payload.name} was made from {payload.point_id}, and {what}; its disks lie in {payload.folder}"
        f"{_connected(payload)}"
    ), _fact(made)


def end(context: Context, payload: FabricMachine) -> tuple[str, Nothing]:
    """Give up a copy that is being made, or was cut off. One that was made is its owner's, and stays."""
    _end_cut_off(context, payload.fabric_id)
    found = context.fabric.inventory.get(payload.fabric_id)
    if found is not None and found.tag is None:
        return f"{found.name} was made already, and stays", Nothing()
    return "nothing is left of the copy", Nothing()


def _end_cut_off(context: Context, fabric_id: str) -> None:
    """Remove what is on record of a copy. The record goes first: by that whoever is still writing one sees
    that it is given up, and removes what it wrote since. It comes back if something stays."""
    text = context.state.fact(KEY + fabric_id)
    if text is None:
        return
    context.state.remove_fact(KEY + fabric_id)
    try:
        _remove(context, fabric_id, Note.model_validate_json(text))
    except Exception:
        context.state.put_fact(KEY + fabric_id, text)
        raise


def _remove(context: Context, fabric_id: str, note: Note) -> None:
    """Remove the machine and its files; harmless if they are gone. One that carries no tag of ours any more
    is its owner's."""
    found = context.fabric.inventory.get(fabric_id)
    if found is not None and found.tag is None:
        return
    context.fabric.hosting.remove(fabric_id, fabric_id)
    for file in (*map(Path, note.files.values()), *note.parts().values()):
        file.unlink(missing_ok=True)


@contextmanager
def _noted(context: Context, payload: RestoreCopy, goals: Mapping[str, Path]) -> Iterator[Note]:
    note = Note(files={key: str(goal) for key, goal in goals.items()}, mark=uuid.uuid4().hex[:8])
    context.state.put_fact(KEY + payload.fabric_id, note.model_dump_json())
    try:
        seams.reach("appliance.copy.noted")
        yield note
    except Exception:
        for part in note.parts().values():
            part.unlink(missing_ok=True)
        if _is_wanted(context, payload, note):
            with suppress(errors.SecondsiteError, OSError):  # then the record stays, for whoever ends it
                _remove(context, payload.fabric_id, note)
                context.state.remove_fact(KEY + payload.fabric_id)
        raise
    context.state.remove_fact(KEY + payload.fabric_id)


def _is_wanted(context: Context, payload: RestoreCopy, note: Note) -> bool:
    return context.state.fact(KEY + payload.fabric_id) == note.model_dump_json()


def _require_wanted(context: Context, payload: RestoreCopy, note: Note) -> None:
    if not _is_wanted(context, payload, note):
        raise errors.NotPossibleNow(f"{payload.name} was given up while it was made.", do="Ask for it anew.")


def _goals(payload: RestoreCopy, record: PointRecord) -> dict[str, Path]:
    """Where the disks will lie, by their keys."""
    folder = Path(payload.folder)
    return {disk.key: folder / f"{payload.name}-{disk.key}.qcow2" for disk in record.manifest.disks}


# -- before it begins ----------------------------------------------------------------------------------


def _require_possible(
    context: Context,
    hosted: HostedReplica,
    payload: RestoreCopy,
    definition: MachineDefinition,
    goals: Mapping[str, Path],
) -> None:
    """Raises for whatever would keep the machine from being made, or started: hours later that is too
    late."""
    _require_folder(context, payload)
    _require_new(context, payload, goals)
    _require_plain(hosted, payload)
    _require_network(context, payload)
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


def _require_folder(context: Context, payload: RestoreCopy) -> None:
    folder = Path(payload.folder)
    if not folder.is_absolute() or not folder.is_dir():
        raise errors.NotFound(
            f"{folder} is no folder of this host.",
            do="Give the absolute path of one that is there, such as /var/lib/libvirt/images.",
        )
    own = {root.resolve() for root in context.parts.config.all_stores.values()}
    store = stores.around(folder / "disk", own)
    if store is not None:
        raise errors.NotPossibleNow(
            f"{folder} lies in the store {store}, in which nothing but replicas may lie.",
            do="Give a folder outside of all stores.",
        )


def _require_new(context: Context, payload: RestoreCopy, goals: Mapping[str, Path]) -> None:
    for each in context.fabric.inventory.list():
        if each.name.lower() == payload.name.lower():
            raise errors.AlreadyExists(
                f"A machine at this site is named '{each.name}'.", do="Give the copy another name."
            )
    for goal in goals.values():
        if os.path.lexists(goal):
            raise errors.AlreadyExists(
                f"{goal} is there already, and is not overwritten.",
                do="Give another name or folder, or remove it if nobody needs it.",
            )


def _require_plain(hosted: HostedReplica, payload: RestoreCopy) -> None:
    if hosted.replica.state.key_id is not None and not payload.unencrypted:
        raise errors.NotPossibleNow(
            f"The replica of {hosted.setup.machine_name} is encrypted, and the files of a copy are not.",
            do="Give '--unencrypted' if that may be so, and a folder that is encrypted otherwise.",
        )


def _require_network(context: Context, payload: RestoreCopy) -> None:
    known = sorted(each.name for each in context.fabric.networks.list())
    if payload.network is not None and payload.network not in known:
        raise errors.NotFound(
            f"This site has no network '{payload.network}'.",
            do=f"It has {', '.join(known) or 'none'}; without '--network' the copy has no card.",
        )


def _require_room(hosted: HostedReplica, payload: RestoreCopy, whole_bytes: int) -> None:
    """The replica's files hold at least what the copy will: all points are in them."""
    needed = min(whole_bytes, hosted.status().store_bytes) + SPARE_BYTES
    seen = os.statvfs(payload.folder)
    free = seen.f_bavail * seen.f_frsize
    if free < needed:
        raise errors.NotPossibleNow(
            f"{payload.folder} has {size(free)} left, and the copy may need {size(needed)}.",
            do="Make room there, or give another folder.",
        )


# -- the copy ------------------------------------------------------------------------------------------


def _copied(
    context: Context,
    hosted: HostedReplica,
    payload: RestoreCopy,
    record: PointRecord,
    note: Note,
) -> None:
    parts = note.parts()
    for part in parts.values():
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    whole = sum(disk.size_bytes for disk in record.manifest.disks)
    told = scrub.teller(whole, context.progress)

    def given_up() -> bool:
        return context.left_seconds() <= 0 or not _is_wanted(context, payload, note)

    try:
        hosted.replica.copy_out(payload.point_id, parts, given_up, told)
    except datapath_errors.ImageProblem as problem:
        raise errors.PointDamaged(problem.message, do=problem.do) from problem
    except datapath_errors.DiskUnreadable as problem:
        seen = os.statvfs(payload.folder)
        if seen.f_bavail * seen.f_frsize > SPARE_BYTES:
            raise
        raise errors.NotPossibleNow(
            f"{payload.folder} became full while {payload.name} was copied.",
            do="Make room there, or give another folder; nothing is left of the copy.",
        ) from problem
    for key, part in parts.items():
        part.rename(note.files[key])
    sync_folder(Path(payload.folder))


def _made(
    context: Context,
    hosted: HostedReplica,
    payload: RestoreCopy,
    definition: MachineDefinition,
    note: Note,
) -> None:
    firmware = hosted.replica.firmware(payload.point_id)
    request = HostRequest(
        fabric_id=payload.fabric_id,
        name=payload.name,
        definition=definition,
        disks={key: Path(file) for key, file in note.files.items()},
        networks={nic.key: payload.network for nic in definition.nics},
        macs={nic.key: _mac(payload.fabric_id, nic.mac) for nic in definition.nics},
        tag=payload.fabric_id,
        firmware={name: data for name, data in firmware.items() if data is not None},
        sizing=payload.sizing,
        goes_back=payload.fabric_id,
    )
    context.fabric.hosting.create(request)
    seams.reach("appliance.copy.made")
    if payload.start:
        context.fabric.power.start(payload.fabric_id)
    _require_wanted(context, payload, note)
    context.fabric.tracking.disable(payload.fabric_id)  # and its tag: it is its owner's now
    seams.reach("appliance.copy.released")


def _mac(fabric_id: str, mac: str) -> str:
    digest = hashlib.sha256(f"{fabric_id}/{mac.lower()}".encode()).hexdigest()
    return ":".join([MAC_BEGIN, *(digest[at : at + 2] for at in (0, 2, 4))])


def _connected(payload: RestoreCopy) -> str:
    return "; it has no network card" if payload.network is None else f"; its cards are on {payload.network}"


def _fact(found: MachineSummary) -> RestoredCopy:
    files = {disk.key: disk.path for disk in found.definition.disks if disk.path}
    return RestoredCopy(fabric_id=found.fabric_id, name=found.name, files=files)
