"""Acts of a simulated site's owner: make machines and networks, grow disks, cut the power."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from ....datapath.disks import image, qcow2_resize
from ....domain import errors
from ....ground.units import GiB
from ....wire.common.machines import DiskDefinition, MachineDefinition, NetworkInfo, NicDefinition
from ... import firmware_files
from ...interface import PowerState
from .. import firmware as state
from ..host import disks, files
from ..host.daemon import Daemon, translated
from ..host.faults import Faults
from ..host.host import MEMORY, Host
from ..host.records import KIND, MachineRecord, Traits
from ..networks import SimulatedNetworks


def make_machine(
    root: Path,
    name: str,
    disks_bytes: Sequence[int],
    *,
    networks: Sequence[str] = (),
    own_daemon: bool = False,
    obeys_shutdown: bool = True,
    guest_agent: bool = True,
    script_status: int | None = 0,
    vcpus: int = 1,
    memory_bytes: int = GiB,
    firmware: Mapping[str, bytes] | None = None,
    shows: str = "",
    serves: Mapping[int, str] | None = None,
    mounts: Mapping[str, int] | None = None,
) -> str:
    """Make a machine, off, with empty disks `vda`, `vdb`, ... of these sizes; returns its fabric id. With
    `firmware` it boots through UEFI with that state. `shows` is what its console shows; if it is empty
    nothing can be seen of the machine. `serves`: what its TCP ports say, `STATUS TEXT` to HTTP. `mounts`: its
    file systems, each with the errors that its kernel counts; one without any."""
    fabric_id = str(uuid.uuid4())
    traits = Traits(
        own_daemon=own_daemon,
        obeys_shutdown=obeys_shutdown,
        guest_agent=guest_agent,
        script_status=script_status,
        shows=shows,
        serves=dict(serves or {}),
        mounts=dict(mounts or {"/": 0}),
    )
    definition = MachineDefinition(
        fabric_id=fabric_id,
        name=name,
        fabric_kind=KIND,
        vcpus=vcpus,
        memory_bytes=memory_bytes,
        firmware="bios" if firmware is None else "uefi",
        disks=_new_disks(root.absolute() / "disks" / fabric_id, disks_bytes),
        nics=tuple(_nic(name, number, network) for number, network in enumerate(networks)),
        native=traits.model_dump_json(),
    )
    host = Host(root)
    if firmware is not None:
        write_firmware(root, fabric_id, firmware)
    host.records.save(MachineRecord(definition=definition))
    return fabric_id


def add_network(root: Path, name: str, leads_to: Sequence[str] = ()) -> NetworkInfo:
    """Add a network of the owner, without our tag."""
    network = NetworkInfo(name=name, kind=KIND, leads_to=tuple(leads_to))
    return SimulatedNetworks(root, Faults(root, (0.0, 0.0))).add(network)


def write_firmware(root: Path, fabric_id: str, files: Mapping[str, bytes]) -> None:
    """Write firmware state, as the machine's firmware or its owner does."""
    firmware_files.write(state.folder(root.absolute(), fabric_id), files)


def resize(root: Path, fabric_id: str, disk_key: str, size_bytes: int) -> None:
    """Grow a disk of a machine, running or off; guests have to connect again."""
    host = Host(root)
    with host.records.lock(fabric_id, "resize"):
        record = host.records.need(fabric_id)
        disk = next(disk for disk in record.definition.disks if disk.key == disk_key)
        if host.state(record) is PowerState.RUNNING:
            _resize_running(host, record, disk, size_bytes)
        else:
            with translated(f"Resizing disk {disk_key} of '{record.definition.name}'"):
                qcow2_resize.resize(Path(disk.path), size_bytes)
        listed = tuple(
            one.model_copy(update={"size_bytes": size_bytes}) if one is disk else one
            for one in record.definition.disks
        )
        host.records.save(record.having(definition=record.definition.model_copy(update={"disks": listed})))


def give_memory(root: Path, fabric_id: str, memory_bytes: int) -> None:
    """Give a machine this much memory from its next start on."""
    host = Host(root)
    with host.records.lock(fabric_id, "give memory"):
        record = host.records.need(fabric_id)
        definition = record.definition.model_copy(update={"memory_bytes": memory_bytes})
        host.records.save(record.having(definition=definition))


def connect(root: Path, fabric_id: str, network: str, mac: str | None = None) -> None:
    """Put a machine's cards into this network, from its next start on; `mac`: in place of its one
    card it gets another with this address."""
    host = Host(root)
    with host.records.lock(fabric_id, "connect"):
        record = host.records.need(fabric_id)
        update = {"network": network} if mac is None else {"network": network, "mac": mac}
        nics = tuple(nic.model_copy(update=update) for nic in record.definition.nics)
        host.records.save(record.having(definition=record.definition.model_copy(update={"nics": nics})))


def give_host_memory(root: Path, memory_bytes: int) -> None:
    """Give the host this much memory, of which machines that run take what they are defined with."""
    files.replace(Host(root).root / MEMORY, str(memory_bytes))


def kill(root: Path, fabric_id: str) -> None:
    """kill -9 of the daemon that runs a machine; without `own_daemon` all machines that share it go off
    too."""
    host = Host(root)
    host.daemon(host.records.need(fabric_id)).kill()


def sync_definitions(root: Path) -> None:
    """Make the site's definitions survive a power cut of its host, from now on."""
    records = Host(root).records
    records.synced.touch()
    for record in records.all():
        records.save(record)


def set_autostart(root: Path, fabric_id: str, on: bool = True) -> None:
    """Set whether the machine starts with its host."""
    _mark(root, fabric_id, starts_with_host=on)


def save(root: Path, fabric_id: str) -> None:
    """Save the machine's memory and turn it off, until somebody starts it."""
    host = Host(root)
    with host.records.lock(fabric_id, "save"):
        host.close(host.records.need(fabric_id))
    _mark(root, fabric_id, saved=True)


def define_anew(root: Path, fabric_id: str) -> None:
    """Define the machine anew, as another program does from a file of its own: our tag and the veto are
    gone."""
    _mark(root, fabric_id, tag=None, start_forbidden=False)


def migrate_away(root: Path, fabric_id: str) -> None:
    """Let another host run the machine from now on; this one still has its definition."""
    host = Host(root)
    with host.records.lock(fabric_id, "migrate"):
        host.close(host.records.need(fabric_id))
    _mark(root, fabric_id, elsewhere=True)


def migrate(root: Path, fabric_id: str, to: Path) -> None:
    """Let the host with root `to` run the machine from now on, from the same disks; this one still has its
    definition. Its bitmaps go with it; what is known of their files does not."""
    there = Host(to)
    migrate_away(root, fabric_id)
    with there.records.lock(fabric_id, "migrate"):
        record = Host(root).records.need(fabric_id)
        came = record.having(elsewhere=False, images={}, left={}, view=None, nodes={}, runs_in=None)
        there.open(there.records.save(came))


def reboot(root: Path) -> None:
    """The host loses power and starts again; machines with autostart start."""
    host = Host(root)
    for folder in sorted((root.absolute() / "daemons").glob("*")):
        Daemon(folder).kill()
    for record in host.records.all():
        if record.starts_with_host and not record.start_forbidden and not record.elsewhere:
            with host.records.lock(record.fabric_id, "start with the host"):
                host.open(host.records.need(record.fabric_id))


def _mark(root: Path, fabric_id: str, **marks: bool | None) -> None:
    host = Host(root)
    with host.records.lock(fabric_id, "mark"):
        host.records.save(host.records.need(fabric_id).having(**marks))


def demolish(root: Path) -> None:
    """Kill all daemons of a site, as a loss of the whole site would; its files stay."""
    for folder in sorted((root.absolute() / "daemons").glob("*")):
        Daemon(folder).remove()


def _new_disks(folder: Path, disks_bytes: Sequence[int]) -> tuple[DiskDefinition, ...]:
    if not 0 < len(disks_bytes) <= 26:
        raise errors.InvalidArgument("A machine has one to 26 disks.")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, size_bytes in enumerate(disks_bytes):
        key = f"vd{chr(ord('a') + number)}"
        path = folder / f"{key}.qcow2"
        with translated(f"Making {path}"):
            image.create(path, size_bytes)
        made.append(DiskDefinition(key=key, size_bytes=size_bytes, path=str(path), boot_order=number + 1))
    return tuple(made)


def _nic(machine: str, number: int, network: str) -> NicDefinition:
    digest = hashlib.sha256(f"{machine} {number}".encode()).hexdigest()
    mac = ":".join(["52:54:00", *(digest[at : at + 2] for at in (0, 2, 4))])
    return NicDefinition(key=f"net{number}", mac=mac, network=network)


def _resize_running(host: Host, record: MachineRecord, disk: DiskDefinition, size_bytes: int) -> None:
    export = disks.guest_export(record.fabric_id, disk.key)
    node = disks.node_name(record.fabric_id, Path(disk.path))
    with host.daemon(record).session(f"Resizing disk {disk.key} of '{record.definition.name}'") as session:
        # An export of QEMU 7.2 keeps its size and forbids the resize while it is there.
        session.drop_export(export)
        try:
            session.run("block_resize", node_name=node, size=size_bytes)
        finally:
            session.add_export(export, node, writable=True)
