"""Cycles between their arrival and the replica."""

from typing import Any

import pytest

from rig.noise import noise
from secondsite.appliance.target import HostedReplica
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import Kind, RunCycle

pytestmark = pytest.mark.slow


def test_a_cycle_that_is_applied_while_somebody_asks_for_the_newest_is_not_missed(pair, monkeypatch):
    """It was neither processed nor waiting then, the next one was out of order, and the source compared all blocks."""
    pair.protect().synchronized()
    appliance, look = pair.target.appliance, HostedReplica.waiting
    hosted = appliance.host.get(pair.machine_id)
    with hosted.lock("the test", 10):
        pair.source.write(pair.fabric_id, 0, noise(MiB))
        pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id, deadline_seconds=60)
        newest = hosted.received_seq()

        def apply_meanwhile(asked: HostedReplica) -> Any:
            monkeypatch.setattr(HostedReplica, "waiting", look)
            appliance.work.apply_all(asked, 10)
            return look(asked)

        monkeypatch.setattr(HostedReplica, "waiting", apply_meanwhile)
        assert hosted.received_seq() == newest
        assert hosted.replica.state.processed_seq == newest
