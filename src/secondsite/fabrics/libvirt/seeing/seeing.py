"""Look at a machine from outside. Nothing is changed."""

import contextlib
import json
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from ....domain import errors
from ... import seeing
from ..agent import file_systems
from ..consistency import freezing
from ..host import connection, domain_xml, inventory
from . import console_file, screen

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
            console=console_file.path_of(root) is not None,
            screen=any(model.get("type") != "none" for model in root.iterfind("devices/video/model")),
        )

    def agent_answers(self, fabric_id: str) -> bool:
        """libvirt says at once if nobody listens in the guest."""
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
        return console_file.tail(self._definition(domain), begin_of(self._consoles, fabric_id), most_bytes)

    def file_systems(self, fabric_id: str) -> tuple[seeing.FileSystem, ...]:
        return file_systems.of(self._hypervisor.domain(fabric_id))

    def screen(self, fabric_id: str) -> bytes | None:
        domain = self._hypervisor.find(fabric_id)
        return None if domain is None else screen.picture(self._hypervisor.handle, domain)

    def _definition(self, domain: Any) -> Element:
        return domain_xml.parse(inventory.live_xml(domain))


def begin_of(consoles: Path, fabric_id: str) -> Path:
    """Where the begin of a machine's console is noted."""
    return consoles / f"{fabric_id}.begin"
