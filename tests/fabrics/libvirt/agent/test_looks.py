"""A guest's agent lets be seen what its operator would miss after a failover: nothing runs in the guest."""

import base64
import json
import time
from types import SimpleNamespace
from typing import Any, cast

import libvirt
import pytest

import guestkit
from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.machines.connecting import System
from secondsite.fabrics.libvirt.agent import guest
from secondsite.fabrics.libvirt.agent.looks import OSINFO, GuestLooks, listening, ports, seen
from secondsite.fabrics.libvirt.host import connection
from tests.fabrics.libvirt.support_guests import GuestMachine

HEAD = "  sl  local_address rem_address   st tx_queue\n"


@pytest.mark.guest
def test_in_a_guest_what_listens_what_is_free_and_what_its_clock_shows_is_seen(host):
    machine = GuestMachine(host, guestkit.Kind.AGENT)
    machine.boot()
    eventually(lambda: host.fabric.seeing.agent_answers(machine.id), within_seconds=30)
    domain = host.domain(machine.id)
    found = seen(domain, time.time)
    assert not found.ssh_listens
    assert not found.restart_required
    assert abs(found.clock_off_seconds) < 60
    assert [(each.where, each.free_bytes > 0) for each in found.full] == [("/data/vda", True)]
    inside = "mkdir -p /etc/ssh /run; echo Port 2222 > /etc/ssh/sshd_config; touch /run/reboot-required"
    guest.run(domain, "/bin/sh", ["-c", f"{inside}; (nc -l -p 2222 > /dev/null 2>&1 &)"], 30)
    assert eventually(lambda: seen(domain, time.time).ssh_listens, within_seconds=30)
    assert seen(domain, lambda: time.time() - 7200).clock_off_seconds > 7000
    said = [each.what for each in host.fabric.tracking.check(machine.id)]
    assert any("asks for a restart" in each for each in said)
    (concern,) = host.fabric.inventory.concerns(machine.id)
    assert concern.code == "machine-unprepared"
    assert "asks for a restart" in concern.what


class Host:
    """Machines whose agents answer what they are told to, or not at all."""

    def __init__(self):
        self.asked: list[str] = []
        self.silent: set[str] = set()

    def domain(self, fabric_id):
        self.asked.append(fabric_id)
        if fabric_id in self.silent:
            raise errors.FabricError("no agent is connected")
        return SimpleNamespace(metadata=none_noted)


def none_noted(*_):
    """Of a machine whose definition names no system."""
    raise libvirt.libvirtError("metadata not found")


@pytest.fixture
def looks(monkeypatch):
    answers = {"guest-get-time": 9000 * 10**9, "guest-get-fsinfo": []}

    def asked(_domain, kind, command, _arguments=None):
        if command not in answers:
            raise errors.FabricError("not allowed")
        return kind.validate_python(answers[command])

    monkeypatch.setattr(guest, "asked", asked)
    made = GuestLooks(cast(Any, Host()), clock=lambda: 0.0)
    yield made
    made.close()


HOSTILE = [
    {"guest-get-time": 10**400},
    {"guest-get-time": -1},
    {"guest-get-fsinfo": [{"mountpoint": "/", "used-bytes": 0, "total-bytes": 10**400}]},
    {"guest-get-fsinfo": [{"mountpoint": "/\x1b[2J", "used-bytes": 1, "total-bytes": 1}]},
    {"guest-get-fsinfo": [{"mountpoint": "/" * 300, "used-bytes": 1, "total-bytes": 1}]},
]


@pytest.mark.parametrize("said", HOSTILE)
def test_what_no_guest_can_mean_is_not_taken_and_harms_nobody(looks, monkeypatch, said):
    def command(_domain, line, _seconds):
        answers = {"guest-get-time": 0, "guest-get-fsinfo": [], **said}
        asked = json.loads(line)["execute"]
        if asked not in answers:
            raise errors.FabricError("not allowed")
        return json.dumps({"return": answers[asked]})

    monkeypatch.undo()
    monkeypatch.setattr(connection, "agent_command", command)
    assert looks.looked("m1") == ()


@pytest.mark.parametrize("text", ["Port \u00b2\n", f"Port {'9' * 5000}\n", "Port\n", "#Port 2222\n"])
def test_a_port_that_is_none_leaves_the_usual_one(text):
    assert ports(text) == {22}


SSHD = "/etc/systemd/system/multi-user.target.wants/sshd.service"


@pytest.mark.parametrize(
    ("first", "files", "otherwise", "at_boot"),
    [
        ("systemd\n", (), "No such file or directory", False),
        ("systemd\n", (SSHD,), "No such file or directory", True),
        ("systemd\n", (), "Permission denied", None),
        ("init\n", (), "No such file or directory", None),
    ],
)
def test_whether_ssh_starts_at_boot_is_said_where_systemd_s_notes_can_be_read(
    monkeypatch, first, files, otherwise, at_boot
):
    texts = {"/proc/1/comm": first, **dict.fromkeys(files, "[Unit]")}
    opened: list[str] = []

    def asked(_domain, kind, command, arguments=None):
        if command == "guest-file-open":
            if arguments["path"] not in texts:
                raise errors.FabricError(f"failed to open file '{arguments['path']}': {otherwise}")
            opened.append(arguments["path"])
        text = base64.b64encode(texts[opened[-1]].encode()).decode() if opened else ""
        answers = {"guest-file-read": {"buf-b64": text}, "guest-file-close": {}, "guest-get-fsinfo": []}
        return kind.validate_python(answers.get(command, 0))

    monkeypatch.setattr(guest, "asked", asked)
    assert seen(SimpleNamespace(), lambda: 0.0).ssh_at_boot is at_boot


def host_of(looks) -> Host:
    return cast(Host, looks._hypervisor)  # noqa: SLF001 it is a fake


def test_a_guest_that_gives_no_files_lacks_only_what_can_be_seen(looks):
    (found,) = looks.looked("m1")
    assert "2 h 30 min ahead" in found.what


def test_one_that_does_not_answer_is_not_asked_again_for_a_while_and_holds_up_no_other(looks):
    host_of(looks).silent.add("m1")
    assert (looks.looked("m1"), len(looks.looked("m2"))) == ((), 1)
    looks.look()
    assert (looks.looked("m1"), host_of(looks).asked) == ((), ["m1", "m2"])


def test_who_asks_for_what_was_seen_waits_for_nobody(looks):
    assert looks.lacking("m1") == ()
    assert host_of(looks).asked == []
    looks.look()
    assert len(looks.lacking("m1")) == 1


@pytest.mark.parametrize(
    ("rows", "listens"),
    [
        ("   0: 00000000:0016 00000000:0000 0A 0\n", True),
        ("   0: 0100007F:0016 00000000:0000 0A 0\n", False),
        ("   0: 00000000000000000000000001000000:0016 0:0000 0A 0\n", False),
        ("   0: 00000000000000000000000000000000:0016 0:0000 0A 0\n", True),
        ("   0: 0F02000A:0016 0202000A:A1B2 01 0\n", False),
        ("   0: 00000000:0017 00000000:0000 0A 0\n", False),
        ("   0: torn\n", False),
        ("   0: 00000000:zz 00000000:0000 0A 0\n", False),
    ],
)
def test_only_a_server_that_others_reach_counts_as_listening(rows, listens):
    assert listening([HEAD + rows], frozenset({22})) is listens


@pytest.mark.parametrize(
    ("named", "told", "system"),
    [
        ("http://microsoft.com/win/2k19", None, System.WINDOWS),
        ("http://debian.org/debian/12", "mswindows", System.WINDOWS),
        (None, "debian", System.LINUX),
        (None, None, System.UNKNOWN),
    ],
)
def test_a_guest_s_system_is_as_its_agent_says_or_else_its_definition(monkeypatch, named, told, system):
    def metadata(*_):
        if named is None:
            raise errors.FabricError("no metadata")
        return f'<l:libosinfo xmlns:l="{OSINFO}"><l:os id="{named}"/></l:libosinfo>'

    def asked(_domain, kind, command, _arguments=None):
        known: dict[str, object] = {"guest-get-time": 0, "guest-get-fsinfo": []}
        known |= {"guest-get-osinfo": {"id": told}} if told else {}
        if command not in known:
            raise errors.FabricError("not allowed")
        return kind.validate_python(known[command])

    monkeypatch.setattr(guest, "asked", asked)
    monkeypatch.setattr(connection, "call", lambda _what, ask, *arguments: ask(*arguments))
    looks = GuestLooks(cast(Any, SimpleNamespace(domain=lambda _: SimpleNamespace(metadata=metadata))))
    try:
        looks.looked("m1")
        found = looks.inside("m1")
        assert found is not None
        assert (found.system, found.lines) == (system, {})
    finally:
        looks.close()


def test_of_a_guest_that_nobody_looked_at_nothing_is_known(looks):
    host_of(looks).silent.add("m1")
    looks.looked("m1")
    assert looks.inside("m1") is None
