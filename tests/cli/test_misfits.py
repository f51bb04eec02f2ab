"""What does not fit is told in words, and files that are something else by what they are."""

from datetime import UTC, datetime

import pydantic
import pytest

from secondsite.cli import output, prompts
from secondsite.cli.nouns.evidence import commands
from secondsite.client import validation_messages
from secondsite.domain import errors
from secondsite.wire import rest
from secondsite.wire.common.hooks import MachineHook


def misfit(shape, **values):
    with pytest.raises(pydantic.ValidationError) as refused:
        shape(**values)
    return validation_messages.first(refused.value)


def test_a_place_in_a_list_is_counted_from_one():
    told = misfit(rest.PlanChange, groups=[{"machines": ["db01"]}, {"machine": ["web01"]}])
    assert told == "groups, number 2: machines: it is needed, and not there"


def test_a_name_that_cannot_be_one_is_told_without_a_pattern():
    told = misfit(MachineHook, name="give", script="/etc/x", moment="after_start")
    assert told == f"script: {validation_messages.NAME}"


@pytest.mark.parametrize("content", ["<!DOCTYPE html>", "{}", ""])
def test_a_file_that_is_no_evidence_is_told_in_one_line(tmp_path, content):
    file = tmp_path / "drill.html"
    file.write_text(content)
    with pytest.raises(errors.InvalidArgument) as refused:
        commands.verdict(file, None)
    assert "\n" not in refused.value.message
    assert "pydantic" not in refused.value.message
    assert "evidence export" in refused.value.do


def test_advice_for_one_machine_has_its_name_where_any_machines_stands():
    advice = "Type 'secondsite point list MACHINE'."
    assert output.about("web01", advice) == "Type 'secondsite point list web01'."
    assert output.about("web 01", advice) == "Type 'secondsite point list 'web 01''."


@pytest.mark.parametrize(
    ("subject", "name", "said"),
    [("4f1c", "web01", "web01"), ("plan/shop", "plan shop", "MACHINE"), (None, "web01, db01", "MACHINE")],
)
def test_only_advice_of_a_job_with_one_machine_has_a_name(subject, name, said):
    values = {"id": "1", "verb": "failover", "state": "failed", "sentence": "", "requested_by": "anna"}
    job = rest.Job(**values, created_at=datetime.now(UTC), subject=subject, subject_name=name)
    assert prompts.of_its_machine(job, "MACHINE") == said
