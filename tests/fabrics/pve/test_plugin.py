"""The plugin for nodes of Proxmox VE, run by Debian's Perl with stubs of base classes. No node was there."""

import contextlib
import json
import socket
import subprocess

import pytest

from secondsite.fabrics.pve.cycles.provider import Provider
from tests.fabrics.pve.support_backups import HERE, PLUGIN, plugin

SIZES = {"drive-scsi0": 4 * 2**20}
SHOWN = {
    "drive-scsi0": {"size": 4 * 2**20, "bitmap-mode": "reuse", "nbd-path": "/run/x.sock", "bitmap-name": "b"}
}


@pytest.fixture
def listening(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "p.sock"))
        listening.listen(1)
        listening.settimeout(30)
        yield listening


@pytest.fixture
def begun(listening, tmp_path):
    """A backup that asks, its conversation, and what it asked."""
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(plugin(tmp_path / "p.sock", 100, SIZES))
        stack.callback(process.kill)
        accepted, _ = listening.accept()
        with accepted:
            talk = stack.enter_context(accepted.makefile("rw"))
        yield process, talk, json.loads(talk.readline())


def ended(process):
    out, _ = process.communicate(timeout=60)
    return json.loads(out.splitlines()[-1])["ended"]


def say(talk, what):
    talk.write(json.dumps(what) + "\n")
    talk.flush()


def shown(process, talk):
    say(talk, {"modes": {"drive-scsi0": "use"}, "seconds": 60})
    assert json.loads(process.stdout.readline()) == {"modes": {"drive-scsi0": "use"}}
    process.stdin.write(json.dumps(SHOWN) + "\n")
    process.stdin.flush()
    return json.loads(talk.readline())


def test_the_plugin_fits_two_hundred_lines_and_says_that_no_node_has_seen_it():
    text = PLUGIN.read_text()
    assert len(text.splitlines()) <= 200
    assert "Untried on a node" in text
    checked = subprocess.run(
        ["perl", "-I", HERE / "stubs", "-wc", PLUGIN], capture_output=True, text=True, check=False
    )
    assert checked.stderr.endswith("syntax OK\n")
    assert len(checked.stderr.splitlines()) == 1, checked.stderr


def test_a_backup_asks_before_its_instant_and_shows_its_disks_after_it(begun):
    process, talk, asked = begun
    assert asked == {"ask": "begin", "vmid": 100, "storage": "secondsite", "sizes": SIZES}
    told = {"size": 4 * 2**20, "mode": "reuse", "socket": "/run/x.sock", "bitmap": "b"}
    assert shown(process, talk) == {"ask": "read", "vmid": 100, "volumes": {"drive-scsi0": told}}
    say(talk, {"going": 1})
    say(talk, {"done": 1})
    assert ended(process) == "OK"
    assert talk.readline() == ""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"failed": "the target is away"}, "the target is away"),
        ({"modes": {"drive-scsi0": "perhaps"}}, "unknown mode"),
        ({"modes": []}, "without modes"),
        (["modes"], "cannot be understood"),
    ],
)
def test_an_appliance_that_does_not_begin_fails_the_backup_and_says_why(begun, answer, why):
    process, talk, _ = begun
    say(talk, answer)
    assert why in ended(process)


def test_a_disk_that_was_not_asked_about_gets_no_marks(begun):
    process, talk, _ = begun
    say(talk, {"modes": {"drive-scsi0": "new", "drive-scsi7": "use"}, "seconds": 60})
    assert json.loads(process.stdout.readline()) == {"modes": {"drive-scsi0": "new"}}


def test_a_dead_appliance_fails_the_backup_at_once(begun):
    process, talk, _ = begun
    shown(process, talk)
    talk.close()
    assert "broke" in ended(process)


def test_an_appliance_that_says_no_end_of_a_line_is_not_listened_to_for_ever(begun):
    process, talk, _ = begun
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        talk.write("x" * 300_000)
        talk.flush()
    assert "too much" in ended(process)


def test_without_an_appliance_at_the_node_the_backup_says_where_it_looked(tmp_path):
    assert f"listens at {tmp_path}/p.sock" in ended(plugin(tmp_path / "p.sock", 100, SIZES))


def test_containers_are_refused(tmp_path):
    assert "no containers" in ended(plugin(tmp_path / "p.sock", 100, SIZES, vmtype="lxc"))


def test_a_backup_that_somebody_else_began_is_refused_with_what_to_know(tmp_path):
    provider = Provider(tmp_path / "p.sock")
    try:
        assert "only secondsite begins backups" in ended(plugin(tmp_path / "p.sock", 100, SIZES))
    finally:
        provider.close()


def test_what_is_no_plugin_is_hung_up_on(tmp_path):
    provider = Provider(tmp_path / "p.sock")
    try:
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(30)
            talk.connect(str(tmp_path / "p.sock"))
            talk.sendall(b'{"ask":"begin","vmid":1}\n')
            assert b"cannot be understood" in talk.recv(4096)
            assert talk.recv(4096) == b""
        assert (tmp_path / "p.sock").stat().st_mode & 0o777 == 0o600
    finally:
        provider.close()
    assert not (tmp_path / "p.sock").exists()
