"""Which program configures a card, by what its guest says, and what becomes of its files.

What a guest says is only ever written back into that guest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from . import ifupdown, netplan, network_manager, networkd, resolv_conf
from .card_plan import CardPlan, GuestFile, NotUnderstood

CLOUD_INIT = "/etc/cloud/cloud.cfg.d"
KEEPS_OFF = GuestFile(f"{CLOUD_INIT}/99-secondsite-network.cfg", "network: {config: disabled}\n")
"""cloud-init would write the addresses of before at a later boot."""


class Program(StrEnum):
    """What configures cards in a guest."""

    NETWORKD = "systemd-networkd"
    NETWORK_MANAGER = "NetworkManager"
    IFUPDOWN = "ifupdown"
    NETPLAN = "netplan"


@dataclass(frozen=True, slots=True)
class Told:
    """What a guest says of one of its cards. `upper`: what it is a part of, or carries. `network_file`: that
    systemd-networkd applies to it. `connection`: the UUID of NetworkManager's connection on it, and
    `connection_file` that one's text, if it has a file. `interfaces`, `netplan`: files by path, empty where
    the program is missing. `resolv_conf`: the text of a plain file, where no program writes it."""

    upper: str | None = None
    network_file: str | None = None
    connection: str | None = None
    connection_file: str | None = None
    other_files: bool = False
    """Whether NetworkManager keeps connections in files of another kind, too."""
    interfaces: Mapping[str, str] = field(default_factory=dict)
    netplan: Mapping[str, str] = field(default_factory=dict)
    resolv_conf: str | None = None
    cloud_init: bool = False
    booting: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What is written, for which program."""

    program: Program
    files: tuple[GuestFile, ...]


def change(plan: CardPlan, told: Told) -> Change:
    """What gives the card its addresses at each boot. Raises NotUnderstood."""
    if told.upper is not None:
        raise NotUnderstood(f"{plan.name} is a part of something larger ({told.upper})")
    program = _program(plan, told)
    files = _files(plan, told, program)
    return Change(program, (*files, *((KEEPS_OFF,) if told.cloud_init else ())))


def _program(plan: CardPlan, told: Told) -> Program:
    if any(netplan.names(plan, text) for text in told.netplan.values()):
        return Program.NETPLAN
    if told.connection is not None:
        return Program.NETWORK_MANAGER
    if told.network_file is not None:
        return Program.NETWORKD
    if told.interfaces:
        return Program.IFUPDOWN
    known = ", ".join(sorted(Program))
    raise NotUnderstood(f"none of {known} configures {plan.name} in it")


def _files(plan: CardPlan, told: Told, program: Program) -> tuple[GuestFile, ...]:
    match program:
        case Program.NETPLAN:
            return (netplan.file(plan, told.netplan),)
        case Program.NETWORK_MANAGER:
            if told.connection_file is None and told.other_files:
                raise NotUnderstood("NetworkManager keeps the card's connection in a file of another kind")
            return (network_manager.file(plan, told.connection_file),)
        case Program.NETWORKD:
            return (networkd.file(plan, told.network_file or ""),)
        case Program.IFUPDOWN:
            found = ifupdown.files(plan, told.interfaces)
            if told.resolv_conf is not None and plan.dns_servers:
                found.append(resolv_conf.file(plan, told.resolv_conf))
            return tuple(found)
