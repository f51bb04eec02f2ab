"""Finds machines that a frozen view could crash.

QEMU before 9.0 aborts (`nbd_blockdev_client_closed: Assertion qemu_in_main_thread()`) when an NBD client
disconnects from an export whose disk is served by an iothread. A killed appliance closes its connections
whatever we do, so no view of such a machine is opened."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from ....domain import errors
from ... import interface
from ..host import connection, domain_xml, inventory, monitor

SAFE_SINCE = (9, 0)
WAY_OUT = (
    "Remove the iothread ('virsh edit': iothread= at the disk's or the controller's <driver>) and restart "
    "the machine, or upgrade QEMU to 9.0 and restart it."
)


def obstacles(hypervisor: Any, root: Element) -> Iterator[interface.Obstacle]:
    """The disks of a definition that could not be viewed safely by the host's QEMU; `hypervisor` is libvirt's
    connection."""
    served = _served(root)
    if not served:
        return
    version = version_of_host(hypervisor)
    if version < SAFE_SINCE:
        for key in served:
            yield interface.Obstacle(_why(f"Disk {key}", version), WAY_OUT, disk=key)


def require_safe(domain: Any, keys: Sequence[str]) -> None:
    """Raises UnsafeToView if a view of these disks could crash the running machine. A machine that is off is
    read by another process, so it is safe."""
    served = [key for key in _served_in(inventory.live_xml(domain)) if key in keys]
    if not served or inventory.power_of(domain) is interface.PowerState.OFF:
        return
    told = monitor.execute(domain, "query-version")["qemu"]
    version = (told["major"], told["minor"])
    if version < SAFE_SINCE:
        disks = f"Disk {', '.join(served)} of '{domain.name()}'"
        raise errors.UnsafeToView(_why(disks, version), do=WAY_OUT)


def _why(disks: str, version: tuple[int, int]) -> str:
    return (
        f"{disks} is served by an iothread, and QEMU {version[0]}.{version[1]} aborts, guest and all, when "
        "a reader of a frozen view goes away."
    )


def _served(root: Element) -> list[str]:
    """Keys of the disks that an iothread serves, by themselves or through their controller."""
    by_controller = {
        controller.get("index", "0")
        for controller in root.iterfind("devices/controller[@type='scsi']")
        if _has_iothread(controller)
    }
    return [
        key
        for key, disk in domain_xml.disk_elements(root)
        if _has_iothread(disk) or (_is_scsi(disk) and _controller(disk) in by_controller)
    ]


@functools.lru_cache(maxsize=1024)
def _served_in(text: str) -> tuple[str, ...]:
    return tuple(_served(domain_xml.parse(text)))


def _has_iothread(element: Element) -> bool:
    driver = element.find("driver")
    return driver is not None and (driver.get("iothread") is not None or driver.find("iothreads") is not None)


def _is_scsi(disk: Element) -> bool:
    target = disk.find("target")
    return target is not None and target.get("bus") == "scsi"


def _controller(disk: Element) -> str:
    address = disk.find("address")
    return "0" if address is None else address.get("controller", "0")


def version_of_host(hypervisor: Any) -> tuple[int, int]:
    """The version of the QEMU that the host's next starts have; `hypervisor` is libvirt's connection."""
    return _version(connection.call("reading QEMU's version", hypervisor.getVersion))


def _version(number: int) -> tuple[int, int]:
    """A release as libvirt numbers it: 7002022 is 7.2.22."""
    return number // 1_000_000, number // 1000 % 1000
