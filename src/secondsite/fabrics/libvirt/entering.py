"""Ways into a machine: its pseudo terminal, its VNC server, or a port of it, out of a network namespace that
is plugged into its isolated network.

A process passes the bytes on. It holds no other descriptor of the appliance, and dies with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element

from ...domain import errors
from ...domain.drills.ways import WayKind
from ...domain.networks import addresses
from ...ground.processes import children
from .. import interface
from ..entering import Entrance
from . import reaching
from .host import connection, domain_xml, inventory

OPEN_SECONDS = 20.0
LONGEST_ANSWER = 1000
TERMINAL = re.compile(r"/dev/pts/[0-9]+")
HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "")
"""Where a VNC server listens that this host reaches at its loopback address."""


class Passage:
    """A process that passes bytes between `line` and the machine."""

    def __init__(self, line: socket.socket, where: str, child: children.Child, output: IO[bytes]) -> None:
        self.line = line
        self.where = where
        self._child = child
        self._output = output
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._child.kill()
            self._child.wait(reaching.END_SECONDS)
            self.line.close()
            self._output.close()

    def said(self) -> str:
        """What the process wrote, which is why it ended."""
        return Path(self._output.name).read_text(errors="replace").strip()[-LONGEST_ANSWER:]


@dataclass(frozen=True, slots=True)
class _Route:
    """Where the process is to connect: a terminal, a socket of this host, or a port in the network of the
    bridge, there at that MAC address."""

    where: str
    terminal: str | None = None
    path: str | None = None
    address: str | None = None
    port: int | None = None
    bridge: str | None = None
    mac: str | None = None
    card: str | None = None


class Entering:
    def __init__(self, hypervisor: connection.Hypervisor, networks: interface.Networks) -> None:
        self._hypervisor = hypervisor
        self._networks = networks

    def open(self, fabric_id: str, entrance: Entrance) -> Passage:
        domain = self._hypervisor.domain(fabric_id)
        if not connection.call("asking whether it runs", domain.isActive):
            raise errors.NotPossibleNow(f"Machine {domain.name()} is off.", do="Start the drill again.")
        root = domain_xml.parse(inventory.live_xml(domain))
        if entrance.kind is WayKind.CONSOLE:
            return _passage(_terminal(root))
        if entrance.kind is WayKind.SCREEN:
            return _passage(_screen(root))
        return _passage(self._port(domain, entrance))

    def _port(self, domain: Any, entrance: Entrance) -> _Route:
        """The route to a port of the machine. Its card is what counts: a neighbour that claims its address
        gets nothing, since the process takes the MAC address from here and asks nobody."""
        cards = [card for card in reaching.bridged(domain) if self._is_isolated(card.network)]
        if not cards or entrance.port is None:
            raise errors.NotPossibleNow(
                "None of its cards is in an isolated network of this host.",
                do="Ways into ports lead only there: drill it with '--network create'.",
            )
        told = {each.address.partition("/")[0]: each for each in reaching.card_addresses(domain)}
        macs = [card.mac for card in cards]
        address = entrance.address or next((key for key, each in told.items() if each.mac in macs), None)
        if address is None:
            raise errors.NotPossibleNow(
                "Its address is not known: no guest agent and no lease tells it.",
                do="Give it: --address ADDRESS.",
            )
        if not addresses.is_of_a_machine(address):
            raise errors.InvalidArgument(f"{address} is no address of a machine.", do="Give the machine's.")
        known = told.get(address)
        card = next((each for each in cards if known is not None and each.mac == known.mac), cards[0])
        prefixed = known.address if known is not None else address
        where = f"port {entrance.port} of {address}"
        return _Route(
            where,
            address=prefixed,
            port=entrance.port,
            bridge=card.bridge,
            mac=card.mac,
            card=card.port,
        )

    def _is_isolated(self, network: str) -> bool:
        return any(each.name == network and each.isolated for each in self._networks.list())


def _terminal(root: Element) -> _Route:
    """The first serial port that is a pseudo terminal."""
    for name in ("serial", "console"):
        for element in root.iterfind(f"devices/{name}[@type='pty']"):
            source = element.find("source")
            path = "" if source is None else source.get("path", "")
            if TERMINAL.fullmatch(path):
                return _Route("its serial console", terminal=path)
    raise errors.NotPossibleNow(
        "It has no serial console that somebody could type at: its port is none, or written to a file.",
        do="Use its screen ('secondsite drill screen MACHINE'), or give it one of type pty at home.",
    )


def _screen(root: Element) -> _Route:
    """Its VNC server, which is this host's own."""
    for graphics in root.iterfind("devices/graphics[@type='vnc']"):
        path, port = graphics.get("socket"), graphics.get("port", "-1")
        listens = [each.get("socket") for each in graphics.iterfind("listen[@type='socket']")]
        if path or any(listens):
            return _Route("its screen (VNC)", path=path or next(filter(None, listens)))
        if port.isdecimal() and (graphics.get("listen") or "") in HERE:
            return _Route("its screen (VNC)", address="127.0.0.1", port=int(port))
    raise errors.NotPossibleNow(
        "It has no screen by VNC.", do="Use its console ('secondsite drill console MACHINE') or a port of it."
    )


def _passage(route: _Route) -> Passage:
    """Start the process, and wait until it is connected. Raises FabricError with what it said."""
    ours, theirs = socket.socketpair()
    output = tempfile.NamedTemporaryFile()  # noqa: SIM115 - it lives as long as the passage
    asked = json.dumps({"way": asdict(route)})
    command = [sys.executable, "-I", str(reaching.PROGRAM), asked]
    started = ["unshare", "--net", *command] if route.bridge else command
    try:
        with theirs, os.fdopen(os.dup(theirs.fileno()), "r+b", buffering=0) as stdin:
            child = children.start(started, output, reaching.ENVIRONMENT, stdin)
    except OSError as error:
        ours.close()
        raise errors.FabricError(f"No way could be opened: {error}", do="Install util-linux.") from error
    passage = Passage(ours, route.where, child, output)
    try:
        ours.settimeout(OPEN_SECONDS)
        is_open = ours.recv(1) == b"+"
    except OSError:
        is_open = False
    if is_open:
        ours.settimeout(None)
        return passage
    said = passage.said() or f"nothing answered within {OPEN_SECONDS:.0f} s"
    passage.close()
    raise errors.FabricError(f"{route.where} was not reached: {said}", do=_advice(route))


def _advice(route: _Route) -> str:
    if route.bridge is None:
        return "Try again; who looks at it with virsh or a viewer has to leave it first."
    return f"See that the guest listens there, or give --address. {reaching.PRIVILEGES}"
