"""A rule on what takes machines out of groups holds for the call that sets all members at once, too."""

import pytest

pytestmark = pytest.mark.slow
WANTED = {"multi_vm_every_seconds": 30, "app_consistent": False, "machines": []}


@pytest.mark.parametrize("verb", ["remove_from_group", "add_to_group", "update_group"])
def test_a_rule_on_the_members_of_a_group_is_not_gone_round(ask, two_sites, anna, bob, require, verb):
    ask("POST", "/groups", 201, json={"name": "shop", "source_site": "a", "target_site": "b"})
    require(verb)
    number = anna.waits("PUT", "/groups/shop", json=WANTED)
    assert ask("GET", "/groups/shop")["multi_vm_every_seconds"] == 60
    bob.grant(number)
    assert ask("GET", "/groups/shop")["multi_vm_every_seconds"] == 30
