"""What a dead process left open costs the guest more with every write: it ends before anything is dialled."""

import uuid

import pytest

from rig.appliances.pair import policy
from secondsite.appliance.process import Appliance
from secondsite.appliance.source import CycleRequest
from secondsite.datapath import errors
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.setups import SourceSetup


def test_a_view_that_was_left_open_ends_although_the_target_is_away(make_site, monkeypatch):
    site, machine_id = make_site("a"), uuid.uuid4().hex
    fabric_id, appliance = site.make_machine(), Appliance(site.config, site.fabric)
    appliance.replication.add(SourceSetup(
        machine_id=machine_id, machine_name="web01", fabric_id=fabric_id, epoch=1, disks=("vda",),
        target_appliance_id="appliance-b", target_addresses=(), policy=policy(), sync=SyncMode.COPY
    ))  # fmt: skip
    tracking, ended = site.fabric.tracking, []
    end = tracking.end_left_over

    def noted(found):
        ended.append(found)
        end(found)

    monkeypatch.setattr(tracking, "end_left_over", noted)
    with pytest.raises(errors.PeerUnreachable):
        appliance.replication.cycles.run(appliance.replication.get(machine_id), CycleRequest(point=True))
    assert ended == [fabric_id]
    appliance.desk.stop()
    appliance.state.close()
