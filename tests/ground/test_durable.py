"""Files are whole or absent, whatever comes between."""

import os
import stat
from typing import Any

import pytest

from secondsite.ground import durable


def test_a_file_has_the_new_content_and_no_more_rights_than_were_given(tmp_path):
    path = tmp_path / "new" / "folder" / "token"
    durable.write(path, "geheim ü", 0o600)
    assert path.read_bytes() == "geheim ü".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["token"]


def test_a_block_that_fails_leaves_the_old_content_and_nothing_beside_it(tmp_path):
    path = tmp_path / "record"
    durable.write(path, "old")
    with pytest.raises(KeyboardInterrupt), durable.replacing(path) as file:
        file.write(b"half of the new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["record"]


def test_what_a_killed_process_left_half_written_is_in_nobodys_way(tmp_path):
    path = tmp_path / "record"
    path.with_name(".record.part").write_text("of a process that was killed")
    durable.write(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["record"]


def test_content_is_on_the_disk_before_its_name_is_and_the_name_before_we_return(tmp_path, monkeypatch):
    done: list[Any] = []
    _told(monkeypatch, done, "fsync", lambda file: _kind(file))
    _told(monkeypatch, done, "replace", lambda *_: "")
    with durable.replacing(tmp_path / "record") as file:
        file.write(b"content that a buffer holds")
    assert done == [("fsync", "file of 27 bytes"), ("replace", ""), ("fsync", "folder")]


def test_a_new_file_never_takes_the_place_of_one_that_is_there(tmp_path):
    path = tmp_path / "key"
    durable.write_new(path, b"first")
    with pytest.raises(FileExistsError):
        durable.write_new(path, b"second")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def _told(monkeypatch, done, name, about):
    real = getattr(os, name)

    def told(*arguments, **named):
        done.append((name, about(*arguments)))
        return real(*arguments, **named)

    monkeypatch.setattr(os, name, told)


def _kind(file):
    facts = os.fstat(file)
    return "folder" if stat.S_ISDIR(facts.st_mode) else f"file of {facts.st_size} bytes"
