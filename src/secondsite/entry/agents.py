"""What `secondsite appliance agents` does in an appliance's home, also while the appliance runs."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..appliance.shared import ApplianceConfig
from ..domain import errors
from ..fabrics.agent import AGENTS
from ..fabrics.agent.link import OtherDisks, Record, Registry, Upgrade
from .appliance_main import FABRIC_FILE

PUSH_SECONDS = 900.0
VERSION_SECONDS = 20.0
LOOK_SECONDS = 0.5
TAKEN_UP_SECONDS = 30.0
UPGRADE_SECONDS = 600.0
BUILD = "Build it with './dev agent', and name it with --program."
AFTER_FAILURE = "Mend what ssh or the agent said; a push may be repeated."
_REMOTE = """set -e
read -r key
folder=$(mktemp -d /var/lib/secondsite-push-XXXXXX)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/secondsite-agent"
chmod 700 "$folder/secondsite-agent"
if [ -s /var/lib/secondsite-agent/identity.pem ]; then
    "$folder/secondsite-agent" install
else
    printf '%s\\n' "$key" | "$folder/secondsite-agent" install --appliance {addresses} -
fi
"""
"""The key and the program come by the standard input, where no other user of the machine sees them. A machine
that is enrolled keeps its identity: that is an upgrade."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A registration key, and where agents dial: HOST:PORT each."""

    key: str
    addresses: Sequence[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where agents dial: HOST:PORT each, and the SHA-256 of the authority by which they know who answers."""

    addresses: Sequence[str]
    authority: str


@dataclass(frozen=True, slots=True)
class Upgraded:
    """How the upgrade of one agent went."""

    name: str
    done: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class ServerDisk:
    """A disk of a server, by its serial number or what it is known by; `refused` is why it is not offered."""

    serial: str
    name: str
    size_bytes: int
    holds: str
    refused: str


@dataclass(frozen=True, slots=True)
class ServerDisks:
    """Those of the server that called last for a machine; `decided` is None if it comes home to its own."""

    machine: str
    decided: OtherDisks | None
    disks: tuple[ServerDisk, ...]


@dataclass(frozen=True, slots=True)
class ListedAgent:
    """`valid_until` is that of its newest certificate; None if it was revoked. `is_guest`: it was enrolled at
    another appliance, and its machine runs here; then it is when it last came."""

    agent_id: str
    name: str
    enrolled_at: datetime
    heard_at: datetime | None
    version: str
    valid_until: datetime | None
    is_guest: bool


def new_key(
    home: Path, hours: float, machine: str | None, rescue: bool, *, other_disks: bool = False
) -> NewKey:
    """Let one machine in: a new one, or a known one by its name or id; `other_disks`: it comes home to those
    of another server. Raises NotFound, InvalidArgument."""
    registry = _registry(home)
    agent_id = None if machine is None else registry.records.named(machine).agent_id
    key = registry.new_key(hours, agent_id, "rescue" if rescue else "machine")
    if other_disks and not (rescue and agent_id):
        raise errors.InvalidArgument(
            "Other disks are those of a rescue system.", do="Add --for MACHINE --rescue."
        )
    if other_disks and agent_id is not None and registry.other_disks.find(agent_id) is None:
        registry.other_disks.keep(agent_id, OtherDisks())
    return NewKey(key, _addresses(home))


def decide_disks(home: Path, machine: str, chosen: Sequence[str], overwrite: Sequence[str]) -> None:
    """Decide which disks of another server a machine comes home to, beside what was decided before; `chosen`
    are KEY=DISK. Raises NotFound, InvalidArgument."""
    registry = _registry(home)
    agent_id = registry.records.named(machine).agent_id
    before = registry.other_disks.find(agent_id) or OtherDisks()
    pairs = dict(_pair(each) for each in chosen)
    both = dict.fromkeys((*before.overwrite, *overwrite))
    registry.other_disks.keep(agent_id, OtherDisks(chosen={**before.chosen, **pairs}, overwrite=tuple(both)))


def own_disks(home: Path, machine: str) -> str:
    """Let a machine come home to its own disks again; returns a sentence. Raises NotFound."""
    registry = _registry(home)
    record = registry.records.named(machine)
    registry.other_disks.forget(record.agent_id)
    return f"{record.name} comes home to its own disks."


def server_disks(home: Path, machine: str) -> ServerDisks:
    """The disks of the server that called last for a machine, as they were told when it called. Raises
    NotFound, FabricError."""
    registry = _registry(home)
    record = registry.records.named(machine)
    heard = registry.records.heard(record.agent_id)
    told = heard.hello.get("disks", ()) if heard is not None else ()
    decided = registry.other_disks.find(record.agent_id)
    return ServerDisks(record.name, decided, tuple(map(_server_disk, told)))


def _pair(text: str) -> tuple[str, str]:
    key, equals, disk = text.partition("=")
    if not (key and equals and disk):
        raise errors.InvalidArgument(f"'{text}' names no disk.", do="Give KEY=SERIAL, as in sda=S3Z1NB0K.")
    return key, disk


def _server_disk(told: Mapping[str, Any]) -> ServerDisk:
    return ServerDisk(
        str(told.get("serial") or told.get("key", "")),
        str(told.get("name", "")),
        int(told.get("size_bytes", 0)),
        ", ".join(map(str, told.get("holds", ()))),
        str(told.get("refused", "")),
    )


def listed(home: Path) -> Sequence[ListedAgent]:
    """By name."""
    registry = _any_registry(home)
    return [_listed(registry, record) for record in registry.records.all()]


def where(home: Path) -> Place:
    """Where agents call the appliance, and by what it is known. Raises NotPossibleNow if none may."""
    authority = _any_registry(home).authority.fingerprint
    return Place(_addresses(home), authority)


def revoke(home: Path, machine: str) -> str:
    """Have an agent accepted no more; returns a sentence. Raises NotFound."""
    registry = _any_registry(home)
    record = registry.records.named(machine)
    registry.revoke(record.agent_id)
    return f"The agent of {record.name} is not accepted any more; a running appliance ends its connections."


def upgrade(home: Path, machines: Sequence[str], program: Path) -> Iterator[Upgraded]:
    """Have the running appliance hand these agents the program, or all if none is named, one after the other;
    yields how it went with each. Raises NotFound, InvalidArgument, NotPossibleNow."""
    registry = _registry(home)
    records = [registry.records.named(each) for each in machines] or _enrolled(registry)
    wanted = Upgrade(program=program.absolute(), version=_version(program), sha256=_sha256(program))
    for record in records:
        registry.upgrades.put(record.agent_id, wanted)
    for record in records:
        yield _awaited(registry, record)


def _enrolled(registry: Registry) -> list[Record]:
    return [each for each in registry.records.all() if each.certificates]


def _awaited(registry: Registry, record: Record) -> Upgraded:
    taken_up, until = time.monotonic() + TAKEN_UP_SECONDS, time.monotonic() + UPGRADE_SECONDS
    while (found := registry.upgrades.all().get(record.agent_id)) is not None and time.monotonic() < until:
        if found.said is not None:
            registry.upgrades.remove(record.agent_id)
            return Upgraded(record.name, found.done, found.said)
        if not any(each.began for each in registry.upgrades.all().values()) and time.monotonic() > taken_up:
            for agent_id in registry.upgrades.all():
                registry.upgrades.remove(agent_id)
            raise errors.NotPossibleNow(
                "The appliance has not begun with it: it does not run.",
                do="Start it ('systemctl start secondsite-appliance'), then retry.",
            )
        time.sleep(LOOK_SECONDS)
    return Upgraded(record.name, False, f"Of the agent in {record.name} nothing was heard in time.")


def _sha256(program: Path) -> str:
    return hashlib.sha256(program.read_bytes()).hexdigest()


def _version(program: Path) -> str:
    """What the program says of itself. Raises InvalidArgument."""
    _require_program(program)
    try:
        asked = [str(program.absolute()), "--version"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=VERSION_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as problem:
        raise errors.InvalidArgument(f"{program} is no agent's program: {problem}.", do=BUILD) from problem
    said = told.stdout.strip()
    if not re.fullmatch(r"[A-Za-z0-9.+~-]{1,64}", said):
        raise errors.InvalidArgument(f"{program} says no version.", do=BUILD)
    return said


def _require_program(program: Path) -> None:
    if not program.is_file():
        raise errors.InvalidArgument(f"There is no program {program}.", do=BUILD)


def push(home: Path, to: str, addresses: Sequence[str], program: Path) -> str:
    """Copy the program to a machine by the system's ssh, and install and enroll it there; returns a sentence.
    Raises InvalidArgument, FabricError with what ssh said."""
    chosen = addresses or _addresses(home)
    if not chosen:
        raise errors.InvalidArgument(
            "Where is the machine to dial?", do="Name this appliance's address: --address HOST:PORT."
        )
    _require_program(program)
    made = new_key(home, 1, None, rescue=False)
    script = _REMOTE.format(addresses=shlex.quote(",".join(chosen)))
    _ssh(to, script, made.key.encode() + b"\n" + program.read_bytes())
    return f"The agent runs on {to}, and dials {', '.join(chosen)}; if it was enrolled, as before."


def _ssh(to: str, script: str, given: bytes) -> None:
    command = ["ssh", "-o", "ConnectTimeout=20", "--", to, script]
    try:
        done = subprocess.run(command, input=given, stderr=subprocess.PIPE, timeout=PUSH_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise errors.FabricError(f"ssh to {to} failed: {problem}.", do=AFTER_FAILURE) from problem
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-2000:]
        raise errors.FabricError(f"The agent was not installed on {to}: {said}.", do=AFTER_FAILURE)


def _registry(home: Path) -> Registry:
    """Raises NotPossibleNow for an appliance of another platform."""
    if _fabric(home)["kind"] != "agent":
        raise errors.NotPossibleNow(
            f"The appliance in {home} enrolls no agents.",
            do="Enroll one for them, with --fabric agent: 'secondsite appliance enroll --help'.",
        )
    return Registry(home.absolute() / AGENTS)


def _any_registry(home: Path) -> Registry:
    """Also of an appliance that only agents call whose machines were moved there. Raises NotPossibleNow."""
    if _fabric(home)["kind"] != "agent" and ApplianceConfig.load(home.absolute()).agents is None:
        raise errors.NotPossibleNow(
            f"No agents call the appliance in {home}.",
            do='Let those of machines that are moved to its site: "agents": "0.0.0.0:9446" in its '
            "appliance.json, then restart it.",
        )
    return Registry(home.absolute() / AGENTS)


def _fabric(home: Path) -> dict[str, str]:
    ApplianceConfig.load(home.absolute())
    found: dict[str, str] = json.loads((home / FABRIC_FILE).read_bytes())
    return found


def _addresses(home: Path) -> list[str]:
    """The hosts that the other site reaches it by, with the port for agents."""
    config, fabric = ApplianceConfig.load(home.absolute()), _fabric(home)
    port = (fabric["uri"] if fabric["kind"] == "agent" else config.agents or "").rpartition(":")[2]
    hosts = (each.rpartition(":")[0] for each in config.advertised)
    return [f"{host}:{port}" for host in hosts if host]


def _listed(registry: Registry, record: Record) -> ListedAgent:
    heard = registry.records.heard(record.agent_id)
    until = max((each.until for each in record.certificates), default=None)
    version = "" if heard is None else str(heard.hello.get("version", ""))
    heard_at = None if heard is None else heard.at
    return ListedAgent(
        record.agent_id, record.name, record.enrolled_at, heard_at, version, until, record.is_guest
    )
