"""At the appliance's host a person makes keys, lists agents, revokes, and pushes the program."""

import json
import os
import subprocess
import sys

import pytest

from rig.eventually import eventually
from secondsite.fabrics.agent.link import Agents, Registry

from . import support_link as support

pytestmark = pytest.mark.slow

CONFIG = {
    "appliance_id": "a1", "name": "far", "site": "far", "vault_url": "https://127.0.0.1:1",
    "store": "/nowhere", "scratch": "/nowhere", "advertised": ["192.0.2.7:9445"],
}  # fmt: skip


@pytest.fixture
def home(folder):
    """Of an appliance for agents; without a vault, which no command here needs."""
    (folder / "appliance.json").write_text(json.dumps({**CONFIG, "home": str(folder)}))
    (folder / "fabric.json").write_text(json.dumps({"kind": "agent", "uri": "0.0.0.0:9446"}))
    return folder


def command(home, *words, **environment):
    program = [sys.executable, "-m", "secondsite.entry.main", "appliance", "agents", *words]
    return subprocess.run(
        [*program, "--home", str(home)], capture_output=True, text=True, timeout=support.PATIENCE,
        check=False, env=os.environ | environment,
    )  # fmt: skip


def told(home, *words):
    done = command(home, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_key_is_shown_with_the_line_that_uses_it(home):
    said = command(home, "key").stdout.splitlines()
    assert said[0].startswith("ssa-")
    assert said[1] == (
        "next, as root in the machine: secondsite-agent install --appliance 192.0.2.7:9446 KEY"
    )


def test_a_running_appliance_notices_keys_and_revocations(home, agents):
    fake = support.Fake(agents, home)
    assert fake.enroll(told(home, "key")["key"])["ok"]
    with fake.control(version="9.9") as control:
        assert control.hear()["ok"]
        (listed,) = eventually(lambda: [each for each in told(home, "list")["agents"] if each["version"]])
        assert (listed["name"], listed["version"], listed["agent_id"]) == ("fake", "9.9", fake.agent_id)
        assert "not accepted any more" in told(home, "revoke", "fake")["sentence"]
        assert control.hear() is None
    assert told(home, "list")["agents"][0]["valid_until"] is None
    again = support.Fake(agents, home)
    again.enroll(told(home, "key", "--for", "fake")["key"])
    assert again.agent_id == fake.agent_id


def test_an_appliance_of_another_platform_says_where_moved_agents_call_and_enrolls_none(home):
    (home / "fabric.json").write_text(json.dumps({"kind": "libvirt", "uri": "qemu:///system"}))
    said = command(home, "where")
    assert said.returncode == 4
    assert '"agents": "0.0.0.0:9446"' in said.stderr
    config = {**CONFIG, "home": str(home), "agents": "0.0.0.0:9447"}
    (home / "appliance.json").write_text(json.dumps(config))
    found = told(home, "where")
    assert found == {
        "addresses": ["192.0.2.7:9447"], "authority": Registry(home / "agents").authority.fingerprint
    }  # fmt: skip
    shown = command(home, "where").stdout
    assert f"secondsite-agent call --appliance 192.0.2.7:9447 {found['authority']}" in shown
    assert told(home, "list") == {"agents": []}
    assert command(home, "key").returncode == 4


def test_an_agent_that_was_enrolled_elsewhere_is_shown_as_such_and_can_be_revoked(home):
    (home / "appliance.json").write_text(json.dumps({**CONFIG, "home": str(home), "agents": "0.0.0.0:9447"}))
    (home / "fabric.json").write_text(json.dumps({"kind": "libvirt", "uri": "qemu:///system"}))
    Registry(home / "agents").note_guest("11111111-2222-3333-4444-555555555555", "ab" * 32, "db01")
    assert "its home's" in command(home, "list").stdout
    command(home, "revoke", "db01")
    assert "revoked" in command(home, "list").stdout


def test_an_unknown_machine_has_no_key_and_cannot_be_revoked(home):
    for words in (("key", "--for", "nobody"), ("revoke", "nobody")):
        said = command(home, *words).stderr
        assert "No agent is known as 'nobody'." in said
        assert "secondsite appliance agents list" in said


def test_an_appliance_of_another_platform_has_no_agents(home):
    (home / "fabric.json").write_text(json.dumps({"kind": "libvirt", "uri": "qemu:///system"}))
    said = command(home, "list")
    assert (said.returncode != 0, "No agents call the appliance" in said.stderr) == (True, True)
    assert not (home / "agents").exists()


@pytest.fixture
def ssh(folder):
    """An ssh that runs what it is to run here."""
    (folder / "bin").mkdir()
    (folder / "bin" / "ssh").write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    (folder / "bin" / "ssh").chmod(0o755)
    return {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


def test_a_push_installs_the_program_with_a_key_that_nobody_sees(home, ssh):
    program, seen = home / "program", home / "seen"
    program.write_text(f'#!/bin/sh\necho "$@" > {seen}\ncat >> {seen}\n')
    pushed = command(home, "push", "root@there", "--program", str(program), **ssh)
    assert (
        pushed.stdout
        == "The agent runs on root@there, and dials 192.0.2.7:9446; if it was enrolled, as before.\n"
    )
    words, key = seen.read_text().splitlines()
    assert words == "install --appliance 192.0.2.7:9446 -"
    agents = Agents(home / "agents", ("127.0.0.1", 0))
    agents.start()
    try:
        assert support.Fake(agents, home).enroll(key)["ok"]
    finally:
        agents.close()


def test_a_push_that_fails_says_what_the_machine_said(home, ssh):
    program = home / "program"
    program.write_text("#!/bin/sh\necho 'no space left' >&2\nexit 1\n")
    failed = command(home, "push", "root@there", "--program", str(program), **ssh)
    assert "The agent was not installed on root@there: no space left." in failed.stderr
