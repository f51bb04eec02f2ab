"""A machine whose replica is encrypted: there, back, and what a site without the right key says."""

import shutil

import pytest

from rig.appliances import EncryptedPair
from rig.appliances.runs import fail_over, start, turned
from rig.eventually import eventually
from rig.noise import noise
from secondsite.datapath.encryption import encrypted_file, encryption_key
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind, RunCycle, ShutDown, StopReplica

pytestmark = pytest.mark.slow

NEEDLE = b"the patient's name is " * 4
TEXT = (NEEDLE * (256 * KiB // len(NEEDLE) + 1))[: 256 * KiB]


@pytest.fixture
def key(tmp_path):
    return encryption_key.make(tmp_path / "key")


@pytest.fixture
def encrypted(make_site, key):
    a, b = make_site("a").start(), make_site("b")
    b.keep_key(key.path)
    return EncryptedPair(a, b.start(), a.make_machine())


def readable(site):
    folders = (site.config.store, site.config.scratch, site.root)
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path for path in found if NEEDLE in path.read_bytes()]


def lend_blank(pair):
    """What the target would make for its scratch space at the cost of seconds lies in the replica already."""
    disks = pair.target.config.store / "replicas" / pair.machine_id / "disks" / "vda"
    for blank in disks.glob("blank-*"):
        shutil.copy(blank, pair.target.root)


def reopen(site, key_path):
    site.stop()
    site.keep_key(key_path)
    site.start()


def test_there_and_back_nothing_can_be_read_at_the_second_site(encrypted, key):
    a, b = encrypted.source, encrypted.target
    a.write(encrypted.fabric_id, 0, TEXT)
    encrypted.protect().synchronized()
    a.write(encrypted.fabric_id, 2 * MiB, TEXT)
    content, point_id = a.read(encrypted.fabric_id), encrypted.point_now()
    lend_blank(encrypted)
    assert encrypted.status().encryption_key_id == key.key_id
    drill = start(encrypted, "drill", point_id)["fabric_id"]
    assert b.read(drill) == content
    failed_over = fail_over(encrypted, point_id)
    b.write(failed_over, 4 * MiB, TEXT)
    assert readable(b) == []
    b.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=drill), encrypted.machine_id)
    home = turned(encrypted, failed_over)
    b.write(failed_over, 5 * MiB, TEXT)
    b.write(failed_over, 0, noise(64 * KiB))
    home.point_now()
    assert readable(b) == []
    b.do(Kind.SHUT_DOWN, ShutDown(fabric_id=failed_over), encrypted.machine_id)
    newest = home.point_now(final=True)
    again = fail_over(home, newest)
    assert a.read(again)[4 * MiB : 4 * MiB + len(TEXT)] == TEXT
    third = turned(home, again)
    assert third.status().encryption_key_id == key.key_id
    assert b.read(fail_over(third, third.point_now())) == a.read(again)
    assert readable(b) == []


def test_a_key_that_is_lost_or_another_one_is_a_finding_and_loses_nothing(encrypted, key, tmp_path):
    a, b = encrypted.source, encrypted.target
    a.write(encrypted.fabric_id, 0, TEXT)
    encrypted.protect().synchronized()
    points = [point.id for point in encrypted.status().points]
    other = encryption_key.make(tmp_path / "other").path
    for wrong, code in ((tmp_path / "absent", "encryption-key-missing"), (other, "encryption-key-wrong")):
        reopen(b, wrong)
        finding = next(each for each in encrypted.status().findings if each.code == code)
        assert key.key_id in finding.what
        assert [point.id for point in encrypted.status().points] == points
        refused = a.order(Kind.RUN_CYCLE, RunCycle(), encrypted.machine_id)
        assert key.key_id in refused.problem.message
    reopen(b, key.path)
    a.write(encrypted.fabric_id, MiB, TEXT)
    content = a.read(encrypted.fabric_id)
    point_id = encrypted.point_now()
    assert encrypted.status().findings == ()
    assert b.read(start(encrypted, "drill", point_id)["fabric_id"]) == content


def test_a_site_without_a_key_refuses_new_replicas_and_says_what_to_do(pair):
    encrypted = EncryptedPair(pair.source, pair.target, pair.fabric_id)
    found = pair.target.do(Kind.CHECK_TARGET, CheckTarget(encrypted=True))["obstacles"]
    assert "set-key" in found[0]["do"]
    report = pair.target.order(Kind.PREPARE_REPLICA, encrypted.replica_setup(), encrypted.machine_id)
    assert report.problem.code == "encryption-key-missing"
    assert "set-key" in report.problem.do


def test_cycles_that_wait_are_not_readable(encrypted):
    """What is sent lies in the inbox until the replica is free."""
    a, b = encrypted.source, encrypted.target
    encrypted.protect().synchronized()
    with b.replica(encrypted.machine_id).lock("a test", 10):
        a.write(encrypted.fabric_id, 0, TEXT)
        waiting = eventually(lambda: b.replica(encrypted.machine_id).waiting(), 20)
        assert waiting[0][2].read_bytes().startswith(b"SSsealed")
        assert readable(b) == []
    seq = waiting[0][1]
    eventually(lambda: encrypted.status().processed_seq >= seq, 20)


def test_a_plain_cycle_planted_in_the_inbox_is_not_applied(encrypted, monkeypatch):
    """By somebody who may write to the store, but lacks the key."""
    a, b = encrypted.source, encrypted.target
    encrypted.protect().synchronized()
    hosted, told = b.replica(encrypted.machine_id), []
    monkeypatch.setattr(hosted.findings, "add", lambda code, message, *rest: told.append((code, message)))
    with hosted.lock("a test", 10):
        a.write(encrypted.fabric_id, 0, TEXT)
        _, seq, path = eventually(hosted.waiting, 20)[0]
        with encrypted_file.content(path, hosted.replica.file_key) as file:
            plain = file.read(16 * MiB)
        path.write_bytes(plain)
    eventually(lambda: told, 20)
    assert told[0][0] == "replica-damaged"
    assert f"{path} is not encrypted" in told[0][1]
    eventually(lambda: encrypted.status().processed_seq > seq, 30)
    drill = start(encrypted, "drill", encrypted.point_now())["fabric_id"]
    assert b.read(drill) == a.read(encrypted.fabric_id)
