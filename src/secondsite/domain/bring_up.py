"""Instructions for starting a failed-over machine that does not run at its target. Pure; parts of sentences,
with the commands to type."""

from . import by_hand, shell

MISSING = "missing"
NOT_ON = frozenset({"off", "saved", MISSING})
"""The power states that a hypervisor reports for a machine that does not run."""


def forgotten(name: str, site: str) -> str:
    """The statement about a failed-over machine whose replica has no record of the failover."""
    return (
        f"{name} was failed over to {site}, and its replica there knows of no failover: its store, or what "
        "its appliance remembers, was put back from before it, or a start from another point failed"
    )


def said(power: str) -> str:
    """The power state in words."""
    spoken = {"saved": "off, with its memory saved,", MISSING: "not known to its hypervisor"}
    return spoken.get(power, power)


def way(power: str, name: str, site: str, fabric_id: str, *, committed: bool, hypervisor: bool = True) -> str:
    """How to bring the machine up, by its power state (one of NOT_ON), at the site that it was failed over
    to."""
    if power == MISSING:
        return missing(name, site, committed=committed)
    return off(name, site, fabric_id, hypervisor=hypervisor)


def off(name: str, site: str, fabric_id: str, *, hypervisor: bool = True) -> str:
    """For a machine that is defined at that site; by its id, since its name may be different there."""
    return f"Start {name} at {site} {by_hand.start(fabric_id, hypervisor=hypervisor)}."


def redefined(name: str, site: str, what: str) -> str:
    """For one that came home to that site, and that somebody defined there on other disks than it came home
    with; `what`: the sentences that the site reported."""
    return (
        f"Do not start {name} at {site} as it is: it would go back in time. {what} Put these into its "
        f"definition in place of the others ('virsh edit {shell.arguments(name)}', with the URI of its "
        "appliance's hypervisor), then start it."
    )


def missing(name: str, site: str, *, committed: bool) -> str:
    """For a machine whose definition somebody removed; its disk files still exist."""
    quoted = shell.arguments(name)
    again = (
        f"with what it wrote there, at the host of the appliance of {site}, as root: 'systemctl stop "
        f"secondsite-appliance', in its store './secondsite-rescue start {quoted}', 'systemctl start "
        "secondsite-appliance'"
    )
    if committed:
        return f"Have it defined and started again {again}."
    return (
        "'secondsite machine change-recovery-point "
        f"{shell.arguments(name, options='--choice latest_processed')}' starts it from a recovery point, "
        f"and gives up what it wrote there. Or have it defined and started again {again}."
    )


def from_points(name: str, site: str, *, cancels: bool, changes: bool) -> str:
    """For a machine whose replica has no record of the failover: what it wrote there is lost. `cancels`,
    `changes`: whether its state allows cancel-failover and change-recovery-point."""
    quoted = shell.arguments(name)
    changed = (
        "'secondsite machine change-recovery-point "
        f"{shell.arguments(name, options='--choice latest_processed')}' starts it at {site} from a recovery "
        "point that is left there"
    )
    if cancels:
        return (
            f"'secondsite machine cancel-failover {quoted}' ends the failover: it starts again where it was "
            f"moved from, with all that it had written before the move. {changed}, which may be much older."
        )
    if changes:
        return f"{changed}. What it wrote there since its failover is in none."
    return (
        "If a newer state of that store exists, put it back. Else have it started from the newest recovery "
        f"point that is left there, at the host of the appliance of {site}, as root: 'systemctl stop "
        f"secondsite-appliance', in its store './secondsite-rescue start {quoted}', 'systemctl start "
        "secondsite-appliance'."
    )
