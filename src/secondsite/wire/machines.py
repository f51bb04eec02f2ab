"""A machine, its disks and its network cards, in words that every fabric can translate."""

from .base import Shape


class DiskDefinition(Shape):
    """`key` is stable for the machine's life (libvirt: the target name, vda). `path` is where the disk lies at the
    site that described it."""

    key: str
    size_bytes: int
    path: str = ""
    format: str = "qcow2"
    bus: str = "virtio"
    boot_order: int | None = None


class NicDefinition(Shape):
    key: str
    mac: str
    network: str | None = None
    model: str = "virtio"


class MachineDefinition(Shape):
    """`native` is the platform's own description (libvirt: domain XML), so that nothing is lost on the way home."""

    fabric_id: str
    name: str
    fabric_kind: str
    vcpus: int
    memory_bytes: int
    firmware: str = "bios"
    disks: tuple[DiskDefinition, ...]
    nics: tuple[NicDefinition, ...] = ()
    native: str = ""


class NetworkInfo(Shape):
    """`isolated` networks lead nowhere; `tag` is set on those that we made."""

    name: str
    kind: str
    isolated: bool = False
    tag: str | None = None


class DiscoveredMachine(Shape):
    """One line of a site's inventory. `tag` is our machine id when the machine is under our protection."""

    fabric_id: str
    name: str
    power: str
    tag: str | None
    definition: MachineDefinition
