"""Errors and findings say what to do."""

from datetime import UTC, datetime

import pytest

from secondsite.domain import errors, health, policies
from secondsite.wire.base import Problem


@pytest.mark.parametrize("cls", errors.by_code().values())
def test_every_error_crosses_a_process_and_comes_back_as_itself(cls):
    problem = Problem.of(cls("the disk is full", do="free some space"))
    back = Problem.model_validate_json(problem.model_dump_json()).raised()
    assert type(back) is cls
    assert (back.message, back.do) == ("the disk is full", "free some space")


def test_an_exception_that_is_not_ours_is_internal_and_named():
    assert Problem.of(KeyError("x")).code == "internal"
    assert "KeyError" in Problem.of(KeyError("x")).message


@pytest.mark.parametrize("kind", health.CATALOGUE.values())
def test_every_finding_has_a_cause_and_an_action(kind):
    assert kind.cause.endswith(".")
    assert kind.do.endswith(".")


def test_health_is_the_worst_finding():
    now = datetime.now(UTC)
    rpo = health.HealthFinding("rpo-exceeded", "60 s", now)
    full = health.HealthFinding("target-store-full", "0 bytes free", now)
    assert health.overall([]) is health.Health.HEALTHY
    assert health.overall([rpo]) is health.Health.WARNING
    assert health.overall([rpo, full]) is health.Health.CRITICAL


def test_a_policy_out_of_range_names_the_field_and_the_range():
    with pytest.raises(errors.InvalidArgument, match="retention_seconds"):
        policies.ReplicationPolicy("p", retention_seconds=-1)


def test_an_error_that_inherits_its_code_does_not_take_its_parents_place():
    class Passing(errors.NotPossibleNow):
        def __init__(self):
            super().__init__("for a moment")

    again = errors.from_wire(Passing().code, "for a moment", "wait")
    assert type(again) is errors.NotPossibleNow
    assert again.do == "wait"
