"""Moves a running machine's disks to other files, by mirror jobs.

As a merge does, each job stops before its last act, with the disk equal to its copy and the guest waiting:
then the record is switched. What is copied to is noted first; a later attempt finds the jobs by name."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ...datapath.disks import QmpRefused, image
from ...domain import errors
from ...ground import durable, seams
from ...ground.real_files import file_number
from ..interface import PowerState
from ..settling import NewPlace, going_on
from .host import disks
from .host.daemon import Session, translated
from .host.faults import Faults
from .host.host import Host, move_name
from .host.records import MachineRecord

POLL_SECONDS, END_SECONDS = 0.02, 60.0
Places = Mapping[str, Path]


class SimulatedSettling:
    """Pools are folders below `pools` of the site. Disks are qcow2 files."""

    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def check(
        self, fabric_id: str, disks: Mapping[str, NewPlace], *, unencrypted: bool = False
    ) -> Mapping[str, Path]:
        with self._faults.around("settling.check", fabric_id):
            record = self._running(fabric_id)
            _require_plain(record, disks, unencrypted)
            return self._noted(fabric_id) or self._planned(record, disks)

    def settle(
        self,
        fabric_id: str,
        disks: Mapping[str, NewPlace],
        progress: Callable[[int, int], None],
        *,
        bytes_per_second: int | None = None,
        going_on: Callable[[], None] = going_on,
    ) -> Mapping[str, Path]:
        with (
            self._faults.around("settling.settle", fabric_id),
            self._host.records.lock_view(fabric_id),
        ):
            record = self._running(fabric_id)
            places = self._noted(fabric_id) or self._planned(record, disks)
            self._note(fabric_id, places)
            seams.reach("fabric.settle.noted")
            limit = 0 if bytes_per_second is None else max(1, bytes_per_second // len(places))
            try:
                self._run(fabric_id, places, limit, progress, going_on)
            except Exception:
                self._give_up(fabric_id, places)
                raise
            self._path(fabric_id).unlink(missing_ok=True)
            return places

    def end(self, fabric_id: str) -> bool:
        with self._faults.around("settling.end", fabric_id):
            places = self._noted(fabric_id)
            self._path(fabric_id).unlink(missing_ok=True)  # by which one in progress sees it
            deadline = time.monotonic() + END_SECONDS
            while True:
                try:
                    with self._host.records.lock_view(fabric_id):
                        return bool(places) and self._give_up(fabric_id, places)
                except errors.FabricError:  # one is in progress
                    if time.monotonic() > deadline:
                        raise
                time.sleep(POLL_SECONDS)

    def left(self, fabric_id: str) -> tuple[str, ...]:
        with self._faults.around("settling.left", fabric_id):
            return tuple(str(path) for path in self._noted(fabric_id).values())

    def _path(self, fabric_id: str) -> Path:
        return self._host.root / "settling" / f"{fabric_id}.json"

    def _noted(self, fabric_id: str) -> dict[str, Path]:
        try:
            return {key: Path(path) for key, path in json.loads(self._path(fabric_id).read_text()).items()}
        except (FileNotFoundError, ValueError):
            return {}

    def _note(self, fabric_id: str, places: Places) -> None:
        self._path(fabric_id).parent.mkdir(exist_ok=True)
        durable.write(self._path(fabric_id), json.dumps({key: str(path) for key, path in places.items()}))

    def _running(self, fabric_id: str) -> MachineRecord:
        record = self._host.records.need(fabric_id)
        if record.tag is None:
            raise errors.NotOurs(f"Machine '{record.definition.name}' does not carry our tag.")
        if self._host.state(record) is not PowerState.RUNNING:
            raise errors.NotPossibleNow(
                f"'{record.definition.name}' is off, and disks are moved while their machine runs.",
                do="Start it, then try again.",
            )
        return record

    def _planned(self, record: MachineRecord, disks: Mapping[str, NewPlace]) -> dict[str, Path]:
        return {key: self._place(record, key, new) for key, new in disks.items()}

    def _place(self, record: MachineRecord, key: str, new: NewPlace) -> Path:
        new.require_cache(key)
        folder = Path(new.place) if new.place.startswith("/") else self._host.root / "pools" / new.place
        if new.format != "qcow2":
            raise errors.NotPossibleNow("Disks of simulated machines are qcow2.", do="Give qcow2.")
        if not folder.is_dir():
            raise errors.NotFound(
                f"There is no storage pool '{new.place}' here.", do="Give one that there is."
            )
        names = (f"{record.definition.name}-{key}{n}.qcow2" for n in ("", *map("-{}".format, range(2, 100))))
        path = next(folder / name for name in names if not (folder / name).exists())
        wants, seen = _held_bytes(record, key), os.statvfs(folder)
        if seen.f_bavail * seen.f_frsize < wants:
            raise errors.NotPossibleNow(f"{folder} has too little space.", do="Free space there.")
        return path

    def _run(
        self,
        fabric_id: str,
        places: Places,
        limit: int,
        progress: Callable[[int, int], None],
        going_on: Callable[[], None],
    ) -> None:
        while True:
            going_on()
            if not self._path(fabric_id).exists():
                raise errors.NotPossibleNow(
                    f"The move of the disks of machine {fabric_id} was cancelled.", do="Begin it again."
                )
            with self._host.records.lock(fabric_id, "settle"):
                jobs = [self._copied(fabric_id, key, path, limit) for key, path in places.items()]
            progress(sum(job[0] for job in jobs), sum(job[1] for job in jobs))
            if all(job[2] for job in jobs):
                break
            time.sleep(POLL_SECONDS)
        seams.reach("fabric.settle.equal")
        for key, path in places.items():
            moved = False
            while not moved:
                with self._host.records.lock(fabric_id, "settle"):
                    moved = self._moved(self._running(fabric_id), key, path)

    def _copied(self, fabric_id: str, key: str, path: Path, limit: int) -> tuple[int, int, bool]:
        """How many bytes are copied, of how many, and whether the copy is equal."""
        record = self._running(fabric_id)
        if _is_on(record, key, path):
            return 1, 1, True
        with self._session(record) as session:
            job = _job(session, record, key)
            if job is None:
                self._begin(session, record, key, path, limit)
                return 0, 0, False
            if job["status"] == "concluded":
                raise errors.FabricError(
                    f"The copy of disk {key} failed: {job.get('error')}",
                    do="Check the space at its new place.",
                )
        is_equal = job["status"] in ("ready", "standby")
        return int(job["current-progress"]), int(job["total-progress"]), is_equal

    def _begin(self, session: Session, record: MachineRecord, key: str, path: Path, limit: int) -> None:
        path.unlink(missing_ok=True)
        size_bytes = next(disk.size_bytes for disk in record.definition.disks if disk.key == key)
        with translated(f"Making {path}"):
            image.create(path, size_bytes)
        seams.reach("fabric.settle.made")
        files, chain = disks.look(record.fabric_id, path), record.nodes[key]
        node = files.chain[0].node
        if node not in chain:
            self._host.records.save(record.having(nodes={**record.nodes, key: (*chain, node)}))
        session.drop_node(node)
        disks.open_chain(session, files, writable=True)
        session.run(
            "blockdev-mirror",
            job_id=move_name(record.fabric_id, key),
            device=chain[0],
            target=node,
            sync="full",
            speed=limit,
            auto_finalize=False,
            auto_dismiss=False,
        )
        seams.reach("fabric.settle.copying")

    def _moved(self, record: MachineRecord, key: str, path: Path) -> bool:
        """Take the next step of changing over to a copy that is equal; whether it was the last one."""
        with self._session(record) as session:
            job = _job(session, record, key)
            if job is None:
                return _is_on(record, key, path)
            if job["status"] == "ready":
                self._mark(session, record, key, path)
                seams.reach("fabric.settle.marked")
                with contextlib.suppress(QmpRefused):
                    session.run("job-complete", id=job["id"])
            elif job["status"] == "pending":
                self._host.records.save(_switched(record, key, path))
                session.run("job-finalize", id=job["id"])
                seams.reach("fabric.settle.moved")
            elif job["status"] == "concluded":
                session.run("job-dismiss", id=job["id"])
                node = disks.node_name(record.fabric_id, path)
                for other in (each for each in record.nodes[key] if each != node):
                    session.drop_node(other)
                self._host.records.save(record.having(nodes={**record.nodes, key: (node,)}))
                return True
        return False

    def _mark(self, session: Session, record: MachineRecord, key: str, path: Path) -> None:
        """Begin the checkpoints' bitmaps at the copy, with the marks of the disk's own."""
        top, target = record.nodes[key][0], disks.node_name(record.fabric_id, path)
        for name in (name for name, keys in record.checkpoints.items() if key in keys):
            add = {"node": target, "name": name, "persistent": True}
            merge = {"node": target, "target": name, "bitmaps": [{"node": top, "name": name}]}
            with contextlib.suppress(QmpRefused):  # it is there already, or died with its daemon
                session.run(
                    "transaction",
                    actions=[
                        {"type": "block-dirty-bitmap-add", "data": add},
                        {"type": "block-dirty-bitmap-merge", "data": merge},
                    ],
                )

    def _give_up(self, fabric_id: str, places: Places) -> bool:
        with self._host.records.lock(fabric_id, "end settling"):
            record = self._host.records.need(fabric_id)
            left = {key: path for key, path in places.items() if not _is_on(record, key, path)}
            if self._host.state(record) is PowerState.RUNNING:
                with self._session(record) as session:
                    for key, path in left.items():
                        session.drop_kept_job(move_name(fabric_id, key))
                        session.drop_node(disks.node_name(fabric_id, path))
            for path in left.values():
                path.unlink(missing_ok=True)
            self._path(fabric_id).unlink(missing_ok=True)
            return len(left) == len(places)

    def _session(self, record: MachineRecord) -> contextlib.AbstractContextManager[Session]:
        return self._host.daemon(record).session(f"Moving the disks of '{record.definition.name}'")


def _require_plain(record: MachineRecord, keys: Mapping[str, NewPlace], unencrypted: bool) -> None:
    for disk in record.definition.disks:
        if disk.key in keys and not unencrypted and disks.look("", Path(disk.path)).chain[0].encrypted:
            raise errors.NotPossibleNow(
                f"Disk {disk.key} is encrypted, and would lie unencrypted in its new place.",
                do="If that is meant, add '--unencrypted'.",
            )


def _held_bytes(record: MachineRecord, key: str) -> int:
    path = next((Path(disk.path) for disk in record.definition.disks if disk.key == key), None)
    if path is None:
        raise errors.NotFound(f"Machine '{record.definition.name}' has no disk '{key}'.")
    with translated(f"Looking at disk {key}"):
        return sum(link.stored_bytes for link in image.chain(path))


def _is_on(record: MachineRecord, key: str, path: Path) -> bool:
    return any(disk.key == key and disk.path == str(path) for disk in record.definition.disks)


def _job(session: Session, record: MachineRecord, key: str) -> dict[str, str] | None:
    wanted = move_name(record.fabric_id, key)
    return next((one for one in session.run("query-jobs") if one["id"] == wanted), None)


def _switched(record: MachineRecord, key: str, path: Path) -> MachineRecord:
    """The record with this file as the disk; its checkpoints belong to it now."""
    listed = tuple(
        disk.model_copy(update={"path": str(path)}) if disk.key == key else disk
        for disk in record.definition.disks
    )
    number = file_number(path)
    images = {
        name: {**by_disk, key: number} if key in by_disk and number is not None else by_disk
        for name, by_disk in record.images.items()
    }
    return record.having(definition=record.definition.model_copy(update={"disks": listed}), images=images)
