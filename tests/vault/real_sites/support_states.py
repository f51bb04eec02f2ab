"""Machines in every state in which one may rest, in both directions, brought there together."""

from dataclasses import dataclass
from datetime import UTC, datetime

from secondsite.domain import lifecycle
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.wire.control.orders import Kind

FORWARD, REVERSE = "forward", "reverse"
DRILL = "test failover open"


@dataclass(frozen=True, slots=True)
class Way:
    """The verbs that lead to a state from a protected machine; the last one fails if its order is
    `refused`."""

    state: str
    verbs: tuple[Verb, ...] = ()
    refused: Kind | None = None


V = Verb
WAYS = (
    Way(State.PROTECTED),
    Way(DRILL, (V.TEST_FAILOVER,)),
    Way(State.FAILOVER_FAILED, (V.FAILOVER,), Kind.START_REPLICA),
    Way(State.FAILED_OVER, (V.FAILOVER,)),
    Way(State.PLANNED_FAILED_OVER, (V.PLANNED_FAILOVER,)),
    Way(State.CANCEL_FAILED, (V.PLANNED_FAILOVER, V.CANCEL_FAILOVER), Kind.STOP_REPLICA),
    Way(State.COMMITTED, (V.PLANNED_FAILOVER, V.COMMIT)),
    Way(State.DISABLE_FAILED, (V.DISABLE_PROTECTION,), Kind.REMOVE_REPLICA),
)
TURN = (V.PLANNED_FAILOVER, V.COMMIT, V.REPROTECT)
BEFORE, SINCE = 1, 2
"""What a machine wrote before it was brought to its state, and there."""


def name_of(state, direction):
    return f"{state}-{direction}".replace("_", "-").replace(" ", "-")


PLACES = tuple((way, direction) for way in WAYS for direction in (FORWARD, REVERSE))
NAMES = tuple(name_of(way.state, direction) for way, direction in PLACES)


def furnish(verbs):
    """All of them; each has written twice."""
    _together(verbs, V.ENABLE_PROTECTION, NAMES)
    for verb in TURN:
        _together(verbs, verb, [name_of(way.state, REVERSE) for way in WAYS])
    for name in NAMES:
        verbs.write(name, BEFORE)
    _sent(verbs)
    verbs.back_up()
    for turn in range(2):
        for verb in V:
            _together(verbs, verb, list(_next(verbs, turn, verb)))
    for way, direction in PLACES:
        _arrived(verbs, way, name_of(way.state, direction))
    for name in NAMES:
        if verbs.copies(name):
            verbs.write(name, SINCE)


def _together(verbs, verb, names):
    """Those that go one way: a failover moves no others with them."""
    options = {"shut_down_source": True} if verb is V.FAILOVER else {}
    for some in _by_way(verbs, names) if verb in (V.FAILOVER, V.PLANNED_FAILOVER) else (names,):
        if some:
            verbs.settle(verbs.submit(verb, *some, **options))


def _by_way(verbs, names):
    home = [name for name in names if verbs.machine(name).reversed]
    return [name for name in names if name not in home], home


def _next(verbs, turn, verb):
    """Whose turn it is to go on by this verb; the last one of a way that fails is to fail."""
    for way, direction in PLACES:
        if len(way.verbs) > turn and way.verbs[turn] is verb:
            name = name_of(way.state, direction)
            if way.refused and turn == len(way.verbs) - 1:
                verbs.appliances.refuse(way.refused, verbs.machine(name).id)
            yield name


def _arrived(verbs, way, name):
    machine = verbs.machine(name)
    if way.state == DRILL:
        assert machine.drill_state is DrillState.RUNNING, machine
    else:
        assert machine.state is way.state, (name, machine.state, verbs.jobs()[0])


def _sent(verbs):
    """What was written is in a point of each."""
    before = datetime.now(UTC)
    newest = {}

    def is_sent():
        verbs.hear()
        for name in NAMES:
            points = verbs.shown(name).points
            newest[name] = points.newest and points.newest.taken_at
        return all(at and at > before for at in newest.values())

    assert verbs.pass_time(60, is_sent), newest


def moving():
    """States that a job leads out of."""
    return frozenset(lifecycle.MOVING)
