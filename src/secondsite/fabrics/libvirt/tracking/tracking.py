"""Change tracking: checkpoints, and frozen views for a machine that runs or is off.

The base of a view is the checkpoint that the caller names as acknowledged, never libvirt's "current" one
(P6).
"""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ....datapath.disks import DiskLocation
from ....domain import errors
from ....domain.machines.hardware import Hindrance
from ... import foreign_mark, interface
from ..consistency import freezing
from ..host import connection, domain_xml, inventory, permissions, sockets, tagging
from . import (
    backup_job,
    bitmaps,
    image_identity,
    iothreads,
    kept_changes,
    left_files,
    powered_off,
    trackable,
    trials,
    unwritten,
    view_kinds,
    view_plan,
)
from .job_lifeline import JobLifeline
from .waiting_calls import WaitingCalls

OFF = interface.PowerState.OFF


class Tracking:
    """Invariant: at most one view of a machine is open in this process.

    The sockets of views of running machines lie in a folder of QEMU's user, who may put anything there: we
    write no file in it. Our own daemons use `_daemons`, which belongs to us.
    """

    def __init__(
        self,
        hypervisor: connection.Hypervisor,
        work_dir: Path,
        agents: freezing.Agents,
        folders: permissions.FolderAccess,
        machines: interface.Power,
        view_kind: str,
        lacking: Callable[[str], Sequence[Hindrance]],
    ) -> None:
        """`lacking` looks for what is lacking in a machine."""
        self._hypervisor = hypervisor
        self._lacking = lacking
        self._power = machines
        self._work_dir = work_dir
        self._agents = agents
        self._folders = folders
        leading = work_dir / "leading"
        self._kept = kept_changes.KeptChanges(work_dir / "kept-changes", leading)
        self._identities = image_identity.Identities(work_dir / "identities", self._kept)
        self._left = left_files.LeftFiles(work_dir / "left-files", hypervisor, self._identities, self._kept)
        self._looks = unwritten.WriteObserver(self._identities)
        self._lifeline = JobLifeline()
        self._daemons, self._notes = work_dir / "daemons", work_dir / "scratch-of"
        self._trials = trials.Trials(work_dir / "views-on-trial")
        self._kinds = view_kinds.ViewKinds(hypervisor, self._sockets, view_kind, self._notes, leading)
        self._waiting = WaitingCalls(hypervisor.uri)
        self._viewed: set[str] = set()
        self._lock = threading.Lock()
        powered_off.end_left_over(self._daemons)

    def check(self, fabric_id: str) -> Sequence[interface.Obstacle]:
        domain = self._hypervisor.domain(fabric_id)
        disks = domain_xml.disks(domain_xml.parse(inventory.definition_xml(domain)))
        unkept = self._kinds.follow_unkept(disks)
        notes = (interface.Obstacle(each.what, each.do, each.blocking) for each in self._lacking(fabric_id))
        return [*trackable.obstacles(domain, self._hypervisor.key, unkept=unkept), *notes]

    def enable(self, fabric_id: str, tag: str) -> None:
        domain = self._hypervisor.domain(fabric_id)
        found = inventory.tag_of(domain)
        if found not in (None, tag):
            raise foreign_mark.refusal(domain.name(), found)
        if found is None:
            tagging.write(domain, tag)

    def recognizes(self, acknowledged: interface.AcknowledgedDisks) -> bool:
        domain = self._hypervisor.domain(acknowledged.fabric_id)
        return image_identity.is_sure(domain, acknowledged)

    def open(self, request: interface.SessionRequest) -> AbstractContextManager[interface.ChangeSession]:
        return self._view(request)

    def end_left_over(self, fabric_id: str) -> None:
        domain = self._hypervisor.find(fabric_id)
        if domain is None or inventory.power_of(domain) is OFF:
            view_plan.remove_scratch(self._notes, fabric_id)
            return
        with self._only_view_of(domain):
            self._take_out(domain)
            backup_job.end_left_over(domain, self._sockets())
            view_plan.remove_scratch(self._notes, fabric_id)
            self._lifeline.done(fabric_id)

    def end_left_over_trials(self) -> None:
        """Ends views on trial that a dead process left open, and removes what was theirs."""
        for fabric_id in self._trials.noted():
            with contextlib.suppress(errors.SecondsiteError):  # the next opening of the fabric tries again
                self._end_trial(fabric_id)

    def _end_trial(self, fabric_id: str) -> None:
        """A machine that was tagged since may be another appliance's: what is not surely ours stays there."""
        domain = self._hypervisor.find(fabric_id)
        if domain is None or inventory.tag_of(domain) is None:
            self.end_left_over(fabric_id)
        elif inventory.power_of(domain) is not OFF:
            backup_job.end_left_over(domain, self._sockets())
        view_plan.forget_scratch(self._notes, fabric_id)
        self._trials.forget(fabric_id)

    @contextlib.contextmanager
    def keeping(self, fabric_id: str) -> Iterator[None]:
        with contextlib.suppress(errors.SecondsiteError, OSError):  # then it is compared
            self._begin_to_keep(self._hypervisor.domain(fabric_id))
        try:
            yield
        finally:
            if self._kept.has(fabric_id):
                with contextlib.suppress(errors.SecondsiteError, OSError):  # the next view takes it out
                    self.end_left_over(fabric_id)

    @contextlib.contextmanager
    def moving(self, fabric_id: str) -> Iterator[None]:
        """A context in which the disks of a running machine move to other files: no view of it can be opened,
        and none is left of a dead process. Raises FabricError while one is open."""
        self.end_left_over(fabric_id)
        domain = self._hypervisor.domain(fabric_id)
        with self._only_view_of(domain):
            self._left.forget(fabric_id)
            yield

    def moved(self, domain: Any, key: str, place: DiskLocation) -> None:
        """Notes that the bitmaps which a disk has now are those of this place; durable."""
        self._identities.move(domain, key, place)

    def _begin_to_keep(self, domain: Any) -> None:
        if any(not disk.keeps_bitmaps for disk in inventory.live_disks(domain)):
            with self._only_view_of(domain):
                self._take_out(domain)
                self._kept.begin(domain, self._left.last_start(domain))

    def _take_out(self, domain: Any) -> None:
        self._kept.distrust(domain.UUIDString())
        self._kinds.end_left_over(domain, surely=True)
        self._kept.remove(domain.UUIDString())

    def close(self) -> None:
        """Ends views that are still open."""
        self._lifeline.close()
        self._waiting.close()

    def unwritten(self, fabric_id: str, disks: Sequence[str], base: str) -> interface.Unwritten | None:
        domain = self._hypervisor.domain(fabric_id)
        looked: tuple[bool, interface.Unwritten | None] = self._looked(
            self._looks.of_its_own, domain, disks, base
        )
        runs, found = looked
        if not runs:
            return self._unwritten_at_rest(domain, disks, base)
        self._left.forget(fabric_id)
        return found

    def all_unwritten(
        self, asked: Sequence[interface.AcknowledgedDisks]
    ) -> Mapping[str, interface.Unwritten]:
        """As the interface says; the machines are asked one after the other, because bulk statistics count
        neither discards of a guest nor writes of a job. No view follows, so whether one would be safe is not
        checked."""
        found: dict[str, interface.Unwritten] = {}
        for each in asked:
            with contextlib.suppress(errors.SecondsiteError):  # whoever asks for it by itself hears of that
                still = self._looked(self._looks.in_a_round, self._hypervisor.handle, each)
                if still is not None:
                    found[each.fabric_id] = still
        return found

    def _looked(self, ask: Callable[..., Any], *about: object) -> Any:
        """Run `ask` as one call: it changes nothing, so it may go on when nobody waits for it any more."""
        return connection.call("looking for writes", ask, *about, seconds=bitmaps.LOOK_SECONDS)

    def _unwritten_at_rest(self, domain: Any, keys: Sequence[str], base: str) -> interface.Unwritten | None:
        disks = inventory.live_disks(domain)
        asked = [disk for disk in disks if disk.key in keys]
        self._left.look(domain, disks)
        if len(asked) != len(keys) or not all(self._identities.unmoved(domain, disk, base) for disk in asked):
            return None
        with self._only_view_of(domain):
            folder = self._daemons / domain.UUIDString()
            return powered_off.unwritten(asked, base, folder, self._hypervisor.key)

    def compare(self, expected: interface.ExpectedBlocks) -> interface.ComparedBlocks | None:
        """Bitmaps miss no write of the machine."""
        return None

    def acknowledge(self, fabric_id: str, keep: str | None) -> None:
        self._remove(self._hypervisor.domain(fabric_id), keep)

    def hand_over(self, fabric_id: str) -> str:
        return self._identities.hand_over(fabric_id)

    def take_over(self, fabric_id: str, known: str) -> None:
        domain = self._hypervisor.domain(fabric_id)
        disks = inventory.live_disks(domain)
        self._identities.take_over(fabric_id, known, {disk.key for disk in disks if disk.keeps_bitmaps})
        self._left.forget(fabric_id)

    def disable(self, fabric_id: str) -> None:
        domain = self._hypervisor.find(fabric_id)
        if domain is not None:
            self._let_go(domain, fabric_id)
        self._kept.remove(fabric_id)
        if fabric_id not in self._viewed:
            view_plan.forget_scratch(self._notes, fabric_id)

    def _let_go(self, domain: Any, fabric_id: str) -> None:
        if self._power.state(fabric_id) is not interface.PowerState.ELSEWHERE:
            self._remove(domain, keep=None)
        self._identities.forget(fabric_id)
        self._left.forget(fabric_id)
        self._looks.forget(fabric_id)
        if inventory.tag_of(domain) is not None:
            tagging.write(domain, None)

    def _remove(self, domain: Any, keep: str | None) -> None:
        if inventory.power_of(domain) is OFF:
            self._require_here(domain)
            with self._left.writing(domain, inventory.live_disks(domain)):
                bitmaps.remove_off(domain, keep, self._hypervisor.key)
        else:
            self._left.forget(domain.UUIDString())
            bitmaps.remove_running(domain, keep)

    def _require_here(self, domain: Any) -> None:
        """Raises FabricError for a machine that lives elsewhere: nothing is written to images that another
        host writes."""
        if self._power.state(domain.UUIDString()) is interface.PowerState.ELSEWHERE:
            raise errors.FabricError(
                f"The disks of '{domain.name()}' are in use elsewhere, so they are left alone.",
                do="Migrate it back to this hypervisor, or end the other use.",
            )

    @contextlib.contextmanager
    def _view(self, request: interface.SessionRequest) -> Iterator[interface.ChangeSession]:
        domain = self._hypervisor.domain(request.fabric_id)
        disks = inventory.live_disks(domain)
        self._require_disks(domain, disks, request)
        with self._only_view_of(domain), self._trials.noting(request):
            if inventory.power_of(domain) is OFF:
                self._require_here(domain)
                with self._resting_view(domain, disks, request) as session:
                    yield session
            else:
                with self._running_view(domain, request) as session:
                    yield session

    @contextlib.contextmanager
    def _resting_view(
        self, domain: Any, disks: Sequence[domain_xml.Disk], request: interface.SessionRequest
    ) -> Iterator[interface.ChangeSession]:
        key, base = self._hypervisor.key, request.base
        holders: powered_off.Holders = {}
        folder = self._daemons / request.fabric_id
        if request.trial:
            with powered_off.view(domain, request, disks, holders, lambda: True, folder, key) as session:
                yield session
            return
        is_unwritten = self._unwritten_since_now(domain, disks, request)
        with self._left.writing(domain, disks):
            if base is not None:
                holders = {disk.key: self._identities.holders(domain, disk, base) for disk in disks}
            bitmaps.remove_off(domain, base, key)  # of views that never arrived
            powered_off.begin(request, disks, key)
            self._identities.record(domain, disks, request.new_checkpoint, base, runs=False)
        with powered_off.view(domain, request, disks, holders, is_unwritten, folder, key) as session:
            reason = "The machine is off." if request.app_consistent else None
            yield dataclasses.replace(session, reason=reason)

    def _unwritten_since_now(
        self, domain: Any, disks: Sequence[domain_xml.Disk], request: interface.SessionRequest
    ) -> Callable[[], bool]:
        """Tells later whether nobody wrote meanwhile to the disks that keep no bitmaps; of a network disk,
        whether the machine was not started: nothing tells whether another host wrote to it."""
        asked = [disk for disk in disks if disk.key in request.disks]

        def seen() -> object:
            looks = powered_off.unkept_looks(request, disks)
            if all(disk.network is None for disk in asked):
                return looks
            return looks, inventory.power_of(domain), self._left.last_start(domain)

        then = seen()
        return lambda: seen() == then

    @contextlib.contextmanager
    def _only_view_of(self, domain: Any) -> Iterator[None]:
        fabric_id = domain.UUIDString()
        with self._lock:
            if fabric_id in self._viewed:
                raise errors.FabricError(
                    f"A frozen view of the machine '{domain.name()}' is open already.",
                    do="Wait for the running cycle to end; replication goes on by itself.",
                )
            self._viewed.add(fabric_id)
        try:
            yield
        finally:
            self._viewed.discard(fabric_id)

    @contextlib.contextmanager
    def _running_view(
        self, domain: Any, request: interface.SessionRequest
    ) -> Iterator[interface.ChangeSession]:
        iothreads.require_safe(domain, request.disks)
        _require_few(domain, request)
        self._waiting.opening()
        self._left.forget(request.fabric_id)
        if self._kept.has(request.fabric_id):
            self._take_out(domain)
        kind, reason = self._kind(domain, request)
        plan = self._plan(domain, request, kind)
        request.scratch_dir.mkdir(parents=True, exist_ok=True)
        self._folders.let_in(request.scratch_dir.absolute(), self._sockets())
        self._watch(plan, kind)
        view_plan.note_scratch(self._notes, request)
        ending = kind.ending(domain)
        try:
            freezing = (
                self._agents.frozen(domain) if request.app_consistent else nullcontext(interface.Freeze())
            )
            with freezing as freeze, view_plan.full_scratch_named(request.scratch_dir):
                taken_at, pause_seconds = kind.begin(plan)
            if not request.trial:
                self._identities.record(domain, plan.disks, request.new_checkpoint, request.base, runs=True)
            yield interface.ChangeSession(
                taken_at=taken_at,
                checkpoint=None if request.trial else request.new_checkpoint,
                disks=tuple(view_plan.describe(plan, kind.changed)),
                consistency=freeze.consistency,
                reason=freeze.reason,
                pause_seconds=freeze.seconds or pause_seconds,
                most_connections=kind.most_connections,
                scratch_bytes=lambda: view_plan.scratch_bytes(plan),
                abandon=ending.end,
                wanted_seconds=self._waiting.seconds,
                gave_way=self._waiting.gave_way,
                how=interface.RunningView(kind.name, reason),
            )
        finally:
            # The child stays on watch if the job does not end.
            ending.end()
            self._lifeline.done(request.fabric_id)
            view_plan.clear(plan)
            if request.trial:
                view_plan.forget_scratch(self._notes, request.fabric_id)

    def _watch(self, plan: view_plan.ViewPlan, kind: view_kinds.ViewKind) -> None:
        """Has another process end the view after its longest time, or when this one dies."""
        request = plan.request
        try:
            self._lifeline.watch(request.fabric_id, kind.rescue(plan.domain), request.longest_seconds)
        except (OSError, TimeoutError) as error:
            raise errors.FabricError(
                f"No view was opened, because its watchdog process did not start: {error}.",
                do="Check the host's free memory and process limits; replication goes on by itself.",
            ) from error

    def _kind(self, domain: Any, request: interface.SessionRequest) -> tuple[view_kinds.ViewKind, str | None]:
        disks = [disk for disk in inventory.live_disks(domain) if disk.key in request.disks]
        return self._kinds.of(domain, disks)

    def _plan(
        self, domain: Any, request: interface.SessionRequest, kind: view_kinds.ViewKind
    ) -> view_plan.ViewPlan:
        if not kind.needs_checkpoints:
            self._kinds.end_left_over(domain)
        backup_job.free_of_jobs(domain, self._sockets(), inventory.live_disks(domain))
        recorded = () if kind.needs_checkpoints else self._identities.recorded(request.fabric_id)
        seen = (
            bitmaps.look(domain)
            if request.trial
            else bitmaps.settle(domain, request.base, recorded, define=kind.needs_checkpoints)
        )
        disks, sizes_bytes = seen.disks, seen.sizes_bytes
        unsized = [disk for disk in disks if disk.key not in sizes_bytes]
        sizes_bytes = {**sizes_bytes, **inventory.sizes_bytes(domain, unsized)}
        trackable.require_bytes(sizes_bytes, [disk for disk in disks if disk.key in request.disks])
        bases = self._bases(domain, disks, seen.bitmaps, request.base)
        encryption = None
        if self._hypervisor.key is not None and any(disk.encrypted for disk in disks):
            encryption = view_plan.ScratchEncryption(self._hypervisor.key, self._work_dir / "blanks")
        return view_plan.ViewPlan(
            domain,
            request,
            disks,
            sizes_bytes,
            bases,
            kind.socket(request.fabric_id),
            encryption,
            seen.drives,
        )

    def _bases(
        self, domain: Any, disks: Sequence[domain_xml.Disk], found: bitmaps.Found, base: str | None
    ) -> dict[str, str]:
        """The base of each disk for which it is usable: its bitmap is whole and belongs to this very file."""
        if base is None:
            return {}
        return {
            disk.key: base
            for disk in disks
            if bitmaps.usable(found, disk.key, base) and self._identities.same(domain, disk, base)
        }

    def _require_disks(
        self, domain: Any, disks: Sequence[domain_xml.Disk], request: interface.SessionRequest
    ) -> None:
        missing = sorted({*request.disks} - {disk.key for disk in disks})
        if missing:
            raise errors.FabricError(
                f"The machine '{domain.name()}' has no disk {', '.join(missing)}.",
                do="Attach the disk again, or disable protection and enable it with the present disks.",
            )
        asked = [disk for disk in disks if disk.key in request.disks]
        for disk in asked:
            trackable.require_path(disk)
            if not disk.keeps_bitmaps:
                trackable.require_format(disk, unkept=self._kinds.follow_unkept(asked))

    def _sockets(self) -> Path:
        return sockets.folder(self._work_dir, self._folders.owner)


def _require_few(domain: Any, request: interface.SessionRequest) -> None:
    """Raises FabricError for more disks than can be read at once: QEMU would hang at the last of them."""
    if len(request.disks) > backup_job.MOST_CONNECTIONS:
        raise errors.FabricError(
            (
                f"'{domain.name()}' has {len(request.disks)} disks to replicate; QEMU lets at most "
                f"{backup_job.MOST_CONNECTIONS} be read at once."
            ),
            do="Exclude the disks that the other site can do without.",
        )
