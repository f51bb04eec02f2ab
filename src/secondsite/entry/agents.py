"""What `secondsite appliance agents` does in an appliance's home, also while the appliance runs."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..appliance.shared import ApplianceConfig
from ..domain import errors
from ..fabrics.agent.link import Record, Registry
from .appliance_main import FABRIC_FILE

PUSH_SECONDS = 900.0
AFTER_FAILURE = "Mend what ssh or the agent said; a push may be repeated."
_REMOTE = """set -e
read -r key
folder=$(mktemp -d /var/lib/secondsite-push-XXXXXX)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/secondsite-agent"
chmod 700 "$folder/secondsite-agent"
printf '%s\\n' "$key" | "$folder/secondsite-agent" install --appliance {addresses} -
"""
"""The key and the program come by the standard input, where no other user of the machine sees them."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A registration key, and where agents dial: HOST:PORT each."""

    key: str
    addresses: Sequence[str]


@dataclass(frozen=True, slots=True)
class ListedAgent:
    """`valid_until` is that of its newest certificate; None if it was revoked."""

    agent_id: str
    name: str
    enrolled_at: datetime
    heard_at: datetime | None
    version: str
    valid_until: datetime | None


def new_key(home: Path, hours: float, machine: str | None, rescue: bool) -> NewKey:
    """Let one machine in: a new one, or a known one by its name or id. Raises NotFound, InvalidArgument."""
    registry = _registry(home)
    agent_id = None if machine is None else registry.records.named(machine).agent_id
    key = registry.new_key(hours, agent_id, "rescue" if rescue else "machine")
    return NewKey(key, _addresses(home))


def listed(home: Path) -> Sequence[ListedAgent]:
    """By name."""
    registry = _registry(home)
    return [_listed(registry, record) for record in registry.records.all()]


def revoke(home: Path, machine: str) -> str:
    """Have an agent accepted no more; returns a sentence. Raises NotFound."""
    registry = _registry(home)
    record = registry.records.named(machine)
    registry.revoke(record.agent_id)
    return f"The agent of {record.name} is not accepted any more; a running appliance ends its connections."


def push(home: Path, to: str, addresses: Sequence[str], program: Path) -> str:
    """Copy the program to a machine by the system's ssh, and install and enroll it there; returns a sentence.
    Raises InvalidArgument, FabricError with what ssh said."""
    chosen = addresses or _addresses(home)
    if not chosen:
        raise errors.InvalidArgument(
            "Where is the machine to dial?", do="Name this appliance's address: --address HOST:PORT."
        )
    if not program.is_file():
        raise errors.InvalidArgument(
            f"There is no program {program}.", do="Build it with './dev agent', and name it with --program."
        )
    made = new_key(home, 1, None, rescue=False)
    script = _REMOTE.format(addresses=shlex.quote(",".join(chosen)))
    _ssh(to, script, made.key.encode() + b"\n" + program.read_bytes())
    return f"The agent runs on {to}, and dials {', '.join(chosen)}."


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
            f"The appliance in {home} serves no agents.",
            do="Enroll one for them, with --fabric agent: 'secondsite appliance enroll --help'.",
        )
    return Registry(home.absolute() / "agents")


def _fabric(home: Path) -> dict[str, str]:
    ApplianceConfig.load(home.absolute())
    found: dict[str, str] = json.loads((home / FABRIC_FILE).read_bytes())
    return found


def _addresses(home: Path) -> list[str]:
    """The hosts that the other site reaches it by, with the port for agents."""
    port = _fabric(home)["uri"].rpartition(":")[2]
    hosts = (each.rpartition(":")[0] for each in ApplianceConfig.load(home.absolute()).advertised)
    return [f"{host}:{port}" for host in hosts if host]


def _listed(registry: Registry, record: Record) -> ListedAgent:
    heard = registry.records.heard(record.agent_id)
    until = max((each.until for each in record.certificates), default=None)
    version = "" if heard is None else str(heard.hello.get("version", ""))
    heard_at = None if heard is None else heard.at
    return ListedAgent(record.agent_id, record.name, record.enrolled_at, heard_at, version, until)
