"""The checks try it: a frozen view at the source, a start at the target. Nothing stays of either."""

import contextlib
import dataclasses
import threading

import pytest

from rig.eventually import eventually
from secondsite.appliance.orders.trying import views
from secondsite.appliance.source import cycle_guard
from secondsite.datapath.disks import NbdDisk
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import Obstacle, PowerState
from secondsite.ground.units import MiB
from secondsite.wire.control.cards import LocalCard
from secondsite.wire.control.checks import CheckSource, CheckTarget
from secondsite.wire.control.orders import Kind

pytestmark = pytest.mark.slow


def asked(pair, machine_id=None):
    payload = CheckSource(fabric_id=pair.fabric_id, view=True)
    return pair.source.do(Kind.CHECK_SOURCE, payload, machine_id)


def opened(pair, monkeypatch, change=lambda session: session):
    """The requests of the views that are opened at the source; `change` alters each session."""
    requests, tracking = [], pair.source.fabric.tracking
    real = tracking.open

    @contextlib.contextmanager
    def spied(request):
        requests.append(request)
        with real(request) as session:
            yield change(session)

    monkeypatch.setattr(tracking, "open", spied)
    return requests


@pytest.mark.parametrize("power", [PowerState.RUNNING, PowerState.OFF])
def test_a_machine_that_is_not_protected_is_viewed_and_left_as_it_was(pair, monkeypatch, power):
    if power is PowerState.OFF:
        pair.source.fabric.power.stop(pair.fabric_id)
    before = pair.source.fabric.inventory.get(pair.fabric_id)
    requests = opened(pair, monkeypatch)
    said = asked(pair)
    assert said["obstacles"] == []
    assert said["view"]["disks"] == len(before.definition.disks)
    assert said["view"]["why_not"] is None
    (request,) = requests
    assert request.trial
    assert request.scratch_dir == pair.source.appliance.config.scratch
    assert pair.source.fabric.inventory.get(pair.fabric_id) == before
    assert list(pair.source.appliance.config.scratch.iterdir()) == []


def test_a_check_that_is_not_asked_to_try_opens_no_view(pair, monkeypatch):
    requests = opened(pair, monkeypatch)
    said = pair.source.do(Kind.CHECK_SOURCE, CheckSource(fabric_id=pair.fabric_id))
    assert said["view"] is None
    assert requests == []


def test_what_the_fabric_says_against_a_view_is_in_the_way(pair):
    said_by_qemu = "Could not open the scratch file: Permission denied"
    simulated.dial(
        pair.source.fabric.root,
        [simulated.Fault(method="tracking.open", nth=1, code=errors.FabricError.code, message=said_by_qemu)],
    )
    said = asked(pair)
    (obstacle,) = said["obstacles"]
    assert obstacle["blocking"]
    assert said_by_qemu in obstacle["what"]
    assert said["view"] is None


def test_a_fresh_cycle_is_the_proof_and_a_stale_one_is_not(pair, monkeypatch):
    pair.protect().synchronized()
    requests = opened(pair, monkeypatch)
    assert "s ago proves it" in asked(pair, pair.machine_id)["view"]["why_not"]
    monkeypatch.setattr(views, "FRESH_SECONDS", 0.0)
    eventually(lambda: asked(pair, pair.machine_id)["view"]["why_not"] is None)
    assert sum(request.trial for request in requests) == 1


def test_a_machine_that_a_cycle_has_is_left_alone(pair, monkeypatch):
    pair.protect().synchronized()
    monkeypatch.setattr(views, "FRESH_SECONDS", 0.0)
    source = pair.source.appliance.replication.get(pair.machine_id)
    with source.lock("testing", 5):
        assert "has the machine now" in asked(pair, pair.machine_id)["view"]["why_not"]


def test_a_view_on_trial_gives_way_to_whoever_waits_for_the_machine(pair, monkeypatch):
    monkeypatch.setattr(cycle_guard, "ASK_SECONDS", 0.0)
    ended = threading.Event()

    read = NbdDisk.pread

    def slow(disk, length, offset):
        assert ended.wait(10)  # it does not answer before the view is given up
        return read(disk, length, offset)

    def awaited(session):
        def abandon():
            session.abandon()
            ended.set()

        return dataclasses.replace(session, wanted_seconds=lambda: 60.0, abandon=abandon)

    monkeypatch.setattr(NbdDisk, "pread", slow)
    opened(pair, monkeypatch, awaited)
    said = asked(pair)
    assert said["obstacles"] == []
    assert "another program waits" in said["view"]["why_not"]
    assert ended.is_set()


def test_a_start_on_trial_has_the_cards_and_the_disks_that_a_real_one_would_have(pair, monkeypatch):
    trials, hosting = [], pair.target.fabric.hosting
    real = hosting.try_start

    def spied(trial):
        trials.append(trial)
        return real(trial)

    monkeypatch.setattr(hosting, "try_start", spied)
    definition = pair.source.fabric.inventory.get(pair.fabric_id).definition
    cards = (LocalCard(key="net0", network="lan"), LocalCard(key="net1"))
    said = pair.target.do(Kind.CHECK_TARGET, CheckTarget(definition=definition, cards=cards))
    (trial,) = trials
    assert trial.networks == {"net0": "lan"}
    assert trial.folder == pair.target.appliance.host.stores.default.trial
    assert said["start_seconds"] is not None


def test_a_start_that_fails_is_in_the_way(pair, monkeypatch):
    refused = Obstacle("The machine cannot run here: Permission denied", "Change it.")
    monkeypatch.setattr(pair.target.fabric.hosting, "try_start", lambda trial: [refused])
    definition = pair.source.fabric.inventory.get(pair.fabric_id).definition
    said = pair.target.do(Kind.CHECK_TARGET, CheckTarget(definition=definition))
    assert refused.what in [each["what"] for each in said["obstacles"]]
    assert said["start_seconds"] is None


def test_empty_disks_that_a_dead_process_left_in_a_store_go_with_the_next_start(pair):
    left = pair.target.appliance.host.stores.default.trial / "vda.qcow2"
    left.parent.mkdir()
    left.write_bytes(bytes(1 * MiB))
    pair.target.restart()
    eventually(lambda: not left.parent.exists())
