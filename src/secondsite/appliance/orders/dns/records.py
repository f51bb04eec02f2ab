"""The order to let names point to a machine that runs here, and the warnings of checks. No order of a drill
changes a name."""

import json
import time
from collections.abc import Callable, Iterator

import structlog

from ....domain import errors
from ....domain.networks import names
from ....fabrics.interface import PowerState
from ....ground import seams
from ....wire.control.checks import CheckTarget, ObstacleShape
from ....wire.control.names import LONGEST_SAID, CardName, NamesFact, NameVerdict, UpdateNames
from ...shared import NameServer
from ..context import Context
from ..proof import console_text
from . import addresses, secret
from .server import NameEntry, NameRefused, NoAnswer, Server

log = structlog.get_logger(__name__)


# What names pointed to before a verb changed them: durable before the change, so that the order's repeat
# after a crash says it too.

KEY = "names-before/"


class Notes:
    """What the names of one machine pointed to before the present verb changed them."""

    def __init__(self, context: Context) -> None:
        self._state, self._key = context.state, KEY + context.machine_id
        self._generation = context.order.generation
        said = json.loads(context.state.fact(self._key) or "{}")
        self._names: dict[str, str] = said["names"] if said.get("generation") == self._generation else {}

    def of(self, name: str) -> str | None:
        return self._names.get(name)

    def put(self, name: str, before: str | None) -> None:
        """Note what a name pointed to; the first value counts."""
        if before is not None and name not in self._names:
            self._names[name] = before
            said = {"generation": self._generation, "names": self._names}
            self._state.put_fact(self._key, json.dumps(said))


# `Updating` tries each name until its server says that it has the address, or the time is over. A name is
# read first and changed only from what was read, so a repeat after a crash finds it done, and a change by
# others is never overwritten unseen.

TRY_SECONDS = 3.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 4.0


class NameUpdate:
    """Changes the names of one order, which share its time. `require_current` is called before every change;
    it may raise. `note` is called with what a name pointed to before it is changed."""

    def __init__(
        self,
        settings: NameServer | None,
        try_seconds: float,
        require_current: Callable[[], None],
        note: Callable[[str, str | None], None],
    ) -> None:
        self._settings = settings
        self._note = note
        self._until = time.monotonic() + try_seconds
        self._require_current = require_current

    def point(self, name: str, address: str) -> str | None:
        """Let the name point to the address; returns what it pointed to before, None for nothing or the same
        address. Raises Refused, Unanswered."""
        if self._settings is None:
            raise NameRefused("this appliance has no 'dns' section in its appliance.json")
        zone = names.zone_of(name, self._settings.zones)
        if zone is None:
            raise NameRefused(
                f"it is in no zone that this appliance may change ({', '.join(self._settings.zones)})"
            )
        server, before, pause = Server(self._settings), None, FIRST_PAUSE_SECONDS
        while True:
            try:
                found = server.look(name, "A", self._try_seconds())
                if found.addresses == (address,):
                    return before
                before = _replaceable(found)
                self._note(name, before)
                seams.reach("appliance.name.read")
                self._require_current()
                server.replace(name, zone, before, address, self._try_seconds())
                seams.reach("appliance.name.changed")
            except NoAnswer:
                if time.monotonic() + pause >= self._until:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def also_has(self, name: str) -> str:
        """What the name has beside the address, as the end of a sentence."""
        assert self._settings is not None
        try:
            found = Server(self._settings).look(name, "AAAA", self._try_seconds())
        except (NameRefused, NoAnswer):
            return ""
        return f"its IPv6 address {', '.join(found.addresses)} was left as it is" if found.addresses else ""

    def _try_seconds(self) -> float:
        left_seconds = self._until - time.monotonic()
        if left_seconds <= 0:
            raise NoAnswer("there was no time left for it")
        return min(TRY_SECONDS, left_seconds)


def _replaceable(found: NameEntry) -> str | None:
    if found.alias is not None:
        raise NameRefused(f"it stands for another name ({found.alias}): give the card that one")
    if len(found.addresses) > 1:
        raise NameRefused(f"it has several addresses ({', '.join(found.addresses)}), which may be others'")
    return next(iter(found.addresses), None)


def update(context: Context, payload: UpdateNames) -> tuple[str, NamesFact]:
    """Let the names point here. A name that cannot be changed is in the result, and is no error. Raises
    StaleOrder as soon as a later verb has the machine, NotPossibleNow if it does not run here."""
    if context.order.generation is None:
        raise errors.NotPossibleNow("Names are changed by verbs that move a machine only.", do="Use one.")
    if context.fabric.power.state(payload.fabric_id) is not PowerState.RUNNING:
        raise errors.NotPossibleNow(
            f"{payload.machine} does not run here, so no name is to point here.", do="Start it first."
        )
    notes, found = Notes(context), addresses.told(context, payload)
    updating = NameUpdate(context.parts.config.dns, payload.try_seconds, context.require_current, notes.put)
    verdicts = tuple(_verdict(context, each, found, updating, notes) for each in payload.names)
    return _sentence(payload.machine, verdicts), NamesFact(verdicts=verdicts)


def warnings(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """Warnings about names that this site could not change."""
    settings = context.parts.config.dns
    if not payload.names:
        return
    if settings is None:
        yield _warning(
            (
                f"{', '.join(payload.names)} will not point here: this appliance has no 'dns' section in its "
                "appliance.json."
            ),
            (
                'Add "dns": {"server": ADDRESS, "zones": [ZONE], "key_name": NAME, "secret_file": FILE} '
                "there and start it again, or change the names by hand."
            ),
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
    context: Context, wanted: CardName, found: addresses.Told, updating: NameUpdate, notes: Notes
) -> NameVerdict:
    try:
        address = addresses.of(wanted, found)
        before = updating.point(wanted.name, address) or notes.of(wanted.name)
    except (NameRefused, NoAnswer) as problem:
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
