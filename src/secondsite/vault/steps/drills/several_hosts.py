"""Machines of one drill that run on several hosts: a network that is made for them is made at each, and none reaches the others."""

from collections.abc import Sequence

from ....domain.drills.networks import MADE
from ....domain.plans import run_selection
from ...store import MachineRecord, Transaction


def warnings(tx: Transaction, machines: Sequence[MachineRecord], network: str) -> tuple[str, ...]:
    """A part of a sentence, or nothing."""
    hosts = sorted({machine.target_appliance_id for machine in machines})
    if network not in MADE or len(hosts) < 2:
        return ()
    parts = (
        f"{run_selection.listed(sorted(each.name for each in machines if each.target_appliance_id == host), ', ')} at {_called(tx, host)}"
        for host in hosts
    )
    return (
        f"the machines are drilled apart: {'; '.join(parts)}. Each host makes a network of its own, and machines of one do not reach those of "
        "the other. Drill them in a network that the hosts share ('--network NAME'), or protect them to one host ('--target-appliance')",
    )


def _called(tx: Transaction, appliance_id: str) -> str:
    found = tx.appliances.find(appliance_id)
    return appliance_id if found is None else f"'{found.name}' of {found.site}"
