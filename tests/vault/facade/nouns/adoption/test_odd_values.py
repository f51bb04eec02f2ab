"""A store that was edited, damaged, or lies: each odd value costs the thing that has it, which is named,
and nothing beside it."""

import json

import pytest

from secondsite.wire.control.adopting import AdoptableSite
from secondsite.wire.control.orders import Kind
from tests.support import extremes
from tests.vault.facade.nouns.adoption.support_saying import Appliance, found, kept, record, said

pytestmark = pytest.mark.slow
CARD = {"mac": "52:54:00:00:00:01", "address": "10.2.0.5/24"}


class Edited(Appliance):
    """`edit` changes what it says."""

    def __init__(self, edit, *machines, **changes):
        super().__init__(machines, **changes)
        self._edit = edit

    def answers(self):
        def show(order):
            told = self._show(order)
            self._edit(told["facts"])
            return told

        return {**super().answers(), Kind.SHOW_KEPT: show}


def both():
    return found(kept=kept(cards=[CARD])), found("m2", "db01", kept=kept("m2", "db01"))


def edited(path, value):
    def edit(facts):
        inside = facts
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("machines", 0, "kept", "cards", 0, "address"), "nonsense", "cards.0"),
        (("machines", 0, "kept", "drilled_at"), "9999-12-31T23:59:59Z", "drilled_at"),
        (("machines", 0, "kept", "properties", "memory_bytes"), -5, "properties"),
        (("machines", 0, "policy"), {"name": "q", "retention_seconds": -5}, "retention_seconds"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_an_odd_setting_of_a_machine_is_left_out_and_named(vault, adopt, path, value, named):
    done = {each.id: each for each in adopt(Edited(edited(path, value), *both(), vault=said())).machines}
    assert (str(done["m1"].end), str(done["m2"].end)) == ("adopted", "adopted")
    assert any("left out" in each and named in each for each in done["m1"].says), done["m1"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("machines", 0, "replica", "epoch"), 2**63 - 1),
        (("machines", 0, "generation"), 2**63 - 1),
        (("machines", 0, "disks"), ["vda", 5]),
        (("machines", 0, "id"), "x" * 100),
        (("machines", 0, "definition", "disks", 0, "size_bytes"), -1),
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_machine_that_stands_on_what_cannot_be_is_left_and_named(vault, adopt, path, value):
    done = [
        each for each in adopt(Edited(edited(path, value), *both(), vault=said())).machines if each.id != "m2"
    ]
    assert [str(each.end) for each in done] == ["left"]
    assert done[0].says
    assert record(vault) is None
    assert record(vault, "m2") is not None


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("vault", "policies", 0, "policy", "retention_seconds"), -1, "policies.0.policy (quick)"),
        (("vault", "groups"), [{"name": "X!", "source_site": "a", "target_site": "b"}], "groups.0"),
        (("vault", "plans"), [{"name": "UP", "groups": []}], "plans.0 (UP)"),
        (("vault", "sites", 1, "bandwidth"), {"bytes_per_second": -4}, "sites.1.bandwidth (b)"),
        (("vault", "mappings"), [5], "mappings.0"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_what_is_odd_of_a_vaults_own_settings_is_named_and_all_machines_are_adopted(
    vault, adopt, path, value, named
):
    done = adopt(Edited(edited(path, value), *both(), vault=said()))
    assert {str(each.end) for each in done.machines} == {"adopted"}
    assert any(named in each for each in done.missing), done.missing


def test_no_value_at_any_place_keeps_another_machine_from_being_found():
    whole = AdoptableSite(site="b", said_at="2026-11-20T12:00:00Z", vault=said(), machines=both()).model_dump(
        mode="json"
    )
    count = 0
    for path in extremes.places(whole):
        inside = path[2:] if path[:2] == ("machines", 0) else path[1:] if path[0] == "vault" else ()
        for value in extremes.EXTREMES if inside else ():
            count += 1
            told = AdoptableSite.model_validate(extremes.with_value(whole, path, value))
            assert told.machines[1].kept is not None, (path, value)
            assert told.machines[1].problem is None, (path, value)
            json.dumps(told.model_dump(mode="json"), allow_nan=False)
    assert count > 3000
