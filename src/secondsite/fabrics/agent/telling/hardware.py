"""The hardware that a machine's own system boots from, and what speaks against its start elsewhere."""

from datetime import UTC, datetime

from ....domain.machines import connecting, prepared
from ....domain.machines import hardware as decided
from ... import interface
from .machine import ToldMachine


def hardware(told: ToldMachine) -> decided.Hardware:
    return decided.decide(system(told))


def obstacles(told: ToldMachine, clock: float) -> tuple[interface.Obstacle, ...]:
    """What keeps the machine from starting at its second site, or may, and what its operator would miss
    there. `clock`: this host's when it told, in seconds since 1970."""
    found = (*hardware(told).hindrances, *prepared.lacking(_preparations(told, clock)))
    return tuple(interface.Obstacle(each.what, each.do, each.blocking) for each in found)


def sight(told: ToldMachine, clock: float) -> connecting.Sight:
    """What was seen of what lets somebody connect: our agents run in Linux. `clock` as for `obstacles`."""
    at = datetime.fromtimestamp(clock, UTC)
    return connecting.Sight(connecting.System.LINUX, at, connecting.seen(_preparations(told, clock)))


def system(told: ToldMachine) -> decided.System:
    firmware = told.firmware
    return decided.System(
        uefi=firmware.kind == "uefi",
        kernels=[
            decided.Kernel(each.release, each.drivers, each.default, each.unread) for each in told.kernels
        ],
        tool=told.tool,
        host_only=told.host_only,
        fallback_loader=firmware.fallback_loader,
        secure_boot=firmware.secure_boot,
        named=[each.device for each in told.named],
        opened_by=told.root.opened_by,
        cards=[decided.Card(each.name, each.mac, each.files, each.by_name) for each in told.cards],
    )


def _preparations(told: ToldMachine, clock: float) -> prepared.Preparations:
    looks = told.looks
    loose = [each.name for each in told.cards if each.addresses and each.method == "unknown"]
    if looks is None:
        return prepared.Preparations(loose_cards=loose)
    let_in = {"open": True, "closed": False}.get(looks.ssh.let_in)
    return prepared.Preparations(
        loose_cards=loose,
        ssh_listens=looks.ssh.listens,
        ssh_at_boot=looks.ssh.at_boot,
        ssh_let_in=let_in,
        ssh_ports=looks.ssh.ports,
        full=[prepared.Room(each.where, each.size_bytes, each.free_bytes) for each in looks.file_systems],
        restart_required=looks.restart_required,
        newer_kernel=looks.newer_kernel,
        clock_is_kept=looks.clock.synchronized is not False,
        clock_off_seconds=looks.clock.at - clock,
    )
