"""What a machine lacks that its operator would miss in the hour of need: told before it comes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...ground.units import MiB
from .. import amounts
from .hardware import Hindrance

MOST_CLOCK_SECONDS = 60.0
LEAST_SHARE, LEAST_BYTES = 0.05, 256 * MiB
"""Less free space than this share of a file system, and than this, is short."""


@dataclass(frozen=True, slots=True)
class Room:
    """A file system and what is free of it."""

    where: str
    size_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Preparations:
    """What was seen in a machine; None: that could not be seen. `loose_cards`: cards whose addresses stand in
    no file. `ssh_at_boot`: systemd starts its SSH server at boot. `ssh_let_in`: its firewall lets somebody in
    at `ssh_ports`. `newer_kernel`: the one of its next start, if it runs another. `clock_off_seconds`: how
    far its clock is ahead of its appliance's."""

    loose_cards: Sequence[str] = ()
    ssh_listens: bool | None = None
    ssh_at_boot: bool | None = None
    ssh_let_in: bool | None = None
    ssh_ports: Sequence[int] = ()
    full: Sequence[Room] = ()
    restart_required: bool = False
    newer_kernel: str = ""
    clock_is_kept: bool = True
    clock_off_seconds: float = 0.0


def lacking(seen: Preparations) -> Iterator[Hindrance]:
    """What it lacks, as warnings."""
    yield from _reached(seen)
    for each in seen.loose_cards:
        yield _note(
            f"The addresses of card {each} stand in no known file: they may be gone at its next start.",
            "Write them into the configuration of its network, then restart the machine.",
        )
    for room in seen.full:
        if room.free_bytes < min(LEAST_BYTES, LEAST_SHARE * room.size_bytes):
            yield _note(
                f"The file system {room.where} of the machine is full but for {room.free_bytes >> 20} MiB.",
                "Make room in it: services that cannot write do not start.",
            )
    yield from _started(seen)


def _reached(seen: Preparations) -> Iterator[Hindrance]:
    if seen.ssh_listens is False:
        yield _note(
            "No SSH server listens in the machine: after a failover only its console is left.",
            "Install and start one ('apt install openssh-server'), or know a password for its console.",
        )
        return
    if seen.ssh_at_boot is False:
        yield _note(
            "The machine's SSH server listens, but systemd is not seen to start it at boot: after a failover "
            "only its console may be left.",
            "Enable it ('systemctl enable ssh', or sshd).",
        )
    if seen.ssh_let_in is False:
        ports = ", ".join(map(str, seen.ssh_ports))
        yield _note(
            f"The firewall of the machine lets nobody in to its SSH server (port {ports}).",
            "Let in the networks of its second site, too ('nft list ruleset' shows what is let in).",
        )


def _started(seen: Preparations) -> Iterator[Hindrance]:
    if seen.newer_kernel:
        yield _note(
            f"The machine's next start brings another kernel than it runs, {seen.newer_kernel}: a failover "
            "would be its first trial.",
            "Restart the machine when that suits.",
        )
    elif seen.restart_required:
        yield _note("The machine's system asks for a restart.", "Restart it when that suits.")
    if abs(seen.clock_off_seconds) > MOST_CLOCK_SECONDS:
        side = "ahead of" if seen.clock_off_seconds > 0 else "behind"
        yield _note(
            f"The machine's clock is {amounts.span(abs(seen.clock_off_seconds))} {side} its appliance's.",
            "Set it right, and see what keeps it so ('timedatectl'); or that of the appliance's host.",
        )
    elif not seen.clock_is_kept:
        yield _note(
            "Nothing keeps the machine's clock right.",
            "Start systemd-timesyncd or chrony in it ('timedatectl' shows what it does).",
        )


def _note(what: str, do: str) -> Hindrance:
    return Hindrance(what, do, blocking=False)
