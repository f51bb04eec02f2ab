"""A plan from the store: in its order, a machine that fails keeps no other, a person who says no ends it."""

import errno

import pytest

from secondsite.rescue import plans
from secondsite.rescue.problems import Problem

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
