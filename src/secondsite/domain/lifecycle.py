"""The lifecycle of a protected machine: this table alone decides what is possible.

A state rests (it waits for a person or an event) or moves (a job leads to a target state; if the job fails
the machine goes to `on_failure`). Test failover is a second small region beside the lifecycle: a drill never
changes the machine's own state. `secondsite` renders the table to docs/reference/lifecycle.md. Rows name the
requirement or the decision that they come from (docs/requirements.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from . import errors


class State(StrEnum):
    """Where a machine is in its lifecycle. States in -ing move: a job is in progress; the others rest."""

    UNPROTECTED = "unprotected"
    ENABLING = "enabling"
    INITIAL_REPLICATING = "initial_replicating"
    PROTECTED = "protected"
    FAILING_OVER = "failing_over"
    FAILOVER_FAILED = "failover_failed"
    FAILED_OVER = "failed_over"
    CHANGING_RECOVERY_POINT = "changing_recovery_point"
    COMMITTING = "committing"
    COMMITTED = "committed"
    REPROTECTING = "reprotecting"
    PLANNED_FAILING_OVER = "planned_failing_over"
    PLANNED_FAILED_OVER = "planned_failed_over"
    PLANNED_CHANGING_RECOVERY_POINT = "planned_changing_recovery_point"
    PLANNED_COMMITTING = "planned_committing"
    CANCELLING = "cancelling"
    CANCEL_FAILED = "cancel_failed"
    DISABLING = "disabling"
    DISABLE_FAILED = "disable_failed"


class DrillState(StrEnum):
    """The state of a machine's test failover."""

    NONE = "none"
    STARTING = "starting"
    RUNNING = "running"
    CLEANING = "cleaning"
    CLEANUP_FAILED = "cleanup_failed"


class Verb(StrEnum):
    """What a person may start for a machine."""

    ENABLE_PROTECTION = "enable_protection"
    DISABLE_PROTECTION = "disable_protection"
    TEST_FAILOVER = "test_failover"
    CLEANUP_TEST_FAILOVER = "cleanup_test_failover"
    FAILOVER = "failover"
    PLANNED_FAILOVER = "planned_failover"
    CHANGE_RECOVERY_POINT = "change_recovery_point"
    COMMIT = "commit"
    CANCEL_FAILOVER = "cancel_failover"
    REPROTECT = "reprotect"
    RESYNCHRONIZE = "resynchronize"
    INCLUDE_DISK = "include_disk"
    EXCLUDE_DISK = "exclude_disk"
    UPDATE_NAMES = "update_names"
    SETTLE = "settle"
    MOVE_REPLICA = "move_replica"


class Event(StrEnum):
    """What happens to a machine without a person: a job reaches a milestone, succeeds, fails or is undone."""

    ENABLED = "enabled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Cause(StrEnum):
    """Who causes a change of state: a person with a verb, or the service when a job advances or ends."""

    USER = "user"
    SERVICE = "service"


S, V, E = State, Verb, Event


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table: in `state`, on `trigger` (a person's verb or a job's event), the machine goes to
    `next`."""

    state: State
    trigger: Verb | Event
    next: State
    by: Cause
    source: str
    turns: bool = False


def _user(state: State, verb: Verb, to: State, source: str) -> Transition:
    return Transition(state, verb, to, Cause.USER, source)


def _service(state: State, event: Event, to: State, source: str, turns: bool = False) -> Transition:
    return Transition(state, event, to, Cause.SERVICE, source, turns)


TABLE: tuple[Transition, ...] = (
    _user(S.UNPROTECTED, V.ENABLE_PROTECTION, S.ENABLING, "S-004, S-050"),
    _service(S.ENABLING, E.ENABLED, S.INITIAL_REPLICATING, "S-049"),
    _service(S.ENABLING, E.FAILED, S.UNPROTECTED, "ours: a failed enable is undone"),
    _service(S.INITIAL_REPLICATING, E.SUCCEEDED, S.PROTECTED, "S-049, S-050"),
    _service(
        S.INITIAL_REPLICATING,
        E.FAILED,
        S.UNPROTECTED,
        "ours: cancelled or failed, everything made is removed",
    ),
    _user(S.PROTECTED, V.FAILOVER, S.FAILING_OVER, "S-125, S-129"),
    _service(S.FAILING_OVER, E.SUCCEEDED, S.FAILED_OVER, "S-137, S-139"),
    _service(S.FAILING_OVER, E.FAILED, S.FAILOVER_FAILED, "C-02: a dead job must lead on"),
    _user(S.FAILOVER_FAILED, V.FAILOVER, S.FAILING_OVER, "C-02: retry leads on"),
    _user(S.FAILOVER_FAILED, V.CANCEL_FAILOVER, S.CANCELLING, "C-03: replication can be resumed"),
    _user(
        S.FAILOVER_FAILED,
        V.DISABLE_PROTECTION,
        S.DISABLING,
        "ours; S-057: its check refuses while it runs nowhere",
    ),
    _user(S.PROTECTED, V.PLANNED_FAILOVER, S.PLANNED_FAILING_OVER, "S-145, S-146, S-195"),
    _service(S.PLANNED_FAILING_OVER, E.SUCCEEDED, S.PLANNED_FAILED_OVER, "S-137, S-196"),
    _service(S.PLANNED_FAILING_OVER, E.FAILED, S.CANCELLING, "S-215: it cancels itself"),
    _user(S.FAILED_OVER, V.CHANGE_RECOVERY_POINT, S.CHANGING_RECOVERY_POINT, "S-155"),
    _service(S.CHANGING_RECOVERY_POINT, E.SUCCEEDED, S.FAILED_OVER, "S-155"),
    _service(S.CHANGING_RECOVERY_POINT, E.FAILED, S.FAILED_OVER, "ours: the old point is started again"),
    _user(S.FAILED_OVER, V.COMMIT, S.COMMITTING, "S-157"),
    _user(
        S.FAILED_OVER,
        V.DISABLE_PROTECTION,
        S.DISABLING,
        "ours: a restored vault may show what was long ago",
    ),
    _service(S.COMMITTING, E.SUCCEEDED, S.COMMITTED, "S-157, S-158"),
    _service(S.COMMITTING, E.FAILED, S.FAILED_OVER, "ours: commit is repeatable"),
    _user(S.PLANNED_FAILED_OVER, V.CHANGE_RECOVERY_POINT, S.PLANNED_CHANGING_RECOVERY_POINT, "S-203"),
    _service(S.PLANNED_CHANGING_RECOVERY_POINT, E.SUCCEEDED, S.PLANNED_FAILED_OVER, "S-203"),
    _service(S.PLANNED_CHANGING_RECOVERY_POINT, E.FAILED, S.PLANNED_FAILED_OVER, "ours"),
    _user(S.PLANNED_FAILED_OVER, V.COMMIT, S.PLANNED_COMMITTING, "S-137, S-164"),
    _service(S.PLANNED_COMMITTING, E.SUCCEEDED, S.COMMITTED, "S-164"),
    _service(S.PLANNED_COMMITTING, E.FAILED, S.PLANNED_FAILED_OVER, "ours: commit is repeatable"),
    _user(S.PLANNED_FAILED_OVER, V.CANCEL_FAILOVER, S.CANCELLING, "S-204, S-205, C-04"),
    _user(
        S.PLANNED_FAILED_OVER,
        V.DISABLE_PROTECTION,
        S.DISABLING,
        "ours: a commit that began and cannot end; never a dead item",
    ),
    _service(S.CANCELLING, E.SUCCEEDED, S.PROTECTED, "S-209, S-210, S-215"),
    _service(S.CANCELLING, E.FAILED, S.CANCEL_FAILED, "S-214, S-216"),
    _user(S.CANCEL_FAILED, V.CANCEL_FAILOVER, S.CANCELLING, "S-216"),
    _user(
        S.CANCEL_FAILED,
        V.FAILOVER,
        S.FAILING_OVER,
        "ours: the source died while it was cancelled; never a dead item",
    ),
    _user(
        S.CANCEL_FAILED,
        V.DISABLE_PROTECTION,
        S.DISABLING,
        "ours: a restored vault may show what was long ago; S-057: its check refuses while it runs nowhere",
    ),
    _user(
        S.COMMITTED,
        V.REPROTECT,
        S.REPROTECTING,
        "S-163, S-166, S-167; S-153: after a planned failover the service asks for it",
    ),
    _service(S.REPROTECTING, E.SUCCEEDED, S.PROTECTED, "S-079, S-173", turns=True),
    _service(S.REPROTECTING, E.FAILED, S.COMMITTED, "S-174: same state as before, retry"),
    _user(S.PROTECTED, V.RESYNCHRONIZE, S.PROTECTED, "ours: repair that sends only what differs"),
    _user(S.PROTECTED, V.INCLUDE_DISK, S.PROTECTED, "ours: a disk added later; the others go on"),
    _user(S.PROTECTED, V.EXCLUDE_DISK, S.PROTECTED, "ours: gap of the documents"),
    _user(S.PROTECTED, V.UPDATE_NAMES, S.PROTECTED, "ours: names that a move could not change"),
    _user(S.FAILED_OVER, V.UPDATE_NAMES, S.FAILED_OVER, "ours"),
    _user(S.PLANNED_FAILED_OVER, V.UPDATE_NAMES, S.PLANNED_FAILED_OVER, "ours"),
    _user(S.COMMITTED, V.UPDATE_NAMES, S.COMMITTED, "ours"),
    _user(S.COMMITTED, V.SETTLE, S.COMMITTED, "ours: its disks leave the store while it runs"),
    _user(S.PROTECTED, V.SETTLE, S.PROTECTED, "ours: also after it was protected back"),
    _user(S.PROTECTED, V.MOVE_REPLICA, S.PROTECTED, "ours: another host of the site keeps its replica"),
    _user(S.FAILED_OVER, V.MOVE_REPLICA, S.FAILED_OVER, "ours: its host died; it starts at another"),
    _user(S.PLANNED_FAILED_OVER, V.MOVE_REPLICA, S.PLANNED_FAILED_OVER, "ours: the same"),
    _user(S.PROTECTED, V.DISABLE_PROTECTION, S.DISABLING, "ours: gap of the documents"),
    _user(S.COMMITTED, V.DISABLE_PROTECTION, S.DISABLING, "ours: gap of the documents"),
    _service(S.DISABLING, E.SUCCEEDED, S.UNPROTECTED, "ours"),
    _service(S.DISABLING, E.FAILED, S.DISABLE_FAILED, "ours"),
    _user(S.DISABLE_FAILED, V.DISABLE_PROTECTION, S.DISABLING, "ours: disable is repeatable"),
)


HALF_WAY = frozenset({S.FAILOVER_FAILED, S.CANCEL_FAILED})
"""The machine may be off at both sites, and waits for a person."""
RUNS_AT_TARGET_AT_REST = frozenset({S.FAILED_OVER, S.PLANNED_FAILED_OVER, S.COMMITTED})
CANCELABLE = frozenset({V.ENABLE_PROTECTION, V.REPROTECT, V.TEST_FAILOVER, V.SETTLE})
"""The verbs whose jobs a person may cancel: what such a job made is undone."""


@dataclass(frozen=True, slots=True)
class MovingState:
    """A moving state: where the machine goes if the job succeeds, where if it fails (perhaps another moving
    state), and whether the job may be cancelled. If the prerequisites check fails, nothing was touched, and
    the machine goes back to the state of `found_in` that a person started the verb in."""

    target: State
    on_failure: State
    cancelable: bool
    found_in: frozenset[State]


def moving_states(rows: Sequence[Transition]) -> dict[State, MovingState]:
    """The moving states, derived from the rows; AssertionError for a state without a target or an
    on-failure."""
    onward = {row.state: row.next for row in rows if row.trigger in (E.ENABLED, E.SUCCEEDED)}
    failed = {row.state: row.next for row in rows if row.trigger is E.FAILED}
    assert set(onward) == set(failed), f"no target or no on-failure: {set(onward) ^ set(failed)}"
    begun = {row.next for row in rows if row.trigger in CANCELABLE}
    cancelable = begun | {onward[state] for state in begun & set(onward)}
    return {
        state: MovingState(_rest(onward, state), failed[state], state in cancelable, _found_in(rows, state))
        for state in onward
    }


def _found_in(rows: Sequence[Transition], state: State) -> frozenset[State]:
    return frozenset(row.state for row in rows if row.next is state and row.by is Cause.USER)


def _rest(ways: Mapping[State, State], state: State) -> State:
    """The state in which a machine comes to rest if it follows these transitions; AssertionError if it never
    does."""
    for _ in ways:
        state = ways.get(state, state)
    assert state not in ways, f"{state} never comes to rest"
    return state


def check_table(rows: Sequence[Transition], moving: Mapping[State, MovingState]) -> None:
    """AssertionError for a table with duplicate rows, with states that cannot be reached or left or that
    never come to rest, or in which a person may take a machine from its job."""
    keys = [(row.state, row.trigger) for row in rows]
    assert len(keys) == len(set(keys)), "a (state, trigger) pair has two rows"
    assert {row.state for row in rows} == set(State), "a state cannot be left"
    taken = [row for row in rows if row.by is Cause.USER and row.state in moving]
    assert not taken, f"a job owns the machine: {taken}"
    for state in moving:
        _rest({state: way.on_failure for state, way in moving.items()}, state)
    reached = {S.UNPROTECTED}
    for _ in State:
        reached |= {row.next for row in rows if row.state in reached}
    assert reached == set(State), f"a state cannot be reached: {set(State) - reached}"


MOVING = moving_states(TABLE)
check_table(TABLE, MOVING)
UNCOMMITTED = frozenset({State.FAILED_OVER, State.PLANNED_FAILED_OVER})
"""It runs where it was moved, and nobody has committed that yet."""


@dataclass(frozen=True, slots=True)
class DrillTransition:
    state: DrillState
    trigger: Verb | Event
    next: DrillState
    source: str


D = DrillState
DRILL_TABLE: tuple[DrillTransition, ...] = (
    DrillTransition(D.NONE, V.TEST_FAILOVER, D.STARTING, "S-085, S-086"),
    DrillTransition(D.STARTING, E.SUCCEEDED, D.RUNNING, "S-112: complete testing"),
    DrillTransition(D.STARTING, E.FAILED, D.NONE, "ours: what was made is removed"),
    DrillTransition(D.RUNNING, V.CLEANUP_TEST_FAILOVER, D.CLEANING, "S-113, S-115, S-323"),
    DrillTransition(D.CLEANING, E.SUCCEEDED, D.NONE, "S-113"),
    DrillTransition(D.CLEANING, E.FAILED, D.CLEANUP_FAILED, "ours"),
    DrillTransition(D.CLEANUP_FAILED, V.CLEANUP_TEST_FAILOVER, D.CLEANING, "ours: repeatable"),
)

# A drill needs a machine that has points; only verbs that would remove the drill's layers wait for the
# clean-up.
DRILL_ALLOWED_IN = frozenset({S.PROTECTED})
REFUSED_DURING_DRILL = frozenset({V.DISABLE_PROTECTION, V.COMMIT, V.REPROTECT, V.SETTLE})


def _rows() -> dict[tuple[State, Verb | Event], Transition]:
    return {(row.state, row.trigger): row for row in TABLE}


_BY_KEY = _rows()
_DRILL_BY_KEY = {(row.state, row.trigger): row for row in DRILL_TABLE}


def allowed_operations(state: State, drill: DrillState = DrillState.NONE) -> tuple[Verb, ...]:
    """The verbs that a person may start now, in the order of `Verb`. REST, command line and pages show
    exactly these."""
    return tuple(verb for verb in Verb if _is_allowed(verb, state, drill))


def begins_in(verb: Verb) -> frozenset[State]:
    """The states from which a person may start the verb."""
    return frozenset(row.state for row in TABLE if row.trigger is verb and row.by is Cause.USER)


def _is_allowed(verb: Verb, state: State, drill: DrillState) -> bool:
    if (drill, verb) in _DRILL_BY_KEY:
        return verb is not V.TEST_FAILOVER or state in DRILL_ALLOWED_IN
    if drill is not D.NONE and verb in REFUSED_DURING_DRILL:
        return False
    return (state, verb) in _BY_KEY


def require(verb: Verb, machine: str, state: State, drill: DrillState = DrillState.NONE) -> None:
    """Raises NotPossibleNow, which names the possible verbs, unless the table allows this one."""
    allowed = allowed_operations(state, drill)
    if verb not in allowed:
        shown = standing(state, drill)
        raise errors.NotPossibleNow.verb(verb.value, machine, shown, [v.value for v in allowed])


def standing(state: State, drill: DrillState) -> str:
    """The state in words, with that of the test failover if there is one."""
    return state.value if drill is D.NONE else f"{state} (test failover {drill})"


def after(state: State, trigger: Verb | Event) -> Transition:
    """The row for this trigger; raises NotPossibleNow where the table has none."""
    row = _BY_KEY.get((state, trigger))
    if row is None:
        raise errors.NotPossibleNow.verb(
            trigger.value, "?", state, [v.value for v in allowed_operations(state)]
        )
    return row


def after_failed_check(state: State, came_from: State | None) -> State:
    """Where a moving state leads if the job's check failed before anything was touched: back to `came_from`;
    or, if no person started the verb, where any failure leads."""
    way = MOVING[state]
    return came_from if came_from is not None and came_from in way.found_in else way.on_failure


def drill_after(state: DrillState, trigger: Verb | Event) -> DrillState:
    """The drill region's next state; raises NotPossibleNow where its table has no such row."""
    row = _DRILL_BY_KEY.get((state, trigger))
    if row is None:
        raise errors.NotPossibleNow.verb(trigger.value, "?", f"test failover {state}", [])
    return row.next


def is_moving(state: State) -> bool:
    """True while a job owns the machine."""
    return state in MOVING
