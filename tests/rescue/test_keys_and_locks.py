"""Rescue believes no record that was changed, uses no key but the machine's own, and works in no store in
which somebody else works."""

import fcntl
import json
import os

import pytest

from secondsite import rescue
from secondsite.rescue import files, keys
from secondsite.rescue.problems import Problem
from secondsite.rescue.store import Replica

SECRET, OTHER = b"the key of this machine", b"another one"


def encrypted(tmp_path, next_key_id=None):
    record = {"machine_id": "m1", "key_id": keys.key_id(SECRET), "next_key_id": next_key_id}
    return Replica(tmp_path, record, (), {"machine": "web01"})


@pytest.fixture
def key_file(tmp_path):
    def made(secret):
        path = tmp_path / "key"
        path.write_bytes(secret)
        return path

    return made


def test_only_the_key_that_a_machine_is_encrypted_with_is_used(tmp_path, key_file):
    path = key_file(SECRET)
    assert keys.key_for(encrypted(tmp_path), path) == path
    with pytest.raises(Problem, match="web01 is encrypted with key"):
        keys.key_for(encrypted(tmp_path), key_file(OTHER))


def test_the_key_that_a_machine_was_just_given_opens_it_too(tmp_path, key_file):
    path = key_file(OTHER)
    assert keys.key_for(encrypted(tmp_path, keys.key_id(OTHER)), path) == path


def test_a_record_in_which_one_word_was_changed_is_not_believed(tmp_path):
    path = tmp_path / "replica.json"
    path.write_bytes(rescue.signed({"machine_id": "m1", "layers": []}))
    body = json.loads(path.read_bytes())
    assert files.trusted(path) == {"machine_id": "m1", "layers": []}
    path.write_text(json.dumps({**body, "machine_id": "m2"}))
    with pytest.raises(ValueError, match="sha256 does not match"):
        files.trusted(path)


def test_nothing_is_done_in_a_store_in_which_an_appliance_works(tmp_path):
    taken = os.open(tmp_path / files.LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(taken, fcntl.LOCK_EX)
    with pytest.raises(Problem, match="An appliance works in"), files.alone([tmp_path]):
        pytest.fail("it was entered")
    os.close(taken)
    with files.alone([tmp_path]):
        pass
