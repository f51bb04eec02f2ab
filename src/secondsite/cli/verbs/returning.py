"""Shows what a reprotect will send, and how long it will take."""

from ...domain.amounts import size, span
from ...ground.plural import counted
from ...wire.rest import Location
from ...wire.rest.predictions import ReprotectPreview


def told(found: ReprotectPreview) -> str:
    """The lines before a confirmation: original or alternate location, what is in the way, and what it will
    cost."""
    ways = {
        Location.ORIGINAL: "original location, onto its old disks",
        Location.ALTERNATE: "alternate location, onto new disks",
    }
    where = f"{ways[found.location]}, with appliance {found.appliance or '(no longer enrolled)'}{_at(found)}"
    kinds = {True: "in the way", False: "warning"}
    obstacles = [f"{kinds[each.blocking]} at {each.site}: {each.what} {each.do}" for each in found.obstacles]
    return "\n  ".join([where, *obstacles, line(found)])


def _at(found: ReprotectPreview) -> str:
    return f" of {found.site}" if found.site else ""


def line(found: ReprotectPreview) -> str:
    """What a reprotect will send, as a line of a confirmation."""
    if found.problem is not None:
        return f"what it will send is not known: {found.problem.message}"
    return f"{_sends(found)}; {_takes(found)}"


def _sends(found: ReprotectPreview) -> str:
    if found.location is Location.ALTERNATE:
        most = found.disk_bytes if found.send_bytes is None else found.send_bytes
        return f"sends {size(most)} at most: a full copy"
    compared = f"its {size(found.disk_bytes)} of disks are compared with the old ones there"
    if found.send_bytes is None:
        return f"sends what differs, which is not known before: {compared}"
    return (
        f"sends about {size(found.send_bytes)}, which was written since its failover, and what only the old "
        f"disks have: {compared}"
    )


def _takes(found: ReprotectPreview) -> str:
    if found.seconds is None:
        return "no time is predicted: no reprotect between these sites is known"
    whose = "of its own" if found.own else "of other machines between the same sites"
    return f"takes about {span(found.seconds)}, by {counted(found.runs, 'reprotect')} {whose}"
