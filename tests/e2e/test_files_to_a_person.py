"""Files of a point come to whoever asked for them, through the vault, which keeps nothing of them: whole, or
not at all."""

import contextlib
import http.client
import io
import json
import os
import ssl
import tarfile
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from guestkit import kernels
from rig import Rig, ext4_disks
from rig.eventually import eventually
from secondsite.cli import received_archive
from secondsite.client import connect, errors
from secondsite.ground.units import MiB
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.guest, pytest.mark.timeout(900)]
LARGE_BYTES, DISK_BYTES = 48 * MiB, 64 * MiB
FILES = {"etc/hosts": b"127.0.0.1 localhost\n", "etc/deep/x": b"deep", "large": os.urandom(LARGE_BYTES)}

PROTECT = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")


@pytest.fixture(scope="module")
def rig():
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secondsite-", dir="/var/tmp")))
        rig = stack.enter_context(Rig("simulated", folder, forked=True))
        guest = folder / "guest"
        guest.mkdir()

        def furnish(site):
            if site == "a":
                made = rig.make_simulated("web01", disk_bytes=(DISK_BYTES,))
                made.write(0, ext4_disks.disk(guest, FILES, DISK_BYTES))

        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        settings = rig.home("appliance-b") / "appliance.json"
        rig.appliances["b"].stop()
        there = json.loads(settings.read_text()) | {"kernel_root": str(kernels.installed())}
        settings.write_text(json.dumps(there))
        rig.appliances["b"].start()
        rig.wait_connected()
        command_line.do(rig, *PROTECT)
        yield rig


@pytest.fixture(scope="module")
def point_id(rig):
    """A point that stays, however many are made meanwhile."""
    made = rig.new_points("web01")[0].id
    with rig.client() as vault:
        vault.machines["web01"].points[made].hold("its files are fetched")
    return made


@pytest.fixture
def point(rig, point_id):
    with rig.client() as vault:
        yield vault.machines["web01"].points[point_id]


def helpers(rig):
    """Helper machines of site b that run."""
    told = Path(f"/proc/{rig.appliances['b'].pid}/task").glob("*/children")
    children = " ".join(each.read_text() for each in told).split()
    return [pid for pid in children if "secondsite-helper" in _command(pid)]


def _command(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def peak_bytes(process):
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def contents(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        read = {each.name: archive.extractfile(each) for each in archive if each.isreg()}
        return {name: file.read() for name, file in read.items() if file is not None}


def ends(rig):
    """How what was sent has ended, by the audit log."""
    with rig.client() as vault:
        return [json.loads(each.details) for each in vault.audit.list() if each.verb == "sent files"]


def test_what_comes_is_what_the_point_holds_and_it_is_on_record(rig, point_id, tmp_path):
    before, archive = peak_bytes(rig.vault), tmp_path / "web01.tar"
    command_line.told(rig, "point", "fetch-files", "web01", point_id, "vda", "--output", str(archive))
    files = contents(archive.read_bytes())
    assert files == {f"vda/{name}": content for name, content in FILES.items()}
    assert peak_bytes(rig.vault) - before < LARGE_BYTES / 2
    last = eventually(lambda: ends(rig)[0], 30)
    assert (last["path"], last["why"]) == ("vda", "all of it was sent")
    assert last["sent_bytes"] == archive.stat().st_size
    assert helpers(rig) == []
    again = rig.cli("point", "fetch-files", "web01", point_id, "vda/etc", "--output", str(archive))
    assert "is not overwritten" in again.stdout + again.stderr
    with rig.client() as vault:
        asked = [each for each in vault.audit.list() if each.object.endswith("send-files")]
    assert any('"vda"' in each.details for each in asked if each.verb != "sent files")


def test_what_cannot_be_read_is_told_before_anything_is_sent(rig, point):
    for path, error in (("vda/none", errors.NotPossibleNow), ("vdz", errors.NotFound)):
        with pytest.raises(error):
            next(point.send_files(path))
    assert helpers(rig) == []


def test_who_may_not_read_files_gets_none(rig, point_id):
    with rig.client() as vault:
        token = vault.tokens.create("carl", "reader").token
        ca = rig.home("vault") / "pki" / "ca.pem"
        with connect(rig.url, token, ca) as theirs, pytest.raises(errors.Forbidden):
            next(theirs.machines["web01"].points[point_id].send_files("vda"))
        vault.tokens["carl"].delete()


@pytest.mark.parametrize("who", ["appliance", "vault"])
def test_an_archive_that_is_cut_off_says_so_and_no_file_has_its_name(rig, point, tmp_path, who):
    process = rig.appliances["b"] if who == "appliance" else rig.vault

    def cut():
        pieces = point.send_files("vda/large")
        yield next(pieces)
        process.kill()
        yield from pieces

    try:
        with pytest.raises(errors.VaultUnreachable, match="cut off before its end"):
            received_archive.write(cut(), str(tmp_path / "large.tar"))
        assert list(tmp_path.iterdir()) == []
    finally:
        process.start()
        rig.wait_connected()


class Older(http.client.HTTPSConnection):
    """As an old proxy asks."""

    _http_vsn, _http_vsn_str = 10, "HTTP/1.0"


def test_by_http_1_0_where_a_cut_is_not_seen_nothing_is_sent(rig, point_id):
    where, ca = urlsplit(rig.url), str(rig.home("vault") / "pki" / "ca.pem")
    with rig.client() as vault:
        token = vault.tokens.create("dora", "contributor").token
        asked = Older(where.hostname, where.port, context=ssl.create_default_context(cafile=ca))
        with contextlib.closing(asked):
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            path = f"/api/machines/web01/points/{point_id}/send-files"
            asked.request("POST", path, json.dumps({"path": "vda/etc/hosts"}), headers)
            answer = asked.getresponse()
            assert (answer.status, b"HTTP/1.0" in answer.read()) == (422, True)
        vault.tokens["dora"].delete()


def test_a_person_who_leaves_ends_the_reading(rig, point):
    pieces = point.send_files("vda/large")
    assert len(next(pieces)) > 0
    pieces.close()
    eventually(lambda: helpers(rig) == [], 60)
    assert eventually(lambda: ends(rig)[0], 30)["why"] == "the person left"
    assert contents(b"".join(point.send_files("vda/etc/hosts"))) == {"hosts": FILES["etc/hosts"]}
