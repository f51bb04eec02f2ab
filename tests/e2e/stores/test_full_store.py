"""The worst hour comes to a store that is full: the one command of the guide starts its machines, and says
what they lack."""

import contextlib
import json
import os

import pytest

from rig.eventually import eventually
from secondsite.ground.units import KiB, MiB
from tests.e2e.support_simulated_sites import PROTECT, copies, simulated_sites, store
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
MARK = b"written last"


@pytest.fixture(scope="module")
def rig():
    """Cycles come every moment, points every hour."""
    with simulated_sites() as rig:
        if not store(rig).is_mount():
            pytest.skip("no right to mount a small file system")
        with rig.client() as vault:
            rare = policies.quick(name="rare", crash_consistent_every_seconds=3600)
            vault.policies.create(**rare.model_dump())
        rig.simulated["web01"].write(0, os.urandom(4 * MiB))
        command_line.do(rig, *PROTECT[:-1], "rare")
        eventually(lambda: rig.points("web01"), 60)
        yield rig


def fill(rig):
    with (store(rig) / "foreign").open("ab") as file, contextlib.suppress(OSError):
        while True:
            os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, 4 * KiB)


def tasks(job):
    return {each["name"]: each for each in job["tasks"]}


def unsealed(rig):
    (record,) = (store(rig) / "replicas").glob("*/replica.json")
    return json.loads(record.read_text())["unsealed"]


def test_a_planned_move_into_a_full_store_is_refused_before_anything_is_shut_down(rig):
    rig.simulated["web01"].write(MiB, MARK)
    eventually(lambda: (store(rig) / "start.reserve").exists(), 60)
    eventually(lambda: unsealed(rig), 60)
    fill(rig)
    job = command_line.do(rig, "planned-failover", "web01", exit_code=1)
    assert "full but for what it keeps for starts" in job["sentence"]
    assert copies(rig) == ["a"]


def test_a_failover_starts_from_the_newest_point_of_a_full_store_and_says_what_that_lacks(rig):
    job = command_line.do(rig, "failover", "web01", "--shut-down")
    assert copies(rig) == ["b"]
    said = tasks(job)
    assert "full but for what it keeps for starts" in said["Prerequisites check"]["sentence"]
    assert "could not be shut down" not in said["Shut down"]["sentence"]
    assert said["Failover"]["facts"]["loses_seconds"] > 0
    for sentence in (said["Failover"]["sentence"], job["sentence"]):
        assert "it is not the latest" in sentence
        assert "what was processed until " in sentence
        assert "'secondsite machine change-recovery-point web01 --choice latest'" in sentence


def test_what_was_left_is_there_once_there_is_room(rig):
    (store(rig) / "foreign").unlink()
    before = {each.id for each in rig.points("web01")}
    job = command_line.do(rig, "change-recovery-point", "web01", "--choice", "latest")
    assert tasks(job)["Start"]["state"] == "succeeded"
    assert copies(rig) == ["b"]
    assert {each.id for each in rig.points("web01")} - before
