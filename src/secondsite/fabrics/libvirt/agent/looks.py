"""Looks in running guests for what their operators would miss after a failover.

A guest's agent is asked in the background, one guest after the other: one that does not answer holds up
nobody. No command runs in a guest, so neither its firewall nor its network's configuration is looked at."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import libvirt
import pydantic
import structlog

from ....domain import errors
from ....domain.machines import connecting, prepared
from ....domain.machines.hardware import Hindrance
from ....ground.periodic import Every
from ..host import connection, domain_xml
from .files import AskedGuest

EVERY_SECONDS = 600.0
FORGOTTEN_SECONDS = 3600.0
"""Nobody asks for a machine that is not protected any more."""
TURN_SECONDS = 5.0
MOST_SYSTEMS = 128
LISTENING, SSH_PORT = "0A", 22
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
SSH_FILE = "/etc/ssh/sshd_config"
PORT = re.compile(r"^[ \t]*port[ \t]+([0-9]{1,5})[ \t]*$", re.IGNORECASE | re.MULTILINE)
FIRST_PROGRAM, SYSTEMD = "/proc/1/comm", "systemd"
ENABLED = tuple(
    f"/etc/systemd/system/{wanted_by}.target.wants/{name}.{kind}"
    for wanted_by, kind in (("multi-user", "service"), ("sockets", "socket"))
    for name in ("ssh", "sshd", "dropbear")
)
"""Where systemd notes that it starts an SSH server at boot."""
MISSING = "No such file"
"""What an agent says of a file that is not there, in whatever language the guest is."""
OSINFO = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
ASKS_FOR_RESTART = "/run/reboot-required"
OWN = ("0100007F", "00000000000000000000000001000000")
"""The machine's own addresses, as the tables write them."""

log = structlog.get_logger(__name__)


Count = Annotated[int, pydantic.Field(ge=0, lt=2**63)]
"""What a guest says may be any number; a larger one breaks what is computed from it."""


class _System(pydantic.BaseModel):
    id: str = pydantic.Field("", max_length=255)


class _Mounted(pydantic.BaseModel):
    path: str = pydantic.Field(alias="mountpoint", max_length=255, pattern=r"^/[^\x00-\x1f\x7f]*$")
    used_bytes: Count | None = pydantic.Field(None, alias="used-bytes")
    total_bytes: Count | None = pydantic.Field(None, alias="total-bytes")


@dataclass(slots=True)
class _Look:
    asked_at: float
    looked_at: float | None = None
    lacking: Sequence[Hindrance] = ()
    sight: connecting.Sight | None = None


class GuestLooks:
    """Thread-safe."""

    def __init__(self, hypervisor: connection.Hypervisor, clock: Callable[[], float] = time.time) -> None:
        self._hypervisor = hypervisor
        self._clock = clock
        self._lock = threading.Lock()
        self._looks: dict[str, _Look] = {}
        self._looking = Every("guest-looks", TURN_SECONDS, self.look, _tell_failure)
        self._looking.start()

    def close(self) -> None:
        self._looking.stop()

    def lacking(self, fabric_id: str) -> Sequence[Hindrance]:
        """What was seen to be lacking when the machine was looked at last. Who is asked for is looked at
        again and again."""
        with self._lock:
            look = self._looks.setdefault(fabric_id, _Look(time.monotonic()))
            look.asked_at = time.monotonic()
            return look.lacking

    def inside(self, fabric_id: str) -> connecting.Sight | None:
        """What lets somebody connect, as it was seen last; None before the first look."""
        with self._lock:
            look = self._looks.get(fabric_id)
            return None if look is None else look.sight

    def looked(self, fabric_id: str) -> Sequence[Hindrance]:
        """The same; a machine that was not looked at lately is looked at before."""
        self.lacking(fabric_id)
        look = self._due(time.monotonic()).get(fabric_id)
        if look is not None:
            self._look_at(fabric_id, look)
        return self.lacking(fabric_id)

    def look(self) -> None:
        """At all whose turn it is."""
        for fabric_id, look in self._due(time.monotonic()).items():
            if self._looking.stopping.is_set():
                return
            self._look_at(fabric_id, look)

    def _due(self, now: float) -> Mapping[str, _Look]:
        with self._lock:
            wanted = {
                each: look for each, look in self._looks.items() if now - look.asked_at < FORGOTTEN_SECONDS
            }
            self._looks = wanted
            return {
                each: look
                for each, look in wanted.items()
                if look.looked_at is None or now - look.looked_at > EVERY_SECONDS
            }

    def _look_at(self, fabric_id: str, look: _Look) -> None:
        """One that is off, or has no agent, is as it was seen last."""
        look.looked_at = time.monotonic()
        try:
            domain = self._hypervisor.domain(fabric_id)
            look.sight = look.sight or connecting.Sight(defined_system(domain))
            found, system = seen(domain, self._clock), told_system(domain) or look.sight.system
            look.lacking = tuple(prepared.lacking(found))
            at = datetime.fromtimestamp(self._clock(), UTC)
            look.sight = connecting.Sight(system, at, connecting.seen(found))
        except errors.SecondsiteError as problem:
            log.debug("guest.not-seen", fabric_id=fabric_id, problem=str(problem))


def seen(domain: Any, clock: Callable[[], float]) -> prepared.Preparations:
    """What its agent lets be seen of a guest. Raises FabricError, DeadlineExceeded."""
    asked = AskedGuest(domain)
    off = asked.ask(Count, "guest-get-time") / 1e9 - clock()
    tables = [table for table in map(asked.read_if_there, TABLES) if table is not None]
    return prepared.Preparations(
        ssh_listens=listening(tables, ports(asked.read_if_there(SSH_FILE) or "")) if tables else None,
        ssh_at_boot=_ssh_at_boot(asked),
        full=tuple(_rooms(asked)),
        restart_required=asked.read_if_there(ASKS_FOR_RESTART) is not None,
        clock_off_seconds=off,
    )


def told_system(domain: Any) -> connecting.System | None:
    """The guest's system by its agent; None if that does not tell."""
    with contextlib.suppress(errors.FabricError):
        named = AskedGuest(domain).ask(_System, "guest-get-osinfo").id
        return connecting.system(named) if named else None
    return None


def defined_system(domain: Any) -> connecting.System:
    """The guest's system as the machine's definition names it."""
    arguments = (libvirt.VIR_DOMAIN_METADATA_ELEMENT, OSINFO, libvirt.VIR_DOMAIN_AFFECT_CURRENT)
    try:
        text = connection.call("reading a guest's system", domain.metadata, *arguments)
        found = domain_xml.parse(text).find(f"{{{OSINFO}}}os")
    except errors.FabricError:  # most machines have none
        return connecting.System.UNKNOWN
    return connecting.system("" if found is None else found.get("id", ""))


def _ssh_at_boot(asked: AskedGuest) -> bool | None:
    """Whether systemd starts an SSH server at boot; None where that cannot be seen."""
    if (asked.read_if_there(FIRST_PROGRAM) or "").strip() != SYSTEMD:
        return None
    unseen = False
    for path in ENABLED:
        there = _is_there(asked, path)
        if there:
            return True
        unseen = unseen or there is None
    return None if unseen else False


def _is_there(asked: AskedGuest, path: str) -> bool | None:
    """Whether the guest has such a file. One that it may not read may be there: None."""
    try:
        asked.read(path)
    except errors.FabricError as problem:
        return False if MISSING in str(problem) else None
    return True


def _rooms(asked: AskedGuest) -> Iterator[prepared.Room]:
    for each in asked.ask(list[_Mounted], "guest-get-fsinfo")[:MOST_SYSTEMS]:
        if each.used_bytes is not None and each.total_bytes:
            free = max(0, each.total_bytes - each.used_bytes)
            yield prepared.Room(each.path, each.total_bytes, free)


def ports(configuration: str) -> frozenset[int]:
    """Where an SSH server with this configuration listens."""
    return frozenset(int(each) for each in PORT.findall(configuration) or (SSH_PORT,))


def listening(tables: Sequence[str], at: frozenset[int]) -> bool:
    """Whether a program listens at one of these ports, by the kernel's tables, and not only for the machine
    itself."""
    wanted = {f"{port:04X}" for port in at}
    rows = (line.split() for table in tables for line in table.splitlines()[1:])
    places = (row[1].rpartition(":") for row in rows if len(row) > 3 and row[3] == LISTENING)
    return any(address not in OWN and port in wanted for address, _, port in places)


def _tell_failure(problem: Exception) -> None:
    log.warning("guest-looks.failed", problem=str(problem))
