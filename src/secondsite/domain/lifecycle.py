"""The lifecycle of a protected machine is this table, and nothing else decides what is possible.

A state rests (it waits for a person or an event) or moves (a job is on its way to a target state; if the job
fails the machine goes to `on_failure`). Test failover is a second small region beside the lifecycle: a drill
never changes the machine's own state. `secondsite` renders the table to docs/reference/lifecycle.md.
Rows name the document that asks for them (000-004, see the specification's decisions).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from . import errors


class State(StrEnum):
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
    NONE = "none"
    STARTING = "starting"
    RUNNING = "running"
    CLEANING = "cleaning"
    CLEANUP_FAILED = "cleanup_failed"


class Verb(StrEnum):
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


class Event(StrEnum):
    """What happens to a machine without a person: a job reaches a milestone, succeeds, fails or is undone."""

    ENABLED = "enabled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Cause(StrEnum):
    USER = "user"
    SERVICE = "service"


S, V, E = State, Verb, Event


@dataclass(frozen=True, slots=True)
class Moving:
    """A state on its way: where success leads, where failure leads, whether the job may be cancelled."""

    target: State
    on_failure: State
    cancelable: bool = False


MOVING: dict[State, Moving] = {
    S.ENABLING: Moving(S.PROTECTED, S.UNPROTECTED, cancelable=True),
    S.INITIAL_REPLICATING: Moving(S.PROTECTED, S.UNPROTECTED, cancelable=True),
    S.FAILING_OVER: Moving(S.FAILED_OVER, S.FAILOVER_FAILED),
    S.CHANGING_RECOVERY_POINT: Moving(S.FAILED_OVER, S.FAILED_OVER),
    S.COMMITTING: Moving(S.COMMITTED, S.FAILED_OVER),
    S.REPROTECTING: Moving(S.PROTECTED, S.COMMITTED, cancelable=True),
    S.PLANNED_FAILING_OVER: Moving(S.PLANNED_FAILED_OVER, S.CANCEL_FAILED),
    S.PLANNED_CHANGING_RECOVERY_POINT: Moving(S.PLANNED_FAILED_OVER, S.PLANNED_FAILED_OVER),
    S.PLANNED_COMMITTING: Moving(S.COMMITTED, S.PLANNED_FAILED_OVER),
    S.CANCELLING: Moving(S.PROTECTED, S.CANCEL_FAILED),
    S.DISABLING: Moving(S.UNPROTECTED, S.DISABLE_FAILED),
}


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: in `state`, on `trigger` (a person's verb or a job's event), the machine goes to `next`."""

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
    _user(S.UNPROTECTED, V.ENABLE_PROTECTION, S.ENABLING, "000 L20; 004 L167"),
    _service(S.ENABLING, E.ENABLED, S.INITIAL_REPLICATING, "003 L161"),
    _service(S.ENABLING, E.FAILED, S.UNPROTECTED, "ours: a failed enable is undone"),
    _service(S.INITIAL_REPLICATING, E.SUCCEEDED, S.PROTECTED, "003 L161; 004 L167"),
    _service(
        S.INITIAL_REPLICATING,
        E.FAILED,
        S.UNPROTECTED,
        "ours: cancelled or failed, everything made is removed",
    ),
    _user(S.PROTECTED, V.FAILOVER, S.FAILING_OVER, "002 L82-87; 001 L83-91; 004 L69-78"),
    _service(S.FAILING_OVER, E.SUCCEEDED, S.FAILED_OVER, "003 L183; 000 L89"),
    _service(S.FAILING_OVER, E.FAILED, S.FAILOVER_FAILED, "C-02: a dead job must lead on"),
    _user(S.FAILOVER_FAILED, V.FAILOVER, S.FAILING_OVER, "C-02: retry leads on"),
    _user(S.FAILOVER_FAILED, V.CANCEL_FAILOVER, S.CANCELLING, "C-03: replication can be resumed"),
    _user(S.FAILOVER_FAILED, V.DISABLE_PROTECTION, S.DISABLING, "ours"),
    _user(S.PROTECTED, V.PLANNED_FAILOVER, S.PLANNED_FAILING_OVER, "000 L59, L62; 003 L168; 004 L91-98"),
    _service(S.PLANNED_FAILING_OVER, E.SUCCEEDED, S.PLANNED_FAILED_OVER, "003 L169; 004 L100"),
    _service(S.PLANNED_FAILING_OVER, E.FAILED, S.CANCELLING, "004 L150: it cancels itself"),
    _user(S.FAILED_OVER, V.CHANGE_RECOVERY_POINT, S.CHANGING_RECOVERY_POINT, "000 L37; 001 L99; 004 L84"),
    _service(S.CHANGING_RECOVERY_POINT, E.SUCCEEDED, S.FAILED_OVER, "000 L37"),
    _service(S.CHANGING_RECOVERY_POINT, E.FAILED, S.FAILED_OVER, "ours: the old point is started again"),
    _user(S.FAILED_OVER, V.COMMIT, S.COMMITTING, "000 L38; 001 L97; 004 L85-86"),
    _service(S.COMMITTING, E.SUCCEEDED, S.COMMITTED, "000 L60-61"),
    _service(S.COMMITTING, E.FAILED, S.FAILED_OVER, "ours: commit is repeatable"),
    _user(S.PLANNED_FAILED_OVER, V.CHANGE_RECOVERY_POINT, S.PLANNED_CHANGING_RECOVERY_POINT, "003 L203"),
    _service(S.PLANNED_CHANGING_RECOVERY_POINT, E.SUCCEEDED, S.PLANNED_FAILED_OVER, "003 L203"),
    _service(S.PLANNED_CHANGING_RECOVERY_POINT, E.FAILED, S.PLANNED_FAILED_OVER, "ours"),
    _user(S.PLANNED_FAILED_OVER, V.COMMIT, S.PLANNED_COMMITTING, "000 L103; 001 L180; 003 L206"),
    _service(S.PLANNED_COMMITTING, E.SUCCEEDED, S.COMMITTED, "000 L103"),
    _service(S.PLANNED_COMMITTING, E.FAILED, S.PLANNED_FAILED_OVER, "ours: commit is repeatable"),
    _user(S.PLANNED_FAILED_OVER, V.CANCEL_FAILOVER, S.CANCELLING, "000 L145-154; 004 L116-136; C-04"),
    _service(S.CANCELLING, E.SUCCEEDED, S.PROTECTED, "000 L147-154; 004 L150"),
    _service(S.CANCELLING, E.FAILED, S.CANCEL_FAILED, "004 L124, L152-156"),
    _user(S.CANCEL_FAILED, V.CANCEL_FAILOVER, S.CANCELLING, "004 L152-156"),
    _user(
        S.CANCEL_FAILED,
        V.FAILOVER,
        S.FAILING_OVER,
        "ours: the source died while it was cancelled; never a dead item",
    ),
    _user(S.COMMITTED, V.REPROTECT, S.REPROTECTING, "000 L21, L91, L135-137; 001 L145-152; 003 L60"),
    _service(S.REPROTECTING, E.SUCCEEDED, S.PROTECTED, "001 L153; 000 L99", turns=True),
    _service(S.REPROTECTING, E.FAILED, S.COMMITTED, "000 L131: same state as before, retry"),
    _user(S.PROTECTED, V.RESYNCHRONIZE, S.PROTECTED, "ours: repair that sends only what differs"),
    _user(S.PROTECTED, V.INCLUDE_DISK, S.PROTECTED, "ours: a disk added later; the others go on"),
    _user(S.PROTECTED, V.EXCLUDE_DISK, S.PROTECTED, "ours: gap of the documents"),
    _user(S.PROTECTED, V.DISABLE_PROTECTION, S.DISABLING, "ours: gap of the documents"),
    _user(S.COMMITTED, V.DISABLE_PROTECTION, S.DISABLING, "ours: gap of the documents"),
    _service(S.DISABLING, E.SUCCEEDED, S.UNPROTECTED, "ours"),
    _service(S.DISABLING, E.FAILED, S.DISABLE_FAILED, "ours"),
    _user(S.DISABLE_FAILED, V.DISABLE_PROTECTION, S.DISABLING, "ours: disable is repeatable"),
)


@dataclass(frozen=True, slots=True)
class DrillTransition:
    state: DrillState
    trigger: Verb | Event
    next: DrillState
    source: str


D = DrillState
DRILL_TABLE: tuple[DrillTransition, ...] = (
    DrillTransition(D.NONE, V.TEST_FAILOVER, D.STARTING, "000 L58; 003 L93-98"),
    DrillTransition(D.STARTING, E.SUCCEEDED, D.RUNNING, "003 L100: Complete testing"),
    DrillTransition(D.STARTING, E.FAILED, D.NONE, "ours: what was made is removed"),
    DrillTransition(D.RUNNING, V.CLEANUP_TEST_FAILOVER, D.CLEANING, "003 L100-105"),
    DrillTransition(D.CLEANING, E.SUCCEEDED, D.NONE, "003 L102"),
    DrillTransition(D.CLEANING, E.FAILED, D.CLEANUP_FAILED, "ours"),
    DrillTransition(D.CLEANUP_FAILED, V.CLEANUP_TEST_FAILOVER, D.CLEANING, "ours: repeatable"),
)

# A drill starts from a machine that has points; only what would pull its layers away has to wait for the clean-up.
DRILL_ALLOWED_IN = frozenset({S.PROTECTED})
REFUSED_DURING_DRILL = frozenset({V.DISABLE_PROTECTION, V.COMMIT, V.REPROTECT})


def _rows() -> dict[tuple[State, Verb | Event], Transition]:
    return {(row.state, row.trigger): row for row in TABLE}


_BY_KEY = _rows()
_DRILL_BY_KEY = {(row.state, row.trigger): row for row in DRILL_TABLE}


def allowed_operations(state: State, drill: DrillState = DrillState.NONE) -> tuple[Verb, ...]:
    """The verbs a person may start now, in the order of `Verb`. Every face shows exactly these."""
    return tuple(verb for verb in Verb if _is_allowed(verb, state, drill))


def _is_allowed(verb: Verb, state: State, drill: DrillState) -> bool:
    if (drill, verb) in _DRILL_BY_KEY:
        return verb is not V.TEST_FAILOVER or state in DRILL_ALLOWED_IN
    if drill is not D.NONE and verb in REFUSED_DURING_DRILL:
        return False
    return (state, verb) in _BY_KEY


def require(verb: Verb, machine: str, state: State, drill: DrillState = DrillState.NONE) -> None:
    """Raises NotPossibleNow, naming what is possible, unless the table allows the verb."""
    allowed = allowed_operations(state, drill)
    if verb not in allowed:
        shown = state if drill is D.NONE else f"{state} (test failover {drill})"
        raise errors.NotPossibleNow.verb(verb.value, machine, shown, [v.value for v in allowed])


def after(state: State, trigger: Verb | Event) -> Transition:
    """The row for this trigger; raises NotPossibleNow where the table has none."""
    row = _BY_KEY.get((state, trigger))
    if row is None:
        raise errors.NotPossibleNow.verb(
            trigger.value, "?", state, [v.value for v in allowed_operations(state)]
        )
    return row


def drill_after(state: DrillState, trigger: Verb | Event) -> DrillState:
    """The drill region's next state; raises NotPossibleNow where its table has no such row."""
    row = _DRILL_BY_KEY.get((state, trigger))
    if row is None:
        raise errors.NotPossibleNow.verb(trigger.value, "?", f"test failover {state}", [])
    return row.next


def is_moving(state: State) -> bool:
    """True while a job owns the machine."""
    return state in MOVING


def _check_table(rows: Iterable[Transition]) -> None:
    """Refuses at import a table with doubles, with targets that move, or with states nobody can reach or leave."""
    rows = list(rows)
    keys = [(row.state, row.trigger) for row in rows]
    assert len(keys) == len(set(keys)), "a (state, trigger) pair has two rows"
    assert all(not is_moving(m.target) and not is_moving(m.on_failure) for m in MOVING.values()), (
        "a target moves"
    )
    assert {row.next for row in rows} | {S.UNPROTECTED} == set(State), "a state cannot be reached"
    assert {row.state for row in rows} == set(State), "a state cannot be left"


_check_table(TABLE)
