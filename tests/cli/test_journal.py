"""A time instead of a point, as a person types it."""

import hashlib
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from rig.machines import SimulatedMachine
from secondsite.cli import times
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-19T23:59:58Z", datetime(2026, 11, 19, 23, 59, 58, tzinfo=UTC)),
        ("2026-11-20 08:15:30", datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)),
        ("2026-11-20T09:15:30.250+01:00", datetime(2026, 11, 20, 8, 15, 30, 250_000, tzinfo=UTC)),
        ("08:15:30", datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)),
        ("08:15:30.5Z", datetime(2026, 11, 20, 8, 15, 30, 500_000, tzinfo=UTC)),
        ("08:15", datetime(2026, 11, 20, 8, 15, tzinfo=UTC)),
        ("08:15:30+02:00", datetime(2026, 11, 20, 6, 15, 30, tzinfo=UTC)),
        ("07:15-05:00", datetime(2026, 11, 20, 12, 15, tzinfo=UTC)),
        ("00:15+13:00", datetime(2026, 11, 20, 11, 15, tzinfo=UTC)),  # today is where the clock is
    ],
)
def test_a_time_is_read_as_people_write_it(text, expected):
    assert times.instant(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "noon", "25:00:00", "12:30:01", "2026-11-20T12:31Z", "8:15", "2026-11-20", "20261120"]
)
def test_what_is_no_time_or_lies_in_the_future_is_refused(text):
    with pytest.raises(errors.InvalidArgument):
        times.instant(text, NOW)


def write(rig, site, fabric_id, data):
    with simulated.Guest(rig.home(f"appliance-{site}") / "fabric", fabric_id) as guest:
        guest.write("vda", 1 * MiB, data)
        guest.flush("vda")


def digest(rig, site, fabric_id):
    with simulated.Guest(rig.home(f"appliance-{site}") / "fabric", fabric_id) as guest:
        return hashlib.sha256(guest.read("vda", 0, 8 * MiB)).hexdigest()


@pytest.fixture
def machine(rig, cli):
    """A protected machine (with its fabric id) whose policy makes a cycle a second, and few points."""
    made = SimulatedMachine.make(
        f"journaled-{uuid.uuid4().hex[:6]}",
        rig.home("appliance-a"),
        disk_bytes=(8 * MiB,),
        network=rig.bridge("a"),
    )
    cli.must(
        f"policy create {made.name} --cycle 1 --crash-consistent-every 3600 --app-consistent-every 0 "
        "--journal 600"
    )
    cli.must(f"machine enable-protection {made.name} --source a --target b --policy {made.name} --json")
    return made


def until_processed(rig, name, since):
    with rig.client() as vault:
        eventually(
            lambda: [each for each in vault.machines[name].show().journal.stretches if each.ends_at > since],
            60,
        )


def test_a_machine_is_recovered_by_time(cli, rig, machine):
    name, begun = machine.name, datetime.now(UTC)
    write(rig, "a", machine.fabric_id, b"good" * 4096)
    good, at = digest(rig, "a", machine.fabric_id), datetime.now(UTC)
    until_processed(rig, name, at)
    good_at = datetime.now(UTC)
    write(rig, "a", machine.fabric_id, b"evil" * 4096)
    evil = digest(rig, "a", machine.fabric_id)
    until_processed(rig, name, datetime.now(UTC))
    assert "journal: any cycle from" in cli.must(f"point list {name}").out
    assert "cycles beside the points" in cli.must(f"machine show {name}").out

    previewed = cli.must(f"point preview {name} --at {good_at.isoformat()}").out
    assert ", rolled forward to " in previewed
    with rig.client() as vault:
        forward = vault.machines[name].preview(at=good_at).forward

    drill_id = str(uuid.uuid5(uuid.UUID(machine.fabric_id), "secondsite-drill"))
    said = cli.must(f"machine test-failover {name} --at {good_at.isoformat()} --yes").out
    found = re.search(rf"started {name}-test from (\S+Z, cycle \d+-\d+, [\d.]+ s after point \S+), in", said)
    assert found is not None, said
    began = found.group(1)
    assert forward is not None
    assert f"cycle {forward.epoch}-{forward.seq}," in began
    assert re.search(rf"Test failover .*: {re.escape(began)} \(\d+ cycles? of the journal\) was chosen", said)
    shown = cli.must(f"machine show {name}").out
    assert re.search(rf"test failover +running since .*Z, started from {re.escape(began)}", shown), shown
    assert digest(rig, "b", drill_id) == good
    said = cli.must(f"machine cleanup-test-failover {name} --notes 'all there' --yes").out
    assert f"which ran from {began}" in said
    assert f"the test failover of {name} from {began} lasted" in said
    assert f"Z from {began}: all there" in cli.must(f"machine show {name}").out

    target_id = str(uuid.uuid5(uuid.UUID(machine.fabric_id), "b"))
    cli.must(f"machine failover {name} --yes --while-running {name}")
    assert digest(rig, "b", target_id) == evil
    cli.must(f"machine change-recovery-point {name} --at '{good_at:%Y-%m-%d %H:%M:%S.%f}' --yes")
    assert digest(rig, "b", target_id) == good
    shown = cli.must(f"machine show {name} --json").json
    assert shown["failover"]["what"] == began
    assert re.search(rf"^started from +{re.escape(began)}$", cli.must(f"machine show {name}").out, re.M)
    # a cycle between the write and `at` had it already, and a machine that rests since has none after it
    assert begun < datetime.fromisoformat(shown["failover"]["rolled_forward_to"]) <= good_at
    committed = cli.must(f"machine commit {name} --yes").out
    assert f"runs at b from {began}" in committed
    assert re.search(r"fixed on point \S+ with the journal up to cycle \d+; removed", committed)
    with rig.client() as vault:
        eventually(lambda: not vault.machines[name].show().journal.bytes)
    assert digest(rig, "b", target_id) == good


def test_a_time_outside_the_journal_is_refused_with_what_is_possible(cli, rig, machine):
    began = datetime.now(UTC)
    until_processed(rig, machine.name, began)
    early = (began - timedelta(hours=2)).isoformat()
    refused = cli(f"machine test-failover {machine.name} --at {early} --yes")
    assert refused.exit != 0
    assert "possible is any cycle from" in refused.out + refused.err
    assert (
        "Give one of them"
        in cli(
            f"machine failover {machine.name} --at {early} --choice latest --yes --while-running "
            f"{machine.name}"
        ).err
    )
    assert (
        "Give one of them"
        in cli(
            f"machine failover {machine.name} --at {early} --point x --yes --while-running {machine.name}"
        ).err
    )
    assert "possible is any cycle from" in cli(f"point preview {machine.name} --at {early}").err
    assert "Give one of them" in cli(f"point preview {machine.name} --at {early} --point x").err
    assert cli.must(f"machine show {machine.name} --json").json["state"] == "protected"


def test_latest_after_a_failover_shows_the_point_that_it_starts_from(cli, rig, machine):
    """What was processed after the newest point becomes a point when the change asks for the latest."""
    name = machine.name
    write(rig, "a", machine.fabric_id, b"late" * 4096)
    until_processed(rig, name, datetime.now(UTC))
    cli.must(f"machine failover {name} --choice latest_processed --yes --while-running {name}")
    failed_over_at = cli.must(f"machine show {name} --json").json["failover"]["at"]
    shown = cli.must(f"point preview {name} --choice latest --json").json["point"]["id"]
    for asked in (f"point preview {name}", f"point choices {name} --verb change-recovery-point"):
        assert f"and all that {name} wrote at b since its failover" in " ".join(cli.must(asked).out.split())
    said = cli.must(f"machine change-recovery-point {name} --choice latest --yes").out
    assert f"started {name} from point {shown} in" in said
    assert shown == max(each["id"] for each in cli.must(f"point list {name} --json").json)
    again = cli.must(f"machine show {name} --json").json["failover"]
    assert (again["point_id"], again["at"]) == (shown, failed_over_at)
