"""Consoles of a machine that runs away from its own host: one that would listen at that host's address, or use its
devices and folders, listens here or becomes a pseudo terminal. What the guest sees stays."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from ... import interface
from ..host import domain_xml

ANYWHERE = ("0.0.0.0", "::", "127.0.0.1", "::1", "localhost")
"""Addresses that every host has."""
LOOPBACK = "127.0.0.1"
TERMINALS = ("serial", "parallel", "console")
OF_ITS_HOST = ("dev", "pipe", "unix", "nmdm")
"""Kinds of character devices that are a device or a path of the host."""


def settle(devices: Element, log: Path) -> None:
    """Change the consoles; those that write to a file write to `log`."""
    for name in TERMINALS:
        for element in devices.findall(name):
            _terminal(element, log)
    for channel in devices.findall("channel[@type='unix']"):
        domain_xml.remove(channel, "source")
    for graphics in devices.findall("graphics"):
        _graphics(graphics)


def notes(root: Element) -> Iterator[interface.Obstacle]:
    """Consoles that do something else here than at home."""
    for name in TERMINALS:
        for element in root.iterfind(f"devices/{name}"):
            if _dials(element) or element.get("type") in OF_ITS_HOST:
                yield interface.Obstacle(
                    f"A {name} port uses something of its own site ({_said(element)}); here it is a pseudo terminal.",
                    "Accept it, or connect it by hand after a failover.",
                    blocking=False,
                )


def _terminal(element: Element, log: Path) -> None:
    domain_xml.remove(element, "log")
    source = element.find("source")
    if element.get("type") == "file" and source is not None:
        source.attrib = {"path": str(log), "append": "on"}
    elif _dials(element) or element.get("type") in OF_ITS_HOST:
        domain_xml.remove(element, "source", "protocol")
        element.set("type", "pty")
        element.attrib.pop("tty", None)
    for bound in element.findall("source"):
        if bound.get("mode") == "bind" and bound.get("host", LOOPBACK) not in ANYWHERE:
            bound.set("host", LOOPBACK)


def _dials(element: Element) -> bool:
    """Whether it connects to a listener, without which QEMU does not start."""
    source = element.find("source")
    return element.get("type") == "tcp" and source is not None and source.get("mode") == "connect"


def _said(element: Element) -> str:
    source = element.find("source")
    where = "" if source is None else source.get("path") or f"{source.get('host')}:{source.get('service')}"
    return f"{element.get('type')} {where}".strip()


def _graphics(graphics: Element) -> None:
    graphics.attrib |= {"autoport": "yes", "port": "-1"}
    for name in ("tlsPort", "websocket"):
        if graphics.get(name) is not None:
            graphics.set(name, "-1")
    if graphics.get("listen", LOOPBACK) not in ANYWHERE:
        del graphics.attrib["listen"]
    for listen in graphics.findall("listen"):
        if listen.get("type") == "network":
            listen.attrib = {"type": "address"}
        elif listen.get("type") == "socket":
            listen.attrib = {"type": "socket"}
        elif listen.get("address", LOOPBACK) not in ANYWHERE:
            del listen.attrib["address"]
