"""A plan of two real guests and a machine with an agent is drilled with somebody inside, failed over,
committed, and brought home by data synchronization within the failover; its guests to a new location too."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest

import guestkit
from guestkit import Tier
from rig import bridges, processes
from rig.eventually import eventually
from secondsite.client import connect
from tests.e2e import support_e2e as e2e
from tests.e2e.agents.support_agents import NAME, PATIENCE, agent_site, needs_agent
from tests.support import command_line

pytestmark = [
    pytest.mark.guest, pytest.mark.slow, pytest.mark.every, pytest.mark.longest, pytest.mark.timeout(600),
    needs_agent,
]  # fmt: skip
WEB, WEB_PORT = "10.44.0.1", 80
GUESTS = ("db01", "web01")
ALL = ("db01", NAME, "web01")
MEMORY = "256MiB"
WRITTEN = b"1" * 65536
WITHIN_SECONDS = 120.0


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with agent_site("libvirt") as (rig, machine):
        rig.add_host("a", lambda host: furnish(rig, host), network=rig.bridge("a"))
        for name in GUESTS:
            e2e.wait_for_record(rig.guests[name].console, 3, within_seconds=WITHIN_SECONDS)
        ways = ("--source", "a", "--target", "b", "--policy", "quick")
        for name in ALL:
            command_line.do(rig, "enable-protection", name, *ways)
        command_line.told(rig, "machine", "set", NAME, "--memory", MEMORY)  # its own is this host's
        file = tmp_path_factory.mktemp("plan") / "shop.json"
        file.write_text(json.dumps({"groups": [{"machines": [name]} for name in ALL]}))
        command_line.told(rig, "plan", "create", "shop", "--file", str(file))
        for name in ALL:
            rig.new_points(name, within_seconds=PATIENCE)
        yield rig, machine


def furnish(rig, host):
    rig.make_guest("db01", host, workload=guestkit.Workload(records_per_second=6))
    web = guestkit.Workload(records_per_second=6, tier=Tier.WEB, address=f"{WEB}/24")
    rig.make_guest("web01", host, workload=web)


def run(rig, verb, *words):
    return command_line.told(rig, "plan", verb, "shop", "--yes", *words)


def answered(rig, verb, *words):
    """A run that waits for a person once, who says that it shall go on, and has ended the server's copy by
    hand: it has no system that would shut down."""
    job = run(rig, verb, *words, "--no-wait")["job_id"]
    eventually(lambda: command_line.told(rig, "job", "show", job)["waits_for_person"], WITHIN_SECONDS)
    for pid in rig.qemus(NAME):
        os.kill(pid, signal.SIGKILL)
    command_line.told(rig, "job", "answer", job, "complete")
    done = rig.wait_for_job(job)
    assert done.state == "succeeded", rig.describe(done)


def boots(rig, site):
    return {name: len(rig.console(site, name).boots) for name in GUESTS}


def nothing_lost(rig, source, target, before):
    """Each guest's next boot verified the very last record, and every machine runs once."""
    for name in GUESTS:
        boot = e2e.booted(rig.console(target, name), before[name] + 1)
        assert (boot.complaints, boot.verified_last) == ((), rig.console(source, name).boots[-1].bye)
        assert len(rig.qemus(name)) == 1


@contextlib.contextmanager
def inside(rig, token_file, *words):
    """The command that a tester types, while it runs."""
    access = ["--url", rig.url, "--ca", str(rig.home("vault") / "pki" / "ca.pem")]
    access += ["--token-file", str(token_file)]
    child = subprocess.Popen(
        [sys.executable, "-m", "secondsite.entry.main", *access, "drill", "connect", *words],
        env=processes.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=30)


def page(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/alive", timeout=30) as answer:
        return answer.read().decode()


def test_the_plan_is_drilled_with_somebody_inside_who_gets_nowhere_else(site, tmp_path):
    rig, _ = site
    run(rig, "test-failover")
    e2e.booted(rig.console("b", "web01-test"), 1, WITHIN_SECONDS)
    with rig.client() as vault:
        token = vault.tokens.create("ann", "tester").token
        drill = vault.machines["web01"].drill
        drill.give_pass("ann")
    (token_file := tmp_path / "token").write_text(token)
    with inside(rig, token_file, "web01", str(WEB_PORT), "--address", WEB) as child:
        line = eventually(lambda: child.stdout.readline(), WITHIN_SECONDS)
        assert line.startswith("port 80 of its test machine is 127.0.0.1:"), child.stderr.read()
        port = int(line.rpartition(":")[2])
        assert "web" in eventually(lambda: _page(port), WITHIN_SECONDS)
        with connect(rig.url, token, rig.home("vault") / "pki" / "ca.pem") as hers:
            for name in ("db01", NAME):
                assert not [each for each in hers.machines[name].drill.entries().passes if each.who == "ann"]
        run(rig, "cleanup-test-failover", "--notes", "ann was in", "--verdict", "passed")
        with pytest.raises(OSError):
            page(port)
    visits = rig.machine("web01").drill
    assert "ann was in" in str(visits.notes)
    assert [rig.qemus(f"{name}-test") for name in ALL] == [[], [], []]
    assert "ssck" not in bridges.ip("-o", "link", "show")


def _page(port):
    try:
        return page(port)
    except OSError:
        return ""


def test_it_goes_and_is_committed(site):
    rig, machine = site
    (machine.disk.mount / "before").write_bytes(WRITTEN)
    run(rig, "planned-failover")
    nothing_lost(rig, "a2", "b", dict.fromkeys(GUESTS, 0))
    machine.stop()
    run(rig, "commit")
    assert [rig.machine(name).state for name in ALL] == ["committed"] * 3


def test_it_comes_home_synchronized_within_the_failover_and_nothing_is_lost(site):
    rig, machine = site
    with open(machine.disk.device, "r+b") as disk:  # what is there afterwards came from the other site
        disk.write(bytes(machine.disk.size))
    machine.rescue(rig, machine.agent_id)
    file = rig.home("appliance-a") / "fabric-work" / "rescued" / machine.agent_id / "sda"
    eventually(file.exists, PATIENCE)
    machine.starts_once_rescued()
    home = boots(rig, "a2")
    answered(rig, "planned-failover", "--data-sync", "before")
    nothing_lost(rig, "b", "a2", home)
    subprocess.run(["mount", machine.disk.device, machine.disk.mount], check=True)
    machine.disk.mounted = True
    assert (machine.disk.mount / "before").read_bytes() == WRITTEN
    run(rig, "commit")


def test_its_guests_go_once_more_and_come_back_to_a_new_location(site):
    rig, _ = site
    run(rig, "reprotect")
    for name in ALL:
        rig.new_points(name, within_seconds=PATIENCE)
    before = boots(rig, "b")
    run(rig, "planned-failover", "--leave-out", NAME)
    nothing_lost(rig, "a2", "b", before)
    run(rig, "commit", "--leave-out", NAME)
    home = boots(rig, "a2")
    words = ("--data-sync", "during", "--location", "alternate", "--direction", "home")
    run(rig, "planned-failover", *words, "--leave-out", NAME)
    nothing_lost(rig, "b", "a2", home)
    run(rig, "commit", "--leave-out", NAME)
