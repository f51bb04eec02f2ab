"""What is checked of a machine after its start: each check until it passes, or its own deadline is over."""

import time

import pytest

from rig.appliances import Pair
from rig.appliances.runs import start
from secondsite.appliance.orders.proof import checking
from secondsite.fabrics import simulated
from secondsite.fabrics.seeing import FileSystem
from secondsite.wire.common.machine_checks import LONGEST_SAID, MachineCheck
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.proofs import Prove

pytestmark = pytest.mark.slow
SERVING = {80: "200 the shop is open", 8080: "503 out of order"}


def drilled(sites, **traits):
    """A drill's machine that runs at the target, and its pair."""
    a, b = sites
    pair = Pair(a, b, a.make_machine(**{"shows": "booting\nlogin: ", "serves": SERVING, **traits}))
    pair.protect().synchronized()
    return pair, start(pair, "drill", pair.point_now())["fabric_id"]


def proved(pair, fabric_id, *checks, wait_seconds=0.0):
    made = tuple(MachineCheck(**{"deadline_seconds": 0.5, **check}) for check in checks)
    payload = Prove(fabric_id=fabric_id, name="web01", wait_seconds=wait_seconds, checks=made)
    report = pair.target.order(Kind.PROVE, payload, pair.machine_id)
    assert report.problem is None, report.problem
    evidence = report.facts["evidence"]
    assert [each["name"] for each in evidence["checks"]] == [check["name"] for check in checks]
    return report.sentence, evidence


def test_checks_of_every_kind_that_pass_prove_the_start_without_a_wait(sites):
    pair, fabric_id = drilled(sites)
    began = time.monotonic()
    sentence, evidence = proved(
        pair,
        fabric_id,
        {"name": "port", "kind": "tcp", "port": 80, "deadline_seconds": 600},
        {"name": "page", "kind": "http", "path": "/shop", "text": "open", "deadline_seconds": 600},
        {"name": "down", "kind": "http", "port": 8080, "status": 503, "deadline_seconds": 600},
        {"name": "prompt", "kind": "console", "text": "login:", "deadline_seconds": 600},
        {"name": "agent", "kind": "agent", "deadline_seconds": 600},
        {"name": "disks", "kind": "file_systems", "deadline_seconds": 600},
    )
    assert time.monotonic() - began < 60
    assert sentence.startswith("web01 started: all 6 of its checks passed; its guest agent answered")
    assert (evidence["proven"], {each["passed"] for each in evidence["checks"]}) == (True, {True})


def test_checks_that_fail_say_what_was_seen_and_cost_their_deadlines_side_by_side(sites):
    pair, fabric_id = drilled(sites, guest_agent=False)
    began = time.monotonic()
    sentence, evidence = proved(
        pair,
        fabric_id,
        {"name": "ssh", "kind": "tcp", "port": 22},
        {"name": "page", "kind": "http", "text": "moon"},
        {"name": "shop", "kind": "http", "port": 8080},
        {"name": "prompt", "kind": "console", "text": "password:"},
        {"name": "agent", "kind": "agent"},
        {"name": "disks", "kind": "file_systems"},
        {"name": "fine", "kind": "tcp", "port": 80},
    )
    assert time.monotonic() - began < 30
    assert not evidence["proven"]
    assert (
        "has power, and it is not proven that it can be used: 6 of 7 checks failed (ssh: Connection refused; "
        in sentence
    )
    assert [each["said"] for each in evidence["checks"]] == [
        "Connection refused",
        "status 200, but its page does not say 'moon'",
        "status 503, not 200: out of order",
        "its console did not say 'password:'",
        "its guest agent did not answer",
        "its guest agent, which would tell, did not answer",
        "the port is open",
    ]


def test_a_failed_check_outweighs_an_agent_that_answers(sites):
    pair, fabric_id = drilled(sites)
    sentence, evidence = proved(pair, fabric_id, {"name": "ssh", "kind": "tcp", "port": 22})
    assert (evidence["agent"], evidence["proven"]) == ("answered", False)
    assert "1 of 1 checks failed (ssh: Connection refused)" in sentence


def test_without_an_address_a_service_cannot_be_asked_and_the_check_says_so(sites):
    pair, fabric_id = drilled(sites, serves={})
    _, evidence = proved(pair, fabric_id, {"name": "ssh", "kind": "tcp", "port": 22})
    assert evidence["checks"][0]["said"] == checking.UNKNOWN_ADDRESS


def test_a_machine_that_is_off_fails_its_checks_at_once(sites):
    pair, fabric_id = drilled(sites)
    pair.target.fabric.power.stop(fabric_id)
    began = time.monotonic()
    sentence, evidence = proved(pair, fabric_id, {"name": "page", "kind": "http", "deadline_seconds": 600})
    assert time.monotonic() - began < 60
    assert evidence["checks"][0]["said"] == "the machine is off"
    assert "is off after its start" in sentence


def test_a_network_that_cannot_be_entered_fails_the_check_and_nothing_else(sites):
    pair, fabric_id = drilled(sites)
    simulated.dial(pair.target.root, [simulated.Fault(method="reaching.visit", code="fabric-error")])
    _, evidence = proved(
        pair, fabric_id, {"name": "page", "kind": "http"}, {"name": "agent", "kind": "agent"}
    )
    assert [each["passed"] for each in evidence["checks"]] == [False, True]


def test_what_a_guest_says_is_told_without_what_steers_a_terminal_and_shortened(sites):
    pair, fabric_id = drilled(sites, serves={80: "500 \x1b[2J\x1b[31mpanic\n\n" + "x" * 5000})
    _, evidence = proved(pair, fabric_id, {"name": "page", "kind": "http"})
    said = evidence["checks"][0]["said"]
    assert said.startswith("status 500, not 200: panic xxx")
    assert len(said) == LONGEST_SAID


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1/4"])
def test_nothing_is_asked_where_no_machine_can_be(sites, address):
    """Whoever sets a check read what services of the appliance's host, or its cloud, tell that host alone."""
    pair, fabric_id = drilled(sites)
    _, evidence = proved(pair, fabric_id, {"name": "page", "kind": "http", "status": 599, "address": address})
    assert evidence["checks"][0]["said"] == f"{address} {checking.NO_MACHINE}"


def test_errors_that_the_guest_s_kernel_counts_in_a_file_system_leave_the_start_unproven(sites):
    pair, fabric_id = drilled(sites, mounts={"/": 0, "/srv": 3})
    sentence, evidence = proved(pair, fabric_id, {"name": "disks", "kind": "file_systems"})
    assert not evidence["proven"]
    assert "1 of 1 checks failed (disks: the kernel counts 3 errors in /srv (ext4))" in sentence


@pytest.mark.parametrize(
    ("found", "passed", "said"),
    [
        ([], False, "its guest has mounted no file system from a disk"),
        ([FileSystem("/cd", "iso9660", read_only=True)], False, "no file system from a disk"),
        ([FileSystem("/", "xfs"), FileSystem("/cd", "iso9660", read_only=True)], True, "an error: / (xfs)"),
        ([FileSystem("/", "btrfs", read_only=True)], False, "/ (btrfs) is mounted read-only, which"),
        ([FileSystem("/usr", "ext4", True, True, 0)], True, "mounted without an error: /usr (ext4)"),
        ([FileSystem("/usr", "ext4", True, True, 1)], False, "the kernel counts 1 error in /usr (ext4)"),
        ([FileSystem(f"/{n}", "ext4") for n in range(6)], True, "/3 (ext4) and 2 more"),
    ],
)
def test_file_systems_are_whole_if_they_are_mounted_as_wanted_and_no_error_is_counted(found, passed, said):
    heard = checking.judged(found)
    assert (heard.passed, said in heard.said) == (passed, True), heard
