"""Sockets of long paths lie in a folder that nobody else could have made."""

import os
import socket
import tempfile

import pytest

from secondsite.ground.processes import short_folder

LONGEST = 60


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder whose path is too long, and a place for temporary files of this test's own."""
    shared = tmp_path / "tmp"
    shared.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    return tmp_path / ("x" * LONGEST)


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_short_place_is_its_own_folder(tmp_path):
    place = tmp_path / "sockets"

    assert short_folder.made(place, len(str(place))) == place
    assert place.is_dir()


def test_a_long_place_has_one_private_folder_of_a_name_that_nobody_foresees(place, tmp_path):
    first = short_folder.made(place, LONGEST)

    assert first.parent == tmp_path / "tmp"
    assert first.stat().st_mode & 0o777 == 0o700
    assert short_folder.made(place, LONGEST) == first == short_folder.last(place, LONGEST)


def test_two_places_of_one_name_in_two_runs_do_not_share_a_name(place, tmp_path):
    first = short_folder.made(place, LONGEST)
    first.rmdir()
    (place / "short").unlink()

    assert short_folder.made(place, LONGEST).name != first.name


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder that belongs to another")
def test_a_folder_that_a_stranger_put_in_place_of_ours_is_not_used(place):
    ours = short_folder.made(place, LONGEST)
    ours.rmdir()
    ours.mkdir(mode=0o700)
    os.chown(ours, 65534, 65534)

    assert short_folder.made(place, LONGEST) != ours


def test_a_link_or_an_open_folder_in_place_of_ours_is_not_used(place, tmp_path):
    ours = short_folder.made(place, LONGEST)
    ours.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    ours.symlink_to(tmp_path / "elsewhere")
    second = short_folder.made(place, LONGEST)
    second.chmod(0o777)

    assert len({ours, second, short_folder.made(place, LONGEST)}) == 3


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_we_gave_to_the_hypervisors_user_stays_the_one(place):
    ours = short_folder.made(place, LONGEST, owner=65534)
    os.chown(ours, 65534, 65534)

    assert short_folder.made(place, LONGEST, owner=65534) == ours


def test_a_socket_in_the_folder_can_be_bound(place):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(short_folder.made(place, LONGEST) / "nbd.sock"))
