"""Power states that are neither on nor off for a move: memory saved, live-migrated, paused, crashed."""

from . import errors, shell

SAVED, ELSEWHERE, PAUSED, CRASHED = "saved", "elsewhere", "paused", "crashed"
OBSTACLES = frozenset({SAVED, ELSEWHERE})
AT_REST = OBSTACLES | {PAUSED, CRASHED}
OLD_COPY = "It is an old copy and must not be started: the machine runs at the other site."


def obstacle(power: str, name: str, *, old_copy: bool = False) -> None:
    """Raises NotPossibleNow for a machine that looks off but is not: its memory is saved, or it runs
    elsewhere. For an `old_copy`, whose machine runs at the other site, the advice never starts it."""
    if power == SAVED:
        raise errors.NotPossibleNow(
            f"The memory of {name} is saved: its disks alone are not the machine.",
            do=_of_old_copy(name) if old_copy else _of_saved(name),
        )
    if power == ELSEWHERE:
        raise errors.NotPossibleNow(
            f"{name} does not run here, and its disks are in use elsewhere: it was live-migrated, or "
            "another host or program has them open.",
            do=f"{OLD_COPY} End what has its disks open; then retry the job."
            if old_copy
            else (
                "Migrate it back to this hypervisor, or end the other use. If it does not run anywhere, "
                "start it here once."
            ),
        )


def stands_still(power: str, name: str, *, old_copy: bool = False) -> None:
    """Raises NotPossibleNow for a machine that is on but whose guest cannot react to a shutdown."""
    if power == PAUSED:
        raise errors.NotPossibleNow(
            f"{name} is paused: its guest cannot shut down.",
            do=_end(name)
            if old_copy
            else (
                f"Find out why ('virsh domstate {shell.arguments(name, options='--reason')}'), then resume "
                f"it ('virsh resume {shell.arguments(name)}'), or end it."
            ),
        )
    if power == CRASHED:
        raise errors.NotPossibleNow(
            f"The guest of {name} has crashed, and its hypervisor keeps it with its memory.",
            do=_end(name)
            if old_copy
            else "Take of its memory what you need ('virsh dump "
            f"{shell.arguments(name, 'FILE', options='--memory-only')}'), then end it ('virsh destroy "
            f"{shell.arguments(name)}') and start it again, or move it while it is off.",
        )


def require_able(power: str, name: str, *, old_copy: bool = False) -> None:
    """Raises NotPossibleNow for a machine that cannot be moved without loss in this power state."""
    obstacle(power, name, old_copy=old_copy)
    stands_still(power, name, old_copy=old_copy)


def before_a_move(name: str) -> str:
    """What to do about the saved memory of a machine that is replicated but not moved now."""
    quoted = shell.arguments(name)
    return (
        "Its disks are replicated, and a copy of it starts without that memory. Before it is moved, give "
        f"it its memory back ('virsh start {quoted}'; 'virsh restore FILE' if it was saved to a file). "
        f"{_not_needed(name)}"
    )


def stays_behind(name: str, source_site: str, target_site: str) -> tuple[str, str]:
    """What a failover of a machine with saved memory gives up, and what to do about it."""
    return (
        f"The memory of {name} is saved at {source_site}, and stays behind: at {target_site} it starts from "
        "its disks, as after a power failure.",
        f"If the memory is needed, do not fail over: start the machine at {source_site} first. Once it runs "
        f"at {target_site}, what is at {source_site} is an old copy and must not be started.",
    )


def _of_saved(name: str) -> str:
    quoted = shell.arguments(name)
    return (
        f"Give it its memory back ('virsh start {quoted}'; 'virsh restore FILE' if it was saved to a file) "
        "and shut it down from inside. "
        f"{_not_needed(name)}"
    )


def _not_needed(name: str) -> str:
    """`managedsave-remove` does nothing to memory that was saved to a file of the owner's, and reports
    success."""
    quoted = shell.arguments(name)
    return (
        f"If the memory is not needed, discard it: 'virsh managedsave-remove {quoted}'; if it was saved to "
        f"a file ('virsh save'), start the machine without it ('virsh start {quoted}') and shut it down "
        "from inside."
    )


def _of_old_copy(name: str) -> str:
    return (
        f"{OLD_COPY} If nobody needs that memory, discard it ('virsh managedsave-remove "
        f"{shell.arguments(name)}'); if it was saved to a file ('virsh save'), restart libvirt's daemon "
        "there, which forgets it: machines run on. Then retry the job."
    )


def _end(name: str) -> str:
    return (
        f"{OLD_COPY} If nobody needs what is in its memory, end it ('virsh destroy "
        f"{shell.arguments(name)}'); then retry the job."
    )
