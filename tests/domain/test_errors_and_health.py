"""Errors and findings say what to do."""

import importlib
import pkgutil
import re
from datetime import UTC, datetime

import pytest

import secondsite
from secondsite.datapath import errors as datapath_errors
from secondsite.domain import errors, health, policies
from secondsite.entry import reference
from secondsite.jobs.model import failures
from secondsite.wire.common.base import Problem


@pytest.mark.parametrize("cls", errors.by_code().values())
def test_every_error_crosses_a_process_and_comes_back_as_itself(cls):
    problem = Problem.of(cls("the disk is full", do="free some space"))
    back = Problem.model_validate_json(problem.model_dump_json()).raised()
    assert type(back) is cls
    assert (back.message, back.do) == ("the disk is full", "free some space")


def test_why_a_job_ended_is_told_by_its_own_code():
    """As 'internal' it was told to be a defect, where checks of three machines had failed."""
    codes = [value for name, value in vars(failures).items() if name.isupper()]
    assert failures.CHILDREN_FAILED in codes
    assert [errors.from_wire(code, "x", "y").code for code in codes] == codes


def test_an_exception_that_is_not_ours_is_internal_and_named():
    assert Problem.of(KeyError("x")).code == "internal"
    assert "KeyError" in Problem.of(KeyError("x")).message


def test_the_data_path_and_the_domain_mean_the_same_class_by_the_same_name():
    for name in vars(errors).keys() & vars(datapath_errors).keys():
        if isinstance(getattr(errors, name), type):
            assert getattr(errors, name) is getattr(datapath_errors, name), name


def test_what_the_data_path_alone_knows_reaches_the_vault_as_internal_in_its_own_words():
    """The vault cannot know those classes: what is stored in jobs depends on no import."""
    back = Problem.of(datapath_errors.HeadTorn("half applied", do="wait")).raised()
    assert (type(back), back.message, back.do) == (errors.Internal, "half applied", "wait")


def test_every_code_has_one_class_and_the_page_draws_it():
    every = {each for each in _below(errors.SecondsiteError) if each.__module__.startswith("secondsite.")}
    own = [each for each in every if "code" in vars(each)]
    codes = [each.code for each in own]
    assert sorted(codes) == sorted(set(codes))
    page = reference.pages()["errors.md"]()
    assert [each for each in own if not re.search(rf"^\W*{each.__name__} +{each.code} ", page, re.M)] == []


def _below(kind):
    for module in pkgutil.walk_packages(secondsite.__path__, "secondsite."):
        if "store.migration.env" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = set(), [kind]
    while waiting:
        each = waiting.pop()
        found.add(each)
        waiting += each.__subclasses__()
    return found


def test_an_error_says_what_to_do_wherever_it_is_printed():
    assert str(errors.StoreFull("The store is full.", do="Add space.")) == "The store is full. (Add space.)"


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
