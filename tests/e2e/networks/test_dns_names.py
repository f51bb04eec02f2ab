"""A real guest's name in a real zone follows it to the second site and back; a test failover leaves the
zone as it is."""

import json
import tempfile
from pathlib import Path

import pytest

import guestkit
from rig import Rig
from rig.name_server import NameServer
from tests.support import command_line, policies

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]
NAME, HOME, AWAY = "web01.shop.example", "10.7.9.1", "10.2.0.5"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with NameServer(tmp_path_factory.mktemp("dns"), f"web01 A {HOME}") as server:
        yield server


@pytest.fixture(scope="module")
def rig(server):
    made = Rig("libvirt", folder=Path(tempfile.mkdtemp(prefix="ss-")), forked=True)

    def furnish(site):
        settings = made.home(f"appliance-{site}") / "appliance.json"
        settings.write_text(json.dumps({**json.loads(settings.read_text()), "dns": dict(server.settings)}))
        if site == "a":
            workload = guestkit.Workload(records_per_second=4, address=f"{HOME}/24")
            made.make_guest("web01", workload=workload, kind=guestkit.Kind.AGENT)

    with made as rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        rig.guests["web01"].console.wait_for_boot(1, within_seconds=120)
        protect = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect)
        words = ("--address", f"{AWAY}/24", "--name", NAME)
        command_line.told(rig, "card", "set", "web01", "net0", *words)
        yield rig


def said(job):
    return next(task["sentence"] for task in job["tasks"] if task["name"] == "DNS names")


def test_a_test_failover_leaves_the_zone_as_it_is(rig, server):
    serial = server.serial()
    command_line.do(rig, "test-failover", "web01")
    command_line.do(rig, "cleanup-test-failover", "web01")
    assert (server.serial(), server.addresses(NAME)) == (serial, [HOME])


def test_a_cancelled_failover_brings_the_name_home(rig, server):
    assert said(command_line.do(rig, "planned-failover", "web01")) == f"{NAME} -> {AWAY}"
    assert server.addresses(NAME) == [AWAY]
    assert said(command_line.do(rig, "cancel-failover", "web01")) == f"{NAME} -> {HOME}"
    assert server.addresses(NAME) == [HOME]


def test_a_name_server_that_is_down_fails_no_failover_and_is_a_finding_until_it_is_tried_again(rig, server):
    server.stop()
    assert "try again with 'secondsite machine update-names web01'" in said(
        command_line.do(rig, "planned-failover", "web01", exit_code=9)
    )
    found = command_line.told(rig, "machine", "show", "web01")
    assert "names-elsewhere" in [each["code"] for each in found["findings"]]
    server.start()
    assert said(command_line.do(rig, "update-names", "web01")) == f"{NAME} -> {AWAY}"
    found = command_line.told(rig, "machine", "show", "web01")
    assert "names-elsewhere" not in [each["code"] for each in found["findings"]]
    assert server.addresses(NAME) == [AWAY]


def test_a_failback_brings_it_home(rig, server):
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    assert server.addresses(NAME) == [AWAY]
    assert said(command_line.do(rig, "planned-failover", "web01")) == f"{NAME} -> {HOME}"
    assert server.addresses(NAME) == [HOME]
