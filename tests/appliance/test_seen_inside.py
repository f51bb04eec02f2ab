"""What lets somebody connect to a machine travels with its status, and is no news at each look."""

from datetime import UTC, datetime, timedelta

import pytest

from rig.appliances import policy
from secondsite.appliance.shared import State
from secondsite.appliance.source import progress as progresses
from secondsite.appliance.source.machine import Source
from secondsite.domain.machines.connecting import Line, Sight, System
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.setups import SourceSetup
from secondsite.wire.control.statuses import SourceStatus

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def source(tmp_path):
    state = State(tmp_path / "state.db")
    setup = SourceSetup(
        machine_id="m1", machine_name="web01", fabric_id="f1", epoch=1, disks=("vda",),
        target_appliance_id="b", target_addresses=("127.0.0.1:1",), sync=SyncMode.COPY, policy=policy(),
    )  # fmt: skip
    yield Source(setup, progresses.fresh(setup), state)
    state.close()


def sight(minutes, **lines):
    at = NOW + timedelta(minutes=minutes)
    return Sight(System.LINUX, at, {Line(name.replace("_", "-")): so for name, so in lines.items()})


def told(source):
    inside = SourceStatus.model_validate_json(source.status().model_dump_json()).inside
    assert inside is not None
    return inside.sight()


def test_the_same_a_moment_later_is_no_news_and_after_a_while_it_is(source):
    source.saw_inside(sight(0, ssh_listens=True))
    source.saw_inside(sight(2, ssh_listens=True))
    assert told(source) == sight(0, ssh_listens=True)
    source.saw_inside(sight(11, ssh_listens=True))
    assert told(source) == sight(11, ssh_listens=True)


def test_what_is_another_is_told_at_once_and_nothing_where_nobody_looks(source):
    source.saw_inside(sight(0, ssh_listens=True))
    source.saw_inside(sight(1, ssh_listens=False, ssh_at_boot=True))
    assert told(source) == sight(1, ssh_listens=False, ssh_at_boot=True)
    source.saw_inside(None)
    assert source.status().inside is None
