"""A plan from the store: in its order, a machine that fails keeps no other, a person who says no ends it."""

import errno
import io
import json

import pytest

from secondsite.rescue import files, main, plans, signed
from secondsite.rescue.problems import Problem
from secondsite.rescue.store import Store

LOOK = {"name": "Look", "instruction": "Look at it"}
SHOP = {
    "name": "shop",
    "groups": [
        {"machines": [{"id": "1", "name": "db01"}], "after": [LOOK]},
        {"machines": [{"id": "2", "name": "app01"}, {"id": "3", "name": "app02"}]},
        {
            "machines": [{"id": "4", "name": "web01"}],
            "before": [{"name": "DNS", "script": "move", "kinds": ["unplanned", "planned"]}],
            "after": [{"name": "Drill", "instruction": "Say it", "kinds": ["test"]}],
        },
    ],
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


NO_POINTS = Problem("it has no points.", "Ask")
FULL = OSError(errno.ENOSPC, "No space left on device", "/store/replica.json")


class Person:
    """Notes what is done, in order; `no`: which steps are not done; `broken`: which machines do not start."""

    def __init__(self, no="", broken=(), error=NO_POINTS):
        self.did, self._no, self._broken, self._error = [], no, broken, error

    def start(self, machine_id):
        self.did.append(machine_id)
        if machine_id in self._broken:
            raise self._error
        return f"{machine_id} runs"

    def ask(self, what):
        self.did.append(what.strip().split(":")[0])
        return self.did[-1] != self._no

    def run(self):
        return plans.run(SHOP, self.start, lambda _: None, self.ask)


def test_groups_start_one_after_the_other_with_what_people_do_in_between():
    person = Person()
    assert person.run() == []
    assert person.did == ["1", "Look", "2", "3", "DNS", "4"]


@pytest.mark.parametrize(
    ("error", "told"),
    [(NO_POINTS, "it has no points. Ask"), (FULL, "/store/replica.json: No space left on device.")],
    ids=["points", "space"],
)
def test_a_machine_that_does_not_start_keeps_no_other(error, told):
    person = Person(broken=("2",), error=error)
    assert person.run() == [f"app01: {told}"]
    assert person.did == ["1", "Look", "2", "3", "DNS", "4"]


def test_a_step_that_was_not_done_ends_it():
    person = Person(no="Look")
    with pytest.raises(Problem, match="'Look' was not done"):
        person.run()
    assert person.did == ["1", "Look"]


def test_the_first_action_that_a_person_is_asked_about_is_known_before_a_machine_starts():
    assert plans.asked_first(SHOP) == "Look"
    assert plans.asked_first({"groups": SHOP["groups"][1:2]}) is None
    assert plans.asked_first({}) is None


def kept(root, number, named_beside=True):
    folder = root / "replicas" / f"m{number}"
    (folder / "points").mkdir(parents=True)
    layers = [{"number": 1, "point_id": "p1"}]
    record = {"machine_id": folder.name, "layers": layers, "runs": [], "disks": []}
    (folder / "replica.json").write_bytes(signed(record))
    point = {"taken_at": "", "machine_name": f"vm{number}", "disks": []}
    (folder / "points" / "p1.json").write_bytes(signed(point))
    if named_beside:
        (folder / "machine.json").write_bytes(signed({"name": f"vm{number}"}))


@pytest.fixture
def store(tmp_path):
    """With three machines, and a plan of these and of some that another store has."""
    for number in range(3):
        kept(tmp_path, number)
    machines = [{"id": f"m{number}", "name": f"vm{number}"} for number in range(5)]
    shop = {"plans": [{"name": "shop", "groups": [{"machines": machines}]}]}
    (tmp_path / "configuration.json").write_bytes(signed(shop))
    return tmp_path


@pytest.fixture
def read(monkeypatch):
    """The machines whose points were read, once for each time."""
    read, trusted = [], files.trusted

    def noted(path):
        if path.parent.name == "points":
            read.append(path.parent.parent.name)
        return trusted(path)

    monkeypatch.setattr(files, "trusted", noted)
    return read


def test_a_plan_reads_the_points_of_each_of_its_machines_once(store, read, capsys):
    main.main(["--store", str(store), "run-plan", "shop", "--qemu", "--yes"])
    assert read == ["m0", "m1", "m2"]
    told = capsys.readouterr().out
    assert "FAILED vm3: The store has no machine 'm3'." in told
    assert "FAILED vm4: The store has no machine 'm4'." in told


def test_a_machine_is_found_by_its_name_without_the_points_of_others(store, read):
    assert Store([store]).find("vm1").id == "m1"
    assert read == ["m1"]


def test_a_machine_whose_name_only_its_points_say_is_found_by_it(store):
    kept(store, 7, named_beside=False)
    assert Store([store]).find("vm7").id == "m7"


def test_a_plan_takes_no_other_machine_by_its_name(store):
    kept(store, 8)
    (store / "replicas" / "m8" / "machine.json").write_bytes(signed({"name": "m1"}))
    assert Store([store]).of("m1").name == "vm1"
    with pytest.raises(Problem, match="2 machines are named 'm1'"):
        Store([store]).find("m1")
    with pytest.raises(Problem, match=r"no machine '\.\./m1'"):
        Store([store]).of("../m1")


def namesake(store, number, ended=False):
    """Another machine that is named vm1."""
    kept(store, number)
    folder = store / "replicas" / f"m{number}"
    (folder / "machine.json").write_bytes(signed({"name": "vm1"}))
    if ended:
        (folder / "ended.json").write_bytes(signed({"at": "2026-11-28T11:40:00+00:00"}))


def test_files_that_an_ended_protection_left_do_not_make_a_name_ambiguous(store):
    namesake(store, 8, ended=True)
    assert Store([store]).find("vm1").id == "m1"
    assert Store([store]).find("m8").id == "m8"


def test_a_machine_of_which_only_an_ended_protection_left_files_is_found_by_its_name(store):
    (store / "replicas" / "m2" / "ended.json").write_bytes(signed({"at": "2026-11-28T11:40:00+00:00"}))
    assert Store([store]).find("vm2").id == "m2"


def listed(store, capsys):
    main.main(["--store", str(store), "list"])
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_a_list_shows_the_ids_where_a_name_is_not_unique(store, capsys):
    assert "id" not in listed(store, capsys)[0]
    namesake(store, 8)
    head, *rows = listed(store, capsys)
    assert head[:2] == ["machine", "id"]
    assert [row[:2] for row in rows if row[0] == "vm1"] == [["vm1", "m1"], ["vm1", "m8"]]
    with pytest.raises(Problem, match="2 machines are named 'vm1'") as problem:
        Store([store]).find("vm1")
    assert "m1, m8; 'list' shows them" in problem.value.do


def test_a_list_says_which_files_an_ended_protection_left(store, capsys):
    namesake(store, 8, ended=True)
    (row,) = (line for line in listed(store, capsys) if line[1] == "m8")
    assert " ".join(row).endswith("not started; protection ended 2026-11-28 11:40:00Z")
    assert sum("ended" in line for line in listed(store, capsys)) == 1


def test_as_json_a_plan_prints_nothing_else_and_asks_beside_it(store, capsys, monkeypatch):
    configuration = store / "configuration.json"
    plan = {"name": "shop", "groups": [{"machines": [{"id": "m9", "name": "vm9"}], "after": [LOOK]}]}
    configuration.write_bytes(signed({"plans": [plan]}))
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    main.main(["--store", str(store), "--json", "run-plan", "shop", "--qemu"])
    told = capsys.readouterr()
    failed = "vm9: The store has no machine 'm9'. See which there are: 'list'."
    assert json.loads(told.out) == {"said": ["group 1 of 1", f"FAILED {failed}"], "failed": [failed]}
    assert "Look: Look at it. Done? [yes/no]" in told.err
