"""How a machine that was failed over, and does not run there, is brought up again. Pure; parts of sentences to type."""

from . import typed

MISSING = "missing"
NOT_ON = frozenset({"off", "saved", MISSING})
"""What a hypervisor says of a machine that does not run."""


def said(power: str) -> str:
    """How it is spoken of at its site."""
    spoken = {"saved": "off, with its memory saved,", MISSING: "not known to its hypervisor"}
    return spoken.get(power, power)


def way(power: str, name: str, site: str, *, committed: bool) -> str:
    """For a machine of this power, which is one of NOT_ON, at the site that it was failed over to."""
    return missing(name, site, committed=committed) if power == MISSING else off(name, site)


def off(name: str, site: str) -> str:
    """One that is defined there."""
    return f"Start it at {site} as any machine of that site ('virsh start {typed.arguments(name)}', with the URI of its appliance's hypervisor)."


def missing(name: str, site: str, *, committed: bool) -> str:
    """One that somebody removed the definition of: its files are there."""
    quoted = typed.arguments(name)
    again = (
        f"with what it wrote there, at the host of the appliance of {site}, as root: 'systemctl stop secondsite-appliance', in its store "
        f"'./secondsite-rescue start {quoted}', 'systemctl start secondsite-appliance'"
    )
    if committed:
        return f"Have it made and started again {again}."
    return (
        f"'secondsite machine change-recovery-point {typed.arguments(name, options='--choice latest_processed')}' starts it from a recovery point, and gives up what it wrote there. Or have it made and "
        f"started again {again}."
    )
