"""How programs of ours open a disk that a guest's QEMU reads over the network.

librbd waits for ever for a cluster that does not answer, unless its configuration says otherwise, and QEMU
takes no deadline for it. So it gets a configuration of ours: the one that the definition names, with
deadlines, and with the password that libvirt holds. That is in memory only, and goes with this process: on no
disk, and in no arguments, which all users of a host can see."""

import base64
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import libvirt

from ....datapath.disks import DiskLocation, NetworkDisk
from ....domain import errors
from . import connection
from .domain_xml import Disk
from .network_sources import RBD, NetworkSource, Secret

DEFAULT_CONF: Final = Path("/etc/ceph/ceph.conf")
DEFAULT_USER: Final = "admin"
ANSWER_SECONDS: Final = 10
"""How long a cluster may take for one answer."""
_DEADLINES: Final = ("client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout")
_lock = threading.Lock()
_files: dict[str, int] = {}
"""The configurations, by their text, as open files without a name."""


def location(domain: Any, disk: Disk) -> DiskLocation:
    """Where a disk is, such that our programs can open it. Raises FabricError if what that takes cannot be
    read."""
    if disk.network is None or disk.network.disk is None:
        return disk.location
    return reachable(domain.connect(), disk.network, disk.network.disk)


def reachable(handle: Any, found: NetworkSource, place: NetworkDisk) -> NetworkDisk:
    """The disk `place` of a source, such that our programs can open it. Raises FabricError as `location`."""
    if place.driver != RBD:
        return place
    key = "" if found.secret is None else _password(handle, found.secret, found.named)
    return replace(place, conf=_file(_configuration(place, key)))


def _configuration(disk: NetworkDisk, key: str) -> str:
    """Ours last: of two values Ceph takes the later one, and those of the user before those of all."""
    ours = dict.fromkeys(_DEADLINES, str(ANSWER_SECONDS))
    if disk.servers:
        ours["mon_host"] = ",".join(disk.servers)
    if key:
        ours["key"] = key
    lines = (f"{name} = {value}" for name, value in ours.items())
    return "\n".join((_given(disk), "", f"[client.{disk.user or DEFAULT_USER}]", *lines, ""))


def _given(disk: NetworkDisk) -> str:
    """The configuration that QEMU reads, too; without a name it does without."""
    path = Path(disk.conf) if disk.conf else DEFAULT_CONF
    if not disk.conf and disk.servers and not path.exists():
        return ""
    try:
        return path.read_text()
    except (OSError, ValueError) as problem:
        raise errors.FabricError(
            f"Ceph's configuration {path}, by which {disk} is found, cannot be read: {problem}",
            do="Let the appliance read it, or name the monitors in the definition (<host name='...'/>).",
        ) from problem


def _password(handle: Any, secret: Secret, named: str) -> str:
    try:
        found = connection.call("looking for a secret", _looked_up, handle, secret)
        value: bytes = connection.call("reading a secret", found.value)
    except errors.FabricError as problem:
        raise errors.FabricError(
            f"libvirt does not tell the password of {named}, the secret {secret}: {problem.message}",
            do="Define the secret anew with private='no' ('virsh secret-undefine', 'virsh secret-define', "
            "'virsh secret-set-value'); machines that run do not notice.",
        ) from problem
    return base64.b64encode(value).decode()


def _looked_up(handle: Any, secret: Secret) -> Any:
    if secret.uuid:
        return handle.secretLookupByUUIDString(secret.uuid)
    return handle.secretLookupByUsage(libvirt.VIR_SECRET_USAGE_TYPE_CEPH, secret.usage)


def _file(text: str) -> str:
    """The path of a configuration, as long as this process lives."""
    with _lock:
        if text not in _files:
            file = os.memfd_create("ceph.conf")
            os.write(file, text.encode())
            _files[text] = file
        return f"/proc/{os.getpid()}/fd/{_files[text]}"
