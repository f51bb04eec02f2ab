"""The order to let names point to a machine that runs here, and what a check warns of. No order of a drill does any of it."""

from collections.abc import Iterator

import structlog

from ....domain import errors
from ....domain.networks import names
from ....fabrics.interface import PowerState
from ....wire.control.checks import CheckTarget, ObstacleShape
from ....wire.control.names import LONGEST_SAID, NameVerdict, UpdatedNames, UpdateNames, WantedName
from ..context import Context
from ..proof import console_text
from . import addresses, secret
from .notes import Notes
from .server import Refused, Unanswered
from .updating import Updating

log = structlog.get_logger(__name__)


def update(context: Context, payload: UpdateNames) -> tuple[str, UpdatedNames]:
    """Fails for no name; raises StaleOrder as soon as a later verb has the machine, NotPossibleNow if it does not run here."""
    if context.order.generation is None:
        raise errors.NotPossibleNow("Names are changed by verbs that move a machine only.", do="Use one.")
    if context.fabric.power.state(payload.fabric_id) is not PowerState.RUNNING:
        raise errors.NotPossibleNow(
            f"{payload.machine} does not run here, so no name is to point here.", do="Start it first."
        )
    notes, found = Notes(context), addresses.told(context, payload)
    updating = Updating(context.parts.config.dns, payload.try_seconds, context.require_current, notes.put)
    verdicts = tuple(_verdict(context, each, found, updating, notes) for each in payload.names)
    return _sentence(payload.machine, verdicts), UpdatedNames(verdicts=verdicts)


def warnings(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """Of names that this site could not change."""
    settings = context.parts.config.dns
    if not payload.names:
        return
    if settings is None:
        yield _warning(
            f"{', '.join(payload.names)} will not point here: this appliance has no 'dns' section in its appliance.json.",
            'Add "dns": {"server": ADDRESS, "zones": [ZONE], "key_name": NAME, "secret_file": FILE} there and start it again, or change the names by hand.',
        )
        return
    for name in payload.names:
        if names.zone_of(name, settings.zones) is None:
            zones = ", ".join(settings.zones)
            yield _warning(
                f"{name} will not point here: this appliance may change names in {zones} only.",
                "Add its zone to the 'dns' section of its appliance.json, or change the name by hand.",
            )
    try:
        secret.read(settings.secret_file)
    except errors.SecondsiteError as problem:
        yield _warning(f"No name will point here: {problem.message}", problem.do)


def _verdict(
    context: Context, wanted: WantedName, found: addresses.Told, updating: Updating, notes: Notes
) -> NameVerdict:
    try:
        address = addresses.of(wanted, found)
        before = updating.point(wanted.name, address) or notes.of(wanted.name)
    except (Refused, Unanswered) as problem:
        log.warning(
            "name.not-changed", name=wanted.name, machine=context.order.machine_id, problem=str(problem)
        )
        return NameVerdict(name=wanted.name, said=_short(str(problem)))
    log.info(
        "name.points", name=wanted.name, machine=context.order.machine_id, address=address, before=before
    )
    also = updating.also_has(wanted.name)
    return NameVerdict(name=wanted.name, address=address, before=before, said=_short(also))


def _sentence(machine: str, verdicts: tuple[NameVerdict, ...]) -> str:
    pointed = [f"{each.name} -> {each.address}" for each in verdicts if each.address is not None]
    missed = [
        f"{each.name} does not point to {machine}: {each.said}" for each in verdicts if each.address is None
    ]
    beside = [f"{each.name}: {each.said}" for each in verdicts if each.address is not None and each.said]
    return "; ".join([*([", ".join(pointed)] if pointed else []), *missed, *beside])


def _short(words: str) -> str:
    return " ".join(console_text.cleaned(words.encode()).split())[:LONGEST_SAID]


def _warning(what: str, do: str) -> ObstacleShape:
    return ObstacleShape(what=what, do=do, blocking=False)
