"""Tries whether a machine can start here: defines it as it would run, under a throwaway name and without
disks and cards, start it paused, and remove it. Its guest never runs."""

import contextlib
import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ....domain import errors
from ....wire.common.machines import MachineDefinition
from ....wire.common.properties import Sizing
from ... import interface
from ..host import connection, domain_xml, inventory
from . import adapt, sizing

START_SECONDS = 60.0
PREFIX = "secondsite-trial-"
UNDEFINE = libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
MEMORY_BYTES = 256 << 20
"""The most memory that the trial gets: what is short now may be free later."""

_alone = threading.Lock()


def obstacles(
    hypervisor: connection.Hypervisor,
    definition: MachineDefinition,
    place: adapt.HostFeatures,
    wanted: Sizing = interface.AS_DEFINED,
) -> Iterator[interface.Obstacle]:
    """Why the machine does not start, in the words of the hypervisor. Raises FabricError if that cannot be
    tried."""
    with _alone:
        name = name_at(place)
        _end_left_over(hypervisor, name)
        text = _trial(definition, name, place, wanted)
        place.console_folder.mkdir(parents=True, exist_ok=True)
        try:
            yield from _limits(_try(hypervisor, text))
        except errors.FabricError as error:
            yield interface.Obstacle(
                f"The machine cannot run here: {error.message}",
                "Change what is named here or in its definition at the source, then check again.",
            )
        finally:
            (place.console_folder / f"{name}.log").unlink(missing_ok=True)


def name_at(place: adapt.HostFeatures) -> str:
    """The trial machine's name. It is always the same for this appliance, because hypervisors keep a log for
    each name."""
    return PREFIX + hashlib.sha256(str(place.console_folder).encode()).hexdigest()[:8]


def _trial(definition: MachineDefinition, name: str, place: adapt.HostFeatures, wanted: Sizing) -> str:
    request = interface.HostRequest(
        fabric_id=str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
        name=name,
        definition=definition,
        disks={},
        networks={},
        tag=inventory.TRIAL,
        sizing=wanted,
    )
    root = domain_xml.parse(adapt.adapted(request, place))
    memory_bytes = wanted.memory_bytes or definition.memory_bytes
    if root.find("cpu/numa") is None and memory_bytes > MEMORY_BYTES:
        sizing.set_memory(root, MEMORY_BYTES)
    _leave_out_channels(root)
    return domain_xml.render(root)


def _leave_out_channels(root: Element) -> None:
    """Remove channels. The hypervisor names their sockets after the machine, and a socket's path has at most
    107 bytes: the trial's longer name could fail although the machine's own would not."""
    for devices in root.findall("devices"):
        domain_xml.remove(devices, "channel[@type='unix']")


def _limits(unkept: list[str]) -> Iterator[interface.Obstacle]:
    if unkept:
        yield interface.Obstacle(
            (
                f"The hypervisor here keeps no limits of {', '.join(unkept)}, which the machine has: it may "
                "take more from its neighbours."
            ),
            "Give this host's libvirt the control groups for them, or accept it.",
            blocking=False,
        )


def _try(hypervisor: connection.Hypervisor, text: str) -> list[str]:
    """Start the trial machine and remove it; returns the kinds of limits that the machine has and that are
    not kept here."""
    domain = connection.call("defining it for a trial", hypervisor.handle.defineXML, text)
    try:
        paused = libvirt.VIR_DOMAIN_START_PAUSED
        connection.call("a trial start", domain.createWithFlags, paused, seconds=START_SECONDS)
        return _unkept(domain, domain_xml.parse(text))
    finally:
        _remove(domain)


def _unkept(domain: Any, root: Element) -> list[str]:
    asks = {"cputune": ("processor", domain.schedulerParameters), "memtune": ("memory", domain.memoryParameters),  # noqa: E501
            "blkiotune": ("I/O", domain.blkioParameters)}  # fmt: skip
    return [words for path, (words, ask) in asks.items() if root.find(path) is not None and not _answers(ask)]


def _answers(ask: Callable[[], object]) -> bool:
    try:
        connection.call("reading its limits", ask)
    except errors.FabricError:
        return False
    return True


def _end_left_over(hypervisor: connection.Hypervisor, name: str) -> None:
    """Remove the trial of a process that died."""
    found = hypervisor.find_named(name)
    if found is not None and inventory.tag_of(found) == inventory.TRIAL:
        _remove(found)


def _remove(domain: Any) -> None:
    with contextlib.suppress(errors.FabricError, errors.NotFound):
        connection.call("ending a trial", domain.destroy)
    with contextlib.suppress(errors.NotFound):
        connection.call("forgetting a trial", domain.undefineFlags, UNDEFINE)
