"""The way round the lifecycle that a sweep walks: every verb, both directions, back to where it began."""

from collections.abc import Callable
from dataclasses import dataclass

from rig.sites import SiteName
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest
from secondsite.wire.rest import verbs

MACHINE = "web01"
POOL = "images"
"""The storage pool that each site has of its own."""
POLICY = rest.PolicyCreate(
    name="sweep",
    rpo_threshold_seconds=60,
    retention_seconds=60,
    crash_consistent_every_seconds=1,
    app_consistent_every_seconds=0,
    cycle_seconds=0.3,
)
Ask = Callable[[str | None], rest.MachinesRequest]
"""From the id of an older point, where there is one, to the verb's request."""


@dataclass(frozen=True, slots=True)
class Station:
    """One verb on the way. `source` and `target` are the roles before it; afterwards the machine runs at
    `runs_at`, in `state`, and `machines` are the definitions under our care by site. `loses`: what the
    copy that starts may lack: 'nothing', or all that came after the job's 'point'; None where no copy
    starts."""

    name: str
    verb: Verb
    source: SiteName
    target: SiteName
    state: str
    runs_at: SiteName
    ask: Ask
    machines: frozenset[tuple[str, str]]
    loses: str | None = None
    drill: bool = False
    point_of: str = "Failover"
    """The task whose facts name the point that the copy started from."""


def _one(shape: type[rest.MachinesRequest], **values: object) -> Ask:
    return lambda _older: shape.model_validate({"machines": (MACHINE,), **values})


def _older(older: str | None) -> rest.MachinesRequest:
    return rest.ChangeRecoveryPoint(machines=(MACHINE,), point=older)


def _at(*sites: str) -> frozenset[tuple[str, str]]:
    return frozenset((site, MACHINE) for site in sites)


_ENABLE = _one(rest.EnableProtection, source_site="a", target_site="b", policy=POLICY.name)
_FAILOVER = _one(rest.Failover, choice=RecoveryPointChoice.LATEST, shut_down_source=True)
_SETTLE = _one(verbs.Settle, place={"place": POOL}, unencrypted=True)
_DRILLED = frozenset({("a", MACHINE), ("b", f"{MACHINE}-test")})
V = Verb

WAY: tuple[Station, ...] = (
    Station("enable", V.ENABLE_PROTECTION, "a", "b", "protected", "a", _ENABLE, _at("a")),
    Station("drill", V.TEST_FAILOVER, "a", "b", "protected", "a", _one(rest.TestFailover), _DRILLED,
    drill=True),
    Station("clean up", V.CLEANUP_TEST_FAILOVER, "a", "b", "protected", "a", _one(rest.CleanupTestFailover),
    _at("a")),
    Station("resynchronize", V.RESYNCHRONIZE, "a", "b", "protected", "a", _one(rest.Resynchronize), _at("a")),
    Station(
        "planned failover", V.PLANNED_FAILOVER, "a", "b", "planned_failed_over", "b",
        _one(rest.PlannedFailover), _at("a", "b"), loses="nothing",
    ),
    Station(
        "cancel", V.CANCEL_FAILOVER, "a", "b", "protected", "a", _one(rest.CancelFailover), _at("a"),
        loses="taken back"
    ),
    Station("failover", V.FAILOVER, "a", "b", "failed_over", "b", _FAILOVER, _at("a", "b"), loses="point"),
    Station(
        "change point", V.CHANGE_RECOVERY_POINT, "a", "b", "failed_over", "b", _older, _at("a", "b"),
        loses="point", point_of="Prerequisites check",
    ),
    Station("commit", V.COMMIT, "a", "b", "committed", "b", _one(rest.Commit), _at("a", "b")),
    Station("reprotect", V.REPROTECT, "a", "b", "protected", "b", _one(rest.Reprotect), _at("b")),
    Station("settle", V.SETTLE, "b", "a", "protected", "b", _SETTLE, _at("b")),
    Station(
        "failback to be cancelled", V.PLANNED_FAILOVER, "b", "a", "planned_failed_over", "a",
        _one(rest.PlannedFailover), _at("a", "b"), loses="nothing",
    ),
    Station(
        "cancel failback", V.CANCEL_FAILOVER, "b", "a", "protected", "b", _one(rest.CancelFailover), _at("b"),
        loses="taken back",
    ),
    Station(
        "failback", V.PLANNED_FAILOVER, "b", "a", "planned_failed_over", "a",
        _one(rest.PlannedFailover), _at("a", "b"), loses="nothing",
    ),
    Station("commit failback", V.COMMIT, "b", "a", "committed", "a", _one(rest.Commit), _at("a")),
    Station("reprotect again", V.REPROTECT, "b", "a", "protected", "a", _one(rest.Reprotect), _at("a")),
    Station("disable", V.DISABLE_PROTECTION, "a", "b", "unprotected", "a", _one(rest.DisableProtection),
    _at("a")),
)  # fmt: skip
