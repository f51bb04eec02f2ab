"""An appliance hands an agent another program; one that does not connect is gone again within its trial.

The machine's service manager is played by a shell that starts the program again when it ends."""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.fabrics.agent.link import AgentRefused, Agents, Registry, Upgrade

from . import support_link as support
from .test_commands import command, home, told

__all__ = ["home"]
pytestmark = support.needs_agent

TRIAL_SECONDS = 6
OTHER = "9.9.9"
NEWEST = "9.9.8"
SLOW = "sleep 2; exit 1"
PART = 512 * 1024


class Installed(support.Machine):
    """A machine in which the program lies in a place of its own, and is started again when it ends."""

    def run(self, verb="run"):
        self.program = self.folder / "sbin" / "secondsite-agent"
        self.program.parent.mkdir()
        shutil.copy(support.PROGRAM, self.program)
        loops = ",".join(disk.name for disk in self.disks)
        words = f"--state {self.state} --loops {loops} --only-loops --trial {TRIAL_SECONDS}s"
        again = f"while :; do {self.program} {verb} {words} & now=$!; wait $now; sleep 0.2; done"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", f"trap 'kill $now; exit' TERM; {again}"], stdout=log, stderr=log
            )
        return self

    @property
    def beside(self):
        """What lies where the program lies."""
        return sorted(path.name for path in self.program.parent.iterdir())

    def end_what_runs(self):
        """As its service manager would; that starts what lies there then."""
        shell: Any = self.process
        for pid in Path(f"/proc/{shell.pid}/task/{shell.pid}/children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)

    def is_clean(self):
        left = [path.name for path in self.state.iterdir() if "upgrade" in path.name]
        return self.beside == ["secondsite-agent"] and not left


@pytest.fixture
def machine(agents, folder, make_disk, stack):
    made = Installed(folder, (make_disk(),))
    assert made.enroll(agents.port, agents.new_key()).returncode == 0
    made.run()
    stack.callback(made.close)
    eventually(lambda: support.connected(agents), support.PATIENCE)
    return made


@pytest.fixture
def agent_id(agents, machine):
    return agents.known()[0].agent_id


def said_by(program):
    return subprocess.check_output([program, "--version"], text=True, timeout=support.PATIENCE).strip()


@pytest.fixture
def newer(folder):
    """This program as another version: that lies in it as it is."""
    here, made = said_by(support.PROGRAM), folder / "newer"
    content = support.PROGRAM.read_bytes()
    assert content.count(here.encode()) == 1
    made.write_bytes(content.replace(here.encode(), OTHER.encode()))
    made.chmod(0o755)
    assert said_by(made) == OTHER
    return made


@pytest.fixture
def newest(newer, folder):
    """Another one yet."""
    made = folder / "newest"
    made.write_bytes(newer.read_bytes().replace(OTHER.encode(), NEWEST.encode()))
    made.chmod(0o755)
    return made


def script(folder, text, version=OTHER):
    """A program that says its version, and else does that."""
    made = folder / "script"
    made.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo {version} && exit\n{text}\n')
    made.chmod(0o755)
    return made


def digest_of(program):
    return hashlib.sha256(program.read_bytes()).hexdigest()


def upgraded(folder, agent_id, program, version=OTHER):
    """How it went."""
    upgrades = Registry(folder / "agents").upgrades
    upgrades.put(agent_id, Upgrade(program=program, version=version, sha256=digest_of(program)))
    return eventually(lambda: (found := upgrades.all()[agent_id]).said and found, support.PATIENCE)


def handed(agents, agent_id, program, **changed):
    """The pieces as the appliance sends them."""
    content, answer = program.read_bytes(), None
    words = {"size": len(content), "sha256": digest_of(program), "version": OTHER} | changed
    for at in range(0, len(content), PART):
        data = base64.b64encode(content[at : at + PART]).decode()
        answer = agents.ask(agent_id, "upgrade", 60, at=at, data=data, **words)
    return answer


def version(agents):
    found = support.connected(agents)
    return found[0].hello["version"] if found else None


def test_a_program_that_connects_stays(agents, folder, machine, agent_id, newer):
    found = upgraded(folder, agent_id, newer)
    assert found.done, found.said + machine.log.read_text()
    assert version(agents) == OTHER
    assert machine.program.read_bytes() == newer.read_bytes()
    eventually(machine.is_clean, support.PATIENCE)
    assert agents.ask(agent_id, "status", 30)
    again = upgraded(folder, agent_id, newer)
    assert again.done
    assert "already" in again.said


def test_one_that_ends_as_soon_as_it_begins_is_gone_again(agents, folder, machine, agent_id):
    here = version(agents)
    found = upgraded(folder, agent_id, script(folder, "exit 1"))
    assert not found.done
    assert f"came back with version {here}" in found.said
    assert machine.program.read_bytes() == support.PROGRAM.read_bytes()
    eventually(machine.is_clean, support.PATIENCE)


def test_one_that_runs_and_does_not_connect_is_gone_again(agents, folder, machine, agent_id, newer):
    here, port = version(agents), agents.port
    assert handed(agents, agent_id, newer) == {"whole": True}
    agents.close()
    machine.said("the former one is put back")
    again = Agents(folder / "agents", ("127.0.0.1", port))
    again.start()
    try:
        eventually(lambda: version(again) == here, support.PATIENCE)
        eventually(machine.is_clean, support.PATIENCE)
    finally:
        again.close()


def test_whoever_puts_the_former_one_back_is_killed_amid_it_and_does_it_again(
    agents, folder, machine, agent_id, newer
):
    """It had put it back, and the one on trial ran on, unconnected, until somebody restarted it."""
    former = machine.program.with_name("secondsite-agent.former")
    former.hardlink_to(machine.program)
    machine.program.with_name("secondsite-agent.former.again").write_bytes(b"half")
    (machine.state / "upgrade.json").write_text(json.dumps({"version": OTHER, "is_service": False}))
    words = ["watch-upgrade", "--state", machine.state, "--program", machine.program, "--seconds", "1"]
    subprocess.run([former, *words], check=True, timeout=support.PATIENCE)
    assert not former.exists()
    assert not (machine.state / "upgrade.json").exists()
    assert [path.name for path in machine.program.parent.glob("secondsite-agent*")] == ["secondsite-agent"]


def test_one_whose_note_was_lost_in_a_power_cut_is_still_on_trial(agents, folder, machine, newer):
    """It was taken for one in place, and its former program removed."""
    here, port = version(agents), agents.port
    agents.close()
    former = machine.program.with_name("secondsite-agent.former")
    machine.program.rename(former)
    (machine.state / "upgrade.json").write_bytes(b"")
    shutil.copy(newer, machine.program)
    [running] = subprocess.check_output(["pgrep", "--full", f"^{machine.program} run"], text=True).split()
    os.kill(int(running), signal.SIGTERM)
    machine.said("the former one is put back")
    again = Agents(folder / "agents", ("127.0.0.1", port))
    again.start()
    try:
        eventually(lambda: version(again) == here, support.PATIENCE)
        eventually(machine.is_clean, support.PATIENCE)
    finally:
        again.close()


def test_a_machine_without_room_takes_nothing(agents, folder, machine, agent_id, newer, stack):
    beside = machine.program.parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "small", beside], check=True)
    stack.callback(subprocess.run, ["umount", beside], check=True)
    found = upgraded(folder, agent_id, newer)
    assert not found.done
    assert "has 20 MiB free, and the program needs" in found.said
    assert machine.beside == []


@pytest.mark.parametrize(
    ("text", "said_version", "why"),
    [
        ("exit 1", "1.2.3", "says that it is version"),
        ("exit 1", "9.9.9; exit 1", "does not start on this machine"),
        ("exit 1", "$(seq 100000)", "says that it is version"),
    ],
)
def test_one_that_is_not_what_it_should_be_is_not_started(
    agents, folder, machine, agent_id, text, said_version, why
):
    found = upgraded(folder, agent_id, script(folder, text, said_version))
    assert not found.done
    assert why in found.said
    assert machine.is_clean()
    assert agents.ask(agent_id, "status", 30)


def test_one_that_arrives_otherwise_than_it_was_sent_is_not_started(agents, machine, agent_id, newer):
    with pytest.raises(AgentRefused, match="arrived with the SHA-256"):
        handed(agents, agent_id, newer, sha256="ab" * 32)
    assert machine.is_clean()


@pytest.mark.parametrize(
    "piece",
    [
        {"at": 0, "size": 0, "data": ""},
        {"at": -1, "size": 10, "data": "YWI="},
        {"at": 9, "size": 10, "data": "YWI="},
        {"at": 0, "size": 1 << 40, "data": "YWI="},
        {"at": 2**62, "size": 2**63 - 1, "data": "YWI="},
        {"at": 5, "size": 10, "data": "YWI="},
    ],
)
def test_what_is_no_next_piece_is_refused(agents, machine, agent_id, piece):
    with pytest.raises(AgentRefused):
        agents.ask(agent_id, "upgrade", 30, sha256="", version="", **piece)
    assert agents.ask(agent_id, "status", 30)


def test_a_person_upgrades_all_agents_by_one_command(home, agents, folder, machine, agent_id, newer):
    assert command(home, "upgrade", "--program", str(newer)).returncode == 2
    done = command(home, "upgrade", "--all", "--program", str(newer))
    assert done.returncode == 0, done.stderr
    assert f"is of version {OTHER} now" in done.stdout
    [listed] = told(home, "list")["agents"]
    assert listed["version"] == OTHER
    machine.close()
    eventually(lambda: not support.connected(agents), support.PATIENCE)
    again = command(home, "upgrade", listed["name"], "--program", str(newer))
    assert again.returncode == 4
    assert "is not connected" in again.stdout


def test_two_may_order_the_same_upgrade_at_once(home, machine, newer, stack):
    pool = stack.enter_context(ThreadPoolExecutor(2))
    orders = [pool.submit(command, home, "upgrade", "--all", "--program", str(newer)) for _ in range(2)]
    for each in orders:
        done = each.result()
        assert done.returncode == 0, done.stdout + done.stderr


def begun(folder, agent_id, program):
    """The appliance has taken it up."""
    upgrades = Registry(folder / "agents").upgrades
    upgrades.put(agent_id, Upgrade(program=program, version=OTHER, sha256=digest_of(program)))
    eventually(lambda: upgrades.all()[agent_id].began, support.PATIENCE)
    return upgrades


def test_while_one_upgrade_runs_another_one_is_refused_by_name(home, folder, machine, agent_id, newest):
    upgrades = begun(folder, agent_id, script(folder, "exec sleep 1000"))
    refused = command(home, "upgrade", "--all", "--program", str(newest))
    assert refused.returncode == 4
    assert f"is being upgraded to version {OTHER}" in refused.stderr
    eventually(lambda: machine.program.read_bytes() == support.PROGRAM.read_bytes(), support.PATIENCE)
    machine.end_what_runs()
    eventually(lambda: upgrades.all()[agent_id].said, support.PATIENCE)
    done = command(home, "upgrade", "--all", "--program", str(newest))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"is of version {NEWEST} now" in done.stdout


def test_what_is_wanted_over_an_upgrade_that_runs_is_done_after_it(folder, machine, agent_id, newest):
    upgrades = begun(folder, agent_id, script(folder, SLOW))
    upgrades.put(agent_id, Upgrade(program=newest, version=NEWEST, sha256=digest_of(newest)))
    found = eventually(lambda: (found := upgrades.all()[agent_id]).said and found, support.PATIENCE)
    assert found.done, found.said
    assert f"is of version {NEWEST} now" in found.said


def test_an_answer_counts_only_for_ones_own_program(home, folder, machine, agent_id, newest, stack):
    pool, words = stack.enter_context(ThreadPoolExecutor()), ("upgrade", "--all", "--program")
    order = pool.submit(command, home, *words, str(script(folder, SLOW)))
    upgrades = Registry(folder / "agents").upgrades
    eventually(lambda: agent_id in upgrades.all() and upgrades.all()[agent_id].began, support.PATIENCE)
    upgrades.put(agent_id, Upgrade(program=newest, version=NEWEST, sha256=digest_of(newest)))
    assert order.result().returncode == 4
    assert f"was ordered to become version {NEWEST}" in order.result().stdout


def test_without_a_running_appliance_a_command_says_so_and_leaves_no_wish(home, folder, monkeypatch):
    registry = Registry(folder / "agents")
    fake = support.Fake(None, folder)
    fake.enroll_at(registry)
    said = command(home, "upgrade", "--all", "--program", str(support.PROGRAM))
    assert said.returncode == 4
    assert "does not run" in said.stderr
    assert registry.upgrades.all() == {}
