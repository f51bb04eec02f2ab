"""Which folders rescue takes for stores of the appliance, of all that lie at the paths that it had."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from secondsite import rescue
from secondsite.rescue import copies, files
from secondsite.rescue.store import Store

MACHINE = "0b5c1d1e-0000-4000-8000-00000000000{}"


def machine(root, number):
    folder = root / "replicas" / MACHINE.format(number)
    folder.mkdir(parents=True)
    record = {"machine_id": folder.name, "layers": [], "runs": [], "disks": []}
    (folder / "replica.json").write_bytes(rescue.signed(record))
    (folder / "machine.json").write_bytes(rescue.signed({"name": f"vm{number}"}))


def marked(root, appliance="one"):
    place = {"root": str(root), "host": "here", "inode": (root / "replicas").stat().st_ino}
    (root / "store.json").write_text(
        json.dumps({"appliance_id": appliance, "store": "default", "place": place})
    )


@pytest.fixture
def original(tmp_path):
    """The stores of an appliance: each says where both are."""
    roots = [tmp_path / "default", tmp_path / "fast"]
    for number, root in enumerate(roots):
        machine(root, number)
        marked(root)
        (root / "configuration.json").write_bytes(rescue.signed({"stores": [str(each) for each in roots]}))
    return roots


@pytest.fixture
def copy(original, tmp_path):
    found = tmp_path / "copy"
    shutil.copytree(original[0], found)
    (found / rescue.NAME).write_bytes(rescue.bundle())
    return found


def names(store):
    return [each.name for each in store.replicas()[0]]


def typed(root, *words, user=None):
    line = [sys.executable, str(root / rescue.NAME), *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, user=user)


@pytest.mark.parametrize(("flipped", "found"), [(1, "/elsewhere"), (0, None), (None, None)])
def test_a_folder_with_the_number_of_a_removed_one_is_another(tmp_path, flipped, found):
    machine(tmp_path, 1)
    inode, generation = files.number(tmp_path / "replicas")
    if generation is None:
        pytest.skip("this file system does not tell which use of a number a file is")
    written = None if flipped is None else generation ^ flipped
    place = {"root": "/elsewhere", "host": "here", "inode": inode, "generation": written}
    (tmp_path / "store.json").write_text(json.dumps({"place": place}))

    assert copies.original_of(tmp_path) == found
    assert bool(list(copies.told([tmp_path]))) == bool(found)


def test_the_stores_of_one_appliance_are_one(original):
    store = Store([original[0]])
    assert (names(store), store.away, store.beside) == (["vm0", "vm1"], [], [])


def test_on_the_originals_host_a_copy_means_itself(original, copy):
    said = typed(copy, "list")
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("vm0") == 1
    assert "is a copy of" in said.stderr
    assert f"{original[1]} is not looked at" in said.stderr
    assert str(original[0]) + " is not looked at" not in said.stderr
    assert [each["store"] for each in json.loads(typed(copy, "--json", "list").stdout)["machines"]] == [
        str(copy)
    ]


def test_elsewhere_it_is_whole_without_its_original(original, copy):
    for root in original:
        shutil.rmtree(root)
    assert typed(copy, "verify").returncode == 0


def test_several_machines_are_verified_at_once(original, copy):
    assert typed(copy, "verify", "vm0", "vm0").returncode == 0
    assert "no machine 'vm1'" in typed(copy, "verify", "vm0", "vm1").stderr


def test_a_copy_in_the_place_of_its_original_has_the_stores_beside_it(original, copy):
    shutil.rmtree(original[0])
    copy.rename(original[0])
    assert names(Store([original[0]])) == ["vm0", "vm1"]


@pytest.mark.parametrize("owner", ["another", None])
def test_what_another_appliance_has_at_the_path_is_not_taken(original, owner):
    marked(original[1], owner) if owner else (original[1] / "store.json").unlink()
    store = Store([original[0]])
    assert names(store) == ["vm0"]
    (said,) = store.replicas()[1]
    assert said.startswith(f"{original[1]} is not known as a store of the appliance")
    assert names(Store(original)) == ["vm0", "vm1"], "whoever names it means it"


def test_in_which_store_a_machine_lies_is_said(original):
    (original[0] / rescue.NAME).write_bytes(rescue.bundle())
    said = typed(original[0], "list").stdout
    for number, root in enumerate(original):
        assert next(line for line in said.splitlines() if f"vm{number}" in line).endswith(str(root))


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
def test_a_store_that_may_not_be_read_is_counted_as_away(original, tmp_path):
    for path in (tmp_path, original[0]):
        path.chmod(0o755)
    (original[0] / rescue.NAME).write_bytes(rescue.bundle())
    original[1].chmod(0o700)
    said = typed(original[0], "list", user="nobody")
    assert "vm0" in said.stdout, said.stderr
    assert f"{original[1]} cannot be read (Permission denied); " in said.stderr
    assert said.returncode == 1
