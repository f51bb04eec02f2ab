"""Looks at a machine from outside; changes nothing."""

import contextlib
import json
import os
import stat
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ...domain import errors
from ...ground import durable
from .. import seeing
from .agent import file_systems
from .consistency import freezing
from .host import connection, domain_xml, inventory

PING = json.dumps({"execute": "guest-ping"})
PING_SECONDS = 1


class Seeing:
    def __init__(self, hypervisor: connection.Hypervisor, consoles: Path) -> None:
        """`consoles` is the folder with the marks that `console_file.mark` makes."""
        self._hypervisor = hypervisor
        self._consoles = consoles

    def sights(self, fabric_id: str) -> seeing.Sights:
        root = self._definition(self._hypervisor.domain(fabric_id))
        return seeing.Sights(
            agent=root.find(f"devices/channel/target[@name='{freezing.CHANNEL}']") is not None,
            console=path_of(root) is not None,
            screen=any(model.get("type") != "none" for model in root.iterfind("devices/video/model")),
        )

    def agent_answers(self, fabric_id: str) -> bool:
        """Whether the guest agent answers; libvirt says at once if none is connected."""
        domain = self._hypervisor.find(fabric_id)
        if domain is None:
            return False
        with contextlib.suppress(errors.FabricError, errors.DeadlineExceeded, errors.NotFound):
            connection.agent_command(domain, PING, PING_SECONDS)
            return True
        return False

    def console(self, fabric_id: str, most_bytes: int) -> bytes:
        domain = self._hypervisor.find(fabric_id)
        if domain is None:
            return b""
        return tail(self._definition(domain), begin_of(self._consoles, fabric_id), most_bytes)

    def file_systems(self, fabric_id: str) -> tuple[seeing.FileSystem, ...]:
        return file_systems.of(self._hypervisor.domain(fabric_id))

    def screen(self, fabric_id: str) -> bytes | None:
        domain = self._hypervisor.find(fabric_id)
        return None if domain is None else picture(self._hypervisor.handle, domain)

    def _definition(self, domain: Any) -> Element:
        return domain_xml.parse(inventory.live_xml(domain))


def begin_of(consoles: Path, fabric_id: str) -> Path:
    """The path of the file that notes where the present console output begins."""
    return consoles / f"{fabric_id}.begin"


# A picture of a machine's screen, from libvirt, which has QEMU draw it.

SECONDS = 10.0
MOST_BYTES = 64 * 1024 * 1024
PNG = "image/png"


def picture(handle: Any, domain: Any) -> bytes | None:
    """A PNG; None for a machine that has no screen or does not run. Raises FabricError, also for a QEMU
    that draws no PNG."""
    try:
        drawn: tuple[str, bytes] = connection.call(
            f"drawing the screen of '{domain.name()}'", _drawn, handle, domain, seconds=SECONDS
        )
    except errors.FabricError as error:
        if connection.code_of(error) == libvirt.VIR_ERR_OPERATION_INVALID:
            return None
        raise
    form, data = drawn
    if form != PNG:
        raise errors.FabricError(
            f"The hypervisor draws screens as {form}, not as PNG.", do="Install QEMU 7.1 or newer."
        )
    return data


def _drawn(handle: Any, domain: Any) -> tuple[str, bytes]:
    stream, data = handle.newStream(0), bytearray()

    def take(_stream: Any, part: bytes, _nothing: object) -> int:
        data.extend(part)
        return 0 if len(data) <= MOST_BYTES else -1

    form = str(domain.screenshot(stream, 0, 0))
    stream.recvAll(take, None)
    stream.finish()
    return form, bytes(data)


# What a machine wrote to its serial port since it was made here. The file is appended to, by name: an
# earlier run of a machine of that name stands in it too, so `mark` notes where the new one begins. Files
# are read as the appliance, so only plain ones are.

TERMINALS = ("serial", "console")


def path_of(root: Element) -> Path | None:
    """The file that a definition's first serial port is written to."""
    for name in TERMINALS:
        for element in root.iterfind(f"devices/{name}[@type='file']"):
            source = element.find("source")
            if source is not None and source.get("path"):
                return Path(source.get("path", ""))
    return None


def mark(root: Element, note: Path) -> None:
    """Note in the file `note` that the machine of this definition, which is off, begins here."""
    path = path_of(root)
    if path is None:
        note.unlink(missing_ok=True)
        return
    durable.replace(note, str(_size_bytes(path)))


def tail(root: Element, note: Path, most_bytes: int) -> bytes:
    """The last bytes since the mark; if there is no mark, the last bytes of the file."""
    path = path_of(root)
    handle = None if path is None else _opened(path)
    if handle is None:
        return b""
    with os.fdopen(handle, "rb") as file:
        end = os.fstat(handle).st_size
        began = _noted(note)
        begin = began if began <= end else 0  # somebody emptied it
        file.seek(max(begin, end - most_bytes))
        return file.read(most_bytes)


def _noted(note: Path) -> int:
    try:
        return int(note.read_text())
    except (OSError, ValueError):
        return 0


def _size_bytes(path: Path) -> int:
    handle = _opened(path)
    if handle is None:
        return 0
    with os.fdopen(handle, "rb"):
        return os.fstat(handle).st_size


def _opened(path: Path) -> int | None:
    """The open file; None for anything but a plain file: a pipe would block, and a link may lead anywhere."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    return None
