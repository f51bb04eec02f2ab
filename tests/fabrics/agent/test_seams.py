"""What may end half way between a machine, its agent and its appliance: nothing is lost by that, and no
machine stands still for nobody."""

import pytest

from secondsite.datapath.disks import NbdDisk
from secondsite.datapath.errors import DiskUnreadable
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain import errors
from secondsite.fabrics.agent import collecting, last_views
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState
from secondsite.ground.units import MiB

from . import support_link
from .support_site import AgentSite

pytestmark = [*support_link.needs_agent, pytest.mark.every(by="test")]


@pytest.fixture
def site(folder, monkeypatch):
    monkeypatch.setattr(last_views, "TURN_SECONDS", 1.0)
    site = AgentSite(folder)
    yield site
    site.close()


@pytest.fixture
def machine(site):
    return steps.protected(site, "seams")


def standing(site, machine):
    return site.agents.ask(machine, "status", 15.0).get("standing", {}).get("name")


def unreadable(monkeypatch, is_it):
    """Reading these views fails, as by a link that is cut."""
    real = NbdDisk

    def opened(socket, export, *, bitmaps, **more):
        if is_it(bitmaps[0]):
            raise DiskUnreadable("The link was cut", do="dial again")
        return real(socket, export, bitmaps=bitmaps, **more)

    monkeypatch.setattr(collecting, "NbdDisk", opened)


def test_a_link_that_is_cut_while_changes_are_read_costs_no_change(site, machine, monkeypatch):
    base = steps.checkpoint(site, machine)
    for failing in (lambda name: ".0." in name, lambda name: "." not in name):
        steps.write(site, machine, 3 * BLOCK_BYTES, 0x03)
        with monkeypatch.context() as patch, steps.refused(errors.FabricError):
            unreadable(patch, failing)
            with steps.view(site, machine, base):
                pass
    steps.write(site, machine, 5 * BLOCK_BYTES, 0x05)
    with steps.view(site, machine, base) as session:
        assert steps.dirty_blocks(session.disks[0]) == {3, 5}


def test_an_agent_that_dies_while_its_disks_are_read_gives_all_of_them_next(site, machine, monkeypatch):
    base = steps.checkpoint(site, machine)
    steps.write(site, machine, 3 * BLOCK_BYTES, 0x03)

    def killed(name):
        site.kill(machine)
        return False

    with monkeypatch.context() as patch, steps.refused(errors.FabricError):
        unreadable(patch, killed)
        with steps.view(site, machine, base):
            pass
    site.switch_on(machine)
    with steps.view(site, machine, base) as session:
        assert (session.is_instant, session.disks[0].bitmaps) == (False, ())
        assert steps.byte_at(session.disks[0], 3 * BLOCK_BYTES) == 0x03


def test_a_machine_whose_last_view_cannot_be_read_works_on(site, machine, monkeypatch):
    steps.checkpoint(site, machine)
    with monkeypatch.context() as patch, steps.refused(errors.FabricError):
        unreadable(patch, lambda name: "." not in name)
        site.fabric.power.shut_down(machine, 5)
    assert standing(site, machine) is None
    assert site.fabric.power.state(machine) is PowerState.RUNNING


def test_a_machine_is_given_back_that_a_dead_process_left_standing_before_its_last_view_was_there(
    site, machine, monkeypatch
):
    steps.checkpoint(site, machine)

    def died(name):
        if "." not in name:
            raise SystemExit
        return False

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(last_views.LastViews, "give_back", lambda *_: None)
        unreadable(patch, died)
        site.fabric.power.shut_down(machine, 5)
    site.reopen()
    assert standing(site, machine)
    assert site.fabric.power.state(machine) is PowerState.OFF
    site.fabric.power.start(machine)
    assert standing(site, machine) is None
    assert site.fabric.power.state(machine) is PowerState.RUNNING


def test_the_last_view_is_whole_in_another_process_and_then_nothing_is_left(site, machine):
    base = steps.checkpoint(site, machine)
    steps.write(site, machine, 3 * BLOCK_BYTES, 0x03)
    assert site.fabric.power.shut_down(machine, 5)
    site.reopen()
    assert site.fabric.power.state(machine) is PowerState.OFF
    assert site.fabric.power.shut_down(machine, 5), "it may be asked for again"
    site.reopen()
    with steps.view(site, machine, base) as session:
        assert session.at_rest
        assert steps.dirty_blocks(session.disks[0]) == {3}
        assert session.holds()
    site.fabric.tracking.acknowledge(machine, session.checkpoint)
    name = standing(site, machine)
    for _ in range(2):
        with steps.view(site, machine, session.checkpoint) as following:
            assert (following.at_rest, following.checkpoint) == (True, session.checkpoint)
            assert steps.dirty_blocks(following.disks[0]) == set()
            assert following.holds()
        assert standing(site, machine) == name, "it stood still all the time"
        site.reopen()


def test_a_lost_acknowledgement_does_not_keep_a_machine_from_its_last_view(site, machine):
    base = steps.checkpoint(site, machine)
    steps.write(site, machine, 3 * BLOCK_BYTES, 0x03)
    with steps.view(site, machine, base) as arrived:
        pass
    steps.write(site, machine, 5 * BLOCK_BYTES, 0x05)
    assert site.fabric.power.shut_down(machine, 5)
    with steps.view(site, machine, arrived.checkpoint) as session:
        assert session.at_rest
        assert steps.dirty_blocks(session.disks[0]) >= {5}
    site.fabric.tracking.acknowledge(machine, session.checkpoint)


def test_a_machine_whose_agent_is_started_anew_stands_still_no_more_and_its_last_view_does_not_hold(
    site, machine
):
    base = steps.checkpoint(site, machine)
    assert site.fabric.power.shut_down(machine, 5)
    with steps.view(site, machine, base) as session:
        assert session.holds()
        site.kill(machine)
        assert not session.holds()
        site.switch_on(machine)
        assert not session.holds()
    assert site.fabric.power.state(machine) is PowerState.RUNNING
    with steps.view(site, machine, base) as session:
        assert not session.at_rest
        assert session.disks[0].bitmaps == ()


def test_more_than_may_be_kept_here_goes_to_the_target_as_it_is_read(site, machine, monkeypatch):
    base = steps.checkpoint(site, machine)
    monkeypatch.setattr(collecting, "MOST_BYTES", 1 * MiB)
    steps.write(site, machine, 0, 0x01, 2 * MiB)
    with steps.view(site, machine, base) as session:
        assert not session.is_instant
        assert steps.dirty_blocks(session.disks[0]) == set(range(32))
    site.fabric.tracking.acknowledge(machine, session.checkpoint)
    steps.write(site, machine, 3 * MiB, 0x02)
    with steps.view(site, machine, session.checkpoint) as session:
        assert session.is_instant
        assert steps.dirty_blocks(session.disks[0]) == {48}


def test_trials_between_a_cycle_and_its_acknowledgement_cost_no_comparison(site, machine, monkeypatch):
    base = steps.checkpoint(site, machine)
    with steps.view(site, machine, base) as arrived:
        pass
    monkeypatch.setattr(steps, "new_checkpoint", lambda: "secondsite-trial")
    for _ in range(2):
        with steps.view(site, machine, None, trial=True):
            pass
    monkeypatch.undo()
    with steps.view(site, machine, arrived.checkpoint) as session:
        assert session.disks[0].bitmaps
