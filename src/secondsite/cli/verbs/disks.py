"""Disks of several machines, as people name them: --disk and --seed."""

from collections.abc import Sequence

from ...domain import errors


def chosen(given: Sequence[str], machines: Sequence[str]) -> dict[str, list[str]]:
    """--disk vda for all machines, or --disk web01:vda for one. Raises InvalidArgument."""
    found: dict[str, list[str]] = {}
    for each in given:
        machine, _, key = each.rpartition(":")
        for name in [machine] if machine else machines:
            found.setdefault(name, []).append(key)
    unknown = [name for name in found if name not in machines]
    if unknown:
        raise errors.InvalidArgument(
            f"--disk names {', '.join(unknown)}, which is not among the machines given."
        )
    return found


def seeds(given: Sequence[str], machines: Sequence[str]) -> dict[str, dict[str, str]]:
    """--seed vda=/path for the one machine, or --seed web01:vda=/path. Raises InvalidArgument."""
    found: dict[str, dict[str, str]] = {}
    for each in given:
        disk, given_path, path = each.partition("=")
        machine, _, key = disk.rpartition(":")
        if not (given_path and path and key):
            raise errors.InvalidArgument(f"--seed is '{each}'.", do="Give KEY=PATH or MACHINE:KEY=PATH.")
        if not machine and len(machines) > 1:
            raise errors.InvalidArgument(
                f"--seed '{each}' does not say of which machine.", do="Give MACHINE:KEY=PATH."
            )
        found.setdefault(machine or machines[0], {})[key] = path
    return found
