"""Machines made here from replicas: create, remove, withdraw, restore, consolidate.

Invariant: nothing is changed that does not carry our tag.
"""

import contextlib
import itertools
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ....datapath.disks import image, same_files
from ....domain import errors
from ....domain.machines import nearest
from ....ground import durable
from ....wire.common.machines import MachineDefinition
from ....wire.common.properties import Sizing
from ... import firmware_files, interface
from ...capacity import Capacity
from .. import seeing
from ..host import (
    accelerator,
    connection,
    domain_xml,
    inventory,
    permissions,
    power,
    qemu_img,
    saved_memory,
    withdrawn_disks,
)
from ..seeing import begin_of
from . import (
    adapt,
    consoles,
    consolidate,
    cpu_models,
    dry_run,
    firmware,
    foreign,
    gone,
    guards,
    homecoming,
    machine_types,
    missing_parts,
    needed_files,
    newer,
    sizing,
    snapshots,
)
from .cpu_models import CpuModels
from .plain import emulated, notes

OFF = interface.PowerState.OFF
AUTOSTART = "autostart"
SNAPSHOTS = ".snapshots"
KEEP = libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_KEEP_TPM

Chains = Mapping[str, list[image.ImageFacts]]


class Hosting:
    def __init__(
        self,
        hypervisor: connection.Hypervisor,
        work_dir: Path,
        networks: interface.Networks,
        machines: power.Power,
        folders: permissions.FolderAccess,
        boot_folders: tuple[Path, ...] = (),
    ) -> None:
        self._hypervisor = hypervisor
        self._consoles = work_dir.absolute() / "console"
        self._withdrawn = work_dir.absolute() / "withdrawn"
        self._nvram = work_dir.absolute() / "nvram"
        self._trying = threading.Lock()
        self._tries = work_dir.absolute() / "start-on-trial"
        """It is there while a start is tried: only then the next process looks for what is left."""
        self._networks = networks
        self._power = machines
        self._folders = folders
        self._boot_folders = boot_folders

    def capacity(self) -> Capacity:
        return sizing.capacity(self._hypervisor)

    def cpu_model(self) -> str | None:
        return cpu_models.of_host(self._hypervisor)

    def cpu_models(self) -> frozenset[str]:
        return cpu_models.here(self._hypervisor, accelerator.kvm_usable()).usable

    def check(
        self, definition: MachineDefinition, wanted: Sizing = interface.AS_DEFINED
    ) -> Sequence[interface.Obstacle]:
        place = self._place(definition)
        if definition.fabric_kind != "libvirt":
            return [
                *missing_parts.accelerator_notes(None),
                *self._kept_out(()),
                *notes.obstacles(definition, place.devices),
            ]
        root = foreign.parse(definition.native)
        return [
            *missing_parts.accelerator_notes(root),
            *missing_parts.missing_files(root, self._boot_folders),
            *self._kept_out(missing_parts.boot_files(root)),
            *self._unknown_machine_type(root, place.kinds_of_machine),
            *machine_types.notes(root, place.kinds_of_machine),
            *(cpu_models.notes(root, place.models) if wanted.cpu_model is None else ()),
            *consoles.notes(root),
            *missing_parts.disks_left_behind(root),
            *missing_parts.media(root),
            *missing_parts.cards_of_the_host(root),
            *missing_parts.clock(root),
            *guards.notes(root, place.filters),
            *newer.notes(root, place.libvirt),
            *missing_parts.left_out(root, self._boot_folders),
        ]

    def try_start(
        self, trial: interface.StartTrial, meanwhile: Callable[[str], None] | None = None
    ) -> Sequence[interface.Obstacle]:
        known = frozenset(each.name for each in self._networks.list())
        networks = {key: name for key, name in trial.networks.items() if name in known}
        trial, place = replace(trial, networks=networks), self._place(trial.definition)
        with self._trying:
            durable.write(self._tries, b"")
            found = [*dry_run.obstacles(self._hypervisor, trial, place, self._folders, meanwhile)]
            self._tries.unlink(missing_ok=True)
            return found

    def end_left_over_trial(self) -> None:
        """Removes the machine of a trial start whose process died."""
        with contextlib.suppress(errors.SecondsiteError):  # the next opening tries again
            if self._tries.exists():
                dry_run.end_left_over(self._hypervisor, self._consoles)
                self._tries.unlink(missing_ok=True)

    def gone(self, home: MachineDefinition, replicated: Collection[str]) -> Sequence[interface.MissingPart]:
        return [*gone.at_home(self._hypervisor, domain_xml.parse(self._native(home)), replicated)]

    def kept_out(self, folder: Path) -> Sequence[interface.Obstacle]:
        return [interface.Obstacle(what, do) for what, do in self._folders.kept_out([folder]).items()]

    def create(self, request: interface.HostRequest) -> Sequence[str]:
        existing = self._hypervisor.find(request.fabric_id)
        if existing is not None:
            inventory.require_tag(existing, request.tag)
            _require_its_disks(existing, request)
            if inventory.power_of(existing) is not OFF or saved_memory.is_there(existing):
                return ()  # its memory goes with the definition that it was saved with
        self._require_free_name(request)
        chains = _chains(request.disks)
        self._folders.let_in(*(path.absolute().parent for path in _files(chains)))
        self._consoles.mkdir(parents=True, exist_ok=True)
        text = self._wanted(request, chains)
        if existing is None:
            self._nvram.mkdir(mode=0o700, exist_ok=True)
            self._folders.let_in(self._nvram)
            firmware.place(self._hypervisor, domain_xml.parse(text), request.firmware)
        seeing.mark(domain_xml.parse(text), begin_of(self._consoles, request.fabric_id))
        if existing is not None and existing.name() != request.name:  # libvirt redefines none by another name
            _undefine(existing, KEEP)
        domain = self._define(f"defining '{request.name}'", text)
        connection.call("turning autostart off", domain.setAutostart, 0)
        if request.home is None:
            self.release(request.fabric_id)
        else:
            self._forbid(request.fabric_id, (), request.disks)
        return adapt.left_out(request, self._place(request.definition, chains))

    def describe(self, request: interface.HostRequest) -> interface.Description:
        place = self._place(request.definition)
        if request.home is None:
            return interface.Description(self._hypervisor.uri, adapt.adapted(request, place))
        native = self._native(request.home)
        return interface.Description(self._hypervisor.uri, homecoming.at_home(request, place, native))

    def remove(self, fabric_id: str, tag: str, *, leave_files: bool = False) -> None:
        domain = self._hypervisor.find(fabric_id)
        if domain is None:
            return
        inventory.require_tag(domain, tag)
        self._power.stop(fabric_id)
        with contextlib.suppress(errors.SecondsiteError):
            if not leave_files:
                self._take_back(domain, tag)
        _undefine(domain, libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
        begin_of(self._consoles, fabric_id).unlink(missing_ok=True)

    def _take_back(self, domain: Any, tag: str) -> None:
        """Take the files below a machine's disks back from QEMU, but not those of another machine of this
        tag: amid its start it could not open them, and while it is off it would be compared."""
        if self._folders.owner is None:
            return
        others = [each for each in self._hypervisor.domains() if each.UUIDString() != domain.UUIDString()]
        used = [files for each in others if inventory.tag_of(each) == tag for files in _read_from(each)]
        _, below = _read_from(domain)
        self._folders.take_back(below.difference(*used))

    def withdraw(self, fabric_id: str, tag: str, disks: Collection[str] = ()) -> MachineDefinition:
        domain = self._hypervisor.find(fabric_id)
        copy = self._withdrawn / f"{fabric_id}.json"
        if domain is None:
            return _withdrawn_before(copy, fabric_id, tag)
        inventory.require_tag(domain, tag)
        if inventory.power_of(domain) is not OFF:
            raise errors.FabricError(
                f"The machine '{domain.name()}' is not off, so it cannot be withdrawn.",
                do="Shut it down first; then retry the job.",
            )
        text = inventory.definition_xml(domain, libvirt.VIR_DOMAIN_XML_SECURE)
        sizes_bytes = inventory.sizes_bytes(domain, domain_xml.disks(domain_xml.parse(text)))
        definition = domain_xml.definition(text, sizes_bytes)
        # Before the hypervisor forgets the machine.
        noted = copy.with_suffix(".autostart")
        if not (noted.exists() and inventory.is_start_forbidden(domain)):  # else it was noted the first time
            durable.write(noted, _autostart(domain))
        self._put_aside(domain, copy.with_suffix(".firmware"))
        snapshots.put_aside(domain, copy.with_suffix(SNAPSHOTS))
        durable.write(copy, definition.model_dump_json())
        self.withhold(definition, disks)
        _undefine(domain, KEEP)
        return _told(definition)

    def withhold(
        self,
        definition: MachineDefinition,
        disks: Collection[str] = (),
        above: Mapping[str, Path] | None = None,
    ) -> None:
        others = {each.key for each in domain_xml.disks_in(definition.native) if each.readonly or each.shared}
        paths = [
            each.path
            for each in definition.disks
            if each.path and each.key not in others and (not disks or each.key in disks)
        ]
        self._forbid(definition.fabric_id, paths, above or {})

    def _forbid(self, fabric_id: str, paths: Collection[str], above: Mapping[str, Path]) -> None:
        if self._hypervisor.embedded_root is None:  # nobody else starts machines in an embedded root
            overlays = next((path.absolute().parent for path in above.values()), None)
            below = (str(file) for path in above.values() for file in same_files.below(path))
            withdrawn_disks.forbid(fabric_id, dict.fromkeys((*paths, *below)), overlays)

    def release(self, fabric_id: str) -> None:
        withdrawn_disks.allow(fabric_id)

    def stands_alone(self, fabric_id: str) -> bool:
        return False

    def starts_for(self, appliance_id: str) -> None:
        if self._hypervisor.embedded_root is None:
            withdrawn_disks.add_appliance(appliance_id)

    def restore(self, definition: MachineDefinition, tag: str | None) -> None:
        existing = self._hypervisor.find(definition.fabric_id)
        root = domain_xml.parse(self._native(definition))
        if existing is not None:
            _require_replaceable(existing, (tag, domain_xml.tag_of(root)))
        domain_xml.set_tag(root, tag)
        copy = self._withdrawn / f"{definition.fabric_id}.json"
        kept = copy.with_suffix(".firmware")
        if existing is None and kept.exists():
            firmware.place(self._hypervisor, root, firmware_files.content(kept))
        domain = self._define(f"restoring '{definition.name}'", domain_xml.render(root))
        connection.call("turning autostart off", domain.setAutostart, 0)
        snapshots.give_back(domain, copy.with_suffix(SNAPSHOTS))
        self.release(definition.fabric_id)
        if tag is None:
            copy.with_suffix(".autostart").unlink(missing_ok=True)
        copy.unlink(missing_ok=True)
        shutil.rmtree(kept, ignore_errors=True)

    def consolidate(
        self, fabric_id: str, disks: Mapping[str, Path], progress: Callable[[float], None]
    ) -> None:
        domain = self._hypervisor.domain(fabric_id)
        if inventory.tag_of(domain) is None:
            raise errors.NotOurs(f"The machine '{domain.name()}' carries no secondsite tag.")
        left = consolidate.left(domain, disks)
        needed_files.require_none(domain, self._power.state(fabric_id), left)
        consolidate.require_room(domain, {key: disks[key] for key in left})
        if inventory.power_of(domain) is OFF:
            consolidate.off(domain, disks, progress, lambda text: self._define("moving disks", text))
        else:
            consolidate.running(domain, disks, progress)
        snapshots.give_back(domain, self._withdrawn / f"{fabric_id}{SNAPSHOTS}")
        self._give_autostart_back(domain)

    def _give_autostart_back(self, domain: Any) -> None:
        """Let the machine start with its host again, if it did before it was withdrawn."""
        noted = self._withdrawn / f"{domain.UUIDString()}.autostart"
        if noted.exists():
            if noted.read_text() == AUTOSTART:
                connection.call("turning autostart on", domain.setAutostart, 1)
            noted.unlink()

    def _wanted(self, request: interface.HostRequest, chains: Chains) -> str:
        place = self._place(request.definition, chains)
        if request.home is None:
            if request.definition.fabric_kind == "libvirt":
                root = foreign.parse(request.definition.native)
                missing_parts.require_kernels(root, self._boot_folders)
            return adapt.adapted(request, place)
        return homecoming.at_home(self._without_media(request), place, self._native(request.home))

    def _without_media(self, request: interface.HostRequest) -> interface.HostRequest:
        """The request without media that are gone: a disc that was removed meanwhile must not delay the
        machine."""
        assert request.home is not None
        media = {each.key for each in self.gone(request.home, request.disks) if each.medium}
        return replace(request, without=request.without | media)

    def _native(self, withdrawn: MachineDefinition) -> str:
        """The withdrawn machine's XML. If it is from our own copy, it has the secrets too, such as a
        console's password."""
        try:
            copy = (self._withdrawn / f"{withdrawn.fabric_id}.json").read_text()
        except FileNotFoundError:
            return withdrawn.native
        return MachineDefinition.model_validate_json(copy).native

    def _put_aside(self, domain: Any, folder: Path) -> None:
        """Copy the firmware state, because another machine of this id may run here later. State that cannot
        be read stays where the definition names it."""
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(errors.FabricError):
            firmware_files.write(folder, firmware.read(self._hypervisor, domain))

    def _place(self, definition: MachineDefinition, chains: Chains | None = None) -> adapt.HostFeatures:
        """What this host offers to a machine with this definition, whose disks read from these files."""
        known = self._networks.list()
        native = definition.native if definition.fabric_kind == "libvirt" else ""
        return adapt.HostFeatures(
            accelerator.kvm_usable(), frozenset(each.name for each in known if each.kind == "libvirt"),
            self._consoles, self._nvram, self._hypervisor.key, self._encrypted(chains or {}),
            self._boot_folders,
            frozenset(each.name for each in known if each.carries_vlans),
            frozenset(each.name for each in known if each.takes_filters), self._filters(native),
            self._hypervisor.release,
            machine_types.known(self._hypervisor), self._cpu_models(native),
            emulated.devices(self._hypervisor) if definition.drives else frozenset(),
        )  # fmt: skip

    def _cpu_models(self, native: str) -> CpuModels:
        """What a machine with this definition can have here, if it names a model; none for one that is
        emulated here in place of KVM, and has the default."""
        root = foreign.parse(native) if "<model" in native else None
        if root is None or cpu_models.named(root) is None:
            return CpuModels()
        kvm = root.get("type") == "kvm"
        if kvm and not accelerator.kvm_usable():
            return CpuModels()
        return cpu_models.here(self._hypervisor, kvm)

    def _filters(self, native: str) -> frozenset[str]:
        """Names of the network filters that are defined here, if the definition uses any. The embedded driver
        has none."""
        if "<filterref" not in native:
            return frozenset()
        try:
            ask = self._hypervisor.handle.listAllNWFilters
            return frozenset(each.name() for each in connection.call("listing network filters", ask))
        except errors.FabricError:
            return frozenset()

    def _define(self, doing: str, text: str) -> Any:
        return connection.call(doing, self._hypervisor.handle.defineXML, text)

    def _unknown_machine_type(
        self, root: Element, known: machine_types.Known
    ) -> Iterator[interface.Obstacle]:
        kind = root.find("os/type")
        if kind is None:
            return
        arch, machine = kind.get("arch"), kind.get("machine")
        machine = machine and nearest.machine_type(machine, known.get(arch or "", frozenset()))
        ask = self._hypervisor.handle.getDomainCapabilities
        try:
            connection.call("reading what QEMU can do", ask, None, arch, machine, "qemu", 0)
        except errors.FabricError as error:
            yield interface.Obstacle(
                f"QEMU here does not know this kind of machine: {error.message}",
                "Install a QEMU at least as new as the source's, or change the machine type at the source.",
            )

    def _kept_out(self, files: Iterable[Path]) -> Iterator[interface.Obstacle]:
        """Obstacles for QEMU in the folders of these files, and in our own."""
        folders = [path.parent for path in files if path.exists()]
        for what, do in self._folders.kept_out([*self._folders.own, *folders]).items():
            yield interface.Obstacle(what, do)

    def _require_free_name(self, request: interface.HostRequest) -> None:
        namesake = self._hypervisor.find_named(request.name)
        if namesake is None or namesake.UUIDString() == request.fabric_id:
            return
        found = f"Another machine, {namesake.UUIDString()}, is named '{request.name}' here"
        do = (
            "Let it have another name here ('secondsite machine set MACHINE --target-name NAME'), or rename "
            "that one, or remove it if it is not needed."
        )
        if inventory.tag_of(namesake) != request.tag:
            raise errors.NotOurs(f"{found}, and it is not ours.", do=do)
        raise errors.AlreadyExists(f"{found}, with our tag.", do=do)

    def _encrypted(self, chains: Chains) -> dict[str, list[image.ImageFacts]]:
        if self._hypervisor.key is None:
            return {}
        return {key: chain for key, chain in chains.items() if any(link.encrypted for link in chain)}


def _chains(disks: Mapping[str, Path]) -> Chains:
    """All files that the disks read from, top first; raises FabricError if one is missing."""
    with qemu_img.translated():
        return {key: image.chain(path) for key, path in disks.items()}


def _files(chains: Chains) -> Iterator[Path]:
    for link in itertools.chain(*chains.values()):
        yield from (link.path, *link.others)


def _read_from(domain: Any) -> tuple[set[Path], set[Path]]:
    """The files of a machine's disks themselves, and those below them."""
    disks = [disk for disk in inventory.live_disks(domain) if disk.path and disk.network is None]
    below = (file for disk in disks for file in same_files.below(disk.path, disk.read_as))
    return {Path(disk.path).resolve() for disk in disks}, {file.resolve() for file in below}


def _told(definition: MachineDefinition) -> MachineDefinition:
    """The definition without passwords, which stay in our own copy."""
    return definition.model_copy(update={"native": domain_xml.without_passwords(definition.native)})


def _autostart(domain: Any) -> str:
    return AUTOSTART if connection.call("reading autostart", domain.autostart) else ""


def _require_its_disks(existing: Any, request: interface.HostRequest) -> None:
    """Raises NotOurs if the machine has other disks than the request: an old copy that its owner defined
    anew, and may have started, is not the machine of this request. A snapshot of the owner is accepted, which
    is beside the file that it was taken of."""
    has = {Path(disk.path).parent for disk in inventory.live_disks(existing) if disk.path}
    if has and has.isdisjoint(path.absolute().parent for path in request.disks.values()):
        raise errors.FabricError(
            f"Machine '{existing.name()}' is here already, with other disks.",
            do="Stop and remove that machine, then repeat.",
        )


def _require_replaceable(domain: Any, tags: Sequence[str | None]) -> None:
    """Raises unless the machine is off and carries one of `tags`, that is, it is an earlier restore of the
    same machine."""
    found = inventory.tag_of(domain)
    if found not in tags:
        raise errors.NotOurs(
            f"The machine '{domain.name()}' is there already, and carries {found or 'no secondsite tag'}."
        )
    if inventory.power_of(domain) is not OFF or saved_memory.is_there(domain):
        raise errors.FabricError(
            f"The machine '{domain.name()}' is there and not off: nothing was restored.",
            do=(
                "Shut it down if it must be replaced, or discard its saved memory ('virsh "
                "managedsave-remove'); then retry the job."
            ),
        )


def _undefine(domain: Any, flags: int) -> None:
    """Undefine with checkpoint and snapshot metadata; bitmaps and images stay (P11)."""
    flags |= libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    try:
        connection.call(f"undefining '{domain.name()}'", domain.undefineFlags, flags)
    except errors.NotFound:
        return


def _withdrawn_before(path: Path, fabric_id: str, tag: str) -> MachineDefinition:
    try:
        definition = MachineDefinition.model_validate_json(path.read_text())
    except FileNotFoundError:
        raise errors.NotFound(
            f"The hypervisor has no machine {fabric_id} to withdraw.",
            do="Check with 'virsh list --all' whether it was removed or moved to another host.",
        ) from None
    if domain_xml.tag_of(domain_xml.parse(definition.native)) != tag:
        raise errors.NotOurs(f"The withdrawn machine '{definition.name}' does not carry the tag {tag}.")
    return _told(definition)
