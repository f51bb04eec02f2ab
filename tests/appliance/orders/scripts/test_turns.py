"""Hooks of one machine never run at the same time, whichever jobs they belong to; those of others do."""

import threading
import uuid

import pytest

from rig.eventually import eventually
from secondsite.appliance.orders import context
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Kind
from tests.appliance.orders.scripts.support_scripts import payload, times, write

pytestmark = pytest.mark.slow


def hook(machine="m1", number=1, name="script", **numbers):
    body = payload(name).model_dump(mode="json")
    return Order(
        order_id=uuid.uuid4().hex, kind=Kind.RUN_SCRIPT, machine_id=machine, payload=body,
        deadline_seconds=80,
        **(numbers or {"generation": number}),
    )  # fmt: skip


class Begun:
    """An order that is carried out by a thread of its own."""

    def __init__(self, site, order):
        self.report = None
        self._thread = threading.Thread(target=self._run, args=(site, order), daemon=True)
        self._thread.start()

    def _run(self, site, order):
        self.report = site.appliance.desk.perform(order)

    def ended(self):
        self._thread.join(20)
        assert self.report is not None
        return self.report


@pytest.fixture
def slow(folder):
    """It runs until the file `end` is there."""
    write(
        folder,
        (
            f"echo slow >>{folder}/runs; until [ -e {folder}/end ]; do sleep 0.01; done; echo ended "
            f">>{folder}/runs"
        ),
        "slow",
    )
    write(folder, f"echo next >>{folder}/runs")


def lines(folder):
    return (folder / "runs").read_text().split()


def test_that_of_a_later_job_waits_for_the_one_that_runs(site, folder, slow):
    first = Begun(site, hook(number=1, name="slow"))
    eventually(lambda: times(folder) == 1)
    second = Begun(site, hook(number=2))
    assert Begun(site, hook(machine="m2")).ended().facts["exit_status"] == 0
    assert Begun(site, hook(drill_generation=1)).ended().facts["exit_status"] == 0
    assert second.report is None
    (folder / "end").touch()
    assert first.ended().facts["exit_status"] == second.ended().facts["exit_status"] == 0
    assert lines(folder) == ["slow", "next", "next", "ended", "next"]


def test_one_that_was_overtaken_while_it_waited_is_not_run(site, folder, slow):
    first = Begun(site, hook(number=1, name="slow"))
    eventually(lambda: times(folder) == 1)
    overtaken = Begun(site, hook(number=1))
    eventually(lambda: site.appliance.desk.generations.all())
    latest = Begun(site, hook(number=2))
    eventually(lambda: site.appliance.desk.generations.all()["m1"] == 2)
    (folder / "end").touch()
    assert first.ended().problem is None
    assert latest.ended().facts["exit_status"] == 0
    assert overtaken.ended().problem.code == "stale-order"
    assert lines(folder) == ["slow", "ended", "next"]


def test_one_that_would_have_to_wait_for_long_is_not_run_and_says_for_which(site, folder, slow, monkeypatch):
    monkeypatch.setattr(context, "WAITS_SECONDS", 0.1)
    first = Begun(site, hook(number=1, name="slow"))
    eventually(lambda: times(folder) == 1)
    problem = Begun(site, hook(number=2)).ended().problem
    assert "slow of the same machine, which began before, still runs" in problem.message
    (folder / "end").touch()
    first.ended()
    assert lines(folder) == ["slow", "ended"]
