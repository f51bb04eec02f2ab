"""Tries whether a machine can start here: defines it as it would run, under a throwaway name, with empty
disks and unplugged cards, starts it paused, and removes it. Its guest never runs. Its cards have MAC
addresses of their own: what notes one, here or in a switch, must not take the machine's away from it."""

import contextlib
import hashlib
import secrets
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import libvirt

from ....datapath.disks import blank
from ....domain import errors
from ... import interface
from ..host import connection, domain_xml, inventory, permissions, qemu_img
from . import adapt, sizing

START_SECONDS = 60.0
PREFIX = "secondsite-trial-"
UNDEFINE = libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
MEMORY_BYTES = 256 << 20
"""The memory that the trial gets if the machine's own is not free: what is short now may be free later."""

_alone = threading.Lock()


def obstacles(
    hypervisor: connection.Hypervisor,
    trial: interface.StartTrial,
    place: adapt.HostFeatures,
    folders: permissions.FolderAccess,
    meanwhile: Callable[[str], None] | None = None,
) -> Iterator[interface.Obstacle]:
    """Why the machine does not start, in the words of the hypervisor. `meanwhile` is called with the id of
    the paused machine. Raises FabricError if that cannot be tried."""
    with _alone:
        name = name_at(place.console_folder)
        end_left_over(hypervisor, place.console_folder)
        place.console_folder.mkdir(parents=True, exist_ok=True)
        try:
            with _disks(trial, folders) as disks:
                text = _trial(trial, disks, name, place, sizing.capacity(hypervisor).free_bytes)
                yield from _limits(_try(hypervisor, text, meanwhile))
        except errors.FabricError as error:
            yield interface.Obstacle(
                f"The machine cannot run here: {error.message}",
                "Change what is named here or in its definition at the source, then check again.",
            )
        finally:
            (place.console_folder / f"{name}.log").unlink(missing_ok=True)


def name_at(console_folder: Path) -> str:
    """The trial machine's name. It is always the same for this appliance, because hypervisors keep a log for
    each name."""
    return PREFIX + hashlib.sha256(str(console_folder).encode()).hexdigest()[:8]


@contextlib.contextmanager
def _disks(trial: interface.StartTrial, folders: permissions.FolderAccess) -> Iterator[Mapping[str, Path]]:
    """Empty files as large as the machine's disks, by disk key, where QEMU may open them."""
    if trial.folder is None:
        yield {}
        return
    folder = trial.folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
        folders.let_in(folder)
        made = {each.key: folder / f"{each.key}.qcow2" for each in trial.definition.disks if each.size_bytes}
        with qemu_img.translated():
            for each in trial.definition.disks:
                if each.key in made:
                    blank.create(made[each.key], each.size_bytes)
        yield made
    except OSError as error:
        raise errors.FabricError(f"Empty disks could not be made in {folder}: {error}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _trial(
    trial: interface.StartTrial,
    disks: Mapping[str, Path],
    name: str,
    place: adapt.HostFeatures,
    free_bytes: int,
) -> str:
    definition, wanted = trial.definition, trial.sizing
    request = interface.HostRequest(
        fabric_id=str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        name=name,
        definition=definition,
        disks=disks,
        networks=trial.networks,
        tag=inventory.TRIAL,
        sizing=wanted,
        macs={key: _mac() for key in trial.networks},
    )
    root = domain_xml.parse(adapt.adapted(request, place))
    memory_bytes = wanted.memory_bytes or definition.memory_bytes
    if root.find("cpu/numa") is None and memory_bytes > max(MEMORY_BYTES, free_bytes):
        sizing.set_memory(root, MEMORY_BYTES)
    _leave_out_channels(root)
    _unplug(root)
    if trial.start_forbidden:
        domain_xml.forbid_start(root)
    return domain_xml.render(root)


def _mac() -> str:
    return ":".join(("52:54:00", *(f"{each:02x}" for each in secrets.token_bytes(3))))


def _leave_out_channels(root: Element) -> None:
    """Remove channels. The hypervisor names their sockets after the machine, and a socket's path has at most
    107 bytes: the trial's longer name could fail although the machine's own would not."""
    for devices in root.findall("devices"):
        domain_xml.remove(devices, "channel[@type='unix']")


def _unplug(root: Element) -> None:
    for _, card in domain_xml.nic_elements(root):
        domain_xml.remove(card, "link")
        SubElement(card, "link", {"state": "down"})


def _limits(lost: list[str]) -> Iterator[interface.Obstacle]:
    if lost:
        yield interface.Obstacle(
            (
                f"The hypervisor here keeps no limits of {', '.join(lost)}, which the machine has: it may "
                "take more from its neighbours."
            ),
            "Give this host's libvirt the control groups for them, or accept it.",
            blocking=False,
        )


def _try(hypervisor: connection.Hypervisor, text: str, meanwhile: Callable[[str], None] | None) -> list[str]:
    """Start the trial machine and remove it; returns the kinds of limits that the machine has and that are
    not kept here."""
    domain = connection.call("defining it for a trial", hypervisor.handle.defineXML, text)
    try:
        paused = libvirt.VIR_DOMAIN_START_PAUSED
        connection.call("a trial start", domain.createWithFlags, paused, seconds=START_SECONDS)
        if meanwhile is not None:
            meanwhile(domain.UUIDString())
        return unkept(domain, domain_xml.parse(text))
    finally:
        _remove(domain)


def unkept(domain: Any, root: Element) -> list[str]:
    """The kinds of limits that the machine has and that are not kept here."""
    asks = {"cputune": ("processor", domain.schedulerParameters), "memtune": ("memory", domain.memoryParameters),  # noqa: E501
            "blkiotune": ("I/O", domain.blkioParameters)}  # fmt: skip
    return [words for path, (words, ask) in asks.items() if root.find(path) is not None and not _answers(ask)]


def _answers(ask: Callable[[], object]) -> bool:
    try:
        connection.call("reading its limits", ask)
    except errors.FabricError:
        return False
    return True


def end_left_over(hypervisor: connection.Hypervisor, console_folder: Path) -> None:
    """Remove the trial machine of a process that died."""
    found = hypervisor.find_named(name_at(console_folder))
    if found is not None and inventory.tag_of(found) == inventory.TRIAL:
        _remove(found)


def _remove(domain: Any) -> None:
    with contextlib.suppress(errors.FabricError, errors.NotFound):
        connection.call("ending a trial", domain.destroy)
    with contextlib.suppress(errors.NotFound):
        connection.call("forgetting a trial", domain.undefineFlags, UNDEFINE)
