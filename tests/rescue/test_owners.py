"""Stores of two hosts lie side by side: what one has taken over from the other is found from both, and starts
where its owner is gone, once a person has said so."""

import fcntl
import json
import os

import pytest

from secondsite.appliance.target.stores import ownership
from secondsite.rescue import files, main, owners, read, signed, starting
from secondsite.rescue.problems import Problem
from secondsite.rescue.store import Store

FIRST, SECOND = "968f766fb6574657b62c385257433a21", "d6ffbdc844534fb581d9769e65a66179"


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """Of the host where rescue runs, and of another one."""
    here = tmp_path / "start-veto-appliances"
    here.mkdir()
    (here / FIRST).touch()
    monkeypatch.setattr(owners, "HERE", here)
    made = []
    for name, appliance_id in (("b", FIRST), ("b2", SECOND)):
        root = tmp_path / name
        (root / "replicas").mkdir(parents=True)
        (root / "owners").mkdir()
        (root / "store.json").write_text(json.dumps({"appliance_id": appliance_id, "store": "default"}))
        made.append(root)
    return made


def machine(root, owner=None, machine_id="m1"):
    folder = root / "replicas" / machine_id
    folder.mkdir()
    record = {"machine_id": machine_id, "layers": [], "runs": [], "disks": []}
    (folder / "replica.json").write_bytes(signed(record))
    (folder / "machine.json").write_bytes(signed({"name": "web01"}))
    if owner is not None:
        ownership.give(folder, ownership.Owner("none", 4), owner)
    return read(folder)


class Person:
    def __init__(self, says):
        self.says, self.asked = says, []

    def __call__(self, what):
        self.asked.append(what)
        return self.says


def never(what):
    raise AssertionError(what)


def test_the_owners_own_store_says_in_which_one_its_machines_lie(stores, capsys):
    first, second = stores
    machine(first, SECOND)
    machine(first, FIRST, "m2")
    assert main.main(["--store", str(second), "list"]) == 0
    said = capsys.readouterr()
    assert "No machine is in this store." in said.out
    assert f"web01: taken over by the appliance of {second}, and lying in {first}" in said.err
    assert main.main(["--store", str(first), "list"]) == 0
    said = capsys.readouterr()
    assert said.out.count(f"taken over by appliance {SECOND}") == 1
    assert said.err == ""
    main.main(["--store", str(second), "--store", str(first), "list"])
    assert capsys.readouterr().err == "", "it is looked at, too"


@pytest.mark.parametrize("owner", [SECOND, None], ids=["taken over", "never taken over"])
def test_a_replica_of_a_dead_host_is_taken_over_once_a_person_says_that_it_is_off(stores, owner):
    found = machine(stores[0] if owner else stores[1], owner)
    with pytest.raises(Problem, match="Nothing was started"):
        owners.given_up(found, Person(says=False))
    person = Person(says=True)
    former = owners.given_up(found, person)
    assert former is not None
    assert "power that host off" in person.asked[0]
    said = owners.take(found, former)
    assert f"no more that of {SECOND}" in said
    now = ownership.owner_of(found.folder, "nobody")
    assert now == ownership.Owner(FIRST, 6 if owner else 1)
    assert owners.given_up(found, never) is None, "nobody is asked again"
    assert "taken-over" in (found.store / "rescue.jsonl").read_text()


def test_a_replica_of_this_host_starts_without_a_question(stores):
    for number, owner in enumerate((None, FIRST)):
        assert owners.given_up(machine(stores[0], owner, f"m{number}"), never) is None


def test_in_a_store_that_was_brought_here_alone_nobody_is_asked(stores):
    (stores[0] / "store.json").unlink()
    assert owners.given_up(machine(stores[1]), never) is None


def test_a_host_that_has_no_appliance_asks_nobody(stores):
    (owners.HERE / FIRST).unlink()
    assert owners.given_up(machine(stores[0], SECOND), never) is None


def test_nothing_is_taken_from_an_appliance_that_runs(stores):
    found = machine(stores[0], SECOND)
    lock = os.open(stores[0] / "owners" / f"{SECOND}.lock", os.O_RDWR | os.O_CREAT)
    former = owners.given_up(found, Person(says=True))
    assert former is not None
    fcntl.flock(lock, fcntl.LOCK_EX)
    for taken in (lambda: owners.given_up(found, never), lambda: owners.take(found, former)):
        with pytest.raises(Problem, match="at another host, has the replica of web01, and runs"):
            taken()
    assert ownership.owner_of(found.folder, FIRST).appliance_id == SECOND
    os.close(lock)


@pytest.mark.parametrize("said", ["{", "[]", '{"appliance_id": "x"}', '{"appliance_id": "x", "number": "y"}'])
def test_of_a_replica_whose_owner_cannot_be_read_nothing_is_started_nor_given_up(stores, said):
    found = machine(stores[0])
    (found.folder / "owner.json").write_text(said)
    for do in (lambda: owners.given_up(found, never), lambda: starting.discarded(found)):
        with pytest.raises(Problem, match="cannot be read from") as told:
            do()
        assert FIRST in told.value.do
    assert owners.taken_by(found) == "unknown"


def test_what_another_host_s_machine_wrote_is_not_given_up(stores):
    with pytest.raises(Problem, match=f"is that of appliance {SECOND}"):
        starting.discarded(machine(stores[0], SECOND))


def test_a_start_that_nobody_can_confirm_takes_nothing_over(stores, capsys):
    found = machine(stores[0], SECOND)
    assert main.main(["--store", str(stores[0]), "start", "web01"]) == 1
    assert "give --yes" in capsys.readouterr().err
    assert ownership.owner_of(found.folder, FIRST).appliance_id == SECOND
    assert main.main(["--store", str(stores[0]), "start", "web01", "--yes"]) == 1
    assert "no point for 'latest'" in capsys.readouterr().err
    assert ownership.owner_of(found.folder, FIRST).appliance_id == SECOND, "it would not start"
    with files.alone(Store([stores[0]]).roots):
        pass
