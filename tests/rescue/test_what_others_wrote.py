"""What machines and plans are called at another site steers no terminal, and looks like no line of ours."""

import io
import os
import re
import shlex
import shutil

import pytest

from secondsite.rescue import main, signed

ODD = "web01\x1b]0;owned\x07\x1b[2J\nweb02  9 points\t\u202egnp"
SHOWN = "web01\ufffd]0;owned\ufffd\ufffd[2J web02  9 points \ufffdgnp"


@pytest.fixture
def store(tmp_path):
    """With a machine and a plan of odd names."""
    folder = tmp_path / "replicas" / "m1"
    (folder / "points").mkdir(parents=True)
    layers = [{"number": 1, "point_id": "p1"}]
    record = {"machine_id": "m1", "layers": layers, "runs": [], "holds": [["p1", ODD]], "disks": []}
    (folder / "replica.json").write_bytes(signed(record))
    manifest = {"taken_at": ODD, "consistency": ODD, "machine_name": ODD, "disks": [], "definition": {}}
    (folder / "points" / "p1.json").write_bytes(signed(manifest))
    look = {"name": ODD, "instruction": ODD}
    groups = [{"before": [look], "machines": [{"id": "m1", "name": ODD}, {"id": ODD, "name": ODD}]}]
    configuration = {"plans": [{"name": ODD, "groups": groups}], "at": ODD, "site": ODD}
    (tmp_path / "configuration.json").write_bytes(signed(configuration))
    return tmp_path


def test_a_plan_that_asks_somebody_begins_at_no_pipe(store, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main.main(["--store", str(store), "run-plan", ODD, "--qemu"]) != 0
    told = capsys.readouterr()
    assert "group 1" not in told.out
    assert "somebody has to say that this is done" in told.err


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["list"], 2),
        (["points", "m1"], 2),
        (["plans"], 3),
        (["start", "m1", "--qemu"], 2),
        (["run-plan", "nosuch"], 2),
        (["run-plan", ODD, "--yes", "--qemu"], 8),
    ],
)
def test_it_is_shown_as_what_it_is(store, capsys, words, lines):
    main.main(["--store", str(store), *words])
    told = "".join(capsys.readouterr())
    assert SHOWN in told
    assert all(sign.isprintable() or sign == "\n" for sign in told)
    assert len(told.splitlines()) == lines


def test_a_machine_is_found_by_the_name_that_is_shown(store, capsys):
    assert main.main(["--store", str(store), "points", SHOWN]) == 0
    assert "p1" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["-old disk", "web 'one'", "--yes"])
def test_what_is_suggested_for_a_machine_of_any_name_can_be_typed(store, capsys, name):
    point = store / "replicas" / "m1" / "points" / "p1.json"
    point.write_bytes(signed({"taken_at": ODD, "machine_name": name, "disks": [], "definition": {}}))
    at_store = ["--store", str(store)]
    assert main.main([*at_store, "start", "--point", "nosuch", "--qemu", "--", name]) == 1
    suggested = re.search("'(points .*)'", capsys.readouterr().err)
    assert suggested, name
    assert main.main([*at_store, *shlex.split(suggested[1])]) == 0
    assert "p1" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["runs", "points", "disks"])
def test_a_machine_whose_folders_lead_elsewhere_is_not_started(store, tmp_path_factory, capsys, name):
    elsewhere, folder = tmp_path_factory.mktemp("elsewhere"), store / "replicas" / "m1"
    if (folder / name).exists():
        shutil.rmtree(folder / name)
    (folder / name).symlink_to(elsewhere)
    assert main.main(["--store", str(store), "start", "m1", "--qemu"]) == 1
    assert f"{name} is a symbolic link" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", ["rescue.jsonl", "appliance.lock"])
def test_what_is_written_down_is_written_into_no_file_of_the_host(store, tmp_path_factory, name):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    elsewhere.write_text("the host's\n")
    (store / name).unlink(missing_ok=True)
    (store / name).symlink_to(elsewhere)
    main.main(["--store", str(store), "discard", "m1"])
    main.main(["--store", str(store), "start", "m1", "--qemu"])
    assert elsewhere.read_text() == "the host's\n"


def pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def endless(path):
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def huge(path):
    with path.open("ab") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize("make", [pipe, endless, huge])
@pytest.mark.parametrize(
    "name",
    ["configuration.json", "store.json", "rescue.jsonl", "replicas/m1/replica.json",
    "replicas/m1/points/p1.json", "replicas/m1/start.json"],
)  # fmt: skip
def test_what_is_no_file_hides_nothing_else(store, capsys, name, make):
    """A pipe in place of one record was waited for without an end, by whoever wanted to start any machine
    of that store."""
    other = store / "replicas" / "m2"
    shutil.copytree(store / "replicas" / "m1", other)
    (other / "replica.json").write_bytes(signed({"machine_id": "m2", "layers": [], "runs": [], "disks": []}))
    make(store / name)
    main.main(["--store", str(store), "list"])
    assert "m2" in "".join(capsys.readouterr())
