"""The site's limit, measured on the wire."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from rig.appliances import Pair
from rig.eventually import eventually
from rig.noise import noise
from rig.relay import Relay
from secondsite.appliance.shared.bandwidth import Bandwidth
from secondsite.appliance.shared.state import State
from secondsite.datapath.channel.token_bucket import TokenBucket
from secondsite.ground.units import MiB
from secondsite.wire.common.bandwidth import BandwidthShape, WindowShape
from secondsite.wire.control.orders import Kind, SetSite

pytestmark = pytest.mark.slow

RATE = 3 * MiB
MEASURED_SECONDS = 5.5


@pytest.fixture
def relay(make_site):
    """Two sites whose cycles pass a relay; gives (a, b, relay)."""
    a, b = make_site("a", cycles_at_once=3).start(), make_site("b").start()
    relay = Relay(b.port)
    yield a, b, relay
    relay.close()


def limited(rate, **more):
    return SetSite(bandwidth=BandwidthShape(bytes_per_second=rate, **more))


def test_two_machines_share_a_limit_that_the_wire_keeps(relay):
    a, b, between = relay
    a.do(Kind.SET_SITE, limited(RATE))
    for name in ("web01", "web02"):
        machine = a.make_machine(name, size_bytes=16 * MiB)
        a.write(machine, 0, noise(14 * MiB))
        Pair(a, b, machine, name=name).protect(target_addresses=(f"127.0.0.1:{between.port}",))
    begin = (
        eventually(
            lambda: len({c for _, c, n in list(between.passed) if n > 10_000}) == 2 and time.monotonic()
        )
        + 0.5
    )
    eventually(lambda: time.monotonic() > begin + MEASURED_SECONDS, MEASURED_SECONDS + 2)
    measured = between.rate(begin, begin + MEASURED_SECONDS)
    print(f"measured {measured / RATE:.3f} of the limit")
    assert 0.85 < measured / RATE < 1.15
    shares = sorted(between.shares(begin, begin + MEASURED_SECONDS).values())[-2:]
    assert shares[0] > 0.3 * sum(shares)


def test_a_limit_outlives_a_restart_without_the_vault(relay):
    a, _b, _between = relay
    first = a.order(Kind.SET_SITE, limited(RATE))
    again = a.order(Kind.SET_SITE, limited(RATE))
    assert ("from now on" in first.sentence, "already" in again.sentence) == (True, True)
    a.stop()
    a.start()
    assert a.appliance.bandwidth.rate == RATE
    assert a.appliance.peers.limiter.rate == RATE
    a.do(Kind.SET_SITE, limited(None))
    assert a.appliance.peers.limiter.rate is None


def test_a_limit_that_is_none_is_refused_and_changes_nothing(relay):
    a, _b, _between = relay
    a.do(Kind.SET_SITE, limited(RATE))
    assert a.order(Kind.SET_SITE, limited(5)).problem.code == "invalid-argument"
    assert a.appliance.bandwidth.rate == RATE


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "appliance.db")
    yield state
    state.close()


def test_windows_open_and_close_and_the_appliances_own_limit_holds_too(state):
    clock = [datetime(2026, 11, 20, 7, 59, tzinfo=UTC)]
    limiter = TokenBucket()
    bandwidth = Bandwidth(state, limiter, 8 * MiB, lambda: clock[0])
    assert limiter.rate == 8 * MiB
    window = WindowShape(days=("fri",), begins="08:00", ends="18:00", bytes_per_second=MiB)
    bandwidth.set(BandwidthShape(bytes_per_second=100 * MiB, windows=(window,)))
    assert limiter.rate == 8 * MiB
    clock[0] += timedelta(minutes=1)
    bandwidth.look()
    assert limiter.rate == MiB
    clock[0] += timedelta(hours=10)
    bandwidth.look()
    assert limiter.rate == 8 * MiB


def test_the_rate_follows_the_clock_by_itself(state, monkeypatch):
    from secondsite.appliance.shared import bandwidth as module

    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    clock = [datetime(2026, 11, 20, 17, 59, tzinfo=UTC)]
    bandwidth = Bandwidth(state, TokenBucket(), None, lambda: clock[0])
    window = WindowShape(days=("fri",), begins="08:00", ends="18:00", bytes_per_second=MiB)
    bandwidth.set(BandwidthShape(windows=(window,)))
    bandwidth.start()
    assert bandwidth.rate == MiB
    clock[0] += timedelta(minutes=1)
    eventually(lambda: bandwidth.rate is None)
    bandwidth.stop(5)


def test_a_schedule_that_cannot_be_read_any_more_limits_nothing(state):
    state.put_fact("site/bandwidth", '{"bytes_per_second": 3}')
    assert Bandwidth(state, TokenBucket(), None).rate is None
