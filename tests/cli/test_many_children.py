"""A job for many machines is told by numbers, and by the names of those where something is wrong."""

import httpx2
import pytest

from secondsite.cli import children, follow
from secondsite.cli.nouns.job import _show_tree
from secondsite.wire import rest
from tests.support.scripted_vault import events, job, scripted


def batch(state, **by_state):
    ids = tuple(f"c{number}" for number in range(rest.MOST_CHILDREN))
    tasks = [{"position": 0, "name": "Machines", "state": "running", "sentence": "on its way", "attempt": 1}]
    return job(state, subject_name="vm1, vm2", children=ids, children_by_state=by_state, tasks=tasks)


def page(*found):
    return httpx2.Response(200, content=rest.JobPage(items=found).model_dump_json())


def failed(number):
    why = {"code": "internal", "message": f"broken {number}", "do": "x"}
    return job("failed", id=f"c{number}", parent_id="j1", subject_name=f"vm{number}", problem=why)


def test_a_follower_sees_the_failed_ones_once_and_the_numbers_at_the_end(tmp_path, capsys):
    told = events(
        batch("running", waiting=900, running=100),
        batch("running", waiting=500, succeeded=499, failed=1),
        batch("running", waiting=400, succeeded=599, failed=1),
        batch("partially_succeeded", succeeded=998, failed=2),
    )
    vault, transport = scripted(tmp_path, told, page(failed(7)), page(failed(7), failed(8)))
    assert follow.follow(vault, vault.jobs["j1"], as_json=False).state == "partially_succeeded"
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "vm7" in line] == ["failed  vm7: broken 7"]
    assert [line for line in lines if "vm8" in line] == ["failed  vm8: broken 8"]
    assert lines[-1] == "all     998 succeeded, 2 failed of 1000"
    asked = [request.url.path for request in transport.asked]
    assert asked == ["/api/jobs/j1/events", "/api/jobs", "/api/jobs"]


def test_many_are_shown_by_numbers_with_the_command_for_each_of_them(tmp_path, capsys):
    vault, transport = scripted(tmp_path, page(failed(7)))
    _show_tree(vault, batch("running", waiting=400, succeeded=599, failed=1), indent="")
    said = capsys.readouterr().out
    assert (
        "400 waiting, 599 succeeded, 1 failed of 1000; each of them: secondsite job list --parent j1" in said
    )
    assert "  failed  vm7: broken 7" in said
    assert dict(transport.asked[0].url.params)["parent"] == "j1"


def test_few_are_not_many():
    assert not children.are_many(job("running", children=("c1",), children_by_state={"running": 1}))
    assert children.are_many(batch("running", running=21))
    assert not children.are_many(batch("running", running=20))


@pytest.mark.parametrize(
    ("state", "line"), [("held", "held    vm1: on its way"), ("cancelled", "cancelled vm1: on its way")]
)
def test_a_held_or_cancelled_one_is_named(state, line):
    assert children.line(job(state, subject_name="vm1")) == line
