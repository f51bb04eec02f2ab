"""A new host is tried before any machine is protected: a tiny machine is started there."""

import pytest

from rig.eventually import eventually
from secondsite.appliance.orders.trying import own_machine
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import Obstacle
from secondsite.wire.control.orders import Kind, Nothing

pytestmark = pytest.mark.slow
REFUSED = Obstacle("The machine cannot run here: no emulator", "Install one.")


def known(site):
    return site.appliance.state.fact(own_machine.FACT)


def trials_of(site, monkeypatch, found):
    made, hosting = [], site.fabric.hosting

    def try_start(trial, meanwhile=None):
        made.append(trial)
        return found

    monkeypatch.setattr(hosting, "try_start", try_start)
    return made


def test_a_host_is_tried_after_the_first_start_and_once_if_that_went_well(make_site):
    site = make_site("a").start()
    eventually(lambda: known(site))
    assert site.appliance.host_trial.notes == ()
    first = known(site)
    site.restart()
    site.appliance.host_trial.look()
    assert known(site) == first


def test_what_a_host_says_against_it_stands_in_the_notes_until_it_is_mended(make_site, monkeypatch):
    site = make_site("a").start()
    eventually(lambda: known(site))
    with monkeypatch.context() as patch:
        made = trials_of(site, patch, [REFUSED])
        report = site.do(Kind.CHECK_HOST, Nothing())
        (trial,) = made
        assert trial.folder == site.appliance.host.stores.default.trial
        assert "no emulator" in report["obstacles"][0]["what"]
        (note,) = site.appliance.host_trial.notes
        assert note.endswith("no emulator Install one.")
    site.appliance.host_trial.look()
    assert site.appliance.host_trial.notes == ()


def test_a_fabric_that_does_not_answer_is_a_problem_of_the_host_and_no_error(make_site):
    site = make_site("a").start()
    eventually(lambda: known(site))
    fault = simulated.Fault(method="hosting.try_start", code=errors.FabricError.code, message="gone")
    simulated.dial(site.fabric.root, [fault])
    said = site.do(Kind.CHECK_HOST, Nothing())
    assert "gone" in said["obstacles"][0]["what"]
    assert said["start_seconds"] is None


def test_a_host_that_lets_a_machine_start_whose_start_is_forbidden_is_warned_of_it(make_site, monkeypatch):
    site = make_site("a").start()
    eventually(lambda: known(site))
    with monkeypatch.context() as patch:
        trials_of(site, patch, [])
        report = site.do(Kind.CHECK_HOST, Nothing())
        (warning,) = report["obstacles"]
        assert not warning["blocking"]
        assert report["start_seconds"] is not None
        site.appliance.host_trial.look()
        (note,) = site.appliance.host_trial.notes
        assert note.startswith("Nothing here keeps a machine")
        assert "deploy/install appliance" in note
    site.appliance.host_trial.look()
    assert site.appliance.host_trial.notes == (note,)
    site.restart()
    site.appliance.host_trial.look()
    assert site.appliance.host_trial.notes == ()
