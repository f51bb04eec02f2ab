"""Orders that follow a live migration: one appliance of a site ends the replication of a machine that runs at
another host now, and says how far it was; the appliance there goes on."""

from pydantic import ValidationError

from ...domain import errors, shell
from ...fabrics.interface import PowerState
from ...ground import seams
from ...wire.control.orders import MOST_OF_A_PROGRESS, FabricMachine, HandedOver, Nothing, TakeOver
from ..shared import ended_protections, handed_over
from ..source import Source, progress
from .context import Context

GONE = frozenset({PowerState.MISSING, PowerState.ELSEWHERE, PowerState.OFF})


def hand_over(context: Context, _payload: FabricMachine) -> tuple[str, HandedOver]:
    """Kept for a day, so that a repeat says the same. Raises NotPossibleNow while the
    machine is on here, or may not run here because it was failed over."""
    source = context.parts.replication.find(context.machine_id)
    if source is None:
        return _kept(context)
    with context.alone(source, "handing its replication over", interrupt=True):
        _require_gone(context, source)
        handed = HandedOver(
            progress=_short(source.progress.model_dump_json()),
            tracking=_short(context.fabric.tracking.hand_over(source.setup.fabric_id)),
        )
        handed_over.keep(context.state, context.machine_id, handed)
        seams.reach("appliance.hand-over.noted")
        context.parts.replication.remove(source)
    context.parts.replication.old_copies.notice(context.machine_id, source.setup.fabric_id)
    return f"{source.setup.machine_name} is no longer replicated from here", handed


def _kept(context: Context) -> tuple[str, HandedOver]:
    known = handed_over.find(context.state, context.machine_id)
    if known is None:
        return "the machine was not replicated from here", HandedOver()
    return "the machine is no longer replicated from here", known


def _require_gone(context: Context, source: Source) -> None:
    name = source.setup.machine_name
    if source.fenced:
        raise errors.NotPossibleNow(
            f"{name} was failed over, and must not run at this site.",
            do=f"See with 'secondsite machine show {shell.arguments(name)}' which copy counts, and shut the "
            "other down.",
        )
    if context.fabric.power.state(source.setup.fabric_id) not in GONE:
        raise errors.NotPossibleNow(
            f"{name} is on here, too: it is migrated just now, or a second copy of it runs.",
            do="Nothing, if it is migrated: it is looked at again. Else shut one of the two down.",
        )


def _short(text: str) -> str:
    """The text, or none of it if no report can carry it: then all blocks are compared."""
    return text if len(text) <= MOST_OF_A_PROGRESS else ""


def take_over(context: Context, payload: TakeOver) -> tuple[str, Nothing]:
    """Raises NotOurs for a machine with another mark, NotFound if it is not here."""
    setup, name = payload.setup, payload.setup.machine_name
    ended_protections.require_not(context.state, setup.machine_id, name)
    known = context.parts.replication.find(setup.machine_id)
    if known is not None and known.setup == setup and not known.refused:
        return f"{name} was already replicated from here", Nothing()
    before = _progress(payload.before)
    with context.alone(known, "taking its replication over", interrupt=True):
        context.fabric.tracking.enable(setup.fabric_id, setup.machine_id)
        context.fabric.tracking.take_over(setup.fabric_id, payload.before.tracking if before else "")
        seams.reach("appliance.take-over.tracked")
        context.parts.replication.fences.lower(setup.machine_id, setup.fabric_id, known)
        context.parts.replication.take_over(setup, before)
        handed_over.forget(context.state, setup.machine_id)
    how = "goes on where it was" if before else "all blocks are compared"
    return f"{name} is replicated from here from now on: {how}", Nothing()


def _progress(before: HandedOver) -> progress.SourceProgress | None:
    """None if it is not known, or cannot be understood."""
    try:
        return progress.SourceProgress.model_validate_json(before.progress) if before.progress else None
    except ValidationError:
        return None
