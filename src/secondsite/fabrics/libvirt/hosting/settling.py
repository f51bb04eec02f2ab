"""Moves the disks of a running machine to the site's own storage, by libvirt's block copy.

What is made for it is noted first, and the note goes with the last act: so a later process knows which copies
are ours, goes on with those that QEMU still makes, and removes those that it does not. Only once all disks
are equal to their copies does the machine change over to these. It stands still until its stored definition
says so: a power cut in between would start it on its former disks, without what it wrote since."""

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ....datapath.disks import DiskLocation, image, same_files
from ....domain import errors, shell
from ....ground import durable, seams
from ... import interface
from ...settling import DIRECT, NewPlace, going_on
from ..consistency.common_pause import CommonPause
from ..host import connection, domain_xml, inventory, permissions, qemu_img
from ..tracking import moving_disks
from ..tracking.tracking import Tracking
from . import destinations, needed_files, occupied
from .destinations import Destination, Need

POLL_SECONDS = 0.2
STALL_SECONDS = 600.0
END_SECONDS = 60.0
RETRY = (
    "Retry the job: a disk that lies in its new place already stays there. See why libvirt was slow: "
    "'systemctl status libvirtd'."
)
PAUSE_SECONDS = 10.0
LOST_SECONDS = 60.0
"""So long a libvirtd that is restarted is waited for; QEMU copies on meanwhile."""
NOTED_SECONDS = 3.0
"""By then libvirt has noted that a QEMU is dead."""
FLAGS = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
PIVOT = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT

Places = Mapping[str, Destination]


class Settling:
    def __init__(
        self,
        hypervisor: connection.Hypervisor,
        work_dir: Path,
        views: Tracking,
        machines: interface.Power,
        folders: permissions.FolderAccess,
        pauses: CommonPause,
    ) -> None:
        self._hypervisor = hypervisor
        self._notes = work_dir.absolute() / "settling"
        self._views, self._power, self._folders, self._pauses = views, machines, folders, pauses
        self._active: set[str] = set()
        self._changed, self._planning = threading.Condition(), threading.Lock()

    def check(
        self, fabric_id: str, disks: Mapping[str, NewPlace], *, unencrypted: bool = False
    ) -> Mapping[str, DiskLocation]:
        domain = self._of_ours(fabric_id)
        _require_plain(domain, disks, unencrypted)
        return _locations(self._begun(fabric_id, disks) or self._planned(domain, disks))

    def settle(
        self,
        fabric_id: str,
        disks: Mapping[str, NewPlace],
        progress: Callable[[int, int], None],
        *,
        bytes_per_second: int | None = None,
        going_on: Callable[[], None] = going_on,
    ) -> Mapping[str, DiskLocation]:
        domain = self._of_ours(fabric_id)
        with self._alone(domain), self._views.moving(fabric_id):
            places = self._begun(fabric_id, disks)
            if not places:
                self._give_up(domain, self._noted(fabric_id))
                self._require_none_left(fabric_id)
                with self._planning:  # of two moves to one device, the second finds the first one's note
                    places = self._planned(domain, disks)
                    self._note(fabric_id, places)
            seams.reach("fabric.settle.noted")
            try:
                self._copy(domain, places, bytes_per_second)
                domain = self._await_equal(domain, places, progress, going_on)
                with self._pauses.pause([fabric_id], PAUSE_SECONDS, RETRY):
                    for key, place in places.items():
                        _move(domain, key, place)
                    self._finish(domain, places)
            except Exception:
                with contextlib.suppress(errors.SecondsiteError):  # then the note stays, for a later verb
                    self._give_up(self._hypervisor.domain(fabric_id), places)
                raise
            self._path(fabric_id).unlink(missing_ok=True)
        return _locations(places)

    def end(self, fabric_id: str) -> bool:
        noted = self._noted(fabric_id)
        self._path(fabric_id).unlink(missing_ok=True)  # by which one in progress sees it
        with self._changed:
            if not self._changed.wait_for(lambda: fabric_id not in self._active, END_SECONDS):
                raise errors.DeadlineExceeded(
                    f"The move of the disks of machine {fabric_id} did not end within {END_SECONDS:.0f} s.",
                    do="Retry; the machine runs on meanwhile.",
                )
        domain = self._hypervisor.find(fabric_id)
        if not noted or domain is None:
            return False
        return self._give_up(domain, noted)

    def left(self, fabric_id: str) -> tuple[str, ...]:
        return tuple(place.path for place in self._noted(fabric_id).values())

    def finish_left_over(self) -> None:
        """What a process that died right after a change-over did not do, before any view is opened: it would
        take what a disk's new place has for nobody's."""
        for file in self._notes.glob("*.json"):
            with contextlib.suppress(errors.SecondsiteError):  # whoever goes on with the move finds it
                domain = self._hypervisor.find(file.stem)
                if domain is not None:
                    self._finish(domain, self._noted(file.stem))

    # -- what was begun --------------------------------------------------------------------------------

    def _path(self, fabric_id: str) -> Path:
        return self._notes / f"{fabric_id}.json"

    def _noted(self, fabric_id: str) -> dict[str, Destination]:
        try:
            known = json.loads(self._path(fabric_id).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {key: Destination(**each) for key, each in known.items()}

    def _begun(self, fabric_id: str, disks: Mapping[str, NewPlace]) -> dict[str, Destination]:
        """What was begun, if the same was asked for then."""
        noted = self._noted(fabric_id)
        asked = {key: str(new) for key, new in disks.items()}
        return noted if {key: place.asked for key, place in noted.items()} == asked else {}

    def _note(self, fabric_id: str, places: Places) -> None:
        self._notes.mkdir(parents=True, exist_ok=True)
        text = json.dumps({key: dataclasses.asdict(place) for key, place in places.items()})
        durable.write(self._path(fabric_id), text)

    @contextlib.contextmanager
    def _alone(self, domain: Any) -> Iterator[None]:
        fabric_id = domain.UUIDString()
        with self._changed:
            if fabric_id in self._active:
                raise errors.FabricError(
                    f"The disks of '{domain.name()}' are being moved already.",
                    do="Wait until that has ended.",
                )
            self._active.add(fabric_id)
        try:
            yield
        finally:
            with self._changed:
                self._active.discard(fabric_id)
                self._changed.notify_all()

    # -- before it begins ------------------------------------------------------------------------------

    def _of_ours(self, fabric_id: str) -> Any:
        domain = self._hypervisor.domain(fabric_id)
        if inventory.tag_of(domain) is None:
            raise errors.NotOurs(f"The machine '{domain.name()}' carries no secondsite tag.")
        if not inventory.power_of(domain).is_on:
            self.end(fabric_id)
            raise errors.NotPossibleNow(
                f"'{domain.name()}' is {self._power.state(fabric_id)}, and disks are moved while their "
                "machine runs.",
                do=f"Start it ('virsh start {shell.arguments(domain.name())}'), then try again.",
            )
        return domain

    def _planned(self, domain: Any, disks: Mapping[str, NewPlace]) -> dict[str, Destination]:
        _require_cache(domain, disks)
        needed_files.require_none(domain, self._power.state(domain.UUIDString()), disks)
        found: dict[str, Destination] = {}
        needs = list(_needs(domain, disks))
        for need in needs:
            place = destinations.find(self._hypervisor.handle, need, disks[need.key])
            if any(same_files.overlap(each.path, place.path) for each in found.values()):
                raise errors.InvalidArgument(
                    f"{place.path} was given for several disks.", do="Give each its own."
                )
            occupied.require_free(self._hypervisor, place, self._others(domain.UUIDString()))
            found[need.key] = place
        destinations.require_space(self._hypervisor.handle, [(each, found[each.key]) for each in needs])
        folders = [Path(place.path).parent for place in found.values() if place.is_file]
        for what, do in self._folders.kept_out(folders).items():
            raise errors.NotPossibleNow(what, do=do)
        return found

    def _others(self, fabric_id: str) -> dict[str, str]:
        """The places of other moves under way, with their machines."""
        ids = {file.stem for file in self._notes.glob("*.json")} - {fabric_id}
        return {place.path: other for other in ids for place in self._noted(other).values()}

    # -- the copies ------------------------------------------------------------------------------------

    def _copy(self, domain: Any, places: Places, bytes_per_second: int | None) -> None:
        """Begin each copy that is neither there nor done; what is left of one that ended is removed first."""
        self._folders.let_in(*(Path(place.path).parent for place in places.values() if place.is_file))
        for key, place in places.items():
            element = _element(domain, key)
            if _lies_on(element, place) or _is_copied_to(element, place):
                continue
            job = connection.call("looking for a copy", domain.blockJobInfo, key, 0)
            if job or element.find("mirror") is not None:
                raise errors.NotPossibleNow(
                    f"A block job runs on disk {key} of '{domain.name()}'.",
                    do="See what it is with 'virsh blockjob' and let it end; then try again.",
                )
            destinations.remove(self._hypervisor.handle, place)
            destinations.make(self._hypervisor.handle, place)
            seams.reach("fabric.settle.made")
            limit = {} if bytes_per_second is None else {"bandwidth": max(1, bytes_per_second // len(places))}
            connection.call("beginning a copy", domain.blockCopy, key, place.xml, limit, FLAGS)
            seams.reach("fabric.settle.copying")

    def _await_equal(
        self, domain: Any, places: Places, progress: Callable[[int, int], None], going_on: Callable[[], None]
    ) -> Any:
        """The machine, by a connection that lives, once all copies are equal."""
        seen, moved_at = -1, time.monotonic()
        while True:
            going_on()
            self._require_wanted(domain)
            try:
                jobs = [_job(domain, key, place) for key, place in places.items()]
            except errors.FabricError as error:
                domain = self._found_again(domain.UUIDString(), error)
                continue
            copied, whole = sum(job[0] for job in jobs), sum(job[1] for job in jobs)
            if copied != seen:
                seen, moved_at = copied, time.monotonic()
            progress(copied, whole)
            if all(job[2] for job in jobs):
                break
            if time.monotonic() - moved_at > STALL_SECONDS:
                raise errors.DeadlineExceeded(
                    f"The copy of the disks of '{domain.name()}' stands still at {seen} bytes.",
                    do="Check the storage that they are copied to; then retry the job.",
                )
            time.sleep(POLL_SECONDS)
        seams.reach("fabric.settle.equal")
        return domain

    def _found_again(self, fabric_id: str, error: errors.FabricError) -> Any:
        """The machine once libvirt answers again, if the error says that it does not; else raises that."""
        deadline = time.monotonic() + LOST_SECONDS
        while connection.is_lost(error) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            try:
                return self._hypervisor.domain(fabric_id)
            except errors.FabricError as again:
                error = again
        raise error

    def _require_none_left(self, fabric_id: str) -> None:
        """Raises NotPossibleNow for copies of an earlier move: a note of the next would have them
        forgotten."""
        if left := self.left(fabric_id):
            raise errors.NotPossibleNow(
                f"What an earlier move of these disks copied could not be removed: {', '.join(left)}.",
                do="See to the storage that it lies in, or remove it there; then try again.",
            )

    def _require_wanted(self, domain: Any) -> None:
        if not self._path(domain.UUIDString()).exists():
            raise errors.NotPossibleNow(
                f"The move of the disks of '{domain.name()}' was cancelled.",
                do="Begin it again if it is wanted.",
            )

    def _give_up(self, domain: Any, places: Places) -> bool:
        """Ends what copies there are; removes those that the machine is not on. Those that cannot be removed
        stay noted. Whether it is on none."""
        stays = {key for key, place in places.items() if _lies_on(_element(domain, key), place)}
        left = {
            key: place
            for key, place in places.items()
            if key not in stays and not self._gone(domain, key, place)
        }
        with contextlib.suppress(errors.FabricError):
            self._finish(domain, places)
        if left:
            self._note(domain.UUIDString(), left)
        else:
            self._path(domain.UUIDString()).unlink(missing_ok=True)
        return not stays

    def _gone(self, domain: Any, key: str, place: Destination) -> bool:
        """End and remove one copy; False if it is still there."""
        if _is_copied_to(_element(domain, key), place):
            with contextlib.suppress(errors.FabricError):  # it may have ended, as by the machine's shutdown
                connection.call("ending a copy", domain.blockJobAbort, key, 0)
        try:
            destinations.remove(self._hypervisor.handle, place)
        except (errors.FabricError, OSError):
            return False
        return True

    def _finish(self, domain: Any, places: Places) -> None:
        """See to it that all is known of the disks that the machine is on already. Harmless when repeated."""
        for key, place in places.items():
            if _lies_on(_element(domain, key), place):
                self._keep_definition(domain, key, place)
                if inventory.power_of(domain).is_on:  # else it is compared
                    self._views.moved(domain, key, place.location)

    def _keep_definition(self, domain: Any, key: str, place: Destination) -> None:
        """Require that the stored definition has the new place: libvirt changes it if it had the former. Give
        the disk there its cache mode: that of a disk that runs stays."""
        root = domain_xml.parse(inventory.definition_xml(domain, libvirt.VIR_DOMAIN_XML_SECURE))
        element = next((each for found, each in domain_xml.disk_elements(root) if found == key), None)
        if element is None:
            return
        if _lies_on(element, place):
            _cache(domain, element, place.cache)
            return
        former = domain_xml.path_of(element)
        raise errors.FabricError(
            f"'{domain.name()}' runs on {place.path}, but its stored definition has {former} as "
            f"disk {key}: from its next start on it would go back in time.",
            do=f"Put {place.path} into its definition ('virsh edit {shell.arguments(domain.name())}'), then "
            "retry the job.",
        )


def _locations(places: Places) -> Mapping[str, DiskLocation]:
    return {key: place.location for key, place in places.items()}


def _needs(domain: Any, disks: Mapping[str, NewPlace]) -> Iterator[Need]:
    known = [disk for disk in inventory.live_disks(domain) if disk.key in disks]
    sizes_bytes = inventory.sizes_bytes(domain, known)
    for key in disks:
        disk = next((each for each in known if each.key == key), None)
        if disk is None or key not in sizes_bytes:
            raise errors.NotFound(
                f"'{domain.name()}' has no disk {key} that can be read.", do="'virsh domblklist' shows them."
            )
        yield Need(domain.name(), key, sizes_bytes[key], _held_bytes(disk, sizes_bytes[key]))


def _held_bytes(disk: domain_xml.Disk, size_bytes: int) -> int:
    """How much the disk's files hold; of a device or a network disk, its size."""
    if disk.is_device or not isinstance(disk.location, Path):
        return size_bytes
    with qemu_img.translated():
        return sum(link.stored_bytes for link in image.chain(disk.location, disk.format))


def _require_plain(domain: Any, disks: Mapping[str, NewPlace], unencrypted: bool) -> None:
    locked = [disk.key for disk in inventory.live_disks(domain) if disk.key in disks and disk.encrypted]
    if locked and not unencrypted:
        raise errors.NotPossibleNow(
            f"{', '.join(locked)} of '{domain.name()}' is encrypted in the replica, and would lie "
            "unencrypted in its new place.",
            do="If that is meant, add '--unencrypted'.",
        )


def _require_cache(domain: Any, disks: Mapping[str, NewPlace]) -> None:
    """Raises InvalidArgument for a mode that libvirt takes with none of a disk's other settings."""
    for disk, element in domain_xml.disk_elements(domain_xml.parse(inventory.definition_xml(domain))):
        new, driver = disks.get(disk), element.find("driver")
        is_native = driver is not None and driver.get("io") == "native"
        if new is not None and new.cache and new.cache not in DIRECT and is_native:
            raise errors.InvalidArgument(
                f"Disk {disk} of '{domain.name()}' has io='native', which goes with the cache modes "
                f"{' and '.join(DIRECT)} only.",
                do="Give one of these.",
            )


def _cache(domain: Any, element: Element, mode: str) -> None:
    """Give a disk of the stored definition this cache mode; empty: leave it."""
    driver = element.find("driver")
    if driver is None or not mode or driver.get("cache") == mode:
        return
    driver.set("cache", mode)
    text, flag = domain_xml.render(element), libvirt.VIR_DOMAIN_AFFECT_CONFIG
    connection.call("setting a cache mode", domain.updateDeviceFlags, text, flag)


def _element(domain: Any, key: str) -> Element:
    root = domain_xml.parse(inventory.live_xml(domain))
    for found, element in domain_xml.disk_elements(root):
        if found == key:
            return element
    raise errors.FabricError(f"The machine '{domain.name()}' has no disk {key} any more.")


def _lies_on(element: Element, place: Destination) -> bool:
    path = domain_xml.path_of(element)
    return bool(path) and place.is_at(path)


def _is_copied_to(element: Element, place: Destination) -> bool:
    mirror = element.find("mirror")
    return mirror is not None and _lies_on(mirror, place)


def _job(domain: Any, key: str, place: Destination) -> tuple[int, int, bool]:
    """How many bytes are copied, of how many, and whether the copy is equal. Raises if it ended."""
    element = _element(domain, key)
    if _lies_on(element, place):
        return 1, 1, True
    job, mirror = _watched(domain, key), element.find("mirror")
    if job and mirror is not None:
        return int(job["cur"]), int(job["end"]), mirror.get("ready") == "yes"
    if not inventory.power_of(domain).is_on:
        raise errors.NotPossibleNow(
            f"'{domain.name()}' went off while its disks were copied; it stays on its former disks.",
            do="Start it, then retry the job: the copy begins anew.",
        )
    if _lies_on(_element(domain, key), place):
        return 1, 1, True
    raise errors.FabricError(
        f"The copy of disk {key} of '{domain.name()}' to {place.path} failed or was ended; the machine "
        "stays on its former disks.",
        do="Check that there is space, and libvirt's log of the machine; then retry the job.",
    )


def _watched(domain: Any, key: str) -> Mapping[str, int]:
    """What libvirt tells of a disk's copy; empty without one, as once the machine is off."""
    try:
        return dict(connection.call("watching a copy", domain.blockJobInfo, key, 0))
    except errors.FabricError:
        deadline = time.monotonic() + NOTED_SECONDS
        while inventory.power_of(domain).is_on:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        return {}


def _move(domain: Any, key: str, place: Destination) -> None:
    """Change over to a copy that is equal. Bitmaps are taken along first."""
    if _lies_on(_element(domain, key), place):
        return
    moving_disks.mark(domain, key)
    seams.reach("fabric.settle.marked")
    deadline = time.monotonic() + END_SECONDS
    while not _pivoted(domain, key):
        _require_before(deadline, domain, key)
    seams.reach("fabric.settle.moved")
    while not _lies_on(_element(domain, key), place):  # libvirt notes it a moment later
        _require_before(deadline, domain, key)


def _pivoted(domain: Any, key: str) -> bool:
    """Tell libvirt to change over; False while it says that the copy is not equal."""
    try:
        connection.call("changing over to a copy", domain.blockJobAbort, key, PIVOT)
    except errors.FabricError as error:
        if connection.code_of(error) != libvirt.VIR_ERR_BLOCK_COPY_ACTIVE:
            raise
        return False
    return True


def _require_before(deadline: float, domain: Any, key: str) -> None:
    if time.monotonic() > deadline:
        raise errors.DeadlineExceeded(
            f"Disk {key} of '{domain.name()}' did not change over to its copy within {END_SECONDS:.0f} s.",
            do="Retry the job; the machine runs on meanwhile.",
        )
    time.sleep(POLL_SECONDS / 10)
