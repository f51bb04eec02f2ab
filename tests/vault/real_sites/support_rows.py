"""What is lost for ever, in which state: what is shown, what is offered, and the way on. The guide's page
is these rows."""

from dataclasses import dataclass

from secondsite.domain import allowed_operations, lifecycle
from secondsite.domain.lifecycle import DrillState, State, Verb
from tests.vault.real_sites.support_states import BEFORE, DRILL, FORWARD, REVERSE, SINCE, name_of

SOURCE, TARGET, VAULT, NEW_VAULT = "source site", "target site", "vault", "vault without a backup"
NEW_HARDWARE = "source site, with new hardware"
SOURCE_DATABASE, TARGET_DATABASE = "database of the source's appliance", "database of the target's appliance"
BESIDE = frozenset({Verb.INCLUDE_DISK, Verb.EXCLUDE_DISK, Verb.UPDATE_NAMES, Verb.SETTLE, Verb.MOVE_REPLICA})
"""Verbs that lead nowhere else."""
WITHOUT = "--without-site LOST"
START = "start it at SOURCE"
UNSENT = "what had not arrived"
ALL_SINCE = "what it wrote since it left"
NOTHING = "nothing"
AT_SOURCE, AT_TARGET, NOWHERE = "source", "target", "nowhere"


@dataclass(frozen=True, slots=True)
class Row:
    """`shows`: the findings. `way`: what an operator types, with LOST for the site that is gone and POINT
    for the one that a finding names, and acts of the machine's owner. Then the machine is in state `ends`,
    runs at one of the sites that it had in the beginning, and holds what it `keeps`."""

    lost: str
    state: str
    direction: str
    shows: tuple[str, ...]
    way: tuple[str, ...]
    ends: State
    runs: str
    loses: str
    keeps: tuple[int, ...] = (BEFORE, SINCE)
    comes: State | None = None
    """How a new vault adopts it."""

    @property
    def name(self) -> str:
        """Of the machine."""
        return str(name_of(self.state, self.direction))

    @property
    def sites(self) -> tuple[str, str]:
        """Source and target in the beginning."""
        return ("a", "b") if self.direction == FORWARD else ("b", "a")

    @property
    def site(self) -> str | None:
        """That is lost, or whose appliance lost its database."""
        if self.lost in (VAULT, NEW_VAULT):
            return None
        return self.sites[self.lost not in (SOURCE, SOURCE_DATABASE, NEW_HARDWARE)]

    @property
    def offers(self) -> tuple[Verb, ...]:
        """A vault that was restored shows what was before."""
        drills = self.state == DRILL and self.lost not in (VAULT, NEW_VAULT)
        seen = State.PROTECTED if self.state == DRILL or self.lost == VAULT else State(self.state)
        seen = self.comes or seen
        source, target = self.sites
        away = frozenset({str(self.site)} if self.lost in (SOURCE, TARGET, NEW_HARDWARE) else ())
        standing = allowed_operations.MachineSituation(
            self.name, seen, DrillState.RUNNING if drills else DrillState.NONE, source, target, away=away,
            has_points=None if self.points_are_there else False,
        )  # fmt: skip
        refused = allowed_operations.refused(standing)
        return tuple(
            verb
            for verb in lifecycle.allowed_operations(standing.state, standing.drill)
            if verb not in refused and verb not in BESIDE
        )

    @property
    def points_are_there(self) -> bool:
        """Others than the one that a commit has fixed, as far as the vault was told."""
        return not (self.lost == VAULT and self.state == State.COMMITTED and self.direction == FORWARD)


def _row(lost, state, shows, way, ends, runs, loses, direction=FORWARD, keeps=None, comes=None):
    kept = {NOTHING: (BEFORE, SINCE)}.get(loses, (BEFORE,)) if keeps is None else keeps
    return Row(lost, state, direction, shows, way, ends, runs, loses, kept, comes)


S = State
_AWAY, _CUT = ("appliance-unreachable",), ("appliance-unreachable", "peer-unreachable")
_END = "disable-protection"
_END_WITHOUT = f"disable-protection {WITHOUT}"
_CANCEL_WITHOUT = f"cancel-failover {WITHOUT}"
_COMMIT_WITHOUT = f"commit {WITHOUT}"
_HALF = ("failover-failed",)
_STUCK = ("cancel-failed",)
_FORGOT = ("forgotten",)
_COPY = ("record-is-behind",)

SOURCE_ROWS = (
    _row(SOURCE, S.PROTECTED, _AWAY, ("failover", "commit", _END), S.UNPROTECTED, AT_TARGET, UNSENT),
    _row(SOURCE, DRILL, _AWAY, ("failover", "cleanup-test-failover", "commit", _END), S.UNPROTECTED,
    AT_TARGET, UNSENT),
    _row(SOURCE, S.FAILOVER_FAILED, _AWAY + _HALF, ("failover", "commit", _END), S.UNPROTECTED, AT_TARGET,
    UNSENT),
    _row(SOURCE, S.FAILED_OVER, (), ("commit", _END), S.UNPROTECTED, AT_TARGET, NOTHING),
    _row(SOURCE, S.PLANNED_FAILED_OVER, (), ("commit", _END), S.UNPROTECTED, AT_TARGET, NOTHING),
    _row(SOURCE, S.CANCEL_FAILED, _AWAY + _STUCK, ("failover", "commit", _END), S.UNPROTECTED, AT_TARGET,
    NOTHING),
    _row(SOURCE, S.COMMITTED, (), (_END,), S.UNPROTECTED, AT_TARGET, NOTHING),
    _row(SOURCE, S.DISABLE_FAILED, _AWAY, (_END,), S.UNPROTECTED, NOWHERE,
    "the machine; its points stay as files"),
    _row(SOURCE, S.PROTECTED, _AWAY, ("failover", f"commit {WITHOUT}", _END), S.UNPROTECTED, AT_TARGET,
    UNSENT, REVERSE),
    _row(SOURCE, S.PLANNED_FAILED_OVER, (), (f"commit {WITHOUT}", _END), S.UNPROTECTED, AT_TARGET, NOTHING,
    REVERSE),
    _row(SOURCE, S.COMMITTED, (), (_END,), S.UNPROTECTED, AT_TARGET, NOTHING, REVERSE),
    _row(SOURCE, DRILL, _AWAY, ("failover", "cleanup-test-failover", _COMMIT_WITHOUT, _END), S.UNPROTECTED,
    AT_TARGET, UNSENT, REVERSE),
    _row(SOURCE, S.FAILOVER_FAILED, _AWAY + _HALF, ("failover", _COMMIT_WITHOUT, _END), S.UNPROTECTED,
    AT_TARGET, UNSENT, REVERSE),
    _row(SOURCE, S.FAILED_OVER, (), (_COMMIT_WITHOUT, _END), S.UNPROTECTED, AT_TARGET, NOTHING, REVERSE),
    _row(SOURCE, S.CANCEL_FAILED, _AWAY + _STUCK, ("failover", _COMMIT_WITHOUT, _END), S.UNPROTECTED,
    AT_TARGET, NOTHING, REVERSE),
    _row(SOURCE, S.DISABLE_FAILED, _AWAY, (_END,), S.UNPROTECTED, NOWHERE,
    "the machine; its points stay as files", REVERSE),
)  # fmt: skip
TARGET_ROWS = (
    _row(TARGET, S.PROTECTED, _CUT, (_END_WITHOUT,), S.UNPROTECTED, AT_SOURCE, NOTHING),
    _row(TARGET, DRILL, _CUT, (f"cleanup-test-failover {WITHOUT}", _END_WITHOUT), S.UNPROTECTED, AT_SOURCE,
    NOTHING),
    _row(TARGET, S.FAILOVER_FAILED, _AWAY + _HALF, (_CANCEL_WITHOUT, _END_WITHOUT), S.UNPROTECTED, AT_SOURCE,
    NOTHING, keeps=(BEFORE,)),
    _row(TARGET, S.FAILED_OVER, _AWAY, (_END_WITHOUT, START), S.UNPROTECTED, AT_SOURCE, ALL_SINCE),
    _row(TARGET, S.PLANNED_FAILED_OVER, _AWAY, (_CANCEL_WITHOUT, _END_WITHOUT), S.UNPROTECTED, AT_SOURCE,
    ALL_SINCE),
    _row(TARGET, S.CANCEL_FAILED, _AWAY + _STUCK, (_CANCEL_WITHOUT, _END_WITHOUT), S.UNPROTECTED, AT_SOURCE,
    ALL_SINCE),
    _row(TARGET, S.COMMITTED, _AWAY, (_END_WITHOUT, START), S.UNPROTECTED, AT_SOURCE, ALL_SINCE),
    _row(TARGET, S.DISABLE_FAILED, _AWAY, (_END_WITHOUT,), S.UNPROTECTED, AT_SOURCE, NOTHING),
    _row(TARGET, S.PROTECTED, _CUT, (_END_WITHOUT,), S.UNPROTECTED, AT_SOURCE, NOTHING, REVERSE),
    _row(TARGET, S.PLANNED_FAILED_OVER, _AWAY, (_CANCEL_WITHOUT, _END_WITHOUT), S.UNPROTECTED, AT_SOURCE,
    ALL_SINCE, REVERSE),
    _row(TARGET, S.COMMITTED, _AWAY, (_END_WITHOUT, START), S.UNPROTECTED, AT_SOURCE, ALL_SINCE, REVERSE),
    _row(TARGET, DRILL, _CUT, (f"cleanup-test-failover {WITHOUT}", _END_WITHOUT), S.UNPROTECTED, AT_SOURCE,
    NOTHING, REVERSE),
    _row(TARGET, S.FAILOVER_FAILED, _AWAY + _HALF, (_CANCEL_WITHOUT, _END_WITHOUT), S.UNPROTECTED, AT_SOURCE,
    NOTHING, REVERSE, keeps=(BEFORE,)),
    _row(TARGET, S.FAILED_OVER, _AWAY, (_END_WITHOUT, START), S.UNPROTECTED, AT_SOURCE, ALL_SINCE, REVERSE),
    _row(TARGET, S.CANCEL_FAILED, _AWAY + _STUCK, (_CANCEL_WITHOUT, _END_WITHOUT), S.UNPROTECTED, AT_SOURCE,
    ALL_SINCE, REVERSE),
    _row(TARGET, S.DISABLE_FAILED, _AWAY, (_END_WITHOUT,), S.UNPROTECTED, AT_SOURCE, NOTHING, REVERSE),
)  # fmt: skip
SOURCE_DATABASE_ROWS = (
    _row(SOURCE_DATABASE, S.PROTECTED, _FORGOT, ("resynchronize",), S.PROTECTED, AT_SOURCE, NOTHING),
    _row(SOURCE_DATABASE, DRILL, _FORGOT, ("resynchronize", "cleanup-test-failover"), S.PROTECTED, AT_SOURCE,
    NOTHING),
    _row(SOURCE_DATABASE, S.FAILOVER_FAILED, _FORGOT + _HALF, ("cancel-failover", "resynchronize"),
    S.PROTECTED, AT_SOURCE, NOTHING, keeps=(BEFORE,)),
    _row(SOURCE_DATABASE, S.FAILED_OVER, (), ("commit", "reprotect"), S.PROTECTED, AT_TARGET, NOTHING),
    _row(SOURCE_DATABASE, S.PLANNED_FAILED_OVER, (), ("cancel-failover", "resynchronize"), S.PROTECTED,
    AT_SOURCE, ALL_SINCE),
    _row(SOURCE_DATABASE, S.CANCEL_FAILED, _FORGOT + _STUCK, ("cancel-failover", "resynchronize"),
    S.PROTECTED, AT_SOURCE, ALL_SINCE),
    _row(SOURCE_DATABASE, S.COMMITTED, (), ("reprotect",), S.PROTECTED, AT_TARGET, NOTHING),
    _row(SOURCE_DATABASE, S.DISABLE_FAILED, (), (_END,), S.UNPROTECTED, AT_SOURCE, NOTHING),
    _row(SOURCE_DATABASE, S.PROTECTED, _FORGOT, ("resynchronize",), S.PROTECTED, AT_SOURCE, NOTHING, REVERSE),
    _row(SOURCE_DATABASE, S.PLANNED_FAILED_OVER, (), ("cancel-failover", "resynchronize"), S.PROTECTED,
    AT_SOURCE, ALL_SINCE, REVERSE),
    _row(SOURCE_DATABASE, S.COMMITTED, (), (_END,), S.UNPROTECTED, AT_TARGET, NOTHING, REVERSE),
    _row(SOURCE_DATABASE, DRILL, _FORGOT, ("resynchronize", "cleanup-test-failover"), S.PROTECTED, AT_SOURCE,
    NOTHING, REVERSE),
    _row(SOURCE_DATABASE, S.FAILOVER_FAILED, _FORGOT + _HALF, ("cancel-failover", "resynchronize"),
    S.PROTECTED, AT_SOURCE, NOTHING, REVERSE, keeps=(BEFORE,)),
    _row(SOURCE_DATABASE, S.FAILED_OVER, (), ("commit", "reprotect"), S.PROTECTED, AT_TARGET, NOTHING,
    REVERSE),
    _row(SOURCE_DATABASE, S.CANCEL_FAILED, _FORGOT + _STUCK, ("cancel-failover", "resynchronize"),
    S.PROTECTED, AT_SOURCE, ALL_SINCE, REVERSE),
    _row(SOURCE_DATABASE, S.DISABLE_FAILED, (), (_END,), S.UNPROTECTED, AT_SOURCE, NOTHING, REVERSE),
)  # fmt: skip
TARGET_DATABASE_ROWS = (
    _row(TARGET_DATABASE, S.PROTECTED, (*_FORGOT, "peer-refused"), ("resynchronize",), S.PROTECTED, AT_SOURCE,
    NOTHING),
    _row(TARGET_DATABASE, DRILL, (*_FORGOT, "peer-refused"), ("cleanup-test-failover", "resynchronize"),
    S.PROTECTED, AT_SOURCE, NOTHING),
    _row(TARGET_DATABASE, S.FAILOVER_FAILED, _FORGOT + _HALF, ("failover", "commit", "reprotect"),
    S.PROTECTED, AT_TARGET, NOTHING, keeps=(BEFORE,)),
    _row(TARGET_DATABASE, S.FAILED_OVER, _FORGOT, ("commit", "reprotect"), S.PROTECTED, AT_TARGET, NOTHING),
    _row(TARGET_DATABASE, S.PLANNED_FAILED_OVER, _FORGOT, ("cancel-failover",), S.PROTECTED, AT_SOURCE,
    ALL_SINCE),
    _row(TARGET_DATABASE, S.CANCEL_FAILED, _FORGOT + _STUCK, ("cancel-failover",), S.PROTECTED, AT_SOURCE,
    ALL_SINCE),
    _row(TARGET_DATABASE, S.COMMITTED, (), ("reprotect",), S.PROTECTED, AT_TARGET, NOTHING),
    _row(TARGET_DATABASE, S.DISABLE_FAILED, (), (_END,), S.UNPROTECTED, AT_SOURCE, NOTHING),
    _row(TARGET_DATABASE, S.PROTECTED, (*_FORGOT, "peer-refused"), ("resynchronize",), S.PROTECTED, AT_SOURCE,
    NOTHING, REVERSE),
    _row(TARGET_DATABASE, S.PLANNED_FAILED_OVER, _FORGOT, ("commit", "reprotect"), S.PROTECTED, AT_TARGET,
    NOTHING, REVERSE),
    _row(TARGET_DATABASE, S.COMMITTED, (), ("reprotect",), S.PROTECTED, AT_TARGET, NOTHING, REVERSE),
    _row(TARGET_DATABASE, DRILL, (*_FORGOT, "peer-refused"), ("cleanup-test-failover", "resynchronize"),
    S.PROTECTED, AT_SOURCE, NOTHING, REVERSE),
    _row(TARGET_DATABASE, S.FAILOVER_FAILED, _FORGOT + _HALF, ("failover", "commit", "reprotect"),
    S.PROTECTED, AT_TARGET, NOTHING, REVERSE, keeps=(BEFORE,)),
    _row(TARGET_DATABASE, S.FAILED_OVER, _FORGOT, ("commit", "reprotect"), S.PROTECTED, AT_TARGET, NOTHING,
    REVERSE),
    _row(TARGET_DATABASE, S.CANCEL_FAILED, _FORGOT + _STUCK, ("cancel-failover",), S.PROTECTED, AT_SOURCE,
    ALL_SINCE, REVERSE),
    _row(TARGET_DATABASE, S.DISABLE_FAILED, (), (_END,), S.UNPROTECTED, AT_SOURCE, NOTHING, REVERSE),
)  # fmt: skip
VAULT_ROWS = (
    _row(VAULT, S.PROTECTED, (), (), S.PROTECTED, AT_SOURCE, NOTHING),
    _row(VAULT, DRILL, (), ("test-failover", "cleanup-test-failover"), S.PROTECTED, AT_SOURCE, NOTHING),
    _row(VAULT, S.FAILOVER_FAILED, _COPY, ("failover", "commit", "reprotect"), S.PROTECTED, AT_TARGET,
    NOTHING, keeps=(BEFORE,)),
    _row(VAULT, S.FAILED_OVER, _COPY, ("failover", "commit", "reprotect"), S.PROTECTED, AT_TARGET, NOTHING),
    _row(VAULT, S.PLANNED_FAILED_OVER, _COPY, ("failover", "commit", "reprotect"), S.PROTECTED, AT_TARGET,
    NOTHING),
    _row(VAULT, S.CANCEL_FAILED, _COPY, ("failover", "commit", "reprotect"), S.PROTECTED, AT_TARGET, NOTHING),
    _row(VAULT, S.COMMITTED, _COPY, ("failover --point POINT", "commit", "reprotect"), S.PROTECTED, AT_TARGET,
    NOTHING),
    _row(VAULT, S.DISABLE_FAILED, _FORGOT, (_END,), S.UNPROTECTED, AT_SOURCE, NOTHING),
    _row(VAULT, S.PROTECTED, (), (), S.PROTECTED, AT_SOURCE, NOTHING, REVERSE),
    _row(VAULT, S.PLANNED_FAILED_OVER, _COPY, ("failover", "commit", "reprotect"), S.PROTECTED, AT_TARGET,
    NOTHING, REVERSE),
    _row(VAULT, S.COMMITTED, _FORGOT, (_END,), S.UNPROTECTED, AT_TARGET, NOTHING, REVERSE),
    _row(VAULT, DRILL, (), ("test-failover", "cleanup-test-failover"), S.PROTECTED, AT_SOURCE, NOTHING,
    REVERSE),
    _row(VAULT, S.FAILOVER_FAILED, _COPY, ("failover", "commit", "reprotect"), S.PROTECTED, AT_TARGET,
    NOTHING, REVERSE, keeps=(BEFORE,)),
    _row(VAULT, S.FAILED_OVER, _COPY, ("failover", "commit", "reprotect"), S.PROTECTED, AT_TARGET, NOTHING,
    REVERSE),
    _row(VAULT, S.CANCEL_FAILED, _COPY, ("failover", "commit", "reprotect"), S.PROTECTED, AT_TARGET, NOTHING,
    REVERSE),
    _row(VAULT, S.DISABLE_FAILED, _FORGOT, (_END,), S.UNPROTECTED, AT_SOURCE, NOTHING, REVERSE),
)  # fmt: skip
_ON = ("commit", "reprotect")


def _adopted(direction):
    def row(state, comes, shows, way, ends, runs, keeps=None):
        return _row(NEW_VAULT, state, shows, way, ends, runs, NOTHING, direction, keeps, comes)

    yield row(S.PROTECTED, S.PROTECTED, (), (), S.PROTECTED, AT_SOURCE)
    yield row(DRILL, S.PROTECTED, (), (), S.PROTECTED, AT_SOURCE)
    yield row(S.FAILOVER_FAILED, S.PROTECTED, _COPY, ("failover", *_ON), S.PROTECTED, AT_TARGET, (BEFORE,))
    for state in (S.FAILED_OVER, S.PLANNED_FAILED_OVER, S.CANCEL_FAILED):
        yield row(state, S.FAILED_OVER, (), _ON, S.PROTECTED, AT_TARGET)
    yield row(S.COMMITTED, S.COMMITTED, (), ("reprotect",), S.PROTECTED, AT_TARGET)
    yield row(S.DISABLE_FAILED, S.PROTECTED, _FORGOT, (_END,), S.UNPROTECTED, AT_SOURCE)


NEW_VAULT_ROWS = (*_adopted(FORWARD), *_adopted(REVERSE))
_ANEW = "reprotect --location alternate --target-appliance NEW"
NEW_HARDWARE_ROWS = (
    _row(NEW_HARDWARE, S.PROTECTED, _AWAY, ("failover", "commit", _ANEW), S.PROTECTED, AT_TARGET, UNSENT),
    _row(NEW_HARDWARE, S.FAILOVER_FAILED, _AWAY + _HALF, ("failover", "commit", _ANEW), S.PROTECTED,
    AT_TARGET, UNSENT),
    _row(NEW_HARDWARE, S.FAILED_OVER, (), ("commit", _ANEW), S.PROTECTED, AT_TARGET, NOTHING),
    _row(NEW_HARDWARE, S.PLANNED_FAILED_OVER, (), ("commit", _ANEW), S.PROTECTED, AT_TARGET, NOTHING),
    _row(NEW_HARDWARE, S.CANCEL_FAILED, _AWAY + _STUCK, ("failover", "commit", _ANEW), S.PROTECTED, AT_TARGET,
    NOTHING),
    _row(NEW_HARDWARE, S.COMMITTED, (), (_ANEW,), S.PROTECTED, AT_TARGET, NOTHING),
)  # fmt: skip
ROWS = (
    *SOURCE_ROWS,
    *TARGET_ROWS,
    *VAULT_ROWS,
    *SOURCE_DATABASE_ROWS,
    *TARGET_DATABASE_ROWS,
    *NEW_VAULT_ROWS,
    *NEW_HARDWARE_ROWS,
)
