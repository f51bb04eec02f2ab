"""What a person at the target can do with its trash: make a machine from what it keeps, or delete something
before the deletion delay is over. No order of a vault does either."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from ....datapath.encryption import EncryptionKey
from ....datapath.replica import PointRecord, Replica, load_record
from ....domain import errors, shell
from ....fabrics.interface import Fabric, HostRequest
from ....ground import seams
from ....ground.plural import counted
from ....wire.common.machines import MachineDefinition
from .. import old_disks
from ..store_daemon import daemon_of
from .item import RESTORED, Item


def points(item: Item, store: Path) -> list[PointRecord]:
    """The points of an item, oldest first."""
    return Replica.open(item.folder, daemon_of(store), machine_id=item.removed.machine_id).points()


def restore(
    fabric: Fabric, item: Item, store: Path, key: EncryptionKey | None, point_id: str | None, name: str | None
) -> str:
    """Define a machine on a point of the item, the newest whole one unless one is named; returns a sentence.
    The machine is off, has no network, and carries no mark of ours. Repeating it is harmless. Raises
    NotFound, PointDamaged."""
    with _opened(item, store, key) as replica:
        point = _chosen(replica, item, point_id)
        _require_whole(replica, item)
        definition = _described(point)
        fabric_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{item.name}/{point.point_id}"))
        name = name or f"{definition.name}-restored"
        known = fabric.inventory.get(fabric_id)
        if known is not None and known.tag is None:
            return f"{known.name} was made from point {point.point_id} already"
        with _run(replica, RESTORED + point.point_id, fabric, fabric_id):
            paths = replica.open_run(RESTORED + point.point_id, point.point_id)
            firmware = replica.firmware(point.point_id)
            seams.reach("appliance.trash.opened")
            fabric.hosting.create(_request(fabric_id, name, definition, paths, firmware))
        seams.reach("appliance.trash.created")
        fabric.tracking.disable(fabric_id)
    said = (
        f"{name} is made from point {point.point_id}, off and without a network; it stands on {item.folder}"
    )
    return said + _doubt(item, point)


def let_go(fabric: Fabric, item: Item, stores: Sequence[Path] = ()) -> str:
    """Delete an item now; returns a sentence. Raises NotPossibleNow if a machine or a replica stands on it,
    also through the files of others. `stores` are all of this appliance, not only the item's."""
    places = {item.folder.parent.parent, *stores}
    found = [each for store in sorted(places) for each in _replicas(store / "replicas")]
    for name, files in (*_machines(fabric), *found):
        if any(path.resolve().is_relative_to(item.folder.resolve()) for path in files):
            raise errors.NotPossibleNow(
                f"{name} stands on {item.folder}.",
                do="Remove it first, or move its disks elsewhere.",
            )
    item.delete()
    return f"deleted {item.removed.points} recovery points of {item.removed.machine_name} for good"


def _machines(fabric: Fabric) -> Iterator[tuple[str, list[Path]]]:
    """The machines of this site, each with all files that it reads: its owner may have put snapshots above
    ours."""
    for found in fabric.inventory.list():
        yield found.name, [path for disk in found.definition.disks for path in old_disks.files(disk)]


def _replicas(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """The replicas of this site, each with the old disks that it stands on: a machine may have been restored
    from the trash, and protected since."""
    for path in sorted(folder.glob("[!.]*/replica.json")):
        state = load_record(path)
        below = [Path(file.path) for disk in state.disks for file in disk.base_files]
        yield f"the replica of {state.machine_id}", [*below, *(Path(disk.base) for disk in state.disks)]


@contextmanager
def _run(replica: Replica, name: str, fabric: Fabric, fabric_id: str) -> Iterator[None]:
    """After an error a run that was opened inside is closed, unless a machine was made: else the item could
    never be deleted."""
    known = replica.state.run(name) is not None
    try:
        yield
    except Exception:
        if not known and replica.state.run(name) and fabric.inventory.get(fabric_id) is None:
            replica.close_run(name)
        raise


@contextmanager
def _opened(item: Item, store: Path, key: EncryptionKey | None) -> Iterator[Replica]:
    daemon = daemon_of(store)
    daemon.start()  # ends one that outlived a killed appliance
    try:
        replica = Replica.open(
            item.folder,
            daemon,
            lambda name: seams.reach(f"appliance.replica.{name}"),
            key,
            item.removed.machine_id,
        )
        yield replica
        replica.close()
    finally:
        daemon.stop()


def _chosen(replica: Replica, item: Item, point_id: str | None) -> PointRecord:
    found = [point for point in replica.points() if not point.committed]
    whole = [point for point in found if point.point_id not in item.removed.damaged]
    if point_id is None and whole:
        return whole[-1]
    for point in found:
        if point.point_id == point_id:
            return point
    named = f" '{point_id}'" if point_id else ""
    raise errors.NotFound(
        f"Item {item.name} of the trash has no recovery point{named} that a machine could start from.",
        do=f"List them with 'secondsite appliance trash show {shell.arguments(item.name)}'.",
    )


def _doubt(item: Item, point: PointRecord) -> str:
    """A warning about a damaged point, as the end of a sentence: a person may want one that no failover would
    choose."""
    if point.point_id not in item.removed.damaged:
        return ""
    return (
        "; the point was found damaged, or stands on one that is: compare its files before they are trusted"
    )


def _described(point: PointRecord) -> MachineDefinition:
    try:
        return MachineDefinition.model_validate(dict(point.manifest.definition))
    except ValidationError as problem:
        raise errors.PointDamaged(
            (
                f"The definition of the machine at point {point.point_id} is invalid: "
                f"{counted(problem.error_count(), 'error')}."
            ),
            do="Choose another point.",
        ) from problem


def _require_whole(replica: Replica, item: Item) -> None:
    replica.require_bases()
    changed = replica.changed_bases()
    if changed:
        raise errors.PointDamaged(
            f"The points in {item.name} stand on the old disks of {item.removed.machine_name} at this site, "
            f"and those were changed ({', '.join(changed)}).",
            do="Put the files back as they were when the replica was removed.",
        )


def _request(
    fabric_id: str, name: str, definition: MachineDefinition, paths: Mapping[str, Path],
    firmware: Mapping[str, bytes | None],
) -> HostRequest:  # fmt: skip
    kept = {disk.key for disk in definition.disks} & set(paths)
    return HostRequest(
        fabric_id=fabric_id,
        name=name,
        definition=definition.model_copy(
            update={"disks": tuple(disk for disk in definition.disks if disk.key in kept)}
        ),
        disks=paths,
        networks={nic.key: None for nic in definition.nics},
        tag=uuid.UUID(fabric_id).hex,  # no machine's
        goes_back=uuid.uuid4().hex,
        firmware={file: data for file, data in firmware.items() if data is not None},
    )
