"""Checks that a machine still carries our tag, and puts it back after another program defined the machine
anew."""

from ...domain import errors, shell
from ...fabrics.interface import AcknowledgedDisks, Fabric
from .machine import Source

FINDING = "mark-lost"


def look(fabric: Fabric, source: Source) -> None:
    """Put the tag back if it is lost. The caller has locked the source. Raises the fabric's errors, NotOurs
    for a machine that is not certainly ours."""
    require(fabric, source, fabric.inventory.tag(source.setup.fabric_id))


def require(fabric: Fabric, source: Source, tag: str | None) -> None:
    """The same for a machine that was seen with this tag. Without the check a cycle would write its bitmaps
    into the disks of another machine, which would pass for this one from then on."""
    if tag is None and is_sure(fabric, source):
        fabric.tracking.enable(source.setup.fabric_id, source.machine_id)
        tag = source.machine_id
    if tag == source.machine_id:
        source.findings.clear(FINDING)
        return
    source.findings.add(FINDING, f"{lost(source, tag)} {what_to_do(source)}")
    raise errors.NotOurs(lost(source, tag), do=what_to_do(source))


def is_sure(fabric: Fabric, source: Source) -> bool:
    """Whether the machine of this id is the one that is replicated, although it carries no tag; False
    where that cannot be told."""
    setup = source.setup
    try:
        return fabric.tracking.recognizes(
            AcknowledgedDisks(setup.fabric_id, setup.disks, source.progress.base or "")
        )
    except errors.SecondsiteError:
        return False


def lost(source: Source, tag: str | None) -> str:
    """The sentence about a machine that is not certainly ours and carries this tag."""
    carries = f"is tagged {tag}" if tag else "carries no secondsite tag"
    return (
        f"{source.setup.machine_name} {carries}: it was defined anew, and its disks do not prove that "
        "it is the machine that is replicated from here. It is not replicated, and nothing of ours shuts "
        "it down or starts it."
    )


def what_to_do(source: Source) -> str:
    name = source.setup.machine_name
    return (
        f"If it is the machine, 'secondsite machine resynchronize {shell.arguments(name)}' marks it again "
        "and compares all its blocks. If it is another one, define the machine again, or disable its "
        "protection."
    )
