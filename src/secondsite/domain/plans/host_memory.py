"""Whether the hosts to which the machines of a run go have the memory for all of them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...ground.plural import counted
from ..amounts import size


@dataclass(frozen=True, slots=True)
class HostMemory:
    """What a host has, in bytes: in all, and free now."""

    name: str
    memory_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """A machine that starts at a host: the number of its group, and its memory there."""

    group: int
    memory_bytes: int


def warning(host: HostMemory, machines: Sequence[MemoryUse]) -> str | None:
    """The part of a sentence about a host that has too little for these machines together, None if it has
    enough. One machine alone is judged by its own check."""
    needed = sum(each.memory_bytes for each in machines)
    if len(machines) < 2 or needed <= host.free_bytes:
        return None
    groups = sorted({each.group for each in machines})
    whose = f"group {groups[0]}" if len(groups) == 1 else f"groups {', '.join(map(str, groups))}"
    have = f"which has {size(host.memory_bytes)}"
    if needed <= host.memory_bytes:
        have = f"which has {size(host.free_bytes)} of {size(host.memory_bytes)} free now"
    return (
        f"the {counted(len(machines), 'machine')} of {whose} at host {host.name} need {size(needed)} of "
        f"memory together, {have}"
    )


def warnings(hosts: Mapping[str, HostMemory], machines: Mapping[str, Sequence[MemoryUse]]) -> tuple[str, ...]:
    """The warnings of all hosts, by their ids."""
    found = (warning(hosts[each], machines[each]) for each in sorted(machines) if each in hosts)
    return tuple(each for each in found if each is not None)
