"""Three guests that talk, on a bridge in a network namespace of their own, under QEMU's own emulation."""

import subprocess
import sys
import uuid
from contextlib import ExitStack, contextmanager

import pytest

import guestkit
from guestkit import Tier
from tests.guestkit.running import running

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.longest]
GET = """
import http.client, sys
web = http.client.HTTPConnection("10.7.0.1", timeout=20)
web.request("GET", sys.argv[1])
answer = web.getresponse()
print(answer.status, answer.read().decode(), end="")
"""
HOSTS = ("db:10.7.0.3", "app:10.7.0.2")


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture(scope="module")
def inside():
    """The words that run a command in the guests' network namespace."""
    name = f"tiers-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", name)
    words = ["ip", "netns", "exec", name]
    run(*words, "ip", "link", "add", "br0", "type", "bridge")
    run(*words, "ip", "link", "set", "br0", "up")
    run(*words, "ip", "address", "add", "10.7.0.254/24", "dev", "br0")
    yield words
    run("ip", "netns", "delete", name)


@contextmanager
def guest(inside, folder, tier, number, peer=None):
    """Process, console and disk of a guest on the bridge that serves something; its address ends with the
    number."""
    disk = guestkit.make_disk(folder / f"{tier.value}.qcow2")
    console = guestkit.Console(folder / f"{tier.value}.log")
    workload = guestkit.Workload(
        records_per_second=0, address=f"10.7.0.{number}/24", tier=tier, peer=peer, hosts=HOSTS
    )
    command = guestkit.qemu_arguments(
        guestkit.build(), [disk], console.path, name=tier.value, workload=workload
    )
    tap = f"tap{number}"
    command += ["-netdev", f"tap,id=n0,ifname={tap},script=no,downscript=no"]
    command += ["-device", f"virtio-net-pci,netdev=n0,mac=52:54:00:07:00:0{number},romfile="]
    run(*inside, "ip", "tuntap", "add", tap, "mode", "tap")
    run(*inside, "ip", "link", "set", tap, "master", "br0", "up")
    process = subprocess.Popen([*inside, *command])
    try:
        yield process, console, disk
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture(scope="module")
def tiers(inside, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiers")
    with ExitStack() as running:
        started = {
            tier: running.enter_context(guest(inside, folder, tier, number, peer))
            for tier, number, peer in (
                (Tier.DATABASE, 3, None),
                (Tier.APPLICATION, 2, "db"),
                (Tier.WEB, 1, "10.7.0.2"),
            )
        }
        for _process, console, _disk in started.values():
            assert console.wait_for_boot(1).complaints == ()
        yield started


def get(inside, path=""):
    """Status and text of the web server's page."""
    words = [*inside, sys.executable, "-c", GET, f"/{path}"]
    status, _, text = run(*words).partition(" ")
    return int(status), text


def test_a_page_of_the_web_tier_says_the_record_that_the_database_has_on_its_disk(inside, tiers, tmp_path):
    status, text = get(inside)
    assert (status, text.split()[0]) == (200, "record")
    number = int(text.split()[1])
    assert get(inside) == (200, f"record {number + 1}\n")
    assert get(inside, "alive") == (200, "the web server runs\n")
    tiers[Tier.WEB][1].wait_for(f"^PAGE record {number + 1}$")
    tiers[Tier.APPLICATION][1].wait_for(f"^ORDERED {number + 1} of db$")
    process, console, disk = tiers[Tier.DATABASE]
    assert console.last_record == number + 1
    process.kill()
    process.wait(10)
    with running(tmp_path, [disk], records_per_second=0) as after:
        assert after.console.wait_for_boot().verified_last == number + 1
    assert get(inside) == (503, "failed: no record from the database db\n")
    tiers[Tier.WEB][1].wait_for("^NO PAGE failed: no record from the database db$")
