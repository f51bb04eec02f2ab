"""What a lowered retention and a released hold would delete stays for the target's deletion delay, whoever
orders it."""

import pytest

from rig.appliances import policy
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.target.delayed_deletions import FILE
from secondsite.ground.units import DAY, HOUR, KiB
from secondsite.wire.control.orders import Kind
from tests.appliance.support_deleted import hold, lower, points, release, trimmed

pytestmark = pytest.mark.slow


def written(pair, count=3):
    pair.protect().synchronized()
    pair.pause()
    for _ in range(count):
        pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
        pair.point_now()
    return points(pair)


def kept(pair):
    return [each.what for each in pair.status().findings if each.code == "history-kept"]


def test_a_lowered_retention_deletes_nothing_before_the_delay_is_over_and_that_is_told(pair, time):
    before = written(pair)
    lower(pair)
    assert trimmed(pair) == before
    (told,) = kept(pair)
    assert f"keeps {len(before) - 1} recovery points of web01" in told
    assert "14 days" in told
    time.passes(13 * DAY)
    pair.target.restart()
    assert trimmed(pair) == before
    time.passes(DAY)
    assert trimmed(pair) == before[-1:]
    assert kept(pair) == []


def test_a_raised_retention_counts_at_once(pair, time):
    before = written(pair)
    lower(pair)
    lower(pair, 2 * HOUR)
    assert trimmed(pair) == before
    assert kept(pair) == []
    time.passes(15 * DAY)
    assert trimmed(pair) == before


def test_a_released_hold_counts_until_the_delay_is_over(pair, time):
    before = written(pair)
    hold(pair, before[0])
    lower(pair)
    time.passes(15 * DAY)
    assert trimmed(pair) == [before[0], before[-1]]
    release(pair, before[0])
    pair.target.restart()
    assert trimmed(pair) == [before[0], before[-1]]
    time.passes(15 * DAY)
    assert trimmed(pair) == before[-1:]


def test_a_reboot_of_the_host_shortens_no_delay(pair, time):
    before = written(pair)
    lower(pair)
    time.passes(13 * DAY)
    assert trimmed(pair) == before
    pair.target.stop()
    time.begins_anew()
    time.passes(400 * DAY)
    pair.target.start()
    assert trimmed(pair) == before
    time.passes(DAY)
    assert trimmed(pair) == before[-1:]


def test_the_sites_least_retention_counts_against_every_policy(pair, time):
    pair.target.restart(deletion_delay_seconds=0, minimum_retention_seconds=HOUR)
    before = written(pair)
    lower(pair)
    assert trimmed(pair) == before
    assert "least retention" in kept(pair)[0]


def test_no_restored_database_takes_back_what_was_kept(pair, time):
    """As when the vault's policy and the appliance's own records are of another day."""
    before = written(pair)
    lower(pair)
    pair.target.stop()
    (pair.target.config.home / "appliance.db").rename(pair.target.config.home / "old")
    pair.target.start()
    pair.target.do(
        Kind.PREPARE_REPLICA, pair.replica_setup(policy=policy(retention_seconds=0)), pair.machine_id
    )
    assert trimmed(pair) == before


def test_an_unreadable_record_of_it_keeps_everything(pair, time):
    before = written(pair)
    hold(pair, before[0])
    lower(pair)
    release(pair, before[0])
    pair.target.stop()
    (pair.target.replica_folder(pair.machine_id) / FILE).write_bytes(b"{")
    pair.target.start()
    assert trimmed(pair) == before
    eventually(lambda: kept(pair), within_seconds=30)
