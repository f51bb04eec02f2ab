"""What was adopted, or would be, as people read it."""

from collections.abc import Iterator, Sequence

from ...ground.plural import counted
from ...wire import rest
from .. import output
from ..output import clock

DONE = {
    rest.AdoptionEnd.ADOPTED: ("would be adopted", "adopted"),
    rest.AdoptionEnd.COMPLETED: ("would be completed", "completed"),
    rest.AdoptionEnd.HERE: ("is here already", "is here already"),
    rest.AdoptionEnd.LEFT: ("cannot be adopted", "was left"),
}


def show(found: rest.Adoption) -> None:
    for line in _lines(found):
        output.say(line)


def _lines(found: rest.Adoption) -> Iterator[str]:
    said = clock(found.said_at) if found.said_at else "never"
    yield f"appliance {found.appliance} of site {found.site}; its former vault last said what is set: {said}"
    for each in found.settings:
        yield f"  {'would be made' if found.dry_run else 'made'}: {each}"
    for machine in found.machines:
        yield from _machine(machine, found.dry_run)
    yield _sum(found.machines, found.dry_run)
    for each in found.missing:
        yield f"  to be set again: {each}"


def _machine(machine: rest.AdoptedMachine, dry_run: bool) -> Iterator[str]:
    did = DONE[machine.end][0 if dry_run else 1]
    way = f", {machine.source_site} to {machine.target_site}" if machine.source_site else ""
    state = (
        f": {output.words(machine.state)}{way}, {counted(machine.points, 'point')}" if machine.state else ""
    )
    newest = f", the newest of {clock(machine.newest_at)}" if machine.newest_at else ""
    held = f", {machine.held} held" if machine.held else ""
    yield f"{machine.name} {did}{state}{newest}{held}"
    for each in machine.says:
        yield f"  {each}"
    if machine.do is not None:
        yield f"  next: {machine.do}"


def _sum(machines: Sequence[rest.AdoptedMachine], dry_run: bool) -> str:
    numbers = {end: sum(each.end is end for each in machines) for end in rest.AdoptionEnd}
    parts = [f"{number} {DONE[end][0 if dry_run else 1]}" for end, number in numbers.items() if number]
    return f"{counted(len(machines), 'machine')}" + (f": {', '.join(parts)}" if parts else " found")
