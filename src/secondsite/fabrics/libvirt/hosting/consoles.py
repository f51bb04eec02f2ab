"""Consoles of a machine that runs away from its own host: one that would listen, dial, or use devices and
folders of that host becomes a pseudo terminal. What the guest sees stays. A graphical console is never
more open than it was at home."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from ... import interface

LOOPBACK = ("127.0.0.1", "::1", "localhost")
TERMINALS = ("serial", "parallel", "console")
SET_ONE = (
    "Set one there after a start, as root: 'virsh qemu-monitor-command MACHINE --hmp \"set_password {kind} "
    "PASSWORD\"', then the same with 'expire_password {kind} never'; for good with 'virsh edit'."
)
HERE = ("pty", "file")
"""Kinds of terminals that need nothing of their host, and do not listen."""


def close(root: Element) -> Element:
    """Make sure that nobody can open a console whose protection was not taken over."""
    for graphics in root.iterfind("devices/graphics"):
        if is_guarded(graphics):
            graphics.set("passwd", "")
    return root


def is_guarded(graphics: Element) -> bool:
    """Whether the console asks for a password, or for encryption."""
    modes = (graphics.get("defaultMode"), *(each.get("mode") for each in graphics.iterfind("channel")))
    return graphics.get("passwd") is not None or "secure" in modes or _is_tls_only(graphics)


def _is_tls_only(graphics: Element) -> bool:
    tls, plain = graphics.get("tlsPort", "-1"), graphics.get("port", "-1")
    return tls != "-1" and plain == "-1" and graphics.get("autoport") != "yes"


def settle(devices: Element, log: Path) -> None:
    """Adapt the consoles: those that write to a file write to `log`; graphics listen where qemu.conf of this
    host says."""
    for name in TERMINALS:
        for element in devices.findall(name):
            if element.get("type") == "file":
                SubElement(element, "source", {"path": str(log), "append": "on"})
    for graphics in devices.findall("graphics"):
        graphics.attrib |= {"autoport": "yes", "port": "-1"}


def notes(root: Element) -> Iterator[interface.Obstacle]:
    """Notes about consoles that do something else here than at home."""
    terminals = [each for name in TERMINALS for each in root.iterfind(f"devices/{name}")]
    for element in terminals:
        if element.get("type") not in HERE and not _is_the_same_again(element):
            yield interface.Obstacle(
                (
                    f"A {element.tag} port uses something of its own site ({_said(element)}); here it is a "
                    "pseudo terminal."
                ),
                "Accept it, or connect it by hand after a failover.",
                blocking=False,
            )
    for graphics in root.iterfind("devices/graphics"):
        if is_guarded(graphics):
            kind = graphics.get("type", "vnc")
            asks = "a password" if graphics.get("passwd") is not None else "an encrypted connection"
            yield interface.Obstacle(
                f"The graphical console ({kind}) asks for {asks} at its own site, which does not come "
                "along; here nobody can open it until a password is set.",
                SET_ONE.format(kind=kind),
                blocking=False,
            )
        where = [
            *filter(
                None, (graphics.get("listen"), *(each.get("address") for each in graphics.iterfind("listen")))
            )
        ]
        if any(address not in LOOPBACK for address in where):
            yield interface.Obstacle(
                f"The graphical console listens at {where[0]} of its own site; here it listens where the "
                "hypervisor is told to (vnc_listen, spice_listen in qemu.conf).",
                "Accept it, or set an address there.",
                blocking=False,
            )


def _is_the_same_again(element: Element) -> bool:
    """Whether this console is the first serial port, which libvirt shows as a console too."""
    return element.tag == "console" and element.find("target[@type='serial']") is not None


def _said(element: Element) -> str:
    source = element.find("source")
    where = "" if source is None else source.get("path") or f"{source.get('host')}:{source.get('service')}"
    return f"{element.get('type')} {where}".strip()
