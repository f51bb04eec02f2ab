"""How a machine that was failed over, and does not run there, is brought up again. Pure; parts of
sentences to type."""

from . import shell

MISSING = "missing"
NOT_ON = frozenset({"off", "saved", MISSING})
"""What a hypervisor says of a machine that does not run."""


def forgotten(name: str, site: str) -> str:
    """What is to be told of one whose replica there has no run."""
    return (
        f"{name} was failed over to {site}, and its replica there knows of no failover: its store, or what "
        "its appliance remembers, was put back from before it, or a start from another point failed"
    )


def said(power: str) -> str:
    """How it is spoken of at its site."""
    spoken = {"saved": "off, with its memory saved,", MISSING: "not known to its hypervisor"}
    return spoken.get(power, power)


def way(power: str, name: str, site: str, fabric_id: str, *, committed: bool) -> str:
    """For a machine of this power, which is one of NOT_ON, at the site that it was failed over to."""
    return missing(name, site, committed=committed) if power == MISSING else off(name, site, fabric_id)


def off(name: str, site: str, fabric_id: str) -> str:
    """One that is defined there: by its id, since it may have another name there."""
    return (
        f"Start {name} at {site} as any machine of that site ('virsh start {shell.arguments(fabric_id)}', "
        "with the URI of its appliance's hypervisor)."
    )


def missing(name: str, site: str, *, committed: bool) -> str:
    """One that somebody removed the definition of: its files are there."""
    quoted = shell.arguments(name)
    again = (
        f"with what it wrote there, at the host of the appliance of {site}, as root: 'systemctl stop "
        f"secondsite-appliance', in its store './secondsite-rescue start {quoted}', 'systemctl start "
        "secondsite-appliance'"
    )
    if committed:
        return f"Have it made and started again {again}."
    return (
        "'secondsite machine change-recovery-point "
        f"{shell.arguments(name, options='--choice latest_processed')}' starts it from a recovery point, "
        f"and gives up what it wrote there. Or have it made and started again {again}."
    )


def from_points(name: str, site: str, *, cancels: bool, changes: bool) -> str:
    """One of which its replica there knows nothing: what it wrote there is gone. `cancels`, `changes`: the
    verbs that its state allows."""
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
