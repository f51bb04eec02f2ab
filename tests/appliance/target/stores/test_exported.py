"""A point leaves the store as image files, by the program that lies in it, while its appliance works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rig.appliances import EncryptedPair, Pair
from rig.noise import noise
from secondsite import rescue
from secondsite.datapath.encryption import encryption_key
from secondsite.ground.units import KiB
from secondsite.rescue import exporting
from secondsite.rescue.problems import Problem
from secondsite.rescue.store import Store

pytestmark = pytest.mark.slow
DISGUISED = (
    b"QFI\xfb\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x0b\x00\x00\x00\x10" + bytes(80)
)
"""What a guest may begin its disk with: the header of an image that names another file below it."""


@pytest.fixture
def key(tmp_path):
    return encryption_key.make(tmp_path / "key")


@pytest.fixture(params=["plain", "encrypted"])
def kept(request, make_site, key):
    """A machine with two points, and what its disk held at each."""
    a, b = make_site("a").start(), make_site("b")
    if request.param == "encrypted":
        b.keep_key(key.path)
    kind = EncryptedPair if request.param == "encrypted" else Pair
    pair = kind(a, b.start(), a.make_machine()).protect().synchronized()
    pair.pause()
    held = {}
    for number in range(2):
        a.write(pair.fabric_id, number * 256 * KiB, noise(64 * KiB, seed=number))
        held[pair.point_now()] = a.read(pair.fabric_id)
    return pair, held, ["--key-file", str(key.path)] if request.param == "encrypted" else []


def export(pair, folder, *words):
    program = pair.target.config.store / rescue.NAME
    command = [sys.executable, str(program), "--json", "export", pair.name, "--to", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def content(image, kind, tmp_path):
    plain = tmp_path / "plain"
    subprocess.run(["qemu-img", "convert", "-f", kind, "-O", "raw", image, plain], check=True, timeout=60)
    return plain.read_bytes()


@pytest.mark.parametrize("kind", exporting.FORMATS)
def test_the_newest_point_is_written_as_it_was_sealed(kept, tmp_path, kind):
    pair, held, unlocked = kept
    said = export(pair, tmp_path / "out", "--format", kind, *unlocked)
    assert said.returncode == 0, said.stderr
    image, about = json.loads(said.stdout)["files"]
    newest = list(held)[-1]
    assert content(image, kind, tmp_path) == held[newest]
    told = json.loads((tmp_path / "out" / about).read_text())
    assert (told["point"], told["machine"]) == (newest, pair.name)


def test_an_older_one_too_and_nothing_that_is_there_is_overwritten(kept, tmp_path):
    pair, held, unlocked = kept
    older = next(iter(held))
    said = export(pair, tmp_path / "out", "--point", older, *unlocked)
    [image, _] = json.loads(said.stdout)["files"]
    assert content(image, "qcow2", tmp_path) == held[older]
    again = export(pair, tmp_path / "out", "--point", older, *unlocked)
    assert again.returncode == 1
    assert "is there already, and is not overwritten" in again.stderr


def test_a_point_that_is_not_there_and_a_folder_without_room_leave_nothing(kept, tmp_path):
    pair, _, unlocked = kept
    said = export(pair, tmp_path / "out", "--point", "P9", *unlocked)
    assert "has no recovery point 'P9'" in said.stderr
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
    try:
        said = export(pair, small, *unlocked)
        assert said.returncode == 1
        assert "Make room there" in said.stderr
        assert not list(small.iterdir())
    finally:
        subprocess.run(["umount", small], check=True)


def test_what_a_guest_writes_at_the_beginning_names_no_file_of_the_host(kept, tmp_path):
    pair, _, unlocked = kept
    pair.source.write(pair.fabric_id, 0, DISGUISED)
    pair.point_now()
    said = export(pair, tmp_path / "out", "--format", "raw", *unlocked)
    assert said.returncode == 0, said.stderr
    image = json.loads(said.stdout)["files"][0]
    assert content(image, "raw", tmp_path) == pair.source.read(pair.fabric_id)


def test_what_is_not_what_was_sealed_gets_no_name(kept, tmp_path):
    """As if files were merged while it was written."""
    pair, held, unlocked = kept
    replica = Store([pair.target.config.store]).find(pair.name)
    newest = replica.points[-1]
    assert newest.id == list(held)[-1]
    newest.manifest["disks"][0]["digest"] = "0" * 32
    key = Path(unlocked[1]) if unlocked else None
    with pytest.raises(Problem, match="is not what was sealed"):
        exporting.exported(replica, newest.id, tmp_path / "out", "qcow2", key, lambda *_: None)
    assert not list((tmp_path / "out").iterdir())
