"""A planned failover is tried before anything stops; a machine that comes home is said to come home."""

from secondsite.domain.lifecycle import State, Verb
from secondsite.wire.control import checks
from secondsite.wire.control.orders import Kind


def test_a_planned_failover_stops_nothing_if_the_target_cannot_run_the_machine(verbs):
    verbs.protect()
    verbs.appliances.obstacles = (checks.ObstacleShape(what="No such CPU here.", do="Change the model."),)
    job = verbs.run(Verb.PLANNED_FAILOVER)
    assert "No such CPU here. Change the model." in job.job.error.message
    assert verbs.appliances.checked.definition == verbs.machine().definition
    assert Kind.SHUT_DOWN not in [kind for _, kind, _ in verbs.appliances.given]
    assert verbs.state() is State.PROTECTED


def test_only_the_way_home_is_called_so_and_needs_no_trial(verbs):
    verbs.protect()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    verbs.run(Verb.COMMIT)
    verbs.run(Verb.REPROTECT)
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    assert verbs.appliances.checked.definition is None
    assert [payload.home for payload in verbs.appliances.started] == [False, True]
    assert verbs.appliances.started[-1].networks_by_mac == {"52:54:00:00:00:01": "lan"}
