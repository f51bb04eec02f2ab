"""Machines that are not on, and yet not off."""

from . import errors

SAVED, ELSEWHERE = "saved", "elsewhere"
OBSTACLES = frozenset({SAVED, ELSEWHERE})


def obstacle(power: str, name: str) -> None:
    """Raises NotPossibleNow for a machine whose memory is saved, or that lives elsewhere: it is not off."""
    if power == SAVED:
        raise errors.NotPossibleNow(
            f"The memory of {name} is saved (managed save): its disks alone are not the machine.",
            do="Start it ('virsh start') and shut it down from inside; or discard its memory with 'virsh "
            "managedsave-remove'.",
        )
    if power == ELSEWHERE:
        raise errors.NotPossibleNow(
            f"{name} does not run here, and its disks are in use elsewhere: it was live-migrated, or another host or "
            "program has them open.",
            do="Migrate it back to this hypervisor, or end the other use. If it runs nowhere, start it here once.",
        )
