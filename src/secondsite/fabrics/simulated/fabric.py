"""The simulated fabric: all protocols over one host."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...datapath.encryption import EncryptionKey
from ...domain import errors
from ...domain.drills.ways import WayKind
from ...ground import threads
from ...wire.common.cards import CardAddress
from ..addressing import GivenAddress, RestoredFiles
from ..calling import Calling
from ..entering import Entrance
from ..interface import PowerState, Properties
from ..reaching import Answers, Knock, KnockResult
from ..scripting import GuestScript, ScriptEnd
from ..seeing import FileSystem, Sights
from .common_pause import SimulatedCommonPause
from .firmware import SimulatedFirmware
from .host import faults as dialling
from .host.faults import Fault, Faults
from .host.host import Host
from .host.records import KIND, MachineRecord
from .hosting import SimulatedHosting
from .networks import SimulatedNetworks
from .power import SimulatedInventory, SimulatedPower
from .settling import SimulatedSettling
from .tracking.tracking import SimulatedTracking


class SimulatedFabric:
    """One simulated site. All its state is under its root; several processes may have it open."""

    def __init__(
        self, root: Path, delay_seconds: tuple[float, float], key: EncryptionKey | None = None
    ) -> None:
        host = Host(root, key)
        faults = Faults(host.root, delay_seconds)
        self.root = host.root
        self.properties = Properties(
            kind=KIND,
            accelerated=False,
            networks=True,
            notes=("Machines have disks and no processor.",),
        )
        self.inventory = SimulatedInventory(host, faults)
        self.power = SimulatedPower(host, faults)
        self.common_pause = SimulatedCommonPause(host, faults)
        self.firmware = SimulatedFirmware(host, faults)
        self.tracking = SimulatedTracking(host, faults, self.common_pause)
        self.hosting = SimulatedHosting(host, faults)
        self.settling = SimulatedSettling(host, faults)
        self.networks = SimulatedNetworks(host.root, faults)
        self.seeing = SimulatedSeeing(host, faults)
        self.reaching = SimulatedReaching(host, faults)
        self.entering = SimulatedEntering(host, faults)
        self.addressing = SimulatedAddressing(host, faults)
        self.scripting = SimulatedScripting(host, faults)
        self.calling: Calling | None = None
        self.tracking.end_left_over_trials()

    def asks_first(self, look: Callable[[str], bool]) -> None:
        """No machine here asks at its boot."""

    def also_enters(self, folders: Callable[[], Sequence[Path]]) -> None:
        """Nobody is kept out of any folder."""

    def close(self) -> None:
        """Nothing to close: daemons and machines run on."""


def open_fabric(
    root: Path,
    faults: Sequence[Fault] = (),
    delay_seconds: tuple[float, float] = (0.0, 0.0),
    key: EncryptionKey | None = None,
) -> SimulatedFabric:
    """The simulated site under `root`, created if it is new. `faults` replace those of the site; without any
    it keeps them.

    `delay_seconds` is the least and the most by which every call is delayed. `key` opens encrypted disks.
    """
    fabric = SimulatedFabric(root, delay_seconds, key)
    if faults:
        dialling.dial(fabric.root, faults)
    return fabric


# Scripts in machines with a guest agent. How they end is a trait of the machine; what they were given is kept
# beside the machines.


class SimulatedScripting:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def run(self, fabric_id: str, script: GuestScript) -> ScriptEnd:
        with self._faults.around("scripting.run", fabric_id):
            record = self._host.records.need(fabric_id)
            if self._host.state(record) is not PowerState.RUNNING or not record.traits.guest_agent:
                raise errors.FabricError("its guest agent does not answer")
            folder = self._host.root / "scripts"
            folder.mkdir(exist_ok=True)
            with (folder / fabric_id).open("ab") as told:
                told.write(script.said + b"\n")
        return ScriptEnd(record.traits.script_status, " ".join(script.interpreter).encode())


# Addresses that machines with a guest agent are given; they are kept in a file beside the machines.


class SimulatedAddressing:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def give(
        self, fabric_id: str, wanted: CardAddress, whose: str, seconds: float, *, from_home: bool = False
    ) -> GivenAddress:
        with self._faults.around("addressing.give", fabric_id):
            self._require_agent(fabric_id)
            folder = self._host.root / "addresses"
            folder.mkdir(exist_ok=True)
            (folder / fabric_id).write_text(json.dumps(wanted.model_dump(mode="json")))
        return GivenAddress("eth0", "ifupdown")

    def restore(self, fabric_id: str, whose: str, seconds: float) -> RestoredFiles:
        with self._faults.around("addressing.restore", fabric_id):
            self._require_agent(fabric_id)
            file = self._host.root / "addresses" / fabric_id
            back = ("/etc/network/interfaces",) if file.exists() else ()
            file.unlink(missing_ok=True)
        return RestoredFiles(back)

    def told(self, fabric_id: str) -> Mapping[str, Sequence[str]]:
        with self._faults.around("addressing.told", fabric_id):
            self._require_agent(fabric_id)
            file = self._host.root / "addresses" / fabric_id
            if not file.exists():
                return {}
            given = CardAddress.model_validate_json(file.read_text())
            return {given.mac: [given.address.partition("/")[0]]}

    def _require_agent(self, fabric_id: str) -> None:
        record = self._host.records.need(fabric_id)
        if self._host.state(record) is not PowerState.RUNNING or not record.traits.guest_agent:
            raise errors.FabricError("its guest agent does not answer")


# The answers of a machine's services: those in its traits.


class SimulatedReaching:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def addresses(self, fabric_id: str) -> Sequence[str]:
        with self._faults.around("reaching.addresses", fabric_id):
            record = self._host.records.get(fabric_id)
            runs = record is not None and self._host.state(record) is PowerState.RUNNING
            return ["10.0.0.1/24"] if record is not None and runs and _tells(record) else []

    def is_inside(self, fabric_id: str, address: str, source: str | None = None) -> bool:
        return True  # what answers is the machine's own traits

    @contextmanager
    def visit(self, fabric_id: str, knocks: Sequence[Knock], source: str | None = None) -> Iterator[Answers]:
        with self._faults.around("reaching.visit", fabric_id):
            serves = self._host.records.need(fabric_id).traits.serves
        heard = {number: _heard(knock, serves) for number, knock in enumerate(knocks)}
        yield lambda: heard


def _tells(record: MachineRecord) -> bool:
    """Whether anything tells the machine's addresses: its agent, or a service on it."""
    has_agent = record.traits.shows and record.traits.guest_agent
    return bool(record.traits.serves or (has_agent and any(nic.network for nic in record.definition.nics)))


def _heard(knock: Knock, serves: dict[int, str]) -> KnockResult:
    """The result of a knock: a port answers with 'STATUS TEXT', or not at all."""
    if knock.port not in serves:
        return KnockResult(False, "Connection refused")
    if knock.path is None:
        return KnockResult(True, "the port is open")
    status, _, text = serves[knock.port].partition(" ")
    if status != str(knock.status):
        return KnockResult(False, f"status {status}, not {knock.status}: {text}")
    if knock.text is not None and knock.text not in text:
        return KnockResult(False, f"status {status}, but its page does not say '{knock.text}'")
    return KnockResult(True, f"status {status}")


# Ways into a machine. What its traits serve at a port is said first; then it repeats what it hears. Its
# console and its screen do the same with their names.


class SimulatedPassage:
    """A way, whose machine is a thread here."""

    def __init__(self, says: bytes, where: str) -> None:
        self.where = where
        self.line, self._machine = socket.socketpair()
        self._says = says
        threads.worker("simulated-way", self._talk).start()

    def _talk(self) -> None:
        with contextlib.suppress(OSError), self._machine:
            self._machine.sendall(self._says)
            while heard := self._machine.recv(4096):
                self._machine.sendall(heard)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.line.shutdown(socket.SHUT_RDWR)
        self.line.close()


class SimulatedEntering:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def open(self, fabric_id: str, entrance: Entrance) -> SimulatedPassage:
        with self._faults.around("entering.open", fabric_id):
            record = self._host.records.need(fabric_id)
            if self._host.state(record) is not PowerState.RUNNING:
                raise errors.NotPossibleNow(f"Machine {record.definition.name} is off.")
            if entrance.kind is not WayKind.PORT:
                return SimulatedPassage(f"{entrance.kind} of {fabric_id}\n".encode(), f"its {entrance.kind}")
            serves = record.traits.serves
            if entrance.port not in serves:
                raise errors.FabricError(f"port {entrance.port} was not reached: Connection refused")
            return SimulatedPassage(f"{serves[entrance.port]}\n".encode(), f"port {entrance.port}")


# What can be seen of a machine: nothing, unless its traits have a console text; then it has a screen too.

SIDE = 8


class SimulatedSeeing:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def sights(self, fabric_id: str) -> Sights:
        with self._faults.around("seeing.sights", fabric_id):
            traits = self._host.records.need(fabric_id).traits
            shows = bool(traits.shows)
            return Sights(agent=shows and traits.guest_agent, console=shows, screen=shows)

    def agent_answers(self, fabric_id: str) -> bool:
        with self._faults.around("seeing.agent_answers", fabric_id):
            record = self._shown(fabric_id)
            return record is not None and record.traits.guest_agent

    def console(self, fabric_id: str, most_bytes: int) -> bytes:
        with self._faults.around("seeing.console", fabric_id):
            record = self._shown(fabric_id)
            return b"" if record is None else record.traits.shows.encode()[-most_bytes:]

    def file_systems(self, fabric_id: str) -> tuple[FileSystem, ...]:
        with self._faults.around("seeing.file_systems", fabric_id):
            record = self._shown(fabric_id)
            if record is None or not record.traits.guest_agent:
                raise errors.FabricError("its guest agent does not answer")
            return tuple(
                FileSystem(path, "ext4", errors=count) for path, count in record.traits.mounts.items()
            )

    def screen(self, fabric_id: str) -> bytes | None:
        with self._faults.around("seeing.screen", fabric_id):
            record = self._shown(fabric_id)
            return None if record is None else _picture(record.traits.shows)

    def _shown(self, fabric_id: str) -> MachineRecord | None:
        """The record, if the machine runs and shows anything."""
        record = self._host.records.get(fabric_id)
        if record is None or self._host.state(record) is not PowerState.RUNNING or not record.traits.shows:
            return None
        return record


def _picture(text: str) -> bytes:
    """A small PNG of one colour, which the text decides."""
    line = b"\0" + hashlib.sha256(text.encode()).digest()[:3] * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(line * SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
