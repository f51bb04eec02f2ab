"""The book of agents in an appliance's home, and where they call it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...appliance.shared import ApplianceConfig
from ...domain import errors
from ...fabrics.agent import AGENTS
from ...fabrics.agent.link import Registry
from ..appliance_main import FABRIC_FILE


@dataclass(frozen=True, slots=True)
class Place:
    """Where agents dial: HOST:PORT each, and the SHA-256 of the authority by which they know who answers."""

    addresses: Sequence[str]
    authority: str


def where(home: Path) -> Place:
    """Where agents call the appliance, and by what it is known. Raises NotPossibleNow if none may."""
    authority = any_registry_of(home).authority.fingerprint
    return Place(addresses_of(home), authority)


def registry_of(home: Path) -> Registry:
    """Raises NotPossibleNow for an appliance of another platform."""
    if _fabric(home)["kind"] != "agent":
        raise errors.NotPossibleNow(
            f"The appliance in {home} enrolls no agents.",
            do="Enroll one for them, with --fabric agent: 'secondsite appliance enroll --help'.",
        )
    return Registry(home.absolute() / AGENTS)


def any_registry_of(home: Path) -> Registry:
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


def addresses_of(home: Path) -> list[str]:
    """The hosts that the other site reaches it by, with the port for agents."""
    hosts = (each.rpartition(":")[0] for each in ApplianceConfig.load(home.absolute()).advertised)
    return [f"{host}:{_port(home)}" for host in hosts if host]


def shown(home: Path) -> str:
    """The same for a command that a person types; HOST is for him to fill in where no host was named."""
    return ",".join(addresses_of(home)) or f"HOST:{_port(home)}"


def _port(home: Path) -> str:
    fabric = _fabric(home)
    listens = fabric["uri"] if fabric["kind"] == "agent" else ApplianceConfig.load(home.absolute()).agents
    return (listens or "").rpartition(":")[2]
