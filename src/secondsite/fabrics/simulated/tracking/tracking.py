"""Change tracking with real persistent dirty bitmaps: one per checkpoint and disk, named by the
checkpoint."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pydantic

from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ....ground.real_files import FileNumber
from ...interface import (
    AcknowledgedDisks,
    ChangeSession,
    ComparedBlocks,
    ExpectedBlocks,
    Obstacle,
    PowerState,
    SessionRequest,
    Unwritten,
)
from ..common_pause import SimulatedCommonPause
from ..host import disks
from ..host.faults import Faults
from ..host.host import Host
from ..host.records import MachineRecord
from . import resting_view, running_view, unwritten

IMAGES = pydantic.TypeAdapter(dict[str, dict[str, int | FileNumber]])


class SimulatedTracking:
    """Change tracking of simulated machines. Each of our bitmaps records until its checkpoint is removed, so
    each alone is the delta since its instant."""

    def __init__(self, host: Host, faults: Faults, common_pause: SimulatedCommonPause) -> None:
        self._host = host
        self._faults = faults
        self._common_pause = common_pause

    def check(self, fabric_id: str) -> Sequence[Obstacle]:
        with self._faults.around("tracking.check", fabric_id):
            record = self._host.records.get(fabric_id)
            if record is None:
                return [
                    Obstacle("The machine is not there.", "Refresh the inventory and choose another machine.")
                ]
            return [
                dataclasses.replace(obstacle, disk=disk.key)
                for disk in record.definition.disks
                for obstacle in _obstacles(fabric_id, disk.key, disk.path)
            ]

    def enable(self, fabric_id: str, tag: str) -> None:
        with self._faults.around("tracking.enable", fabric_id), self._host.records.lock(fabric_id, "tag"):
            record = self._host.records.need(fabric_id)
            if record.tag not in (None, tag):
                raise errors.NotOurs(
                    (
                        f"Machine '{record.definition.name}' carries the mark of another protection, "
                        f"{record.tag}."
                    ),
                    do="If another vault protects it, end that first. If that was forgotten with a restored "
                    "database, take the mark off the definition.",
                )
            if record.tag is None:
                self._host.records.save(record.having(tag=tag))

    def recognizes(self, acknowledged: AcknowledgedDisks) -> bool:
        with self._faults.around("tracking.recognizes", acknowledged.fabric_id):
            record = self._host.records.need(acknowledged.fabric_id)
            paths = {disk.key: Path(disk.path) for disk in record.definition.disks}
            off = self._host.state(record) is PowerState.OFF
            return bool(acknowledged.disks) and all(
                key in paths
                and record.counted(acknowledged.base, key, paths[key])
                and not (off and acknowledged.base not in disks.look(record.fabric_id, paths[key]).bitmaps)
                for key in acknowledged.disks
            )

    @contextlib.contextmanager
    def open(self, request: SessionRequest) -> Iterator[ChangeSession]:
        with self._host.records.lock_view(request.fabric_id):
            try:
                with self._faults.around("tracking.open", request.fabric_id):
                    session = self._begin(request)
                yield session
            finally:
                self._end(request.fabric_id)

    def end_left_over(self, fabric_id: str) -> None:
        with self._faults.around("tracking.end_left_over", fabric_id):
            record = self._host.records.get(fabric_id)
            if record is not None and (record.view is not None or self._host.reader(fabric_id).identity):
                with self._host.records.lock_view(fabric_id):
                    self._end(fabric_id)

    def end_left_over_trials(self) -> None:
        """Ends views on trial that a dead process left open; those of another process stay."""
        for record in self._host.records.all():
            if record.tag is None:
                with contextlib.suppress(errors.SecondsiteError):
                    self.end_left_over(record.fabric_id)

    @contextlib.contextmanager
    def keeping(self, fabric_id: str) -> Iterator[None]:
        with self._faults.around("tracking.keeping", fabric_id):
            yield

    def unwritten(self, fabric_id: str, disks: Sequence[str], base: str) -> Unwritten | None:
        with (
            self._faults.around("tracking.unwritten", fabric_id),
            self._host.records.lock(fabric_id, "look for writes of"),
        ):
            return unwritten.since(self._host, self._host.records.need(fabric_id), disks, base)

    def all_unwritten(self, asked: Sequence[AcknowledgedDisks]) -> Mapping[str, Unwritten]:
        with contextlib.ExitStack() as locks:
            ready = [each for each in asked if self._is_ready(locks, each.fabric_id)]
            return unwritten.of_all(self._host, ready)

    def _is_ready(self, locks: contextlib.ExitStack, fabric_id: str) -> bool:
        """Lock the machine; False without waiting if something else has it, or if a fault is set for it."""
        try:
            with self._faults.around("tracking.unwritten", fabric_id):
                locks.enter_context(self._host.records.lock(fabric_id, "look for writes of", 0.0))
        except errors.SecondsiteError:
            return False
        return True

    def compare(self, expected: ExpectedBlocks) -> ComparedBlocks | None:
        """Bitmaps miss no write of the machine."""
        return None

    def acknowledge(self, fabric_id: str, keep: str | None) -> None:
        with (
            self._faults.around("tracking.acknowledge", fabric_id),
            self._host.records.lock(fabric_id, "acknowledge"),
        ):
            self._keep_only(self._host.records.need(fabric_id), keep)

    def hand_over(self, fabric_id: str) -> str:
        record = self._host.records.get(fabric_id)
        return IMAGES.dump_json(record.images).decode() if record is not None else ""

    def take_over(self, fabric_id: str, known: str) -> None:
        with self._host.records.lock(fabric_id, "take over"):
            record = self._host.records.need(fabric_id)
            try:
                images = IMAGES.validate_json(known)
            except pydantic.ValidationError:
                images = {}
            self._host.records.save(record.having(images=images))

    def disable(self, fabric_id: str) -> None:
        with (
            self._faults.around("tracking.disable", fabric_id),
            self._host.records.lock(fabric_id, "disable"),
        ):
            record = self._host.records.get(fabric_id)
            if record is not None:
                record = self._keep_only(self._host.end_view(record), None)
                self._host.records.save(record.having(tag=None))

    def _begin(self, request: SessionRequest) -> ChangeSession:
        with self._host.records.lock(request.fabric_id, "open a frozen view of"):
            record = self._host.records.need(request.fabric_id)
            if record.elsewhere:
                raise errors.FabricError(
                    f"The disks of machine '{record.definition.name}' are in use on another host."
                )
            if self._host.state(record) is PowerState.OFF:
                if not request.trial:
                    record = self._keep_only(record, request.base)  # the others' views never arrived
                reason = "The machine is off." if request.app_consistent else None
                return dataclasses.replace(resting_view.begin(self._host, record, request), reason=reason)
            if not request.app_consistent:
                return running_view.begin(self._host, record, request)
            with self._common_pause.frozen(request.fabric_id, record.traits.guest_agent) as reason:
                session = running_view.begin(self._host, record, request)
            return dataclasses.replace(session, consistency="crash" if reason else "app", reason=reason)

    def _end(self, fabric_id: str) -> None:
        with self._host.records.lock(fabric_id, "end the frozen view of"):
            self._host.reader(fabric_id).remove()
            record = self._host.records.get(fabric_id)
            if record is not None:
                self._host.end_view(record)

    def _keep_only(self, record: MachineRecord, keep: str | None) -> MachineRecord:
        if self._host.state(record) is PowerState.RUNNING:
            self._drop_running(record, keep)
        else:
            record = self._drop_off(record, keep)
        kept = {name: keys for name, keys in record.checkpoints.items() if name == keep}
        return (
            record if kept == record.checkpoints else self._host.records.save(record.having(checkpoints=kept))
        )

    def _drop_off(self, record: MachineRecord, keep: str | None) -> MachineRecord:
        record = self._host.close(record)
        self._host.reader(record.fabric_id).kill()  # a dead process may have left it
        record = self._host.records.save(record.settled().having(left={}))
        for disk in record.definition.disks:
            _drop_resting(record.fabric_id, Path(disk.path), keep, self._host.key)
        return self._host.records.save(record.leaving())

    def _drop_running(self, record: MachineRecord, keep: str | None) -> None:
        gone = [name for name in record.checkpoints if name != keep]
        if not gone:
            return
        paths = {disk.key: Path(disk.path) for disk in record.definition.disks}
        with self._host.daemon(record).session(
            f"Dropping checkpoints of '{record.definition.name}'"
        ) as session:
            for name in gone:
                for key in record.checkpoints[name]:
                    session.drop_bitmap(disks.node_name(record.fabric_id, paths[key]), name)


def _drop_resting(fabric_id: str, path: Path, keep: str | None, key: EncryptionKey | None) -> None:
    if not path.exists():
        return
    found = disks.look(fabric_id, path)
    for name in (*found.bitmaps, *found.broken_bitmaps):
        if name.startswith(disks.OURS) and name != keep:
            disks.remove_bitmap(path, name, key)


def _obstacles(fabric_id: str, key: str, path: str) -> list[Obstacle]:
    try:
        found = disks.look(fabric_id, Path(path))
    except errors.FabricError as error:
        return [Obstacle(f"Disk {key} cannot be read: {error.message}", error.do)]
    if found.chain[0].image_format != "qcow2":
        return [Obstacle(f"Disk {key} is {found.chain[0].image_format}.", "Convert the disk to qcow2.")]
    if found.compat == "0.10":
        return [
            Obstacle(
                f"Disk {key} is qcow2 of version 2.", "Run 'qemu-img amend -o compat=1.1' while it is off."
            )
        ]
    foreign = [name for name in found.bitmaps if not name.startswith(disks.OURS)]
    if foreign:
        what = f"Disk {key} has bitmaps of another program: {', '.join(foreign)}."
        return [Obstacle(what, "Check that the other backup program tolerates ours.", blocking=False)]
    return []
