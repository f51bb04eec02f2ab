"""On a host with a systemd of its own one line makes the agent a service, which comes back by itself."""

import base64
import shutil

import pytest

from rig.eventually import eventually
from rig.installed import Host, why_not
from secondsite.datapath.disks import NbdDisk
from secondsite.fabrics.agent.link import Registry, Upgrade
from secondsite.ground.units import KiB

from . import support_link as support
from .test_upgrading import OTHER, digest_of, newer, script, upgraded

__all__ = ["newer"]

pytestmark = [
    *support.needs_agent,
    pytest.mark.longest,
    pytest.mark.timeout(600),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


TRIAL = """[Service]
ExecStart=
ExecStart=/usr/local/sbin/secondsite-agent run --loops {loop} --only-loops
"""
"""The unit as it is, but for the disks: those of this machine are nothing to a test."""


@pytest.fixture
def disk(make_disk):
    """Made before the host, which gets it then."""
    return make_disk()


@pytest.fixture
def host(disk, folder):
    made = Host("physical", folder / "physical")
    made.power_on()
    yield made
    made.destroy()


@pytest.fixture
def program(host):
    """As it was copied there, by whatever way."""
    shutil.copy(support.PROGRAM, host.path("/root/secondsite-agent"))
    return "/root/secondsite-agent"


def state(host):
    return host.run("systemctl", "is-active", "secondsite-agent").stdout.strip()


def test_one_line_makes_a_service_that_comes_back_and_one_takes_it_away(disk, host, program, agents):
    host.write("/etc/systemd/system/secondsite-agent.service.d/trial.conf", TRIAL.format(loop=disk.name))
    there = f"127.0.0.1:{agents.port}"
    said = host.must(program, "install", "--appliance", there, "-", text=agents.new_key())
    assert "the agent runs, and starts with this machine" in said
    eventually(lambda: support.connected(agents), support.PATIENCE)
    (known,) = agents.known()
    assert known.name == "physical"
    assert "trouble" not in known.hello, known.hello
    agents.ask(known.agent_id, "open", 30, view="live", name="n1")
    with agents.readers(known.agent_id) as path, NbdDisk(path, disk.key, bitmaps=["n1"]) as reader:
        assert reader.pread(len(disk.content), 0) == disk.content
    host.must("systemctl", "kill", "--signal=KILL", "secondsite-agent")
    eventually(lambda: agents.known()[0].hello["clock"] > known.hello["clock"], support.PATIENCE)
    host.must("/usr/local/sbin/secondsite-agent", "remove")
    assert state(host) == "inactive"
    eventually(lambda: not support.connected(agents), support.PATIENCE)
    for path in ("usr/local/sbin/secondsite-agent", "etc/systemd/system/secondsite-agent.service"):
        assert not host.path(path).exists()
    assert not host.path("var/lib/secondsite-agent").exists()


def test_what_it_may_take_of_its_machine_is_bounded(host, program, agents):
    host.must(program, "install", "--appliance", f"127.0.0.1:{agents.port}", agents.new_key())
    shown = host.must(
        "systemctl", "show", "secondsite-agent", "--property",
        "MemoryMax,CPUWeight,Nice,IOSchedulingClass,OOMScoreAdjust,Restart,KillMode,TasksMax",
    )  # fmt: skip
    assert dict(line.split("=", 1) for line in shown.splitlines()) == {
        "MemoryMax": str(192 << 20), "CPUWeight": "20", "Nice": "5", "IOSchedulingClass": "2",
        "OOMScoreAdjust": "900", "Restart": "always", "KillMode": "process", "TasksMax": "128",
    }  # fmt: skip


def test_within_its_limits_it_stops_file_systems_and_thaws_them(disk, host, program, agents):
    host.must("mkfs.ext4", "-q", "-F", f"/dev/{disk.name}")
    host.must("mount", f"/dev/{disk.name}", "/mnt")
    try:
        host.write("/etc/systemd/system/secondsite-agent.service.d/trial.conf", TRIAL.format(loop=disk.name))
        host.must(program, "install", "--appliance", f"127.0.0.1:{agents.port}", agents.new_key())
        eventually(lambda: support.connected(agents), support.PATIENCE)
        agent_id = agents.known()[0].agent_id
        scanned(agents, agent_id, disk)
        host.must("sh", "-c", "echo new > /mnt/file; sync")
        opened = agents.ask(agent_id, "open", 60, view="frozen", base="s1", name="p1")
        assert opened["instant"]["verdict"]["valid"]
        assert opened["instant"]["window"]["frozen_seconds"] > 0
        assert not opened["instant"]["window"].get("unfrozen")
        host.must("sh", "-c", "echo runs on > /mnt/file")
    finally:
        host.must("umount", "/mnt")


@pytest.fixture
def installed(disk, host, program, agents):
    """The agent's id; its upgrades are on trial for some seconds."""
    unit = "/etc/systemd/system/secondsite-agent.service.d/trial.conf"
    host.write(unit, TRIAL.format(loop=disk.name).rstrip() + " --trial 15s\n")
    host.must(program, "install", "--appliance", f"127.0.0.1:{agents.port}", agents.new_key())
    eventually(lambda: support.connected(agents), support.PATIENCE)
    return agents.known()[0].agent_id


def test_its_appliance_upgrades_it_and_systemd_starts_the_new_program(agents, host, folder, installed, newer):
    unit = host.path("/etc/systemd/system/secondsite-agent.service")
    as_it_writes_it = unit.read_text()
    unit.write_text(
        as_it_writes_it.replace("TasksMax=128", "TasksMax=64")
    )  # as if an older one had written it
    found = upgraded(folder, installed, newer)
    assert found.done, found.said + host.must("journalctl", "--unit", "secondsite-agent")
    assert agents.known()[0].hello["version"] == OTHER
    assert state(host) == "active"
    eventually(lambda: unit.read_text() == as_it_writes_it, support.PATIENCE)
    shown = ("systemctl", "show", "secondsite-agent", "--property", "TasksMax")
    eventually(lambda: host.must(*shown).strip() == "TasksMax=128", support.PATIENCE)
    there = host.path("/usr/local/sbin")
    eventually(lambda: [*there.glob("secondsite-agent*")] == [there / "secondsite-agent"], support.PATIENCE)


def test_a_program_that_hangs_is_gone_after_its_trial(agents, host, folder, installed):
    before = agents.known()[0].hello["version"]
    found = upgraded(folder, installed, script(folder, "exec sleep 1000"))
    assert not found.done
    assert f"came back with version {before}" in found.said
    assert "the former one is put back" in host.must("journalctl", "--unit", "secondsite-agent-trial")
    there = host.path("/usr/local/sbin")
    eventually(lambda: [*there.glob("secondsite-agent*")] == [there / "secondsite-agent"], support.PATIENCE)
    assert not host.path("/var/lib/secondsite-agent/upgrade.json").exists()


def begun(host, agents, folder, agent_id):
    """A program that does not start is on trial."""
    program = script(folder, "exit 1")
    upgrades = Registry(folder / "agents").upgrades
    upgrades.put(agent_id, Upgrade(program=program, version=OTHER, sha256=digest_of(program)))
    there = host.path("/usr/local/sbin/secondsite-agent")
    eventually(lambda: there.read_bytes() == program.read_bytes(), support.PATIENCE)
    eventually(lambda: not support.connected(agents), support.PATIENCE)


def is_clean(host):
    left = [
        *host.path("/usr/local/sbin").glob("secondsite-agent.*"),
        *host.path("/var/lib/secondsite-agent").glob("upgrade*"),
        *host.path("/etc/systemd/system").glob("secondsite-agent-trial*"),
    ]
    return left == []


def test_a_machine_whose_power_is_cut_in_a_trial_has_its_agent_again(agents, host, folder, installed):
    before = agents.known()[0].hello["version"]
    begun(host, agents, folder, installed)
    host.cut_power()
    host.power_on()
    eventually(lambda: support.connected(agents), support.PATIENCE)
    assert agents.known()[0].hello["version"] == before
    eventually(lambda: is_clean(host), support.PATIENCE)


def test_whoever_waits_may_be_killed(agents, host, folder, installed):
    begun(host, agents, folder, installed)
    host.must("systemctl", "kill", "--signal=KILL", "secondsite-agent-trial")
    eventually(lambda: support.connected(agents), support.PATIENCE)
    eventually(lambda: is_clean(host), support.PATIENCE)


def test_an_agent_that_somebody_stops_in_its_trial_stays_stopped(agents, host, folder, installed):
    begun(host, agents, folder, installed)
    host.must("systemctl", "stop", "secondsite-agent")
    eventually(lambda: is_clean(host), support.PATIENCE)
    assert state(host) == "inactive"
    host.must("systemctl", "start", "secondsite-agent")
    eventually(lambda: support.connected(agents), support.PATIENCE)


def scanned(agents, agent_id, disk):
    """Marks count from `s1` on: all of it differs from nothing."""
    agents.ask(agent_id, "begin-scan", 60, base="s1")
    zeros = base64.b64encode(bytes(16 * (len(disk.content) // (64 * KiB)))).decode()
    agents.ask(agent_id, "compare", 60, disk=disk.key, first=0, digests=zeros)
    agents.ask(agent_id, "end-scan", 60)
