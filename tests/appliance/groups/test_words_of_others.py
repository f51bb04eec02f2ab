"""What another appliance says of a common point, or does not say, hurts no machine here, and makes no set
that is true in part."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.appliances import identity
from secondsite.appliance.groups import permitted_leaders
from secondsite.appliance.groups.barrier import Barrier
from secondsite.appliance.groups.common_point import PAUSE_BUDGET_SECONDS
from secondsite.appliance.groups.leader import LeaderSide
from secondsite.appliance.groups.link import Link
from secondsite.datapath.channel import handshake, messages
from secondsite.datapath.channel.listener import Listener
from secondsite.datapath.channel.tls import TlsFiles
from secondsite.domain import errors
from secondsite.wire.control.setups import GroupShape

GROUP = GroupShape(name="shop", multi_vm_every_seconds=60, members=("m1", "m2"))


def wish(budget):
    return permitted_leaders._wish({"budget": budget}, GROUP)  # noqa: SLF001 as it is read from a message


def test_a_leader_pauses_machines_no_longer_than_ours_may_stand_still():
    for asked in (PAUSE_BUDGET_SECONDS + 0.1, 3600, 1e300, float("inf")):
        assert wish(asked) == (False, PAUSE_BUDGET_SECONDS)
    assert wish(0.5) == (False, 0.5)


@pytest.mark.parametrize("asked", [0, -1, True, None, "2", float("nan")])
def test_what_is_no_time_is_no_pause(asked):
    with pytest.raises(errors.InvalidArgument):
        wish(asked)


def test_who_waits_for_others_at_the_barrier_has_a_deadline():
    began = time.monotonic()
    with pytest.raises(errors.DeadlineExceeded), Barrier(["m1", "m2"]).instant("m1", 0.05):
        pytest.fail("it is open")
    assert time.monotonic() - began < 5


@pytest.fixture
def follower(tmp_path, ca):
    """Says these words, and has heard those that are in `heard`."""
    made: list[Any] = []

    def speaking(*words):
        configs = [identity.settings(tmp_path / name, name) for name in ("a", "b")]
        for config in configs:
            identity.issue(ca, config)
        a, b = (TlsFiles(each.certificate, each.key, each.ca) for each in configs)
        heard: list[str] = []

        def talk(connection):
            for word in words:
                connection.send_message(word)
            while True:
                heard.append(messages.decode(connection.receive()).name)

        listener = Listener("127.0.0.1", 0, b, talk).start()
        connection = handshake.dial("127.0.0.1", listener.port, a)
        made.extend((connection.close, listener.stop))
        return Link(connection, "b"), heard

    yield speaking
    for each in made:
        each()


def leading(link):
    side = LeaderSide(GROUP, cast(Any, SimpleNamespace()), False, 2.0)
    side._links.append(link)  # noqa: SLF001 as it dials
    return side


def test_nobody_fixes_a_view_before_all_have_said_that_their_machines_stand_still(follower):
    link, heard = follower()
    with pytest.raises(errors.NotPossibleNow):
        leading(link).paused(datetime.now(UTC), 0.1)
    assert "FIX" not in heard


def test_the_instant_is_one_at_which_all_of_them_did(follower):
    link, _heard = follower("PAUSED")
    before = datetime.now(UTC)
    assert leading(link).paused(before, 5.0) >= before
